//! USD-M futures over real sockets: streams by their path, orders and positions, what accounts are
//! told, keys that open a socket, the timer that cancels all.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use qt_venue_sim::server::{MarketSettings, Running, Settings};
use qt_venue_sim::venue::Venue;
use serde_json::{Value, json};

use super::client::{PATIENCE, Socket, Trader, exchange_bytes, get, start};

fn futures(market: MarketSettings) -> Running {
    let mut settings = Settings::new(Venue::BinanceUsdm);
    settings.market = market;
    start(settings)
}

fn quiet() -> Running {
    futures(MarketSettings::None)
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// A request with the key and nothing else.
fn with_key(trader: &Trader, verb: &str, target: &str) -> Value {
    let request = format!(
        "{verb} {target} HTTP/1.1\r\nhost: sim\r\nx-mbx-apikey: {}\r\nconnection: close\r\n\r\n",
        trader.api_key
    );
    exchange_bytes(trader.addr, request.as_bytes()).json()
}

/// A socket that hears what happens to an account, and its key.
pub fn listening(trader: &Trader) -> (Socket, String) {
    let key = with_key(trader, "POST", "/fapi/v1/listenKey")["listenKey"].clone();
    let key = key.as_str().expect("a key").to_owned();
    (Socket::open(trader.addr, &format!("/private/ws?listenKey={key}")), key)
}

pub fn order(trader: &Trader, query: &str) -> Value {
    trader.call("POST", "/fapi/v1/order", &format!("symbol=BTCUSDT&{query}")).json()
}

fn position(trader: &Trader) -> Value {
    trader.call("GET", "/fapi/v3/positionRisk", "symbol=BTCUSDT").json()[0].clone()
}

fn wallet(trader: &Trader) -> String {
    let all = trader.call("GET", "/fapi/v3/balance", "").json();
    all[0]["balance"].as_str().expect("text").to_owned()
}

#[test]
fn what_is_asked_for_at_the_wrong_path_is_acknowledged_and_silent() {
    let running = futures(MarketSettings::Seeded { updates_per_s: 100 });
    let wanted = r#"{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms","btcusdt@bookTicker",
        "btcusdt@markPrice@1s","btcusdt@aggTrade"],"id":1}"#;
    let heard = |path: &str, count: usize| {
        let mut socket = Socket::open(running.addr, path);
        socket.send(wanted);
        assert_eq!(parsed(&socket.text()), json!({ "result": null, "id": 1 }), "{path}");
        let mut kinds: Vec<String> = Vec::new();
        while kinds.len() < count {
            let kind = parsed(&socket.text())["e"].as_str().expect("a kind").to_owned();
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds.sort();
        kinds
    };
    assert_eq!(heard("/public/ws", 2), ["bookTicker", "depthUpdate"]);
    assert_eq!(heard("/market/ws", 2), ["aggTrade", "markPriceUpdate"]);
    assert_eq!(heard("/ws", 4), ["aggTrade", "bookTicker", "depthUpdate", "markPriceUpdate"]);
    // Whatever comes over the path of marks, no book does.
    let mut marks = Socket::open(running.addr, "/market/stream?streams=btcusdt@depth@100ms/x@y");
    marks.send(r#"{"method":"SUBSCRIBE","params":["!markPrice@arr@1s"],"id":7}"#);
    for _ in 0..3 {
        let told = parsed(&marks.text());
        assert!(told["id"] == 7 || told["stream"] == "!markPrice@arr@1s", "{told}");
    }
}

#[test]
fn changes_of_a_book_name_the_one_before_and_meet_the_snapshot() {
    let running = futures(MarketSettings::Seeded { updates_per_s: 100 });
    let mut socket = Socket::open(running.addr, "/public/ws/btcusdt@depth@100ms");
    let first = parsed(&socket.text());
    let snapshot = get(running.addr, "/fapi/v1/depth?symbol=BTCUSDT&limit=1000");
    assert_eq!(snapshot.header("x-mbx-used-weight-1m"), Some("20"));
    let snapshot = snapshot.json();
    let id = |value: &Value| value.as_u64().expect("an id");
    let last = id(&snapshot["lastUpdateId"]);
    assert!(snapshot["E"].is_i64() && snapshot["T"].is_i64() && last >= id(&first["u"]));
    let mut before = first;
    for _ in 0..5 {
        let change = parsed(&socket.text());
        assert_eq!(change["pu"], before["u"], "each names the one before");
        assert!(id(&change["U"]) <= id(&change["u"]) && change["T"].is_i64());
        before = change;
    }
    let info = get(running.addr, "/fapi/v1/exchangeInfo").json();
    assert_eq!(info["symbols"][0]["contractType"], "PERPETUAL");
    assert_eq!(info["rateLimits"][0]["limit"], 2_400);
    let kinds: Vec<_> = info["symbols"][0]["filters"].as_array().expect("a list").iter().collect();
    let of = |kind: &str| kinds.iter().find(|it| it["filterType"] == kind).expect("a filter");
    assert_eq!(
        (&of("PRICE_FILTER")["tickSize"], &of("LOT_SIZE")["stepSize"]),
        (&json!("0.10"), &json!("0.001"))
    );
    assert_eq!(of("MIN_NOTIONAL")["notional"], "50.00000000");
    assert_eq!(get(running.addr, "/api/v3/time").status, 404, "it is another market");
    let mark = get(running.addr, "/fapi/v1/premiumIndex?symbol=BTCUSDT").json();
    assert_eq!(mark["lastFundingRate"], "0.00010000");
}

#[test]
fn a_position_is_opened_told_funded_and_closed() {
    let running = quiet();
    let (maker, taker) = (Trader::demo(&running, "demo"), Trader::demo(&running, "other"));
    let (mut events, _) = listening(&taker);
    let resting = order(&maker, "side=SELL&type=LIMIT&timeInForce=GTX&quantity=0.5&price=60000");
    assert_eq!((&resting["status"], &resting["timeInForce"]), (&json!("NEW"), &json!("GTX")));
    let query = "side=BUY&type=MARKET&quantity=0.2&newClientOrderId=in&newOrderRespType=RESULT";
    let bought = order(&taker, query);
    assert_eq!(
        (&bought["status"], &bought["avgPrice"]),
        (&json!("FILLED"), &json!("60000.00000000"))
    );
    let is = |kind: &'static str| move |json: &Value| json["e"] == kind;
    let traded = |json: &Value| json["e"] == "ORDER_TRADE_UPDATE" && json["o"]["x"] == "TRADE";
    let fill = parsed(&events.text_where(traded))["o"].clone();
    assert_eq!(
        (&fill["c"], &fill["l"], &fill["L"]),
        (&json!("in"), &json!("0.200"), &json!("60000.00"))
    );
    assert_eq!((&fill["n"], &fill["N"]), (&json!("6.00000000"), &json!("USDT")));
    let update = parsed(&events.text_where(is("ACCOUNT_UPDATE")))["a"].clone();
    assert_eq!((&update["m"], &update["B"][0]["wb"]), (&json!("ORDER"), &json!("999994.00000000")));
    assert_eq!(
        (&update["P"][0]["pa"], &update["P"][0]["ep"]),
        (&json!("0.200"), &json!("60000.00000000"))
    );
    let held = position(&taker);
    assert_eq!((&held["positionAmt"], &held["leverage"]), (&json!("0.200"), &json!("20")));
    assert_eq!(position(&maker)["positionAmt"], "-0.200");
    // Funding: who is long pays.
    let funding = "POST /sim/funding?symbol=BTCUSDT&rate=0.001 HTTP/1.1\r\nhost: sim\r\n\
                   connection: close\r\n\r\n";
    assert_eq!(exchange_bytes(running.addr, funding.as_bytes()).status, 200);
    let update = parsed(&events.text_where(|it| it["a"]["m"] == "FUNDING_FEE"))["a"].clone();
    assert_eq!(update["B"][0]["bc"], "-12.00000000");
    assert_eq!(wallet(&taker), "999982.00000000");
    let income = taker.call("GET", "/fapi/v1/income", "incomeType=FUNDING_FEE").json();
    assert_eq!(income[0]["income"], "-12.00000000");
    // Closed ten higher, with an order that only reduces.
    order(&maker, "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.2&price=60010");
    let closed = order(
        &taker,
        "side=SELL&type=LIMIT&timeInForce=IOC&quantity=0.2&price=60010\
        &reduceOnly=true&newOrderRespType=RESULT",
    );
    assert_eq!((&closed["status"], &closed["reduceOnly"]), (&json!("FILLED"), &json!(true)));
    let fill = parsed(&events.text_where(traded))["o"].clone();
    assert_eq!((&fill["rp"], &fill["R"]), (&json!("2.00000000"), &json!(true)));
    assert_eq!(position(&taker), Value::Null, "nothing is left to tell of");
    let trades = taker.call("GET", "/fapi/v1/userTrades", "symbol=BTCUSDT").json();
    assert_eq!(
        (trades.as_array().map(Vec::len), &trades[1]["realizedPnl"]),
        (Some(2), &json!("2.00000000"))
    );
    // What we believe is what the exchange knows.
    let belief = json!({ "account": "other", "open_orders": [], "positions": {},
        "balances": [{ "asset": "USDT", "free": wallet(&taker) }] })
    .to_string();
    let compare = format!(
        "POST /sim/compare HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n\
        content-length: {}\r\n\r\n{belief}",
        belief.len()
    );
    assert_eq!(
        exchange_bytes(running.addr, compare.as_bytes()).json(),
        json!({ "differences": [] })
    );
}

#[test]
fn orders_are_changed_refused_and_cancelled_in_the_words_of_futures() {
    let running = quiet();
    let (maker, taker) = (Trader::demo(&running, "demo"), Trader::demo(&running, "other"));
    let rests = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=60000&newClientOrderId=a";
    assert_eq!(order(&maker, rests)["status"], "NEW");
    for (query, code) in [
        (rests, -4116),
        ("side=SELL&type=LIMIT&timeInForce=GTX&quantity=0.01&price=60000", -5022),
        ("side=SELL&type=LIMIT&timeInForce=FOK&quantity=0.02&price=60000", -5021),
        ("side=SELL&type=STOP_MARKET&stopPrice=59000&quantity=0.01", -4120),
        ("side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.01&price=60000.05", -4014),
        ("side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.00001&price=60000", -1111),
        ("side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.0001&price=60000", -1111),
        ("side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=40000", -4164),
        ("side=BUY&type=LIMIT&timeInForce=GTC&quantity=1000&price=60000", -2019),
        ("side=SELL&type=MARKET&quantity=0.01&reduceOnly=true", -2022),
        ("side=SELL&type=MARKET&quantity=0.01&positionSide=LONG", -4061),
        ("side=SELL&type=MARKET&quantity=0.01&wrong=1", -1104),
    ] {
        assert_eq!(order(&maker, query)["code"], code, "{query}");
    }
    let mut api = Socket::open(running.addr, "/ws-fapi/v1");
    let modify = json!({ "symbol": "BTCUSDT", "origClientOrderId": "a", "side": "BUY",
        "quantity": "0.02", "price": "60001" });
    let modified = api.call("order.modify", &maker.params(modify));
    assert_eq!(
        (&modified["status"], &modified["result"]["price"]),
        (&json!(200), &json!("60001.00"))
    );
    let placed = api.call(
        "order.place",
        &taker.params(json!({ "symbol": "BTCUSDT", "side": "SELL",
        "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "60001" })),
    );
    assert_eq!(placed["result"]["status"], "NEW", "an answer tells that it was taken");
    let asked = maker.call("GET", "/fapi/v1/order", "symbol=BTCUSDT&origClientOrderId=a");
    let answer = asked.json();
    assert_eq!(
        (&answer["executedQty"], &answer["status"]),
        (&json!("0.010"), &json!("PARTIALLY_FILLED"))
    );
    let cancelled = maker.call("DELETE", "/fapi/v1/order", "symbol=BTCUSDT&origClientOrderId=a");
    assert_eq!(cancelled.json()["status"], "CANCELED");
    let again = maker.call("DELETE", "/fapi/v1/order", "symbol=BTCUSDT&origClientOrderId=a");
    assert_eq!(again.code(), -2011);
    let leverage = maker.call("POST", "/fapi/v1/leverage", "symbol=BTCUSDT&leverage=50").json();
    assert_eq!(leverage["leverage"], 50);
    let crossed = maker.call("POST", "/fapi/v1/marginType", "symbol=BTCUSDT&marginType=CROSSED");
    assert_eq!(crossed.code(), -4046);
}

#[test]
fn keys_open_sockets_and_end_and_the_timer_cancels_all() {
    let running = quiet();
    let trader = Trader::demo(&running, "demo");
    let (mut events, key) = listening(&trader);
    assert_eq!(with_key(&trader, "POST", "/fapi/v1/listenKey")["listenKey"], key, "one a time");
    assert_eq!(with_key(&trader, "PUT", "/fapi/v1/listenKey")["listenKey"], key);
    for price in [59_000, 59_500] {
        order(&trader, &format!("side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price={price}"));
    }
    let timer = "symbol=BTCUSDT&countdownTime=300";
    let set = trader.call("POST", "/fapi/v1/countdownCancelAll", timer).json();
    assert_eq!(set["countdownTime"], "300");
    for _ in 0..2 {
        let ended = |json: &Value| json["o"]["x"] == "CANCELED";
        assert_eq!(parsed(&events.text_where(ended))["o"]["X"], "CANCELED");
    }
    assert_eq!(trader.call("GET", "/fapi/v1/openOrders", "").json(), json!([]));
    // The key ends: it is told, and the socket says no more.
    let plan = "[[fault]]\nwhat = \"session-expired\"\nconnection = \"streams\"\n";
    let request = format!(
        "POST /sim/faults HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n\
        content-length: {}\r\n\r\n{plan}",
        plan.len()
    );
    let set = exchange_bytes(running.addr, request.as_bytes());
    assert_eq!(set.status, 200, "{}", set.body);
    let ended = parsed(&events.text_where(|json| json["e"] == "listenKeyExpired"));
    assert_eq!(ended["listenKey"], key);
    let begun = Instant::now();
    while with_key(&trader, "PUT", "/fapi/v1/listenKey")["code"] != -1125 {
        assert!(begun.elapsed() < PATIENCE, "the key is over");
    }
    let renewed = with_key(&trader, "POST", "/fapi/v1/listenKey")["listenKey"].clone();
    assert_ne!(renewed, json!(key));
    let (none, wrong) = (get(running.addr, "/fapi/v1/listenKey"), "k".repeat(64));
    assert!(none.status >= 400);
    let stranger = Trader { api_key: wrong, ..trader.clone() };
    assert_eq!(with_key(&stranger, "POST", "/fapi/v1/listenKey")["code"], -2015);
}

/// What another adapter keeps as examples; nothing where they are not.
fn examples(file: &str) -> Option<Vec<Value>> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let root = std::env::var_os("QT_SHARED").map_or(beside, PathBuf::from);
    let path = root.join(format!("market-data/captures/binance-usdm/nautilus.fixtures.{file}"));
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: no reference material at {} (set QT_SHARED)", path.display());
        return None;
    };
    Some(text.lines().map(parsed).collect())
}

/// Every field of the example is there with a value of the same kind; lists by their first one.
fn has_fields(example: &Value, real: &Value, of: &str) {
    match (example, real) {
        (Value::Object(example), Value::Object(real)) => {
            for (name, value) in example {
                let found = real.get(name).unwrap_or_else(|| panic!("{of}: no {name} in {real:?}"));
                has_fields(value, found, &format!("{of}.{name}"));
            }
        }
        (Value::Array(example), Value::Array(real)) => {
            if let (Some(example), Some(real)) = (example.first(), real.first()) {
                has_fields(example, real, &format!("{of}[0]"));
            }
        }
        (example, real) => {
            let same = std::mem::discriminant(example) == std::mem::discriminant(real);
            assert!(same, "{of}: {example} and {real}");
        }
    }
}

#[test]
fn answers_and_events_have_the_fields_of_examples() {
    let Some(mut events) = examples("ws.jsonl") else { return };
    let Some(answers) = examples("rest.jsonl") else { return };
    let running = quiet();
    let (maker, taker) = (Trader::demo(&running, "demo"), Trader::demo(&running, "other"));
    let (mut heard, _) = listening(&taker);
    order(&maker, "side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.5&price=60000");
    order(&taker, "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.2&price=60000");
    let is = |json: &Value, kind: &str| json["e"] == kind;
    for kind in ["NEW", "TRADE"] {
        let told = |json: &Value| is(json, "ORDER_TRADE_UPDATE") && json["o"]["x"] == kind;
        let real = parsed(&heard.text_where(told));
        let example = events.iter_mut().find(|json| told(json)).expect("an example");
        for only_trailing in ["AP", "cr"] {
            example["o"].as_object_mut().expect("an order").remove(only_trailing);
        }
        if kind == "NEW" {
            // Here they are told with a trade alone.
            for of_trades in ["N", "n"] {
                example["o"].as_object_mut().expect("an order").remove(of_trades);
            }
        }
        has_fields(example, &real, kind);
    }
    let real = parsed(&heard.text_where(|json| is(json, "ACCOUNT_UPDATE")));
    let example = events.iter().find(|json| is(json, "ACCOUNT_UPDATE")).expect("an example");
    has_fields(example, &real, "ACCOUNT_UPDATE");
    let balance = taker.call("GET", "/fapi/v2/balance", "").json();
    has_fields(&answers[1], &balance, "balance");
    let account = taker.call("GET", "/fapi/v3/account", "").json();
    has_fields(&answers[0]["assets"], &account["assets"], "assets");
}
