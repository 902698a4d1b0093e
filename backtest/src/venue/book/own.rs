//! Where our own orders rest: a test that is almost always negative, for every tick.

use qt_types::Price;
use serde::{Deserialize, Serialize};

/// The limits of our resting orders of one side.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct OwnOrders {
    /// A bit for each price modulo 64 at which an order rests.
    pub(super) mask: u64,
    /// The best limit, mirrored; the smallest number for none.
    best: i64,
}

impl OwnOrders {
    /// No orders.
    pub(super) const NONE: Self = Self { mask: 0, best: i64::MIN };

    /// Adds an order with the limit `limit` (mirrored), which is `price`.
    pub(super) const fn add(&mut self, limit: i64, price: Price) {
        self.mask |= 1 << (price.ticks() & 63);
        if limit > self.best {
            self.best = limit;
        }
    }

    /// Whether an order rests at `price` (mirrored) or at a better one.
    #[inline(always)]
    pub(super) const fn reaches(&self, price: i64) -> bool {
        self.best >= price
    }
}
