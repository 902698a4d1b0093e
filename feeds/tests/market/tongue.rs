//! How simulated venues speak whose books come over their streams: what they are asked, and what
//! they say. Written from their documents, and not with the code that is tested.

use std::fmt::Write;

use qt_feeds::venue::{Profile, profile};
use serde_json::{Value, json};

use crate::model::Sides;

/// Whose tongue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    Bybit,
    BybitLinear,
    Kraken,
    Okx,
    Coinbase,
}

/// What a venue is told over a link.
#[derive(Debug)]
pub enum Said {
    Ping,
    Hello,
    /// Subscribe to, or unsubscribe from, these channels of these instruments.
    Ask {
        is_on: bool,
        id: Value,
        topics: Vec<(String, String)>,
    },
}

/// A book at one moment: its time in milliseconds, its number and the one of the book before.
pub struct Moment<'a> {
    pub symbol: &'a str,
    pub ms: i64,
    pub number: u64,
    pub before: u64,
    pub sides: &'a Sides,
    /// The checksum is another one by so much.
    pub wrong: u32,
}

impl Moment<'_> {
    /// The levels of one side that are told, best first.
    fn levels(&self, side: usize, changed: Option<&[(usize, i64)]>) -> Vec<(i64, i64)> {
        let book = &self.sides[side];
        let level = |price: &i64| (*price, book.get(price).copied().unwrap_or(0));
        let mut levels: Vec<(i64, i64)> = match changed {
            None => book.keys().map(level).collect(),
            Some(changed) => {
                let mine = changed.iter().filter(|(of, _)| *of == side);
                mine.map(|(_, price)| level(price)).collect()
            }
        };
        if side == 0 {
            levels.reverse();
        }
        levels
    }
}

impl Tongue {
    pub const ALL: [Self; 5] =
        [Self::Bybit, Self::BybitLinear, Self::Kraken, Self::Okx, Self::Coinbase];

    pub fn profile(self) -> Profile {
        let name = match self {
            Self::Bybit => "bybit-spot",
            Self::BybitLinear => "bybit-linear",
            Self::Kraken => "kraken",
            Self::Okx => "okx",
            Self::Coinbase => "coinbase",
        };
        profile(name).and_then(|it| it.at("http://venue:1").ok()).expect("a profile")
    }

    pub fn symbol(self, at: usize) -> String {
        match self {
            Self::Bybit | Self::BybitLinear => format!("S{at}USDT"),
            Self::Kraken => format!("S{at}/USD"),
            Self::Okx => format!("S{at}-USDT"),
            Self::Coinbase => format!("S{at}-USD"),
        }
    }

    /// Whether it wants to hear something now and then.
    pub fn wants_pings(self) -> bool {
        self != Self::Coinbase
    }

    pub fn heard(self, text: &[u8]) -> Said {
        if text == b"ping" {
            assert_eq!(self, Self::Okx);
            return Said::Ping;
        }
        let message: Value = serde_json::from_slice(text).expect("a message");
        let word = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| -> Vec<String> {
            let texts = value.as_array().expect("a list").iter();
            texts.map(|text| text.as_str().expect("a text").to_owned()).collect()
        };
        let id = message.get("req_id").cloned().unwrap_or_default();
        match self {
            Self::Bybit | Self::BybitLinear if word("op") == "ping" => Said::Ping,
            Self::Bybit | Self::BybitLinear => {
                let args = list(&message["args"]);
                let most = if self == Self::Bybit { 10 } else { 100 };
                assert!(!args.is_empty() && args.len() <= most, "{args:?}");
                let topic = |arg: String| {
                    let (channel, symbol) = arg.rsplit_once('.').expect("a topic");
                    (channel.to_owned(), symbol.to_owned())
                };
                let topics = args.into_iter().map(topic).collect();
                Said::Ask { is_on: word("op") == "subscribe", id, topics }
            }
            Self::Kraken if word("method") == "ping" => Said::Ping,
            Self::Kraken => {
                let params = &message["params"];
                let channel = params["channel"].as_str().expect("a channel").to_owned();
                let symbols = list(&params["symbol"]).into_iter();
                let topics = symbols.map(|symbol| (channel.clone(), symbol)).collect();
                Said::Ask { is_on: word("method") == "subscribe", id, topics }
            }
            Self::Okx => {
                let topic = |arg: &Value| {
                    let of = |name: &str| arg[name].as_str().expect("a text").to_owned();
                    (of("channel"), of("instId"))
                };
                let topics = message["args"].as_array().expect("a list").iter().map(topic);
                Said::Ask { is_on: word("op") == "subscribe", id, topics: topics.collect() }
            }
            Self::Coinbase if word("channel") == "heartbeats" => Said::Hello,
            Self::Coinbase => {
                let products = list(&message["product_ids"]).into_iter();
                let topics = products.map(|product| (word("channel"), product)).collect();
                Said::Ask { is_on: word("type") == "subscribe", id, topics }
            }
        }
    }

