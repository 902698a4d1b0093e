//! The tick store: reading from the map, opening with and without checksums, merging; and ITCH.
//! The floors are plain sums over the same bytes.

use std::fs::File;
use std::hint::black_box;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use qt_data::import::itch::{Frames, ItchMarket, Message, decode};
use qt_data::import::{ImportOptions, import_bytes};
use qt_data::ticks::{Description, Merge, MergeOptions, TickFile, TickWriter, Verify};
use qt_types::{E9, InstrumentKind, InstrumentSpec, Tick};

const RECORDS: i64 = 3_000_000;

fn describe(symbol: &str) -> Description {
    let spec = InstrumentSpec::new(symbol, "USD", InstrumentKind::Spot, E9 / 10, 1, E9);
    Description { instruments: vec![spec.expect("a sound spec")], ..Description::default() }
}

// A walk of levels around 60,000 with latencies of some milliseconds.
fn write(path: &Path, symbol: &str, records: i64, start_ns: i64, step_ns: i64) {
    let mut writer = TickWriter::<Tick>::create(path).expect("the folder is there");
    let mut state = 1_u64;
    let (mut venue_ns, mut recv_ns) = (start_ns, start_ns);
    for _ in 0..records {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let dice = state >> 33;
        venue_ns += step_ns;
        recv_ns = recv_ns.max(venue_ns + 2_000_000 + (dice % 500_000) as i64);
        let tick = Tick {
            venue_ns,
            price: 600_000 + (dice % 512) as i64,
            qty: (dice % 1_000) as i64,
            latency_ns: 0,
            instrument: 0,
            kind: u8::from(dice.is_multiple_of(10)) * 2,
            flags: (dice % 4) as u8,
        };
        writer.push(tick, recv_ns).expect("times go on");
    }
    writer.finish(&describe(symbol)).expect("the disk has room");
}

// What a replay at least does with a record: its time, its price, its quantity, what it is.
fn scan(file: &TickFile) -> i64 {
    let mut sum = 0_i64;
    for index in 0..file.blocks() {
        let block = file.block::<Tick>(index).expect("a sound block");
        let base_ns = block.base_ns();
        for tick in block.iter() {
            let shape = i64::from(tick.instrument) + i64::from(tick.kind) + i64::from(tick.flags);
            let time = tick.recv_ns(base_ns).get() ^ tick.venue_ns;
            sum = sum.wrapping_add(time ^ tick.price ^ tick.qty ^ shape);
        }
    }
    sum
}

fn floor(bytes: &[u8]) -> u64 {
    let words = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
    words.fold(0_u64, |sum, word| sum ^ word)
}

fn read(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for a while");
    let path = folder.path().join("x.qtt");
    write(&path, "BTCUSDT", RECORDS, 0, 1_000_000);
    let mut bytes = Vec::new();
    File::open(&path).and_then(|mut file| file.read_to_end(&mut bytes)).expect("it was written");
    let mut group = criterion.benchmark_group("tick_store");
    group.throughput(Throughput::Elements(RECORDS as u64)).sample_size(30);
    let open = |verify| TickFile::open(&path, verify).expect("a sound file");
    let file = open(Verify::Index);
    group.bench_function("read", |bencher| bencher.iter(|| scan(black_box(&file))));
    let file = open(Verify::OnRead);
    group.bench_function("read_checked_before", |bencher| {
        bencher.iter(|| scan(black_box(&file)));
    });
    // A new map each time, whose pages must be found; then with all checks as well.
    group.bench_function("read_new_map", |bencher| {
        bencher.iter_batched_ref(|| open(Verify::Index), |file| scan(file), BatchSize::LargeInput);
    });
    group.bench_function("read_new_map_checking", |bencher| {
        bencher.iter_batched_ref(|| open(Verify::OnRead), |file| scan(file), BatchSize::LargeInput);
    });
    group.bench_function("floor", |bencher| bencher.iter(|| floor(black_box(&bytes))));
    group.bench_function("open", |bencher| bencher.iter(|| open(Verify::Index)));
    group.bench_function("open_verifying", |bencher| bencher.iter(|| open(Verify::Full)));
    group.bench_function("floor_crc", |bencher| {
        bencher.iter(|| crc32fast::hash(black_box(&bytes)));
    });
    group.finish();
}

fn merge(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tick_merge");
    group.sample_size(20).measurement_time(Duration::from_secs(5));
    // One after the other, and all at the same time.
    for (name, files, together) in
        [("32_in_turn", 32_i64, false), ("2_together", 2, true), ("32_together", 32, true)]
    {
        let folder = tempfile::tempdir().expect("a folder for a while");
        let each = RECORDS / 2 / files;
        let paths: Vec<PathBuf> = (0..files)
            .map(|file| {
                let path = folder.path().join(format!("{file}.qtt"));
                let start_ns = if together { file * 7 } else { file * each * 1_000_000 };
                write(&path, &format!("S{file}"), each, start_ns, 1_000_000);
                path
            })
            .collect();
        group.throughput(Throughput::Elements((each * files) as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let options = MergeOptions { verify: Verify::Index, ..MergeOptions::default() };
                let mut merge = Merge::<Tick>::new(&paths, &options).expect("sound files");
                let mut sum = 0_i64;
                let play = |stamped: &qt_data::ticks::Stamped<Tick>| {
                    sum = sum.wrapping_add(stamped.recv_ns ^ stamped.record.price);
                };
                merge.for_each(play).expect("sound files");
                sum
            });
        });
    }
    group.finish();
}

fn itch(criterion: &mut Criterion) {
    const MESSAGES: u64 = 2_000_000;
    let bytes = ItchMarket { seed: 1, messages: MESSAGES, stocks: 20 }.bytes();
    let mut group = criterion.benchmark_group("itch");
    group.throughput(Throughput::Elements(Frames::new(&bytes).count() as u64)).sample_size(20);
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            let mut sum = 0_u64;
            for frame in Frames::new(black_box(&bytes)) {
                let (head, message) = decode(frame).expect("a sound stream");
                sum = sum.wrapping_add(head.since_midnight_ns as u64 ^ u64::from(head.locate));
                sum = sum.wrapping_add(match message {
                    Message::Add { order, shares, price, sells, .. } => {
                        order ^ u64::from(shares) ^ u64::from(price) ^ u64::from(sells)
                    }
                    Message::Execute { order, shares } | Message::Cancel { order, shares } => {
                        order ^ u64::from(shares)
                    }
                    Message::ExecuteAt { order, shares, price, .. } => {
                        order ^ u64::from(shares) ^ u64::from(price)
                    }
                    Message::Delete { order } => order,
                    Message::Replace { old, new, shares, price } => {
                        old ^ new ^ u64::from(shares) ^ u64::from(price)
                    }
                    _ => 1,
                });
            }
            sum
        });
    });
    group.bench_function("floor", |bencher| bencher.iter(|| floor(black_box(&bytes))));
    group.sample_size(10);
    // Two passes with an order table each, units, times, hash: all but the disk.
    group.bench_function("import_without_writing", |bencher| {
        let options = ImportOptions::default();
        bencher.iter(|| import_bytes(&bytes, "20190130.itch", &options).map(|done| done.records));
    });
    group.finish();
}

criterion_group!(benches, read, merge, itch);
criterion_main!(benches);
