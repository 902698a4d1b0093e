//! Acknowledgements of subscriptions as a plan has them: lost, wrong, late, or all there is.

use std::time::Duration;

use qt_venue_sim::fault::Plan;
use qt_venue_sim::server::{MarketSettings, Running, Settings};
use qt_venue_sim::venue::Venue;
use serde_json::{Value, json};

use super::client::{Socket, done, start};

const BOTH: &str =
    r#"{"method":"SUBSCRIBE","params":["btcusdt@bookTicker","ethusdt@bookTicker"],"id":1}"#;
const LIST: &str = r#"{"method":"LIST_SUBSCRIPTIONS","id":2}"#;

/// A server with that fault at the first request of a connection, and a connection.
fn begun(rule: &str) -> (Running, Socket) {
    let mut settings = Settings::new(Venue::BinanceSpot);
    settings.market = MarketSettings::Seeded { updates_per_s: 200 };
    let plan = format!("[[fault]]\nwhat = {rule}");
    settings.faults = Plan::parse(&plan, 0).expect("a plan");
    let running = start(settings);
    let socket = Socket::open(running.addr, "/ws");
    (running, socket)
}

/// What comes until an answer does, and the answer.
fn until_answer(socket: &mut Socket) -> (Vec<Value>, Value) {
    let mut before = Vec::new();
    loop {
        let json = socket.json();
        if json.get("result").is_some() || json.get("code").is_some() {
            return (before, json);
        }
        before.push(json);
    }
}

fn symbols(socket: &mut Socket, count: usize) -> Vec<String> {
    let mut all: Vec<String> = (0..count)
        .map(|_| socket.json()["s"].as_str().expect("an event of a symbol").to_owned())
        .collect();
    all.sort();
    all.dedup();
    all
}

#[test]
fn an_acknowledgement_that_is_lost_leaves_the_subscription() {
    let (running, mut socket) = begun("\"ack-lost\"");
    socket.send(BOTH);
    socket.send(LIST);
    let (_, answer) = until_answer(&mut socket);
    let both = json!(["btcusdt@bookTicker", "ethusdt@bookTicker"]);
    assert_eq!(answer, json!({ "result": both, "id": 2 }));
    assert_eq!(symbols(&mut socket, 100), ["BTCUSDT", "ETHUSDT"]);
    assert_eq!(done(&running), 1);
}

#[test]
fn what_is_acknowledged_without_data_stays_silent() {
    let (running, mut socket) = begun("\"ack-without-data\"");
    socket.send(BOTH);
    assert_eq!(until_answer(&mut socket).1, json!({ "result": null, "id": 1 }));
    assert_eq!(socket.message_within(Duration::from_millis(500)), None);
    // It is this connection alone, and subscribing again helps.
    let mut other = Socket::open(running.addr, "/ws/btcusdt@bookTicker");
    assert_eq!(other.json()["s"], "BTCUSDT");
    socket.send(BOTH);
    until_answer(&mut socket);
    assert_eq!(symbols(&mut socket, 100), ["BTCUSDT", "ETHUSDT"]);
}

#[test]
fn of_several_streams_one_is_refused_and_the_others_come() {
    let (_running, mut socket) = begun("\"ack-error-one\"\ncode = 7");
    socket.send(BOTH);
    let (_, answer) = until_answer(&mut socket);
    assert_eq!(answer["code"], 7, "{answer}");
    socket.send(LIST);
    let (_, answer) = until_answer(&mut socket);
    assert_eq!(answer["result"], json!(["btcusdt@bookTicker"]));
    assert_eq!(symbols(&mut socket, 50), ["BTCUSDT"]);
}

#[test]
fn data_come_before_the_acknowledgement_that_is_late() {
    let (_running, mut socket) = begun("\"data-before-ack\"");
    socket.send(BOTH);
    let (before, answer) = until_answer(&mut socket);
    assert_eq!(answer, json!({ "result": null, "id": 1 }));
    assert!(!before.is_empty() && before.iter().all(|event| event["u"].is_u64()), "{before:?}");
}

#[test]
fn a_connection_that_is_said_to_ask_too_much_is_closed() {
    let (running, mut socket) = begun("\"inbound-limit\"");
    socket.send(LIST);
    assert_eq!(socket.close_code(), Some(1008));
    let mut next = Socket::open(running.addr, "/ws");
    next.send(LIST);
    assert_eq!(next.json()["id"], 2);
}
