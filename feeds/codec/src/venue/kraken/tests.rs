//! What the recordings do not hold: the cut to the depth, both sides in one message, wrong sums.

use qt_types::{Side, TickKind};

use crate::venue::Venue;
use crate::{Decoder, Frame, Mode, Update};

fn run(decoder: &mut Decoder, text: &str) -> Vec<Update> {
    let mut out = Vec::new();
    decoder
        .decode(&Frame::new(text.as_bytes()), &mut out)
        .unwrap_or_else(|e| panic!("{text}: {e}"));
    out
}

/// The checksum of a book whose digits are `text`.
fn sum(text: &str) -> u32 {
    crc32fast::hash(text.as_bytes())
}

/// `[["1.0","2.0","5.0"], ..]` for prices from `from` upwards.
fn levels(from: u32, count: u32) -> String {
    let level = |n| format!(r#"["{n}.0","1.00","1618678133.{n}"]"#);
    format!("[{}]", (from..from + count).map(level).collect::<Vec<_>>().join(","))
}

#[test]
fn a_level_pushed_out_of_the_depth_is_deleted() {
    for told in [true, false] {
        let mut decoder = Decoder::new(Venue::Kraken, Mode::Strict);
        // v1 says the depth in each message; v2 in the answer, else a full snapshot does.
        let channel = if told { "book-10" } else { "book" };
        let (bids, asks) = (levels(1, 10), levels(20, 10));
        run(&mut decoder, &format!(r#"[1,{{"as":{asks},"bs":{bids}}},"{channel}","X"]"#));
        let digits: String = std::iter::once("195100".to_owned())
            .chain((20..29).map(|n| format!("{n}0100")))
            .chain((1..11).rev().map(|n| format!("{n}0100")))
            .collect();
        let change = format!(
            r#"[1,{{"a":[["19.5","1.00","1618678134.5"]],"c":"{}"}},"{channel}","X"]"#,
            sum(&digits)
        );
        let out = run(&mut decoder, &change);
        let texts: Vec<String> = out.iter().map(|u| format!("{}x{}", u.price, u.qty)).collect();
        assert_eq!(texts, ["19.5x1.00", "29.0x0"], "{channel}");
        assert!(out.iter().all(|update| update.side == Some(Side::Sell)));
        assert_eq!((out[0].is_last(), out[1].is_last()), (false, true));
        assert_eq!(out[0].venue_ns.map(|at| at.get()), Some(1_618_678_134_500_000_000));
        assert_eq!(decoder.facts().checksums_verified, 1);
    }
}

#[test]
fn changes_before_a_snapshot_do_not_fix_the_depth() {
    let mut decoder = Decoder::new(Venue::Kraken, Mode::FromFirstLine);
    let change = r#"[1,{"a":[["19.5","1.00","1618678134.5"]],"c":"1"},"book","X"]"#;
    assert_eq!(run(&mut decoder, change).len(), 1);
    let snapshot = format!(r#"[1,{{"as":{},"bs":[]}},"book","X"]"#, levels(20, 10));
    assert_eq!(run(&mut decoder, &snapshot).len(), 12);
    let out = run(&mut decoder, change);
    let kinds: Vec<TickKind> = out.iter().map(|update| update.kind).collect();
    assert_eq!(kinds, [TickKind::Level, TickKind::Level, TickKind::Gap], "cut, and a wrong sum");
}

#[test]
fn both_sides_of_one_message_are_one_update() {
    let mut decoder = Decoder::new(Venue::Kraken, Mode::Strict);
    run(
        &mut decoder,
        r#"[1,{"as":[["2.0","1.00","1.3"]],"bs":[["1.0","2.00","1.3"]]},"book-10","X"]"#,
    );
    let (good, wrong) = (sum("2015011300"), sum("2015011301"));
    let change = |sum: u32| {
        format!(
            r#"[1,{{"a":[["2.0","1.50","2.5","r"]]}},{{"b":[["1.1","3.00","2.25"],["1.0","0.00",
                "2.0"]],"c":"{sum}"}},"book-10","X"]"#
        )
    };
    let out = run(&mut decoder, &change(good));
    assert_eq!(out.len(), 3);
    assert_eq!(out.iter().filter(|update| update.is_last()).count(), 1);
    // A wrong sum takes the changes back, asks for a snapshot, and nothing follows.
    let out = run(&mut decoder, &change(wrong));
    assert_eq!(out.iter().map(|u| u.kind).collect::<Vec<_>>(), [TickKind::Gap]);
    assert_eq!(decoder.needs_snapshot().count(), 1);
    assert!(run(&mut decoder, &change(good)).is_empty());
    let facts = decoder.facts();
    assert_eq!((facts.checksums_verified, facts.checksums_failed, facts.gaps), (1, 1, 1));
    assert_eq!((facts.applied, facts.dropped_before_snapshot), (1, 1));
}

