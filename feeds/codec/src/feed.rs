//! What all venues have in common: symbols, counts, trades, best prices, marks. Books are in
//! `books`.

use std::mem;

use qt_types::{Nanos, Side, TickFlags, TickKind};

use crate::books::Slot;
use crate::checksum::Scheme;
use crate::sync::{Ids, Mode, Policy};
use crate::{Facts, FrameError, Level, Number, SymbolId, Symbols, Update};

/// Most levels of one side in one frame; the largest real books have some ten thousand.
pub const LEVELS_MAX: usize = 1 << 20;

/// The depth of a stream that tells the whole book.
pub(crate) const FULL_DEPTH: u32 = u32::MAX;

/// The levels of one frame, in its order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sides {
    pub(crate) bids: Vec<Level>,
    pub(crate) asks: Vec<Level>,
}

impl Sides {
    pub(crate) fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    /// The list of one side.
    pub(crate) const fn of(&mut self, side: Side) -> &mut Vec<Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

/// What a frame tells about a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BookKind {
    /// The book, to which the changes of the stream belong.
    Snapshot,
    /// A change.
    Delta,
    /// The book, again in each frame: there are no changes.
    Whole,
}

/// A frame about a book.
pub(crate) struct BookFrame<'a> {
    pub(crate) symbol: SymbolId,
    pub(crate) kind: BookKind,
    pub(crate) policy: Policy,
    pub(crate) ids: Ids,
    /// How deep the stream is: of several streams of one symbol the deepest counts.
    pub(crate) depth: u32,
    /// How many levels a side the venue keeps without deleting the others, where it does so.
    pub(crate) cut: Option<usize>,
    pub(crate) venue_ns: Option<Nanos>,
    /// How checksums are computed, where the venue sends them.
    pub(crate) scheme: Option<Scheme>,
    pub(crate) checksum: Option<u32>,
    pub(crate) sides: &'a Sides,
}

/// A trade.
pub(crate) struct TradeFrame {
    pub(crate) symbol: SymbolId,
    pub(crate) price: Number,
    pub(crate) qty: Number,
    pub(crate) aggressor: Option<Side>,
    pub(crate) venue_ns: Option<Nanos>,
    pub(crate) id: u64,
}

/// What is known of the market of a symbol beside its book.
#[derive(Debug, Default)]
pub(crate) struct Market {
    mark: Number,
    funding: Option<(Number, Nanos)>,
    halted: bool,
}

/// The part of a decoder that knows no venue.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    pub(crate) mode: Mode,
    pub(crate) symbols: Symbols,
    pub(crate) facts: Facts,
    pub(crate) out: Vec<Update>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) held_levels: usize,
    pub(crate) scratch: Sides,
}

impl Feed {
    /// A feed that has seen nothing yet.
    pub(crate) fn new(mode: Mode) -> Self {
        Self { mode, ..Self::default() }
    }

    /// The number of the symbol `name`.
    pub(crate) fn symbol(&mut self, name: &str) -> Result<SymbolId, FrameError> {
        let id = self.symbols.intern(name).ok_or(FrameError::Symbol)?;
        if self.slots.len() < self.symbols.len() {
            self.slots.resize_with(self.symbols.len(), Slot::default);
        }
        Ok(id)
    }

    /// The only symbol so far, if there is just one.
    pub(crate) fn sole_symbol(&self) -> Option<SymbolId> {
        (self.symbols.len() == 1).then_some(SymbolId(0))
    }

    /// The best prices. A side may be missing.
    pub(crate) fn top(
        &mut self,
        symbol: SymbolId,
        bid: Option<Level>,
        ask: Option<Level>,
        venue_ns: Option<Nanos>,
        sequence: u64,
    ) {
        self.facts.tickers += 1;
        let from = self.out.len();
        for (side, level) in [(Side::Buy, bid), (Side::Sell, ask)] {
            if let Some(Level { price, qty }) = level {
                let base = Update::new(symbol, TickKind::Top).on(side);
                self.out.push(Update { price, qty, venue_ns, sequence, ..base });
            }
        }
        if self.out.len() > from {
            close(&mut self.out);
        }
    }

    /// A trade.
    pub(crate) fn trade(&mut self, trade: &TradeFrame) {
        self.facts.trades += 1;
        let base = Update::new(trade.symbol, TickKind::Trade);
        let base = match trade.aggressor {
            Some(side) => base.on(side),
            None => Update { flags: TickFlags::NO_AGGRESSOR, ..base },
        };
        self.out.push(Update {
            price: trade.price,
            qty: trade.qty,
            venue_ns: trade.venue_ns,
            sequence: trade.id,
            ..base
        });
        close(&mut self.out);
    }

    /// The mark price.
    pub(crate) fn mark(&mut self, symbol: SymbolId, price: Number, venue_ns: Option<Nanos>) {
        self.facts.marks += 1;
        self.slots[usize::from(symbol.0)].market.mark = price;
        self.out.push(Update { price, venue_ns, ..Update::new(symbol, TickKind::Mark) });
        close(&mut self.out);
    }

    /// The funding rate that will be settled at `settles`, as known at `now`. When the settlement
    /// before it has passed, that is told with the last rate there was for it. It goes before what
    /// the same frame says of the mark.
    pub(crate) fn funding(&mut self, symbol: SymbolId, rate: Number, settles: Nanos, now: Nanos) {
        self.facts.rates += 1;
        let market = &mut self.slots[usize::from(symbol.0)].market;
        if let Some((rate, due)) = market.funding
            && due <= now
            && due < settles
        {
            self.facts.fundings += 1;
            let base = Update::new(symbol, TickKind::Funding);
            self.out.push(Update { price: market.mark, qty: rate, venue_ns: Some(due), ..base });
            close(&mut self.out);
        }
        market.funding = Some((rate, settles));
    }

    /// Whether the symbol trades; told when it changes.
    pub(crate) fn status(&mut self, symbol: SymbolId, trades: bool, venue_ns: Option<Nanos>) {
        let market = &mut self.slots[usize::from(symbol.0)].market;
        if mem::replace(&mut market.halted, !trades) == trades {
            let qty = Number::new(i64::from(trades), 0).unwrap_or_default();
            self.out.push(Update { qty, venue_ns, ..Update::new(symbol, TickKind::Status) });
            close(&mut self.out);
        }
    }
}

/// Marks the end of an update of the venue.
pub(crate) fn close(out: &mut [Update]) {
    if let Some(last) = out.last_mut() {
        last.flags = last.flags.with(TickFlags::LAST);
    }
}
