//! The figures against plain formulas, and the round trips against the cash that they moved.

use proptest::prelude::*;
use qt_backtest::curve::EquityCurve;
use qt_backtest::metrics::{Metrics, MetricsInput};
use qt_backtest::recorder::Fill;
use qt_backtest::trades::{RoundTrip, round_trips};
use qt_backtest::venue::FillPath;
use qt_types::{Cash, E9, InstrumentId, Liquidity, Nanos, OrderId, OrderKind, Price, Qty, Side};

use crate::harness::spec;

const PERIODS: f64 = 252.0;

/// The figures by the formulas of the contract, one pass each.
struct Plain {
    total_return: f64,
    annualized: f64,
    volatility: f64,
    sharpe: f64,
    sortino: f64,
    max_drawdown: f64,
}

fn plain(initial: f64, equity: &[f64], risk_free: f64) -> Plain {
    let n = equity.len() as f64;
    let end = equity[equity.len() - 1];
    let returns: Vec<f64> = equity.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
    let count = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / count;
    let variance = returns.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let downside = returns.iter().map(|r| r.min(0.0).powi(2)).sum::<f64>() / count;
    let mut max_drawdown = 0.0_f64;
    for (at, value) in equity.iter().enumerate() {
        let peak = equity[..=at].iter().copied().fold(initial, f64::max);
        max_drawdown = max_drawdown.min(value / peak - 1.0);
    }
    let excess = returns.iter().map(|r| r - risk_free / PERIODS).sum::<f64>() / count;
    Plain {
        total_return: end / initial - 1.0,
        annualized: (end / initial).powf(PERIODS / n) - 1.0,
        volatility: variance.sqrt() * PERIODS.sqrt(),
        sharpe: excess / variance.sqrt() * PERIODS.sqrt(),
        sortino: mean / downside.sqrt() * PERIODS.sqrt(),
        max_drawdown,
    }
}

fn curve_of(nanos: &[i128]) -> EquityCurve {
    let mut curve = EquityCurve::with_capacity(nanos.len());
    for (at, &nano) in nanos.iter().enumerate() {
        curve.push(Nanos::new(at as i64), Cash::from_nano(nano));
    }
    curve
}

fn metrics_of(initial: i128, nanos: &[i128], trips: &[RoundTrip], risk_free: f64) -> Metrics {
    Metrics::of(&MetricsInput {
        initial: Cash::from_nano(initial),
        curve: &curve_of(nanos),
        trips,
        held_closes: nanos.len() as u64 / 2,
        periods_per_year: PERIODS,
        risk_free_rate: risk_free,
    })
}

fn near(actual: Option<f64>, expected: f64, what: &str) -> Result<(), TestCaseError> {
    if !expected.is_finite() {
        prop_assert_eq!(actual, None, "{} is undefined", what);
        return Ok(());
    }
    let Some(actual) = actual else {
        return Err(TestCaseError::fail(format!("{what} is missing: {expected}")));
    };
    let bound = 1e-9 * expected.abs().max(1e-12);
    prop_assert!((actual - expected).abs() <= bound, "{what}: {actual}, not {expected}");
    Ok(())
}

/// Changes of a random equity curve in parts per million; many of them flat.
fn changes() -> impl Strategy<Value = Vec<i64>> {
    let change = prop_oneof![2 => Just(0_i64), 3 => -30_000_i64..=30_000];
    prop::collection::vec(change, 3..120)
}

fn config(seed: u64) -> ProptestConfig {
    ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(seed),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(3))]

    #[test]
    fn figures_agree_with_plain_formulas(
        changes in changes(),
        // From 100 to 1e12 currency units: also curves too large for 64 bits.
        size in 2_u32..13,
        risk_free in 0_u8..5,
    ) {
        let initial = 10_i128.pow(size) * i128::from(E9);
        let mut equity = initial;
        let nanos: Vec<i128> = changes
            .iter()
            .map(|&ppm| {
                equity += equity / 1_000_000 * i128::from(ppm);
                equity
            })
            .collect();
        let values: Vec<f64> = nanos.iter().map(|&nano| nano as f64 / 1e9).collect();
        let risk_free = f64::from(risk_free) / 100.0;
        let expected = plain(initial as f64 / 1e9, &values, risk_free);
        let figures = metrics_of(initial, &nanos, &[], risk_free);
        near(figures.total_return, expected.total_return, "total return")?;
        near(figures.annualized_return, expected.annualized, "annualised return")?;
        near(figures.max_drawdown, expected.max_drawdown, "max drawdown")?;
        near(figures.sortino, expected.sortino, "sortino")?;
        if expected.volatility > 0.0 {
            near(figures.volatility, expected.volatility, "volatility")?;
            near(figures.sharpe, expected.sharpe, "sharpe")?;
        } else {
            prop_assert_eq!((figures.volatility, figures.sharpe), (None, None));
        }
        let calmar = expected.annualized / -expected.max_drawdown;
        near(figures.calmar, calmar, "calmar")?;
        let half = (nanos.len() / 2) as f64 / nanos.len() as f64;
        near(figures.exposure, half, "exposure")?;
        prop_assert_eq!((figures.win_rate, figures.profit_factor), (None, None));
    }

    #[test]
    fn round_trips_add_up_to_the_cash_that_moved(
        raw in prop::collection::vec((any::<bool>(), 50_i64..150, 1_i64..9, -3_i64..20), 1..60),
    ) {
        let spec = spec(70_000_000, 300_000_000);
        let mut fills: Vec<Fill> = raw
            .iter()
            .enumerate()
            .map(|(at, &(buys, price, lots, fee))| fill(at, buys, price, lots, fee))
            .collect();
        // A last fill makes the position flat, so that every trip is closed.
        let held: i64 = fills.iter().map(|fill| fill.side.sign() * fill.qty.lots()).sum();
        if held != 0 {
            fills.push(fill(fills.len(), held < 0, 100, held.abs(), 5));
        }
        let mut cash = Cash::ZERO;
        let (mut position, mut closed) = (0_i64, 0_usize);
        for fill in &fills {
            let notional = spec.notional(fill.price, fill.qty).unwrap();
            cash += if fill.side == Side::Buy { -notional } else { notional };
            cash -= fill.fee;
            let after = position + fill.side.sign() * fill.qty.lots();
            closed += usize::from(position != 0 && position.signum() != after.signum());
            position = after;
        }
        let trips = round_trips(&fills, std::slice::from_ref(&spec));
        prop_assert_eq!(trips.len(), closed);
        prop_assert_eq!(trips.iter().map(|trip| trip.profit).sum::<Cash>(), cash);
        let fees: Cash = fills.iter().map(|fill| fill.fee).sum();
        prop_assert_eq!(trips.iter().map(|trip| trip.fees).sum::<Cash>(), fees);
        check_trade_figures(&trips)?;
    }
}

