//! The order table as state: the orders that are open and those that ended, each list in its
//! order. Where they lie in memory is worked out anew.

use qt_types::OrderId;

use super::{NOWHERE, OrderTable, Place};
use crate::oms::Order;
use crate::oms::execs::ExecLog;
use crate::snapshot::{Reader, SnapshotError, Stored, Writer};
use crate::values;

values!(Order);

impl Stored for OrderTable {
    fn save(&self, to: &mut Writer<'_>) {
        to.same(&(self.epoch, self.open_max, self.reporting));
        self.anomalies.save(to);
        to.put(&(self.counter, self.has_ties));
        to.put(&self.open.len());
        self.open.iter().for_each(|&id| self.save_order(id, to));
        to.put(&self.ended.len());
        self.ended.iter().for_each(|&id| self.save_order(id, to));
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        let configured = (self.epoch, self.open_max, self.reporting);
        from.same("the epoch, the most open orders, or how the venue reports", &configured)?;
        self.anomalies.load(from)?;
        (self.counter, self.has_ties) = from.take()?;
        self.slots.fill(NOWHERE);
        self.places.clear();
        self.logs.clear();
        self.left.clear();
        self.open.clear();
        self.ended.clear();
        for _ in 0..from.count(self.open.capacity())? {
            let id = self.load_order(from)?;
            self.open.push(id);
            self.has_ties |= self.get(id).is_none_or(|order| !order.stands_alone());
        }
        for _ in 0..from.count(self.reporting.ended_kept)? {
            let id = self.load_order(from)?;
            self.ended.push_back(id);
        }
        Ok(())
    }
}

impl OrderTable {
    fn save_order(&self, id: OrderId, to: &mut Writer<'_>) {
        let place = self.slots[self.slot_of(id.counter())] as usize;
        if let (Some(order), Some(log)) = (self.places.get(place), self.logs.get(place)) {
            order.save(to);
            log.save(to);
        }
    }

    fn load_order(&mut self, from: &mut Reader<'_>) -> Result<OrderId, SnapshotError> {
        let order: Order = from.take()?;
        let slot = self.slot_of(order.id.counter());
        let place = self.places.len();
        if self.slots[slot] != NOWHERE || place == self.places.capacity() {
            return Err(SnapshotError::Damaged);
        }
        self.slots[slot] = place as Place;
        self.places.push(order);
        self.logs.push(ExecLog::EMPTY);
        self.logs[place].load(from)?;
        Ok(order.id)
    }
}
