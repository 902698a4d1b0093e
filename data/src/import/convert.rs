//! From a source to a tick file: one pass to learn units and clocks, one to write.

use std::path::Path;

use qt_types::InstrumentSpec;

use super::clock::{Clock, ClockSurvey};
use super::facts::Facts;
use super::instruments::Instruments;
use super::options::ImportOptions;
use super::quantity::{Meaning, Meant};
use super::row::{Place, Row, RowIssue, RowSink, RowSource};
use super::units::Counter;
use crate::error::DataError;
use crate::source::number::Number;
use crate::stamp::iso_text;
use crate::ticks::{Description, Fields, Record, SourceFact, TickWriter, TimeRange, fold};

/// What an import gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Rows of the source's own format that were read.
    pub rows: u64,
    /// Records that they gave.
    pub records: u64,
    /// Times of the first and the last record.
    pub times: TimeRange,
    /// The running hash over all records, the same as the file's.
    pub hash: u64,
    /// Instruments, sources, what was noticed.
    pub description: Description,
}

impl Imported {
    /// How often `name` was noticed.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        let facts = &self.description.facts;
        facts.iter().find(|fact| fact.name == name).map_or(0, |fact| fact.count)
    }
}

/// Where records go.
pub(super) trait Target<R: Record> {
    /// Takes a record which we could know at `recv_ns`.
    fn push(&mut self, record: R, recv_ns: i64) -> Result<(), DataError>;
    /// Nothing follows.
    fn finish(self, description: &Description) -> Result<(), DataError>;
}

impl<R: Record> Target<R> for TickWriter<R> {
    fn push(&mut self, record: R, recv_ns: i64) -> Result<(), DataError> {
        Self::push(self, record, recv_ns)
    }

    fn finish(self, description: &Description) -> Result<(), DataError> {
        Self::finish(self, description).map(|_| ())
    }
}

/// Keeps nothing: an import that only shows whether and what it would be.
pub(super) struct Nowhere;

impl<R: Record> Target<R> for Nowhere {
    fn push(&mut self, _record: R, _recv_ns: i64) -> Result<(), DataError> {
        Ok(())
    }

    fn finish(self, _description: &Description) -> Result<(), DataError> {
        Ok(())
    }
}

/// Converts `source` to the tick file `target`. `fact` says where the rows come from.
///
/// # Errors
/// When the source cannot be read, a row cannot be kept, or the file cannot be written.
pub fn convert<R: Meant>(
    source: &mut dyn RowSource<R>,
    fact: SourceFact,
    options: &ImportOptions,
    target: &Path,
) -> Result<Imported, DataError> {
    let survey = Survey::of(source, &fact.path, options)?;
    let writer = TickWriter::<R>::create(target)?;
    write(source, survey, fact, options, writer)
}

/// Does all of a conversion but for keeping the records.
///
/// # Errors
/// As [`convert`].
pub fn examine<R: Meant>(
    source: &mut dyn RowSource<R>,
    fact: SourceFact,
    options: &ImportOptions,
) -> Result<Imported, DataError> {
    let survey = Survey::of(source, &fact.path, options)?;
    write(source, survey, fact, options, Nowhere)
}

// The first pass: nothing is kept but what the second one needs.
struct Survey<'a> {
    path: &'a str,
    options: &'a ImportOptions,
    instruments: Instruments,
    clock: ClockSurvey,
    facts: Facts,
    records: u64,
}

// What the first pass has found.
struct Found {
    instruments: Instruments,
    clock: ClockSurvey,
    facts: Facts,
    rows: u64,
}

impl<'a> Survey<'a> {
    fn of<R: Meant>(
        source: &mut dyn RowSource<R>,
        path: &'a str,
        options: &'a ImportOptions,
    ) -> Result<Found, DataError> {
        options.check()?;
        let mut survey = Self {
            path,
            options,
            instruments: Instruments::default(),
            clock: ClockSurvey::default(),
            facts: Facts::default(),
            records: 0,
        };
        let rows = source.rows(&mut survey)?;
        let Self { instruments, clock, facts, records, .. } = survey;
        if records == 0 {
            return Err(nothing(path, rows, options));
        }
        Ok(Found { instruments, clock, facts, rows })
    }
}

