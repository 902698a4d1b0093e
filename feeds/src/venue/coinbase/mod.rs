//! Coinbase Advanced Trade: public market data of spot.
//!
//! A book comes whole once it is subscribed to. Neither it nor its changes have numbers of their
//! own: all messages of a link are counted, whatever they say, so that the decoder has to see every
//! one of them. What is asked for is answered with the list of all that is subscribed to.

mod info;

use std::collections::BTreeMap;

use qt_codec::venue::Venue;
use qt_types::{InstrumentKind, Nanos};
use serde::Deserialize;

use crate::market::machine::{
    Asking, Control, FOREVER_NS, Info, MINUTE_NS, Profile, Protocol, SECOND_NS, encoded,
};

/// The venue's words for an instrument that it does not know.
const UNKNOWN: [&str; 2] = ["NOT_FOUND", "INVALID_ARGUMENT"];
/// The time is told in these steps (ns).
const CLOCK_STEP_NS: i64 = 1_000_000;
/// Longest message that is no market data.
const BYTES_MAX: usize = 64 << 10;
const WORDS_MAX: usize = 200;

/// See the module.
#[derive(Debug)]
struct Coinbase;

impl Profile {
    /// Coinbase Advanced Trade, its spot market.
    #[must_use]
    pub fn coinbase() -> Self {
        Self {
            name: "coinbase",
            protocol: &Coinbase,
            rest: "https://api.coinbase.com".to_owned(),
            streams: "wss://advanced-trade-ws.coinbase.com".to_owned(),
            streams_path: "/",
            marks: None,
            past_trades: None,
            info: ("/api/v3/brokerage/market/products", 1),
            info_of_some: true,
            listed_at_once: 1,
            depth_path: None,
            depth_limits: &[],
            time: ("/api/v3/brokerage/time", 1),
            depth_stream: "level2",
            trade_stream: "market_trades",
            best_stream: "ticker",
            best_has_ids: false,
            decodes_all: true,
            kind: InstrumentKind::Spot,
            weight_header: "",
            // Ten a second are said to be allowed.
            weight_limit: 50,
            weight_window_ns: 10 * SECOND_NS,
            ban: None,
            // Eight a second are allowed.
            connects: (60, MINUTE_NS),
            // Eight a second are allowed, of all links together.
            messages: 5,
            asks: None,
            streams_at_once: 50,
            streams_max: 500,
            life_ns: FOREVER_NS,
            ping_ns: None,
            // There is a heartbeat each second, which is subscribed to.
            link_silence_ns: 12 * SECOND_NS,
            silence_ns: (2 * MINUTE_NS, 10 * MINUTE_NS),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Message {
    channel: String,
    #[serde(rename = "type")]
    kind: String,
    message: String,
    events: Vec<Event>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Event {
    subscriptions: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct No {
    error: String,
}

#[derive(Deserialize)]
struct Time {
    #[serde(rename = "epochMillis")]
    ms: String,
}

impl Protocol for Coinbase {
    fn venue(&self) -> Venue {
        Venue::Coinbase
    }

    fn topic(&self, channel: &str, symbol: &str) -> String {
        format!("{channel} {symbol}")
    }

    fn group<'a>(&self, topic: &'a str) -> &'a str {
        topic.split_once(' ').map_or("", |(channel, _)| channel)
    }

    fn ask(&self, asking: &Asking<'_>) -> String {
        let kind = if asking.is_on { "subscribe" } else { "unsubscribe" };
        let parts = || asking.topics.iter().filter_map(|topic| topic.split_once(' '));
        let channel = parts().next().map_or("", |(channel, _)| channel);
        let products: Vec<&str> = parts().map(|(_, symbol)| symbol).collect();
        let message = serde_json::json!({
            "type": kind, "product_ids": products, "channel": channel
        });
        message.to_string()
    }

    fn control(&self, bytes: &[u8]) -> Option<Control> {
        let is_data = bytes.starts_with(b"{\"channel\":\"l2_data\"")
            || bytes.starts_with(b"{\"channel\":\"market_trades\"")
            || bytes.starts_with(b"{\"channel\":\"ticker\"");
        if is_data || bytes.len() > BYTES_MAX {
            return None;
        }
        let message: Message = serde_json::from_slice(bytes).ok()?;
        match (message.channel.as_str(), message.kind.as_str()) {
            ("heartbeats", _) => Some(Control::Alive),
            ("subscriptions", _) => {
                let lists = message.events.iter().flat_map(|event| &event.subscriptions);
                let topics = lists.flat_map(|(channel, products)| {
                    products.iter().map(|product| self.topic(channel, product))
                });
                Some(Control::Standing(topics.collect()))
            }
            ("", "error") => {
                let words = message.message.chars().take(WORDS_MAX).collect();
                Some(Control::Refused { id: None, topic: None, words })
            }
            _ => None,
        }
    }

    fn hello(&self) -> Option<String> {
        Some(r#"{"type":"subscribe","channel":"heartbeats"}"#.to_owned())
    }

    fn is_known(&self, name: &str) -> bool {
        matches!(name, "heartbeats" | "subscriptions" | "error" | "trade snapshot")
    }

    fn listings_url(&self, profile: &Profile, symbols: &[String]) -> String {
        let symbol = symbols.first().map_or("", String::as_str);
        format!("{}{}/{}", profile.rest, profile.info.0, encoded(symbol))
    }

    fn listings(&self, _: &Profile, body: &[u8]) -> Result<Info, String> {
        info::read(body)
    }

    fn is_unlisted(&self, status: u16, body: &[u8]) -> bool {
        let no = || serde_json::from_slice(body).ok().map(|no: No| no.error);
        matches!(status, 400 | 404) && no().is_some_and(|no| UNKNOWN.contains(&no.as_str()))
    }

    fn time(&self, body: &[u8]) -> Option<(Nanos, i64)> {
        let Time { ms } = serde_json::from_slice(body).ok()?;
        let ms: i64 = ms.parse().ok()?;
        Some((Nanos::new(ms.checked_mul(CLOCK_STEP_NS)?), CLOCK_STEP_NS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_from_data() {
        let of = |text: &str| Coinbase.control(text.as_bytes());
        let stands = r#"{"channel":"subscriptions","client_id":"","timestamp":"t","sequence_num":2,
            "events":[{"subscriptions":{"level2":["BTC-USD","ETH-USD"],"heartbeats":["h"]}}]}"#;
        let all = ["heartbeats h", "level2 BTC-USD", "level2 ETH-USD"].map(String::from).to_vec();
        assert_eq!(of(stands), Some(Control::Standing(all)));
        let refused = r#"{"type":"error","message":"NO-USD is not a valid product"}"#;
        let words = "NO-USD is not a valid product".to_owned();
        assert_eq!(of(refused), Some(Control::Refused { id: None, topic: None, words }));
        let heartbeat = r#"{"channel":"heartbeats","sequence_num":0,"events":[{"current_time":"t",
            "heartbeat_counter":42}]}"#;
        assert_eq!(of(heartbeat), Some(Control::Alive));
        for text in [
            r#"{"channel":"l2_data","events":[]}"#,
            r#"{"sequence_num":3,"channel":"market_trades","events":[]}"#,
            r#"{"channel":"user","events":[]}"#,
            "",
            "[]",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn questions_are_as_the_venue_wants_them() {
        let topics = ["BTC-USD", "ETH-USD"].map(|symbol| Coinbase.topic("level2", symbol));
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        assert!(topics.iter().all(|topic| Coinbase.group(topic) == "level2"));
        let asked = Coinbase.ask(&Asking { is_on: true, topics: &topics, id: 5 });
        let asked: serde_json::Value = serde_json::from_str(&asked).unwrap();
        let wanted = serde_json::json!({ "type": "subscribe", "channel": "level2",
            "product_ids": ["BTC-USD", "ETH-USD"] });
        assert_eq!(asked, wanted);
        let url = Coinbase.listings_url(&Profile::coinbase(), &["BTC-USD".to_owned()]);
        assert_eq!(url, "https://api.coinbase.com/api/v3/brokerage/market/products/BTC-USD");
        let time = br#"{"iso":"x","epochSeconds":"1597026383","epochMillis":"1597026383085"}"#;
        let at = Nanos::new(1_597_026_383_085_000_000);
        assert_eq!(Coinbase.time(time), Some((at, CLOCK_STEP_NS)));
        assert!(Coinbase.is_unlisted(404, br#"{"error":"NOT_FOUND","message":"x"}"#));
        assert!(!Coinbase.is_unlisted(404, b"not here") && !Coinbase.is_unlisted(200, b"{}"));
    }
}
