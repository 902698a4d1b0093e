//! Signals of sources in a session: each becomes an event of its journal once.

use std::collections::{HashMap, VecDeque};

use qt_codec::signal::{SignalFault, SignalObject};
use qt_engine::Halt;
use qt_types::{Event, InstrumentId, InstrumentSpec, Nanos, Payload, Signal, SourceId};
use uuid::Uuid;

use super::running::Running;
use qt_trading::{Refusal, SIGNAL_NOT_HEARD, SignalAnswer, SignalIn, SignalRefused, SignalTaken};

/// Signals that are known by their names. Older ones have long been written down as taken in the
/// store, which is asked before the session is.
const KNOWN_MAX: usize = 200_000;

/// A signal's name: its source, and what that calls it.
type Name = (SourceId, [u8; 16]);
/// One as bytes: source, name, number.
const WRITTEN_BYTES: usize = 2 + 16 + 8;

/// The signals that are in the journal.
#[derive(Debug, Default)]
pub struct Heard {
    by_name: HashMap<Name, u64>,
    /// Oldest first.
    order: VecDeque<Name>,
}

impl Heard {
    /// An event of the journal.
    pub fn take(&mut self, event: &Event) {
        let Payload::Signal(signal) = &event.payload else { return };
        let name = (signal.source, signal.id);
        if self.by_name.insert(name, event.seq.get()).is_none() {
            self.order.push_back(name);
        }
        if self.order.len() > KNOWN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_name.remove(&oldest);
        }
    }

    /// All of them as bytes, oldest first: source, name, number of the event.
    pub fn written(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.order.len() * WRITTEN_BYTES);
        for name in &self.order {
            let seq = self.by_name.get(name).copied().unwrap_or_default();
            bytes.extend_from_slice(&name.0.0.to_le_bytes());
            bytes.extend_from_slice(&name.1);
            bytes.extend_from_slice(&seq.to_le_bytes());
        }
        bytes
    }

    /// Those of [`Self::written`] in the place of what is known; nothing where the bytes are not of
    /// whole signals.
    #[must_use]
    pub fn restore(&mut self, bytes: &[u8]) -> Option<()> {
        let (all, []) = bytes.as_chunks::<WRITTEN_BYTES>() else { return None };
        *self = Self::default();
        for each in all {
            let (source, rest) = each.split_first_chunk()?;
            let (id, seq) = rest.split_first_chunk()?;
            let name = (SourceId(u16::from_le_bytes(*source)), *id);
            self.by_name.insert(name, u64::from_le_bytes(*seq.first_chunk()?));
            self.order.push_back(name);
        }
        Some(())
    }

    /// The last `most`, oldest first: source, name, number of the event.
    pub fn last(&self, most: usize) -> Vec<(u16, Uuid, u64)> {
        let skipped = self.order.len().saturating_sub(most);
        let names = self.order.iter().skip(skipped);
        let known = names.filter_map(|name| Some((name, *self.by_name.get(name)?)));
        known.map(|(name, seq)| (name.0.0, Uuid::from_bytes(name.1), seq)).collect()
    }

    /// Those of [`Self::last`] are known before all others.
    pub fn begin_with(&mut self, all: &[(u16, Uuid, u64)]) {
        for (source, id, seq) in all {
            let name = (SourceId(*source), *id.as_bytes());
            if self.by_name.insert(name, *seq).is_none() {
                self.order.push_back(name);
            }
        }
    }

    /// The number of the event that the signal is.
    pub fn seq_of(&self, signal: &Signal) -> Option<u64> {
        self.by_name.get(&(signal.source, signal.id)).copied()
    }
}

/// A signal in the units of its instrument, and when it was issued.
fn read(
    given: &SignalIn,
    specs: &[InstrumentSpec],
) -> Result<(InstrumentId, Signal, Nanos), SignalFault> {
    let object = SignalObject::read(given.body.as_bytes())?;
    let unknown = || SignalFault::UnknownSymbol(object.symbol.clone());
    let found = specs.iter().position(|spec| spec.symbol() == object.symbol);
    let at = found.and_then(|at| u16::try_from(at).ok()).ok_or_else(unknown)?;
    let signal = object.on(&specs[usize::from(at)], SourceId(given.source))?;
    Ok((InstrumentId(at), signal, object.issued_ns))
}

