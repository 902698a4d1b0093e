//! The states of an order. What is stored are facts (how it began and ended, whether a change
//! is under way, how much was executed); the status is a function of them.

use qt_types::RejectReason;

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderEnd {
    /// Executed in full.
    Filled,
    /// Ended before it was filled, for this reason.
    Cancelled(RejectReason),
    /// Never accepted, for this reason.
    Rejected(RejectReason),
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStatus {
    /// Sent; the venue has not answered.
    Sent,
    /// At the venue, nothing executed.
    Working,
    /// At the venue, a part executed.
    PartiallyFilled,
    /// At the venue, and its end was asked for.
    PendingCancel,
    /// Over.
    Ended(OrderEnd),
}
