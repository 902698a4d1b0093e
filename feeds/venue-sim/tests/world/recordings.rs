//! Recordings played into the exchange: the books at their end are those of independent programs.

#![allow(clippy::disallowed_methods, reason = "recordings are files")]

use std::io::Read;
use std::path::{Path, PathBuf};

use qt_codec::Frame;
use qt_codec::recording::{self, Direction, Format};
use qt_venue_sim::exchange::units::units_text;
use qt_venue_sim::exchange::{
    AssetId, AssetSpec, Event, Exchange, NewAccount, NewOrder, Settings, Side, SymbolId, SymbolSpec,
};
use qt_venue_sim::market::{Market, Recording, RecordingError};
use serde_json::Value;

const SYMBOL: SymbolId = SymbolId(0);
const ONE: i64 = 100_000_000;

/// The folder with real market data: `QT_SHARED`, else `../shared` beside the workspace.
fn shared() -> Option<PathBuf> {
    let folder = match std::env::var_os("QT_SHARED") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
    };
    if folder.join("market-data/l2_stream").is_dir() {
        return Some(folder);
    }
    println!("skipped: no reference material at {} (set QT_SHARED)", folder.display());
    None
}

fn read(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    if path.extension().is_none_or(|end| end != "gz") {
        return bytes;
    }
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut out).expect("gzip");
    out
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&read(path)).expect("JSON")
}

/// An exchange whose only symbol has the grain of the recording.
fn exchange(recording: &Recording) -> Exchange {
    let asset = |name: &str| AssetSpec { name: name.into(), decimals: 8 };
    let grain = recording.grain();
    let unit = |decimals: u8| 10_i64.pow(u32::from(8 - decimals));
    let (tick, step) = (unit(grain.price_decimals), unit(grain.qty_decimals));
    let symbol = SymbolSpec::new("AB", AssetId(0), AssetId(1), tick, step);
    Exchange::new(Settings::new(vec![asset("A"), asset("B")], vec![symbol])).expect("settings")
}

/// Plays all of it; the number of trades and their sum.
fn play(recording: &mut Recording, exchange: &mut Exchange) -> (u64, i128) {
    let mut trades = (0, 0);
    while let Some(at_ns) = recording.next_ns() {
        exchange.set_time(at_ns);
        recording.play(exchange);
        for event in exchange.drain() {
            if let Event::Trade(trade) = event {
                trades = (trades.0 + 1, trades.1 + i128::from(trade.qty));
            }
        }
    }
    trades
}

fn levels(exchange: &Exchange, count: usize) -> [Vec<[String; 2]>; 2] {
    let depth = exchange.depth(SYMBOL, count);
    let text = |units: i64| units_text(units.into(), 8);
    let side = |levels: Vec<(i64, i64)>| {
        levels.into_iter().map(|(price, qty)| [text(price), text(qty)]).collect()
    };
    [side(depth.bids), side(depth.asks)]
}

fn pairs(value: &Value) -> Vec<[String; 2]> {
    serde_json::from_value(value.clone()).expect("pairs")
}

#[test]
fn recorded_streams_end_in_the_reference_books() {
    let Some(shared) = shared() else { return };
    let cases = json(&shared.join("oracles/books.json"));
    let mut checked = 0;
    for case in cases.as_array().expect("a list") {
        let file = case["data"].as_str().expect("a path");
        let name = Path::new(file).file_name().unwrap().to_str().unwrap();
        let symbol = if name.contains("PERP") { "BTCUSD_PERP" } else { "BTCUSDT" };
        let bytes = read(&shared.join(file));
        let read = Recording::read(&bytes, symbol, SYMBOL, 0, 1_000);
        let mut recording = read.unwrap_or_else(|e| panic!("{file}: {e}"));
        let mut exchange = exchange(&recording);
        let (trades, _) = play(&mut recording, &mut exchange);
        assert_eq!(case["trades"], trades, "{file}");
        assert_eq!(recording.refused, 0, "{file}");
        let top = levels(&exchange, 10);
        let text = |level: &Value| pairs(level);
        let same = |mine: &[[String; 2]], wanted: Vec<[String; 2]>| {
            let number =
                |text: &str| qt_venue_sim::exchange::units::parse_units(text, 8).expect("a number");
            let both = |level: &[String; 2]| [number(&level[0]), number(&level[1])];
            mine.iter().map(both).collect::<Vec<_>>() == wanted.iter().map(both).collect::<Vec<_>>()
        };
        assert!(same(&top[0], text(&case["top_bids"])), "{file}: {:?}", top[0]);
        assert!(same(&top[1], text(&case["top_asks"])), "{file}: {:?}", top[1]);
        let depth = exchange.depth(SYMBOL, usize::MAX);
        assert_eq!(case["bid_levels"], depth.bids.len(), "{file}");
        assert_eq!(case["ask_levels"], depth.asks.len(), "{file}");
        checked += 1;
    }
    assert!(checked > 0);
}

