//! Profit and loss of one instrument.

use qt_types::{Cash, InstrumentSpec, Price, Qty, Side, round_half_even};
use serde::{Deserialize, Serialize};

use super::LedgerError;

/// Billionths of a nano-unit in a nano-unit: what an inverse position is kept in.
const FINE: i128 = 1_000_000_000;

/// A position with its cost (average-cost method). All amounts in the settlement currency.
///
/// The cost of a derivative is what its lots were worth when they were opened. Nobody paid that:
/// its value is only the difference to what they are worth now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    qty: Qty,
    /// What is held beyond whole lots, in billionths of a unit: of the sign of what is held, and
    /// less than a lot.
    pub(super) dust_e9: i64,
    pub(super) cost: Cash,
    /// Inverse only: the cost in billionths of a nano-unit, so that profits are rounded once.
    fine_cost: i128,
    pub(super) realised: Cash,
    pub(super) fees: Cash,
    pub(super) fills: u64,
    /// [`InstrumentSpec::tick_value`] of what is held: the position is valued at every close, and
    /// changes only with a fill.
    tick_value: Option<i64>,
    /// What is taken off what is held at a price to get what it adds to the equity: nothing, or
    /// the cost of a linear derivative.
    owed: Cash,
}

/// What the balance of a currency has to know of a position before a booking.
pub(super) struct PositionAccount {
    pub(super) cost: Cash,
    pub(super) realised: Cash,
    pub(super) is_flat: bool,
    pub(super) has_dust: bool,
}

impl Position {
    /// See [`PositionAccount`].
    #[inline]
    pub(super) const fn account(&self) -> PositionAccount {
        PositionAccount {
            cost: self.cost,
            realised: self.realised,
            is_flat: self.qty.is_zero(),
            has_dust: self.has_dust(),
        }
    }

    /// Lots held; negative when short.
    #[must_use]
    #[inline]
    pub const fn qty(&self) -> Qty {
        self.qty
    }

    /// What is held beyond whole lots, in billionths of a unit: fees that were taken in kind leave
    /// it.
    #[must_use]
    pub const fn dust_e9(&self) -> i64 {
        self.dust_e9
    }

    /// Whether something is held beyond whole lots.
    #[must_use]
    #[inline]
    pub const fn has_dust(&self) -> bool {
        self.dust_e9 != 0
    }

    /// What was paid for what is held, fees apart; negative when short (it was received). Of a
    /// derivative: what it was worth.
    #[must_use]
    #[inline]
    pub const fn cost(&self) -> Cash {
        self.cost
    }

    /// Profit realised so far, before fees.
    #[must_use]
    #[inline]
    pub const fn realised(&self) -> Cash {
        self.realised
    }

    /// Fees paid so far, rebates taken off.
    #[must_use]
    pub const fn fees(&self) -> Cash {
        self.fees
    }

    /// What is held at `price`, negative when short. `None` past the range of 128 bits.
    #[must_use]
    #[inline]
    pub fn worth(&self, spec: &InstrumentSpec, price: Price) -> Option<Cash> {
        match self.tick_value {
            Some(value) => Some(Cash::from_nano(i128::from(price.ticks()) * i128::from(value))),
            None => self.worth_wide(spec, price),
        }
    }

    #[cold]
    fn worth_wide(&self, spec: &InstrumentSpec, price: Price) -> Option<Cash> {
        if self.has_dust() {
            return spec.notional_of_units(price, self.units_e9(spec));
        }
        spec.notional(price, self.qty)
    }

    /// What it adds to the equity at `price`: what is held, or the open profit of a derivative,
    /// which is rounded half-even once. `None` past the range of 128 bits.
    #[must_use]
    #[inline]
    pub fn value(&self, spec: &InstrumentSpec, price: Price) -> Option<Cash> {
        match self.tick_value {
            Some(value) => {
                let worth = Cash::from_nano(i128::from(price.ticks()) * i128::from(value));
                Some(worth - self.owed)
            }
            None => self.value_wide(spec, price),
        }
    }

    #[cold]
    fn value_wide(&self, spec: &InstrumentSpec, price: Price) -> Option<Cash> {
        if spec.is_inverse() {
            let fine = self.fine_cost.checked_sub(spec.fine_notional(price, self.qty)?)?;
            return Some(Cash::from_nano(round_half_even(fine, FINE)));
        }
        Some(self.worth_wide(spec, price)? - self.owed)
    }

    /// The open profit at `price`, before fees. `None` past the range of 128 bits.
    #[must_use]
    pub fn unrealised(&self, spec: &InstrumentSpec, price: Price) -> Option<Cash> {
        let value = self.value(spec, price)?;
        Some(if spec.is_derivative() { value } else { value - self.cost })
    }

