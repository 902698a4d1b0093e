//! Kraken spot, WebSocket v1 (lists) and v2 (objects). There are no ids: the checksum of the ten
//! best levels finds losses. Levels pushed out of the subscribed depth are never deleted by a
//! message; the book is cut to the depth after each one.
//!
//! Trade side: the aggressor's.

mod v1;
mod v2;

use qt_types::Nanos;

use crate::checksum::Scheme;
use crate::feed::{BookFrame, BookKind, FULL_DEPTH, Feed, Sides};
use crate::json::{self, Json};
use crate::sync::{Ids, Policy};
use crate::venue::Protocol;
use crate::{Frame, FrameError, SymbolId};

/// The depths that can be subscribed to.
const DEPTHS: [u32; 5] = [10, 25, 100, 500, 1_000];

/// See the module.
#[derive(Default)]
pub(crate) struct Kraken {
    sides: Sides,
    /// The subscribed depth of each symbol, where a message told it.
    depths: Vec<Option<u32>>,
}

impl Protocol for Kraken {
    fn reads_lists(&self) -> bool {
        true
    }

    fn frame(&mut self, json: &Json<'_>, _: &Frame<'_>, feed: &mut Feed) -> Result<(), FrameError> {
        if json::is_list(json.text()) {
            return self.v1(json, feed);
        }
        if json::field(json.text(), "channel").is_empty() {
            return self.v2_control(json, feed);
        }
        self.v2(json, feed)
    }
}

impl Kraken {
    /// Notes the depth that a message tells.
    fn set_depth(&mut self, symbol: SymbolId, depth: u32) {
        let at = usize::from(symbol.0);
        if self.depths.len() <= at {
            self.depths.resize(at + 1, None);
        }
        self.depths[at] = Some(depth);
    }

    /// The depth of the subscription of `symbol`. Where no message told it, a snapshot whose
    /// larger side has exactly one of the depths does; else the largest: a book that is kept too
    /// deep fails its checksum in the end, one that is cut too early would not.
    fn depth(&mut self, symbol: SymbolId, snapshot: bool) -> u32 {
        let at = usize::from(symbol.0);
        if let Some(depth) = self.depths.get(at).copied().flatten() {
            return depth;
        }
        let most = self.sides.bids.len().max(self.sides.asks.len());
        let exact = DEPTHS.into_iter().find(|depth| *depth as usize == most);
        let depth = exact.unwrap_or(DEPTHS[DEPTHS.len() - 1]);
        if snapshot {
            self.set_depth(symbol, depth);
        }
        depth
    }

    /// Tells the feed what stands in the sides.
    fn tell(
        &mut self,
        symbol: SymbolId,
        kind: BookKind,
        venue_ns: Option<Nanos>,
        checksum: Option<u32>,
        feed: &mut Feed,
    ) {
        let depth = self.depth(symbol, kind == BookKind::Snapshot);
        feed.book(&BookFrame {
            symbol,
            kind,
            policy: Policy::Unnumbered,
            ids: Ids::default(),
            // One subscription a symbol: none is deeper than another.
            depth: FULL_DEPTH,
            cut: Some(depth as usize),
            venue_ns,
            scheme: Some(Scheme::AsksThenBids),
            checksum,
            sides: &self.sides,
        });
    }
}

/// A checksum as it stands in a message.
fn checksum(json: &Json<'_>, part: &str) -> Result<Option<u32>, FrameError> {
    if part.is_empty() {
        return Ok(None);
    }
    let value = json.uint(part, "checksum")?;
    u32::try_from(value).map(Some).map_err(|_| json.wrong(part, "checksum", "a number of 32 bits"))
}

#[cfg(test)]
mod tests;
