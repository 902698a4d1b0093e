//! Time in force, post-only, icebergs, prevention of self-trades, cancels and amendments.

use qt_venue_sim::exchange::{
    Amend, Cancel, CancelOnlyIf, Event, Exchange, ExecutionKind, Fees, NewOrder, OrderKind,
    OrderRef, OrderStatus, Refusal, ReplaceMode, SelfTrade, Side, SymbolStatus, TimeInForce,
};

use crate::setup::{BASE, ONE, QUOTE, SYMBOL, exchange, exchange_with, id};

fn limit(side: Side, price: i64, qty: i64) -> NewOrder {
    NewOrder::limit(SYMBOL, side, price * ONE, qty * ONE)
}

fn with(mut order: NewOrder, force: TimeInForce) -> NewOrder {
    order.time_in_force = Some(force);
    order
}

/// What was told of orders: kind and status.
fn told(exchange: &mut Exchange) -> Vec<(ExecutionKind, OrderStatus)> {
    let report = |event| match event {
        Event::Report(report) => Some((report.kind, report.order.status)),
        _ => None,
    };
    exchange.drain().into_iter().filter_map(report).collect()
}

#[test]
fn time_in_force_decides_what_is_left() {
    use OrderStatus::{Expired, Filled, PartiallyFilled};
    // Ten are there at 100 and ten at 101.
    for (force, qty, price, status, filled) in [
        (TimeInForce::Gtc, 15, 100, PartiallyFilled, 10),
        (TimeInForce::Gtc, 15, 101, Filled, 15),
        (TimeInForce::Ioc, 15, 100, Expired, 10),
        (TimeInForce::Ioc, 5, 99, Expired, 0),
        (TimeInForce::Fok, 15, 100, Expired, 0),
        (TimeInForce::Fok, 20, 101, Filled, 20),
        (TimeInForce::Fok, 21, 101, Expired, 0),
    ] {
        let (mut exchange, ann, _) = exchange();
        exchange.market_level(SYMBOL, Side::Sell, 100 * ONE, 10 * ONE);
        exchange.market_level(SYMBOL, Side::Sell, 101 * ONE, 10 * ONE);
        let placed = exchange.place(ann, &with(limit(Side::Buy, price, qty), force)).unwrap();
        let of = (force, qty, price);
        assert_eq!((placed.order.status, placed.order.filled), (status, filled * ONE), "{of:?}");
        let fills: i64 = placed.fills.iter().map(|fill| fill.qty).sum();
        assert_eq!(fills, filled * ONE, "{of:?}");
        let rests = exchange.open_orders(ann, None).count();
        assert_eq!(rests, usize::from(status == PartiallyFilled), "{of:?}");
        let held = exchange.balances(ann)[1].locked;
        let left = if rests == 1 { (qty - filled) * price } else { 0 };
        assert_eq!(held, i128::from(left) * i128::from(ONE), "{of:?}");
    }
}

#[test]
fn post_only_rests_or_is_refused() {
    let (mut exchange, ann, ben) = exchange();
    exchange.place(ben, &limit(Side::Sell, 100, 1)).unwrap();
    let mut order = limit(Side::Buy, 100, 1);
    order.kind = OrderKind::LimitMaker;
    order.time_in_force = None;
    assert_eq!(exchange.place(ann, &order), Err(Refusal::WouldTake));
    order.price = Some(99 * ONE);
    let placed = exchange.place(ann, &order).unwrap();
    assert_eq!(placed.order.status, OrderStatus::New);
    assert_eq!(exchange.best(SYMBOL).bid, Some((99 * ONE, ONE)));
}

#[test]
fn an_order_in_vain_is_told_of_once_and_leaves_nothing() {
    let (mut exchange, ann, ben) = exchange();
    exchange.place(ben, &limit(Side::Sell, 100, 1)).unwrap();
    exchange.drain();
    let (before, book) = (exchange.balances(ann), exchange.depth(SYMBOL, 10));
    let mut order = NewOrder { client_id: id("vain"), ..limit(Side::Buy, 100, 1) };
    (order.kind, order.time_in_force) = (OrderKind::LimitMaker, None);
    assert_eq!(exchange.place(ann, &order).err(), Some(Refusal::WouldTake));
    let ended = exchange.place_in_vain(ann, &order, Refusal::WouldTake).unwrap();
    assert_eq!((ended.status, ended.left()), (OrderStatus::Expired, ONE));
    assert_eq!(told(&mut exchange), [(ExecutionKind::Expired, OrderStatus::Expired)]);
    assert_eq!((exchange.balances(ann), exchange.depth(SYMBOL, 10)), (before, book));
    assert!(exchange.open_orders(ann, None).next().is_none());
    assert!(exchange.sums().iter().all(|sum| *sum == 0));
    let found = exchange.order(ann, SYMBOL, &OrderRef::client("vain"));
    assert_eq!(found.map(|order| order.id), Some(ended.id));
    // What could not be taken at all is not taken in vain either.
    order.qty = Some(0);
    let refused = exchange.place_in_vain(ann, &order, Refusal::WouldTake);
    assert_eq!(refused.err(), Some(Refusal::Range("quantity")));
}

