//! What was recorded from the venue, played to the machine over a real socket: the books are those
//! that were worked out by others.

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use qt_codec::Number;
use qt_feeds::drive::{self, Authorities};
use qt_feeds::market::{Handle, Settings, Want, listings, start};
use qt_types::{Event, InstrumentId, Nanos, VenueId};

use crate::model::{Handed, Model};
use crate::server::{Played, Server};

/// The folder with real market data: `QT_SHARED`, else `../shared` beside the workspace.
pub fn recordings() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let shared = std::env::var_os("QT_SHARED").map_or(beside, PathBuf::from);
    let folder = shared.join("market-data/captures");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no reference material at {} (set QT_SHARED)", shared.display());
    None
}

pub fn driven() -> drive::Settings {
    let since = |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let begun = (since(SystemTime::now()), Instant::now());
    let clock = move || {
        let now = begun.0 + begun.1.elapsed();
        Nanos::new(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX))
    };
    let authorities = Authorities::Native;
    drive::Settings { clock: Box::new(clock), authorities, witness: None }
}

fn listing(symbol: &str) -> String {
    format!(
        r#"{{"symbol":"{symbol}","status":"TRADING","baseAsset":"A","quoteAsset":"B","filters":[
        {{"filterType":"PRICE_FILTER","tickSize":"0.00000001"}},
        {{"filterType":"LOT_SIZE","stepSize":"0.00000001"}}]}}"#
    )
}

/// Starts a feed of `symbol` at `server` into a ring of `capacity`.
fn begin(
    feed: &str,
    server: &Server,
    symbol: &str,
    capacity: usize,
) -> (Handle, mpsc::Receiver<Event>) {
    let url = format!("http://{}", server.address);
    let symbols = [symbol.to_owned()];
    let found = listings(feed, Some(&url), &symbols, driven()).expect("a listing");
    let (to, events) = mpsc::sync_channel(capacity);
    let settings = Settings {
        feed: feed.to_owned(),
        url: Some(url),
        venue: VenueId(1),
        instruments: vec![(InstrumentId(0), found[0].spec().expect("a spec"), Want::default())],
        seed: 1,
        drive: driven(),
    };
    (start(settings, Box::new(Handed { to })).expect("a feed"), events)
}

/// A market of this venue whose recordings are played, and where it answers requests.
const MARKETS: [(&str, &str, [&str; 2]); 2] = [
    ("binance-spot", "/api/v3", ["nknusdt", "runeeur"]),
    ("binance-usdm", "/fapi/v1", ["keepusdt", "sushiusdt"]),
];

/// Two marks, with a funding between them; only futures are asked for them.
fn marks(symbol: &str) -> Vec<String> {
    let mark = |at: i64, settles: i64| {
        format!(
            r#"{{"e":"markPriceUpdate","E":{at},"s":"{symbol}","p":"0.24651234","i":"0.2466",
            "P":"0.2465","r":"0.00010000","T":{settles}}}"#
        )
    };
    vec![mark(1_626_998_399_000, 1_626_998_400_000), mark(1_626_998_401_000, 1_627_027_200_000)]
}

