//! Orders from their request to their end.

use qt_venue_sim::venue::Venue;
use serde_json::{Value, json};

use super::trader::{Trader, code, quiet, told};

const SPOT: Venue = Venue::BybitSpot;
const LINEAR: Venue = Venue::BybitLinear;

fn list(result: &Value) -> Vec<Value> {
    result["list"].as_array().expect("a list").clone()
}

#[test]
fn an_order_lives_from_its_request_to_its_fill() {
    for (venue, filled) in [(SPOT, "0.003"), (LINEAR, "0.003")] {
        let running = quiet(venue);
        let trader = Trader::demo(&running, venue, "demo");
        let other = Trader::demo(&running, venue, "other");
        let id = trader.limit_with("Buy", "0.01", "60000", json!({ "orderLinkId": "mine-1" }));
        let order = trader.order(&id);
        assert_eq!(order["orderStatus"], "New", "{order}");
        assert_eq!(
            (&order["orderLinkId"], &order["timeInForce"]),
            (&json!("mine-1"), &json!("GTC"))
        );
        other.limit("Sell", "0.003", "60000");
        let order = trader.order(&id);
        assert_eq!(
            (&order["orderStatus"], &order["cumExecQty"]),
            (&json!("PartiallyFilled"), &json!(filled))
        );
        assert_eq!((&order["avgPrice"], &order["cumExecValue"]), (&json!("60000"), &json!("180")));
        other.limit("Sell", "0.007", "60000");
        let order = trader.order(&id);
        assert_eq!((&order["orderStatus"], &order["leavesValue"]), (&json!("Filled"), &json!("0")));
        // It is not open any more, and among those that were.
        assert!(list(&trader.get("/v5/order/realtime", "symbol=BTCUSDT")).is_empty());
        let ended = list(&trader.get("/v5/order/realtime", "symbol=BTCUSDT&openOnly=1"));
        assert_eq!(ended[0]["orderId"], id.as_str());
        assert_eq!(list(&trader.get("/v5/order/history", ""))[0]["orderId"], id.as_str());
        let fills = list(&trader.get("/v5/execution/list", "symbol=BTCUSDT"));
        let left: Vec<_> = fills
            .iter()
            .map(|fill| fill["leavesQty"].as_str().expect("text").parse::<f64>().expect("a number"))
            .collect();
        assert_eq!(left, [0.0, 0.007], "the newest comes first");
        assert!(fills.iter().all(|fill| fill["isMaker"] == true && fill["execType"] == "Trade"));
        let theirs = list(&other.get("/v5/execution/list", "symbol=BTCUSDT"));
        assert!(theirs.iter().all(|fill| fill["isMaker"] == false && fill["orderLinkId"] == ""));
        assert_eq!(theirs[0]["execId"], fills[0]["execId"], "a trade has one id");
    }
}

#[test]
fn ids_of_both_kinds_name_an_order_and_only_once() {
    for (venue, duplicate, unknown) in [(SPOT, 170_141, 170_213), (LINEAR, 110_072, 110_001)] {
        let running = quiet(venue);
        let trader = Trader::demo(&running, venue, "demo");
        let more = json!({ "orderLinkId": "once" });
        let id = trader.limit_with("Buy", "0.01", "60000", more);
        let again = json!({ "symbol": "ETHUSDT", "side": "Buy", "orderType": "Limit",
            "qty": "0.1", "price": "2500", "orderLinkId": "once" });
        assert_eq!(code(&trader.post("/v5/order/create", again.clone())), duplicate);
        let by_link = json!({ "symbol": "BTCUSDT", "orderLinkId": "once" });
        let amend = json!({ "symbol": "BTCUSDT", "orderLinkId": "once", "qty": "0.02",
            "price": "59000" });
        let amended = trader.post("/v5/order/amend", amend.clone());
        assert_eq!((code(&amended), &amended["result"]["orderId"]), (0, &json!(id)), "{amended}");
        let order = trader.order(&id);
        assert_eq!(order["price"], "59000.00");
        assert_eq!(code(&trader.post("/v5/order/amend", amend)), 10_001, "nothing would change");
        assert_eq!(code(&trader.post("/v5/order/cancel", by_link.clone())), 0);
        assert_eq!(trader.order(&id)["orderStatus"], "Cancelled");
        assert_eq!(trader.order(&id)["cancelType"], "CancelByUser");
        assert_eq!(code(&trader.post("/v5/order/cancel", by_link)), unknown);
        assert_eq!(trader.cancel("1234"), unknown);
        // Ended, it keeps its id.
        assert_eq!(code(&trader.post("/v5/order/create", again)), duplicate);
        let long = json!({ "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit",
            "qty": "0.1", "price": "60000", "orderLinkId": "x".repeat(37) });
        assert_eq!(code(&trader.post("/v5/order/create", long)), 10_001);
    }
}

