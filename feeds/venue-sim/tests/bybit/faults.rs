//! Each fault of frames, connections and reports that this wire has, over real sockets.

use std::time::Duration;

use qt_codec::venue::Venue as Wire;
use qt_codec::{Decoder, Frame, Mode};
use qt_venue_sim::fault::Plan;
use qt_venue_sim::server::{Running, Settings};
use qt_venue_sim::venue::Venue;
use serde_json::{Value, json};
use tungstenite::Message;

use super::client::{Socket, control, done, get, start};
use super::trader::{Trader, code, quiet_with, subscribe, told};

const SPOT: Venue = Venue::BybitSpot;
const LINEAR: Venue = Venue::BybitLinear;
const TOPIC: &str = "orderbook.50.BTCUSDT";

fn moving(rule: &str) -> Running {
    let mut settings = Settings::new(LINEAR);
    settings.faults = Plan::parse(&format!("[[fault]]\n{rule}"), 0).expect("a plan");
    start(settings)
}

fn listening(running: &Running) -> Socket {
    let mut socket = Socket::open(running.addr, "/v5/public/linear");
    assert_eq!(subscribe(&mut socket, &[TOPIC])["success"], true);
    socket
}

fn update(frame: &Value) -> u64 {
    frame["data"]["u"].as_u64().unwrap_or_else(|| panic!("{frame}"))
}

/// The numbers and kinds of so many frames, the snapshot at zero.
fn numbers(running: &Running, count: usize) -> Vec<(i64, String)> {
    let mut socket = listening(running);
    let first = socket.json();
    let begin = update(&first);
    let mut all = vec![(0, "snapshot".to_owned())];
    for _ in 0..count {
        let next = socket.json();
        let kind = next["type"].as_str().expect("a type").to_owned();
        all.push((update(&next) as i64 - begin as i64, kind));
    }
    all
}

fn deltas(numbers: &[i64]) -> Vec<(i64, String)> {
    let first = std::iter::once((0, "snapshot".to_owned()));
    first.chain(numbers.iter().map(|number| (*number, "delta".to_owned()))).collect()
}

#[test]
fn changes_of_a_book_are_lost_doubled_swapped_and_late() {
    for (what, wanted) in [
        ("drop-delta", [1, 2, 4, 5]),
        ("duplicate-delta", [1, 2, 3, 3]),
        ("swap-deltas", [1, 2, 4, 3]),
        ("late-delta", [1, 2, 3, 4]),
    ] {
        let running = moving(&format!("what = \"{what}\"\nafter = 3"));
        assert_eq!(numbers(&running, 4), deltas(&wanted), "{what}");
        assert_eq!(done(&running), 1, "{what}");
    }
    let running = moving("what = \"sequence-down\"\nafter = 2");
    assert_eq!(numbers(&running, 3), deltas(&[1, 2 - 1_000_000, 3]));
}

#[test]
fn a_book_comes_whole_in_the_middle_and_with_its_numbers_begun_anew() {
    let running = moving("what = \"mid-stream-snapshot\"\nafter = 2");
    let seen = numbers(&running, 3);
    let wanted = [(0, "snapshot"), (1, "delta"), (2, "snapshot"), (3, "delta")];
    assert_eq!(seen, wanted.map(|(number, kind)| (number, kind.to_owned())));
    let running = moving("what = \"restart-snapshot\"\nafter = 2");
    let mut socket = listening(&running);
    let begin = update(&socket.json());
    assert_eq!(update(&socket.json()), begin + 1);
    let again = socket.json();
    assert_eq!((&again["type"], update(&again)), (&json!("snapshot"), 1));
    assert_eq!((update(&socket.json()), update(&socket.json())), (2, 3));
    // Who comes anew has the numbers of the venue.
    let mut other = listening(&running);
    assert!(update(&other.json()) > begin);
}

#[test]
fn books_that_are_crossed_or_empty_are_mended_by_the_next_change() {
    for what in ["crossed-book", "empty-side", "remove-absent"] {
        let running = moving(&format!("what = \"{what}\"\nafter = 3"));
        let mut socket = listening(&running);
        let mut decoder = Decoder::new(Wire::Bybit, Mode::Strict);
        let (mut book, mut out) = (super::streams::Book::default(), Vec::new());
        for _ in 0..8 {
            let text = socket.text();
            out.clear();
            decoder.decode(&Frame::new(text.as_bytes()), &mut out).expect("a frame");
            out.iter().for_each(|update| book.apply(update));
        }
        assert_eq!(done(&running), 1, "{what}");
        control(&running, "POST", "market?moves=no");
        super::streams::catches_up(&running, &mut socket, &mut decoder, &mut book, 50);
    }
}

