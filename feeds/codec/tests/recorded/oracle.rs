//! `oracles/books.json`: books that an independent program rebuilt from the raw recordings by the
//! venue's procedure.

use qt_codec::Mode;
use serde_json::Value;

use crate::book::Book;
use crate::recorded::{decode, frames, read, shared};

/// `[price, quantity]` of a list of a reference result.
fn pairs(value: &Value) -> Vec<[String; 2]> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let pair = |pair: &Value| [text(&pair[0]), text(&pair[1])];
    value.as_array().expect("a list").iter().map(pair).collect()
}

#[test]
fn the_reference_books_come_out() {
    let Some(shared) = shared() else { return };
    let cases: Value = serde_json::from_slice(&read(&shared, "oracles/books.json")).unwrap();
    let cases = cases.as_array().expect("a list");
    assert!(!cases.is_empty());
    for case in cases {
        let file = case["data"].as_str().expect("a path");
        let mut book = Book::default();
        let mut checkpoints = case["checkpoints"].as_array().expect("a list").iter().peekable();
        let decoder = decode(&frames(&shared, file), Mode::Strict, |_, updates| {
            for update in updates {
                book.apply(update);
                let due = |point: &&Value| point["applied"] == book.applied && update.is_last();
                let Some(point) = checkpoints.next_if(due) else { continue };
                assert_eq!(point["u"], update.sequence, "{file}: {point}");
                let best = book.top(1).map(|side| side[0].clone());
                let wanted = ["best_bid", "best_ask"].map(|name| point[name].clone());
                assert_eq!(serde_json::json!(best), serde_json::json!(wanted), "{file}");
            }
        });
        assert_eq!(checkpoints.next(), None, "{file}: every checkpoint was met");
        let facts = decoder.facts();
        assert_eq!(case["depth_updates_applied"], facts.applied, "{file}");
        assert_eq!(facts.applied, book.applied, "{file}: each of them closed once");
        assert_eq!(case["dropped_before_snapshot"], facts.dropped_before_snapshot, "{file}");
        assert_eq!(case["gaps"], facts.gaps, "{file}");
        assert_eq!(case["trades"], facts.trades, "{file}");
        assert_eq!(case["book_tickers"], facts.tickers, "{file}");
        assert_eq!(case["last_update_id"], book.last, "{file}");
        assert_eq!(case["bid_levels"], book.bids.len(), "{file}");
        assert_eq!(case["ask_levels"], book.asks.len(), "{file}");
        assert_eq!(book.top(10), ["top_bids", "top_asks"].map(|name| pairs(&case[name])), "{file}");
        let text = book.top10_text();
        assert_eq!(case["top10_text"], text, "{file}");
        assert_eq!(case["top10_crc32"], crc32fast::hash(text.as_bytes()), "{file}");
        assert_eq!((facts.errors, facts.stale), (0, 0), "{file}");
        assert!(facts.unknown.is_empty(), "{file}: {:?}", facts.unknown);
        assert_eq!(decoder.needs_snapshot().count(), 0, "{file}");
    }
}

#[test]
fn captured_sequences_end_in_the_reference_books() {
    let Some(shared) = shared() else { return };
    let mut checked = 0;
    for folder in ["binance-spot", "binance-us-spot", "binance-usdm"] {
        let folder = format!("market-data/captures/{folder}");
        let expected: Value =
            serde_json::from_slice(&read(&shared, &format!("{folder}/expected.json"))).unwrap();
        for (symbol, case) in expected.as_object().expect("an object") {
            // The stream and the answers to requests lie in two files: merge them by time.
            let mut all = frames(&shared, &format!("{folder}/cryptofeed.{symbol}.ws.jsonl"));
            all.extend(frames(&shared, &format!("{folder}/cryptofeed.{symbol}.rest.jsonl")));
            all.sort_by_key(|recorded| recorded.recv_ns);
            let mut book = Book::default();
            let decoder = decode(&all, Mode::Strict, |_, updates| {
                updates.iter().for_each(|update| book.apply(update));
            });
            let facts = decoder.facts();
            assert_eq!(facts.snapshots, 1, "{symbol}");
            assert_eq!(case["applied"], facts.applied, "{symbol}");
            assert_eq!(case["stale_dropped"], facts.dropped_before_snapshot, "{symbol}");
            let events = facts.applied + facts.dropped_before_snapshot;
            assert_eq!(case["depth_events"], events, "{symbol}");
            assert_eq!(case["gaps"], facts.gaps, "{symbol}");
            assert_eq!(case["final_update_id"], book.last, "{symbol}");
            let levels = [book.bids.len(), book.asks.len()];
            assert_eq!(case["levels"], serde_json::json!(levels), "{symbol}");
            let wanted = ["top5_bids", "top5_asks"].map(|name| pairs(&case[name]));
            assert_eq!(book.top(5), wanted, "{symbol}");
            assert!(!book.is_crossed(), "{symbol}");
            checked += 1;
        }
    }
    assert_eq!(checked, 6, "all captured sequences");
}