#[test]
fn what_cannot_rest_or_trade_is_taken_and_cancelled() {
    for venue in [SPOT, LINEAR] {
        let running = quiet(venue);
        let trader = Trader::demo(&running, venue, "demo");
        let other = Trader::demo(&running, venue, "other");
        other.limit("Sell", "0.01", "60000");
        let mut events = trader.listening(&["order"]);
        let cases = [
            ("PostOnly", "0.01", "EC_PostOnlyWillTakeLiquidity"),
            ("FOK", "0.02", "EC_NoEnoughQtyToFill"),
        ];
        for (tif, qty, reason) in cases {
            let id = trader.limit_with("Buy", qty, "60000", json!({ "timeInForce": tif }));
            let order = trader.order(&id);
            assert_eq!(order["orderStatus"], "Cancelled", "{order}");
            assert_eq!(
                (&order["rejectReason"], &order["timeInForce"]),
                (&json!(reason), &json!(tif))
            );
            let last = loop {
                let event = told(&mut events, "order");
                assert_eq!(event["orderId"], id.as_str());
                if event["orderStatus"] != "New" {
                    break event;
                }
            };
            assert_eq!(
                (&last["orderStatus"], &last["rejectReason"]),
                (&json!("Cancelled"), &json!(reason))
            );
        }
        let id = trader.limit_with("Buy", "0.03", "60000", json!({ "timeInForce": "IOC" }));
        let order = trader.order(&id);
        let status = if venue == SPOT { "PartiallyFilledCanceled" } else { "Cancelled" };
        assert_eq!(
            (&order["orderStatus"], &order["rejectReason"]),
            (&json!(status), &json!("EC_NoImmediateQtyToFill"))
        );
        assert_eq!(order["cumExecValue"], "600");
    }
}

#[test]
fn market_orders_of_spot_buy_for_an_amount_and_sell_a_quantity() {
    let running = quiet(SPOT);
    let trader = Trader::demo(&running, SPOT, "demo");
    let other = Trader::demo(&running, SPOT, "other");
    other.limit("Sell", "0.5", "60000");
    let bought = trader.market("Buy", "600", json!({}));
    let id = bought["result"]["orderId"].as_str().expect("an id").to_owned();
    let order = trader.order(&id);
    assert_eq!((&order["qty"], &order["cumExecQty"]), (&json!("600"), &json!("0.01")), "{order}");
    assert_eq!((&order["orderStatus"], &order["timeInForce"]), (&json!("Filled"), &json!("IOC")));
    assert_eq!(order["cumFeeDetail"], json!({ "BTC": "0.00001" }));
    let exact = trader.market("Buy", "0.02", json!({ "marketUnit": "baseCoin" }));
    let id = exact["result"]["orderId"].as_str().expect("an id").to_owned();
    assert_eq!(trader.order(&id)["cumExecQty"], "0.02");
    // Nobody buys: it is taken, and ends.
    let sold = trader.market("Sell", "0.01", json!({}));
    let id = sold["result"]["orderId"].as_str().expect("an id").to_owned();
    assert_eq!(trader.order(&id)["orderStatus"], "Cancelled", "{sold}");
}

#[test]
fn a_conditional_order_of_spot_waits_for_its_price() {
    let running = quiet(SPOT);
    let trader = Trader::demo(&running, SPOT, "demo");
    let other = Trader::demo(&running, SPOT, "other");
    other.limit("Sell", "0.01", "60000");
    trader.market("Buy", "600", json!({}));
    let more = json!({ "triggerPrice": "59500", "orderFilter": "StopOrder" });
    let id = trader.limit_with("Sell", "0.01", "59400", more.clone());
    let never = trader.limit_with("Sell", "0.01", "59400", more);
    let order = trader.order(&id);
    assert_eq!(
        (&order["orderStatus"], &order["triggerDirection"]),
        (&json!("Untriggered"), &json!(2))
    );
    assert_eq!(trader.cancel(&never), 0);
    assert_eq!(trader.order(&never)["orderStatus"], "Deactivated");
    other.limit("Buy", "0.01", "59500");
    trader.market("Sell", "0.01", json!({}));
    assert_eq!(trader.order(&id)["orderStatus"], "New");
}

