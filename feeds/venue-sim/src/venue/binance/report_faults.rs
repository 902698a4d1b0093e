//! What the fault plan makes of the events of an account.

use crate::exchange::{Event, ExecutionKind, Nanos, OrderStatus, Report};
use crate::fault::{Action, Fault};

use super::shapes::Shapes;

/// An order that nobody has placed: far beyond the others.
const FOREIGN_ID: u64 = 900_000_000_001;
/// How many reports are told again at most.
const AGAIN_MAX: u64 = 1_000;

/// How an event is told.
pub(super) enum Told {
    /// These texts, at once.
    Now(Vec<String>),
    /// So much later.
    Later(Nanos),
    /// Behind the next one of that kind.
    Behind(Awaited),
    /// And then so many of the last ones again.
    Again(usize),
}

/// Whether a fault can be done with an event.
pub(super) fn is_about(fault: Fault, event: &Event) -> bool {
    let Event::Report(report) = event else { return true };
    match fault {
        Fault::FillAfterCancel | Fault::BalanceBeforeFill | Fault::LiteReport => {
            report.kind == ExecutionKind::Trade
        }
        Fault::DoubleFilled => report.order.status == OrderStatus::Filled,
        _ => true,
    }
}

/// For what an event waits that is told behind another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// A report on an order.
    Report,
    /// Balances.
    Balances,
}

impl Awaited {
    /// Whether that is what it waits for.
    pub(super) const fn is(self, event: &Event) -> bool {
        match self {
            Self::Report => matches!(event, Event::Report(_)),
            Self::Balances => matches!(event, Event::Balances { .. }),
        }
    }
}

/// How an event is told by the plan.
pub(super) fn texts(
    action: Option<&Action>,
    json: &str,
    shapes: &Shapes<'_>,
    event: &Event,
) -> Told {
    let once = || Told::Now(vec![json.to_owned()]);
    let Some(action) = action else { return once() };
    let report = match event {
        Event::Report(report) => Some(report.as_ref()),
        _ => None,
    };
    match action.fault {
        Fault::DropReport | Fault::BalanceLost => Told::Now(Vec::new()),
        Fault::DuplicateReport | Fault::LiteReport | Fault::DoubleFilled => {
            let count = action.params.parts.unwrap_or(2).clamp(2, AGAIN_MAX);
            Told::Now(vec![json.to_owned(); usize::try_from(count).unwrap_or(2)])
        }
        Fault::LateReport | Fault::BalanceLate | Fault::FillAfterCancel => {
            Told::Later(action.delay_ns(1_000))
        }
        Fault::SwapReports => Told::Behind(Awaited::Report),
        Fault::BalanceBeforeFill => Told::Behind(Awaited::Balances),
        Fault::ReplayReports => {
            let count = action.params.parts.unwrap_or(10).min(AGAIN_MAX);
            Told::Again(usize::try_from(count).unwrap_or(0))
        }
        Fault::ForeignReport => {
            let foreign = report.map(|report| foreign(report, json, shapes));
            Told::Now(foreign.into_iter().chain([json.to_owned()]).collect())
        }
        _ => once(),
    }
}

/// The same report of an order that is not there.
fn foreign(report: &Report, json: &str, shapes: &Shapes<'_>) -> String {
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
