//! The books: cash, positions, profit and loss, exact to the nano-unit.

mod balance;
mod currencies;
mod deal;
mod kind;
mod loans;
mod owners;
mod position;

pub use balance::Balance;
pub use deal::{Deal, closable};
pub use position::Position;

use qt_types::{Cash, CurrencyId, FeeIn, InstrumentId, InstrumentSpec, Price, Side};

use crate::Market;
use crate::fx::Currencies;
use crate::{stored, values};
use owners::Owners;
use position::PositionAccount;

/// What makes the books unusable. Both stop the run. One byte: it travels in the result of
/// every step of the hot path, and a wider one costs several nanoseconds there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LedgerError {
    /// An amount left the range of 128 bits, or a position that of 64.
    Overflow,
    /// The two sides of the books differ ([`Ledger::off_by`] says by how much).
    Unbalanced,
    /// There is money in a currency that has no rate.
    NoRate,
}

impl std::fmt::Display for LedgerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Overflow => "an amount left the range of the ledger",
            Self::Unbalanced => "the ledger does not balance",
            Self::NoRate => "a currency that there is money in has no rate (set --fx)",
        })
    }
}

impl std::error::Error for LedgerError {}

/// The books of an account: a balance in each currency, and the positions. With one currency it is
/// the one of all amounts; with several, [`Self::cash`] and its like are about the account's own.
#[derive(Clone, Debug)]
pub struct Ledger {
    base: Balance,
    /// The other currencies, by id (from 1).
    others: Vec<Balance>,
    /// The currency of each instrument; empty where there is only one.
    of: Vec<CurrencyId>,
    positions: Vec<Position>,
    held: Vec<InstrumentId>,
    /// Instruments of which there is less than a lot.
    dusty: Vec<InstrumentId>,
    /// The books of several strategies.
    owners: Owners,
}

values!(Position);
stored!(Ledger {
    state: base, held, dusty, owners;
    each: others, positions;
    same: of;
});

impl Ledger {
    /// An account with `initial` cash that can hold `instruments` instruments.
    #[must_use]
    pub fn new(initial: Cash, instruments: usize) -> Self {
        Self {
            base: Balance::new(initial),
            others: Vec::new(),
            of: Vec::new(),
            positions: vec![Position::default(); instruments],
            held: Vec::with_capacity(instruments),
            dusty: Vec::with_capacity(instruments),
            owners: Owners::default(),
        }
    }

    /// The same with the balances of `currencies`.
    #[must_use]
    pub fn with_currencies(mut self, currencies: &Currencies) -> Self {
        if !currencies.is_single() {
            self.others = currencies.others.iter().map(|of| Balance::new(of.deposit)).collect();
            self.of = currencies.of.clone();
            self.of.resize(self.positions.len(), CurrencyId::ACCOUNT);
            self.owners.set_currencies(currencies);
        }
        self
    }

    /// The balance that `instrument` is settled in.
    #[inline(always)]
    fn settled_in(&mut self, instrument: InstrumentId) -> &mut Balance {
        if self.others.is_empty() {
            return &mut self.base;
        }
        self.balance_mut(self.currency_of(instrument))
    }

    /// Books what was traded, and checks the balance. A fee in what was bought makes the position
    /// smaller: it is worth as much as was paid for it, and what is left of a lot is kept.
    ///
    /// # Errors
    /// When an amount overflows or the books no longer balance.
    pub fn fill(&mut self, spec: &InstrumentSpec, deal: &Deal) -> Result<(), LedgerError> {
        match deal.fee_in {
            FeeIn::Quote => self.fill_plain(spec, deal),
            FeeIn::Base => self.fill_in_kind(spec, deal),
            FeeIn::Currency(currency) => {
                let balance = self.balance_mut(currency);
                balance.cash -= deal.fee;
                balance.fees += deal.fee;
                self.fill_plain(spec, &deal.with_fee(Cash::ZERO))
            }
        }
    }

    /// The same with the fee in the instrument's currency.
    fn fill_plain(&mut self, spec: &InstrumentSpec, deal: &Deal) -> Result<(), LedgerError> {
        let Deal { instrument, side, price, qty, fee, .. } = *deal;
        let notional = spec.notional(price, qty).ok_or(LedgerError::Overflow)?;
        let position = self.positions.get_mut(instrument.index()).ok_or(LedgerError::Overflow)?;
        let before = position.account();
        position.fill_worth(spec, side, price, qty, notional, fee)?;
        self.book(spec, instrument, &before, if side == Side::Buy { notional } else { -notional });
        let balance = self.settled_in(instrument);
        balance.cash -= fee;
        balance.fees += fee;
        self.check()
    }

