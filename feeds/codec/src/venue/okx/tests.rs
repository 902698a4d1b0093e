//! What the recordings do not hold: ids instead of checksums, whole books, marks and funding.

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

fn book(action: &str, seq: i64, previous: i64) -> String {
    format!(
        r#"{{"arg":{{"channel":"books","instId":"X"}},"action":"{action}","data":[{{"asks":[["2",
            "1","0","1"]],"bids":[],"ts":"1652459225464","checksum":0,"seqId":{seq},
            "prevSeqId":{previous}}}]}}"#
    )
}

#[test]
fn ids_link_where_the_checksum_is_zero() {
    let mut decoder = Decoder::new(Venue::Okx, Mode::Strict);
    for (action, seq, previous, kinds) in [
        ("update", 9, 8, &[][..]),
        ("snapshot", 10, -1, &[TickKind::Clear, TickKind::Clear, TickKind::Level]),
        ("update", 15, 10, &[TickKind::Level]),
        ("update", 15, 15, &[TickKind::Level]),
        ("update", 3, 15, &[TickKind::Level]),
        ("update", 9, 5, &[TickKind::Gap]),
        ("update", 11, 9, &[]),
        ("snapshot", 12, -1, &[TickKind::Clear, TickKind::Clear, TickKind::Level]),
    ] {
        let out = run(&mut decoder, &book(action, seq, previous));
        assert_eq!(out.iter().map(|u| u.kind).collect::<Vec<_>>(), kinds, "{action} {seq}");
    }
    let facts = decoder.facts();
    assert_eq!((facts.applied, facts.gaps, facts.dropped_before_snapshot), (3, 1, 3));
    assert_eq!((facts.checksums_verified, facts.checksums_failed), (0, 0));
}

#[test]
fn whole_books_best_prices_and_words() {
    let mut decoder = Decoder::new(Venue::Okx, Mode::Strict);
    let five = r#"{"arg":{"channel":"books5","instId":"X"},"data":[{"asks":[["2","1","0","1"]],
        "bids":[["1","1","0","1"]],"instId":"X","ts":"1652459225464","seqId":5}]}"#;
    assert_eq!(run(&mut decoder, five).len(), 4);
    let best = five.replace("books5", "bbo-tbt");
    let out = run(&mut decoder, &best);
    assert_eq!(out.iter().map(|u| u.kind).collect::<Vec<_>>(), [TickKind::Top; 2]);
    assert_eq!(out[1].sequence, 5);
    assert!(run(&mut decoder, "pong").is_empty());
    assert_eq!(decoder.facts().unknown["ping"], 1);
    run(&mut decoder, &book("snapshot", 1, -1));
    assert!(run(&mut decoder, five).is_empty(), "the deeper book counts");
}

#[test]
fn marks_and_funding() {
    let mut decoder = Decoder::new(Venue::Okx, Mode::Strict);
    let mark = r#"{"arg":{"channel":"mark-price","instId":"X"},"data":[{"instId":"X",
        "markPx":"2.1729","ts":"1640131259180"}]}"#;
    assert_eq!(run(&mut decoder, mark)[0].kind, TickKind::Mark);
    let funding = |rate: &str, at: u64| {
        format!(
            r#"{{"arg":{{"channel":"funding-rate","instId":"X"}},"data":[{{"fundingRate":"{rate}",
                "fundingTime":"{at}","instId":"X"}}]}}"#
        )
    };
    assert!(run(&mut decoder, &funding("0.0001", 1_640_131_200_000)).is_empty());
    let out = run(&mut decoder, &funding("0.0002", 1_640_160_000_000));
    assert_eq!((out[0].kind, out[0].qty.to_string()), (TickKind::Funding, "0.0001".into()));
    assert_eq!(out[0].price.to_string(), "2.1729");
    assert!(run(&mut decoder, &funding("", 1_640_160_000_000)).is_empty());
}
