//! The account as the venue keeps it: the second set of books, which decides at each fill
//! whether the money or the position is there.

use qt_engine::{Deal, Ledger, LedgerError, Market, closable, stored};
use qt_risk::Account;
use qt_types::{
    Cash, CurrencyId, Event, FxRate, InstrumentId, InstrumentSpec, Nanos, Price, Qty, RejectReason,
    Side,
};

use super::borrow::Loans;
use super::{MarginRules, Money, VenueConfig};

/// The venue's books.
#[derive(Clone, Debug)]
pub struct VenueAccount {
    kind: Account,
    specs: Vec<InstrumentSpec>,
    ledger: Ledger,
    market: Market,
    loans: Loans,
}

stored!(VenueAccount {
    state: ledger, market, loans;
    made: kind, specs;
});

impl VenueAccount {
    /// Books of the account that `config` describes.
    #[must_use]
    pub fn new(config: &VenueConfig, specs: Vec<InstrumentSpec>) -> Self {
        let (instruments, currencies) = (specs.len(), &config.scene.money.currencies);
        Self {
            kind: config.account,
            loans: Loans::new(config.borrow_rate_e9, instruments),
            ledger: Ledger::new(config.initial, instruments).with_currencies(currencies),
            market: Market::new(instruments).with_currencies(currencies),
            specs,
        }
    }

    /// Takes in a market event for its price.
    #[inline]
    pub fn mark(&mut self, event: &Event) {
        self.market.on(event);
    }

    /// Takes note of the price of `instrument`.
    pub fn set_last(&mut self, instrument: InstrumentId, price: Price) {
        self.market.set_last(instrument, price);
    }

    /// Lots held; negative when short.
    #[must_use]
    pub fn position(&self, instrument: InstrumentId) -> i64 {
        self.ledger.position(instrument).qty().lots()
    }

    /// The last price seen, in ticks.
    #[must_use]
    pub fn last(&self, instrument: InstrumentId) -> Option<Price> {
        self.market.last(instrument)
    }

    /// The units of `instrument`.
    #[must_use]
    pub fn spec(&self, instrument: InstrumentId) -> Option<&InstrumentSpec> {
        self.specs.get(instrument.index())
    }

