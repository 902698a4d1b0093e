//! The order table: every open order, in memory that is taken once.

mod order;
mod state;

pub use order::Order;
pub use state::{OrderEnd, OrderStatus};

use qt_types::{InstrumentId, OrderId, Qty, Side};

/// All open orders. An order's slot is the low bits of its id, so a look-up needs no search; a
/// counter whose slot is taken is skipped. The slots only name places: the places themselves are
/// used again, last left first, so that few open orders touch little memory.
#[derive(Clone, Debug)]
pub struct OrderTable {
    slots: Vec<Place>,
    places: Vec<Order>,
    left: Vec<Place>,
    open: Vec<OrderId>,
    epoch: u16,
    counter: u64,
    open_max: usize,
}

/// An index into the places of a table, or [`NOWHERE`].
type Place = u32;

const NOWHERE: Place = Place::MAX;

impl OrderTable {
    /// A table for at most `open_max` open orders in run `epoch`.
    #[must_use]
    pub fn new(epoch: u16, open_max: usize) -> Self {
        // Twice the room keeps the search for a free slot short.
        let slots = (open_max.max(1) * 2).next_power_of_two();
        Self {
            slots: vec![NOWHERE; slots],
            places: Vec::with_capacity(open_max),
            left: Vec::with_capacity(open_max),
            open: Vec::with_capacity(open_max),
            epoch,
            counter: 0,
            open_max,
        }
    }

    /// How many more orders may be opened.
    #[must_use]
    #[inline]
    pub fn room(&self) -> usize {
        self.open_max - self.open.len()
    }

    /// The id that the next order will get.
    ///
    /// The search ends because the table has more slots than open orders.
    #[must_use]
    pub fn next_id(&self) -> OrderId {
        self.nth_next_id(0)
    }

    /// The id of the `n`-th order from now (0: the next), if nothing ends in between.
    #[must_use]
    pub fn nth_next_id(&self, n: usize) -> OrderId {
        let mut counter = self.counter + 1;
        let mut left = n;
        loop {
            if self.slots[self.slot_of(counter)] == NOWHERE {
                if left == 0 {
                    return OrderId::new(self.epoch, counter);
                }
                left -= 1;
            }
            counter += 1;
        }
    }

    /// Opens `order` under its id, which must come from [`Self::next_id`].
    pub(crate) fn insert(&mut self, order: Order) {
        let slot = self.slot_of(order.id.counter());
        debug_assert!(self.slots[slot] == NOWHERE, "the id of a new order has a free slot");
        self.counter = order.id.counter();
        self.open.push(order.id);
        self.slots[slot] = match self.left.pop() {
            Some(place) => {
                self.places[place as usize] = order;
                place
            }
            None => {
                self.places.push(order);
                (self.places.len() - 1) as Place
            }
        };
    }

    /// The open order `id`.
    #[must_use]
    #[inline]
    pub fn get(&self, id: OrderId) -> Option<&Order> {
        let place = self.slots[self.slot_of(id.counter())];
        self.places.get(place as usize).filter(|order| order.id == id)
    }

    pub(crate) fn get_mut(&mut self, id: OrderId) -> Option<&mut Order> {
        let place = self.slots[self.slot_of(id.counter())];
        self.places.get_mut(place as usize).filter(|order| order.id == id)
    }

    /// Forgets an order that ended.
    pub(crate) fn remove(&mut self, id: OrderId) {
        if self.get(id).is_some() {
            let slot = self.slot_of(id.counter());
            self.left.push(std::mem::replace(&mut self.slots[slot], NOWHERE));
            self.open.retain(|&open| open != id);
        }
    }

    /// All open orders, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Order> {
        self.open.iter().filter_map(|&id| self.get(id))
    }

    /// Whether no order is open.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether an order in `instrument` is open.
    #[must_use]
    pub fn any_in(&self, instrument: InstrumentId) -> bool {
        !self.is_empty() && self.iter().any(|order| order.instrument == instrument)
    }

    /// Lots that open orders could still add on `side`. Reduce-only orders cannot add any.
    #[must_use]
    pub fn working(&self, instrument: InstrumentId, side: Side) -> Qty {
        let lots = self
            .iter()
            .filter(|order| order.instrument == instrument && order.side == side)
            .filter(|order| !order.reduce_only)
            .map(|order| order.leaves().lots())
            .fold(0_i64, i64::saturating_add);
        Qty::from_lots(lots)
    }

    const fn slot_of(&self, counter: u64) -> usize {
        (counter as usize) & (self.slots.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use qt_types::{OrderKind, TimeInForce};

    use super::*;

    fn order(id: OrderId) -> Order {
        Order::sent(id, InstrumentId(0), Side::Buy, OrderKind::Market, TimeInForce::Gtc, 7)
    }

    #[test]
    fn slots_are_reused_but_ids_are_not() {
        let mut table = OrderTable::new(3, 2);
        let mut seen = std::collections::BTreeSet::new();
        let keep = table.next_id();
        table.insert(order(keep));
        for _ in 0..100 {
            let id = table.next_id();
            assert!(seen.insert(id) && id != keep && id > keep);
            assert_eq!(id, table.nth_next_id(0));
            table.insert(order(id));
            assert_eq!(table.room(), 0);
            assert_eq!(table.get(id).map(|order| order.id), Some(id));
            table.remove(id);
            assert!(table.get(id).is_none());
        }
        assert_eq!(table.get(keep).map(|order| order.id), Some(keep));
        assert_eq!(table.working(InstrumentId(0), Side::Buy), Qty::from_lots(7));
    }
}
