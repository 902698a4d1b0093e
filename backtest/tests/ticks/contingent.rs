//! Orders that hang on others, on books: one cancels the other, one triggers another. Each worked
//! out by hand.

use qt_types::{OrderId, RejectReason, ReportKind, Tick};

use crate::harness::{Case, Outcome};
use crate::script::{BUY, SELL, Step, at, limit, market, stop};

/// Bid 99, ask 101, 10 lots each, with more behind.
fn book() -> Case<Tick> {
    Case::book(&[(99, 10), (98, 10), (95, 10)], &[(101, 10), (102, 10), (106, 10)])
}

/// The totals that the venue told of changes nobody asked for: order, lots.
fn shared(done: &Outcome) -> Vec<(u64, i64)> {
    let told = done
        .said
        .iter()
        .filter(|said| said.kind == ReportKind::Replaced && said.reason == RejectReason::OcoFilled);
    told.map(|said| (said.order, said.qty)).collect()
}

#[test]
fn one_of_a_pair_takes_from_the_other_what_it_fills() {
    // A bid at 100 (nobody ahead) and one at 98 (10 ahead). 3 lots trade at 100: 3 filled, and
    // the other one is for 2. The last 2 end it.
    let case = book().step(10, Step::Pair(limit(BUY, 5, 100), limit(BUY, 5, 98)));
    let part = case.trade(20, SELL, 100, 3);
    let done = part.run();
    assert_eq!(done.fills(), [(1, 100, 3, true)]);
    assert_eq!((shared(&done), done.ends()), (vec![(2, 2)], vec![]));
    let done = part.trade(30, SELL, 100, 9).run();
    assert_eq!(done.fills(), [(1, 100, 3, true), (1, 100, 2, true)]);
    assert_eq!(done.ends(), [(2, RejectReason::OcoFilled)]);
    assert_eq!(done.position, 5);
}

#[test]
fn the_second_of_a_pair_takes_from_the_first() {
    // 10 ahead at 98; 14 trade there: 4 filled, 1 of the first one is left. A trade through it
    // fills that one, and the second ends.
    let case = book().step(10, Step::Pair(limit(BUY, 5, 97), limit(BUY, 5, 98)));
    let part = case.trade(20, SELL, 98, 14);
    let done = part.run();
    assert_eq!((done.fills(), shared(&done)), (vec![(2, 98, 4, true)], vec![(1, 1)]));
    // 94 is through both: the better price first, its last lot; that leaves nothing of the other.
    let done = part.trade(30, SELL, 94, 9).run();
    assert_eq!(done.fills(), [(2, 98, 4, true), (2, 98, 1, true)]);
    assert_eq!(done.ends(), [(1, RejectReason::OcoFilled)]);
}

#[test]
fn a_pair_of_which_one_fills_on_arrival_is_one_message() {
    let done = book().step(10, Step::Pair(limit(BUY, 5, 101), limit(BUY, 5, 98))).run();
    assert_eq!(done.fills(), [(1, 101, 5, false)]);
    assert_eq!(done.ends(), [(2, RejectReason::OcoFilled)]);
    // And part of it: 10 at 101, so that 2 are left of both.
    let done = book().step(10, Step::Pair(limit(BUY, 12, 101), limit(BUY, 12, 98))).run();
    assert_eq!((done.fills(), shared(&done)), (vec![(1, 101, 10, false)], vec![(2, 2)]));
}

#[test]
fn a_stop_and_a_target_of_a_position_are_a_pair() {
    let case = book()
        .place(5, market(BUY, 4))
        .step(10, Step::Pair(limit(SELL, 4, 105), stop(SELL, 4, 97)));
    let done = case.clone().trade(20, BUY, 106, 4).run();
    assert_eq!(done.fills(), [(1, 101, 4, false), (2, 105, 4, true)]);
    assert_eq!(done.ends(), [(3, RejectReason::OcoFilled)]);
    let done = case.trade(20, SELL, 97, 4).run();
    assert_eq!(done.fills(), [(1, 101, 4, false), (3, 99, 4, false)]);
    assert_eq!(done.ends(), [(2, RejectReason::OcoFilled)]);
}

