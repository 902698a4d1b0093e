//! What the recordings do not hold: jumps of the connection's numbers, damage.

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

fn advanced(channel: &str, sequence: u64, event: &str) -> String {
    format!(
        r#"{{"channel":"{channel}","client_id":"","timestamp":"2021-04-17T16:43:37Z",
            "sequence_num":{sequence},"events":[{event}]}}"#
    )
}

fn l2(kind: &str) -> String {
    format!(
        r#"{{"type":"{kind}","product_id":"X","updates":[{{"side":"offer",
            "event_time":"2021-04-17T16:43:36Z","price_level":"2","new_quantity":"1"}}]}}"#
    )
}

#[test]
fn a_jump_of_the_connection_is_a_loss_of_all_books() {
    let mut decoder = Decoder::new(Venue::Coinbase, Mode::Strict);
    assert_eq!(run(&mut decoder, &advanced("l2_data", 0, &l2("snapshot"))).len(), 3);
    assert!(run(&mut decoder, &advanced("heartbeats", 1, "")).is_empty());
    let out = run(&mut decoder, &advanced("l2_data", 2, &l2("update")));
    assert_eq!((out.len(), out[0].side), (1, Some(Side::Sell)));
    assert_eq!(out[0].venue_ns.map(|at| at.get()), Some(1_618_677_816_000_000_000));
    assert!(run(&mut decoder, &advanced("l2_data", 2, &l2("update"))).is_empty(), "repeated");
    let out = run(&mut decoder, &advanced("heartbeats", 4, ""));
    assert_eq!(out.iter().map(|u| u.kind).collect::<Vec<_>>(), [TickKind::Gap]);
    assert!(run(&mut decoder, &advanced("l2_data", 5, &l2("update"))).is_empty());
    assert_eq!(decoder.needs_snapshot().count(), 1);
    assert_eq!(run(&mut decoder, &advanced("l2_data", 6, &l2("snapshot"))).len(), 3);
    let facts = decoder.facts();
    assert_eq!((facts.gaps, facts.stale, facts.dropped_before_snapshot), (1, 1, 1));
    assert_eq!(facts.unknown["heartbeats"], 2);
}

#[test]
fn trades_name_the_maker() {
    let mut decoder = Decoder::new(Venue::Coinbase, Mode::Strict);
    let trade = r#"{"trade_id":"7","product_id":"X","price":"1.50","size":"2","side":"BUY",
        "time":"2021-04-17T16:43:37Z"}"#;
    let event = |kind: &str| format!(r#"{{"type":"{kind}","trades":[{trade}]}}"#);
    assert!(run(&mut decoder, &advanced("market_trades", 0, &event("snapshot"))).is_empty());
    let out = run(&mut decoder, &advanced("market_trades", 1, &event("update")));
    assert_eq!((out[0].aggressor(), out[0].sequence), (Some(Side::Sell), 7));
    let old = r#"{"type":"match","trade_id":8,"side":"sell","size":"9","price":"2",
        "product_id":"X","sequence":1,"time":"2021-04-17T16:43:37.5Z"}"#;
    let out = run(&mut decoder, old);
    assert_eq!((out[0].aggressor(), out[0].sequence), (Some(Side::Buy), 8));
    let ticker = r#"{"product_id":"X","best_bid":"1","best_bid_quantity":"2","best_ask":"3",
        "best_ask_quantity":""}"#;
    let out = run(&mut decoder, &advanced("ticker", 2, &format!(r#"{{"tickers":[{ticker}]}}"#)));
    assert_eq!(out.len(), 1, "no ask");
}

#[test]
fn damage_ends_books_that_no_id_guards() {
    let mut decoder = Decoder::new(Venue::Coinbase, Mode::Strict);
    for name in ["X", "Y"] {
        let text =
            format!(r#"{{"type":"snapshot","product_id":"{name}","bids":[["1","2"]],"asks":[]}}"#);
        run(&mut decoder, &text);
    }
    let damaged = |decoder: &mut Decoder, text: &str| {
        let mut out = Vec::new();
        assert!(decoder.decode(&Frame::new(text.as_bytes()), &mut out).is_err());
        out.iter().map(|update| (update.kind, update.symbol.0)).collect::<Vec<_>>()
    };
    let bad = r#"{"type":"l2update","product_id":"X","changes":[["buy","1"]],
        "time":"2021-04-17T16:43:37Z"}"#;
    assert_eq!(damaged(&mut decoder, bad), [(TickKind::Gap, 0)]);
    assert_eq!(damaged(&mut decoder, &bad[..40]), [(TickKind::Gap, 1)], "whose it was is unknown");
    let bad = r#"{"type":"match","product_id":"X","price":"x"}"#;
    assert_eq!(damaged(&mut decoder, bad), [], "no book");
    assert_eq!(decoder.facts().errors, 3);
}
