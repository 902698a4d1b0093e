//! The figures of a run. Definitions: `docs/SEMANTICS.md`, "Metrics". What is undefined is
//! `None`, never zero and never not-a-number.

use qt_types::Cash;
use serde::Serialize;

use crate::curve::EquityCurve;
use crate::trades::RoundTrip;

/// What the figures are computed from.
#[derive(Clone, Copy, Debug)]
pub struct MetricsInput<'a> {
    /// The capital at the start.
    pub initial: Cash,
    /// The equity at each close.
    pub curve: &'a EquityCurve,
    /// The closed round trips.
    pub trips: &'a [RoundTrip],
    /// Closes with a position.
    pub held_closes: u64,
    /// How many closes a year has.
    pub periods_per_year: f64,
    /// The risk-free rate per year (0.02: two per cent).
    pub risk_free_rate: f64,
}

/// The figures of a run. Ratios are plain numbers (0.18: eighteen per cent).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metrics {
    /// End over initial, less one.
    pub total_return: Option<f64>,
    /// (End over initial)^(periods a year / closes), less one.
    pub annualized_return: Option<f64>,
    /// Standard deviation of the returns (ddof 1) times the root of the periods a year.
    pub volatility: Option<f64>,
    /// Mean excess return over the standard deviation (ddof 1), annualised.
    pub sharpe: Option<f64>,
    /// Mean return over the root mean square of the negative ones, annualised.
    pub sortino: Option<f64>,
    /// Annualised return over the size of the worst drawdown.
    pub calmar: Option<f64>,
    /// The worst fall below the highest equity so far, at most zero.
    pub max_drawdown: Option<f64>,
    /// The share of closes with a position.
    pub exposure: Option<f64>,
    /// Closed round trips.
    pub trades: usize,
    /// Those with a profit above zero.
    pub winning_trades: usize,
    /// Those with a profit of zero or below.
    pub losing_trades: usize,
    /// Winning trades over trades.
    pub win_rate: Option<f64>,
    /// The sum of the wins over the size of the sum of the losses.
    pub profit_factor: Option<f64>,
    /// The mean win.
    #[serde(serialize_with = "crate::text::cash_option")]
    pub avg_win: Option<Cash>,
    /// The mean loss, negative.
    #[serde(serialize_with = "crate::text::cash_option")]
    pub avg_loss: Option<Cash>,
}

impl Metrics {
    /// Computes all figures.
    #[must_use]
    pub fn of(input: &MetricsInput<'_>) -> Self {
        let initial = input.initial.to_f64();
        let end = input.curve.last().map_or(initial, Cash::to_f64);
        let growth = (initial > 0.0).then_some(end / initial);
        let closes = input.curve.len() as f64;
        let periods = input.periods_per_year;
        let annualized =
            growth.filter(|&g| g >= 0.0).map(|g| g.powf(periods / closes.max(1.0)) - 1.0);
        let annualized_return = finite(annualized.filter(|_| !input.curve.is_empty()));
        let returns = Returns::of(input.curve, input.initial.nano() as f64);
        let max_drawdown = (!input.curve.is_empty()).then_some(returns.max_drawdown);
        let excess = returns.mean - input.risk_free_rate / periods;
        let ratio =
            |top: f64, bottom: f64| finite((bottom > 0.0).then(|| top / bottom * periods.sqrt()));
        let trades = TradeFigures::of(input.trips);
        Self {
            total_return: finite(growth.map(|g| g - 1.0)),
            annualized_return,
            volatility: finite(returns.deviation.map(|d| d * periods.sqrt())),
            sharpe: returns.deviation.and_then(|d| ratio(excess, d)),
            sortino: ratio(returns.mean, returns.downside),
            calmar: match (annualized_return, max_drawdown) {
                (Some(a), Some(d)) if d < 0.0 => finite(Some(a / -d)),
                _ => None,
            },
            max_drawdown: finite(max_drawdown),
            exposure: (!input.curve.is_empty()).then(|| input.held_closes as f64 / closes),
            trades: input.trips.len(),
            winning_trades: trades.wins,
            losing_trades: trades.losses,
            win_rate: (!input.trips.is_empty())
                .then(|| trades.wins as f64 / input.trips.len() as f64),
            profit_factor: (trades.lost < Cash::ZERO)
                .then(|| trades.won.to_f64() / trades.lost.abs().to_f64()),
            avg_win: mean(trades.won, trades.wins),
            avg_loss: mean(trades.lost, trades.losses),
        }
    }
}

