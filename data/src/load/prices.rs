//! Prices and volumes of bars: from exact decimals to ticks and lots.

use std::sync::atomic::{AtomicU64, Ordering};

use qt_types::{BarFlags, round_half_even};

use super::LoadOptions;
use crate::error::{CellError, DataError};
use crate::quality::FindingKind;
use crate::series::BarRecord;
use crate::source::decimals::DecimalColumn;
use crate::source::field::{ASK_OHLC, BID_OHLC, Field, OHLC, Role};
use crate::source::number::DECIMALS_MAX;
use crate::source::rows::Rows;
use crate::threads;
use crate::units::{self, Misfit, Unit};

/// Replaces bid and ask by their mids and gives the halves of the spreads, at the mids' decimals.
///
/// # Errors
/// When a mid has too many digits.
pub fn mids(rows: &mut Rows) -> Result<Vec<DecimalColumn>, DataError> {
    let mut halves = Vec::with_capacity(4);
    let mut rounded = 0_u64;
    for ((bid, ask), field) in BID_OHLC.into_iter().zip(ASK_OHLC).zip(OHLC) {
        let (Some(bid), Some(ask)) = (rows.take(bid), rows.take(ask)) else { continue };
        let finer = bid.scale < DECIMALS_MAX;
        let mut half_of = |twice: i128| {
            if finer {
                return i64::try_from(twice * 5).ok();
            }
            rounded += u64::from(twice % 2 != 0);
            i64::try_from(round_half_even(twice, 2)).ok()
        };
        let scale = if finer { bid.scale + 1 } else { bid.scale };
        let empty = || DecimalColumn { scale, ..DecimalColumn::with_capacity(bid.mantissas.len()) };
        let (mut mids, mut spreads) = (empty(), empty());
        for (bid, ask) in bid.mantissas.iter().zip(&ask.mantissas) {
            let (bid, ask) = (i128::from(*bid), i128::from(*ask));
            let pair = half_of(bid + ask).zip(half_of(ask - bid));
            let (mid, half) = pair.ok_or_else(|| too_many(rows, "bid and ask"))?;
            mids.mantissas.push(mid);
            spreads.mantissas.push(half);
        }
        rows.numbers.push((field, mids));
        halves.push(spreads);
    }
    if rounded > 0 {
        rows.notes.push(format!("{rounded} mid prices were rounded half-even to 9 decimals"));
    }
    Ok(halves)
}

fn too_many(rows: &Rows, text: &str) -> DataError {
    DataError::Units(Box::new(CellError {
        path: rows.source.path.clone(),
        place: "the whole file".to_owned(),
        column: String::new(),
        text: String::new(),
        what: format!("has {text} of more digits than 64 bits hold"),
        fix: "Give a larger --tick or --lot".to_owned(),
    }))
}

/// Finds tick and lot and writes prices and volumes into the bars.
///
/// # Errors
/// When the prices do not fit the tick that was asked for.
pub fn fill(
    rows: &mut Rows,
    options: &LoadOptions,
    bars: &mut [BarRecord],
    halves: &[DecimalColumn],
) -> Result<(Unit, Unit), DataError> {
    let mut columns: Vec<&DecimalColumn> =
        OHLC.iter().filter_map(|field| rows.column(*field)).collect();
    columns.extend(halves);
    let scale = columns.first().map_or(0, |column| column.scale);
    let threads = threads::at_most(options.threads);
    let derived = || Unit::derive(&columns, threads);
    let tick = options.tick_e9.map_or_else(derived, |e9| Unit::new(e9, scale));
    // A derived tick divides everything.
    if options.tick_e9.is_some() {
        tick.check(&columns).map_err(|misfit| misfit_error(rows, &misfit, &tick, halves))?;
    }
    let [opens, highs, lows, closes] = [0, 1, 2, 3].map(|index| columns[index]);
    in_parallel(threads, bars, |bars| {
        for bar in bars {
            let row = bar.row as usize;
            let count =
                |column: &DecimalColumn| tick.count(column.mantissas[row]).unwrap_or_default();
            (bar.open, bar.high) = (count(opens), count(highs));
            (bar.low, bar.close) = (count(lows), count(closes));
        }
    });
    let lot = fill_volume(rows, options, bars)?;
    Ok((tick, lot))
}