    /// How many fills went into it.
    #[must_use]
    pub const fn fills(&self) -> u64 {
        self.fills
    }

    /// Books a fill. What goes against the position closes it at its average cost (the part's
    /// cost rounded half-even, the rest stays with the rest); what is left over opens a position
    /// on the other side.
    ///
    /// # Errors
    /// When an amount overflows.
    pub fn fill(
        &mut self,
        spec: &InstrumentSpec,
        side: Side,
        price: Price,
        qty: Qty,
        fee: Cash,
    ) -> Result<(), LedgerError> {
        let notional = if spec.is_inverse() { Some(Cash::ZERO) } else { spec.notional(price, qty) };
        let notional = notional.ok_or(LedgerError::Overflow)?;
        self.fill_worth(spec, side, price, qty, notional, fee)
    }

    /// The same for a fill of which it is known what it is worth.
    pub(super) fn fill_worth(
        &mut self,
        spec: &InstrumentSpec,
        side: Side,
        price: Price,
        qty: Qty,
        notional: Cash,
        fee: Cash,
    ) -> Result<(), LedgerError> {
        if self.has_dust() {
            self.fees += fee;
            return self.fill_in_kind(spec, side, price, qty, 0);
        }
        let against = self.qty.lots() != 0 && (self.qty.lots() > 0) == (side == Side::Sell);
        let closing = if against { qty.min(self.qty.abs()) } else { Qty::ZERO };
        if spec.is_inverse() {
            self.fill_inverse(spec, side, price, qty, closing)?;
        } else {
            self.fill_linear(spec, side, price, (qty, notional), closing)?;
        }
        let signed = Qty::from_lots(side.sign() * qty.lots());
        self.qty = self.qty.checked_add(signed).ok_or(LedgerError::Overflow)?;
        self.fees += fee;
        self.fills += 1;
        self.hold(spec, self.qty);
        Ok(())
    }

    /// Takes note of how many lots are held now.
    #[inline]
    pub(super) fn hold(&mut self, spec: &InstrumentSpec, qty: Qty) {
        self.qty = qty;
        self.tick_value = if self.has_dust() { None } else { spec.tick_value(qty) };
        let owes = spec.is_derivative() && !spec.is_inverse();
        self.owed = if owes { self.cost } else { Cash::ZERO };
    }

    #[inline]
    fn fill_linear(
        &mut self,
        spec: &InstrumentSpec,
        side: Side,
        price: Price,
        (qty, notional): (Qty, Cash),
        closing: Qty,
    ) -> Result<(), LedgerError> {
        let mut opened = notional;
        if !closing.is_zero() {
            let closed =
                if closing == qty { Some(notional) } else { spec.notional(price, closing) };
            let closed = closed.ok_or(LedgerError::Overflow)?;
            let cost = Cash::from_nano(self.part(self.cost.nano(), closing)?);
            let received = if self.qty.lots() > 0 { closed } else { -closed };
            self.realised += received - cost;
            self.cost -= cost;
            if closing == qty {
                return Ok(());
            }
            opened -= closed;
        }
        self.cost += if side == Side::Buy { opened } else { -opened };
        Ok(())
    }

    /// The same for what is worth more the lower its price is: the profit is what the lots were
    /// worth less what they are worth.
    fn fill_inverse(
        &mut self,
        spec: &InstrumentSpec,
        side: Side,
        price: Price,
        qty: Qty,
        closing: Qty,
    ) -> Result<(), LedgerError> {
        let worth = |lots: Qty| spec.fine_notional(price, lots).ok_or(LedgerError::Overflow);
        if !closing.is_zero() {
            let cost = self.part(self.fine_cost, closing)?;
            let now = worth(Qty::from_lots(closing.lots() * self.qty.lots().signum()))?;
            self.realised += Cash::from_nano(round_half_even(cost - now, FINE));
            self.fine_cost -= cost;
        }
        let opened = side.sign() * (qty.lots() - closing.lots());
        let cost = self.fine_cost.checked_add(worth(Qty::from_lots(opened))?);
        self.fine_cost = cost.ok_or(LedgerError::Overflow)?;
        self.cost = Cash::from_nano(round_half_even(self.fine_cost, FINE));
        Ok(())
    }

    /// The part of `whole` that `lots` of the lots held have, half-even.
    fn part(&self, whole: i128, lots: Qty) -> Result<i128, LedgerError> {
        let (held, part) = (i128::from(self.qty.abs().lots()), i128::from(lots.lots()));
        if part == held {
            return Ok(whole);
        }
        let product = whole.checked_mul(part).ok_or(LedgerError::Overflow)?;
        Ok(round_half_even(product, held))
    }
}
