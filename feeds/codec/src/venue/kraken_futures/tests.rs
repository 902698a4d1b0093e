//! What the recordings do not hold: gaps, halts, blocks.

use qt_types::TickKind;

use crate::venue::Venue;
use crate::{Decoder, Frame, Mode, Update};

fn run(decoder: &mut Decoder, text: &str) -> Vec<Update> {
    let mut out = Vec::new();
    decoder
        .decode(&Frame::new(text.as_bytes()), &mut out)
        .unwrap_or_else(|e| panic!("{text}: {e}"));
    out
}

#[test]
fn numbers_of_a_product_follow_each_other() {
    let mut decoder = Decoder::new(Venue::KrakenFutures, Mode::Strict);
    let snapshot = r#"{"feed":"book_snapshot","product_id":"X","timestamp":1,"seq":5,
        "bids":[{"price":1.0,"qty":2.0}],"asks":[]}"#;
    let change = |seq: u32| {
        format!(
            r#"{{"feed":"book","product_id":"X","side":"sell","seq":{seq},"price":2.50,"qty":1.0,
                "timestamp":2}}"#
        )
    };
    assert_eq!(run(&mut decoder, snapshot).len(), 3);
    let out = run(&mut decoder, &change(6));
    assert_eq!((out[0].price.to_string(), out[0].sequence), ("2.50".into(), 6));
    assert_eq!(run(&mut decoder, &change(8))[0].kind, TickKind::Gap);
    assert_eq!(decoder.needs_snapshot().count(), 1);
}

#[test]
fn tickers_tell_halts() {
    let mut decoder = Decoder::new(Venue::KrakenFutures, Mode::Strict);
    let ticker = |suspended: bool| {
        format!(
            r#"{{"feed":"ticker","product_id":"X","time":1676393235406,"bid":1.5,"ask":1.6,
                "bid_size":2.0,"ask_size":3.0,"markPrice":1.55,"suspended":{suspended}}}"#
        )
    };
    for (suspended, updates) in [(false, 3), (true, 4), (true, 3), (false, 4)] {
        let out = run(&mut decoder, &ticker(suspended));
        assert_eq!(out.len(), updates);
        if updates == 4 {
            let trades = if suspended { "0" } else { "1" };
            assert_eq!((out[3].kind, out[3].qty.to_string()), (TickKind::Status, trades.into()));
        }
    }
    let block = r#"{"feed":"trade","product_id":"X","side":"sell","type":"block","seq":1,"time":1,
        "qty":1,"price":2}"#;
    assert!(run(&mut decoder, block).is_empty());
    assert_eq!(run(&mut decoder, &block.replace("block", "liquidation")).len(), 1);
}
