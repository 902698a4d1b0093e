//! Orders as a part of a session's state.

use std::sync::Arc;

use qt_types::OrderId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Changed, Kept, Orders, PAST_KEPT};
use qt_trading::Order;
use qt_trading::ids::OrderUid;

/// All that are in memory.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Written {
    /// By their places.
    orders: Vec<WrittenOrder>,
    count: u64,
    ended: Vec<OrderUid>,
    next_name: Option<(OrderUid, String)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WrittenOrder {
    id: OrderId,
    place: u64,
    order: Order,
    /// Clients are not shown it.
    placed_by: Option<String>,
}

impl Orders {
    /// As they are written.
    pub fn written(&self) -> Written {
        let mut orders: Vec<WrittenOrder> = self
            .by_uid
            .values()
            .map(|kept| WrittenOrder {
                id: kept.id,
                place: kept.place,
                order: Order::clone(&kept.order),
                placed_by: kept.order.placed_by.clone(),
            })
            .collect();
        orders.sort_unstable_by_key(|order| order.place);
        let (ended, next_name) = (self.ended.iter().copied().collect(), self.next_name.clone());
        Written { orders, count: self.count, ended, next_name }
    }

    /// The identifiers of those that were in memory, one behind the other.
    pub fn written_past(&self) -> Vec<u8> {
        self.past.iter().flat_map(|uid| uid.0.into_bytes()).collect()
    }

    /// The identifiers of all that there were, as far as they are known, oldest first, each once:
    /// where a renewal was cut off, those of before are the session's own.
    pub fn identifiers(&self) -> Vec<OrderUid> {
        let mut shown: Vec<_> = self.by_uid.iter().map(|(uid, kept)| (kept.place, *uid)).collect();
        shown.sort_unstable();
        let past = self.past.iter().copied().filter(|uid| !self.by_uid.contains_key(uid));
        past.chain(shown.into_iter().map(|(_, uid)| uid)).collect()
    }

    /// Begins with `past`, the identifiers of orders of an earlier journal, oldest first.
    pub fn begin_with(&mut self, past: &[OrderUid]) {
        let newest = past.len().saturating_sub(PAST_KEPT);
        self.past = past[newest..].iter().copied().collect();
        self.past_uids = self.past.iter().copied().collect();
    }

    /// Takes over what was written of a session that had the same instruments; what there is now
    /// goes to `changed`.
    pub fn restore(&mut self, written: Written, past: &[u8], changed: &mut Vec<Changed>) {
        for WrittenOrder { id, place, mut order, placed_by } in written.orders {
            order.placed_by = placed_by;
            let (uid, order) = (order.id, Arc::new(order));
            self.names.extend(order.client_order_id.clone());
            self.by_id.insert(id, uid);
            changed.push(Changed::Order(place, Arc::clone(&order)));
            self.by_uid.insert(uid, Kept { id, place, order });
        }
        (self.count, self.next_name) = (written.count, written.next_name);
        self.ended = written.ended.into();
        let (uids, _) = past.as_chunks();
        self.past = uids.iter().map(|uid| OrderUid(Uuid::from_bytes(*uid))).collect();
        self.past_uids = self.past.iter().copied().collect();
    }
}