/// A year has to be covered by so large a part for its figures to say anything.
const SHARE_OF_YEAR_MIN: f64 = 1.0 / 52.0;
/// Closes that a spread of returns needs.
const CLOSES_MIN: usize = 20;

/// Whether a run of `closes` closes is too short for figures per year: less than a week, or
/// fewer than twenty closes.
#[must_use]
pub fn is_too_short(closes: usize, periods_per_year: f64) -> bool {
    closes < CLOSES_MIN || (closes as f64) < periods_per_year * SHARE_OF_YEAR_MIN
}

impl Metrics {
    /// The same without the figures per year.
    #[must_use]
    pub fn without_annual(&self) -> Self {
        Self {
            annualized_return: None,
            volatility: None,
            sharpe: None,
            sortino: None,
            calmar: None,
            ..self.clone()
        }
    }
}

fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|v| v.is_finite())
}

/// The mean amount, half-even to the nano-unit.
fn mean(sum: Cash, count: usize) -> Option<Cash> {
    let count = i128::try_from(count).ok().filter(|&count| count > 0)?;
    Some(Cash::from_nano(qt_types::round_half_even(sum.nano(), count)))
}

/// What the samples of the equity tell.
struct Returns {
    mean: f64,
    /// Standard deviation with ddof 1; none for fewer than two returns or no deviation at all.
    deviation: Option<f64>,
    /// Root mean square of the negative returns.
    downside: f64,
    /// The worst fall below the highest equity so far (at first the initial capital).
    max_drawdown: f64,
}

/// Far above the rounding of a few operations on numbers near one, far below any fall that
/// matters.
const ROUNDING: f64 = 1e-12;

impl Returns {
    /// `initial` in nano-units.
    fn of(curve: &EquityCurve, initial: f64) -> Self {
        let (mut peak, mut worst) = (initial, 0.0_f64);
        // At or above this no new worst fall can begin; a little too high, so that rounding
        // cannot hide one.
        let mut floor = initial;
        let (mut sum, mut squares, mut downside) = (0.0_f64, 0.0_f64, 0.0_f64);
        let mut last = f64::NAN;
        curve.for_each_nano(|value| {
            if value == last {
                return; // Flat: no return, no new drawdown, and no division.
            }
            if value > peak {
                peak = value;
                floor = peak * (1.0 + worst + ROUNDING);
            } else if value < floor {
                worst = worst.min(value / peak - 1.0);
                floor = peak * (1.0 + worst + ROUNDING);
            }
            if !last.is_nan() {
                let r = value / last - 1.0;
                sum += r;
                squares += r * r;
                downside += r.min(0.0) * r.min(0.0);
            }
            last = value;
        });
        let count = curve.len().saturating_sub(1) as f64;
        if count == 0.0 {
            return Self { mean: 0.0, deviation: None, downside: 0.0, max_drawdown: worst };
        }
        let mean = sum / count;
        let mut spread = squares - count * mean * mean;
        // The short formula loses digits when the mean is large against the deviation.
        if spread < 0.5 * squares {
            spread = spread_around(curve, mean);
        }
        let deviation = (count > 1.0).then(|| (spread / (count - 1.0)).sqrt());
        Self {
            mean,
            deviation: deviation.filter(|&d| d > 0.0),
            downside: (downside / count).sqrt(),
            max_drawdown: worst,
        }
    }
}

/// The sum of the squared distances of the returns from `mean`.
fn spread_around(curve: &EquityCurve, mean: f64) -> f64 {
    let mut last = f64::NAN;
    let mut spread = 0.0;
    curve.for_each_nano(|value| {
        if !last.is_nan() {
            let distance = value / last - 1.0 - mean;
            spread += distance * distance;
        }
        last = value;
    });
    spread
}

struct TradeFigures {
    wins: usize,
    losses: usize,
    won: Cash,
    lost: Cash,
}

impl TradeFigures {
    fn of(trips: &[RoundTrip]) -> Self {
        let mut figures = Self { wins: 0, losses: 0, won: Cash::ZERO, lost: Cash::ZERO };
        for trip in trips {
            if trip.profit > Cash::ZERO {
                figures.wins += 1;
                figures.won += trip.profit;
            } else {
                figures.losses += 1;
                figures.lost += trip.profit;
            }
        }
        figures
    }
}
