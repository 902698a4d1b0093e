//! An execution as the books take it.

use qt_types::{Cash, FeeIn, InstrumentId, Price, Qty, Side};
use serde::{Deserialize, Serialize};

/// Something bought or sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deal {
    /// What is traded.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// The price in ticks.
    pub price: Price,
    /// The quantity in lots.
    pub qty: Qty,
    /// The fee.
    pub fee: Cash,
    /// What it is in.
    pub fee_in: FeeIn,
}

impl Deal {
    /// One without a fee.
    #[must_use]
    pub const fn new(instrument: InstrumentId, side: Side, price: Price, qty: Qty) -> Self {
        Self { instrument, side, price, qty, fee: Cash::ZERO, fee_in: FeeIn::Quote }
    }

    /// The same with a fee in the currency of the instrument.
    #[must_use]
    pub const fn with_fee(self, fee: Cash) -> Self {
        Self { fee, fee_in: FeeIn::Quote, ..self }
    }

    /// The fee as far as it is in the currency of the instrument.
    #[must_use]
    pub fn fee_in_quote(&self) -> Cash {
        if self.fee_in == FeeIn::Quote { self.fee } else { Cash::ZERO }
    }
}

/// How many of the `held` lots (negative when short) an order of `side` could close: none of a
/// position on its own side.
#[must_use]
#[inline]
pub const fn closable(side: Side, held: i64) -> i64 {
    let against = held.saturating_mul(-side.sign());
    if against > 0 { against } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_closes_what_is_held_on_the_other_one() {
        assert_eq!([closable(Side::Sell, 5), closable(Side::Buy, -5)], [5, 5]);
        assert_eq!(
            [closable(Side::Sell, -5), closable(Side::Buy, 5), closable(Side::Buy, 0)],
            [0; 3]
        );
        assert_eq!(closable(Side::Buy, i64::MIN), i64::MAX);
    }
}
