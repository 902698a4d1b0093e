//! Market data of this venue: how it speaks. Books are asked for by requests, changes follow each
//! other by their ids.
//!
//! `profile` has what differs between its markets, `control` its messages that are no market data,
//! `info` what is listed, `trades` those that were made before.

mod control;
mod info;
mod profile;
mod trades;

use qt_codec::Update;
use qt_codec::venue::Venue;
use qt_types::Nanos;

use crate::market::machine::{Asking, Control, Info, Profile, Protocol, encoded};

/// How it speaks.
pub(super) const BINANCE: &dyn Protocol = &Binance;

/// The venue's code for an instrument that it does not know, and for parameters it cannot read.
const CODES_OF_SYMBOLS: [i64; 2] = [-1_121, -1_100];
/// The time is told in these steps (ns).
const CLOCK_STEP_NS: i64 = 1_000_000;

/// See the module.
#[derive(Debug)]
struct Binance;

/// The part of an answer that says no.
#[derive(serde::Deserialize)]
struct No {
    code: i64,
}

#[derive(serde::Deserialize)]
struct ServerTime {
    #[serde(rename = "serverTime")]
    server_time: i64,
}

/// The part of a snapshot that says how new it is.
#[derive(serde::Deserialize)]
struct LastId {
    #[serde(rename = "lastUpdateId")]
    last_update_id: u64,
}

impl Protocol for Binance {
    fn venue(&self) -> Venue {
        Venue::Binance
    }

    fn topic(&self, channel: &str, symbol: &str) -> String {
        format!("{}{channel}", symbol.to_lowercase())
    }

    fn ask(&self, asking: &Asking<'_>) -> String {
        let method = if asking.is_on { "SUBSCRIBE" } else { "UNSUBSCRIBE" };
        let (params, id) = (asking.topics, asking.id);
        serde_json::json!({ "method": method, "params": params, "id": id }).to_string()
    }

    fn control(&self, bytes: &[u8]) -> Option<Control> {
        control::read(bytes)
    }

    fn listings_url(&self, profile: &Profile, symbols: &[String]) -> String {
        if !profile.info_of_some {
            return format!("{}{}", profile.rest, profile.info.0);
        }
        let mut url = format!("{}{}?symbols=%5B", profile.rest, profile.info.0);
        for (at, symbol) in symbols.iter().enumerate() {
            url += if at > 0 { "%2C%22" } else { "%22" };
            url += &encoded(symbol);
            url += "%22";
        }
        url += "%5D";
        url
    }

    fn listings(&self, profile: &Profile, body: &[u8]) -> Result<Info, String> {
        info::read(body, profile)
    }

    fn is_unlisted(&self, status: u16, body: &[u8]) -> bool {
        let code = serde_json::from_slice(body).ok().map(|no: No| no.code);
        status == 400 && code.is_some_and(|code| CODES_OF_SYMBOLS.contains(&code))
    }

    fn time(&self, body: &[u8]) -> Option<(Nanos, i64)> {
        let ServerTime { server_time } = serde_json::from_slice(body).ok()?;
        Some((Nanos::new(server_time.saturating_mul(1_000_000)), CLOCK_STEP_NS))
    }

    fn book_url(&self, profile: &Profile, symbol: &str, levels: u32) -> String {
        let path = profile.depth_path.unwrap_or_default();
        format!("{}{path}?symbol={}&limit={levels}", profile.rest, encoded(symbol))
    }

    fn book_id(&self, body: &[u8]) -> Option<u64> {
        serde_json::from_slice(body).ok().map(|told: LastId| told.last_update_id)
    }

    fn trades_url(&self, profile: &Profile, symbol: &str, count: u64, from: Option<u64>) -> String {
        let (rest, name) = (&profile.rest, encoded(symbol));
        match (profile.past_trades, from) {
            (None, _) => String::new(),
            (Some(past), None) => format!("{rest}{}?symbol={name}&limit={count}", past.last_ones),
            (Some(past), Some(from)) => {
                format!("{rest}{}?symbol={name}&limit={count}&fromId={from}", past.by_number)
            }
        }
    }

    fn trades(&self, body: &[u8], like: &Update) -> Option<Vec<Update>> {
        trades::read(body, like)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_instruments_are_asked_for_at_once() {
        let names = ["BTCUSDT", "\u{5e01}"].map(String::from);
        let url = BINANCE.listings_url(&Profile::spot(), &names);
        let wanted = "https://api.binance.com/api/v3/exchangeInfo?symbols=%5B%22BTCUSDT%22%2C%22";
        assert_eq!(url, format!("{wanted}%E5%B8%81%22%5D"));
        let url = BINANCE.listings_url(&Profile::usdm(), &names);
        assert_eq!(url, "https://fapi.binance.com/fapi/v1/exchangeInfo", "it knows no choice");
    }
}
