//! The book by price.

use proptest::prelude::*;
use qt_engine::book::naive::NaiveBook;
use qt_engine::book::{
    BOOK_TICKS_MAX, Book, BookFaults, BookLimits, BookState, CrossPolicy, StaleReason,
};
use qt_types::{Nanos, Price, Qty, Side, Tick, TickFlags, TickKind};

use crate::ticks::{LAST, With, ask, bid, tick, walk, wild};

const SIDES: [Side; 2] = [Side::Buy, Side::Sell];

/// A window so small that prices leave it all the time.
fn small(crosses: CrossPolicy) -> BookLimits {
    let window_ticks = BookLimits::WINDOW_TICKS_MIN;
    BookLimits { window_ticks, far_levels_max: 100_000, crosses }
}

fn levels_equal(book: &Book, naive: &NaiveBook) {
    for side in SIDES {
        assert!(book.view().levels(side).eq(naive.levels(side)), "{side:?}");
        assert_eq!(book.side(side).level_count(), naive.levels(side).count());
    }
}

/// Plays `ticks` to both and compares everything that can be seen.
fn compare(limits: &BookLimits, ticks: &[Tick]) {
    let (mut book, mut naive) = (Book::new(limits), NaiveBook::new(limits.crosses));
    let mut venue_ns = Nanos::MIN;
    for (at, tick) in ticks.iter().enumerate() {
        let changed = book.apply(tick);
        assert_eq!(changed, naive.apply(tick), "tick {at}: {tick:?}");
        let view = book.view();
        for side in SIDES {
            assert_eq!(view.best(side), naive.best(side), "tick {at}: {tick:?}");
            assert_eq!(view.qty_at(side, tick.price()), naive.qty_at(side, tick.price()));
        }
        assert_eq!(view.state(), naive.state(), "tick {at}: {tick:?}");
        assert_eq!(view.is_stale(), matches!(naive.state(), BookState::Stale(_)));
        assert_eq!(book.faults(), naive.faults(), "tick {at}: {tick:?}");
        let is_last = tick.flags().has(TickFlags::LAST);
        assert_eq!(view.is_complete(), is_last);
        if is_last && view.state() == BookState::Live {
            assert!(view.spread().is_none_or(|spread| spread > 0), "tick {at}: crossed");
        }
        if matches!(tick.kind(), Some(TickKind::Level | TickKind::Top | TickKind::Clear)) {
            venue_ns = Nanos::new(tick.venue_ns);
        }
        assert_eq!(view.venue_ns(), venue_ns);
        if at % 32 == 0 {
            levels_equal(&book, &naive);
        }
    }
    levels_equal(&book, &naive);
}

fn policies() -> impl Strategy<Value = CrossPolicy> {
    prop::sample::select(vec![CrossPolicy::Stale, CrossPolicy::Uncross])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn it_is_the_naive_book_on_any_ticks(
        crosses in policies(),
        ticks in prop::collection::vec(wild(), 0..2_000),
    ) {
        compare(&small(crosses), &ticks);
    }

    #[test]
    fn it_is_the_naive_book_on_a_market(crosses in policies(), ticks in walk(0..2_000)) {
        compare(&small(crosses), &ticks);
        compare(&BookLimits::default().with_crosses(crosses), &ticks);
    }

    #[test]
    fn too_many_levels_never_make_it_wrong_unnoticed(
        ticks in prop::collection::vec(wild(), 0..2_000),
        far_levels_max in 0_usize..40,
    ) {
        let limits = BookLimits { far_levels_max, ..small(CrossPolicy::Stale) };
        let (mut book, mut naive) = (Book::new(&limits), NaiveBook::new(limits.crosses));
        for tick in &ticks {
            book.apply(tick);
            naive.apply(tick);
            if !book.is_overflowed() {
                prop_assert_eq!(book.view().best_bid(), naive.best(Side::Buy));
                prop_assert_eq!(book.view().best_ask(), naive.best(Side::Sell));
            } else {
                prop_assert!(book.view().is_stale() && book.faults().overflow > 0);
            }
        }
        if !book.is_overflowed() {
            levels_equal(&book, &naive);
        }
    }

    #[test]
    fn of_too_many_levels_it_keeps_the_best(
        prices in prop::collection::vec(-5_000_i64..5_000, 0..600),
        far_levels_max in 0_usize..200,
    ) {
        let limits = BookLimits { far_levels_max, ..small(CrossPolicy::Stale) };
        let (mut book, mut naive) = (Book::new(&limits), NaiveBook::new(limits.crosses));
        for &price in &prices {
            book.apply(&ask(price, 1));
            naive.apply(&ask(price, 1));
            let kept = book.view().levels(Side::Sell);
            let best = naive.levels(Side::Sell);
            prop_assert!(kept.take(far_levels_max).eq(best.take(far_levels_max)));
        }
    }
}

