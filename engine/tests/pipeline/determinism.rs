//! A fixed hash of a small run. `make test` runs it optimised and `make test-debug` does not:
//! both builds must come to the same number. A change of what goes into the hash changes it; then
//! the new one belongs here.

use qt_types::{Cash, Intent, OrderKind, RejectReason, Report, ReportKind, Side};

use crate::support::{Bench, buy, buy_limit, order, plain};

#[test]
fn this_run_has_this_hash() {
    let sell = Intent::Place(order(Side::Sell, 4, OrderKind::Market));
    let script = vec![vec![buy(10), buy_limit(5, 99)], vec![buy(0)], vec![sell]];
    let mut bench = Bench::open(script);
    bench.bar(0, 100);
    bench.report(0, plain(1, ReportKind::Accepted, RejectReason::None));
    bench.fill(1, 1, 6, 4);
    bench.bar(0, 103);
    bench.fill(1, 2, 4, 0);
    bench.report(0, plain(2, ReportKind::Cancelled, RejectReason::Requested));
    bench.bar(0, 98);
    bench.fill(3, 3, 4, 0);
    let fee = Cash::from_nano(77);
    bench.report(0, Report { fee, ..plain(0, ReportKind::Carry, RejectReason::None) });
    assert_eq!(bench.position(0), 6);
    assert_eq!(bench.pipeline.exposure().ledger.carry(), fee);
    assert_eq!(format!("{:016x}", bench.pipeline.state_hash()), "b429025f38532947");
}