#[test]
fn numbers_keep_their_zeros_and_subscriptions_tell_the_depth() {
    let mut decoder = Decoder::new(Venue::Kraken, Mode::Strict);
    let answer = r#"{"method":"subscribe","result":{"channel":"book","depth":1,"symbol":"X"},
        "success":true}"#;
    assert!(run(&mut decoder, answer).is_empty());
    let sum_of = sum("20100110250000000");
    let text = format!(
        r#"{{"channel":"book","type":"snapshot","data":[{{"symbol":"X","bids":[{{"price":1.10,
            "qty":2.50000000}}],"asks":[{{"price":2.0,"qty":1.00}}],"checksum":{sum_of}}}]}}"#
    );
    let out = run(&mut decoder, &text);
    assert_eq!(out.len(), 4);
    assert_eq!(decoder.facts().checksums_verified, 1);
    let text = format!(
        r#"{{"channel":"book","type":"update","data":[{{"symbol":"X","bids":[],
            "asks":[{{"qty":3.0,"price":1.9}}],"checksum":{},
            "timestamp":"2021-04-17T16:48:53.365913Z"}}]}}"#,
        sum("1930110250000000")
    );
    let out = run(&mut decoder, &text);
    assert_eq!(out.iter().map(|u| u.price.to_string()).collect::<Vec<_>>(), ["1.9", "2.0"]);
    assert_eq!(decoder.facts().checksums_verified, 2);
}

#[test]
fn trades_tickers_and_spreads() {
    let mut decoder = Decoder::new(Venue::Kraken, Mode::Strict);
    let out = run(&mut decoder, r#"[1,[["354.1","0.5","1618678142.5","s","l",""]],"trade","X"]"#);
    assert_eq!(out[0].aggressor(), Some(Side::Sell));
    let out = run(&mut decoder, r#"[1,{"a":["2.5",9,"9.25"],"b":["2.4",1,"1.5"]},"ticker","X"]"#);
    let texts: Vec<String> = out.iter().map(|u| format!("{}x{}", u.price, u.qty)).collect();
    assert_eq!(texts, ["2.4x1.5", "2.5x9.25"]);
    let out = run(&mut decoder, r#"[1,["2.4","2.5","1542057299.5","1.0","3.0"],"spread","X"]"#);
    assert_eq!(out[1].qty.to_string(), "3.0");
    run(&mut decoder, r#"[1,["1","2"],"ohlc-5","X"]"#);
    assert_eq!(decoder.facts().unknown["ohlc"], 1);
    let snapshot = r#"{"channel":"trade","type":"snapshot","data":[{"symbol":"X"}]}"#;
    assert!(run(&mut decoder, snapshot).is_empty(), "trades of before the subscription");
}

/// Another connection takes over: books begin with its snapshots, no gap is told, and what was told
/// of the depth holds no more.
#[test]
fn another_connection_begins_anew_without_a_gap() {
    let mut decoder = Decoder::new(Venue::Kraken, Mode::Strict);
    let snapshot = format!(r#"[1,{{"as":{},"bs":[]}},"book-10","X"]"#, levels(20, 10));
    assert_eq!(run(&mut decoder, &snapshot).len(), 12);
    let symbol = decoder.symbols().id("X").unwrap();
    assert!(!decoder.waits(symbol));
    decoder.replaced();
    assert!(decoder.waits(symbol) && decoder.facts().gaps == 0);
    let change = r#"[1,{"a":[["19.5","1.00","1618678134.5"]],"c":"1"},"book-10","X"]"#;
    assert_eq!(run(&mut decoder, change), [], "it belongs to a snapshot that is not there yet");
    assert_eq!(run(&mut decoder, &snapshot).len(), 12);
    assert_eq!((decoder.facts().gaps, decoder.facts().snapshots), (0, 2));
}

/// A book whose own checksum is wrong is not told at all.
#[test]
fn a_book_with_a_wrong_checksum_is_not_told() {
    let mut decoder = Decoder::new(Venue::Kraken, Mode::Strict);
    let book = |sum: u32| {
        format!(
            r#"{{"channel":"book","type":"snapshot","data":[{{"symbol":"X","bids":[],
            "asks":[{{"price":2.0,"qty":1.00}}],"checksum":{sum}}}]}}"#
        )
    };
    let out = run(&mut decoder, &book(sum("20100") ^ 1));
    assert_eq!(out.iter().map(|update| update.kind).collect::<Vec<_>>(), [TickKind::Gap]);
    assert_eq!((decoder.facts().snapshots, decoder.facts().checksums_failed), (0, 1));
    let out = run(&mut decoder, &book(sum("20100")));
    assert_eq!((out.len(), decoder.facts().checksums_verified), (3, 1));
}
