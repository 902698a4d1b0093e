//! Bybit v5: public market data of spot and of linear contracts.
//!
//! A book comes whole once its topic is subscribed to, and changes with numbers that follow each
//! other. A question for several topics is answered as one: where one of them is wrong it is
//! refused whole.

mod info;

use qt_codec::venue::Venue;
use qt_types::{InstrumentKind, Nanos};
use serde::Deserialize;

use crate::market::machine::{
    Asking, Control, FOREVER_NS, Info, MINUTE_NS, Marks, Profile, Protocol, SECOND_NS, encoded,
};

/// The venue's code for parameters that it does not know: an instrument, where only that is asked.
const CODE_OF_PARAMETERS: i64 = 10_001;
/// The time is told in billionths of a second.
const CLOCK_STEP_NS: i64 = 1;
/// Longest message that is no market data.
const BYTES_MAX: usize = 8_192;
const WORDS_MAX: usize = 200;

/// See the module.
#[derive(Debug)]
struct Bybit;

impl Profile {
    /// Bybit's spot market.
    #[must_use]
    pub fn bybit_spot() -> Self {
        Self {
            name: "bybit-spot",
            protocol: &Bybit,
            rest: "https://api.bybit.com".to_owned(),
            streams: "wss://stream.bybit.com".to_owned(),
            streams_path: "/v5/public/spot",
            marks: None,
            past_trades: None,
            info: ("/v5/market/instruments-info", 1),
            info_of_some: true,
            listed_at_once: 1,
            depth_path: None,
            depth_limits: &[],
            time: ("/v5/market/time", 1),
            depth_stream: "orderbook.200",
            trade_stream: "publicTrade",
            // The ticker of spot has no best prices, and a book of one level is a second book.
            best_stream: "",
            best_has_ids: false,
            decodes_all: false,
            kind: InstrumentKind::Spot,
            weight_header: "",
            // 600 in five seconds are allowed.
            weight_limit: 300,
            weight_window_ns: 5 * SECOND_NS,
            ban: Some((403, 10 * MINUTE_NS)),
            connects: (500, 5 * MINUTE_NS),
            messages: 10,
            asks: None,
            streams_at_once: 10,
            streams_max: 1_000,
            life_ns: FOREVER_NS,
            // It wants to hear something each twenty; twice as often a dead link shows sooner.
            ping_ns: Some(10 * SECOND_NS),
            link_silence_ns: 25 * SECOND_NS,
            silence_ns: (MINUTE_NS, 10 * MINUTE_NS),
        }
    }

    /// Bybit's linear contracts. The ticker of a contract tells its best prices, its mark and its
    /// funding.
    #[must_use]
    pub fn bybit_linear() -> Self {
        Self {
            name: "bybit-linear",
            streams_path: "/v5/public/linear",
            marks: Some(Marks {
                path: "/v5/public/linear",
                stream: "tickers",
                silence_ns: MINUTE_NS,
            }),
            best_stream: "tickers",
            kind: InstrumentKind::Perpetual,
            streams_at_once: 50,
            ..Self::bybit_spot()
        }
    }

    /// How the venue calls the market.
    fn category(&self) -> &'static str {
        if self.kind == InstrumentKind::Spot { "spot" } else { "linear" }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Message {
    topic: String,
    op: String,
    success: bool,
    ret_msg: String,
    req_id: String,
}

#[derive(Deserialize)]
struct Code {
    #[serde(rename = "retCode")]
    code: i64,
}

#[derive(Deserialize)]
struct Time {
    result: TimeResult,
}

#[derive(Deserialize)]
struct TimeResult {
    #[serde(rename = "timeNano")]
    nanos: String,
}

impl Protocol for Bybit {
    fn venue(&self) -> Venue {
        Venue::Bybit
    }

    fn topic(&self, channel: &str, symbol: &str) -> String {
        format!("{channel}.{symbol}")
    }

    fn ask(&self, asking: &Asking<'_>) -> String {
        let op = if asking.is_on { "subscribe" } else { "unsubscribe" };
        let id = asking.id.to_string();
        serde_json::json!({ "op": op, "req_id": id, "args": asking.topics }).to_string()
    }

