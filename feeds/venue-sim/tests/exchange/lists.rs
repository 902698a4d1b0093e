//! Lists of orders: what they hold, which order ends or begins which, and that nothing is lost.

use proptest::prelude::*;
use qt_venue_sim::exchange::{
    AccountId, Amend, Amount, Cancel, Event, Exchange, ExecutionKind, Fees, ListChange, ListOrders,
    ListPlaced, ListRef, NewAccount, NewList, NewOrder, OrderKind, OrderRef, OrderStatus, Pair,
    Pending, Refusal, Rule, Side, SymbolStatus, TimeInForce,
};

use crate::setup::{BASE, ONE, QUOTE, SYMBOL, exchange, exchange_with, id, whole_numbers};

use ExecutionKind::{Canceled, Expired, New, Rejected, Replaced, Trade};

fn limit(side: Side, price: i64, qty: i64) -> NewOrder {
    NewOrder::limit(SYMBOL, side, price * ONE, qty * ONE)
}

fn maker(side: Side, price: i64, qty: i64) -> NewOrder {
    NewOrder { kind: OrderKind::LimitMaker, time_in_force: None, ..limit(side, price, qty) }
}

/// A stop at a price; with a limit behind it where there is one.
fn stop(side: Side, at: i64, price: Option<i64>, qty: i64) -> NewOrder {
    NewOrder {
        kind: if price.is_some() { OrderKind::StopLossLimit } else { OrderKind::StopLoss },
        time_in_force: price.map(|_| TimeInForce::Gtc),
        stop_price: Some(at * ONE),
        price: price.map(|price| price * ONE),
        ..limit(side, 1, qty)
    }
}

fn pair(above: NewOrder, below: NewOrder) -> ListOrders {
    ListOrders::Pair(Pair { above, below })
}

fn sequence(working: NewOrder, pending: Pending) -> ListOrders {
    ListOrders::Sequence { working, pending }
}

fn place(exchange: &mut Exchange, account: AccountId, orders: ListOrders) -> ListPlaced {
    let list = NewList { symbol: SYMBOL, client_id: None, orders };
    exchange.place_list(account, &list).expect("a list")
}

fn refused(exchange: &mut Exchange, account: AccountId, orders: ListOrders) -> Refusal {
    let list = NewList { symbol: SYMBOL, client_id: None, orders };
    exchange.place_list(account, &list).expect_err("no list")
}

/// What was told: of orders the kind and the id counted from the first one, of lists the change.
#[derive(Debug, PartialEq)]
enum Said {
    Of(u64, ExecutionKind),
    List(ListChange),
}

use Said::{List, Of};

fn said(exchange: &mut Exchange) -> Vec<Said> {
    let said = |event| match event {
        Event::Report(report) => Some(Of(report.order.id, report.kind)),
        Event::List(report) => Some(List(report.change)),
        _ => None,
    };
    exchange.drain().into_iter().filter_map(said).collect()
}

fn status(exchange: &Exchange, order: u64) -> OrderStatus {
    exchange.order_by_id(order).expect("an order").status
}

/// What is held of the base and of the quote asset, in whole ones.
fn held(exchange: &Exchange, account: AccountId) -> [i64; 2] {
    let all = exchange.balances(account);
    [BASE, QUOTE].map(|asset| {
        let of = all.iter().find(|balance| balance.asset == asset).map_or(0, |one| one.locked);
        i64::try_from(of).expect("small") / ONE
    })
}

/// An exchange on which something was traded at 100.
fn traded() -> (Exchange, AccountId, AccountId) {
    let (mut exchange, ann, ben) = exchange();
    exchange.market_print(SYMBOL, Side::Buy, 100 * ONE, ONE);
    exchange.drain();
    (exchange, ann, ben)
}