    /// The books.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Whether the account can bear the fill.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check(
        &self,
        fill: &Deal,
        (rules, money): (Option<&MarginRules>, &Money),
        now_ns: i64,
    ) -> Result<(), RejectReason> {
        let funds = RejectReason::InsufficientFunds;
        let spec = self.spec(fill.instrument).ok_or(funds)?;
        let notional = spec.notional(fill.price, fill.qty).ok_or(funds)?;
        let held = self.position(fill.instrument);
        match (self.kind, fill.side) {
            (Account::Cash, Side::Buy) => {
                self.can_pay(money, fill.instrument, notional + fill.fee_in_quote(), now_ns)
            }
            (Account::Cash, Side::Sell) if fill.qty.lots() > held => {
                Err(RejectReason::ShortNotAllowed)
            }
            (Account::Cash, _) => Ok(()),
            (Account::Margin { .. }, side) => {
                let closable = closable(side, held);
                let opening = fill.qty.lots() - closable;
                if opening <= 0 {
                    return Ok(());
                }
                if !self.has_fresh_rate(fill.instrument, now_ns) {
                    return Err(RejectReason::NoRate);
                }
                let [gross, equity] = self.ledger.gross_and_equity(&self.specs, &self.market);
                let gross = self.gross_after(gross, fill, spec, closable, opening);
                let (gross, equity) = (gross.map_err(|_| funds)?, equity.map_err(|_| funds)?);
                let in_account = |amount: Cash| self.in_account(fill.instrument, amount);
                let fee = || in_account(fill.fee_in_quote()).ok_or(RejectReason::NoRate);
                let is_short = match rules {
                    None => self.kind.needs_more(gross, equity - fee()?),
                    Some(rules) => {
                        // What the venue's table asks for above the leverage.
                        let left = Qty::from_lots((held + side.sign() * fill.qty.lots()).abs());
                        let worth = spec.notional(fill.price, left).ok_or(funds)?;
                        let asked = self.initial_margin(rules, fill.instrument, worth, now_ns);
                        let more = asked.ok_or(funds)? - self.kind.initial_margin(worth);
                        let more = in_account(more).ok_or(RejectReason::NoRate)?;
                        self.kind.initial_margin(gross) + more > equity - fee()?
                    }
                };
                if is_short { Err(funds) } else { Ok(()) }
            }
        }
    }

    /// What all positions are worth after the fill; `gross` before it.
    fn gross_after(
        &self,
        gross: Result<Cash, LedgerError>,
        fill: &Deal,
        spec: &InstrumentSpec,
        closable: i64,
        opening: i64,
    ) -> Result<Cash, LedgerError> {
        let at = |lots: i64, price: Price| {
            let own = spec.notional(price, Qty::from_lots(lots)).ok_or(LedgerError::Overflow)?;
            self.ledger.in_account(&self.market, fill.instrument, own)
        };
        let gross = gross?;
        let last = self.market.last(fill.instrument).unwrap_or(fill.price);
        Ok(gross - at(closable, last)? + at(opening, fill.price)?)
    }

    /// The kind of account.
    pub(super) const fn kind(&self) -> Account {
        self.kind
    }

    /// The equity at the last prices.
    pub(super) fn equity(&self) -> Result<Cash, LedgerError> {
        self.ledger.equity(&self.specs, &self.market)
    }

    /// Books what was paid as funding.
    ///
    /// # Errors
    /// When the books no longer balance.
    pub fn fund(&mut self, instrument: InstrumentId, amount: Cash) -> Result<(), LedgerError> {
        self.ledger.fund(instrument, amount)
    }

    /// Settles what is held of `instrument` at `price`, for its end.
    ///
    /// # Errors
    /// When an amount overflows or the books no longer balance.
    pub(super) fn settle(
        &mut self,
        instrument: InstrumentId,
        price: Price,
    ) -> Result<(), LedgerError> {
        let spec = self.specs.get(instrument.index()).ok_or(LedgerError::Overflow)?;
        self.ledger.settle(spec, instrument, price)
    }

    /// Whether the account can only spend what it has.
    pub(super) const fn is_cash(&self) -> bool {
        matches!(self.kind, Account::Cash)
    }

    /// `amount` of the currency of `instrument` in that of the account; `None` without a rate.
    pub(super) fn in_account(&self, instrument: InstrumentId, amount: Cash) -> Option<Cash> {
        self.ledger.in_account(&self.market, instrument, amount).ok()
    }

    /// `amount` of the currency of the account in that of `instrument`; `None` without a rate.
    pub(super) fn in_instrument(&self, instrument: InstrumentId, amount: Cash) -> Option<Cash> {
        if !self.ledger.has_currencies() {
            return Some(amount);
        }
        self.market.rate(self.ledger.currency_of(instrument))?.amount_of(amount)
    }

    fn has_fresh_rate(&self, instrument: InstrumentId, now_ns: i64) -> bool {
        self.fresh_rate(self.ledger.currency_of(instrument), now_ns).is_some()
    }

    /// The rate of `currency`, as old as it may be.
    pub(super) fn fresh_rate(&self, currency: CurrencyId, now_ns: i64) -> Option<FxRate> {
        self.market.fresh_rate(currency, Nanos::new(now_ns))
    }

    /// Takes note of a rate.
    pub(super) fn set_rate(&mut self, currency: CurrencyId, rate: FxRate, now_ns: i64) {
        self.market.set_rate(currency, rate, Nanos::new(now_ns));
    }

    /// Books that `amount` of `currency` was bought at `rate`, or sold where it is negative.
    ///
    /// # Errors
    /// When an amount overflows or the books no longer balance.
    pub(super) fn exchange(
        &mut self,
        currency: CurrencyId,
        amount: Cash,
        rate: FxRate,
    ) -> Result<(), LedgerError> {
        self.ledger.exchange(currency, amount, rate)
    }

    /// Books the fill, which happens at `now_ns`.
    ///
    /// # Errors
    /// When an amount overflows or the books no longer balance.
    pub fn book(&mut self, fill: &Deal, now_ns: i64) -> Result<(), LedgerError> {
        let instrument = fill.instrument;
        if self.loans.charges() {
            self.collect(instrument, now_ns)?;
        }
        let spec = self.specs.get(instrument.index()).ok_or(LedgerError::Overflow)?;
        self.ledger.fill(spec, fill)?;
        if self.loans.charges() {
            self.loans.note(instrument, self.is_borrowed(instrument));
        }
        Ok(())
    }

    /// Whether the passing of time costs something as things stand.
    #[must_use]
    #[inline]
    pub const fn is_borrowing(&self) -> bool {
        self.loans.is_any_open()
    }

    /// Books the fee for what was short of `instrument` since the last time, up to `now_ns`, at
    /// the last price. Returns it.
    ///
    /// # Errors
    /// When an amount overflows or the books no longer balance.
    pub fn charge(&mut self, instrument: InstrumentId, now_ns: i64) -> Result<Cash, LedgerError> {
        self.collect(instrument, now_ns)?;
        let fee = self.loans.take(instrument).ok_or(LedgerError::Overflow)?;
        self.loans.note(instrument, self.is_borrowed(instrument));
        self.ledger.charge(instrument, fee)?;
        Ok(fee)
    }

    /// Whether there is a short position in something that must be borrowed to be sold.
    fn is_borrowed(&self, instrument: InstrumentId) -> bool {
        let is_thing = self.spec(instrument).is_some_and(|spec| !spec.is_derivative());
        is_thing && self.position(instrument) < 0
    }

    fn collect(&mut self, instrument: InstrumentId, now_ns: i64) -> Result<(), LedgerError> {
        let is_borrowed = self.is_borrowed(instrument);
        let held = if is_borrowed { self.position(instrument) } else { 0 };
        let short = Qty::from_lots(held.saturating_neg());
        let value = match (self.spec(instrument), self.last(instrument)) {
            (Some(spec), Some(last)) => spec.notional(last, short),
            _ => Some(Cash::ZERO),
        };
        let collected = value.and_then(|value| self.loans.collect(instrument, value, now_ns));
        collected.ok_or(LedgerError::Overflow)
    }
}
