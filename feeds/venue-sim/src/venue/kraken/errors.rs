//! The venue's errors, which are texts: a letter for how bad it is, what it is about, and words.

use crate::exchange::{Refusal, Rule};

/// Why a request is refused, in the venue's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) text: String,
    /// The status of HTTP: errors of the venue itself come with 200.
    pub(super) status: u16,
}

impl Refused {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), status: 200 }
    }

    /// The same with another status.
    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}

/// A field is missing or cannot be read.
pub(super) fn invalid(name: &str) -> Refused {
    Refused::new(format!("EGeneral:Invalid arguments:{name}"))
}

pub(super) fn unknown_order() -> Refused {
    Refused::new("EOrder:Unknown order")
}

pub(super) fn unknown_pair() -> Refused {
    Refused::new("EQuery:Unknown asset pair")
}

pub(super) fn rate_limited() -> Refused {
    Refused::new("EAPI:Rate limit exceeded")
}

pub(super) fn orders_limited() -> Refused {
    Refused::new("EOrder:Rate limit exceeded")
}

pub(super) fn invalid_session() -> Refused {
    Refused::new("ESession:Invalid session")
}

pub(super) fn unavailable() -> Refused {
    Refused::new("EService:Unavailable")
}

pub(super) fn not_unique() -> Refused {
    invalid("cl_ord_id not unique")
}

/// What the exchange refuses.
pub(super) fn of(refusal: Refusal) -> Refused {
    Refused::new(match refusal {
        Refusal::UnknownSymbol => return unknown_pair(),
        Refusal::UnknownAccount | Refusal::AccountDisabled => "EGeneral:Permission denied",
        Refusal::MarketClosed => return unavailable(),
        Refusal::CancelOnly => "EService:Market in cancel_only mode",
        Refusal::Filter(rule) => return of_rule(rule),
        Refusal::Missing(_)
        | Refusal::Surplus(_)
        | Refusal::Combination
        | Refusal::IcebergTooLarge
        | Refusal::CancelRestricted
        | Refusal::AmendLarger
        | Refusal::ListPrices => "EGeneral:Invalid arguments",
        Refusal::Range("price" | "stop price") => "EOrder:Invalid price",
        Refusal::Range(_) => "EGeneral:Invalid arguments:volume",
        Refusal::KindNotSupported => "EGeneral:Invalid arguments:ordertype",
        Refusal::SelfTradeNotSupported => "EGeneral:Invalid arguments:stp_type",
        Refusal::DuplicateClientId => return not_unique(),
        Refusal::InsufficientBalance => "EOrder:Insufficient funds",
        Refusal::WouldNotReduce => "EOrder:Reduce only:No position exists",
        Refusal::WouldTake => "EOrder:Post only order",
        Refusal::WouldTrigger => "EOrder:Invalid price",
        Refusal::NoLiquidity => "EOrder:Invalid order",
        Refusal::UnknownOrder | Refusal::UnknownList => return unknown_order(),
        Refusal::Unchanged => "EGeneral:Invalid arguments:nothing would change",
        Refusal::AmendFilled => "EGeneral:Invalid arguments:order_qty",
        Refusal::Full(_) => "EService:Busy",
    })
}

fn of_rule(rule: Rule) -> Refused {
    Refused::new(match rule {
        Rule::PriceFilter | Rule::PercentPrice | Rule::PercentPriceBySide => "EOrder:Invalid price",
        Rule::LotSize | Rule::MarketLotSize => "EOrder:Order minimum not met",
        Rule::MinNotional | Rule::Notional => "EOrder:Cost minimum not met",
        Rule::IcebergParts => "EGeneral:Invalid arguments:display_qty",
        Rule::MaxNumOrders
        | Rule::MaxNumAlgoOrders
        | Rule::MaxNumIcebergOrders
        | Rule::ExchangeMaxNumOrders
        | Rule::ExchangeMaxNumAlgoOrders
        | Rule::MaxPosition
        | Rule::MaxAsset => "EOrder:Orders limit exceeded",
        Rule::TrailingDelta | Rule::MaxNumOrderAmends => "EGeneral:Invalid arguments",
    })
}
