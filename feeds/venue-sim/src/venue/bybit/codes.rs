//! The venue's error codes and their words.

use crate::exchange::{Nanos, Refusal, Rule};

use super::profile::Category;

/// An error as the venue answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Code {
    /// The status of HTTP: errors of the venue itself are told with 200.
    pub(super) status: u16,
    /// The code.
    pub(super) code: i32,
    /// The words.
    pub(super) msg: String,
}

impl Code {
    pub(super) fn new(code: i32, msg: impl Into<String>) -> Self {
        Self { status: 200, code, msg: msg.into() }
    }

    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}

/// A parameter that cannot be meant.
pub(super) fn params(what: impl AsRef<str>) -> Code {
    Code::new(10001, format!("params error: {}", what.as_ref()))
}

pub(super) fn missing(name: &str) -> Code {
    params(format!("{name} is missing"))
}

pub(super) fn invalid_key() -> Code {
    Code::new(10003, "API key is invalid.")
}

pub(super) fn bad_sign() -> Code {
    Code::new(10004, "error sign! Please check your signature generation algorithm.")
}

pub(super) fn forbidden() -> Code {
    Code::new(10005, "Permission denied, please check your API key permissions.")
}

pub(super) fn too_many() -> Code {
    Code::new(10006, "Too many visits. Exceeded the API Rate Limit.")
}

/// The refusal of an address, for as long as it is banned.
pub(super) fn banned() -> Code {
    Code::new(10018, "access too frequent, please try again in 10 minutes").with_status(403)
}

pub(super) fn no_route() -> Code {
    Code::new(10017, "Route not found.").with_status(404)
}

pub(super) fn late(timestamp: i64, now_ns: Nanos, window: i64) -> Code {
    let now = now_ns.div_euclid(1_000_000);
    Code::new(
        10002,
        format!(
            "invalid request, please check your server timestamp or recv_window param. \
             req_timestamp[{timestamp}],server_timestamp[{now}],recv_window[{window}]"
        ),
    )
}

/// Nobody knows what was done.
pub(super) fn unknown_outcome() -> Code {
    Code::new(10000, "Server Timeout")
}

pub(super) fn internal() -> Code {
    Code::new(10016, "Internal System Error.")
}

pub(super) fn no_such_order(category: Category) -> Code {
    match category {
        Category::Spot => Code::new(170213, "Order does not exist."),
        Category::Linear => Code::new(110001, "order not exists or too late to cancel"),
    }
}

pub(super) fn no_such_symbol(category: Category) -> Code {
    match category {
        Category::Spot => Code::new(170121, "Invalid symbol."),
        Category::Linear => params("symbol invalid"),
    }
}

pub(super) fn duplicate(category: Category) -> Code {
    match category {
        Category::Spot => Code::new(170141, "Duplicate clientOrderId"),
        Category::Linear => Code::new(110072, "OrderLinkedID is duplicate"),
    }
}

pub(super) fn unchanged() -> Code {
    let msg = "The order remains unchanged as the parameters entered match the existing ones.";
    Code::new(10001, msg)
}

