//! Rows to bars.

use qt_types::InstrumentSpec;

use super::gate::{self, Sequence};
use super::judge::Judged;
use super::{LoadOptions, adjusted, instrument, prices};
use crate::calendar::civil::DAY_NS;
use crate::calendar::{Calendar, Day};
use crate::error::DataError;
use crate::quality::QualityReport;
use crate::quality::structure::{check_bars, check_volume, interval_ns};
use crate::series::{BarRecord, BarSeries, DataKind};
use crate::source::field::{ASK_OHLC, BID_OHLC, Field, OHLC};
use crate::source::rows::Rows;
use crate::stamp::StampForm;

/// Distances above this are weeks, months or quarters: such bars last until the next one opens.
const SEVERAL_DAYS_NS: i64 = 4 * DAY_NS;

/// Builds the series of trade bars or quote bars from `rows`.
///
/// # Errors
/// When the gate refuses them, the units do not fit, or adjusting fails.
pub fn build(mut rows: Rows, options: &LoadOptions) -> Result<BarSeries, DataError> {
    let quoted = rows.layout.kind == DataKind::QuoteBars;
    let fields: Vec<Field> = if quoted { [BID_OHLC, ASK_OHLC].concat() } else { OHLC.to_vec() };
    gate::align(&mut rows, &fields)?;
    let mut findings = std::mem::take(&mut rows.findings);
    for side in fields.chunks_exact(4) {
        check_bars(&rows, [side[0], side[1], side[2], side[3]], &mut findings);
    }
    check_volume(&rows, Field::Volume, &mut findings);
    let sequence = gate::settle(&mut rows, findings, options.check)?;
    gate::clear_negatives(&mut rows, Field::Volume);
    let (mut bars, interval_ns) = times(&mut rows, &sequence, options);
    let date_only = rows.form == StampForm::Date;
    let calendar = match &options.calendar {
        Some(calendar) => calendar.clone(),
        None => Calendar::suggest(&bars, rows.layout.kind, date_only),
    };
    adjusted::apply(&mut rows, options, &fields, &calendar, &bars)?;
    let halves = if quoted { prices::mids(&mut rows)? } else { Vec::new() };
    let (tick, lot) = prices::fill(&mut rows, options, &mut bars, &halves)?;
    calendar.mark_sessions(&mut bars);
    let half_spreads = prices::half_spreads(&mut rows, &bars, &halves, &tick);
    let spec = instrument::spec(&rows, options, &calendar, &tick, &lot)?;
    let threads = crate::threads::at_most(options.threads);
    let quality =
        options.check.then(|| judge(&mut rows, &bars, &calendar, &spec, interval_ns, threads));
    Ok(BarSeries {
        spec,
        kind: rows.layout.kind,
        bars,
        half_spreads,
        stamps: rows.texts.into_stamps(),
        interval_ns,
        calendar,
        source: rows.source,
        quality,
        notes: rows.notes,
    })
}

// Bars with their times and rows, and the usual distance between them.
fn times(rows: &mut Rows, sequence: &Sequence, options: &LoadOptions) -> (Vec<BarRecord>, i64) {
    let bar =
        |row: u32| BarRecord { open_ns: rows.stamps[row as usize], row, ..BarRecord::default() };
    let mut bars: Vec<BarRecord> = match sequence {
        None => (0..rows.len() as u32).map(bar).collect(),
        Some(sequence) => sequence.iter().map(|row| bar(*row)).collect(),
    };
    let interval_ns = match sequence {
        None => interval_ns(&rows.stamps),
        Some(_) => interval_ns(&bars.iter().map(|bar| bar.open_ns).collect::<Vec<_>>()),
    };
    if interval_ns > SEVERAL_DAYS_NS {
        close_at_next(rows, &mut bars, interval_ns);
        return (bars, interval_ns);
    }
    if rows.form == StampForm::Date {
        let strays = span_days(&mut bars, options.calendar.as_ref());
        if strays > 0 {
            rows.notes.push(format!(
                "{strays} dates are no sessions of the calendar: they span the UTC day"
            ));
        }
        return (bars, if interval_ns == 0 { DAY_NS } else { interval_ns });
    }
    if interval_ns == 0 {
        rows.notes.push("the length of the bars cannot be told: they end as they begin".to_owned());
    }
    for index in 0..bars.len() {
        let next_ns = bars.get(index + 1).map_or(i64::MAX, |next| next.open_ns);
        let bar = &mut bars[index];
        bar.close_ns = bar.open_ns.saturating_add(interval_ns).min(next_ns).max(bar.open_ns);
    }
    (bars, interval_ns)
}

// Rows that are dates last from midnight to midnight UTC, or as the session of a calendar that was
// asked for. Gives how many dates are no session.
fn span_days(bars: &mut [BarRecord], calendar: Option<&Calendar>) -> usize {
    let mut strays = 0;
    for bar in bars {
        bar.close_ns = bar.open_ns.saturating_add(DAY_NS);
        let Some(calendar) = calendar.filter(|calendar| !matches!(calendar, Calendar::None)) else {
            continue;
        };
        match calendar.session(Day::of_ns(bar.open_ns)) {
            Some(session) => (bar.open_ns, bar.close_ns) = (session.open_ns, session.close_ns),
            None => strays += 1,
        }
    }
    strays
}

// Weeks, months and longer: each bar lasts until the next one opens.
fn close_at_next(rows: &mut Rows, bars: &mut [BarRecord], interval_ns: i64) {
    for index in 0..bars.len() {
        let bar = bars[index];
        let end_ns = match bars.get(index + 1) {
            Some(next) => next.open_ns,
            None if (28..=31).contains(&(interval_ns / DAY_NS)) => month_later(bar.open_ns),
            None => bar.open_ns.saturating_add(interval_ns),
        };
        bars[index].close_ns = end_ns;
    }
    let month_end = |bar: &BarRecord| Day::of_ns(bar.open_ns).plus(1).civil().2 == 1;
    if bars.len() > 1 && bars.iter().all(month_end) {
        rows.notes.push(
            "the rows are stamped with the last day of a month; stamps are taken as the opening, \
             so each bar is known when the next one begins"
                .to_owned(),
        );
    }
}

// The same day of the next month, or that month's last day.
fn month_later(open_ns: i64) -> i64 {
    let day = Day::of_ns(open_ns);
    let (year, month, of_month) = day.civil();
    let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let later = (0..4).find_map(|less| Day::checked(year, month, of_month.saturating_sub(less)));
    later.map_or(open_ns, |later| open_ns + (later.0 - day.0) as i64 * DAY_NS)
}

// What the gate has to say about bars that it lets pass.
fn judge(
    rows: &mut Rows,
    bars: &[BarRecord],
    calendar: &Calendar,
    spec: &InstrumentSpec,
    interval_ns: i64,
    threads: usize,
) -> QualityReport {
    let mut findings = std::mem::take(&mut rows.findings);
    let date_only = rows.form == StampForm::Date;
    let judged = Judged { bars, calendar, spec, interval_ns, date_only, threads };
    let splits = judged.warnings(&mut findings, &|row, field, what| match field {
        Some(field) => rows.example(row as usize, field, what),
        None => rows.stamp_example(row as usize, what),
    });
    let mut report = gate::report(rows, findings);
    report.interval_ns = interval_ns;
    calendar.name().clone_into(&mut report.calendar);
    report.splits = splits;
    report
}
