//! Recordings of venues whose books come over their streams, played over a real socket: the books
//! are those of a naive rebuild, what is recorded on the way is read back to the same, and every
//! checksum of the venue was right.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use qt_codec::recording::{self, Direction, Format};
use qt_codec::venue::Venue;
use qt_codec::{Decoder, Facts, Frame, Mode, Number};
use qt_feeds::market::{Figures, Settings, Want, listings, start};
use qt_feeds::{drive, record};
use qt_types::{InstrumentId, TickKind, VenueId};
use serde_json::{Value, json};

use crate::captured::{driven, recordings};
use crate::model::{Handed, Model, Sides};
use crate::played::{Player, Stage};
use crate::tongue::Tongue;

/// A recording as the venue of today would say it.
struct Recorded {
    tongue: Tongue,
    symbol: &'static str,
    frames: Vec<String>,
    /// What it is known to have: trades, and checksums that are right.
    trades: usize,
    checksums: u64,
}

fn read(folder: &Path, file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join(file)).expect("a recording");
    text.lines().map(String::from).collect()
}

fn value(line: &str) -> Value {
    serde_json::from_str(line).expect("JSON")
}

fn word(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn recorded(folder: &Path) -> Vec<Recorded> {
    let has = |part: &'static str| move |line: &String| line.contains(part);
    let okx = |file: &str, symbol, trades, checksums| {
        let frames = read(folder, file).into_iter().filter(has("\"data\"")).collect();
        Recorded { tongue: Tongue::Okx, symbol, frames, trades, checksums }
    };
    let kraken = |file: &str, symbol, trades, checksums| {
        let frames = read(folder, file).iter().filter_map(|line| of_kraken(line)).collect();
        Recorded { tongue: Tongue::Kraken, symbol, frames, trades, checksums }
    };
    let coinbase = |file: &str, symbol, trades| {
        let frames = read(folder, file).iter().filter_map(|line| of_coinbase(line)).collect();
        Recorded { tongue: Tongue::Coinbase, symbol, frames, trades, checksums: 0 }
    };
    let frames = read(folder, "bybit/nautilus.ob500.xrpusdt.ws.jsonl");
    let (symbol, trades, checksums) = ("XRPUSDT", 0, 0);
    vec![
        okx("okx/cryptofeed.btc-usdt.ws.jsonl", "BTC-USDT", 69, 98),
        okx("okx/cryptofeed.uni-usd-swap.ws.jsonl", "UNI-USD-SWAP", 1, 93),
        kraken("kraken-v1/cryptofeed.xmrusd.ws.jsonl", "XMR/USD", 4, 846),
        kraken("kraken-v1/cryptofeed.omgusd.ws.jsonl", "OMG/USD", 0, 573),
        kraken("kraken-v1/cryptofeed.waveseur.ws.jsonl", "WAVES/EUR", 0, 576),
        coinbase("coinbase-exchange-legacy/cryptofeed.band-btc.ws.jsonl", "BAND-BTC", 0),
        coinbase("coinbase-exchange-legacy/cryptofeed.skl-gbp.ws.jsonl", "SKL-GBP", 1),
        Recorded { tongue: Tongue::BybitLinear, symbol, frames, trades, checksums },
    ]
}

/// A message of the first version as the second one would say it: numbers keep their digits.
fn of_kraken(line: &str) -> Option<String> {
    let message = value(line);
    let list = message.as_array()?;
    let (channel, symbol) = (word(&list[list.len() - 2]), word(&list[list.len() - 1]));
    let level = |of: &Value| format!(r#"{{"price":{},"qty":{}}}"#, word(&of[0]), word(&of[1]));
    let levels = |of: &Value| -> String {
        let all = of.as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().map(level).collect::<Vec<_>>().join(",")
    };
    let time = "2021-04-17T16:48:53.365913Z";
    if channel == "trade" {
        let one = |of: &Value| {
            let side = if of[3] == "b" { "buy" } else { "sell" };
            let (price, qty, at) = (word(&of[0]), word(&of[1]), word(&of[2]).replace('.', ""));
            format!(
                r#"{{"symbol":"{symbol}","side":"{side}","price":{price},"qty":{qty},
                "ord_type":"limit","trade_id":{at},"timestamp":"{time}"}}"#
            )
        };
        let all: Vec<String> = list[1].as_array()?.iter().map(one).collect();
        return Some(format!(
            r#"{{"channel":"trade","type":"update","data":[{}]}}"#,
            all.join(",")
        ));
    }
    let of = |name: &str| {
        let parts = list[1..list.len() - 2].iter().filter(|part| part.get(name).is_some());
        parts.map(|part| levels(&part[name])).collect::<Vec<_>>().join(",")
    };
    if !channel.starts_with("book") {
        return None;
    }
    let book = |kind: &str, bids: String, asks: String, sum: String| {
        format!(
            r#"{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}",
            "bids":[{bids}],"asks":[{asks}]{sum},"timestamp":"{time}"}}]}}"#
        )
    };
    match list[1].get("as") {
        Some(_) => Some(book("snapshot", of("bs"), of("as"), String::new())),
        None => {
            let sum = list[1..list.len() - 2].iter().find_map(|part| part["c"].as_str())?;
            Some(book("update", of("b"), of("a"), format!(r#","checksum":{sum}"#)))
        }
    }
}

/// A message of the older feed as Advanced Trade would say it.
fn of_coinbase(line: &str) -> Option<String> {
    let message = value(line);
    let (product, time) = (&message["product_id"], message.get("time"));
    let time = time.cloned().unwrap_or("2021-04-17T16:43:37.078905Z".into());
    let level = |side: &str, price: &Value, qty: &Value| -> Value {
        let mut level = json!({ "side": side, "event_time": time });
        (level["price_level"], level["new_quantity"]) = (price.clone(), qty.clone());
        level
    };
    let (kind, updates) = match word(&message["type"]) {
        "snapshot" => {
            let of = |name: &str, side: &'static str| {
                let rows = message[name].as_array().expect("a list").clone();
                rows.into_iter().map(move |row| level(side, &row[0], &row[1]))
            };
            let all: Vec<Value> = of("bids", "bid").chain(of("asks", "offer")).collect();
            ("snapshot", all)
        }
        "l2update" => {
            let side = |row: &Value| if row[0] == "buy" { "bid" } else { "offer" };
            let rows = message["changes"].as_array().expect("a list").iter();
            ("update", rows.map(|row| level(side(row), &row[1], &row[2])).collect())
        }
        "match" => {
            let trade = json!({ "trade_id": message["trade_id"].to_string(), "product_id": product,
                "price": message["price"], "size": message["size"], "time": time,
                "side": word(&message["side"]).to_uppercase() });
            let events = json!([{ "type": "update", "trades": [trade] }]);
            let told = json!({ "channel": "market_trades", "timestamp": time, "events": events });
            return Some(told.to_string());
        }
        _ => return None,
    };
    let events = json!([{ "type": kind, "product_id": product, "updates": updates }]);
    Some(json!({ "channel": "l2_data", "timestamp": time, "events": events }).to_string())
}

/// The text of a number, in hundred-millionths.
fn e8(text: &str) -> i64 {
    Number::parse(text).expect("a number").scaled(8).expect("it fits")
}

/// The naive book of the frames: side, price and quantity of each level in their order.
fn naive(tongue: Tongue, frames: &[String]) -> Sides {
    let mut sides = Sides::default();
    for frame in frames {
        let raw: RawBook = match serde_json::from_str(frame) {
            Ok(raw) => raw,
            Err(error) => panic!("{error}: {frame}"),
        };
        let (is_whole, levels) = raw.levels(tongue);
        if is_whole {
            sides = Sides::default();
        }
        for (side, price, qty) in levels {
            if e8(&qty) == 0 {
                sides[side].remove(&e8(&price));
            } else {
                sides[side].insert(e8(&price), e8(&qty));
            }
        }
        // What is pushed out of the depth is never deleted by a message.
        while tongue == Tongue::Kraken && sides[0].len() > 1_000 {
            sides[0].pop_first();
        }
        while tongue == Tongue::Kraken && sides[1].len() > 1_000 {
            sides[1].pop_last();
        }
    }
    sides
}

/// A message with its numbers as they are written.
#[derive(serde::Deserialize)]
struct RawBook {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    action: String,
    #[serde(default)]
    channel: String,
    #[serde(default)]
    events: Vec<Value>,
    #[serde(default)]
    data: Option<Box<serde_json::value::RawValue>>,
}

#[derive(serde::Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    price: &'a serde_json::value::RawValue,
    #[serde(borrow)]
    qty: &'a serde_json::value::RawValue,
}

