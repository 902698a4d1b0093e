//! Every documented answer of what is simulated, against the answer of a real call: the same
//! names in the same order with the same kinds of values.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::client::{Socket, Trader, get, quiet, server};
use super::shape::{Shape, difference};

/// The documented example with that number.
pub fn documented(file: &str, number: usize) -> String {
    let root = std::env::var("QT_SHARED").map_or_else(
        |_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join(format!("market-data/captures/binance-spot/docs.{file}.jsonl"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    text.lines().nth(number - 1).expect("an example").to_owned()
}

/// The shape of an answer. The id of a request is the client's own: it is no part of it.
fn shape(json: &str) -> Shape {
    match Shape::of(json) {
        Shape::Object(mut fields) => {
            if fields.first().is_some_and(|(name, _)| name == "id") && json.contains("\"status\":")
            {
                fields.remove(0);
            }
            Shape::Object(fields)
        }
        other => other,
    }
}

#[track_caller]
pub fn same(file: &str, number: usize, real: &str) {
    let found = difference(&shape(&documented(file, number)), &shape(real), false);
    assert_eq!(found, None, "docs.{file} {number}: {real}");
}

/// The same, where the example has fields that only some orders have.
#[track_caller]
pub fn same_but_lacking(file: &str, number: usize, real: &str) {
    let found = difference(&shape(&documented(file, number)), &shape(real), true);
    assert_eq!(found, None, "docs.{file} {number}: {real}");
}

const LIMIT: &str = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1";

#[test]
fn answers_about_the_market() {
    let running = server();
    let addr = running.addr;
    let mut trades = Socket::open(addr, "/ws/btcusdt@trade");
    let trade = trades.text();
    same("ws-streams", 3, &trade);
    let body = |target: &str| {
        let answer = get(addr, target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        answer.body
    };
    same("rest", 1, &body("/api/v3/time"));
    same("rest", 2, &body("/api/v3/exchangeInfo?symbol=BTCUSDT"));
    same("rest", 4, &body("/api/v3/depth?symbol=BTCUSDT&limit=5"));
    same("rest", 5, &body("/api/v3/trades?symbol=BTCUSDT"));
    same("rest", 6, &body("/api/v3/historicalTrades?symbol=BTCUSDT&fromId=1"));
    same("rest", 8, &body("/api/v3/ticker/24hr?symbol=BTCUSDT"));
    same("rest", 9, &body("/api/v3/ticker/24hr?symbols=%5B%22BTCUSDT%22,%22ETHUSDT%22%5D"));
    same("rest", 14, &body("/api/v3/ticker/bookTicker?symbol=BTCUSDT"));

    let two = "symbols=%5B%22BTCUSDT%22,%22ETHUSDT%22%5D";
    same("rest", 10, &body("/api/v3/ticker/tradingDay?symbol=BTCUSDT"));
    same("rest", 11, &body(&format!("/api/v3/ticker/tradingDay?{two}&timeZone=-3:30")));
    same("rest", 12, &body("/api/v3/ticker/tradingDay?symbol=BTCUSDT&type=MINI"));
    same("rest", 13, &body(&format!("/api/v3/ticker/tradingDay?{two}&type=MINI")));
    same("rest", 15, &body(&format!("/api/v3/ticker?{two}&type=MINI&windowSize=4h")));

    let mut api = Socket::open(addr, "/ws-api/v3");
    let one = json!({ "symbol": "BTCUSDT" });
    same("ws-api", 6, &api.call_text("time", &json!({})));
    same("ws-api", 19, &api.call_text("trades.aggregate", &one));
    let candles = json!({ "symbol": "BTCUSDT", "interval": "1m" });
    same("ws-api", 20, &api.call_text("uiKlines", &candles));
    same("ws-api", 23, &api.call_text("ticker.24hr", &json!({"symbol":"BTCUSDT","type":"MINI"})));
    same("ws-api", 26, &api.call_text("ticker.tradingDay", &one));
    let week = |kind: &str| json!({ "symbol": "BTCUSDT", "windowSize": "7d", "type": kind });
    same("ws-api", 28, &api.call_text("ticker", &week("FULL")));
    same("ws-api", 29, &api.call_text("ticker", &week("MINI")));
    let two = json!({ "symbols": ["BTCUSDT", "ETHUSDT"] });
    same("ws-api", 24, &api.call_text("ticker.24hr", &two));
    same("ws-api", 31, &api.call_text("ticker.price", &one));
    same("ws-api", 32, &api.call_text("ticker.book", &one));
    same("ws-api", 33, &api.call_text("ticker.book", &two));
}

#[test]
fn events_about_the_market() {
    let running = server();
    for (name, number) in [
        ("btcusdt@miniTicker", 4),
        ("btcusdt@ticker", 6),
        ("btcusdt@ticker_1h", 7),
        ("btcusdt@ticker_4h", 7),
        ("btcusdt@ticker_1d", 7),
        ("btcusdt@avgPrice", 9),
        ("btcusdt@depth5@100ms", 10),
        ("btcusdt@depth@100ms", 11),
    ] {
        let mut socket = Socket::open(running.addr, &format!("/ws/{name}"));
        same("ws-streams", number, &socket.text());
    }
    let mut socket = Socket::open(running.addr, "/stream?streams=!miniTicker@arr/!ticker@arr");
    same("ws-streams", 5, &data_of(&socket.text()));
    let kline = Shape::of(
        r#"{"e":"","E":1,"s":"","k":{"t":1,"T":1,"s":"","i":"","f":1,"L":1,
        "o":"","c":"","h":"","l":"","v":"","n":1,"x":true,"q":"","V":"","Q":"","B":""}}"#,
    );
    let mut socket = Socket::open(running.addr, "/ws/btcusdt@kline_1s");
    assert_eq!(difference(&kline, &Shape::of(&socket.text()), false), None);
}

/// What is in a combined frame.
fn data_of(text: &str) -> String {
    let (_, rest) = text.split_once("\"data\":").expect("a combined frame");
    rest[..rest.len() - 1].to_owned()
}

#[test]
fn answers_about_orders() {
    let running = quiet();
    let trader = Trader::demo(&running, "demo");
    let place = |rest: &str| {
        let answer = trader.call("POST", "/api/v3/order", &format!("{LIMIT}&{rest}"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    };
    place("price=50000&newClientOrderId=one");
    let open = trader.call("GET", "/api/v3/openOrders", "symbol=BTCUSDT").body;
    same("rest", 36, &open);
    let path = "/api/v3/order";
    same("rest", 35, &trader.call("GET", path, "symbol=BTCUSDT&origClientOrderId=one").body);
    let amend = "symbol=BTCUSDT&origClientOrderId=one&newQty=0.5&newClientOrderId=two";
    same("rest", 26, &trader.call("PUT", "/api/v3/order/amend/keepPriority", amend).body);
    let history = "symbol=BTCUSDT&orderId=1";
    same("rest", 41, &trader.call("GET", "/api/v3/order/amendments", history).body);
    let only = "symbol=BTCUSDT&origClientOrderId=two&cancelRestrictions=ONLY_PARTIALLY_FILLED";
    let refused = trader.call("DELETE", path, only);
    assert_eq!((refused.status, &refused.body), (400, &documented("rest", 22)));
    same("rest", 21, &trader.call("DELETE", path, "symbol=BTCUSDT&origClientOrderId=two").body);
    place("price=50000");
    same_but_lacking(
        "rest",
        23,
        &trader.call("DELETE", "/api/v3/openOrders", "symbol=BTCUSDT").body,
    );
    let replace = |mode: &str| {
        let query = format!(
            "{LIMIT}&price=50000&cancelReplaceMode={mode}&cancelOrderId=99&newOrderRespType=ACK"
        );
        trader.call("POST", "/api/v3/order/cancelReplace", &query)
    };
    let stopped = replace("STOP_ON_FAILURE");
    assert_eq!((stopped.status, &stopped.body), (400, &documented("rest", 24)));
    let half = replace("ALLOW_FAILURE");
    assert_eq!((half.status, half.code()), (409, -2021), "{}", half.body);
    same("rest", 25, &half.body);
    same("rest", 38, &trader.call("GET", "/api/v3/rateLimit/order", "").body);
}

#[test]
fn answers_of_the_socket_about_orders() {
    let running = quiet();
    let (trader, other) = (Trader::demo(&running, "demo"), Trader::demo(&running, "other"));
    let mut api = Socket::open(running.addr, "/ws-api/v3");
    let order = |price: &str| {
        json!({"symbol":"BTCUSDT","side":"SELL","type":"LIMIT","timeInForce":"GTC",
               "quantity":"1.00000","price":price,"newOrderRespType":"RESULT"})
    };
    let mut call = |who: &Trader, method: &str, params: serde_json::Value| {
        api.call_text(method, &who.params(params))
    };
    let placed = call(&trader, "order.place", order("60000"));
    same("ws-api", 8, &placed);
    same("ws-api", 41, &placed);
    let mut too_much = order("60000");
    too_much["quantity"] = json!("8000");
    too_much["side"] = json!("BUY");
    let refused = call(&trader, "order.place", too_much);
    assert!(refused.contains("-2010") || refused.contains("-1013"), "{refused}");
    same("ws-api", 2, &refused);
    let test = |with_rates: bool| {
        let mut order = order("60000");
        order["computeCommissionRates"] = json!(with_rates);
        order
    };
    same("ws-api", 42, &call(&trader, "order.test", test(false)));
    same("ws-api", 43, &call(&trader, "order.test", test(true)));
    let mut bought = order("60000");
    bought["side"] = json!("BUY");
    bought["quantity"] = json!("0.5");
    call(&other, "order.place", bought);
    let symbol = || json!({ "symbol": "BTCUSDT" });
    same("ws-api", 63, &call(&trader, "myTrades", symbol()));
    let cancel = json!({ "symbol": "BTCUSDT", "orderId": 1 });
    same_but_lacking("ws-api", 44, &call(&trader, "order.cancel", cancel));
    call(&trader, "order.place", order("60000"));
    same_but_lacking("ws-api", 48, &call(&trader, "openOrders.cancelAll", symbol()));
    same("ws-api", 59, &call(&trader, "account.status", json!({})));
    same("ws-api", 64, &call(&trader, "account.rateLimits.orders", json!({})));
    call(&other, "order.place", order("50000"));
    let mut both = order("40000");
    both["type"] = json!("LIMIT_MAKER");
    both["side"] = json!("BUY");
    both["price"] = json!("50000");
    both.as_object_mut().expect("an object").remove("timeInForce");
    both["cancelReplaceMode"] = json!("ALLOW_FAILURE");
    both["cancelOrderId"] = json!(99);
    same("ws-api", 46, &call(&trader, "order.cancelReplace", both));
    let bare = json!({ "symbol": "BTCUSDT", "returnRateLimits": false });
    let filters = call(&trader, "myFilters", bare);
    let all = r#"{"id":1,"status":200,"result":{"exchangeFilters":[],"symbolFilters":[],
        "assetFilters":[]}}"#;
    assert_eq!(difference(&shape(all), &shape(&filters), false), None, "{filters}");
    prevented(&other, &mut call);
}

/// A match that was prevented.
fn prevented(other: &Trader, call: &mut impl FnMut(&Trader, &str, serde_json::Value) -> String) {
    let own = json!({"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC",
        "quantity":"0.1","price":"50000","selfTradePreventionMode":"EXPIRE_TAKER"});
    let placed = call(other, "order.place", own);
    let placed: serde_json::Value = serde_json::from_str(&placed).expect("JSON");
    let id = &placed["result"]["orderId"];
    assert_eq!(placed["result"]["status"], "EXPIRED_IN_MATCH", "{placed}");
    let asked = call(other, "myPreventedMatches", json!({ "symbol": "BTCUSDT", "orderId": id }));
    same("ws-api", 65, &asked);
}

#[test]
fn answers_about_sessions_and_events_of_accounts() {
    let running = quiet();
    let trader = Trader::demo(&running, "demo");
    // As in the examples nobody wants to see limits.
    let mut api = Socket::open(running.addr, "/ws-api/v3?returnRateLimits=false");
    let none = json!({});
    let logged_on = super::rules::log_on(&mut api, "demo");
    same("ws-api", 38, &logged_on);
    same("ws-api", 70, &api.call_text("userDataStream.subscribe", &none));
    same("ws-api", 73, &api.call_text("session.subscriptions", &none));
    let place = json!({"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC",
        "quantity":"1","price":"50000"});
    let mut second = Socket::open(running.addr, "/ws-api/v3?returnRateLimits=false");
    second.call("order.place", &trader.params(place));
    let report = api.text_where(|json| json["event"]["e"] == "executionReport");
    let wanted = Shape::of(
        r#"{"subscriptionId":0,"event":{"e":"","E":1,"s":"","c":"","S":"","o":"",
        "f":"","q":"","p":"","P":"","F":"","g":1,"C":"","x":"","X":"","r":"","i":1,"l":"","z":"",
        "L":"","n":"","N":null,"T":1,"t":1,"I":1,"w":true,"m":true,"M":true,"O":1,"Z":"","Y":"",
        "Q":"","W":1,"V":""}}"#,
    );
    assert_eq!(difference(&wanted, &Shape::of(&report), false), None, "{report}");
    let is = |name: &'static str| move |json: &serde_json::Value| json["event"]["e"] == name;
    same("user-data", 1, &api.text_where(is("outboundAccountPosition")));
    same("ws-api", 40, &api.call_text("session.logout", &none));
    same(
        "ws-api",
        74,
        &second.call_text("userDataStream.subscribe.signature", &trader.params(json!({}))),
    );
    running.stop();
    same("ws-api", 3, &api.text_where(is("serverShutdown")));
}
