//! Feeds a journal to the stages, and holds what they put out against what the journal says.

use std::collections::VecDeque;
use std::path::Path;
use std::thread;
use std::time::Instant;

use qt_backtest::run_ticks::TickStage;
use qt_engine::Strategy;
use qt_journal::{JournalReader, Record};

use super::{Settings, StagedError, Stages, Step, THREADS};
use crate::parity::ParityError;
use crate::rehearsal::{Check, Rehearsed, Topology};

/// Replays the journal in `journal` from its first event to the stages of `stage` with `strategy`,
/// each on a thread of its own. Every command, denial and state is held against the journal, and
/// the states of the stages after every event against each other. Stages have no snapshots: kept
/// states are not compared.
///
/// # Errors
/// As [`crate::rehearsal::replay`], and when the stages cannot be run.
pub fn replay(
    journal: &Path,
    stage: &TickStage<'_>,
    strategy: Box<dyn Strategy>,
    settings: &Settings,
) -> Result<Rehearsed, ParityError> {
    let clock = Instant::now();
    let mut check = Check::default();
    let mut state = 0;
    let ended = thread::scope(|scope| {
        let mut stages = Stages::start(scope, stage, strategy, settings)?;
        let fed = feed(journal, &mut stages, &mut check, &mut state);
        let ended = stages.end();
        fed.map(|()| ended)
    })?;
    match ended {
        Ok(()) => {}
        Err(StagedError::Stage { stage, event, why: super::StageError::Apart(apart) }) => {
            check.differs(event, None, Some(format!("stage {stage} parts: {apart}")));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(check.done(Topology::Staged, state, clock.elapsed()))
}

/// All events of the journal, and what follows from them, until a stage ends.
fn feed(
    journal: &Path,
    stages: &mut Stages<'_>,
    check: &mut Check,
    state: &mut u64,
) -> Result<(), ParityError> {
    let mut reader = JournalReader::open(journal, None)?;
    // What was read and is not compared yet: no more than the events that are under way, and what
    // follows from them.
    let mut unheld = VecDeque::new();
    while let Some(entry) = reader.next_entry()? {
        let Record::Event(event) = &entry.record else {
            unheld.push_back(entry.record);
            continue;
        };
        if !stages.has_room() && !hold(&mut unheld, stages, check, state) {
            return Ok(());
        }
        if !stages.feed(event) {
            return Ok(());
        }
        unheld.push_back(entry.record);
    }
    while stages.under_way() > 0 {
        if !hold(&mut unheld, stages, check, state) {
            return Ok(());
        }
    }
    check.rest(reader.recovery().is_ended);
    Ok(())
}

/// Holds what comes of the next event against the records up to the event after it; false when a
/// stage has ended.
fn hold(
    unheld: &mut VecDeque<Record>,
    stages: &mut Stages<'_>,
    check: &mut Check,
    state: &mut u64,
) -> bool {
    let mut is_taken = false;
    while let Some(record) = unheld.pop_front() {
        check.describer.see(&record);
        match &record {
            Record::Event(event) => {
                check.own(event);
                let Some(Step { outbox, states }) = stages.take() else { return false };
                check.expect(event, outbox);
                *state = states[2];
                if states.iter().any(|other| other != state) {
                    let text =
                        THREADS.iter().zip(states).map(|(name, is)| format!("{name} {is:016x}"));
                    let text: Vec<String> = text.collect();
                    check.differs(event.seq, None, Some(format!("states {}", text.join(", "))));
                }
                is_taken = true;
            }
            Record::Mark(mark) if mark.hash != *state => check.note_state(mark.stamp),
            Record::Command(command) => check.command(command),
            _ => {}
        }
        if is_taken && matches!(unheld.front(), Some(Record::Event(_)) | None) {
            break;
        }
    }
    is_taken
}
