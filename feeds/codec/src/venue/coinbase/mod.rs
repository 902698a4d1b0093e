//! Coinbase: the Exchange feed (`level2`, `matches`, `ticker`) and Advanced Trade (`l2_data`,
//! `market_trades`, `ticker`). Books have no ids; Advanced Trade numbers the messages of a
//! connection over all channels.
//!
//! Trade side: both name the MAKER's side, so the aggressor is the other one. (The documents are
//! not consistent for Advanced Trade: hold it against a live feed before it matters.)

mod advanced;
mod exchange;

use qt_types::Nanos;

use crate::feed::{BookFrame, BookKind, FULL_DEPTH, Feed, Sides};
use crate::json::{self, Json};
use crate::sync::{Ids, Policy};
use crate::venue::Protocol;
use crate::{Frame, FrameError, SymbolId};

/// See the module.
#[derive(Default)]
pub(crate) struct Coinbase {
    sides: Sides,
    /// The number of the last message of the connection.
    sequence: Option<u64>,
}

impl Protocol for Coinbase {
    fn frame(&mut self, json: &Json<'_>, _: &Frame<'_>, feed: &mut Feed) -> Result<(), FrameError> {
        let (mut kind, mut channel) = ("", "");
        for (key, value) in json::fields(json.text()) {
            match key {
                "type" => kind = json::bare(value),
                "channel" => channel = json::bare(value),
                _ => continue,
            }
            break;
        }
        match (channel, kind) {
            ("", "") => feed.facts.skip("other"),
            ("", kind) => return self.exchange(json, kind, feed),
            (channel, _) => return self.advanced(json, channel, feed),
        }
        Ok(())
    }
}

impl Coinbase {
    /// Tells the feed what stands in the sides.
    fn tell(
        &mut self,
        symbol: SymbolId,
        kind: BookKind,
        venue_ns: Option<Nanos>,
        id: u64,
        feed: &mut Feed,
    ) {
        feed.book(&BookFrame {
            symbol,
            kind,
            policy: Policy::Unnumbered,
            ids: Ids::one(id),
            depth: FULL_DEPTH,
            cut: None,
            venue_ns,
            scheme: None,
            checksum: None,
            sides: &self.sides,
        });
    }
}

#[cfg(test)]
mod tests;
