//! Faults of a plan as a client meets them.

use qt_venue_sim::server::MarketSettings;
use serde_json::{Value, json};

use super::client::{Socket, Trader, control, done, lively, planned, server, with};

const ORDER: &str = "pair=XBTUSD&type=buy&ordertype=limit&volume=1&price=30000&cl_ord_id=mine";

fn is_open(trader: &Trader) -> bool {
    let found = trader.call("QueryOrders", "cl_ord_id=mine");
    let error = found.error();
    assert!(error.is_empty() || error == "EOrder:Unknown order", "{}", found.body);
    error.is_empty()
}

#[test]
fn an_answer_that_is_lost_leaves_the_order_and_a_lost_order_leaves_none() {
    for (what, how, is_live) in [
        ("answer-lost", "status", true),
        ("answer-lost", "drop", true),
        ("order-lost", "status", false),
        ("order-lost", "drop", false),
    ] {
        let running = with(&format!("what = \"{what}\"\nrequest = \"place\"\nhow = \"{how}\""));
        let trader = Trader::demo(&running);
        let answer = trader.call("AddOrder", ORDER);
        if how == "drop" {
            assert_eq!((answer.status, answer.body.as_str()), (0, ""), "{what}");
        } else {
            assert_eq!((answer.status, answer.error()), (504, "EService:Unavailable".to_owned()));
        }
        assert_eq!(is_open(&trader), is_live, "{what} {how}");
    }
}

#[test]
fn the_same_over_a_socket() {
    for (what, is_live) in [("answer-lost", true), ("order-lost", false)] {
        let running = with(&format!("what = \"{what}\"\nrequest = \"place\"\nhow = \"silence\""));
        let trader = Trader::demo(&running);
        let mut mine = trader.socket();
        let order = json!({"order_type": "limit", "side": "buy", "order_qty": 1,
            "symbol": "BTC/USD", "limit_price": 30000, "cl_ord_id": "mine"});
        mine.ask("add_order", &order);
        // What is asked for behind it is answered.
        let answer = mine.call("cancel_all_orders_after", &json!({"timeout": 0}));
        assert_eq!(answer["method"], "cancel_all_orders_after", "{answer}");
        assert_eq!(is_open(&trader), is_live, "{what}");
    }
}

#[test]
fn requests_are_refused_in_the_words_of_the_venue() {
    for (fault, call, error) in [
        ("unknown-error", "Balance", "EService:Unavailable"),
        ("signature-refused", "Balance", "EAPI:Invalid signature"),
        ("key-revoked", "Balance", "EAPI:Invalid key"),
        ("rate-limited", "Balance", "EAPI:Rate limit exceeded"),
        ("banned", "Balance", "EGeneral:Temporary lockout"),
        ("maintenance", "Balance", "EService:Unavailable"),
        ("order-count-limit", "AddOrder", "EOrder:Rate limit exceeded"),
        ("filter-refused", "AddOrder", "EOrder:Order minimum not met"),
    ] {
        let rule = if fault == "filter-refused" { "rule = \"LOT_SIZE\"" } else { "" };
        let running = with(&format!("what = \"{fault}\"\n{rule}"));
        let trader = Trader::demo(&running);
        assert_eq!(trader.call(call, ORDER).error(), error, "{fault}");
        assert_eq!(done(&running), 1, "{fault}");
        let again = trader.call("AddOrder", ORDER).error();
        let wanted = match fault {
            "key-revoked" => "EAPI:Invalid key",
            _ => "",
        };
        assert_eq!(again, wanted, "{fault}");
    }
}

