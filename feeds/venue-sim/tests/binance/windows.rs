//! Figures of spans of time and of trading days.

use qt_venue_sim::exchange::{Exchange, Nanos, Side, SymbolId};
use serde_json::{Value, json};

use super::client::{Socket, get, quiet, server};

/// One whole unit of anything.
const ONE: i64 = 100_000_000;
const MINUTE_NS: Nanos = 60_000_000_000;

/// Those figures as they are told.
fn texts<const N: usize>(figures: &Value, names: [&str; N]) -> [String; N] {
    names.map(|name| figures[name].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_span_has_what_was_traded_in_it_and_nothing_else() {
    let running = quiet();
    running.with(|venue| {
        let exchange: &mut Exchange = &mut venue.simulation_mut().exchange;
        let symbol: SymbolId = exchange.symbol_id("BTCUSDT").expect("the symbol");
        exchange.market_print(symbol, Side::Buy, 60_000 * ONE, 2 * ONE);
        exchange.market_print(symbol, Side::Sell, 59_000 * ONE, ONE);
        exchange.market_print(symbol, Side::Buy, 60_600 * ONE, ONE);
    });
    let span = get(running.addr, "/api/v3/ticker?symbol=BTCUSDT&windowSize=1h").json();
    let names = ["openPrice", "highPrice", "lowPrice", "lastPrice", "priceChange", "volume"];
    let wanted = ["60000", "60600", "59000", "60600", "600", "4"].map(|n| format!("{n}.00000000"));
    assert_eq!(texts(&span, names), wanted);
    assert_eq!((&span["priceChangePercent"], &span["count"]), (&json!("1.000"), &json!(3)));
    assert_eq!(span["quoteVolume"], "239600.00000000");
    let (begin, end) = (span["openTime"].as_i64(), span["closeTime"].as_i64());
    let (begin, end) = (begin.expect("a time"), end.expect("a time"));
    assert_eq!(begin % 60_000, 0, "it begins with a minute");
    assert!((3_600_000..3_660_000).contains(&(end - begin)), "{begin} {end}");
    // Two minutes later it is out of a minute's span and in that of an hour.
    let figures = running.with(|venue| {
        let exchange = &mut venue.simulation_mut().exchange;
        let symbol = exchange.symbol_id("BTCUSDT").expect("the symbol");
        let mut later = exchange.clone();
        later.set_time(exchange.now_ns() + 2 * MINUTE_NS);
        [later.window(symbol, MINUTE_NS), later.window(symbol, 60 * MINUTE_NS)]
    });
    assert_eq!(
        figures.map(|figures| (figures.trades, figures.last)),
        [(0, 60_600 * ONE), (3, 60_600 * ONE)]
    );
}

#[test]
fn a_trading_day_begins_at_midnight_of_its_zone() {
    let running = server();
    Socket::open(running.addr, "/ws/btcusdt@trade").text();
    for (zone, hours) in [("0", 0), ("8", 8), ("-3:30", -3)] {
        let target = format!("/api/v3/ticker/tradingDay?symbol=BTCUSDT&timeZone={zone}");
        let day = get(running.addr, &target).json();
        let begin = day["openTime"].as_i64().expect("a time");
        let minutes = hours * 60 - if zone.ends_with(":30") { 30 } else { 0 };
        assert_eq!((begin + minutes * 60_000).rem_euclid(86_400_000), 0, "{zone}: {day}");
        assert_eq!(day["closeTime"], begin + 86_399_999);
    }
}

#[test]
fn wrong_spans_have_their_codes_and_each_symbol_its_weight() {
    let running = server();
    let code = |target: &str| get(running.addr, target).code();
    assert_eq!(code("/api/v3/ticker"), -1102);
    assert_eq!(code("/api/v3/ticker/tradingDay"), -1102);
    assert_eq!(code("/api/v3/ticker?symbol=BTCUSDT&windowSize=60m"), -1130);
    assert_eq!(code("/api/v3/ticker?symbol=BTCUSDT&type=HUGE"), -1139);
    assert_eq!(code("/api/v3/ticker?symbol=NOPE"), -1121);
    assert_eq!(code("/api/v3/ticker/tradingDay?symbol=BTCUSDT&timeZone=15"), -1130);
    let running = server();
    let both = "/api/v3/ticker?symbols=%5B%22BTCUSDT%22,%22ETHUSDT%22%5D";
    assert_eq!(get(running.addr, both).header("x-mbx-used-weight-1m"), Some("8"));
}

#[test]
fn all_symbols_that_were_traded_come_in_one_frame() {
    let running = server();
    let mut socket = Socket::open(running.addr, "/stream?streams=!ticker_1h@arr");
    let frame = socket.json();
    assert_eq!(frame["stream"], "!ticker_1h@arr");
    let all = frame["data"].as_array().expect("a list");
    assert!(!all.is_empty() && all.iter().all(|one| one["e"] == "1hTicker"), "{frame}");
}
