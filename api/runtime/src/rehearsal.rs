//! Feeds a journal to the pipeline alone: no data, no venue, only what it was told. What it puts
//! out is held against what the journal says that it put out.

use std::path::Path;
use std::time::{Duration, Instant};

use qt_backtest::desk::Desk;
use qt_backtest::run_ticks::TickStage;
use qt_engine::snapshot::{FORMAT, format_of};
use qt_engine::{Gate, Outbox, Strategy};
use qt_journal::{
    CommandRecord, Describer, JournalReader, Lsn, Record, SnapshotRef, Stamp, read_snapshot,
};
use qt_types::{Event, Payload, Report, Seq};
use serde::Serialize;

use crate::difference::{Cause, Difference, decision_text};
use crate::parity::ParityError;

/// How the stages of a pipeline run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Topology {
    /// One after the other on one thread.
    Fused,
    /// Each on a thread of its own ([`crate::staged`]).
    Staged,
}

impl Topology {
    /// Its name.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Fused => "fused",
            Self::Staged => "staged",
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rehearsed {
    /// How the stages ran.
    pub topology: Topology,
    /// Events that were fed.
    pub events: u64,
    /// Commands, and what the pipeline told itself: denials and reports of its own.
    pub decisions: u64,
    /// Those that are not the recorded ones.
    pub differences: u64,
    /// The hash of the state at the end.
    pub state: String,
    /// States that were kept and are the same.
    pub snapshots: u64,
    /// The event after which it began with a kept state; `None` where it began at the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_event: Option<u64>,
    /// How long it took.
    pub seconds: f64,
    /// The first decision that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Difference>,
}

/// Where a replay begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// With the first event.
    Start,
    /// With the last state that was kept.
    LastSnapshot,
    /// With the state that was kept after this event.
    Snapshot(Seq),
}

/// Replays the journal in `journal` to the pipeline of `stage` with `strategy`.
///
/// # Errors
/// When the journal or a state that it names cannot be read, or the pipeline's ledger fails its
/// check.
pub fn replay(
    journal: &Path,
    stage: &TickStage<'_>,
    strategy: Box<dyn Strategy>,
    from: Origin,
) -> Result<Rehearsed, ParityError> {
    let mut desk = stage.rehearsal(strategy)?;
    let mut check = Check::default();
    let clock = Instant::now();
    let begin = find(journal, from)?;
    let mut reader = JournalReader::open(journal, None)?;
    let fingerprint = reader.fingerprint();
    if let Some((lsn, kept)) = begin {
        recast(&mut desk, journal, lsn)?;
        let state = read_snapshot(journal, fingerprint, kept)?;
        let fail = |error: qt_engine::SnapshotError| unusable(journal, error.to_string());
        desk = desk.restored(&state).map_err(fail)?;
        check.from_event = Some(kept.stamp.seq.get());
    }
    let begin = begin.map_or(Lsn::NONE, |(lsn, _)| lsn);
    let mut state = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        check.describer.see(&entry.record);
        if entry.lsn < begin {
            continue;
        }
        match entry.record {
            Record::Snapshot(kept) => {
                let was = read_snapshot(journal, fingerprint, kept)?;
                // One of another format says nothing.
                if format_of(&was) != Some(FORMAT) {
                    continue;
                }
                let is_same = desk.save(&mut state).is_ok() && state == was;
                if is_same { check.snapshots += 1 } else { check.note_state(kept.stamp) }
            }
            Record::Event(event) => {
                check.own(&event);
                let outbox = desk.rehearse(&event).map_err(qt_backtest::run::RunError::from)?;
                check.expect(&event, outbox);
            }
            Record::Mark(mark) if mark.hash != desk.state_hash() => check.note_state(mark.stamp),
            Record::Command(command) => check.command(&command),
            _ => {}
        }
    }
    check.rest(reader.recovery().is_ended);
    Ok(check.done(Topology::Fused, desk.state_hash(), clock.elapsed()))
}

/// The record of the state to begin with, and that state.
fn find(journal: &Path, from: Origin) -> Result<Option<(Lsn, SnapshotRef)>, ParityError> {
    if from == Origin::Start {
        return Ok(None);
    }
    let mut reader = JournalReader::open(journal, None)?;
    let mut found = None;
    while let Some(entry) = reader.next_entry()? {
        let Record::Snapshot(kept) = entry.record else { continue };
        if from == Origin::LastSnapshot || from == Origin::Snapshot(kept.stamp.seq) {
            found = Some((entry.lsn, kept));
        }
    }
    let which = match from {
        Origin::Snapshot(seq) => format!("no state after event {} was kept", seq.get()),
        _ => "no state was kept".to_owned(),
    };
    found.map(Some).ok_or_else(|| unusable(journal, which))
}

