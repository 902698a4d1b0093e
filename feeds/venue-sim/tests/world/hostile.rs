//! Bytes, texts and numbers that nobody in his senses sends: nothing panics, nothing is made out
//! of nothing.

use proptest::prelude::*;
use qt_venue_sim::exchange::{
    Amend, AssetId, AssetSpec, Cancel, Exchange, Interval, NewAccount, NewOrder, OrderKind,
    OrderRef, SelfTrade, Settings, Side, SymbolId, SymbolSpec, TimeInForce,
};
use qt_venue_sim::fault::Plan;
use qt_venue_sim::market::Recording;
use qt_venue_sim::truth::{Belief, compare, summary};

const SYMBOL: SymbolId = SymbolId(0);

/// Numbers at the borders and in between.
fn number() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 1_i64..50,
        1 => any::<i64>(),
        1 => prop::sample::select(vec![0, -1, i64::MIN, i64::MAX, i64::MAX / 2, i64::MAX / 2 - 1]),
        1 => (0_u32..63).prop_map(|bits| 1 << bits),
    ]
}

fn maybe() -> impl Strategy<Value = Option<i64>> {
    prop::option::weighted(0.7, number())
}

fn order() -> impl Strategy<Value = NewOrder> {
    let numbers = (maybe(), maybe(), maybe(), prop::option::weighted(0.2, number()));
    let kind = prop::sample::select(OrderKind::ALL.to_vec());
    let force = prop::option::weighted(
        0.6,
        prop::sample::select(vec![TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok]),
    );
    let mode = prop::option::of(prop::sample::select(SelfTrade::ALL.to_vec()));
    let quote = prop::option::weighted(0.2, any::<i128>());
    let trail = prop::option::weighted(0.2, any::<u32>());
    (any::<bool>(), kind, force, numbers, mode, (quote, trail)).prop_map(
        |(buys, kind, force, (qty, price, stop, iceberg), mode, (quote, trail))| NewOrder {
            symbol: SYMBOL,
            side: if buys { Side::Buy } else { Side::Sell },
            kind,
            time_in_force: force,
            qty,
            quote_qty: quote,
            price,
            stop_price: stop,
            trailing_delta: trail,
            iceberg_qty: iceberg,
            self_trade: mode,
            client_id: None,
            reduce_only: false,
            marks: qt_venue_sim::exchange::Marks::default(),
        },
    )
}

/// What the market does: at which price, how much, what.
fn market() -> impl Strategy<Value = (u8, bool, i64, i64)> {
    (0_u8..3, any::<bool>(), number(), number())
}

fn exchange(price_decimals: u8, base: u8, quote: u8) -> Option<Exchange> {
    let asset = |name: &str, decimals| AssetSpec { name: name.into(), decimals };
    let mut symbol = SymbolSpec::new("AB", AssetId(0), AssetId(1), 1, 1);
    symbol.price_decimals = price_decimals;
    Exchange::new(Settings::new(vec![asset("A", base), asset("B", quote)], vec![symbol])).ok()
}

