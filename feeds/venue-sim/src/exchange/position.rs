//! Positions: what accounts have where nothing is owned that is bought. A trade makes a position
//! larger or smaller; what is closed is realised, in the asset that prices are in. Cross margin,
//! one position a symbol.

use super::order::Side;
use super::symbol::SymbolId;
use super::units::{Amount, Nanos, Rate};

/// The rules of positions; an exchange without them trades what is owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarginRules {
    /// How many times its margin a position may be worth, until its owner says otherwise.
    pub leverage: u32,
    /// How many times at most.
    pub leverage_max: u32,
    /// The part of a position's worth that is to be kept, in 10^-8. It is told, and nobody is
    /// liquidated by it.
    pub maintenance: Rate,
    /// What longs pay shorts at each funding, in 10^-8 of the worth.
    pub funding: Rate,
    /// How long it is from funding to funding: at the multiples of it since 1970.
    pub funding_every_ns: Nanos,
}

/// The position of an account in a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Of what.
    pub symbol: SymbolId,
    /// How much, in the smallest unit of the base asset; below zero: sold.
    pub qty: Amount,
    /// What it cost, in the quote asset; below zero: what was got for it.
    pub cost: Amount,
    /// All that was realised so far, commissions and funding not counted.
    pub realised: Amount,
    /// How many times its margin it may be worth.
    pub leverage: u32,
    /// When it last changed.
    pub updated_ns: Nanos,
}

impl Position {
    /// None yet.
    pub(super) const fn new(symbol: SymbolId, leverage: u32) -> Self {
        Self { symbol, qty: 0, cost: 0, realised: 0, leverage, updated_ns: 0 }
    }

    /// Whether an order of this side makes it smaller.
    #[must_use]
    pub const fn is_reduced_by(&self, side: Side) -> bool {
        match side {
            Side::Buy => self.qty < 0,
            Side::Sell => self.qty > 0,
        }
    }

    /// What it would bring if all of it were worth `worth` (below zero where it is sold).
    #[must_use]
    pub const fn unrealised(&self, worth: Amount) -> Amount {
        worth - self.cost
    }

    /// A trade of `qty` that is worth `quote`; what of it closes is worth `closed`. What was
    /// realised: of what is closed its part of the cost leaves, rounded towards zero.
    pub(super) fn trade(
        &mut self,
        side: Side,
        (qty, quote): (Amount, Amount),
        closed: Amount,
    ) -> Amount {
        let sign = if side == Side::Buy { 1 } else { -1 };
        let closes = self.closes(side, qty);
        let mut realised = 0;
        if closes > 0 {
            let size = self.qty.abs();
            let share = match self.cost.checked_mul(closes) {
                _ if closes == size => self.cost,
                Some(product) => product / size,
                None => self.cost / size * closes,
            };
            // Bought for less than it is sold for now, or sold for more than it is bought for.
            realised = -share - sign * closed;
            self.cost -= share;
            self.qty += sign * closes;
            self.realised += realised;
        }
        self.qty += sign * (qty - closes);
        self.cost += sign * (quote - closed);
        realised
    }

    /// How much of a trade of `qty` closes.
    pub(super) fn closes(&self, side: Side, qty: Amount) -> Amount {
        if self.is_reduced_by(side) { qty.min(self.qty.abs()) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_position_grows_shrinks_and_turns() {
        let mut position = Position::new(SymbolId(0), 20);
        assert_eq!(position.trade(Side::Buy, (10, 1_000), 0), 0);
        assert_eq!(position.trade(Side::Buy, (10, 1_200), 0), 0);
        assert_eq!((position.qty, position.cost), (20, 2_200));
        // Five of them for 120 each: their part of the cost was 550.
        assert_eq!(position.trade(Side::Sell, (5, 600), 600), 50);
        assert_eq!((position.qty, position.cost), (15, 1_650));
        // Twenty for 100 each: fifteen close, five are sold anew.
        assert_eq!(position.trade(Side::Sell, (20, 2_000), 1_500), -150);
        assert_eq!((position.qty, position.cost, position.realised), (-5, -500, -100));
        assert_eq!(position.unrealised(-450), 50, "what was sold is worth less now");
        assert_eq!(position.trade(Side::Buy, (5, 400), 400), 100);
        assert_eq!((position.qty, position.cost, position.realised), (0, 0, 0));
    }

    proptest! {
        /// Whatever is traded: what was paid and got is what is realised and what is left.
        #[test]
        fn nothing_is_lost(
            trades in prop::collection::vec((any::<bool>(), 1_i64..500, 1_i64..90), 1..60),
        ) {
            let mut position = Position::new(SymbolId(0), 1);
            let (mut held, mut paid, mut realised) = (0, 0, 0);
            for (is_buy, qty, price) in trades {
                let side = if is_buy { Side::Buy } else { Side::Sell };
                let (qty, price) = (Amount::from(qty), Amount::from(price));
                let closed = position.closes(side, qty) * price;
                realised += position.trade(side, (qty, qty * price), closed);
                let sign = if is_buy { 1 } else { -1 };
                (held, paid) = (held + sign * qty, paid + sign * qty * price);
                prop_assert_eq!(position.qty, held);
                prop_assert_eq!(position.cost, paid + realised);
                prop_assert!(held != 0 || position.cost == 0);
            }
            prop_assert_eq!(position.realised, realised);
        }
    }
}
