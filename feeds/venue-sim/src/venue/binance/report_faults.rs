//! What the fault plan makes of the events of an account.

use crate::exchange::{ExecutionKind, Report};
use crate::venue::shared::reports::FOREIGN_ID;

use super::shapes::Shapes;

/// The same report of an order that is not there.
pub(super) fn foreign(report: &Report, json: &str, shapes: &Shapes<'_>) -> String {
    let mut other = report.clone();
    other.order.id = FOREIGN_ID;
    other.order.client_id = "nobody".into();
    other.execution_id = FOREIGN_ID;
    other.fill = None;
    other.kind = ExecutionKind::New;
    let event = shapes.told_report(&other, report.time_ns);
    // What stands before the event is the same; a socket of one listen key has nothing there.
    let split = |name: &str| json.split_once(name).map(|(head, _)| format!("{head}{name}"));
    match split("\"event\":").or_else(|| split("\"data\":")) {
        Some(head) => format!("{head}{event}}}"),
        None => event,
    }
}
