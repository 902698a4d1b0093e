//! Records that wait for the store.

use std::path::Path;

use qt_api::service::backlog::Backlog;
use qt_store::{EquityPoint, Projected, Record};
use qt_trading::amount::Amount;
use qt_trading::time::Time;

fn record(seq: u64) -> Projected {
    let zero = Amount::default();
    let point = EquityPoint {
        at: Time(i64::try_from(seq).unwrap()),
        equity: zero,
        cash: zero,
        realized_pnl: zero,
        unrealized_pnl: zero,
        fees: zero,
    };
    Projected { seq, at: point.at, record: Record::Equity(point) }
}

fn drained(backlog: &mut Backlog, most: usize) -> Vec<u64> {
    let mut all = Vec::new();
    loop {
        let part = backlog.first(most).unwrap();
        if part.is_empty() {
            return all;
        }
        backlog.done(part.len());
        all.extend(part.iter().map(|it| it.seq));
    }
}

#[test]
fn records_come_out_as_they_went_in_however_many_wait() {
    let folder = tempfile::tempdir().unwrap();
    let mut backlog = Backlog::new(folder.path(), "a");
    let mut next = 0;
    for round in 0..3 {
        let mut from = next;
        while next < 15_000 * (round + 1) {
            backlog.push((next..next + 700).map(record).collect());
            next += 700;
            // Some are kept meanwhile.
            let part = backlog.first(100).unwrap();
            assert_eq!((part.len(), part[0].seq), (100, from));
            backlog.done(100);
            from += 100;
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it has no name");
        assert_eq!(drained(&mut backlog, 999), (from..next).collect::<Vec<_>>());
    }
}

#[test]
fn without_a_file_they_wait_in_memory() {
    let mut backlog = Backlog::new(Path::new("/nowhere"), "a");
    for part in 0..5 {
        backlog.push((part * 3_000..(part + 1) * 3_000).map(record).collect());
    }
    assert_eq!(drained(&mut backlog, 2_000), (0..15_000).collect::<Vec<_>>());
}
