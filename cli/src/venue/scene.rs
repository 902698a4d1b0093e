//! What a run at a venue is made from, apart from what happens: the same for the run and for every
//! time that it is made again.

use qt_backtest::conditions::Span;
use qt_backtest::config::RunConfig;
use qt_backtest::desk::Desk;
use qt_backtest::venue::SimVenue;
use qt_engine::{BookKind, BookLimits, CrossPolicy, Ensemble, PipelineConfig};
use qt_risk::{Prices, RiskGate};
use qt_types::{InstrumentSpec, Lacks, Nanos};

use crate::failure::Failure;

/// A year of markets that never close, in seconds.
const YEAR_S: i64 = 31_557_600;
/// Ticks around the price that a book finds at once.
const WINDOW_TICKS: usize = 65_536;
/// Levels of a side that may lie outside of them.
const FAR_LEVELS: usize = 16_384;
/// Samples of the equity that a rehearsal has room for.
const SAMPLES: usize = 64;

/// See the module.
pub struct Scene<'a> {
    config: &'a RunConfig,
    specs: Vec<InstrumentSpec>,
    sample_ns: i64,
    epoch: u16,
}

impl<'a> Scene<'a> {
    /// A run with `config` in `specs`, whose orders have the number `epoch`.
    ///
    /// # Errors
    /// When the instruments do not go together.
    pub fn new(
        config: &'a RunConfig,
        specs: Vec<InstrumentSpec>,
        sample_ns: i64,
        epoch: u16,
    ) -> Result<Self, Failure> {
        if specs.len() > config.limits.instruments_max {
            return Err(Failure::usage("more instruments than a run may have"));
        }
        let first = specs.first().map(InstrumentSpec::currency).unwrap_or_default();
        if let Some(other) = specs.iter().find(|spec| spec.currency() != first) {
            let (symbol, currency) = (other.symbol(), other.currency());
            let what = format!("{symbol} is priced in {currency}, the others in {first}");
            return Err(Failure::usage(what).hint("run them apart: one currency a run"));
        }
        Ok(Self { config, specs, sample_ns, epoch })
    }

    /// The instruments.
    pub fn specs(&self) -> &[InstrumentSpec] {
        &self.specs
    }

    fn books(&self) -> Vec<BookKind> {
        let crosses = CrossPolicy::Uncross;
        let book = BookLimits { window_ticks: WINDOW_TICKS, far_levels_max: FAR_LEVELS, crosses };
        vec![BookKind::Levels(book); self.specs.len()]
    }

    /// What its pipeline is made from.
    pub fn pipeline(&self) -> PipelineConfig {
        PipelineConfig {
            specs: self.specs.clone(),
            initial: self.config.capital,
            exits: self.config.exits,
            limits: self.config.limits,
            epoch: self.epoch,
            books: self.books(),
            active_from_ns: Nanos::MIN,
        }
    }

    /// Its gate, for so many strategies.
    pub fn gate(&self, strategies: usize) -> RiskGate {
        let interval_ns = self.sample_ns.max(1);
        let periods_e3 = i128::from(YEAR_S) * 1_000_000_000_000 / i128::from(interval_ns);
        let periods_e3 = i64::try_from(periods_e3).unwrap_or(i64::MAX);
        let prices = Prices { interval_ns, periods_e3 };
        self.config.gate_for(&self.specs, prices, self.config.capital, strategies)
    }

    /// The venue of a run on paper, at rest.
    ///
    /// # Errors
    /// When settings do not fit the instruments.
    pub fn venue(&self) -> Result<SimVenue, Failure> {
        let span = Span { from_ns: 0, to_ns: i64::MAX };
        let config = self.config.venue_of(&self.specs, span).map_err(Failure::usage)?;
        Ok(SimVenue::new(config, self.specs.clone()).with_books(&self.books()))
    }

    /// What the venue lacks, beyond what the settings say.
    pub const fn lacks(&self) -> Lacks {
        self.config.venue_lacks
    }

    /// The way to the venue of a run on paper and back (ns).
    pub fn round_trip_ns(&self) -> i64 {
        self.config.order_latency_ns.saturating_add(self.config.response_latency_ns).max(1)
    }

    /// A desk to feed a journal to.
    ///
    /// # Errors
    /// As [`Self::venue`].
    pub fn desk(&self, strategies: Ensemble) -> Result<Desk<Ensemble, RiskGate>, Failure> {
        let gate = self.gate(strategies.len());
        Ok(Desk::new(self.pipeline(), self.venue()?, SAMPLES, strategies, gate))
    }
}
