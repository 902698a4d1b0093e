//! From a piece of text to rows.

use std::borrow::Cow;

use super::dialect::Dialect;
use super::field::{ASK_OHLC, BID_OHLC, Field, Role};
use super::lines::LINE_BYTES_MAX;
use super::number::{Number, NumberIssue};
use super::rows::{NOT_SAID, Rows};
use crate::quality::{Example, FindingKind};
use crate::series::DataKind;
use crate::stamp::{StampIssue, StampParser};

/// Numbers that a row has at most.
const NUMBERS_MAX: usize = 16;
/// Columns that a table has at most.
pub const COLUMNS_MAX: usize = 512;

/// A stamp that makes the times of the whole file doubtful: reading ends there.
#[derive(Clone, Debug)]
pub struct Fatal {
    /// The line, from 1 in the piece.
    pub line: u64,
    /// The column as the file names it.
    pub column: String,
    /// The cell.
    pub text: String,
    /// What is wrong with it.
    pub what: String,
    /// What to do.
    pub fix: String,
}

/// What a piece of text gave.
#[derive(Debug)]
pub struct Piece {
    /// The rows, with lines counted from 1 in the piece.
    pub rows: Rows,
    /// How many lines the piece has.
    pub lines: u64,
    /// Why reading must end, if it must.
    pub fatal: Option<Fatal>,
}

/// Reads rows of one dialect.
#[derive(Clone, Debug)]
pub struct RowParser<'a> {
    dialect: &'a Dialect,
    stamps: StampParser,
    // Reads the times of receipt, where there are any.
    received: Option<StampParser>,
    // The meaning of each column of the file, and the place of its numbers in `Rows::numbers`.
    plan: Vec<(Role, usize)>,
    // The numbers of the line at hand, by place, and how many there are.
    numbers: [Number; NUMBERS_MAX],
    count: usize,
    symbolic: bool,
}

// What a line is that is no row.
enum Line {
    Unreadable { column: usize, text: String, what: String },
    Null,
    OneSided { column: usize },
    Doubtful(Fatal),
}

// The cells of a line that are not numbers.
#[derive(Default)]
struct Cells<'t> {
    stamp: &'t [u8],
    clock: Option<&'t [u8]>,
    received: &'t [u8],
    symbol: &'t [u8],
    aggressor: i8,
    // The numbers that are empty, and those that say that there is none: a bit for each slot.
    missing: u32,
    null: u32,
}

impl<'a> RowParser<'a> {
    /// A reader of rows of `dialect` whose stamps `stamps` reads.
    ///
    /// # Panics
    /// When the layout gives one field to several columns, which no layout does.
    #[must_use]
    pub fn new(dialect: &'a Dialect, stamps: StampParser) -> Self {
        let mut count = 0;
        let plan = dialect.layout.roles.iter().map(|role| {
            let slot = count;
            count += usize::from(matches!(role, Role::Number(_)));
            (*role, slot)
        });
        let plan = plan.collect();
        assert!(count <= NUMBERS_MAX, "no kind of rows has so many numbers");
        let symbolic = dialect.layout.has(Role::Symbol);
        let numbers = [Number::ZERO; NUMBERS_MAX];
        let received = dialect.received.map(|form| stamps.with_form(form));
        Self { dialect, stamps, received, plan, numbers, count, symbolic }
    }

    /// No rows yet, with room for those of `bytes` of text.
    #[must_use]
    pub fn empty_rows(&self, bytes: usize) -> Rows {
        // Rows have about 60 bytes; a little more room than needed costs less than growing.
        Rows::new(&self.dialect.layout, self.stamps.form, bytes / 48)
    }

