//! What the recordings do not hold: gaps, grouped books, negative prices, blocks.

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

fn note(channel: &str, data: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"{channel}",
            "data":{data}}}}}"#
    )
}

fn change(id: u64, previous: u64) -> String {
    let data = format!(
        r#"{{"type":"change","timestamp":1,"instrument_name":"X","change_id":{id},
            "prev_change_id":{previous},"bids":[["change",1.0e-4,2.0],["delete",-0.5,0.0]],
            "asks":[]}}"#
    );
    note("book.X.raw", &data)
}

#[test]
fn changes_are_linked() {
    let mut decoder = Decoder::new(Venue::Deribit, Mode::Strict);
    let snapshot = r#"{"type":"snapshot","timestamp":1,"instrument_name":"X","change_id":10,
        "bids":[["new",-0.5,1.0]],"asks":[]}"#;
    assert_eq!(run(&mut decoder, &note("book.X.raw", snapshot)).len(), 3);
    let out = run(&mut decoder, &change(20, 10));
    let texts: Vec<String> = out.iter().map(|u| format!("{}x{}", u.price, u.qty)).collect();
    assert_eq!(texts, ["0.00010x2.0", "-0.5x0"]);
    assert_eq!(run(&mut decoder, &change(30, 21))[0].kind, TickKind::Gap);
    assert!(run(&mut decoder, &change(40, 30)).is_empty());
    assert_eq!(decoder.needs_snapshot().count(), 1);
}

#[test]
fn grouped_books_come_whole() {
    let mut decoder = Decoder::new(Venue::Deribit, Mode::Strict);
    let data = r#"{"timestamp":1,"instrument_name":"X","change_id":10,"bids":[[1.5,2.0]],
        "asks":[[1.6,1.0]]}"#;
    for _ in 0..2 {
        assert_eq!(run(&mut decoder, &note("book.X.none.10.100ms", data)).len(), 4);
    }
}

#[test]
fn tickers_tell_marks_and_halts_and_blocks_are_left_out() {
    let mut decoder = Decoder::new(Venue::Deribit, Mode::Strict);
    let ticker = |state: &str| {
        let data = format!(
            r#"{{"timestamp":1,"instrument_name":"X","state":"{state}","mark_price":0.5,
                "best_bid_price":null,"best_bid_amount":0.0,"best_ask_price":1,
                "best_ask_amount":2}}"#
        );
        note("ticker.X.raw", &data)
    };
    let out = run(&mut decoder, &ticker("open"));
    assert_eq!(out.iter().map(|u| u.kind).collect::<Vec<_>>(), [TickKind::Top, TickKind::Mark]);
    assert_eq!(run(&mut decoder, &ticker("closed"))[2].kind, TickKind::Status);
    let trade = r#"{"timestamp":1,"instrument_name":"X","price":0.5,"amount":1.0,
        "direction":"buy","trade_seq":3,"trade_id":"9"}"#;
    let block = trade.replace('}', r#","block_trade_id":"1"}"#);
    assert_eq!(run(&mut decoder, &note("trades.X.raw", &format!("[{trade},{block}]"))).len(), 1);
    run(&mut decoder, r#"{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}"#);
    assert_eq!(decoder.facts().unknown["heartbeat"], 1);
}
