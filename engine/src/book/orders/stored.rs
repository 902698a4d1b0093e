//! A book by order as state: the book by price, and at each of its levels the orders in the order
//! in which they are served. Their places in memory are worked out anew.

use super::queue::Ends;
use super::{OrderBook, OrderBookFaults};
use crate::snapshot::{Reader, SnapshotError, Stored, Writer};
use crate::values;

values!(OrderBookFaults);

impl Stored for OrderBook {
    fn save(&self, to: &mut Writer<'_>) {
        to.same(&self.queues.orders_max());
        self.book.save(to);
        self.faults.save(to);
        to.put(&self.queues.last_stamp());
        to.put(&self.ids.bucket_count());
        for side in &self.book.sides {
            let mut levels = side.levels();
            while let Some((_, _, tag)) = levels.next_entry() {
                let first = Ends::from_tag(tag).first;
                to.put(&self.queues.from(first).count());
                for (slot, order) in self.queues.from(first) {
                    let steps = self.ids.steps_to(order.id, |slot| self.has(slot, order.id));
                    to.put(&(order.id, order.qty, self.queues.stamp(slot), steps));
                }
            }
        }
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        from.same("the most orders of a book", &self.queues.orders_max())?;
        self.book.load(from)?;
        self.faults.load(from)?;
        let last_stamp = from.take()?;
        self.queues.clear();
        if !self.ids.reset(from.take()?) {
            return Err(SnapshotError::Damaged);
        }
        for side in 0..self.book.sides.len() {
            let mut levels = self.book.sides[side].levels();
            let all: Vec<(i64, i64)> =
                std::iter::from_fn(|| levels.next_entry().map(|(key, lots, _)| (key, lots)))
                    .collect();
            for (key, lots) in all {
                self.load_queue(side, key, lots, from)?;
            }
        }
        self.queues.set_last_stamp(last_stamp);
        Ok(())
    }
}

impl OrderBook {
    fn has(&self, slot: u32, id: u64) -> bool {
        self.queues.get(slot).is_some_and(|order| order.id == id)
    }

    /// Reads the queue at `key`, whose orders have `lots` lots together.
    fn load_queue(
        &mut self,
        side: usize,
        key: i64,
        lots: i64,
        from: &mut Reader<'_>,
    ) -> Result<(), SnapshotError> {
        let (mut ends, mut sum) = (Ends::NONE, 0_i64);
        for _ in 0..from.count(self.queues.orders_max())? {
            let (id, qty, stamp, steps): (u64, i64, u64, u8) = from.take()?;
            let slot = self.queues.vacancy().ok_or(SnapshotError::Damaged)?;
            sum = sum.checked_add(qty).ok_or(SnapshotError::Damaged)?;
            if qty <= 0 || self.find(id).is_some() || !self.ids.put_back(id, slot, steps) {
                return Err(SnapshotError::Damaged);
            }
            self.queues.take(slot, id);
            ends = self.queues.append(slot, (side, key, qty), ends);
            self.queues.set_stamp(slot, stamp);
        }
        self.book.sides[side].set_tag(key, ends.tag());
        if sum == lots { Ok(()) } else { Err(SnapshotError::Damaged) }
    }
}
