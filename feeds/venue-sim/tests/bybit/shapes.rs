//! What is answered and told, against what was captured and documented of the venue: the same
//! fields with the same kinds of values.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use qt_venue_sim::server::Settings;
use qt_venue_sim::venue::Venue;
use serde_json::{Value, json};

use super::client::{Socket, get, start};
use super::trader::{Trader, quiet, subscribe, told};

/// The line with that number of a file of captures.
fn captured(file: &str, number: usize) -> Value {
    let root = std::env::var("QT_SHARED").map_or_else(
        |_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join(format!("market-data/captures/bybit/{file}.jsonl"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    serde_json::from_str(text.lines().nth(number - 1).expect("a line")).expect("JSON")
}

/// The kind of a value.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "truth",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// All fields with their kinds, those of the first entry of each list. Objects whose names are
/// data (commissions by their asset) count as empty.
fn fields(value: &Value, path: &str, all: &mut BTreeMap<String, &'static str>) {
    all.insert(path.to_owned(), kind(value));
    match value {
        Value::Object(_) if path.ends_with("cumFeeDetail") => {}
        Value::Object(map) => {
            for (name, value) in map {
                fields(value, &format!("{path}.{name}"), all);
            }
        }
        Value::Array(list) => {
            if let Some(first) = list.first() {
                fields(first, &format!("{path}[]"), all);
            }
        }
        _ => {}
    }
}

/// Holds what is real against what was captured. `lacking`: fields that only other products or
/// other times have; `more`: those that the capture is too old for.
#[track_caller]
fn same(capture: (&str, usize), real: &Value, lacking: &[&str], more: &[&str]) {
    let (mut wanted, mut found) = (BTreeMap::new(), BTreeMap::new());
    fields(&captured(capture.0, capture.1), "", &mut wanted);
    fields(real, "", &mut found);
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let missing: Vec<_> = wanted
        .iter()
        .filter(|(path, kind)| found.get(*path) != Some(kind))
        .filter(|(path, _)| !lacking.contains(&last(path).as_str()))
        .collect();
    let extra: Vec<_> = found
        .keys()
        .filter(|path| !wanted.contains_key(*path))
        .filter(|path| !more.contains(&last(path).as_str()))
        .collect();
    assert!(missing.is_empty(), "{capture:?} has, or has otherwise, {missing:?}: {real}");
    assert!(extra.is_empty(), "{capture:?} does not have {extra:?}: {real}");
}

const DOCS: &str = "docs.bybit-v5";
const REST: &str = "nautilus.fixtures.rest";
const OLD: &str = "tardis.mappers.ws";

#[test]
fn answers_about_the_market() {
    for venue in [Venue::BybitSpot, Venue::BybitLinear] {
        let running = start(Settings::new(venue));
        let is_spot = venue == Venue::BybitSpot;
        let category = if is_spot { "spot" } else { "linear" };
        let mut trades = Socket::open(running.addr, &format!("/v5/public/{category}"));
        subscribe(&mut trades, &["publicTrade.BTCUSDT"]);
        trades.text();
        let ask = |path: &str, query: &str| {
            let target = format!("/v5/market/{path}?category={category}&symbol=BTCUSDT{query}");
            let answer = get(running.addr, &target).json();
            assert_eq!(answer["retCode"], 0, "{answer}");
            answer
        };
        same((DOCS, 7), &get(running.addr, "/v5/market/time").json(), &[], &[]);
        same((DOCS, 3), &ask("recent-trade", ""), &[], &[]);
        let candles = ask("kline", "&interval=1");
        same((REST, 7), &candles, &[], &["retExtInfo"]);
        assert_eq!(candles["result"]["list"][0].as_array().map(Vec::len), Some(7));
        same((REST, 8), &ask("orderbook", "&limit=3"), &[], &["retExtInfo"]);
        if is_spot {
            same((DOCS, 6), &ask("tickers", ""), &[], &[]);
            let new = [
                "stTag",
                "riskParameters",
                "priceLimitRatioX",
                "priceLimitRatioY",
                "maxLimitOrderQty",
                "maxMarketOrderQty",
                "postOnlyMaxLimitOrderSize",
                "category",
            ];
            let old = ["xstockMultiplier", "nextPageCursor"];
            same((REST, 6), &ask("instruments-info", ""), &old, &new);
        } else {
            same((DOCS, 4), &ask("tickers", ""), &[], &[]);
            let new = [
                "copyTrading",
                "upperFundingRate",
                "lowerFundingRate",
                "isPreListing",
                "preListingInfo",
                "riskParameters",
                "priceLimitRatioX",
                "priceLimitRatioY",
                "maxMktOrderQty",
            ];
            same((REST, 4), &ask("instruments-info", ""), &[], &new);
        }
    }
}

#[test]
fn frames_of_the_market() {
    for venue in [Venue::BybitSpot, Venue::BybitLinear] {
        let running = start(Settings::new(venue));
        let is_spot = venue == Venue::BybitSpot;
        let path = if is_spot { "/v5/public/spot" } else { "/v5/public/linear" };
        let next = |topic: &str, kind: &str| -> Value {
            let mut socket = Socket::open(running.addr, path);
            let ack = subscribe(&mut socket, &[topic]);
            same((DOCS, 42), &ack, &[], &[]);
            assert_eq!((&ack["req_id"], &ack["ret_msg"]), (&json!("1"), &json!("subscribe")));
            // A change of one side alone says nothing of the other.
            let is_full =
                |json: &Value| ["a", "b"].iter().all(|side| json["data"][*side] != json!([]));
            let text = socket
                .text_where(|json| json["topic"] == topic && json["type"] == kind && is_full(json));
            serde_json::from_str(&text).expect("JSON")
        };
        for (kind, line) in [("snapshot", 1), ("delta", 2)] {
            let frame = next("orderbook.200.BTCUSDT", kind);
            same(("nautilus.ob500.xrpusdt.ws", line), &frame, &[], &[]);
        }
        let best = next("orderbook.1.BTCUSDT", "snapshot");
        same(("nautilus.fixtures.ws", 16), &best, &[], &["cts"]);
        same((DOCS, 24), &next("kline.5.BTCUSDT", "snapshot"), &[], &[]);
        let trades = next("publicTrade.BTCUSDT", "snapshot");
        let new = ["RPI", "seq"];
        if is_spot {
            same((OLD, line_of("\"i\":\"2290000000050703789\"")), &trades, &[], &new);
            same((DOCS, 28), &next("tickers.BTCUSDT", "snapshot"), &[], &[]);
        } else {
            same((OLD, line_of("\"s\":\"LTCUSDT\",\"S\":\"Buy\"")), &trades, &[], &new);
            let ticker = next("tickers.BTCUSDT", "snapshot");
            same((OLD, line_of("tickers.BTCUSDT")), &ticker, &[], &[]);
            // A change names only what has changed.
            let change = next("tickers.BTCUSDT", "delta");
            let had = ticker["data"].as_object().expect("fields");
            let has = change["data"].as_object().expect("fields");
            assert!(has.len() < had.len() && has.keys().all(|name| had.contains_key(name)));
        }
    }
}

/// The first line of the older captures that contains that.
fn line_of(part: &str) -> usize {
    let root = std::env::var("QT_SHARED").map_or_else(
        |_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join(format!("market-data/captures/bybit/{OLD}.jsonl"));
    let text = fs::read_to_string(path).expect("captures");
    1 + text.lines().position(|line| line.contains(part)).expect("such a line")
}

#[test]
fn answers_about_orders() {
    let running = quiet(Venue::BybitLinear);
    let trader = Trader::demo(&running, Venue::BybitLinear, "demo");
    let other = Trader::demo(&running, Venue::BybitLinear, "other");
    let create = json!({
        "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.01",
        "price": "60000", "orderLinkId": "linear-004",
    });
    let created = trader.post("/v5/order/create", create);
    same((DOCS, 10), &created, &[], &[]);
    other.limit("Sell", "0.004", "60000");
    let envelope = |path: &str, query: &str| {
        let query = format!("category=linear&symbol=BTCUSDT{query}");
        trader.send("GET", path, &query).json()
    };
    let orders = envelope("/v5/order/realtime", "");
    assert_eq!(orders["result"]["list"][0]["orderStatus"], "PartiallyFilled", "{orders}");
    same((DOCS, 11), &orders, &[], &[]);
    let new = ["extraFees", "isLeverage", "category"];
    same((REST, 1), &envelope("/v5/execution/list", ""), &[], &new);
    let new = [
        "sessionAvgPrice",
        "positionIMByMp",
        "positionMMByMp",
        "leverageSysUpdatedTime",
        "mmrSysUpdatedTime",
        "seq",
        "isReduceOnly",
        "category",
    ];
    same((REST, 11), &envelope("/v5/position/list", ""), &["openTime"], &new);
    let wallet = trader.send("GET", "/v5/account/wallet-balance", "accountType=UNIFIED").json();
    let new = [
        "accountIMRateByMp",
        "accountMMRateByMp",
        "totalInitialMarginByMp",
        "totalMaintenanceMarginByMp",
        "spotHedgingQty",
    ];
    same((REST, 17), &wallet, &[], &new);
    let cancel = json!({ "symbol": "BTCUSDT", "orderLinkId": "linear-004" });
    same((DOCS, 9), &trader.post("/v5/order/cancel", cancel), &[], &[]);
    let one = |qty: &str| {
        json!({ "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": qty,
                "price": "60000", "orderLinkId": format!("batch-{qty}") })
    };
    let batch = json!({ "request": [one("0.01"), one("0.02")] });
    same((DOCS, 8), &trader.post("/v5/order/create-batch", batch), &[], &[]);
}

#[test]
fn what_an_account_is_told() {
    let running = quiet(Venue::BybitLinear);
    let trader = Trader::demo(&running, Venue::BybitLinear, "demo");
    let other = Trader::demo(&running, Venue::BybitLinear, "other");
    let topics = ["order", "execution", "execution.fast", "position", "wallet"];
    let mut socket = trader.listening(&topics);
    trader.limit("Buy", "0.01", "60000");
    other.limit("Sell", "0.01", "60000");
    let mut seen: BTreeMap<String, Value> = BTreeMap::new();
    while seen.len() < topics.len() {
        let message = socket.json();
        let topic = message["topic"].as_str().expect("a topic").to_owned();
        seen.insert(topic, message);
    }
    let new = ["isLeverage", "createType"];
    same((DOCS, 17), &seen["order"], &[], &new);
    same((DOCS, 15), &seen["execution.fast"], &[], &[]);
    same(("nautilus.fixtures.ws", 9), &seen["position"], &[], &[]);
    same((DOCS, 21), &seen["wallet"], &[], &[]);
    // No execution was captured as it is streamed: it is the one that is asked for.
    let (mut told_fields, mut asked) = (BTreeMap::new(), BTreeMap::new());
    fields(&seen["execution"]["data"][0], "", &mut told_fields);
    fields(&captured(REST, 1)["result"]["list"][0], "", &mut asked);
    let missing: Vec<_> = asked.keys().filter(|name| !told_fields.contains_key(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let mut names: Vec<_> =
        seen["execution"].as_object().expect("fields").keys().cloned().collect();
    names.sort();
    assert_eq!(names, ["creationTime", "data", "id", "topic"]);
    trader.limit("Buy", "0.01", "59999");
    assert_eq!(told(&mut socket, "order")["orderStatus"], "New");
}

#[test]
fn answers_on_the_connections() {
    let running = quiet(Venue::BybitLinear);
    let trader = Trader::demo(&running, Venue::BybitLinear, "demo");
    let mut public = Socket::open(running.addr, "/v5/public/linear");
    public.send("{\"req_id\":\"100001\",\"op\":\"ping\"}");
    let pong = public.json();
    assert_eq!((&pong["success"], &pong["ret_msg"]), (&json!(true), &json!("pong")));
    assert_eq!((&pong["op"], &pong["req_id"]), (&json!("ping"), &json!("100001")));
    let mut private = Socket::open(running.addr, "/v5/private");
    private.send("{\"req_id\":\"test\",\"op\":\"ping\"}");
    same((DOCS, 38), &private.json(), &[], &[]);
    let until = super::client::now_ms() + 5_000;
    same((DOCS, 36), &trader.log_on(&mut private, until), &[], &[]);
    private.send("{\"op\":\"subscribe\",\"args\":[\"order\"]}");
    same((DOCS, 41), &private.json(), &[], &[]);
    let mut orders = Socket::open(running.addr, "/v5/trade");
    let answer = trader.log_on(&mut orders, until);
    let names: Vec<_> = answer.as_object().expect("fields").keys().cloned().collect();
    assert_eq!(names, ["connId", "op", "retCode", "retMsg"], "{answer}");
    orders.send("{\"op\":\"ping\"}");
    same((DOCS, 34), &orders.json(), &[], &[]);
    let request = json!({
        "reqId": "test-005", "op": "order.create",
        "header": { "X-BAPI-TIMESTAMP": super::client::now_ms().to_string() },
        "args": [{ "category": "linear", "symbol": "BTCUSDT", "side": "Buy",
                   "orderType": "Limit", "qty": "0.2", "price": "60000" }],
    });
    orders.send(&request.to_string());
    same((DOCS, 32), &orders.json(), &[], &[]);
}
