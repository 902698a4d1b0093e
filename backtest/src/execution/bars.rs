//! Markouts on bars: the closes after a fill.

use qt_data::series::BarSeries;

use super::markout::{BAR_STEPS, Markouts, Unit};
use crate::recorder::Fill;
use crate::run::BarRange;

/// The markouts of `fills` by the closes of `series`, as far as the run went.
#[must_use]
pub fn after_fills(fills: &[Fill], series: &[&BarSeries], ranges: &[BarRange]) -> Markouts {
    let mut markouts = Markouts::new(Unit::Bars, series.len());
    for fill in fills {
        let index = fill.instrument.index();
        let (Some(series), Some(range)) = (series.get(index), ranges.get(index)) else { continue };
        let bars = &series.bars[range.start..range.end];
        let next = bars.partition_point(|bar| bar.close_ns <= fill.venue_ns.get());
        for (step, &count) in BAR_STEPS.iter().enumerate() {
            let ahead = usize::try_from(count).unwrap_or(1) - 1;
            if let Some(bar) = bars.get(next + ahead) {
                markouts.add(fill, step, bar.close.saturating_mul(2));
            }
        }
    }
    markouts
}
