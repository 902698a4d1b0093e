//! Every rule of a symbol: what just passes and what just does not.

use qt_venue_sim::exchange::{
    Amend, Band, Filters, NewOrder, OrderKind, OrderRef, Range, Refusal, Rule, SelfTrade, Settings,
    Side, SymbolError, SymbolSpec, Trailing, Worth,
};

use crate::setup::{BASE, ONE, QUOTE, SYMBOL, exchange_with, spec};

fn limit(side: Side, price: i64, qty: i64) -> NewOrder {
    NewOrder::limit(SYMBOL, side, price, qty)
}

/// The first order passes, the second one breaks `rule`.
fn holds(change: impl FnOnce(&mut Filters), passes: &NewOrder, breaks: &NewOrder, rule: Rule) {
    let (mut exchange, ann, _) = exchange_with(|s| change(&mut s.symbols[0].filters));
    // The average and the last price are 100.
    exchange.market_print(SYMBOL, Side::Buy, 100 * ONE, ONE);
    exchange.market_level(SYMBOL, Side::Sell, 100 * ONE, 1_000 * ONE);
    assert_eq!(exchange.test(ann, passes), Ok(()), "{rule:?}");
    assert_eq!(exchange.test(ann, breaks), Err(Refusal::Filter(rule)), "{rule:?}");
    assert_eq!(exchange.place(ann, breaks).err(), Some(Refusal::Filter(rule)), "{rule:?}");
    assert!(exchange.place(ann, passes).is_ok(), "{rule:?}");
}

#[test]
fn prices_and_quantities() {
    let price = |min, max, step| Range { min: min * ONE / 100, max: max * ONE, step };
    let tick = ONE / 100;
    let good = limit(Side::Buy, 10 * ONE, ONE);
    let range = price(50, 20, tick);
    let at = |price| limit(Side::Buy, price, ONE);
    for breaks in [at(ONE / 2 - tick), at(20 * ONE + tick), at(10 * ONE + 1)] {
        holds(|f| f.price = range, &good, &breaks, Rule::PriceFilter);
    }
    let mut stop = limit(Side::Buy, 10 * ONE, ONE);
    stop.kind = OrderKind::StopLossLimit;
    stop.stop_price = Some(110 * ONE + 1);
    let passes = NewOrder { stop_price: Some(110 * ONE), ..stop.clone() };
    holds(|_| {}, &passes, &stop, Rule::PriceFilter);
    let lot = Range { min: ONE, max: 5 * ONE, step: ONE / 10 };
    let of = |qty| limit(Side::Buy, 10 * ONE, qty);
    for breaks in [of(ONE - ONE / 10), of(5 * ONE + ONE / 10), of(ONE + 1)] {
        holds(|f| f.lot = lot, &of(5 * ONE), &breaks, Rule::LotSize);
    }
    let market = |qty| NewOrder::market(SYMBOL, Side::Buy, qty);
    let set = |f: &mut Filters| f.market_lot = Some(lot);
    holds(set, &market(5 * ONE), &market(6 * ONE), Rule::MarketLotSize);
    holds(set, &of(6 * ONE), &market(6 * ONE), Rule::MarketLotSize);
}

#[test]
fn distances_to_the_average() {
    let band = Band {
        bid_up: 120_000_000,
        bid_down: 50_000_000,
        ask_up: 500_000_000,
        ask_down: 80_000_000,
        minutes: 5,
    };
    let (tick, at) = (ONE / 100, |side, price| limit(side, price, ONE));
    let by_side = |f: &mut Filters| f.percent_price_by_side = Some(band);
    let rule = Rule::PercentPriceBySide;
    let (buy, sell) = (Side::Buy, Side::Sell);
    holds(by_side, &at(buy, 120 * ONE), &at(buy, 120 * ONE + tick), rule);
    holds(by_side, &at(buy, 50 * ONE), &at(buy, 50 * ONE - tick), rule);
    holds(by_side, &at(sell, 500 * ONE), &at(sell, 500 * ONE + tick), rule);
    holds(by_side, &at(sell, 80 * ONE), &at(sell, 80 * ONE - tick), rule);
    let both = |f: &mut Filters| f.percent_price = Some(band);
    holds(both, &at(sell, 120 * ONE), &at(sell, 120 * ONE + tick), Rule::PercentPrice);
}

