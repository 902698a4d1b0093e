//! Recorded streams: what a venue tells again.

use qt_data::import::ImportOptions;
use qt_types::{Tick, TickKind};

use crate::support::imported;

const SECOND_NS: i64 = 1_000_000_000;

fn trade(recv_s: i64, venue_s: i64, price: &str) -> String {
    let (recv, venue) = (recv_s * SECOND_NS, venue_s * 1_000);
    format!(
        "{recv} {{\"e\":\"trade\",\"E\":{venue},\"s\":\"X\",\"t\":{venue_s},\"p\":\"{price}\",\
         \"q\":\"1\",\"T\":{venue},\"m\":true,\"X\":\"MARKET\"}}\n"
    )
}

/// The third trade is 42 s older than the one before: it was told on subscribing and must not
/// print as if it had happened now. The fourth is late by 5 s, which is disorder to be repaired.
#[test]
fn a_trade_that_is_told_again_is_left_out() {
    let start = 1_723_161_256;
    let text = [
        trade(start, start, "10.1"),
        trade(start + 1, start + 1, "10.2"),
        trade(start + 2, start - 41, "10.3"),
        trade(start + 3, start - 4, "10.4"),
    ];
    let options = ImportOptions::default();
    let (done, said) = imported::<Tick>("x.jsonl", text.concat().as_bytes(), &options).unwrap();
    let prices: Vec<i64> = said.iter().map(|(tick, _)| tick.price).collect();
    assert_eq!(prices, [101, 102, 104]);
    assert!(said.iter().all(|(tick, _)| tick.kind() == Some(TickKind::Trade)));
    assert_eq!(said[2].0.venue_ns, (start + 1) * SECOND_NS);
    let old = "trades older than 10 s (left out: told again on subscribing)";
    assert_eq!((done.count(old), done.description.facts[0].first.as_str()), (1, "line 3"));
}
