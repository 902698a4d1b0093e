//! The plain data behind the tables of a run: returns by month and by year, the deepest
//! drawdowns, the Sharpe ratio over a window that moves.

use qt_data::calendar::Day;
use qt_types::{Cash, Nanos};

use crate::curve::EquityCurve;

/// The returns of one calendar year (UTC), month by month. Plain numbers (0.02: two per cent).
#[derive(Clone, Debug, PartialEq)]
pub struct MonthlyRow {
    /// The year.
    pub year: i32,
    /// January to December; `None` for a month without a close.
    pub months: [Option<f64>; 12],
    /// The whole year.
    pub total: Option<f64>,
}

/// One calendar year (UTC) of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct YearlyRow {
    /// The year.
    pub year: i32,
    /// From the equity at the end of the year before (at first the capital) to that at its end;
    /// `None` when there was nothing left to grow from.
    pub total: Option<f64>,
    /// The worst fall within the year below its highest equity so far, at most zero.
    pub max_drawdown: Option<f64>,
    /// The equity at the end of the year.
    pub end_equity: Cash,
    /// Closes in the year.
    pub closes: usize,
}

/// One fall of the equity below its highest value so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawdown {
    /// The lowest equity over the highest before it, less one; negative.
    pub depth: f64,
    /// The close with the highest equity before it (UTC ns); the first close of the run when
    /// the equity fell from the initial capital.
    pub start_ns: Nanos,
    /// The close with the lowest equity (UTC ns).
    pub trough_ns: Nanos,
    /// The first close at or above the old high (UTC ns); `None` when there was none.
    pub recovery_ns: Option<Nanos>,
    /// Closes below the old high.
    pub closes: usize,
}

/// Year and month (0: January) that a close belongs to. A close on the stroke of midnight ends
/// the day before: a daily bar of 31 March closes at 00:00 on 1 April.
fn month_of(close_ns: Nanos) -> (i32, usize) {
    let (year, month, _) = Day::of_ns(close_ns.get().saturating_sub(1)).civil();
    (year, month as usize - 1)
}

/// The growth from `base` to `end`, less one; `None` when there was nothing to grow from.
fn growth(base: Cash, end: Cash) -> Option<f64> {
    (base > Cash::ZERO).then(|| end.to_f64() / base.to_f64() - 1.0)
}

/// Calls `visit` with the equity before, and the samples of, each stretch of closes for which
/// `key` gives the same. Times ascend, so the end of a stretch is searched for and not walked
/// to: a million closes have a few hundred stretches at most.
fn for_each_stretch<K: PartialEq>(
    curve: &EquityCurve,
    initial: Cash,
    key: impl Fn(Nanos) -> K,
    mut visit: impl FnMut(K, Cash, std::ops::Range<usize>),
) {
    let key_at = |at: usize| curve.get(at).map(|(time_ns, _)| key(time_ns));
    let mut base = initial;
    let mut from = 0;
    while let Some(known) = key_at(from) {
        let same = |at: usize| key_at(at).is_some_and(|other| other == known);
        let mut step = 1;
        while same(from + step) {
            step *= 2;
        }
        // The last one of the stretch lies from `low` on and before `high`.
        let (mut low, mut high) = (from + step / 2, from + step);
        while low + 1 < high {
            let middle = low.midpoint(high);
            if same(middle) { low = middle } else { high = middle }
        }
        visit(known, base, from..low + 1);
        base = equity_at(curve, low);
        from = low + 1;
    }
}

fn equity_at(curve: &EquityCurve, at: usize) -> Cash {
    curve.get(at).map_or(Cash::ZERO, |(_, equity)| equity)
}

/// The returns by calendar month (UTC). The first month counts from `initial`, each later one
/// from the last close before it.
#[must_use]
pub fn monthly_returns(curve: &EquityCurve, initial: Cash) -> Vec<MonthlyRow> {
    let mut rows: Vec<MonthlyRow> = Vec::new();
    for_each_stretch(curve, initial, month_of, |(year, month), base, range| {
        if rows.last().is_none_or(|row| row.year != year) {
            rows.push(MonthlyRow { year, months: [None; 12], total: None });
        }
        if let Some(row) = rows.last_mut() {
            row.months[month] = growth(base, equity_at(curve, range.end - 1));
        }
    });
    for (row, year) in rows.iter_mut().zip(yearly_returns(curve, initial)) {
        row.total = year.total;
    }
    rows
}

