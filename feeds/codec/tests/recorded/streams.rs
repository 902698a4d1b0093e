//! Streams that bring their own snapshots: whole recordings, counts and books.

use qt_codec::venue::Venue;
use qt_codec::{Decoder, FrameError, Mode};

use crate::book::Books;
use crate::recorded::{decode, frames, shared};

/// What a whole recording gives.
struct Outcome {
    decoder: Decoder,
    books: Books,
    crossed: usize,
}

fn run(shared: &std::path::Path, file: &str, mode: Mode) -> Outcome {
    let mut books = Books::default();
    let mut crossed = 0;
    let decoder = decode(&frames(shared, &format!("market-data/{file}")), mode, |_, updates| {
        crossed += books.apply(updates);
    });
    Outcome { decoder, books, crossed }
}

/// File, then (counted by another program) snapshots, changes applied, trades, tickers.
const STREAMS: [(&str, [u64; 4]); 22] = [
    ("recorded_ws/bybit_v2_linear_2021-04-17_8symbols.jsonl.gz", [8, 3_252, 101, 0]),
    ("l2_stream/bybit/2024-12-01_XRPUSDT_ob500.data.zip", [1, 49, 0, 0]),
    ("captures/bybit/nautilus.ob500.xrpusdt.ws.jsonl", [1, 25, 0, 0]),
    (
        "recorded_ws/coinbase_exchange_2021-04-17_level2_ticker_matches_A.jsonl.gz",
        [5, 5_572, 69, 74],
    ),
    ("recorded_ws_derived/coinbase_advanced_l2_trades_from_exchange_A.jsonl.gz", [5, 5_572, 69, 0]),
    ("captures/coinbase-exchange-legacy/cryptofeed.band-btc.ws.jsonl", [1, 397, 0, 1]),
    ("captures/coinbase-exchange-legacy/cryptofeed.band-gbp.ws.jsonl", [1, 397, 0, 1]),
    ("captures/coinbase-exchange-legacy/cryptofeed.dash-btc.ws.jsonl", [1, 395, 1, 2]),
    ("captures/coinbase-exchange-legacy/cryptofeed.skl-gbp.ws.jsonl", [1, 289, 1, 2]),
    ("captures/coinbase-exchange-legacy/cryptofeed.skl-usd.ws.jsonl", [1, 387, 5, 6]),
    ("recorded_ws/kraken_futures_2021-07-22_10symbols.jsonl.gz", [10, 7_014, 3, 107]),
    ("captures/kraken-futures/cryptofeed.fi_bchusd_210730.ws.jsonl", [1, 18, 1, 8]),
    ("captures/kraken-futures/cryptofeed.fi_ethusd_211231.ws.jsonl", [1, 349, 0, 13]),
    ("captures/kraken-futures/cryptofeed.fi_xrpusd_210924.ws.jsonl", [1, 37, 0, 3]),
    ("captures/kraken-futures/cryptofeed.pi_ethusd.ws.jsonl", [1, 392, 0, 3]),
    ("captures/kraken-futures/cryptofeed.pi_ltcusd.ws.jsonl", [1, 386, 1, 8]),
    ("captures/deribit/cryptofeed.btc-24sep21-8000-p.ws.jsonl", [1, 30, 0, 31]),
    ("captures/deribit/cryptofeed.btc-24jun22-15000-c.ws.jsonl", [1, 0, 0, 7]),
    ("captures/deribit/cryptofeed.btc-24sep21-34000-p.ws.jsonl", [1, 1, 0, 5]),
    ("captures/deribit/cryptofeed.btc-25mar22-30000-c.ws.jsonl", [1, 0, 0, 7]),
    ("captures/deribit/cryptofeed.eth-27aug21-4000-p.ws.jsonl", [1, 0, 0, 7]),
    ("l2_stream/hyperliquid/BTC_2025-01-26.jsonl.gz", [46, 0, 34, 0]),
];

#[test]
fn whole_recordings_are_in_order_and_never_crossed() {
    let Some(shared) = shared() else { return };
    for (file, counts) in STREAMS {
        for mode in [Mode::Strict, Mode::FromFirstLine] {
            let Outcome { decoder, books, crossed } = run(&shared, file, mode);
            let facts = decoder.facts();
            let found = [facts.snapshots, facts.applied, facts.trades, facts.tickers];
            let dropped = facts.dropped_before_snapshot + facts.stale;
            assert_eq!((facts.errors, facts.gaps, dropped, crossed), (0, 0, 0, 0), "{file}");
            assert_eq!(found, counts, "{file} {mode:?}");
            assert_eq!(books.0.len(), decoder.symbols().len(), "{file}");
        }
    }
}

/// Every captured message of every kind: market data, answers, account messages, examples of the
/// documents.
#[test]
fn every_captured_message_is_read_or_counted_by_name() {
    let Some(shared) = shared() else { return };
    let (mut frames_read, mut nameless) = (0, 0);
    for (folder, venue) in [
        ("binance-options", Venue::Binance),
        ("binance-spot", Venue::Binance),
        ("binance-us-spot", Venue::Binance),
        ("binance-usdm", Venue::Binance),
        ("bybit", Venue::Bybit),
        ("coinbase", Venue::Coinbase),
        ("coinbase-exchange-legacy", Venue::Coinbase),
        ("deribit", Venue::Deribit),
        ("kraken", Venue::Kraken),
        ("kraken-futures", Venue::KrakenFutures),
        ("kraken-v1", Venue::Kraken),
        ("okx", Venue::Okx),
    ] {
        let folder = format!("market-data/captures/{folder}");
        let mut files: Vec<String> = std::fs::read_dir(shared.join(&folder))
            .expect("a folder")
            .map(|entry| entry.expect("readable").file_name().into_string().expect("text"))
            .filter(|name| name.ends_with(".jsonl") && !name.ends_with(".meta.jsonl"))
            .collect();
        files.sort();
        assert!(!files.is_empty());
        for file in files {
            let mut decoder = Decoder::new(venue, Mode::FromFirstLine);
            for (at, recorded) in frames(&shared, &format!("{folder}/{file}")).iter().enumerate() {
                match decoder.decode(&recorded.frame(), &mut Vec::new()) {
                    Ok(()) => {}
                    // Examples of the documents do not say what was asked for.
                    Err(FrameError::NoSymbol) => nameless += 1,
                    Err(error) => panic!("{folder}/{file}:{}: {error}", at + 1),
                }
            }
            let facts = decoder.facts();
            let books =
                facts.applied + facts.snapshots + facts.stale + facts.dropped_before_snapshot;
            let told =
                books + facts.trades + facts.tickers + facts.marks + facts.rates + facts.errors;
            let named: u64 = facts.unknown.values().sum();
            assert!(told + named >= facts.frames, "{file}: {facts:?}");
            frames_read += facts.frames;
        }
    }
    assert_eq!((frames_read, nameless), (7_972, 2));
}
