//! Books that clients put together: the decoder of the engine verifies every checksum, and what it
//! makes of the messages is the exchange's book.

use std::collections::BTreeMap;

use qt_codec::venue::Venue as Speaker;
use qt_codec::{Decoder, Frame, Mode, Update};
use qt_types::{Side, TickKind};
use qt_venue_sim::exchange::Side as BookSide;
use qt_venue_sim::exchange::units::parse_units;
use qt_venue_sim::server::Running;
use serde_json::{Value, json};

use super::client::{Socket, control, done, get, lively, server};

/// A book out of the updates of a decoder: prices in 10^-5, quantities in 10^-8.
#[derive(Debug, Default, PartialEq, Eq)]
struct Book {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
    is_doubtful: bool,
}

impl Book {
    fn apply(&mut self, updates: &[Update]) {
        for update in updates {
            let side = match update.side {
                Some(Side::Sell) => &mut self.asks,
                _ => &mut self.bids,
            };
            match update.kind {
                TickKind::Clear => {
                    side.clear();
                    self.is_doubtful = false;
                }
                TickKind::Gap => self.is_doubtful = true,
                TickKind::Level => {
                    let price = update.price.scaled(5).expect("a price");
                    let qty = update.qty.scaled(8).expect("a quantity");
                    if qty == 0 {
                        side.remove(&price);
                    } else {
                        side.insert(price, qty);
                    }
                }
                _ => {}
            }
        }
    }

    /// The best levels, best first.
    fn best(&self, depth: usize) -> [Vec<(i64, i64)>; 2] {
        let bids = self.bids.iter().rev().take(depth).map(|(price, qty)| (*price, *qty));
        let asks = self.asks.iter().take(depth).map(|(price, qty)| (*price, *qty));
        [bids.collect(), asks.collect()]
    }
}

/// A client that decodes what it hears.
struct Listener {
    socket: Socket,
    decoder: Decoder,
    book: Book,
    params: Value,
}

impl Listener {
    fn new(running: &Running, depth: u32) -> Self {
        let params = json!({"channel": "book", "symbol": ["BTC/USD"], "depth": depth});
        Self {
            socket: Socket::listen(running.addr, &params),
            decoder: Decoder::new(Speaker::Kraken, Mode::Strict),
            book: Book::default(),
            params,
        }
    }

    /// The next message. After a loss it subscribes again, as the venue wants.
    fn step(&mut self) -> Value {
        let text = self.socket.text();
        let mut out = Vec::new();
        self.decoder.decode(&Frame::new(text.as_bytes()), &mut out).expect("a frame");
        self.book.apply(&out);
        if out.iter().any(|update| update.kind == TickKind::Gap) {
            self.socket.say("unsubscribe", &self.params.clone(), None);
            self.socket.say("subscribe", &self.params.clone(), None);
        }
        serde_json::from_str(&text).expect("JSON")
    }

    /// Listens until so many checksums were right, and no loss is open.
    fn verified(&mut self, count: u64) {
        let begun = self.decoder.facts().checksums_verified;
        while self.decoder.facts().checksums_verified - begun < count || self.book.is_doubtful {
            self.step();
        }
    }
}

/// The exchange's own book, when nothing moves any more.
fn truth(running: &Running, depth: usize) -> [Vec<(i64, i64)>; 2] {
    running.with(|venue| {
        let exchange = &venue.simulation().exchange;
        let symbol = exchange.symbol_id("BTC/USD").expect("a pair");
        let book = exchange.depth(symbol, depth);
        [book.bids, book.asks]
    })
}

/// Stands still and listens to the last change.
fn settled(running: &Running, listener: &mut Listener) {
    control(running, "POST", "market?moves=no", "");
    // Twice silent: whatever was on its way has come.
    for _ in 0..2 {
        while listener.step()["channel"] != "heartbeat" {}
    }
}

#[test]
fn books_of_all_depths_have_right_checksums_and_are_the_book() {
    for depth in [10, 25, 100] {
        let running = server();
        let mut listener = Listener::new(&running, depth);
        listener.verified(60);
        settled(&running, &mut listener);
        let depth = usize::try_from(depth).expect("small");
        assert_eq!(listener.book.best(depth), truth(&running, depth), "{depth}");
        let facts = listener.decoder.facts();
        assert_eq!((facts.checksums_failed, facts.gaps, facts.errors), (0, 0, 0));
        // REST tells the same.
        let told = get(running.addr, "/0/public/Depth?pair=XBTUSD&count=500").result();
        let first = told["XXBTZUSD"]["bids"][0][0].as_str().expect("a price").to_owned();
        let (price, _) = truth(&running, 1)[0][0];
        assert_eq!(first.replace('.', "").parse(), Ok(price), "{first}");
    }
}

