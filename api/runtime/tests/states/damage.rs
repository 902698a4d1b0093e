//! States that cannot be used: an older one is, or all of the journal.

use std::fs;
use std::path::Path;

use qt_journal::{Lsn, prune, snapshot_name, snapshots_in, verify};
use qt_runtime::states::kept_in;

use crate::world::{Dice, MILLI, Run, START, options, path, refusal, rows};

const NAME: &str = "top_of_book_quoter";

/// A journal with three states, and events behind the last one.
fn journal() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::open(folder.path(), NAME, |_| false);
    run.begin(START - 1_000 * MILLI);
    let mut dice = Dice(3);
    let all = rows(700);
    for (at, (instrument, row)) in all.iter().enumerate() {
        run.run_before(row.venue_ns);
        run.play(*instrument, row);
        if at % 30 == 0 {
            run.ask(&mut dice, all[0].1.price);
        }
        if at % 100 == 50 {
            assert!(run.keep(true));
        }
    }
    drop(run);
    folder
}

/// How many events happen again, and the state that they lead to.
fn start(folder: &Path) -> (u64, bool, u64) {
    let run = Run::open(folder, NAME, |_| true);
    (run.repeated, run.has_state, run.session.driver().state_hash())
}

fn newest(folder: &Path) -> std::path::PathBuf {
    let seq = snapshots_in(&path(folder)).unwrap().pop().unwrap();
    path(folder).join(snapshot_name(seq))
}

#[test]
fn a_damaged_or_missing_state_gives_way_to_an_older_one_and_at_last_to_the_whole_journal() {
    let folder = journal();
    let (mut before, has_state, hash) = start(folder.path());
    assert!(has_state && before > 0, "{before} events");
    for n in 0..3 {
        let file = newest(folder.path());
        if n == 1 {
            fs::remove_file(&file).unwrap();
        } else {
            let mut bytes = fs::read(&file).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&file, bytes).unwrap();
        }
        let (repeated, has_state, again) = start(folder.path());
        assert_eq!((has_state, again), (n < 2, hash), "after {} were spoiled", n + 1);
        assert!(repeated > before, "{repeated} after {before}");
        before = repeated;
        if n != 1 {
            fs::remove_file(&file).unwrap();
        }
    }
}

/// One that the journal does not name could be of events that it lost.
#[test]
fn a_state_without_a_name_is_none() {
    let folder = journal();
    let mut run = Run::open(folder.path(), NAME, |_| true);
    let last = run.repeated;
    run.begin(run.now_ns() + 1);
    assert!(run.keep(false));
    drop(run);
    let (repeated, has_state, _) = start(folder.path());
    assert!(has_state && repeated >= last, "{repeated} after {last}");
    // It is gone, and those with names are not.
    assert_eq!(snapshots_in(&path(folder.path())).unwrap().len(), 2);
}

#[test]
fn old_files_are_taken_away_and_a_check_says_so() {
    let folder = journal();
    assert_eq!(snapshots_in(&path(folder.path())).unwrap().len(), 3);
    let report = verify(&path(folder.path())).unwrap();
    assert!(report.is_whole(), "{report}");
    assert_eq!(report.snapshots_removed, 4, "{report}");
    fs::remove_file(newest(folder.path())).unwrap();
    assert!(!verify(&path(folder.path())).unwrap().is_whole(), "the newest must be there");
}

/// What every state holds may go; without a state such a journal is not played from its middle.
#[test]
fn a_journal_without_its_old_segments_goes_on_and_says_what_is_missing() {
    let folder = journal();
    for _ in 0..6 {
        // Each run begins a segment.
        let mut run = Run::open(folder.path(), NAME, |_| true);
        run.begin(run.now_ns() + 1);
        let from_ns = run.now_ns() + 10 * MILLI;
        for (instrument, mut row) in rows(60) {
            row.venue_ns += from_ns - START;
            run.run_before(row.venue_ns);
            run.play(instrument, &row);
        }
        run.run_before(run.now_ns() + 20 * MILLI);
        assert!(run.keep(true));
    }
    let (_, _, hash) = start(folder.path());
    let (kept, _) = kept_in(&path(folder.path()), options(folder.path()).fingerprint);
    let oldest = kept.iter().map(|it| it.state.lsn()).min().unwrap();
    let whole = verify(&path(folder.path())).unwrap();
    let count = prune(&path(folder.path()), oldest).unwrap();
    assert!(count >= 2, "{count} segments");
    assert_eq!(prune(&path(folder.path()), oldest).unwrap(), 0);
    let report = verify(&path(folder.path())).unwrap();
    let (from, to) = report.pruned.unwrap();
    assert!(report.is_whole() && from > Lsn::new(3) && to <= oldest, "{report}");
    assert_eq!((report.segments, report.last), (whole.segments - count, whole.last));
    assert!(report.to_string().contains("were taken away, as a state stands"), "{report}");
    let (_, has_state, again) = start(folder.path());
    assert_eq!((has_state, again), (true, hash));
    let refused = refusal(folder.path());
    assert!(refused.contains("no state that stands for them"), "{refused}");
    // One that is missing and was not taken away is damage as ever.
    let (_, file) = segments(&path(folder.path())).remove(1);
    fs::remove_file(file).unwrap();
    assert!(refusal(folder.path()).contains("is missing"), "{}", refusal(folder.path()));
}

fn segments(folder: &Path) -> Vec<(u32, std::path::PathBuf)> {
    let number = |path: &Path| path.file_stem()?.to_str()?.strip_prefix("segment-")?.parse().ok();
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = files.filter_map(|path| Some((number(&path)?, path))).collect();
    all.sort();
    all
}
