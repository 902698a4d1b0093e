//! The pairs that the simulator knows, with the venue's several names and rules like its own.
//!
//! Sockets and the exchange call a pair `BTC/USD`; REST calls it `XXBTZUSD`, `XBTUSD` or
//! `XBT/USD`. Assets are `XXBT` and `ZUSD` there.

use crate::exchange::{
    AssetId, AssetSpec, Exchange, Range, SelfTrade, Settings, SymbolId, SymbolSpec, Worth,
};
use crate::venue::binance::KnownSymbol;

/// Decimals of what is bought and sold. The venue keeps more of some and trades no finer ones.
pub(super) const BASE_DECIMALS: u8 = 8;
/// Decimals of what is paid with: one step at one tick has to be a whole unit.
pub(super) const QUOTE_DECIMALS: u8 = 10;
/// Decimals of prices here. Those that are told are as many as the tick has.
const PRICE_DECIMALS: u8 = 5;
/// A whole one of a price.
const ONE: i64 = 100_000;
/// A whole one of what is paid with.
const QUOTE_ONE: i128 = 10_000_000_000;

/// The names of a pair over REST: its own, the short one, the one of sockets of before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PairNames {
    pub(super) name: &'static str,
    pub(super) key: &'static str,
    pub(super) alt: &'static str,
    pub(super) ws: &'static str,
}

/// The names of all pairs, in the order of [`SYMBOLS`].
const NAMES: &[PairNames] = &[
    names("BTC/USD", "XXBTZUSD", "XBTUSD", "XBT/USD"),
    names("ETH/USD", "XETHZUSD", "ETHUSD", "ETH/USD"),
    names("SOL/USD", "SOLUSD", "SOLUSD", "SOL/USD"),
    names("LTC/USD", "XLTCZUSD", "LTCUSD", "LTC/USD"),
    names("BTC/EUR", "XXBTZEUR", "XBTEUR", "XBT/EUR"),
    names("ETH/EUR", "XETHZEUR", "ETHEUR", "ETH/EUR"),
    names("BTC/USDT", "XBTUSDT", "XBTUSDT", "XBT/USDT"),
    names("ETH/USDT", "ETHUSDT", "ETHUSDT", "ETH/USDT"),
];

const fn names(
    name: &'static str,
    key: &'static str,
    alt: &'static str,
    ws: &'static str,
) -> PairNames {
    PairNames { name, key, alt, ws }
}

/// All that are known. Prices and ticks are in 10^-5, quantities in 10^-8.
pub const SYMBOLS: &[KnownSymbol] = &[
    pair("BTC/USD", ("BTC", "USD"), 10_000, 5_000, 60_000),
    pair("ETH/USD", ("ETH", "USD"), 1_000, 100_000, 2_500),
    pair("SOL/USD", ("SOL", "USD"), 1_000, 2_000_000, 150),
    pair("LTC/USD", ("LTC", "USD"), 1_000, 4_000_000, 80),
    pair("BTC/EUR", ("BTC", "EUR"), 10_000, 5_000, 55_000),
    pair("ETH/EUR", ("ETH", "EUR"), 1_000, 100_000, 2_300),
    pair("BTC/USDT", ("BTC", "USDT"), 10_000, 5_000, 60_000),
    pair("ETH/USDT", ("ETH", "USDT"), 1_000, 100_000, 2_500),
];

/// `worth_min` is the least quantity here: what an order must be worth is the same for all.
const fn pair(
    name: &'static str,
    (base, quote): (&'static str, &'static str),
    tick: i64,
    qty_min: i64,
    price: i64,
) -> KnownSymbol {
    KnownSymbol {
        name,
        base,
        quote,
        price_decimals: PRICE_DECIMALS,
        qty_decimals: BASE_DECIMALS,
        tick,
        step: 1,
        worth_min: qty_min,
        price: price * ONE,
    }
}

