//! The streams of an account: who may listen, and what is told in which order.

use qt_venue_sim::venue::Venue;
use serde_json::{Value, json};

use super::client::{Socket, now_ms};
use super::trader::{Trader, quiet, told};

const SPOT: Venue = Venue::BybitSpot;
const LINEAR: Venue = Venue::BybitLinear;

#[test]
fn only_who_has_logged_on_listens() {
    let running = quiet(LINEAR);
    let trader = Trader::demo(&running, LINEAR, "demo");
    let mut socket = Socket::open(running.addr, "/v5/private");
    let mut ask = |text: String| {
        socket.send(&text);
        socket.json()
    };
    let subscribe = |topic: &str| json!({ "op": "subscribe", "args": [topic] }).to_string();
    let refused = ask(subscribe("order"));
    assert_eq!(
        (&refused["success"], &refused["ret_msg"]),
        (&json!(false), &json!("Request not authorized"))
    );
    let auth = |key: &str, expires: i64, signature: &str| {
        json!({ "op": "auth", "args": [key, expires, signature] }).to_string()
    };
    let soon = now_ms() + 5_000;
    let good = trader.sign(&format!("GET/realtime{soon}"));
    for (text, words) in [
        (auth("nobody", soon, &good), "API key is invalid."),
        (auth(&trader.api_key, soon, "00"), "error sign!"),
        (auth(&trader.api_key, now_ms() - 1, &good), "Params Error"),
        (json!({ "op": "auth", "args": ["x"] }).to_string(), "params error"),
        (json!({ "op": "please" }).to_string(), "error:invalid op"),
        ("[]".to_owned(), "error:bad request"),
    ] {
        let answer = ask(text);
        assert_eq!(answer["success"], false, "{answer}");
        assert!(answer["ret_msg"].as_str().expect("words").starts_with(words), "{answer}");
    }
    assert_eq!(ask(auth(&trader.api_key, soon, &good))["success"], true);
    assert_eq!(ask(auth(&trader.api_key, soon, &good))["ret_msg"], "Repeat auth");
    assert_eq!(ask(subscribe("order"))["success"], true);
    let twice = ask(subscribe("order"));
    assert_eq!(twice["ret_msg"], "error:already subscribed,topic:order");
    // One wrong topic refuses the others too.
    let mixed = json!({ "op": "subscribe", "args": ["wallet", "nothing"] }).to_string();
    assert_eq!(ask(mixed)["ret_msg"], "error:handler not found,topic:nothing");
    assert_eq!(ask(subscribe("wallet"))["success"], true);
}

#[test]
fn states_come_in_their_order_and_each_execution_before_its_order() {
    for (venue, name) in [(SPOT, "spot"), (LINEAR, "linear")] {
        let running = quiet(venue);
        let trader = Trader::demo(&running, venue, "demo");
        let other = Trader::demo(&running, venue, "other");
        let orders = format!("order.{name}");
        let mut socket = trader.listening(&[&orders, "execution"]);
        let id = trader.limit_with("Buy", "0.01", "60000", json!({ "orderLinkId": "a" }));
        other.limit("Sell", "0.004", "60000");
        assert_eq!(trader.cancel(&id), 0);
        let mut seen = Vec::new();
        while seen.len() < 4 {
            let message: Value = socket.json();
            let one = &message["data"][0];
            assert_eq!((&one["orderId"], &one["orderLinkId"]), (&json!(id), &json!("a")));
            assert_eq!(one["category"], name);
            let what = if message["topic"] == "execution" { "execType" } else { "orderStatus" };
            seen.push(one[what].as_str().expect("text").to_owned());
        }
        let end = if venue == SPOT { "PartiallyFilledCanceled" } else { "Cancelled" };
        assert_eq!(seen, ["New", "Trade", "PartiallyFilled", end]);
    }
}

#[test]
fn the_other_category_is_acknowledged_and_silent() {
    let running = quiet(LINEAR);
    let trader = Trader::demo(&running, LINEAR, "demo");
    let mut socket = trader.listening(&["order.spot", "order"]);
    trader.limit("Buy", "0.01", "60000");
    assert_eq!(told(&mut socket, "order")["orderStatus"], "New");
    socket.send("{\"op\":\"unsubscribe\",\"args\":[\"order\"]}");
    assert_eq!(socket.json()["success"], true);
    trader.limit("Buy", "0.01", "60000");
    socket.send("{\"op\":\"ping\"}");
    assert_eq!(socket.json()["op"], "pong", "nothing is told any more");
}

#[test]
fn accounts_hear_of_themselves_alone() {
    let running = quiet(SPOT);
    let (trader, other) =
        (Trader::demo(&running, SPOT, "demo"), Trader::demo(&running, SPOT, "other"));
    let mut socket = trader.listening(&["order"]);
    other.limit("Sell", "0.02", "61000");
    trader.limit_with("Buy", "0.01", "60000", json!({ "orderLinkId": "mine" }));
    assert_eq!(told(&mut socket, "order")["orderLinkId"], "mine");
}
