//! The series that the charts draw, one number per close of the run.

use std::ops::Range;

use qt_data::series::{BarRecord, BarSeries};
use qt_types::{Cash, Nanos};
use serde_json::Value;

use super::ReportInput;
use super::breaks::breaks;
use super::text::Clock;
use crate::curve::EquityCurve;
use crate::metrics::{Metrics, MetricsInput};
use crate::recorder::Fill;
use crate::run::BarRange;

const DAY_NS: i64 = 86_400_000_000_000;

/// What the charts and cards draw from. All lists have one entry per close of the run.
#[derive(Clone, Debug)]
pub struct Figures {
    /// How times are written.
    pub clock: Clock,
    /// When the close was known (UTC ns).
    pub times_ns: Vec<i64>,
    /// Equity in currency units.
    pub equity: Vec<f64>,
    /// The equity of having bought and held, in currency units.
    pub benchmark: Vec<f64>,
    /// Equity over its highest value so far (at first the capital), less one.
    pub drawdown: Vec<f64>,
    /// Market value of all positions, shorts negative, over the equity.
    pub net: Vec<f64>,
    /// The same with shorts counted as positive.
    pub gross: Vec<f64>,
    /// The figures of having bought and held.
    pub benchmark_metrics: Metrics,
    /// The bars of each instrument up to the end of the run, which may be before that of the data.
    pub ranges: Vec<Range<usize>>,
    /// What the time axes leave out, in the words of Plotly.
    pub breaks: Value,
}

impl Figures {
    /// Computes all of them.
    #[must_use]
    pub fn of(input: &ReportInput<'_>) -> Self {
        let curve = &input.outcome.curve;
        let times_ns: Vec<i64> = curve.iter().map(|(time_ns, _)| time_ns.get()).collect();
        let mut equity = Vec::with_capacity(times_ns.len());
        curve.for_each_nano(|nano| equity.push(nano / 1e9));
        let capital = input.outcome.initial_equity.to_f64();
        let benchmark = benchmark(input.series, &input.outcome.ranges, &times_ns, capital);
        let (net, gross) = exposure(input, &times_ns, &equity);
        let clock = Clock { is_daily: input.series.iter().all(|series| is_daily(series)) };
        let ranges = ranges(input, times_ns.last().copied());
        Self {
            clock,
            drawdown: drawdown(&equity, capital),
            benchmark_metrics: metrics_of(input, &times_ns, &benchmark),
            breaks: breaks(input.series, &ranges, clock),
            ranges,
            times_ns,
            equity,
            benchmark,
            net,
            gross,
        }
    }
}

fn ranges(input: &ReportInput<'_>, end_ns: Option<i64>) -> Vec<Range<usize>> {
    let of = |(series, range): (&&BarSeries, &BarRange)| {
        let bars = &series.bars[range.start..range.end];
        let told = bars.partition_point(|bar| end_ns.is_some_and(|end| bar.close_ns <= end));
        range.start..range.start + told
    };
    input.series.iter().zip(&input.outcome.ranges).map(of).collect()
}

fn is_daily(series: &BarSeries) -> bool {
    let length_ns = |bar: &BarRecord| bar.close_ns.saturating_sub(bar.open_ns);
    match series.interval_ns {
        // One bar has no distance to the next.
        0 => series.bars.first().is_some_and(|bar| length_ns(bar) >= DAY_NS),
        interval_ns => interval_ns >= DAY_NS,
    }
}

/// Buy and hold without fees: the capital in equal parts in every instrument at its first open.
/// An instrument that has not begun yet counts with its capital.
fn benchmark(
    series: &[&BarSeries],
    ranges: &[BarRange],
    times_ns: &[i64],
    capital: f64,
) -> Vec<f64> {
    let mut sums = vec![0.0; times_ns.len()];
    for (series, range) in series.iter().zip(ranges) {
        let bars = &series.bars[range.start..range.end];
        let first = bars.first().map_or(0, |bar| bar.open);
        let mut marks = Marks::new(bars);
        for (sum, &time_ns) in sums.iter_mut().zip(times_ns) {
            let grown = marks.at(time_ns).filter(|_| first > 0);
            *sum += grown.map_or(1.0, |close| close as f64 / first as f64);
        }
    }
    let count = series.len().max(1) as f64;
    sums.iter_mut().for_each(|sum| *sum *= capital / count);
    sums
}