    /// Reads all lines of `text` into `rows`, whose memory is used again.
    #[must_use]
    pub fn parse(&mut self, text: &[u8], mut rows: Rows) -> Piece {
        rows.clear();
        let quoted = memchr::memchr(b'"', text).is_some();
        let (mut lines, mut at, mut fatal) = (0, 0, None);
        while at < text.len() && fatal.is_none() {
            let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |length| at + length);
            let line = &text[at..end];
            at = end + 1;
            lines += 1;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if is_skipped(line) {
                continue;
            }
            let line = if quoted && memchr::memchr(b'"', line).is_some() {
                unquote(line, self.dialect.separator)
            } else {
                Cow::Borrowed(line)
            };
            fatal = self.note(&line, lines, &mut rows);
        }
        rows.facts = self.stamps.facts;
        Piece { rows, lines, fatal }
    }

    // Reads one line and books what it is.
    #[inline]
    fn note(&mut self, line: &[u8], number: u64, rows: &mut Rows) -> Option<Fatal> {
        let names = &self.dialect.layout.names;
        let Some(outcome) = self.line(line, number, rows) else {
            rows.lines.push(rows.stamps.len() - 1, number);
            return None;
        };
        let (kind, column, text, what) = match *outcome {
            Line::Doubtful(fatal) => return Some(Fatal { line: number, ..fatal }),
            Line::Unreadable { column, text, what } => {
                (FindingKind::UnreadableRow, names.get(column), text, what)
            }
            Line::Null => (FindingKind::NullRow, None, String::new(), "has no prices".to_owned()),
            Line::OneSided { column } => {
                let what = "one side of the quote is missing; the row is left out".to_owned();
                (FindingKind::OneSidedQuote, names.get(column), String::new(), what)
            }
        };
        rows.findings.add(kind, || {
            let column = column.cloned().unwrap_or_default();
            Example { line: Some(number), row: None, column, text, what }
        });
        None
    }

    // Appends the row that the line is; or gives what it is instead.
    #[inline]
    fn line(&mut self, line: &[u8], number: u64, rows: &mut Rows) -> Option<Box<Line>> {
        if line.len() > LINE_BYTES_MAX {
            return unreadable(0, b"", "the line is too long to be a row");
        }
        let mut cells = Cells::default();
        if let Some(outcome) = self.cut(line, &mut cells) {
            return Some(outcome);
        }
        if cells.missing | cells.null != 0
            && let Some(outcome) = self.judge_missing(&cells, number, rows)
        {
            return Some(Box::new(outcome));
        }
        let stamp_ns = match self.stamps.parse(cells.stamp, cells.clock) {
            Ok(stamp_ns) => stamp_ns,
            Err(issue) => return Some(Box::new(self.judge_stamp(&cells, issue))),
        };
        let received_ns = match &mut self.received {
            None => NOT_SAID,
            Some(stamps) => match received(stamps, cells.received) {
                Ok(received_ns) => received_ns,
                Err(issue) => {
                    let (what, _) = issue.text(stamps.zone());
                    return unreadable(self.column_with(Role::Received), cells.received, &what);
                }
            },
        };
        if self.symbolic {
            let name = String::from_utf8_lossy(cells.symbol.trim_ascii());
            match rows.symbol_index(&name) {
                Some(index) => rows.symbols.push(index),
                None => return unreadable(0, cells.symbol, "is one instrument too many"),
            }
        }
        if let Err((field, _)) = rows.push(stamp_ns, &self.numbers[..self.count]) {
            rows.symbols.truncate(rows.stamps.len());
            let column = self.column_of(field);
            let number = self.numbers[self.plan[column].1];
            let what = "has too many digits to be held with the other rows' decimals";
            return unreadable(column, number.text().as_bytes(), what);
        }
        rows.texts.push(cells.stamp.trim_ascii(), cells.clock.map(<[u8]>::trim_ascii));
        if self.dialect.sided {
            rows.aggressors.push(cells.aggressor);
        }
        if self.received.is_some() {
            rows.received.push(received_ns);
        }
        None
    }

    // Cuts the line at its separators and reads the numbers on the way.
    #[inline]
    fn cut<'t>(&mut self, line: &'t [u8], cells: &mut Cells<'t>) -> Option<Box<Line>> {
        let separator = self.dialect.separator;
        let (mut rest, mut count) = (Some(line), 0);
        while let (Some(text), Some((role, slot))) = (rest, self.plan.get(count)) {
            let end = if let Role::Number(field) = role {
                let (number, end) = Number::scan(text, separator);
                match number {
                    Some(number) => self.numbers[*slot] = number,
                    None => match unusual(&text[..end], *field, *slot, cells) {
                        Ok(number) => self.numbers[*slot] = number,
                        Err(issue) => return unreadable(count, &text[..end], issue.text()),
                    },
                }
                end
            } else {
                let end = cell_end(text, separator);
                let cell = &text[..end];
                match role {
                    Role::Stamp => cells.stamp = cell,
                    Role::Clock => cells.clock = Some(cell),
                    Role::Received => cells.received = cell,
                    Role::Symbol => cells.symbol = cell,
                    Role::Side | Role::BuyerMaker => match aggressor(*role, cell) {
                        Some(aggressor) => cells.aggressor = aggressor,
                        None => return unreadable(count, cell, "is no side"),
                    },
                    Role::Skip | Role::Number(_) => {}
                }
                end
            };
            rest = text.get(end + 1..);
            count += 1;
        }
        // An empty cell behind the last one is a separator too many, which many programs write.
        let surplus = rest.is_some_and(|rest| !rest.trim_ascii().is_empty());
        if count < self.plan.len() || surplus {
            let more = rest.map_or(0, |rest| 1 + memchr::memchr_iter(separator, rest).count());
            let what = format!("has {} cells, not {}", count + more, self.plan.len());
            let text = shown(line);
            return Some(Box::new(Line::Unreadable { column: usize::MAX, text, what }));
        }
        None
    }

    fn column_of(&self, field: Field) -> usize {
        self.column_with(Role::Number(field))
    }

    fn column_with(&self, role: Role) -> usize {
        self.dialect.layout.roles.iter().position(|other| *other == role).unwrap_or(0)
    }

    // Decides what a row with missing numbers is; `None` when it is a row all the same.
    fn judge_missing(&self, cells: &Cells<'_>, number: u64, rows: &mut Rows) -> Option<Line> {
        let layout = &self.dialect.layout;
        let absent = cells.missing | cells.null;
        let bit = |field: Field| {
            let column = self.column_of(field);
            if layout.has(Role::Number(field)) { 1 << self.plan[column].1 } else { 0 }
        };
        let prices = layout.roles.iter().fold(0, |bits, role| match role {
            Role::Number(field) if field.is_price() || *field == Field::Value => bits | bit(*field),
            _ => bits,
        });
        if cells.null & prices == prices {
            return Some(Line::Null);
        }
        let sides: [&[Field]; 2] = match layout.kind {
            DataKind::QuoteBars => [&BID_OHLC, &ASK_OHLC],
            DataKind::Quotes => [&[Field::Bid], &[Field::Ask]],
            _ => [&[], &[]],
        };
        let side = |fields: &[Field]| fields.iter().fold(0, |bits, field| bits | bit(*field));
        let (bid, ask) = (side(sides[0]), side(sides[1]));
        for (gone, field) in [(bid, sides[0]), (ask, sides[1])] {
            if gone != 0 && absent & (bid | ask) == gone {
                if layout.kind == DataKind::QuoteBars {
                    return Some(Line::OneSided { column: self.column_of(field[0]) });
                }
                let column = layout.names[self.column_of(field[0])].clone();
                let what = "one side of the quote is missing".to_owned();
                let text = String::new();
                let example = Example { line: Some(number), row: None, column, text, what };
                rows.findings.add(FindingKind::OneSidedQuote, || example);
                return None;
            }
        }
        let missing = layout.roles.iter().enumerate().filter_map(|(column, role)| match role {
            Role::Number(field) if absent >> self.plan[column].1 & 1 == 1 => Some((column, *field)),
            _ => None,
        });
        for (column, field) in missing {
            let what = NumberIssue::Missing.text();
            if !field.is_optional() {
                let (text, what) = (String::new(), what.to_owned());
                return Some(Line::Unreadable { column, text, what });
            }
            let text = String::new();
            let name = layout.names[column].clone();
            rows.count_missing(field, || Example {
                line: Some(number),
                row: None,
                column: name,
                text,
                what: what.to_owned(),
            });
        }
        None
    }

    fn judge_stamp(&self, cells: &Cells<'_>, issue: crate::stamp::StampIssue) -> Line {
        let layout = &self.dialect.layout;
        let column = self.column_with(Role::Stamp);
        let mut text = shown(cells.stamp);
        if let Some(clock) = cells.clock {
            text = format!("{text} {}", shown(clock));
        }
        let (what, fix) = issue.text(self.stamps.zone());
        if !issue.is_fatal() {
            return Line::Unreadable { column, text, what };
        }
        let column = layout.name_of(Role::Stamp).to_owned();
        Line::Doubtful(Fatal { line: 0, column, text, what, fix })
    }
}

