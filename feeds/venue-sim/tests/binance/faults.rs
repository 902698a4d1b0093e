//! Faults of a plan as a client meets them.

use qt_venue_sim::fault::Plan;
use qt_venue_sim::server::{MarketSettings, Running, Settings};
use qt_venue_sim::venue::Venue;
use serde_json::{Value, json};

use super::client::{Socket, Trader, get, start};

const ORDER: &str = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=50000\
                     &newClientOrderId=mine";

/// A server with a plan of one rule.
fn with(rule: &str, market: MarketSettings) -> Running {
    let mut settings = Settings::new(Venue::BinanceSpot);
    settings.market = market;
    settings.faults = Plan::parse(&format!("[[fault]]\n{rule}"), 0).expect("a plan");
    start(settings)
}

fn quiet(rule: &str) -> Running {
    with(rule, MarketSettings::None)
}

fn lively(rule: &str) -> Running {
    with(rule, MarketSettings::Seeded { updates_per_s: 200 })
}

fn is_open(trader: &Trader) -> bool {
    let found = trader.call("GET", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=mine");
    assert!(found.status == 200 || found.code() == -2013, "{}", found.body);
    found.status == 200
}

#[test]
fn an_answer_that_is_lost_leaves_the_order_and_a_lost_order_leaves_none() {
    for (what, how, is_live) in [
        ("answer-lost", "status", true),
        ("answer-lost", "drop", true),
        ("order-lost", "status", false),
        ("order-lost", "drop", false),
    ] {
        let rule = format!("what = \"{what}\"\nrequest = \"place\"\nhow = \"{how}\"");
        let running = quiet(&rule);
        let trader = Trader::demo(&running, "demo");
        let answer = trader.call("POST", "/api/v3/order", ORDER);
        if how == "drop" {
            assert_eq!((answer.status, answer.body.as_str()), (0, ""), "{what}");
        } else {
            assert_eq!((answer.status, answer.code()), (504, -1007), "{what}");
        }
        assert_eq!(is_open(&trader), is_live, "{what} {how}");
    }
}

#[test]
fn an_order_is_not_found_at_first() {
    let rule = "what = \"not-found-yet\"\nrequest = \"place\"\ndelay_ms = 300";
    let running = quiet(rule);
    let trader = Trader::demo(&running, "demo");
    assert_eq!(trader.call("POST", "/api/v3/order", ORDER).status, 200);
    // However slow the machine is, it is found in the end; how often it was not does not matter.
    while !is_open(&trader) {
        // Questions have a weight.
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn a_change_that_is_dropped_is_a_gap() {
    let running = lively("what = \"drop-delta\"\nafter = 3");
    let mut socket = Socket::open(running.addr, "/ws/btcusdt@depth@100ms");
    let (mut last, mut gaps) = (None, 0);
    for _ in 0..6 {
        let update: Value = serde_json::from_str(&socket.text()).expect("JSON");
        let begin = update["U"].as_u64().expect("U");
        gaps += usize::from(last.is_some_and(|last| begin != last + 1));
        last = update["u"].as_u64();
    }
    assert_eq!(gaps, 1);
}

#[test]
fn frames_in_every_form_are_the_same_frames() {
    for form in ["fragmented-frame", "ping-inside", "unknown-field", "key-order"] {
        let running = lively(&format!("what = \"{form}\"\nevery = 1"));
        let mut socket = Socket::open(running.addr, "/ws/btcusdt@trade");
        for _ in 0..3 {
            let trade: Value = serde_json::from_str(&socket.text()).expect("JSON");
            assert!(trade["t"].as_u64().is_some(), "{form}: {trade}");
        }
    }
}

#[test]
fn a_frame_that_is_cut_and_a_reset_end_the_connection() {
    for rule in ["what = \"cut-frame\"", "what = \"reset\"", "what = \"close-code\"\ncode = 1012"] {
        let running = lively(rule);
        let mut socket = Socket::open(running.addr, "/ws/btcusdt@trade");
        let code = socket.close_code();
        assert_eq!(code, rule.ends_with("1012").then_some(1012), "{rule}");
        // The next one is served.
        Socket::open(running.addr, "/ws/btcusdt@trade").text();
    }
}

#[test]
fn a_report_comes_twice_and_a_key_is_revoked() {
    let running =
        quiet("what = \"duplicate-report\"\n[[fault]]\nwhat = \"key-revoked\"\nafter = 2");
    let trader = Trader::demo(&running, "demo");
    let mut events = Socket::open(running.addr, "/ws-api/v3");
    events.call("userDataStream.subscribe.signature", &trader.params(json!({})));
    assert_eq!(trader.call("POST", "/api/v3/order", ORDER).status, 200);
    let is_report = |json: &Value| json["event"]["e"] == "executionReport";
    let (first, second) = (events.text_where(is_report), events.text_where(is_report));
    assert_eq!(first, second);
    let refused = trader.call("GET", "/api/v3/account", "");
    assert_eq!((refused.status, refused.code()), (401, -2015));
    let ended = events.text_where(|json| json["event"]["e"] == "eventStreamTerminated");
    assert!(ended.contains("\"subscriptionId\":0"), "{ended}");
    let told = events.text_where(|json| json["status"] == 401);
    // As documented, word by word.
    assert_eq!(told, super::shapes::documented("ws-api", 13));
}

#[test]
fn a_snapshot_is_refused_and_a_clock_is_off() {
    let running = lively("what = \"snapshot-refused\"\nstatus = 418\nretry_ms = 5000");
    let refused = get(running.addr, "/api/v3/depth?symbol=BTCUSDT");
    assert_eq!((refused.status, refused.header("retry-after")), (418, Some("5")));
    assert_eq!(get(running.addr, "/api/v3/depth?symbol=BTCUSDT").status, 200);
    let running = quiet("what = \"clock-skew\"\nby_ms = -3000\nfor_ms = 3600000");
    let trader = Trader::demo(&running, "demo");
    let early = trader.call("GET", "/api/v3/account", "");
    assert_eq!((early.status, early.code()), (400, -1021), "{}", early.body);
}
