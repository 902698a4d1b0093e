//! What a venue lacks and the engine works in parts: the same fills as natively where nothing takes
//! time, later ones where it does, and never more than the order. Where the two differ even
//! without time, `docs/ORDERS.md` says how.

use proptest::prelude::*;
use qt_backtest::venue::LatencyModel;
use qt_types::{
    Lacks, Nanos, OrderKind, PegReference, Place, Qty, RejectReason, ReportKind, Tick, TimeInForce,
};

use crate::harness::{Case, Outcome};
use crate::script::{BUY, SELL, Step, at, limit, market, place, stop_limit};

/// Bid 99, ask 101, 10 lots each, with more behind.
fn book() -> Case<Tick> {
    Case::book(&[(99, 10), (98, 10), (95, 10)], &[(101, 10), (102, 10), (106, 10)])
}

fn lacking(names: &str) -> Lacks {
    names.parse().unwrap()
}

fn at_lacking(case: &Case<Tick>, names: &str) -> Outcome {
    case.clone().with(|venue| venue.lacks = lacking(names)).run()
}

/// How the orders ended, without the answers to requests.
fn ends(done: &Outcome) -> Vec<(u64, ReportKind, RejectReason)> {
    let ends = [ReportKind::Cancelled, ReportKind::Rejected, ReportKind::Expired];
    let ended = done.said.iter().filter(|said| ends.contains(&said.kind));
    ended.map(|said| (said.order, said.kind, said.reason)).collect()
}

/// Fills, their times, and how orders end are the same at a venue that lacks any of `names`.
fn same(case: &Case<Tick>, names: &[&str]) -> Outcome {
    let native = case.run();
    for names in names {
        let done = at_lacking(case, names);
        assert_eq!(done.fills(), native.fills(), "without {names}");
        assert_eq!(done.fill_times(), native.fill_times(), "without {names}");
        assert_eq!(ends(&done), ends(&native), "without {names}");
        assert_eq!((done.position, done.cash), (native.position, native.cash), "{names}");
    }
    native
}

fn pegged(side: qt_types::Side, lots: i64, to: PegReference, offset: i64) -> Place {
    place(side, lots, OrderKind::Pegged { to, offset })
}

#[test]
fn an_iceberg_shows_part_after_part() {
    let iceberg = limit(BUY, 6, 99).display(Qty::from_lots(3));
    // Ten ahead: of twelve two reach it, then the third; the next part stands behind ten again.
    let case = book().place(10, iceberg).trade(20, SELL, 99, 12).trade(30, SELL, 99, 9);
    let case = case.trade(40, SELL, 99, 9).trade(50, SELL, 98, 50);
    let native = same(&case, &["iceberg", "iceberg,amend", "all"]);
    assert_eq!(native.fills()[0], (1, 99, 2, true));
    assert_eq!(native.fills().iter().map(|fill| fill.2).sum::<i64>(), native.position);
    // Cancelled between two parts.
    let done = same(&case.step(35, Step::Cancel(1)), &["iceberg", "all"]);
    assert_eq!(ends(&done), [(1, ReportKind::Cancelled, RejectReason::Requested)]);
}

#[test]
fn the_next_part_of_an_iceberg_comes_later_by_the_way_there_and_back() {
    let iceberg = limit(BUY, 4, 99).display(Qty::from_lots(2));
    let mut case = book().place(10, iceberg);
    case.venue.order_latency = LatencyModel::constant(7);
    case.venue.response_latency = LatencyModel::constant(5);
    // Filled at 30, known at 35, the next part is there at 42: the trade of 40 misses it.
    let case = case.trade(30, SELL, 98, 2).trade(40, SELL, 98, 2).trade(50, SELL, 98, 2);
    assert_eq!(case.run().fill_times(), [30, 40]);
    assert_eq!(at_lacking(&case, "iceberg").fill_times(), [30, 50]);
}

#[test]
fn a_peg_follows_the_best_prices() {
    for (to, offset) in [
        (PegReference::SameSide, 0),
        (PegReference::SameSide, 1),
        (PegReference::Mid, 0),
        (PegReference::Opposite, 2),
    ] {
        let case = book().place(10, pegged(BUY, 5, to, offset));
        let case = case.level(20, BUY, 100, 10).level(30, BUY, 100, 0).level(40, BUY, 99, 0);
        let case = case.level(50, SELL, 100, 3).trade(60, SELL, 97, 5);
        same(&case, &["peg", "peg,amend", "all"]);
    }
    // While there is nothing to follow it stays; its owner ends it.
    let case = book().place(10, pegged(SELL, 5, PegReference::SameSide, 0)).clear(20);
    let done = same(&case.step(30, Step::Cancel(1)), &["peg", "all"]);
    assert_eq!(ends(&done), [(1, ReportKind::Cancelled, RejectReason::Requested)]);
}

