//! From whatever was loaded to the bars that a run needs.

use qt_data::build::{Align, BarSpec, from_bars, from_trades};
use qt_data::calendar::Calendar;
use qt_data::calendar::civil::DAY_NS;
use qt_data::load::Loaded;
use qt_data::series::{BarRecord, BarSeries, DataKind, Stamps, TradeSeries};

use crate::failure::Failure;
use crate::output::{number, progress};

/// The bars of `loaded`, built by `spec` where one is given.
///
/// # Errors
/// When it has no bars and none can be built.
pub fn bars_of(loaded: Loaded, spec: Option<&BarSpec>) -> Result<BarSeries, Failure> {
    let path = loaded.source().path.clone();
    match (loaded, spec) {
        (Loaded::Bars(series), None) => Ok(series),
        (loaded, Some(spec)) => build(loaded, spec),
        (Loaded::Trades(_), None) => Err(Failure::data(format!("{path}: holds trades, not bars"))
            .hint("add --bars 1m to build bars first")),
        (Loaded::Quotes(_), None) => Err(no_bars(&path, "quotes")),
        (Loaded::Values(_), None) => Err(no_bars(&path, "single numbers")),
    }
}

fn no_bars(path: &str, what: &str) -> Failure {
    Failure::data(format!("{path}: holds {what}; a run needs bars or trades"))
        .hint(format!("quanttrade data info {path} shows what is in it"))
}

/// Builds bars of `spec`.
///
/// # Errors
/// When that is not possible from these rows.
pub fn build(loaded: Loaded, spec: &BarSpec) -> Result<BarSeries, Failure> {
    let _shown = progress::waiting("building bars");
    match loaded {
        Loaded::Bars(series) => from_smaller(series, spec),
        Loaded::Trades(series) => from_prints(series, spec),
        Loaded::Quotes(series) => Err(no_bars(&series.source.path, "quotes")),
        Loaded::Values(series) => Err(no_bars(&series.source.path, "single numbers")),
    }
}

fn from_smaller(mut series: BarSeries, spec: &BarSpec) -> Result<BarSeries, Failure> {
    let align = align(&series.calendar, spec);
    let built = from_bars(spec, &series.spec, &align, &series.bars).map_err(|error| {
        Failure::data(format!("{}: {error}", series.source.path))
            .hint("choose longer bars than the file has")
    })?;
    let count = number::plural(series.bars.len() as u64, "bar");
    series.notes.push(format!("bars of {spec} were built from {count}"));
    if !series.half_spreads.is_empty() {
        series.notes.push("the spread is not kept in built bars".to_owned());
        series.half_spreads.clear();
        series.kind = DataKind::Bars;
    }
    series.stamps = Stamps::Iso;
    series.interval_ns = interval_ns(spec);
    series.bars = finished(built, &series.calendar);
    Ok(series)
}

fn from_prints(series: TradeSeries, spec: &BarSpec) -> Result<BarSeries, Failure> {
    let align = align(&series.calendar, spec);
    let built = from_trades(spec, &series.spec, &align, &series.trades)?;
    let mut bars = finished(built, &series.calendar);
    // A bar's row is that of its first trade, so that bars and fills name rows of one source.
    for bar in &mut bars {
        let first = series.trades.partition_point(|trade| trade.venue_ns < bar.open_ns);
        bar.row = u32::try_from(first).unwrap_or(u32::MAX);
    }
    let mut notes = series.notes;
    let count = number::plural(series.trades.len() as u64, "trade");
    notes.push(format!("bars of {spec} were built from {count}"));
    Ok(BarSeries {
        spec: series.spec,
        kind: DataKind::Bars,
        bars,
        half_spreads: Vec::new(),
        stamps: series.stamps,
        interval_ns: interval_ns(spec),
        calendar: series.calendar,
        source: series.source,
        quality: series.quality,
        notes,
    })
}

/// Bars within a session begin with it, as its exchange counts them; longer ones and those of a
/// market without sessions begin at round times.
fn align(calendar: &Calendar, spec: &BarSpec) -> Align {
    let has_sessions = !matches!(calendar, Calendar::Always | Calendar::None);
    match spec {
        BarSpec::Time { interval_ns } if has_sessions && *interval_ns <= DAY_NS => {
            Align::Sessions(calendar.clone())
        }
        _ => Align::Epoch,
    }
}

const fn interval_ns(spec: &BarSpec) -> i64 {
    match spec {
        BarSpec::Time { interval_ns } => *interval_ns,
        _ => 0,
    }
}

fn finished(mut bars: Vec<BarRecord>, calendar: &Calendar) -> Vec<BarRecord> {
    for (row, bar) in bars.iter_mut().enumerate() {
        bar.row = u32::try_from(row).unwrap_or(u32::MAX);
    }
    calendar.mark_sessions(&mut bars);
    bars
}
