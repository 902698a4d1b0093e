//! Positions that are no whole number of lots: fees that are taken in what was bought, and the dust
//! that they leave.

use qt_types::{Cash, FeeIn, InstrumentSpec, Price, Qty, Side, round_half_even};

use super::{LedgerError, Position};

impl Position {
    /// All that is held, in billionths of a unit.
    pub(super) fn units_e9(&self, spec: &InstrumentSpec) -> i128 {
        i128::from(self.qty().lots()) * i128::from(spec.lot_e9()) + i128::from(self.dust_e9)
    }

    /// [`Self::fill`] with a fee in any asset. One in a currency of its own is no part of the
    /// position's books.
    ///
    /// # Errors
    /// When an amount overflows.
    pub fn fill_with(
        &mut self,
        spec: &InstrumentSpec,
        side: Side,
        price: Price,
        qty: Qty,
        (fee, fee_in): (Cash, FeeIn),
    ) -> Result<(), LedgerError> {
        match fee_in {
            FeeIn::Quote => self.fill(spec, side, price, qty, fee),
            FeeIn::Base => self.fill_in_kind(spec, side, price, qty, fee.nano()),
            FeeIn::Currency(_) => self.fill(spec, side, price, qty, Cash::ZERO),
        }
    }

    /// Books a fill of which `fee_e9` billionths of a unit were kept as a fee: what was paid for
    /// them is the fee, the rest of the price is the cost of the rest. Whole lots are the quantity,
    /// what is left of a lot stays beside it with its share of the cost.
    ///
    /// # Errors
    /// When an amount overflows.
    pub(super) fn fill_in_kind(
        &mut self,
        spec: &InstrumentSpec,
        side: Side,
        price: Price,
        qty: Qty,
        fee_e9: i128,
    ) -> Result<(), LedgerError> {
        let over = LedgerError::Overflow;
        let (lot, sign) = (i128::from(spec.lot_e9()), i128::from(side.sign()));
        let moved = sign * i128::from(qty.lots()) * lot - fee_e9;
        let notional = spec.notional(price, qty).ok_or(over)?;
        let fee = spec.notional_of_units(price, fee_e9).ok_or(over)?;
        // What the account gave for what it got; negative where it gave units.
        let paid = if side == Side::Buy { notional - fee } else { -notional - fee };
        self.take_units(spec, price, moved, paid)?;
        self.fees += fee;
        self.fills += 1;
        Ok(())
    }

    /// Takes in `moved` billionths of a unit that `paid` was given for; both are negative where
    /// units went.
    pub(super) fn take_units(
        &mut self,
        spec: &InstrumentSpec,
        price: Price,
        moved: i128,
        paid: Cash,
    ) -> Result<(), LedgerError> {
        let over = LedgerError::Overflow;
        let lot = i128::from(spec.lot_e9());
        let held = self.units_e9(spec);
        let is_against = held.signum() * moved.signum() < 0;
        let closing = if is_against { moved.abs().min(held.abs()) } else { 0 };
        let worth = |units: i128| spec.notional_of_units(price, units).ok_or(over);
        let closed = if closing == moved.abs() { paid } else { worth(moved.signum() * closing)? };
        if closing > 0 {
            let cost = part(self.cost.nano(), closing, held.abs())?;
            self.realised += -closed - cost;
            self.cost -= cost;
            self.cost += paid - closed;
        } else {
            self.cost += paid;
        }
        let left = held + moved;
        let lots = i64::try_from(left / lot).map_err(|_| over)?;
        self.dust_e9 = i64::try_from(left % lot).map_err(|_| over)?;
        self.hold(spec, Qty::from_lots(lots));
        Ok(())
    }

    /// Closes all of it at `price`, which is no fill.
    ///
    /// # Errors
    /// When an amount overflows.
    pub(super) fn settle(
        &mut self,
        spec: &InstrumentSpec,
        price: Price,
    ) -> Result<(), LedgerError> {
        let side = if self.qty().lots() > 0 { Side::Sell } else { Side::Buy };
        self.fill(spec, side, price, self.qty().abs(), Cash::ZERO)?;
        self.fills -= 1;
        Ok(())
    }
}

/// The share of `cost` that `part` of `whole` units have, half-even.
fn part(cost: i128, part: i128, whole: i128) -> Result<Cash, LedgerError> {
    if part == whole {
        return Ok(Cash::from_nano(cost));
    }
    let product = cost.checked_mul(part).ok_or(LedgerError::Overflow)?;
    Ok(Cash::from_nano(round_half_even(product, whole)))
}
