//! The venue's words for what the exchange knows.

use crate::exchange::{
    ExecutionKind, Interval, OrderKind, OrderStatus, SelfTrade, Side, SymbolStatus, TimeInForce,
};

pub(super) const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

pub(super) const fn kind(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Limit => "LIMIT",
        OrderKind::Market => "MARKET",
        OrderKind::LimitMaker => "LIMIT_MAKER",
        OrderKind::StopLoss => "STOP_LOSS",
        OrderKind::StopLossLimit => "STOP_LOSS_LIMIT",
        OrderKind::TakeProfit => "TAKE_PROFIT",
        OrderKind::TakeProfitLimit => "TAKE_PROFIT_LIMIT",
    }
}

pub(super) const fn time_in_force(time_in_force: TimeInForce) -> &'static str {
    match time_in_force {
        TimeInForce::Gtc => "GTC",
        TimeInForce::Ioc => "IOC",
        TimeInForce::Fok => "FOK",
    }
}

pub(super) const fn status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::PendingNew => "PENDING_NEW",
        OrderStatus::New => "NEW",
        OrderStatus::PartiallyFilled => "PARTIALLY_FILLED",
        OrderStatus::Filled => "FILLED",
        OrderStatus::Canceled => "CANCELED",
        OrderStatus::Rejected => "REJECTED",
        OrderStatus::Expired => "EXPIRED",
        OrderStatus::ExpiredInMatch => "EXPIRED_IN_MATCH",
    }
}

pub(super) const fn execution(kind: ExecutionKind) -> &'static str {
    match kind {
        ExecutionKind::New => "NEW",
        ExecutionKind::Canceled => "CANCELED",
        ExecutionKind::Replaced => "REPLACED",
        ExecutionKind::Rejected => "REJECTED",
        ExecutionKind::Trade => "TRADE",
        ExecutionKind::Expired => "EXPIRED",
        ExecutionKind::TradePrevention => "TRADE_PREVENTION",
    }
}

pub(super) const fn self_trade(mode: SelfTrade) -> &'static str {
    match mode {
        SelfTrade::None => "NONE",
        SelfTrade::ExpireTaker => "EXPIRE_TAKER",
        SelfTrade::ExpireMaker => "EXPIRE_MAKER",
        SelfTrade::ExpireBoth => "EXPIRE_BOTH",
        SelfTrade::Decrement => "DECREMENT",
    }
}

pub(super) const fn symbol_status(status: SymbolStatus) -> &'static str {
    match status {
        SymbolStatus::Trading => "TRADING",
        SymbolStatus::Halt => "HALT",
        SymbolStatus::Break | SymbolStatus::Delisted => "BREAK",
        SymbolStatus::CancelOnly => "CANCEL_ONLY",
    }
}

pub(super) fn side_of(text: &str) -> Option<Side> {
    [Side::Buy, Side::Sell].into_iter().find(|known| side(*known) == text)
}

pub(super) fn kind_of(text: &str) -> Option<OrderKind> {
    OrderKind::ALL.into_iter().find(|known| kind(*known) == text)
}

pub(super) fn time_in_force_of(text: &str) -> Option<TimeInForce> {
    let all = [TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok];
    all.into_iter().find(|known| time_in_force(*known) == text)
}

pub(super) fn self_trade_of(text: &str) -> Option<SelfTrade> {
    SelfTrade::ALL.into_iter().find(|known| self_trade(*known) == text)
}

/// The intervals of candles and their names.
pub(super) const INTERVALS: [(&str, Interval); 16] = [
    ("1s", Interval::Seconds(1)),
    ("1m", Interval::Seconds(60)),
    ("3m", Interval::Seconds(3 * 60)),
    ("5m", Interval::Seconds(5 * 60)),
    ("15m", Interval::Seconds(15 * 60)),
    ("30m", Interval::Seconds(30 * 60)),
    ("1h", Interval::Seconds(3_600)),
    ("2h", Interval::Seconds(2 * 3_600)),
    ("4h", Interval::Seconds(4 * 3_600)),
    ("6h", Interval::Seconds(6 * 3_600)),
    ("8h", Interval::Seconds(8 * 3_600)),
    ("12h", Interval::Seconds(12 * 3_600)),
    ("1d", Interval::Seconds(24 * 3_600)),
    ("3d", Interval::Seconds(3 * 24 * 3_600)),
    ("1w", Interval::Week),
    ("1M", Interval::Month),
];

pub(super) fn interval_of(text: &str) -> Option<Interval> {
    INTERVALS.iter().find(|(name, _)| *name == text).map(|(_, interval)| *interval)
}