proptest! {
    #[test]
    fn numbers_of_any_size(
        orders in prop::collection::vec((0_usize..2, order(), market()), 1..80),
        decimals in prop::sample::select(vec![(0, 0, 0), (0, 0, 12), (4, 4, 8), (0, 8, 8)]),
    ) {
        let Some(mut exchange) = exchange(decimals.0, decimals.1, decimals.2) else {
            return Ok(());
        };
        let mut accounts = Vec::new();
        for (name, plenty) in [("poor", 1_000), ("rich", 1_i128 << 100)] {
            let account = NewAccount::new(name, &[(AssetId(0), plenty), (AssetId(1), plenty)]);
            accounts.push(exchange.open_account(account).expect("an account"));
        }
        for (at, order, (what, buys, price, qty)) in &orders {
            let account = accounts[*at];
            let tested = exchange.test(account, order);
            let placed = exchange.place(account, order);
            prop_assert_eq!(tested.is_ok(), placed.is_ok());
            let side = if *buys { Side::Buy } else { Side::Sell };
            match what {
                0 => {
                    exchange.market_level(SYMBOL, side, *price, *qty);
                }
                1 => {
                    exchange.market_take(SYMBOL, side, *price, *qty);
                }
                _ => exchange.market_print(SYMBOL, side, *price, *qty),
            }
            let id = OrderRef::id(qty.unsigned_abs() % 50);
            let amend = Amend { order: id.clone(), qty: *price, client_id: None };
            let _ = exchange.amend(account, SYMBOL, &amend);
            if qty % 3 == 0 {
                let cancel = Cancel { order: id, ..Cancel::default() };
                let _ = exchange.cancel(account, SYMBOL, &cancel);
            }
            exchange.drain();
            prop_assert_eq!(exchange.sums(), vec![0, 0]);
            for balance in accounts.iter().flat_map(|account| exchange.balances(*account)) {
                prop_assert!(balance.free >= 0 && balance.locked >= 0);
            }
        }
        for interval in [Interval::Seconds(1), Interval::Week, Interval::Month] {
            for at in [i64::MIN, -1, 0, i64::MAX] {
                let _ = exchange.candles(SYMBOL, interval, (Some(at), Some(at)), 10);
                let _ = exchange.candles(SYMBOL, interval, (None, Some(at)), 10);
            }
        }
        let _ = exchange.average_price(SYMBOL, u32::MAX);
        let _ = exchange.ticker(SYMBOL);
        let _ = summary(&exchange);
    }

    #[test]
    fn recorded_trades_leave_the_book_of_the_recording(
        steps in prop::collection::vec((0_u8..3, any::<bool>(), 90_i64..111, 1_i64..40), 1..200),
    ) {
        let mut exchange = exchange(0, 0, 0).expect("an exchange");
        let account = NewAccount::new("ann", &[(AssetId(0), 100_000), (AssetId(1), 9_000_000)]);
        let ann = exchange.open_account(account).expect("an account");
        for (what, buys, price, qty) in steps {
            let side = if buys { Side::Buy } else { Side::Sell };
            let all = |exchange: &Exchange| -> Vec<i64> {
                let at = |side| (90..111).map(move |price| (side, price));
                let both = at(Side::Buy).chain(at(Side::Sell));
                both.map(|(side, price)| exchange.market_at(SYMBOL, side, price)).collect()
            };
            let before = all(&exchange);
            match what {
                0 => {
                    exchange.market_level(SYMBOL, side, price, qty);
                }
                1 => {
                    let _ = exchange.place(ann, &NewOrder::limit(SYMBOL, side, price, qty));
                }
                _ => {
                    exchange.drain();
                    exchange.market_print(SYMBOL, side, price, qty);
                    prop_assert_eq!(all(&exchange), before);
                    let traded = exchange.drain().into_iter().filter_map(|event| match event {
                        qt_venue_sim::exchange::Event::Trade(trade) => Some(trade.qty),
                        _ => None,
                    });
                    prop_assert_eq!(traded.sum::<i64>(), qty);
                }
            }
            prop_assert_eq!(exchange.sums(), vec![0, 0]);
        }
    }

    #[test]
    fn plans_of_any_text(
        text in "[ -~\n]{0,200}",
        fields in prop::collection::vec(0_usize..12, 0..8),
    ) {
        let _ = Plan::parse(&text, 0);
        let known = [
            "what = \"drop-delta\"", "what = \"halt\"", "at_ms = 18446744073709551615",
            "every_ms = 1", "probability = 1", "probability = nan", "for_ms = 0", "count = 3",
            "ppm = -9223372036854775808", "[[fault]]", "symbol = \"\"", "until_ms = 0",
        ];
        let lines: Vec<&str> = fields.into_iter().map(|at| known[at]).collect();
        if let Ok(mut plan) = Plan::parse(&format!("[[fault]]\n{}", lines.join("\n")), i64::MAX) {
            let _ = plan.due(i64::MAX);
            let _ = plan.due(i64::MIN);
        }
    }

    #[test]
    fn recordings_of_any_bytes(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        at in 0_usize..400,
        byte in any::<u8>(),
    ) {
        let _ = Recording::read(&bytes, "AB", SYMBOL, 0, 1_000);
        let mut torn = crate::recordings::LINES.as_bytes().to_vec();
        let place = at % torn.len();
        torn[place] = byte;
        if let Ok(mut recording) = Recording::read(&torn, "AB", SYMBOL, i64::MAX, 0) {
            use qt_venue_sim::market::Market;
            let mut exchange = exchange(0, 0, 0).expect("an exchange");
            while recording.next_ns().is_some() {
                recording.play(&mut exchange);
            }
        }
    }

    #[test]
    fn beliefs_of_any_text(text in "[ -~]{0,40}") {
        let exchange = exchange(0, 0, 0).expect("an exchange");
        let belief = Belief {
            account: text.clone(),
            positions: Some([(text.clone(), text)].into()),
            ..Belief::default()
        };
        prop_assert_eq!(compare(&exchange, &belief).len(), 1);
    }
}
