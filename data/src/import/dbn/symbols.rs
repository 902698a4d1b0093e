//! Names of the instruments, which records know by a number that may change its meaning by day.

use std::collections::HashMap;

use dbn::{Metadata, RecordRef, SType, SymbolMappingMsg};

use super::stream::{Stop, time, typed};
use crate::calendar::civil::Day;
use crate::import::row::RowSink;
use crate::ticks::Record as TickRecord;

/// Publisher and number of an instrument.
type Key = (u16, u32);

/// From the numbers of a file to those of a sink.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    // For each number the days that it had a name on, and the name.
    names: HashMap<u32, Vec<(i64, i64, String)>>,
    // What was found last: until when it holds, and the sink's number.
    found: HashMap<Key, (i64, i64, Option<u16>)>,
    // The publisher that each number was seen from first: it has the plain name.
    publishers: HashMap<u32, u16>,
    last: Option<(Key, i64, i64, Option<u16>)>,
}

impl Symbols {
    /// The names that the head of the file tells.
    pub(super) fn of(metadata: &Metadata) -> Self {
        let mut names: HashMap<u32, Vec<(i64, i64, String)>> = HashMap::new();
        let from_number = metadata.stype_in == Some(SType::InstrumentId);
        for mapping in &metadata.mappings {
            for interval in &mapping.intervals {
                let (number, name) = if from_number {
                    (&mapping.raw_symbol, &interval.symbol)
                } else {
                    (&interval.symbol, &mapping.raw_symbol)
                };
                let start = (interval.start_date.year(), u8::from(interval.start_date.month()));
                let start =
                    Day::new(start.0, u32::from(start.1), u32::from(interval.start_date.day()));
                let end = (interval.end_date.year(), u8::from(interval.end_date.month()));
                let end = Day::new(end.0, u32::from(end.1), u32::from(interval.end_date.day()));
                if let Ok(number) = number.parse() {
                    let days = (start.start_ns(), end.start_ns(), name.clone());
                    names.entry(number).or_default().push(days);
                }
            }
        }
        Self { names, ..Self::default() }
    }

    /// Learns from a record that names an instrument.
    pub(super) fn learn(&mut self, record: &RecordRef<'_>) -> Result<(), Stop> {
        let mapping = typed::<SymbolMappingMsg>(record)?;
        let Ok(name) = mapping.stype_out_symbol() else { return Ok(()) };
        let number = mapping.hd.instrument_id;
        let start = time(mapping.start_ts).unwrap_or(i64::MIN);
        let end = time(mapping.end_ts).unwrap_or(i64::MAX);
        // The newest word counts.
        self.names.entry(number).or_default().insert(0, (start, end, name.to_owned()));
        self.found.retain(|(_, other), _| *other != number);
        self.last = None;
        Ok(())
    }

    /// The sink's number of the instrument that `record` is about at `now_ns`; `None` when it is
    /// not wanted.
    #[inline]
    pub(super) fn instrument<R: TickRecord>(
        &mut self,
        record: &RecordRef<'_>,
        now_ns: i64,
        sink: &mut dyn RowSink<R>,
    ) -> Result<Option<u16>, Stop> {
        let header = record.header();
        let key = (header.publisher_id, header.instrument_id);
        if let Some((last, from, to, number)) = self.last
            && last == key
            && (from..to).contains(&now_ns)
        {
            return Ok(number);
        }
        let (from, to, number) = match self.found.get(&key) {
            Some(found) if (found.0..found.1).contains(&now_ns) => *found,
            _ => self.look_up(key, now_ns, sink)?,
        };
        self.last = Some((key, from, to, number));
        Ok(number)
    }

    fn look_up<R: TickRecord>(
        &mut self,
        key: Key,
        now_ns: i64,
        sink: &mut dyn RowSink<R>,
    ) -> Result<(i64, i64, Option<u16>), Stop> {
        let (publisher, number) = key;
        let days = self
            .names
            .get(&number)
            .and_then(|days| days.iter().find(|(from, to, _)| (*from..*to).contains(&now_ns)));
        let (from, to, name) = match days {
            Some((from, to, name)) => (*from, *to, name.clone()),
            None => (i64::MIN, i64::MAX, number.to_string()),
        };
        // The same share at several exchanges: each has a book of its own.
        let first = *self.publishers.entry(number).or_insert(publisher);
        let name = if first == publisher { name } else { format!("{name}@{publisher}") };
        let found = (from, to, sink.instrument(&name)?);
        self.found.insert(key, found);
        Ok(found)
    }
}