#[test]
fn the_first_fill_of_one_ends_the_other_and_the_list_ends_with_it() {
    let (mut exchange, ann, _) = traded();
    let orders = pair(maker(Side::Sell, 110, 4), stop(Side::Sell, 90, Some(89), 4));
    let placed = place(&mut exchange, ann, orders);
    // The stop has the first id, whichever is above.
    let ids = placed.list.orders;
    assert_eq!(exchange.order_by_id(ids[0]).unwrap().kind, OrderKind::StopLossLimit);
    assert_eq!(said(&mut exchange), [Of(1, New), Of(2, New), List(ListChange::Started)]);
    assert_eq!(held(&exchange, ann), [4, 0], "only one of them has to be paid for");
    exchange.market_take(SYMBOL, Side::Buy, 110 * ONE, ONE);
    assert_eq!(said(&mut exchange), [Of(1, Expired), Of(2, Trade)]);
    assert_eq!(held(&exchange, ann), [3, 0]);
    // What is left of it rests, and the price of the other one means nothing any more.
    exchange.market_print(SYMBOL, Side::Sell, 80 * ONE, ONE);
    assert_eq!(said(&mut exchange), []);
    exchange.market_take(SYMBOL, Side::Buy, 110 * ONE, 3 * ONE);
    assert_eq!(said(&mut exchange), [Of(2, Trade), List(ListChange::Done)]);
    assert_eq!((held(&exchange, ann), exchange.lists(ann, 0).count()), ([0, 0], 1));
    assert!(exchange.list(ann, &ListRef { id: Some(1), client_id: None }).unwrap().is_done);
}

#[test]
fn the_price_of_the_stop_ends_the_other_before_the_stop_works() {
    let (mut exchange, ann, _) = traded();
    exchange.market_level(SYMBOL, Side::Buy, 88 * ONE, 10 * ONE);
    place(&mut exchange, ann, pair(maker(Side::Sell, 110, 4), stop(Side::Sell, 90, None, 4)));
    exchange.drain();
    exchange.market_print(SYMBOL, Side::Sell, 90 * ONE, ONE);
    let told = said(&mut exchange);
    assert_eq!(told, [Of(2, Expired), Of(1, New), Of(1, Trade), List(ListChange::Done)]);
    assert_eq!((status(&exchange, 1), held(&exchange, ann)), (OrderStatus::Filled, [0, 0]));
}

#[test]
fn a_pair_to_buy_holds_what_the_dearer_one_needs_until_one_is_chosen() {
    for (is_stop, left) in [(false, 2 * 90), (true, 2 * 112)] {
        let (mut exchange, ann, _) = traded();
        let orders = pair(stop(Side::Buy, 110, Some(112), 3), maker(Side::Buy, 90, 3));
        place(&mut exchange, ann, orders);
        assert_eq!(held(&exchange, ann), [0, 3 * 112]);
        if is_stop {
            exchange.market_level(SYMBOL, Side::Sell, 111 * ONE, ONE);
            exchange.market_print(SYMBOL, Side::Buy, 110 * ONE, ONE);
            assert_eq!(status(&exchange, 2), OrderStatus::Expired);
        } else {
            exchange.market_take(SYMBOL, Side::Sell, 90 * ONE, ONE);
            assert_eq!(status(&exchange, 1), OrderStatus::Expired);
        }
        assert_eq!(held(&exchange, ann), [0, left], "{is_stop}");
        assert!(exchange.sums().iter().all(|sum| *sum == 0));
    }
}

#[test]
fn prices_and_kinds_that_make_no_pair_are_refused_and_nothing_is_held() {
    let (mut exchange, ann, _) = traded();
    let (sell, buy) = (Side::Sell, Side::Buy);
    let profit = NewOrder { kind: OrderKind::TakeProfit, ..stop(sell, 90, None, 4) };
    for (orders, wanted) in [
        // The last price is 100.
        (pair(maker(sell, 100, 4), stop(sell, 90, None, 4)), Refusal::ListPrices),
        (pair(maker(sell, 110, 4), stop(sell, 100, None, 4)), Refusal::ListPrices),
        (pair(maker(sell, 80, 4), stop(sell, 90, None, 4)), Refusal::ListPrices),
        (pair(stop(buy, 100, None, 4), maker(buy, 90, 4)), Refusal::ListPrices),
        (pair(stop(buy, 110, None, 4), maker(buy, 100, 4)), Refusal::ListPrices),
        (pair(stop(sell, 110, None, 4), maker(sell, 90, 4)), Refusal::Combination),
        (pair(maker(sell, 110, 4), profit), Refusal::Combination),
        (pair(maker(sell, 110, 4), stop(sell, 90, None, 5)), Refusal::Combination),
        (pair(maker(sell, 110, 4), stop(buy, 90, None, 4)), Refusal::Combination),
        (
            pair(maker(sell, 110, 9_000_000), stop(sell, 90, None, 9_000_000)),
            Refusal::InsufficientBalance,
        ),
        (
            sequence(stop(sell, 90, None, 1), Pending::One(limit(buy, 80, 1))),
            Refusal::KindNotSupported,
        ),
    ] {
        assert_eq!(refused(&mut exchange, ann, orders.clone()), wanted, "{orders:?}");
    }
    let (mut named, other) = (maker(sell, 110, 4), stop(sell, 90, None, 4));
    named.client_id = id("one");
    let twice = NewOrder { client_id: id("one"), ..other };
    assert_eq!(refused(&mut exchange, ann, pair(named, twice)), Refusal::DuplicateClientId);
    assert_eq!((held(&exchange, ann), exchange.open_orders(ann, None).count()), ([0, 0], 0));
    assert!(said(&mut exchange).is_empty());
}

