//! Rows to trades, quotes and values.

use qt_types::BarFlags;

use super::gate::{self, Sequence};
use super::receipt::Receipts;
use super::{LoadOptions, PriceMode, instrument};
use crate::calendar::Calendar;
use crate::calendar::civil::DAY_NS;
use crate::error::{CellError, DataError};
use crate::quality::structure::{check_positive, check_volume};
use crate::quality::{FindingKind, Findings, QualityReport};
use crate::series::{
    BarRecord, DataKind, QuoteRecord, QuoteSeries, TradeRecord, TradeSeries, ValueSeries,
};
use crate::source::decimals::DecimalColumn;
use crate::source::field::{Field, Role};
use crate::source::rows::Rows;
use crate::stamp::StampForm;
use crate::threads;
use crate::units::{self, Unit};

/// Builds the series of trades from `rows`.
///
/// # Errors
/// When the gate refuses them or the units do not fit.
pub fn trades(mut rows: Rows, options: &LoadOptions) -> Result<TradeSeries, DataError> {
    refuse_adjusted(&rows, options)?;
    let mut findings = std::mem::take(&mut rows.findings);
    check_positive(&rows, Field::Price, false, &mut findings);
    check_volume(&rows, Field::Qty, &mut findings);
    gate::check_clock_skew(&rows, &mut findings);
    let sequence = gate::settle(&mut rows, findings, options.check)?;
    gate::clear_negatives(&mut rows, Field::Qty);
    let tick = tick(&rows, options, &[Field::Price])?;
    let lot = lot(&mut rows, options, &[Field::Qty])?;
    let (calendar, flags) = sessions(&rows, options, &sequence);
    let mut trades: Vec<TradeRecord> = sequence_of(&rows, &sequence)
        .map(|row| TradeRecord {
            venue_ns: rows.stamps[row],
            recv_ns: rows.stamps[row],
            price: units_at(&rows, Field::Price, &tick, row),
            qty: units_at(&rows, Field::Qty, &lot, row),
            flags: BarFlags::NONE,
            aggressor: rows.aggressors.get(row).copied().unwrap_or(0),
        })
        .collect();
    for (trade, flags) in trades.iter_mut().zip(flags) {
        trade.flags = flags;
    }
    if !rows.received.is_empty() {
        let times = sequence_of(&rows, &sequence);
        let times: Vec<(i64, i64)> =
            times.map(|row| (rows.stamps[row], rows.received[row])).collect();
        let receipts = Receipts::of(times.iter().copied());
        rows.notes.extend(receipts.notes());
        for (trade, recv_ns) in trades.iter_mut().zip(receipts.times_ns) {
            trade.recv_ns = recv_ns;
        }
    }
    let spec = instrument::spec(&rows, options, &calendar, &tick, &lot)?;
    let quality = quality(&mut rows, &calendar, options.check);
    Ok(TradeSeries {
        spec,
        trades,
        stamps: rows.texts.into_stamps(),
        calendar,
        source: rows.source,
        quality,
        notes: rows.notes,
    })
}

/// Builds the series of quotes from `rows`.
///
/// # Errors
/// When the gate refuses them or the units do not fit.
pub fn quotes(mut rows: Rows, options: &LoadOptions) -> Result<QuoteSeries, DataError> {
    refuse_adjusted(&rows, options)?;
    gate::align(&mut rows, &[Field::Bid, Field::Ask])?;
    let mut findings = std::mem::take(&mut rows.findings);
    for side in [Field::Bid, Field::Ask] {
        check_positive(&rows, side, true, &mut findings);
    }
    for side in [Field::BidSize, Field::AskSize] {
        check_sizes(&rows, side, &mut findings);
    }
    check_crossed(&rows, &mut findings);
    gate::check_clock_skew(&rows, &mut findings);
    let sequence = gate::settle(&mut rows, findings, options.check)?;
    for side in [Field::BidSize, Field::AskSize] {
        gate::clear_negatives(&mut rows, side);
    }
    let tick = tick(&rows, options, &[Field::Bid, Field::Ask])?;
    let lot = lot(&mut rows, options, &[Field::BidSize, Field::AskSize])?;
    let (calendar, _) = sessions(&rows, options, &sequence);
    let quotes = sequence_of(&rows, &sequence)
        .map(|row| QuoteRecord {
            venue_ns: rows.stamps[row],
            bid: units_at(&rows, Field::Bid, &tick, row),
            ask: units_at(&rows, Field::Ask, &tick, row),
            bid_qty: units_at(&rows, Field::BidSize, &lot, row),
            ask_qty: units_at(&rows, Field::AskSize, &lot, row),
        })
        .collect();
    let spec = instrument::spec(&rows, options, &calendar, &tick, &lot)?;
    let quality = quality(&mut rows, &calendar, options.check);
    Ok(QuoteSeries {
        spec,
        quotes,
        stamps: rows.texts.into_stamps(),
        calendar,
        source: rows.source,
        quality,
        notes: rows.notes,
    })
}

