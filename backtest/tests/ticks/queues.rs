//! Orders that rest: their place in the queue, and what fills them.

use qt_backtest::venue::QueueModel;
use qt_types::Tick;

use crate::harness::Case;
use crate::script::{BUY, SELL, Step, at, limit, market};

/// 10 lots ahead at 99; the ask far away.
fn queue() -> Case<Tick> {
    Case::book(&[(99, 10), (98, 30)], &[(105, 5)])
}

#[test]
fn trades_at_the_price_take_what_is_ahead_first() {
    // Ahead 10. 10 traded: nothing. 1 more: 1 lot. 5 more, of which 4 are wanted: all.
    let rests = queue().place(10, limit(BUY, 5, 99));
    let traded = rests.trade(20, SELL, 99, 10);
    assert_eq!(traded.run().fills(), []);
    let one = traded.trade(30, SELL, 99, 1);
    assert_eq!(one.run().fills(), [(1, 99, 1, true)]);
    let all = one.trade(40, SELL, 99, 5);
    assert_eq!(all.run().fills(), [(1, 99, 1, true), (1, 99, 4, true)]);
    assert_eq!(all.run().fill_times(), [30, 40]);
}

#[test]
fn one_deep_trade_fills_what_is_left_of_it() {
    // 13 traded, 10 of them ahead: 3 are ours.
    let done = queue().place(10, limit(BUY, 5, 99)).trade(20, SELL, 99, 13).run();
    assert_eq!(done.fills(), [(1, 99, 3, true)]);
}

#[test]
fn whole_fills_fill_whole_as_soon_as_anything_is_left() {
    let whole = queue().with(|config| config.whole_fills = true).place(10, limit(BUY, 5, 99));
    assert_eq!(whole.clone().trade(20, SELL, 99, 10).run().fills(), []);
    assert_eq!(whole.trade(20, SELL, 99, 11).run().fills(), [(1, 99, 5, true)]);
}

#[test]
fn a_trade_through_the_price_fills_whatever_is_ahead() {
    // At 98, below our 99: up to the trade's 3 lots, at our price.
    let done = queue().place(10, limit(BUY, 5, 99)).trade(20, SELL, 98, 3).run();
    assert_eq!(done.fills(), [(1, 99, 3, true)]);
    // A buyer's trade hits the other side.
    let done = queue().place(10, limit(BUY, 5, 99)).trade(20, BUY, 98, 3).run();
    assert_eq!(done.fills(), []);
}

#[test]
fn the_opposite_best_that_reaches_the_price_fills_at_the_price() {
    // An ask of 3 at 98: we would have met it at our 99. It fills 3 once, not again when another
    // level of it changes; told again with 4, it fills the other 2.
    let reached = queue().place(10, limit(BUY, 5, 99)).level(20, SELL, 98, 3);
    let more = reached.clone().level(30, SELL, 104, 1);
    assert_eq!(reached.run().fills(), [(1, 99, 3, true)]);
    assert_eq!(more.run().fills(), [(1, 99, 3, true)]);
    let again = more.level(40, SELL, 98, 4);
    assert_eq!(again.run().fills(), [(1, 99, 3, true), (1, 99, 2, true)]);
}

#[test]
fn two_orders_of_ours_share_what_reaches_them() {
    // An ask of 5 at 99 meets 4 + 4 lots of ours: 4 for the first, 1 for the second.
    let two = queue().place(10, limit(BUY, 4, 99)).place(11, limit(BUY, 4, 99));
    let done = two.level(20, SELL, 99, 5).run();
    assert_eq!(done.fills(), [(1, 99, 4, true), (2, 99, 1, true)]);
}

#[test]
fn our_second_order_stands_behind_our_first() {
    // 10 ahead of both; 13 traded leave 3: 2 for the first, 1 for the second. Then 1 more.
    let two = queue().place(10, limit(BUY, 2, 99)).place(11, limit(BUY, 4, 99));
    let done = two.trade(20, SELL, 99, 13).trade(30, SELL, 99, 1).run();
    assert_eq!(done.fills(), [(1, 99, 2, true), (2, 99, 1, true), (2, 99, 1, true)]);
    // 11 traded: 1 for the first. 2 more: its other lot, then 1 for the second.
    let two = queue().place(10, limit(BUY, 2, 99)).place(11, limit(BUY, 4, 99));
    let done = two.trade(20, SELL, 99, 11).trade(30, SELL, 99, 2).run();
    assert_eq!(done.fills(), [(1, 99, 1, true), (1, 99, 1, true), (2, 99, 1, true)]);
}