#[derive(serde::Deserialize)]
struct WrittenBook<'a> {
    #[serde(borrow)]
    bids: Vec<Written<'a>>,
    #[serde(borrow)]
    asks: Vec<Written<'a>>,
}

impl RawBook {
    fn levels(&self, tongue: Tongue) -> (bool, Vec<(usize, String, String)>) {
        let data = self.data.as_ref().map_or("null", |data| data.get());
        let lists = |book: &Value, names: [&str; 2]| {
            let of = |(side, name): (usize, &str)| {
                let rows = book[name].as_array().expect("a list").clone();
                let row =
                    move |row: Value| (side, word(&row[0]).to_owned(), word(&row[1]).to_owned());
                rows.into_iter().map(row).collect::<Vec<_>>()
            };
            names.into_iter().enumerate().flat_map(of).collect::<Vec<_>>()
        };
        match tongue {
            Tongue::Bybit | Tongue::BybitLinear => {
                (self.kind == "snapshot", lists(&value(data), ["b", "a"]))
            }
            Tongue::Okx if self.action.is_empty() => (false, Vec::new()),
            Tongue::Okx => (self.action == "snapshot", lists(&value(data)[0], ["bids", "asks"])),
            Tongue::Kraken if self.channel == "trade" => (false, Vec::new()),
            Tongue::Kraken => {
                let books: Vec<WrittenBook<'_>> = serde_json::from_str(data).expect("books");
                let sides = [&books[0].bids, &books[0].asks].into_iter().enumerate();
                let row = |side, of: &Written<'_>| {
                    (side, of.price.get().to_owned(), of.qty.get().to_owned())
                };
                let all = sides.flat_map(|(side, rows)| rows.iter().map(move |of| row(side, of)));
                (self.kind == "snapshot", all.collect())
            }
            Tongue::Coinbase if self.channel != "l2_data" => (false, Vec::new()),
            Tongue::Coinbase => {
                let event = &self.events[0];
                let rows = event["updates"].as_array().expect("a list").iter();
                let row = |row: &Value| {
                    let of = |name: &str| word(&row[name]).to_owned();
                    (usize::from(row["side"] == "offer"), of("price_level"), of("new_quantity"))
                };
                (event["type"] == "snapshot", rows.map(row).collect())
            }
        }
    }
}

