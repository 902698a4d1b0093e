//! Tardis' CSV files of order books: `incremental_book_L2` and `book_snapshot_N`. Their trades
//! and quotes have the columns of any other table.

use qt_types::{InstrumentKind, Tick, TickFlags, TickKind};

use super::detect::first_line;
use super::input::Input;
use super::lines::{Columns, Epochs, LineParser, LineSource, Stop, Update, decimal, size};
use super::row::{Place, Row, RowIssue, RowSink, RowSource};
use super::shown::Shown;
use crate::source::number::Number;

const INCREMENTAL: [&str; 7] =
    ["symbol", "timestamp", "local_timestamp", "is_snapshot", "side", "price", "amount"];
const SNAPSHOT: [&str; 3] = ["symbol", "timestamp", "local_timestamp"];
/// Levels of a side that a snapshot has at most; the vendor's files have 5 or 25.
const LEVELS_MAX: usize = 100;

/// Whether `header` is that of incremental updates.
pub(super) fn is_incremental(header: &[u8]) -> bool {
    Columns::find(header, &INCREMENTAL).is_some()
}

/// Whether `header` is that of snapshots.
pub(super) fn is_snapshot(header: &[u8]) -> bool {
    snapshot_columns(header).is_some()
}

/// The rows of `input`, which begins with `head`.
pub(super) fn source<'a>(input: Input<'a>, head: &[u8]) -> Option<Box<dyn RowSource<Tick> + 'a>> {
    let (header, kind) = (first_line(head)?, kind_in(head));
    if let Some(columns) = Columns::find(header, &INCREMENTAL) {
        let parser = Incremental {
            columns,
            epochs: Epochs::default(),
            group: None,
            snapshots: Vec::new(),
            update: Update::default(),
        };
        return Some(Box::new(LineSource { input, header: true, kind, parser }));
    }
    let (columns, levels) = snapshot_columns(header)?;
    let parser = Snapshots {
        columns,
        levels,
        epochs: Epochs::default(),
        books: Vec::new(),
        update: Update::default(),
    };
    Some(Box::new(LineSource { input, header: true, kind, parser }))
}

// What the exchange of the first row trades, as far as its name tells.
fn kind_in(head: &[u8]) -> Option<InstrumentKind> {
    let exchange = Columns::find(first_line(head)?, &["exchange"])?;
    let row = head.split(|byte| *byte == b'\n').nth(1)?;
    let exchange = exchange.cut(row.trim_ascii_end()).ok()?;
    let name = String::from_utf8_lossy(exchange.first()?).to_lowercase();
    let swaps = ["futures", "swap", "bitmex", "deribit", "delivery", "derivatives", "perpetual"];
    swaps.iter().any(|word| name.contains(word)).then_some(InstrumentKind::Perpetual)
}

// The columns of snapshots, and how many levels a side they have.
fn snapshot_columns(header: &[u8]) -> Option<(Columns, usize)> {
    let cell = |side: &str, level: usize, what: &str| format!("{side}[{level}].{what}");
    let mut names: Vec<String> = SNAPSHOT.map(str::to_owned).to_vec();
    let mut found = None;
    for level in 0..LEVELS_MAX {
        for side in ["bids", "asks"] {
            names.extend(["price", "amount"].map(|what| cell(side, level, what)));
        }
        let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
        match Columns::find(header, &wanted) {
            Some(columns) => found = Some((columns, level + 1)),
            None => break,
        }
    }
    found
}

// The times of a line, and whose it is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    instrument: u16,
    venue_ns: i64,
    recv_ns: i64,
}

impl Stamp {
    // The first three cells: symbol, the exchange's time, the recorder's time.
    fn read(
        cells: &[&[u8]],
        epochs: &mut Epochs,
        sink: &mut dyn RowSink<Tick>,
    ) -> Result<Option<Self>, Stop> {
        let symbol = String::from_utf8_lossy(cells[0]);
        let Some(instrument) = sink.instrument(&symbol)? else { return Ok(None) };
        let venue_ns = epochs.ns("timestamp", cells[1])?;
        let recv_ns = epochs.ns("local_timestamp", cells[2])?;
        Ok(Some(Self { instrument, venue_ns, recv_ns }))
    }

    fn row(self, kind: TickKind, flags: TickFlags, price: Number, qty: Number) -> Row<Tick> {
        Row {
            instrument: self.instrument,
            kind,
            flags,
            venue_ns: Some(self.venue_ns),
            recv_ns: Some(self.recv_ns),
            order: 0,
            price,
            qty: Some(qty),
        }
    }
}

#[derive(Clone)]
struct Incremental {
    columns: Columns,
    epochs: Epochs,
    // Instrument and receive time of the message that the line before came from.
    group: Option<(u16, i64)>,
    // For each instrument whether its last row was part of a snapshot.
    snapshots: Vec<bool>,
    update: Update<Tick>,
}

