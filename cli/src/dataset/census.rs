//! What is in a tick file: its records counted, its clocks compared, its books rebuilt.

use std::collections::BTreeMap;

use qt_data::export;
use qt_data::ticks::{RecordKind, TickFile};
use qt_types::{OrderTick, Tick, TickFlags};
use serde::Serialize;

use super::booked::Booked;
use crate::failure::Failure;

/// Latencies that the median is taken of, at most.
const LATENCIES_MAX: u64 = 1 << 20;

/// The time from the venue to us, in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// The shortest.
    pub min_ns: i64,
    /// The median, of at most a million records evenly spread over the file.
    pub median_ns: i64,
    /// The longest.
    pub max_ns: i64,
}

/// What was found about one instrument.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Instrument {
    /// Its name.
    pub symbol: String,
    /// Records about it.
    pub records: u64,
    /// How many of them are trades, executions of resting orders included.
    pub trades: u64,
    /// Complete updates of its book.
    pub updates: u64,
    /// Updates after which its best bid was at or above its best ask.
    pub crossed: u64,
    /// Gaps in its feed.
    pub gaps: u64,
    /// Records that did not fit: unknown or repeated orders, more taken than there was, levels or
    /// orders without room.
    pub misfits: u64,
    /// Updates after which a side of its book was empty.
    pub one_sided: u64,
}

/// What was found in a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Census {
    /// All records.
    pub records: u64,
    /// Records by kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// From the venue to us, after the clock was shifted.
    pub latency: Latency,
    /// The longest time between two records, by when we knew them (ns).
    pub silence_ns: i64,
    /// When that silence began (UTC ns).
    pub silence_from_ns: i64,
    /// Every instrument that the file describes.
    pub instruments: Vec<Instrument>,
}

/// Counts what is in `file`; blocks that were not checked before are.
///
/// # Errors
/// When a block is damaged.
pub fn take(file: &TickFile) -> Result<Census, Failure> {
    match file.kind() {
        RecordKind::Levels => count::<Tick>(file),
        RecordKind::Orders => count::<OrderTick>(file),
    }
}

fn count<R: Booked>(file: &TickFile) -> Result<Census, Failure> {
    let description = file.description()?;
    let named = |symbol: &str| Instrument { symbol: symbol.to_owned(), ..Instrument::default() };
    let mut census = Census {
        instruments: description.instruments.iter().map(|spec| named(spec.symbol())).collect(),
        ..Census::default()
    };
    let mut books: Vec<Option<R::Book>> = census.instruments.iter().map(|_| None).collect();
    let mut latencies = Vec::new();
    let every = file.len() / LATENCIES_MAX + 1;
    let mut last_ns = None;
    for index in 0..file.blocks() {
        let block = file.block::<R>(index)?;
        for record in block.iter() {
            let is_trade = record.is_trade();
            *census.kinds.entry(export::kind_text(&record)).or_default() += 1;
            let recv_ns = record.recv_ns(block.base_ns());
            let latency = recv_ns.saturating_sub(record.venue_ns());
            if census.records.is_multiple_of(every) {
                latencies.push(latency);
            }
            census.note_time(recv_ns, latency, last_ns);
            last_ns = Some(recv_ns);
            census.records += 1;
            let at = usize::from(record.instrument());
            let places = census.instruments.get_mut(at).zip(books.get_mut(at));
            let Some((instrument, book)) = places else { continue };
            instrument.records += 1;
            instrument.trades += u64::from(is_trade);
            if book.is_none() && record.price().ticks() == 0 {
                continue;
            }
            let book = book.get_or_insert_with(|| R::book(record.price()));
            let [crossed, ..] = R::faults(book);
            record.apply(book);
            if record.flags().has(TickFlags::LAST) && !is_trade {
                instrument.updates += 1;
                // A side that the other one has just emptied by crossing it is not counted twice.
                let is_crossed = R::faults(book)[0] > crossed;
                instrument.one_sided += u64::from(!is_crossed && R::view(book).mid_x2().is_none());
            }
        }
    }
    for (instrument, book) in census.instruments.iter_mut().zip(&books) {
        let Some(book) = book else { continue };
        [instrument.crossed, instrument.gaps, instrument.misfits] = R::faults(book);
    }
    latencies.sort_unstable();
    census.latency.median_ns = latencies.get(latencies.len() / 2).copied().unwrap_or(0);
    Ok(census)
}

impl Census {
    fn note_time(&mut self, recv_ns: i64, latency: i64, last_ns: Option<i64>) {
        let Some(last_ns) = last_ns else {
            self.latency = Latency { min_ns: latency, median_ns: 0, max_ns: latency };
            return;
        };
        self.latency.min_ns = self.latency.min_ns.min(latency);
        self.latency.max_ns = self.latency.max_ns.max(latency);
        let silence_ns = recv_ns.saturating_sub(last_ns);
        if silence_ns > self.silence_ns {
            (self.silence_ns, self.silence_from_ns) = (silence_ns, last_ns);
        }
    }

    /// From 0 to 100: 100 minus the penalties that `docs/DATA.md` lists. `odd` is how many things
    /// the import noticed, `shift_ns` by how much it moved the clock.
    pub fn score(&self, odd: u64, shift_ns: i64) -> f64 {
        let sum = |of: fn(&Instrument) -> u64| self.instruments.iter().map(of).sum::<u64>() as f64;
        let (updates, records) = (sum(|i| i.updates).max(1.0), (self.records as f64).max(1.0));
        let gaps = sum(|i| i.gaps);
        let mut penalty = (100.0 * gaps / (updates + gaps)).min(30.0);
        penalty += (50.0 * sum(|i| i.crossed) / updates).min(15.0);
        penalty += (20.0 * sum(|i| i.one_sided) / updates).min(10.0);
        penalty += (100.0 * (sum(|i| i.misfits) + odd as f64) / records).min(10.0);
        penalty += if shift_ns > 0 { 5.0 } else { 0.0 };
        ((100.0 - penalty).max(0.0) * 10.0).round() / 10.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_follows_its_table() {
        let with = |instrument: Instrument| Census {
            records: 1_000,
            instruments: vec![Instrument { updates: 100, ..instrument }],
            ..Census::default()
        };
        let none = Instrument::default();
        assert_eq!(with(none.clone()).score(0, 0), 100.0);
        assert_eq!(with(none.clone()).score(0, 1), 95.0);
        assert_eq!(with(none.clone()).score(20, 0), 98.0);
        assert_eq!(with(none.clone()).score(900, 0), 90.0);
        assert_eq!(with(Instrument { crossed: 10, ..none.clone() }).score(0, 0), 95.0);
        assert_eq!(with(Instrument { gaps: 25, ..none.clone() }).score(0, 0), 80.0);
        assert_eq!(with(Instrument { one_sided: 20, ..none.clone() }).score(0, 0), 96.0);
        assert_eq!(with(Instrument { misfits: 30, ..none }).score(0, 0), 97.0);
    }
}
