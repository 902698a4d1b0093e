//! Makes a kept run again as a backtest, and says whether it decides the same. The journal is read
//! beside the run: of either no more is held than the other has not come to yet.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use qt_backtest::replay::Replayed;
use qt_backtest::run::RunError;
use qt_backtest::run_ticks::TickStage;
use qt_backtest::witness::{Decided, NotKept, Witness};
use qt_data::ticks::RecordKind;
use qt_engine::{Command, Strategy};
use qt_journal::{CommandRecord, Describer, JournalError, JournalReader, Record, Stamp};
use qt_types::{Event, Nanos, OrderTick, Payload, Seq, Tick};
use serde::Serialize;

use crate::difference::{Before, Cause, Difference, decision_text};
use crate::manifest::Manifest;
use crate::staged::StagedError;

/// Decisions that one side may be ahead of the other. The runs have parted long before, and what
/// is more is only counted.
const AHEAD_MAX: usize = 1 << 14;

/// What came of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parity {
    /// Decisions that were recorded: orders, changes and cancels.
    pub decisions: u64,
    /// Decisions that differ, one that is missing or too many included.
    pub differences: u64,
    /// Events that were recorded.
    pub events: u64,
    /// Whether the record reaches to the end of the data; else only what it has is compared.
    pub is_whole: bool,
    /// The first decision that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<Difference>,
}