#[test]
fn orders_meet_their_fate() {
    for (fault, call, ends) in [
        ("fill-before-cancel", "CancelOrder", vec!["trade", "filled"]),
        ("cancel-rejected", "CancelOrder", vec![]),
        ("fill-before-amend", "AmendOrder", vec!["trade", "amended"]),
        ("amend-rejected", "AmendOrder", vec![]),
    ] {
        let running = with(&format!("what = \"{fault}\""));
        let trader = Trader::demo(&running);
        let mut mine = trader.socket();
        mine.executions(&json!({}));
        let id = trader.place(ORDER);
        mine.kinds(2);
        let form = format!("txid={id}&order_qty=0.9");
        let error = trader.call(call, &form).error();
        let is_refused = !matches!(fault, "fill-before-amend");
        assert_eq!(!error.is_empty(), is_refused, "{fault}: {error}");
        assert_eq!(mine.kinds(ends.len()), ends, "{fault}");
        assert_eq!(done(&running), 1, "{fault}");
    }
    for (fault, ends) in [
        ("expire-order", vec!["expired"]),
        ("partial-then-cancel", vec!["trade", "canceled"]),
        ("partial-fills", vec!["trade", "trade", "trade", "filled"]),
        ("fill-before-ack", vec!["trade", "filled"]),
    ] {
        let running = with(&format!("what = \"{fault}\""));
        let trader = Trader::demo(&running);
        let mut mine = trader.socket();
        mine.executions(&json!({}));
        trader.call("AddOrder", ORDER).result();
        assert_eq!(mine.kinds(2), ["pending_new", "new"], "{fault}");
        assert_eq!(mine.kinds(ends.len()), ends, "{fault}");
        assert_eq!(done(&running), 1, "{fault}");
    }
}

#[test]
fn an_order_that_must_rest_is_taken_and_cancelled() {
    let running = with("what = \"post-only-cancel\"");
    let trader = Trader::demo(&running);
    super::client::other(&running, "sell", "1", "30000");
    let mut mine = trader.socket();
    mine.executions(&json!({}));
    // One that rests is not what it is about.
    let low = "pair=XBTUSD&type=buy&ordertype=limit&volume=1&price=29000&oflags=post";
    trader.place(low);
    assert_eq!((mine.kinds(2), done(&running)), (vec!["pending_new".into(), "new".into()], 0));
    let taking = "pair=XBTUSD&type=buy&ordertype=limit&volume=1&price=30000&oflags=post";
    let id = trader.place(taking);
    assert_eq!(mine.execution()["order_id"], id);
    let end = mine.execution();
    assert_eq!(
        (&end["exec_type"], &end["reason"]),
        (&json!("canceled"), &json!("Post only order"))
    );
    assert_eq!(done(&running), 1);
    assert_eq!(trader.call("AddOrder", taking).error(), "EOrder:Post only order");
}

#[test]
fn an_order_is_not_found_at_first() {
    let running = with("what = \"not-found-yet\"\nrequest = \"place\"\ndelay_ms = 300");
    let trader = Trader::demo(&running);
    trader.call("AddOrder", ORDER).result();
    let mut asked = 0;
    // However slow the machine is, it is found in the end; how often it was not does not matter.
    while !is_open(&trader) {
        asked += 1;
        assert!(asked < 15, "questions are counted");
        std::thread::sleep(std::time::Duration::from_millis(60));
    }
}

#[test]
fn frames_in_every_form_are_the_same_frames() {
    let forms = ["fragmented-frame", "ping-inside", "unknown-field", "key-order", "unknown-value"];
    for form in forms {
        let running = lively(&format!("what = \"{form}\"\nevery = 1\nstream = \"trade\""));
        let params = json!({"channel": "trade", "symbol": ["BTC/USD"]});
        let mut socket = Socket::listen(running.addr, &params);
        for _ in 0..3 {
            let trade = socket.of("trade", "update");
            assert!(trade["data"][0]["trade_id"].as_u64().is_some(), "{form}: {trade}");
        }
        assert!(done(&running) >= 3, "{form}");
    }
}

#[test]
fn connections_end_as_the_plan_has_it() {
    for rule in [
        "what = \"cut-frame\"",
        "what = \"reset\"\nat_ms = 300",
        "what = \"close-code\"\nat_ms = 300\ncode = 1012",
    ] {
        let running = lively(rule);
        let params = json!({"channel": "trade", "symbol": ["BTC/USD"]});
        let mut socket = Socket::listen(running.addr, &params);
        let code = socket.close_code();
        assert_eq!(code, rule.ends_with("1012").then_some(1012), "{rule}");
        // The next one is served.
        Socket::listen(running.addr, &params).of("trade", "update");
    }
    let running = with("what = \"shutdown-notice\"\nat_ms = 200\ndelay_ms = 50");
    let mut socket = Socket::open(running.addr, "/v2");
    assert_eq!(socket.json()["data"][0]["system"], "online");
    assert_eq!(socket.json()["data"][0]["system"], "maintenance");
    assert_eq!(socket.close_code(), Some(1001));
}