fn book(crosses: CrossPolicy, ticks: &[Tick]) -> Book {
    let mut book = Book::new(&BookLimits::default().with_crosses(crosses));
    for tick in ticks {
        book.apply(tick);
    }
    book
}

fn level(price: i64, lots: i64) -> Option<(Price, Qty)> {
    Some((Price::from_ticks(price), Qty::from_lots(lots)))
}

#[test]
fn an_update_may_cross_until_its_last_tick() {
    // The bid rises over an ask that goes away in the same update.
    let ticks = [bid(100, 5), ask(101, 5).with(LAST), bid(101, 2)];
    let mut book = book(CrossPolicy::Stale, &ticks);
    assert_eq!(book.view().spread(), Some(0));
    assert!(!book.view().is_complete() && !book.view().is_stale());
    assert!(book.apply(&ask(101, 0).with(LAST)));
    assert_eq!(book.state(), BookState::Live);
    assert_eq!((book.view().best_bid(), book.view().best_ask()), (level(101, 2), None));
}

#[test]
fn a_locked_book_is_stale_until_both_sides_are_cleared() {
    let mut book = book(CrossPolicy::Stale, &[bid(100, 5), ask(100, 5).with(LAST)]);
    let stale = BookState::Stale(StaleReason::Crossed);
    assert_eq!((book.state(), book.faults().crossed), (stale, 1));
    assert!(!book.view().is_empty(), "nothing is thrown away");
    book.apply(&ask(100, 0).with(LAST));
    assert_eq!(book.state(), stale, "it does not heal by itself");
    book.apply(&tick(TickKind::Clear, Side::Buy, 0, 0));
    assert_eq!(book.state(), stale, "one side is not enough");
    book.apply(&tick(TickKind::Clear, Side::Sell, 0, 0));
    assert_eq!(book.state(), BookState::Empty);
    book.apply(&bid(99, 1).with(LAST));
    assert_eq!(book.state(), BookState::Live);
}

#[test]
fn the_side_told_last_wins_when_a_replay_uncrosses() {
    let asks = [ask(101, 1), ask(102, 1), ask(103, 1), bid(100, 5).with(LAST)];
    let mut book = book(CrossPolicy::Uncross, &asks);
    assert!(book.apply(&bid(102, 7).with(LAST)));
    assert_eq!((book.view().best_bid(), book.view().best_ask()), (level(102, 7), level(103, 1)));
    assert!(book.apply(&ask(100, 4).with(LAST)));
    assert_eq!((book.view().best_bid(), book.view().best_ask()), (None, level(100, 4)));
    let faults = BookFaults { crossed: 2, uncrossed_levels: 4, ..BookFaults::default() };
    assert_eq!((book.state(), *book.faults()), (BookState::Live, faults));
}

#[test]
fn an_auction_may_cross_and_trading_may_not() {
    let status = |on| tick(TickKind::Status, Side::Buy, 0, on).with(LAST);
    let ticks = [status(0), bid(105, 1), ask(100, 1).with(LAST)];
    let mut book = book(CrossPolicy::Stale, &ticks);
    assert_eq!(book.state(), BookState::Stale(StaleReason::Crossed));
    assert!(book.view().is_halted());
    assert_eq!(book.faults().crossed, 0);
    // The auction's result: the bid is gone when trading begins.
    let mut after = book.clone();
    after.apply(&bid(105, 0));
    after.apply(&status(1));
    assert_eq!((after.state(), after.faults().crossed), (BookState::Live, 0));
    book.apply(&status(1));
    assert_eq!((book.is_overflowed(), book.faults().crossed), (false, 1));
    assert_eq!(book.state(), BookState::Stale(StaleReason::Crossed));
}

#[test]
fn a_gap_lasts_until_a_snapshot() {
    let mut book = book(CrossPolicy::Stale, &[bid(100, 5), ask(101, 5).with(LAST)]);
    book.apply(&tick(TickKind::Clear, Side::Buy, 0, 0));
    book.apply(&tick(TickKind::Gap, Side::Buy, 0, 0).with(LAST));
    assert_eq!(book.view().stale_reason(), Some(StaleReason::Gap));
    book.apply(&tick(TickKind::Clear, Side::Sell, 0, 0));
    assert!(book.view().is_stale(), "what was cleared before the gap does not count");
    book.apply(&tick(TickKind::Clear, Side::Buy, 0, 0).with(LAST));
    assert_eq!((book.state(), book.faults().gaps), (BookState::Empty, 1));
}