/// The returns by calendar year (UTC). The first year counts from `initial`, each later one from
/// the last close before it.
#[must_use]
pub fn yearly_returns(curve: &EquityCurve, initial: Cash) -> Vec<YearlyRow> {
    let mut rows = Vec::new();
    for_each_stretch(
        curve,
        initial,
        |time_ns| month_of(time_ns).0,
        |year, base, range| {
            let end_equity = equity_at(curve, range.end - 1);
            let (mut peak, mut lowest) = (base, base);
            let mut worst = 0.0_f64;
            for at in range.clone() {
                let equity = equity_at(curve, at);
                if equity > peak {
                    (peak, lowest) = (equity, equity);
                } else if equity < lowest {
                    lowest = equity;
                    worst = growth(peak, equity).map_or(worst, |fall| worst.min(fall));
                }
            }
            rows.push(YearlyRow {
                year,
                total: growth(base, end_equity),
                max_drawdown: (peak > Cash::ZERO).then_some(worst),
                end_equity,
                closes: range.len(),
            });
        },
    );
    rows
}

/// The `count_max` deepest drawdowns, deepest first.
#[must_use]
pub fn drawdowns(curve: &EquityCurve, initial: Cash, count_max: usize) -> Vec<Drawdown> {
    let mut falls: Vec<Drawdown> = Vec::new();
    let Some((first_ns, _)) = curve.get(0) else { return falls };
    let (mut peak, mut peak_ns) = (initial, first_ns);
    let mut fall: Option<Drawdown> = None;
    let mut lowest = initial;
    for (time_ns, equity) in curve.iter() {
        if equity >= peak {
            if let Some(mut over) = fall.take() {
                over.recovery_ns = Some(time_ns);
                falls.push(over);
            }
            (peak, peak_ns) = (equity, time_ns);
            continue;
        }
        let current = fall.get_or_insert(Drawdown {
            depth: 0.0,
            start_ns: peak_ns,
            trough_ns: time_ns,
            recovery_ns: None,
            closes: 0,
        });
        current.closes += 1;
        if current.closes == 1 || equity < lowest {
            lowest = equity;
            current.trough_ns = time_ns;
            current.depth = growth(peak, equity).unwrap_or(0.0);
        }
    }
    falls.extend(fall);
    falls.sort_by(|a, b| a.depth.total_cmp(&b.depth));
    falls.truncate(count_max);
    falls
}

/// The annualised Sharpe ratio of the last `window` returns at each close: mean excess return
/// over standard deviation (ddof 1) times the root of `periods_per_year`. One entry per close;
/// `None` until `window` returns are known, and where they do not vary.
#[must_use]
pub fn rolling_sharpe(
    curve: &EquityCurve,
    window: usize,
    periods_per_year: f64,
    risk_free_rate: f64,
) -> Vec<Option<f64>> {
    let mut values = Vec::with_capacity(curve.len());
    curve.for_each_nano(|nano| values.push(nano / 1e9));
    let mut ratios = vec![None; values.len()];
    if window < 2 {
        return ratios;
    }
    let return_at = |at: usize| {
        let r = values[at] / values[at - 1] - 1.0;
        if r.is_finite() { r } else { 0.0 }
    };
    let (mut sum, mut squares, mut moved) = (0.0_f64, 0.0_f64, 0_usize);
    let count = window as f64;
    for (at, ratio) in ratios.iter_mut().enumerate().skip(1) {
        if at > window && (at - window).is_multiple_of(window) {
            // Start the sums anew once per window: what rounding leaves behind cannot grow.
            (sum, squares, moved) = (0.0, 0.0, 0);
            for r in (at + 1 - window..at).map(return_at) {
                (sum, squares) = (sum + r, squares + r * r);
                moved += usize::from(r != 0.0);
            }
        } else if at > window {
            let gone = return_at(at - window);
            (sum, squares) = (sum - gone, squares - gone * gone);
            moved -= usize::from(gone != 0.0);
        }
        let r = return_at(at);
        (sum, squares) = (sum + r, squares + r * r);
        moved += usize::from(r != 0.0);
        let mean = sum / count;
        let spread = squares - count * mean * mean;
        // Returns that are all alike leave only rounding in the spread.
        if at >= window && moved > 0 && spread > 1e-10 * squares {
            let deviation = (spread / (count - 1.0)).sqrt();
            let excess = mean - risk_free_rate / periods_per_year;
            *ratio = Some(excess / deviation * periods_per_year.sqrt())
                .filter(|ratio| ratio.is_finite());
        }
    }
    ratios
}

#[cfg(test)]
mod tests;
