//! Where our own orders rest: a test that is almost always negative, for every tick.

/// The limits of our resting orders of one side.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnOrders {
    /// A bit for each price modulo 64 (mirrored) at which an order rests.
    mask: u64,
    /// The best limit, mirrored; the smallest number for none.
    best: i64,
}

impl OwnOrders {
    /// No orders.
    pub(super) const NONE: Self = Self { mask: 0, best: i64::MIN };

    /// Adds an order with the limit `limit` (mirrored).
    pub(super) const fn add(&mut self, limit: i64) {
        self.mask |= 1 << (limit & 63);
        if limit > self.best {
            self.best = limit;
        }
    }

    /// Whether an order could rest at `price` (mirrored). No means no.
    #[inline(always)]
    pub(super) const fn may_rest_at(&self, price: i64) -> bool {
        self.mask >> (price & 63) & 1 != 0
    }

    /// Whether an order rests at `price` (mirrored) or at a better one.
    #[inline(always)]
    pub(super) const fn reaches(&self, price: i64) -> bool {
        self.best >= price
    }
}
