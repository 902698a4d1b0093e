//! A denial in full: what is told to whoever sent the order. Built off the hot path.

use std::fmt;

use qt_types::{DenyReason, InstrumentSpec, Nanos, OrderId, format_scaled};

use crate::kill::KillState;
use crate::limits::text_of;
use crate::risk_gate::Denial;
use crate::tally::Level;

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not with this order.
    No,
    /// When something else has changed: prices, positions, open orders, or a person's decision.
    WhenChanged,
    /// From this time on (UTC ns).
    At(Nanos),
}

/// What the gate itself does not know of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RejectContext {
    /// The version of the limits.
    pub config_version: u64,
    /// The id that the client gave the order.
    pub client_order: String,
    /// Our id of it, or none where it got none.
    pub order: OrderId,
    /// The place in the audit log.
    pub audit: u64,
    /// Who or what tripped the kill switch, for a denial by one.
    pub tripped_by: String,
}

/// A rejection with everything that it must say.
#[derive(Clone, Debug, PartialEq)]
pub struct Reject {
    /// The stable code.
    pub code: DenyReason,
    /// The number of the control.
    pub control: &'static str,
    /// Whose limit it was.
    pub level: Level,
    /// The limit.
    pub limit: String,
    /// What was observed; empty where that is of several tenants together.
    pub observed: String,
    /// What both count.
    pub unit: &'static str,
    /// The reference price, where it comes from and its age in nanoseconds; `None` without one.
    pub reference: Option<(String, &'static str, i64)>,
    /// The version of the limits.
    pub config_version: u64,
    /// The id that the client gave the order.
    pub client_order: String,
    /// Our id of it.
    pub order: OrderId,
    /// When it was denied (UTC ns).
    pub at_ns: Nanos,
    /// Whether trying again can help.
    pub retry: Retry,
    /// Who or what tripped the kill switch.
    pub tripped_by: String,
    /// The place in the audit log.
    pub audit: u64,
}

impl Reject {
    /// The rejection that belongs to `denial` of an order in `spec`.
    #[must_use]
    pub fn new(denial: &Denial, spec: &InstrumentSpec, context: RejectContext) -> Self {
        let failure = &denial.failure;
        let reference = &denial.reference;
        let age_ns = denial.at_ns.get().saturating_sub(reference.seen_ns.get()).max(0);
        let price = (reference.price_x2 > 0).then(|| {
            let nano_x2 = i128::from(reference.price_x2) * i128::from(spec.tick_e9());
            (format_scaled(nano_x2 * 5, 10), reference.source.text(), age_ns)
        });
        let is_kill = matches!(failure.reason, DenyReason::KillHalted | DenyReason::KillReduceOnly);
        let state = |number: i128| match number {
            0 => KillState::Active.text().to_owned(),
            1 => KillState::ReduceOnly.text().to_owned(),
            _ => KillState::Halted.text().to_owned(),
        };
        let text = |number: i128| {
            if is_kill { state(number) } else { text_of(failure.unit, number) }
        };
        Self {
            code: failure.reason,
            control: failure.control.id(),
            level: failure.level,
            limit: text(failure.limit),
            observed: if denial.is_shared { String::new() } else { text(failure.observed) },
            unit: if is_kill { "state" } else { failure.unit.text() },
            reference: price,
            config_version: context.config_version,
            client_order: context.client_order,
            order: context.order,
            at_ns: denial.at_ns,
            retry: retry(failure.reason, denial.at_ns),
            tripped_by: context.tripped_by,
            audit: context.audit,
        }
    }

    /// What happened, in a sentence.
    #[must_use]
    pub fn text(&self) -> String {
        if self.observed.is_empty() {
            let (code, unit, level) = (self.code.text(), self.unit, self.level.text());
            return format!("{code}: above the limit of {} {unit} ({level})", self.limit);
        }
        format!(
            "{}: {} {} against a limit of {} ({})",
            self.code.text(),
            self.observed,
            self.unit,
            self.limit,
            self.level.text()
        )
    }

    /// Every field by name, the fifteen that a rejection must carry, in a fixed order. What does
    /// not apply is empty.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, String); 15] {
        let order = if self.order.is_none() { String::new() } else { self.order.get().to_string() };
        let retry = match self.retry {
            Retry::No => "no".to_owned(),
            Retry::WhenChanged => "when_changed".to_owned(),
            Retry::At(at) => format!("at {}", at.get()),
        };
        let reference = self.reference.as_ref().map_or_else(String::new, |(price, source, age)| {
            format!("{price} {source} age_ns={age}")
        });
        [
            ("code", self.code.text().to_owned()),
            ("text", self.text()),
            ("control", self.control.to_owned()),
            ("level", self.level.text().to_owned()),
            ("limit", self.limit.clone()),
            ("observed", self.observed.clone()),
            ("unit", self.unit.to_owned()),
            ("reference", reference),
            ("config_version", self.config_version.to_string()),
            ("client_order", self.client_order.clone()),
            ("order", order),
            ("at_ns", self.at_ns.get().to_string()),
            ("retry", retry),
            ("tripped_by", self.tripped_by.clone()),
            ("audit", self.audit.to_string()),
        ]
    }
}

/// A second: a throttled order is worth another try then at the latest, since no burst is due
/// further ahead than its own length.
const RETRY_NS: i64 = 1_000_000_000;

fn retry(reason: DenyReason, at_ns: Nanos) -> Retry {
    match reason {
        DenyReason::InvalidOrder
        | DenyReason::IdentityMissing
        | DenyReason::MaxOrderQty
        | DenyReason::MaxAdvShare
        | DenyReason::MaxOrderNotional
        | DenyReason::InstrumentNotAllowed => Retry::No,
        DenyReason::RateOrders | DenyReason::RateMessages => {
            Retry::At(at_ns.saturating_add_ns(RETRY_NS))
        }
        _ => Retry::WhenChanged,
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.fields().iter().enumerate() {
            let gap = if at == 0 { "" } else { " " };
            write!(f, "{gap}{name}=\"{value}\"")?;
        }
        Ok(())
    }
}
