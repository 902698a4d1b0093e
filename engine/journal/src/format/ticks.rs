//! Ticks that came in one frame of a venue, as one record: what they have in common stands there
//! once, and one checksum is over all of them. They are read back as the single events that they
//! are.
//!
//! | bytes | what |
//! |---|---|
//! | 2 | how many: they have as many log sequence numbers, of which the frame has the first |
//! | 1 | which of the fields below are long, or there at all |
//! | 8 | number of the first event |
//! | 8 | `recv_ns` |
//! | 4 or 8 | `venue_ns`: how long before that it was, or whole |
//! | 2, 1 | instrument, venue |
//! | 4 | latency |
//! | 0 or 2 | the ticks' own number of the instrument, where it is another |
//! | 10 or 18 each | kind, flags, price, quantity |
//!
//! Prices and quantities have four bytes each where those of all ticks fit them.

use qt_types::{Event, Head, InstrumentId, Nanos, Payload, Seq, Tick, VenueId};

use super::bytes::{In, Malformed, Out};
use super::event::{before, read_venue_ns};

/// The number of this kind of record. [`crate::RecordKind`] does not have it: what is read is
/// events.
pub const KIND: u8 = 9;
/// The first version of the format with such records.
pub const SINCE_VERSION: u32 = 2;
/// The fewest bytes that a tick takes.
pub const TICK_BYTES_MIN: usize = SHORT_BYTES;

const VENUE_NS_WHOLE: u8 = 1;
const OWN_INSTRUMENT: u8 = 2;
const LONG: u8 = 4;

/// All before the ticks, at most.
const HEAD_BYTES_MAX: usize = 2 + 1 + 8 + 8 + 8 + 3 + 4 + 2;
/// Latency and instrument in the last word of a tick, before its kind and flags.
const IN_COMMON: u64 = 0x0000_ffff_ffff_ffff;
/// A tick, in both forms.
const SHORT_BYTES: usize = 10;
const LONG_BYTES: usize = 18;

/// How many of `ticks`, from the first on, one record of at most `bytes` can hold: those have
/// times and instrument in common.
#[inline]
pub fn fit(ticks: &[Tick], bytes: usize) -> usize {
    let most = (bytes.saturating_sub(HEAD_BYTES_MAX) / LONG_BYTES).min(usize::from(u16::MAX));
    let ticks = ticks.get(..most).unwrap_or(ticks);
    let Some(first) = ticks.first() else { return 0 };
    // Whole words: what of the last one may differ is taken out of all of them at once.
    let words = |tick: &Tick| (tick.venue_ns, (tick.to_halves()[1] >> 64) as u64);
    let (venue_ns, last) = words(first);
    let (times, others) = ticks.iter().map(words).fold((0, 0), |(times, others), words| {
        (times | (words.0 ^ venue_ns), others | (words.1 ^ last))
    });
    let differs = |times: i64, others: u64| times != 0 || others & IN_COMMON != 0;
    // Mostly all of them: that is asked without a branch for each.
    if !differs(times, others) {
        return ticks.len();
    }
    let is_other = |(times, others): (i64, u64)| differs(times ^ venue_ns, others ^ last);
    ticks.iter().map(words).position(is_other).unwrap_or(ticks.len())
}

/// Writes `ticks`, which [`fit`] one record. `head` is that of the first one's event.
#[inline]
pub fn write(out: &mut Out<'_>, head: &Head, ticks: &[Tick]) {
    let (Some(first), Ok(count)) = (ticks.first(), u16::try_from(ticks.len())) else {
        return out.refuse();
    };
    out.u16(count);
    let mask_at = out.at();
    let mut mask = 0;
    out.u8(mask);
    out.u64(head.seq.get());
    out.i64(head.recv_ns.get());
    match before(head.recv_ns, Nanos::new(first.venue_ns)) {
        Some(distance) => out.i32(distance),
        None => {
            mask |= VENUE_NS_WHOLE;
            out.i64(first.venue_ns);
        }
    }
    out.u16(head.instrument.0);
    out.u8(head.venue.0);
    out.u32(first.latency_ns);
    if first.instrument != head.instrument.0 {
        mask |= OWN_INSTRUMENT;
        out.u16(first.instrument);
    }
    if are_short(ticks) {
        for (place, tick) in out.places::<SHORT_BYTES>(ticks.len()).iter_mut().zip(ticks) {
            *place = short(tick);
        }
    } else {
        mask |= LONG;
        for (place, tick) in out.places::<LONG_BYTES>(ticks.len()).iter_mut().zip(ticks) {
            *place = long(tick);
        }
    }
    out.patch(mask_at, mask);
}

