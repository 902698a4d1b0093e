//! Signals of a run: when each reaches us, in that order, and what became of them.

mod heard;

use std::collections::VecDeque;
use std::sync::Arc;

use qt_data::signals::{SignalFile, SignalRecord};
use qt_types::{
    Event, InstrumentId, InstrumentSpec, Nanos, Payload, Seq, Signal, SignalAction, VenueId,
};

use crate::tape::id_of;
use crate::venue::{Action, Latency, LatencyModel};

pub use heard::{SignalCounts, SignalsOutcome, SourceOutcome};

/// What sources say during a run, as it was recorded.
#[derive(Clone, Debug, Default)]
pub struct SignalPlan {
    /// The signals, by the times at which they were sent.
    pub file: Arc<SignalFile>,
    /// How long they are under way beyond that: nothing without it.
    pub latency: Option<LatencyModel>,
    /// Which of them wait for a human, and how long: none without it.
    pub approval: Option<Approval>,
}

/// Signals that a human is asked about, who approves each of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Those whose confidence is below this, in billionths, but for `hold`.
    pub below_e9: u32,
    /// How long a human takes.
    pub latency: LatencyModel,
}

impl Approval {
    fn asks(&self, record: &SignalRecord) -> bool {
        let object = &record.object;
        object.confidence_e9 < self.below_e9 && object.action != SignalAction::Hold
    }
}

/// A signal of a file on its way into a run.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// As it was recorded.
    pub record: &'a SignalRecord,
    /// Whether a human was asked.
    pub is_asked: bool,
    /// Where it ends.
    pub way: Way,
}

/// Where the way of a signal ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    /// It is about no instrument of the run.
    Elsewhere,
    /// It had expired before a human had decided.
    NotApproved(InstrumentId),
    /// It reaches us.
    Heard(ArrivingSignal),
}

impl SignalPlan {
    /// Those about the instruments of a run that reach us, and when. Of others there may be any
    /// number: a source speaks about more than one run trades.
    ///
    /// # Errors
    /// When one does not fit the units of its instrument.
    pub fn arriving(&self, specs: &[InstrumentSpec]) -> Result<Vec<ArrivingSignal>, String> {
        let heard = |it: &Arrival<'_>| match it.way {
            Way::Heard(signal) => Some(signal),
            Way::Elsewhere | Way::NotApproved(_) => None,
        };
        Ok(self.arrivals(specs)?.iter().filter_map(heard).collect())
    }

    /// The way of every signal of the file.
    ///
    /// # Errors
    /// When one does not fit the units of its instrument.
    pub fn arrivals(&self, specs: &[InstrumentSpec]) -> Result<Vec<Arrival<'_>>, String> {
        let way = self.latency.clone().unwrap_or(LatencyModel::constant(0));
        let mut way = Latency::new(way);
        let mut human = self.approval.as_ref().map(|of| (of, Latency::new(of.latency.clone())));
        let mut arrivals = Vec::new();
        for record in &self.file.records {
            // Also one that is not for this run takes its turn on the way.
            let mut recv_ns = way.arrival_ns(Action::New, record.sent_ns.get());
            let mut is_asked = false;
            if let Some((_, latency)) = human.as_mut().filter(|(of, _)| of.asks(record)) {
                // Each waits for itself: what is approved sooner overtakes.
                is_asked = true;
                recv_ns = recv_ns.saturating_add(latency.draw_ns(Action::New, recv_ns));
            }
            let recv_ns = Nanos::new(recv_ns);
            let is_its = |spec: &InstrumentSpec| spec.symbol() == record.object.symbol;
            let way = match specs.iter().position(is_its) {
                None => Way::Elsewhere,
                Some(at) if is_asked && record.object.expires_ns <= recv_ns => {
                    Way::NotApproved(id_of(at))
                }
                Some(at) => Way::Heard(arriving(record, &specs[at], id_of(at), recv_ns)?),
            };
            arrivals.push(Arrival { record, is_asked, way });
        }
        Ok(arrivals)
    }
}

fn arriving(
    record: &SignalRecord,
    spec: &InstrumentSpec,
    instrument: InstrumentId,
    recv_ns: Nanos,
) -> Result<ArrivingSignal, String> {
    let signal = record.object.on(spec, record.source).map_err(|fault| {
        let (id, code) = (&record.object.signal_id, fault.code());
        format!("signal {id} about {}: {code}: {fault}", record.object.symbol)
    })?;
    Ok(ArrivingSignal { recv_ns, issued_ns: record.object.issued_ns, instrument, signal })
}

/// A signal, and when it reaches us.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ArrivingSignal {
    /// When it reaches us (UTC ns).
    pub recv_ns: Nanos,
    /// When its source issued it (UTC ns).
    pub issued_ns: Nanos,
    /// What it is about.
    pub instrument: InstrumentId,
    /// What it says.
    pub signal: Signal,
}

/// Those of a run that are still to come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals {
    coming: VecDeque<ArrivingSignal>,
}

impl Signals {
    /// Of those that arrive at one time, the one that stands first comes first.
    pub(crate) fn new(mut all: Vec<ArrivingSignal>) -> Self {
        all.sort_by_key(|it| it.recv_ns);
        Self { coming: all.into() }
    }

    /// When the next one arrives (UTC ns).
    #[inline]
    pub(crate) fn next_ns(&self) -> Option<Nanos> {
        self.coming.front().map(|it| it.recv_ns)
    }

    /// How many have arrived by `now_ns`.
    pub(crate) fn due(&self, now_ns: Nanos) -> usize {
        self.coming.iter().take_while(|it| it.recv_ns <= now_ns).count()
    }

    /// The next one as it is taken in at `now_ns`, if it has arrived.
    pub(crate) fn take(&mut self, now_ns: Nanos) -> Option<Event> {
        let it = self.coming.front().filter(|it| it.recv_ns <= now_ns).copied()?;
        self.coming.pop_front();
        Some(Event {
            seq: Seq::default(),
            recv_ns: now_ns,
            venue_ns: it.issued_ns,
            instrument: it.instrument,
            venue: VenueId(0),
            payload: Payload::Signal(it.signal),
        })
    }
}
