//! Why something was refused: one byte on the hot path, a stable text code off it.

use serde::{Deserialize, Serialize};

/// Why the risk stage denied an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// Not an order: no lots, a price outside the range, an unknown instrument.
    InvalidOrder,
    /// It is not known who wants the order, or with which version and settings.
    IdentityMissing,
    /// A limit that must exist for this order does not.
    LimitMissing,
    /// The program or its settings are not the approved ones.
    BuildNotApproved,
    /// Trading was halted by a kill switch.
    KillHalted,
    /// A kill switch lets only orders pass that make a position smaller.
    KillReduceOnly,
    /// A clock is further off than it may be.
    ClockUnsynced,
    /// The instrument is not open for new orders now.
    SessionNotOpen,
    /// The connection to the venue, or the owner of the order, is gone.
    LinkDown,
    /// The instrument is not on the list of those that may be traded.
    InstrumentNotAllowed,
    /// Worth more than one order may be.
    MaxOrderNotional,
    /// More of a day's volume than one order may be.
    MaxAdvShare,
    /// So much larger than usual that a unit was probably mistaken for another.
    UnitSuspect,
    /// There is no price to hold the order against.
    ReferenceMissing,
    /// The price to hold the order against is too old.
    ReferenceStale,
    /// The book is crossed, or something of it was lost.
    BookUntrusted,
    /// The price is too far on the losing side of the market.
    PriceCollar,
    /// The market moved further within the window than it may.
    PriceDrift,
    /// The same order was sent too often within the window.
    DuplicateOrder,
    /// It could meet a resting order of the same owner.
    SelfTrade,
    /// With every open order filled the position would be too large.
    MaxPosition,
    /// The position would be too large a share of the equity.
    MaxPositionShare,
    /// Positions and open orders together would be worth too much.
    MaxExposure,
    /// Positions and open orders would be too many times the equity.
    MaxLeverage,
    /// A bad move of all positions would cost too much.
    PortfolioRisk,
    /// As many orders are open as a limit allows.
    MaxOpenOrders,
    /// The open orders together would be worth too much.
    MaxUnexecuted,
    /// Too many new orders a second.
    RateOrders,
    /// Too many new orders and changes a second.
    RateMessages,
    /// Too many orders for the fills that came of them.
    OrderTradeRatio,
    /// The strategy entered too often without a person looking at it.
    StrategyDisabled,
    /// The children would be larger than their parent order.
    ParentQty,
    /// The loss of the day reached its limit.
    DailyLoss,
    /// The loss from the highest equity reached its limit.
    MaxDrawdown,
    /// Too much was lost within the window.
    LossVelocity,
    /// Too many fills came within the window.
    FillVelocity,
    /// The venue refused too many orders within the window.
    RejectStorm,
    /// Too many orders whose fate is not known.
    UnknownOrders,
    /// Our position is not the venue's.
    ReconciliationBreak,
    /// A fill was not as it should have been.
    PostTradeBreak,
    /// The sizing rule has not seen enough of the market yet.
    SizeUnknown,
    /// The instrument's currency has no rate in the account's, or only an old one.
    NoRate,
}

impl DenyReason {
    /// Every reason, in order of its code.
    pub const ALL: [Self; 54] = [
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
        Self::InvalidOrder,
        Self::IdentityMissing,
        Self::LimitMissing,
        Self::BuildNotApproved,
        Self::KillHalted,
        Self::KillReduceOnly,
        Self::ClockUnsynced,
        Self::SessionNotOpen,
        Self::LinkDown,
        Self::InstrumentNotAllowed,
        Self::MaxOrderNotional,
        Self::MaxAdvShare,
        Self::UnitSuspect,
        Self::ReferenceMissing,
        Self::ReferenceStale,
        Self::BookUntrusted,
        Self::PriceCollar,
        Self::PriceDrift,
        Self::DuplicateOrder,
        Self::SelfTrade,
        Self::MaxPosition,
        Self::MaxPositionShare,
        Self::MaxExposure,
        Self::MaxLeverage,
        Self::PortfolioRisk,
        Self::MaxOpenOrders,
        Self::MaxUnexecuted,
        Self::RateOrders,
        Self::RateMessages,
        Self::OrderTradeRatio,
        Self::StrategyDisabled,
        Self::ParentQty,
        Self::DailyLoss,
        Self::MaxDrawdown,
        Self::LossVelocity,
        Self::FillVelocity,
        Self::RejectStorm,
        Self::UnknownOrders,
        Self::ReconciliationBreak,
        Self::PostTradeBreak,
        Self::SizeUnknown,
        Self::NoRate,
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
            Self::InvalidOrder => "INVALID_ORDER",
            Self::IdentityMissing => "IDENTITY_MISSING",
            Self::LimitMissing => "LIMIT_MISSING",
            Self::BuildNotApproved => "BUILD_NOT_APPROVED",
            Self::KillHalted => "KILL_HALTED",
            Self::KillReduceOnly => "KILL_REDUCE_ONLY",
            Self::ClockUnsynced => "CLOCK_UNSYNCED",
            Self::SessionNotOpen => "SESSION_NOT_OPEN",
            Self::LinkDown => "LINK_DOWN",
            Self::InstrumentNotAllowed => "INSTRUMENT_NOT_ALLOWED",
            Self::MaxOrderNotional => "MAX_ORDER_NOTIONAL",
            Self::MaxAdvShare => "MAX_ADV_SHARE",
            Self::UnitSuspect => "UNIT_SUSPECT",
            Self::ReferenceMissing => "REFERENCE_MISSING",
            Self::ReferenceStale => "REFERENCE_STALE",
            Self::BookUntrusted => "BOOK_UNTRUSTED",
            Self::PriceCollar => "PRICE_COLLAR",
            Self::PriceDrift => "PRICE_DRIFT",
            Self::DuplicateOrder => "DUPLICATE_ORDER",
            Self::SelfTrade => "SELF_TRADE",
            Self::MaxPosition => "MAX_POSITION",
            Self::MaxPositionShare => "MAX_POSITION_SHARE",
            Self::MaxExposure => "MAX_EXPOSURE",
            Self::MaxLeverage => "MAX_LEVERAGE",
            Self::PortfolioRisk => "PORTFOLIO_RISK",
            Self::MaxOpenOrders => "MAX_OPEN_ORDERS",
            Self::MaxUnexecuted => "MAX_UNEXECUTED",
            Self::RateOrders => "RATE_ORDERS",
            Self::RateMessages => "RATE_MESSAGES",
            Self::OrderTradeRatio => "ORDER_TRADE_RATIO",
            Self::StrategyDisabled => "STRATEGY_DISABLED",
            Self::ParentQty => "PARENT_QTY",
            Self::DailyLoss => "DAILY_LOSS",
            Self::MaxDrawdown => "MAX_DRAWDOWN",
            Self::LossVelocity => "LOSS_VELOCITY",
            Self::FillVelocity => "FILL_VELOCITY",
            Self::RejectStorm => "REJECT_STORM",
            Self::UnknownOrders => "UNKNOWN_ORDERS",
            Self::ReconciliationBreak => "RECONCILIATION_BREAK",
            Self::PostTradeBreak => "POST_TRADE_BREAK",
            Self::SizeUnknown => "SIZE_UNKNOWN",
            Self::NoRate => "NO_RATE",
        }
    }
}

