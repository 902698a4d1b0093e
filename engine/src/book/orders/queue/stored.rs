//! What a restore does to the queues beside what ticks do.

use super::{NIL, Queues};

impl Queues {
    /// How many orders may rest.
    pub(in crate::book::orders) const fn orders_max(&self) -> usize {
        self.orders_max
    }

    /// Forgets all orders, keeps the memory.
    pub(in crate::book::orders) fn clear(&mut self) {
        self.orders.truncate(1);
        self.stamps.truncate(1);
        (self.free, self.len, self.stamp) = (NIL, 0, 0);
    }

    /// The order in `slot` joined its queue as number `stamp`.
    pub(in crate::book::orders) fn set_stamp(&mut self, slot: u32, stamp: u64) {
        if let Some(place) = self.stamps.get_mut(slot as usize) {
            *place = stamp;
        }
    }

    pub(in crate::book::orders) const fn set_last_stamp(&mut self, stamp: u64) {
        self.stamp = stamp;
    }
}
