//! Signals of a run: when each reaches us, in that order.

use std::collections::VecDeque;
use std::sync::Arc;

use qt_data::signals::SignalRecord;
use qt_types::{Event, InstrumentId, InstrumentSpec, Nanos, Payload, Seq, Signal, VenueId};

use crate::tape::id_of;
use crate::venue::{Action, Latency, LatencyModel};

/// What sources say during a run, as it was recorded.
#[derive(Clone, Debug, Default)]
pub struct SignalPlan {
    /// The signals, by the times at which they were sent.
    pub records: Arc<Vec<SignalRecord>>,
    /// How long they are under way beyond that: nothing without it.
    pub latency: Option<LatencyModel>,
}

impl SignalPlan {
    /// Those about the instruments of a run, and when each reaches us. Of others there may be any
    /// number: a source speaks about more than one run trades.
    ///
    /// # Errors
    /// When one does not fit the units of its instrument.
    pub fn arriving(&self, specs: &[InstrumentSpec]) -> Result<Vec<ArrivingSignal>, String> {
        let mut latency = Latency::new(self.latency.clone().unwrap_or(LatencyModel::constant(0)));
        let mut arriving = Vec::new();
        for record in self.records.iter() {
            // Also one that is not for this run takes its turn on the way.
            let recv_ns = latency.arrival_ns(Action::New, record.sent_ns.get());
            let is_its = |spec: &InstrumentSpec| spec.symbol() == record.object.symbol;
            let Some(at) = specs.iter().position(is_its) else { continue };
            let signal = record.object.on(&specs[at], record.source).map_err(|fault| {
                let (id, code) = (&record.object.signal_id, fault.code());
                format!("signal {id} about {}: {code}: {fault}", record.object.symbol)
            })?;
            arriving.push(ArrivingSignal {
                recv_ns: Nanos::new(recv_ns),
                issued_ns: record.object.issued_ns,
                instrument: id_of(at),
                signal,
            });
        }
        Ok(arriving)
    }
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