fn fill(at: usize, buys: bool, price: i64, lots: i64, fee: i64) -> Fill {
    Fill {
        venue_ns: Nanos::new(at as i64),
        instrument: InstrumentId(0),
        order: OrderId::new(0, at as u64 + 1),
        strategy: Some(qt_types::StrategyId::FIRST),
        exec: qt_types::ExecId(1),
        side: if buys { Side::Buy } else { Side::Sell },
        kind: OrderKind::Market,
        price: Price::from_ticks(price),
        qty: Qty::from_lots(lots),
        fee: Cash::from_nano(i128::from(fee) * 1_000_003),
        fee_amount: Cash::ZERO,
        fee_in: Default::default(),
        liquidity: Liquidity::Taker,
        path: FillPath::Market,
        row: at as u32,
    }
}

fn check_trade_figures(trips: &[RoundTrip]) -> Result<(), TestCaseError> {
    let figures = metrics_of(1_000_000_000, &[1_000_000_000; 3], trips, 0.0);
    let profits: Vec<f64> = trips.iter().map(|trip| trip.profit.to_f64()).collect();
    let wins: Vec<f64> = profits.iter().copied().filter(|&profit| profit > 0.0).collect();
    let losses: Vec<f64> = profits.iter().copied().filter(|&profit| profit <= 0.0).collect();
    let sum = |values: &[f64]| values.iter().sum::<f64>();
    prop_assert_eq!(
        (figures.trades, figures.winning_trades, figures.losing_trades),
        (trips.len(), wins.len(), losses.len())
    );
    let undefined_as_nan = |value: f64, defined: bool| if defined { value } else { f64::NAN };
    let traded = !trips.is_empty();
    let rate = undefined_as_nan(wins.len() as f64 / trips.len() as f64, traded);
    near(figures.win_rate, rate, "win rate")?;
    let factor = undefined_as_nan(sum(&wins) / -sum(&losses), sum(&losses) < 0.0);
    near(figures.profit_factor, factor, "profit factor")?;
    // Means of money are rounded to the nano-unit.
    let close_to = |actual: Option<Cash>, values: &[f64]| match actual {
        None => values.is_empty(),
        Some(mean) => (mean.to_f64() - sum(values) / values.len() as f64).abs() < 2e-9,
    };
    prop_assert!(close_to(figures.avg_win, &wins), "average win");
    prop_assert!(close_to(figures.avg_loss, &losses), "average loss");
    Ok(())
}

#[test]
fn figures_by_hand() {
    // 100, 110, 99, 99 from 100: returns 0.1, -0.1, 0.
    let nanos = [100, 110, 99, 99].map(|value| value * i128::from(E9));
    let figures = metrics_of(100 * i128::from(E9), &nanos, &[], 0.0);
    let is = |actual: Option<f64>, expected: f64| (actual.unwrap() - expected).abs() < 1e-12;
    assert!(is(figures.total_return, -0.01));
    assert!(is(figures.max_drawdown, -0.1));
    // Mean 0; deviation sqrt((0.01 + 0.01) / 2) = 0.1.
    assert!(is(figures.volatility, 0.1 * PERIODS.sqrt()));
    assert!(is(figures.sharpe, 0.0) && is(figures.sortino, 0.0));
    assert!(is(figures.annualized_return, 0.99_f64.powf(63.0) - 1.0));
}

#[test]
fn what_is_undefined_is_missing() {
    let one = i128::from(E9);
    // One close: no return.
    let figures = metrics_of(one, &[one], &[], 0.0);
    assert_eq!((figures.volatility, figures.sharpe, figures.sortino), (None, None, None));
    assert_eq!((figures.total_return, figures.max_drawdown), (Some(0.0), Some(0.0)));
    assert_eq!((figures.calmar, figures.win_rate, figures.avg_win), (None, None, None));
    // Two closes: one return, and no deviation of it.
    let figures = metrics_of(one, &[one, 2 * one], &[], 0.0);
    assert_eq!((figures.volatility, figures.sharpe), (None, None));
    // No close at all.
    let figures = metrics_of(one, &[], &[], 0.0);
    assert_eq!((figures.annualized_return, figures.max_drawdown), (None, None));
    assert_eq!(figures.exposure, None);
    // All of it lost: the annualised return is -1; below nothing it is undefined.
    let figures = metrics_of(one, &[one, 0], &[], 0.0);
    assert_eq!((figures.total_return, figures.annualized_return), (Some(-1.0), Some(-1.0)));
    let figures = metrics_of(one, &[one, -one], &[], 0.0);
    assert_eq!((figures.total_return, figures.annualized_return), (Some(-2.0), None));
}
