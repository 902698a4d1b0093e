//! What reports do to orders and books: each execution once, whenever it comes. Between us and a
//! venue is a network, so that a fill may come after the cancel that it crossed: it happened all
//! the same, and the position is the venue's.

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
    // More than was ordered: flagged and not booked, whatever its number.
    bench.fill(1, 9, 5, 0);
    assert_eq!(bench.position(0), 10);
    let order = bench.pipeline.exposure().orders.find(id(1)).unwrap();
    assert_eq!(order.overfill().lots(), 5);
    assert_eq!(bench.pipeline.exposure().ledger.fees(), Cash::from_nano(6));
}

#[test]
fn a_late_fill_counts_and_does_not_open_the_order_again() {
    for end in [ReportKind::Rejected, ReportKind::Cancelled, ReportKind::Expired] {
        let mut bench = Bench::open(vec![vec![buy(10)]]);
        bench.bar(0, 100);
        bench.report(0, plain(1, end, RejectReason::Requested));
        assert!(bench.pipeline.exposure().orders.is_empty());
        bench.report(0, plain(1, ReportKind::Accepted, RejectReason::None));
        for _ in 0..2 {
            bench.fill(1, 1, 4, 6);
            assert_eq!(bench.position(0), 4, "a fill after {end:?}");
        }
        assert!(bench.pipeline.exposure().orders.is_empty());
        assert_eq!(bench.pipeline.strategy().told, [(1, end), (1, ReportKind::Filled)]);
        let booked = bench.pipeline.booked();
        assert!(booked.is_empty(), "the second time nothing was booked");
    }
}

#[test]
fn what_is_taken_back_is_booked_once_too() {
    let mut bench = Bench::open(vec![vec![buy(10)]]);
    bench.bar(0, 100);
    bench.fill(1, 1, 10, 0);
    let bust = Report { kind: ReportKind::Busted, ..fill(1, 1, 10, 10) };
    for times in 0..3 {
        bench.report(0, bust);
        assert_eq!(bench.position(0), 0);
        let taken_back = bench.pipeline.booked().iter().map(|one| one.movement.is_taken_back);
        assert_eq!(taken_back.collect::<Vec<_>>(), vec![true; usize::from(times == 0)]);
    }
    // What is busted before it is told does not count when it comes. 10 lots are open again.
    bench.report(0, Report { kind: ReportKind::Busted, ..fill(1, 2, 3, 10) });
    bench.fill(1, 2, 3, 7);
    assert_eq!(bench.position(0), 0);
    bench.fill(1, 3, 10, 0);
    assert_eq!(bench.position(0), 10);
    assert_eq!(bench.pipeline.exposure().ledger.fees(), Cash::from_nano(3));
}

#[test]
fn a_protective_order_ends_when_its_venue_says_so() {
    // The entry fills 4 of 10 and ends: the stop covers 4, which is all of it at the venue.
    let mut entry = order(Side::Buy, 10, OrderKind::Market);
    entry.bracket.stop = Some(Price::from_ticks(90));
    let mut bench = Bench::open(vec![vec![Intent::Place(entry)]]);
    bench.bar(0, 100);
    bench.fill(1, 1, 4, 6);
    bench.report(0, plain(1, ReportKind::Cancelled, RejectReason::Requested));
    bench.fill(2, 2, 4, 0);
    assert!(bench.pipeline.exposure().orders.is_empty());
    assert_eq!(bench.position(0), 0);
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

/// A random report as plain numbers: kind, order, execution, lots.
type Raw = (u8, u64, u64, i64);

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    /// Any reports in any order, doubled and late ones among them: the position is the sum of
    /// the executions, each counted once and none beyond what was ordered; what the venue ended
    /// stays ended.
    #[test]
    fn books_survive_any_venue(
        raws in prop::collection::vec((0_u8..8, 1_u64..7, 1_u64..30, 1_i64..9), 0..60),
    ) {
        let sells = Intent::Place(order(Side::Sell, 50, OrderKind::Market));
        let script = vec![vec![buy(50), buy_limit(50, 99), sells, buy(50)]];
        let mut bench = Bench::open(script);
        bench.bar(0, 100);
        let mut ended: BTreeMap<u64, bool> = (1..=4).map(|order| (order, false)).collect();
        let mut execs: BTreeMap<(u64, u64), i64> = BTreeMap::new();
        for &(kind, number, exec, lots) in &raws as &Vec<Raw> {
            let report = match kind {
                0 => plain(number, ReportKind::Accepted, RejectReason::None),
                1 => plain(number, ReportKind::Cancelled, RejectReason::Requested),
                2 => plain(number, ReportKind::Rejected, RejectReason::InsufficientFunds),
                3 => plain(number, ReportKind::RequestRejected, RejectReason::UnknownOrder),
                _ => fill(number, exec, lots, 1),
            };
            bench.report(0, report);
            let Some(end) = ended.get_mut(&number) else { continue };
            let of_order = execs.range((number, 0)..=(number, u64::MAX));
            let filled: i64 = of_order.map(|(_, lots)| *lots).sum();
            match kind {
                1 => *end = true,
                // A filled order cannot be refused.
                2 => *end |= filled < 50,
                4.. if filled + lots <= 50 => {
                    execs.entry((number, exec)).or_insert(lots);
                }
                // Told for the first time and too much: it is never applied later either, as
                // nothing makes room for it.
                4.. => {
                    execs.entry((number, exec)).or_insert(0);
                }
                _ => {}
            }
            let signed = |(key, lots): (&(u64, u64), &i64)| if key.0 == 3 { -lots } else { *lots };
            let expected: i64 = execs.iter().map(signed).sum();
            prop_assert_eq!(bench.position(0), expected);
        }
        let exposure = bench.pipeline.exposure();
        let applied = execs.values().filter(|lots| **lots > 0).count() as i128;
        prop_assert_eq!(exposure.ledger.fees(), Cash::from_nano(3 * applied));
        prop_assert_eq!(exposure.ledger.off_by(), Cash::ZERO);
        for (&order, &end) in &ended {
            let of_order = execs.range((order, 0)..=(order, u64::MAX));
            let is_filled = of_order.map(|(_, lots)| *lots).sum::<i64>() == 50;
            let is_over = exposure.orders.get(id(order)).is_none();
            prop_assert_eq!(is_over, end || is_filled, "order {}", order);
        }
    }
}