/// Plays a recording: what the feed told, what it counted, and what was recorded on the way.
fn played(recorded: &Recorded) -> (Model, Figures, Vec<u8>) {
    let (tongue, symbol) = (recorded.tongue, recorded.symbol.to_owned());
    let feed = tongue.profile().name.to_owned();
    // Linear contracts have their marks beside books and trades.
    let topics = if tongue == Tongue::BybitLinear { 3 } else { 2 };
    let frames = recorded.frames.clone();
    let count = (frames.len() + 1) as u64;
    let player = Player::start(Stage { tongue, symbol: symbol.clone(), frames, topics });
    let url = Some(format!("http://{}", player.address));
    let found = listings(&feed, url.as_deref(), &[symbol], driven()).expect("a listing");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("market.jsonl");
    let (recorder, recording) = record::begin(&path, u64::MAX).expect("a file");
    let (to, events) = mpsc::sync_channel(1 << 20);
    let spec = found[0].spec().expect("a spec");
    let settings = Settings {
        feed,
        url,
        venue: VenueId(1),
        instruments: vec![(InstrumentId(0), spec, Want::default())],
        seed: 1,
        drive: drive::Settings { witness: Some(Box::new(recorder)), ..driven() },
    };
    let handle = start(settings, Box::new(Handed { to })).expect("a feed");
    let until = Instant::now() + Duration::from_secs(60);
    let is_there = |figures: &Figures| figures.frames >= count && figures.instruments[0].is_in_step;
    while !is_there(&handle.figures()) {
        assert!(Instant::now() < until, "{tongue:?}: {:?}", handle.figures());
        std::thread::sleep(Duration::from_millis(5));
    }
    let figures = handle.stop().expect("an end in order");
    assert_eq!(recording.finish().expect("all is written").lost, 0);
    let mut model = Model::default();
    events.try_iter().for_each(|event| {
        model.take(&event);
    });
    (model, figures, std::fs::read(&path).expect("a file"))
}