#[test]
fn market_orders_take_what_is_there() {
    let (mut exchange, ann, _) = exchange();
    exchange.market_level(SYMBOL, Side::Sell, 100 * ONE, 2 * ONE);
    exchange.market_level(SYMBOL, Side::Sell, 110 * ONE, 2 * ONE);
    let placed = exchange.place(ann, &NewOrder::market(SYMBOL, Side::Buy, 5 * ONE)).unwrap();
    assert_eq!((placed.order.status, placed.order.filled), (OrderStatus::Expired, 4 * ONE));
    assert_eq!(placed.order.filled_quote, 420 * i128::from(ONE));
    // With a quantity in the quote asset: whole steps only.
    exchange.market_level(SYMBOL, Side::Sell, 300 * ONE, 2 * ONE);
    let mut order = NewOrder::market(SYMBOL, Side::Buy, 0);
    order.qty = None;
    order.quote_qty = Some(i128::from(ONE) * 100);
    let placed = exchange.place(ann, &order).unwrap();
    assert_eq!((placed.order.status, placed.order.qty), (OrderStatus::Filled, 33_333_000));
    order.side = Side::Sell;
    assert_eq!(exchange.place(ann, &order), Err(Refusal::NoLiquidity));
    let poor = NewOrder::market(SYMBOL, Side::Sell, 2_000_000 * ONE);
    assert_eq!(exchange.place(ann, &poor), Err(Refusal::InsufficientBalance));
}

#[test]
fn an_iceberg_shows_a_part_and_goes_to_the_end_of_the_queue() {
    let (mut exchange, ann, ben) = exchange();
    let mut order = limit(Side::Sell, 100, 10);
    order.iceberg_qty = Some(3 * ONE);
    let iceberg = exchange.place(ann, &order).unwrap().order.id;
    let plain = exchange.place(ann, &limit(Side::Sell, 100, 2)).unwrap().order.id;
    assert_eq!(exchange.best(SYMBOL).ask, Some((100 * ONE, 5 * ONE)));
    let placed = exchange.place(ben, &limit(Side::Buy, 100, 4)).unwrap();
    let of: Vec<_> = placed.fills.iter().map(|fill| fill.qty / ONE).collect();
    assert_eq!(of, [3, 1]);
    let queue = exchange.queue(SYMBOL, Side::Sell, 100 * ONE);
    let one = i128::from(ONE);
    assert_eq!(queue, [(Some(plain), one), (Some(iceberg), 3 * one)]);
    let placed = exchange.place(ben, &limit(Side::Buy, 100, 8)).unwrap();
    let of: Vec<_> = placed.fills.iter().map(|fill| fill.qty / ONE).collect();
    assert_eq!(of, [1, 3, 3, 1]);
}

#[test]
fn trades_with_oneself_are_prevented_by_the_takers_mode() {
    use OrderStatus::{ExpiredInMatch, Filled, New, PartiallyFilled};
    // The maker sells 5, the taker of the same account buys 3; a stranger sells 5 behind.
    for (mode, maker, taker, filled, prevented) in [
        (SelfTrade::None, PartiallyFilled, Filled, 3, [0, 0]),
        (SelfTrade::ExpireTaker, New, ExpiredInMatch, 0, [0, 3]),
        (SelfTrade::ExpireMaker, ExpiredInMatch, Filled, 3, [5, 0]),
        (SelfTrade::ExpireBoth, ExpiredInMatch, ExpiredInMatch, 0, [5, 3]),
        (SelfTrade::Decrement, New, ExpiredInMatch, 0, [3, 3]),
    ] {
        let (mut exchange, ann, ben) = exchange();
        let own = exchange.place(ann, &limit(Side::Sell, 100, 5)).unwrap().order.id;
        exchange.place(ben, &limit(Side::Sell, 100, 5)).unwrap();
        exchange.drain();
        let mut order = limit(Side::Buy, 100, 3);
        order.self_trade = Some(mode);
        let placed = exchange.place(ann, &order).unwrap();
        let rests = exchange.order_by_id(own).unwrap();
        assert_eq!((rests.status, placed.order.status), (maker, taker), "{mode:?}");
        assert_eq!(placed.order.filled, filled * ONE, "{mode:?}");
        let has = [rests.prevented / ONE, placed.order.prevented / ONE];
        assert_eq!(has, prevented, "{mode:?}");
        let matches = usize::from(mode != SelfTrade::None);
        assert_eq!(placed.preventions.len(), matches, "{mode:?}");
        assert_eq!(exchange.preventions(ann, SYMBOL).len(), matches, "{mode:?}");
        let told = told(&mut exchange);
        let kind = ExecutionKind::TradePrevention;
        let count = told.iter().filter(|(told, _)| *told == kind).count();
        assert_eq!(count, prevented.iter().filter(|qty| **qty > 0).count(), "{mode:?}");
        assert!(exchange.sums().iter().all(|sum| *sum == 0));
    }
}

