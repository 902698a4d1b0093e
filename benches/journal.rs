//! Records into a journal and out of it: what one costs the thread of the pipeline, and what one
//! costs to read and check. The disk is that of the folder for temporary files.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group};
use qt_journal::{Durable, Fingerprint, Journal, JournalReader, Options, Stamp};
use qt_types::{Event, InstrumentId, Nanos, Payload, Seq, Tick, VenueId};

/// Records of the journal that is read.
const READ: u64 = 200_000;

fn event(number: u64) -> Event {
    let at = 1_700_000_000_000_000_000 + number as i64 * 1_000;
    let tick = Tick {
        venue_ns: at,
        price: 5_000_000 + (number % 97) as i64,
        qty: 1 + (number % 13) as i64,
        latency_ns: 300,
        instrument: 3,
        kind: 0,
        flags: 2,
    };
    Event {
        seq: Seq::new(number),
        recv_ns: Nanos::new(at + 300),
        venue_ns: Nanos::new(at),
        instrument: InstrumentId(3),
        venue: VenueId(0),
        payload: Payload::Tick(tick),
    }
}

fn open(folder: &tempfile::TempDir, durable: Durable) -> Journal {
    let options = Options::new(Fingerprint::default(), durable);
    let path = folder.path().join("run.qtj");
    Journal::open(&path, &options).expect("a folder for temporary files takes a journal").0
}

fn journal(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("journal");
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    group.throughput(Throughput::Elements(1));
    group.bench_function("append", |bencher| {
        let folder = tempfile::tempdir().expect("there are temporary files");
        let mut journal = open(&folder, Durable::Memory);
        let mut number = 0;
        bencher.iter(|| {
            number += 1;
            journal.append_event(&event(number)).expect("the disk has room")
        });
    });
    group.bench_function("append_and_confirm", |bencher| {
        let folder = tempfile::tempdir().expect("there are temporary files");
        let mut journal = open(&folder, Durable::Disk);
        let mut number = 0;
        bencher.iter(|| {
            number += 1;
            let lsn = journal.append_event(&event(number)).expect("the disk has room");
            journal.wait_durable(lsn).expect("the disk works");
        });
    });
    group.throughput(Throughput::Elements(READ));
    group.bench_function("read", |bencher| {
        let folder = tempfile::tempdir().expect("there are temporary files");
        let mut journal = open(&folder, Durable::Memory);
        for number in 1..=READ {
            journal.append_event(&event(number)).expect("the disk has room");
        }
        journal.close(Stamp::default()).expect("the disk has room");
        let path = folder.path().join("run.qtj");
        bencher.iter_custom(|count| {
            let begin = Instant::now();
            for _ in 0..count {
                let reader = JournalReader::open(&path, None).expect("it was written");
                assert_eq!(reader.filter(Result::is_ok).count() as u64, READ + 1);
            }
            begin.elapsed()
        });
    });
    group.finish();
}

/// Commits of the comparison below.
const COMMITS: usize = 2_000;
/// Bytes of a record with its frame, about.
const RECORD_BYTES: usize = 64;

/// What the group commit adds to the disk's own time, on which nobody has a say: the way of a
/// record from `append` to the confirmation, beside a bare write and confirmation of as many
/// bytes, in turns.
fn group_commit() {
    let folder = tempfile::tempdir().expect("there are temporary files");
    let mut journal = open(&folder, Durable::Disk);
    let bare = File::create(folder.path().join("bare")).expect("there are temporary files");
    bare.set_len((COMMITS * RECORD_BYTES) as u64).expect("the disk has room");
    bare.sync_all().expect("the disk works");
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for number in 1..=COMMITS {
        let begin = Instant::now();
        let lsn = journal.append_event(&event(number as u64)).expect("the disk has room");
        journal.wait_durable(lsn).expect("the disk works");
        ours.push(begin.elapsed());
        let begin = Instant::now();
        let at = (number - 1) * RECORD_BYTES;
        bare.write_all_at(&[number as u8; RECORD_BYTES], at as u64).expect("the disk has room");
        bare.sync_data().expect("the disk works");
        floor.push(begin.elapsed());
    }
    ours.sort();
    floor.sort();
    println!("group commit, {COMMITS} records one by one (us):  journal   bare     added");
    for (name, at) in [("p50", COMMITS / 2), ("p90", COMMITS * 9 / 10), ("p99", COMMITS * 99 / 100)]
    {
        let us = |times: &[Duration]| times[at].as_secs_f64() * 1e6;
        let (ours, floor) = (us(&ours), us(&floor));
        println!("  {name:<40} {ours:>10.0} {floor:>8.0} {:>8.0}", ours - floor);
    }
}

criterion_group!(benches, journal);

fn main() {
    // Under `cargo test --benches` nothing is measured.
    if !std::env::args().any(|word| word == "--test") {
        group_commit();
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
