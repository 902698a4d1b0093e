//! Clients that mean no good: nothing they send ends the server or lets its memory grow.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use qt_venue_sim::server::Running;
use qt_venue_sim::venue::Venue;
use serde_json::{Value, json};

use super::client::{Socket, exchange_bytes, get, now_ms};
use super::trader::{Trader, code, quiet};

const LINEAR: Venue = Venue::BybitLinear;

fn lives(running: &Running) -> bool {
    code(&get(running.addr, "/v5/market/time").json()) == 0
}

#[test]
fn garbage_is_answered_on_every_connection() {
    let running = quiet(LINEAR);
    let trader = Trader::demo(&running, LINEAR, "demo");
    let deep = "[".repeat(10_000);
    let long = format!("{{\"op\":\"subscribe\",\"args\":[\"{}\"]}}", "x".repeat(100_000));
    for path in ["/v5/public/linear", "/v5/private", "/v5/trade"] {
        for text in [
            "",
            "null",
            "[]",
            "{}",
            "{\"op\":null}",
            "{\"op\":\"subscribe\"}",
            &deep,
            &long,
            "{\"op\":\"auth\",\"args\":{}}",
            "{\"op\":\"order.create\",\"args\":[1]}",
            "{\"op\":\"subscribe\",\"args\":[1,null,{}]}",
        ] {
            let mut socket = Socket::open(running.addr, path);
            socket.send(text);
            let answer = socket.json();
            assert!(answer.is_object() && answer["success"] != true, "{path} {answer}");
        }
    }
    let mut socket = trader.logged_on("/v5/trade");
    let header = json!({ "X-BAPI-TIMESTAMP": now_ms() });
    for args in [json!([]), json!([[]]), json!([{ "category": [] }]), json!([{ "request": [[]] }])]
    {
        for op in ["order.create", "order.amend", "order.cancel", "order.create-batch"] {
            let request = json!({ "op": op, "header": header, "args": args });
            socket.send(&request.to_string());
            assert_ne!(code(&socket.json()), 0, "{op} {args}");
        }
    }
    assert!(lives(&running));
}

#[test]
fn numbers_that_are_too_large_are_refused() {
    let running = quiet(LINEAR);
    let trader = Trader::demo(&running, LINEAR, "demo");
    let huge = "9".repeat(400);
    for wrong in ["-1", "0", "1e9", "NaN", "0x1", " 1", "1.", "99999999999999999999", &huge] {
        for name in ["qty", "price"] {
            let mut order = json!({ "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit",
                "qty": "0.01", "price": "60000" });
            order[name] = wrong.into();
            assert_ne!(code(&trader.post("/v5/order/create", order)), 0, "{name} {wrong}");
        }
        let leverage = json!({ "symbol": "BTCUSDT", "buyLeverage": wrong, "sellLeverage": wrong });
        assert_ne!(code(&trader.post("/v5/position/set-leverage", leverage)), 0, "{wrong}");
        let encoded: String = wrong.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let query = format!("category=linear&symbol=BTCUSDT&limit={encoded}");
        let told: Value = trader.send("GET", "/v5/order/history", &query).json();
        let is_clipped = wrong.parse::<i64>().is_ok_and(|limit| limit > 0);
        assert_eq!(code(&told) == 0, is_clipped, "{wrong}: {told}");
    }
    for cursor in ["x", "1%3A2", "1%3A2%2Cx", "%25", "9999999999999999999999%3A1%2C1"] {
        let query = format!("category=linear&symbol=BTCUSDT&cursor={cursor}");
        let told = trader.send("GET", "/v5/execution/list", &query).json();
        assert_eq!(code(&told), 10_001, "{cursor}");
    }
    assert!(lives(&running));
}

#[test]
fn any_body_and_any_query_has_an_answer() {
    let running = quiet(LINEAR);
    let trader = Trader::demo(&running, LINEAR, "demo");
    let path = "(order/create|order/amend|order/realtime|market/kline|execution/list|x)";
    let mut runner = TestRunner::new(ProptestConfig::with_cases(60));
    let tried = runner.run(&("[ -~]{0,60}", path), |(body, path)| {
        let posted = trader.send("POST", &format!("/v5/{path}"), &body);
        prop_assert!(posted.status == 200 || posted.status == 404, "{posted:?}");
        let query: String = body.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let asked = trader.send("GET", &format!("/v5/{path}"), &format!("category={query}"));
        prop_assert!(asked.status == 200 || asked.status == 404, "{asked:?}");
        let bytes = format!("GET /v5/market/tickers?{body} HTTP/1.1\r\nconnection: close\r\n\r\n");
        let raw = exchange_bytes(running.addr, bytes.as_bytes());
        prop_assert!(raw.status == 200 || raw.status == 400, "{raw:?}");
        Ok(())
    });
    tried.unwrap_or_else(|error| panic!("{error}"));
    assert!(lives(&running));
}