fn nothing(path: &str, rows: u64, options: &ImportOptions) -> DataError {
    match &options.symbol {
        Some(symbol) if rows > 0 => DataError::Usage {
            what: format!("{path}: none of its {rows} rows is about '{symbol}'"),
            fix: "Name an instrument that it has, or leave --symbol away".to_owned(),
        },
        _ => DataError::Empty { path: path.to_owned() },
    }
}

impl<R: Meant> RowSink<R> for Survey<'_> {
    fn instrument(&mut self, symbol: &str) -> Result<Option<u16>, DataError> {
        self.instruments.number(symbol, self.options.symbol.as_deref(), self.path)
    }

    fn row(&mut self, row: &Row<R>, place: Place) -> Result<(), DataError> {
        let issue = |what: String, fix| RowIssue::new("", b"", what).fixed_by(fix);
        let limit = self.options.disorder_ns_max;
        if row.venue_ns.is_none() && row.recv_ns.is_none() {
            let issue = issue("has no time".to_owned(), "Give it one");
            return Err(issue.at(self.path, place));
        }
        self.clock.see(row.venue_ns, row.recv_ns, place, limit).map_err(|disorder| {
            let what = format!(
                "has a {} time {} ns before that of a row above it, more than the {limit} ns that \
                 are repaired",
                disorder.column, disorder.back_ns
            );
            issue(what, "Sort the file by time, or split it there").at(self.path, place)
        })?;
        let Some(seen) = self.instruments.list.get_mut(usize::from(row.instrument)) else {
            let issue = issue("names an instrument that was not announced".to_owned(), AGAIN);
            return Err(issue.at(self.path, place));
        };
        let meaning = R::meaning(row.kind);
        if meaning == Meaning::Lots {
            seen.prices.see(row.price);
            if let Some(qty) = row.qty {
                seen.sizes.see(qty);
            }
        }
        self.records += 1;
        Ok(())
    }

    fn fact(&mut self, name: &'static str, place: Place) {
        self.facts.add(name, place);
    }
}

const AGAIN: &str = "Report this: the importer is at fault";

// The second pass.
fn write<R: Meant, T: Target<R>>(
    source: &mut dyn RowSource<R>,
    found: Found,
    mut fact: SourceFact,
    options: &ImportOptions,
    target: T,
) -> Result<Imported, DataError> {
    let Found { instruments, clock, mut facts, rows } = found;
    fact.notes.extend(source.notes());
    let kind = source.instrument_kind();
    let specs = instruments.specs(options, source.specs(), kind, &fact.path, &mut fact.notes)?;
    let mut conversion = Conversion {
        path: &fact.path,
        options,
        counters: specs.iter().map(|spec| Counters::of(spec, options)).collect(),
        instruments,
        clock: Clock::new(clock.shift_ns()),
        facts: Facts::default(),
        target,
        records: 0,
        hash: 0,
        times: TimeRange::default(),
    };
    let again = source.rows(&mut conversion)?;
    let Conversion { clock: used, facts: more, target, records, hash, times, .. } = conversion;
    if again != rows {
        return Err(DataError::UnknownFormat {
            path: fact.path,
            what: format!("it changed while it was read: {rows} rows, then {again}"),
            fix: "Import it when nothing writes to it".to_owned(),
            supported: String::new(),
        });
    }
    if let Some((early, first)) = clock.early() {
        fact.notes.push(format!(
            "{early} rows were received before they happened, the first in {first}: all receive \
             times are taken to be {} ns later",
            clock.shift_ns()
        ));
    }
    for (name, lifted) in ["venue", "receive"].into_iter().zip(used.lifted) {
        if lifted > 0 {
            fact.notes.push(format!(
                "{lifted} {name} times went back by a little and were lifted to the one before"
            ));
        }
    }
    facts.extend(&more);
    let description = Description {
        instruments: specs,
        sources: vec![fact],
        shift_ns: clock.shift_ns(),
        facts: facts.quality(),
    };
    target.finish(&description)?;
    Ok(Imported { rows, records, times, hash, description })
}

