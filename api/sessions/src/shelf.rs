//! Orders and executions as all threads see them. The session's worker changes them one by one,
//! and the newest ones are told without the store, so that an answer costs no more where there are
//! many.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::orders::Changed;
use uuid::Uuid;

use qt_trading::ids::{ExecutionUid, OrderUid};
use qt_trading::time::Time;
use qt_trading::{Execution, Order};

/// Executions in memory.
const EXECUTIONS_KEPT: usize = 1_000;
/// What another process has written down before may be so much younger than our clock says (ns).
const CLOCKS_APART_NS: i64 = 1_000_000_000;

/// Where something stands in a list: its time (UTC ns), then its identifier.
type Place = (i64, Uuid);

fn place_of_order(order: &Order) -> Place {
    (order.created_at.0, order.id.0)
}

fn place_of_execution(execution: &Execution) -> Place {
    (execution.executed_at.0, execution.id.0)
}

/// What lies on a shelf.
#[derive(Debug, Default)]
pub struct Lists {
    /// Orders by their time, oldest first.
    orders: BTreeMap<Place, Arc<Order>>,
    /// Their times, by their places among all.
    times: BTreeMap<u64, Place>,
    by_uid: HashMap<OrderUid, Arc<Order>>,
    executions: VecDeque<Arc<Execution>>,
    by_id: HashMap<ExecutionUid, Arc<Execution>>,
    /// Every order of the account behind this place is here.
    all_orders_from: Option<Place>,
    /// The same of executions.
    all_executions_from: Option<Place>,
}

impl Lists {
    /// Takes in a change.
    pub fn apply(&mut self, change: &Changed) {
        match change {
            Changed::Order(place, order) => {
                let now = place_of_order(order);
                if let Some(was) = self.times.insert(*place, now).filter(|was| *was != now) {
                    self.orders.remove(&was);
                }
                self.orders.insert(now, Arc::clone(order));
                self.by_uid.insert(order.id, Arc::clone(order));
            }
            Changed::Executed(execution, _) => {
                if self.executions.len() == EXECUTIONS_KEPT
                    && let Some(oldest) = self.executions.pop_front()
                {
                    self.by_id.remove(&oldest.id);
                    raise(&mut self.all_executions_from, place_of_execution(&oldest));
                }
                self.executions.push_back(Arc::clone(execution));
                self.by_id.insert(execution.id, Arc::clone(execution));
            }
            Changed::Gone(place) => {
                if let Some(was) = self.times.remove(place)
                    && let Some(order) = self.orders.remove(&was)
                {
                    self.by_uid.remove(&order.id);
                    raise(&mut self.all_orders_from, was);
                }
            }
            Changed::Denied(_) => {}
        }
    }
}

/// A place that never sinks.
fn raise(from: &mut Option<Place>, place: Place) {
    *from = Some(from.map_or(place, |from| from.max(place)));
}

/// The newest `count` of `items`, which come newest first but for those of one time, in order;
/// `None` where memory may lack one of them.
fn newest<T>(
    items: impl Iterator<Item = Arc<T>>,
    count: usize,
    from: Option<Place>,
    place: fn(&T) -> Place,
) -> Option<Vec<Arc<T>>> {
    let from = from?;
    let mut found: Vec<Arc<T>> = Vec::with_capacity(count.saturating_add(1));
    for item in items {
        if let Some(last) = found.last() {
            let (at, last_at) = (place(&item).0, place(last).0);
            if at > last_at {
                return None;
            }
            if found.len() >= count && at < last_at {
                break;
            }
        }
        found.push(item);
    }
    found.sort_by_key(|item| std::cmp::Reverse(place(item)));
    found.truncate(count);
    let has_all = found.len() == count && found.last().is_some_and(|last| place(last) > from);
    has_all.then_some(found)
}

/// See the module.
#[derive(Debug, Default)]
pub struct Shelf {
    lists: RwLock<Lists>,
}

