//! Feeds a journal to the pipeline alone: no data, no venue, only what it was told. What it puts
//! out is held against what the journal says that it put out.

use std::num::NonZeroU64;
use std::path::Path;
use std::time::{Duration, Instant};

use qt_backtest::desk::Desk;
use qt_backtest::run_ticks::TickStage;
use qt_engine::snapshot::{FORMAT, format_of};
use qt_engine::{Gate, Outbox, Strategy};
use qt_journal::{
    CommandRecord, Describer, Fingerprint, JournalReader, Lsn, Record, SnapshotRef, Stamp,
    find_snapshot, read_snapshot, snapshots_in, write_snapshot,
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
    /// States that were kept now, for later replays to begin with.
    #[serde(skip_serializing_if = "is_none")]
    pub kept: u64,
    /// The event after which it began with a kept state; `None` where it began at the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_event: Option<u64>,
    /// How long it took.
    pub seconds: f64,
    /// The first decision that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Difference>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
const fn is_none(count: &u64) -> bool {
    *count == 0
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
    replay_and_keep(journal, stage, strategy, from, None)
}

/// As [`replay`]. With `keep_every` it keeps the state after every so many events in a file beside
/// the journal's segments, as long as nothing differs: a later replay can begin with it. No record
/// names it.
///
/// # Errors
/// As [`replay`], and when a state cannot be kept.
pub fn replay_and_keep(
    journal: &Path,
    stage: &TickStage<'_>,
    strategy: Box<dyn Strategy>,
    from: Origin,
    keep_every: Option<NonZeroU64>,
) -> Result<Rehearsed, ParityError> {
    replay_on(journal, stage.rehearsal(strategy)?, from, keep_every)
}

/// The same on a desk at rest, whatever it was made from.
///
/// # Errors
/// As [`replay_and_keep`].
pub fn replay_on<S: Strategy, G: Gate>(
    journal: &Path,
    mut desk: Desk<S, G>,
    from: Origin,
    keep_every: Option<NonZeroU64>,
) -> Result<Rehearsed, ParityError> {
    let mut check = Check::default();
    let clock = Instant::now();
    let mut reader = JournalReader::open(journal, None)?;
    let fingerprint = reader.fingerprint();
    let mut keeping = keep_every.map(|every| Keeping::new(journal, fingerprint, every));
    if keeping.is_some() && reader.is_live() {
        return Err(unusable(journal, "a run writes to it, and keeps its own states".to_owned()));
    }
    let mut begin = Lsn::NONE;
    if let Some(Begin { lsn, kept, state }) = find(journal, fingerprint, from)? {
        recast(&mut desk, journal, lsn)?;
        let fail = |error: qt_engine::SnapshotError| unusable(journal, error.to_string());
        desk = desk.restored(&state).map_err(fail)?;
        check.from_event = Some(kept.stamp.seq.get());
        begin = lsn;
    }
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
                if let Some(keeping) = &mut keeping {
                    keeping.look(&desk, &check, &mut state)?;
                }
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
    let kept = keeping.map_or(0, |keeping| keeping.count);
    let done = check.done(Topology::Fused, desk.state_hash(), clock.elapsed());
    Ok(Rehearsed { kept, ..done })
}

/// Keeps states on the way.
struct Keeping<'a> {
    journal: &'a Path,
    fingerprint: Fingerprint,
    every: u64,
    /// At which number of events the next one is due.
    due: u64,
    count: u64,
}

impl<'a> Keeping<'a> {
    const fn new(journal: &'a Path, fingerprint: Fingerprint, every: NonZeroU64) -> Self {
        Self { journal, fingerprint, every: every.get(), due: every.get(), count: 0 }
    }

    /// Between two events. A state can be begun with where nothing is on its way any more: what
    /// was put out stands in the journal.
    fn look<S: Strategy, G: Gate>(
        &mut self,
        desk: &Desk<S, G>,
        check: &Check,
        state: &mut Vec<u8>,
    ) -> Result<(), ParityError> {
        if check.events < self.due || check.differences > 0 || !check.is_settled() {
            return Ok(());
        }
        let fail = |error: qt_engine::SnapshotError| unusable(self.journal, error.to_string());
        desk.save(state).map_err(fail)?;
        write_snapshot(self.journal, self.fingerprint, check.last, state)?;
        (self.due, self.count) = (check.events + self.every, self.count + 1);
        Ok(())
    }
}

/// What a replay begins with: the first record that it looks at, and the state before it.
struct Begin {
    lsn: Lsn,
    kept: SnapshotRef,
    state: Vec<u8>,
}

/// The state to begin with: one that a record names, or one that a replay has kept.
fn find(
    journal: &Path,
    fingerprint: Fingerprint,
    from: Origin,
) -> Result<Option<Begin>, ParityError> {
    let wanted = match from {
        Origin::Start => return Ok(None),
        Origin::LastSnapshot => snapshots_in(journal)?.pop(),
        Origin::Snapshot(seq) => snapshots_in(journal)?.into_iter().find(|there| *there == seq),
    };
    let Some(seq) = wanted else {
        let which = match from {
            Origin::Snapshot(seq) => format!("no state after event {} was kept", seq.get()),
            _ => "no state was kept".to_owned(),
        };
        return Err(unusable(journal, which));
    };
    let (kept, state) = find_snapshot(journal, fingerprint, seq)?;
    let mut reader = JournalReader::open(journal, None)?;
    let mut begin = None;
    while let Some(entry) = reader.next_entry()? {
        let is_named = matches!(entry.record, Record::Snapshot(named) if named == kept);
        let is_next = matches!(entry.record, Record::Event(event) if event.seq > seq);
        if is_named || is_next {
            begin = Some(entry.lsn);
            break;
        }
    }
    let missing = || unusable(journal, format!("it has nothing after event {}", seq.get()));
    Ok(Some(Begin { lsn: begin.ok_or_else(missing)?, kept, state }))
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
    last: Stamp,
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
        let stamp = Stamp { seq: event.seq, at_ns: event.recv_ns };
        self.last = stamp;
        let commands = outbox.commands.as_slice().iter();
        self.commands.extend(commands.map(|command| CommandRecord::new(stamp, command)));
        self.own.extend(outbox.denials.as_slice().iter().map(|denial| Own::Denied(denial.denied)));
        self.own.extend(outbox.notices.as_slice().iter().map(|notice| Own::Notice(notice.report)));
    }

    /// Whether all that was put out was found.
    fn is_settled(&self) -> bool {
        self.commands.is_empty() && self.own.is_empty()
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
        let last = self.last.seq;
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
            kept: 0,
            from_event: self.from_event,
            seconds: took.as_secs_f64(),
            first: self.first,
        }
    }
}
