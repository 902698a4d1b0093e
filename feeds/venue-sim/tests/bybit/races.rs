//! Requests that are lost, refused or overtaken: what the venue says, and what is so.

use qt_venue_sim::venue::Venue;
use serde_json::{Value, json};

use super::client::{control, done, get, now_ms};
use super::trader::{Trader, code, quiet_with, told};

const SPOT: Venue = Venue::BybitSpot;
const LINEAR: Venue = Venue::BybitLinear;

fn order(id: &str) -> Value {
    json!({ "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01",
        "price": "60000", "orderLinkId": id })
}

fn open(trader: &Trader) -> usize {
    let found = trader.get("/v5/order/realtime", "symbol=BTCUSDT");
    found["list"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_lost_request_and_a_lost_answer_look_the_same() {
    for (what, wanted) in [("order-lost", 0), ("answer-lost", 1)] {
        for (how, status) in
            [("", 200), ("how = \"status\"\nstatus = 504", 504), ("how = \"drop\"", 0)]
        {
            let rule = format!("what = \"{what}\"\nrequest = \"place\"\n{how}");
            let running = quiet_with(LINEAR, &rule);
            let trader = Trader::demo(&running, LINEAR, "demo");
            let mut body = order("x");
            body["category"] = "linear".into();
            let answer = trader.send("POST", "/v5/order/create", &body.to_string());
            assert_eq!(answer.status, status, "{rule}");
            if status == 200 {
                assert_eq!(code(&answer.json()), 10_000);
            }
            assert_eq!((open(&trader), done(&running)), (wanted, 1), "{rule}");
        }
    }
}

#[test]
fn requests_are_refused_by_the_plan_with_the_codes_of_the_venue() {
    for (rule, spot, linear) in [
        ("what = \"signature-refused\"", 10_004, 10_004),
        ("what = \"rate-limited\"", 10_006, 10_006),
        ("what = \"rate-limited\"\nretry_ms = 10000", 10_006, 10_006),
        ("what = \"order-count-limit\"", 170_005, 10_006),
        ("what = \"filter-refused\"\nrule = \"PERCENT_PRICE\"", 170_193, 110_003),
        ("what = \"hidden-weight\"\nby = 30", 10_006, 10_006),
        ("what = \"maintenance\"", 10_016, 10_016),
        ("what = \"unknown-error\"\ncode = 10016", 10_016, 10_016),
    ] {
        for (venue, wanted) in [(SPOT, spot), (LINEAR, linear)] {
            let running = quiet_with(venue, &format!("{rule}\nrequest = \"place\""));
            let trader = Trader::demo(&running, venue, "demo");
            assert_eq!(code(&trader.post("/v5/order/create", order("x"))), wanted, "{rule}");
            assert_eq!(done(&running), 1, "{rule}");
            let is_refused = rule.contains("retry_ms");
            let next = code(&trader.post("/v5/order/create", order("y")));
            if !rule.contains("hidden") {
                assert_eq!(next, if is_refused { 10_006 } else { 0 }, "{rule}");
            }
        }
    }
    let running = quiet_with(SPOT, "what = \"banned\"\nretry_ms = 10000");
    let first = get(running.addr, "/v5/market/time");
    assert_eq!((first.status, code(&first.json())), (403, 10_018));
    assert_eq!(get(running.addr, "/v5/market/time").status, 403);
}

#[test]
fn a_key_that_is_revoked_ends_its_connections() {
    let running = quiet_with(LINEAR, "what = \"key-revoked\"\nrequest = \"place\"");
    let trader = Trader::demo(&running, LINEAR, "demo");
    let mut socket = trader.listening(&["order"]);
    assert_eq!(code(&trader.post("/v5/order/create", order("x"))), 10_003);
    assert_eq!(socket.json()["success"], false);
    assert_eq!(socket.close_code(), Some(1000));
    assert_eq!(code(&trader.send("GET", "/v5/account/info", "").json()), 10_003);
}

#[test]
fn a_cancel_that_comes_too_late_is_told_as_a_second_fill() {
    let running = quiet_with(LINEAR, "what = \"fill-before-cancel\"");
    let trader = Trader::demo(&running, LINEAR, "demo");
    let mut socket = trader.listening(&["order"]);
    let id = trader.limit("Buy", "0.01", "60000");
    assert_eq!(told(&mut socket, "order")["orderStatus"], "New");
    assert_eq!(trader.cancel(&id), 0, "the request is taken");
    let (first, second) = (told(&mut socket, "order"), told(&mut socket, "order"));
    assert_eq!(
        (&first["orderStatus"], &first["cancelType"]),
        (&json!("Filled"), &json!("UNKNOWN"))
    );
    assert_eq!(
        (&second["orderStatus"], &second["cancelType"]),
        (&json!("Filled"), &json!("CancelByUser"))
    );
    assert_eq!(second["rejectReason"], "EC_OrigClOrdIDDoesNotExist");
    let fills = trader.get("/v5/execution/list", "symbol=BTCUSDT");
    assert_eq!(fills["list"].as_array().map(Vec::len), Some(1), "it was filled once");
    // The same of any fill.
    let running = quiet_with(LINEAR, "what = \"double-filled\"\naccount = \"demo\"");
    let trader = Trader::demo(&running, LINEAR, "demo");
    let other = Trader::demo(&running, LINEAR, "other");
    let mut socket = trader.listening(&["order"]);
    trader.limit("Buy", "0.01", "60000");
    other.limit("Sell", "0.01", "60000");
    let seen: Vec<_> = (0..3).map(|_| told(&mut socket, "order")["cancelType"].clone()).collect();
    assert_eq!(seen, ["UNKNOWN", "UNKNOWN", "CancelByUser"]);
}

#[test]
fn cancels_and_amendments_are_refused_or_overtaken() {
    for (venue, unknown) in [(SPOT, 170_213), (LINEAR, 110_001)] {
        let running = quiet_with(venue, "what = \"cancel-rejected\"");
        let trader = Trader::demo(&running, venue, "demo");
        let id = trader.limit("Buy", "0.01", "60000");
        assert_eq!((trader.cancel(&id), trader.cancel(&id)), (unknown, 0));
        let amend = |trader: &Trader, id: &str| {
            let body = json!({ "symbol": "BTCUSDT", "orderId": id, "price": "59000" });
            code(&trader.post("/v5/order/amend", body))
        };
        let running = quiet_with(venue, "what = \"amend-rejected\"");
        let trader = Trader::demo(&running, venue, "demo");
        let id = trader.limit("Buy", "0.01", "60000");
        assert_eq!((amend(&trader, &id), amend(&trader, &id)), (10_001, 0));
        let running = quiet_with(venue, "what = \"fill-before-amend\"");
        let trader = Trader::demo(&running, venue, "demo");
        let id = trader.limit("Buy", "0.01", "60000");
        assert_eq!(amend(&trader, &id), 0);
        let order = trader.order(&id);
        assert_eq!((&order["price"], &order["cumExecQty"]), (&json!("59000.00"), &json!("0.005")));
    }
}

#[test]
fn what_becomes_of_an_order_right_after_it_was_taken() {
    for (what, spot, linear) in [
        ("expire-order", "Cancelled", "Cancelled"),
        ("partial-then-cancel", "PartiallyFilledCanceled", "Cancelled"),
        ("partial-fills", "Filled", "Filled"),
        ("fill-before-ack", "Filled", "Filled"),
    ] {
        for (venue, wanted) in [(SPOT, spot), (LINEAR, linear)] {
            let running = quiet_with(venue, &format!("what = \"{what}\""));
            let trader = Trader::demo(&running, venue, "demo");
            let id = trader.limit("Buy", "0.01", "60000");
            assert_eq!(trader.order(&id)["orderStatus"], wanted, "{what}");
            let count = trader.get("/v5/execution/list", "symbol=BTCUSDT");
            let fills = count["list"].as_array().map_or(0, Vec::len);
            let expected = match what {
                "expire-order" => 0,
                "partial-fills" => 3,
                _ => 1,
            };
            assert_eq!((fills, done(&running)), (expected, 1), "{what}");
        }
    }
    let running = quiet_with(LINEAR, "what = \"post-only-cancel\"");
    let trader = Trader::demo(&running, LINEAR, "demo");
    let more = json!({ "timeInForce": "PostOnly" });
    let id = trader.limit_with("Buy", "0.01", "60000", more.clone());
    assert_eq!(trader.order(&id)["rejectReason"], "EC_PostOnlyWillTakeLiquidity");
    let id = trader.limit_with("Buy", "0.01", "60000", more);
    assert_eq!(trader.order(&id)["orderStatus"], "New");
}

#[test]
fn a_fill_is_told_before_the_answer_on_the_connection_of_orders() {
    let running = quiet_with(LINEAR, "what = \"fill-before-ack\"\ndelay_ms = 200");
    let trader = Trader::demo(&running, LINEAR, "demo");
    let mut events = trader.listening(&["execution"]);
    let mut socket = trader.logged_on("/v5/trade");
    let mut args = order("x");
    args["category"] = "linear".into();
    let request = json!({ "reqId": "1", "op": "order.create", "args": [args],
        "header": { "X-BAPI-TIMESTAMP": now_ms() } });
    socket.send(&request.to_string());
    assert_eq!(told(&mut events, "execution")["orderLinkId"], "x");
    assert!(socket.message_within(std::time::Duration::from_millis(20)).is_none());
    assert_eq!(code(&socket.json()), 0);
}

#[test]
fn queries_are_behind_what_is_so() {
    let running = quiet_with(LINEAR, "what = \"not-found-yet\"\ndelay_ms = 300");
    let trader = Trader::demo(&running, LINEAR, "demo");
    trader.limit_with("Buy", "0.01", "60000", json!({ "orderLinkId": "x" }));
    assert_eq!(open(&trader), 0);
    super::trader::until("it is found", || open(&trader) == 1);
    let running = quiet_with(LINEAR, "what = \"recent-orders-empty\"\nrequest = \"orders\"");
    let trader = Trader::demo(&running, LINEAR, "demo");
    let id = trader.limit("Buy", "0.01", "60000");
    assert_eq!(trader.cancel(&id), 0);
    let ended = |trader: &Trader| {
        let found = trader.get("/v5/order/realtime", "symbol=BTCUSDT&openOnly=1");
        found["list"].as_array().map_or(0, Vec::len)
    };
    assert_eq!((ended(&trader), ended(&trader)), (0, 1));
    let running =
        quiet_with(LINEAR, "what = \"stale-answer\"\nrequest = \"orders\"\ndelay_ms = 60000");
    let trader = Trader::demo(&running, LINEAR, "demo");
    trader.limit("Buy", "0.01", "60000");
    assert_eq!((open(&trader), open(&trader)), (0, 1));
}

#[test]
fn the_book_that_is_asked_for_is_refused_late_or_huge() {
    let path = "/v5/market/orderbook?category=linear&symbol=BTCUSDT&limit=50";
    let running = quiet_with(LINEAR, "what = \"snapshot-refused\"");
    assert_eq!((get(running.addr, path).status, get(running.addr, path).status), (403, 200));
    let running = quiet_with(LINEAR, "what = \"huge-frame\"\nbytes = 100000");
    assert!(get(running.addr, path).body.len() > 100_000);
    let running = quiet_with(LINEAR, "what = \"snapshot-slow\"\ndelay_ms = 200");
    let begun = std::time::Instant::now();
    assert_eq!(get(running.addr, path).status, 200);
    assert!(begun.elapsed() >= std::time::Duration::from_millis(200));
}

#[test]
fn a_clock_that_is_off_refuses_who_is_right() {
    let running = quiet_with(LINEAR, "what = \"clock-skew\"\nby_ms = 60000\nfor_ms = 3600000");
    let trader = Trader::demo(&running, LINEAR, "demo");
    assert_eq!(code(&trader.send("GET", "/v5/account/info", "").json()), 10_002);
    let told = get(running.addr, "/v5/market/time").json();
    let ahead = told["time"].as_i64().expect("a time") - now_ms();
    assert!((50_000..=60_000).contains(&ahead), "{ahead}");
    let right = trader.send_at("GET", "/v5/account/info", "", now_ms() + 60_000);
    assert_eq!(code(&right.json()), 0);
}

#[test]
fn what_a_client_believes_is_held_against_the_truth() {
    let running = quiet_with(LINEAR, "what = \"answer-lost\"\nrequest = \"place\"");
    let trader = Trader::demo(&running, LINEAR, "demo");
    trader.post("/v5/order/create", order("x"));
    let truth = control(&running, "GET", "truth");
    let text = truth.to_string();
    assert!(text.contains("\"client_id\":\"x\""), "{text}");
}
