//! Kraken spot, WebSocket v2: public market data.
//!
//! A book comes whole once it is subscribed to. Its changes have no numbers: each names the
//! checksum of the ten best levels, and the decoder holds its book against it. It has to know how
//! deep a subscription is, which the answer to it says. Every instrument of a question is answered
//! by itself.

mod info;

use qt_codec::venue::Venue;
use qt_types::{InstrumentKind, Nanos};
use serde::Deserialize;

use crate::market::machine::{
    Asking, Control, FOREVER_NS, Info, MINUTE_NS, Profile, Protocol, SECOND_NS,
};

/// How many levels a side are subscribed to.
const DEPTH: u32 = 100;
/// The time is told in whole seconds.
const CLOCK_STEP_NS: i64 = SECOND_NS;
/// Longest message that is no market data.
const BYTES_MAX: usize = 8_192;
const WORDS_MAX: usize = 200;

/// See the module.
#[derive(Debug)]
struct Kraken;

impl Profile {
    /// Kraken's spot market.
    #[must_use]
    pub fn kraken() -> Self {
        Self {
            name: "kraken",
            protocol: &Kraken,
            rest: "https://api.kraken.com".to_owned(),
            streams: "wss://ws.kraken.com".to_owned(),
            streams_path: "/v2",
            marks: None,
            past_trades: None,
            info: ("/0/public/AssetPairs", 1),
            // The names there are others than those of the streams.
            info_of_some: false,
            listed_at_once: usize::MAX,
            depth_path: None,
            depth_limits: &[],
            time: ("/0/public/Time", 1),
            depth_stream: "book",
            trade_stream: "trade",
            best_stream: "ticker",
            best_has_ids: false,
            decodes_all: true,
            kind: InstrumentKind::Spot,
            weight_header: "",
            // About one a second is borne.
            weight_limit: 10,
            weight_window_ns: 10 * SECOND_NS,
            ban: None,
            connects: (150, 10 * MINUTE_NS),
            messages: 5,
            asks: None,
            streams_at_once: 50,
            streams_max: 1_000,
            life_ns: FOREVER_NS,
            ping_ns: Some(5 * SECOND_NS),
            // With anything subscribed to there is a heartbeat each second.
            link_silence_ns: 12 * SECOND_NS,
            silence_ns: (MINUTE_NS, 10 * MINUTE_NS),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Message {
    channel: String,
    method: String,
    success: Option<bool>,
    error: String,
    symbol: Option<String>,
    req_id: Option<u32>,
    result: Option<Subscribed>,
}

#[derive(Deserialize)]
struct Subscribed {
    channel: String,
    symbol: String,
}

#[derive(Deserialize)]
struct Time {
    result: TimeResult,
}

#[derive(Deserialize)]
struct TimeResult {
    unixtime: i64,
}

impl Protocol for Kraken {
    fn venue(&self) -> Venue {
        Venue::Kraken
    }

    fn topic(&self, channel: &str, symbol: &str) -> String {
        format!("{channel} {symbol}")
    }

    fn group<'a>(&self, topic: &'a str) -> &'a str {
        topic.split_once(' ').map_or("", |(channel, _)| channel)
    }

    fn ask(&self, asking: &Asking<'_>) -> String {
        let method = if asking.is_on { "subscribe" } else { "unsubscribe" };
        let parts = || asking.topics.iter().filter_map(|topic| topic.split_once(' '));
        let channel = parts().next().map_or("", |(channel, _)| channel);
        let symbols: Vec<&str> = parts().map(|(_, symbol)| symbol).collect();
        let mut params = serde_json::json!({ "channel": channel, "symbol": symbols });
        match channel {
            "book" => params["depth"] = DEPTH.into(),
            // What was traded before is of no use.
            "trade" if asking.is_on => params["snapshot"] = false.into(),
            // Not only when something is traded.
            "ticker" => params["event_trigger"] = "bbo".into(),
            _ => {}
        }
        let id = asking.id;
        serde_json::json!({ "method": method, "params": params, "req_id": id }).to_string()
    }

    fn control(&self, bytes: &[u8]) -> Option<Control> {
        let is_data =
            bytes.starts_with(b"{\"channel\":\"book\"") || bytes.starts_with(b"{\"channel\":\"t");
        if is_data || bytes.len() > BYTES_MAX {
            return None;
        }
        let message: Message = serde_json::from_slice(bytes).ok()?;
        match (message.channel.as_str(), message.method.as_str()) {
            ("heartbeat" | "status", _) | ("", "pong") => return Some(Control::Alive),
            ("", "subscribe" | "unsubscribe" | "error") => {}
            _ => return None,
        }
        let words: String = message.error.chars().take(WORDS_MAX).collect();
        let (id, is_on) = (message.req_id, message.method == "subscribe");
        match (message.success, message.result) {
            (Some(true), Some(done)) => {
                let topic = self.topic(&done.channel, &done.symbol);
                Some(Control::Topic { is_on, topic })
            }
            (Some(true), None) => None,
            // What is subscribed to already is as good as what is from now on.
            _ if words.starts_with("Already subscribed") => id.map(Control::Done),
            _ => Some(Control::Refused { id, topic: message.symbol, words }),
        }
    }

    fn ping(&self) -> Option<String> {
        Some(r#"{"method":"ping"}"#.to_owned())
    }

    fn is_known(&self, name: &str) -> bool {
        let answers = matches!(name, "subscribe" | "unsubscribe" | "pong");
        answers || matches!(name, "heartbeat" | "status" | "trade snapshot")
    }

    fn listings_url(&self, profile: &Profile, _: &[String]) -> String {
        format!("{}{}", profile.rest, profile.info.0)
    }

    fn listings(&self, _: &Profile, body: &[u8]) -> Result<Info, String> {
        info::read(body)
    }

    fn is_unlisted(&self, _: u16, _: &[u8]) -> bool {
        // All are asked for, and none is named.
        false
    }

    fn time(&self, body: &[u8]) -> Option<(Nanos, i64)> {
        let Time { result } = serde_json::from_slice(body).ok()?;
        Some((Nanos::new(result.unixtime.checked_mul(SECOND_NS)?), CLOCK_STEP_NS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_from_data() {
        let of = |text: &str| Kraken.control(text.as_bytes());
        let done = r#"{"method":"subscribe","result":{"channel":"book","depth":100,"snapshot":true,
            "symbol":"BTC/USD","warnings":["x"]},"success":true,"time_in":"a","req_id":3}"#;
        let topic = "book BTC/USD".to_owned();
        assert_eq!(of(done), Some(Control::Topic { is_on: true, topic: topic.clone() }));
        let ended = done.replace(r#""method":"subscribe""#, r#""method":"unsubscribe""#);
        assert_eq!(of(&ended), Some(Control::Topic { is_on: false, topic }));
        let refused = r#"{"error":"Currency pair not supported NO/USD","method":"subscribe",
            "success":false,"symbol":"NO/USD","req_id":3}"#;
        let (topic, words) = (Some("NO/USD".to_owned()), "Currency pair not supported NO/USD");
        let words = words.to_owned();
        assert_eq!(of(refused), Some(Control::Refused { id: Some(3), topic, words }));
        let malformed = r#"{"error":"Malformed request","method":"error","success":false}"#;
        let words = "Malformed request".to_owned();
        assert_eq!(of(malformed), Some(Control::Refused { id: None, topic: None, words }));
        for text in [
            r#"{"channel":"heartbeat"}"#,
            r#"{"channel":"status","type":"update","data":[{"system":"online"}]}"#,
            r#"{"method":"pong","req_id":101,"time_in":"a","time_out":"b"}"#,
        ] {
            assert_eq!(of(text), Some(Control::Alive), "{text}");
        }
        for text in [
            r#"{"channel":"book","type":"update","data":[]}"#,
            r#"{"type":"update","channel":"trade","data":[]}"#,
            r#"{"channel":"instrument","data":{}}"#,
            "",
            "[]",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn questions_are_as_the_venue_wants_them() {
        let asked = |channel: &str, is_on| {
            let topics = ["BTC/USD", "ETH/USD"].map(|symbol| Kraken.topic(channel, symbol));
            let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
            let text = Kraken.ask(&Asking { is_on, topics: &topics, id: 5 });
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            value
        };
        let wanted = serde_json::json!({ "method": "subscribe", "req_id": 5, "params": {
            "channel": "book", "symbol": ["BTC/USD", "ETH/USD"], "depth": 100 } });
        assert_eq!(asked("book", true), wanted);
        assert_eq!(asked("trade", true)["params"]["snapshot"], false);
        assert_eq!(asked("ticker", true)["params"]["event_trigger"], "bbo");
        let ended = asked("trade", false);
        assert_eq!(
            (&ended["method"], &ended["params"]["snapshot"]),
            (&"unsubscribe".into(), &().into())
        );
        let time = br#"{"error":[],"result":{"unixtime":1762820224,"rfc1123":"x"}}"#;
        assert_eq!(Kraken.time(time), Some((Nanos::new(1_762_820_224 * SECOND_NS), SECOND_NS)));
    }
}
