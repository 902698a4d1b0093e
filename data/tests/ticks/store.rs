//! What is written is what is read.

use proptest::prelude::*;
use qt_data::ticks::{
    BLOCK_RECORDS_MAX, Description, QualityFact, Record, SourceFact, TickFile, TickWriter, Verify,
};
use qt_types::{OrderTick, Tick};

use crate::support::{describe, level, spec};

// Everything in the file, with the times at which we could know it.
fn read<R: Record>(file: &TickFile) -> Vec<(R, i64)> {
    let mut all = Vec::new();
    for index in 0..file.blocks() {
        let block = file.block::<R>(index).unwrap();
        let base_ns = block.base_ns();
        all.extend(block.iter().map(|record| (record.with_latency(0), record.recv_ns(base_ns))));
    }
    all
}

// Steps in time and latencies: mostly small, some beyond what one block can hold.
fn steps() -> impl Strategy<Value = Vec<(i64, i64)>> {
    let latency = prop_oneof![
        8 => 0_i64..5_000_000,
        1 => 4_294_967_290_i64..4_294_967_300,
        1 => 0_i64..1 << 45,
    ];
    prop::collection::vec((0_i64..1_000_000, latency), 0..300)
}

proptest! {
    #[test]
    fn ticks_come_back(
        steps in steps(),
        start in any::<i32>(),
        bodies in prop::collection::vec(
            (any::<i64>(), any::<i64>(), 0_u16..3, 0_u8..8, any::<u8>()), 300
        ),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.qtt");
        let mut writer = TickWriter::<Tick>::create(&path).unwrap();
        let (mut venue_ns, mut recv_ns) = (i64::from(start) << 20, i64::MIN);
        let mut want = Vec::new();
        for ((step, latency), body) in steps.into_iter().zip(bodies) {
            venue_ns += step;
            recv_ns = recv_ns.max(venue_ns + latency);
            let (price, qty, instrument, kind, flags) = body;
            let tick = Tick { venue_ns, price, qty, latency_ns: 0, instrument, kind, flags };
            writer.push(tick, recv_ns).unwrap();
            want.push((tick, recv_ns));
        }
        let written = writer.finish(&describe(&["A", "B", "C"])).unwrap();
        for verify in [Verify::Index, Verify::OnRead, Verify::Full] {
            let file = TickFile::open(&path, verify).unwrap();
            prop_assert_eq!(file.len(), want.len() as u64);
            prop_assert_eq!(&read::<Tick>(&file), &want);
            prop_assert_eq!((file.hash(), file.times()), (written.hash, written.times));
            prop_assert_eq!(file.description().unwrap(), describe(&["A", "B", "C"]));
            prop_assert!(file.block::<OrderTick>(0).is_err());
        }
    }
}

#[test]
fn order_ticks_come_back_over_many_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.qtt");
    let mut writer = TickWriter::<OrderTick>::create(&path).unwrap();
    let count = 3 * BLOCK_RECORDS_MAX as i64 + 7;
    let order = |at: i64| OrderTick {
        venue_ns: at / 3,
        order: u64::MAX - at as u64,
        price: -at,
        qty: at,
        latency_ns: 0,
        instrument: 1,
        kind: (at % 8) as u8,
        flags: (at % 16) as u8,
    };
    for at in 0..count {
        writer.push(order(at), at / 3 + 100).unwrap();
    }
    let description = Description {
        instruments: vec![spec("AAPL"), spec("ÄÖ€")],
        sources: vec![SourceFact {
            path: "a.itch".to_owned(),
            sha256: "00".to_owned(),
            importer: "itch".to_owned(),
            notes: vec!["one".to_owned(), String::new()],
        }],
        shift_ns: -5,
        facts: vec![QualityFact { name: "odd".to_owned(), count: 2, first: "byte 3".to_owned() }],
    };
    writer.finish(&description).unwrap();
    let file = TickFile::open(&path, Verify::Full).unwrap();
    assert_eq!(file.description().unwrap(), description);
    assert_eq!((file.blocks(), file.len()), (4, count as u64));
    let all = read::<OrderTick>(&file);
    assert!(all.iter().enumerate().all(|(at, (record, _))| *record == order(at as i64)));
    // A block that holds the time, or the first one after it.
    assert_eq!(file.block_at(i64::MIN).unwrap(), 0);
    let second = file.entry(1).unwrap().unwrap();
    assert_eq!(file.block_at(second.recv_last).unwrap(), 1);
    assert_eq!(file.block_at(i64::MAX).unwrap(), 4);
    assert!(file.block::<OrderTick>(4).is_err());
}

#[test]
fn a_file_without_records_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.qtt");
    let written = TickWriter::<Tick>::create(&path).unwrap().finish(&describe(&[])).unwrap();
    let file = TickFile::open(&path, Verify::Full).unwrap();
    assert!(file.is_empty() && written.records == 0 && file.blocks() == 0);
}

#[test]
fn the_writer_refuses_what_no_reader_could_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.qtt");
    let mut writer = TickWriter::<Tick>::create(&path).unwrap();
    writer.push(level(100, 1, 1), 150).unwrap();
    for (venue_ns, recv_ns) in [(99, 160), (100, 149), (200, 199), (i64::MIN, i64::MAX)] {
        let error = writer.push(level(venue_ns, 1, 1), recv_ns).unwrap_err();
        assert!(error.to_string().contains("record 1"), "{error}");
    }
    let mut other = level(100, 1, 1);
    other.instrument = 1;
    writer.push(other, 150).unwrap();
    let error = writer.finish(&describe(&["A"])).unwrap_err();
    assert!(error.to_string().contains("instrument 1"), "{error}");
    // Nothing is left behind, and nothing has the name.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(TickWriter::<Tick>::create(&folder.path().join("no/x.qtt")).is_err());
}

#[test]
fn a_file_is_replaced_whole_and_read_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.qtt");
    crate::support::write(&path, "A", &[(level(1, 1, 1), 1)]);
    let old = TickFile::open(&path, Verify::Full).unwrap();
    crate::support::write(&path, "B", &[(level(2, 1, 1), 2), (level(3, 1, 1), 3)]);
    let new = TickFile::open(&path, Verify::Full).unwrap();
    assert_eq!((old.len(), new.len()), (1, 2));
    assert_eq!(read::<Tick>(&old)[0].0.venue_ns, 1, "the old one is still there to its readers");
    assert!(std::fs::metadata(&path).unwrap().permissions().readonly());
}

#[test]
fn threads_share_one_map() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.qtt");
    let ticks: Vec<(Tick, i64)> = (0..20_000).map(|at| (level(at, at, 1), at)).collect();
    crate::support::write(&path, "A", &ticks);
    let file = TickFile::open(&path, Verify::OnRead).unwrap();
    let read = || read::<Tick>(&file).iter().map(|(tick, _)| tick.price).sum::<i64>();
    let sums = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(read)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(sums, [19_999 * 10_000; 4]);
}
