//! The book by order.

use proptest::prelude::*;
use qt_engine::book::naive::NaiveOrderBook;
use qt_engine::book::{
    BOOK_TICKS_MAX, BookLimits, BookState, CrossPolicy, OrderBook, OrderBookFaults,
    OrderBookLimits, StaleReason,
};
use qt_types::{OrderTick, OrderTickKind, Price, Qty, Side, TickFlags};

const SIDES: [Side; 2] = [Side::Buy, Side::Sell];

fn order_tick(kind: OrderTickKind, order: u64, side: Side, price: i64, qty: i64) -> OrderTick {
    let flags = if side == Side::Sell { TickFlags::ASK } else { TickFlags::NONE };
    let flags = flags.with(TickFlags::LAST).bits();
    let (kind, latency_ns) = (kind as u8, 0);
    OrderTick { venue_ns: 0, order, price, qty, latency_ns, instrument: 0, kind, flags }
}

fn kind() -> impl Strategy<Value = u8> {
    prop_oneof![
        45 => Just(OrderTickKind::Add as u8),
        10 => Just(OrderTickKind::Reduce as u8),
        12 => Just(OrderTickKind::Delete as u8),
        15 => Just(OrderTickKind::Modify as u8),
        12 => Just(OrderTickKind::Execute as u8),
        1 => 5_u8..10,
    ]
}

fn lots() -> impl Strategy<Value = i64> {
    prop_oneof![60 => 1_i64..8, 3 => Just(0), 1 => any::<i64>()]
}

/// Ticks about few orders, so that they meet: known and unknown, near and far. `spread` keeps the
/// sides apart, so that the book is rarely crossed.
fn wild(spread: i64) -> impl Strategy<Value = OrderTick> {
    let distance = prop_oneof![60 => 0_i64..6, 20 => 0_i64..60, 10 => 0_i64..3_000];
    let hostile = prop_oneof![300 => Just(None), 1 => any::<i64>().prop_map(Some)];
    (kind(), 0_u64..80, distance, hostile, lots(), any::<u8>()).prop_map(
        move |(kind, id, distance, hostile, qty, flags)| {
            // The side goes with the id, mostly: else few changes would find their order's side.
            let is_ask = (id % 2 == 1) != (flags >> 4 == 0);
            let flags = flags & !TickFlags::ASK.bits() | u8::from(is_ask);
            let away = distance + spread;
            let price = hostile.unwrap_or(if is_ask { 10_000 + away } else { 10_000 - away });
            let (order, venue_ns) = (id.wrapping_mul(0xDEAD_BEEF_0000_0001), distance);
            OrderTick { venue_ns, order, price, qty, latency_ns: 0, instrument: 0, kind, flags }
        },
    )
}

fn limits(crosses: CrossPolicy) -> OrderBookLimits {
    let window_ticks = BookLimits::WINDOW_TICKS_MIN;
    OrderBookLimits { orders_max: 80, window_ticks, crosses }
}

fn queues_equal(book: &OrderBook, naive: &NaiveOrderBook, side: Side, price: Price) {
    let queue: Vec<_> = book.queue_at(side, price).map(|order| (order.id, order.qty)).collect();
    assert_eq!(queue, naive.queue_at(side, price));
    let stamps: Vec<_> = book.queue_at(side, price).map(|order| order.stamp).collect();
    assert!(stamps.is_sorted() && stamps.last().is_none_or(|&stamp| stamp <= book.last_stamp()));
}

