//! Lists of orders over sockets: shapes, events, queries, codes, counts.

use qt_venue_sim::exchange::Side;
use serde_json::{Value, json};

use super::client::{Answer, Socket, Trader, control, quiet};
use super::shape::{Shape, difference};
use super::shapes::{documented, same, same_but_lacking};

/// One whole unit of anything.
const ONE: i64 = 100_000_000;
const OCO: &str = "/api/v3/orderList/oco";
const OTO: &str = "/api/v3/orderList/oto";
const OTOCO: &str = "/api/v3/orderList/otoco";

const SELL: &str = "symbol=BTCUSDT&side=SELL&quantity=1&aboveType=LIMIT_MAKER&abovePrice=61000\
                    &belowType=STOP_LOSS_LIMIT&belowStopPrice=59000&belowPrice=58900\
                    &belowTimeInForce=GTC";
const PLAIN: &str = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=50000";
const THEN: &str = "symbol=BTCUSDT&workingType=LIMIT&workingTimeInForce=GTC&workingSide=BUY\
                    &workingPrice=60000&workingQuantity=1&pendingSide=SELL&pendingQuantity=1";
const PAIR: &str = "pendingAboveType=LIMIT_MAKER&pendingAbovePrice=61000\
                    &pendingBelowType=STOP_LOSS&pendingBelowStopPrice=59000";

fn done(trader: &Trader, verb: &str, path: &str, query: &str) -> Answer {
    let answer = trader.call(verb, path, query);
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer
}

/// A connection that is told of an account.
fn events_of(trader: &Trader) -> Socket {
    let mut events = Socket::open(trader.addr, "/ws-api/v3?returnRateLimits=false");
    events.call("userDataStream.subscribe.signature", &trader.params(json!({})));
    events
}

/// The next event of an order or a list in short.
fn short(events: &mut Socket) -> String {
    loop {
        let event = events.json()["event"].clone();
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        match text("e").as_str() {
            "executionReport" => return format!("{} {} {}", event["i"], text("x"), text("X")),
            "listStatus" => return format!("{} {}", text("l"), text("L")),
            _ => {}
        }
    }
}

fn shorts<const N: usize>(events: &mut Socket) -> [String; N] {
    std::array::from_fn(|_| short(events))
}

fn trade(running: &qt_venue_sim::server::Running, query: &str) {
    let other = Trader::demo(running, "other");
    let order = "symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&quantity=1";
    done(&other, "POST", "/api/v3/order", &format!("{order}&{query}"));
}

