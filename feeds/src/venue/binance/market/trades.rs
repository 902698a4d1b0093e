//! Trades that were asked for.

use std::borrow::Cow;

use qt_codec::{Number, Update};
use qt_types::{Nanos, Side, TickFlags, TickKind};
use serde::Deserialize;

/// A trade in an answer.
#[derive(Deserialize)]
struct Row<'a> {
    id: u64,
    #[serde(borrow)]
    price: Cow<'a, str>,
    #[serde(borrow)]
    qty: Cow<'a, str>,
    time: i64,
    #[serde(rename = "isBuyerMaker")]
    is_buyer_maker: bool,
}

impl Row<'_> {
    /// As the stream would have told it.
    fn update(&self, like: &Update) -> Option<Update> {
        let price = Number::parse_signed(&self.price).ok()?;
        let qty = Number::parse(&self.qty).ok()?;
        let (side, flags) = match self.is_buyer_maker {
            true => (Side::Sell, TickFlags::ASK),
            false => (Side::Buy, TickFlags::NONE),
        };
        Some(Update {
            price,
            qty,
            side: Some(side),
            flags: flags.with(TickFlags::LAST),
            venue_ns: Some(Nanos::new(self.time.checked_mul(1_000_000)?)),
            sequence: self.id,
            ..Update::new(like.symbol, TickKind::Trade)
        })
    }
}

/// The trades of an answer; nothing if one of them cannot be read.
pub(super) fn read(body: &[u8], like: &Update) -> Option<Vec<Update>> {
    let rows: Vec<Row<'_>> = serde_json::from_slice(body).ok()?;
    rows.iter().map(|row| row.update(like)).collect()
}
