//! The gate over a series that was loaded before: by another calendar, or for the first time.

use qt_types::Price;

use super::judge::Judged;
use crate::calendar::civil::DAY_NS;
use crate::quality::{Example, FindingKind, Findings, QualityReport};
use crate::series::{BarRecord, BarSeries};
use crate::source::field::{Field, OHLC};
use crate::stamp::iso_text;
use crate::threads;

/// Checks bars that are in units already, as those of a catalog are, by the series' calendar.
///
/// Whatever the report that the series has says about single rows stays: what is missing, what
/// stands out and what looks like a split is found anew. Without such a report what the bars
/// still show is found; rows that were left out when they were read show nothing any more.
#[must_use]
pub fn check_again(series: &BarSeries, threads_max: usize) -> QualityReport {
    let bars = &series.bars;
    let before = series.quality.as_ref();
    let mut findings = before.map_or_else(Findings::default, |report| report.findings.clone());
    findings.retain(|kind| {
        use FindingKind::{Gap, Outlier, SuspectedSplit};
        !matches!(kind, Gap | Outlier | SuspectedSplit)
    });
    if before.is_none() {
        check_structure(series, &mut findings);
        check_volume(series, &mut findings);
    }
    let judged = Judged {
        bars,
        calendar: &series.calendar,
        spec: &series.spec,
        interval_ns: series.interval_ns,
        date_only: series.interval_ns >= DAY_NS && bars.iter().all(|bar| bar.open_ns % DAY_NS == 0),
        threads: threads::at_most(threads_max),
    };
    // What is measured by logarithms of prices needs prices.
    let splits = if findings.is_structural() {
        Vec::new()
    } else {
        judged.warnings(&mut findings, &|row, field, what| example(series, row, field, what))
    };
    let rows = before.map_or(bars.len() as u64, |report| report.rows);
    let mut report = QualityReport::new(rows, findings);
    report.from = bars.first().map(|bar| iso_text(bar.open_ns));
    report.to = bars.last().map(|bar| iso_text(bar.open_ns));
    report.interval_ns = series.interval_ns;
    series.calendar.name().clone_into(&mut report.calendar);
    report.splits = splits;
    report
}

fn check_structure(series: &BarSeries, findings: &mut Findings) {
    for bar in &series.bars {
        let mut add = |kind, field, what: &str| {
            findings.add(kind, || example(series, bar.row, Some(field), what));
        };
        let prices = [bar.open, bar.high, bar.low, bar.close];
        if let Some(first) = prices.iter().position(|price| *price <= 0) {
            add(FindingKind::NonPositivePrice, OHLC[first], "is not a positive price");
        } else if bar.high < bar.low {
            add(FindingKind::HighBelowLow, Field::High, "is below the low");
        } else {
            let outside = |price: i64| price < bar.low || price > bar.high;
            if outside(bar.open) {
                add(FindingKind::OpenOutside, Field::Open, "is outside of the bar's range");
            }
            if outside(bar.close) {
                add(FindingKind::CloseOutside, Field::Close, "is outside of the bar's range");
            }
        }
    }
    for pair in series.bars.windows(2).filter(|pair| pair[0].open_ns == pair[1].open_ns) {
        let what = "has the time of the row before and different contents";
        findings
            .add(FindingKind::ConflictingDuplicate, || example(series, pair[1].row, None, what));
    }
}

fn check_volume(series: &BarSeries, findings: &mut Findings) {
    if series.bars.iter().all(|bar| bar.volume == 0) {
        return;
    }
    for bar in series.bars.iter().filter(|bar| bar.volume == 0) {
        findings.add(FindingKind::ZeroVolume, || {
            example(series, bar.row, Some(Field::Volume), "means that nothing was traded")
        });
    }
}

// An example about source row `row`. Only few are asked for, so the bar is searched.
fn example(series: &BarSeries, row: u32, field: Option<Field>, what: &str) -> Example {
    let bar = series.bars.iter().find(|bar| bar.row == row).copied().unwrap_or_default();
    let (column, text) = match field {
        Some(field) => (field.name(), number_text(series, &bar, field)),
        None => {
            let stamp = series.stamps.text(row).filter(|text| !text.is_empty());
            let stamp = stamp.map(|text| String::from_utf8_lossy(text).into_owned());
            ("time", stamp.unwrap_or_else(|| iso_text(bar.open_ns)))
        }
    };
    let (column, what) = (column.to_owned(), what.to_owned());
    Example { line: None, row: Some(u64::from(row)), column, text, what }
}

fn number_text(series: &BarSeries, bar: &BarRecord, field: Field) -> String {
    let ticks = match field {
        Field::Open => bar.open,
        Field::High => bar.high,
        Field::Low => bar.low,
        Field::Close => bar.close,
        _ => return series.spec.qty_text(qt_types::Qty::from_lots(bar.volume)),
    };
    series.spec.price_text(Price::from_ticks(ticks))
}
