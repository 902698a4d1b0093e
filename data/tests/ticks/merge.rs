//! A merge gives what sorting everything would give.

use std::path::PathBuf;

use proptest::prelude::*;
use qt_data::ticks::{Merge, MergeOptions, TickWriter, Verify};
use qt_types::{OrderTick, Tick};

use crate::support::{describe, level, spec, write};

fn options(open_files_max: usize, buffer_bytes: usize) -> MergeOptions {
    MergeOptions { open_files_max, buffer_bytes, verify: Verify::OnRead }
}

// Files with these times of arrival; prices count the records of all files.
fn files(folder: &std::path::Path, lists: &[Vec<i64>]) -> Vec<PathBuf> {
    let mut count = 0;
    let mut paths = Vec::new();
    for (rank, times) in lists.iter().enumerate() {
        let path = folder.join(format!("{rank}.qtt"));
        let ticks: Vec<(Tick, i64)> = times
            .iter()
            .map(|recv_ns| {
                count += 1;
                (level(recv_ns - recv_ns % 10, count, rank as i64), *recv_ns)
            })
            .collect();
        write(&path, &format!("S{}", rank % 3), &ticks);
        paths.push(path);
    }
    paths
}

fn played(paths: &[PathBuf], options: &MergeOptions) -> Vec<(i64, usize, i64)> {
    let mut merge = Merge::<Tick>::new(paths, options).unwrap();
    let names: Vec<String> =
        merge.instruments().iter().map(|spec| spec.symbol().to_owned()).collect();
    let mut all = Vec::new();
    while let Some(run) = merge.next_run().unwrap() {
        assert!(!run.records.is_empty());
        for stamped in run.records {
            let name = &names[usize::from(stamped.record.instrument)];
            assert_eq!(*name, format!("S{}", stamped.record.qty % 3), "its own file's name");
            all.push((stamped.recv_ns, run.source, stamped.record.price));
        }
    }
    assert!(merge.next_run().unwrap().is_none(), "the end stays the end");
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn it_is_a_stable_sort(
        lists in prop::collection::vec(
            prop::collection::vec((0_i64..3, 0_i64..40), 0..80), 0..12
        ),
        open_files_max in 1_usize..5,
        buffer_bytes in prop_oneof![Just(1_usize), Just(1 << 20)],
    ) {
        let lists: Vec<Vec<i64>> = lists.into_iter().map(|steps| {
            let mut at = 0;
            // Stretches of equal times, and pauses.
            steps.into_iter().map(|(kind, step)| { at += kind / 2 * step; at }).collect()
        }).collect();
        let folder = tempfile::tempdir().unwrap();
        let paths = files(folder.path(), &lists);
        let mut want = Vec::new();
        let mut count = 0;
        for (rank, times) in lists.iter().enumerate() {
            for recv_ns in times {
                count += 1;
                want.push((*recv_ns, rank, count));
            }
        }
        want.sort_by_key(|(recv_ns, rank, _)| (*recv_ns, *rank));
        prop_assert_eq!(played(&paths, &options(open_files_max, buffer_bytes)), want);
    }
}

#[test]
fn thousands_of_files_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let lists: Vec<Vec<i64>> = (0..30).map(|rank| vec![rank * 10, rank * 10 + 25]).collect();
    // Each file plays a hundred times: every mention is a source of its own.
    let paths = files(folder.path(), &lists);
    let paths: Vec<PathBuf> = paths.iter().cycle().take(3_000).cloned().collect();
    let all = played(&paths, &options(8, 1 << 16));
    assert_eq!(all.len(), 6_000);
    assert!(all.is_sorted_by_key(|(recv_ns, rank, _)| (*recv_ns, *rank)));
}

#[test]
fn long_files_run_through_their_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let lists = vec![(0..20_000).collect(), (5_000..30_000).collect(), vec![7, 29_999, 40_000]];
    let paths = files(folder.path(), &lists);
    let all = played(&paths, &MergeOptions::default());
    assert_eq!(all.len(), 45_003);
    assert!(all.is_sorted_by_key(|(recv_ns, rank, _)| (*recv_ns, *rank)));
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let one = folder.path().join("one.qtt");
    write(&one, "A", &[(level(1, 1, 1), 1)]);
    let two = folder.path().join("two.qtt");
    let mut description = describe(&["A"]);
    description.instruments[0] =
        qt_types::InstrumentSpec::new("A", "USD", spec("A").kind(), 5, 5, 5).unwrap();
    let mut writer = TickWriter::<Tick>::create(&two).unwrap();
    writer.push(level(1, 1, 1), 1).unwrap();
    writer.finish(&description).unwrap();
    let error = Merge::<Tick>::new(&[one.clone(), two], &MergeOptions::default()).unwrap_err();
    assert!(error.to_string().contains("other units for A than"), "{error}");
    let error = Merge::<OrderTick>::new(&[one], &MergeOptions::default()).unwrap_err();
    assert!(error.to_string().contains("holds levels by price, not orders"), "{error}");
    let none = [folder.path().join("none.qtt")];
    assert!(Merge::<Tick>::new(&none, &MergeOptions::default()).is_err());
    assert!(played(&[], &MergeOptions::default()).is_empty());
}

#[test]
fn a_file_that_is_replaced_in_between_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let paths = files(folder.path(), &[vec![1, 2, 3], vec![10, 11]]);
    let mut merge = Merge::<Tick>::new(&paths, &options(1, 1)).unwrap();
    assert!(merge.next_run().unwrap().is_some());
    write(&paths[1], "S1", &[(level(10, 77, 1), 10)]);
    let error = merge.next_run().unwrap_err();
    assert!(error.to_string().contains("replaced"), "{error}");
}