impl LineParser<Tick> for Incremental {
    fn line(
        &mut self,
        line: &[u8],
        place: Place,
        sink: &mut dyn RowSink<Tick>,
    ) -> Result<(), Stop> {
        let cells = self.columns.cut(line)?;
        let Some(stamp) = Stamp::read(&cells, &mut self.epochs, sink)? else { return Ok(()) };
        let snapshot = match cells[3] {
            b"true" => true,
            b"false" => false,
            other => return Err(RowIssue::new("is_snapshot", other, "is not true or false").into()),
        };
        let side = match cells[4] {
            b"bid" => TickFlags::NONE,
            b"ask" => TickFlags::ASK,
            other => return Err(RowIssue::new("side", other, "is no side").into()),
        };
        let (price, qty) = (decimal("price", cells[5])?, size("amount", cells[6])?);
        // All rows of one message have one receive time.
        let group = (stamp.instrument, stamp.recv_ns);
        if self.group != Some(group) {
            self.update.close(sink)?;
            self.group = Some(group);
        }
        let at = usize::from(stamp.instrument);
        if self.snapshots.len() <= at {
            self.snapshots.resize(at + 1, false);
        }
        let begins = snapshot && !self.snapshots[at];
        self.snapshots[at] = snapshot;
        let of_snapshot = if snapshot { TickFlags::SNAPSHOT } else { TickFlags::NONE };
        if begins {
            // As the vendor says: a snapshot after an update replaces the book.
            for flags in [TickFlags::NONE, TickFlags::ASK] {
                let flags = flags.with(of_snapshot);
                let row = stamp.row(TickKind::Clear, flags, Number::ZERO, Number::ZERO);
                self.update.push(row, place, sink)?;
            }
        }
        let row = stamp.row(TickKind::Level, side.with(of_snapshot), price, qty);
        Ok(self.update.push(row, place, sink)?)
    }

    fn end(&mut self, sink: &mut dyn RowSink<Tick>) -> Result<(), Stop> {
        Ok(self.update.close(sink)?)
    }
}

#[derive(Clone)]
struct Snapshots {
    columns: Columns,
    levels: usize,
    epochs: Epochs,
    // For each instrument the levels of bid and ask; `None` before its first row.
    books: Vec<Option<[Shown; 2]>>,
    update: Update<Tick>,
}

impl LineParser<Tick> for Snapshots {
    fn line(
        &mut self,
        line: &[u8],
        place: Place,
        sink: &mut dyn RowSink<Tick>,
    ) -> Result<(), Stop> {
        let cells = self.columns.cut(line)?;
        let Some(stamp) = Stamp::read(&cells, &mut self.epochs, sink)? else { return Ok(()) };
        let at = usize::from(stamp.instrument);
        if self.books.len() <= at {
            self.books.resize(at + 1, None);
        }
        let first = self.books[at].is_none();
        let book = self.books[at].get_or_insert_default();
        let of_snapshot = if first { TickFlags::SNAPSHOT } else { TickFlags::NONE };
        let sides = [of_snapshot, of_snapshot.with(TickFlags::ASK)];
        let mut changed = false;
        for (side, flags) in sides.into_iter().enumerate().filter(|_| first) {
            let row = stamp.row(TickKind::Clear, flags, Number::ZERO, Number::ZERO);
            self.update.push(row, place, sink)?;
            changed |= side == 0;
        }
        for (side, flags) in sides.into_iter().enumerate() {
            let shown = &mut book[side];
            shown.begin();
            for level in 0..self.levels {
                let at = SNAPSHOT.len() + 4 * level + 2 * side;
                // A book of fewer levels leaves its cells empty.
                if !cells[at].is_empty() {
                    shown.level(decimal("price", cells[at])?, size("amount", cells[at + 1])?);
                }
            }
            let update = &mut self.update;
            shown.changes(|price, qty| {
                changed = true;
                update.push(stamp.row(TickKind::Level, flags, price, qty), place, sink)
            })?;
        }
        if !changed {
            sink.fact("snapshots without any change (left out)", place);
        }
        Ok(self.update.close(sink)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_tell_the_files_apart() {
        let book = b"exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount";
        assert!(is_incremental(book) && !is_snapshot(book));
        let two = b"exchange,symbol,timestamp,local_timestamp,asks[0].price,asks[0].amount,\
                    bids[0].price,bids[0].amount,asks[1].price,asks[1].amount,bids[1].price,\
                    bids[1].amount";
        assert_eq!(snapshot_columns(two).unwrap().1, 2);
        assert!(!is_incremental(two) && !is_snapshot(b"symbol,timestamp,local_timestamp"));
    }
}
