//! The public streams: books that can be put together, trades, and who asks for what.

use std::collections::BTreeMap;

use qt_codec::venue::Venue as Wire;
use qt_codec::{Decoder, Frame, Mode, Number, Update};
use qt_types::{Side, TickKind};
use qt_venue_sim::exchange::units::parse_units;
use qt_venue_sim::server::{Running, Settings};
use qt_venue_sim::venue::Venue;
use serde_json::{Value, json};

use super::client::{Socket, control, get, start};
use super::trader::{quiet, subscribe};

const SPOT: Venue = Venue::BybitSpot;
const LINEAR: Venue = Venue::BybitLinear;

fn path(venue: Venue) -> &'static str {
    if venue == SPOT { "/v5/public/spot" } else { "/v5/public/linear" }
}

/// A book out of what a decoder says, in units of 10^-8.
#[derive(Default)]
pub struct Book {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
}

impl Book {
    pub fn apply(&mut self, update: &Update) {
        let side = match update.side {
            Some(Side::Buy) => &mut self.bids,
            Some(Side::Sell) => &mut self.asks,
            None => return,
        };
        let units = |number: Number| number.scaled(8).expect("eight decimals are enough");
        match update.kind {
            TickKind::Clear => side.clear(),
            TickKind::Level if update.qty == Number::ZERO => {
                side.remove(&units(update.price));
            }
            TickKind::Level => {
                side.insert(units(update.price), units(update.qty));
            }
            _ => {}
        }
    }

    /// Prices and quantities of both sides, the best first.
    fn levels(&self, depth: usize) -> [Vec<(i64, i64)>; 2] {
        let both = |(price, qty): (&i64, &i64)| (*price, *qty);
        [
            self.bids.iter().rev().take(depth).map(both).collect(),
            self.asks.iter().take(depth).map(both).collect(),
        ]
    }
}

/// The book of the exchange itself, in units of 10^-8.
fn truth(running: &Running, depth: usize) -> [Vec<(i64, i64)>; 2] {
    running.with(|venue| {
        let exchange = &venue.simulation().exchange;
        let id = exchange.symbol_id("BTCUSDT").expect("a symbol");
        let spec = exchange.symbol(id).expect("a symbol");
        let base = exchange.asset(spec.base).expect("an asset").decimals;
        let (price, qty) = (spec.price_decimals, base);
        let up = |units: i64, decimals: u8| units * 10_i64.pow(u32::from(8 - decimals));
        let book = exchange.depth(id, depth);
        let side = |levels: &[(i64, i64)]| -> Vec<(i64, i64)> {
            levels.iter().map(|(p, q)| (up(*p, price), up(*q, qty))).collect()
        };
        [side(&book.bids), side(&book.asks)]
    })
}

/// Reads until the book is the exchange's, which stands still.
pub fn catches_up(
    running: &Running,
    socket: &mut Socket,
    decoder: &mut Decoder,
    book: &mut Book,
    depth: usize,
) {
    let mut out = Vec::new();
    while book.levels(depth) != truth(running, depth) {
        let text = socket.text();
        out.clear();
        decoder.decode(&Frame::new(text.as_bytes()), &mut out).expect("a frame");
        out.iter().for_each(|update| book.apply(update));
    }
}

/// Reads some frames of a book that moves, then until it is the exchange's; how many changes.
fn converges(running: &Running, socket: &mut Socket, depth: usize) -> u64 {
    let mut decoder = Decoder::new(Wire::Bybit, Mode::Strict);
    let (mut book, mut out) = (Book::default(), Vec::new());
    for _ in 0..20 {
        let text = socket.text();
        out.clear();
        decoder.decode(&Frame::new(text.as_bytes()), &mut out).expect("a frame");
        out.iter().for_each(|update| book.apply(update));
    }
    control(running, "POST", "market?moves=no");
    catches_up(running, socket, &mut decoder, &mut book, depth);
    assert_eq!(decoder.facts().gaps, 0);
    decoder.facts().applied
}

