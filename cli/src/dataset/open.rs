//! From the name of a data set to its series.

use std::path::{Path, PathBuf};

use qt_data::load::{self, LoadOptions, Loaded};
use qt_data::quality::splits;
use qt_data::series::{BarSeries, TradeRecord};
use qt_data::source::Container;
use qt_frames::Span;

use super::{bars_of, catalog, sample};
use crate::failure::Failure;
use crate::output::{Output, progress};
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
pub(super) fn split(given: &str) -> (Option<&str>, &str) {
    match given.split_once('=') {
        Some((symbol, name)) if !symbol.is_empty() && !Path::new(given).exists() => {
            (Some(symbol), name)
        }
        _ => (None, given),
    }
}

/// The part of the data that a run uses.
#[derive(Clone, Copy)]
pub struct Window<'a> {
    /// The first opening time of a bar that is used for itself (UTC ns).
    pub from_ns: Option<i64>,
    /// The first opening time that is left out again (UTC ns).
    pub to_ns: Option<i64>,
    /// How many bars before the first one are needed too, by the number of instruments; `None`
    /// when that cannot be told, which needs all of them.
    pub warmup: &'a dyn Fn(usize) -> Option<usize>,
}

impl Window<'_> {
    /// Everything.
    #[cfg(test)]
    pub const WHOLE: Window<'static> = Window { from_ns: None, to_ns: None, warmup: &|_| None };

    fn span(&self, instruments: usize) -> Option<Span> {
        if self.from_ns.is_none() && self.to_ns.is_none() {
            return None;
        }
        let before = if self.from_ns.is_some() { (self.warmup)(instruments)? } else { 0 };
        // What looks like a split is judged by the bars around it.
        let before = before.saturating_add(splits::REACH);
        let (from_ns, to_ns) = (self.from_ns.unwrap_or(i64::MIN), self.to_ns.unwrap_or(i64::MAX));
        Some(Span { from_ns, to_ns, before, after: splits::REACH })
    }
}

/// Loads the data set `given` as `[SYMBOL=]PATH|ID`: one series for each instrument in it.
///
/// # Errors
/// When it is missing, unreadable or refused by the quality gate.
pub fn open(given: &str, plan: &DataPlan) -> Result<Vec<Loaded>, Failure> {
    open_part(given, plan, None)
}

/// The same; of an entry of the catalog only the row groups that `part` needs.
///
/// # Errors
/// As [`open`].
pub fn open_part(
    given: &str,
    plan: &DataPlan,
    part: Option<&Span>,
) -> Result<Vec<Loaded>, Failure> {
    let (symbol, name) = split(given);
    let mut plan = plan.clone();
    plan.load.symbol = symbol.map(str::to_owned);
    let mut loaded = match Place::of(name) {
        Place::Sample(name) => open_sample(&name, plan.load.clone())?,
        Place::Catalog(id) => {
            let _shown = progress::waiting(format!("reading {id}"));
            vec![catalog::load(&id, &plan, part)?]
        }
        Place::File(path) => {
            let _shown = progress::reading(&path, &mut plan.load);
            open_file(&path, &plan.load)?
        }
    };
    if let (Some(symbol), [one]) = (symbol, loaded.as_mut_slice()) {
        rename(one, symbol)?;
    }
    for one in &mut loaded {
        let currency = plan.currency_of(one.symbol()).map(str::to_owned);
        if let Some(currency) = currency {
            respecify(one, None, Some(&currency))?;
        }
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
    if loaded.symbol() == symbol { Ok(()) } else { respecify(loaded, Some(symbol), None) }
}

/// Gives a series another name or another currency.
fn respecify(
    loaded: &mut Loaded,
    symbol: Option<&str>,
    currency: Option<&str>,
) -> Result<(), Failure> {
    let spec = match loaded {
        Loaded::Bars(series) => &mut series.spec,
        Loaded::Trades(series) => &mut series.spec,
        Loaded::Quotes(series) => &mut series.spec,
        Loaded::Values(series) => {
            symbol.unwrap_or(&series.symbol).to_owned().clone_into(&mut series.symbol);
            return Ok(());
        }
    };
    let renamed = qt_types::InstrumentSpec::new(
        symbol.unwrap_or(spec.symbol()),
        currency.unwrap_or(spec.currency()),
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

/// Loads all data sets of a run, with the trades that bars are built from: orders meet those. Of
/// entries of the catalog only what `window` needs is read.
///
/// # Errors
/// As [`open`]; also when two instruments have one name, or rows are none that can be traded.
pub fn open_run(
    given: &[String],
    plan: &DataPlan,
    window: &Window<'_>,
    out: &Output,
) -> Result<RunData, Failure> {
    // Files come first: how many instruments they hold is not known before. An entry has one.
    let is_entry = |name: &String| matches!(Place::of(split(name).1), Place::Catalog(_));
    let mut opened: Vec<Option<Vec<Loaded>>> = Vec::with_capacity(given.len());
    for name in given {
        opened.push(if is_entry(name) { None } else { Some(open(name, plan)?) });
    }
    let instruments = opened.iter().map(|loaded| loaded.as_ref().map_or(1, Vec::len)).sum();
    let part = opened.iter().any(Option::is_none).then(|| window.span(instruments)).flatten();
    let mut all = RunData::default();
    for (name, loaded) in given.iter().zip(opened) {
        let loaded = loaded.map_or_else(|| open_part(name, plan, part.as_ref()), Ok)?;
        loaded.into_iter().try_for_each(|one| all.add(one, plan, out))?;
    }
    Ok(all)
}

impl RunData {
    /// Adds an instrument as bars.
    fn add(&mut self, loaded: Loaded, plan: &DataPlan, out: &Output) -> Result<(), Failure> {
        let prints = match &loaded {
            Loaded::Trades(trades) if plan.bars.is_some() => trades.trades.clone(),
            _ => Vec::new(),
        };
        let series = bars_of(loaded, plan.bars.as_ref())?;
        for note in &series.notes {
            out.detail(&format!("{}: {note}", series.source.path));
        }
        let symbol = series.spec.symbol();
        if let Some(other) = self.series.iter().find(|other| other.spec.symbol() == symbol) {
            return Err(Failure::usage(format!(
                "{} and {} are both called {symbol}",
                other.source.path, series.source.path
            ))
            .hint(format!("give one another name: --data OTHER={}", series.source.path)));
        }
        self.series.push(series);
        self.prints.push(prints);
        Ok(())
    }
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
        let series = open_run(&names, &DataPlan::default(), &Window::WHOLE, &out).unwrap().series;
        assert_eq!((series.len(), series[0].spec.symbol()), (1, "SP500"));
        assert_eq!(series[0].bars.len(), 5_031);
        let twice = [names[0].clone(), names[0].clone()];
        let failure = open_run(&twice, &DataPlan::default(), &Window::WHOLE, &out).unwrap_err();
        assert!(failure.message.contains("both called SP500"));
    }
}
