//! What the plan makes of the events of an account.

use serde_json::{Value, json};

use super::client::{Private, Trader, done, other, with};

const ORDER: &str = "pair=XBTUSD&type=buy&ordertype=limit&volume=1&price=30000";

/// A client that listens to both channels of its account.
fn listener(trader: &Trader) -> Private {
    let mut mine = trader.socket();
    mine.executions(&json!({}));
    mine.call("subscribe", &json!({"channel": "balances"}));
    mine.socket.of("balances", "snapshot");
    mine
}

/// The types and numbers of the next messages of both channels.
fn told(mine: &mut Private, count: usize) -> Vec<(String, u64)> {
    let mut all = Vec::new();
    while all.len() < count {
        let text = mine.socket.text_where(|json| json["type"] == "update");
        let json: Value = serde_json::from_str(&text).expect("JSON");
        let entry = &json["data"][0];
        let kind = entry["exec_type"].as_str().or(entry["type"].as_str()).expect("a type");
        all.push((kind.to_owned(), json["sequence"].as_u64().expect("a number")));
    }
    all
}

fn kinds(all: &[(String, u64)]) -> Vec<&str> {
    all.iter().map(|(kind, _)| kind.as_str()).collect()
}

#[test]
fn reports_come_twice_late_swapped_or_never() {
    for (rule, wanted) in [
        (
            "what = \"duplicate-report\"",
            vec!["pending_new", "new", "pending_new", "new", "trade", "filled", "trade", "trade"],
        ),
        ("what = \"drop-report\"", vec!["trade", "filled", "trade", "trade"]),
        (
            "what = \"late-report\"\ndelay_ms = 300",
            vec!["trade", "filled", "trade", "trade", "pending_new", "new"],
        ),
        (
            "what = \"swap-reports\"",
            vec!["trade", "filled", "pending_new", "new", "trade", "trade"],
        ),
        (
            "what = \"balance-before-fill\"",
            vec!["pending_new", "new", "trade", "trade", "trade", "filled"],
        ),
        (
            "what = \"fill-after-cancel\"\ndelay_ms = 300",
            vec!["pending_new", "new", "trade", "trade", "trade", "filled"],
        ),
        (
            "what = \"replay-reports\"\nparts = 1",
            vec!["pending_new", "new", "pending_new", "new", "trade", "filled"],
        ),
        ("what = \"foreign-report\"", vec!["pending_new", "pending_new", "new", "trade"]),
        ("what = \"lite-report\"", vec!["pending_new", "new", "trade", "filled", "trade"]),
        ("what = \"double-filled\"", vec!["pending_new", "new", "trade", "filled", "trade"]),
    ] {
        let running = with(rule);
        let trader = Trader::demo(&running);
        let mut mine = listener(&trader);
        trader.place(ORDER);
        other(&running, "sell", "1", "30000");
        let all = told(&mut mine, wanted.len());
        assert_eq!(kinds(&all), wanted, "{rule}: {all:?}");
        assert_eq!(done(&running), 1, "{rule}");
    }
}

#[test]
fn what_never_comes_leaves_a_hole_in_the_numbers() {
    let running = with("what = \"drop-report\"");
    let trader = Trader::demo(&running);
    let mut mine = listener(&trader);
    trader.place(ORDER);
    other(&running, "sell", "1", "30000");
    // The snapshot was the first, the order's two are lost.
    assert_eq!(told(&mut mine, 1), [("trade".to_owned(), 4)]);
}

#[test]
fn balances_are_late_or_lost() {
    for (rule, wanted) in [
        ("what = \"balance-lost\"\nafter = 2", vec!["pending_new", "new", "trade", "filled"]),
        (
            "what = \"balance-late\"\nafter = 2\ndelay_ms = 300",
            vec!["pending_new", "new", "trade", "filled", "trade", "trade"],
        ),
    ] {
        let running = with(rule);
        let trader = Trader::demo(&running);
        let mut mine = listener(&trader);
        trader.place(ORDER);
        other(&running, "sell", "1", "30000");
        let all = told(&mut mine, wanted.len());
        assert_eq!(kinds(&all), wanted, "{rule}");
        assert_eq!(done(&running), 1, "{rule}");
    }
}

#[test]
fn what_others_do_is_told() {
    let running = with(
        "what = \"foreign-order\"\naccount = \"demo\"\nsymbol = \"BTC/USD\"\n\
                        at_ms = 500\nby = 10",
    );
    other(&running, "buy", "1", "30000");
    let trader = Trader::demo(&running);
    let mut mine = listener(&trader);
    let all = told(&mut mine, 2);
    assert_eq!(kinds(&all), ["pending_new", "new"]);
    let open = trader.call("OpenOrders", "").result();
    let order = open["open"].as_object().and_then(|all| all.values().next()).expect("an order");
    assert_eq!(order["descr"]["price"], "29999.0");
}