#[test]
fn accounts_of_one_group_count_as_one() {
    let (mut exchange, _, _) = exchange();
    let mut open = |name: &str, group| {
        let plenty = i128::from(ONE) * 1_000;
        let mut account = qt_venue_sim::exchange::NewAccount::new(name, &[(BASE, plenty)]);
        account.balances.push((QUOTE, plenty));
        account.trade_group = group;
        exchange.open_account(account).unwrap()
    };
    let (one, two, none) = (open("one", Some(7)), open("two", Some(7)), open("none", None));
    exchange.place(one, &limit(Side::Sell, 1, 1)).unwrap();
    let placed = exchange.place(none, &limit(Side::Buy, 1, 1)).unwrap();
    assert_eq!(placed.order.status, OrderStatus::Filled);
    exchange.place(one, &limit(Side::Sell, 1, 1)).unwrap();
    let placed = exchange.place(two, &limit(Side::Buy, 1, 1)).unwrap();
    assert_eq!((placed.order.status, placed.preventions.len()), (OrderStatus::New, 1));
}

#[test]
fn client_ids_are_unique_among_open_orders_only() {
    let (mut exchange, ann, ben) = exchange();
    let mut order = limit(Side::Buy, 100, 1);
    order.client_id = id("mine");
    let first = exchange.place(ann, &order).unwrap().order.id;
    assert_eq!(exchange.place(ann, &order), Err(Refusal::DuplicateClientId));
    assert!(exchange.place(ben, &order).is_ok(), "another account");
    exchange.market_take(SYMBOL, Side::Sell, 100 * ONE, ONE);
    let name = OrderRef::client("mine");
    assert_eq!(exchange.order(ann, SYMBOL, &name).unwrap().status, OrderStatus::Filled);
    let second = exchange.place(ann, &order).unwrap().order.id;
    assert_ne!(first, second, "the id of a filled order can be used again");
    assert_eq!(exchange.order(ann, SYMBOL, &name).unwrap().id, second);
    assert_eq!(exchange.order(ann, SYMBOL, &OrderRef::id(first)).unwrap().id, first);
    assert!(exchange.order(ben, SYMBOL, &OrderRef::id(first)).is_none(), "it is not his");
    let both = OrderRef { id: Some(first), client_id: id("mine") };
    assert!(exchange.order(ann, SYMBOL, &both).is_none(), "both must fit");
}

#[test]
fn cancels_name_their_conditions() {
    let (mut exchange, ann, ben) = exchange();
    let order = exchange.place(ann, &limit(Side::Buy, 100, 2)).unwrap().order;
    let mut cancel = Cancel { order: OrderRef::id(order.id), ..Cancel::default() };
    cancel.only_if = Some(CancelOnlyIf::PartiallyFilled);
    assert_eq!(exchange.cancel(ann, SYMBOL, &cancel), Err(Refusal::CancelRestricted));
    assert_eq!(exchange.cancel(ben, SYMBOL, &cancel), Err(Refusal::UnknownOrder));
    exchange.market_take(SYMBOL, Side::Sell, 100 * ONE, ONE);
    cancel.client_id = id("the-cancel");
    let changed = exchange.cancel(ann, SYMBOL, &cancel).unwrap();
    assert_eq!(changed.order.status, OrderStatus::Canceled);
    assert_eq!((&*changed.request_id, changed.order.filled), ("the-cancel", ONE));
    assert_eq!(changed.order.client_id, order.client_id);
    assert_eq!(exchange.cancel(ann, SYMBOL, &cancel), Err(Refusal::UnknownOrder), "once");
    assert_eq!(exchange.cancel_all(ann, SYMBOL), Err(Refusal::UnknownOrder));
    exchange.place(ann, &limit(Side::Buy, 100, 2)).unwrap();
    exchange.place(ann, &limit(Side::Buy, 99, 2)).unwrap();
    assert_eq!(exchange.cancel_all(ann, SYMBOL).unwrap().len(), 2);
    assert_eq!(exchange.balances(ann)[1].locked, 0);
}

