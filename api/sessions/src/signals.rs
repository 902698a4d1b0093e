//! Signals of sources in a session: each becomes an event of its journal once.

use std::collections::{HashMap, VecDeque};

use qt_codec::signal::{SignalFault, SignalObject};
use qt_engine::Halt;
use qt_types::{Event, InstrumentId, InstrumentSpec, Nanos, Payload, Signal, SignalSize, SourceId};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::running::Running;
use qt_trading::{
    Refusal, SIGNAL_DUPLICATE, SIGNAL_NOT_HEARD, SignalAnswer, SignalIn, SignalRefused, SignalTaken,
};

/// Signals that are known by their names. Older ones have long been written down as taken in the
/// store, which is asked before the session is.
const KNOWN_MAX: usize = 200_000;

/// A signal's name: its source, and what that calls it.
type Name = (SourceId, [u8; 16]);
/// What tells a signal from another one under its name: the beginning of a hash of all that its
/// event says.
type Print = [u8; 8];
/// One that was taken, as another journal is told of it: source, name, number of the event, print.
pub type Taken = (u16, Uuid, u64, u64);
/// One as bytes: source, name, number, print.
const WRITTEN_BYTES: usize = UNPRINTED_BYTES + 8;
/// The same without its print.
const UNPRINTED_BYTES: usize = 2 + 16 + 8;
/// Of a signal that was written without its print nobody can tell what it said.
const NO_PRINT: Print = [0; 8];

fn print(instrument: InstrumentId, issued_ns: Nanos, signal: &Signal) -> Print {
    let mut hash = Sha256::new();
    let (size, amount) = match signal.size {
        SignalSize::Open => (0_u8, 0),
        SignalSize::Quantity(qty) => (1, qty.lots()),
        SignalSize::Target(qty) => (2, qty.lots()),
        SignalSize::WeightE9(e9) => (3, e9),
    };
    hash.update(instrument.0.to_le_bytes());
    hash.update([size, signal.action as u8]);
    for number in [issued_ns.get(), signal.expires_ns.get(), amount] {
        hash.update(number.to_le_bytes());
    }
    for price in [signal.limit, signal.stop, signal.target] {
        // No price is the least number.
        hash.update(price.get().map_or(i64::MIN, |price| price.ticks()).to_le_bytes());
    }
    for number in [signal.horizon_s, signal.confidence_e9, signal.strength_e9] {
        hash.update(number.to_le_bytes());
    }
    let hash: [u8; 32] = hash.finalize().into();
    let mut print = Print::default();
    print.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    print
}

/// What is known of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    No,
    /// It is the event of this number.
    Itself(u64),
    /// Its source has sent another one under its name.
    Another,
}

/// The signals that are in the journal.
#[derive(Debug, Default)]
pub struct Heard {
    by_name: HashMap<Name, (u64, Print)>,
    /// Oldest first.
    order: VecDeque<Name>,
}

