//! The life of orders between two clients: what is answered, what is told, what is owned.

use serde_json::{Value, json};

use super::client::{Socket, Trader, quiet};

fn is_report(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |json| json["event"]["e"] == "executionReport" && json["event"]["x"] == kind
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// What an account has of an asset: free and locked.
fn owned(trader: &Trader, asset: &str) -> (String, String) {
    let account = trader.call("GET", "/api/v3/account", "").json();
    let balances = account["balances"].as_array().expect("balances").clone();
    let one = balances.iter().find(|balance| balance["asset"] == asset).expect("the asset");
    let text = |name: &str| one[name].as_str().expect("text").to_owned();
    (text("free"), text("locked"))
}

#[test]
fn an_order_is_placed_amended_filled_and_cancelled_and_everybody_is_told() {
    let running = quiet();
    let (maker, taker) = (Trader::demo(&running, "demo"), Trader::demo(&running, "other"));
    let mut events = Socket::open(running.addr, "/ws-api/v3");
    events.call("userDataStream.subscribe.signature", &maker.params(json!({})));
    let mut market = Socket::open(running.addr, "/stream?streams=btcusdt@trade/btcusdt@bookTicker");

    let query = "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=2&price=60000\
                 &newClientOrderId=mine";
    let placed = maker.call("POST", "/api/v3/order", query).json();
    assert_eq!((&placed["status"], &placed["fills"]), (&json!("NEW"), &json!([])));
    let event = parsed(&events.text_where(is_report("NEW")))["event"].clone();
    assert_eq!((&event["c"], &event["i"]), (&json!("mine"), &placed["orderId"]));
    assert_eq!(owned(&maker, "BTC"), ("999998.00000000".into(), "2.00000000".into()));
    let best = parsed(&market.text_where(|json| json["stream"] == "btcusdt@bookTicker"));
    assert_eq!(
        (&best["data"]["a"], &best["data"]["A"]),
        (&json!("60000.00000000"), &json!("2.00000000"))
    );

    let amend = "symbol=BTCUSDT&origClientOrderId=mine&newQty=1.5&newClientOrderId=less";
    let amended = maker.call("PUT", "/api/v3/order/amend/keepPriority", amend).json();
    assert_eq!(amended["amendedOrder"]["qty"], "1.50000000");
    let event = parsed(&events.text_where(is_report("REPLACED")))["event"].clone();
    assert_eq!((&event["c"], &event["C"]), (&json!("less"), &json!("mine")));
    let larger = "symbol=BTCUSDT&origClientOrderId=less&newQty=3";
    assert_eq!(maker.call("PUT", "/api/v3/order/amend/keepPriority", larger).code(), -2038);

    let bought =
        taker.call("POST", "/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.5");
    let bought = bought.json();
    assert_eq!(
        (&bought["status"], &bought["executedQty"]),
        (&json!("FILLED"), &json!("0.50000000"))
    );
    let event = parsed(&events.text_where(is_report("TRADE")))["event"].clone();
    assert_eq!((&event["X"], &event["m"]), (&json!("PARTIALLY_FILLED"), &json!(true)));
    assert_eq!(event["t"], bought["fills"][0]["tradeId"]);
    let trade = parsed(&market.text_where(|json| json["stream"] == "btcusdt@trade"));
    assert_eq!((&trade["data"]["t"], &trade["data"]["m"]), (&event["t"], &json!(false)));

    let cancelled =
        maker.call("DELETE", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=less").json();
    assert_eq!(
        (&cancelled["status"], &cancelled["origClientOrderId"]),
        (&json!("CANCELED"), &json!("less"))
    );
    let event = parsed(&events.text_where(is_report("CANCELED")))["event"].clone();
    assert_eq!((&event["C"], &event["c"]), (&json!("less"), &cancelled["clientOrderId"]));
    assert_eq!(owned(&maker, "BTC").1, "0.00000000");
    let again = maker.call("DELETE", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=less");
    assert_eq!((again.status, again.code()), (400, -2011));
    let nowhere = maker.call("GET", "/api/v3/order", "symbol=BTCUSDT&orderId=77");
    assert_eq!((nowhere.status, nowhere.code()), (400, -2013));
    let trades = maker.call("GET", "/api/v3/myTrades", "symbol=BTCUSDT").json();
    assert_eq!(trades.as_array().map(Vec::len), Some(1), "{trades}");
    assert_eq!(trades[0]["commission"], "30.00000000");
}

#[test]
fn a_post_only_order_that_would_take_and_a_duplicate_are_refused() {
    let running = quiet();
    let trader = Trader::demo(&running, "demo");
    let place =
        |rest: &str| trader.call("POST", "/api/v3/order", &format!("symbol=BTCUSDT&{rest}"));
    let limit = "type=LIMIT&timeInForce=GTC&quantity=1";
    assert_eq!(place(&format!("side=SELL&{limit}&price=60000&newClientOrderId=a")).status, 200);
    let crossing = place("side=BUY&type=LIMIT_MAKER&quantity=1&price=60000");
    let words = "Order would immediately match and take.";
    assert_eq!((crossing.code(), &crossing.json()["msg"]), (-2010, &json!(words)));
    let same = place(&format!("side=SELL&{limit}&price=61000&newClientOrderId=a"));
    assert_eq!((same.code(), &same.json()["msg"]), (-2010, &json!("Duplicate order sent.")));
    let nothing = place("side=SELL&type=MARKET&quantity=1");
    assert!(nothing.code() == -2010 || nothing.json()["status"] == "EXPIRED", "{}", nothing.body);
}

#[test]
fn cancel_replace_does_both_or_says_what_it_did_not() {
    let running = quiet();
    let trader = Trader::demo(&running, "demo");
    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=50000";
    let first = trader.call("POST", "/api/v3/order", order).json();
    let id = &first["orderId"];
    let query = format!("{order}&cancelReplaceMode=STOP_ON_FAILURE&cancelOrderId={id}");
    let both = trader.call("POST", "/api/v3/order/cancelReplace", &query);
    assert_eq!(both.status, 200, "{}", both.body);
    let both = both.json();
    assert_eq!(
        (&both["cancelResult"], &both["newOrderResult"]),
        (&json!("SUCCESS"), &json!("SUCCESS"))
    );
    let open = trader.call("GET", "/api/v3/openOrders", "").json();
    assert_eq!(open.as_array().map(Vec::len), Some(1));
    assert_eq!(open[0]["orderId"], both["newOrderResponse"]["orderId"]);
}
