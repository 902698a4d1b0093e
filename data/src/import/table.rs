//! Tables of trades and quotes, whatever their columns are called: the readers of
//! [`crate::source`], a piece of the file at a time.

use qt_types::{Tick, TickFlags, TickKind};

use super::input::Input;
use super::row::{Place, Row, RowIssue, RowSink, RowSource};
use crate::error::{CellError, DataError};
use crate::quality::{Example, FindingKind};
use crate::series::DataKind;
use crate::source::Format;
use crate::source::dialect::{Dialect, recognise};
use crate::source::field::{Field, Role};
use crate::source::lines::LineChunks;
use crate::source::number::Number;
use crate::source::parser::{Piece, RowParser};
use crate::source::read::settle_order;
use crate::source::rows::{NOT_SAID, Rows};
use crate::stamp::{DateOrder, LocalClock, StampParser};

/// How `head`, the first bytes of a text, is to be read; an error when it is no table of trades or
/// quotes.
pub(super) fn recognise_ticks(
    name: &str,
    head: &[u8],
    format: Option<Format>,
) -> Result<Dialect, DataError> {
    let dialect = recognise(name, head, false, format)?;
    if matches!(dialect.layout.kind, DataKind::Trades | DataKind::Quotes) {
        return Ok(dialect);
    }
    Err(DataError::UnknownFormat {
        path: name.to_owned(),
        what: format!("its rows are neither trades nor quotes ({})", dialect.label),
        fix: "Bars need no import into the tick store: run them as they are".to_owned(),
        supported: "trades, quotes".to_owned(),
    })
}

/// A table that gives [`Tick`]s.
pub(super) struct TableSource<'a> {
    pub(super) input: Input<'a>,
    pub(super) dialect: Dialect,
    pub(super) clock: Option<LocalClock>,
    /// The instrument where the table names none.
    pub(super) symbol: String,
    // Which comes first in 3/4/2020; settled by the first reading.
    order: DateOrder,
    settled: bool,
    notes: Vec<String>,
}

impl<'a> TableSource<'a> {
    pub(super) fn new(
        input: Input<'a>,
        dialect: Dialect,
        clock: Option<LocalClock>,
        symbol: String,
    ) -> Self {
        let clock = if dialect.layout.utc { None } else { clock };
        let order = DateOrder::MonthFirst;
        Self { input, dialect, clock, symbol, order, settled: false, notes: Vec::new() }
    }

    // Passes all pieces of the table, each with the lines before it, to `take`.
    fn pieces(
        &self,
        mut take: impl FnMut(&Piece, u64) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let stamps = StampParser::new(self.dialect.form, self.order, self.clock.clone());
        let mut parser = RowParser::new(&self.dialect, stamps);
        let path = self.input.name();
        self.input.read(|reader| {
            let mut chunks = LineChunks::new(reader, path);
            let (mut lines, mut skip) = (self.dialect.skip_lines, self.dialect.skip_bytes);
            let mut rows = parser.empty_rows(0);
            let mut spare = Vec::new();
            while let Some(chunk) = chunks.next_chunk(spare)? {
                let text = &chunk[skip.min(chunk.len())..];
                let mut piece = parser.parse(text, rows);
                if let Some(fatal) = piece.fatal.take() {
                    return Err(DataError::Stamp(Box::new(CellError {
                        path: path.to_owned(),
                        place: format!("line {}", lines + fatal.line),
                        column: fatal.column,
                        text: fatal.text,
                        what: fatal.what,
                        fix: fatal.fix,
                    })));
                }
                path.clone_into(&mut piece.rows.source.path);
                take(&piece, lines)?;
                lines += piece.lines;
                rows = piece.rows;
                (spare, skip) = (chunk, 0);
            }
            Ok(())
        })
    }

