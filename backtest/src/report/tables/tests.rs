use proptest::prelude::*;
use qt_data::calendar::Day;

use super::*;

/// A curve of daily bars: each closes at the midnight that ends its date.
fn curve(days: &[(i32, u32, u32, &str)]) -> EquityCurve {
    let mut curve = EquityCurve::default();
    for (year, month, day, equity) in days {
        let close_ns = Day::new(*year, *month, *day).plus(1).start_ns();
        curve.push(Nanos::new(close_ns), equity.parse().unwrap());
    }
    curve
}

fn cash(text: &str) -> Cash {
    text.parse().unwrap()
}

fn close(a: Option<f64>, b: f64) -> bool {
    a.is_some_and(|a| (a - b).abs() < 1e-12)
}

fn two_years() -> EquityCurve {
    curve(&[
        (2020, 11, 27, "105"),
        (2020, 11, 30, "110"),
        (2020, 12, 31, "99"),
        (2021, 1, 29, "108.9"),
        (2021, 3, 31, "98.01"),
        (2021, 4, 1, "120"),
    ])
}

#[test]
fn months_count_from_the_close_before_and_the_first_from_the_capital() {
    let rows = monthly_returns(&two_years(), cash("100"));
    assert_eq!(rows.iter().map(|row| row.year).collect::<Vec<_>>(), [2020, 2021]);
    assert!(close(rows[0].months[10], 0.1));
    assert!(close(rows[0].months[11], -0.1));
    assert!(close(rows[0].total, -0.01));
    assert!(close(rows[1].months[0], 0.1));
    assert_eq!(rows[1].months[1], None);
    assert!(close(rows[1].months[2], -0.1));
    assert!(close(rows[1].months[3], 120.0 / 98.01 - 1.0));
    assert!(close(rows[1].total, 120.0 / 99.0 - 1.0));
}

#[test]
fn a_year_has_its_own_worst_fall() {
    let rows = yearly_returns(&two_years(), cash("100"));
    assert!(close(rows[0].max_drawdown, -0.1));
    assert!(close(rows[1].max_drawdown, -0.1));
    assert_eq!((rows[0].closes, rows[1].closes), (3, 3));
    assert_eq!(rows[1].end_equity, cash("120"));
}

#[test]
fn a_year_after_ruin_has_no_return() {
    let ruined = curve(&[(2020, 12, 31, "-5"), (2021, 1, 4, "-5")]);
    let rows = yearly_returns(&ruined, cash("100"));
    assert!(close(rows[0].total, -1.05));
    assert_eq!((rows[1].total, rows[1].max_drawdown), (None, None));
    assert_eq!(monthly_returns(&ruined, cash("100"))[1].months[0], None);
}

#[test]
fn drawdowns_have_a_start_a_trough_and_an_end() {
    let curve = curve(&[
        (2020, 1, 1, "98"),  // below the capital from the first close on
        (2020, 1, 2, "100"), // recovered
        (2020, 1, 3, "120"),
        (2020, 1, 4, "90"),
        (2020, 1, 5, "60"), // -50 %
        (2020, 1, 6, "119"),
        (2020, 1, 7, "120"), // recovered
        (2020, 1, 8, "108"), // -10 %, for good
    ]);
    let at = |index: usize| curve.get(index).unwrap().0;
    let falls = drawdowns(&curve, cash("100"), 5);
    assert_eq!(falls.len(), 3);
    assert_eq!((falls[0].depth, falls[0].closes), (-0.5, 3));
    assert_eq!((falls[0].start_ns, falls[0].trough_ns), (at(2), at(4)));
    assert_eq!(falls[0].recovery_ns, Some(at(6)));
    assert!((falls[1].depth + 0.1).abs() < 1e-12);
    assert_eq!((falls[1].start_ns, falls[1].recovery_ns), (at(6), None));
    assert_eq!((falls[2].start_ns, falls[2].recovery_ns), (at(0), Some(at(1))));
    assert_eq!(drawdowns(&curve, cash("100"), 1).len(), 1);
}

#[test]
fn nothing_comes_of_nothing() {
    let empty = EquityCurve::default();
    assert!(monthly_returns(&empty, cash("100")).is_empty());
    assert!(yearly_returns(&empty, cash("100")).is_empty());
    assert!(drawdowns(&empty, cash("100"), 5).is_empty());
    assert!(rolling_sharpe(&empty, 10, 252.0, 0.0).is_empty());
}

