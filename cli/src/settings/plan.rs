//! Settings with their types.

use std::path::PathBuf;

use qt_backtest::config::RunConfig;
use qt_data::build::BarSpec;
use qt_data::calendar::Calendar;
use qt_data::import::ImportFormat;
use qt_data::load::{LoadOptions, PriceMode};
use qt_data::source::Format;
use qt_data::stamp::{DateOrder, LocalClock, StampForm, StampParser};
use qt_types::InstrumentKind;

use super::{Layers, Role, number};
use crate::conditions::definitions::{self, Defined};
use crate::dataset::Window;
use crate::failure::Failure;

/// How data is to be read.
#[derive(Clone, Debug, Default)]
pub struct DataPlan {
    /// What the loader is told.
    pub load: LoadOptions,
    /// The format of tick data, where it was forced.
    pub tick_format: Option<String>,
    /// Currencies of single instruments, by symbol.
    pub currencies: Vec<(String, String)>,
    /// When instruments expire by their definitions (UTC ns), by symbol.
    pub expiries: Vec<(String, i64)>,
    /// Bars to build first.
    pub bars: Option<BarSpec>,
    /// The lowest quality score that is accepted.
    pub min_score: Option<f64>,
    /// Whether entries of the catalog that were imported without a check are checked now.
    pub recheck: bool,
}

/// Everything about one run.
#[derive(Clone, Debug)]
pub struct RunPlan {
    /// The data sets, as they were given.
    pub data: Vec<String>,
    /// How they are read.
    pub reading: DataPlan,
    /// The strategies.
    pub roles: Vec<Role>,
    /// The run.
    pub config: RunConfig,
    /// Time between two samples of the equity, on ticks (ns).
    pub sample_ns: i64,
    /// What everything random follows from.
    pub seed: u64,
    /// Whether a run without fills is a success.
    pub allow_no_trades: bool,
    /// Whether runs with kinder and with harsher fills are made as well.
    pub bands: bool,
    /// Where the report goes.
    pub report: Option<PathBuf>,
    /// Where the tables go.
    pub out: Option<PathBuf>,
    /// Whether the whole equity curve is wanted.
    pub full_curve: bool,
}

impl RunPlan {
    /// The names of the strategies, as one.
    pub fn strategies(&self) -> String {
        let names: Vec<&str> = self.roles.iter().map(|role| role.name.as_str()).collect();
        names.join("+")
    }

    /// The part of the data that the run uses; `warmup` says how many bars the strategy needs
    /// before, by the number of instruments.
    pub fn window<'a>(&self, warmup: &'a dyn Fn(usize) -> Option<usize>) -> Window<'a> {
        Window { from_ns: self.config.from_ns, to_ns: self.config.to_ns, warmup }
    }
}

impl DataPlan {
    /// The part of `layers` that says how data is read.
    ///
    /// # Errors
    /// When a value is wrong.
    pub fn new(layers: &Layers) -> Result<Self, Failure> {
        // One flag names the formats of bars and of ticks; some are both.
        let given = layers.one("format");
        let tick_format = given.filter(|name| ImportFormat::parse(name).is_ok());
        let format = match given.map(Format::parse) {
            Some(Err(_)) if tick_format.is_some() => None,
            other => other.transpose()?,
        };
        let (currency, currencies) = currencies(layers)?;
        let Defined { specs, expiries } = definitions::of(layers)?;
        let load = LoadOptions {
            format,
            tz: layers.given("tz").map(str::to_owned),
            calendar: layers.one("calendar").map(Calendar::parse).transpose()?,
            price: match layers.one("price") {
                None | Some("raw") => PriceMode::Raw,
                Some("adjusted") => PriceMode::Adjusted,
                Some(other) => return Err(wrong(layers, "price", other, "raw or adjusted")),
            },
            factor_file: layers.one("factors").map(PathBuf::from),
            tick_e9: positive_e9(layers, "tick")?,
            lot_e9: positive_e9(layers, "lot")?,
            multiplier_e9: positive_e9(layers, "multiplier")?,
            currency,
            kind: layers.one("kind").map(|text| kind(layers, text)).transpose()?,
            specs,
            check: !layers.is_on("no-check"),
            ..LoadOptions::default()
        };
        let bars = layers.one("bars").map(str::parse).transpose()?;
        let min_score = float(layers, "min-score")?;
        if min_score.is_some_and(|score| !(0.0..=100.0).contains(&score)) {
            let given = layers.one("min-score").unwrap_or_default();
            return Err(wrong(layers, "min-score", given, "a number from 0 to 100"));
        }
        if min_score.is_some() && !load.check {
            return Err(Failure::usage("--min-score needs the check that --no-check skips"));
        }
        let tick_format = tick_format.map(str::to_owned);
        let recheck = min_score.is_some();
        Ok(Self { load, tick_format, currencies, expiries, bars, min_score, recheck })
    }