// How the numbers of one instrument are counted.
struct Counters {
    ticks: Counter,
    lots: Counter,
    // Lots that a missing size stands for.
    unknown: i64,
}

impl Counters {
    fn of(spec: &InstrumentSpec, options: &ImportOptions) -> Self {
        Self {
            ticks: Counter::new(spec.tick_e9()),
            lots: Counter::new(spec.lot_e9()),
            unknown: (options.quote_size_e9 / spec.lot_e9()).max(1),
        }
    }
}

struct Conversion<'a, T> {
    path: &'a str,
    options: &'a ImportOptions,
    instruments: Instruments,
    counters: Vec<Counters>,
    clock: Clock,
    facts: Facts,
    target: T,
    records: u64,
    hash: u64,
    times: TimeRange,
}

impl<R: Meant, T: Target<R>> RowSink<R> for Conversion<'_, T> {
    fn instrument(&mut self, symbol: &str) -> Result<Option<u16>, DataError> {
        self.instruments.number(symbol, self.options.symbol.as_deref(), self.path)
    }

    fn row(&mut self, row: &Row<R>, place: Place) -> Result<(), DataError> {
        let (price, qty) =
            self.count::<R>(row, place).map_err(|issue| issue.at(self.path, place))?;
        let (venue_ns, recv_ns) = self.clock.times(row.venue_ns, row.recv_ns);
        let record = R::of(&Fields {
            venue_ns,
            order: row.order,
            price,
            qty,
            instrument: row.instrument,
            kind: row.kind,
            flags: row.flags.bits(),
        });
        if self.records == 0 {
            (self.times.venue_first, self.times.recv_first) = (venue_ns, recv_ns);
        }
        (self.times.venue_last, self.times.recv_last) = (venue_ns, recv_ns);
        self.hash = fold(self.hash, record.digest(recv_ns));
        self.records += 1;
        self.target.push(record, recv_ns)
    }

    // Those of the first pass were counted then.
    fn fact(&mut self, _name: &'static str, _place: Place) {}
}

impl<T> Conversion<'_, T> {
    // Price in ticks and quantity in lots, or what they are for this kind of row.
    fn count<R: Meant>(&mut self, row: &Row<R>, place: Place) -> Result<(i64, i64), RowIssue> {
        let Some(counters) = self.counters.get(usize::from(row.instrument)) else {
            return Err(RowIssue::new("", b"", "names an instrument that was not announced"));
        };
        let text = |number: Number| number.text().into_bytes();
        let whole = |number: Number| number.mantissa;
        let nearest = || {
            let ticks = counters.ticks.nearest(row.price);
            ticks.ok_or_else(|| RowIssue::new("price", &text(row.price), "is too many ticks"))
        };
        match R::meaning(row.kind) {
            Meaning::Lots => {}
            Meaning::Flag => return Ok((0, row.qty.map_or(0, whole))),
            Meaning::Mark => return Ok((nearest()?, 0)),
            Meaning::Rate => {
                let rate = Counter::new(1).exact(row.qty.unwrap_or(Number::ZERO));
                let wide = || RowIssue::new("rate", b"", "has too many digits");
                return Ok((nearest()?, rate.ok_or_else(wide)?));
            }
        }
        let price = counters.ticks.exact(row.price).ok_or_else(|| {
            let what = format!("is no multiple of the tick {}", counters.ticks.text());
            let fix = "Give the tick of the data, or leave --tick away";
            RowIssue::new("price", &text(row.price), what).fixed_by(fix)
        })?;
        let qty = match row.qty {
            None => counters.unknown,
            Some(qty) => match counters.lots.exact(qty) {
                Some(lots) => lots,
                None => {
                    self.facts.add("quantities cut off to whole lots", place);
                    counters.lots.whole(qty)
                }
            },
        };
        Ok((price, qty))
    }
}

/// First and last time of an import as text, for its report.
#[must_use]
pub fn span_text(imported: &Imported) -> String {
    let TimeRange { recv_first, recv_last, .. } = imported.times;
    format!("{} .. {}", iso_text(recv_first), iso_text(recv_last))
}