#[test]
fn frames_are_broken_in_every_way() {
    let rule = |what: &str| format!("what = \"{what}\"\nafter = 2\nconnection = \"streams\"");
    let text_of = |what: &str| {
        let running = moving(&rule(what));
        let mut socket = listening(&running);
        socket.text();
        (socket.text(), running)
    };
    let (unknown, _running) = text_of("unknown-field");
    assert!(unknown.starts_with("{\"zz\""), "{unknown}");
    let (strange, _running) = text_of("unknown-value");
    assert!(strange.contains("surprise"), "{strange}");
    let (foreign, _running) = text_of("foreign-symbol");
    assert!(foreign.contains("publicTrade.１"), "{foreign}");
    let (garbage, _running) = text_of("garbage-frame");
    assert!(serde_json::from_str::<Value>(&garbage).is_err(), "{garbage}");
    let (lacking, _running) = text_of("missing-field");
    let lacking: Value = serde_json::from_str(&lacking).expect("JSON");
    assert!(lacking["data"]["u"].is_null(), "the last of its names is gone: {lacking}");
    let (sorted, _running) = text_of("key-order");
    assert!(sorted.starts_with("{\"cts\""), "{sorted}");
    for what in ["fragmented-frame", "ping-inside"] {
        let (whole, running) = text_of(what);
        assert!(serde_json::from_str::<Value>(&whole).is_ok() && done(&running) == 1, "{what}");
    }
    let running = moving(&rule("binary-frame"));
    let mut socket = listening(&running);
    socket.text();
    assert!(matches!(socket.message(), Ok(Message::Binary(_))));
    for what in ["cut-frame", "compressed-frame"] {
        let running = moving(&rule(what));
        let mut socket = listening(&running);
        socket.text();
        let ended = (0..50).any(|_| socket.message().is_err());
        assert!(ended, "{what}");
    }
}

#[test]
fn subscriptions_are_acknowledged_wrongly() {
    let running = moving("what = \"ack-without-data\"");
    let mut socket = listening(&running);
    assert_eq!(socket.message_within(Duration::from_millis(200)).map(|m| m.is_text()), None);
    let running = moving("what = \"ack-lost\"");
    let mut socket = Socket::open(running.addr, "/v5/public/linear");
    let request = json!({ "op": "subscribe", "args": [TOPIC] }).to_string();
    socket.send(&request);
    assert_eq!(socket.json()["topic"], TOPIC);
    let running = moving("what = \"data-before-ack\"");
    let mut socket = Socket::open(running.addr, "/v5/public/linear");
    socket.send(&request);
    assert_eq!(socket.json()["topic"], TOPIC);
    socket.text_where(|json| json["op"] == "subscribe" && json["success"] == true);
    let running = moving("what = \"ack-error-one\"");
    let mut socket = Socket::open(running.addr, "/v5/public/linear");
    assert_eq!(subscribe(&mut socket, &[TOPIC])["success"], false);
    assert_eq!(subscribe(&mut socket, &[TOPIC])["success"], true, "nothing of it was taken");
    let running = moving("what = \"inbound-limit\"");
    let mut socket = Socket::open(running.addr, "/v5/public/linear");
    socket.send(&request);
    assert_eq!(socket.close_code(), Some(1008));
}

#[test]
fn connections_end_and_are_refused() {
    for (rule, wanted) in [
        ("what = \"close-code\"\ncode = 1012", Some(1012)),
        ("what = \"lifetime-ends\"", Some(1001)),
        ("what = \"shutdown-notice\"\ndelay_ms = 50", Some(1001)),
        ("what = \"reset\"", None),
        ("what = \"restart\"", None),
        ("what = \"slow-consumer\"", None),
    ] {
        let running = moving(rule);
        // What is reset may be so before the handshake is read.
        let socket = Socket::try_open(running.addr, "/v5/public/linear").ok();
        let code = socket.and_then(|mut socket| socket.close_code());
        assert_eq!(code, wanted, "{rule}");
        assert_eq!(done(&running), 1, "{rule}");
    }
    let running = moving("what = \"refuse-connect\"\nconnection = \"user\"");
    assert!(Socket::try_open(running.addr, "/v5/private").is_err());
    assert!(Socket::try_open(running.addr, "/v5/private").is_ok());
    let running = moving("what = \"connect-limit\"\nconnection = \"rest\"");
    assert_eq!(get(running.addr, "/v5/market/time").status, 403);
    let running = moving("what = \"half-open\"\nconnection = \"streams\"");
    let mut socket = Socket::open(running.addr, "/v5/public/linear");
    super::trader::until("it is silent", || done(&running) == 1);
    assert!(socket.try_send("{\"op\":\"ping\"}"));
    assert!(socket.message_within(Duration::from_millis(200)).is_none());
}