/// The book of a recorded file as any reader of it would have it.
fn read_back(text: &[u8]) -> (Sides, usize, Facts) {
    let lines: Vec<_> = text
        .split(|byte| *byte == b'\n')
        .filter_map(|line| recording::line(Format::Wrapped, line).expect("a line"))
        .filter(|line| line.direction != Direction::Sent)
        .collect();
    let frame = |line: &recording::Line<'_>| Frame::new(line.frame).bytes.to_vec();
    let venue = lines.iter().find_map(|line| Venue::of(&Frame::new(line.frame)));
    let mut decoder = Decoder::new(venue.expect("a venue"), Mode::Strict);
    let (mut out, mut sides, mut trades) = (Vec::new(), Sides::default(), 0);
    for line in &lines {
        out.clear();
        let bytes = frame(line);
        let url = line.url.as_deref();
        decoder.decode(&Frame { url, ..Frame::new(&bytes) }, &mut out).expect("a message");
        for update in &out {
            let side = update.side.map_or(0, |side| side as usize);
            let e8 = |number: Number| number.scaled(8).expect("it fits");
            match update.kind {
                TickKind::Clear => sides[side].clear(),
                TickKind::Level if update.qty.is_zero() => {
                    sides[side].remove(&e8(update.price));
                }
                TickKind::Level => {
                    sides[side].insert(e8(update.price), e8(update.qty));
                }
                TickKind::Trade => trades += 1,
                _ => {}
            }
        }
    }
    (sides, trades, decoder.facts().clone())
}

#[test]
fn recorded_streams_are_rebuilt_over_a_socket() {
    let Some(folder) = recordings() else { return };
    for recorded in recorded(&folder) {
        let (symbol, tongue) = (recorded.symbol, recorded.tongue);
        let wanted = naive(tongue, &recorded.frames);
        assert!(wanted.iter().all(|side| side.len() > 10), "{symbol}");
        let (model, figures, text) = played(&recorded);
        assert!(model.is_in_step && model.strays == 0 && model.gaps == 0, "{symbol}");
        assert!(model.sides == wanted, "{symbol}: another book");
        assert_eq!(model.trades.len(), recorded.trades, "{symbol}");
        let bad = (figures.gaps, figures.losses, figures.unreadable, figures.misfits);
        assert_eq!(bad, (0, 0, 0, 0), "{symbol}: {figures:?}");
        let (sides, trades, facts) = read_back(&text);
        assert!(sides == wanted, "{symbol}: another book is read back");
        assert_eq!((trades, facts.gaps, facts.errors), (recorded.trades, 0, 0), "{symbol}");
        let sums = (facts.checksums_verified, facts.checksums_failed);
        assert_eq!(sums, (recorded.checksums, 0), "{symbol}");
    }
}
