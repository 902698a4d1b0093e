//! The resting orders, and the queues that they form.

/// No order.
pub(super) const NIL: u32 = u32::MAX;

/// An order in its place.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Resting {
    pub(super) id: u64,
    /// Its key, and the number of its side in the lowest bit: a key has bits to spare.
    place: i64,
    pub(super) qty: i64,
    /// Counts up with each order that goes to the end of a queue.
    pub(super) stamp: u64,
    /// The one behind it, and the one before it.
    pub(super) next: u32,
    pub(super) previous: u32,
}

impl Resting {
    #[inline(always)]
    pub(super) const fn side(&self) -> usize {
        (self.place & 1) as usize
    }

    #[inline(always)]
    pub(super) const fn key(&self) -> i64 {
        self.place >> 1
    }
}

/// The ends of a queue: what the book keeps for each of its levels.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    pub(super) first: u32,
    pub(super) last: u32,
}

impl Ends {
    #[inline(always)]
    pub(super) const fn from_tag(tag: u64) -> Self {
        Self { first: tag as u32, last: (tag >> 32) as u32 }
    }

    #[inline(always)]
    pub(super) const fn tag(self) -> u64 {
        self.first as u64 | (self.last as u64) << 32
    }
}

/// All orders of a book, in memory that is taken once. Each level's orders are a doubly linked
/// list through it.
#[derive(Clone)]
pub(super) struct Queues {
    orders: Vec<Resting>,
    /// The first of the slots that were used and are free again, linked by `next`.
    free: u32,
    orders_max: usize,
    len: usize,
    stamp: u64,
}

impl Queues {
    pub(super) fn new(orders_max: usize) -> Self {
        let orders = Vec::with_capacity(orders_max);
        Self { orders, free: NIL, orders_max, len: 0, stamp: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn last_stamp(&self) -> u64 {
        self.stamp
    }

    #[inline(always)]
    pub(super) fn get(&self, slot: u32) -> Option<&Resting> {
        self.orders.get(slot as usize)
    }

    #[inline(always)]
    pub(super) fn at(&self, slot: u32) -> &Resting {
        &self.orders[slot as usize]
    }

    #[inline(always)]
    pub(super) fn set_qty(&mut self, slot: u32, lots: i64) {
        self.orders[slot as usize].qty = lots;
    }

    /// A slot for a new order; `None` when there are too many. It is in no queue yet.
    #[inline]
    pub(super) fn take(&mut self, id: u64) -> Option<u32> {
        let order = Resting { id, place: 0, qty: 0, stamp: 0, next: NIL, previous: NIL };
        let slot = self.free;
        if slot != NIL {
            self.free = self.at(slot).next;
            self.orders[slot as usize] = order;
        } else if self.orders.len() < self.orders_max {
            self.orders.push(order);
            self.len += 1;
            return Some(self.orders.len() as u32 - 1);
        } else {
            return None;
        }
        self.len += 1;
        Some(slot)
    }

    /// Gives a slot back. Its order must have left its queue.
    #[inline]
    pub(super) fn give_back(&mut self, slot: u32) {
        self.orders[slot as usize].next = self.free;
        self.free = slot;
        self.len -= 1;
    }

    /// Puts the order in `slot` behind the others of the queue `ends`; none: it is the first.
    /// Returns the ends now.
    #[inline]
    pub(super) fn append(
        &mut self,
        slot: u32,
        (side, key, lots): (usize, i64, i64),
        ends: Option<Ends>,
    ) -> Ends {
        self.stamp += 1;
        let stamp = self.stamp;
        let previous = ends.map_or(NIL, |ends| ends.last);
        let order = &mut self.orders[slot as usize];
        order.place = key << 1 | side as i64;
        order.qty = lots;
        order.stamp = stamp;
        order.next = NIL;
        order.previous = previous;
        match ends {
            Some(Ends { first, last }) => {
                self.orders[last as usize].next = slot;
                Ends { first, last: slot }
            }
            None => Ends { first: slot, last: slot },
        }
    }

    /// Takes the order in `slot` out of the queue `ends`. Returns the ends of what is left.
    #[inline]
    pub(super) fn leave(&mut self, slot: u32, mut ends: Ends) -> Option<Ends> {
        let Resting { next, previous, .. } = *self.at(slot);
        if next == NIL {
            ends.last = previous;
        } else {
            self.orders[next as usize].previous = previous;
        }
        if previous == NIL {
            ends.first = next;
        } else {
            self.orders[previous as usize].next = next;
        }
        (ends.first != NIL).then_some(ends)
    }

    /// The orders from `slot` on to the end of the queue.
    #[inline]
    pub(super) fn from(&self, slot: u32) -> impl Iterator<Item = (u32, &Resting)> {
        let next = move |slot: u32| self.get(slot).map(|order| (slot, order));
        std::iter::successors(next(slot), move |(_, order)| next(order.next))
    }

    /// The orders before that in `slot`, the nearest one first.
    pub(super) fn before(&self, slot: u32) -> impl Iterator<Item = &Resting> {
        let previous = move |order: &Resting| self.get(order.previous);
        std::iter::successors(self.get(slot).and_then(previous), move |order| previous(order))
    }
}
