//! Books as they are told: each depth of each symbol has its numbers of its own.

use std::collections::BTreeMap;

use crate::exchange::{Depth, Exchange, Nanos, Price, Qty, Side, SymbolId};

use super::market::changes;
use super::shapes::Shapes;

/// The first number of each book: small ones are those of a service that was restarted.
const FIRST_UPDATE: u64 = 20_000_000;
/// After how long a book of one level is told again that has not changed.
const AGAIN_NS: Nanos = 3_000_000_000;

/// A book as it was told last.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) update: u64,
    pub(super) told: Depth,
    /// When it was changed that way.
    pub(super) changed_ns: Nanos,
    told_ns: Nanos,
    slot: Nanos,
    is_dirty: bool,
}

/// What a book has become.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing that is to be told.
    None,
    /// All of it is told.
    Whole,
    /// Bids and asks that are other ones now.
    Changes(Vec<(Price, Qty)>, Vec<(Price, Qty)>),
}

impl Channel {
    /// A message with all of the book.
    pub(super) fn snapshot(
        &self,
        name: &str,
        symbol: SymbolId,
        shapes: &Shapes<'_>,
        now_ns: Nanos,
    ) -> String {
        let sides = (&self.told.bids[..], &self.told.asks[..]);
        let numbers = (self.update, self.told.last_update_id);
        shapes.book_frame(name, (symbol, "snapshot"), sides, numbers, (self.changed_ns, now_ns))
    }

    /// Takes the book of now; what has changed, if anything has.
    fn refresh(&mut self, now: Depth, changed_ns: Nanos) -> News {
        self.is_dirty = false;
        let bids = changes(Side::Buy, &self.told.bids, &now.bids);
        let asks = changes(Side::Sell, &self.told.asks, &now.asks);
        if bids.is_empty() && asks.is_empty() {
            return News::None;
        }
        self.update += 1;
        self.told = now;
        self.changed_ns = changed_ns;
        News::Changes(bids, asks)
    }
}

/// All books that are told.
#[derive(Debug, Default)]
pub(super) struct Books {
    channels: BTreeMap<(SymbolId, usize), Channel>,
    changed_ns: BTreeMap<SymbolId, Nanos>,
}

impl Books {
    /// A book has changed.
    pub(super) fn changed(&mut self, symbol: SymbolId, time_ns: Nanos) {
        self.changed_ns.insert(symbol, time_ns);
        for (_, channel) in self.channels.range_mut((symbol, 0)..=(symbol, usize::MAX)) {
            channel.is_dirty = true;
        }
    }

    pub(super) fn get(&self, symbol: SymbolId, depth: usize) -> Option<&Channel> {
        self.channels.get(&(symbol, depth))
    }

    /// The book of now at a depth, which nobody has been told of meanwhile.
    pub(super) fn current(
        &mut self,
        symbol: SymbolId,
        depth: usize,
        exchange: &Exchange,
        now_ns: Nanos,
    ) -> &Channel {
        let changed_ns = self.changed_ns.get(&symbol).copied().unwrap_or(now_ns);
        let channel = self.channels.entry((symbol, depth)).or_insert_with(|| Channel {
            // Numbers of different depths have nothing to do with each other.
            update: FIRST_UPDATE + depth as u64 * 1_000_000,
            told: Depth::default(),
            changed_ns,
            told_ns: now_ns,
            slot: 0,
            is_dirty: true,
        });
        channel.refresh(exchange.depth(symbol, depth), changed_ns);
        channel.told_ns = now_ns;
        channel
    }

    /// What is to be told of a book in this slot of time.
    pub(super) fn news(
        &mut self,
        (symbol, depth): (SymbolId, usize),
        slot: Nanos,
        exchange: &Exchange,
        now_ns: Nanos,
    ) -> News {
        let changed_ns = self.changed_ns.get(&symbol).copied().unwrap_or(now_ns);
        let Some(channel) = self.channels.get_mut(&(symbol, depth)) else { return News::None };
        if channel.slot == slot {
            return News::None;
        }
        channel.slot = slot;
        let news = if channel.is_dirty {
            channel.refresh(exchange.depth(symbol, depth), changed_ns)
        } else {
            News::None
        };
        let is_again = depth == 1 && now_ns - channel.told_ns >= AGAIN_NS;
        match news {
            News::None if !is_again => News::None,
            // The best prices are told whole, and again under the same number.
            _ if depth == 1 => {
                channel.told_ns = now_ns;
                News::Whole
            }
            other => {
                channel.told_ns = now_ns;
                other
            }
        }
    }
}