fn compare(crosses: CrossPolicy, ticks: &[OrderTick]) {
    let mut book = OrderBook::new(&limits(crosses));
    let mut naive = NaiveOrderBook::new(crosses);
    for (at, tick) in ticks.iter().enumerate() {
        let changed = book.apply(tick);
        assert_eq!(changed, naive.apply(tick), "tick {at}: {tick:?}");
        assert_eq!(book.view().state(), naive.book().state(), "tick {at}: {tick:?}");
        assert_eq!(book.faults(), naive.faults(), "tick {at}: {tick:?}");
        assert_eq!(book.book().faults(), naive.book().faults(), "tick {at}: {tick:?}");
        assert_eq!(book.order_count(), naive.order_count());
        assert_eq!(book.lots_ahead(tick.order), naive.lots_ahead(tick.order));
        for side in SIDES {
            let levels = book.view().levels(side);
            assert!(levels.eq(naive.book().levels(side)), "tick {at}: {tick:?}");
            queues_equal(&book, &naive, side, Price::from_ticks(tick.price));
        }
        if let Some(order) = book.order(tick.order) {
            let queue = naive.queue_at(order.side, order.price);
            assert!(queue.contains(&(tick.order, order.qty)));
        }
    }
    for side in SIDES {
        for (price, _) in book.view().levels(side) {
            queues_equal(&book, &naive, side, price);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn it_is_the_naive_book_on_any_ticks(
        is_uncrossed: bool,
        ticks in prop::collection::vec(wild(-3), 0..800),
    ) {
        compare(if is_uncrossed { CrossPolicy::Uncross } else { CrossPolicy::Stale }, &ticks);
    }

    #[test]
    fn it_is_the_naive_book_on_a_market(ticks in prop::collection::vec(wild(1), 0..800)) {
        compare(CrossPolicy::Stale, &ticks);
    }

    #[test]
    fn too_many_orders_are_refused_and_said(
        ticks in prop::collection::vec(wild(1), 0..800),
        orders_max in 0_usize..60,
    ) {
        let limits = OrderBookLimits { orders_max, ..limits(CrossPolicy::Stale) };
        let mut book = OrderBook::new(&limits);
        let mut naive = NaiveOrderBook::new(CrossPolicy::Stale);
        for tick in &ticks {
            let before = book.faults().overflow;
            book.apply(tick);
            naive.apply(tick);
            prop_assert!(book.order_count() <= orders_max.max(1));
            if book.faults().overflow == 0 {
                prop_assert_eq!(book.order_count(), naive.order_count());
            } else if book.faults().overflow > before {
                prop_assert!(book.book().is_overflowed() && book.view().is_stale());
            }
            let mut queued = 0;
            for side in SIDES {
                for (price, _) in book.view().levels(side) {
                    queued += book.queue_at(side, price).count();
                }
            }
            prop_assert_eq!(queued, book.order_count());
        }
    }
}

/// How a venue may number its orders: in a row, from the end of all numbers, with gaps, in the
/// highest bits alone, at random.
const NUMBERINGS: [fn(u64) -> u64; 6] = [
    |n| n,
    |n| u64::MAX - n,
    |n| 6_412_777_162_812 + n * 7_919,
    |n| n << 52,
    |n| ((n % 64) << 58) | (n / 64),
    |n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (n << 7),
];

/// Orders come until there is room for no more, most go, and their ids come again: the table of
/// ids grows on the way, and twice as many orders as it began with are looked up in it.
#[test]
fn it_is_the_naive_book_however_orders_are_numbered() {
    for (at, number) in NUMBERINGS.into_iter().enumerate() {
        let mut book =
            OrderBook::new(&OrderBookLimits { orders_max: 600, ..limits(CrossPolicy::Stale) });
        let mut naive = NaiveOrderBook::new(CrossPolicy::Stale);
        let mut state = at as u64;
        let mut dice = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
            (state >> 33) % below
        };
        for step in 0..6_000_u64 {
            let n = dice(900);
            let side = SIDES[(n % 2) as usize];
            let price = 10_000 - side.sign() * (1 + dice(200) as i64);
            let comes = naive.order_count() < 600 && dice(100) < 30 + 40 * (step / 1_000 % 2);
            let kind = if comes { OrderTickKind::Add } else { OrderTickKind::Delete };
            let tick = order_tick(kind, number(n), side, price, 1 + dice(9) as i64);
            assert_eq!(book.apply(&tick), naive.apply(&tick), "step {step} of numbering {at}");
            assert_eq!(book.faults(), naive.faults(), "step {step} of numbering {at}");
            let looked_up = number(dice(900));
            assert_eq!(book.lots_ahead(looked_up), naive.lots_ahead(looked_up));
            assert_eq!(book.order_count(), naive.order_count());
        }
        assert!(book.order_count() > 300 && book.faults().duplicate_order > 300);
        for side in SIDES {
            assert!(book.view().levels(side).eq(naive.book().levels(side)));
            for (price, _) in book.view().levels(side) {
                queues_equal(&book, &naive, side, price);
            }
        }
    }
}

fn book(ticks: &[OrderTick]) -> OrderBook {
    let mut book = OrderBook::new(&OrderBookLimits::default());
    for tick in ticks {
        book.apply(tick);
    }
    book
}

fn queue(book: &OrderBook, side: Side, price: i64) -> Vec<(u64, i64)> {
    let queue = book.queue_at(side, Price::from_ticks(price));
    queue.map(|order| (order.id, order.qty.lots())).collect()
}

/// Three bids of 5 at 100.
fn three() -> OrderBook {
    book(&[1, 2, 3].map(|id| order_tick(OrderTickKind::Add, id, Side::Buy, 100, 5)))
}

fn told(book: &mut OrderBook, kind: OrderTickKind, order: u64, price: i64, qty: i64) -> bool {
    book.apply(&order_tick(kind, order, Side::Buy, price, qty))
}

#[test]
fn a_place_in_the_queue_is_kept_or_lost_as_on_an_exchange() {
    let mut book = three();
    assert_eq!(book.lots_ahead(3), Some(Qty::from_lots(10)));
    assert!(told(&mut book, OrderTickKind::Reduce, 1, 0, 2));
    assert_eq!(queue(&book, Side::Buy, 100), [(1, 3), (2, 5), (3, 5)]);
    assert!(told(&mut book, OrderTickKind::Modify, 1, 100, 1), "less keeps the place");
    assert_eq!(queue(&book, Side::Buy, 100), [(1, 1), (2, 5), (3, 5)]);
    assert!(!told(&mut book, OrderTickKind::Modify, 1, 100, 1), "the same keeps it too");
    assert!(told(&mut book, OrderTickKind::Modify, 1, 100, 4), "more does not");
    assert_eq!(queue(&book, Side::Buy, 100), [(2, 5), (3, 5), (1, 4)]);
    assert!(told(&mut book, OrderTickKind::Execute, 2, 99, 5), "whatever it was executed at");
    assert!(told(&mut book, OrderTickKind::Modify, 3, 99, 5));
    assert!(told(&mut book, OrderTickKind::Modify, 3, 100, 5), "there and back");
    assert_eq!(queue(&book, Side::Buy, 100), [(1, 4), (3, 5)]);
    assert_eq!(book.lots_ahead(3), Some(Qty::from_lots(4)));
    assert_eq!(book.lots_ahead(2), None);
    let order = book.order(3).unwrap();
    assert_eq!((order.side, order.price.ticks(), order.stamp), (Side::Buy, 100, 6));
    assert_eq!(*book.faults(), OrderBookFaults::default());
}

#[test]
fn what_cannot_be_is_counted_and_changes_nothing_else() {
    use OrderTickKind::{Add, Delete, Execute, Modify, Reduce};
    let mut book = three();
    assert!(!told(&mut book, Add, 1, 101, 5), "an id that rests");
    assert!(!told(&mut book, Delete, 9, 100, 5), "an id that does not");
    assert!(!told(&mut book, Add, 4, 100, 0));
    assert!(!told(&mut book, Add, 4, BOOK_TICKS_MAX, 1));
    assert!(!told(&mut book, Add, 4, 100, i64::MAX), "the level's sum would overflow");
    assert!(!told(&mut book, Modify, 2, 100, i64::MAX));
    assert!(!told(&mut book, Reduce, 2, 100, -1));
    assert!(!told(&mut book, Reduce, 2, 100, 0));
    assert_eq!(queue(&book, Side::Buy, 100), [(1, 5), (2, 5), (3, 5)]);
    assert!(told(&mut book, Reduce, 1, 100, 6), "more than rests: gone");
    assert!(told(&mut book, Execute, 2, 100, i64::MAX));
    assert!(book.apply(&order_tick(Modify, 3, Side::Sell, 104, 2)), "it changed its side");
    assert_eq!(queue(&book, Side::Sell, 104), [(3, 2)]);
    assert!(book.view().best_bid().is_none());
    assert!(told(&mut book, Modify, 3, 104, 0), "a change to nothing is a deletion");
    assert_eq!(book.order_count(), 0);
    let faults = OrderBookFaults {
        unknown_order: 1,
        duplicate_order: 1,
        over_reduced: 1,
        over_executed: 1,
        side_changed: 1,
        invalid: 5,
        overflow: 0,
    };
    assert_eq!(*book.faults(), faults);
}

#[test]
fn the_largest_quantities_can_rest() {
    use OrderTickKind::{Add, Modify};
    let mut book = book(&[order_tick(Add, 1, Side::Buy, 100, i64::MAX - 9)]);
    assert!(told(&mut book, Modify, 1, 100, i64::MAX - 5), "alone at its price it may grow");
    assert!(told(&mut book, Add, 2, 100, 5));
    assert!(!told(&mut book, Add, 3, 100, 1), "now the level is full");
    assert!(told(&mut book, Modify, 2, 99, 5));
    assert_eq!(queue(&book, Side::Buy, 100), [(1, i64::MAX - 5)]);
    assert_eq!(book.faults().invalid, 1);
}

#[test]
fn a_cleared_side_forgets_its_orders() {
    let mut book = three();
    book.apply(&order_tick(OrderTickKind::Add, 7, Side::Sell, 90_000, 5));
    book.apply(&order_tick(OrderTickKind::Add, 8, Side::Sell, 103, 5));
    book.apply(&order_tick(OrderTickKind::Clear, 0, Side::Sell, 0, 0));
    assert_eq!((book.order_count(), book.order(7), book.order(8)), (3, None, None));
    book.mark_gap();
    assert_eq!(book.view().state(), BookState::Stale(StaleReason::Gap));
    for side in SIDES {
        book.apply(&order_tick(OrderTickKind::Clear, 0, side, 0, 0));
    }
    assert_eq!((book.view().state(), book.order_count()), (BookState::Empty, 0));
    assert!(told(&mut book, OrderTickKind::Add, 1, 100, 5), "its id is free again");
}

#[test]
fn orders_without_room_make_the_book_stale() {
    let limits = OrderBookLimits { orders_max: 2, ..OrderBookLimits::default() };
    let mut book = OrderBook::new(&limits);
    assert!(told(&mut book, OrderTickKind::Add, 1, 100, 5));
    assert!(told(&mut book, OrderTickKind::Add, 2, 100, 5));
    assert!(!told(&mut book, OrderTickKind::Add, 3, 101, 5));
    assert_eq!((book.faults().overflow, book.order_count()), (1, 2));
    assert_eq!(book.view().state(), BookState::Stale(StaleReason::Overflow));
    assert!(book.book().is_overflowed());
    for side in SIDES {
        book.apply(&order_tick(OrderTickKind::Clear, 0, side, 0, 0));
    }
    assert!(told(&mut book, OrderTickKind::Add, 3, 101, 5));
    assert_eq!(book.view().state(), BookState::Live);
}
