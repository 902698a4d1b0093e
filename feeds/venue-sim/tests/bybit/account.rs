//! Balances, positions, settings, and the protection against disconnections.

use std::time::Duration;

use qt_venue_sim::venue::Venue;
use serde_json::{Value, json};

use super::client::control;
use super::trader::{Trader, code, quiet, told, until};

const SPOT: Venue = Venue::BybitSpot;
const LINEAR: Venue = Venue::BybitLinear;

fn wallet(trader: &Trader, coin: &str) -> Value {
    let query = format!("accountType=UNIFIED&coin={coin}");
    let answer = trader.send("GET", "/v5/account/wallet-balance", &query).json();
    answer["result"]["list"][0]["coin"][0].clone()
}

#[test]
fn what_is_bought_in_spot_is_owned() {
    let running = quiet(SPOT);
    let trader = Trader::demo(&running, SPOT, "demo");
    let other = Trader::demo(&running, SPOT, "other");
    let mut events = trader.listening(&["wallet"]);
    trader.limit("Buy", "0.5", "60000");
    assert_eq!(wallet(&trader, "USDT")["locked"], "30000");
    assert_eq!(wallet(&trader, "USDT")["walletBalance"], "1000000");
    other.limit("Sell", "0.5", "60000");
    assert_eq!(wallet(&trader, "BTC")["walletBalance"], "1000000.4995");
    assert_eq!(wallet(&trader, "USDT")["walletBalance"], "970000");
    // The first message is of what was held, the last of what was bought.
    assert_eq!(told(&mut events, "wallet")["coin"][0]["locked"], "30000");
    let coins = told(&mut events, "wallet")["coin"].clone();
    let names: Vec<_> = coins.as_array().expect("coins").iter().map(|c| &c["coin"]).collect();
    assert_eq!(names, ["BTC", "USDT"]);
    let poor = json!({ "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "17",
        "price": "60000" });
    assert_eq!(code(&trader.post("/v5/order/create", poor)), 170_131);
    let fees = trader.get("/v5/account/fee-rate", "symbol=BTCUSDT");
    assert_eq!(
        fees["list"][0],
        json!({ "symbol": "BTCUSDT", "takerFeeRate": "0.001",
        "makerFeeRate": "0.001" })
    );
    let wrong = trader.send("GET", "/v5/account/wallet-balance", "accountType=SPOT").json();
    assert_eq!(code(&wrong), 10_001);
}

fn position(trader: &Trader) -> Value {
    trader.get("/v5/position/list", "symbol=BTCUSDT")["list"][0].clone()
}

#[test]
fn a_position_is_opened_reduced_and_closed() {
    let running = quiet(LINEAR);
    let trader = Trader::demo(&running, LINEAR, "demo");
    let other = Trader::demo(&running, LINEAR, "other");
    let empty = position(&trader);
    assert_eq!(
        (&empty["size"], &empty["side"], &empty["leverage"]),
        (&json!("0.000"), &json!(""), &json!("10"))
    );
    assert!(
        trader.get("/v5/position/list", "settleCoin=USDT")["list"]
            .as_array()
            .expect("a list")
            .is_empty()
    );
    let leverage = json!({ "symbol": "BTCUSDT", "buyLeverage": "20", "sellLeverage": "20" });
    assert_eq!(code(&trader.post("/v5/position/set-leverage", leverage.clone())), 0);
    assert_eq!(code(&trader.post("/v5/position/set-leverage", leverage)), 110_043);
    let uneven = json!({ "symbol": "BTCUSDT", "buyLeverage": "20", "sellLeverage": "10" });
    assert_eq!(code(&trader.post("/v5/position/set-leverage", uneven)), 10_001);
    let much = json!({ "symbol": "BTCUSDT", "buyLeverage": "101", "sellLeverage": "101" });
    assert_eq!(code(&trader.post("/v5/position/set-leverage", much)), 110_013);
    let reduce = json!({ "reduceOnly": true });
    assert_eq!(
        code(&trader.market("Sell", "0.1", reduce.clone())),
        110_017,
        "there is no position"
    );
    other.limit("Sell", "0.1", "60000");
    assert_eq!(code(&trader.market("Buy", "0.1", json!({}))), 0);
    let held = position(&trader);
    assert_eq!(
        (&held["size"], &held["side"], &held["avgPrice"]),
        (&json!("0.100"), &json!("Buy"), &json!("60000"))
    );
    assert_eq!((&held["positionIM"], &held["positionMM"]), (&json!("300"), &json!("30")));
    other.limit("Buy", "0.3", "60100");
    // As much is taken as there is to be reduced.
    let closed = trader.market("Sell", "0.3", reduce);
    let id = closed["result"]["orderId"].as_str().expect("an id").to_owned();
    let order = trader.order(&id);
    assert_eq!((&order["qty"], &order["orderStatus"]), (&json!("0.100"), &json!("Filled")));
    assert_eq!(
        (&position(&trader)["size"], &position(&trader)["cumRealisedPnl"]),
        (&json!("0.000"), &json!("10"))
    );
    let poor = trader.market("Buy", "0.2", json!({}));
    assert_eq!(code(&poor), 0, "nobody sells: it is taken and ends");
    let rich = json!({ "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "900",
        "price": "60000" });
    assert_eq!(code(&trader.post("/v5/order/create", rich)), 110_007);
}