/// Why a venue refused an order or ended it early.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
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
    /// Post-only, but it would have taken liquidity.
    WouldTake,
    /// It could have met another order of the same owner.
    SelfTrade,
    /// A market order for which nothing was left in the book.
    NoLiquidity,
    /// The position was liquidated.
    Liquidated,
    /// Trading in the instrument is halted.
    Halted,
    /// In an auction only orders that rest are taken.
    AuctionOnly,
    /// More messages than the venue takes in a second.
    Throttled,
    /// The venue would not, and does not say more.
    VenueRefused,
    /// The link to the venue was lost, and the venue ended the order or never had it.
    LinkLost,
    /// The price is no multiple of the venue's tick.
    TickSize,
    /// The quantity is no multiple of the venue's lot, or below its least.
    LotSize,
    /// Worth less than the venue takes.
    MinNotional,
    /// The price is outside of the venue's band.
    PriceBand,
    /// An iceberg or a pegged order where there is no book to rest in and to follow.
    NeedsBook,
    /// It waited with us, and when its time had come the risk stage did not let it go.
    RiskDenied,
    /// An execution was taken back.
    TradeBusted,
    /// The instrument has expired.
    InstrumentExpired,
    /// The instrument's currency has no rate in the account's, or only an old one.
    NoRate,
}

impl RejectReason {
    /// Every reason, in order of its code.
    pub const ALL: [Self; 30] = [
        Self::None,
        Self::InsufficientFunds,
        Self::ShortNotAllowed,
        Self::UnknownOrder,
        Self::InvalidReplace,
        Self::NothingToReduce,
        Self::OcoFilled,
        Self::ParentEnded,
        Self::NotImmediate,
        Self::SessionEnd,
        Self::OrdersOpenMax,
        Self::Requested,
        Self::WouldTake,
        Self::SelfTrade,
        Self::NoLiquidity,
        Self::Liquidated,
        Self::Halted,
        Self::AuctionOnly,
        Self::Throttled,
        Self::VenueRefused,
        Self::LinkLost,
        Self::TickSize,
        Self::LotSize,
        Self::MinNotional,
        Self::PriceBand,
        Self::NeedsBook,
        Self::RiskDenied,
        Self::TradeBusted,
        Self::InstrumentExpired,
        Self::NoRate,
    ];

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
            Self::WouldTake => "WOULD_TAKE",
            Self::SelfTrade => "SELF_TRADE",
            Self::NoLiquidity => "NO_LIQUIDITY",
            Self::Liquidated => "LIQUIDATED",
            Self::Halted => "HALTED",
            Self::AuctionOnly => "AUCTION_ONLY",
            Self::Throttled => "THROTTLED",
            Self::VenueRefused => "VENUE_REFUSED",
            Self::LinkLost => "LINK_LOST",
            Self::TickSize => "TICK_SIZE",
            Self::LotSize => "LOT_SIZE",
            Self::MinNotional => "MIN_NOTIONAL",
            Self::PriceBand => "PRICE_BAND",
            Self::NeedsBook => "NEEDS_BOOK",
            Self::RiskDenied => "RISK_DENIED",
            Self::TradeBusted => "TRADE_BUSTED",
            Self::InstrumentExpired => "INSTRUMENT_EXPIRED",
            Self::NoRate => "NO_RATE",
        }
    }
}
