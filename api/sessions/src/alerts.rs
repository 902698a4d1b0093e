//! Alerts of a session. Of a storm there is one each second and control, with how many there were.

use std::collections::BTreeMap;

use qt_risk::{Reject, RejectContext, RiskGate};
use qt_types::{Denied, InstrumentSpec};
use uuid::Uuid;

use qt_trading::amount::Amount;
use qt_trading::time::Time;
use qt_trading::{Alert, Switch};

/// The least time between two alerts of one control for one symbol (ns).
const EVERY_NS: i64 = 1_000_000_000;

/// A control, and for which symbol.
type Of = (&'static str, Option<String>);

/// See the module.
#[derive(Debug, Default)]
pub struct Alerts {
    known: BTreeMap<Of, Known>,
}

#[derive(Debug)]
struct Known {
    told_ns: i64,
    /// What has come since.
    waiting: Option<Alert>,
}

impl Alerts {
    /// Takes in a denial; the alert that is to be told now, if any.
    pub fn denied(
        &mut self,
        denied: &Denied,
        gate: &RiskGate,
        spec: Option<&InstrumentSpec>,
        at: Time,
    ) -> Option<Alert> {
        let alert = of_denial(denied, gate, spec, at);
        let of = (denied.reason.text(), alert.symbol.clone());
        let Some(known) = self.known.get_mut(&of) else {
            self.known.insert(of, Known { told_ns: at.0, waiting: None });
            return Some(alert);
        };
        let count = known.waiting.as_ref().map_or(0, |waiting| waiting.count);
        known.waiting = Some(Alert { count: count + 1, ..alert });
        known.due(at)
    }

    /// What has waited long enough at `now`.
    pub fn due(&mut self, now: Time) -> Vec<Alert> {
        let due = self.known.values_mut().filter_map(|known| known.due(now)).collect();
        let is_recent = |known: &Known| {
            known.waiting.is_some() || now.0.saturating_sub(known.told_ns) < EVERY_NS
        };
        self.known.retain(|_, known| is_recent(known));
        due
    }
}

impl Known {
    fn due(&mut self, now: Time) -> Option<Alert> {
        if now.0.saturating_sub(self.told_ns) < EVERY_NS {
            return None;
        }
        let alert = self.waiting.take()?;
        self.told_ns = now.0;
        Some(alert)
    }
}

fn of_denial(denied: &Denied, gate: &RiskGate, spec: Option<&InstrumentSpec>, at: Time) -> Alert {
    let control = denied.reason.text();
    let symbol = spec.map(|spec| spec.symbol().to_owned());
    let denial = gate.denial().filter(|it| it.failure.reason == denied.reason);
    let reject = denial.zip(spec);
    let reject = reject.map(|(denial, spec)| Reject::new(denial, spec, RejectContext::default()));
    let amount = |text: &str| text.parse().ok().map(Amount);
    Alert {
        id: Uuid::now_v7(),
        severity: "warning".to_owned(),
        control: control.to_owned(),
        level: reject.as_ref().map_or("account", |it| it.level.text()).to_owned(),
        symbol,
        limit: reject.as_ref().and_then(|it| amount(&it.limit)),
        observed: reject.as_ref().and_then(|it| amount(&it.observed)),
        count: 1,
        message: reject.map_or_else(|| format!("{control}: an order was denied"), |it| it.text()),
        at,
    }
}

/// That of a switch which the gate has tripped by itself, for `control`.
pub fn tripped(switch: &Switch, control: &str) -> Alert {
    let level = serde_json::to_value(switch.level).unwrap_or_default();
    Alert {
        id: Uuid::now_v7(),
        severity: "critical".to_owned(),
        control: control.to_owned(),
        level: level.as_str().unwrap_or_default().to_owned(),
        symbol: None,
        limit: None,
        observed: None,
        count: 1,
        message: format!("{}: the kill switch is {}", switch.reason, switch.state),
        at: switch.tripped_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qt_risk::{Account, AccountGate, Profile, ProfileName, Setup, Sizing};
    use qt_types::{Cash, DenyReason, OrderId, Qty, StrategyId};

    #[test]
    fn a_storm_is_one_alert_a_second_and_counts_all() {
        let profile = Profile::new(ProfileName::Paper);
        let setup = Setup::single(&profile, &[], Cash::ZERO, 4);
        let gate = RiskGate::new(&setup, AccountGate::new(Account::Cash, Sizing::default(), None));
        let denied = Denied {
            order: OrderId::NONE,
            side: None,
            qty: Qty::ZERO,
            reason: DenyReason::RateOrders,
            strategy: StrategyId::FIRST,
        };
        let mut alerts = Alerts::default();
        let mut counts = Vec::new();
        for at in 0..2_500 {
            let now = Time(at * 1_000_000);
            counts.extend(alerts.denied(&denied, &gate, None, now).map(|alert| alert.count));
            counts.extend(alerts.due(now).iter().map(|alert| alert.count));
        }
        counts.extend(alerts.due(Time(9 * EVERY_NS)).iter().map(|alert| alert.count));
        assert_eq!(counts, [1, 1_000, 1_000, 499]);
        assert!(alerts.known.is_empty() || alerts.due(Time(20 * EVERY_NS)).is_empty());
    }
}
