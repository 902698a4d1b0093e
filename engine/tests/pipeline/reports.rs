//! What reports do to orders and books: once each, and nothing after the end.

use std::collections::BTreeMap;

use proptest::prelude::*;
use qt_engine::Command;
use qt_types::{Bracket, Cash, Intent, OrderKind, Price, RejectReason, Report, ReportKind, Side};

use crate::support::{Bench, buy, buy_limit, fill, id, order, plain};

#[test]
fn a_fill_is_booked_once() {
    let mut bench = Bench::open(vec![vec![buy(10)]]);
    assert_eq!(bench.bar(0, 100).len(), 1);
    for _ in 0..3 {
        bench.fill(1, 7, 4, 6);
    }
    assert_eq!(bench.position(0), 4);
    bench.fill(1, 8, 6, 0);
    assert_eq!(bench.position(0), 10);
    // Over: not even a fill with a new number.
    bench.fill(1, 9, 5, 0);
    assert_eq!(bench.position(0), 10);
    assert_eq!(bench.pipeline.exposure().ledger.fees(), Cash::from_nano(6));
}

#[test]
fn nothing_comes_back_from_an_end() {
    for end in [ReportKind::Rejected, ReportKind::Cancelled] {
        let mut bench = Bench::open(vec![vec![buy(10)]]);
        bench.bar(0, 100);
        bench.report(0, plain(1, end, RejectReason::Requested));
        assert!(bench.pipeline.exposure().orders.is_empty());
        bench.report(0, plain(1, ReportKind::Accepted, RejectReason::None));
        bench.fill(1, 1, 10, 0);
        assert_eq!(bench.position(0), 0, "a fill after {end:?}");
        assert!(bench.pipeline.exposure().orders.is_empty());
        assert_eq!(bench.pipeline.strategy().told, [(1, end)]);
    }
}

#[test]
fn reports_on_unknown_orders_change_nothing() {
    let mut bench = Bench::open(vec![vec![buy(10)]]);
    bench.bar(0, 100);
    bench.fill(2, 1, 10, 0);
    // The slot of order 1 in another turn of the table, and an order of another run.
    bench.fill(1 + 4_096, 1, 10, 0);
    let other_run = Report { order: qt_types::OrderId::new(2, 1), ..fill(1, 1, 10, 0) };
    bench.report(0, other_run);
    assert_eq!(bench.position(0), 0);
    assert!(bench.pipeline.strategy().told.is_empty());
}

#[test]
fn protection_ends_when_its_position_is_closed_by_hand() {
    let mut entry = order(Side::Buy, 10, OrderKind::Market);
    let (stop, target) = (Some(Price::from_ticks(90)), Some(Price::from_ticks(110)));
    entry.bracket = Bracket { stop, target, trail_bps: None };
    let sell = Intent::Place(order(Side::Sell, 10, OrderKind::Market));
    let mut bench = Bench::open(vec![vec![Intent::Place(entry)], vec![sell]]);
    let commands = bench.bar(0, 100);
    let ids: Vec<u64> = commands.iter().map(|command| command.order().counter()).collect();
    assert_eq!(ids, [1, 2, 3]);
    let Command::New(stop) = commands[1] else { panic!("a bracket is made of new orders") };
    assert!(stop.reduce_only && stop.parent == id(1) && stop.oco == id(3));
    assert!(bench.fill(1, 1, 10, 0).is_empty());
    bench.bar(0, 100);
    let ends: Vec<u64> = bench.fill(4, 2, 10, 0).iter().map(|c| c.order().counter()).collect();
    assert_eq!(ends, [2, 3], "both are cancelled");
}

#[test]
fn protection_of_an_entry_that_waits_is_left_alone() {
    let mut entry = order(Side::Buy, 10, OrderKind::Limit { price: Price::from_ticks(95) });
    entry.bracket.stop = Some(Price::from_ticks(90));
    let sell = Intent::Place(order(Side::Sell, 5, OrderKind::Market));
    let mut bench = Bench::open(vec![vec![buy(5), Intent::Place(entry)], vec![sell]]);
    bench.bar(0, 100);
    bench.fill(1, 1, 5, 0);
    bench.bar(0, 100);
    // Flat again, but order 3 protects order 2, which has not filled.
    assert!(bench.fill(4, 2, 5, 0).is_empty());
}

/// A random report as plain numbers: kind, order, execution, lots, whether it is the last fill.
type Raw = (u8, u64, u64, i64, bool);

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    /// Any reports in any order, doubled and late ones among them: the position is the sum of
    /// the fills of open orders, each counted once; what has ended stays ended.
    #[test]
    fn books_survive_any_venue(
        raws in prop::collection::vec(
            (0_u8..8, 1_u64..7, 1_u64..30, 1_i64..9, any::<bool>()),
            0..60,
        ),
    ) {
        let sells = Intent::Place(order(Side::Sell, 50, OrderKind::Market));
        let script = vec![vec![buy(50), buy_limit(50, 99), sells, buy(50)]];
        let mut bench = Bench::open(script);
        bench.bar(0, 100);
        let mut ended: BTreeMap<u64, bool> = (1..=4).map(|order| (order, false)).collect();
        let mut last_exec: BTreeMap<u64, u64> = BTreeMap::new();
        let mut expected = 0_i64;
        let mut fees = 0_i128;
        for &(kind, number, exec, lots, is_last) in &raws as &Vec<Raw> {
            let report = match kind {
                0 => plain(number, ReportKind::Accepted, RejectReason::None),
                1 => plain(number, ReportKind::Cancelled, RejectReason::Requested),
                2 => plain(number, ReportKind::Rejected, RejectReason::InsufficientFunds),
                3 => plain(number, ReportKind::RequestRejected, RejectReason::UnknownOrder),
                _ => fill(number, exec, lots, i64::from(!is_last)),
            };
            bench.report(0, report);
            let Some(end) = ended.get_mut(&number).filter(|end| !**end) else { continue };
            let last = last_exec.entry(number).or_default();
            if report.kind == ReportKind::Filled && exec > *last {
                *last = exec;
                expected += if number == 3 { -lots } else { lots };
                fees += 3;
                *end = is_last;
            }
            *end |= matches!(kind, 1 | 2);
            prop_assert_eq!(bench.position(0), expected);
        }
        let exposure = bench.pipeline.exposure();
        prop_assert_eq!(exposure.ledger.fees(), Cash::from_nano(fees));
        prop_assert_eq!(exposure.ledger.off_by(), Cash::ZERO);
        for (&order, &end) in &ended {
            prop_assert_eq!(exposure.orders.get(id(order)).is_none(), end, "order {}", order);
        }
    }
}