    fn control(&self, bytes: &[u8]) -> Option<Control> {
        if bytes.starts_with(b"{\"topic\":") || bytes.len() > BYTES_MAX {
            return None;
        }
        let message: Message = serde_json::from_slice(bytes).ok()?;
        if !message.topic.is_empty() {
            return None;
        }
        match message.op.as_str() {
            "ping" | "pong" => Some(Control::Alive),
            "subscribe" | "unsubscribe" => {
                let id = message.req_id.parse().ok();
                let words: String = message.ret_msg.chars().take(WORDS_MAX).collect();
                // What is subscribed to already is as good as what is from now on.
                let is_done =
                    message.success || words.to_lowercase().contains("already subscribed");
                match id {
                    Some(id) if is_done => Some(Control::Done(id)),
                    _ if is_done => None,
                    _ => Some(Control::Refused { id, topic: None, words }),
                }
            }
            _ => None,
        }
    }

    fn ping(&self) -> Option<String> {
        Some(r#"{"op":"ping"}"#.to_owned())
    }

    fn listings_url(&self, profile: &Profile, symbols: &[String]) -> String {
        let (rest, path, of) = (&profile.rest, profile.info.0, profile.category());
        let symbol = symbols.first().map_or("", String::as_str);
        format!("{rest}{path}?category={of}&symbol={}", encoded(symbol))
    }

    fn listings(&self, profile: &Profile, body: &[u8]) -> Result<Info, String> {
        info::read(profile, body)
    }

    fn is_unlisted(&self, status: u16, body: &[u8]) -> bool {
        let code = || serde_json::from_slice(body).ok().map(|code: Code| code.code);
        matches!(status, 200 | 400) && code() == Some(CODE_OF_PARAMETERS)
    }

    fn time(&self, body: &[u8]) -> Option<(Nanos, i64)> {
        let Time { result } = serde_json::from_slice(body).ok()?;
        Some((Nanos::new(result.nanos.parse().ok()?), CLOCK_STEP_NS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_from_data() {
        let of = |text: &str| Bybit.control(text.as_bytes());
        let done = r#"{"success":true,"ret_msg":"subscribe","conn_id":"c","req_id":"7",
            "op":"subscribe"}"#;
        assert_eq!(of(done), Some(Control::Done(7)));
        let already = r#"{"success":false,"ret_msg":"error:Already subscribed","req_id":"7",
            "op":"subscribe"}"#;
        assert_eq!(of(already), Some(Control::Done(7)));
        let refused = r#"{"success":false,"ret_msg":"error:handler not found,topic:x","conn_id":"",
            "req_id":"8","op":"subscribe"}"#;
        let words = "error:handler not found,topic:x".to_owned();
        assert_eq!(of(refused), Some(Control::Refused { id: Some(8), topic: None, words }));
        for pong in [
            r#"{"success":true,"ret_msg":"pong","conn_id":"c","req_id":"","op":"ping"}"#,
            r#"{"req_id":"test","op":"pong","args":["1675418560633"],"conn_id":"c"}"#,
        ] {
            assert_eq!(of(pong), Some(Control::Alive), "{pong}");
        }
        for text in [
            r#"{"topic":"publicTrade.X","op":"subscribe"}"#,
            r#"{"type":"snapshot","topic":"orderbook.200.X","op":"subscribe","success":true}"#,
            r#"{"op":"auth","success":true}"#,
            "",
            "pong",
            "[]",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn questions_are_as_the_venue_wants_them() {
        let topics =
            [Bybit.topic("orderbook.200", "BTCUSDT"), Bybit.topic("publicTrade", "ETHUSDT")];
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        let asked = Bybit.ask(&Asking { is_on: true, topics: &topics, id: 3 });
        let asked: serde_json::Value = serde_json::from_str(&asked).unwrap();
        let args = ["orderbook.200.BTCUSDT", "publicTrade.ETHUSDT"];
        let wanted = serde_json::json!({ "op": "subscribe", "req_id": "3", "args": args });
        assert_eq!(asked, wanted);
        let url = Bybit.listings_url(&Profile::bybit_linear(), &["BTCUSDT".to_owned()]);
        let path = "/v5/market/instruments-info?category=linear&symbol=BTCUSDT";
        assert_eq!(url, format!("https://api.bybit.com{path}"));
        let time = br#"{"retCode":0,"result":{"timeSecond":"1688639403",
            "timeNano":"1688639403423213947"},"time":1688639403423}"#;
        assert_eq!(Bybit.time(time), Some((Nanos::new(1_688_639_403_423_213_947), 1)));
        assert_eq!(Bybit.time(b"{}"), None);
        assert!(Bybit.is_unlisted(200, br#"{"retCode":10001,"retMsg":"params error"}"#));
        assert!(!Bybit.is_unlisted(200, br#"{"retCode":10006}"#) && !Bybit.is_unlisted(403, b""));
    }
}