#[test]
fn the_rolling_sharpe_of_three_returns_by_hand() {
    // Returns 10 %, -10 %, 10 %: mean 1/30, deviation (ddof 1) sqrt(4/300).
    let curve = curve(&[
        (2020, 1, 1, "100"),
        (2020, 1, 2, "110"),
        (2020, 1, 3, "99"),
        (2020, 1, 6, "108.9"),
    ]);
    let ratios = rolling_sharpe(&curve, 3, 4.0, 0.0);
    assert_eq!(ratios[..3], [None, None, None]);
    let by_hand = (0.1 / 3.0) / (0.04_f64 / 3.0).sqrt() * 2.0;
    assert!((ratios[3].unwrap() - by_hand).abs() < 1e-9);
    let with_rate = rolling_sharpe(&curve, 3, 4.0, 0.04)[3].unwrap();
    assert!((with_rate - (0.1 / 3.0 - 0.01) / (0.04_f64 / 3.0).sqrt() * 2.0).abs() < 1e-9);
}

#[test]
fn a_flat_stretch_has_no_sharpe() {
    let flat: Vec<_> = (1..28).map(|day| (2020, 1, day, "100")).collect();
    assert!(rolling_sharpe(&curve(&flat), 5, 252.0, 0.0).iter().all(Option::is_none));
}

fn naive_sharpe(values: &[f64], window: usize, at: usize) -> Option<f64> {
    let from = at.checked_sub(window)?;
    let returns: Vec<f64> =
        values[from..=at].windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
    let mean = returns.iter().sum::<f64>() / window as f64;
    let spread: f64 = returns.iter().map(|r| (r - mean) * (r - mean)).sum();
    let deviation = (spread / (window as f64 - 1.0)).sqrt();
    (deviation > 1e-12).then(|| mean / deviation * 252.0_f64.sqrt())
}

proptest! {
    #[test]
    fn the_rolling_sharpe_is_that_of_each_window(
        cents in prop::collection::vec(5_000_i64..15_000, 2..80),
        window in 2_usize..12,
    ) {
        let mut curve = EquityCurve::default();
        for (at, cents) in cents.iter().enumerate() {
            curve.push(Nanos::new(at as i64), Cash::from_nano(i128::from(*cents) * 10_000_000));
        }
        let values: Vec<f64> = curve.iter().map(|(_, equity)| equity.to_f64()).collect();
        for (at, ratio) in rolling_sharpe(&curve, window, 252.0, 0.0).into_iter().enumerate() {
            match (ratio, naive_sharpe(&values, window, at)) {
                (Some(a), Some(b)) => {
                    // The more alike the returns, the more of the running sums is rounding.
                    let rounding = 1e-14 * b.abs().powi(3);
                    prop_assert!((a - b).abs() < 1e-6 * b.abs().max(1.0) + rounding);
                }
                (None, Some(b)) if b.abs() > 1e5 => {}
                (a, b) => prop_assert_eq!(a.is_some(), b.is_some()),
            }
        }
    }

    #[test]
    fn months_chain_to_the_years_and_years_to_the_total(
        cents in prop::collection::vec(5_000_i64..15_000, 1..60),
    ) {
        let mut curve = EquityCurve::default();
        for (at, cents) in cents.iter().enumerate() {
            let close_ns = Day::new(2019, 11, 3).plus(at as i32 * 17).start_ns();
            curve.push(
                Nanos::new(close_ns),
                Cash::from_nano(i128::from(*cents) * 10_000_000),
            );
        }
        let mut whole = 1.0;
        for row in monthly_returns(&curve, cash("100")) {
            let chained: f64 = row.months.iter().flatten().map(|r| 1.0 + r).product();
            prop_assert!((chained - 1.0 - row.total.unwrap()).abs() < 1e-9);
            whole *= 1.0 + row.total.unwrap();
        }
        prop_assert!((whole - *cents.last().unwrap() as f64 / 10_000.0).abs() < 1e-9);
    }

    #[test]
    fn the_deepest_drawdown_is_the_worst_fall(
        cents in prop::collection::vec(5_000_i64..15_000, 1..60),
    ) {
        let mut curve = EquityCurve::default();
        let (mut peak, mut worst) = (10_000_i64, 0.0_f64);
        for (at, cents) in cents.iter().enumerate() {
            curve.push(Nanos::new(at as i64), Cash::from_nano(i128::from(*cents) * 10_000_000));
            peak = peak.max(*cents);
            worst = worst.min(*cents as f64 / peak as f64 - 1.0);
        }
        let deepest = drawdowns(&curve, cash("100"), 1).first().map_or(0.0, |fall| fall.depth);
        prop_assert!((deepest - worst).abs() < 1e-12);
    }
}
