//! Several currencies in one account, fees in kind, and the dust that they leave.

use qt_types::{Cash, CurrencyId, FxRate, InstrumentId, InstrumentSpec, Price, Side};

use super::{Balance, Deal, Ledger, LedgerError};
use crate::Market;
use crate::fx::CURRENCIES_MAX;

impl Ledger {
    /// Whether all is in one currency and in whole lots.
    #[inline(always)]
    pub(super) const fn is_plain(&self) -> bool {
        self.others.is_empty() && self.dusty.is_empty()
    }

    /// Whether there is more than one currency.
    #[must_use]
    #[inline(always)]
    pub const fn has_currencies(&self) -> bool {
        !self.others.is_empty()
    }

    /// How many currencies there are.
    #[must_use]
    pub const fn currencies(&self) -> usize {
        1 + self.others.len()
    }

    /// The currency that `instrument` is settled in.
    #[must_use]
    pub fn currency_of(&self, instrument: InstrumentId) -> CurrencyId {
        self.of.get(instrument.index()).copied().unwrap_or_default()
    }

    /// The books of `currency`; those of the account's own where there is no such currency.
    #[must_use]
    pub fn balance(&self, currency: CurrencyId) -> &Balance {
        let at = currency.index().checked_sub(1);
        at.and_then(|at| self.others.get(at)).unwrap_or(&self.base)
    }

    /// The books of the account's own currency.
    #[inline]
    pub(crate) const fn own_balance(&self) -> &Balance {
        &self.base
    }

    pub(super) fn balance_mut(&mut self, currency: CurrencyId) -> &mut Balance {
        let at = currency.index().checked_sub(1);
        at.and_then(|at| self.others.get_mut(at)).unwrap_or(&mut self.base)
    }

    /// Books that `amount` of `currency` was bought with the account's own at `rate`, or sold for
    /// it where it is negative. The other side is worth it at that rate, half-even.
    ///
    /// # Errors
    /// When an amount overflows or the books no longer balance.
    pub fn exchange(
        &mut self,
        currency: CurrencyId,
        amount: Cash,
        rate: FxRate,
    ) -> Result<(), LedgerError> {
        let paid = rate.value_of(amount).ok_or(LedgerError::Overflow)?;
        self.base.cash -= paid;
        self.base.exchanged -= paid;
        let balance = self.balance_mut(currency);
        balance.cash += amount;
        balance.exchanged += amount;
        self.check()
    }

    /// `amount` in the currency of `instrument` as one of the account's.
    ///
    /// # Errors
    /// When it overflows, or the currency has no rate.
    #[inline]
    pub fn in_account(
        &self,
        market: &Market,
        instrument: InstrumentId,
        amount: Cash,
    ) -> Result<Cash, LedgerError> {
        if self.others.is_empty() {
            return Ok(amount);
        }
        converted(market, self.currency_of(instrument), amount)
    }

    /// Every balance with its positions, converted at once for each currency.
    #[cold]
    pub(super) fn equity_of_all(
        &self,
        specs: &[InstrumentSpec],
        market: &Market,
    ) -> Result<Cash, LedgerError> {
        let mut sums = [Cash::ZERO; CURRENCIES_MAX];
        for (at, sum) in sums.iter_mut().take(self.currencies()).enumerate() {
            *sum = self.balance(CurrencyId(at as u8)).cash;
        }
        for &instrument in self.held.iter().chain(&self.dusty) {
            let value = self.value(specs, market, instrument)?;
            if let Some(sum) = sums.get_mut(self.currency_of(instrument).index()) {
                *sum += value;
            }
        }
        self.sum_of(&sums, market)
    }

    /// The money in all currencies, in that of the account.
    ///
    /// # Errors
    /// When an amount overflows, or there is money in a currency without a rate.
    pub fn cash_of_all(&self, market: &Market) -> Result<Cash, LedgerError> {
        self.total(market, Balance::cash)
    }

    /// What `part` of each balance comes to, in the currency of the account.
    ///
    /// # Errors
    /// As [`Self::cash_of_all`].
    pub fn total(
        &self,
        market: &Market,
        part: impl Fn(&Balance) -> Cash,
    ) -> Result<Cash, LedgerError> {
        let mut sums = [Cash::ZERO; CURRENCIES_MAX];
        for (at, sum) in sums.iter_mut().take(self.currencies()).enumerate() {
            *sum = part(self.balance(CurrencyId(at as u8)));
        }
        self.sum_of(&sums, market)
    }

    fn sum_of(&self, sums: &[Cash; CURRENCIES_MAX], market: &Market) -> Result<Cash, LedgerError> {
        let mut all = sums[0];
        for (at, &sum) in sums.iter().enumerate().take(self.currencies()).skip(1) {
            all += converted(market, CurrencyId(at as u8), sum)?;
        }
        Ok(all)
    }

    /// Instruments of which there is less than a lot, and none in whole.
    #[must_use]
    pub fn dusty(&self) -> &[InstrumentId] {
        &self.dusty
    }

    #[cold]
    pub(super) fn note_dust(&mut self, instrument: InstrumentId) {
        let position = self.position(instrument);
        let is_dust = position.has_dust() && position.qty().is_zero();
        match (is_dust, self.dusty.contains(&instrument)) {
            (true, false) => self.dusty.push(instrument),
            (false, true) => self.dusty.retain(|&known| known != instrument),
            _ => {}
        }
    }

    /// Books a fill whose fee is billionths of a unit of what is traded.
    pub(super) fn fill_in_kind(
        &mut self,
        spec: &InstrumentSpec,
        deal: &Deal,
    ) -> Result<(), LedgerError> {
        let Deal { instrument, side, price, qty, .. } = *deal;
        let notional = spec.notional(price, qty).ok_or(LedgerError::Overflow)?;
        let units_e9 = deal.fee.nano();
        let fee = spec.notional_of_units(price, units_e9).ok_or(LedgerError::Overflow)?;
        let position = self.positions.get_mut(instrument.index()).ok_or(LedgerError::Overflow)?;
        let before = position.account();
        position.fill_in_kind(spec, side, price, qty, units_e9)?;
        self.book(spec, instrument, &before, if side == Side::Buy { notional } else { -notional });
        self.settled_in(instrument).fees += fee;
        self.check()
    }

    /// Books that `units_e9` billionths of a unit came for what they are worth at `price`, or
    /// went where that is negative.
    pub(super) fn take_units(
        &mut self,
        spec: &InstrumentSpec,
        instrument: InstrumentId,
        price: Price,
        units_e9: i128,
    ) -> Result<(), LedgerError> {
        let paid = spec.notional_of_units(price, units_e9).ok_or(LedgerError::Overflow)?;
        let position = self.positions.get_mut(instrument.index()).ok_or(LedgerError::Overflow)?;
        let before = position.account();
        position.take_units(spec, price, units_e9, paid)?;
        self.book(spec, instrument, &before, paid);
        self.check()
    }
}

/// `amount` of `currency` in that of the account. Nothing needs no rate.
fn converted(market: &Market, currency: CurrencyId, amount: Cash) -> Result<Cash, LedgerError> {
    if amount == Cash::ZERO || currency == CurrencyId::ACCOUNT {
        return Ok(amount);
    }
    let rate = market.rate(currency).ok_or(LedgerError::NoRate)?;
    rate.value_of(amount).ok_or(LedgerError::Overflow)
}
