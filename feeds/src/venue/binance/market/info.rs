//! What the venue lists: instruments and limits, from `exchangeInfo`.

use qt_types::InstrumentKind;
use serde::Deserialize;

use crate::market::machine::{Info, Profile, e9};
use crate::market::{Listing, Status};

/// More than this no venue gives in a window.
const LIMIT_MAX: u64 = 1_000_000_000;

/// Fields that nobody knows are left alone, and what is missing is what it is by default: only the
/// steps must be there.
#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "rateLimits", default)]
    limits: Vec<Limit>,
    #[serde(default)]
    symbols: Vec<Symbol>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Limit {
    rate_limit_type: String,
    interval: String,
    interval_num: i64,
    limit: u64,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Symbol {
    symbol: String,
    status: String,
    base_asset: String,
    quote_asset: String,
    contract_type: String,
    order_types: Vec<String>,
    amend_allowed: bool,
    cancel_replace_allowed: bool,
    filters: Vec<Filter>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    filter_type: String,
    tick_size: String,
    step_size: String,
    min_qty: String,
    max_qty: String,
    min_notional: String,
    /// The same where futures are listed.
    notional: String,
}

/// Reads an answer.
pub(super) fn read(body: &[u8], profile: &Profile) -> Result<Info, String> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let mut info = Info { weight: answer.limits.iter().find_map(weight), ..Info::default() };
    for symbol in answer.symbols {
        let status = match symbol.status.as_str() {
            "TRADING" => Status::Trading,
            "HALT" | "BREAK" | "END_OF_DAY" | "PRE_TRADING" | "POST_TRADING" | "AUCTION_MATCH"
            | "TRADING_HALT" | "PENDING_TRADING" | "SETTLING" | "PRE_SETTLE" | "PRE_DELIVERING"
            | "DELIVERING" | "DELIVERED" | "CLOSE" => Status::Halted,
            "CANCEL_ONLY" => Status::CancelOnly,
            other => {
                info.unknown.push(other.chars().take(32).collect());
                Status::Unknown
            }
        };
        let of = |kind: &str| symbol.filters.iter().find(|filter| filter.filter_type == kind);
        let notional = of("NOTIONAL").or_else(|| of("MIN_NOTIONAL"));
        let tick_e9 = of("PRICE_FILTER").map_or(0, |filter| e9(&filter.tick_size));
        let lot = of("LOT_SIZE");
        let lot_e9 = lot.map_or(0, |filter| e9(&filter.step_size));
        if tick_e9 <= 0 || lot_e9 <= 0 {
            info.unsound.push(symbol.symbol);
            continue;
        }
        info.listings.push(Listing {
            base: symbol.base_asset,
            quote: symbol.quote_asset,
            // What is delivered on a day names the quarter or the month of it.
            kind: match symbol.contract_type.as_str() {
                of if of.ends_with("_QUARTER") || of.ends_with("_MONTH") => InstrumentKind::Future,
                _ => profile.kind,
            },
            status,
            tick_e9,
            lot_e9,
            multiplier_e9: 1_000_000_000,
            qty_min_e9: lot.map_or(0, |filter| e9(&filter.min_qty)),
            qty_max_e9: lot.map_or(0, |filter| e9(&filter.max_qty)),
            notional_min_e9: notional
                .map_or(0, |filter| e9(&filter.min_notional).max(e9(&filter.notional))),
            order_types: symbol.order_types,
            can_amend: symbol.amend_allowed,
            can_replace: symbol.cancel_replace_allowed,
            symbol: symbol.symbol,
        });
    }
    Ok(info)
}