    /// The currency that was given for the instrument `symbol`.
    pub fn currency_of(&self, symbol: &str) -> Option<&str> {
        let mut all = self.currencies.iter();
        all.find(|(of, _)| of == symbol).map(|(_, currency)| currency.as_str())
    }
}

/// The currency of all instruments, and those of single ones.
type GivenCurrencies = (Option<String>, Vec<(String, String)>);

fn currencies(layers: &Layers) -> Result<GivenCurrencies, Failure> {
    let (mut all, mut single) = GivenCurrencies::default();
    for given in layers.many("currency") {
        match given.split_once('=') {
            Some((symbol, currency)) if !symbol.is_empty() && !currency.is_empty() => {
                single.push((symbol.to_owned(), currency.to_owned()));
            }
            None if all.is_none() => all = Some(given.clone()),
            _ => {
                let wanted = "one currency, or SYMBOL=CURRENCY for each instrument";
                return Err(wrong(layers, "currency", given, wanted));
            }
        }
    }
    Ok((all, single))
}

fn kind(layers: &Layers, text: &str) -> Result<InstrumentKind, Failure> {
    let wanted =
        "one of equity, spot, fx, future, perpetual, inverse-future, inverse-perpetual, index";
    InstrumentKind::from_text(&text.trim().to_lowercase())
        .ok_or_else(|| wrong(layers, "kind", text, wanted))
}

/// The failure for a value that is none of `wanted`.
pub(super) fn wrong(layers: &Layers, name: &str, value: &str, wanted: &str) -> Failure {
    Failure::usage(format!("{}: '{value}' is not {wanted}", layers.place(name)))
}

/// The value of `name` as billionths.
pub(super) fn decimal_e9(layers: &Layers, name: &str) -> Result<Option<i64>, Failure> {
    let read = |text: &str| {
        number::e9(text).map_err(|what| Failure::usage(format!("{}: {what}", layers.place(name))))
    };
    layers.one(name).map(read).transpose()
}

/// The value of `name` as billionths, above zero.
pub(super) fn positive_e9(layers: &Layers, name: &str) -> Result<Option<i64>, Failure> {
    let value = decimal_e9(layers, name)?;
    if value.is_some_and(|value| value <= 0) {
        let given = layers.one(name).unwrap_or_default();
        return Err(wrong(layers, name, given, "above zero"));
    }
    Ok(value)
}

/// The value of `name` as a finite number.
pub(super) fn float(layers: &Layers, name: &str) -> Result<Option<f64>, Failure> {
    let read = |text: &str| match text.trim().parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(wrong(layers, name, text, "a number")),
    };
    layers.one(name).map(read).transpose()
}

/// The value of `name` as a point in time (UTC ns). A date is its first instant.
pub(super) fn time_ns(layers: &Layers, name: &str) -> Result<Option<i64>, Failure> {
    let Some(text) = layers.one(name) else { return Ok(None) };
    let wanted = "a time: write 2020-01-31, 2020-01-31T09:30 or 2020-01-31T09:30:00Z";
    let form = StampForm::of(text.trim().as_bytes(), None);
    let form = form.ok_or_else(|| wrong(layers, name, text, wanted))?;
    let zone = layers.given("tz").filter(|zone| !zone.eq_ignore_ascii_case("utc"));
    let clock = zone.map(LocalClock::new).transpose().map_err(|what| {
        Failure::usage(format!("{}: {what}", layers.place("tz")))
            .hint("use a name of the IANA time zone database, such as America/New_York")
    })?;
    let mut parser = StampParser::new(form, DateOrder::MonthFirst, clock);
    let parsed = parser.parse(text.trim().as_bytes(), None);
    parsed.map(Some).map_err(|_| wrong(layers, name, text, wanted))
}

/// The range of time that `layers` ask for (UTC ns).
///
/// # Errors
/// When one of its ends is no time.
pub fn range_ns(layers: &Layers) -> Result<(Option<i64>, Option<i64>), Failure> {
    Ok((time_ns(layers, "from")?, time_ns(layers, "to")?))
}