/// What a new order's refusal is called.
pub(super) fn of_new(category: Category, refusal: Refusal) -> Code {
    let is_spot = category == Category::Spot;
    let (spot, linear) = match refusal {
        Refusal::UnknownSymbol => return no_such_symbol(category),
        Refusal::UnknownAccount => return invalid_key(),
        Refusal::UnknownOrder => return no_such_order(category),
        Refusal::DuplicateClientId => return duplicate(category),
        Refusal::Unchanged => return unchanged(),
        Refusal::AccountDisabled => {
            ((170201, "Your account has been restricted for trades."), (10027, DISABLED))
        }
        Refusal::MarketClosed | Refusal::CancelOnly => {
            ((170151, "The trading pair is not open yet"), (110066, CLOSED))
        }
        Refusal::InsufficientBalance => {
            ((170131, "Insufficient balance."), (110007, "ab not enough for new order"))
        }
        Refusal::WouldNotReduce => {
            let words = "current position is zero, cannot fix reduce-only order qty";
            ((170130, words), (110017, words))
        }
        Refusal::AmendFilled => {
            let words = "The number of contracts modified cannot be less than or equal to the \
                         filled quantity";
            ((170139, "Order has been filled."), (110064, words))
        }
        Refusal::KindNotSupported => {
            ((170116, "Invalid orderType."), (10001, "params error: orderType invalid"))
        }
        Refusal::WouldTrigger => {
            let words = "trigger price has been reached already";
            ((170203, words), (110092, words))
        }
        Refusal::Filter(rule) => of_rule(rule),
        Refusal::Range("client id") => {
            let words = "params error: orderLinkId invalid";
            ((170130, "Data sent for parameter 'orderLinkId' is not valid."), (10001, words))
        }
        Refusal::Range("price") => {
            ((170132, "Order price too high."), (10001, "params error: Price invalid"))
        }
        Refusal::Range(_) | Refusal::Missing(_) | Refusal::Surplus(_) => {
            ((170135, "Order quantity too large."), (10001, "Qty invalid"))
        }
        Refusal::Full(_) => return internal(),
        _ => ((170130, "Data sent for parameter 'order' is not valid."), (110032, "Illegal order")),
    };
    let (code, words) = if is_spot { spot } else { linear };
    Code::new(code, words)
}

const CLOSED: &str = "No trading is allowed at the current time";
const DISABLED: &str = "Transactions are banned.";

type Words = (i32, &'static str);

/// What the breach of a rule is called, in spot and elsewhere.
const fn of_rule(rule: Rule) -> (Words, Words) {
    match rule {
        Rule::PriceFilter => {
            ((170134, "Order price has too many decimals."), (10001, "params error: Price invalid"))
        }
        Rule::PercentPrice | Rule::PercentPriceBySide => {
            let words = "Order price is out of permissible range";
            ((170193, "Buy order price cannot be higher than 110%."), (110003, words))
        }
        Rule::MinNotional | Rule::Notional => {
            let words = "Order does not meet minimum order value 5USDT";
            ((170140, "Order value exceeded lower limit."), (110094, words))
        }
        Rule::MaxNumOrders | Rule::ExchangeMaxNumOrders => {
            let words = "Cannot have more than 500 active orders.";
            ((170810, "Cannot exceed maximum of 500 active orders."), (110020, words))
        }
        Rule::MaxNumAlgoOrders | Rule::ExchangeMaxNumAlgoOrders => {
            let words = "The number of stop orders exceeds maximum limit allowed";
            ((170811, "Cannot exceed maximum of 30 conditional orders."), (110009, words))
        }
        Rule::MarketLotSize => ((170124, "Order amount too large."), (10001, "Qty invalid")),
        _ => ((170137, "Order quantity has too many decimals."), (10001, "Qty invalid")),
    }
}

/// What a rule of a plan is called that refuses an order whatever it is.
pub(super) fn of_rule_name(category: Category, name: &str) -> Code {
    let all = [
        Rule::PriceFilter,
        Rule::PercentPrice,
        Rule::PercentPriceBySide,
        Rule::MinNotional,
        Rule::Notional,
        Rule::MaxNumOrders,
        Rule::MaxNumAlgoOrders,
        Rule::MarketLotSize,
    ];
    let rule = all.into_iter().find(|rule| rule.text() == name).unwrap_or(Rule::LotSize);
    of_new(category, Refusal::Filter(rule))
}

/// What the refusal of another leverage is called.
pub(super) fn of_leverage(refusal: Refusal) -> Code {
    match refusal {
        Refusal::Range(_) => Code::new(110013, "cannot set leverage due to risk limit level"),
        Refusal::InsufficientBalance => Code::new(110044, "Insufficient available margin"),
        other => of_new(Category::Linear, other),
    }
}
