//! Records into a journal and out of it: what one costs the thread of the pipeline, and what one
//! costs to read and check. The disk is that of the folder for temporary files.

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
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

criterion_group!(benches, journal);
criterion_main!(benches);
