//! What a venue lacks the engine does: the same fills where nothing takes time, later ones where
//! it does. Each worked out by hand at a venue that lacks nothing, and then with everything
//! lacking.

use qt_backtest::feed::FeedLatency;
use qt_backtest::venue::LatencyModel;
use qt_types::{Bracket, Lacks, RejectReason, ReportKind, Tick};

use crate::harness::{Case, Outcome};
use crate::script::{
    BUY, SELL, Step, limit, market, price, stop, stop_limit, take_profit, trailing,
};

/// Bid 99, ask 101, 10 lots each, with more behind.
fn book() -> Case<Tick> {
    Case::book(&[(99, 10), (98, 10), (95, 10)], &[(101, 10), (102, 10), (106, 10)])
}

fn all() -> Lacks {
    "all".parse().unwrap()
}

/// The case at a venue that lacks `lacks`.
fn at_lacking(case: &Case<Tick>, lacks: Lacks) -> Outcome {
    case.clone().with(|venue| venue.lacks = lacks).run()
}

/// Fills and their times are the same whatever the venue lacks.
fn same_fills(case: &Case<Tick>) -> Outcome {
    let native = case.run();
    let sets = Lacks::ALL.iter().map(|(one, _)| *one).chain([all()]);
    for lacks in sets {
        let done = at_lacking(case, lacks);
        assert_eq!(done.fills(), native.fills(), "without {lacks}");
        assert_eq!(done.fill_times(), native.fill_times(), "without {lacks}");
        // Why one ended differs: a cancel of ours the venue calls asked for.
        let ends = |done: &Outcome| {
            let ends = done.ends().into_iter().map(|end| end.0);
            ends.collect::<std::collections::BTreeSet<u64>>()
        };
        assert_eq!(ends(&done), ends(&native), "without {lacks}");
        assert_eq!((done.position, done.cash), (native.position, native.cash));
    }
    native
}

#[test]
fn each_kind_that_waits_for_a_price() {
    // By trades.
    let case = book().trade(1, BUY, 100, 1);
    let fallen = |case: Case<Tick>| case.trade(20, SELL, 97, 1).trade(30, BUY, 103, 1);
    let done = same_fills(&fallen(case.clone().place(10, stop(SELL, 2, 97))));
    assert_eq!(done.fill_times(), [20]);
    assert_eq!(same_fills(&fallen(case.clone().place(10, stop(BUY, 2, 103)))).fill_times(), [30]);
    let touch = case.clone().place(10, take_profit(BUY, 2, 97));
    assert_eq!(same_fills(&fallen(touch)).fill_times(), [20]);
    let limited = case.clone().place(10, stop_limit(BUY, 12, 103, 101));
    assert_eq!(same_fills(&fallen(limited)).fills(), [(1, 101, 10, false)]);
    // The best is 97 after the trade there: 3 behind is 100, and the trade at 103 is through it.
    let trail = case.clone().place(10, trailing(BUY, 2, 3));
    assert_eq!(same_fills(&fallen(trail)).fill_times(), [30]);
    // Met on arrival.
    assert_eq!(same_fills(&case.place(10, stop(BUY, 2, 100))).fill_times(), [10]);
    // By the best prices where there are no trades.
    let quotes = book().place(10, stop(SELL, 2, 97)).level(20, BUY, 99, 0).level(21, BUY, 98, 0);
    assert_eq!(same_fills(&quotes).fill_times(), [21]);
}

