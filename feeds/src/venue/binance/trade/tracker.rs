//! The orders of this session, as far as the way to the venue has to know them: under which of its
//! names an order is there now, and how much of it was heard of.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use qt_types::{Nanos, OrderId, Price, Qty, Side, TimeInForce};

use super::usdm::is_of_the_venue;
use crate::client_id;

/// Orders that are remembered, at most: those that were heard of longest ago are forgotten.
const ORDERS_MAX: usize = 65_536;
/// Numbers that are remembered to know what comes twice.
const RECENT_MAX: usize = 16_384;

/// A change under way by which another order of the venue takes the place of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replacing {
    /// When it was handed over (UTC ns): the venue's window counts from then.
    pub(super) handed_ns: Nanos,
    pub(super) price: Price,
    pub(super) qty: Qty,
    /// When the order that goes has gone (UTC ns), if that was told.
    pub(super) gone_ns: Option<Nanos>,
}

/// What of an order a change does not name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) side: Side,
    pub(super) tif: TimeInForce,
    pub(super) is_post_only: bool,
}

/// An order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tracked {
    /// Its place in the list of what is traded.
    pub(super) place: usize,
    /// How many orders of the venue came before the one that it is now.
    pub(super) revision: u16,
    pub(super) price: Price,
    pub(super) qty: Qty,
    /// Lots of executions that were heard of.
    pub(super) filled: i64,
    /// Whether it was told that the venue has it.
    pub(super) is_accepted: bool,
    /// Whether it was told that it is over.
    pub(super) is_ended: bool,
    pub(super) replacing: Option<Replacing>,
    /// Of an order that was placed here.
    pub(super) form: Option<Form>,
    /// Buy or sell, where that is known.
    pub(super) side: Option<Side>,
    /// The last change that was heard of: when it was made (UTC ms), and the number that it got.
    pub(super) change: (i64, u64),
}

impl Tracked {
    pub(super) const fn new(place: usize, revision: u16, price: Price, qty: Qty) -> Self {
        Self {
            place,
            revision,
            price,
            qty,
            filled: 0,
            is_accepted: false,
            is_ended: false,
            replacing: None,
            form: None,
            side: None,
            change: (0, 0),
        }
    }
}

/// A bounded set of what came lately.
#[derive(Debug)]
pub(super) struct Recent<T> {
    known: BTreeSet<T>,
    order: VecDeque<T>,
}

impl<T: Copy + Ord> Recent<T> {
    const fn new() -> Self {
        Self { known: BTreeSet::new(), order: VecDeque::new() }
    }

    /// Whether `item` is news.
    pub(super) fn is_news(&mut self, item: T) -> bool {
        if !self.known.insert(item) {
            return false;
        }
        self.order.push_back(item);
        if self.order.len() > RECENT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// Whose an order of the venue's is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Ours.
    Ours(OrderId),
    /// Somebody else's.
    Other,
    /// The venue's own, which it placed for the account.
    Venue,
}

impl Owner {
    /// The owner of the order with that client id at the venue.
    pub(super) fn of(client: &str) -> Self {
        match client_id::order(client.as_bytes()) {
            Some(order) => Self::Ours(order),
            None if is_of_the_venue(client) => Self::Venue,
            None => Self::Other,
        }
    }

    /// The order; none where it is not ours.
    pub(super) const fn order(self) -> OrderId {
        match self {
            Self::Ours(order) => order,
            Self::Other | Self::Venue => OrderId::NONE,
        }
    }
}

/// A bounded table, of which the entries that were made first are forgotten.
#[derive(Debug)]
struct Table<K, V> {
    entries: BTreeMap<K, V>,
    order: VecDeque<K>,
}

impl<K: Copy + Ord, V> Table<K, V> {
    fn new() -> Self {
        Self { entries: BTreeMap::new(), order: VecDeque::new() }
    }

    fn insert(&mut self, key: K, value: V) {
        if self.entries.insert(key, value).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > ORDERS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
    }
}

/// All of them.
#[derive(Debug)]
pub(super) struct Tracker {
    orders: Table<OrderId, Tracked>,
    /// By the place of what it trades and the venue's number.
    owners: Table<(usize, u64), Owner>,
    /// Numbers of reports.
    reports: Recent<(usize, u64)>,
    /// Numbers of executions, each of an order.
    trades: Recent<(usize, u64, u64)>,
}

impl Tracker {
    pub(super) fn new() -> Self {
        Self {
            orders: Table::new(),
            owners: Table::new(),
            reports: Recent::new(),
            trades: Recent::new(),
        }
    }

    pub(super) fn get(&self, order: OrderId) -> Option<&Tracked> {
        self.orders.entries.get(&order)
    }

    pub(super) fn get_mut(&mut self, order: OrderId) -> Option<&mut Tracked> {
        self.orders.entries.get_mut(&order)
    }

    pub(super) fn insert(&mut self, order: OrderId, tracked: Tracked) {
        self.orders.insert(order, tracked);
    }

    /// The order, as it is made from what the venue says where it was not known.
    pub(super) fn entry(&mut self, order: OrderId, new: Tracked) -> Option<&mut Tracked> {
        if !self.orders.entries.contains_key(&order) {
            self.orders.insert(order, new);
        }
        self.orders.entries.get_mut(&order)
    }

    pub(super) fn owner(&self, place: usize, number: u64) -> Option<Owner> {
        self.owners.entries.get(&(place, number)).copied()
    }

    pub(super) fn owns(&mut self, place: usize, number: u64, owner: Owner) {
        self.owners.insert((place, number), owner);
    }

    /// Whether the report of that number is news.
    pub(super) fn is_news(&mut self, place: usize, report: Option<u64>) -> bool {
        report.is_none_or(|number| self.reports.is_news((place, number)))
    }

    /// Whether the execution of that number of the venue's order is news.
    pub(super) fn is_new_trade(&mut self, place: usize, order: u64, exec: u64) -> bool {
        self.trades.is_news((place, order, exec))
    }

    /// Nobody knows any more what became of changes that were under way.
    pub(super) fn doubt(&mut self) {
        for tracked in self.orders.entries.values_mut() {
            if let Some(replacing) = &mut tracked.replacing {
                replacing.gone_ns = None;
            }
        }
    }
}