/// An exchange with those pairs; `Err` names one that is not known.
///
/// # Errors
/// The name that is not among [`SYMBOLS`].
pub fn exchange_settings(names: &[String]) -> Result<Settings, String> {
    let mut assets: Vec<AssetSpec> = Vec::new();
    let mut symbols = Vec::new();
    for name in names {
        let known = SYMBOLS.iter().find(|known| known.name == name).ok_or_else(|| name.clone())?;
        let base = asset(&mut assets, known.base, BASE_DECIMALS);
        let quote = asset(&mut assets, known.quote, QUOTE_DECIMALS);
        let mut spec = SymbolSpec::new(known.name, base, quote, known.tick, known.step);
        spec.price_decimals = known.price_decimals;
        spec.filters.price = Range { min: known.tick, max: 10_000_000 * ONE, step: known.tick };
        spec.filters.lot = Range { min: known.worth_min, max: 0, step: known.step };
        spec.filters.min_notional = Some(Worth {
            // Half a dollar.
            min: QUOTE_ONE / 2,
            min_for_market: true,
            max: 0,
            max_for_market: false,
            minutes: 0,
        });
        spec.filters.iceberg_parts = Some(15);
        spec.filters.num_orders_max = Some(140);
        // The newest order is the one that ends.
        spec.self_trade_default = SelfTrade::ExpireTaker;
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
    // There are as many as pairs are known, twice at most.
    AssetId(u16::try_from(at).unwrap_or(u16::MAX))
}

/// The names of a pair that is set up.
pub(super) fn names_of(exchange: &Exchange, symbol: SymbolId) -> PairNames {
    let name = exchange.symbol(symbol).map(|spec| &*spec.name);
    let known = NAMES.iter().find(|names| Some(names.name) == name);
    known.copied().unwrap_or(names("", "", "", ""))
}

/// The pair that REST means by a name, whichever of its names it is.
pub(super) fn pair_of(exchange: &Exchange, name: &str) -> Option<SymbolId> {
    let is_it = |known: &&PairNames| [known.key, known.alt, known.ws, known.name].contains(&name);
    exchange.symbol_id(NAMES.iter().find(is_it)?.name)
}

/// What REST calls an asset, and its short name there.
pub(super) fn asset_names(name: &str) -> (&str, &str) {
    match name {
        "BTC" => ("XXBT", "XBT"),
        "ETH" => ("XETH", "ETH"),
        "LTC" => ("XLTC", "LTC"),
        "USD" => ("ZUSD", "USD"),
        "EUR" => ("ZEUR", "EUR"),
        other => (other, other),
    }
}

/// The asset that REST means by a name.
pub(super) fn asset_of(exchange: &Exchange, name: &str) -> Option<AssetId> {
    let is_it = |known: &str| {
        let (key, alt) = asset_names(known);
        [key, alt, known].contains(&name)
    };
    exchange.assets().iter().find(|spec| is_it(&spec.name)).and_then(|s| exchange.asset_id(&s.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_set_up_and_found_by_each_of_its_names() {
        let all: Vec<String> = SYMBOLS.iter().map(|known| known.name.to_owned()).collect();
        let exchange = Exchange::new(exchange_settings(&all).expect("known")).expect("exact");
        for (at, names) in NAMES.iter().enumerate() {
            let symbol = SymbolId(u16::try_from(at).expect("few"));
            assert_eq!(names.name, SYMBOLS[at].name);
            for name in [names.key, names.alt, names.ws, names.name] {
                assert_eq!(pair_of(&exchange, name), Some(symbol), "{name}");
            }
            assert_eq!(names_of(&exchange, symbol), *names);
        }
        assert_eq!(pair_of(&exchange, "XXBTZJPY"), None);
        assert_eq!(exchange_settings(&["BTCUSD".to_owned()]), Err("BTCUSD".to_owned()));
        for name in ["XXBT", "XBT", "BTC"] {
            assert_eq!(asset_of(&exchange, name), exchange.asset_id("BTC"), "{name}");
        }
        assert_eq!(asset_of(&exchange, "ZJPY"), None);
    }
}
