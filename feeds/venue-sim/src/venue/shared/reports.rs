//! What the fault plan makes of the events of an account, as far as it is the same on every wire.

use std::collections::BTreeMap;

use crate::exchange::{Event, ExecutionKind, Nanos, OrderStatus};
use crate::fault::{Action, Fault};
use crate::wire::service::Link;

use super::later::{Due, Later};

/// An order that nobody has placed: far beyond the others.
pub(in crate::venue) const FOREIGN_ID: u64 = 900_000_000_001;
/// How many reports are told again at most.
const AGAIN_MAX: u64 = 1_000;

/// How an event is told.
pub(in crate::venue) enum Told {
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
pub(in crate::venue) fn is_about(fault: Fault, event: &Event) -> bool {
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
pub(in crate::venue) enum Awaited {
    /// A report on an order.
    Report,
    /// Balances.
    Balances,
}

impl Awaited {
    /// Whether that is what it waits for.
    pub(in crate::venue) const fn is(self, event: &Event) -> bool {
        match self {
            Self::Report => matches!(event, Event::Report(_)),
            Self::Balances => matches!(event, Event::Balances { .. }),
        }
    }
}

/// How an event is told by the plan that is these texts. `foreign`: the same of an order that is
/// not there.
pub(in crate::venue) fn texts(
    action: Option<&Action>,
    json: &[String],
    foreign: impl FnOnce() -> Option<String>,
) -> Told {
    let once = || Told::Now(json.to_vec());
    let Some(action) = action else { return once() };
    match action.fault {
        Fault::DropReport | Fault::BalanceLost => Told::Now(Vec::new()),
        Fault::DuplicateReport | Fault::LiteReport | Fault::DoubleFilled => {
            let count = action.params.parts.unwrap_or(2).clamp(2, AGAIN_MAX);
            let count = usize::try_from(count).unwrap_or(2);
            Told::Now(std::iter::repeat_n(json, count).flatten().cloned().collect())
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
        Fault::ForeignReport => Told::Now(foreign().into_iter().chain(json.to_vec()).collect()),
        _ => once(),
    }
}

/// Texts that go behind others, by connection and subscription.
#[derive(Debug, Default)]
pub(in crate::venue) struct Swapped(BTreeMap<(u64, u64), Vec<(Awaited, String)>>);

impl Swapped {
    /// A connection is gone.
    pub(in crate::venue) fn closed(&mut self, link: u64) {
        self.0.retain(|(id, _), _| *id != link);
    }

    /// Sends an event's texts as they are told, and behind them what has waited for the event.
    /// `again`: the last so many reports.
    pub(in crate::venue) fn send(
        &mut self,
        (link, subscription): (&Link, u64),
        (event, json): (&Event, Vec<String>),
        told: Told,
        (later, now_ns): (&mut Later, Nanos),
        again: impl FnOnce(usize) -> Vec<String>,
    ) {
        let outbox = &link.outbox;
        let waiting = self.0.entry((link.id, subscription)).or_default();
        let due: Vec<_> = waiting.extract_if(.., |(awaited, _)| awaited.is(event)).collect();
        match told {
            Told::Now(texts) => texts.iter().for_each(|text| outbox.text(text.as_bytes())),
            Told::Later(delay_ns) => {
                for text in json {
                    later.add(now_ns + delay_ns, outbox, Due::Text(text));
                }
            }
            Told::Behind(awaited) => waiting.extend(json.into_iter().map(|text| (awaited, text))),
            Told::Again(count) => {
                json.iter().for_each(|text| outbox.text(text.as_bytes()));
                again(count).iter().for_each(|text| outbox.text(text.as_bytes()));
            }
        }
        due.iter().for_each(|(_, before)| outbox.text(before.as_bytes()));
    }
}