/// The last close known as time goes on.
struct Marks<'a> {
    bars: &'a [BarRecord],
    known: usize,
}

impl<'a> Marks<'a> {
    const fn new(bars: &'a [BarRecord]) -> Self {
        Self { bars, known: 0 }
    }

    /// The last close at `time_ns`, in ticks. Times must not go back.
    fn at(&mut self, time_ns: i64) -> Option<i64> {
        while self.bars.get(self.known).is_some_and(|bar| bar.close_ns <= time_ns) {
            self.known += 1;
        }
        Some(self.bars[self.known.checked_sub(1)?].close)
    }
}

fn drawdown(equity: &[f64], capital: f64) -> Vec<f64> {
    let mut peak = capital;
    let fall = |&value: &f64| {
        peak = peak.max(value);
        if peak > 0.0 { value / peak - 1.0 } else { f64::NAN }
    };
    equity.iter().map(fall).collect()
}

/// The net and the gross value of all positions over the equity at each close.
fn exposure(input: &ReportInput<'_>, times_ns: &[i64], equity: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let outcome = input.outcome;
    let mut held = vec![0_i64; input.series.len()];
    let mut marks: Vec<Marks<'_>> = input
        .series
        .iter()
        .zip(&outcome.ranges)
        .map(|(series, range)| Marks::new(&series.bars[range.start..range.end]))
        .collect();
    // One tick times one lot in currency units.
    let units: Vec<f64> = outcome
        .specs
        .iter()
        .map(|spec| {
            let steps = [spec.tick_e9(), spec.lot_e9(), spec.multiplier_e9()];
            steps.iter().map(|&step| step as f64 / 1e9).product()
        })
        .collect();
    let mut fills = outcome.fills.iter().peekable();
    let mut net = Vec::with_capacity(times_ns.len());
    let mut gross = Vec::with_capacity(times_ns.len());
    for (&time_ns, &equity) in times_ns.iter().zip(equity) {
        while let Some(fill) = fills.next_if(|fill| is_in(fill, time_ns, input.series)) {
            held[fill.instrument.index()] += fill.side.sign() * fill.qty.lots();
        }
        let (mut sum, mut size) = (0.0, 0.0);
        for (index, &lots) in held.iter().enumerate().filter(|&(_, &lots)| lots != 0) {
            let value = marks[index].at(time_ns).unwrap_or(0) as f64 * lots as f64 * units[index];
            sum += value;
            size += value.abs();
        }
        net.push(if equity > 0.0 { sum / equity } else { f64::NAN });
        gross.push(if equity > 0.0 { size / equity } else { f64::NAN });
    }
    (net, gross)
}

/// Whether the sample at `time_ns` knows `fill`. At the very time of the sample, those at a close
/// do; those at the open that follows do not.
fn is_in(fill: &Fill, time_ns: i64, series: &[&BarSeries]) -> bool {
    let filled_ns = fill.venue_ns.get();
    if filled_ns != time_ns {
        return filled_ns < time_ns;
    }
    bar_of(series, fill).is_none_or(|bar| bar.close_ns <= time_ns)
}

fn bar_of<'a>(series: &[&'a BarSeries], fill: &Fill) -> Option<&'a BarRecord> {
    let bars = &series.get(fill.instrument.index())?.bars;
    bars.get(bars.partition_point(|bar| bar.row < fill.row))
}

/// The figures of a curve without trades that was invested at every close.
fn metrics_of(input: &ReportInput<'_>, times_ns: &[i64], values: &[f64]) -> Metrics {
    let mut curve = EquityCurve::with_capacity(values.len());
    for (&time_ns, &value) in times_ns.iter().zip(values) {
        curve.push(Nanos::new(time_ns), Cash::from_nano((value * 1e9).round() as i128));
    }
    Metrics::of(&MetricsInput {
        initial: input.outcome.initial_equity,
        curve: &curve,
        trips: &[],
        held_closes: values.len() as u64,
        periods_per_year: input.outcome.periods_per_year,
        risk_free_rate: input.config.risk_free_rate,
    })
}
