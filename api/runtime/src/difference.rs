//! Where two runs part, and why.

use qt_journal::{CommandRecord, Describer, Record};
use qt_types::{Event, Payload, ReportKind};
use serde::Serialize;

/// Why a decision differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The market data that came before it is not the same.
    Data,
    /// The same reached the pipeline at another time.
    Latency,
    /// The venue said something else of an order.
    Fill,
    /// Everything that came before it is the same: the strategy, its parameters, the gate or the
    /// program are not.
    State,
}

impl Cause {
    /// The cause that makes two events at the same place differ.
    #[must_use]
    pub fn of(was: Option<&Event>, is: Option<&Event>) -> Self {
        let (Some(was), Some(is)) = (was, is) else { return Self::Data };
        let untimed =
            |event: &Event| Event { recv_ns: was.recv_ns, venue_ns: was.venue_ns, ..*event };
        if untimed(is) == *was && untimed(was) == *was {
            return Self::Latency;
        }
        match (&was.payload, &is.payload) {
            (Payload::Report(was), Payload::Report(is)) => {
                let is_other = was.order != is.order || was.kind != is.kind;
                // Another order of the same reports is a matter of time.
                if is_other && was.kind != ReportKind::Filled && is.kind != ReportKind::Filled {
                    Self::Latency
                } else {
                    Self::Fill
                }
            }
            (Payload::Report(_), _) | (_, Payload::Report(_)) => Self::Latency,
            (was, is) if is_ours(was) || is_ours(is) => Self::State,
            _ => Self::Data,
        }
    }
}

/// Whether it is of what we decide ourselves or ask of ourselves.
const fn is_ours(payload: &Payload) -> bool {
    matches!(
        payload,
        Payload::Timer(_) | Payload::Denied(_) | Payload::Control(_) | Payload::Asked(_)
    )
}

/// The first decision that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which decision, from 1.
    pub decision: u64,
    /// The event that it followed from.
    pub event: u64,
    /// What was recorded; `None` where there was nothing any more.
    pub recorded: Option<String>,
    /// What it is now.
    pub repeated: Option<String>,
    /// Why.
    pub cause: Cause,
    /// What came differently before it, where something did: at which event, what was recorded
    /// and what came now.
    pub before: Option<Before>,
}

/// What came differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Before {
    /// The event.
    pub event: u64,
    /// What was recorded.
    pub recorded: Option<String>,
    /// What came now.
    pub repeated: Option<String>,
}

impl Before {
    /// The two events in words.
    #[must_use]
    pub fn new(describer: &Describer, was: Option<&Event>, is: Option<&Event>) -> Self {
        let text = |event: &Event| {
            let at = qt_journal::utc(event.recv_ns);
            format!("{at} {}", describer.text(&Record::Event(*event)))
        };
        let event = was.or(is).map_or(0, |event| event.seq.get());
        Self { event, recorded: was.map(text), repeated: is.map(text) }
    }
}

/// A decision in words.
#[must_use]
pub fn decision_text(describer: &Describer, command: &CommandRecord) -> String {
    let at = qt_journal::utc(command.stamp.at_ns);
    format!("{at} {}", describer.text(&Record::Command(*command)))
}