/// The time of receipt in `cell`; an empty cell and a zero say none.
///
/// # Errors
/// When the text is no time of the column's form.
#[inline]
pub(super) fn received(stamps: &mut StampParser, cell: &[u8]) -> Result<i64, StampIssue> {
    let cell = cell.trim_ascii();
    if matches!(cell, b"" | b"0") {
        return Ok(NOT_SAID);
    }
    stamps.parse(cell, None)
}

// Where the cell ends. Cells are short: a plain loop beats a vector search.
#[inline]
fn cell_end(text: &[u8], separator: u8) -> usize {
    text.iter().position(|byte| *byte == separator).unwrap_or(text.len())
}

/// Whether a line is blank or a comment.
#[inline]
#[must_use]
pub fn is_skipped(line: &[u8]) -> bool {
    match line.first() {
        None | Some(b'#') => true,
        Some(b' ' | b'\t' | b'\r') => line.trim_ascii().is_empty(),
        Some(_) => false,
    }
}

// A cell that is no plain number: one with a sign or an exponent, or none at all.
#[cold]
fn unusual(
    cell: &[u8],
    field: Field,
    slot: usize,
    cells: &mut Cells<'_>,
) -> Result<Number, NumberIssue> {
    match Number::parse(cell) {
        Err(NumberIssue::Missing) if !cell.trim_ascii().is_empty() => cells.null |= 1 << slot,
        Err(NumberIssue::Missing) => cells.missing |= 1 << slot,
        Err(NumberIssue::NotFinite) if field.is_optional() => cells.missing |= 1 << slot,
        outcome => return outcome,
    }
    Ok(Number::ZERO)
}