#[test]
fn a_peg_moves_so_often_and_no_more() {
    // Twenty moves within a microsecond: ten are followed, the last one after a second.
    let mut case = book().place(10, pegged(BUY, 5, PegReference::SameSide, 0));
    for step in 0..20 {
        let price = if step % 2 == 0 { 100 } else { 99 };
        case = case.level(20 + step, BUY, 100, if price == 100 { 10 } else { 0 });
    }
    let case = case.level(100, BUY, 100, 10);
    let venue_sees = |case: &Case<Tick>| {
        let done = at_lacking(&case.clone().trade(2_000_000_000, SELL, 100, 15), "peg");
        done.fills()
    };
    assert_eq!(venue_sees(&case), [(1, 100, 5, true)], "it has followed in the end");
}

#[test]
fn what_has_a_time_ends_then() {
    let gtd = |ns| TimeInForce::Gtd(Nanos::new(ns));
    // What happens at the very time still counts.
    let case = book().place(10, limit(BUY, 2, 99).tif(gtd(30))).trade(30, SELL, 98, 1);
    let done = same(&case.clone().trade(31, SELL, 98, 5), &["gtd", "gtd,amend", "all"]);
    assert_eq!(done.fills(), [(1, 99, 1, true)]);
    assert_eq!(ends(&done), [(1, ReportKind::Expired, RejectReason::None)]);
    // An order that waits for its price here ends as well.
    let waits = stop_limit(BUY, 2, 105, 106).tif(gtd(30));
    let done = same(&book().place(10, waits).trade(40, BUY, 105, 1), &["stop_limit", "gtd", "all"]);
    assert_eq!(ends(&done), [(1, ReportKind::Expired, RejectReason::None)]);
    // A day of UTC.
    let day_ns = 86_400_000_000_000;
    let case = book().place(10, limit(BUY, 2, 99).tif(TimeInForce::Day));
    let done = same(&case.trade(day_ns + 1, SELL, 98, 5), &["day", "all"]);
    assert_eq!(ends(&done), [(1, ReportKind::Expired, RejectReason::SessionEnd)]);
}

#[test]
fn what_takes_at_once_takes_at_once() {
    let ioc = |place: Place| place.tif(TimeInForce::Ioc);
    let fok = |place: Place| place.tif(TimeInForce::Fok);
    for (order, lacks) in [
        (ioc(limit(BUY, 4, 101)), ["ioc", "all"]),
        (ioc(limit(BUY, 14, 101)), ["ioc", "all"]),
        (ioc(limit(BUY, 4, 100)), ["ioc", "all"]),
        (ioc(market(BUY, 40)), ["ioc", "all"]),
        (fok(limit(BUY, 10, 101)), ["fok", "all"]),
        (fok(limit(BUY, 11, 101)), ["fok", "ioc,fok"]),
        (fok(limit(SELL, 20, 98)), ["fok", "all"]),
        (fok(limit(SELL, 21, 98)), ["fok", "all"]),
        (fok(market(BUY, 30)), ["fok", "all"]),
    ] {
        same(&book().place(10, order).trade(20, SELL, 97, 50), &lacks);
    }
}

#[test]
fn post_only_never_takes_as_we_see_the_book() {
    for price in [100, 101, 103] {
        let case = book().place(10, limit(BUY, 2, price).post_only());
        same(&case.trade(20, SELL, 97, 50), &["post_only", "all"]);
    }
    // The ask comes nearer while it is under way: it takes, where a venue would have ended it.
    let mut case = book().place(10, limit(BUY, 2, 100).post_only()).level(12, SELL, 100, 5);
    case.venue.order_latency = LatencyModel::constant(5);
    assert_eq!(case.run().fills(), []);
    assert_eq!(at_lacking(&case, "post_only").fills(), [(1, 100, 2, false)]);
}

#[test]
fn reduce_only_is_capped_here() {
    let held = book().place(5, market(BUY, 4));
    for order in [limit(SELL, 9, 99), limit(SELL, 9, 103), market(SELL, 9)] {
        let case = held.clone().place(10, order.reduce_only()).trade(20, BUY, 104, 50);
        same(&case, &["reduce_only", "reduce_only,amend"]);
    }
    // The position becomes smaller while it rests: as much less of it is left.
    let case = held.place(10, limit(SELL, 4, 103).reduce_only()).place(15, market(SELL, 3));
    let done = same(&case.trade(20, BUY, 104, 50), &["reduce_only", "reduce_only,amend", "all"]);
    assert_eq!(done.position, 0);
}

#[test]
fn a_change_is_an_end_and_another_order() {
    let case = book().place(10, limit(BUY, 6, 97)).step(15, Step::Replace(1, at(99), 8));
    let done = same(&case.trade(20, SELL, 98, 50), &["amend", "all"]);
    assert_eq!(done.fills(), [(1, 99, 8, true)]);
    // Less of it: a venue keeps its place in the queue, an end and another order do not.
    let case = book().place(10, limit(BUY, 6, 99)).level(12, BUY, 99, 30);
    let case = case.step(15, Step::Replace(1, at(99), 5)).trade(20, SELL, 99, 15);
    assert_eq!(case.run().fills(), [(1, 99, 5, true)]);
    assert_eq!(at_lacking(&case, "amend").fills(), []);
}