/// Why runs cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum ParityError {
    /// The journal.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// It does not say what the run was made of.
    #[error("{path}: does not say what the run was made of: {why}")]
    Manifest {
        /// The journal.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The run cannot be made again.
    #[error("{0}")]
    Run(#[from] RunError),
    /// The stages cannot be run.
    #[error("{0}")]
    Staged(#[from] StagedError),
    /// A state that was kept cannot be gone on from.
    #[error("{path}: {why}")]
    Snapshot {
        /// The journal.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// What the run in `journal` was made of.
///
/// # Errors
/// When there is no journal, or it does not say.
pub fn manifest_of(journal: &Path) -> Result<Manifest, ParityError> {
    let fail = |why: String| ParityError::Manifest { path: journal.to_owned(), why };
    let mut reader = JournalReader::open(journal, None)?;
    while let Some(entry) = reader.next_entry()? {
        if let Record::Config(bytes) = entry.record {
            return Manifest::read(&bytes).map_err(|error| fail(error.to_string()));
        }
    }
    Err(fail("it has no record of its settings".to_owned()))
}

/// Makes the run of `journal` again: `stage` and `strategy` are those of [`manifest_of`], or what
/// is to be compared with them.
///
/// # Errors
/// When the journal cannot be read or the run not be made.
pub fn compare(
    journal: &Path,
    stage: &TickStage<'_>,
    strategy: Box<dyn Strategy>,
    interrupt: &AtomicBool,
) -> Result<Parity, ParityError> {
    compare_with(journal, |witness| match stage.kind() {
        RecordKind::Levels => again::<Tick>(stage, strategy, witness, interrupt),
        RecordKind::Orders => again::<OrderTick>(stage, strategy, witness, interrupt),
    })
}

/// Holds what `play` does before the witness that it is given against the journal.
///
/// # Errors
/// When the journal cannot be read or `play` fails before its end.
pub fn compare_with(
    journal: &Path,
    play: impl FnOnce(Box<dyn Witness>) -> Result<(), RunError>,
) -> Result<Parity, ParityError> {
    let walk = Arc::new(Mutex::new(Walk::begin(journal)?));
    let ran = play(Box::new(Comparing(Arc::clone(&walk))));
    let mut walk = walk.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(fault) = walk.fault.take() {
        return Err(fault.into());
    }
    if let Err(error) = ran
        && !walk.is_enough
    {
        return Err(error.into());
    }
    Ok(walk.end()?)
}

fn again<R: Replayed>(
    stage: &TickStage<'_>,
    strategy: Box<dyn Strategy>,
    witness: Box<dyn Witness>,
    interrupt: &AtomicBool,
) -> Result<(), RunError> {
    stage.run_witnessed::<R>(strategy, witness, interrupt, &mut |_, _| {}).map(|_| ())
}

/// A journal and the run that is made again, side by side.
struct Walk {
    reader: JournalReader,
    describer: Describer,
    /// The recorded event that comes next.
    front: Option<Event>,
    /// Recorded decisions that nothing made now was held against yet, and the other way round.
    was: VecDeque<CommandRecord>,
    is: VecDeque<CommandRecord>,
    /// Events and decisions that were recorded, and the last event.
    events: u64,
    decisions: u64,
    last: u64,
    /// Events that came now.
    repeated: u64,
    /// The first that is not the recorded one: its place, what was recorded and what came.
    other: Option<(u64, Option<Event>, Option<Event>)>,
    /// Decisions that were compared.
    compared: u64,
    differences: u64,
    first: Option<Difference>,
    /// Whether all that is recorded has been compared.
    is_enough: bool,
    fault: Option<JournalError>,
}

impl Walk {
    fn begin(journal: &Path) -> Result<Self, JournalError> {
        let mut new = Self {
            reader: JournalReader::open(journal, None)?,
            describer: Describer::new(),
            front: None,
            was: VecDeque::new(),
            is: VecDeque::new(),
            events: 0,
            decisions: 0,
            last: 0,
            repeated: 0,
            other: None,
            compared: 0,
            differences: 0,
            first: None,
            is_enough: false,
            fault: None,
        };
        new.turn()?;
        Ok(new)
    }

    /// Reads up to the next event; what was decided before it is to be compared.
    fn turn(&mut self) -> Result<(), JournalError> {
        self.front = None;
        while let Some(entry) = self.reader.next_entry()? {
            self.describer.see(&entry.record);
            match entry.record {
                Record::Event(event) => {
                    (self.events, self.last) = (self.events + 1, event.seq.get());
                    self.front = Some(event);
                    break;
                }
                Record::Command(command) => {
                    self.decisions += 1;
                    self.was.push_back(command);
                    self.settle();
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The run that is made again comes to `event`.
    fn come_to(&mut self, event: &Event) -> Result<(), NotKept> {
        let Some(was) = self.front else {
            // The record ends in the middle of the run. In one that was made to the end of its
            // data, more happens only after another decision.
            self.is_enough = true;
            return Err(NotKept);
        };
        if was != *event && self.other.is_none() {
            self.other = Some((self.repeated, Some(was), Some(*event)));
        }
        self.repeated += 1;
        self.turn().map_err(|fault| {
            self.fault = Some(fault);
            NotKept
        })
    }

    fn decide(&mut self, command: CommandRecord) {
        self.is.push_back(command);
        self.settle();
    }

    /// Holds against each other what both have, and gives up on what is too far ahead.
    fn settle(&mut self) {
        while !self.was.is_empty() && !self.is.is_empty() {
            let (was, is) = (self.was.pop_front(), self.is.pop_front());
            self.hold(was, is);
        }
        if self.was.len() > AHEAD_MAX {
            let was = self.was.pop_front();
            self.hold(was, None);
        }
        if self.is.len() > AHEAD_MAX {
            let is = self.is.pop_front();
            self.hold(None, is);
        }
    }

    /// The decision of one place, on both sides.
    fn hold(&mut self, was: Option<CommandRecord>, is: Option<CommandRecord>) {
        self.compared += 1;
        if was == is {
            return;
        }
        self.differences += 1;
        if self.first.is_some() {
            return;
        }
        // The one that comes earlier: what follows from it is no cause.
        let events = [was, is].map(|made| made.map(|command| command.stamp.seq.get()));
        let event = events.into_iter().flatten().min().unwrap_or(0);
        let describer = &self.describer;
        let before = self.other.filter(|(at, ..)| *at < event);
        self.first = Some(Difference {
            decision: self.compared,
            event,
            recorded: was.map(|command| decision_text(describer, &command)),
            repeated: is.map(|command| decision_text(describer, &command)),
            cause: before.map_or(Cause::State, |(_, was, is)| Cause::of(was.as_ref(), is.as_ref())),
            before: before.map(|(_, was, is)| Before::new(describer, was.as_ref(), is.as_ref())),
        });
    }

    /// The run that was made again is over.
    fn end(&mut self) -> Result<Parity, JournalError> {
        if self.other.is_none()
            && let Some(missing) = self.front
        {
            // There is less than there was.
            self.other = Some((self.repeated, Some(missing), None));
        }
        while self.front.is_some() {
            self.turn()?;
        }
        let is_ended = self.reader.recovery().is_ended;
        while let Some(was) = self.was.pop_front() {
            self.hold(Some(was), None);
        }
        // Where the record broke off, what followed from its last event may not have been written.
        let last = self.last;
        for is in std::mem::take(&mut self.is) {
            let seq = is.stamp.seq.get();
            if seq < last || (seq == last && is_ended) {
                self.hold(None, Some(is));
            }
        }
        Ok(Parity {
            decisions: self.decisions,
            differences: self.differences,
            events: self.events,
            is_whole: is_ended && !self.is_enough,
            first: self.first.take(),
        })
    }
}

struct Comparing(Arc<Mutex<Walk>>);

impl Witness for Comparing {
    fn sequenced(&mut self, event: &Event) -> Result<(), NotKept> {
        self.0.lock().map_err(|_| NotKept)?.come_to(event)
    }

    fn leaving(
        &mut self,
        commands: &[Command],
        seq: Seq,
        now_ns: Nanos,
        _state: u64,
    ) -> Result<(), NotKept> {
        let mut walk = self.0.lock().map_err(|_| NotKept)?;
        let stamp = Stamp { seq, at_ns: now_ns };
        commands.iter().for_each(|command| walk.decide(CommandRecord::new(stamp, command)));
        Ok(())
    }

    fn next_decision(&mut self, last: Seq) -> Option<Decided> {
        let front = self.0.lock().ok()?.front?;
        let Event { recv_ns, payload: Payload::Control(control), .. } = front else { return None };
        // In its place only, also when the run has parted from what was recorded.
        (front.seq.get() == last.get() + 1).then_some(Decided { control, recv_ns })
    }
}