#[test]
fn a_cancel_replace_can_be_done_by_half() {
    let (mut exchange, ann, _) = exchange();
    let good = limit(Side::Buy, 100, 1);
    let bad = limit(Side::Buy, 0, 1);
    let known = |exchange: &mut Exchange| {
        let id = exchange.place(ann, &good).unwrap().order.id;
        Cancel { order: OrderRef::id(id), ..Cancel::default() }
    };
    let unknown = Cancel { order: OrderRef::id(999_999), ..Cancel::default() };
    let stop = ReplaceMode::StopOnFailure;
    let allow = ReplaceMode::AllowFailure;
    let cancel = known(&mut exchange);
    let done = exchange.cancel_replace(ann, &cancel, stop, &good);
    assert!(done.cancelled.is_ok() && done.placed.unwrap().is_ok());
    let done = exchange.cancel_replace(ann, &unknown, stop, &good);
    assert!(done.cancelled.is_err() && done.placed.is_none());
    let done = exchange.cancel_replace(ann, &unknown, allow, &good);
    assert!(done.cancelled.is_err() && done.placed.unwrap().is_ok());
    let cancel = known(&mut exchange);
    let done = exchange.cancel_replace(ann, &cancel, stop, &bad);
    assert!(done.cancelled.is_ok() && done.placed.unwrap().is_err());
    let done = exchange.cancel_replace(ann, &unknown, allow, &bad);
    assert!(done.cancelled.is_err() && done.placed.unwrap().is_err());
}

#[test]
fn an_amendment_keeps_the_place_and_only_makes_smaller() {
    let (mut exchange, ann, ben) = exchange_with(|settings| {
        settings.symbols[0].filters.num_amends_max = Some(1);
    });
    let first = exchange.place(ann, &limit(Side::Buy, 100, 5)).unwrap().order;
    exchange.place(ben, &limit(Side::Buy, 100, 5)).unwrap();
    exchange.market_take(SYMBOL, Side::Sell, 100 * ONE, ONE);
    let mut amend = Amend { order: OrderRef::id(first.id), qty: 5 * ONE, client_id: None };
    assert_eq!(exchange.amend(ann, SYMBOL, &amend), Err(Refusal::AmendLarger));
    amend.qty = ONE;
    assert_eq!(exchange.amend(ann, SYMBOL, &amend), Err(Refusal::AmendFilled));
    amend.qty = 3 * ONE + 1;
    assert!(matches!(exchange.amend(ann, SYMBOL, &amend), Err(Refusal::Filter(_))));
    amend.qty = 3 * ONE;
    let changed = exchange.amend(ann, SYMBOL, &amend).unwrap();
    assert_ne!(changed.order.client_id, first.client_id, "a new id unless one is given");
    assert_eq!(changed.previous_client_id, first.client_id);
    assert_eq!(exchange.balances(ann)[1].locked, 200 * i128::from(ONE));
    assert_eq!(exchange.best(SYMBOL).bid, Some((100 * ONE, 7 * ONE)));
    assert_eq!(exchange.queue(SYMBOL, Side::Buy, 100 * ONE)[0].0, Some(first.id));
    amend.qty = 2 * ONE;
    assert!(matches!(exchange.amend(ann, SYMBOL, &amend), Err(Refusal::Filter(_))), "too often");
}