#[test]
fn answers_about_lists() {
    let running = quiet();
    let trader = Trader::demo(&running, "demo");
    let call = |verb: &str, path: &str, query: &str| done(&trader, verb, path, query).body;
    call("POST", "/api/v3/order", PLAIN);
    same("rest", 29, &call("POST", OCO, &format!("{SELL}&belowIcebergQty=0.5")));
    let old = "symbol=BTCUSDT&side=BUY&quantity=1&price=58000&stopPrice=62000";
    same("rest", 28, &call("POST", "/api/v3/order/oco", old));
    let cancelled = call("DELETE", "/api/v3/openOrders", "symbol=BTCUSDT");
    same_but_lacking("rest", 23, &cancelled);
    // Behind the plain order there are lists.
    let lists = |text: &str| {
        let (_, lists) = text.split_once(r#",{"orderListId""#).expect("a list");
        Shape::of(&format!(r#"[{{"orderListId"{lists}"#))
    };
    let found = difference(&lists(&documented("rest", 23)), &lists(&cancelled), false);
    assert_eq!(found, None, "{cancelled}");
    let market = format!("{THEN}&pendingType=MARKET&listClientOrderId=oto");
    let oto = call("POST", OTO, &market);
    same("rest", 30, &oto);
    same("rest", 31, &call("POST", OTOCO, &format!("{THEN}&{PAIR}")));
    same("rest", 37, &call("GET", "/api/v3/allOrderList", ""));
    let oto: Value = serde_json::from_str(&oto).expect("JSON");
    let pending = &oto["orders"][1]["orderId"];
    let amend = format!("symbol=BTCUSDT&orderId={pending}&newQty=0.5");
    same("rest", 27, &call("PUT", "/api/v3/order/amend/keepPriority", &amend));
    let one = call("GET", "/api/v3/orderList", "origClientOrderId=oto");
    let open = call("GET", "/api/v3/openOrderList", "");
    assert!(open.starts_with(&format!("[{one},{{")), "{open} {one}");
    let gone = trader.call("GET", "/api/v3/orderList", "orderListId=99");
    assert_eq!((gone.status, gone.code()), (400, -2013), "{}", gone.body);
}

#[test]
fn answers_of_the_socket_about_lists_and_their_event() {
    let running = quiet();
    let trader = Trader::demo(&running, "demo");
    let mut events = events_of(&trader);
    let mut api = Socket::open(running.addr, "/ws-api/v3");
    let mut call = |method: &str, query: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let params: serde_json::Map<String, Value> =
            pairs.map(|(name, value)| (name.to_owned(), json!(value))).collect();
        api.call_text(method, &trader.params(Value::Object(params)))
    };
    call("order.place", PLAIN);
    same("ws-api", 49, &call("orderList.place.oco", SELL));
    let event = events.text_where(|json| json["event"]["e"] == "listStatus");
    same("user-data", 3, &event);
    same("ws-api", 50, &call("orderList.place.oto", &format!("{THEN}&pendingType=MARKET")));
    same("ws-api", 52, &call("orderList.place.otoco", &format!("{THEN}&{PAIR}")));
    let one: Value =
        serde_json::from_str(&call("orderList.status", "orderListId=1")).expect("JSON");
    assert_eq!(one["result"]["listOrderStatus"], "EXECUTING");
    let open: Value = serde_json::from_str(&call("openOrderLists.status", "")).expect("JSON");
    assert_eq!(open["result"].as_array().map(Vec::len), Some(3), "{open}");
    let cancelled: Value =
        serde_json::from_str(&call("orderList.cancel", "symbol=BTCUSDT&orderListId=1"))
            .expect("JSON");
    assert_eq!(cancelled["result"]["listStatusType"], "ALL_DONE", "{cancelled}");
    same_but_lacking("ws-api", 48, &call("openOrders.cancelAll", "symbol=BTCUSDT"));
    let all: Value = serde_json::from_str(&call("allOrderLists", "limit=2")).expect("JSON");
    assert_eq!(all["result"][0]["orderListId"], 2, "{all}");
    assert_eq!(all["result"][1]["listOrderStatus"], "ALL_DONE");
}

#[test]
fn one_cancels_the_other_and_everybody_is_told() {
    let running = quiet();
    let trader = Trader::demo(&running, "demo");
    let mut events = events_of(&trader);
    let placed = done(&trader, "POST", OCO, &format!("{SELL}&aboveClientOrderId=profit")).json();
    assert_eq!(shorts(&mut events), ["1 NEW NEW", "2 NEW NEW", "EXEC_STARTED EXECUTING"]);
    let open = done(&trader, "GET", "/api/v3/openOrders", "symbol=BTCUSDT").json();
    assert_eq!(open[1]["orderListId"], placed["orderListId"]);
    trade(&running, "side=BUY&price=61000");
    let told = ["1 EXPIRED EXPIRED", "2 TRADE FILLED", "ALL_DONE ALL_DONE"];
    assert_eq!(shorts(&mut events), told);
    let trades = done(&trader, "GET", "/api/v3/myTrades", "symbol=BTCUSDT").json();
    assert_eq!(trades[0]["orderListId"], placed["orderListId"]);
    let list = done(&trader, "GET", "/api/v3/orderList", "orderListId=1").json();
    assert_eq!(list["listOrderStatus"], "ALL_DONE");
    let late = trader.call("DELETE", "/api/v3/orderList", "symbol=BTCUSDT&orderListId=1");
    let words = json!({ "code": -2011, "msg": "Unknown order list sent." });
    assert_eq!((late.status, late.json()), (400, words));
    assert_eq!(control(&running, "GET", "truth")["is_balanced"], true);
}

#[test]
fn one_triggers_a_pair_of_which_the_stop_is_done() {
    let running = quiet();
    let trader = Trader::demo(&running, "demo");
    let mut events = events_of(&trader);
    done(&trader, "POST", OTOCO, &format!("{THEN}&{PAIR}"));
    let told = ["1 NEW NEW", "2 NEW PENDING_NEW", "3 NEW PENDING_NEW", "EXEC_STARTED EXECUTING"];
    assert_eq!(shorts(&mut events), told);
    let waiting = done(&trader, "GET", "/api/v3/order", "symbol=BTCUSDT&orderId=2").json();
    assert_eq!((&waiting["status"], &waiting["isWorking"]), (&json!("PENDING_NEW"), &json!(false)));
    trade(&running, "side=SELL&price=60000");
    assert_eq!(shorts(&mut events), ["1 TRADE FILLED", "2 NEW NEW", "3 NEW NEW"]);
    // The market falls to the stop, and the stop finds it a little below.
    running.with(|venue| {
        let exchange = &mut venue.simulation_mut().exchange;
        let symbol = exchange.symbol_id("BTCUSDT").expect("the symbol");
        exchange.market_level(symbol, Side::Buy, 58_500 * ONE, ONE);
        exchange.market_print(symbol, Side::Sell, 59_000 * ONE, ONE);
    });
    let told = ["3 EXPIRED EXPIRED", "2 NEW NEW", "2 TRADE FILLED", "ALL_DONE ALL_DONE"];
    assert_eq!(shorts(&mut events), told);
    assert_eq!(control(&running, "GET", "truth")["is_balanced"], true);
}

#[test]
fn who_cancels_an_order_of_a_list_is_told_of_the_list() {
    let running = quiet();
    let trader = Trader::demo(&running, "demo");
    let mut events = events_of(&trader);
    done(&trader, "POST", OCO, &format!("{SELL}&aboveClientOrderId=profit"));
    let cancel = "symbol=BTCUSDT&origClientOrderId=profit&newClientOrderId=gone";
    let list = done(&trader, "DELETE", "/api/v3/order", cancel).json();
    assert_eq!(
        (&list["listStatusType"], &list["contingencyType"]),
        (&json!("ALL_DONE"), &json!("OCO"))
    );
    let reports = list["orderReports"].as_array().expect("reports");
    assert_eq!(reports.len(), 2);
    assert!(
        reports.iter().all(|one| one["clientOrderId"] == "gone" && one["status"] == "CANCELED")
    );
    let told: [String; 6] = shorts(&mut events);
    assert_eq!(told[3..], ["2 CANCELED CANCELED", "1 CANCELED CANCELED", "ALL_DONE ALL_DONE"]);
}

#[test]
fn an_amended_order_of_a_list_has_a_new_name_in_it() {
    let running = quiet();
    let trader = Trader::demo(&running, "demo");
    let mut events = events_of(&trader);
    done(&trader, "POST", OCO, SELL);
    let amend = "symbol=BTCUSDT&orderId=2&newQty=0.5&newClientOrderId=less";
    let path = "/api/v3/order/amend/keepPriority";
    let amended = done(&trader, "PUT", path, amend).json();
    assert_eq!(amended["listStatus"]["orders"][1]["clientOrderId"], "less");
    let is_update = |json: &Value| json["event"]["l"] == "UPDATED";
    let update: Value = serde_json::from_str(&events.text_where(is_update)).expect("JSON");
    assert_eq!(update["event"]["O"][1]["c"], "less");
    let history = "symbol=BTCUSDT&orderId=2";
    let history = done(&trader, "GET", "/api/v3/order/amendments", history).json();
    let one = &history[0];
    assert_eq!((&one["origQty"], &one["newQty"]), (&json!("1.00000000"), &json!("0.50000000")));
    assert_eq!(
        (&one["newClientOrderId"], &one["executionId"]),
        (&json!("less"), &amended["executionId"])
    );
    let other = done(&trader, "GET", "/api/v3/order", "symbol=BTCUSDT&orderId=1").json();
    assert_eq!(other["origQty"], "0.50000000", "a pair stays of one quantity");
}

#[test]
fn each_wrong_list_has_its_code() {
    let running = quiet();
    let trader = Trader::demo(&running, "demo");
    let with = |path: &str, whole: &str, from: &str, to: &str| {
        assert!(whole.contains(from), "{whole}");
        let answer = trader.call("POST", path, &whole.replace(from, to));
        (answer.code(), answer.json()["msg"].as_str().unwrap_or_default().to_owned())
    };
    let buy = "symbol=BTCUSDT&side=BUY&quantity=1&aboveType=STOP_LOSS&aboveStopPrice=61000\
               &belowType=LIMIT_MAKER&belowPrice=59000";
    let (oto, otoco) = (format!("{THEN}&pendingType=MARKET"), format!("{THEN}&{PAIR}"));
    let relation = "The relationship of the prices for the orders is not correct.";
    for (path, whole, from, to, code, words) in [
        (OCO, SELL, "aboveType=LIMIT_MAKER", "aboveType=LIMIT", -1158, "not supported in OCO"),
        (OCO, SELL, "belowType=STOP_LOSS_LIMIT", "belowType=LIMIT_MAKER", -1168, "contingent"),
        (OCO, SELL, "aboveType=LIMIT_MAKER", "aboveType=STOP_LOSS_LIMIT", -1197, "below"),
        (OCO, SELL, "belowType=STOP_LOSS_LIMIT", "belowType=TAKE_PROFIT_LIMIT", -1199, "above"),
        (OCO, SELL, "side=SELL", "side=BUY", -1165, "below"),
        (OCO, buy, "side=BUY", "side=SELL", -1166, "above"),
        (OCO, buy, "belowType=LIMIT_MAKER", "belowType=STOP_LOSS_LIMIT", -1196, "above"),
        (OCO, buy, "aboveType=STOP_LOSS", "aboveType=TAKE_PROFIT", -1198, "below"),
        (OCO, SELL, "abovePrice=61000", "abovePrice=58000", -2010, relation),
        (OCO, SELL, "&abovePrice=61000", "", -1102, "'abovePrice'"),
        (OCO, SELL, "&belowTimeInForce=GTC", "", -1102, "'belowTimeInForce'"),
        (OCO, SELL, "&belowStopPrice=59000", "", -1102, "'belowTrailingDelta'"),
        (OCO, SELL, "GTC", "IOC&belowIcebergQty=0.5", -1160, "'belowIcebergQty'"),
        (OCO, SELL, "quantity=1", "quantity=1&price=7", -1104, "was sent"),
        (OCO, buy, "quantity=1", "quantity=100", -2010, "insufficient balance"),
        (OCO, SELL, "quantity=1", "quantity=1&aboveStrategyType=7", -1134, "aboveStrategyType"),
        (OTO, &oto, "workingType=LIMIT", "workingType=MARKET", -1130, "'workingType'"),
        (OTO, &oto, "&workingTimeInForce=GTC", "", -1102, "'workingTimeInForce'"),
        (OTO, &oto, "&pendingQuantity=1", "", -1102, "'pendingQuantity'"),
        (OTO, &oto, "pendingType=MARKET", "pendingType=LIMIT", -1102, "'pendingPrice'"),
        (OTO, &oto, "pendingSide=SELL", "pendingSide=HOLD", -1117, "Invalid side."),
        (
            OTOCO,
            &otoco,
            "pendingBelowStopPrice=59000",
            "pendingBelowStopPrice=62000",
            -2010,
            relation,
        ),
        (OTOCO, &otoco, "&pendingBelowType=STOP_LOSS", "", -1102, "'pendingBelowType'"),
    ] {
        let (found, msg) = with(path, whole, from, to);
        assert!(found == code && msg.contains(words), "{from} -> {to}: {found} {msg}");
    }
    let nothing = trader.call("DELETE", "/api/v3/orderList", "symbol=BTCUSDT");
    assert_eq!((nothing.status, nothing.code()), (400, -1102));
    let open = done(&trader, "GET", "/api/v3/openOrders", "").json();
    assert_eq!(open, json!([]), "nothing of it is open");
}

#[test]
fn lists_count_as_many_orders_as_they_have_and_weigh_what_the_venue_says() {
    let running = quiet();
    let trader = Trader::demo(&running, "demo");
    let count = |answer: &Answer| answer.header("x-mbx-order-count-1d").map(str::to_owned);
    assert_eq!(count(&done(&trader, "POST", OCO, SELL)), Some("2".into()));
    assert_eq!(count(&done(&trader, "POST", OTOCO, &format!("{THEN}&{PAIR}"))), Some("5".into()));
    for (path, weight) in
        [("/api/v3/orderList", "4"), ("/api/v3/openOrderList", "6"), ("/api/v3/allOrderList", "20")]
    {
        let running = quiet();
        let answer = Trader::demo(&running, "demo").call("GET", path, "");
        assert_eq!(answer.header("x-mbx-used-weight-1m"), Some(weight), "{path}");
    }
}
