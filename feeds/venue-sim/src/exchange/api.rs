//! What comes back from requests.

use std::sync::Arc;

use super::event::{Fill, Prevention};
use super::list::ListCancelled;
use super::order::Order;
use super::refusal::Refusal;
use super::symbol::SymbolId;
use super::units::{Nanos, Qty};

/// What became of a new order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The order as it stands after it met the book.
    pub order: Order,
    /// What of it was filled at once.
    pub fills: Vec<Fill>,
    /// The matches that were prevented.
    pub preventions: Vec<Prevention>,
}

/// An order that was cancelled or amended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The order as it stands now.
    pub order: Order,
    /// The id of the request; of an amendment the client id from now on.
    pub request_id: Arc<str>,
    /// The client id that the order had before.
    pub previous_client_id: Arc<str>,
    /// The number of the execution report that tells of it.
    pub execution_id: u64,
    /// The list that was cancelled with it.
    pub list: Option<Box<ListCancelled>>,
}

/// An amendment that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amendment {
    /// Of which order.
    pub order_id: u64,
    /// Of what.
    pub symbol: SymbolId,
    /// The number of the execution report that told of it.
    pub execution_id: u64,
    /// The client id that the order had before.
    pub previous_client_id: Arc<str>,
    /// The one that it has had since.
    pub client_id: Arc<str>,
    /// How much it was before.
    pub previous_qty: Qty,
    /// How much it was then.
    pub qty: Qty,
    /// When.
    pub time_ns: Nanos,
}

/// What became of a cancel-replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelReplaced {
    /// The cancelled order, or why it was not cancelled.
    pub cancelled: Result<Changed, Refusal>,
    /// The new order, or why there is none; `None`: it was not tried.
    pub placed: Option<Result<Placed, Refusal>>,
}
