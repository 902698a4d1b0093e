//! Makes a kept run again as a backtest, and says whether it decides the same.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

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
    let mut reader = JournalReader::open(journal, None)?;
    let mut recorded = Recorded::default();
    while let Some(entry) = reader.next_entry()? {
        recorded.see(entry.record);
    }
    recorded.is_ended = reader.recovery().is_ended;
    let recorded = Arc::new(recorded);
    let repeated = Arc::new(Mutex::new(Repeated::default()));
    let witness = Comparing { recorded: Arc::clone(&recorded), repeated: Arc::clone(&repeated) };
    let ran = match stage.kind() {
        RecordKind::Levels => again::<Tick>(stage, strategy, witness, interrupt),
        RecordKind::Orders => again::<OrderTick>(stage, strategy, witness, interrupt),
    };
    let repeated = repeated.lock().map(|mut seen| std::mem::take(&mut *seen)).unwrap_or_default();
    if let Err(error) = ran
        && !repeated.is_enough
    {
        return Err(error.into());
    }
    Ok(judge(&recorded, &repeated))
}

fn again<R: Replayed>(
    stage: &TickStage<'_>,
    strategy: Box<dyn Strategy>,
    witness: Comparing,
    interrupt: &AtomicBool,
) -> Result<(), RunError> {
    let witness = Box::new(witness);
    stage.run_witnessed::<R>(strategy, witness, interrupt, &mut |_, _| {}).map(|_| ())
}

/// What a journal says.
#[derive(Default)]
struct Recorded {
    describer: Describer,
    events: Vec<Event>,
    decisions: Vec<CommandRecord>,
    is_ended: bool,
}

impl Recorded {
    fn see(&mut self, record: Record) {
        self.describer.see(&record);
        match record {
            Record::Event(event) => self.events.push(event),
            Record::Command(command) => self.decisions.push(command),
            _ => {}
        }
    }
}

/// What happens now.
#[derive(Default)]
struct Repeated {
    decisions: Vec<CommandRecord>,
    /// The first event that is not the recorded one: its place, and what came.
    other: Option<(usize, Event)>,
    events: usize,
    /// Whether all that is recorded has been compared.
    is_enough: bool,
}

struct Comparing {
    recorded: Arc<Recorded>,
    repeated: Arc<Mutex<Repeated>>,
}

impl Witness for Comparing {
    fn sequenced(&mut self, event: &Event) -> Result<(), NotKept> {
        let Ok(mut seen) = self.repeated.lock() else { return Err(NotKept) };
        let at = seen.events;
        seen.events += 1;
        let was = self.recorded.events.get(at);
        if was.is_none() {
            // The record ends in the middle of the run. In one that was made to the end of its
            // data, more happens only after another decision.
            seen.is_enough = true;
            return Err(NotKept);
        }
        if was != Some(event) && seen.other.is_none() {
            seen.other = Some((at, *event));
        }
        Ok(())
    }

    fn leaving(
        &mut self,
        commands: &[Command],
        seq: Seq,
        now_ns: Nanos,
        _state: u64,
    ) -> Result<(), NotKept> {
        let Ok(mut seen) = self.repeated.lock() else { return Err(NotKept) };
        let stamp = Stamp { seq, at_ns: now_ns };
        seen.decisions.extend(commands.iter().map(|command| CommandRecord::new(stamp, command)));
        Ok(())
    }

    fn next_decision(&mut self, last: Seq) -> Option<Decided> {
        let at = usize::try_from(last.get()).ok()?;
        let Event { recv_ns, payload: Payload::Control(control), .. } =
            *self.recorded.events.get(at)?
        else {
            return None;
        };
        Some(Decided { control, recv_ns })
    }
}

fn judge(recorded: &Recorded, repeated: &Repeated) -> Parity {
    let was = &recorded.decisions;
    // Where the record broke off, what followed from its last event may not have been written.
    let last = recorded.events.last().map_or(0, |event| event.seq.get());
    let is_kept = |made: &&CommandRecord| {
        let seq = made.stamp.seq.get();
        seq < last || (seq == last && recorded.is_ended)
    };
    let is: Vec<&CommandRecord> = repeated
        .decisions
        .iter()
        .take(was.len())
        .chain(repeated.decisions.iter().skip(was.len()).filter(is_kept))
        .collect();
    let longest = was.len().max(is.len());
    let differs = |at: &usize| was.get(*at) != is.get(*at).copied();
    let mut differing = (0..longest).filter(differs);
    let first = differing.next();
    let differences = first.map_or(0, |_| 1 + differing.count() as u64);
    let first = first.map(|at| {
        let (was, is) = (was.get(at), is.get(at).copied());
        // The one that comes earlier: what follows from it is no cause.
        let events = [was, is].map(|made| made.map(|command| command.stamp.seq.get()));
        let event = events.into_iter().flatten().min().unwrap_or(0);
        let describer = &recorded.describer;
        let before = other_before(recorded, repeated, event);
        Difference {
            decision: at as u64 + 1,
            event,
            recorded: was.map(|command| decision_text(describer, command)),
            repeated: is.map(|command| decision_text(describer, command)),
            cause: before.map_or(Cause::State, |(was, is)| Cause::of(was, is)),
            before: before.map(|(was, is)| Before::new(describer, was, is)),
        }
    });
    Parity {
        decisions: was.len() as u64,
        differences,
        events: recorded.events.len() as u64,
        is_whole: recorded.is_ended && !repeated.is_enough,
        first,
    }
}

/// The first event that came differently, if it came no later than event `until`.
fn other_before<'a>(
    recorded: &'a Recorded,
    repeated: &'a Repeated,
    until: u64,
) -> Option<(Option<&'a Event>, Option<&'a Event>)> {
    if let Some((at, event)) = &repeated.other {
        return ((*at as u64) < until).then(|| (recorded.events.get(*at), Some(event)));
    }
    // Or there is less than there was.
    let missing = recorded.events.get(repeated.events)?;
    (missing.seq.get() <= until).then_some((Some(missing), None))
}