#[test]
fn the_orders_of_a_list_all_count() {
    let (mut exchange, ann, _) = exchange_with(|settings| {
        settings.symbols[0].filters.num_orders_max = Some(3);
        settings.num_algo_orders_max = Some(1);
    });
    let one = || pair(maker(Side::Sell, 110, 4), stop(Side::Sell, 90, None, 4));
    let later =
        |above| sequence(limit(Side::Buy, 50, 1), Pending::One(limit(Side::Sell, above, 1)));
    place(&mut exchange, ann, one());
    let full = Refusal::Filter(Rule::MaxNumOrders);
    assert_eq!(refused(&mut exchange, ann, later(120)), full);
    let algo = Refusal::Filter(Rule::ExchangeMaxNumAlgoOrders);
    assert_eq!(exchange.place(ann, &stop(Side::Sell, 80, None, 1)).unwrap_err(), algo);
    exchange.cancel_all(ann, SYMBOL).unwrap();
    place(&mut exchange, ann, later(120));
}

#[test]
fn what_waits_holds_nothing_and_begins_when_all_of_the_first_is_filled() {
    let (mut exchange, ann, _) = traded();
    let pending = Pair { above: maker(Side::Sell, 110, 5), below: stop(Side::Sell, 90, None, 5) };
    let orders = sequence(limit(Side::Buy, 99, 5), Pending::Pair(pending));
    let placed = place(&mut exchange, ann, orders);
    let now: Vec<_> = placed.orders.iter().map(|order| (order.id, order.status)).collect();
    let pending_new = OrderStatus::PendingNew;
    assert_eq!(now, [(1, OrderStatus::New), (2, pending_new), (3, pending_new)]);
    assert_eq!(held(&exchange, ann), [0, 5 * 99]);
    let told = said(&mut exchange);
    assert_eq!(told, [Of(1, New), Of(2, New), Of(3, New), List(ListChange::Started)]);
    exchange.market_take(SYMBOL, Side::Sell, 99 * ONE, 4 * ONE);
    assert_eq!(said(&mut exchange), [Of(1, Trade)]);
    assert_eq!(exchange.open_orders(ann, None).count(), 3);
    exchange.market_take(SYMBOL, Side::Sell, 99 * ONE, ONE);
    assert_eq!(said(&mut exchange), [Of(1, Trade), Of(2, New), Of(3, New)]);
    assert_eq!(held(&exchange, ann), [5, 0]);
    exchange.market_take(SYMBOL, Side::Buy, 110 * ONE, 5 * ONE);
    assert_eq!(said(&mut exchange), [Of(2, Expired), Of(3, Trade), List(ListChange::Done)]);
}

#[test]
fn a_first_order_that_is_filled_at_once_is_answered_before_the_next_one_begins() {
    let (mut exchange, ann, _) = traded();
    exchange.market_level(SYMBOL, Side::Sell, 99 * ONE, 5 * ONE);
    exchange.market_level(SYMBOL, Side::Buy, 98 * ONE, 5 * ONE);
    let market = NewOrder::market(SYMBOL, Side::Sell, 5 * ONE);
    let placed = place(&mut exchange, ann, sequence(limit(Side::Buy, 99, 5), Pending::One(market)));
    let now: Vec<_> = placed.orders.iter().map(|order| order.status).collect();
    assert_eq!(now, [OrderStatus::Filled, OrderStatus::PendingNew]);
    assert_eq!(placed.fills.len(), 1);
    assert_eq!(status(&exchange, 2), OrderStatus::Filled);
    let told = said(&mut exchange);
    let list = [List(ListChange::Started), List(ListChange::Done)];
    let [started, done] = list;
    assert_eq!(
        told,
        [Of(1, New), Of(2, New), started, Of(1, Trade), Of(2, New), Of(2, Trade), done]
    );
}

