//! The controls: which there are, and in which order they are evaluated.

use qt_types::DenyReason;
use serde::{Deserialize, Serialize};

/// A control, in the order of evaluation. The first one that fails answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Control {
    /// C01: shape.
    Shape,
    /// C02: identity.
    Identity,
    /// C29: limits exist.
    Configured,
    /// C30: approved build.
    Build,
    /// C03: kill state.
    Kill,
    /// C11: clock.
    Clock,
    /// C04: session.
    Session,
    /// C26: link.
    Link,
    /// C05: allow-list.
    Allowed,
    /// C06: order quantity.
    OrderQty,
    /// C10: reference price.
    Reference,
    /// C07: order notional.
    OrderNotional,
    /// C08: unit sanity.
    UnitSanity,
    /// C09: price collar.
    Collar,
    /// C12: duplicates.
    Duplicate,
    /// C13: self-trade.
    SelfTrade,
    /// C14: position.
    Position,
    /// C15: exposure.
    Exposure,
    /// C15b: account.
    Account,
    /// C16: open orders.
    OpenOrders,
    /// C17: unexecuted notional.
    Unexecuted,
    /// C18: rate.
    Rate,
    /// C19: orders per fill.
    Ratio,
    /// C20: repeated entries.
    Entries,
    /// C21: parent quantity.
    Parent,
    /// C22: daily loss.
    DailyLoss,
    /// C23: drawdown.
    Drawdown,
    /// C24: velocity.
    Velocity,
    /// C25: refusals.
    Refusals,
    /// C27: unknown orders.
    Unknown,
    /// C28: reconciliation.
    Reconciled,
    /// C31: fills.
    PostTrade,
}

/// Which orders a control looks at. Cancels pass all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// Every new order and every change.
    All,
    /// Those that can make a position larger.
    NewRisk,
}

/// One row of the table of controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlRow {
    /// The control.
    pub control: Control,
    /// The number it goes by.
    pub id: &'static str,
    /// What it is about.
    pub name: &'static str,
    /// What it looks at.
    pub needs: &'static str,
    /// Which orders it looks at.
    pub applies: Applies,
    /// The code it usually answers with; some have more than one.
    pub reason: DenyReason,
}