fn weight(limit: &Limit) -> Option<(u64, i64)> {
    let unit_ns = match limit.interval.as_str() {
        "SECOND" => 1_000_000_000,
        "MINUTE" => 60_000_000_000,
        "HOUR" => 3_600_000_000_000,
        _ => return None,
    };
    let is_sound = (1..=1_000).contains(&limit.interval_num);
    let is_sound = is_sound && (1..=LIMIT_MAX).contains(&limit.limit);
    let is_weight = limit.rate_limit_type == "REQUEST_WEIGHT";
    (is_weight && is_sound).then(|| (limit.limit, limit.interval_num * unit_ns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_are_read() {
        let body = br#"{"new":{"a":1},"rateLimits":[{},{"rateLimitType":"REQUEST_WEIGHT",
            "interval":"MINUTE","intervalNum":1,"limit":1200}],"symbols":[
            {"symbol":"ETHBTC","status":"TRADING","baseAsset":"ETH","quoteAsset":"BTC","more":[],
             "orderTypes":["LIMIT"],"amendAllowed":true,"filters":[
             {"filterType":"PRICE_FILTER","tickSize":"0.00000100"},
             {"filterType":"LOT_SIZE","minQty":"0.00010000","maxQty":"100000.00000000",
              "stepSize":"0.00010000"},{"filterType":"NOTIONAL","minNotional":"0.0001"},
             {"filterType":"NEW_ONE","limit":7}]},
            {"symbol":"A","status":"CANCEL_ONLY","filters":[]},
            {"symbol":"B","status":"DREAMING","filters":[{"filterType":"PRICE_FILTER",
             "tickSize":"0.5"},{"filterType":"LOT_SIZE","stepSize":"1"}]}]}"#;
        let info = read(body, &Profile::spot()).unwrap();
        assert_eq!(info.weight, Some((1_200, 60_000_000_000)));
        assert_eq!(info.unsound, ["A"]);
        assert_eq!(info.unknown, ["DREAMING"]);
        let [eth, b] = &info.listings[..] else { panic!("{info:?}") };
        assert_eq!((eth.tick_e9, eth.lot_e9, eth.notional_min_e9), (1_000, 100_000, 100_000));
        assert_eq!((eth.base.as_str(), eth.quote.as_str()), ("ETH", "BTC"));
        assert_eq!((eth.status, b.status), (Status::Trading, Status::Unknown));
        // What the venue does not say can be done is not tried.
        assert_eq!((eth.can_amend, eth.can_replace, b.can_amend), (true, false, false));
        assert!(eth.fits(&eth.spec().unwrap()) && !b.fits(&eth.spec().unwrap()));
        assert!(read(b"{", &Profile::spot()).is_err());
    }

    #[test]
    fn futures_are_listed_in_their_own_words() {
        let body =
            br#"{"rateLimits":[{"rateLimitType":"ORDERS","interval":"MINUTE","intervalNum":1,
            "limit":1200},{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,
            "limit":2400}],"symbols":[{"symbol":"BTCUSDT","contractType":"PERPETUAL",
            "status":"TRADING_HALT","baseAsset":"BTC","quoteAsset":"USDT","pricePrecision":2,
            "filters":[{"filterType":"PRICE_FILTER","tickSize":"0.10"},{"filterType":"LOT_SIZE",
            "stepSize":"0.001"},{"filterType":"MIN_NOTIONAL","notional":"5"}]},
            {"symbol":"BTCUSDT_261225","contractType":"CURRENT_QUARTER","status":"TRADING",
            "filters":[{"filterType":"PRICE_FILTER","tickSize":"0.1"},{"filterType":"LOT_SIZE",
            "stepSize":"0.001"}]}]}"#;
        let info = read(body, &Profile::usdm()).unwrap();
        let [btc, quarter] = &info.listings[..] else { panic!("{info:?}") };
        assert_eq!((info.weight, info.unknown.len()), (Some((2_400, 60_000_000_000)), 0));
        assert_eq!((btc.tick_e9, btc.notional_min_e9), (100_000_000, 5_000_000_000));
        assert_eq!((btc.kind, btc.status), (InstrumentKind::Perpetual, Status::Halted));
        assert_eq!((quarter.kind, quarter.status), (InstrumentKind::Future, Status::Trading));
    }
}