#[test]
fn recorded_books_are_rebuilt_over_a_socket() {
    let Some(recordings) = recordings() else { return };
    for (feed, api, names) in MARKETS {
        let folder = recordings.join(feed);
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a recording");
        let expected = serde_json::from_str(&read("expected.json")).expect("JSON");
        for name in names {
            let expected: &serde_json::Value = &expected;
            let symbol = name.to_uppercase();
            let frames = read(&format!("cryptofeed.{name}.ws.jsonl"));
            let frames = frames.lines().map(String::from).collect();
            let mut played = Played { frames, marks: marks(&symbol), ..Played::default() };
            let info = format!(r#"{{"symbols":[{},{}]}}"#, listing("OTHER"), listing(&symbol));
            for (path, body) in [
                ("depth", read(&format!("cryptofeed.{name}.rest.jsonl"))),
                ("exchangeInfo", info),
                ("time", r#"{"serverTime":1633998512000}"#.to_owned()),
            ] {
                played.bodies.insert(format!("{api}/{path}"), body);
            }
            is_rebuilt(feed, &symbol, played, &expected[name]);
        }
    }
}

/// What is played is the book that is expected.
fn is_rebuilt(feed: &str, symbol: &str, played: Played, wanted: &serde_json::Value) {
    let has_marks = feed != "binance-spot";
    // The answers to subscriptions are messages too.
    let beside = if has_marks { 2 + played.marks.len() } else { 1 };
    let count = (played.frames.len() + beside) as u64;
    let server = Server::start(played);
    let (handle, events) = begin(feed, &server, symbol, 1 << 20);
    let is_there = || {
        let figures = handle.figures();
        figures.frames >= count && figures.instruments[0].is_in_step
    };
    let until = Instant::now() + Duration::from_secs(60);
    while !is_there() {
        assert!(Instant::now() < until, "{:?}", handle.figures());
        std::thread::sleep(Duration::from_millis(5));
    }
    let figures = handle.stop().expect("an end in order");
    assert_eq!((figures.gaps, figures.losses, figures.dropped), (0, 0, 0), "{figures:?}");
    assert_eq!(figures.weight_max.max(77), figures.weight_max, "the venue's count is heard");
    let mut model = Model::default();
    events.try_iter().for_each(|event| {
        model.take(&event);
    });
    let fundings = if has_marks { vec![(24_651_234, 100_000)] } else { vec![] };
    assert_eq!(model.marks.len(), fundings.len() * 2, "{symbol}");
    assert_eq!(model.fundings, fundings, "{symbol}");
    let sizes: Vec<usize> = model.sides.iter().map(|side| side.len()).collect();
    assert_eq!(serde_json::json!(sizes), wanted["levels"], "{symbol}");
    let steps = |text: &serde_json::Value, decimals| {
        let number = Number::parse(text.as_str().expect("a text")).expect("a number");
        number.scaled(decimals).expect("it fits")
    };
    let best = |levels: Vec<(&i64, &i64)>, key: &str| {
        for (level, wanted) in levels.iter().zip(wanted[key].as_array().expect("a list")) {
            assert_eq!((*level.0, *level.1), (steps(&wanted[0], 8), steps(&wanted[1], 8)));
        }
    };
    best(model.sides[0].iter().rev().collect(), "top5_bids");
    best(model.sides[1].iter().collect(), "top5_asks");
}

/// Depth messages of a market, each following the one before.
fn depth_frames(count: usize) -> Vec<String> {
    let text = |at: usize| {
        let (first, price) = (101 + 3 * at, 60_000 + at % 50);
        format!(
            concat!(
                r#"{{"e":"depthUpdate","E":{},"s":"BTCUSDT","U":{},"u":{},"#,
                r#""b":[["{}.01000000","0.{:05}000"],["{}.50000000","1.25000000"]],"#,
                r#""a":[["{}.99000000","0.00000000"]]}}"#
            ),
            1_700_000_000_000 + at,
            first,
            first + 2,
            price,
            at % 99_999,
            price - 7,
            price + 60,
        )
    };
    (0..count).map(text).collect()
}

pub fn played_depth(count: usize) -> Played {
    let mut played = Played { frames: depth_frames(count), ..Played::default() };
    let book = r#"{"lastUpdateId":100,"bids":[["60000.00","1"]],"asks":[["60100.00","1"]]}"#;
    played.bodies.insert("/api/v3/depth".to_owned(), book.to_owned());
    let info = format!(r#"{{"symbols":[{}]}}"#, listing("BTCUSDT"));
    played.bodies.insert("/api/v3/exchangeInfo".to_owned(), info);
    played
}

/// Nobody takes what is told: what is dropped is counted, the instrument is told anew once there is
/// room, and meanwhile nothing grows.
#[test]
fn an_engine_that_does_not_listen_costs_nothing() {
    let server = Server::start(played_depth(30_000));
    let (handle, events) = begin("binance-spot", &server, "BTCUSDT", 64);
    let until = Instant::now() + Duration::from_secs(60);
    while handle.figures().frames <= 30_000 {
        assert!(Instant::now() < until, "{:?}", handle.figures());
        std::thread::sleep(Duration::from_millis(5));
    }
    let figures = handle.stop().expect("an end in order");
    assert!(figures.dropped >= 1 && !figures.instruments[0].is_in_step, "{figures:?}");
    assert!(events.try_iter().count() <= 64);
    assert!(figures.snapshots_asked < 20, "it does not hunt: {}", figures.snapshots_asked);
}

/// `cargo nextest run --release -p qt-feeds --run-ignored only -E 'test(how_fast)' --no-capture`
#[test]
#[ignore = "prints how fast it is"]
fn how_fast_depth_becomes_events() {
    const COUNT: usize = 1_000_000;
    let played = played_depth(COUNT);
    let bytes: usize = played.frames.iter().map(String::len).sum();
    let alone = Instant::now();
    let mut decoder =
        qt_codec::Decoder::new(qt_codec::venue::Venue::Binance, qt_codec::Mode::Strict);
    let mut out = Vec::new();
    let body = played.bodies["/api/v3/depth"].as_bytes();
    let frame = qt_codec::Frame { symbol: Some("BTCUSDT"), ..qt_codec::Frame::new(body) };
    decoder.decode(&frame, &mut out).expect("a book");
    for frame in &played.frames {
        out.clear();
        decoder.decode(&qt_codec::Frame::new(frame.as_bytes()), &mut out).expect("a frame");
    }
    let alone = alone.elapsed();
    let server = Server::start(played);
    let (handle, events) = begin("binance-spot", &server, "BTCUSDT", 1 << 16);
    let reader = std::thread::spawn(move || {
        let (mut count, mut first) = (0_u64, None);
        while let Ok(_event) = events.recv() {
            first.get_or_insert_with(Instant::now);
            count += 1;
        }
        (count, first.map(|first: Instant| first.elapsed()))
    });
    while handle.figures().frames <= COUNT as u64 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let figures = handle.stop().expect("an end in order");
    let (count, took) = reader.join().expect("a count");
    let took = took.expect("events");
    println!(
        "{COUNT} depth messages, {} MB, {count} events, dropped {}",
        bytes >> 20,
        figures.dropped
    );
    println!("decoding alone: {:.0} messages/s", COUNT as f64 / alone.as_secs_f64());
    println!("over a socket:  {:.0} messages/s", COUNT as f64 / took.as_secs_f64());
    assert_eq!((figures.gaps, figures.losses), (0, 0), "{figures:?}");
}