#[test]
fn a_funding_looks_like_an_execution_and_is_none() {
    let running = quiet(LINEAR);
    let trader = Trader::demo(&running, LINEAR, "demo");
    let other = Trader::demo(&running, LINEAR, "other");
    other.limit("Sell", "0.1", "60000");
    assert_eq!(code(&trader.market("Buy", "0.1", json!({}))), 0);
    let mut events = trader.listening(&["execution"]);
    control(&running, "POST", "funding?symbol=BTCUSDT&rate=0.0001");
    let event = told(&mut events, "execution");
    assert_eq!((&event["execType"], &event["execFee"]), (&json!("Funding"), &json!("0.6")));
    assert_eq!((&event["execQty"], &event["orderType"]), (&json!("0.100"), &json!("UNKNOWN")));
    let all = trader.get("/v5/execution/list", "symbol=BTCUSDT");
    assert_eq!(all["list"].as_array().map(Vec::len), Some(2));
    let trades = trader.get("/v5/execution/list", "symbol=BTCUSDT&execType=Trade");
    assert_eq!(trades["list"].as_array().map(Vec::len), Some(1));
}

#[test]
fn who_does_not_come_back_has_no_orders_any_more() {
    let running = quiet(LINEAR);
    let trader = Trader::demo(&running, LINEAR, "demo");
    let set = |window: i64| {
        let body = json!({ "timeWindow": window, "product": "DERIVATIVES" });
        code(&trader.post("/v5/order/disconnected-cancel-all", body))
    };
    assert_eq!((set(2), set(301), set(3)), (10_001, 10_001, 0));
    let infos = trader.get("/v5/account/query-dcp-info", "");
    assert_eq!(infos["dcpInfos"][0]["timeWindow"], "3");
    let id = trader.limit("Buy", "0.01", "60000");
    // Nobody was there who could go.
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(trader.order(&id)["orderStatus"], "New");
    let first = trader.listening(&["dcp.future"]);
    drop(first);
    // Who comes back in time keeps them.
    let second = trader.listening(&["dcp.future", "order"]);
    std::thread::sleep(Duration::from_millis(3_300));
    assert_eq!(trader.order(&id)["orderStatus"], "New");
    drop(second);
    until("the orders are cancelled", || trader.order(&id)["orderStatus"] == "Cancelled");
    assert_eq!(trader.order(&id)["cancelType"], "CancelByDCP");
}

#[test]
fn clients_find_what_kind_of_account_it_is() {
    let running = quiet(SPOT);
    let trader = Trader::demo(&running, SPOT, "demo");
    let info = trader.send("GET", "/v5/account/info", "").json();
    assert_eq!(
        (&info["result"]["unifiedMarginStatus"], &info["result"]["dcpStatus"]),
        (&json!(6), &json!("OFF"))
    );
    let key = trader.send("GET", "/v5/user/query-api", "").json();
    assert_eq!((&key["result"]["uta"], &key["result"]["readOnly"]), (&json!(1), &json!(0)));
}
