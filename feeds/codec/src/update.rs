//! What every decoder emits, whoever the venue is.

use qt_types::{Nanos, Side, TickFlags, TickKind};

use crate::{Number, SymbolId};

/// A price of a book and the quantity there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// The price.
    pub price: Number,
    /// The quantity that rests there now; zero: the price is empty.
    pub qty: Number,
}

/// One change of a market. The kinds mean what [`TickKind`] says; numbers are the venue's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    /// What it is about.
    pub symbol: SymbolId,
    /// What it says.
    pub kind: TickKind,
    /// Buy: the bid side, or the aggressor bought. `None`: neither side, or not known.
    pub side: Option<Side>,
    /// [`TickFlags::LAST`] closes an update, [`TickFlags::SNAPSHOT`] marks a whole book,
    /// [`TickFlags::ASK`] and [`TickFlags::NO_AGGRESSOR`] say what `side` says.
    pub flags: TickFlags,
    /// The price; the mark price for [`TickKind::Mark`] and [`TickKind::Funding`]; else zero.
    pub price: Number,
    /// The quantity. [`TickKind::Funding`]: the rate as a fraction (it may be negative).
    /// [`TickKind::Status`]: 1 trading, 0 halted.
    pub qty: Number,
    /// When the venue says it happened (UTC ns), where it says so.
    pub venue_ns: Option<Nanos>,
    /// The venue's id of the update or of the trade; zero where it has none.
    pub sequence: u64,
}

impl Update {
    /// An update without price, quantity, side and flags.
    #[must_use]
    pub const fn new(symbol: SymbolId, kind: TickKind) -> Self {
        Self {
            symbol,
            kind,
            side: None,
            flags: TickFlags::NONE,
            price: Number::ZERO,
            qty: Number::ZERO,
            venue_ns: None,
            sequence: 0,
        }
    }

    /// The same on `side`, its flag set accordingly.
    #[must_use]
    #[inline]
    pub(crate) const fn on(mut self, side: Side) -> Self {
        self.side = Some(side);
        if matches!(side, Side::Sell) {
            self.flags = self.flags.with(TickFlags::ASK);
        }
        self
    }

    /// Who took liquidity, for a trade whose venue says so.
    #[must_use]
    pub const fn aggressor(&self) -> Option<Side> {
        if matches!(self.kind, TickKind::Trade) { self.side } else { None }
    }

    /// Whether it closes an update of the venue.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.flags.has(TickFlags::LAST)
    }
}
