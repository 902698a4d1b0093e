//! Cancels and amendments that meet a fill or each other on their way.

use std::sync::Barrier;

use qt_venue_sim::fault::Plan;
use qt_venue_sim::server::{MarketSettings, Running, Settings};
use qt_venue_sim::venue::Venue;
use serde_json::{Value, json};

use super::client::{Answer, Socket, Trader, control, start};

const ORDER: &str = "/api/v3/order";
const AMEND: &str = "/api/v3/order/amend/keepPriority";
const MINE: &str = "symbol=BTCUSDT&origClientOrderId=mine";

fn quiet(rule: &str) -> Running {
    let mut settings = Settings::new(Venue::BinanceSpot);
    settings.market = MarketSettings::None;
    settings.faults = Plan::parse(&format!("[[fault]]\n{rule}"), 0).expect("a plan");
    start(settings)
}

fn place(trader: &Trader) -> Value {
    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=50000\
                 &newClientOrderId=mine";
    let answer = trader.call("POST", ORDER, order);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn asked(trader: &Trader, id: &Value) -> Value {
    trader.call("GET", ORDER, &format!("symbol=BTCUSDT&orderId={id}")).json()
}

/// Code and words of a refusal.
fn refusal(answer: &Answer) -> (i64, String) {
    assert_eq!(answer.status, 400, "{}", answer.body);
    (answer.code(), answer.json()["msg"].as_str().unwrap_or_default().to_owned())
}

fn is_balanced(running: &Running) {
    assert_eq!(control(running, "GET", "truth")["is_balanced"], true);
}

#[test]
fn a_fill_that_is_faster_than_the_cancel_wins() {
    let running = quiet("what = \"fill-before-cancel\"\nrequest = \"cancel\"");
    let trader = Trader::demo(&running, "demo");
    let mut events = Socket::open(running.addr, "/ws-api/v3");
    events.call("userDataStream.subscribe.signature", &trader.params(json!({})));
    let id = place(&trader)["orderId"].clone();
    let late = trader.call("DELETE", ORDER, MINE);
    assert_eq!(refusal(&late), (-2011, "Unknown order sent.".to_owned()));
    let order = asked(&trader, &id);
    assert_eq!((&order["status"], &order["executedQty"]), (&json!("FILLED"), &json!("1.00000000")));
    let is_trade = |json: &Value| json["event"]["x"] == "TRADE";
    let trade: Value = serde_json::from_str(&events.text_where(is_trade)).expect("JSON");
    assert_eq!((&trade["event"]["X"], &trade["event"]["m"]), (&json!("FILLED"), &json!(true)));
    is_balanced(&running);
}

#[test]
fn an_amendment_after_a_fill_counts_what_is_filled() {
    for (qty, is_taken) in [("0.8", true), ("0.5", false), ("0.3", false)] {
        let running = quiet("what = \"fill-before-amend\"\nrequest = \"amend\"");
        let trader = Trader::demo(&running, "demo");
        let id = place(&trader)["orderId"].clone();
        let answer = trader.call("PUT", AMEND, &format!("{MINE}&newQty={qty}"));
        if is_taken {
            let amended = answer.json()["amendedOrder"].clone();
            assert_eq!(amended["status"], "PARTIALLY_FILLED", "{}", answer.body);
            assert_eq!(amended["executedQty"], "0.50000000");
            assert_eq!(amended["qty"], "0.80000000");
        } else {
            assert_eq!(refusal(&answer).0, -2038, "{qty}");
        }
        let order = asked(&trader, &id);
        let left = if is_taken { "0.80000000" } else { "1.00000000" };
        assert_eq!(
            (&order["origQty"], &order["executedQty"]),
            (&json!(left), &json!("0.50000000"))
        );
        is_balanced(&running);
    }
}

#[test]
fn what_is_refused_by_the_plan_changes_nothing_and_works_the_next_time() {
    let running = quiet("what = \"amend-rejected\"\nrequest = \"amend\"");
    let trader = Trader::demo(&running, "demo");
    let id = place(&trader)["orderId"].clone();
    let amend = format!("{MINE}&newQty=0.5&newClientOrderId=mine");
    assert_eq!(refusal(&trader.call("PUT", AMEND, &amend)).0, -2038);
    assert_eq!(asked(&trader, &id)["origQty"], "1.00000000");
    assert_eq!(trader.call("PUT", AMEND, &amend).status, 200);
    assert_eq!(asked(&trader, &id)["origQty"], "0.50000000");

    let running = quiet("what = \"cancel-rejected\"\nrequest = \"cancel\"");
    let trader = Trader::demo(&running, "demo");
    let id = place(&trader)["orderId"].clone();
    assert_eq!(refusal(&trader.call("DELETE", ORDER, MINE)).0, -2011);
    assert_eq!(asked(&trader, &id)["status"], "NEW");
    assert_eq!(trader.call("DELETE", ORDER, MINE).json()["status"], "CANCELED");
}

#[test]
fn a_replacement_of_which_one_half_fails_says_which() {
    for (part, cancelled, placed, open) in
        [("cancel", "FAILURE", "SUCCESS", 2), ("new", "SUCCESS", "FAILURE", 0)]
    {
        let running = quiet(&format!(
            "what = \"replace-half-done\"\nrequest = \"replace\"\npart = \"{part}\""
        ));
        let trader = Trader::demo(&running, "demo");
        let id = place(&trader)["orderId"].clone();
        let replace = format!(
            "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=50001\
             &cancelReplaceMode=ALLOW_FAILURE&cancelOrderId={id}"
        );
        let answer = trader.call("POST", "/api/v3/order/cancelReplace", &replace);
        assert_eq!((answer.status, answer.code()), (409, -2021), "{}", answer.body);
        let data = answer.json()["data"].clone();
        assert_eq!(data["cancelResult"], cancelled, "{part}");
        assert_eq!(data["newOrderResult"], placed, "{part}");
        let all = trader.call("GET", "/api/v3/openOrders", "symbol=BTCUSDT").json();
        assert_eq!(all.as_array().map(Vec::len), Some(open), "{part}: {all}");
        is_balanced(&running);
    }
}

#[test]
fn of_two_cancels_at_the_same_time_one_is_too_late() {
    let running = quiet("what = \"cancel-rejected\"\nat_ms = 3600000");
    let trader = Trader::demo(&running, "demo");
    for _ in 0..20 {
        place(&trader);
        let gate = Barrier::new(2);
        let cancel = || {
            gate.wait();
            trader.call("DELETE", ORDER, MINE)
        };
        let both = std::thread::scope(|scope| {
            let other = scope.spawn(cancel);
            [cancel(), other.join().expect("no panic")]
        });
        let mut told: Vec<_> = both.iter().map(|answer| (answer.status, answer.code())).collect();
        told.sort_unstable();
        assert_eq!(told, [(200, 0), (400, -2011)]);
    }
    is_balanced(&running);
}

#[test]
fn a_cancel_an_amendment_and_a_fill_at_the_same_time_leave_one_truth() {
    let running = quiet("what = \"cancel-rejected\"\nat_ms = 3600000");
    let (trader, other) = (Trader::demo(&running, "demo"), Trader::demo(&running, "other"));
    for _ in 0..20 {
        let id = place(&trader)["orderId"].clone();
        let gate = Barrier::new(3);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                gate.wait();
                trader.call("PUT", AMEND, &format!("{MINE}&newQty=0.6&newClientOrderId=mine"))
            });
            scope.spawn(|| {
                gate.wait();
                let sell = "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=IOC&quantity=0.4\
                            &price=50000";
                other.call("POST", ORDER, sell)
            });
            gate.wait();
            trader.call("DELETE", ORDER, MINE);
        });
        let order = asked(&trader, &id);
        let text = |name: &str| order[name].as_str().unwrap_or_default().to_owned();
        assert_eq!(text("status"), "CANCELED", "{order}");
        assert!(["1.00000000", "0.60000000"].contains(&text("origQty").as_str()), "{order}");
        assert!(["0.00000000", "0.40000000"].contains(&text("executedQty").as_str()), "{order}");
        is_balanced(&running);
    }
    let trades = trader.call("GET", "/api/v3/myTrades", "symbol=BTCUSDT").json();
    let believed: Vec<Value> = trades
        .as_array()
        .expect("trades")
        .iter()
        .map(|one| {
            json!({"symbol": "BTCUSDT", "trade_id": one["id"], "side": "buy",
                   "price": one["price"], "qty": one["qty"], "fee": one["commission"],
                   "fee_asset": one["commissionAsset"]})
        })
        .collect();
    let belief = json!({ "account": "demo", "open_orders": [], "fills": believed }).to_string();
    let request = format!(
        "POST /sim/compare HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{belief}",
        belief.len()
    );
    let found = super::client::exchange_bytes(running.addr, request.as_bytes()).json();
    assert_eq!(found, json!({ "differences": [] }));
}
