//! From a path or a table to checked series in units: the crate's entry point.

mod adjusted;
mod bars;
mod gate;
pub(crate) mod instrument;
mod judge;
mod prices;
mod receipt;
mod recheck;
mod select;
#[cfg(test)]
mod tests;
mod ticks;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub use recheck::check_again;

use qt_types::{InstrumentKind, InstrumentSpec};

use crate::calendar::Calendar;
use crate::error::DataError;
use crate::import::dbn;
use crate::quality::QualityReport;
use crate::series::{BarSeries, DataKind, QuoteSeries, Source, TradeSeries, ValueSeries};
use crate::source::read::{ReadOptions, read};
use crate::source::rows::Rows;
use crate::source::table::{RawTable, rows_of};
use crate::source::{Container, Format};
use crate::stamp::LocalClock;

/// Which prices a run uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PriceMode {
    /// As they were traded.
    #[default]
    Raw,
    /// Scaled for splits and dividends, by a factor file or an `Adj Close` column.
    Adjusted,
}

/// How a source is to be understood. The default recognises everything by itself.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// The instrument's name; without one the file's symbol column or its own name decides. Of a
    /// file with several instruments it picks one.
    pub symbol: Option<String>,
    /// The format, or `None` to recognise it.
    pub format: Option<Format>,
    /// The IANA time zone of stamps without a zone; `None` for UTC.
    pub tz: Option<String>,
    /// The calendar; without one it is chosen from the data. With one, date-only rows span its
    /// sessions instead of UTC days.
    pub calendar: Option<Calendar>,
    /// Raw or adjusted prices.
    pub price: PriceMode,
    /// A file of split and dividend factors for adjusted prices.
    pub factor_file: Option<PathBuf>,
    /// The price step in billionths; without one it is derived.
    pub tick_e9: Option<i64>,
    /// The quantity step in billionths; without one it is derived.
    pub lot_e9: Option<i64>,
    /// Units of the underlying per contract, in billionths; without one it is 1.
    pub multiplier_e9: Option<i64>,
    /// The currency of prices; without one it is guessed from the symbol.
    pub currency: Option<String>,
    /// The kind of instrument; without one it follows from the calendar.
    pub kind: Option<InstrumentKind>,
    /// A quantity in billionths that a derived lot must divide.
    pub qty_hint_e9: Option<i64>,
    /// Units that are known of instruments, by symbol; they win over all of the above.
    pub specs: Vec<InstrumentSpec>,
    /// Whether the quality gate decides. Without it only unreadable rows refuse the data, rows
    /// out of order are sorted, and nothing else is looked for.
    pub check: bool,
    /// How many threads may work on it; 0 for all cores.
    pub threads: usize,
    /// Counts the bytes of the file that were read so far, for who wants to show it.
    pub bytes_read: Option<Arc<AtomicU64>>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            symbol: None,
            format: None,
            tz: None,
            calendar: None,
            price: PriceMode::Raw,
            factor_file: None,
            tick_e9: None,
            lot_e9: None,
            multiplier_e9: None,
            currency: None,
            kind: None,
            qty_hint_e9: None,
            specs: Vec::new(),
            check: true,
            threads: 0,
            bytes_read: None,
        }
    }
}

impl LoadOptions {
    /// The same with the units of `spec`.
    fn with_units_of(&self, spec: &InstrumentSpec) -> Self {
        Self {
            tick_e9: Some(spec.tick_e9()),
            lot_e9: Some(spec.lot_e9()),
            multiplier_e9: Some(spec.multiplier_e9()),
            currency: Some(spec.currency().to_owned()),
            kind: Some(spec.kind()),
            ..self.clone()
        }
    }
}

/// One instrument's series, by what its rows are.
#[derive(Clone, Debug)]
pub enum Loaded {
    /// Trade bars or quote bars.
    Bars(BarSeries),
    /// Printed trades.
    Trades(TradeSeries),
    /// Best bid and ask.
    Quotes(QuoteSeries),
    /// One number a row.
    Values(ValueSeries),
}

impl Loaded {
    /// What the rows are.
    #[must_use]
    pub const fn kind(&self) -> DataKind {
        match self {
            Self::Bars(series) => series.kind,
            Self::Trades(_) => DataKind::Trades,
            Self::Quotes(_) => DataKind::Quotes,
            Self::Values(_) => DataKind::Values,
        }
    }

    /// The instrument's name.
    #[must_use]
    pub fn symbol(&self) -> &str {
        match self {
            Self::Bars(series) => series.spec.symbol(),
            Self::Trades(series) => series.spec.symbol(),
            Self::Quotes(series) => series.spec.symbol(),
            Self::Values(series) => &series.symbol,
        }
    }

