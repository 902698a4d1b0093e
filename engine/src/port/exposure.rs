//! The read-only view of the account, the market and the open orders.

use qt_types::{Cash, InstrumentId, InstrumentSpec, Price, Qty, Side};

use crate::book::BookView;
use crate::{Ledger, LedgerError, Market, OrderTable};

/// What the account holds and has in work, at the prices known now. Lent to strategies and
/// gates; nothing can be changed through it.
#[derive(Clone, Copy)]
pub struct Exposure<'a> {
    /// The units of every instrument, by [`InstrumentId`].
    pub specs: &'a [InstrumentSpec],
    /// The last prices.
    pub market: &'a Market,
    /// Cash and positions.
    pub ledger: &'a Ledger,
    /// The open orders.
    pub orders: &'a OrderTable,
}

impl Exposure<'_> {
    /// Lots held; negative when short.
    #[must_use]
    #[inline]
    pub fn position(&self, instrument: InstrumentId) -> Qty {
        self.ledger.position(instrument).qty()
    }

    /// The last price in ticks; `None` before the first one.
    #[must_use]
    #[inline]
    pub fn last(&self, instrument: InstrumentId) -> Option<Price> {
        self.market.last(instrument)
    }

    /// The book of `instrument`, where the run keeps one.
    #[must_use]
    #[inline]
    pub fn book(&self, instrument: InstrumentId) -> Option<BookView<'_>> {
        self.market.book(instrument)
    }

    /// Money that is there to be spent.
    #[must_use]
    #[inline]
    pub fn cash(&self) -> Cash {
        self.ledger.cash()
    }

    /// Cash plus positions at their last prices.
    ///
    /// # Errors
    /// When an amount overflows.
    #[inline]
    pub fn equity(&self) -> Result<Cash, LedgerError> {
        self.ledger.equity(self.specs, self.market)
    }

    /// Lots that open orders could still add on `side`.
    #[must_use]
    pub fn working(&self, instrument: InstrumentId, side: Side) -> Qty {
        self.orders.working(instrument, side)
    }

    /// The units of `instrument`; `None` for an instrument that is not in the run.
    #[must_use]
    #[inline]
    pub fn spec(&self, instrument: InstrumentId) -> Option<&InstrumentSpec> {
        self.specs.get(instrument.index())
    }
}
