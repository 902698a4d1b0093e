//! Lists of orders, as they are asked for and as they stand: of two one ends the other, or one
//! begins the others once it is filled.

use std::sync::Arc;

use super::account::AccountId;
use super::api::Changed;
use super::event::Fill;
use super::order::{NewOrder, Order, Side};
use super::symbol::SymbolId;
use super::units::Nanos;

/// What a list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Contingency {
    /// Two orders of which one ends the other.
    OneCancelsOther,
    /// One order, and one or two that begin when it is filled.
    OneTriggersOther,
}

impl Contingency {
    /// Its name.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::OneCancelsOther => "one-cancels-other",
            Self::OneTriggersOther => "one-triggers-other",
        }
    }
}

/// Two orders of which one ends the other: as soon as one is filled in part or its price has
/// come. Both are of one side and one quantity, and only one of them has to be paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The one at the higher price.
    pub above: NewOrder,
    /// The one at the lower price.
    pub below: NewOrder,
}

impl Pair {
    /// Its orders, the one that waits for the price to go against its owner first.
    pub(super) const fn stop_first(&self) -> [&NewOrder; 2] {
        match self.above.side {
            Side::Buy => [&self.above, &self.below],
            Side::Sell => [&self.below, &self.above],
        }
    }
}

/// What begins when the first order of a list is filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pending {
    /// One order.
    One(NewOrder),
    /// Two, of which one ends the other.
    Pair(Pair),
}

/// The orders of a list as they are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListOrders {
    /// Two of which one ends the other.
    Pair(Pair),
    /// One that begins others when all of it is filled.
    Sequence {
        /// The first one: a limit order.
        working: NewOrder,
        /// What waits for it. It holds nothing until then.
        pending: Pending,
    },
}

/// A list as it is asked for. All of its orders are of one symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewList {
    /// Of what.
    pub symbol: SymbolId,
    /// The id that its owner gives it; `None`: one is made up.
    pub client_id: Option<Arc<str>>,
    /// Its orders.
    pub orders: ListOrders,
}

/// A list as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderList {
    /// Its id, unique on the exchange and growing.
    pub id: u64,
    /// Whose.
    pub account: AccountId,
    /// Of what.
    pub symbol: SymbolId,
    /// The id that its owner gave it.
    pub client_id: Arc<str>,
    /// What it is.
    pub contingency: Contingency,
    /// Its orders: the working one first, of a pair the stop before the other.
    pub orders: Vec<u64>,
    /// Whether all of its orders have ended.
    pub is_done: bool,
    /// When it came.
    pub created_ns: Nanos,
    /// When it last changed.
    pub updated_ns: Nanos,
    /// Which order of the pair has ended the other.
    pub(super) chosen: Option<u64>,
}

impl OrderList {
    /// The order that the others wait for.
    #[must_use]
    pub fn working(&self) -> Option<u64> {
        match self.contingency {
            Contingency::OneCancelsOther => None,
            Contingency::OneTriggersOther => self.orders.first().copied(),
        }
    }

    /// The orders without the working one: one, or a pair.
    #[must_use]
    pub fn others(&self) -> &[u64] {
        match self.contingency {
            Contingency::OneCancelsOther => &self.orders,
            Contingency::OneTriggersOther => self.orders.get(1..).unwrap_or_default(),
        }
    }
}

/// How a list is named by its owner. With both, both must fit.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ListRef {
    /// The exchange's id.
    pub id: Option<u64>,
    /// The owner's id.
    pub client_id: Option<Arc<str>>,
}

/// What happened to a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListChange {
    /// It is there.
    Started,
    /// One of its orders has another client id.
    Updated,
    /// All of its orders have ended.
    Done,
}

impl ListChange {
    /// Its name.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Updated => "updated",
            Self::Done => "done",
        }
    }
}

/// What an account is told of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListReport {
    /// One more than the number before among the account's reports and balances.
    pub number: u64,
    /// What happened.
    pub change: ListChange,
    /// The list as it stood right after.
    pub list: OrderList,
    /// The client ids of its orders then, in their order.
    pub client_ids: Vec<Arc<str>>,
    /// When.
    pub time_ns: Nanos,
}

/// What became of a new list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPlaced {
    /// The list.
    pub list: OrderList,
    /// Its orders after the first one met the book, and before that has begun any other.
    pub orders: Vec<Order>,
    /// What of the first one was filled at once.
    pub fills: Vec<Fill>,
}

/// A list that was cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListCancelled {
    /// The list.
    pub list: OrderList,
    /// The orders that were open until now.
    pub orders: Vec<Changed>,
}
