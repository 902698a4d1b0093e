//! Connections that fail without saying so, and frames of a size that nobody expects.

use std::time::{Duration, Instant};

use qt_venue_sim::fault::Plan;
use qt_venue_sim::server::{MarketSettings, Running, Settings};
use qt_venue_sim::venue::Venue;
use serde_json::{Value, json};
use tungstenite::Message;

use super::client::{Socket, Trader, done, get, start};

fn lively(rule: &str) -> Running {
    let mut settings = Settings::new(Venue::BinanceSpot);
    settings.market = MarketSettings::Seeded { updates_per_s: 200 };
    settings.faults = Plan::parse(&format!("[[fault]]\n{rule}"), 0).expect("a plan");
    start(settings)
}

/// Reads until the fault has been done and nothing comes any more.
fn until_silent(running: &Running, socket: &mut Socket) {
    loop {
        let said = socket.message_within(Duration::from_millis(500));
        if said.is_none() && done(running) > 0 {
            return;
        }
    }
}

#[test]
fn a_half_open_connection_says_nothing_and_stays_and_the_next_one_is_served() {
    let running = lively("what = \"half-open\"\nconnection = \"streams\"\nafter = 5");
    let mut socket = Socket::open(running.addr, "/ws/btcusdt@trade");
    until_silent(&running, &mut socket);
    // Neither a request nor a ping is answered, and nothing ends it.
    assert!(socket.try_send(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#));
    assert!(socket.try_ping());
    assert_eq!(socket.message_within(Duration::from_millis(500)), None);
    assert_eq!(Socket::open(running.addr, "/ws/btcusdt@trade").json()["e"], "trade");
    assert_eq!(done(&running), 1);
}

#[test]
fn a_half_open_connection_of_an_account_swallows_what_it_is_sent() {
    let running = lively("what = \"half-open\"\nconnection = \"api\"\nafter = 5");
    let trader = Trader::demo(&running, "demo");
    let mut api = Socket::open(running.addr, "/ws-api/v3");
    until_silent(&running, &mut api);
    let order = json!({"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC",
        "quantity":"1","price":"50000","newClientOrderId":"unheard"});
    let request = json!({"id": 1, "method": "order.place", "params": trader.params(order)});
    assert!(api.try_send(&request.to_string()));
    assert_eq!(api.message_within(Duration::from_millis(500)), None);
    let path = "/api/v3/order";
    let found = trader.call("GET", path, "symbol=BTCUSDT&origClientOrderId=unheard");
    assert_eq!(found.code(), -2013, "a side that is dead does not hear either");
}

#[test]
fn a_slow_handshake_takes_as_long_as_the_plan_says_and_then_all_is_well() {
    let delay = Duration::from_millis(300);
    for (kind, path) in [("streams", "/ws/btcusdt@trade"), ("api", "/ws-api/v3")] {
        let rule = format!("what = \"slow-connect\"\nconnection = \"{kind}\"\ndelay_ms = 300");
        let running = lively(&rule);
        let began = Instant::now();
        let mut socket = Socket::open(running.addr, path);
        assert!(began.elapsed() >= delay, "{kind}: {:?}", began.elapsed());
        if kind == "api" {
            assert_eq!(socket.call("ping", &json!({}))["status"], 200);
        } else {
            assert_eq!(socket.json()["e"], "trade");
        }
    }
    let running = lively("what = \"slow-connect\"\nconnection = \"rest\"\ndelay_ms = 300");
    let began = Instant::now();
    assert_eq!(get(running.addr, "/api/v3/ping").body, "{}");
    assert!(began.elapsed() >= delay, "{:?}", began.elapsed());
}

#[test]
fn a_snapshot_of_many_megabytes_is_still_the_snapshot() {
    let running = lively("what = \"huge-frame\"\nbytes = 12000000");
    // There is a book once there is a trade.
    Socket::open(running.addr, "/ws/btcusdt@trade").text();
    let huge = get(running.addr, "/api/v3/depth?symbol=BTCUSDT&limit=5");
    assert!(huge.status == 200 && huge.body.len() >= 12_000_000, "{}", huge.body.len());
    assert_eq!(huge.json()["bids"].as_array().map(Vec::len), Some(5));
    assert!(get(running.addr, "/api/v3/depth?symbol=BTCUSDT&limit=5").body.len() < 1_000);
    // And over the WebSocket API.
    let running = lively("what = \"huge-frame\"\nbytes = 12000000");
    Socket::open(running.addr, "/ws/btcusdt@trade").text();
    let mut api = Socket::open(running.addr, "/ws-api/v3");
    let huge = api.call_text("depth", &json!({ "symbol": "BTCUSDT", "limit": 5 }));
    assert!(huge.len() >= 12_000_000, "{}", huge.len());
    let answer: Value = serde_json::from_str(&huge).expect("JSON");
    assert_eq!(answer["result"]["asks"].as_array().map(Vec::len), Some(5));
}

#[test]
fn a_frame_of_garbage_as_long_as_it_likes_stands_before_the_right_one() {
    let running = lively("what = \"garbage-frame\"\nbytes = 3000000");
    let mut socket = Socket::open(running.addr, "/ws/btcusdt@trade");
    let garbage = socket.text();
    assert!(garbage.len() >= 3_000_000 && serde_json::from_str::<Value>(&garbage).is_err());
    assert_eq!(socket.json()["e"], "trade");
}

#[test]
fn who_sends_frames_that_are_too_large_is_closed_and_the_others_are_not() {
    let running = lively("what = \"half-open\"\nat_ms = 3600000");
    let mut other = Socket::open(running.addr, "/ws-api/v3");
    for path in ["/ws", "/ws-api/v3"] {
        let mut socket = Socket::open(running.addr, path);
        // Whether all of it can be sent depends on when the server has had enough.
        socket.try_send(&"x".repeat(20_000_000));
        let code = loop {
            match socket.message() {
                Ok(Message::Close(frame)) => break frame.map(|frame| u16::from(frame.code)),
                Ok(_) => {}
                Err(_) => break None,
            }
        };
        assert!(matches!(code, Some(1009) | None), "{path}: {code:?}");
    }
    assert_eq!(other.call("ping", &json!({}))["status"], 200);
}