#[test]
fn commissions_are_taken_from_what_is_received() {
    let (mut exchange, ann, ben) = exchange_with(|settings| {
        let third = qt_venue_sim::exchange::AssetId(2);
        let worth = vec![(BASE, 200, 1), (QUOTE, 1, 500)];
        let share = 75_000_000;
        settings.discount = Some(qt_venue_sim::exchange::Discount { asset: third, share, worth });
    });
    let third = qt_venue_sim::exchange::AssetId(2);
    exchange.set_fees(ann, Fees { maker: -10_000, taker: 100_000, uses_discount: true });
    exchange.set_fees(ben, Fees { maker: 0, taker: 33_333, uses_discount: false });
    exchange.place(ann, &limit(Side::Sell, 500, 2)).unwrap();
    let fill = exchange.place(ben, &limit(Side::Buy, 500, 2)).unwrap().fills[0];
    assert_eq!((fill.fee, fill.fee_asset), (66_666, BASE));
    let paid = exchange.fills(ann, SYMBOL, 0).last().unwrap();
    let one = i128::from(ONE);
    assert_eq!((paid.fee, paid.fee_asset), (-one / 10, QUOTE), "paid for resting, in kind");
    // Nothing of the third asset: the commission is taken in kind.
    exchange.place(ben, &limit(Side::Buy, 500, 2)).unwrap();
    let fill = exchange.place(ann, &limit(Side::Sell, 500, 1)).unwrap().fills[0];
    assert_eq!((fill.fee, fill.fee_asset), (one / 2, QUOTE));
    exchange.transfer(ann, third, one).unwrap();
    let fill = exchange.place(ann, &limit(Side::Sell, 500, 1)).unwrap().fills[0];
    assert_eq!((fill.fee, fill.fee_asset), (one / 2 * 3 / 4 / 500, third));
    assert!(exchange.sums().iter().all(|sum| *sum == 0));
}

#[test]
fn a_symbol_that_does_not_trade_says_so() {
    for (status, place, cancel) in [
        (SymbolStatus::Halt, Refusal::MarketClosed, Err(Refusal::MarketClosed)),
        (SymbolStatus::Break, Refusal::MarketClosed, Err(Refusal::MarketClosed)),
        (SymbolStatus::CancelOnly, Refusal::CancelOnly, Ok(())),
        (SymbolStatus::Delisted, Refusal::UnknownSymbol, Err(Refusal::UnknownSymbol)),
    ] {
        let (mut exchange, ann, _) = exchange();
        exchange.market_level(SYMBOL, Side::Sell, 200 * ONE, 7 * ONE);
        let order = exchange.place(ann, &limit(Side::Buy, 100, 1)).unwrap().order.id;
        exchange.set_status(SYMBOL, status);
        // Nothing is matched, whatever the market says.
        exchange.market_level(SYMBOL, Side::Sell, 99 * ONE, 5 * ONE);
        exchange.market_level(SYMBOL, Side::Sell, 200 * ONE, 0);
        assert_eq!(exchange.market_take(SYMBOL, Side::Sell, 99 * ONE, ONE), 0, "{status:?}");
        assert_eq!(exchange.last_price(SYMBOL), None, "{status:?}");
        assert_eq!(exchange.place(ann, &limit(Side::Buy, 1, 1)), Err(place), "{status:?}");
        let now = exchange.order_by_id(order).unwrap().status;
        let is_gone = status == SymbolStatus::Delisted;
        assert_eq!(now == OrderStatus::Expired, is_gone, "{status:?}");
        assert_eq!(exchange.symbol_id("BTCUSDT").is_none(), is_gone, "{status:?}");
        let asked = Cancel { order: OrderRef::id(order), ..Cancel::default() };
        let mut copy = exchange.clone();
        let done = copy.cancel(ann, SYMBOL, &asked).map(drop);
        assert_eq!(done, cancel, "{status:?}");
        // What was said meanwhile is done at the end of it.
        exchange.set_status(SYMBOL, SymbolStatus::Trading);
        let filled = exchange.order_by_id(order).unwrap().status;
        assert_eq!(filled == OrderStatus::Filled, !is_gone, "{status:?}");
        let asks = exchange.depth(SYMBOL, 9).asks;
        let left = if is_gone { 5 } else { 4 };
        assert_eq!(asks, [(99 * ONE, left * ONE)], "{status:?}");
    }
}

#[test]
fn a_full_exchange_refuses() {
    let (mut exchange, ann, ben) = exchange_with(|settings| {
        settings.limits.orders_max = 3;
        settings.limits.fills_max = 2;
    });
    exchange.place(ann, &limit(Side::Buy, 100, 1)).unwrap();
    exchange.place(ben, &limit(Side::Sell, 100, 1)).unwrap();
    assert_eq!(exchange.fullness(), [(2, 3), (2, 2)]);
    assert_eq!(exchange.symbol(SYMBOL).unwrap().status, SymbolStatus::CancelOnly);
    assert_eq!(exchange.place(ann, &limit(Side::Buy, 100, 1)), Err(Refusal::CancelOnly));
    let (mut exchange, ann, _) = exchange_with(|settings| settings.limits.orders_max = 1);
    exchange.place(ann, &limit(Side::Buy, 100, 1)).unwrap();
    let refusal = exchange.place(ann, &limit(Side::Buy, 100, 1));
    assert_eq!(refusal, Err(Refusal::Full("orders")));
}
