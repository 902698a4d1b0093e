//! The symbols that the simulator knows, with rules like those of the venue.

use crate::exchange::{
    AssetId, AssetSpec, Band, Discount, Filters, Range, Settings, SymbolSpec, Trailing, Worth,
};

/// 10^-8, in which all amounts of the venue are.
const DECIMALS: u8 = 8;
/// One of anything.
const ONE: i64 = 100_000_000;

/// A symbol that can be simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownSymbol {
    /// Its name.
    pub name: &'static str,
    /// What is bought and sold.
    pub base: &'static str,
    /// What is paid with.
    pub quote: &'static str,
    /// The decimals of its prices.
    pub price_decimals: u8,
    /// The decimals of its quantities.
    pub qty_decimals: u8,
    /// The tick, in the smallest unit of a price.
    pub tick: i64,
    /// The step, in the smallest unit of a quantity.
    pub step: i64,
    /// The least worth of an order in 10^-8.
    pub worth_min: i64,
    /// About where its price begins.
    pub price: i64,
}

/// All that are known.
pub const SYMBOLS: &[KnownSymbol] = &[
    symbol("BTCUSDT", "BTC", "USDT", (1_000_000, 1_000, 5 * ONE), 60_000 * ONE),
    symbol("ETHUSDT", "ETH", "USDT", (1_000_000, 10_000, 5 * ONE), 2_500 * ONE),
    symbol("BNBUSDT", "BNB", "USDT", (1_000_000, 100_000, 5 * ONE), 600 * ONE),
    symbol("SOLUSDT", "SOL", "USDT", (1_000_000, 100_000, 5 * ONE), 150 * ONE),
    symbol("LTCUSDT", "LTC", "USDT", (1_000_000, 100_000, 5 * ONE), 80 * ONE),
    symbol("ETHBTC", "ETH", "BTC", (1_000, 10_000, 10_000), 4_200_000),
    symbol("BNBBTC", "BNB", "BTC", (100, 100_000, 10_000), 1_000_000),
    symbol("LTCBTC", "LTC", "BTC", (100, 100_000, 10_000), 133_000),
];

const fn symbol(
    name: &'static str,
    base: &'static str,
    quote: &'static str,
    (tick, step, worth_min): (i64, i64, i64),
    price: i64,
) -> KnownSymbol {
    let (price_decimals, qty_decimals) = (DECIMALS, DECIMALS);
    KnownSymbol { name, base, quote, price_decimals, qty_decimals, tick, step, worth_min, price }
}

fn filters(known: &KnownSymbol) -> Filters {
    let mut filters = Filters::new(known.tick, known.step);
    filters.price = Range { min: known.tick, max: 1_000_000 * ONE, step: known.tick };
    filters.lot = Range { min: known.step, max: 9_000 * ONE, step: known.step };
    filters.market_lot = Some(Range { min: 0, max: 100 * ONE, step: 0 });
    filters.percent_price_by_side = Some(Band {
        bid_up: 5 * ONE,
        bid_down: ONE / 5,
        ask_up: 5 * ONE,
        ask_down: ONE / 5,
        minutes: 5,
    });
    filters.notional = Some(Worth {
        min: i128::from(known.worth_min),
        min_for_market: true,
        max: i128::from(9_000_000 * ONE),
        max_for_market: false,
        minutes: 5,
    });
    filters.iceberg_parts = Some(10);
    filters.num_orders_max = Some(200);
    filters.num_algo_orders_max = Some(5);
    filters.trailing =
        Some(Trailing { above_min: 10, above_max: 2_000, below_min: 10, below_max: 2_000 });
    filters.num_amends_max = Some(10);
    filters
}

/// An exchange with those symbols; `Err` names one that is not known.
///
/// # Errors
/// The name that is not among [`SYMBOLS`].
pub fn exchange_settings(names: &[String]) -> Result<Settings, String> {
    let mut assets: Vec<AssetSpec> = Vec::new();
    let mut symbols = Vec::new();
    for name in names {
        let known = SYMBOLS.iter().find(|known| known.name == name).ok_or_else(|| name.clone())?;
        let base = asset(&mut assets, known.base, DECIMALS);
        let quote = asset(&mut assets, known.quote, DECIMALS);
        let mut spec = SymbolSpec::new(known.name, base, quote, known.tick, known.step);
        spec.price_decimals = DECIMALS;
        spec.filters = filters(known);
        symbols.push(spec);
    }
    let discount = discount(&assets);
    Ok(Settings { discount, ..Settings::new(assets, symbols) })
}

/// Commissions for a quarter less in BNB, for accounts that want it, where BNB is among the assets.
/// What another asset is worth is the price at which it begins.
fn discount(assets: &[AssetSpec]) -> Option<Discount> {
    let id = |name: &str| {
        let at = assets.iter().position(|asset| *asset.name == *name)?;
        u16::try_from(at).ok().map(AssetId)
    };
    let in_dollars = |name: &str| match name {
        "USDT" => Some(i128::from(ONE)),
        _ => {
            let known = SYMBOLS.iter().find(|known| known.base == name && known.quote == "USDT");
            known.map(|known| i128::from(known.price))
        }
    };
    let (asset, price) = (id("BNB")?, in_dollars("BNB")?);
    let worth = assets.iter().filter_map(|of| Some((id(&of.name)?, in_dollars(&of.name)?, price)));
    Some(Discount { asset, share: ONE / 4 * 3, worth: worth.collect() })
}

/// The place of an asset, which is added when it is not there.
pub(super) fn asset(assets: &mut Vec<AssetSpec>, name: &str, decimals: u8) -> AssetId {
    let at = assets.iter().position(|spec| &*spec.name == name).unwrap_or_else(|| {
        assets.push(AssetSpec { name: name.into(), decimals });
        assets.len() - 1
    });
    // There are as many as symbols are known, twice at most.
    AssetId(u16::try_from(at).unwrap_or(u16::MAX))
}
