//! What the recordings do not hold: gaps, restarts, tickers, two depths of one symbol.

use qt_types::{Nanos, Side, TickKind};

use crate::venue::Venue;
use crate::{Decoder, Frame, Mode, Update};

fn run(decoder: &mut Decoder, text: &str) -> Vec<Update> {
    let mut out = Vec::new();
    decoder
        .decode(&Frame::new(text.as_bytes()), &mut out)
        .unwrap_or_else(|e| panic!("{text}: {e}"));
    out
}

fn book(depth: u32, kind: &str, id: u64) -> String {
    format!(
        r#"{{"topic":"orderbook.{depth}.X","ts":1733011200693,"type":"{kind}","data":{{"s":"X",
            "b":[["1","2"]],"a":[],"u":{id},"seq":1}},"cts":1733011200691}}"#
    )
}

#[test]
fn a_hole_in_the_ids_is_a_gap_and_a_restart_a_snapshot() {
    let mut decoder = Decoder::new(Venue::Bybit, Mode::Strict);
    for (kind, id, updates) in [
        ("delta", 6, 0),
        ("snapshot", 7, 3),
        ("delta", 8, 1),
        ("delta", 8, 0),
        ("delta", 1, 3),
        ("delta", 2, 1),
        ("delta", 4, 1),
        ("delta", 5, 0),
        ("snapshot", 3, 3),
    ] {
        let out = run(&mut decoder, &book(50, kind, id));
        assert_eq!(out.len(), updates, "{kind} {id}");
        assert!(out.iter().all(|u| u.venue_ns == Some(Nanos::new(1_733_011_200_691_000_000))));
    }
    let facts = decoder.facts();
    assert_eq!((facts.snapshots, facts.applied, facts.gaps, facts.stale), (3, 2, 1, 1));
}

#[test]
fn the_deeper_of_two_books_counts() {
    let mut decoder = Decoder::new(Venue::Bybit, Mode::Strict);
    assert_eq!(run(&mut decoder, &book(1, "snapshot", 7)).len(), 3);
    let out = run(&mut decoder, &book(50, "snapshot", 100));
    assert_eq!((out.len(), out[0].kind), (4, TickKind::Gap));
    assert!(run(&mut decoder, &book(1, "delta", 8)).is_empty());
    assert_eq!(run(&mut decoder, &book(50, "delta", 101)).len(), 1);
    run(&mut decoder, &book(50, "delta", 102).replace("orderbook.50", "orderbook.rpi"));
    assert_eq!(decoder.facts().unknown["orderbook.rpi"], 1);
}

#[test]
fn tickers_remember_what_they_do_not_repeat() {
    let mut decoder = Decoder::new(Venue::Bybit, Mode::Strict);
    let ticker = |fields: &str, at: u64| {
        format!(
            r#"{{"topic":"tickers.X","type":"delta","data":{{"symbol":"X"{fields}}},"ts":{at}}}"#
        )
    };
    let text = r#","bid1Price":"1.5","bid1Size":"2","ask1Price":"1.6","ask1Size":"3",
        "markPrice":"1.55","fundingRate":"0.0001","nextFundingTime":"1000""#;
    assert_eq!(run(&mut decoder, &ticker(text, 900)).len(), 3);
    let out = run(&mut decoder, &ticker(r#","bid1Size":"4""#, 950));
    let texts: Vec<String> = out.iter().map(|u| format!("{}x{}", u.price, u.qty)).collect();
    assert_eq!(texts, ["1.5x4", "1.6x3"]);
    assert!(run(&mut decoder, &ticker(r#","openInterest":"4""#, 960)).is_empty());
    let out =
        run(&mut decoder, &ticker(r#","fundingRate":"0.0003","nextFundingTime":"2000""#, 1_001));
    assert_eq!((out[0].kind, out[0].qty.to_string()), (TickKind::Funding, "0.0001".into()));
}

#[test]
fn trades_of_the_book_only() {
    let mut decoder = Decoder::new(Venue::Bybit, Mode::Strict);
    let trade = |block: bool| {
        format!(
            r#"{{"T":5,"s":"X","S":"Sell","v":"0.10","p":"7","i":"a-b","BT":{block},"seq":11}}"#
        )
    };
    let text = format!(
        r#"{{"topic":"publicTrade.X","type":"snapshot","ts":6,"data":[{},{}]}}"#,
        trade(false),
        trade(true)
    );
    let out = run(&mut decoder, &text);
    assert_eq!(out.len(), 1);
    assert_eq!((out[0].aggressor(), out[0].sequence), (Some(Side::Sell), 11));
    assert_eq!(decoder.facts().unknown["block trade"], 1);
}

#[test]
fn a_damaged_change_without_ids_is_a_gap() {
    let mut decoder = Decoder::new(Venue::Bybit, Mode::Strict);
    let snapshot = r#"{"topic":"orderBookL2_25.X","type":"snapshot",
        "data":{"order_book":[{"price":"2","side":"Sell","size":1}]},
        "timestamp_e6":"1618677786460000"}"#;
    assert_eq!(run(&mut decoder, snapshot).len(), 3);
    let bad = r#"{"topic":"orderBookL2_25.X","type":"delta","data":{"delete":[{"price":"x",
        "side":"Sell"}]},"timestamp_e6":"1618677786460001"}"#;
    let mut out = Vec::new();
    assert!(decoder.decode(&Frame::new(bad.as_bytes()), &mut out).is_err());
    assert_eq!(out.iter().map(|u| u.kind).collect::<Vec<_>>(), [TickKind::Gap]);
    assert_eq!(decoder.needs_snapshot().count(), 1);
}