#[test]
fn a_child_waits_for_the_last_lot_of_its_parent() {
    // The parent bids at 100. Its children sell at 104, or at a stop of 96.
    let chain = Step::Chain(limit(BUY, 5, 100), limit(SELL, 5, 104), stop(SELL, 5, 96));
    let case = book().step(10, chain).trade(20, SELL, 100, 3);
    // 3 of 5: a trade through 104 meets nothing.
    assert_eq!(case.clone().trade(30, BUY, 105, 9).run().fills(), [(1, 100, 3, true)]);
    // The other 2, and then it does: all 5, and the stop ends.
    let done = case.clone().trade(30, SELL, 100, 2).trade(40, BUY, 105, 9).run();
    assert_eq!(done.fills(), [(1, 100, 3, true), (1, 100, 2, true), (2, 104, 5, true)]);
    assert_eq!((done.ends(), done.position), (vec![(3, RejectReason::OcoFilled)], 0));
    // A parent that ends before takes its children with it.
    let done = case.step(30, Step::Cancel(1)).run();
    let ended = |order| (order, RejectReason::ParentEnded);
    assert_eq!(done.ends(), [(1, RejectReason::Requested), ended(2), ended(3)]);
}

#[test]
fn a_child_of_a_parent_that_fills_on_arrival_goes_at_once() {
    // 4 bought at 101; the child sells them at the bid.
    let chain = Step::Chain(market(BUY, 4), limit(SELL, 4, 98), stop(SELL, 4, 90));
    let done = book().step(10, chain).run();
    assert_eq!(done.fills(), [(1, 101, 4, false), (2, 99, 4, false)]);
    assert_eq!(done.fill_times(), [10, 10]);
    assert_eq!(done.ends(), [(3, RejectReason::OcoFilled)]);
}

#[test]
fn a_child_of_an_order_that_is_open_waits_with_us() {
    // No venue takes such an order: it leaves when we hear of the fill, 5 ns after it, and takes
    // 5 more; the book has fallen meanwhile.
    let child = limit(SELL, 5, 98).triggered_by(OrderId::new(0, 1));
    let mut case = book().place(10, limit(BUY, 5, 100)).place(15, child);
    case.venue.order_latency = qt_backtest::venue::LatencyModel::constant(5);
    case.venue.response_latency = qt_backtest::venue::LatencyModel::constant(5);
    let case = case.trade(20, SELL, 100, 5).level(28, BUY, 99, 0);
    let done = case.run();
    assert_eq!(done.fills(), [(1, 100, 5, true), (2, 98, 5, false)]);
    assert_eq!(done.fill_times(), [20, 30]);
    // Before that it is here and can be changed and cancelled at once.
    let case = book().place(10, limit(BUY, 5, 100)).place(15, child);
    let changed = case.step(16, Step::Replace(2, at(105), 4)).step(17, Step::Cancel(2)).run();
    let of_child: Vec<(ReportKind, i64, i64)> = changed
        .said
        .iter()
        .filter(|said| said.order == 2)
        .map(|said| (said.kind, said.recv_ns, said.qty))
        .collect();
    let expected = [
        (ReportKind::Accepted, 15, 0),
        (ReportKind::Replaced, 16, 4),
        (ReportKind::Cancelled, 17, 0),
    ];
    assert_eq!(of_child, expected);
}

#[test]
fn what_hangs_on_nothing_is_denied() {
    let orphan = limit(SELL, 5, 98).triggered_by(OrderId::new(0, 7));
    let done = book().place(10, orphan).run();
    assert_eq!(done.denied, [qt_types::DenyReason::UnknownOrder]);
    let widow = limit(SELL, 5, 98).oco(OrderId::new(0, 7));
    assert_eq!(book().place(10, widow).run().denied, [qt_types::DenyReason::UnknownOrder]);
}