/// Builds the series of single numbers from `rows`.
///
/// # Errors
/// When the gate refuses them.
pub fn values(mut rows: Rows, options: &LoadOptions) -> Result<ValueSeries, DataError> {
    refuse_adjusted(&rows, options)?;
    let findings = std::mem::take(&mut rows.findings);
    let sequence = gate::settle(&mut rows, findings, options.check)?;
    let (calendar, _) = sessions(&rows, options, &sequence);
    let column = rows.column(Field::Value).cloned().unwrap_or_default();
    let (mut times_ns, mut values) = (Vec::new(), Vec::new());
    for row in sequence_of(&rows, &sequence) {
        times_ns.push(rows.stamps[row]);
        values.push(column.mantissas[row]);
    }
    let symbol = instrument::symbol(&rows, options);
    let quality = quality(&mut rows, &calendar, options.check);
    Ok(ValueSeries {
        symbol,
        times_ns,
        values,
        decimals: column.scale,
        stamps: rows.texts.into_stamps(),
        calendar,
        source: rows.source,
        quality,
        notes: rows.notes,
    })
}

fn refuse_adjusted(rows: &Rows, options: &LoadOptions) -> Result<(), DataError> {
    if options.price == PriceMode::Raw {
        return Ok(());
    }
    Err(DataError::Adjust {
        path: rows.source.path.clone(),
        what: "only bars can be adjusted, and these rows are none".to_owned(),
        fix: "Use --price raw".to_owned(),
    })
}

fn sequence_of<'a>(rows: &Rows, sequence: &'a Sequence) -> Box<dyn Iterator<Item = usize> + 'a> {
    match sequence {
        None => Box::new(0..rows.len()),
        Some(sequence) => Box::new(sequence.iter().map(|row| *row as usize)),
    }
}

fn tick(rows: &Rows, options: &LoadOptions, fields: &[Field]) -> Result<Unit, DataError> {
    let columns: Vec<&DecimalColumn> =
        fields.iter().filter_map(|field| rows.column(*field)).collect();
    let scale = columns.first().map_or(0, |column| column.scale);
    let derived = || Unit::derive(&columns, threads::at_most(options.threads));
    let unit = options.tick_e9.map_or_else(derived, |e9| Unit::new(e9, scale));
    unit.check(&columns).map(|()| unit).map_err(|misfit| {
        DataError::Units(Box::new(CellError {
            path: rows.source.path.clone(),
            place: rows.place(misfit.row),
            column: rows.layout.name_of(Role::Number(fields[misfit.column])).to_owned(),
            text: columns[misfit.column].number(misfit.row).text(),
            what: format!("is no multiple of the tick {}", unit.text()),
            fix: "Give the tick of the data, or leave --tick away".to_owned(),
        }))
    })
}

fn lot(rows: &mut Rows, options: &LoadOptions, fields: &[Field]) -> Result<Unit, DataError> {
    gate::align(rows, fields)?;
    let columns: Vec<&DecimalColumn> =
        fields.iter().filter_map(|field| rows.column(*field)).collect();
    let mut notes = Vec::new();
    let unit = units::lot(&columns, options.lot_e9, options.qty_hint_e9, &mut notes);
    let sizes = columns.iter().flat_map(|column| &column.mantissas);
    let cut = sizes.filter(|size| unit.count(**size).is_none()).count();
    if cut > 0 {
        notes.push(format!("{cut} sizes are no multiples of the lot {}: cut off", unit.text()));
    }
    rows.notes.extend(notes);
    Ok(unit)
}

// A number in units; zero where the source has no such column.
fn units_at(rows: &Rows, field: Field, unit: &Unit, row: usize) -> i64 {
    rows.column(field).map_or(0, |column| unit.count_whole(column.mantissas[row]))
}

// The calendar, and the session marks of the rows as if each were a bar.
fn sessions(rows: &Rows, options: &LoadOptions, sequence: &Sequence) -> (Calendar, Vec<BarFlags>) {
    let date_only = rows.form == StampForm::Date;
    let length_ns = if date_only { DAY_NS } else { 0 };
    let mut bars: Vec<BarRecord> = sequence_of(rows, sequence)
        .map(|row| BarRecord {
            open_ns: rows.stamps[row],
            close_ns: rows.stamps[row].saturating_add(length_ns),
            row: row as u32,
            ..BarRecord::default()
        })
        .collect();
    let calendar = match &options.calendar {
        Some(calendar) => calendar.clone(),
        None => Calendar::suggest(&bars, rows.layout.kind, date_only),
    };
    if rows.layout.kind != DataKind::Trades {
        return (calendar, Vec::new());
    }
    calendar.mark_sessions(&mut bars);
    (calendar, bars.iter().map(|bar| bar.flags).collect())
}

fn quality(rows: &mut Rows, calendar: &Calendar, check: bool) -> Option<QualityReport> {
    check.then(|| {
        let findings = std::mem::take(&mut rows.findings);
        let mut report = gate::report(rows, findings);
        calendar.name().clone_into(&mut report.calendar);
        report
    })
}

fn check_sizes(rows: &Rows, field: Field, findings: &mut Findings) {
    let Some(column) = rows.column(field) else { return };
    let negative = column.mantissas.iter().enumerate().filter(|(_, size)| **size < 0);
    for (row, _) in negative {
        let what = "is a negative size";
        findings.add(FindingKind::NegativeVolume, || rows.example(row, field, what));
    }
}

fn check_crossed(rows: &Rows, findings: &mut Findings) {
    let (Some(bids), Some(asks)) = (rows.column(Field::Bid), rows.column(Field::Ask)) else {
        return;
    };
    for (row, (bid, ask)) in bids.mantissas.iter().zip(&asks.mantissas).enumerate() {
        if bid > ask && *ask > 0 {
            let what = format!("is above the ask {}", asks.number(row).text());
            findings.add(FindingKind::CrossedQuote, || rows.example(row, Field::Bid, &what));
        }
    }
}
