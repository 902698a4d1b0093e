//! The symbols that the simulator knows, with rules like those of the venue.

use crate::exchange::{
    AssetId, AssetSpec, Band, Filters, MarginRules, OrderKind, Range, SelfTrade, Settings,
    SymbolSpec, Worth,
};
use crate::venue::binance::KnownSymbol;

use super::profile::Category;

/// One in 10^-8.
const ONE: i64 = 100_000_000;
const HOUR_NS: i64 = 3_600_000_000_000;
/// Decimals of amounts of spot and of what margins are in.
const DECIMALS: u8 = 8;
/// How far a limit may be beyond the last price, in 10^-8.
pub(super) const BAND: i64 = ONE / 10;
/// The most orders of a symbol that an account may have open.
const ORDERS_MAX: u32 = 500;
/// How many times its margin a position may be worth.
pub(super) const LEVERAGE_MAX: u32 = 100;

/// All that are known in spot.
pub const SPOT_SYMBOLS: &[KnownSymbol] = &[
    spot("BTCUSDT", "BTC", (2, 1, 6_000_000), 100),
    spot("ETHUSDT", "ETH", (2, 1, 250_000), 1_000),
    spot("SOLUSDT", "SOL", (2, 1, 15_000), 100_000),
    spot("LTCUSDT", "LTC", (2, 1, 8_000), 1_000),
    spot("XRPUSDT", "XRP", (4, 1, 20_000), 1_000_000),
];

/// All linear perpetuals that are known.
pub const LINEAR_SYMBOLS: &[KnownSymbol] = &[
    linear("BTCUSDT", "BTC", (2, 10, 6_000_000), 3),
    linear("ETHUSDT", "ETH", (2, 1, 250_000), 2),
    linear("SOLUSDT", "SOL", (2, 1, 15_000), 1),
    linear("LTCUSDT", "LTC", (2, 1, 8_000), 1),
    linear("XRPUSDT", "XRP", (4, 1, 20_000), 1),
];

const fn spot(
    name: &'static str,
    base: &'static str,
    (price_decimals, tick, price): (u8, i64, i64),
    step: i64,
) -> KnownSymbol {
    let (quote, qty_decimals, worth_min) = ("USDT", DECIMALS, 5 * ONE);
    KnownSymbol { name, base, quote, price_decimals, qty_decimals, tick, step, worth_min, price }
}

const fn linear(
    name: &'static str,
    base: &'static str,
    (price_decimals, tick, price): (u8, i64, i64),
    qty_decimals: u8,
) -> KnownSymbol {
    let (quote, step, worth_min) = ("USDT", 1, 5 * ONE);
    KnownSymbol { name, base, quote, price_decimals, qty_decimals, tick, step, worth_min, price }
}

fn filters(known: &KnownSymbol, category: Category) -> Filters {
    let mut filters = Filters::new(known.tick, known.step);
    let one = 10_i64.pow(u32::from(known.qty_decimals));
    let most = if category == Category::Spot { 9_000 * one } else { 100_000 * one };
    filters.price = Range { min: known.tick, max: 100 * known.price, step: known.tick };
    filters.lot = Range { min: known.step, max: most, step: known.step };
    filters.market_lot = Some(Range { min: known.step, max: most / 10, step: known.step });
    // Only what is too far on the side on which it trades is refused.
    filters.percent_price_by_side = Some(Band {
        bid_up: ONE + BAND,
        bid_down: 0,
        ask_up: 1_000 * ONE,
        ask_down: ONE - BAND,
        minutes: 0,
    });
    filters.min_notional = Some(Worth {
        min: i128::from(known.worth_min),
        min_for_market: true,
        max: 0,
        max_for_market: false,
        minutes: 0,
    });
    filters.num_orders_max = Some(ORDERS_MAX);
    filters.num_algo_orders_max = Some(30);
    filters
}

/// An exchange with those symbols of spot; `Err` names one that is not known.
///
/// # Errors
/// The name that is not among [`SPOT_SYMBOLS`].
pub fn spot_settings(names: &[String]) -> Result<Settings, String> {
    settings(names, SPOT_SYMBOLS, Category::Spot)
}

/// An exchange with those perpetuals; `Err` names one that is not known.
///
/// # Errors
/// The name that is not among [`LINEAR_SYMBOLS`].
pub fn linear_settings(names: &[String]) -> Result<Settings, String> {
    let mut settings = settings(names, LINEAR_SYMBOLS, Category::Linear)?;
    settings.margin = Some(MarginRules {
        leverage: 10,
        leverage_max: LEVERAGE_MAX,
        maintenance: 500_000,
        funding: 10_000,
        funding_every_ns: 8 * HOUR_NS,
    });
    Ok(settings)
}

fn settings(names: &[String], all: &[KnownSymbol], category: Category) -> Result<Settings, String> {
    let mut assets: Vec<AssetSpec> = Vec::new();
    let mut symbols = Vec::new();
    for name in names {
        let known = all.iter().find(|known| known.name == name).ok_or_else(|| name.clone())?;
        let base = asset(&mut assets, known.base, known.qty_decimals);
        let quote = asset(&mut assets, known.quote, DECIMALS);
        let mut spec = SymbolSpec::new(known.name, base, quote, known.tick, known.step);
        spec.price_decimals = known.price_decimals;
        spec.filters = filters(known, category);
        if category == Category::Linear {
            spec.kinds = vec![OrderKind::Limit, OrderKind::Market, OrderKind::LimitMaker];
        }
        spec.self_trade_default = SelfTrade::None;
        symbols.push(spec);
    }
    Ok(Settings::new(assets, symbols))
}

/// The place of an asset, which is added when it is not there.
fn asset(assets: &mut Vec<AssetSpec>, name: &str, decimals: u8) -> AssetId {
    let at = assets.iter().position(|spec| &*spec.name == name).unwrap_or_else(|| {
        assets.push(AssetSpec { name: name.into(), decimals });
        assets.len() - 1
    });
    // There are as many as symbols are known, twice at most.
    AssetId(u16::try_from(at).unwrap_or(u16::MAX))
}