    /// Whether `channel` is the one of books, or of trades.
    pub fn is_book(self, channel: &str) -> bool {
        matches!(channel, "orderbook.200" | "book" | "books" | "level2")
    }

    pub fn is_trades(self, channel: &str) -> bool {
        matches!(channel, "publicTrade" | "trade" | "trades" | "market_trades")
    }

    pub fn pong(self) -> String {
        match self {
            Self::Okx => "pong".to_owned(),
            Self::Kraken => json!({ "method": "pong", "time_in": "a" }).to_string(),
            _ => json!({ "success": true, "ret_msg": "pong", "op": "ping" }).to_string(),
        }
    }

    /// Its yes to a question; `all` is what is subscribed to by now.
    pub fn yes(
        self,
        is_on: bool,
        id: &Value,
        topics: &[(String, String)],
        all: &[(String, String)],
    ) -> Vec<String> {
        let word = if is_on { "subscribe" } else { "unsubscribe" };
        match self {
            Self::Bybit | Self::BybitLinear => {
                let yes = json!({ "success": true, "ret_msg": "", "req_id": id, "op": word });
                vec![yes.to_string()]
            }
            Self::Kraken => {
                let one = |(channel, symbol): &(String, String)| {
                    let result = json!({ "channel": channel, "symbol": symbol, "depth": 100 });
                    let yes = json!({ "method": word, "result": result, "success": true,
                        "req_id": id, "time_in": "a" });
                    yes.to_string()
                };
                topics.iter().map(one).collect()
            }
            Self::Okx => {
                let one = |(channel, symbol): &(String, String)| {
                    let arg = json!({ "channel": channel, "instId": symbol });
                    json!({ "event": word, "arg": arg, "connId": "c" }).to_string()
                };
                topics.iter().map(one).collect()
            }
            Self::Coinbase => {
                let mut lists = json!({ "heartbeats": ["heartbeats"] });
                for (channel, product) in all {
                    match lists[channel].as_array_mut() {
                        Some(list) => list.push(product.as_str().into()),
                        None => lists[channel] = json!([product]),
                    }
                }
                let events = json!([{ "subscriptions": lists }]);
                vec![json!({ "channel": "subscriptions", "events": events }).to_string()]
            }
        }
    }

    /// Its no to the whole of a question.
    pub fn no(self, id: &Value) -> String {
        match self {
            Self::Bybit | Self::BybitLinear => {
                json!({ "success": false, "ret_msg": "not now", "req_id": id, "op": "subscribe" })
            }
            Self::Kraken => {
                json!({ "method": "subscribe", "error": "not now", "success": false, "req_id": id })
            }
            Self::Okx => json!({ "event": "error", "code": "60012", "msg": "not now" }),
            Self::Coinbase => json!({ "type": "error", "message": "not now" }),
        }
        .to_string()
    }

