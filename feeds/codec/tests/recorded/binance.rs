//! Streams of changes with ids: chains without a gap, and both modes of a recording.

use qt_codec::Mode;

use crate::book::{Book, Books};
use crate::recorded::{decode, frames, shared};

const SPOT: &str = "market-data/l2_stream/binance/spot_BTCUSDT_2024-08-08.jsonl.gz";
const SPOT_NEXT_DAY: &str = "market-data/l2_stream/binance/spot_BTCUSDT_2024-08-09.jsonl.gz";

#[test]
fn several_symbols_of_one_connection_are_in_order() {
    let Some(shared) = shared() else { return };
    for (file, depth, tickers, trades) in [
        ("binance_spot_2021-08-14_FTMUSDT_XMRBTC_SXPBTC_BADGERBTC", 546, 412, 28),
        ("binance_usdm_2021-07-22_SUSHI_AKRO_KEEP_CTK", 764, 613, 91),
    ] {
        let mut books = Books::default();
        let mut crossed = 0;
        let file = format!("market-data/recorded_ws/{file}.jsonl.gz");
        let decoder = decode(&frames(&shared, &file), Mode::Strict, |_, updates| {
            crossed += books.apply(updates);
        });
        let facts = decoder.facts();
        assert_eq!((facts.gaps, facts.stale, facts.errors, crossed), (0, 0, 0, 0), "{file}");
        assert_eq!((facts.snapshots, facts.snapshots_refused), (4, 0), "{file}");
        assert_eq!(facts.applied + facts.dropped_before_snapshot, depth, "{file}");
        assert_eq!((facts.tickers, facts.trades), (tickers, trades), "{file}");
        assert_eq!(decoder.symbols().len(), 4, "{file}");
        assert_eq!(facts.unknown.keys().map(AsRef::as_ref).collect::<Vec<&str>>(), ["kline"]);
    }
}

/// The second day goes on without a break, so both together are one recording; without the first
/// day its book has no snapshot.
#[test]
fn a_recording_of_two_files_is_one_chain() {
    let Some(shared) = shared() else { return };
    let mut all = frames(&shared, SPOT);
    let first = decode(&all, Mode::Strict, |_, _| {}).facts().applied;
    let next = frames(&shared, SPOT_NEXT_DAY);
    let alone = decode(&next, Mode::Strict, |_, updates| {
        let book = |kind| matches!(kind, qt_types::TickKind::Level | qt_types::TickKind::Gap);
        assert!(!updates.iter().any(|update| book(update.kind)), "nothing before a snapshot");
    });
    assert_eq!(alone.needs_snapshot().count(), 1);
    assert_eq!((alone.facts().applied, alone.facts().tickers), (0, 45_134));
    all.extend(next);
    let both = decode(&all, Mode::Strict, |_, _| {});
    assert_eq!((both.facts().gaps, both.facts().applied), (0, first + 3_044));
}

/// From the first line on: every change, then the snapshot in the place of the book.
#[test]
fn from_the_first_line_on_nothing_is_dropped() {
    let Some(shared) = shared() else { return };
    let (mut book, mut before, mut snapshots) = (Book::default(), 0, 0);
    let decoder = decode(&frames(&shared, SPOT), Mode::FromFirstLine, |_, updates| {
        for update in updates {
            book.apply(update);
            if update.kind == qt_types::TickKind::Clear && update.side == Some(qt_types::Side::Sell)
            {
                before = book.applied;
                snapshots += 1;
                assert!(book.bids.is_empty() && book.asks.is_empty());
            }
        }
    });
    let facts = decoder.facts();
    // The change that the snapshot does not hold is told again behind it.
    assert_eq!((book.applied, facts.applied, before, snapshots), (3_452, 3_451, 3, 1));
    assert_eq!((facts.gaps, facts.dropped_before_snapshot, facts.stale), (0, 0, 0));
    assert_eq!(book.last, 50_093_421_584);
    // The venue's procedure gives the same book in the end, but for levels of before the snapshot.
    let mut strict = Book::default();
    decode(&frames(&shared, SPOT), Mode::Strict, |_, updates| {
        updates.iter().for_each(|update| strict.apply(update));
    });
    assert_eq!((&book.bids, &book.asks), (&strict.bids, &strict.asks));
}

/// A change that is lost shows; the book is not told of until a later snapshot, then goes on.
#[test]
fn a_gap_asks_for_a_snapshot_and_recovers_from_it() {
    let Some(shared) = shared() else { return };
    let file = "market-data/captures/binance-spot/cryptofeed.nknusdt";
    let mut all = frames(&shared, &format!("{file}.ws.jsonl"));
    let rest = frames(&shared, &format!("{file}.rest.jsonl"));
    let depth: Vec<usize> = (0..all.len())
        .filter(|at| String::from_utf8_lossy(&all[*at].bytes).contains("depthUpdate"))
        .collect();
    // Without the third change: applied are two before, minus the one that is too old.
    all.remove(depth[2]);
    all.splice(1..1, rest);
    let mut waits = Vec::new();
    let decoder = decode(&all, Mode::Strict, |decoder, updates| {
        if updates.iter().any(|update| update.kind == qt_types::TickKind::Gap) {
            waits.push(decoder.needs_snapshot().count());
        }
    });
    assert_eq!(waits, [1]);
    let facts = decoder.facts();
    assert_eq!((facts.gaps, facts.applied, facts.dropped_before_snapshot), (1, 1, 1));
    // A snapshot as of the change after the gap: all that wait follow.
    let ids = |at: usize, name: &str| -> u64 {
        let message: serde_json::Value = serde_json::from_slice(&all[at].bytes).unwrap();
        message["data"][name].as_u64().unwrap()
    };
    let after_gap: Vec<usize> = (0..all.len())
        .filter(|at| String::from_utf8_lossy(&all[*at].bytes).contains("depthUpdate"))
        .skip(2)
        .collect();
    let mut decoder = decoder;
    for (id, applied) in [(ids(after_gap[0], "U") - 2, 1), (ids(after_gap[3], "u"), 144)] {
        let text = format!(r#"{{"lastUpdateId":{id},"bids":[["0.3","1"]],"asks":[["0.4","1"]]}}"#);
        decoder.decode(&qt_codec::Frame::new(text.as_bytes()), &mut Vec::new()).unwrap();
        assert_eq!(decoder.facts().applied, applied, "{id}");
    }
    assert_eq!((decoder.facts().snapshots_refused, decoder.facts().gaps), (1, 1));
    assert_eq!(decoder.needs_snapshot().count(), 0);
}
