//! Every checksum of the recordings.

use qt_codec::{Facts, Mode};
use serde_json::Value;

use crate::book::Books;
use crate::recorded::{decode, frames, read, shared};

/// Decodes a file strictly; its books are never crossed.
fn facts(shared: &std::path::Path, file: &str) -> Facts {
    let mut books = Books::default();
    let mut crossed = 0;
    let decoder = decode(&frames(shared, file), Mode::Strict, |_, updates| {
        crossed += books.apply(updates);
    });
    assert_eq!(crossed, 0, "{file}");
    let facts = decoder.facts();
    assert_eq!((facts.errors, facts.gaps, facts.checksums_failed), (0, 0, 0), "{file}");
    facts.clone()
}

#[test]
fn all_digit_checksums_are_right() {
    let Some(shared) = shared() else { return };
    for (file, snapshots, verified, trades) in [
        ("captures/kraken-v1/cryptofeed.oceanxbt.ws.jsonl", 1, 148, 0),
        ("captures/kraken-v1/cryptofeed.omgusd.ws.jsonl", 1, 573, 0),
        ("captures/kraken-v1/cryptofeed.waveseur.ws.jsonl", 1, 576, 0),
        ("captures/kraken-v1/cryptofeed.xbtchf.ws.jsonl", 1, 289, 0),
        ("captures/kraken-v1/cryptofeed.xmrusd.ws.jsonl", 1, 846, 4),
        ("recorded_ws/kraken_v1_2021-04-17_book1000_trade_ticker_5pairs_A.jsonl.gz", 5, 2_106, 4),
    ] {
        let facts = facts(&shared, &format!("market-data/{file}"));
        assert_eq!(facts.snapshots, snapshots, "{file}");
        assert_eq!((facts.applied, facts.checksums_verified), (verified, verified), "{file}");
        assert_eq!(facts.trades, trades, "{file}");
    }
    // The same in the shape of v2, whose snapshots have a checksum too.
    let file = "market-data/recorded_ws_derived/kraken_v2_book1000_trade_from_v1_5pairs_A.jsonl.gz";
    let facts = facts(&shared, file);
    assert_eq!((facts.applied, facts.checksums_verified, facts.trades), (2_106, 2_111, 4));
    assert_eq!(facts.unknown["heartbeat"], 92);
}

#[test]
fn single_checked_snapshots_are_right() {
    let Some(shared) = shared() else { return };
    let file = "market-data/captures/kraken/docs.book-checksum-v2.ws.jsonl";
    assert_eq!(facts(&shared, file).checksums_verified, 1);
    let file = "market-data/recorded_messages/kraken_v2_book_snapshot_BTCUSDT.json";
    let text = String::from_utf8(read(&shared, file)).unwrap();
    // One message over several lines, wrapped or not in a frame of its own.
    let one_line = text.replace(['\n', '\r'], " ");
    let value: Value = serde_json::from_str(&one_line).unwrap();
    assert!(value.to_string().contains("4162058887"));
    let mut decoder = qt_codec::Decoder::new(qt_codec::venue::Venue::Kraken, Mode::Strict);
    decoder.decode(&qt_codec::Frame::new(one_line.as_bytes()), &mut Vec::new()).unwrap();
    let facts = decoder.facts();
    assert_eq!((facts.checksums_verified, facts.checksums_failed), (1, 0), "{facts:?}");
}

#[test]
fn all_text_checksums_are_right() {
    let Some(shared) = shared() else { return };
    for (file, snapshots, verified, trades) in [
        ("captures/okx/cryptofeed.btc-usdt.ws.jsonl", 1, 98, 69),
        ("captures/okx/cryptofeed.uni-usd-swap.ws.jsonl", 1, 93, 1),
        ("recorded_ws/okx_v5_2022-05-13_BTC-USDT_UNI-USD-SWAP_BTC-USD-220527.jsonl.gz", 3, 290, 74),
    ] {
        let facts = facts(&shared, &format!("market-data/{file}"));
        assert_eq!((facts.snapshots, facts.checksums_verified), (snapshots, verified), "{file}");
        assert_eq!((facts.applied, facts.trades), (verified - snapshots, trades), "{file}");
    }
}

/// A level that is lost shows at the next checksum; nothing is told of the book until the next
/// snapshot.
#[test]
fn a_lost_message_fails_the_next_checksum() {
    let Some(shared) = shared() else { return };
    for file in [
        "market-data/captures/kraken-v1/cryptofeed.xbtchf.ws.jsonl",
        "market-data/captures/okx/cryptofeed.btc-usdt.ws.jsonl",
    ] {
        let whole = facts(&shared, file);
        let mut frames = frames(&shared, file);
        // The change before last of those that touched the best levels is always missed.
        let is_book = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.contains("\"c\":") || text.contains("\"update\"")
        };
        let books: Vec<usize> =
            (0..frames.len()).filter(|at| is_book(&frames[*at].bytes)).collect();
        frames.remove(books[books.len() / 2]);
        let mut gaps = 0;
        let decoder = decode(&frames, Mode::Strict, |_, updates| {
            let gap = |update: &&qt_codec::Update| update.kind == qt_types::TickKind::Gap;
            gaps += updates.iter().filter(gap).count();
        });
        let facts = decoder.facts();
        assert_eq!((gaps, facts.gaps, facts.checksums_failed), (1, 1, 1), "{file}");
        assert!(facts.checksums_verified < whole.checksums_verified - 1, "{file}");
        assert!(facts.dropped_before_snapshot > 0, "{file}");
        assert_eq!(decoder.needs_snapshot().count(), 1, "{file}");
    }
}