    /// A book, whole or only the levels of `changed` (side and price).
    pub fn book(self, moment: &Moment<'_>, changed: Option<&[(usize, i64)]>) -> String {
        let kind = if changed.is_some() { "update" } else { "snapshot" };
        let levels = [0, 1].map(|side| moment.levels(side, changed));
        let Moment { symbol, ms, number, before, .. } = *moment;
        match self {
            Self::Bybit | Self::BybitLinear => {
                let kind = if changed.is_some() { "delta" } else { kind };
                let [b, a] = levels.map(|side| rows(&side, "[", ",", "]", true));
                format!(
                    r#"{{"topic":"orderbook.200.{symbol}","ts":{},"type":"{kind}","data":{{
                    "s":"{symbol}","b":[{b}],"a":[{a}],"u":{number},"seq":{number}}},
                    "cts":{ms}}}"#,
                    ms + 3
                )
            }
            Self::Kraken => {
                let sum = kraken_sum(moment.sides) ^ moment.wrong;
                let (open, next) = (r#"{"price":"#, r#","qty":"#);
                let [b, a] = levels.map(|side| rows(&side, open, next, "}", false));
                format!(
                    r#"{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}",
                    "bids":[{b}],"asks":[{a}],"checksum":{sum},"timestamp":"{}"}}]}}"#,
                    iso(ms)
                )
            }
            Self::Okx => {
                // Books of one instrument have no checksum, as those of today; the others have.
                let sum = if symbol.starts_with("S1") { 0 } else { okx_sum(moment.sides) };
                let sum = if sum == 0 { 0 } else { sum ^ moment.wrong.cast_signed() };
                let before = if changed.is_some() { before.cast_signed() } else { -1 };
                let [b, a] = levels.map(|side| rows(&side, "[", ",", r#","0","1"]"#, true));
                format!(
                    r#"{{"arg":{{"channel":"books","instId":"{symbol}"}},"action":"{kind}",
                    "data":[{{"asks":[{a}],"bids":[{b}],"ts":"{ms}","checksum":{sum},
                    "prevSeqId":{before},"seqId":{number}}}]}}"#,
                )
            }
            Self::Coinbase => {
                let mut updates = String::new();
                for (side, levels) in ["bid", "offer"].into_iter().zip(&levels) {
                    for (price, qty) in levels {
                        let comma = if updates.is_empty() { "" } else { "," };
                        let (price, qty) = (decimal(*price, 2), decimal(*qty, 6));
                        let _ = write!(
                            updates,
                            r#"{comma}{{"side":"{side}","event_time":"{}",
                            "price_level":"{price}","new_quantity":"{qty}"}}"#,
                            iso(ms)
                        );
                    }
                }
                format!(
                    r#"{{"channel":"l2_data","client_id":"","timestamp":"{}","events":[{{
                    "type":"{kind}","product_id":"{symbol}","updates":[{updates}]}}]}}"#,
                    iso(ms)
                )
            }
        }
    }

    /// A trade whose price is its number.
    pub fn trade(self, symbol: &str, number: u64, ms: i64) -> String {
        let at = iso(ms);
        match self {
            Self::Bybit | Self::BybitLinear => {
                let price = number.to_string();
                let one = json!({ "T": ms, "s": symbol, "S": "Buy", "v": "1.5", "p": price,
                    "i": "x", "BT": false, "seq": number });
                json!({ "topic": format!("publicTrade.{symbol}"), "type": "snapshot", "ts": ms,
                    "data": [one] })
            }
            Self::Kraken => {
                let one = json!({ "symbol": symbol, "side": "buy", "price": number, "qty": 1.5,
                    "ord_type": "limit", "trade_id": number, "timestamp": at });
                json!({ "channel": "trade", "type": "update", "data": [one] })
            }
            Self::Okx => {
                let one = json!({ "instId": symbol, "tradeId": number.to_string(), "side": "buy",
                    "px": number.to_string(), "sz": "1.5", "ts": ms.to_string(), "count": "1" });
                json!({ "arg": { "channel": "trades", "instId": symbol }, "data": [one] })
            }
            Self::Coinbase => {
                let one = json!({ "trade_id": number.to_string(), "product_id": symbol,
                    "price": number.to_string(), "size": "1.5", "side": "BUY", "time": at });
                let events = json!([{ "type": "update", "trades": [one] }]);
                json!({ "channel": "market_trades", "timestamp": at, "events": events })
            }
        }
        .to_string()
    }

    /// What it says each second whatever happens, where it does.
    pub fn heartbeat(self) -> Option<String> {
        match self {
            Self::Kraken => Some(r#"{"channel":"heartbeat"}"#.to_owned()),
            Self::Coinbase => {
                let events = json!([{ "current_time": "t", "heartbeat_counter": 7 }]);
                Some(json!({ "channel": "heartbeats", "events": events }).to_string())
            }
            _ => None,
        }
    }

    /// The message as the `number`-th one of its link.
    pub fn numbered(self, text: String, number: u64) -> String {
        match self {
            Self::Coinbase if text.starts_with("{\"type\":\"error\"") => text,
            Self::Coinbase => format!(r#"{{"sequence_num":{number},{}"#, &text[1..]),
            _ => text,
        }
    }

    /// The answer to a request; so many decimals have prices, and quantities.
    pub fn answer(self, url: &str, symbols: &[String], ms: i64, decimals: [usize; 2]) -> String {
        if url.to_lowercase().ends_with("/time") {
            let (s, nanos) = (ms / 1_000, format!("{ms}000000"));
            return match self {
                Self::Bybit | Self::BybitLinear => {
                    json!({ "retCode": 0, "result": { "timeNano": nanos } })
                }
                Self::Kraken => json!({ "error": [], "result": { "unixtime": s } }),
                Self::Okx => json!({ "code": "0", "data": [{ "ts": ms.to_string() }] }),
                Self::Coinbase => json!({ "epochMillis": ms.to_string() }),
            }
            .to_string();
        }
        let [tick, lot] = decimals.map(|decimals| decimal(1, decimals));
        let encoded = |symbol: &&String| url.ends_with(symbol.as_str());
        let symbol = symbols.iter().find(encoded).map_or("", String::as_str);
        match self {
            Self::Bybit | Self::BybitLinear => {
                let lot = json!({ "qtyStep": lot, "minOrderQty": "0.1" });
                let one = json!({ "symbol": symbol, "status": "Trading", "lotSizeFilter": lot,
                    "priceFilter": { "tickSize": tick } });
                json!({ "retCode": 0, "result": { "list": [one] } })
            }
            Self::Kraken => {
                let mut pairs = json!({});
                for (at, symbol) in symbols.iter().enumerate() {
                    pairs[format!("P{at}")] = json!({ "wsname": symbol, "tick_size": tick,
                        "lot_decimals": decimals[1], "status": "online" });
                }
                json!({ "error": [], "result": pairs })
            }
            Self::Okx => {
                let one = json!({ "instType": "SPOT", "instId": symbol, "state": "live",
                    "tickSz": tick, "lotSz": lot });
                json!({ "code": "0", "data": [one] })
            }
            Self::Coinbase => json!({ "product_id": symbol, "product_type": "SPOT",
                "status": "online", "price_increment": tick, "base_increment": lot }),
        }
        .to_string()
    }
}

/// Levels with their numbers, in quotes or not.
fn rows(levels: &[(i64, i64)], open: &str, next: &str, close: &str, is_quoted: bool) -> String {
    let quote = if is_quoted { "\"" } else { "" };
    let row = |(price, qty): &(i64, i64)| {
        let (price, qty) = (decimal(*price, 2), decimal(*qty, 6));
        format!("{open}{quote}{price}{quote}{next}{quote}{qty}{quote}{close}")
    };
    levels.iter().map(row).collect::<Vec<_>>().join(",")
}

fn decimal(value: i64, decimals: usize) -> String {
    let unit = 10_i64.pow(u32::try_from(decimals).expect("few"));
    format!("{}.{:0decimals$}", value / unit, value % unit)
}

/// CRC-32, bit by bit.
pub fn crc(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

/// The ten best asks, then the ten best bids: digits of price and quantity.
fn kraken_sum(sides: &Sides) -> u32 {
    let text = |(price, qty): (&i64, &i64)| format!("{price}{qty}");
    let asks = sides[1].iter().take(10).map(text);
    let all: String = asks.chain(sides[0].iter().rev().take(10).map(text)).collect();
    crc(all.as_bytes())
}

/// The 25 best of both sides by turns.
fn okx_sum(sides: &Sides) -> i32 {
    let text = |(price, qty): (&i64, &i64)| format!("{}:{}", decimal(*price, 2), decimal(*qty, 6));
    let bids: Vec<String> = sides[0].iter().rev().take(25).map(text).collect();
    let asks: Vec<String> = sides[1].iter().take(25).map(text).collect();
    let turn = |at: usize| [bids.get(at), asks.get(at)].into_iter().flatten().cloned();
    let all: Vec<String> = (0..25).flat_map(turn).collect();
    crc(all.join(":").as_bytes()).cast_signed()
}

/// The time in the way of ISO 8601.
pub fn iso(ms: i64) -> String {
    let (days, rest) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    // Days since 1970-01-01 to the civil date, with years that begin in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hours, minutes) = (rest / 3_600_000, rest / 60_000 % 60);
    let (seconds, ms) = (rest / 1_000 % 60, rest % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{ms:03}000Z")
}

#[test]
fn times_and_sums_are_those_that_are_known() {
    assert_eq!(iso(1_700_000_000_123), "2023-11-14T22:13:20.123000Z");
    assert_eq!(iso(951_782_400_000), "2000-02-29T00:00:00.000000Z");
    assert_eq!(crc(b"123456789"), 0xCBF4_3926);
}
