//! Orders and executions as all threads see them. The session's worker changes them one by one, so
//! that an answer costs no more where much is in memory.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::orders::Changed;
use qt_trading::ids::{ExecutionUid, OrderUid};
use qt_trading::{Execution, Order};

/// Executions in memory.
const EXECUTIONS_KEPT: usize = 1_000;

/// What lies on a shelf.
#[derive(Debug, Default)]
pub struct Lists {
    /// Orders by their places, oldest first.
    orders: BTreeMap<u64, Arc<Order>>,
    places: HashMap<OrderUid, u64>,
    executions: VecDeque<Arc<Execution>>,
    by_id: HashMap<ExecutionUid, Arc<Execution>>,
}

impl Lists {
    /// Takes in a change.
    pub fn apply(&mut self, change: &Changed) {
        match change {
            Changed::Order(place, order) => {
                self.orders.insert(*place, Arc::clone(order));
                self.places.insert(order.id, *place);
            }
            Changed::Executed(execution, _) => {
                if self.executions.len() == EXECUTIONS_KEPT
                    && let Some(oldest) = self.executions.pop_front()
                {
                    self.by_id.remove(&oldest.id);
                }
                self.executions.push_back(Arc::clone(execution));
                self.by_id.insert(execution.id, Arc::clone(execution));
            }
            Changed::Gone(place) => {
                if let Some(order) = self.orders.remove(place) {
                    self.places.remove(&order.id);
                }
            }
        }
    }
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

    /// From now on `lists` lie here.
    pub fn set(&self, lists: Lists) {
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

    /// One order.
    pub fn order(&self, id: OrderUid) -> Option<Arc<Order>> {
        let lists = self.read();
        lists.orders.get(lists.places.get(&id)?).cloned()
    }

    /// Executions, newest first.
    pub fn executions(&self) -> Vec<Arc<Execution>> {
        self.read().executions.iter().rev().cloned().collect()
    }

    /// One execution.
    pub fn execution(&self, id: ExecutionUid) -> Option<Arc<Execution>> {
        self.read().by_id.get(&id).cloned()
    }
}