#[test]
fn all_orders_are_cancelled_by_what_is_named() {
    let running = quiet(LINEAR);
    let trader = Trader::demo(&running, LINEAR, "demo");
    for symbol in ["BTCUSDT", "ETHUSDT"] {
        for price in ["2400", "2500"] {
            let order = json!({ "symbol": symbol, "side": "Buy", "orderType": "Limit",
                "qty": "1", "price": price });
            assert_eq!(code(&trader.post("/v5/order/create", order)), 0);
        }
    }
    let all = |body: Value| trader.post("/v5/order/cancel-all", body);
    assert_eq!(code(&all(json!({}))), 10_001, "something must be named");
    let one = all(json!({ "symbol": "BTCUSDT" }));
    assert_eq!((list(&one["result"]).len(), &one["result"]["success"]), (2, &json!("1")));
    assert_eq!(list(&all(json!({ "settleCoin": "USDT" }))["result"]).len(), 2);
    assert!(list(&all(json!({ "settleCoin": "USDT" }))["result"]).is_empty());
    assert!(list(&trader.get("/v5/order/realtime", "settleCoin=USDT")).is_empty());
}

#[test]
fn each_order_of_a_batch_is_taken_or_refused_for_itself() {
    let running = quiet(LINEAR);
    let trader = Trader::demo(&running, LINEAR, "demo");
    let order = |qty: &str, id: &str| {
        json!({ "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": qty,
            "price": "60000", "orderLinkId": id })
    };
    let batch =
        json!({ "request": [order("0.01", "a"), order("0.0001", "b"), order("0.01", "a")] });
    let answer = trader.post("/v5/order/create-batch", batch);
    let codes: Vec<_> = list(&answer["retExtInfo"])
        .iter()
        .map(|one| one["code"].as_i64().expect("a code"))
        .collect();
    assert_eq!((code(&answer), codes), (0, vec![0, 10_001, 110_072]), "{answer}");
    let told = list(&answer["result"]);
    assert_eq!((&told[1]["orderId"], &told[1]["orderLinkId"]), (&json!(""), &json!("b")));
    let amend =
        json!({ "request": [{ "symbol": "BTCUSDT", "orderLinkId": "a", "price": "59000" }] });
    assert_eq!(list(&trader.post("/v5/order/amend-batch", amend)["retExtInfo"])[0]["code"], 0);
    let cancel = json!({ "request": [{ "symbol": "BTCUSDT", "orderLinkId": "a" },
        { "symbol": "BTCUSDT", "orderLinkId": "b" }] });
    let answer = trader.post("/v5/order/cancel-batch", cancel);
    let codes: Vec<_> = list(&answer["retExtInfo"])
        .iter()
        .map(|one| one["code"].as_i64().expect("a code"))
        .collect();
    assert_eq!(codes, [0, 110_001]);
    let many: Vec<_> = (0..21).map(|at| order("0.01", &format!("m{at}"))).collect();
    assert_eq!(code(&trader.post("/v5/order/create-batch", json!({ "request": many }))), 10_001);
}

#[test]
fn pages_follow_each_other() {
    let running = quiet(SPOT);
    let trader = Trader::demo(&running, SPOT, "demo");
    let ids: Vec<String> = (0..5).map(|_| trader.limit("Buy", "0.01", "60000")).collect();
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let query = format!("symbol=BTCUSDT&limit=2{cursor}");
        let page = trader.get("/v5/order/realtime", &query);
        seen.extend(list(&page).iter().map(|one| one["orderId"].as_str().expect("id").to_owned()));
        match page["nextPageCursor"].as_str().expect("a cursor") {
            "" => break,
            next => cursor = format!("&cursor={next}"),
        }
    }
    seen.reverse();
    assert_eq!(seen, ids);
}