#[test]
fn worth_of_orders() {
    let worth = Worth {
        min: 10 * i128::from(ONE),
        min_for_market: true,
        max: 1_000 * i128::from(ONE),
        max_for_market: true,
        minutes: 5,
    };
    let at = |price, qty| limit(Side::Buy, price, qty);
    let market = |qty| NewOrder::market(SYMBOL, Side::Buy, qty);
    let min = |f: &mut Filters| f.min_notional = Some(worth);
    let small = ONE - ONE / 100_000;
    holds(min, &at(10 * ONE, ONE), &at(10 * ONE, small), Rule::MinNotional);
    holds(min, &market(ONE / 10), &market(ONE / 10 - ONE / 100_000), Rule::MinNotional);
    holds(min, &at(10 * ONE, 900 * ONE), &at(10 * ONE, small), Rule::MinNotional);
    let both = |f: &mut Filters| f.notional = Some(worth);
    holds(both, &at(10 * ONE, ONE), &at(10 * ONE, small), Rule::Notional);
    holds(both, &at(10 * ONE, 100 * ONE), &at(10 * ONE, 101 * ONE), Rule::Notional);
    holds(both, &market(10 * ONE), &market(11 * ONE), Rule::Notional);
    let without = Worth { min_for_market: false, max_for_market: false, ..worth };
    let set = |f: &mut Filters| f.notional = Some(without);
    holds(set, &market(ONE / 1_000), &at(10 * ONE, small), Rule::Notional);
    holds(set, &market(100 * ONE), &at(10 * ONE, small), Rule::Notional);
}

#[test]
fn icebergs_and_trailing_stops() {
    let iceberg = |shown| NewOrder { iceberg_qty: Some(shown), ..limit(Side::Buy, ONE, 10 * ONE) };
    let parts = |f: &mut Filters| f.iceberg_parts = Some(10);
    holds(parts, &iceberg(ONE), &iceberg(ONE - ONE / 10), Rule::IcebergParts);
    let trail = |side, kind, delta| {
        let mut order = limit(side, 50 * ONE, ONE);
        order.kind = kind;
        order.trailing_delta = Some(delta);
        order
    };
    let trailing = Trailing { above_min: 10, above_max: 100, below_min: 20, below_max: 200 };
    let set = |f: &mut Filters| f.trailing = Some(trailing);
    use OrderKind::{StopLossLimit as Stop, TakeProfitLimit as Profit};
    for (side, kind, good, bad) in [
        (Side::Buy, Stop, 10, 9),
        (Side::Buy, Stop, 100, 101),
        (Side::Sell, Profit, 100, 101),
        (Side::Sell, Stop, 20, 19),
        (Side::Sell, Stop, 200, 201),
        (Side::Buy, Profit, 20, 19),
    ] {
        holds(set, &trail(side, kind, good), &trail(side, kind, bad), Rule::TrailingDelta);
    }
}

