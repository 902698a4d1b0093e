//! Binance's futures order books, `T_DEPTH`: snapshots and updates, a price level a line.

use qt_types::{InstrumentKind, Tick, TickFlags, TickKind};

use super::input::Input;
use super::lines::{Columns, Epochs, LineParser, LineSource, Stop, Update, decimal, size, whole};
use super::row::{Place, Row, RowIssue, RowSink, RowSource};
use crate::source::number::Number;

const COLUMNS: [&str; 9] = [
    "symbol",
    "timestamp",
    "first_update_id",
    "last_update_id",
    "side",
    "update_type",
    "price",
    "qty",
    "pu",
];

/// Whether `header` is that of such a file.
pub(super) fn is_header(header: &[u8]) -> bool {
    Columns::find(header, &COLUMNS).is_some()
}

/// The rows of `input`, whose first line is `header`.
pub(super) fn source<'a>(input: Input<'a>, header: &[u8]) -> Option<Box<dyn RowSource<Tick> + 'a>> {
    let columns = Columns::find(header, &COLUMNS)?;
    let parser = DepthParser {
        columns,
        epochs: Epochs::default(),
        chains: Vec::new(),
        group: None,
        update: Update::default(),
        left_out: false,
    };
    let kind = Some(InstrumentKind::Perpetual);
    Some(Box::new(LineSource { input, header: true, kind, parser }))
}

#[derive(Clone)]
struct DepthParser {
    columns: Columns,
    epochs: Epochs,
    // By instrument: the last update that is in the book.
    chains: Vec<Option<Chain>>,
    // The update that the line before belonged to.
    group: Option<(u16, i64, i64, bool)>,
    update: Update<Tick>,
    // Whether the update at hand is older than the snapshot.
    left_out: bool,
}

#[derive(Clone, Copy)]
struct Chain {
    last_id: i64,
    // A snapshot falls between updates, not on the end of one.
    snapshot: bool,
}

// One line, read.
struct Line {
    instrument: u16,
    venue_ns: i64,
    first_id: i64,
    last_id: i64,
    previous_id: i64,
    snapshot: bool,
    flags: TickFlags,
}

impl Line {
    fn row(&self, kind: TickKind, flags: TickFlags, price: Number, qty: Number) -> Row<Tick> {
        let flags = if self.snapshot { flags.with(TickFlags::SNAPSHOT) } else { flags };
        Row {
            instrument: self.instrument,
            kind,
            flags,
            venue_ns: Some(self.venue_ns),
            recv_ns: None,
            order: 0,
            price,
            qty: Some(qty),
        }
    }
}

impl LineParser<Tick> for DepthParser {
    fn line(
        &mut self,
        line: &[u8],
        place: Place,
        sink: &mut dyn RowSink<Tick>,
    ) -> Result<(), Stop> {
        let cells = self.columns.cut(line)?;
        let symbol = String::from_utf8_lossy(cells[0]);
        let Some(instrument) = sink.instrument(&symbol)? else { return Ok(()) };
        let snapshot = match cells[5] {
            b"snap" => true,
            b"set" => false,
            other => return Err(RowIssue::new("update_type", other, "is unknown").into()),
        };
        let flags = match cells[4] {
            b"b" => TickFlags::NONE,
            b"a" => TickFlags::ASK,
            other => return Err(RowIssue::new("side", other, "is no side").into()),
        };
        let read = Line {
            instrument,
            venue_ns: self.epochs.ns("timestamp", cells[1])?,
            first_id: whole("first_update_id", cells[2])?,
            last_id: whole("last_update_id", cells[3])?,
            previous_id: whole("pu", cells[8])?,
            snapshot,
            flags,
        };
        let (price, qty) = (decimal("price", cells[6])?, size("qty", cells[7])?);
        let group = (instrument, read.first_id, read.last_id, snapshot);
        if self.group != Some(group) {
            self.update.close(sink)?;
            self.group = Some(group);
            self.begin(&read, place, sink)?;
        }
        if !self.left_out {
            let row = read.row(TickKind::Level, read.flags, price, qty);
            self.update.push(row, place, sink)?;
        }
        Ok(())
    }

    fn end(&mut self, sink: &mut dyn RowSink<Tick>) -> Result<(), Stop> {
        Ok(self.update.close(sink)?)
    }
}

impl DepthParser {
    // The first line of an update: does it follow the one before?
    fn begin(
        &mut self,
        line: &Line,
        place: Place,
        sink: &mut dyn RowSink<Tick>,
    ) -> Result<(), Stop> {
        let at = usize::from(line.instrument);
        if self.chains.len() <= at {
            self.chains.resize(at + 1, None);
        }
        let chain = Chain { last_id: line.last_id, snapshot: line.snapshot };
        let before = self.chains[at].replace(chain);
        self.left_out = false;
        if line.snapshot {
            for flags in [TickFlags::NONE, TickFlags::ASK] {
                let row = line.row(TickKind::Clear, flags, Number::ZERO, Number::ZERO);
                self.update.push(row, place, sink)?;
            }
            return Ok(());
        }
        let Some(before) = before else { return Ok(()) };
        if before.snapshot && line.last_id < before.last_id {
            sink.fact("updates older than the snapshot (left out)", place);
            self.left_out = true;
            self.chains[at] = Some(before);
            return Ok(());
        }
        let follows = line.previous_id == before.last_id
            || (before.snapshot && line.first_id <= before.last_id.saturating_add(1));
        if !follows {
            sink.fact("gaps in the update ids", place);
            let row = line.row(TickKind::Gap, TickFlags::NONE, Number::ZERO, Number::ZERO);
            self.update.push(row, place, sink)?;
        }
        Ok(())
    }
}
