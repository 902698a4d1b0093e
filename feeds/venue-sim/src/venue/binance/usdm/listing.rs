//! The futures that the simulator knows, with rules like those of the venue.

use crate::exchange::{
    AssetSpec, Band, Filters, MarginRules, OrderKind, Range, SelfTrade, Settings, SymbolSpec, Worth,
};

use super::super::listing::{KnownSymbol, asset};

/// One in 10^-8.
const ONE: i64 = 100_000_000;
const HOUR_NS: i64 = 3_600_000_000_000;
/// The largest quantity of an order, in whole units.
const QTY_MAX: i64 = 1_000_000;

/// All that are known.
pub(in super::super) const SYMBOLS: &[KnownSymbol] = &[
    symbol("BTCUSDT", "BTC", (2, 10, 6_000_000), (3, 1), 50 * ONE),
    symbol("ETHUSDT", "ETH", (2, 1, 250_000), (3, 1), 20 * ONE),
    symbol("BNBUSDT", "BNB", (2, 1, 60_000), (2, 1), 5 * ONE),
    symbol("SOLUSDT", "SOL", (2, 1, 15_000), (2, 1), 5 * ONE),
    symbol("LTCUSDT", "LTC", (2, 1, 8_000), (3, 1), 5 * ONE),
];

const fn symbol(
    name: &'static str,
    base: &'static str,
    (price_decimals, tick, price): (u8, i64, i64),
    (qty_decimals, step): (u8, i64),
    worth_min: i64,
) -> KnownSymbol {
    KnownSymbol {
        name,
        base,
        quote: "USDT",
        price_decimals,
        qty_decimals,
        tick,
        step,
        worth_min,
        price,
    }
}

fn filters(known: &KnownSymbol) -> Filters {
    let mut filters = Filters::new(known.tick, known.step);
    let most = QTY_MAX * 10_i64.pow(u32::from(known.qty_decimals));
    filters.price = Range { min: known.tick, max: 100 * known.price, step: known.tick };
    filters.lot = Range { min: known.step, max: most, step: known.step };
    filters.market_lot = Some(Range { min: known.step, max: most / 10, step: known.step });
    filters.percent_price = Some(Band {
        bid_up: ONE + ONE / 20,
        bid_down: ONE - ONE / 20,
        ask_up: ONE + ONE / 20,
        ask_down: ONE - ONE / 20,
        minutes: 0,
    });
    filters.min_notional = Some(Worth {
        min: i128::from(known.worth_min),
        min_for_market: true,
        max: 0,
        max_for_market: false,
        minutes: 0,
    });
    filters.num_orders_max = Some(200);
    filters.num_algo_orders_max = Some(10);
    filters
}

/// An exchange with those futures; `Err` names one that is not known.
pub(in super::super) fn settings(names: &[String]) -> Result<Settings, String> {
    let mut assets: Vec<AssetSpec> = Vec::new();
    let mut symbols = Vec::new();
    for name in names {
        let known = SYMBOLS.iter().find(|known| known.name == name).ok_or_else(|| name.clone())?;
        let base = asset(&mut assets, known.base, known.qty_decimals);
        let quote = asset(&mut assets, known.quote, 8);
        let mut spec = SymbolSpec::new(known.name, base, quote, known.tick, known.step);
        spec.price_decimals = known.price_decimals;
        spec.filters = filters(known);
        spec.kinds = vec![OrderKind::Limit, OrderKind::Market, OrderKind::LimitMaker];
        spec.self_trades =
            vec![SelfTrade::ExpireTaker, SelfTrade::ExpireMaker, SelfTrade::ExpireBoth];
        symbols.push(spec);
    }
    let mut settings = Settings::new(assets, symbols);
    settings.margin = Some(MarginRules {
        leverage: 20,
        leverage_max: 125,
        maintenance: 400_000,
        funding: 10_000,
        funding_every_ns: 8 * HOUR_NS,
    });
    Ok(settings)
}