/// Makes again what was decided before record `until` about what the pipeline is made from.
fn recast<S: Strategy, G: Gate>(
    desk: &mut Desk<S, G>,
    journal: &Path,
    until: Lsn,
) -> Result<(), ParityError> {
    let mut reader = JournalReader::open(journal, None)?;
    while let Some(entry) = reader.next_entry()?.filter(|entry| entry.lsn < until) {
        if let Record::Event(Event { payload: Payload::Control(control), .. }) = entry.record {
            desk.recast(&control);
        }
    }
    Ok(())
}

fn unusable(journal: &Path, why: String) -> ParityError {
    ParityError::Snapshot { path: journal.to_owned(), why }
}

/// What was put out and is still to be found in the journal, oldest first.
#[derive(Default)]
pub(crate) struct Check {
    pub(crate) describer: Describer,
    commands: std::collections::VecDeque<CommandRecord>,
    own: std::collections::VecDeque<Own>,
    events: u64,
    /// The last event.
    last: Seq,
    decisions: u64,
    differences: u64,
    snapshots: u64,
    from_event: Option<u64>,
    first: Option<Difference>,
}

/// What the pipeline tells itself.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Own {
    Denied(qt_types::Denied),
    Notice(Report),
}

impl Check {
    pub(crate) fn expect(&mut self, event: &Event, outbox: &Outbox) {
        self.events += 1;
        self.last = event.seq;
        let stamp = Stamp { seq: event.seq, at_ns: event.recv_ns };
        let commands = outbox.commands.as_slice().iter();
        self.commands.extend(commands.map(|command| CommandRecord::new(stamp, command)));
        self.own.extend(outbox.denials.as_slice().iter().map(|denial| Own::Denied(denial.denied)));
        self.own.extend(outbox.notices.as_slice().iter().map(|notice| Own::Notice(notice.report)));
    }

    /// A denial or a report of the engine comes back: is it the one that was put out?
    pub(crate) fn own(&mut self, event: &Event) {
        let own = match event.payload {
            Payload::Denied(denied) => Own::Denied(denied),
            Payload::Report(report) if self.own.front() == Some(&Own::Notice(report)) => {
                Own::Notice(report)
            }
            _ => return,
        };
        self.decisions += 1;
        if self.own.pop_front() != Some(own) {
            let text = self.describer.text(&Record::Event(*event));
            self.differs(event.seq, Some(text), None);
        }
    }

    pub(crate) fn command(&mut self, recorded: &CommandRecord) {
        self.decisions += 1;
        let made = self.commands.pop_front();
        // Commands that follow from a denial leave with what came before it.
        if made.as_ref() != Some(recorded) {
            let texts = (
                decision_text(&self.describer, recorded),
                made.map(|made| decision_text(&self.describer, &made)),
            );
            self.differs(recorded.stamp.seq, Some(texts.0), texts.1);
        }
    }

    pub(crate) fn note_state(&mut self, stamp: Stamp) {
        self.differs(stamp.seq, Some("another state".to_owned()), None);
    }

    /// What was put out at the end and is not in the journal; where that broke off, it may not
    /// have been written down any more.
    pub(crate) fn rest(&mut self, is_ended: bool) {
        let last = self.last;
        while let Some(made) = self.commands.pop_front() {
            if is_ended || made.stamp.seq < last {
                let text = decision_text(&self.describer, &made);
                self.differs(made.stamp.seq, None, Some(text));
            }
        }
        if is_ended && !self.own.is_empty() {
            let text = "a denial or a report of the engine's own that is not there".to_owned();
            self.differs(last, None, Some(text));
        }
    }

    pub(crate) fn differs(&mut self, seq: Seq, recorded: Option<String>, repeated: Option<String>) {
        self.differences += 1;
        let (decision, event) = (self.decisions, seq.get());
        self.first.get_or_insert(Difference {
            decision,
            event,
            recorded,
            repeated,
            cause: Cause::State,
            before: None,
        });
    }

    pub(crate) fn done(self, topology: Topology, state: u64, took: Duration) -> Rehearsed {
        Rehearsed {
            topology,
            events: self.events,
            decisions: self.decisions,
            differences: self.differences,
            state: format!("{state:016x}"),
            snapshots: self.snapshots,
            from_event: self.from_event,
            seconds: took.as_secs_f64(),
            first: self.first,
        }
    }
}