#[test]
fn what_can_not_be_paid_when_its_time_has_come_is_rejected() {
    let (mut exchange, _, _) = traded();
    let mut poor = NewAccount::new("poor", &[(QUOTE, Amount::from(1_000 * ONE))]);
    poor.fees = Fees { maker: 100_000, taker: 100_000, uses_discount: false };
    let poor = exchange.open_account(poor).expect("an account");
    let pending = Pair { above: maker(Side::Sell, 110, 5), below: stop(Side::Sell, 90, None, 5) };
    place(&mut exchange, poor, sequence(limit(Side::Buy, 99, 5), Pending::Pair(pending)));
    exchange.drain();
    // The commission is taken from what was bought: less than five are there.
    exchange.market_take(SYMBOL, Side::Sell, 99 * ONE, 5 * ONE);
    let told = said(&mut exchange);
    let done = List(ListChange::Done);
    assert_eq!(told, [Of(1, Trade), Of(2, Rejected), Of(3, Rejected), done]);
    assert_eq!(held(&exchange, poor), [0, 0]);
    assert_eq!(exchange.open_orders(poor, None).count(), 0);
}

#[test]
fn a_stop_whose_price_is_there_already_and_a_maker_that_would_take_are_rejected() {
    let sell_stop = Pending::One(stop(Side::Sell, 99, None, 5));
    let sell_maker = Pending::One(maker(Side::Sell, 98, 5));
    for pending in [sell_stop, sell_maker] {
        let (mut exchange, ann, _) = traded();
        exchange.market_level(SYMBOL, Side::Buy, 98 * ONE, 5 * ONE);
        place(&mut exchange, ann, sequence(limit(Side::Buy, 99, 5), pending));
        exchange.market_take(SYMBOL, Side::Sell, 99 * ONE, 5 * ONE);
        assert_eq!(status(&exchange, 2), OrderStatus::Rejected);
        assert_eq!(held(&exchange, ann), [0, 0]);
    }
}

#[test]
fn who_cancels_one_cancels_the_list() {
    let (mut exchange, ann, _) = traded();
    let orders = || pair(maker(Side::Sell, 110, 4), stop(Side::Sell, 90, None, 4));
    for (round, own) in [(0, 0), (1, 1)] {
        let placed = place(&mut exchange, ann, orders());
        exchange.drain();
        let order = OrderRef::id(placed.list.orders[own]);
        let cancel = Cancel { order, client_id: id("request"), only_if: None };
        let changed = exchange.cancel(ann, SYMBOL, &cancel).expect("cancelled");
        let list = changed.list.expect("its list");
        assert_eq!((list.list.is_done, list.orders.len()), (true, 2), "{round}");
        assert!(list.orders.iter().all(|one| &*one.request_id == "request"));
        let mut told = said(&mut exchange);
        assert_eq!(told.pop(), Some(List(ListChange::Done)));
        assert!(told.iter().all(|one| matches!(one, Of(_, Canceled))), "{told:?}");
        assert_eq!(held(&exchange, ann), [0, 0]);
        assert_eq!(exchange.cancel(ann, SYMBOL, &cancel), Err(Refusal::UnknownOrder));
    }
    // By its own id, and all together.
    let name = ListRef { id: None, client_id: id("mine") };
    let list = NewList { symbol: SYMBOL, client_id: id("mine"), orders: orders() };
    exchange.place_list(ann, &list).expect("a list");
    assert_eq!(exchange.place_list(ann, &list), Err(Refusal::DuplicateClientId));
    assert_eq!(exchange.cancel_list(ann, SYMBOL, &name, None).unwrap().orders.len(), 2);
    assert_eq!(exchange.cancel_list(ann, SYMBOL, &name, None), Err(Refusal::UnknownList));
    exchange.place_list(ann, &list).expect("the id is free again");
    exchange.place(ann, &limit(Side::Sell, 120, 1)).unwrap();
    let all = exchange.cancel_all(ann, SYMBOL).unwrap();
    assert_eq!(all.iter().filter(|one| one.list.is_some()).count(), 1);
    assert_eq!((all.len(), exchange.open_orders(ann, None).count()), (2, 0));
}