/// How many lots must trade at 99 before the order gets one, after `change` of its queue.
fn ahead(model: QueueModel, change: impl Fn(Case<Tick>) -> Case<Tick>) -> i64 {
    let rests = queue().with(|config| config.queue_model = model).place(10, limit(BUY, 1, 99));
    let changed = change(rests);
    let is_filled = |lots: &i64| {
        let case = changed.clone().trade(90, SELL, 99, *lots);
        case.run_at(qt_backtest::replay::Pace::Ahead).position == 1
    };
    (1..100).find(is_filled).unwrap() - 1
}

#[test]
fn a_decrease_moves_the_risk_averse_order_only_when_it_must() {
    let model = QueueModel::RiskAverse;
    // 10 ahead, 10 more behind, then 8 leave: all from behind, as far as we know.
    let joined = |case: Case<Tick>| case.level(20, BUY, 99, 20);
    assert_eq!(ahead(model, |case| joined(case).level(30, BUY, 99, 12)), 10);
    // Down to 6: no more than 6 can be ahead.
    assert_eq!(ahead(model, |case| joined(case).level(30, BUY, 99, 6)), 6);
    // Gone and back with 50: we are first.
    assert_eq!(ahead(model, |case| case.level(30, BUY, 99, 0).level(40, BUY, 99, 50)), 0);
}

#[test]
fn a_decrease_is_shared_by_the_probabilistic_models() {
    let cubed = QueueModel::ProbPower { n: 3 };
    let joined = |case: Case<Tick>| case.level(20, BUY, 99, 30);
    // 10 ahead, 20 behind, 9 leave. Cubed: 8000 / (8000 + 1000) = 8/9 from behind, 1/9 of 9 = 1
    // from ahead: 9 stay.
    assert_eq!(ahead(cubed, |case| joined(case).level(30, BUY, 99, 21)), 9);
    // n = 1: 20 / 30 from behind, a third of 9 = 3 from ahead: 7 stay.
    let plain = QueueModel::ProbPower { n: 1 };
    assert_eq!(ahead(plain, |case| joined(case).level(30, BUY, 99, 21)), 7);
    // Logarithms: ln 21 = 3.0445, ln 11 = 2.3979: 0.55942 from behind, 0.44058 x 9 = 3.965 from
    // ahead: 6.035 stay; a trade of 6 leaves 0.035, one of 7 takes 0.965 of us: rounded 1.
    assert_eq!(ahead(QueueModel::ProbLog, |case| joined(case).level(30, BUY, 99, 21)), 6);
}

#[test]
fn what_trades_explain_is_not_shared() {
    // 4 traded: 6 ahead, all 30 - 4 = 26 explained.
    let cubed = QueueModel::ProbPower { n: 3 };
    let explained = |case: Case<Tick>| {
        case.level(20, BUY, 99, 30).trade(30, SELL, 99, 4).level(40, BUY, 99, 26)
    };
    assert_eq!(ahead(cubed, explained), 6);
}

#[test]
fn a_snapshot_keeps_the_place_but_not_more_than_it_shows() {
    let model = QueueModel::RiskAverse;
    let told = |lots| {
        ahead(model, |case| {
            let cleared = case.clear(20).snapshot(20, BUY, (99, lots), false);
            cleared.snapshot(20, SELL, (105, 5), true)
        })
    };
    assert_eq!((told(50), told(4)), (10, 4));
    // A snapshot without our price: nobody is ahead of us there.
    let without = |case: Case<Tick>| {
        let cleared = case.clear(20).snapshot(20, BUY, (97, 9), false);
        cleared.snapshot(20, SELL, (105, 5), true)
    };
    assert_eq!(ahead(model, without), 0);
}

