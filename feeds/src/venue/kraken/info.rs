//! What the venue lists: instruments, from `AssetPairs`, under the names of the streams.

use std::collections::BTreeMap;

use qt_types::InstrumentKind;
use serde::Deserialize;

use crate::market::machine::{Info, e9};
use crate::market::{Listing, Status};

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    error: Vec<String>,
    #[serde(default)]
    result: BTreeMap<String, Pair>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Pair {
    wsname: String,
    status: String,
    tick_size: String,
    pair_decimals: u8,
    lot_decimals: u8,
    ordermin: String,
    costmin: String,
}

/// A currency as the streams call it: requests use names of before.
fn renamed(currency: &str) -> &str {
    match currency {
        "XBT" => "BTC",
        "XDG" => "DOGE",
        other => other,
    }
}

/// The unit of so many decimals, in billionths; zero where it is less than one.
const fn unit_e9(decimals: u8) -> i64 {
    if decimals > 9 { 0 } else { 10_i64.pow(9 - decimals as u32) }
}

/// Reads an answer.
pub(super) fn read(body: &[u8]) -> Result<Info, String> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if let Some(word) = answer.error.first() {
        return Err(word.chars().take(100).collect());
    }
    let mut info = Info::default();
    for pair in answer.result.into_values() {
        // Without such a name it has no streams.
        let Some((base, quote)) = pair.wsname.split_once('/') else { continue };
        let (base, quote) = (renamed(base), renamed(quote));
        let symbol = format!("{base}/{quote}");
        let status = match pair.status.as_str() {
            // Lists of before do not say.
            "online" | "" => Status::Trading,
            "cancel_only" => Status::CancelOnly,
            "post_only" | "limit_only" | "reduce_only" | "maintenance" | "delisted"
            | "work_in_progress" => Status::Halted,
            other => {
                info.unknown.push(other.chars().take(32).collect());
                Status::Unknown
            }
        };
        let tick_e9 = match e9(&pair.tick_size) {
            0 if pair.tick_size.is_empty() => unit_e9(pair.pair_decimals),
            tick_e9 => tick_e9,
        };
        let lot_e9 = unit_e9(pair.lot_decimals);
        if tick_e9 <= 0 || lot_e9 <= 0 {
            info.unsound.push(symbol);
            continue;
        }
        info.listings.push(Listing {
            symbol,
            base: base.to_owned(),
            quote: quote.to_owned(),
            kind: InstrumentKind::Spot,
            status,
            tick_e9,
            lot_e9,
            multiplier_e9: 1_000_000_000,
            qty_min_e9: e9(&pair.ordermin),
            qty_max_e9: 0,
            notional_min_e9: e9(&pair.costmin),
            order_types: ["limit", "market"].map(str::to_owned).to_vec(),
            can_amend: true,
            can_replace: true,
        });
    }
    Ok(info)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_are_read() {
        let body = br#"{"error":[],"result":{"XXBTZUSD":{"altname":"XBTUSD","wsname":"XBT/USD",
            "base":"XXBT","quote":"ZUSD","pair_decimals":1,"lot_decimals":8,"new":{"a":1},
            "ordermin":"0.00005","costmin":"0.5","tick_size":"0.1","status":"online"},
            "XDGUSD":{"wsname":"XDG/USD","pair_decimals":7,"lot_decimals":8,"ordermin":"50",
            "status":"dreaming"},
            "FINE":{"wsname":"FINE/USD","pair_decimals":12,"lot_decimals":8,"status":"cancel_only"},
            "DARK":{"altname":"DARK"}}}"#;
        let info = read(body).unwrap();
        let named = |name: &str| info.listings.iter().find(|one| one.symbol == name).unwrap();
        let (btc, doge) = (named("BTC/USD"), named("DOGE/USD"));
        assert_eq!((btc.tick_e9, btc.lot_e9, btc.qty_min_e9), (100_000_000, 10, 50_000));
        assert_eq!((btc.base.as_str(), btc.quote.as_str()), ("BTC", "USD"));
        assert_eq!((doge.tick_e9, doge.status), (100, Status::Unknown));
        assert_eq!(info.unsound, ["FINE/USD"], "finer than a billionth");
        assert_eq!((info.listings.len(), &info.unknown[..]), (2, &["dreaming".to_owned()][..]));
        let refused = read(br#"{"error":["EAPI:Rate limit exceeded"]}"#);
        assert_eq!(refused.unwrap_err(), "EAPI:Rate limit exceeded");
    }
}