#[test]
fn a_first_order_that_ends_without_being_filled_ends_the_others() {
    let pending = || Pending::One(limit(Side::Sell, 120, 1));
    let immediate = NewOrder { time_in_force: Some(TimeInForce::Ioc), ..limit(Side::Buy, 99, 5) };
    let (mut exchange, ann, _) = traded();
    exchange.market_level(SYMBOL, Side::Sell, 99 * ONE, 2 * ONE);
    place(&mut exchange, ann, sequence(immediate, pending()));
    let now = [1, 2].map(|order| status(&exchange, order));
    assert_eq!(now, [OrderStatus::Expired, OrderStatus::Expired]);
    // The exchange cancels one of them, or the symbol is gone.
    place(&mut exchange, ann, sequence(limit(Side::Buy, 90, 5), pending()));
    exchange.drain();
    assert!(exchange.cancel_order(4));
    let done = List(ListChange::Done);
    assert_eq!(said(&mut exchange), [Of(4, Canceled), Of(3, Canceled), done]);
    place(&mut exchange, ann, pair(maker(Side::Sell, 110, 4), stop(Side::Sell, 90, None, 4)));
    exchange.drain();
    exchange.set_status(SYMBOL, SymbolStatus::Delisted);
    let done = List(ListChange::Done);
    assert_eq!(said(&mut exchange), [Of(5, Expired), Of(6, Expired), done]);
    assert_eq!(held(&exchange, ann), [0, 0]);
}

#[test]
fn an_amendment_of_a_pair_is_one_of_both() {
    let (mut exchange, ann, _) = traded();
    let orders = pair(stop(Side::Buy, 110, Some(112), 4), maker(Side::Buy, 90, 4));
    place(&mut exchange, ann, orders);
    exchange.drain();
    for (order, qty, held_then) in [(1, 3, 3 * 112), (2, 2, 2 * 112)] {
        let amend = Amend { order: OrderRef::id(order), qty: qty * ONE, client_id: None };
        exchange.amend(ann, SYMBOL, &amend).expect("amended");
        let updated = List(ListChange::Updated);
        let other = 3 - order;
        assert_eq!(said(&mut exchange), [Of(order, Replaced), Of(other, Replaced), updated]);
        let both = [1, 2].map(|id| exchange.order_by_id(id).unwrap().qty);
        assert_eq!((both, held(&exchange, ann)), ([qty * ONE; 2], [0, held_then]));
    }
}

/// What is done in a random run: numbers that mean a list, an order, a cancel or the market.
type Step = (u8, u8, i64, i64, i64);

fn order_of(kind: i64, side: Side, price: i64, qty: i64) -> NewOrder {
    let mut order = NewOrder::limit(SYMBOL, side, price, qty);
    let conditional = |order: &mut NewOrder, kind, has_price: bool| {
        order.kind = kind;
        order.stop_price = Some(price);
        if !has_price {
            (order.price, order.time_in_force) = (None, None);
        }
    };
    match kind {
        0 => (order.kind, order.time_in_force) = (OrderKind::LimitMaker, None),
        1 => conditional(&mut order, OrderKind::TakeProfit, false),
        2 => conditional(&mut order, OrderKind::TakeProfitLimit, true),
        3 => conditional(&mut order, OrderKind::StopLoss, false),
        _ => conditional(&mut order, OrderKind::StopLossLimit, true),
    }
    order
}

fn random_pair(side: Side, (a, b, qty): (i64, i64, i64)) -> Pair {
    let (high, low) = (100 + a, 100 - b);
    let (stop, other) = (3 + a % 2, b % 3);
    match side {
        Side::Buy => {
            Pair { above: order_of(stop, side, high, qty), below: order_of(other, side, low, qty) }
        }
        Side::Sell => {
            Pair { above: order_of(other, side, high, qty), below: order_of(stop, side, low, qty) }
        }
    }
}

