//! Bars from the catalog, and foreign Parquet files.

use std::path::Path;

use qt_data::calendar::civil::DAY_NS;
use qt_data::error::DataError;
use qt_data::load::{self, LoadOptions, Loaded, PriceMode};
use qt_data::series::{BarRecord, BarSeries};
use qt_frames::{Catalog, CatalogEntry, Span};
use qt_types::{InstrumentSpec, format_scaled, gcd};

use crate::failure::Failure;
use crate::place::DataDir;
use crate::settings::DataPlan;

/// The catalog of the data directory.
///
/// # Errors
/// When its place is taken by something else than a folder.
pub fn catalog() -> Result<Catalog, Failure> {
    Ok(Catalog::open(&DataDir::find().catalog())?)
}

/// Whether the catalog has an entry `id`.
pub fn has(id: &str) -> bool {
    catalog().is_ok_and(|catalog| catalog.contains(id))
}

/// The Parquet file at `path`.
///
/// # Errors
/// When it cannot be read or is refused.
pub fn read_parquet(path: &Path, options: &LoadOptions) -> Result<Vec<Loaded>, Failure> {
    Ok(qt_frames::read::load(path, options)?)
}

/// The entry `id`, with what the flags say about the instrument in the place of what the entry
/// says. Of a `part` only the row groups that it needs are read, where nothing else needs more.
///
/// # Errors
/// When it cannot be read or is refused, or a flag does not fit it.
pub fn load(id: &str, plan: &DataPlan, part: Option<&Span>) -> Result<Loaded, Failure> {
    let options = &plan.load;
    if options.price == PriceMode::Adjusted {
        return Err(Failure::usage(format!("catalog entry '{id}' keeps its prices as they are"))
            .hint(format!("quanttrade data import FILE --price adjusted --id {id}-adjusted")));
    }
    let catalog = catalog()?.with_threads(options.threads);
    let entry = catalog.info(id)?;
    // The entry's report is about its own calendar, and there may be none.
    let other_calendar =
        options.calendar.is_some() && options.calendar != entry.open_calendar().ok();
    let first_check = plan.recheck && entry.quality.is_none();
    let checks = options.check && (other_calendar || first_check);
    let part = part.filter(|_| !checks && can_be_cut(&entry, plan));
    let mut series = read(&catalog, id, part)?;
    series.source.path = id.to_owned();
    if let Some(calendar) = options.calendar.as_ref().filter(|_| other_calendar) {
        series.calendar = calendar.clone();
        series.calendar.mark_sessions(&mut series.bars);
    }
    respecify(&mut series, options)?;
    if checks {
        let report = load::check_again(&series, options.threads);
        if report.structural {
            let report = Box::new(report);
            return Err(DataError::Refused { path: id.to_owned(), report }.into());
        }
        series.quality = Some(report);
    } else if !options.check {
        series.quality = None;
    }
    Ok(Loaded::Bars(series))
}

/// Whether a part of the entry is to a run what all of it is. Marks by another calendar, bars that
/// are built and a coarser tick depend on bars before the part; and with daily bars the share of
/// weekends among all of them says how many a year has.
fn can_be_cut(entry: &CatalogEntry, plan: &DataPlan) -> bool {
    let LoadOptions { calendar, tick_e9, .. } = &plan.load;
    calendar.is_none() && tick_e9.is_none() && plan.bars.is_none() && entry.interval_ns < DAY_NS
}

fn read(catalog: &Catalog, id: &str, part: Option<&Span>) -> Result<BarSeries, Failure> {
    let Some(span) = part else { return Ok(catalog.load(id, None)?) };
    let series = catalog.load_span(id, span)?;
    let inside = |bar: &BarRecord| span.from_ns <= bar.open_ns && bar.open_ns < span.to_ns;
    if series.bars.iter().any(inside) {
        return Ok(series);
    }
    // Who finds no bar tells what there is.
    Ok(catalog.load(id, None)?)
}

/// Gives the series the units that the flags ask for.
fn respecify(series: &mut BarSeries, options: &LoadOptions) -> Result<(), Failure> {
    let old = series.spec.clone();
    let tick = options.tick_e9.unwrap_or(old.tick_e9());
    let hint = options.qty_hint_e9.filter(|_| options.lot_e9.is_none());
    let refined = hint.map_or(old.lot_e9(), |qty| gcd(old.lot_e9(), qty));
    let lot = options.lot_e9.unwrap_or(refined);
    let symbol = options.symbol.as_deref().unwrap_or(old.symbol());
    let currency = options.currency.as_deref().unwrap_or(old.currency());
    let kind = options.kind.unwrap_or(old.kind());
    let multiplier = options.multiplier_e9.unwrap_or(old.multiplier_e9());
    series.spec = InstrumentSpec::new(symbol, currency, kind, tick, lot, multiplier)
        .map_err(|error| Failure::usage(error.0))?;
    let prices = Rescale::new("--tick", old.tick_e9(), tick);
    let volumes = Rescale::new("--lot", old.lot_e9(), lot);
    if prices.is_identity() && volumes.is_identity() {
        return Ok(());
    }
    if !series.half_spreads.is_empty() && !prices.is_identity() {
        return Err(Failure::usage("--tick cannot be changed for quote bars of the catalog")
            .hint("import the file again with --tick"));
    }
    for bar in &mut series.bars {
        for price in [&mut bar.open, &mut bar.high, &mut bar.low, &mut bar.close] {
            *price = prices.apply(*price, &series.source.path)?;
        }
        // A volume between two lots is cut, as it is when a file is read.
        bar.volume = volumes.cut(bar.volume);
    }
    Ok(())
}

/// From counts of one unit to counts of another.
struct Rescale {
    flag: &'static str,
    old: i64,
    new: i64,
}

impl Rescale {
    const fn new(flag: &'static str, old: i64, new: i64) -> Self {
        Self { flag, old, new }
    }

    const fn is_identity(&self) -> bool {
        self.old == self.new
    }

    fn cut(&self, count: i64) -> i64 {
        let scaled = i128::from(count) * i128::from(self.old) / i128::from(self.new);
        i64::try_from(scaled).unwrap_or(i64::MAX)
    }

    fn apply(&self, count: i64, id: &str) -> Result<i64, Failure> {
        let value = i128::from(count) * i128::from(self.old);
        let scaled = value / i128::from(self.new);
        match i64::try_from(scaled) {
            Ok(scaled) if value % i128::from(self.new) == 0 => Ok(scaled),
            _ => Err(Failure::data(format!(
                "catalog entry '{id}': the price {} is no multiple of {} {}",
                format_scaled(value, 9),
                self.flag,
                format_scaled(i128::from(self.new), 9)
            ))
            .hint(format!("leave {} away, or give the step of the data", self.flag))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_rescaled_exactly_or_not_at_all() {
        let finer = Rescale::new("--tick", 100_000_000, 10_000_000);
        assert_eq!(finer.apply(5, "x").unwrap(), 50);
        let coarser = Rescale::new("--tick", 10_000_000, 50_000_000);
        assert_eq!(coarser.apply(10, "x").unwrap(), 2);
        let failure = coarser.apply(11, "x").unwrap_err();
        assert!(failure.message.contains("0.11 is no multiple of --tick 0.05"), "{failure}");
        assert_eq!(coarser.cut(11), 2);
    }
}
