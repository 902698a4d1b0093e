//! Orders over their own WebSocket: an answer says that a request was taken, and nothing more.

use qt_venue_sim::venue::Venue;
use serde_json::{Value, json};

use super::client::{Socket, now_ms};
use super::trader::{Trader, code, quiet};

const LINEAR: Venue = Venue::BybitLinear;

fn request(id: &str, op: &str, args: Value) -> String {
    let header = json!({ "X-BAPI-TIMESTAMP": now_ms(), "X-BAPI-RECV-WINDOW": 5_000 });
    let args = match args {
        Value::Array(args) => args,
        one => vec![one],
    };
    json!({ "reqId": id, "header": header, "op": op, "args": args }).to_string()
}

fn order(price: &str) -> Value {
    json!({ "category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit",
        "qty": "0.01", "price": price })
}

fn ask(socket: &mut Socket, text: &str) -> Value {
    socket.send(text);
    socket.json()
}

#[test]
fn orders_are_placed_amended_and_cancelled() {
    let running = quiet(LINEAR);
    let trader = Trader::demo(&running, LINEAR, "demo");
    let mut socket = trader.logged_on("/v5/trade");
    let created = ask(&mut socket, &request("1", "order.create", order("60000")));
    assert_eq!((code(&created), &created["reqId"]), (0, &json!("1")), "{created}");
    assert_eq!(created["header"]["X-Bapi-Limit-Status"], "9", "{created}");
    let id = created["data"]["orderId"].clone();
    let named =
        json!({ "category": "linear", "symbol": "BTCUSDT", "orderId": id, "price": "59000" });
    assert_eq!(code(&ask(&mut socket, &request("2", "order.amend", named.clone()))), 0);
    assert_eq!(trader.order(id.as_str().expect("an id"))["price"], "59000.00");
    assert_eq!(code(&ask(&mut socket, &request("3", "order.cancel", named.clone()))), 0);
    assert_eq!(code(&ask(&mut socket, &request("4", "order.cancel", named))), 110_001);
    let batch = json!({ "category": "linear", "request": [order("60000"), order("-1")] });
    let answer = ask(&mut socket, &request("5", "order.create-batch", batch));
    let codes = answer["retExtInfo"]["list"].as_array().expect("codes");
    assert_eq!((code(&answer), &codes[0]["code"]), (0, &json!(0)), "{answer}");
    assert_ne!(codes[1]["code"], 0);
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_code() {
    let running = quiet(LINEAR);
    let trader = Trader::demo(&running, LINEAR, "demo");
    let mut stranger = Socket::open(running.addr, "/v5/trade");
    let refused = ask(&mut stranger, &request("1", "order.create", order("60000")));
    assert_eq!(code(&refused), 10_005);
    let mut socket = trader.logged_on("/v5/trade");
    assert_eq!(code(&ask(&mut socket, &request("a", "order.create", order("60000")))), 0);
    for (text, wanted) in [
        (request("a", "order.create", order("60000")), 20_006),
        (request("b", "order.please", order("60000")), 10_404),
        (request("c", "order.create", json!([])), 10_001),
        (request("d", "order.create", json!([order("60000"), order("60000")])), 10_001),
        (request("e", "order.create", json!(["x"])), 10_001),
        (
            json!({ "reqId": "f", "op": "order.create", "args": [order("60000")] }).to_string(),
            10_001,
        ),
        (
            json!({ "reqId": "g", "op": "order.create", "args": [order("60000")],
            "header": { "X-BAPI-TIMESTAMP": "1" } })
            .to_string(),
            10_002,
        ),
        ("{".to_owned(), 10_001),
        ("{\"op\":1}".to_owned(), 10_001),
    ] {
        let answer = ask(&mut socket, &text);
        assert_eq!(code(&answer), wanted, "{text}: {answer}");
    }
}

#[test]
fn what_is_too_often_is_refused() {
    let running = quiet(LINEAR);
    let trader = Trader::demo(&running, LINEAR, "demo");
    let mut socket = trader.logged_on("/v5/trade");
    let codes: Vec<i64> = (0..30)
        .map(|at| {
            code(&ask(&mut socket, &request(&at.to_string(), "order.create", order("60000"))))
        })
        .collect();
    assert!(codes.contains(&10_006) && codes[0] == 0, "{codes:?}");
}
