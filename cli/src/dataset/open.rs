//! From the name of a data set to its series.

use std::path::{Path, PathBuf};

use qt_data::load::{self, LoadOptions, Loaded};
use qt_data::series::{BarSeries, TradeRecord};
use qt_data::source::Container;

use super::{bars_of, catalog, sample};
use crate::failure::Failure;
use crate::output::Output;
use crate::settings::DataPlan;

/// Where a data set is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file.
    File(PathBuf),
    /// An entry of the catalog.
    Catalog(String),
    /// A bundled sample.
    Sample(String),
}

impl Place {
    /// What `name` means: a sample by its prefix, a file that exists, a catalog id that exists;
    /// anything else is taken for a path, so that the message is about one.
    pub fn of(name: &str) -> Self {
        if name.starts_with(sample::PREFIX) {
            return Self::Sample(name.to_owned());
        }
        let path = Path::new(name);
        if !path.exists() && catalog::has(name) {
            return Self::Catalog(name.to_owned());
        }
        Self::File(path.to_path_buf())
    }
}

/// Splits `[SYMBOL=]NAME`. A file whose own name has a `=` wins.
fn split(given: &str) -> (Option<&str>, &str) {
    match given.split_once('=') {
        Some((symbol, name)) if !symbol.is_empty() && !Path::new(given).exists() => {
            (Some(symbol), name)
        }
        _ => (None, given),
    }
}

/// Loads the data set `given` as `[SYMBOL=]PATH|ID`: one series for each instrument in it.
///
/// # Errors
/// When it is missing, unreadable or refused by the quality gate.
pub fn open(given: &str, plan: &DataPlan) -> Result<Vec<Loaded>, Failure> {
    let (symbol, name) = split(given);
    let mut options = plan.load.clone();
    options.symbol = symbol.map(str::to_owned);
    let mut loaded = match Place::of(name) {
        Place::Sample(name) => open_sample(&name, options)?,
        Place::Catalog(id) => vec![catalog::load(&id, &options)?],
        Place::File(path) => open_file(&path, &options)?,
    };
    if let (Some(symbol), [one]) = (symbol, loaded.as_mut_slice()) {
        rename(one, symbol)?;
    }
    loaded.iter().try_for_each(|one| check_score(one, plan.min_score))?;
    Ok(loaded)
}

fn open_sample(name: &str, mut options: LoadOptions) -> Result<Vec<Loaded>, Failure> {
    let sample = sample::find(name)?;
    options.symbol.get_or_insert_with(|| sample.name.to_owned());
    let fits = |lot: &i64| options.qty_hint_e9.is_none_or(|qty| qty % lot == 0);
    options.lot_e9 = options.lot_e9.or(sample.lot_e9.filter(fits));
    let mut loaded = load::load(&sample.path()?, &options)?;
    for one in &mut loaded {
        let source = match one {
            Loaded::Bars(series) => &mut series.source,
            Loaded::Trades(series) => &mut series.source,
            Loaded::Quotes(series) => &mut series.source,
            Loaded::Values(series) => &mut series.source,
        };
        source.path = format!("{}{}", sample::PREFIX, sample.name);
    }
    Ok(loaded)
}

fn open_file(path: &Path, options: &LoadOptions) -> Result<Vec<Loaded>, Failure> {
    match load::container(path)? {
        Container::Parquet => catalog::read_parquet(path, options),
        _ => Ok(load::load(path, options)?),
    }
}

/// Gives a series that calls itself otherwise the name that was asked for.
fn rename(loaded: &mut Loaded, symbol: &str) -> Result<(), Failure> {
    if loaded.symbol() == symbol {
        return Ok(());
    }
    let spec = match loaded {
        Loaded::Bars(series) => &mut series.spec,
        Loaded::Trades(series) => &mut series.spec,
        Loaded::Quotes(series) => &mut series.spec,
        Loaded::Values(series) => {
            symbol.clone_into(&mut series.symbol);
            return Ok(());
        }
    };
    let renamed = qt_types::InstrumentSpec::new(
        symbol,
        spec.currency(),
        spec.kind(),
        spec.tick_e9(),
        spec.lot_e9(),
        spec.multiplier_e9(),
    );
    *spec = renamed.map_err(|error| Failure::data(error.0))?;
    Ok(())
}

fn check_score(loaded: &Loaded, min_score: Option<f64>) -> Result<(), Failure> {
    match (loaded.quality(), min_score) {
        (Some(report), Some(min)) if report.score < min => {
            let path = &loaded.source().path;
            Err(Failure::data(format!(
                "{path}: its quality score {:.1} is below the {min} that --min-score asks for",
                report.score
            ))
            .hint(format!("quanttrade data check {path} shows what was found")))
        }
        _ => Ok(()),
    }
}

/// The data of a run.
#[derive(Debug, Default)]
pub struct RunData {
    /// The bars of each instrument.
    pub series: Vec<BarSeries>,
    /// The trades that they were built from; empty for an instrument that came as bars.
    pub prints: Vec<Vec<TradeRecord>>,
}

/// Loads all data sets of a run as bars.
///
/// # Errors
/// As [`open`]; also when two instruments have one name, or rows are none that can be traded.
pub fn open_bars(
    given: &[String],
    plan: &DataPlan,
    out: &Output,
) -> Result<Vec<BarSeries>, Failure> {
    Ok(open_run(given, plan, out)?.series)
}

/// Loads all data sets of a run, with the trades that bars are built from: orders meet those.
///
/// # Errors
/// As [`open_bars`].
pub fn open_run(given: &[String], plan: &DataPlan, out: &Output) -> Result<RunData, Failure> {
    let mut all = RunData::default();
    for name in given {
        for loaded in open(name, plan)? {
            let prints = match &loaded {
                Loaded::Trades(trades) if plan.bars.is_some() => trades.trades.clone(),
                _ => Vec::new(),
            };
            let series = bars_of(loaded, plan.bars.as_ref())?;
            for note in &series.notes {
                out.detail(&format!("{}: {note}", series.source.path));
            }
            let symbol = series.spec.symbol();
            if let Some(other) = all.series.iter().find(|other| other.spec.symbol() == symbol) {
                return Err(Failure::usage(format!(
                    "{} and {} are both called {symbol}",
                    other.source.path, series.source.path
                ))
                .hint(format!("give one another name: --data OTHER={}", series.source.path)));
            }
            all.series.push(series);
            all.prints.push(prints);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_and_placed() {
        assert_eq!(split("SPY=data/spy.csv"), (Some("SPY"), "data/spy.csv"));
        assert_eq!(split("data/spy.csv"), (None, "data/spy.csv"));
        assert_eq!(split("=x"), (None, "=x"));
        assert_eq!(Place::of("sample:SP500"), Place::Sample("sample:SP500".to_owned()));
        assert_eq!(Place::of("no/such.csv"), Place::File(PathBuf::from("no/such.csv")));
    }

    #[test]
    fn a_sample_becomes_bars() {
        let out = Output::new(false, true, 0);
        let names = ["sample:SP500".to_owned()];
        let series = open_bars(&names, &DataPlan::default(), &out).unwrap();
        assert_eq!((series.len(), series[0].spec.symbol()), (1, "SP500"));
        assert_eq!(series[0].bars.len(), 5_031);
        let twice = [names[0].clone(), names[0].clone()];
        let failure = open_bars(&twice, &DataPlan::default(), &out).unwrap_err();
        assert!(failure.message.contains("both called SP500"));
    }
}