fn refused(fault: &SignalFault) -> SignalRefused {
    SignalRefused { code: fault.code(), detail: fault.to_string() }
}

impl Running {
    /// Takes in signals, in this order.
    pub(super) fn hear_signals(
        &mut self,
        signals: &[SignalIn],
    ) -> Result<Result<Vec<SignalAnswer>, Refusal>, Halt> {
        let mut answers = Vec::with_capacity(signals.len());
        for signal in signals {
            answers.push(self.hear_signal(signal)?);
        }
        Ok(Ok(answers))
    }

    fn hear_signal(&mut self, given: &SignalIn) -> Result<SignalAnswer, Halt> {
        let driver = self.session.driver();
        let (instrument, signal, issued_ns) = match read(given, driver.exposure().specs) {
            Ok(read) => read,
            Err(fault) => return Ok(Err(refused(&fault))),
        };
        if let Some(seq) = self.past.signals.seq_of(&signal) {
            return Ok(Ok(SignalTaken { seq, is_new: false }));
        }
        if given.only_if_known {
            let detail = "the session has not taken it".to_owned();
            return Ok(Err(SignalRefused { code: SIGNAL_NOT_HEARD, detail }));
        }
        if signal.expires_ns <= driver.time_ns() {
            return Ok(Err(refused(&SignalFault::Expired)));
        }
        // What follows from it has the numbers behind it.
        let seq = driver.events() + 1;
        self.session.hear_signal(instrument, signal, issued_ns)?;
        self.take_notes();
        Ok(Ok(SignalTaken { seq, is_new: true }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_known_by_source_and_name_and_the_oldest_is_forgotten() {
        let base = signal();
        let event = |n: u64, source: u16| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&n.to_le_bytes());
            let signal = Signal { id, source: SourceId(source), ..base };
            let event = Event {
                seq: qt_types::Seq::new(n + 1),
                recv_ns: Nanos::new(1),
                venue_ns: Nanos::new(1),
                instrument: InstrumentId(0),
                venue: qt_types::VenueId::default(),
                payload: Payload::Signal(signal),
            };
            (signal, event)
        };
        let mut heard = Heard::default();
        let (first, of_first) = event(0, 1);
        heard.take(&of_first);
        assert_eq!(heard.seq_of(&first), Some(1));
        assert_eq!(heard.seq_of(&event(0, 2).0), None);
        for n in 1..=KNOWN_MAX as u64 {
            heard.take(&event(n, 1).1);
        }
        assert_eq!(heard.seq_of(&first), None);
        assert_eq!(heard.seq_of(&event(1, 1).0), Some(2));
        assert_eq!((heard.by_name.len(), heard.order.len()), (KNOWN_MAX, KNOWN_MAX));
        let (bytes, mut again) = (heard.written(), Heard::default());
        assert_eq!(again.restore(&bytes), Some(()));
        assert_eq!((&again.by_name, &again.order), (&heard.by_name, &heard.order));
        assert_eq!(again.restore(&bytes[1..]), None);
    }

    fn signal() -> Signal {
        let body = r#"{"schema_version":1,"signal_id":"a","symbol":"X","action":"buy",
            "confidence":0.5,"horizon_seconds":60,"issued_at":"2026-01-31T09:30:01Z",
            "expires_at":"2026-01-31T09:31:00Z"}"#;
        let (id, body) = (uuid::Uuid::nil(), body.to_owned());
        let given = SignalIn { id, source: 1, body, only_if_known: false };
        let kind = qt_types::InstrumentKind::Spot;
        let (tick, lot) = (10_000_000, 1_000_000_000);
        let spec = InstrumentSpec::new("X", "USD", kind, tick, lot, lot).unwrap();
        read(&given, &[spec]).unwrap().1
    }
}
