//! A state and what the journal has behind it give what all of the journal gives.

use std::path::Path;

use qt_data::generate::BookRow;
use qt_journal::Record;
use qt_runtime::states::{Kept, State, kept_in};
use qt_strategies::Registry;
use qt_types::InstrumentId;

use crate::world::{Dice, MILLI, Run, START, copy, options, path, records, rows};

type Rows = [(InstrumentId, BookRow)];

/// Plays `rows` with what is asked by the dice, and keeps states by them too.
fn play(run: &mut Run, rows: &Rows, dice: &mut Dice, keeps: bool) -> usize {
    let around = rows[0].1.price;
    let mut kept = 0;
    for (instrument, row) in rows {
        run.run_before(row.venue_ns);
        run.play(*instrument, row);
        if dice.below(25) == 0 {
            run.ask(dice, around);
        }
        if dice.below(150) == 0 && keeps {
            kept += usize::from(run.keep(true));
        }
    }
    kept
}

/// What a session came to.
struct Outcome {
    /// Events that happened again.
    repeated: u64,
    /// What was told, by event.
    notes: Vec<(u64, String)>,
    state: State,
}

/// That of one that begins in `folder`, with the state of event `at` or without, and goes on.
fn go_on(folder: &Path, name: &str, at: Option<u64>, rows: &Rows) -> Outcome {
    let seq = |kept: &Kept| kept.reference.stamp.seq.get();
    let mut run = Run::open(folder, name, |kept| Some(seq(kept)) == at);
    assert_eq!(run.has_state, at.is_some(), "{name}");
    run.begin(run.now_ns() + 1);
    play(&mut run, rows, &mut Dice(99), false);
    let (state, repeated) = (run.state(), run.repeated);
    Outcome { repeated, notes: run.notes, state }
}

/// A session with the strategy `name` that is cut somewhere; how many commands left behind the
/// states, and how many states there were.
fn compare(name: &str, seed: u64) -> (usize, usize) {
    let folder = tempfile::tempdir().unwrap();
    let mut dice = Dice(seed);
    let all = rows(1_600);
    let (before, behind) = all.split_at(900 + dice.below(300) as usize);
    let behind = &behind[..300];
    {
        let mut run = Run::open(folder.path(), name, |_| false);
        run.begin(START - 1_000 * MILLI);
        assert!(play(&mut run, before, &mut dice, true) > 0, "{name}");
    }
    let fingerprint = options(folder.path()).fingerprint;
    let (states, bad) = kept_in(&path(folder.path()), fingerprint);
    assert!(bad.is_empty(), "{bad:?}");
    let whole = copy(folder.path());
    let full = go_on(whole.path(), name, None, behind);
    let mut commands = 0;
    for kept in &states {
        let part = copy(folder.path());
        let (at, lsn) = (kept.reference.stamp.seq.get(), kept.state.lsn());
        let run = go_on(part.path(), name, Some(at), behind);
        assert!(run.repeated < full.repeated, "{name}: all of it was made again");
        // Orders, executions and denials as they were told.
        let told = full.notes.iter().filter(|(seq, _)| *seq > at);
        assert!(run.notes.iter().eq(told), "{name}: other notes behind event {at}");
        for part in ["pipeline", "driver", "venue"] {
            let same = run.state.part(part) == full.state.part(part);
            assert!(same, "{name}: another {part} behind event {at}");
        }
        let of_it = records(part.path(), lsn);
        commands += of_it.iter().filter(|it| matches!(it, Record::Command(_))).count();
        assert!(of_it == records(whole.path(), lsn), "{name}: other records behind {lsn}");
    }
    (commands, states.len())
}

#[test]
fn sessions_of_all_strategies_go_on_from_any_state_as_from_the_first_event() {
    let (mut commands, mut states) = (0, 0);
    for (at, entry) in Registry::builtin().iter().enumerate() {
        let (left, kept) = compare(entry.name, 1 + at as u64);
        (commands, states) = (commands + left, states + kept);
    }
    assert!(commands > 500 && states > 40, "{commands} commands, {states} states");
}