#[test]
fn a_session_that_has_expired_is_told_so() {
    let running =
        quiet_with(LINEAR, "what = \"session-expired\"\nafter = 1\nconnection = \"user\"");
    let trader = Trader::demo(&running, LINEAR, "demo");
    // The connection that has not logged on is not meant.
    let mut socket = Socket::open(running.addr, "/v5/private");
    trader.log_on(&mut socket, super::client::now_ms() + 5_000);
    let told = socket.json();
    assert_eq!((&told["success"], &told["op"]), (&json!(false), &json!("auth")));
    assert_eq!(socket.close_code(), Some(1000));
}

#[test]
fn reports_are_lost_doubled_swapped_and_late() {
    let statuses = |rule: &str, count: usize| {
        let running = quiet_with(SPOT, rule);
        let trader = Trader::demo(&running, SPOT, "demo");
        let mut socket = trader.listening(&["order"]);
        for name in ["a", "b", "c"] {
            trader.limit_with("Buy", "0.01", "60000", json!({ "orderLinkId": name }));
        }
        let seen: Vec<String> = (0..count)
            .map(|_| told(&mut socket, "order")["orderLinkId"].as_str().expect("text").to_owned())
            .collect();
        assert_eq!(done(&running), 1, "{rule}");
        seen.join("")
    };
    assert_eq!(statuses("what = \"drop-report\"", 2), "bc");
    assert_eq!(statuses("what = \"duplicate-report\"", 4), "aabc");
    assert_eq!(statuses("what = \"swap-reports\"", 3), "bac");
    assert_eq!(statuses("what = \"late-report\"\ndelay_ms = 300", 3), "bca");
    assert_eq!(statuses("what = \"replay-reports\"\nafter = 2\nparts = 2", 5), "ababc");
    assert_eq!(statuses("what = \"foreign-report\"", 4), "nobodyabc");
}

#[test]
fn balances_come_before_the_fill_late_or_never() {
    let topics = |rule: &str, count: usize| {
        let running = quiet_with(SPOT, rule);
        let trader = Trader::demo(&running, SPOT, "demo");
        let other = Trader::demo(&running, SPOT, "other");
        trader.limit("Buy", "0.01", "60000");
        let mut socket = trader.listening(&["execution", "order", "wallet"]);
        other.limit("Sell", "0.01", "60000");
        let all: Vec<String> = (0..count)
            .map(|_| socket.json()["topic"].as_str().expect("a topic").to_owned())
            .collect();
        all.join(" ")
    };
    assert_eq!(topics("what = \"odd-fee\"", 3), "execution order wallet");
    let rule = "what = \"balance-before-fill\"\naccount = \"demo\"";
    assert_eq!(topics(rule, 3), "wallet execution order");
    let rule = "what = \"fill-after-cancel\"\ndelay_ms = 200\naccount = \"demo\"";
    assert_eq!(topics(rule, 3), "wallet execution order");
}

#[test]
fn fills_that_the_venue_makes_are_called_by_their_names() {
    for (what, exec_type, create_type) in [
        ("liquidation", "BustTrade", "CreateByLiq"),
        ("deleverage", "AdlTrade", "CreateByAdl_PassThrough"),
        ("funding-fill", "Funding", ""),
    ] {
        let rule = format!("what = \"{what}\"\naccount = \"demo\"");
        let running = quiet_with(LINEAR, &rule);
        let trader = Trader::demo(&running, LINEAR, "demo");
        let other = Trader::demo(&running, LINEAR, "other");
        other.limit("Sell", "0.1", "60000");
        other.limit("Buy", "0.1", "59000");
        let mut socket = trader.listening(&["execution"]);
        assert_eq!(code(&trader.market("Buy", "0.1", json!({}))), 0);
        assert_eq!(told(&mut socket, "execution")["execType"], "Trade");
        let forced = told(&mut socket, "execution");
        assert_eq!(
            (&forced["execType"], &forced["createType"]),
            (&json!(exec_type), &json!(create_type))
        );
        let size = if what == "funding-fill" { "0.100" } else { "0.000" };
        let held = trader.get("/v5/position/list", "symbol=BTCUSDT");
        assert_eq!(held["list"][0]["size"], size, "{what}");
        assert_eq!(done(&running), 1, "{what}");
    }
}
