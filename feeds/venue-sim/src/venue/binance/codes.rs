//! The venue's error codes and their words.

use crate::exchange::{Nanos, Refusal};

use super::json::{Object, TimeUnit, quoted};

/// An error as the venue answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Code {
    /// The status of HTTP, and of the WebSocket API.
    pub(super) status: u16,
    /// The code.
    pub(super) code: i32,
    /// The words.
    pub(super) msg: String,
    /// What is told besides, as JSON.
    pub(super) data: Option<String>,
    /// Seconds after which to ask again.
    pub(super) retry_after: Option<i64>,
}

impl Code {
    pub(super) fn new(code: i32, msg: impl Into<String>) -> Self {
        let status = match code {
            -1002 | -2014 | -2015 => 401,
            -1003 | -1015 => 429,
            -1000 | -1001 => 500,
            -1006 | -1008 | -1016 => 503,
            -1007 => 504,
            _ => 400,
        };
        Self { status, code, msg: msg.into(), data: None, retry_after: None }
    }

    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(super) fn with_data(mut self, data: String) -> Self {
        self.data = Some(data);
        self
    }

    /// The same as the WebSocket API tells it, which has no header to say when to ask again.
    pub(super) fn told_at(self, now_ns: Nanos) -> Self {
        let Some(seconds) = self.retry_after.filter(|_| self.data.is_none()) else { return self };
        let object = Object::new(TimeUnit::Milliseconds).time("serverTime", now_ns);
        let again_ns = now_ns.saturating_add(seconds.saturating_mul(1_000_000_000));
        self.with_data(object.time("retryAfter", again_ns).done())
    }

    /// `{"code":..,"msg":..}`, with what is told besides.
    pub(super) fn json(&self) -> String {
        let data = self.data.as_deref();
        Object::new(TimeUnit::Milliseconds)
            .number("code", self.code)
            .raw("msg", &quoted(&self.msg))
            .when(data, |object, data| object.raw("data", data))
            .done()
    }
}

pub(super) fn missing(name: &str) -> Code {
    Code::new(
        -1102,
        format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed."),
    )
}

pub(super) fn one_of_two(first: &str, second: &str) -> Code {
    Code::new(
        -1102,
        format!("Param '{first}' or '{second}' must be sent, but both were empty/null!"),
    )
}

pub(super) fn illegal(name: &str, range: &str) -> Code {
    Code::new(
        -1100,
        format!("Illegal characters found in parameter '{name}'; legal range is '{range}'."),
    )
}

pub(super) fn empty(name: &str) -> Code {
    Code::new(-1105, format!("Parameter '{name}' was empty."))
}

pub(super) fn not_required(name: &str) -> Code {
    Code::new(-1106, format!("Parameter '{name}' sent when not required."))
}

pub(super) fn too_precise(name: &str) -> Code {
    Code::new(-1111, format!("Parameter '{name}' has too much precision."))
}

pub(super) fn overflowed(name: &str) -> Code {
    Code::new(-1108, format!("Parameter '{name}' overflowed."))
}

pub(super) fn invalid(name: &str) -> Code {
    Code::new(-1130, format!("Data sent for parameter '{name}' is not valid."))
}

pub(super) fn bad_symbol() -> Code {
    Code::new(-1121, "Invalid symbol.")
}

pub(super) fn bad_combination() -> Code {
    Code::new(-1128, "Combination of optional parameters invalid.")
}

pub(super) fn rejected_key() -> Code {
    Code::new(-2015, "Invalid API-key, IP, or permissions for action.")
}

pub(super) fn no_such_order() -> Code {
    Code::new(-2013, "Order does not exist.")
}

pub(super) fn unknown_outcome() -> Code {
    Code::new(
        -1007,
        "Timeout waiting for response from backend server. Send status unknown; execution status \
         unknown.",
    )
}

pub(super) fn iceberg_needs_gtc(name: &str) -> Code {
    let force = "aboveTimeInForce/belowTimeInForce";
    Code::new(-1160, format!("Parameter '{name}' is not supported if {force} is not GTC."))
}

