//! OKX v5: public market data of spot and of linear contracts.
//!
//! A book comes whole once its channel is subscribed to; each change names the number of the one
//! before it. Every channel of a question is answered by itself, without the question's number. The
//! venue wants a word at least each half minute, and says a minute before it ends a link.

mod info;

use qt_codec::venue::Venue;
use qt_types::{InstrumentKind, Nanos};
use serde::Deserialize;

use crate::market::machine::{
    Asking, Control, FOREVER_NS, Info, MINUTE_NS, Profile, Protocol, SECOND_NS, encoded,
};

/// The venue's code for an instrument that it does not know.
const CODE_OF_INSTRUMENT: &str = "51001";
/// Its code for a link that it will end.
const CODE_OF_END: &str = "64008";
/// The time is told in these steps (ns).
const CLOCK_STEP_NS: i64 = 1_000_000;
/// Longest message that is no market data.
const BYTES_MAX: usize = 8_192;
const WORDS_MAX: usize = 200;

/// See the module.
#[derive(Debug)]
struct Okx;

impl Profile {
    /// OKX: spot and linear contracts, by their names.
    #[must_use]
    pub fn okx() -> Self {
        Self {
            name: "okx",
            protocol: &Okx,
            rest: "https://www.okx.com".to_owned(),
            streams: "wss://ws.okx.com:8443".to_owned(),
            streams_path: "/ws/v5/public",
            marks: None,
            past_trades: None,
            info: ("/api/v5/public/instruments", 1),
            info_of_some: true,
            listed_at_once: 1,
            depth_path: None,
            depth_limits: &[],
            time: ("/api/v5/public/time", 1),
            depth_stream: "books",
            trade_stream: "trades",
            best_stream: "bbo-tbt",
            // They may go down after a maintenance.
            best_has_ids: false,
            decodes_all: false,
            kind: InstrumentKind::Spot,
            weight_header: "",
            // 20 in two seconds are allowed, of what lists instruments.
            weight_limit: 20,
            weight_window_ns: 10 * SECOND_NS,
            ban: None,
            // Three a second are allowed.
            connects: (30, MINUTE_NS),
            messages: 5,
            // 480 are allowed.
            asks: Some((400, 60 * MINUTE_NS)),
            streams_at_once: 50,
            streams_max: 500,
            life_ns: FOREVER_NS,
            ping_ns: Some(10 * SECOND_NS),
            link_silence_ns: 25 * SECOND_NS,
            // A book that stands still is told again now and then.
            silence_ns: (3 * MINUTE_NS, 20 * MINUTE_NS),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Message {
    event: String,
    code: String,
    msg: String,
    arg: Option<Arg>,
}

#[derive(Deserialize)]
struct Arg {
    channel: String,
    #[serde(rename = "instId", default)]
    instrument: String,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Time {
    data: Vec<TimeOf>,
}

#[derive(Deserialize)]
struct TimeOf {
    ts: String,
}

/// What kind of thing the venue calls so.
fn kind_of(symbol: &str) -> &'static str {
    match symbol.split('-').count() {
        _ if symbol.ends_with("-SWAP") => "SWAP",
        0..=2 => "SPOT",
        3 => "FUTURES",
        _ => "OPTION",
    }
}

/// Whether a message is market data, by its first bytes as they usually are.
fn is_data(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"{\"arg\":{") else { return false };
    let end = rest.iter().position(|byte| *byte == b'}').unwrap_or(0);
    let rest = rest.get(end..).unwrap_or_default();
    rest.starts_with(b"},\"data\"") || rest.starts_with(b"},\"action\"")
}

impl Protocol for Okx {
    fn venue(&self) -> Venue {
        Venue::Okx
    }

    fn topic(&self, channel: &str, symbol: &str) -> String {
        format!("{channel} {symbol}")
    }

    fn ask(&self, asking: &Asking<'_>) -> String {
        let op = if asking.is_on { "subscribe" } else { "unsubscribe" };
        let parts = asking.topics.iter().filter_map(|topic| topic.split_once(' '));
        let args: Vec<_> = parts
            .map(|(channel, symbol)| serde_json::json!({ "channel": channel, "instId": symbol }))
            .collect();
        serde_json::json!({ "op": op, "args": args }).to_string()
    }

    fn control(&self, bytes: &[u8]) -> Option<Control> {
        if bytes == b"pong" {
            return Some(Control::Alive);
        }
        if is_data(bytes) || bytes.len() > BYTES_MAX {
            return None;
        }
        let message: Message = serde_json::from_slice(bytes).ok()?;
        match message.event.as_str() {
            is_on @ ("subscribe" | "unsubscribe") => {
                let arg = message.arg?;
                let topic = self.topic(&arg.channel, &arg.instrument);
                Some(Control::Topic { is_on: is_on == "subscribe", topic })
            }
            "error" => {
                let words: String = message.msg.chars().take(WORDS_MAX).collect();
                let words = format!("{} {words}", message.code);
                let topic = message.arg.map(|arg| self.topic(&arg.channel, &arg.instrument));
                Some(Control::Refused { id: None, topic, words })
            }
            "notice" if message.code == CODE_OF_END => Some(Control::Shutdown),
            _ => None,
        }
    }

    fn ping(&self) -> Option<String> {
        Some("ping".to_owned())
    }

    fn is_known(&self, name: &str) -> bool {
        matches!(name, "notice" | "channel-conn-count")
    }

    fn listings_url(&self, profile: &Profile, symbols: &[String]) -> String {
        let (rest, path) = (&profile.rest, profile.info.0);
        let symbol = symbols.first().map_or("", String::as_str);
        format!("{rest}{path}?instType={}&instId={}", kind_of(symbol), encoded(symbol))
    }

    fn listings(&self, _: &Profile, body: &[u8]) -> Result<Info, String> {
        info::read(body)
    }

    fn is_unlisted(&self, status: u16, body: &[u8]) -> bool {
        let code = || serde_json::from_slice(body).ok().map(|code: Code| code.code);
        matches!(status, 200 | 400) && code().is_some_and(|code| code == CODE_OF_INSTRUMENT)
    }

    fn time(&self, body: &[u8]) -> Option<(Nanos, i64)> {
        let Time { data } = serde_json::from_slice(body).ok()?;
        let ms: i64 = data.first()?.ts.parse().ok()?;
        Some((Nanos::new(ms.checked_mul(CLOCK_STEP_NS)?), CLOCK_STEP_NS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_from_data() {
        let of = |text: &str| Okx.control(text.as_bytes());
        let done = r#"{"event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},
            "connId":"a4d3ae55"}"#;
        let topic = "books BTC-USDT".to_owned();
        assert_eq!(of(done), Some(Control::Topic { is_on: true, topic: topic.clone() }));
        let ended = r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"event":"unsubscribe"}"#;
        assert_eq!(of(ended), Some(Control::Topic { is_on: false, topic }));
        let refused = r#"{"event":"error","code":"60018","msg":"Wrong URL or channel:books,
            instId:NO-USDT doesn't exist.","connId":"a4d3ae55"}"#
            .replace('\n', "");
        let Some(Control::Refused { id: None, topic: None, words }) = of(&refused) else {
            panic!("{:?}", of(&refused))
        };
        assert!(words.starts_with("60018 Wrong URL"), "{words}");
        let notice = r#"{"event":"notice","code":"64008","msg":"The connection will soon be closed
            for a service upgrade. Please reconnect.","connId":"a4d3ae55"}"#
            .replace('\n', "");
        assert_eq!(of(&notice), Some(Control::Shutdown));
        assert_eq!(of("pong"), Some(Control::Alive));
        for text in [
            r#"{"arg":{"channel":"books","instId":"X"},"action":"update","data":[]}"#,
            r#"{"data":[],"arg":{"channel":"books","instId":"X"}}"#,
            r#"{"arg":{"channel":"books"#,
            r#"{"event":"notice","code":"1"}"#,
            "",
            "ping",
            "[]",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn questions_are_as_the_venue_wants_them() {
        let topics = [Okx.topic("books", "BTC-USDT"), Okx.topic("trades", "BTC-USDT-SWAP")];
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        let asked = Okx.ask(&Asking { is_on: false, topics: &topics, id: 5 });
        let asked: serde_json::Value = serde_json::from_str(&asked).unwrap();
        let wanted = serde_json::json!({ "op": "unsubscribe", "args": [
            { "channel": "books", "instId": "BTC-USDT" },
            { "channel": "trades", "instId": "BTC-USDT-SWAP" }] });
        assert_eq!(asked, wanted);
        for (symbol, kind) in [
            ("BTC-USDT", "SPOT"),
            ("BTC-USDT-SWAP", "SWAP"),
            ("BTC-USD-220527", "FUTURES"),
            ("BTC-USD-220514-22000-C", "OPTION"),
        ] {
            let url = Okx.listings_url(&Profile::okx(), &[symbol.to_owned()]);
            let path = "https://www.okx.com/api/v5/public/instruments";
            assert_eq!(url, format!("{path}?instType={kind}&instId={symbol}"));
        }
        let time = br#"{"code":"0","msg":"","data":[{"ts":"1597026383085"}]}"#;
        let at = Nanos::new(1_597_026_383_085_000_000);
        assert_eq!(Okx.time(time), Some((at, CLOCK_STEP_NS)));
        assert_eq!(Okx.time(br#"{"data":[]}"#), None);
        assert!(Okx.is_unlisted(200, br#"{"code":"51001","msg":"Instrument ID does not exist"}"#));
        assert!(!Okx.is_unlisted(200, br#"{"code":"50011"}"#));
    }
}