    /// What a change of the position from `before` means for the balance; `paid` for it.
    #[inline(always)]
    fn book(
        &mut self,
        spec: &InstrumentSpec,
        instrument: InstrumentId,
        before: &PositionAccount,
        paid: Cash,
    ) {
        let position = &self.positions[instrument.index()];
        let cost = position.cost() - before.cost;
        let realised = position.realised() - before.realised;
        match (before.is_flat, position.qty().is_zero()) {
            (true, false) => self.held.push(instrument),
            (false, true) => self.held.retain(|&held| held != instrument),
            _ => {}
        }
        if before.has_dust || position.has_dust() {
            self.note_dust(instrument);
        }
        let balance = self.settled_in(instrument);
        balance.cost += cost;
        balance.realised += realised;
        if spec.is_derivative() {
            balance.cash += realised;
            // The cost of an inverse position is no sum of notionals: it is rounded as a whole.
            balance.unpaid -= if spec.is_inverse() { cost } else { paid + realised };
            if spec.is_inverse() {
                balance.inverse_cost += cost;
            }
        } else {
            balance.cash -= paid;
        }
    }

    /// Settles what is held of `instrument` at `price`, for its end: no fill, and no fee.
    ///
    /// # Errors
    /// When an amount overflows or the books no longer balance.
    pub fn settle(
        &mut self,
        spec: &InstrumentSpec,
        instrument: InstrumentId,
        price: Price,
    ) -> Result<(), LedgerError> {
        let position = self.positions.get_mut(instrument.index()).ok_or(LedgerError::Overflow)?;
        let (before, qty) = (position.account(), position.qty());
        // What strategies hold against each other the account does not hold.
        if !before.is_flat || before.has_dust {
            let notional = spec.notional(price, qty.abs()).ok_or(LedgerError::Overflow)?;
            position.settle(spec, price)?;
            let paid = if qty.lots() > 0 { -notional } else { notional };
            self.book(spec, instrument, &before, paid);
        }
        self.owners.settle(spec, instrument, price)?;
        self.check()
    }

    /// Books what was paid for holding a position in `instrument` (negative where it was
    /// received), which is no fill, and checks the balance.
    ///
    /// # Errors
    /// When the books no longer balance.
    pub fn charge(&mut self, instrument: InstrumentId, amount: Cash) -> Result<(), LedgerError> {
        let balance = self.settled_in(instrument);
        balance.cash -= amount;
        balance.carry += amount;
        self.owners.share_charge(instrument, amount)?;
        self.check()
    }

    /// Books what was paid as funding for a position in `instrument` (negative where it was
    /// received), which is no fill, and checks the balance.
    ///
    /// # Errors
    /// When the books no longer balance.
    pub fn fund(&mut self, instrument: InstrumentId, amount: Cash) -> Result<(), LedgerError> {
        let balance = self.settled_in(instrument);
        balance.cash -= amount;
        balance.funding += amount;
        self.owners.share_funding(instrument, amount)?;
        self.check()
    }

    /// Checks in each currency that cash + fees paid + carry paid + funding paid + cost of what was
    /// paid for = initial + realised + exchanged. With the positions at any mark this is: equity +
    /// fees + carry + funding paid = initial + realised + unrealised + exchanged.
    ///
    /// # Errors
    /// When the two sides differ.
    #[inline]
    pub fn check(&self) -> Result<(), LedgerError> {
        let is_sound = |balance: &Balance| balance.off_by() == Cash::ZERO;
        let is_balanced = is_sound(&self.base) && self.others.iter().all(is_sound);
        if is_balanced { Ok(()) } else { Err(LedgerError::Unbalanced) }
    }

    /// By how much the two sides of the books differ: zero, or there is a defect. With several
    /// currencies the first difference that there is.
    #[must_use]
    #[inline]
    pub fn off_by(&self) -> Cash {
        let all = std::iter::once(&self.base).chain(&self.others).map(Balance::off_by);
        all.into_iter().find(|off| *off != Cash::ZERO).unwrap_or_default()
    }

    /// Cash plus positions at their marks ([`Market::mark`]), in the currency of the account; a
    /// position without a price counts at cost.
    ///
    /// # Errors
    /// When an amount overflows, or there is money in a currency without a rate.
    #[inline]
    pub fn equity(&self, specs: &[InstrumentSpec], market: &Market) -> Result<Cash, LedgerError> {
        if !self.is_plain() {
            return self.equity_of_all(specs, market);
        }
        let mut equity = self.base.cash;
        for &instrument in &self.held {
            equity += self.value(specs, market, instrument)?;
        }
        Ok(equity)
    }

