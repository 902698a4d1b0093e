//! The read-only view of the account, the market and the open orders.

use qt_types::{Cash, CurrencyId, InstrumentId, InstrumentSpec, Price, Qty, Side};

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

    /// Money that is there to be spent. With several currencies that of all of them, in the
    /// account's; without a rate for one of them that of the account's own.
    #[must_use]
    #[inline]
    pub fn cash(&self) -> Cash {
        if !self.ledger.has_currencies() {
            return self.ledger.cash();
        }
        self.ledger.cash_of_all(self.market).unwrap_or_else(|_| self.ledger.cash())
    }

    /// [`crate::Balance::equity_base`] of all balances, in the currency of the account.
    #[must_use]
    #[inline]
    pub fn equity_base(&self) -> Cash {
        if self.ledger.has_currencies() {
            return self.equity_base_of_all();
        }
        self.ledger.own_balance().equity_base()
    }

    #[cold]
    #[inline(never)]
    fn equity_base_of_all(&self) -> Cash {
        let all = self.ledger.total(self.market, crate::Balance::equity_base);
        all.unwrap_or_else(|_| self.ledger.own_balance().equity_base())
    }

    /// The capital at the start, at the rates of now.
    #[must_use]
    pub fn initial(&self) -> Cash {
        let all = self.ledger.total(self.market, crate::Balance::initial);
        all.unwrap_or_else(|_| self.ledger.initial())
    }

    /// `amount` in the currency of `instrument` as one of the account's; `None` without a rate.
    #[must_use]
    #[inline]
    pub fn in_account(&self, instrument: InstrumentId, amount: Cash) -> Option<Cash> {
        self.ledger.in_account(self.market, instrument, amount).ok()
    }

    /// `amount` in the currency of the account as one of `instrument`'s; `None` without a rate.
    #[must_use]
    #[inline]
    pub fn in_instrument(&self, instrument: InstrumentId, amount: Cash) -> Option<Cash> {
        if !self.ledger.has_currencies() {
            return Some(amount);
        }
        self.market.rate(self.ledger.currency_of(instrument))?.amount_of(amount)
    }

    /// Whether there is a rate for the currency of `instrument` that new risk can be taken by.
    #[must_use]
    #[inline]
    pub fn has_rate(&self, instrument: InstrumentId) -> bool {
        if !self.ledger.has_currencies() {
            return true;
        }
        let currency = self.ledger.currency_of(instrument);
        currency == CurrencyId::ACCOUNT
            || self.market.fresh_rate(currency, self.market.now_ns()).is_some()
    }

    /// Cash plus positions at their last prices, in the currency of the account.
    ///
    /// # Errors
    /// When an amount overflows, or there is money in a currency without a rate.
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