    // Dates such as 3/4/2020 are understood by all of them together.
    fn settle(&mut self) -> Result<(), DataError> {
        let mut facts = crate::stamp::StampFacts::default();
        let mut example: Option<Rows> = None;
        self.pieces(|piece, _| {
            facts = facts.with(piece.rows.facts);
            if facts.year_last && example.is_none() {
                example = Some(piece.rows.clone());
            }
            Ok(())
        })?;
        if let Some(mut rows) = example {
            rows.facts = facts;
            self.order = settle_order(&rows, self.order)?.unwrap_or(self.order);
        }
        if facts.naive {
            let zone = self.clock.as_ref().map_or("UTC", LocalClock::name);
            self.notes.push(if self.dialect.layout.utc {
                "times carry no zone; the column's name says UTC".to_owned()
            } else {
                format!("times carry no zone: read as {zone} (--tz names another)")
            });
        }
        Ok(())
    }
}

impl RowSource<Tick> for TableSource<'_> {
    fn rows(&mut self, sink: &mut dyn RowSink<Tick>) -> Result<u64, DataError> {
        if !std::mem::replace(&mut self.settled, true) {
            // Only a date and time in words can be in doubt; counts since 1970 are not.
            let words = !matches!(self.dialect.form, crate::stamp::StampForm::Epoch(_));
            if words {
                self.settle()?;
            }
        }
        let layout = &self.dialect.layout;
        let sized = layout.has(Role::Number(Field::BidSize));
        let sized = sized || layout.has(Role::Number(Field::AskSize));
        let mut total = 0;
        self.pieces(|piece, lines| {
            refuse_unreadable(piece, self.input.name(), lines, sink)?;
            let rows = &piece.rows;
            let mut symbols = vec![None; rows.symbol_names.len()];
            for (symbol, name) in symbols.iter_mut().zip(&rows.symbol_names) {
                *symbol = sink.instrument(name)?;
            }
            let alone = if rows.symbols.is_empty() && !rows.is_empty() {
                sink.instrument(&self.symbol)?
            } else {
                None
            };
            for row in 0..rows.len() {
                let symbol = rows.symbols.get(row);
                let known = symbol.map(|at| symbols.get(usize::from(*at)).copied().flatten());
                let Some(instrument) = known.unwrap_or(alone) else { continue };
                let place = Place::Line(lines + rows.lines.line(row).unwrap_or(0));
                let part = Part { rows, row, instrument, place };
                let given = match rows.layout.kind {
                    DataKind::Quotes => part.quote(sized, sink),
                    _ => part.trade(sink),
                };
                given.map_err(|stop| match stop {
                    super::lines::Stop::Issue(issue) => issue.at(self.input.name(), place),
                    super::lines::Stop::Error(error) => error,
                })?;
            }
            total += rows.len() as u64;
            Ok(())
        })?;
        Ok(total)
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}

// Rows that cannot be read end the import; rows of nothing are counted.
fn refuse_unreadable(
    piece: &Piece,
    path: &str,
    lines: u64,
    sink: &mut dyn RowSink<Tick>,
) -> Result<(), DataError> {
    for finding in piece.rows.findings.iter() {
        let Some(example) = finding.examples.first() else { continue };
        let Example { line, column, text, what, .. } = example;
        let place = Place::Line(lines + line.unwrap_or(0));
        match finding.kind {
            FindingKind::UnreadableRow => {
                let issue = RowIssue::new(column, text.as_bytes(), what.clone());
                return Err(issue.at(path, place));
            }
            FindingKind::NullRow => {
                (0..finding.count).for_each(|_| sink.fact("rows of nothing (left out)", place));
            }
            _ => {}
        }
    }
    Ok(())
}

// One row of a table.
struct Part<'a> {
    rows: &'a Rows,
    row: usize,
    instrument: u16,
    place: Place,
}

