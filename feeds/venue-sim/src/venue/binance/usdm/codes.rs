//! The codes that futures have of their own.

use crate::exchange::{Refusal, Rule};

use super::super::codes::{self, Code};

/// What a new order's refusal is called.
pub(super) fn of_new(refusal: Refusal) -> Code {
    let (code, words) = match refusal {
        Refusal::InsufficientBalance => (-2019, "Margin is insufficient."),
        Refusal::WouldNotReduce => (-2022, "ReduceOnly Order is rejected."),
        Refusal::KindNotSupported => {
            let words = "Order type not supported for this endpoint. Please use the Algo Order \
                         API endpoints instead.";
            (-4120, words)
        }
        Refusal::DuplicateClientId => (-4116, "ClientOrderId is duplicated."),
        Refusal::WouldTake => {
            let words = "Due to the order could not be executed as maker, the Post Only order \
                         will be rejected. The order will not be recorded in the order history";
            (-5022, words)
        }
        Refusal::NoLiquidity => {
            let words = "Due to the order could not be filled immediately, the FOK order has been \
                         rejected. The order will not be recorded in the order history";
            (-5021, words)
        }
        Refusal::Unchanged => (-5027, "No need to modify the order."),
        Refusal::MarketClosed | Refusal::CancelOnly => {
            (-4108, "Symbol is on delivering or delivered or settling or closed or pre-trading.")
        }
        Refusal::Filter(rule) => of_rule(rule),
        other => return codes::of_new(other),
    };
    Code::new(code, words)
}

const fn of_rule(rule: Rule) -> (i32, &'static str) {
    match rule {
        Rule::PriceFilter => (-4014, "Price not increased by tick size."),
        Rule::LotSize => (-4023, "Quantity not increased by step size."),
        Rule::MarketLotSize => (-4005, "Quantity greater than max quantity."),
        Rule::MinNotional | Rule::Notional => (
            -4164,
            "Order's notional must be no smaller than the least (unless you choose reduce only).",
        ),
        Rule::PercentPrice | Rule::PercentPriceBySide => {
            (-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit.")
        }
        Rule::MaxNumOrders | Rule::ExchangeMaxNumOrders => (-2025, "Reach max open order limit."),
        _ => (-4045, "Reach max stop order limit."),
    }
}

/// What the refusal of a modified order is called.
pub(super) fn of_modify(refusal: Refusal) -> Code {
    match refusal {
        Refusal::UnknownOrder => codes::no_such_order(),
        Refusal::AmendFilled => Code::new(-4028, "Quantity is not larger than what is filled."),
        Refusal::Range("side") => codes::invalid("side"),
        other => of_new(other),
    }
}

/// What the refusal of another leverage is called.
pub(super) fn of_leverage(refusal: Refusal) -> Code {
    match refusal {
        Refusal::Range(_) => Code::new(-4028, "Leverage is not valid."),
        Refusal::InsufficientBalance => {
            Code::new(-2028, "Leverage is smaller than permitted: insufficient margin balance.")
        }
        other => codes::of_cancel(other),
    }
}

/// A setting that is so already.
pub(super) fn as_before(code: i32, what: &str) -> Code {
    Code::new(code, format!("No need to change {what}."))
}

/// A listen key that is not there (any more).
pub(super) fn no_listen_key() -> Code {
    Code::new(-1125, "This listenKey does not exist.")
}
