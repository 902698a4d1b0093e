//! What sockets are told besides books: trades, candles, balances, signs of life.

use std::time::Instant;

use qt_codec::venue::Venue as Speaker;
use qt_codec::{Decoder, Frame, Mode};
use serde_json::{Value, json};

use super::client::{Socket, Trader, control, other, quiet, server};

#[test]
fn who_is_told_nothing_is_told_so_each_second() {
    let running = quiet();
    let params = json!({"channel": "trade", "symbol": ["BTC/USD"]});
    let mut socket = Socket::listen(running.addr, &params);
    socket.text_where(|json| json["channel"] == "heartbeat");
    let begun = Instant::now();
    let text = socket.text();
    assert_eq!(text, "{\"channel\":\"heartbeat\"}");
    assert!(begun.elapsed().as_millis() >= 900, "{:?}", begun.elapsed());
}

#[test]
fn trades_are_all_told_once_and_in_their_order() {
    let running = server();
    let params = json!({"channel": "trade", "symbol": ["BTC/USD"]});
    let mut socket = Socket::listen(running.addr, &params);
    let mut decoder = Decoder::new(Speaker::Kraken, Mode::Strict);
    let snapshot = socket.of("trade", "snapshot");
    let all = snapshot["data"].as_array().expect("trades");
    let mut last = all.last().and_then(|trade| trade["trade_id"].as_u64()).unwrap_or(0);
    let mut count = 0;
    while count < 30 {
        let text = socket.text();
        decoder.decode(&Frame::new(text.as_bytes()), &mut Vec::new()).expect("a frame");
        let json: Value = serde_json::from_str(&text).expect("JSON");
        for trade in json["data"].as_array().into_iter().flatten() {
            let id = trade["trade_id"].as_u64().expect("an id");
            assert_eq!(id, last + 1);
            (last, count) = (id, count + 1);
        }
    }
    assert_eq!(decoder.facts().trades, count);
}

#[test]
fn candles_and_tickers_are_of_what_was_traded() {
    let running = quiet();
    other(&running, "sell", "2", "40000");
    let mut socket = Socket::listen(
        running.addr,
        &json!({"channel": "ticker", "symbol": ["BTC/USD"], "event_trigger": "bbo"}),
    );
    socket.of("ticker", "snapshot");
    socket.say(
        "subscribe",
        &json!({"channel": "ohlc", "symbol": ["BTC/USD"], "interval": 5}),
        None,
    );
    socket.of("ohlc", "snapshot");
    let trader = Trader::demo(&running);
    trader.place("pair=XBTUSD&type=buy&ordertype=market&volume=0.5");
    // The ask has become smaller.
    let ticker = socket.of("ticker", "update");
    assert_eq!(ticker["data"][0]["ask_qty"].to_string(), "1.5");
    let candle = socket.of("ohlc", "update");
    let last = candle["data"].as_array().and_then(|all| all.last()).expect("a candle");
    assert_eq!((last["volume"].to_string(), last["trades"].clone()), ("0.5".to_owned(), json!(1)));
    assert_eq!((&last["interval"], last["vwap"].to_string()), (&json!(5), "40000.0".to_owned()));
}

#[test]
fn balances_are_told_when_something_comes_or_goes() {
    let running = quiet();
    let trader = Trader::demo(&running);
    let mut mine = trader.socket();
    let ack = mine.call("subscribe", &json!({"channel": "balances"}));
    assert_eq!(ack["result"], json!({"channel": "balances", "snapshot": true}));
    let snapshot = mine.socket.of("balances", "snapshot");
    let assets: Vec<&str> = snapshot["data"]
        .as_array()
        .expect("assets")
        .iter()
        .map(|one| one["asset"].as_str().expect("a name"))
        .collect();
    assert_eq!(assets, ["BTC", "USD", "ETH"]);
    // An order holds something, and nothing has gone.
    trader.place("pair=XBTUSD&type=buy&ordertype=limit&volume=1&price=30000");
    control(&running, "POST", "transfer?account=demo&asset=USD&amount=-250", "");
    let line = mine.socket.of("balances", "update");
    let entry = &line["data"][0];
    assert_eq!((&entry["type"], &entry["asset"]), (&json!("withdrawal"), &json!("USD")));
    assert_eq!(entry["amount"].to_string(), "-250.0");
    assert_eq!(
        (entry["balance"].to_string(), &line["sequence"]),
        ("999750.0".to_owned(), &json!(2))
    );
    other(&running, "sell", "1", "30000");
    let mut told = Vec::new();
    for _ in 0..2 {
        let line = mine.socket.of("balances", "update");
        told.push(line["data"][0]["asset"].as_str().expect("a name").to_owned());
    }
    told.sort();
    assert_eq!(told, ["BTC", "USD"]);
}

#[test]
fn a_snapshot_has_what_is_open_and_what_was_done() {
    let running = quiet();
    let trader = Trader::demo(&running);
    other(&running, "sell", "1", "40000");
    trader.place("pair=XBTUSD&type=buy&ordertype=market&volume=0.1");
    trader.place("pair=XBTUSD&type=buy&ordertype=limit&volume=1&price=30000&oflags=post");
    let kinds = |snapshot: &Value| -> Vec<String> {
        let all = snapshot["data"].as_array().expect("entries").iter();
        all.map(|one| one["exec_type"].as_str().expect("a type").to_owned()).collect()
    };
    assert_eq!(kinds(&trader.socket().executions(&json!({"snap_trades": true}))), ["new", "trade"]);
    let open = trader.socket().executions(&json!({}));
    assert_eq!(kinds(&open), ["new"]);
    let order = &open["data"][0];
    assert_eq!((&order["post_only"], &order["order_status"]), (&json!(true), &json!("new")));
    let none = trader.socket().executions(&json!({"snap_orders": false}));
    assert_eq!(kinds(&none), Vec::<String>::new());
    // Who wants no steps in between is told begin and end.
    let mut short = trader.socket();
    short.executions(&json!({"order_status": false}));
    trader.place("pair=XBTUSD&type=buy&ordertype=market&volume=0.1");
    assert_eq!(short.kinds(2), ["new", "filled"]);
}