// Works on the halves of long series at the same time.
fn in_parallel(threads: usize, bars: &mut [BarRecord], work: impl Fn(&mut [BarRecord]) + Sync) {
    const LONG: usize = 1 << 16;
    let threads = if bars.len() < LONG { 1 } else { threads };
    let (first, second) = bars.split_at_mut(bars.len() / 2);
    threads::both(threads, || work(first), || work(second));
}

// Finds the lot and writes volumes into the bars.
fn fill_volume(
    rows: &mut Rows,
    options: &LoadOptions,
    bars: &mut [BarRecord],
) -> Result<Unit, DataError> {
    let fields: &[Field] = match rows.column(Field::Volume) {
        Some(_) => &[Field::Volume],
        None => &[Field::BidSize, Field::AskSize],
    };
    let mut sizes: Vec<DecimalColumn> =
        fields.iter().filter_map(|field| rows.take(*field)).collect();
    let mut references: Vec<&mut DecimalColumn> = sizes.iter_mut().collect();
    if DecimalColumn::align(&mut references).is_err() {
        return Err(too_many(rows, "sizes"));
    }
    let references: Vec<&DecimalColumn> = sizes.iter().collect();
    let lot = units::lot(&references, options.lot_e9, options.qty_hint_e9, &mut rows.notes);
    let volume = references
        .first()
        .filter(|column| fields.len() == 1 && column.mantissas.iter().any(|volume| *volume != 0));
    let Some(volume) = volume else {
        bars.iter_mut().for_each(|bar| bar.flags = bar.flags.with(BarFlags::NO_VOLUME));
        return Ok(lot);
    };
    let threads = threads::at_most(options.threads);
    let cut = AtomicU64::new(0);
    in_parallel(threads, bars, |bars| {
        for bar in bars {
            let volume = volume.mantissas[bar.row as usize];
            bar.volume = lot.count(volume).unwrap_or_else(|| {
                cut.fetch_add(1, Ordering::Relaxed);
                lot.count_whole(volume)
            });
        }
    });
    let cut = cut.into_inner();
    if cut > 0 {
        rows.notes
            .push(format!("{cut} volumes are no multiples of the lot {}: cut off", lot.text()));
    }
    Ok(lot)
}

fn misfit_error(rows: &Rows, misfit: &Misfit, tick: &Unit, halves: &[DecimalColumn]) -> DataError {
    let field = OHLC[misfit.column % 4];
    let quoted = !halves.is_empty();
    let text = rows.column(field).map(|column| column.number(misfit.row).text());
    let (column, fix) = if quoted {
        let fix = "Give half of the quotes' own tick, which the mid of bid and ask needs";
        (format!("mid {}", field.name()), fix)
    } else {
        let name = rows.layout.name_of(Role::Number(field)).to_owned();
        (name, "Give the tick of the data, or leave --tick away")
    };
    DataError::Units(Box::new(CellError {
        path: rows.source.path.clone(),
        place: rows.place(misfit.row),
        column,
        text: text.unwrap_or_default(),
        what: format!("is no multiple of the tick {}", tick.text()),
        fix: fix.to_owned(),
    }))
}

/// The halves of the spreads in ticks, one set per bar; empty for trade bars. Crossed quotes are
/// counted; their spread is taken as zero.
pub fn half_spreads(
    rows: &mut Rows,
    bars: &[BarRecord],
    halves: &[DecimalColumn],
    tick: &Unit,
) -> Vec<[i32; 4]> {
    let [opens, highs, lows, closes] = halves else { return Vec::new() };
    let mut findings = std::mem::take(&mut rows.findings);
    let mut clipped = 0_u64;
    let mut spreads = Vec::with_capacity(bars.len());
    for bar in bars {
        let row = bar.row as usize;
        let sides = [opens, highs, lows, closes].map(|column| {
            let half = tick.count(column.mantissas[row]).unwrap_or_default();
            let fitted = i32::try_from(half.max(0)).unwrap_or_else(|_| {
                clipped += 1;
                i32::MAX
            });
            (half, fitted)
        });
        if sides.iter().any(|(half, _)| *half < 0) {
            let what = "has a bid above the ask; the spread is taken as zero";
            findings.add(FindingKind::CrossedQuote, || rows.stamp_example(row, what));
        }
        spreads.push(sides.map(|(_, fitted)| fitted));
    }
    if clipped > 0 {
        rows.notes.push(format!("{clipped} spreads are too wide and were cut off"));
    }
    rows.findings = findings;
    spreads
}