#[test]
fn brackets_and_pairs() {
    let legs = Bracket { stop: Some(price(97)), target: Some(price(104)), trail_bps: None };
    let case = book().place(10, market(BUY, 2).bracket(legs));
    let done = same_fills(&case.clone().trade(20, BUY, 105, 5));
    assert_eq!(done.fills(), [(1, 101, 2, false), (3, 104, 2, true)]);
    let done = same_fills(&case.trade(20, SELL, 97, 5));
    assert_eq!(done.fills(), [(1, 101, 2, false), (2, 99, 2, false)]);
    // An entry that fills in two parts, both of them protected.
    let entry = limit(BUY, 5, 100).bracket(legs);
    let parts = book().place(10, entry).trade(20, SELL, 100, 2).trade(30, SELL, 100, 9);
    let done = same_fills(&parts.trade(40, BUY, 105, 9));
    assert_eq!(done.fills(), [(1, 100, 2, true), (1, 100, 3, true), (3, 104, 5, true)]);
    // A pair, in two parts.
    let pair = book().step(10, Step::Pair(limit(BUY, 5, 100), limit(BUY, 5, 98)));
    same_fills(&pair.trade(20, SELL, 100, 3).trade(30, SELL, 98, 11).trade(40, SELL, 98, 9));
    // One triggers two of which one cancels the other.
    let chain = Step::Chain(limit(BUY, 5, 100), limit(SELL, 5, 104), stop(SELL, 5, 96));
    let done = same_fills(&book().step(10, chain).trade(20, SELL, 100, 5).trade(40, BUY, 105, 9));
    assert_eq!(done.fills(), [(1, 100, 5, true), (2, 104, 5, true)]);
    // The entry is cancelled: what waited for it ends with it.
    same_fills(&book().step(10, chain).step(20, Step::Cancel(1)));
}

#[test]
fn a_stop_that_waits_here_comes_later_by_the_way_there_and_back() {
    // The trade at 97 is at the venue at 20. Native: sold there and then, at 99. Here we hear of
    // it at 25 and the order is at the venue at 32: the bid is 98 by then.
    let mut case = book().trade(1, BUY, 100, 1).place(8, stop(SELL, 2, 97));
    case.feed = FeedLatency::constant(5);
    case.venue.order_latency = LatencyModel::constant(7);
    let case = case.trade(20, SELL, 97, 1).level(31, BUY, 99, 0);
    let native = case.run();
    assert_eq!((native.fills(), native.fill_times()), (vec![(1, 99, 2, false)], vec![20]));
    let done = at_lacking(&case, Lacks::STOP);
    assert_eq!((done.fills(), done.fill_times()), (vec![(1, 98, 2, false)], vec![32]));
    // What the strategy is told of it: one order, its own, from the start.
    let told: Vec<(u64, ReportKind, i64)> =
        done.said.iter().map(|said| (said.order, said.kind, said.recv_ns)).collect();
    assert_eq!(told, [(1, ReportKind::Accepted, 8), (1, ReportKind::Filled, 32)]);
}

#[test]
fn what_waits_here_is_changed_and_cancelled_at_once() {
    let mut case = book().trade(1, BUY, 100, 1).place(10, stop(SELL, 2, 97));
    case.venue.order_latency = LatencyModel::constant(50);
    let to = qt_types::OrderKind::Stop { trigger: price(90) };
    let case = case.step(12, Step::Replace(1, to, 3)).trade(20, SELL, 95, 1);
    let done = at_lacking(&case, Lacks::STOP);
    assert_eq!(done.fills(), [], "95 is above the new trigger");
    let done = at_lacking(&case.clone().step(30, Step::Cancel(1)), Lacks::STOP);
    assert_eq!(done.ends(), [(1, RejectReason::Requested)]);
    let ended = done.said.iter().find(|said| said.kind == ReportKind::Cancelled).unwrap();
    assert_eq!(ended.recv_ns, 30, "no way to the venue and back");
    // Triggered, it is three lots.
    let done = at_lacking(&case.trade(40, SELL, 90, 1), Lacks::STOP);
    assert_eq!(done.fills(), [(1, 99, 3, false)]);
}

#[test]
fn a_close_out_ends_what_waits_here() {
    // The entry fills; its stop waits here. Sold by hand, the stop has nothing left to protect.
    let legs = Bracket { stop: Some(price(90)), target: None, trail_bps: None };
    let case = book().place(10, market(BUY, 2).bracket(legs)).place(20, market(SELL, 2));
    let done = at_lacking(&case, all());
    assert_eq!(done.fills(), [(1, 101, 2, false), (3, 99, 2, false)]);
    assert_eq!(done.ends(), [(2, RejectReason::NothingToReduce)]);
}