#[test]
fn subscriptions_go_wrong() {
    let book = json!({"channel": "book", "symbol": ["BTC/USD", "ETH/USD"]});
    let acks = |socket: &mut Socket| -> Vec<bool> {
        let mut next = || {
            let text = socket.text_where(|json| json["method"] == "subscribe");
            let json: Value = serde_json::from_str(&text).expect("JSON");
            json["success"].as_bool().expect("success")
        };
        vec![next(), next()]
    };
    let running = lively("what = \"ack-error-one\"");
    let mut socket = Socket::listen(running.addr, &book);
    assert_eq!(acks(&mut socket), [true, false]);
    let running = lively("what = \"ack-without-data\"");
    let mut socket = Socket::listen(running.addr, &book);
    assert_eq!(acks(&mut socket), [true, true]);
    // Another channel of the same socket is answered, and nothing of the books has come.
    socket.say("subscribe", &json!({"channel": "instrument"}), None);
    let text = socket.text_where(|json| json["channel"].is_string());
    assert!(text.contains("\"instrument\""), "{text}");
    let running = lively("what = \"ack-lost\"");
    let mut socket = Socket::listen(running.addr, &book);
    socket.of("book", "snapshot");
    socket.send("{\"method\":\"ping\"}");
    let text = socket.text_where(|json| json["method"].is_string());
    assert!(text.contains("pong"), "{text}");
    let running = lively("what = \"data-before-ack\"");
    let mut socket = Socket::listen(running.addr, &book);
    socket.of("book", "snapshot");
    assert_eq!(acks(&mut socket), [true, true]);
    let running = lively("what = \"inbound-limit\"");
    assert_eq!(Socket::listen(running.addr, &book).close_code(), Some(1008));
}

#[test]
fn snapshots_of_rest_go_wrong() {
    let running = lively("what = \"snapshot-refused\"\nstatus = 503");
    let refused = super::client::get(running.addr, "/0/public/Depth?pair=XBTUSD");
    assert_eq!((refused.status, refused.error().as_str()), (503, "EService:Unavailable"));
    super::client::get(running.addr, "/0/public/Depth?pair=XBTUSD").result();
    let running = lively("what = \"huge-frame\"\nbytes = 300000");
    let huge = super::client::get(running.addr, "/0/public/Depth?pair=XBTUSD");
    assert!(huge.body.len() > 300_000);
    huge.result();
}

#[test]
fn a_session_ends_and_a_token_expires() {
    let running = with("what = \"session-expired\"");
    let trader = Trader::demo(&running);
    let mut mine = trader.socket();
    mine.executions(&json!({}));
    assert_eq!(mine.socket.close_code(), Some(1008));
    let mut again = trader.socket();
    again.executions(&json!({}));
    let running = with("what = \"token-expired\"");
    let trader = Trader::demo(&running);
    let mut mine = trader.socket();
    assert_eq!(mine.call("cancel_all", &json!({}))["error"], "ESession:Invalid session");
    // The token is over for good; a new one is as good as ever.
    assert_eq!(mine.call("cancel_all", &json!({}))["error"], "ESession:Invalid session");
    mine.token = trader.token();
    assert_eq!(mine.call("cancel_all", &json!({}))["result"]["count"], 0);
}

#[test]
fn what_finds_nothing_to_be_done_to_does_not_count() {
    let plan = "[[fault]]\nwhat = \"cancel-rejected\"\n[[fault]]\nwhat = \"duplicate-report\"";
    let running = planned(plan, MarketSettings::None);
    let trader = Trader::demo(&running);
    // Nothing is open, and nobody listens.
    trader.call("CancelAll", "").result();
    let id = trader.place(ORDER);
    let rules = control(&running, "GET", "faults", "")["rules"].clone();
    assert_eq!((&rules[0]["done"], &rules[1]["done"]), (&json!(0), &json!(0)));
    assert_eq!(trader.call("CancelOrder", &format!("txid={id}")).error(), "EOrder:Unknown order");
    assert_eq!(done(&running), 1);
}

#[test]
fn the_server_says_goodbye() {
    let running = server();
    let mut socket = Socket::open(running.addr, "/v2");
    assert_eq!(socket.json()["data"][0]["system"], "online");
    running.stop();
    assert_eq!(socket.json()["data"][0]["system"], "maintenance");
    assert_eq!(socket.close_code(), Some(1001));
}
