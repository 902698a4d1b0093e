//! Profit and loss of one instrument.

use qt_types::{Cash, InstrumentSpec, Price, Qty, Side, round_half_even};

use super::LedgerError;

/// A position with its cost (average-cost method). All amounts in the settlement currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    qty: Qty,
    cost: Cash,
    realised: Cash,
    fees: Cash,
    fills: u64,
    /// [`InstrumentSpec::tick_value`] of what is held: the position is valued at every close, and
    /// changes only with a fill.
    tick_value: Option<i64>,
}

impl Position {
    /// Lots held; negative when short.
    #[must_use]
    #[inline]
    pub const fn qty(&self) -> Qty {
        self.qty
    }

    /// What was paid for what is held, fees apart; negative when short (it was received).
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
    pub fn value(&self, spec: &InstrumentSpec, price: Price) -> Option<Cash> {
        match self.tick_value {
            Some(value) => Some(Cash::from_nano(i128::from(price.ticks()) * i128::from(value))),
            None => spec.notional(price, self.qty),
        }
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
        let notional = spec.notional(price, qty).ok_or(LedgerError::Overflow)?;
        let against = self.qty.lots() != 0 && (self.qty.lots() > 0) == (side == Side::Sell);
        let closing = if against { qty.min(self.qty.abs()) } else { Qty::ZERO };
        let closed_notional = spec.notional(price, closing).ok_or(LedgerError::Overflow)?;
        if !closing.is_zero() {
            let held = i128::from(self.qty.abs().lots());
            let part = i128::from(closing.lots());
            let cost = if part == held {
                self.cost
            } else {
                let product = self.cost.nano().checked_mul(part).ok_or(LedgerError::Overflow)?;
                Cash::from_nano(round_half_even(product, held))
            };
            let received = if self.qty.lots() > 0 { closed_notional } else { -closed_notional };
            self.realised += received - cost;
            self.cost -= cost;
        }
        let opened = notional - closed_notional;
        self.cost += if side == Side::Buy { opened } else { -opened };
        let signed = Qty::from_lots(side.sign() * qty.lots());
        self.qty = self.qty.checked_add(signed).ok_or(LedgerError::Overflow)?;
        self.tick_value = spec.tick_value(self.qty);
        self.fees += fee;
        self.fills += 1;
        Ok(())
    }
}
