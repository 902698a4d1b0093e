//! The stretches of time without bars that the time axes leave out: nights, weekends, holidays.

use std::ops::Range;

use qt_data::series::{BarRecord, BarSeries};
use serde_json::{Value, json};

use super::text::Clock;

/// Daily bars up to which weekends are cut out; in more of them nobody sees a weekend.
const DAYS_MAX: usize = 1_500;
/// Gaps of shorter bars up to which they are cut out: every one costs the browser time.
const GAPS_MAX: usize = 120;
const DAY_NS: i64 = 86_400_000_000_000;

/// The breaks of the time axis in the words of Plotly; empty when nothing is left out.
#[must_use]
pub fn breaks(series: &[&BarSeries], ranges: &[Range<usize>], clock: Clock) -> Value {
    let shown = series.iter().zip(ranges).map(|(series, range)| &series.bars[range.clone()]);
    if clock.is_daily {
        let is_week = series.iter().all(|series| series.interval_ns == DAY_NS)
            && shown.clone().all(|bars| bars.len() <= DAYS_MAX && !bars.iter().any(on_weekend));
        return if is_week { json!([{"bounds": ["sat", "mon"]}]) } else { json!([]) };
    }
    // Several instruments need not pause at the same time.
    let ([one], Some(bars)) = (series, shown.clone().next()) else { return json!([]) };
    let gaps = gaps_ms(bars, one.interval_ns);
    if gaps.len() > GAPS_MAX {
        return json!([]);
    }
    gaps.into_iter().map(|bounds| json!({"bounds": bounds})).collect()
}

fn on_weekend(bar: &BarRecord) -> bool {
    // 1970-01-01 was a Thursday: days 2 and 3 of each week of the epoch are the weekend.
    matches!(bar.open_ns.div_euclid(DAY_NS).rem_euclid(7), 2 | 3)
}

/// From just after the close before a pause to the open after it, in ms since 1970. The close
/// itself stays on the axis.
fn gaps_ms(bars: &[BarRecord], interval_ns: i64) -> Vec<[i64; 2]> {
    let is_gap = |pair: &&[BarRecord]| pair[1].open_ns - pair[0].close_ns > 2 * interval_ns;
    bars.windows(2)
        .filter(|_| interval_ns > 0)
        .filter(is_gap)
        .take(GAPS_MAX + 1)
        .map(|pair| [pair[0].close_ns / 1_000_000 + 1, pair[1].open_ns / 1_000_000])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{DAY_NS, series};
    use super::*;

    const HOUR_NS: i64 = 3_600_000_000_000;

    fn of(series: &BarSeries, is_daily: bool) -> Value {
        let all = 0..series.bars.len();
        breaks(&[series], std::slice::from_ref(&all), Clock { is_daily })
    }

    #[test]
    fn weekends_are_left_out_where_there_are_none() {
        // From Wednesday, 1 January 2020.
        let all_days = series("A", DAY_NS, 10_000, &[10_000; 10]);
        assert_eq!(of(&all_days, true), json!([]));
        let mut week_days = all_days.clone();
        week_days.bars.retain(|bar| !on_weekend(bar));
        assert_eq!(week_days.bars.len(), 8);
        assert_eq!(of(&week_days, true), json!([{"bounds": ["sat", "mon"]}]));
    }

    #[test]
    fn a_night_is_left_out_but_not_its_edges() {
        let mut hours = series("A", HOUR_NS, 10_000, &[10_000; 24]);
        assert_eq!(of(&hours, false), json!([]));
        hours.bars.drain(8..20);
        let edges = [hours.bars[7].close_ns / 1_000_000 + 1, hours.bars[8].open_ns / 1_000_000];
        assert_eq!(of(&hours, false), json!([{"bounds": edges}]));
        let two = breaks(&[&hours, &hours], &[0..8, 0..8], Clock { is_daily: false });
        assert_eq!(two, json!([]));
    }
}