    /// The sum of what all positions are worth at their marks, whether they were paid for or
    /// not, long or short, in the currency of the account.
    ///
    /// # Errors
    /// As [`Self::equity`].
    pub fn gross_value(
        &self,
        specs: &[InstrumentSpec],
        market: &Market,
    ) -> Result<Cash, LedgerError> {
        let mut gross = Cash::ZERO;
        for &instrument in &self.held {
            let worth = self.worth(specs, market, instrument)?.abs();
            gross += self.in_account(market, instrument, worth)?;
        }
        Ok(gross)
    }

    /// [`Self::gross_value`] and [`Self::equity`], each position valued once.
    #[inline]
    pub fn gross_and_equity(
        &self,
        specs: &[InstrumentSpec],
        market: &Market,
    ) -> [Result<Cash, LedgerError>; 2] {
        if !self.is_plain() {
            return [self.gross_value(specs, market), self.equity(specs, market)];
        }
        let (mut gross, mut equity) = (Cash::ZERO, self.base.cash);
        for &instrument in &self.held {
            match self.worth_and_value(specs, market, instrument) {
                Some((worth, value)) => {
                    gross += worth.abs();
                    equity += value;
                }
                None => return [Err(LedgerError::Overflow); 2],
            }
        }
        [Ok(gross), Ok(equity)]
    }

    /// [`Self::worth`] and [`Self::value`]; `None` when an amount overflows.
    #[inline]
    fn worth_and_value(
        &self,
        specs: &[InstrumentSpec],
        market: &Market,
        instrument: InstrumentId,
    ) -> Option<(Cash, Cash)> {
        let position = &self.positions[instrument.index()];
        let spec = specs.get(instrument.index())?;
        match market.mark(instrument) {
            None if spec.is_derivative() => Some((position.cost(), Cash::ZERO)),
            None => Some((position.cost(), position.cost())),
            Some(price) => Some((position.worth(spec, price)?, position.value(spec, price)?)),
        }
    }

    /// What is held of `instrument` at its mark in its own currency, negative when short; at cost
    /// without a mark.
    ///
    /// # Errors
    /// When an amount overflows.
    pub fn worth(
        &self,
        specs: &[InstrumentSpec],
        market: &Market,
        instrument: InstrumentId,
    ) -> Result<Cash, LedgerError> {
        let position = self.position(instrument);
        match market.mark(instrument) {
            None => Ok(position.cost()),
            Some(price) => specs
                .get(instrument.index())
                .and_then(|spec| position.worth(spec, price))
                .ok_or(LedgerError::Overflow),
        }
    }

    #[inline]
    fn value(
        &self,
        specs: &[InstrumentSpec],
        market: &Market,
        instrument: InstrumentId,
    ) -> Result<Cash, LedgerError> {
        let position = &self.positions[instrument.index()];
        let spec = specs.get(instrument.index()).ok_or(LedgerError::Overflow)?;
        match market.mark(instrument) {
            None if spec.is_derivative() => Ok(Cash::ZERO),
            None => Ok(position.cost()),
            Some(price) => position.value(spec, price).ok_or(LedgerError::Overflow),
        }
    }

    /// The position in `instrument`; a flat one where it was never traded.
    #[must_use]
    #[inline]
    pub fn position(&self, instrument: InstrumentId) -> Position {
        self.positions.get(instrument.index()).copied().unwrap_or_default()
    }

    /// The instruments with a position, in the order in which they were opened.
    #[must_use]
    #[inline]
    pub fn held(&self) -> &[InstrumentId] {
        &self.held
    }

    /// The money in the account.
    #[must_use]
    #[inline]
    pub const fn cash(&self) -> Cash {
        self.base.cash
    }

    /// Money that is there to be spent where nothing is borrowed: the cash, less what the
    /// derivatives that are held were worth when they were opened.
    #[must_use]
    #[inline]
    pub fn funds(&self) -> Cash {
        self.base.funds()
    }

    /// The capital at the start.
    #[must_use]
    pub const fn initial(&self) -> Cash {
        self.base.initial
    }

    /// Fees paid so far, rebates taken off.
    #[must_use]
    pub const fn fees(&self) -> Cash {
        self.base.fees
    }

    /// Paid so far for holding positions: borrow fees.
    #[must_use]
    pub const fn carry(&self) -> Cash {
        self.base.carry
    }

    /// Paid so far as funding, what was received taken off.
    #[must_use]
    pub const fn funding(&self) -> Cash {
        self.base.funding
    }

    /// Profit realised so far, before fees.
    #[must_use]
    pub const fn realised(&self) -> Cash {
        self.base.realised
    }
}

#[cfg(test)]
mod currency_tests;
#[cfg(test)]
mod derivative_tests;
#[cfg(test)]
mod tests;