#[test]
fn counts_of_open_orders() {
    let plain = || limit(Side::Buy, ONE, ONE);
    let algo = || {
        let mut order = limit(Side::Buy, ONE, ONE);
        order.kind = OrderKind::StopLossLimit;
        order.stop_price = Some(200 * ONE);
        order
    };
    let iceberg = || NewOrder { iceberg_qty: Some(ONE / 2), ..plain() };
    type Set = fn(&mut Settings);
    type Make<'a> = &'a dyn Fn() -> NewOrder;
    let cases: [(Set, Make<'_>, Rule, bool); 5] = [
        (|s| s.symbols[0].filters.num_orders_max = Some(2), &plain, Rule::MaxNumOrders, false),
        (
            |s| s.symbols[0].filters.num_algo_orders_max = Some(2),
            &algo,
            Rule::MaxNumAlgoOrders,
            true,
        ),
        (
            |s| s.symbols[0].filters.num_iceberg_orders_max = Some(2),
            &iceberg,
            Rule::MaxNumIcebergOrders,
            true,
        ),
        (|s| s.num_orders_max = Some(2), &plain, Rule::ExchangeMaxNumOrders, false),
        (|s| s.num_algo_orders_max = Some(2), &algo, Rule::ExchangeMaxNumAlgoOrders, true),
    ];
    for (set, make, rule, others_pass) in cases {
        let (mut exchange, ann, ben) = exchange_with(set);
        let first = exchange.place(ann, &make()).unwrap().order.id;
        exchange.place(ann, &make()).unwrap();
        assert_eq!(exchange.place(ann, &make()).err(), Some(Refusal::Filter(rule)), "{rule:?}");
        assert_eq!(exchange.test(ann, &plain()).is_ok(), others_pass, "{rule:?}");
        assert!(exchange.test(ben, &make()).is_ok(), "each account for itself: {rule:?}");
        assert!(exchange.cancel_order(first));
        assert!(exchange.place(ann, &make()).is_ok(), "{rule:?}");
    }
}

#[test]
fn positions_and_assets() {
    let million = i128::from(ONE) * 1_000_000;
    let (mut exchange, ann, _) = exchange_with(|settings| {
        settings.symbols[0].filters.position_max = Some(million + 5 * i128::from(ONE));
    });
    exchange.place(ann, &limit(Side::Buy, ONE, 3 * ONE)).unwrap();
    let refusal = Err(Refusal::Filter(Rule::MaxPosition));
    assert_eq!(exchange.test(ann, &limit(Side::Buy, ONE, 2 * ONE + ONE / 10)), refusal);
    assert_eq!(exchange.test(ann, &limit(Side::Buy, ONE, 2 * ONE)), Ok(()));
    assert_eq!(exchange.test(ann, &limit(Side::Sell, ONE, 9 * ONE)), Ok(()));
    for (asset, max, good, bad) in [(BASE, 2, 2, 3), (QUOTE, 20, 2, 3)] {
        let (exchange, ann, _) = exchange_with(|settings| {
            settings.max_asset = vec![(asset, max * i128::from(ONE))];
        });
        let refusal = Err(Refusal::Filter(Rule::MaxAsset));
        assert_eq!(exchange.test(ann, &limit(Side::Buy, 10 * ONE, good * ONE)), Ok(()));
        assert_eq!(exchange.test(ann, &limit(Side::Buy, 10 * ONE, bad * ONE)), refusal);
    }
}

#[test]
fn what_a_symbol_does_not_take() {
    let (exchange, ann, _) = exchange_with(|settings| {
        settings.symbols[0].kinds = vec![OrderKind::Limit];
        settings.symbols[0].self_trades = vec![SelfTrade::ExpireTaker];
        settings.symbols[0].self_trade_default = SelfTrade::ExpireTaker;
    });
    let market = NewOrder::market(SYMBOL, Side::Buy, ONE);
    assert_eq!(exchange.test(ann, &market), Err(Refusal::KindNotSupported));
    let mut order = limit(Side::Buy, ONE, ONE);
    assert_eq!(exchange.test(ann, &order), Ok(()));
    order.self_trade = Some(SelfTrade::None);
    assert_eq!(exchange.test(ann, &order), Err(Refusal::SelfTradeNotSupported));
}

#[test]
fn a_tick_can_change_in_the_middle() {
    let (mut exchange, ann, ben) = exchange_with(|_| {});
    let id = exchange.place(ann, &limit(Side::Buy, 100 * ONE + ONE / 100, ONE)).unwrap().order.id;
    exchange.set_tick(SYMBOL, ONE).unwrap();
    let price = Err(Refusal::Filter(Rule::PriceFilter));
    assert_eq!(exchange.test(ann, &limit(Side::Buy, 100 * ONE + ONE / 100, ONE)), price);
    // What is open stays, and trades at its price.
    let fill = exchange.place(ben, &limit(Side::Sell, 100 * ONE, ONE / 2)).unwrap().fills[0];
    assert_eq!((fill.price, fill.order_id), (100 * ONE + ONE / 100, id + 1));
    let amend = Amend { order: OrderRef::id(id), qty: ONE - ONE / 10, client_id: None };
    assert!(exchange.amend(ann, SYMBOL, &amend).is_ok());
    let fine = exchange.set_tick(SYMBOL, 1);
    assert!(matches!(fine, Err(SymbolError::Inexact { .. })), "amounts must stay whole");
}

#[test]
fn settings_that_contradict_themselves_are_refused() {
    let wrong = |change: fn(&mut Settings, &mut SymbolSpec)| {
        let (mut settings, mut symbol) = spec();
        change(&mut settings, &mut symbol);
        settings.symbols = vec![symbol];
        qt_venue_sim::exchange::Exchange::new(settings).err()
    };
    assert_eq!(wrong(|_, _| {}), None);
    assert!(matches!(wrong(|_, s| s.price_decimals = 13), Some(SymbolError::Decimals { .. })));
    assert!(matches!(wrong(|_, s| s.quote = s.base), Some(SymbolError::Assets { .. })));
    assert!(matches!(wrong(|_, s| s.filters.price.step = 0), Some(SymbolError::Step { .. })));
    assert!(matches!(wrong(|_, s| s.filters.lot.step = 1), Some(SymbolError::Inexact { .. })));
    assert!(matches!(wrong(|_, s| s.name = "".into()), Some(SymbolError::Name { .. })));
    let twice = wrong(|settings, _| settings.assets[1].name = "BTC".into());
    assert!(matches!(twice, Some(SymbolError::Name { .. })));
}