/// What a new order's refusal is called.
pub(super) fn of_new(refusal: Refusal) -> Code {
    match refusal {
        Refusal::UnknownSymbol => bad_symbol(),
        Refusal::UnknownAccount => rejected_key(),
        Refusal::Filter(rule) => Code::new(-1013, format!("Filter failure: {}", rule.text())),
        Refusal::Missing(what) => missing(parameter(what)),
        Refusal::Surplus("time in force") => {
            Code::new(-1114, "TimeInForce parameter sent when not required.")
        }
        Refusal::Surplus(what) => not_required(parameter(what)),
        Refusal::Range(what) => Code::new(-1013, format!("Invalid {}.", parameter(what))),
        Refusal::Full(what) => Code::new(-1008, format!("Server is overloaded: no more {what}.")),
        Refusal::Combination => Code::new(-1014, "Unsupported order combination."),
        other => Code::new(-2010, matching_words(other)),
    }
}

/// What a cancel's refusal is called.
pub(super) fn of_cancel(refusal: Refusal) -> Code {
    match refusal {
        Refusal::UnknownSymbol => bad_symbol(),
        Refusal::UnknownAccount => rejected_key(),
        Refusal::Missing(_) => one_of_two("origClientOrderId", "orderId"),
        other => Code::new(-2011, matching_words(other)),
    }
}

/// What an amendment's refusal is called.
pub(super) fn of_amend(refusal: Refusal) -> Code {
    match refusal {
        Refusal::UnknownOrder | Refusal::UnknownSymbol | Refusal::UnknownAccount => {
            of_cancel(refusal).or_unknown_order()
        }
        Refusal::AmendLarger => {
            Code::new(-2038, "The requested action would result in no change or an increase.")
        }
        Refusal::AmendFilled => Code::new(-2038, "Order amend (quantity) is below filled."),
        Refusal::Filter(rule) => Code::new(-1013, format!("Filter failure: {}", rule.text())),
        Refusal::Range(what) => Code::new(-1013, format!("Invalid {}.", parameter(what))),
        other => Code::new(-2038, matching_words(other)),
    }
}

impl Code {
    /// An order that is not there is a failed amendment.
    fn or_unknown_order(mut self) -> Self {
        if self.code == -2011 {
            (self.code, self.msg) = (-2013, "Order does not exist.".to_owned());
        }
        self
    }
}

/// The words of the matching engine.
const fn matching_words(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::AccountDisabled => "This account may not place or cancel orders.",
        Refusal::MarketClosed | Refusal::CancelOnly => "Market is closed.",
        Refusal::KindNotSupported => "This order type is not supported for this symbol.",
        Refusal::SelfTradeNotSupported => {
            "This symbol does not allow the specified self-trade prevention mode."
        }
        Refusal::IcebergTooLarge => "IcebergQty exceeds QTY.",
        Refusal::Combination => "Unsupported order combination",
        Refusal::DuplicateClientId => "Duplicate order sent.",
        Refusal::InsufficientBalance => "Account has insufficient balance for requested action.",
        Refusal::WouldTake => "Order would immediately match and take.",
        Refusal::WouldTrigger => "Order would trigger immediately.",
        Refusal::NoLiquidity => "Order book liquidity is less than symbol minimum quantity.",
        Refusal::UnknownList => "Unknown order list sent.",
        Refusal::ListPrices => "The relationship of the prices for the orders is not correct.",
        Refusal::CancelRestricted => "Order was not canceled due to cancel restrictions.",
        _ => "Unknown order sent.",
    }
}

/// The parameter that carries what the exchange names in plain words.
fn parameter(what: &str) -> &str {
    match what {
        "time in force" => "timeInForce",
        "quote quantity" => "quoteOrderQty",
        "stop price" => "stopPrice",
        "trailing delta" => "trailingDelta",
        "iceberg quantity" => "icebergQty",
        "client id" => "newClientOrderId",
        other => other,
    }
}
