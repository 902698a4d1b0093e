//! The books: cash, positions, profit and loss, exact to the nano-unit.

mod position;

pub use position::Position;

use qt_types::{Cash, InstrumentId, InstrumentSpec, Price, Qty, Side};

use crate::Market;

/// What makes the books unusable. Both stop the run. One byte: it travels in the result of
/// every step of the hot path, and a wider one costs several nanoseconds there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LedgerError {
    /// An amount left the range of 128 bits, or a position that of 64.
    Overflow,
    /// The two sides of the books differ ([`Ledger::off_by`] says by how much).
    Unbalanced,
}

impl std::fmt::Display for LedgerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Overflow => "an amount left the range of the ledger",
            Self::Unbalanced => "the ledger does not balance",
        })
    }
}

impl std::error::Error for LedgerError {}

/// The account in one currency. Cash moves by what is paid and received; positions keep their
/// cost and the profit that was realised. The two are computed apart from each other and must
/// agree after every fill.
///
/// Nothing is paid for a derivative: its notional stays outside of the cash, which moves only by
/// what is realised. The rest of what would have been paid is kept beside it, for the check.
#[derive(Clone, Debug)]
pub struct Ledger {
    initial: Cash,
    cash: Cash,
    fees: Cash,
    carry: Cash,
    funding: Cash,
    realised: Cash,
    cost: Cash,
    /// What cash would have moved by more, had derivatives been paid for: less the cost of what
    /// is held of them, by another way.
    unpaid: Cash,
    positions: Vec<Position>,
    held: Vec<InstrumentId>,
}

impl Ledger {
    /// An account with `initial` cash that can hold `instruments` instruments.
    #[must_use]
    pub fn new(initial: Cash, instruments: usize) -> Self {
        Self {
            initial,
            cash: initial,
            fees: Cash::ZERO,
            carry: Cash::ZERO,
            funding: Cash::ZERO,
            realised: Cash::ZERO,
            cost: Cash::ZERO,
            unpaid: Cash::ZERO,
            positions: vec![Position::default(); instruments],
            held: Vec::with_capacity(instruments),
        }
    }

    /// Books a fill of `qty` lots at `price` with `fee`, and checks the balance.
    ///
    /// # Errors
    /// When an amount overflows or the books no longer balance.
    pub fn fill(
        &mut self,
        spec: &InstrumentSpec,
        instrument: InstrumentId,
        side: Side,
        price: Price,
        qty: Qty,
        fee: Cash,
    ) -> Result<(), LedgerError> {
        let notional = spec.notional(price, qty).ok_or(LedgerError::Overflow)?;
        let position = self.positions.get_mut(instrument.index()).ok_or(LedgerError::Overflow)?;
        let (cost_before, realised_before) = (position.cost(), position.realised());
        let was_flat = position.qty().is_zero();
        position.fill(spec, side, price, qty, fee)?;
        let cost = position.cost() - cost_before;
        let realised = position.realised() - realised_before;
        self.cost += cost;
        self.realised += realised;
        match (was_flat, position.qty().is_zero()) {
            (true, false) => self.held.push(instrument),
            (false, true) => self.held.retain(|&held| held != instrument),
            _ => {}
        }
        let paid = if side == Side::Buy { notional } else { -notional };
        if spec.is_derivative() {
            self.cash += realised;
            // The cost of an inverse position is no sum of notionals: it is rounded as a whole.
            self.unpaid -= if spec.is_inverse() { cost } else { paid + realised };
        } else {
            self.cash -= paid;
        }
        self.cash -= fee;
        self.fees += fee;
        self.check()
    }

    /// Books what was paid for holding a position (negative where it was received), which is no
    /// fill, and checks the balance.
    ///
    /// # Errors
    /// When the books no longer balance.
    pub fn charge(&mut self, amount: Cash) -> Result<(), LedgerError> {
        self.cash -= amount;
        self.carry += amount;
        self.check()
    }

    /// Books what was paid as funding (negative where it was received), which is no fill, and
    /// checks the balance.
    ///
    /// # Errors
    /// When the books no longer balance.
    pub fn fund(&mut self, amount: Cash) -> Result<(), LedgerError> {
        self.cash -= amount;
        self.funding += amount;
        self.check()
    }

    /// Checks that cash + fees paid + carry paid + funding paid + cost of what was paid for =
    /// initial + realised. With the positions at any mark this is: equity + fees + carry +
    /// funding paid = initial + realised + unrealised.
    ///
    /// # Errors
    /// When the two sides differ.
    #[inline]
    pub fn check(&self) -> Result<(), LedgerError> {
        if self.off_by() == Cash::ZERO { Ok(()) } else { Err(LedgerError::Unbalanced) }
    }

    /// By how much the two sides of the books differ: zero, or there is a defect.
    #[must_use]
    #[inline]
    pub fn off_by(&self) -> Cash {
        let paid = self.fees + self.carry + self.funding;
        self.funds() + paid + self.cost - self.initial - self.realised
    }

    /// Cash plus positions at their marks ([`Market::mark`]); a position without a price counts at
    /// cost.
    ///
    /// # Errors
    /// When an amount overflows.
    #[inline]
    pub fn equity(&self, specs: &[InstrumentSpec], market: &Market) -> Result<Cash, LedgerError> {
        let mut equity = self.cash;
        for &instrument in &self.held {
            equity += self.value(specs, market, instrument)?;
        }
        Ok(equity)
    }

    /// The sum of what all positions are worth at their marks, whether they were paid for or
    /// not, long or short.
    ///
    /// # Errors
    /// When an amount overflows.
    pub fn gross_value(
        &self,
        specs: &[InstrumentSpec],
        market: &Market,
    ) -> Result<Cash, LedgerError> {
        let mut gross = Cash::ZERO;
        for &instrument in &self.held {
            gross += self.worth(specs, market, instrument)?.abs();
        }
        Ok(gross)
    }

    /// What is held of `instrument` at its mark, negative when short; at cost without a mark.
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
        self.cash
    }

    /// Money that is there to be spent where nothing is borrowed: the cash, less what the
    /// derivatives that are held were worth when they were opened.
    #[must_use]
    #[inline]
    pub fn funds(&self) -> Cash {
        self.cash + self.unpaid
    }

    /// The capital at the start.
    #[must_use]
    pub const fn initial(&self) -> Cash {
        self.initial
    }

    /// Fees paid so far, rebates taken off.
    #[must_use]
    pub const fn fees(&self) -> Cash {
        self.fees
    }

    /// Paid so far for holding positions: borrow fees.
    #[must_use]
    pub const fn carry(&self) -> Cash {
        self.carry
    }

    /// Paid so far as funding, what was received taken off.
    #[must_use]
    pub const fn funding(&self) -> Cash {
        self.funding
    }

    /// Profit realised so far, before fees.
    #[must_use]
    pub const fn realised(&self) -> Cash {
        self.realised
    }
}

#[cfg(test)]
mod derivative_tests;
#[cfg(test)]
mod tests;
