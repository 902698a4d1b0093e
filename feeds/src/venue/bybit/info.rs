//! What the venue lists: instruments, from `instruments-info`.

use qt_types::InstrumentKind;
use serde::Deserialize;

use crate::market::machine::{Info, Profile, e9};
use crate::market::{Listing, Status};

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "retCode")]
    code: i64,
    #[serde(rename = "retMsg", default)]
    words: String,
    #[serde(default)]
    result: Listed,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Listed {
    list: Vec<Symbol>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Symbol {
    symbol: String,
    status: String,
    contract_type: String,
    base_coin: String,
    quote_coin: String,
    price_filter: Prices,
    lot_size_filter: Quantities,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Prices {
    tick_size: String,
}

/// The first names are those of contracts, the second those of spot.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Quantities {
    qty_step: String,
    base_precision: String,
    min_order_qty: String,
    max_order_qty: String,
    max_limit_order_qty: String,
    min_notional_value: String,
    min_order_amt: String,
}

/// Reads an answer.
pub(super) fn read(profile: &Profile, body: &[u8]) -> Result<Info, String> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if answer.code != 0 {
        return Err(format!("{} {}", answer.code, answer.words));
    }
    let mut info = Info::default();
    for symbol in answer.result.list {
        let status = match symbol.status.as_str() {
            "Trading" => Status::Trading,
            "PreLaunch" | "Delivering" | "Closed" => Status::Halted,
            other => {
                info.unknown.push(other.chars().take(32).collect());
                Status::Unknown
            }
        };
        let kind = match symbol.contract_type.as_str() {
            "" | "LinearPerpetual" => Some(profile.kind),
            "LinearFutures" => Some(InstrumentKind::Future),
            _ => None,
        };
        let lot = &symbol.lot_size_filter;
        let either = |one: &str, other: &str| e9(one).max(e9(other));
        let tick_e9 = e9(&symbol.price_filter.tick_size);
        let lot_e9 = either(&lot.qty_step, &lot.base_precision);
        let Some(kind) = kind.filter(|_| tick_e9 > 0 && lot_e9 > 0) else {
            info.unsound.push(symbol.symbol);
            continue;
        };
        info.listings.push(Listing {
            base: symbol.base_coin,
            quote: symbol.quote_coin,
            kind,
            status,
            tick_e9,
            lot_e9,
            multiplier_e9: 1_000_000_000,
            qty_min_e9: e9(&lot.min_order_qty),
            qty_max_e9: either(&lot.max_limit_order_qty, &lot.max_order_qty),
            notional_min_e9: either(&lot.min_notional_value, &lot.min_order_amt),
            order_types: ["Limit", "Market"].map(str::to_owned).to_vec(),
            can_amend: true,
            can_replace: true,
            symbol: symbol.symbol,
        });
    }
    Ok(info)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_are_read() {
        let body = br#"{"retCode":0,"retMsg":"OK","result":{"category":"spot","list":[
            {"symbol":"BTCUSDT","baseCoin":"BTC","quoteCoin":"USDT","status":"Trading","new":[1],
             "lotSizeFilter":{"basePrecision":"0.000001","quotePrecision":"0.00000001",
             "minOrderQty":"0.000011","maxOrderQty":"83","minOrderAmt":"5",
             "maxLimitOrderQty":"83"},"priceFilter":{"tickSize":"0.01"}},
            {"symbol":"A","status":"Dreaming","lotSizeFilter":{"basePrecision":"1"},
             "priceFilter":{"tickSize":"0.5"}},
            {"symbol":"B","status":"Trading"}]},"retExtInfo":{},"time":1}"#;
        let info = read(&Profile::bybit_spot(), body).unwrap();
        let [btc, a] = &info.listings[..] else { panic!("{info:?}") };
        assert_eq!((btc.tick_e9, btc.lot_e9), (10_000_000, 1_000));
        assert_eq!((btc.qty_min_e9, btc.notional_min_e9), (11_000, 5_000_000_000));
        assert_eq!((btc.status, a.status), (Status::Trading, Status::Unknown));
        assert_eq!(
            (&info.unknown[..], &info.unsound[..]),
            (&["Dreaming".to_owned()][..], &["B".to_owned()][..])
        );
        let refused = read(&Profile::bybit_spot(), br#"{"retCode":10006,"retMsg":"Too many"}"#);
        assert_eq!(refused.unwrap_err(), "10006 Too many");
    }

    #[test]
    fn contracts_are_listed_in_their_own_words() {
        let body = br#"{"retCode":0,"retMsg":"OK","result":{"nextPageCursor":null,"list":[
            {"symbol":"BTCUSDT","contractType":"LinearPerpetual","status":"Trading",
             "baseCoin":"BTC","quoteCoin":"USDT","priceScale":"2",
             "priceFilter":{"minPrice":"1","tickSize":"0.5"},
             "lotSizeFilter":{"maxOrderQty":"100.0","minOrderQty":"0.001","qtyStep":"0.001",
             "minNotionalValue":"5"}},
            {"symbol":"BTC-26JUN26","contractType":"LinearFutures","status":"PreLaunch",
             "priceFilter":{"tickSize":"0.5"},"lotSizeFilter":{"qtyStep":"0.001"}},
            {"symbol":"BTCUSD","contractType":"InversePerpetual","status":"Trading",
             "priceFilter":{"tickSize":"0.5"},"lotSizeFilter":{"qtyStep":"1"}}]}}"#;
        let info = read(&Profile::bybit_linear(), body).unwrap();
        let [btc, june] = &info.listings[..] else { panic!("{info:?}") };
        assert_eq!((btc.kind, btc.lot_e9), (InstrumentKind::Perpetual, 1_000_000));
        assert_eq!((june.kind, june.status), (InstrumentKind::Future, Status::Halted));
        assert_eq!(info.unsound, ["BTCUSD"], "it is counted in dollars");
    }
}