#[test]
fn best_prices_do_not_tell_the_queue_behind_them() {
    let tops = || Case::new().top(0, BUY, 99, 10).top(0, SELL, 105, 5);
    // Resting at 98 behind the best 99: when 98 becomes the best with 7, all 7 are ahead.
    let rests = tops().place(10, limit(BUY, 1, 98)).top(20, BUY, 98, 7);
    assert_eq!(rests.clone().trade(30, SELL, 98, 7).run().fills(), []);
    assert_eq!(rests.trade(30, SELL, 98, 8).run().fills(), [(1, 98, 1, true)]);
    // Resting at 99; the best moves up to 100 and comes back with 50: still 10 ahead.
    let moved = tops().place(10, limit(BUY, 1, 99)).top(20, BUY, 100, 3).top(30, BUY, 99, 50);
    assert_eq!(moved.clone().trade(40, SELL, 99, 10).run().fills(), []);
    assert_eq!(moved.trade(40, SELL, 99, 11).run().fills(), [(1, 99, 1, true)]);
    // The best moves below us: who was ahead is gone.
    let alone = tops().place(10, limit(BUY, 1, 99)).top(20, BUY, 97, 3);
    assert_eq!(alone.trade(40, SELL, 99, 1).run().fills(), [(1, 99, 1, true)]);
}

#[test]
fn an_unknown_aggressor_is_the_one_whose_best_price_it_was() {
    let both = || queue().place(10, limit(BUY, 1, 99)).place(10, limit(SELL, 1, 105));
    // At the bid: a seller, 10 + 1 lots. At the ask: a buyer, 5 + 1 lots.
    assert_eq!(both().print(20, 99, 11).run().fills(), [(1, 99, 1, true)]);
    assert_eq!(both().print(20, 105, 6).run().fills(), [(2, 105, 1, true)]);
    // Between them: whoever of us it prints through. Nobody here.
    assert_eq!(both().print(20, 102, 50).run().fills(), []);
    let inside = queue().level(0, BUY, 99, 0).place(10, limit(BUY, 2, 103));
    assert_eq!(inside.print(20, 102, 1).run().fills(), [(1, 103, 1, true)]);
}

#[test]
fn replacing_keeps_the_place_only_for_less_at_the_same_price() {
    let rests = || queue().place(10, limit(BUY, 5, 99)).level(20, BUY, 99, 30);
    // Less: 10 ahead still; 12 traded leave 2 of the 3.
    let less = rests().step(30, Step::Replace(1, at(99), 3)).trade(40, SELL, 99, 12);
    assert_eq!(less.run().fills(), [(1, 99, 2, true)]);
    // More: behind all 30.
    let more = rests().step(30, Step::Replace(1, at(99), 6)).trade(40, SELL, 99, 30);
    assert_eq!(more.run().fills(), []);
    assert_eq!(more.trade(50, SELL, 99, 1).run().fills(), [(1, 99, 1, true)]);
    // Another price and back: behind all 30 as well.
    let moved = rests()
        .step(30, Step::Replace(1, at(98), 5))
        .step(31, Step::Replace(1, at(99), 5))
        .trade(40, SELL, 99, 31);
    assert_eq!(moved.run().fills(), [(1, 99, 1, true)]);
    // To a price that takes: it takes.
    let takes = rests().step(30, Step::Replace(1, at(105), 5));
    assert_eq!(takes.run().fills(), [(1, 105, 5, false)]);
}

#[test]
fn a_negative_quantity_does_nothing() {
    let rests = || queue().place(10, limit(BUY, 5, 99));
    assert_eq!(rests().trade(20, SELL, 98, -3).run().fills(), []);
    // The book ignores it: 10 are ahead as before.
    let told = rests().level(20, BUY, 99, -3).trade(30, SELL, 99, 10);
    assert_eq!(told.run().fills(), []);
    // Nor do prices at the end of the numbers.
    for price in [i64::MIN, i64::MAX] {
        let odd = rests().place(10, market(SELL, 1)).trade(20, SELL, price, 1);
        assert_eq!(odd.level(30, SELL, price, 1).run().fills().len(), 0);
    }
}