/// Lines of a file of frames without times and of the file that describes them.
type Timed = (i64, Option<String>, Vec<u8>);

fn timed(folder: &Path, name: &str) -> Vec<Timed> {
    let lines = read(&folder.join(format!("{name}.jsonl")));
    let metas = read(&folder.join(format!("{name}.meta.jsonl")));
    let pairs = lines.split(|byte| *byte == b'\n').zip(metas.split(|byte| *byte == b'\n'));
    let mut all = Vec::new();
    for (line, meta) in pairs.filter(|(line, _)| !line.is_empty()) {
        let line = recording::line(Format::Bare, line).expect("a line").expect("a frame");
        let meta = recording::meta(meta).expect("a description");
        if meta.direction != Direction::Sent {
            let at = meta.recv_ns.map_or(0, qt_types::Nanos::get);
            all.push((at, meta.url.map(|url| url.into_owned()), line.frame.to_vec()));
        }
    }
    all
}

#[test]
fn captured_sequences_end_in_the_reference_books() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("market-data/captures/binance-spot");
    for (symbol, case) in json(&folder.join("expected.json")).as_object().expect("an object") {
        let mut all = timed(&folder, &format!("cryptofeed.{symbol}.ws"));
        all.extend(timed(&folder, &format!("cryptofeed.{symbol}.rest")));
        all.sort_by_key(|timed| timed.0);
        let frames: Vec<(i64, Frame<'_>)> = all
            .iter()
            .map(|(at, url, bytes)| (*at, Frame { bytes, url: url.as_deref(), symbol: None }))
            .collect();
        let name = symbol.to_uppercase();
        let read = Recording::of_frames(&frames, &name, SYMBOL, 0, 1_000);
        let mut recording = read.unwrap_or_else(|e| panic!("{symbol}: {e}"));
        let mut exchange = exchange(&recording);
        play(&mut recording, &mut exchange);
        let wanted = [pairs(&case["top5_bids"]), pairs(&case["top5_asks"])];
        assert_eq!(levels(&exchange, 5), wanted, "{symbol}");
        let depth = exchange.depth(SYMBOL, usize::MAX);
        let counts = serde_json::json!([depth.bids.len(), depth.asks.len()]);
        assert_eq!(case["levels"], counts, "{symbol}");
    }
}

/// A recording of a few lines, and where it stands after each.
pub const LINES: &str = r#"
1000 {"lastUpdateId":10,"bids":[["100.00","5.0"],["99.00","5.0"]],"asks":[["101.00","5.0"]]}
2000 {"e":"depthUpdate","E":1,"s":"AB","U":11,"u":11,"b":[["100.00","4.0"]],"a":[]}
3000 {"e":"trade","E":1,"s":"AB","t":1,"p":"100.00","q":"4.5","T":1,"m":true,"M":true}
4000 {"e":"depthUpdate","E":1,"s":"AB","U":12,"u":12,"b":[["100.00","3.0"]],"a":[["101.00","2.0"]]}
5000 {"e":"trade","E":1,"s":"AB","t":2,"p":"99.00","q":"2.0","T":1,"m":true,"M":true}
6000 {"e":"depthUpdate","E":1,"s":"AB","U":13,"u":13,"b":[],"a":[["99.50","1.0"]]}
"#;

