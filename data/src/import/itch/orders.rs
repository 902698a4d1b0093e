//! The orders that rest: later messages name them by number only.

use std::collections::HashMap;

/// An order that rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resting {
    pub(super) instrument: u16,
    pub(super) sells: bool,
    pub(super) shares: u32,
    pub(super) price: u32,
}

/// Orders by number. It holds no more than the stream has added: 38 bytes of input each.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    by_number: HashMap<u64, Resting>,
}

impl Orders {
    /// An order rests; gives the one that had its number.
    pub(super) fn add(&mut self, order: u64, resting: Resting) -> Option<Resting> {
        self.by_number.insert(order, resting)
    }

    /// The order is gone.
    pub(super) fn remove(&mut self, order: u64) -> Option<Resting> {
        self.by_number.remove(&order)
    }

    /// `shares` of the order are gone; without any left it is. Gives the order as it was.
    pub(super) fn reduce(&mut self, order: u64, shares: u32) -> Option<Resting> {
        let resting = self.by_number.get_mut(&order)?;
        let before = *resting;
        resting.shares = resting.shares.saturating_sub(shares);
        if resting.shares == 0 {
            self.by_number.remove(&order);
        }
        Some(before)
    }
}