const fn row(
    control: Control,
    (id, name, needs): (&'static str, &'static str, &'static str),
    applies: Applies,
    reason: DenyReason,
) -> ControlRow {
    ControlRow { control, id, name, needs, applies, reason }
}

use Applies::{All, NewRisk};

/// Every control of the gate, in the order of evaluation. C32 (surveillance) is no control of an
/// order and is not among them; C31 looks at fills and holds back what comes after them.
pub const CONTROLS: [ControlRow; 32] = [
    row(
        Control::Shape,
        ("C01", "shape", "the order and its instrument"),
        All,
        DenyReason::InvalidOrder,
    ),
    row(
        Control::Identity,
        ("C02", "identity", "who asks, with which version and settings"),
        All,
        DenyReason::IdentityMissing,
    ),
    row(
        Control::Configured,
        ("C29", "limits exist", "every limit of the instrument and of all levels"),
        All,
        DenyReason::LimitMissing,
    ),
    row(
        Control::Build,
        ("C30", "approved build", "the hashes of program and settings"),
        All,
        DenyReason::BuildNotApproved,
    ),
    row(Control::Kill, ("C03", "kill state", "the kill board"), All, DenyReason::KillHalted),
    row(
        Control::Clock,
        ("C11", "clock", "the clock offset last measured"),
        NewRisk,
        DenyReason::ClockUnsynced,
    ),
    row(
        Control::Session,
        ("C04", "session", "the state of the instrument"),
        All,
        DenyReason::SessionNotOpen,
    ),
    row(Control::Link, ("C26", "link", "the state of venue and owner"), All, DenyReason::LinkDown),
    row(
        Control::Allowed,
        ("C05", "allow-list", "the lists of tenant and account"),
        All,
        DenyReason::InstrumentNotAllowed,
    ),
    row(
        Control::OrderQty,
        ("C06", "order quantity", "the order"),
        NewRisk,
        DenyReason::MaxOrderQty,
    ),
    row(
        Control::Reference,
        ("C10", "reference price", "the market and its age"),
        NewRisk,
        DenyReason::ReferenceStale,
    ),
    row(
        Control::OrderNotional,
        ("C07", "order notional", "the order, the reference price"),
        NewRisk,
        DenyReason::MaxOrderNotional,
    ),
    row(
        Control::UnitSanity,
        ("C08", "unit sanity", "the strategy's last orders"),
        NewRisk,
        DenyReason::UnitSuspect,
    ),
    row(
        Control::Collar,
        ("C09", "price collar", "the reference price, now and earlier"),
        All,
        DenyReason::PriceCollar,
    ),
    row(
        Control::Duplicate,
        ("C12", "duplicates", "the strategy's last orders"),
        All,
        DenyReason::DuplicateOrder,
    ),
    row(
        Control::SelfTrade,
        ("C13", "self-trade", "the tenant's resting orders"),
        All,
        DenyReason::SelfTrade,
    ),
    row(
        Control::Position,
        ("C14", "position", "positions and open orders"),
        NewRisk,
        DenyReason::MaxPosition,
    ),
    row(
        Control::Exposure,
        ("C15", "exposure", "positions and open orders, at their prices"),
        NewRisk,
        DenyReason::MaxExposure,
    ),
    row(
        Control::Account,
        ("C15b", "account", "the account's money and kind"),
        NewRisk,
        DenyReason::InsufficientFunds,
    ),
    row(
        Control::OpenOrders,
        ("C16", "open orders", "the open orders"),
        NewRisk,
        DenyReason::MaxOpenOrders,
    ),
    row(
        Control::Unexecuted,
        ("C17", "unexecuted notional", "the open orders"),
        NewRisk,
        DenyReason::MaxUnexecuted,
    ),
    row(
        Control::Rate,
        ("C18", "rate", "the orders and messages so far"),
        All,
        DenyReason::RateOrders,
    ),
    row(
        Control::Ratio,
        ("C19", "orders per fill", "orders and fills in the window"),
        NewRisk,
        DenyReason::OrderTradeRatio,
    ),
    row(
        Control::Entries,
        ("C20", "repeated entries", "entries since a person looked"),
        NewRisk,
        DenyReason::StrategyDisabled,
    ),
    row(
        Control::Parent,
        ("C21", "parent quantity", "the parent order's children"),
        All,
        DenyReason::ParentQty,
    ),
    row(
        Control::DailyLoss,
        ("C22", "daily loss", "profit and loss since the day began"),
        NewRisk,
        DenyReason::DailyLoss,
    ),
    row(
        Control::Drawdown,
        ("C23", "drawdown", "profit and loss since its highest"),
        NewRisk,
        DenyReason::MaxDrawdown,
    ),
    row(
        Control::Velocity,
        ("C24", "velocity", "losses and fills in the window"),
        NewRisk,
        DenyReason::LossVelocity,
    ),
    row(
        Control::Refusals,
        ("C25", "refusals", "the venue's refusals in the window"),
        NewRisk,
        DenyReason::RejectStorm,
    ),
    row(
        Control::Unknown,
        ("C27", "unknown orders", "orders whose fate is not known"),
        NewRisk,
        DenyReason::UnknownOrders,
    ),
    row(
        Control::Reconciled,
        ("C28", "reconciliation", "the venue's positions"),
        NewRisk,
        DenyReason::ReconciliationBreak,
    ),
    row(
        Control::PostTrade,
        ("C31", "fills", "what the last fills were like"),
        NewRisk,
        DenyReason::PostTradeBreak,
    ),
];

const _: () = {
    let mut at = 0;
    while at < CONTROLS.len() {
        assert!(CONTROLS[at].control as usize == at, "a row stands at the place of its control");
        at += 1;
    }
};

impl Control {
    /// Its row of the table.
    #[must_use]
    pub const fn row(self) -> &'static ControlRow {
        &CONTROLS[self as usize]
    }

    /// The number it goes by: `C14`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        self.row().id
    }
}
