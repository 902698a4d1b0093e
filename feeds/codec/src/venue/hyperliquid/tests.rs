//! What the recording does not hold: best prices.

use qt_types::{Side, TickKind};

use crate::venue::Venue;
use crate::{Decoder, Frame, Mode};

#[test]
fn best_prices_and_sides() {
    let mut decoder = Decoder::new(Venue::Hyperliquid, Mode::Strict);
    let mut out = Vec::new();
    for text in [
        r#"{"channel":"bbo","data":{"coin":"X","time":7,"bbo":[null,{"px":"2","sz":"1","n":1}]}}"#,
        r#"{"channel":"trades","data":[{"coin":"X","side":"A","px":"1","sz":"2","time":6,
            "tid":5}]}"#,
        r#"{"channel":"subscriptionResponse","data":{}}"#,
    ] {
        decoder.decode(&Frame::new(text.as_bytes()), &mut out).unwrap();
    }
    assert_eq!((out[0].kind, out[0].side), (TickKind::Top, Some(Side::Sell)));
    assert_eq!((out[1].aggressor(), out[1].sequence), (Some(Side::Sell), 5));
    assert_eq!(out.len(), 2);
}
