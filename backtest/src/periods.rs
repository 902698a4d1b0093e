//! How many bars a year has.

use qt_data::calendar::Calendar;
use qt_data::series::BarSeries;

use crate::run::BarRange;

const DAY_NS: i64 = 86_400_000_000_000;
const YEAR_DAYS: f64 = 365.25;

/// Bars of the first series in a year, from its interval and its calendar: 365 for daily bars of
/// a market that never closes, 252 for other daily bars, 52 weekly, 12 monthly; minutes of the
/// open hours for shorter ones. Counted from the data where neither is known.
#[must_use]
pub fn periods_per_year(series: &[&BarSeries], ranges: &[BarRange]) -> f64 {
    let (Some(series), Some(range)) = (series.first(), ranges.first()) else { return 252.0 };
    let interval = series.interval_ns;
    let always = matches!(series.calendar, Calendar::Always);
    let per_day =
        |open_days: f64, open_hours: f64| open_days * open_hours * 3.6e12 / interval.max(1) as f64;
    match interval {
        ns if ns >= 28 * DAY_NS => 12.0,
        ns if ns >= 7 * DAY_NS => 52.0,
        ns if ns >= DAY_NS => {
            if always || trades_on_weekends(series) {
                365.0
            } else {
                252.0
            }
        }
        ns if ns > 0 && always => per_day(365.0, 24.0),
        ns if ns > 0 && matches!(series.calendar, Calendar::Fx) => per_day(260.0, 24.0),
        ns if ns > 0 && matches!(series.calendar, Calendar::Xnys) => per_day(252.0, 6.5),
        _ => counted(series, range),
    }
}

fn trades_on_weekends(series: &BarSeries) -> bool {
    // 1970-01-01 was a Thursday: days 2 and 3 of each week of the epoch are the weekend.
    let weekend = |ns: i64| matches!(ns.div_euclid(DAY_NS).rem_euclid(7), 2 | 3);
    let count = series.bars.iter().filter(|bar| weekend(bar.open_ns)).count();
    count * 10 > series.bars.len()
}

/// Bars divided by the years that they span.
fn counted(series: &BarSeries, range: &BarRange) -> f64 {
    let bars = &series.bars[range.start..range.end];
    let span_ns = match (bars.first(), bars.last()) {
        (Some(first), Some(last)) => last.close_ns - first.open_ns,
        _ => 0,
    };
    if span_ns <= 0 {
        return 252.0;
    }
    let years = span_ns as f64 / (DAY_NS as f64 * YEAR_DAYS);
    (bars.len() as f64 / years).round().max(1.0)
}