impl Shelf {
    fn read(&self) -> RwLockReadGuard<'_, Lists> {
        self.lists.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on `lists` lie here. What was before them may be in the store only.
    pub fn set(&self, mut lists: Lists) {
        let now = Time::now().0.saturating_add(CLOCKS_APART_NS);
        raise(&mut lists.all_orders_from, (now, Uuid::max()));
        raise(&mut lists.all_executions_from, (now, Uuid::max()));
        *self.lists.write().unwrap_or_else(PoisonError::into_inner) = lists;
    }

    /// Takes in what has changed.
    pub fn apply(&self, changes: &mut Vec<Changed>) {
        if changes.is_empty() {
            return;
        }
        let mut lists = self.lists.write().unwrap_or_else(PoisonError::into_inner);
        changes.drain(..).for_each(|change| lists.apply(&change));
    }

    /// Orders, newest first.
    pub fn orders(&self) -> Vec<Arc<Order>> {
        self.read().orders.values().rev().cloned().collect()
    }

    /// The newest `count` orders of the account, newest first, where it is certain that they are
    /// here: `None` before so many were placed in this process, and where older ones are wanted.
    pub fn newest_orders(&self, count: usize) -> Option<Vec<Arc<Order>>> {
        let lists = self.read();
        let orders = lists.orders.values().rev().cloned();
        newest(orders, count, lists.all_orders_from, place_of_order)
    }

    /// One order.
    pub fn order(&self, id: OrderUid) -> Option<Arc<Order>> {
        self.read().by_uid.get(&id).cloned()
    }

    /// Executions, newest first.
    pub fn executions(&self) -> Vec<Arc<Execution>> {
        self.read().executions.iter().rev().cloned().collect()
    }

    /// [`Self::newest_orders`] for executions.
    pub fn newest_executions(&self, count: usize) -> Option<Vec<Arc<Execution>>> {
        let lists = self.read();
        let executions = lists.executions.iter().rev().cloned();
        newest(executions, count, lists.all_executions_from, place_of_execution)
    }

    /// One execution.
    pub fn execution(&self, id: ExecutionUid) -> Option<Arc<Execution>> {
        self.read().by_id.get(&id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against all that there ever was, of which memory has some: what is told is the newest of
        /// it, and nothing is told where that is not certain.
        #[test]
        fn what_is_told_is_the_newest_of_all(
            steps in prop::collection::vec(0_i64..3, 0..60),
            gone in prop::collection::vec(any::<bool>(), 60),
            before in 0_usize..60,
            count in 1_usize..12,
        ) {
            let mut at = 0;
            let all: Vec<Arc<Place>> = steps
                .iter()
                .enumerate()
                .map(|(n, step)| {
                    at += step;
                    // Identifiers say nothing about the order in time.
                    Arc::new((at, Uuid::from_u128((n as u128 * 7_919) % 61)))
                })
                .collect();
            let is_here = |n: usize| n >= before && !gone[n];
            let from = all.iter().enumerate().filter(|(n, _)| !is_here(*n)).map(|(_, it)| **it);
            let from = from.max().unwrap_or((-1, Uuid::nil()));
            let here = all.iter().enumerate().filter(|(n, _)| is_here(*n)).map(|(_, it)| it);
            let here: Vec<Arc<Place>> = here.rev().cloned().collect();
            let mut sorted = all.clone();
            sorted.sort_by_key(|item| std::cmp::Reverse(**item));
            let certain = here.iter().filter(|item| ***item > from).count() >= count;
            let told = newest(here.into_iter(), count, Some(from), |item| *item);
            prop_assert_eq!(told.is_some(), certain);
            if let Some(told) = told {
                prop_assert_eq!(&told[..], &sorted[..count]);
            }
        }
    }

    #[test]
    fn what_is_not_in_order_is_not_told() {
        let items = |times: &[i64]| {
            let items: Vec<_> = times.iter().map(|at| Arc::new((*at, Uuid::nil()))).collect();
            items.into_iter()
        };
        let from = Some((0, Uuid::max()));
        assert!(newest(items(&[9, 8, 7]), 2, from, |item| *item).is_some());
        assert!(newest(items(&[8, 9, 7]), 2, from, |item| *item).is_none());
        assert!(newest(items(&[9, 8]), 2, None, |item| *item).is_none(), "nothing is known");
        assert!(newest(items(&[]), 1, from, |item| *item).is_none());
    }
}
