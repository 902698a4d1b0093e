//! `orders.csv`: the orders of a run, one by one.

use std::io::Write;
use std::path::Path;

use qt_backtest::execution::OrderRecord;
use qt_backtest::run::RunOutcome;
use qt_data::stamp::iso_text;
use qt_types::{InstrumentSpec, Nanos, Price, format_scaled};

use super::files::quoted;
use crate::failure::Failure;
use crate::output::file::write_whole;

const COLUMNS: &str = "order_id,symbol,side,order,price,qty,filled_maker,filled_taker,fees_maker,\
                       fees_taker,decided,at_venue,acknowledged,first_fill_at_venue,\
                       first_fill_known,ended_at_venue,end_known,end,arrival_mid,queue_ahead,\
                       busted";

/// Writes the orders that were kept, in order of their numbers.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(outcome: &RunOutcome, path: &Path) -> Result<(), Failure> {
    let mut orders: Vec<&OrderRecord> = outcome.execution.log.orders().kept().iter().collect();
    orders.sort_by_key(|record| record.order);
    write_whole(path, |out| {
        writeln!(out, "{COLUMNS}")?;
        let mut rows = orders.into_iter().filter_map(|record| row(record, &outcome.specs));
        rows.try_for_each(|row| writeln!(out, "{row}"))
    })
}

fn row(record: &OrderRecord, specs: &[InstrumentSpec]) -> Option<String> {
    let spec = specs.get(record.instrument.index())?;
    let time = |ns: Option<Nanos>| ns.map_or_else(String::new, |ns| iso_text(ns.get()));
    let price = |price: Option<Price>| price.map_or_else(String::new, |p| spec.price_text(p));
    let arrival = i128::from(record.arrival_x2) * i128::from(spec.tick_e9()) * 5;
    let ahead = record.ahead.map(qt_types::Qty::from_lots);
    let cells = [
        record.order.to_string(),
        quoted(spec.symbol()),
        record.side.text().to_owned(),
        record.kind.text().to_owned(),
        price(record.price()),
        spec.qty_text(record.qty),
        spec.qty_text(record.maker),
        spec.qty_text(record.taker),
        record.maker_fees.to_string(),
        record.taker_fees.to_string(),
        time(Some(record.sent_ns)),
        time(record.arrived_ns),
        time(record.known_ns),
        time(record.first_fill_ns),
        time(record.fill_known_ns),
        time(record.ended_ns),
        time(record.end_known_ns),
        record.ending.text().to_owned(),
        if arrival > 0 { format_scaled(arrival, 10) } else { String::new() },
        ahead.map_or_else(String::new, |lots| spec.qty_text(lots)),
        spec.qty_text(record.busted),
    ];
    Some(cells.join(","))
}
