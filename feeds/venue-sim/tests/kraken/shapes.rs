//! Every captured message of what is simulated, against the answer of a real call: the same names
//! in the same order with the same kinds of values.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::client::{Answer, Socket, Trader, get, other, quiet, server};
use super::shape::{Shape, difference};

/// The captured message with that number.
pub fn captured(file: &str, number: usize) -> String {
    let root = std::env::var("QT_SHARED").map_or_else(
        |_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join(format!("market-data/captures/kraken/{file}.jsonl"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    text.lines().nth(number - 1).expect("a message").to_owned()
}

/// The shape of an answer whose first object in the result is named by an id or a pair: that name
/// is nobody's business here.
fn shape(json: &str) -> Shape {
    fn unnamed(shape: Shape, depth: usize) -> Shape {
        let is_name = |name: &str| name.contains('-') || name.to_uppercase() == name;
        match shape {
            Shape::Object(fields) if depth < 4 => Shape::Object(
                fields
                    .into_iter()
                    .map(|(name, inner)| {
                        let is_named = name.len() >= 3 && is_name(&name) || name == "AAPLxUSD";
                        let told = if is_named { "*".to_owned() } else { name };
                        (told, unnamed(inner, depth + 1))
                    })
                    .collect(),
            ),
            other => other,
        }
    }
    unnamed(Shape::of(json), 0)
}

/// Of several objects with names of their own the first one stands for all.
fn once(shape: Shape) -> Shape {
    match shape {
        Shape::Object(mut fields) => {
            let mut seen = false;
            fields.retain(|(name, _)| name != "*" || !std::mem::replace(&mut seen, true));
            Shape::Object(fields.into_iter().map(|(name, inner)| (name, once(inner))).collect())
        }
        other => other,
    }
}

#[track_caller]
fn same(file: &str, number: usize, real: &str) {
    let (wanted, found) = (once(shape(&captured(file, number))), once(shape(real)));
    assert_eq!(difference(&wanted, &found, false), None, "{file} {number}: {real}");
}

/// The same without names that the capture does not have, or has too much.
#[track_caller]
fn same_without(file: &str, number: usize, real: &str, left_out: &[&str]) {
    fn without(shape: Shape, left_out: &[&str]) -> Shape {
        match shape {
            Shape::Object(fields) => Shape::Object(
                fields
                    .into_iter()
                    .filter(|(name, _)| !left_out.contains(&name.as_str()))
                    .map(|(name, inner)| (name, without(inner, left_out)))
                    .collect(),
            ),
            Shape::Array(all) => {
                Shape::Array(all.into_iter().map(|one| without(one, left_out)).collect())
            }
            other => other,
        }
    }
    let wanted = without(once(shape(&captured(file, number))), left_out);
    let found = without(once(shape(real)), left_out);
    assert_eq!(difference(&wanted, &found, false), None, "{file} {number}: {real}");
}

const REST: &str = "nautilus.fixtures.rest";
const SOCKET: &str = "nautilus.fixtures.ws";

fn body(answer: &Answer) -> &str {
    assert_eq!(answer.status, 200, "{}", answer.body);
    &answer.body
}

#[test]
fn answers_about_the_market() {
    let running = server();
    let mut trades = Socket::listen(running.addr, &json!({"channel":"trade","symbol":["BTC/USD"]}));
    trades.of("trade", "update");
    let ask = |target: &str| get(running.addr, &format!("/0/public/{target}"));
    // Positions have limits, and there are none here.
    let limits = ["long_position_limit", "short_position_limit"];
    same_without(REST, 1, body(&ask("AssetPairs?pair=XBTUSD")), &limits);
    same(REST, 3, body(&ask("OHLC?pair=XBTUSD")));
    same(REST, 5, body(&ask("Time")));
    same(REST, 9, body(&ask("SystemStatus")));
    same(REST, 10, body(&ask("Trades?pair=XBTUSD")));
    let pairs = ask("AssetPairs").result();
    let names: Vec<&String> = pairs.as_object().expect("pairs").keys().collect();
    assert_eq!(names, ["XETHZUSD", "XXBTZUSD"]);
    assert_eq!(pairs["XXBTZUSD"]["wsname"], "XBT/USD");
    // Who asks by the name of sockets is answered by it.
    let pairs = ask("AssetPairs?pair=BTC/USD").result();
    assert_eq!(pairs["BTC/USD"]["altname"], "XBTUSD");
    let assets = ask("Assets?asset=XBT").result();
    assert_eq!(assets["XXBT"]["altname"], "XBT");
    for (target, error) in [
        ("Depth?pair=XBTJPY", "EQuery:Unknown asset pair"),
        ("Depth", "EGeneral:Invalid arguments:pair"),
        ("Depth?pair=XBTUSD&count=0", "EGeneral:Invalid arguments:count"),
        ("OHLC?pair=XBTUSD&interval=7", "EGeneral:Invalid arguments:interval"),
        ("Assets?asset=DOGE", "EQuery:Unknown asset"),
        ("Nothing", "EGeneral:Unknown method"),
    ] {
        assert_eq!(ask(target).error(), error, "{target}");
    }
}

#[test]
fn answers_about_an_account() {
    let running = quiet();
    let trader = Trader::demo(&running);
    let limit = "pair=XBTUSD&type=buy&ordertype=limit&volume=0.5&price=29500";
    trader.place(limit);
    same(REST, 4, body(&trader.call("OpenOrders", "")));
    same(REST, 6, body(&trader.call("Balance", "")));
    other(&running, "sell", "0.1", "29400");
    trader.place("pair=XBTUSD&type=sell&ordertype=limit&volume=0.5&price=30000");
    other(&running, "buy", "0.1", "30000");
    // Ledgers are not kept, and not told of a trade.
    same_without(REST, 11, body(&trader.call("TradesHistory", "")), &["ledgers"]);
    let closed = trader.place("pair=XBTUSD&type=buy&ordertype=limit&volume=0.5&price=20000");
    same(REST, 2, body(&trader.call("CancelOrder", &format!("txid={closed}"))));
}

#[test]
fn messages_of_the_market() {
    let running = server();
    let mut socket = Socket::open(running.addr, "/v2");
    for params in [
        json!({"channel": "book", "symbol": ["BTC/USD"]}),
        json!({"channel": "trade", "symbol": ["BTC/USD"]}),
        json!({"channel": "ticker", "symbol": ["BTC/USD"]}),
        json!({"channel": "ohlc", "symbol": ["BTC/USD"], "interval": 1}),
    ] {
        socket.say("subscribe", &params, None);
    }
    let mut of = |channel: &str, kind: &str| {
        socket.text_where(|json| json["channel"] == channel && json["type"] == kind)
    };
    let snapshot = of("book", "snapshot");
    assert_eq!(shape(&snapshot), {
        let wanted = shape(&captured("docs.book-checksum-v2.ws", 1));
        assert_eq!(difference(&wanted, &shape(&snapshot), false), None);
        shape(&snapshot)
    });
    let update = of("book", "update");
    same(SOCKET, 1, &update);
    let candle = of("ohlc", "update");
    // The time of a candle is deprecated, and told all the same.
    same_without(SOCKET, 4, &candle, &["timestamp"]);
    same(SOCKET, 6, &of("trade", "update"));
    let mut second =
        Socket::listen(running.addr, &json!({"channel":"ticker","symbol":["BTC/USD"]}));
    let ticker = second.text_where(|json| json["channel"] == "ticker");
    same(SOCKET, 5, &ticker);
}

#[test]
fn acknowledgements_and_errors_are_those_of_the_venue() {
    let running = quiet();
    let mut socket = Socket::open(running.addr, "/v2");
    let status = socket.json();
    assert_eq!((&status["channel"], &status["type"]), (&json!("status"), &json!("update")));
    assert_eq!(status["data"][0]["system"], "online");
    let mut ask = |request: &str| -> Value {
        socket.send(request);
        let text = socket.text_where(|json| json["method"].is_string());
        let mut json: Value = serde_json::from_str(&text).expect("JSON");
        let map = json.as_object_mut().expect("an object");
        assert!(map.remove("time_in").is_some() && map.remove("time_out").is_some(), "{text}");
        json
    };
    assert_eq!(
        ask(
            r#"{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"]},"req_id":7}"#
        ),
        json!({"method": "subscribe", "req_id": 7, "success": true, "result": {
            "channel": "book", "depth": 10, "snapshot": true, "symbol": "BTC/USD"}})
    );
    let failed = |method: &str, error: &str, symbol: Option<&str>| {
        let mut json = json!({"method": method, "success": false, "error": error});
        if let Some(symbol) = symbol {
            json["symbol"] = symbol.into();
        }
        json
    };
    for (request, wanted) in [
        (
            r#"{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"]}}"#,
            failed("subscribe", "Already subscribed", Some("BTC/USD")),
        ),
        (
            r#"{"method":"subscribe","params":{"channel":"book","symbol":["BTC/JPY"]}}"#,
            failed("subscribe", "Currency pair not supported BTC/JPY", Some("BTC/JPY")),
        ),
        (
            r#"{"method":"subscribe","params":{"channel":"book","depth":11,"symbol":["ETH/USD"]}}"#,
            failed("subscribe", "Subscription depth not supported", None),
        ),
        (
            r#"{"method":"subscribe","params":{"channel":"nothing","symbol":["ETH/USD"]}}"#,
            failed("subscribe", "Subscription name invalid", None),
        ),
        (
            r#"{"method":"unsubscribe","params":{"channel":"trade","symbol":["ETH/USD"]}}"#,
            failed("unsubscribe", "Subscription Not Found", Some("ETH/USD")),
        ),
        (
            r#"{"method":"ping","params":{}}"#,
            failed("ping", "Unsupported field: 'params' for the given msg type: ping", None),
        ),
        (
            r#"{"method":"subscribe","params":{"channel":"executions","token":"x"}}"#,
            failed(
                "subscribe",
                "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com",
                None,
            ),
        ),
        ("what?", failed("", "Malformed request", None)),
    ] {
        assert_eq!(ask(request), wanted, "{request}");
    }
    assert_eq!(ask(r#"{"method":"ping","req_id":101}"#), json!({"method": "pong", "req_id": 101}));
}