#[test]
fn orders_stand_in_the_queue_of_a_recording() {
    let change = r#"{"e":"depthUpdate","E":1,"s":"AB","U":9,"u":10,"b":[],"a":[]}"#;
    let first = format!("500 {change}\n{LINES}");
    let read = Recording::read(first.as_bytes(), "AB", SYMBOL, 0, 1_000);
    let mut recording = read.expect("a recording");
    let mut exchange = exchange(&recording);
    let plenty = i128::from(ONE) * 1_000_000;
    let account = NewAccount::new("ann", &[(AssetId(0), plenty), (AssetId(1), plenty)]);
    let ann = exchange.open_account(account).expect("an account");
    let mut next = |exchange: &mut Exchange| {
        exchange.set_time(recording.next_ns().expect("a time"));
        recording.play(exchange);
    };
    next(&mut exchange);
    let order = |side, price: i64, qty| NewOrder::limit(SYMBOL, side, price * ONE, qty * ONE);
    // Behind five of the recording, and one takes two of the asks.
    let id = exchange.place(ann, &order(Side::Buy, 100, 1)).unwrap().order.id;
    assert_eq!(exchange.place(ann, &order(Side::Buy, 101, 2)).unwrap().order.filled, 2 * ONE);
    let ask = |exchange: &Exchange| exchange.best(SYMBOL).ask.map(|(_, qty)| qty / ONE);
    assert_eq!(ask(&exchange), Some(3), "what was taken is gone");
    next(&mut exchange);
    let queue = |exchange: &Exchange| exchange.queue(SYMBOL, Side::Buy, 100 * ONE);
    let one = i128::from(ONE);
    assert_eq!(queue(&exchange), [(None, 4 * one), (Some(id), one)]);
    // The trade takes the four in front, then half of ours.
    next(&mut exchange);
    assert_eq!(exchange.order_by_id(id).unwrap().filled, ONE / 2);
    // The recording tells of both prices again.
    next(&mut exchange);
    assert_eq!((queue(&exchange).len(), ask(&exchange)), (2, Some(2)));
    // A trade below our price would have met us first.
    next(&mut exchange);
    assert_eq!(exchange.order_by_id(id).unwrap().filled, ONE);
    let last = exchange.trades(SYMBOL).next_back().unwrap();
    assert_eq!((last.price, last.qty), (99 * ONE, ONE + ONE / 2));
    // An ask below our other bid trades with it.
    let id = exchange.place(ann, &order(Side::Buy, 100, 1)).unwrap().order.id;
    next(&mut exchange);
    let filled = exchange.order_by_id(id).unwrap();
    assert_eq!((filled.filled, filled.filled_quote), (ONE, 100 * one));
    assert!(exchange.sums().iter().all(|sum| *sum == 0));
}

#[test]
fn speed_is_a_matter_of_times() {
    let times = |speed| {
        let read = Recording::read(LINES.as_bytes(), "AB", SYMBOL, 50, speed);
        let mut recording = read.expect("a recording");
        let mut exchange = exchange(&recording);
        let mut times = Vec::new();
        while let Some(at_ns) = recording.next_ns() {
            times.push(at_ns);
            recording.play(&mut exchange);
        }
        times
    };
    let usual = times(1_000);
    assert_eq!(usual[0], 50);
    let twice: Vec<i64> = usual.iter().map(|at| 50 + (at - 50) / 2).collect();
    assert_eq!(times(2_000), twice);
}

#[test]
fn what_is_no_recording_is_refused() {
    let read = |text: &str| Recording::read(text.as_bytes(), "AB", SYMBOL, 0, 1_000).err();
    assert_eq!(read(""), Some(RecordingError::Format));
    assert_eq!(read("date,open\n1,2"), Some(RecordingError::Format));
    assert_eq!(read("{\"a\":1}"), Some(RecordingError::Venue));
    let torn = format!("{}nonsense\n", LINES.trim_start());
    assert!(matches!(read(&torn), Some(RecordingError::Line { line: 7, .. })));
    let other = Recording::read(LINES.as_bytes(), "CD", SYMBOL, 0, 1_000).err();
    assert_eq!(other, Some(RecordingError::Symbol("CD".into())));
}