    /// How many rows the series has.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Bars(series) => series.bars.len(),
            Self::Trades(series) => series.trades.len(),
            Self::Quotes(series) => series.quotes.len(),
            Self::Values(series) => series.values.len(),
        }
    }

    /// Whether the series has no rows.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The gate's findings; `None` when the check was skipped.
    #[must_use]
    pub const fn quality(&self) -> Option<&QualityReport> {
        match self {
            Self::Bars(series) => series.quality.as_ref(),
            Self::Trades(series) => series.quality.as_ref(),
            Self::Quotes(series) => series.quality.as_ref(),
            Self::Values(series) => series.quality.as_ref(),
        }
    }

    /// Where the series comes from.
    #[must_use]
    pub const fn source(&self) -> &Source {
        match self {
            Self::Bars(series) => &series.source,
            Self::Trades(series) => &series.source,
            Self::Quotes(series) => &series.source,
            Self::Values(series) => &series.source,
        }
    }

    /// The calendar that sessions and gaps are measured by.
    #[must_use]
    pub const fn calendar(&self) -> &Calendar {
        match self {
            Self::Bars(series) => &series.calendar,
            Self::Trades(series) => &series.calendar,
            Self::Quotes(series) => &series.calendar,
            Self::Values(series) => &series.calendar,
        }
    }

    /// What was noticed on the way.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        match self {
            Self::Bars(series) => &series.notes,
            Self::Trades(series) => &series.notes,
            Self::Quotes(series) => &series.notes,
            Self::Values(series) => &series.notes,
        }
    }
}

/// Loads the file at `path`, text packed or not or a DBN file of bars: one series for each
/// instrument in it.
///
/// # Errors
/// When the file cannot be read, its layout is unknown, its stamps are doubtful, a number does not
/// fit the units asked for, or the quality gate refuses it.
pub fn load(path: &Path, options: &LoadOptions) -> Result<Vec<Loaded>, DataError> {
    let clock = check_options(options)?;
    if options.format.is_none() && dbn::is_dbn(path) {
        let (table, kind) = dbn::bars(path)?;
        let options = LoadOptions { kind: options.kind.or(kind), ..options.clone() };
        return from_table(&table, &options);
    }
    let rows = read(path, &read_options(options, clock))?;
    finish(rows, options)
}

fn read_options(options: &LoadOptions, clock: Option<LocalClock>) -> ReadOptions {
    let LoadOptions { format, threads, .. } = *options;
    ReadOptions { format, clock, threads, bytes_read: options.bytes_read.clone() }
}

/// Loads a table that another reader has decoded, by the same rules.
///
/// # Errors
/// As [`load`].
pub fn from_table(table: &RawTable, options: &LoadOptions) -> Result<Vec<Loaded>, DataError> {
    let clock = check_options(options)?;
    let rows = rows_of(table, options.format, clock)?;
    finish(rows, options)
}

/// What the first bytes of the file at `path` say it is: a Parquet file goes to another reader.
///
/// # Errors
/// When the file is missing, no regular file, or unreadable.
pub fn container(path: &Path) -> Result<Container, DataError> {
    Container::detect(path)
}

fn check_options(options: &LoadOptions) -> Result<Option<LocalClock>, DataError> {
    let usage = |what: String, fix: &str| DataError::Usage { what, fix: fix.to_owned() };
    for (name, value) in [
        ("--tick", options.tick_e9),
        ("--lot", options.lot_e9),
        ("--multiplier", options.multiplier_e9),
    ] {
        if value.is_some_and(|value| value <= 0) {
            return Err(usage(format!("{name} is not positive"), "Give a positive number"));
        }
    }
    if options.factor_file.is_some() && options.price == PriceMode::Raw {
        let what = "a factor file was given, but raw prices were asked for".to_owned();
        return Err(usage(what, "Add --price adjusted, or leave the factor file away"));
    }
    match options.tz.as_deref().filter(|tz| !tz.eq_ignore_ascii_case("utc")) {
        None => Ok(None),
        Some(tz) => match LocalClock::new(tz) {
            Ok(clock) => Ok(Some(clock)),
            Err(what) => Err(usage(what, "The list is the IANA time zone database's")),
        },
    }
}

fn finish(rows: Rows, options: &LoadOptions) -> Result<Vec<Loaded>, DataError> {
    let parts = select::by_symbol(rows, options.symbol.as_deref())?;
    parts.into_iter().map(|part| build(part, options)).collect()
}

fn build(mut rows: Rows, options: &LoadOptions) -> Result<Loaded, DataError> {
    let symbol = instrument::symbol(&rows, options);
    let known = options.specs.iter().find(|spec| spec.symbol() == symbol);
    let known = known.map(|spec| options.with_units_of(spec));
    let options = known.as_ref().unwrap_or(options);
    gate::settle_missing(&mut rows);
    gate::note_rounding(&mut rows);
    if rows.is_empty() {
        return Err(gate::refuse(&mut rows));
    }
    match rows.layout.kind {
        DataKind::Bars | DataKind::QuoteBars => bars::build(rows, options).map(Loaded::Bars),
        DataKind::Trades => ticks::trades(rows, options).map(Loaded::Trades),
        DataKind::Quotes => ticks::quotes(rows, options).map(Loaded::Quotes),
        DataKind::Values => ticks::values(rows, options).map(Loaded::Values),
    }
}
