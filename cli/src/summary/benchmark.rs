//! Buy and hold on the same bars, to compare with.

use qt_backtest::config::RunConfig;
use qt_backtest::curve::EquityCurve;
use qt_backtest::metrics::{Metrics, MetricsInput};
use qt_backtest::run::RunOutcome;
use qt_data::series::{BarRecord, BarSeries};
use qt_types::Cash;

/// The capital spread evenly over all instruments at their first opens, held to the end, without
/// fees.
#[derive(Clone, Debug)]
pub struct Benchmark {
    /// Its figures.
    pub metrics: Metrics,
    /// Its equity at each close of the run.
    pub curve: EquityCurve,
}

/// One instrument on the way through its bars.
struct Holding<'a> {
    bars: &'a [BarRecord],
    first_open: f64,
    growth: f64,
}

impl Holding<'_> {
    /// How much it has grown by `time_ns`, a close of the run.
    fn growth_at(&mut self, time_ns: i64) -> f64 {
        while let Some((bar, rest)) = self.bars.split_first()
            && bar.close_ns <= time_ns
        {
            self.growth = bar.close as f64 / self.first_open;
            self.bars = rest;
        }
        self.growth
    }
}

impl Benchmark {
    /// Buy and hold over the bars that `outcome` traded.
    pub fn new(config: &RunConfig, outcome: &RunOutcome, series: &[&BarSeries]) -> Self {
        let mut holdings: Vec<Holding<'_>> = series
            .iter()
            .zip(&outcome.ranges)
            .map(|(series, range)| {
                let bars = &series.bars[range.start..range.end];
                let first_open = bars.first().map_or(1.0, |bar| bar.open as f64);
                Holding { bars, first_open, growth: 1.0 }
            })
            .collect();
        let share = outcome.initial_equity.nano() as f64 / holdings.len().max(1) as f64;
        let mut curve = EquityCurve::with_capacity(outcome.curve.len());
        for (time_ns, _) in outcome.curve.iter() {
            let growth: f64 = holdings.iter_mut().map(|h| h.growth_at(time_ns.get())).sum();
            let nano = growth * share;
            // Conversions to 128 bits are slow, and seldom needed.
            let nano = if nano < 9e18 { i128::from(nano as i64) } else { nano as i128 };
            curve.push(time_ns, Cash::from_nano(nano));
        }
        let metrics = Metrics::of(&MetricsInput {
            initial: outcome.initial_equity,
            curve: &curve,
            trips: &[],
            held_closes: curve.len() as u64,
            periods_per_year: outcome.periods_per_year,
            risk_free_rate: config.risk_free_rate,
        });
        Self { metrics, curve }
    }
}