impl Heard {
    /// An event of the journal.
    pub fn take(&mut self, event: &Event) {
        let Payload::Signal(signal) = &event.payload else { return };
        let name = (signal.source, signal.id);
        let print = print(event.instrument, event.venue_ns, signal);
        if self.by_name.insert(name, (event.seq.get(), print)).is_none() {
            self.order.push_back(name);
        }
        if self.order.len() > KNOWN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_name.remove(&oldest);
        }
    }

    /// All of them as bytes, oldest first: source, name, number of the event, print.
    pub fn written(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.order.len() * WRITTEN_BYTES);
        for name in &self.order {
            let (seq, print) = self.by_name.get(name).copied().unwrap_or_default();
            bytes.extend_from_slice(&name.0.0.to_le_bytes());
            bytes.extend_from_slice(&name.1);
            bytes.extend_from_slice(&seq.to_le_bytes());
            bytes.extend_from_slice(&print);
        }
        bytes
    }

    /// What was written without prints, as [`Self::restore`] reads it; nothing where the bytes are
    /// not of whole signals.
    #[must_use]
    pub fn with_no_prints(bytes: &[u8]) -> Option<Vec<u8>> {
        let (all, []) = bytes.as_chunks::<UNPRINTED_BYTES>() else { return None };
        Some(all.iter().flat_map(|each| each.iter().copied().chain(NO_PRINT)).collect())
    }

    /// Those of [`Self::written`] in the place of what is known; nothing where the bytes are not of
    /// whole signals.
    #[must_use]
    pub fn restore(&mut self, bytes: &[u8]) -> Option<()> {
        let (all, []) = bytes.as_chunks::<WRITTEN_BYTES>() else { return None };
        *self = Self::default();
        for each in all {
            let (source, rest) = each.split_first_chunk()?;
            let (id, rest) = rest.split_first_chunk()?;
            let (seq, print) = rest.split_first_chunk()?;
            let name = (SourceId(u16::from_le_bytes(*source)), *id);
            let known = (u64::from_le_bytes(*seq), *print.first_chunk()?);
            self.by_name.insert(name, known);
            self.order.push_back(name);
        }
        Some(())
    }

    /// The last `most`, oldest first.
    pub fn last(&self, most: usize) -> Vec<Taken> {
        let skipped = self.order.len().saturating_sub(most);
        let names = self.order.iter().skip(skipped);
        let known = names.filter_map(|name| Some((name, *self.by_name.get(name)?)));
        known
            .map(|(name, (seq, print))| {
                (name.0.0, Uuid::from_bytes(name.1), seq, u64::from_le_bytes(print))
            })
            .collect()
    }

    /// Those of [`Self::last`] are known before all others.
    pub fn begin_with(&mut self, all: &[Taken]) {
        for (source, id, seq, print) in all {
            let name = (SourceId(*source), *id.as_bytes());
            if self.by_name.insert(name, (*seq, print.to_le_bytes())).is_none() {
                self.order.push_back(name);
            }
        }
    }

    /// What is known of `signal`, which is about `instrument` and was issued at `issued_ns`.
    pub fn knows(&self, instrument: InstrumentId, issued_ns: Nanos, signal: &Signal) -> Known {
        match self.by_name.get(&(signal.source, signal.id)) {
            None => Known::No,
            Some((seq, NO_PRINT)) => Known::Itself(*seq),
            Some((seq, was)) if *was == print(instrument, issued_ns, signal) => Known::Itself(*seq),
            Some(_) => Known::Another,
        }
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
        match self.past.signals.knows(instrument, issued_ns, &signal) {
            Known::Itself(seq) => return Ok(Ok(SignalTaken { seq, is_new: false })),
            // The one in the journal counts, whoever knows of it by now.
            Known::Another => {
                let detail = "the source has sent another signal under this signal_id".to_owned();
                return Ok(Err(SignalRefused { code: SIGNAL_DUPLICATE, detail }));
            }
            Known::No => {}
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
    use std::collections::HashSet;

    use qt_types::{MaybePrice, Price, Qty, SignalAction};

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
        let knows =
            |heard: &Heard, signal: &Signal| heard.knows(InstrumentId(0), Nanos::new(1), signal);
        let mut heard = Heard::default();
        let (first, of_first) = event(0, 1);
        heard.take(&of_first);
        assert_eq!(knows(&heard, &first), Known::Itself(1));
        assert_eq!(knows(&heard, &event(0, 2).0), Known::No);
        for n in 1..=KNOWN_MAX as u64 {
            heard.take(&event(n, 1).1);
        }
        assert_eq!(knows(&heard, &first), Known::No);
        assert_eq!(knows(&heard, &event(1, 1).0), Known::Itself(2));
        assert_eq!((heard.by_name.len(), heard.order.len()), (KNOWN_MAX, KNOWN_MAX));
        let (bytes, mut again) = (heard.written(), Heard::default());
        assert_eq!(again.restore(&bytes), Some(()));
        assert_eq!((&again.by_name, &again.order), (&heard.by_name, &heard.order));
        assert_eq!(again.restore(&bytes[1..]), None);
    }

    #[test]
    fn what_was_written_without_prints_is_known_by_its_name_alone() {
        let base = signal();
        let mut bytes = base.source.0.to_le_bytes().to_vec();
        bytes.extend_from_slice(&base.id);
        bytes.extend_from_slice(&7_u64.to_le_bytes());
        assert_eq!(Heard::with_no_prints(&bytes[1..]), None);
        let mut heard = Heard::default();
        heard.restore(&Heard::with_no_prints(&bytes).unwrap()).unwrap();
        let other = Signal { confidence_e9: 1, ..base };
        let knows = |signal: &Signal| heard.knows(InstrumentId(0), Nanos::new(1), signal);
        assert_eq!([knows(&base), knows(&other)], [Known::Itself(7); 2]);
        assert_eq!(knows(&Signal { id: [9; 16], ..base }), Known::No);
    }

    #[test]
    fn whatever_another_one_says_differently_it_is_told_from_the_first() {
        let base = signal();
        let (seq, recv_ns, venue_ns) = (qt_types::Seq::new(7), Nanos::new(9), Nanos::new(5));
        let (instrument, venue) = (InstrumentId(0), qt_types::VenueId::default());
        let payload = Payload::Signal(base);
        let mut heard = Heard::default();
        heard.take(&Event { seq, recv_ns, venue_ns, instrument, venue, payload });
        assert_eq!(heard.knows(instrument, venue_ns, &base), Known::Itself(7));
        let price = MaybePrice::from(Some(Price::from_ticks(3)));
        let others = [
            Signal { expires_ns: Nanos::new(1), ..base },
            Signal { size: SignalSize::Quantity(Qty::from_lots(5)), ..base },
            Signal { size: SignalSize::Target(Qty::from_lots(5)), ..base },
            Signal { size: SignalSize::WeightE9(5), ..base },
            Signal { limit: price, ..base },
            Signal { stop: price, ..base },
            Signal { target: price, ..base },
            Signal { horizon_s: 61, ..base },
            Signal { confidence_e9: 1, ..base },
            Signal { strength_e9: 1, ..base },
            Signal { action: SignalAction::Sell, ..base },
        ];
        let mut prints = HashSet::new();
        for other in others {
            assert_eq!(heard.knows(instrument, venue_ns, &other), Known::Another, "{other:?}");
            prints.insert(print(instrument, venue_ns, &other));
        }
        assert_eq!(prints.len(), others.len());
        assert_eq!(heard.knows(InstrumentId(1), venue_ns, &base), Known::Another);
        assert_eq!(heard.knows(instrument, Nanos::new(6), &base), Known::Another);
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