#[test]
fn a_book_put_together_is_the_book_of_the_exchange() {
    for venue in [SPOT, LINEAR] {
        for depth in [50, 200, 1000] {
            let running = start(Settings::new(venue));
            let mut socket = Socket::open(running.addr, path(venue));
            let topic = format!("orderbook.{depth}.BTCUSDT");
            // A second listener does not disturb the numbers of the first.
            let mut other = Socket::open(running.addr, path(venue));
            subscribe(&mut other, &[&topic]);
            subscribe(&mut socket, &[&topic]);
            assert!(converges(&running, &mut socket, depth) > 10, "{venue:?} {depth}");
        }
    }
}

#[test]
fn numbers_of_a_depth_are_contiguous_and_the_sequence_grows() {
    let running = start(Settings::new(LINEAR));
    let mut socket = Socket::open(running.addr, path(LINEAR));
    subscribe(&mut socket, &["orderbook.50.BTCUSDT"]);
    let first = socket.json();
    assert_eq!(first["type"], "snapshot");
    let number = |frame: &Value, name: &str| frame["data"][name].as_u64().expect("a number");
    let (mut update, mut sequence) = (number(&first, "u"), number(&first, "seq"));
    for _ in 0..30 {
        let next = socket.json();
        assert_eq!((&next["type"], number(&next, "u")), (&json!("delta"), update + 1));
        assert!(number(&next, "seq") > sequence && next["cts"].as_i64() <= next["ts"].as_i64());
        (update, sequence) = (update + 1, number(&next, "seq"));
    }
}

#[test]
fn the_best_prices_are_told_whole_and_again() {
    let running = quiet(LINEAR);
    control(&running, "POST", "order?account=demo&symbol=BTCUSDT&side=buy&qty=0.1&price=60000");
    let mut socket = Socket::open(running.addr, path(LINEAR));
    subscribe(&mut socket, &["orderbook.1.BTCUSDT"]);
    let first = socket.json();
    assert_eq!(first["data"]["b"], json!([["60000.00", "0.100"]]));
    let begun = std::time::Instant::now();
    let again = socket.json();
    assert_eq!((&again["type"], &again["data"]), (&json!("snapshot"), &first["data"]));
    assert!(begun.elapsed() > std::time::Duration::from_secs(2));
}

#[test]
fn a_book_that_is_asked_for_has_the_number_of_the_deepest_stream() {
    let running = start(Settings::new(SPOT));
    let mut socket = Socket::open(running.addr, path(SPOT));
    subscribe(&mut socket, &["orderbook.1000.BTCUSDT"]);
    socket.text();
    let mut seen = vec![socket.json()];
    control(&running, "POST", "market?moves=no");
    // What has happened until then is told within a step of the stream.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let asked = get(running.addr, "/v5/market/orderbook?category=spot&symbol=BTCUSDT&limit=200");
    let asked = asked.json()["result"].clone();
    while seen.last().is_some_and(|frame| frame["data"]["u"] != asked["u"]) {
        seen.push(socket.json());
    }
    let same = seen.pop().expect("a frame");
    assert_eq!((&same["data"]["seq"], &same["cts"]), (&asked["seq"], &asked["cts"]));
    let [bids, _] = truth(&running, 200);
    let level = |level: &Value| {
        let units =
            |at: usize| parse_units(level[at].as_str().expect("text"), 8).expect("a number");
        (units(0), units(1))
    };
    let told: Vec<_> = asked["b"].as_array().expect("bids").iter().map(level).collect();
    assert_eq!(told, bids);
}

