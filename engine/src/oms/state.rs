//! The states of an order, and what an event can do to one. What is stored are facts (how far
//! its life has come, what was asked for and not answered, what was executed); the status is a
//! function of them.

use qt_types::{Cash, ExecId, FeeIn, OrderId, Price, Qty, RejectReason};
use serde::{Deserialize, Serialize};

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderEnd {
    /// Executed in full.
    Filled,
    /// Ended before it was filled, for this reason.
    Cancelled(RejectReason),
    /// Refused, for this reason.
    Rejected(RejectReason),
    /// Its time was over.
    Expired,
}

/// How far the life of an order has come; what was executed is a fact of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Life {
    /// Not sent yet.
    New,
    /// Sent; the venue has not answered.
    Sent,
    /// At the venue.
    Live,
    /// Sent, and nobody can say what became of it. It bears its full exposure until the venue
    /// proves how it stands.
    Unknown,
    /// The venue said that it is over.
    Done(OrderEnd),
}

/// What was asked for and not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pending {
    /// Nothing.
    None,
    /// Another price or quantity.
    Replace,
    /// Its end, whatever else.
    Cancel,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStatus {
    /// Not sent yet.
    New,
    /// Sent; the venue has not answered.
    Sent,
    /// At the venue, nothing executed.
    Working,
    /// At the venue, a part executed.
    PartiallyFilled,
    /// At the venue, and another price or quantity was asked for.
    PendingReplace,
    /// At the venue, and its end was asked for.
    PendingCancel,
    /// Sent, and nobody can say what became of it.
    Unknown,
    /// Over.
    Ended(OrderEnd),
}

/// What a report did to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The order stands differently now.
    Changed,
    /// Lots were executed, or executed ones were taken back.
    Executed,
    /// Nothing to be told: it was known, or later news have overtaken it.
    Nothing,
    /// It cannot be: the order stands as it was.
    Illegal(Anomaly),
}

/// Why a report cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Anomaly {
    /// About an order that was not sent.
    NotSent,
    /// About an order that is over, and not one of those that may come late.
    AfterEnd,
    /// A second end of another kind.
    EndsTwice,
    /// An answer to something that was not asked for.
    NotAsked,
    /// More executed than was ordered. What is too much waits until there is room for it (an
    /// execution is taken back, or the order was made larger before).
    Overfill,
    /// A new total below what was executed.
    BelowFilled,
    /// A quantity or a price that cannot be.
    BadQuantity,
    /// An execution without a number, or a correction that does not name two.
    NoExecId,
    /// The number of an execution that we know with another price or quantity.
    ExecDiffers,
    /// An execution too old to be told from a repeated one.
    TooOld,
    /// No report about an order.
    NotAnOrder,
}

impl Anomaly {
    /// Every one, in order of its code.
    pub const ALL: [Self; 11] = [
        Self::NotSent,
        Self::AfterEnd,
        Self::EndsTwice,
        Self::NotAsked,
        Self::Overfill,
        Self::BelowFilled,
        Self::BadQuantity,
        Self::NoExecId,
        Self::ExecDiffers,
        Self::TooOld,
        Self::NotAnOrder,
    ];

    /// The stable text code.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotSent => "NOT_SENT",
            Self::AfterEnd => "AFTER_END",
            Self::EndsTwice => "ENDS_TWICE",
            Self::NotAsked => "NOT_ASKED",
            Self::Overfill => "OVERFILL",
            Self::BelowFilled => "BELOW_FILLED",
            Self::BadQuantity => "BAD_QUANTITY",
            Self::NoExecId => "NO_EXEC_ID",
            Self::ExecDiffers => "EXEC_DIFFERS",
            Self::TooOld => "TOO_OLD",
            Self::NotAnOrder => "NOT_AN_ORDER",
        }
    }
}

/// Lots that were executed, or whose execution was taken back: what the ledger has to book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// The execution.
    pub exec: ExecId,
    /// The price in ticks.
    pub price: Price,
    /// Lots; above zero.
    pub qty: Qty,
    /// The fee as it is to be booked: what is taken back brings the negated fee of the fill.
    pub fee: Cash,
    /// What the fee is in.
    pub fee_in: FeeIn,
    /// Whether the execution was taken back: then the ledger books the other side.
    pub is_taken_back: bool,
}

/// What a report moved in the books, and of which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booked {
    /// The order.
    pub order: OrderId,
    /// What the ledger has booked for it.
    pub movement: Movement,
}

/// How a venue reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reporting {
    /// Whether its reports come in order, so that the numbers of executions only rise: then a
    /// lower one is a repeated one.
    pub execs_rise: bool,
    /// How many orders that ended are remembered for late reports about them.
    pub ended_kept: usize,
}

impl Reporting {
    /// One report after another, nothing late: a venue that nothing lies between.
    pub const IN_ORDER: Self = Self { execs_rise: true, ended_kept: 0 };

    /// Reports doubled, late and in any order: a venue behind a network. What comes late comes
    /// within a second; as many orders as a fast strategy ends in that are remembered, and no
    /// more, as every one of them takes its turn in the cache.
    pub const ANY_ORDER: Self = Self { execs_rise: false, ended_kept: 256 };
}
