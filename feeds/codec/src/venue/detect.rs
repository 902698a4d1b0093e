//! Whose frame it is.

use crate::Frame;
use crate::json::{self, Json};
use crate::venue::Venue;

/// Hosts and whose they are; the more special ones first.
const HOSTS: [(&str, Venue); 9] = [
    ("futures.kraken.com", Venue::KrakenFutures),
    ("kraken.com", Venue::Kraken),
    ("binance.", Venue::Binance),
    ("bybit.com", Venue::Bybit),
    ("bytick.com", Venue::Bybit),
    ("coinbase.com", Venue::Coinbase),
    ("deribit.com", Venue::Deribit),
    ("hyperliquid", Venue::Hyperliquid),
    ("okx.com", Venue::Okx),
];

/// Whose frame it is, by the host of its URL or by its outermost fields.
pub(super) fn venue_of(frame: &Frame<'_>) -> Option<Venue> {
    if let Some(url) = frame.url {
        let host = url.split_once("://").map_or(url, |(_, rest)| rest);
        let host = host.split('/').next().unwrap_or(host);
        if let Some((_, venue)) = HOSTS.iter().find(|(part, _)| host.contains(part)) {
            return Some(*venue);
        }
    }
    let json = Json::check(frame.bytes).ok()?;
    if json::is_list(json.text()) {
        // [channel, payload, "book-1000", "XMR/USD"]
        let items: Vec<&str> = json::items(json.text())?.take(6).collect();
        let named = items.len() >= 4 && items[items.len() - 2..].iter().all(|i| i.starts_with('"'));
        return named.then_some(Venue::Kraken);
    }
    let has = |name| !json::field(json.text(), name).is_empty();
    let text = |name| json::bare(json::field(json.text(), name));
    by_envelope(&has, &text).or_else(|| by_event(&has, &text))
}

/// By the fields that wrap a message.
fn by_envelope<'a>(
    has: &impl Fn(&'static str) -> bool,
    text: &impl Fn(&'static str) -> &'a str,
) -> Option<Venue> {
    if has("jsonrpc") {
        return Some(Venue::Deribit);
    }
    if has("stream") && has("data") || has("lastUpdateId") {
        return Some(Venue::Binance);
    }
    if has("arg") || has("table") {
        return Some(Venue::Okx);
    }
    if has("topic") || has("ret_msg") || has("retCode") {
        return Some(Venue::Bybit);
    }
    if has("feed") || text("event") == "info" {
        return Some(Venue::KrakenFutures);
    }
    if has("channel") && (has("events") || has("sequence_num")) {
        return Some(Venue::Coinbase);
    }
    if has("type") && (has("product_id") || has("channels")) {
        return Some(Venue::Coinbase);
    }
    None
}

/// By the kind of the message.
fn by_event<'a>(
    has: &impl Fn(&'static str) -> bool,
    text: &impl Fn(&'static str) -> &'a str,
) -> Option<Venue> {
    match text("channel") {
        "" => {}
        "l2Book" | "trades" | "bbo" | "subscriptionResponse" => return Some(Venue::Hyperliquid),
        _ => return Some(Venue::Kraken),
    }
    match text("event") {
        "heartbeat" | "systemStatus" | "subscriptionStatus" => return Some(Venue::Kraken),
        _ => {}
    }
    match text("method") {
        "SUBSCRIBE" | "UNSUBSCRIBE" => return Some(Venue::Binance),
        "subscribe" | "unsubscribe" | "ping" | "pong" if !has("subscription") => {
            return Some(Venue::Kraken);
        }
        _ => {}
    }
    let ticker = has("u") && has("b") && has("a");
    (ticker || has("e") && has("E")).then_some(Venue::Binance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_tell_their_venue() {
        for (bytes, venue) in [
            (r#"{"stream":"x","data":{}}"#, Some(Venue::Binance)),
            (r#"{"u":1,"s":"X","b":"1","B":"1","a":"2","A":"1"}"#, Some(Venue::Binance)),
            (r#"{"e":"trade","E":1}"#, Some(Venue::Binance)),
            (r#"{"lastUpdateId":1,"bids":[],"asks":[]}"#, Some(Venue::Binance)),
            (r#"[1,{},"book-10","XBT/USD"]"#, Some(Venue::Kraken)),
            (r#"{"event":"heartbeat"}"#, Some(Venue::Kraken)),
            (r#"{"channel":"book","type":"update","data":[]}"#, Some(Venue::Kraken)),
            (r#"{"event":"info","version":1}"#, Some(Venue::KrakenFutures)),
            (r#"{"event":"subscribed","feed":"book"}"#, Some(Venue::KrakenFutures)),
            (r#"{"event":"subscribe","arg":{"channel":"books"}}"#, Some(Venue::Okx)),
            (r#"{"topic":"orderbook.50.X","type":"delta"}"#, Some(Venue::Bybit)),
            (r#"{"type":"l2update","product_id":"X"}"#, Some(Venue::Coinbase)),
            (r#"{"channel":"l2_data","sequence_num":0,"events":[]}"#, Some(Venue::Coinbase)),
            (r#"{"channel":"l2Book","data":{}}"#, Some(Venue::Hyperliquid)),
            (r#"{"jsonrpc":"2.0"}"#, Some(Venue::Deribit)),
            (r#"{"id":1,"result":null}"#, None),
            (r#"[1,2,3]"#, None),
            ("x", None),
        ] {
            assert_eq!(venue_of(&Frame::new(bytes.as_bytes())), venue, "{bytes}");
        }
        let url = Some("wss://futures.kraken.com/ws/v1");
        let frame = Frame { bytes: b"{}", url, symbol: None };
        assert_eq!(venue_of(&frame), Some(Venue::KrakenFutures));
        for venue in Venue::ALL {
            assert_eq!(Venue::from_text(venue.text()), Some(venue));
        }
    }
}
