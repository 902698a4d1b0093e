//! The books of one currency.

use qt_types::Cash;

use crate::stored;

/// The account in one currency. Cash moves by what is paid and received; positions keep their
/// cost and the profit that was realised. The two are computed apart from each other and must
/// agree after every booking.
///
/// Nothing is paid for a derivative: its notional stays outside of the cash, which moves only by
/// what is realised. The rest of what would have been paid is kept beside it, for the check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    pub(super) initial: Cash,
    pub(super) cash: Cash,
    pub(super) fees: Cash,
    pub(super) carry: Cash,
    pub(super) funding: Cash,
    pub(super) realised: Cash,
    pub(super) cost: Cash,
    /// What cash would have moved by more, had derivatives been paid for: less the cost of what
    /// is held of them, by another way.
    pub(super) unpaid: Cash,
    /// What of the cost is that of inverse contracts.
    pub(super) inverse_cost: Cash,
    /// Bought with other currencies, less what was sold for them.
    pub(super) exchanged: Cash,
}

stored!(Balance {
    state: cash, fees, carry, funding, realised, cost, unpaid, inverse_cost, exchanged;
    same: initial;
});

impl Balance {
    /// A balance that begins with `initial`.
    #[must_use]
    pub const fn new(initial: Cash) -> Self {
        let none = Cash::ZERO;
        Self {
            initial,
            cash: initial,
            fees: none,
            carry: none,
            funding: none,
            realised: none,
            cost: none,
            unpaid: none,
            inverse_cost: none,
            exchanged: none,
        }
    }

    /// By how much the two sides of the books differ: zero, or there is a defect.
    #[must_use]
    #[inline]
    pub fn off_by(&self) -> Cash {
        let paid = self.fees + self.carry + self.funding;
        self.funds() + paid + self.cost - self.initial - self.realised - self.exchanged
    }

    /// The money there is.
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

    /// The money as if derivatives had been paid for, and as if inverse contracts had been sold
    /// where they were bought: with the worth of what is held at its mark, taken off for inverse
    /// contracts and added for all others, it is the equity.
    #[must_use]
    #[inline]
    pub fn equity_base(&self) -> Cash {
        self.funds() + self.inverse_cost + self.inverse_cost
    }

    /// What there was at the start.
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

    /// Bought with other currencies so far, less what was sold for them.
    #[must_use]
    pub const fn exchanged(&self) -> Cash {
        self.exchanged
    }
}