#[cold]
fn unreadable(column: usize, text: &[u8], what: &str) -> Option<Box<Line>> {
    let (text, what) = (shown(text), what.to_owned());
    Some(Box::new(Line::Unreadable { column, text, what }))
}

/// A cell or a line for a message: at most 60 bytes, invalid ones replaced.
#[must_use]
pub fn shown(text: &[u8]) -> String {
    const SHOWN_MAX: usize = 60;
    let text = text.trim_ascii();
    let (part, dots) =
        if text.len() > SHOWN_MAX { (&text[..SHOWN_MAX], "...") } else { (text, "") };
    format!("{}{dots}", String::from_utf8_lossy(part).escape_debug())
}

// Who took liquidity: +1 a buyer, -1 a seller, 0 not said.
pub(super) fn aggressor(role: Role, cell: &[u8]) -> Option<i8> {
    let cell = cell.trim_ascii();
    let is = |words: &[&str]| words.iter().any(|word| cell.eq_ignore_ascii_case(word.as_bytes()));
    if role == Role::BuyerMaker {
        return match () {
            () if is(&["true", "1", "t"]) => Some(-1),
            () if is(&["false", "0", "f"]) => Some(1),
            () => None,
        };
    }
    match () {
        () if is(&["buy", "b", "bid", "buyer", "1", "+1"]) => Some(1),
        () if is(&["sell", "s", "a", "ask", "seller", "-1"]) => Some(-1),
        () if is(&["", "n", "none", "unknown", "0"]) => Some(0),
        () => None,
    }
}

/// A line without its quotes. A separator inside quotes is dropped from a number (`"1,234.5"`)
/// and becomes a space in other text, so that the line can be cut at the separators left.
#[must_use]
pub fn unquote(line: &[u8], separator: u8) -> Cow<'_, [u8]> {
    let mut plain = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(open) = memchr::memchr(b'"', rest) {
        plain.extend_from_slice(&rest[..open]);
        rest = &rest[open + 1..];
        let close = memchr::memchr(b'"', rest).unwrap_or(rest.len());
        let cell = &rest[..close];
        let numeric = cell.iter().all(|byte| byte.is_ascii_digit() || b".,-+ ".contains(byte));
        for byte in cell {
            match *byte {
                byte if byte != separator => plain.push(byte),
                _ if numeric => {}
                _ => plain.push(b' '),
            }
        }
        rest = rest.get(close + 1..).unwrap_or(b"");
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}