impl Part<'_> {
    fn number(&self, field: Field) -> Option<Number> {
        self.rows.column(field).map(|column| column.number(self.row))
    }

    fn tick(
        &self,
        kind: TickKind,
        flags: TickFlags,
        price: Number,
        qty: Option<Number>,
    ) -> Row<Tick> {
        let received = self.rows.received.get(self.row).copied();
        Row {
            instrument: self.instrument,
            kind,
            flags,
            venue_ns: self.rows.stamps.get(self.row).copied(),
            recv_ns: received.filter(|received| *received != NOT_SAID),
            order: 0,
            price,
            qty,
        }
    }

    fn trade(&self, sink: &mut dyn RowSink<Tick>) -> Result<(), super::lines::Stop> {
        let price = self.number(Field::Price).unwrap_or(Number::ZERO);
        let qty = self.number(Field::Qty).unwrap_or(Number::ZERO);
        if price.mantissa <= 0 {
            return Err(self.wrong(Field::Price, price, "is not positive").into());
        }
        if qty.mantissa < 0 {
            return Err(self.wrong(Field::Qty, qty, "is negative").into());
        }
        if qty.mantissa == 0 {
            sink.fact("trades of no quantity (left out)", self.place);
            return Ok(());
        }
        let side = match self.rows.aggressors.get(self.row) {
            Some(1) => TickFlags::NONE,
            Some(-1) => TickFlags::ASK,
            _ => TickFlags::NO_AGGRESSOR,
        };
        let flags = side.with(TickFlags::LAST);
        Ok(sink.row(&self.tick(TickKind::Trade, flags, price, Some(qty)), self.place)?)
    }

    fn quote(&self, sized: bool, sink: &mut dyn RowSink<Tick>) -> Result<(), super::lines::Stop> {
        let side = |price: Field, size: Field, flags: TickFlags| {
            let price = self.number(price).unwrap_or(Number::ZERO);
            let size = if sized { Some(self.number(size).unwrap_or(Number::ZERO)) } else { None };
            (price, size, flags)
        };
        let bid = side(Field::Bid, Field::BidSize, TickFlags::NONE);
        let ask = side(Field::Ask, Field::AskSize, TickFlags::ASK);
        for ((price, size, _), field) in [(bid, Field::Bid), (ask, Field::Ask)] {
            if price.mantissa < 0 || size.is_some_and(|size| size.mantissa < 0) {
                return Err(self.wrong(field, price, "or its size is negative").into());
            }
        }
        // A recorder that has a clock of its own tells the whole top: an empty side is empty.
        // Quotes of many makers tell one side at a time: the other one stays as it is.
        let whole = !self.rows.received.is_empty();
        let shown: Vec<_> =
            [bid, ask].into_iter().filter(|(price, ..)| whole || price.mantissa > 0).collect();
        let sides = [bid, ask].iter().filter(|(price, ..)| price.mantissa > 0).count();
        match sides {
            0 => sink.fact("quotes without any price", self.place),
            1 => sink.fact("one-sided quotes", self.place),
            // Both are at one scale: they are of one table.
            _ if self.is_above(bid.0, ask.0) => sink.fact("crossed quotes", self.place),
            _ => {}
        }
        let count = shown.len();
        for (at, (price, size, flags)) in shown.into_iter().enumerate() {
            let flags = if at + 1 == count { flags.with(TickFlags::LAST) } else { flags };
            let empty = price.mantissa == 0;
            let (kind, size) =
                if empty { (TickKind::Clear, Some(Number::ZERO)) } else { (TickKind::Top, size) };
            sink.row(&self.tick(kind, flags, price, size), self.place)?;
        }
        Ok(())
    }

    // Whether `one` is above `two`, whatever their scales.
    fn is_above(&self, one: Number, two: Number) -> bool {
        let power = |scale: u32| i128::from(crate::source::number::POWERS[scale as usize]);
        i128::from(one.mantissa) * power(two.scale) > i128::from(two.mantissa) * power(one.scale)
    }

    fn wrong(&self, field: Field, number: Number, what: &str) -> RowIssue {
        let name = self.rows.layout.name_of(Role::Number(field));
        RowIssue::new(name, number.text().as_bytes(), what)
    }
}
