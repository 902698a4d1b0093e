//! What the gate warns about in bars that it lets pass: what is missing, and what looks wrong.

use qt_types::{InstrumentSpec, Price};

use crate::calendar::Calendar;
use crate::quality::outliers::{self, Outlier};
use crate::quality::splits::{self, SuspectedSplit};
use crate::quality::{Example, FindingKind, Findings};
use crate::series::BarRecord;
use crate::source::field::Field;
use crate::stamp::iso_text;
use crate::threads;

/// Bars in time order without structural errors, and what they are measured by.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The bars, with their session marks.
    pub bars: &'a [BarRecord],
    /// When more of them should exist.
    pub calendar: &'a Calendar,
    /// What their prices are worth.
    pub spec: &'a InstrumentSpec,
    /// Their most common length in ns; 0 when it cannot be told.
    pub interval_ns: i64,
    /// Whether their rows carry dates only.
    pub date_only: bool,
    /// How many threads may work on it.
    pub threads: usize,
}

/// An example about a source row: about a number of it, or about its time.
pub type ExampleOf<'a> = &'a dyn Fn(u32, Option<Field>, &str) -> Example;

impl Judged<'_> {
    /// Adds missing bars, outliers and suspected splits to `findings`; gives the splits.
    pub fn warnings(&self, findings: &mut Findings, example: ExampleOf<'_>) -> Vec<SuspectedSplit> {
        let Self { bars, calendar, spec, interval_ns, date_only, threads } = *self;
        let (outliers, (splits, gaps)) = threads::both(
            threads,
            || outliers::find(bars, interval_ns),
            || (splits::suspected(bars), calendar.missing(bars, interval_ns, date_only)),
        );
        for gap in gaps {
            findings.add_many(FindingKind::Gap, gap.bars_missing, || {
                let (from, to) = (iso_text(gap.from_ns), iso_text(gap.to_ns));
                let count = gap.bars_missing;
                let what = format!("is followed by {count} missing bars, {from} to {to}");
                example(gap.after_row, None, &what)
            });
        }
        for (index, outlier) in outliers {
            let field = match outlier {
                Outlier::High => Field::High,
                Outlier::Low => Field::Low,
                Outlier::Jump | Outlier::Spike => Field::Close,
            };
            if splits.iter().all(|split| split.bar != index) {
                findings.add(FindingKind::Outlier, || {
                    example(bars[index].row, Some(field), outlier.text())
                });
            }
        }
        for split in &splits {
            findings.add(FindingKind::SuspectedSplit, || {
                let price = |ticks| spec.price_text(Price::from_ticks(ticks));
                let (close, ratio) = (price(split.close), &split.ratio);
                let what = format!("comes after a close of {close}: near a split of {ratio}");
                let found = example(split.row, Some(Field::Open), &what);
                Example { text: price(split.open), ..found }
            });
        }
        splits
    }
}