/// Whether four bytes hold each price and each quantity.
#[inline(always)]
fn are_short(ticks: &[Tick]) -> bool {
    let spilt = |value: i64| value ^ i64::from(value as i32);
    ticks.iter().fold(0, |all, tick| all | spilt(tick.price) | spilt(tick.qty)) == 0
}

#[inline(always)]
fn short(tick: &Tick) -> [u8; SHORT_BYTES] {
    let mut bytes = [0; SHORT_BYTES];
    bytes[..2].copy_from_slice(&[tick.kind, tick.flags]);
    bytes[2..6].copy_from_slice(&(tick.price as i32).to_le_bytes());
    bytes[6..].copy_from_slice(&(tick.qty as i32).to_le_bytes());
    bytes
}

#[inline(always)]
fn long(tick: &Tick) -> [u8; LONG_BYTES] {
    let mut bytes = [0; LONG_BYTES];
    bytes[..2].copy_from_slice(&[tick.kind, tick.flags]);
    bytes[2..10].copy_from_slice(&tick.price.to_le_bytes());
    bytes[10..].copy_from_slice(&tick.qty.to_le_bytes());
    bytes
}

/// How many events the record in `payload` holds.
#[inline]
pub fn count(payload: &[u8]) -> Option<u64> {
    payload.first_chunk().map(|count| u64::from(u16::from_le_bytes(*count)))
}

/// The ticks of one record, to be taken out one after another. Its memory is used again.
#[derive(Debug, Default)]
pub struct Run {
    head: Option<Head>,
    ticks: Vec<Tick>,
    taken: usize,
}

impl Run {
    /// Takes in the ticks of `payload`.
    ///
    /// # Errors
    /// When no ticks are written so.
    pub fn read(&mut self, payload: &[u8]) -> Result<(), Malformed> {
        (self.taken, self.head) = (0, None);
        self.ticks.clear();
        let mut from = In::new(payload);
        let (count, mask) = (usize::from(from.u16()?), from.u8()?);
        let has = |bit: u8| mask & bit != 0;
        if count == 0 || mask > (VENUE_NS_WHOLE | OWN_INSTRUMENT | LONG) {
            return Err(Malformed("no ticks, or bits that have no meaning"));
        }
        let (seq, recv_ns) = (Seq::new(from.u64()?), Nanos::new(from.i64()?));
        if seq.get().checked_add(count as u64).is_none() {
            return Err(Malformed("events without a number"));
        }
        let venue_ns = read_venue_ns(&mut from, recv_ns, has(VENUE_NS_WHOLE))?.get();
        let (instrument, venue) = (InstrumentId(from.u16()?), VenueId(from.u8()?));
        let latency_ns = from.u32()?;
        let own = if has(OWN_INSTRUMENT) { from.u16()? } else { instrument.0 };
        if has(OWN_INSTRUMENT) && own == instrument.0 {
            return Err(Malformed("ticks that repeat their instrument"));
        }
        for _ in 0..count {
            let [kind, flags] = from.take()?;
            let mut number = || if has(LONG) { from.i64() } else { from.i32().map(i64::from) };
            let (price, qty) = (number()?, number()?);
            self.ticks.push(Tick {
                venue_ns,
                price,
                qty,
                latency_ns,
                instrument: own,
                kind,
                flags,
            });
        }
        from.end()?;
        if has(LONG) && are_short(&self.ticks) {
            return Err(Malformed("short numbers in their long form"));
        }
        self.head = Some(Head { seq, recv_ns, instrument, venue });
        Ok(())
    }

    /// The next event of it.
    pub fn next(&mut self) -> Option<Event> {
        let Head { seq, recv_ns, instrument, venue } = self.head?;
        let tick = *self.ticks.get(self.taken)?;
        let seq = Seq::new(seq.get() + self.taken as u64);
        self.taken += 1;
        let venue_ns = Nanos::new(tick.venue_ns);
        Some(Event { seq, recv_ns, venue_ns, instrument, venue, payload: Payload::Tick(tick) })
    }
}
