//! Streams: books that can be put together, requests on the connection, its rules.

use std::collections::BTreeMap;
use std::time::Duration;

use qt_venue_sim::server::{MarketSettings, Settings};
use qt_venue_sim::venue::Venue;
use serde_json::{Value, json};
use tungstenite::Message;

use super::client::{Socket, get, quiet, server, start};

/// One side of a book, by its prices.
type Side = BTreeMap<String, String>;

fn apply(side: &mut Side, levels: &Value) {
    for level in levels.as_array().expect("levels") {
        let text = |at: usize| level[at].as_str().expect("text").to_owned();
        if text(1).bytes().all(|byte| matches!(byte, b'0' | b'.')) {
            side.remove(&text(0));
        } else {
            side.insert(text(0), text(1));
        }
    }
}

/// The best levels as a stream tells them: bids downwards, asks upwards.
fn best(bids: &Side, asks: &Side, count: usize) -> Value {
    // As texts prices of one length are in their order.
    let level = |(price, qty): (&String, &String)| json!([price, qty]);
    let bids: Vec<_> = bids.iter().rev().take(count).map(level).collect();
    let asks: Vec<_> = asks.iter().take(count).map(level).collect();
    json!([bids, asks])
}

#[test]
fn a_book_put_together_is_the_book() {
    let running = server();
    let path = "/stream?streams=btcusdt@depth@100ms/btcusdt@depth20@100ms";
    let mut socket = Socket::open(running.addr, path);
    let mut next = move || -> Value {
        let frame: Value = serde_json::from_str(&socket.text()).expect("JSON");
        frame["data"].clone()
    };
    // The first change is there before the snapshot is asked for.
    let mut waiting = vec![next()];
    let snapshot = get(running.addr, "/api/v3/depth?symbol=BTCUSDT&limit=5000").json();
    let mut last = snapshot["lastUpdateId"].as_u64().expect("an id");
    let (mut bids, mut asks) = (Side::new(), Side::new());
    apply(&mut bids, &snapshot["bids"]);
    apply(&mut asks, &snapshot["asks"]);
    let mut compared = 0;
    while compared < 5 {
        let data = waiting.pop().unwrap_or_else(&mut next);
        if let Some(begin) = data["U"].as_u64() {
            let end = data["u"].as_u64().expect("u");
            if end > last {
                assert!(begin <= last + 1, "a gap: {begin} after {last}");
                apply(&mut bids, &data["b"]);
                apply(&mut asks, &data["a"]);
                last = end;
            }
        } else if data["lastUpdateId"].as_u64() == Some(last) {
            assert_eq!(best(&bids, &asks, 20), json!([data["bids"], data["asks"]]));
            compared += 1;
        }
    }
}

#[test]
fn requests_on_the_connection() {
    let running = quiet();
    let mut socket = Socket::open(running.addr, "/ws");
    let mut ask = |text: &str| {
        socket.send(text);
        serde_json::from_str::<Value>(&socket.text()).expect("JSON")
    };
    let subscribe = r#"{"method":"SUBSCRIBE","params":["btcusdt@trade","btcusdt@depth"],"id":1}"#;
    assert_eq!(ask(subscribe), json!({ "result": null, "id": 1 }));
    let list = ask(r#"{"method":"LIST_SUBSCRIPTIONS","id":"two"}"#);
    assert_eq!(list, json!({ "result": ["btcusdt@depth", "btcusdt@trade"], "id": "two" }));
    assert_eq!(ask("{")["code"], 3);
    let mut socket = Socket::open(running.addr, "/stream");
    let mut ask = |text: &str| {
        socket.send(text);
        serde_json::from_str::<Value>(&socket.text()).expect("JSON")
    };
    let property = ask(r#"{"method":"GET_PROPERTY","params":["combined"],"id":3}"#);
    assert_eq!(property, json!({ "result": true, "id": 3 }));
    assert_eq!(ask(r#"{"method":"SET_PROPERTY","params":["combined",1],"id":4}"#)["code"], 1);
    assert_eq!(ask(r#"{"method":"GET_PROPERTY","params":["other"],"id":4}"#)["code"], 0);
    let unknown = ask(r#"{"method":"PLEASE","id":5}"#);
    let words = unknown["msg"].as_str().expect("words");
    assert!(words.starts_with("Invalid request: unknown variant `PLEASE`"), "{words}");
}

#[test]
fn who_says_too_much_is_disconnected() {
    let running = quiet();
    let mut socket = Socket::open(running.addr, "/ws");
    // So many that some second has more than five of them, however slow the machine is.
    for id in 0..200 {
        if !socket.try_send(&format!(r#"{{"method":"LIST_SUBSCRIPTIONS","id":{id}}}"#)) {
            break;
        }
    }
    assert_eq!(socket.close_code(), Some(1008));
}

#[test]
fn who_answers_pings_lives_on() {
    let mut settings = Settings::new(Venue::BinanceSpot);
    settings.market = MarketSettings::None;
    settings.wire.ping_every = Duration::from_millis(20);
    let running = start(settings);
    let mut answering = Socket::open(running.addr, "/ws-api/v3");
    let mut pings = 0;
    // Reading answers them.
    while pings < 6 {
        if let Message::Ping(payload) = answering.message().expect("it lives") {
            assert!(!payload.is_empty());
            pings += 1;
        }
    }
}

#[test]
fn who_does_not_answer_pings_is_disconnected() {
    let mut settings = Settings::new(Venue::BinanceSpot);
    settings.market = MarketSettings::None;
    settings.wire.ping_every = Duration::from_millis(20);
    settings.wire.pong_within = Duration::from_millis(100);
    let running = start(settings);
    let mut silent = std::net::TcpStream::connect(running.addr).expect("a connection");
    let request = "GET /ws HTTP/1.1\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
                   sec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    std::io::Write::write_all(&mut silent, request.as_bytes()).expect("sent");
    let mut all = Vec::new();
    std::io::Read::read_to_end(&mut silent, &mut all).expect("the end");
    let text = String::from_utf8_lossy(&all);
    assert!(text.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") && text.contains("Pong timeout"));
}

#[test]
fn a_connection_lives_as_long_as_it_may() {
    let mut settings = Settings::new(Venue::BinanceSpot);
    settings.wire.lifetime = Duration::from_millis(100);
    let running = start(settings);
    let mut socket = Socket::open(running.addr, "/ws/btcusdt@trade");
    assert_eq!(socket.close_code(), Some(1001));
}

#[test]
fn microseconds_are_told_to_who_wants_them() {
    let running = server();
    let mut socket = Socket::open(running.addr, "/ws/btcusdt@trade?timeUnit=MICROSECOND");
    let trade: Value = serde_json::from_str(&socket.text()).expect("JSON");
    assert!(trade["T"].as_i64().expect("a time") > 1_000_000_000_000_000, "{trade}");
    assert!(Socket::try_open(running.addr, "/ws/btcusdt@trade?timeUnit=DAYS").is_err());
}