#[test]
fn a_fill_that_crosses_the_cancel_is_not_bought_again() {
    let mut case = book().place(10, limit(BUY, 6, 99)).step(30, Step::Replace(1, at(97), 6));
    case.venue.order_latency = LatencyModel::constant(5);
    case.venue.response_latency = LatencyModel::constant(5);
    // Four are filled at 33, while the cancel is under way until 35.
    let case = case.trade(33, SELL, 99, 14);
    let later = |case: Case<Tick>| at_lacking(&case.trade(60, SELL, 96, 50), "amend");
    let done = later(case.clone());
    assert_eq!(done.fills(), [(1, 99, 4, true), (1, 97, 2, true)]);
    // All six are: there is nothing left to change.
    let done = later(case.trade(34, SELL, 98, 9));
    assert_eq!(done.fills(), [(1, 99, 4, true), (1, 99, 2, true)]);
}

/// One order of any kind that can be lacking.
fn order() -> impl Strategy<Value = Place> {
    let kinds = [
        at(99),
        at(97),
        at(101),
        OrderKind::Pegged { to: PegReference::SameSide, offset: 0 },
        OrderKind::Pegged { to: PegReference::Mid, offset: 1 },
        OrderKind::Stop { trigger: crate::script::price(103) },
        OrderKind::Market,
    ];
    let tifs = [
        TimeInForce::Gtc,
        TimeInForce::Gtc,
        TimeInForce::Day,
        TimeInForce::Ioc,
        TimeInForce::Fok,
        TimeInForce::Gtd(Nanos::new(120)),
    ];
    let kind = prop::sample::select(kinds.to_vec());
    let tif = prop::sample::select(tifs.to_vec());
    let lots = (1_i64..12, 0_i64..4);
    (kind, tif, lots, any::<[bool; 3]>()).prop_map(|(kind, tif, lots, [sells, post, reduces])| {
        let mut order = place(if sells { SELL } else { BUY }, lots.0, kind).tif(tif);
        if kind != OrderKind::Market {
            order.display = Qty::from_lots(lots.1);
            order.post_only = post && tif == TimeInForce::Gtc;
        }
        order.reduce_only = reduces;
        order
    })
}

/// What happens in the market at 20, 30 and so on.
fn happenings() -> impl Strategy<Value = Vec<(u8, i64, i64)>> {
    prop::collection::vec((0_u8..4, 94_i64..107, 0_i64..15), 5..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// With latencies, faults and every mixture of what is lacking: the books agree with the
    /// venue's at the end (the harness sees to it), and no order has more than it asked for.
    #[test]
    fn no_order_is_ever_filled_beyond_its_size(
        orders in prop::collection::vec((15_i64..150, order()), 1..6),
        changes in prop::collection::vec((10_i64..200, 1_u64..6, 1_i64..12), 0..4),
        market in happenings(),
        lacks in prop::collection::vec(prop::sample::select(Lacks::ALL.to_vec()), 1..17),
        latency in (0_i64..25, 0_i64..25, 0_i64..10),
        is_doubled in any::<bool>(),
    ) {
        let mut case = book();
        let mut sizes = Vec::new();
        let mut orders = orders;
        orders.sort_by_key(|order| order.0);
        for (ns, order) in orders {
            let qt_types::Size::Fixed(qty) = order.size else { panic!("a fixed size") };
            sizes.push(qty.lots());
            case = case.place(ns, order);
        }
        for (ns, number, lots) in changes {
            case = case.step(ns, Step::Replace(number, at(96 + lots), lots));
            if let Some(size) = sizes.get_mut(number as usize - 1) {
                *size = (*size).max(lots);
            }
        }
        for (step, (what, price, lots)) in market.into_iter().enumerate() {
            let ns = 20 + 10 * step as i64;
            let side = if price < 100 { BUY } else { SELL };
            case = match what {
                0 | 1 => case.level(ns, side, price, lots),
                _ => case.trade(ns, side.opposite(), price, lots.max(1)),
            };
        }
        case.venue.lacks = lacks.iter().fold(Lacks::NOTHING, |sum, one| sum.with(one.0));
        case.venue.order_latency = LatencyModel::constant(latency.0);
        case.venue.response_latency = LatencyModel::constant(latency.1);
        case.feed = qt_backtest::feed::FeedLatency::constant(latency.2);
        if is_doubled {
            let kind = qt_backtest::venue::FaultKind::RepeatReports { share_e9: 500_000_000 };
            let (instrument, from_ns, to_ns) = (None, 0, i64::MAX);
            let fault = qt_backtest::venue::Fault { instrument, from_ns, to_ns, kind };
            case.venue.scene.faults.push(fault);
        }
        let done = case.run();
        // Else the numbers of the orders would be others.
        prop_assume!(done.denied.is_empty());
        for (at, size) in sizes.into_iter().enumerate() {
            let of = done.fills().into_iter().filter(|fill| fill.0 == at as u64 + 1);
            let filled: i64 = of.map(|fill| fill.2).sum();
            prop_assert!(filled <= size, "order {}: {filled} of {size}", at + 1);
        }
    }
}