#[test]
fn trades_are_told_and_can_be_asked_for() {
    for venue in [SPOT, LINEAR] {
        let running = quiet(venue);
        let mut socket = Socket::open(running.addr, path(venue));
        subscribe(&mut socket, &["publicTrade.BTCUSDT"]);
        let order = |account: &str, side: &str, price: &str, qty: &str| {
            let what = format!(
                "order?account={account}&symbol=BTCUSDT&side={side}&qty={qty}&price={price}"
            );
            control(&running, "POST", &what);
        };
        order("demo", "sell", "60000", "0.1");
        order("demo", "sell", "60010", "0.1");
        order("other", "buy", "60010", "0.15");
        let frame = socket.json();
        let trades = frame["data"].as_array().expect("trades").clone();
        let short: Vec<_> = trades.iter().map(|t| (&t["p"], &t["S"])).collect();
        let (low, high) = (json!("60000.00"), json!("60010.00"));
        assert_eq!(short, [(&low, &json!("Buy")), (&high, &json!("Buy"))]);
        assert!(trades[0]["seq"].as_u64() < trades[1]["seq"].as_u64());
        if venue == LINEAR {
            assert_eq!(
                (&trades[0]["L"], &trades[1]["L"]),
                (&json!("PlusTick"), &json!("PlusTick"))
            );
        } else {
            assert!(trades[0]["L"].is_null());
        }
        let category = if venue == SPOT { "spot" } else { "linear" };
        let query = format!("/v5/market/recent-trade?category={category}&symbol=BTCUSDT");
        let asked = get(running.addr, &query).json()["result"]["list"].clone();
        assert_eq!(asked[0]["execId"], trades[1]["i"], "the newest comes first");
        assert_eq!(asked[1]["seq"], trades[0]["seq"].to_string());
        let mut decoder = Decoder::new(Wire::Bybit, Mode::Strict);
        let mut out = Vec::new();
        decoder.decode(&Frame::new(frame.to_string().as_bytes()), &mut out).expect("a frame");
        assert!(out.len() == 2 && out[0].aggressor() == Some(Side::Buy));
    }
}

#[test]
fn one_wrong_topic_refuses_the_whole_request() {
    let running = quiet(SPOT);
    let mut socket = Socket::open(running.addr, path(SPOT));
    let refused = subscribe(&mut socket, &["publicTrade.BTCUSDT", "orderbook.2.BTCUSDT"]);
    assert_eq!(refused["success"], false);
    assert_eq!(refused["ret_msg"], "error:handler not found,topic:orderbook.2.BTCUSDT");
    // Nothing of it was taken.
    assert_eq!(subscribe(&mut socket, &["publicTrade.BTCUSDT"])["success"], true);
    let again = subscribe(&mut socket, &["publicTrade.BTCUSDT"]);
    assert_eq!(again["ret_msg"], "error:already subscribed,topic:publicTrade.BTCUSDT");
    for topic in ["publicTrade.NOPE", "kline.2.BTCUSDT", "tickers", "orderbook.x.BTCUSDT", ""] {
        assert_eq!(subscribe(&mut socket, &[topic])["success"], false, "{topic}");
    }
    let many: Vec<String> = (0..11).map(|at| format!("kline.{at}.BTCUSDT")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(subscribe(&mut socket, &many)["ret_msg"], "args size >10");
    socket.send("{\"op\":\"unsubscribe\",\"req_id\":\"u\",\"args\":[\"publicTrade.BTCUSDT\"]}");
    let gone = socket.json();
    assert_eq!((&gone["success"], &gone["op"]), (&json!(true), &json!("unsubscribe")));
    assert_eq!(subscribe(&mut socket, &["publicTrade.BTCUSDT"])["success"], true);
    assert!(Socket::try_open(running.addr, "/v5/public/linear").is_err());
}

#[test]
fn a_candle_that_is_over_is_confirmed() {
    let mut settings = Settings::new(LINEAR);
    settings.seed = 3;
    let running = start(settings);
    let mut socket = Socket::open(running.addr, path(LINEAR));
    subscribe(&mut socket, &["kline.1.BTCUSDT"]);
    let one = socket.json()["data"][0].clone();
    let (start, end) =
        (one["start"].as_i64().expect("a time"), one["end"].as_i64().expect("a time"));
    assert_eq!((end - start, &one["confirm"]), (59_999, &json!(false)));
    let next = socket.json()["data"][0].clone();
    assert!(next["timestamp"].as_i64() > one["timestamp"].as_i64());
}