fn step(exchange: &mut Exchange, account: AccountId, (what, side, a, b, qty): Step) {
    let side = if side % 2 == 0 { Side::Buy } else { Side::Sell };
    let working = NewOrder::limit(SYMBOL, side, 100 + a - b, qty);
    let orders = match what {
        0 | 1 => ListOrders::Pair(random_pair(side, (a, b, qty))),
        2 => sequence(working, Pending::One(order_of(a % 5, side.opposite(), 100 + b, qty))),
        3 | 4 => sequence(working, Pending::Pair(random_pair(side.opposite(), (a, b, qty)))),
        5 => {
            let _ = exchange.place(account, &working);
            return;
        }
        6 => {
            let open = exchange.open_orders(account, None).nth(usize::try_from(a).unwrap_or(0));
            if let Some(order) = open.map(|order| OrderRef::id(order.id)) {
                let _ = exchange.cancel(account, SYMBOL, &Cancel { order, ..Cancel::default() });
            }
            return;
        }
        7 => {
            let open = exchange.open_orders(account, None).nth(usize::try_from(b).unwrap_or(0));
            if let Some((order, qty)) = open.map(|order| (OrderRef::id(order.id), order.qty - 1)) {
                let _ = exchange.amend(account, SYMBOL, &Amend { order, qty, client_id: None });
            }
            return;
        }
        8 => {
            exchange.market_level(SYMBOL, side, 100 + a - b, qty);
            return;
        }
        _ => {
            exchange.market_print(SYMBOL, side, 100 + a - b, qty);
            return;
        }
    };
    let _ = exchange.place_list(account, &NewList { symbol: SYMBOL, client_id: None, orders });
}

/// What is always so.
fn hold_true(exchange: &Exchange, account: AccountId) -> Result<(), TestCaseError> {
    prop_assert!(exchange.sums().iter().all(|sum| *sum == 0));
    let balances = exchange.balances(account);
    for (asset, side) in [(BASE, Side::Sell), (QUOTE, Side::Buy)] {
        let open = exchange.open_orders(account, None).filter(|order| order.side == side);
        let sum: Amount = open.map(|order| order.locked).sum();
        let of = balances.iter().find(|balance| balance.asset == asset);
        let (free, locked) = of.map_or((0, 0), |one| (one.free, one.locked));
        prop_assert!(free >= 0 && locked == sum, "{:?} {} {} {}", asset, free, locked, sum);
    }
    for list in exchange.lists(account, 0) {
        let orders: Vec<_> =
            list.orders.iter().map(|id| exchange.order_by_id(*id).expect("an order")).collect();
        let is_open = orders.iter().any(|order| order.status.is_open());
        prop_assert_eq!(is_open, !list.is_done, "{:?}", list);
        let others: Vec<_> = orders.iter().filter(|o| list.others().contains(&o.id)).collect();
        let done = others.iter().filter(|order| order.filled > 0).count();
        prop_assert!(done <= 1, "both of {:?} were done", list);
        if let Some(working) = list.working() {
            let is_filled = exchange
                .order_by_id(working)
                .is_some_and(|order| order.status == OrderStatus::Filled);
            for order in &others {
                let waits = order.status == OrderStatus::PendingNew;
                prop_assert!(!(waits && is_filled) && (is_filled || order.filled == 0));
                prop_assert!(!waits || order.locked == 0);
            }
        }
    }
    Ok(())
}

fn any_step() -> impl Strategy<Value = Step> {
    (0_u8..12, 0_u8..2, 0_i64..8, 0_i64..8, 1_i64..9)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn in_random_runs_nothing_is_lost_and_no_pair_is_done_twice(
        steps in proptest::collection::vec(any_step(), 1..80),
    ) {
        let (mut exchange, accounts) = whole_numbers(1, 60, 6_000);
        exchange.market_print(SYMBOL, Side::Buy, 100, 1);
        for one in steps {
            step(&mut exchange, accounts[0], one);
            hold_true(&exchange, accounts[0])?;
        }
        exchange.set_status(SYMBOL, SymbolStatus::Delisted);
        hold_true(&exchange, accounts[0])?;
        prop_assert!(exchange.lists(accounts[0], 0).all(|list| list.is_done));
        prop_assert!(exchange.balances(accounts[0]).iter().all(|balance| balance.locked == 0));
    }
}