#[test]
fn best_prices_alone_leave_no_levels_behind() {
    let top = |side, price, lots| tick(TickKind::Top, side, price, lots).with(LAST);
    let buy = |price, lots| top(Side::Buy, price, lots);
    let mut book = book(CrossPolicy::Stale, &[buy(100, 5), buy(103, 1), buy(101, 2)]);
    assert_eq!(book.view().levels(Side::Buy).count(), 1);
    assert_eq!(book.view().best_bid(), level(101, 2));
    assert!(!book.apply(&buy(101, 2)), "nothing new");
    // With levels told, those behind the best stay.
    for tick in [bid(99, 4), bid(100, 3), buy(102, 1), buy(100, 9)] {
        book.apply(&tick);
    }
    assert!(book.view().levels(Side::Buy).eq([level(100, 9), level(99, 4)].into_iter().flatten()));
    assert!(book.apply(&buy(100, 0)), "no quantity: the side ends there");
    assert_eq!(book.view().best_bid(), level(99, 4));
}

#[test]
fn what_cannot_be_is_counted() {
    let unknown = Tick { kind: 200, ..bid(1, 1) };
    let outside = [bid(i64::MAX, 1), ask(i64::MIN, 1), ask(BOOK_TICKS_MAX, 1), ask(i64::MAX, 1)];
    let mut ticks = vec![bid(100, 5), bid(100, -5), unknown];
    ticks.extend(outside);
    ticks.extend([bid(i64::MIN, 0), ask(i64::MAX, 0), ask(i64::MAX, i64::MIN)]);
    let book = book(CrossPolicy::Stale, &ticks);
    let negative_qty = 2;
    let faults = BookFaults { overflow: 4, negative_qty, unknown_kind: 1, ..Default::default() };
    assert_eq!(*book.faults(), faults);
    assert_eq!(book.state(), BookState::Stale(StaleReason::Overflow));
    assert_eq!((book.view().best_bid(), book.view().best_ask()), (level(100, 5), None));
}

#[test]
fn the_view_reckons_exactly() {
    let ticks = [bid(100, 30), bid(98, 10), ask(103, 10), ask(200_000, 5).with(LAST)];
    let book = book(CrossPolicy::Stale, &ticks);
    let view = book.view();
    assert_eq!((view.mid_x2(), view.spread()), (Some(203), Some(3)));
    let micro = view.microprice().unwrap();
    assert_eq!((micro.numerator, micro.denominator), (100 * 10 + 103 * 30, 40));
    assert_eq!(micro.to_f64(), 102.25);
    assert_eq!(view.microprice_f64(), Some(102.25));
    let imbalance = |levels| view.imbalance(levels).map(|r| (r.numerator, r.denominator));
    assert_eq!(imbalance(1), Some((20, 40)));
    assert_eq!(imbalance(2), Some((25, 55)));
    assert_eq!(imbalance(0), None);
    assert_eq!(view.lots_within(Side::Buy, 9), 40);
    let depth = view.depth(1);
    assert_eq!((depth.bids().len(), depth.asks()[0].price.ticks()), (1, 103));
    assert_eq!(view.depth(99).asks().len(), 2);
    assert_eq!(view.qty_at(Side::Sell, Price::from_ticks(200_000)), Qty::from_lots(5));
    let empty = Book::new(&BookLimits::default());
    assert!(empty.view().is_empty() && empty.view().microprice().is_none());
    assert_eq!((empty.view().mid_x2(), empty.view().imbalance(5)), (None, None));
    assert_eq!(empty.view().venue_ns(), Nanos::MIN);
}

#[test]
fn the_extremes_of_the_range_work() {
    let (low, high) = (-BOOK_TICKS_MAX, BOOK_TICKS_MAX - 1);
    let ticks = [bid(low, 1), ask(high, 2), bid(high - 5, 3), ask(low + 7, 4), ask(high, 9)];
    compare(&small(CrossPolicy::Uncross), &ticks);
    // One tick further, right behind the best.
    let beyond = [ask(high - 1, 1), ask(high + 1, 1), bid(low + 1, 1), bid(low - 1, 1)];
    compare(&small(CrossPolicy::Stale), &beyond);
    let book = book(CrossPolicy::Stale, &ticks[..2]);
    assert_eq!((book.view().mid_x2(), book.view().spread()), (Some(-1), Some(high - low)));
}
