//! Bars from the catalog, and foreign Parquet files.

use std::path::Path;

use qt_data::load::{LoadOptions, Loaded, PriceMode};
use qt_data::series::BarSeries;
use qt_frames::Catalog;
use qt_types::{InstrumentSpec, format_scaled, gcd};

use crate::failure::Failure;
use crate::place::DataDir;

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
/// says.
///
/// # Errors
/// When it cannot be read, or a flag does not fit it.
pub fn load(id: &str, options: &LoadOptions) -> Result<Loaded, Failure> {
    if options.price == PriceMode::Adjusted {
        return Err(Failure::usage(format!("catalog entry '{id}' keeps its prices as they are"))
            .hint(format!("quanttrade data import FILE --price adjusted --id {id}-adjusted")));
    }
    let mut series = catalog()?.load(id, None)?;
    series.source.path = id.to_owned();
    if let Some(calendar) = &options.calendar {
        series.calendar = calendar.clone();
        series.calendar.mark_sessions(&mut series.bars);
    }
    if !options.check {
        series.quality = None;
    }
    respecify(&mut series, options)?;
    Ok(Loaded::Bars(series))
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
