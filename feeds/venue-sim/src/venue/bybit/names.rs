//! The venue's words for what the exchange knows.

use crate::exchange::{
    Interval, Order, OrderKind, OrderStatus, SelfTrade, Side, SymbolStatus, TimeInForce,
};

use super::profile::Category;

pub(super) const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "Buy",
        Side::Sell => "Sell",
    }
}

pub(super) fn side_of(text: &str) -> Option<Side> {
    [Side::Buy, Side::Sell].into_iter().find(|known| side(*known) == text)
}

pub(super) const fn order_type(kind: OrderKind) -> &'static str {
    if kind.has_price() { "Limit" } else { "Market" }
}

pub(super) const fn time_in_force(order: &Order) -> &'static str {
    match (order.kind, order.time_in_force) {
        (OrderKind::LimitMaker, _) => "PostOnly",
        (OrderKind::Market | OrderKind::StopLoss | OrderKind::TakeProfit, _)
        | (_, TimeInForce::Ioc) => "IOC",
        (_, TimeInForce::Gtc) => "GTC",
        (_, TimeInForce::Fok) => "FOK",
    }
}

/// How an order stands.
pub(super) const fn status(order: &Order, category: Category) -> &'static str {
    let has_waited_in_vain = order.kind.is_conditional() && !order.is_working();
    match order.status {
        OrderStatus::New | OrderStatus::PendingNew if has_waited_in_vain => "Untriggered",
        OrderStatus::New | OrderStatus::PendingNew => "New",
        OrderStatus::PartiallyFilled => "PartiallyFilled",
        OrderStatus::Filled => "Filled",
        OrderStatus::Rejected => "Rejected",
        OrderStatus::Canceled | OrderStatus::Expired | OrderStatus::ExpiredInMatch => {
            if has_waited_in_vain {
                "Deactivated"
            } else if order.filled > 0 && matches!(category, Category::Spot) {
                "PartiallyFilledCanceled"
            } else {
                "Cancelled"
            }
        }
    }
}

/// Who has ended an order.
pub(super) const fn cancel_type(order: &Order) -> &'static str {
    match order.status {
        OrderStatus::Canceled => "CancelByUser",
        OrderStatus::ExpiredInMatch => "CancelBySmp",
        OrderStatus::Expired if order.reduce_only && order.kind.has_price() => "CancelByReduceOnly",
        OrderStatus::Expired
            if matches!(order.kind, OrderKind::Limit)
                && matches!(order.time_in_force, TimeInForce::Gtc) =>
        {
            "CancelByAdmin"
        }
        _ => "UNKNOWN",
    }
}

/// Why an order has ended.
pub(super) const fn reject_reason(order: &Order) -> &'static str {
    match (order.status, order.kind, order.time_in_force) {
        (OrderStatus::Canceled, ..) => "EC_PerCancelRequest",
        (OrderStatus::ExpiredInMatch, ..) => "EC_BySelfMatch",
        (OrderStatus::Rejected, ..) => "EC_Others",
        (OrderStatus::Expired, OrderKind::LimitMaker, _) => "EC_PostOnlyWillTakeLiquidity",
        (OrderStatus::Expired, _, TimeInForce::Fok) => "EC_NoEnoughQtyToFill",
        (OrderStatus::Expired, OrderKind::Market, _)
        | (OrderStatus::Expired, _, TimeInForce::Ioc) => "EC_NoImmediateQtyToFill",
        _ => "EC_NoError",
    }
}

pub(super) const fn self_trade(mode: SelfTrade) -> &'static str {
    match mode {
        SelfTrade::None | SelfTrade::Decrement => "None",
        SelfTrade::ExpireTaker => "CancelTaker",
        SelfTrade::ExpireMaker => "CancelMaker",
        SelfTrade::ExpireBoth => "CancelBoth",
    }
}

pub(super) fn self_trade_of(text: &str) -> Option<SelfTrade> {
    SelfTrade::ALL.into_iter().find(|known| self_trade(*known) == text)
}

pub(super) const fn symbol_status(status: SymbolStatus) -> &'static str {
    match status {
        SymbolStatus::Trading | SymbolStatus::CancelOnly => "Trading",
        SymbolStatus::Halt | SymbolStatus::Break => "PreLaunch",
        SymbolStatus::Delisted => "Closed",
    }
}

/// The intervals of candles and their names.
pub(super) const INTERVALS: [(&str, Interval); 13] = [
    ("1", Interval::Seconds(60)),
    ("3", Interval::Seconds(3 * 60)),
    ("5", Interval::Seconds(5 * 60)),
    ("15", Interval::Seconds(15 * 60)),
    ("30", Interval::Seconds(30 * 60)),
    ("60", Interval::Seconds(3_600)),
    ("120", Interval::Seconds(2 * 3_600)),
    ("240", Interval::Seconds(4 * 3_600)),
    ("360", Interval::Seconds(6 * 3_600)),
    ("720", Interval::Seconds(12 * 3_600)),
    ("D", Interval::Seconds(24 * 3_600)),
    ("W", Interval::Week),
    ("M", Interval::Month),
];

pub(super) fn interval_of(text: &str) -> Option<(&'static str, Interval)> {
    INTERVALS.into_iter().find(|(name, _)| *name == text)
}