#[test]
fn the_checksum_is_that_of_the_documents() {
    let text = super::shapes::captured("docs.book-checksum-v2.ws", 1);
    let mut decoder = Decoder::new(Speaker::Kraken, Mode::Strict);
    decoder.decode(&Frame::new(text.as_bytes()), &mut Vec::new()).expect("a frame");
    assert_eq!(decoder.facts().checksums_verified, 1);
    // The same book on the exchange, told by its own hand.
    let running = super::client::quiet();
    let json: Value = serde_json::from_str(&text).expect("JSON");
    running.with(|venue| {
        let exchange = &mut venue.simulation_mut().exchange;
        let symbol = exchange.symbol_id("BTC/USD").expect("a pair");
        for (name, side) in [("bids", BookSide::Buy), ("asks", BookSide::Sell)] {
            for level in json["data"][0][name].as_array().expect("levels") {
                let units = |name: &str, decimals: u8| {
                    let text = level[name].to_string();
                    parse_units(&text, decimals).expect("a number")
                };
                exchange.market_level(symbol, side, units("price", 5), units("qty", 8));
            }
        }
    });
    let mut socket =
        Socket::listen(running.addr, &json!({"channel": "book", "symbol": ["BTC/USD"]}));
    let told = socket.of("book", "snapshot");
    assert_eq!(told["data"][0]["checksum"], 3_310_070_434_u32);
    assert_eq!(told["data"][0]["bids"], json["data"][0]["bids"]);
}

#[test]
fn what_is_wrong_with_a_book_is_seen_by_its_checksum_and_healed() {
    for fault in ["drop-delta", "wrong-checksum", "swap-deltas", "late-delta", "zero-checksum"] {
        let delay = if fault == "late-delta" { "delay_ms = 50" } else { "" };
        let running = lively(&format!("what = \"{fault}\"\nafter = 20\n{delay}"));
        let mut listener = Listener::new(&running, 10);
        listener.verified(60);
        settled(&running, &mut listener);
        assert_eq!(done(&running), 1, "{fault}");
        assert_eq!(listener.book.best(10), truth(&running, 10), "{fault}");
        let facts = listener.decoder.facts();
        // A late change comes in its order, and a swapped or lost one can be made up for by the
        // next; a wrong checksum is always seen.
        let is_seen = facts.checksums_failed > 0;
        let must = matches!(fault, "wrong-checksum" | "zero-checksum");
        assert!(is_seen || !must, "{fault}: {facts:?}");
        assert!(fault != "late-delta" || !is_seen, "{fault}: {facts:?}");
    }
}

#[test]
fn books_that_are_odd_have_checksums_that_are_right() {
    for fault in ["duplicate-delta", "remove-absent", "mid-stream-snapshot", "empty-side"] {
        let running = lively(&format!("what = \"{fault}\"\nafter = 20"));
        let mut listener = Listener::new(&running, 10);
        listener.verified(60);
        settled(&running, &mut listener);
        assert_eq!(done(&running), 1, "{fault}");
        assert_eq!(listener.book.best(10), truth(&running, 10), "{fault}");
        assert_eq!(listener.decoder.facts().checksums_failed, 0, "{fault}");
    }
}

#[test]
fn a_crossed_book_has_a_checksum_that_is_right() {
    let running = lively("what = \"crossed-book\"\nafter = 20");
    let mut socket =
        Socket::listen(running.addr, &json!({"channel": "book", "symbol": ["BTC/USD"]}));
    let mut decoder = Decoder::new(Speaker::Kraken, Mode::Strict);
    let (mut book, mut was_crossed) = (Book::default(), false);
    while decoder.facts().checksums_verified < 40 {
        let text = socket.text();
        let mut out = Vec::new();
        decoder.decode(&Frame::new(text.as_bytes()), &mut out).expect("a frame");
        book.apply(&out);
        let best = (book.bids.last_key_value(), book.asks.first_key_value());
        if let (Some((bid, _)), Some((ask, _))) = best {
            was_crossed |= bid >= ask;
        }
        if out.iter().any(|update| update.kind == TickKind::Gap) {
            was_crossed = true;
            break;
        }
    }
    assert!(was_crossed);
    assert_eq!(decoder.facts().checksums_failed, 0);
}

#[test]
fn a_tick_that_changes_is_told_and_prices_have_its_decimals() {
    let running = server();
    let mut pairs = Socket::listen(running.addr, &json!({"channel": "instrument"}));
    let told = pairs.of("instrument", "snapshot");
    assert_eq!(told["data"]["pairs"][0]["price_increment"].to_string(), "0.1");
    control(&running, "POST", "tick?symbol=BTC/USD&tick=0.01", "");
    let told = pairs.of("instrument", "update");
    let pair = &told["data"]["pairs"][0];
    assert_eq!(pair["price_increment"].to_string(), "0.01");
    assert_eq!(pair["price_precision"], 2);
    let mut listener = Listener::new(&running, 10);
    listener.verified(10);
    let text = listener.socket.text_where(|json| json["channel"] == "book");
    let price = text.split("\"price\":").nth(1).and_then(|rest| rest.split(',').next());
    let decimals = price.and_then(|price| price.split_once('.')).map(|(_, part)| part.len());
    assert_eq!(decimals, Some(2), "{text}");
}
