//! Why something was refused: one byte on the hot path, a stable text code off it.

/// Why the risk stage denied an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum DenyReason {
    /// The order costs more than there is.
    InsufficientFunds,
    /// A sale beyond the position in an account that cannot be short.
    ShortNotAllowed,
    /// Larger than one order may be.
    MaxOrderQty,
    /// The sizing rule gives less than one lot.
    SizeBelowLot,
    /// Sized by the distance to a stop, but there is no stop.
    NoStop,
    /// There is no position to close or reduce.
    NothingToClose,
    /// As many orders are open as the limits allow.
    OrdersOpenMax,
    /// The order named does not exist or has ended.
    UnknownOrder,
    /// A price at or below zero, or on the wrong side of the market.
    InvalidPrice,
    /// No price of the instrument is known yet.
    NoPrice,
    /// The account is being closed out after a margin call.
    MarginCall,
    /// A bracket with both a stop and a trailing stop: only one of them can protect the entry.
    TwoStops,
}

impl DenyReason {
    /// Every reason, in order of its code.
    pub const ALL: [Self; 12] = [
        Self::InsufficientFunds,
        Self::ShortNotAllowed,
        Self::MaxOrderQty,
        Self::SizeBelowLot,
        Self::NoStop,
        Self::NothingToClose,
        Self::OrdersOpenMax,
        Self::UnknownOrder,
        Self::InvalidPrice,
        Self::NoPrice,
        Self::MarginCall,
        Self::TwoStops,
    ];

    /// The stable text code.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::InsufficientFunds => "INSUFFICIENT_FUNDS",
            Self::ShortNotAllowed => "SHORT_NOT_ALLOWED",
            Self::MaxOrderQty => "MAX_ORDER_QTY",
            Self::SizeBelowLot => "SIZE_BELOW_LOT",
            Self::NoStop => "NO_STOP",
            Self::NothingToClose => "NOTHING_TO_CLOSE",
            Self::OrdersOpenMax => "ORDERS_OPEN_MAX",
            Self::UnknownOrder => "UNKNOWN_ORDER",
            Self::InvalidPrice => "INVALID_PRICE",
            Self::NoPrice => "NO_PRICE",
            Self::MarginCall => "MARGIN_CALL",
            Self::TwoStops => "TWO_STOPS",
        }
    }
}

/// Why a venue refused an order or ended it early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(u8)]
pub enum RejectReason {
    /// Nothing was refused.
    #[default]
    None,
    /// At the fill the order costs more than there is.
    InsufficientFunds,
    /// At the fill the position is too small to sell.
    ShortNotAllowed,
    /// The order named does not exist or has ended.
    UnknownOrder,
    /// The change asked for is not possible.
    InvalidReplace,
    /// A reduce-only order with nothing left to reduce.
    NothingToReduce,
    /// The other order of an OCO pair was filled.
    OcoFilled,
    /// The entry that this order protects ended without a fill.
    ParentEnded,
    /// IOC or FOK: what could not be had at once.
    NotImmediate,
    /// DAY: the session ended.
    SessionEnd,
    /// As many orders are open as the venue allows.
    OrdersOpenMax,
    /// Cancelled because the owner asked.
    Requested,
}

impl RejectReason {
    /// The stable text code.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::InsufficientFunds => "INSUFFICIENT_FUNDS",
            Self::ShortNotAllowed => "SHORT_NOT_ALLOWED",
            Self::UnknownOrder => "UNKNOWN_ORDER",
            Self::InvalidReplace => "INVALID_REPLACE",
            Self::NothingToReduce => "NOTHING_TO_REDUCE",
            Self::OcoFilled => "OCO_FILLED",
            Self::ParentEnded => "PARENT_ENDED",
            Self::NotImmediate => "NOT_IMMEDIATE",
            Self::SessionEnd => "SESSION_END",
            Self::OrdersOpenMax => "ORDERS_OPEN_MAX",
            Self::Requested => "REQUESTED",
        }
    }
}
