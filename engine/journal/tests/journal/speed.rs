//! How fast it is. Not a part of the usual run: `cargo nextest run --release -p qt-journal
//! --run-ignored only --no-capture`.

use std::time::{Duration, Instant};

use qt_journal::{Durable, Fingerprint, Journal, Options, Stamp, verify};

use crate::support::event;

#[test]
#[ignore = "writes a journal of ten million events"]
fn ten_million_events_are_written_and_read_in_seconds() {
    const COUNT: u64 = 10_000_000;
    // On a disk, but for the memory.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("run.qtj");
    let options = Options::new(Fingerprint::default(), Durable::Memory);
    let (mut journal, _) = Journal::open(&path, &options).unwrap();
    let begin = Instant::now();
    let mut in_call = Duration::ZERO;
    for number in 1..=COUNT {
        let event = event(number);
        let call = Instant::now();
        journal.append_event(&event).unwrap();
        in_call += call.elapsed();
    }
    let status = journal.status();
    journal.close(Stamp::default()).unwrap();
    let written = begin.elapsed();
    let begin = Instant::now();
    let report = verify(&path).unwrap();
    let read = begin.elapsed();
    let per_second = |took: Duration| COUNT as f64 / took.as_secs_f64() / 1e6;
    eprintln!(
        "written and on the disk: {:.2} M/s, {} ns a call with its clock, {} waits, {} syncs\n\
         read and verified: {:.2} M/s, {read:.2?}\n{report}",
        per_second(written),
        in_call.as_nanos() / u128::from(COUNT),
        status.waits,
        status.syncs,
        per_second(read),
    );
    assert!(report.is_whole() && report.last.get() == COUNT + 1);
    assert!(read < Duration::from_secs(10) && per_second(written) > 1.0);
}

/// One order after another, each confirmed by the disk before it leaves.
#[test]
#[ignore = "waits for the disk some thousand times"]
fn a_confirmation_by_the_disk_takes_as_long_as_its_sync() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let options = Options::new(Fingerprint::default(), Durable::Disk);
    let path = folder.path().join("run.qtj");
    let (mut journal, _) = Journal::open(&path, &options).unwrap();
    let mut took: Vec<Duration> = (1..=3_000)
        .map(|number| {
            let begin = Instant::now();
            let lsn = journal.append_event(&event(number)).unwrap();
            journal.wait_durable(lsn).unwrap();
            begin.elapsed()
        })
        .collect();
    took.sort_unstable();
    let at = |share: f64| took[(took.len() as f64 * share) as usize];
    eprintln!("one by one: median {:?}, p99 {:?}, most {:?}", at(0.5), at(0.99), at(0.9999));
}
