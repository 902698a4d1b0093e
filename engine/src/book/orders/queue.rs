//! The resting orders, and the queues that they form.

mod stored;

/// No order. There is a node at it all the same, which nobody reads: the end of a queue is
/// linked like its middle, without a branch.
pub(super) const NIL: u32 = 0;

/// An order in its place: half a cache line.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
pub(super) struct Resting {
    pub(super) id: u64,
    /// Its key, and the number of its side in the lowest bit: a key has bits to spare.
    place: i64,
    pub(super) qty: i64,
    /// The one behind it, and the one before it.
    pub(super) next: u32,
    pub(super) previous: u32,
}

impl Resting {
    const NONE: Self = Self { id: 0, place: 0, qty: 0, next: NIL, previous: NIL };

    #[inline(always)]
    pub(super) const fn side(&self) -> usize {
        (self.place & 1) as usize
    }

    #[inline(always)]
    pub(super) const fn key(&self) -> i64 {
        self.place >> 1
    }
}

/// The ends of a queue: what the book keeps for each of its levels. Of a level without orders
/// they mean nothing.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    pub(super) first: u32,
    pub(super) last: u32,
}

impl Ends {
    /// Those of an empty queue.
    pub(super) const NONE: Self = Self { first: NIL, last: NIL };

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
    /// The one at [`NIL`], then the orders.
    orders: Vec<Resting>,
    /// By slot: counts up with each order that goes to the end of a queue. Apart from the orders,
    /// since it is written often and rarely read.
    stamps: Vec<u64>,
    /// The first of the slots that were used and are free again, linked by `next`.
    free: u32,
    orders_max: usize,
    len: usize,
    stamp: u64,
}

impl Queues {
    pub(super) fn new(orders_max: usize) -> Self {
        let mut orders = Vec::with_capacity(orders_max + 1);
        let mut stamps = Vec::with_capacity(orders_max + 1);
        orders.push(Resting::NONE);
        stamps.push(0);
        Self { orders, stamps, free: NIL, orders_max, len: 0, stamp: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn last_stamp(&self) -> u64 {
        self.stamp
    }

    /// The order in `slot`, unless that is [`NIL`].
    #[inline(always)]
    pub(super) fn get(&self, slot: u32) -> Option<&Resting> {
        if slot == NIL { None } else { self.orders.get(slot as usize) }
    }

    #[inline(always)]
    pub(super) fn at(&self, slot: u32) -> &Resting {
        &self.orders[slot as usize]
    }

    #[inline(always)]
    pub(super) fn stamp(&self, slot: u32) -> u64 {
        self.stamps[slot as usize]
    }

    #[inline(always)]
    pub(super) fn set_qty(&mut self, slot: u32, lots: i64) {
        self.orders[slot as usize].qty = lots;
    }

    /// The slot that the next new order takes; `None` when there are too many.
    #[inline(always)]
    pub(super) fn vacancy(&self) -> Option<u32> {
        let used = self.orders.len();
        match self.free {
            NIL if used > self.orders_max => None,
            NIL => Some(used as u32),
            slot => Some(slot),
        }
    }

    /// Order `id` takes the [`Self::vacancy`] `slot`. It is in no queue yet.
    #[inline(always)]
    pub(super) fn take(&mut self, slot: u32, id: u64) {
        self.len += 1;
        if self.free == NIL {
            self.orders.push(Resting { id, ..Resting::NONE });
            self.stamps.push(0);
            return;
        }
        let order = &mut self.orders[slot as usize];
        self.free = order.next;
        order.id = id;
    }

    /// Gives a slot back. Its order must have left its queue.
    #[inline(always)]
    pub(super) fn give_back(&mut self, slot: u32) {
        self.orders[slot as usize].next = self.free;
        self.free = slot;
        self.len -= 1;
    }

    /// Puts the order in `slot` behind the others of the queue `ends`. Returns the ends now.
    #[inline(always)]
    pub(super) fn append(
        &mut self,
        slot: u32,
        (side, key, lots): (usize, i64, i64),
        ends: Ends,
    ) -> Ends {
        self.stamp += 1;
        self.stamps[slot as usize] = self.stamp;
        let order = &mut self.orders[slot as usize];
        order.place = key << 1 | side as i64;
        order.qty = lots;
        order.next = NIL;
        order.previous = ends.last;
        self.orders[ends.last as usize].next = slot;
        Ends { first: if ends.first == NIL { slot } else { ends.first }, last: slot }
    }

    /// Takes the order in `slot` out of the queue `ends`. Returns the ends of what is left.
    #[inline(always)]
    pub(super) fn leave(&mut self, slot: u32, ends: Ends) -> Ends {
        let Resting { next, previous, .. } = *self.at(slot);
        self.orders[next as usize].previous = previous;
        self.orders[previous as usize].next = next;
        Ends {
            first: if previous == NIL { next } else { ends.first },
            last: if next == NIL { previous } else { ends.last },
        }
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
