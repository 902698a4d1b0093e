//! Private events of a tenant as messages.

use axum::extract::ws::Utf8Bytes;
use serde_json::{Value, json};

use super::protocol::{Channel, Told};
use qt_trading::time::Time;
use qt_trading::{Desk, PrivateEvent, PrivateKind};

/// So many orders are in a snapshot.
const ORDERS_KEPT: usize = 100;

/// An event as a message of `channel`; none where it is no part of that.
#[must_use]
pub fn message(channel: Channel, event: &PrivateEvent) -> Option<Utf8Bytes> {
    use Channel::{Orders, Portfolio, Risk, Signals};
    let (kind, data) = match (&event.kind, channel) {
        (PrivateKind::Order(order), Orders) => ("order_update", json!(order)),
        (PrivateKind::Executed(execution), Orders | Portfolio) => {
            ("trade_executed", json!(execution))
        }
        (PrivateKind::Position(position), Portfolio) => {
            ("position_update", json!({ "positions": [position] }))
        }
        (PrivateKind::Portfolio(portfolio), Portfolio) => ("portfolio_update", json!(portfolio)),
        (PrivateKind::Risk(alert), Risk | Signals) => ("risk_alert", alert.clone()),
        (PrivateKind::Alert(alert), Risk | Signals) => {
            let mut data = json!(alert);
            data["kind"] = "alert".into();
            ("risk_alert", data)
        }
        (PrivateKind::Approval(approval), Signals) => ("trading_signal", (**approval).clone()),
        (PrivateKind::Signal(signal), Signals) => ("trading_signal", json!(signal)),
        _ => return None,
    };
    let (channel, timestamp) = (Some(channel), event.at.millis());
    Some(Told { kind, channel, symbol: None, seq: event.seq, data, timestamp }.text())
}

/// Whether it is about a signal of the source that `subject` speaks for.
#[must_use]
pub fn is_of(event: &PrivateEvent, subject: &str) -> bool {
    let PrivateKind::Signal(signal) = &event.kind else { return false };
    signal.subject.as_deref() == Some(subject)
}

/// What stands now, as of the event of number `seq` or a little later.
#[must_use]
pub fn snapshot(channel: Channel, desk: &dyn Desk, seq: u64) -> Utf8Bytes {
    let data = match channel {
        Channel::Portfolio => json!(&*desk.portfolio()),
        Channel::Orders => {
            let all = desk.orders();
            let open = all.iter().filter(|order| !order.status.is_final());
            let open: Vec<&qt_trading::Order> = open.map(|order| &**order).collect();
            let recent = desk.executions();
            let recent: Vec<_> = recent.iter().take(ORDERS_KEPT).map(|of| &**of).collect();
            json!({ "orders": open, "executions": recent })
        }
        Channel::Risk => {
            let (session, limits, kill_states) = (desk.state(), desk.risk(), desk.switches());
            json!({ "session": session, "limits": limits, "kill_states": kill_states })
        }
        _ => Value::Array(Vec::new()),
    };
    let timestamp = Time::now().millis();
    Told { kind: "snapshot", channel: Some(channel), symbol: None, seq, data, timestamp }.text()
}
