//! Rows as they were read: stamps in UTC ns, numbers as exact integers, one column per field.

use super::decimals::{DecimalColumn, TooWide};
use super::field::{Field, Role};
use super::layout::Layout;
use super::number::Number;
use crate::quality::{Example, Findings};
use crate::series::Stamps;
use crate::stamp::{StampFacts, StampForm};

/// A time of receipt that the source does not say.
pub const NOT_SAID: i64 = i64::MIN;

/// The rows of one source, or of a piece of it.
#[derive(Clone, Debug)]
pub struct Rows {
    /// What the columns mean.
    pub layout: Layout,
    /// How the stamps are written.
    pub form: StampForm,
    /// What the stamps have shown.
    pub facts: StampFacts,
    /// The stamp of each row, UTC ns since 1970.
    pub stamps: Vec<i64>,
    /// The stamps' own texts.
    pub texts: Texts,
    /// When each row was received, UTC ns since 1970, or [`NOT_SAID`]. Empty without such a
    /// column.
    pub received: Vec<i64>,
    /// The numbers, by field.
    pub numbers: Vec<(Field, DecimalColumn)>,
    /// Trades: +1 a buyer took liquidity, -1 a seller, 0 not said. Empty without such a column.
    pub aggressors: Vec<i8>,
    /// Index of each row's instrument in `symbol_names`. Empty without such a column.
    pub symbols: Vec<u16>,
    /// The instruments in the order of their first rows.
    pub symbol_names: Vec<String>,
    /// Which line each row is on.
    pub lines: LineMap,
    /// What was found while reading.
    pub findings: Findings,
    /// For each optional field: how many cells were missing, and the first of them.
    pub missing: Vec<(Field, u64, Example)>,
    /// What the reader of results must know: rounding, an assumed zone.
    pub notes: Vec<String>,
    /// Path, hash and format.
    pub source: crate::series::Source,
}

impl Rows {
    /// No rows yet, with room for `capacity`.
    #[must_use]
    pub fn new(layout: &Layout, form: StampForm, capacity: usize) -> Self {
        let numbers = layout.roles.iter().filter_map(|role| match role {
            Role::Number(field) => Some((*field, DecimalColumn::with_capacity(capacity))),
            _ => None,
        });
        Self {
            layout: layout.clone(),
            form,
            facts: StampFacts::default(),
            stamps: Vec::with_capacity(capacity),
            texts: Texts::with_capacity(capacity),
            received: Vec::new(),
            numbers: numbers.collect(),
            aggressors: Vec::new(),
            symbols: Vec::new(),
            symbol_names: Vec::new(),
            lines: LineMap::default(),
            findings: Findings::default(),
            missing: Vec::new(),
            notes: Vec::new(),
            source: crate::series::Source::default(),
        }
    }

    /// How many rows there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.stamps.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.stamps.is_empty()
    }

    /// Says that the column of the times of receipt is not used, if there is one.
    pub fn note_unused_receipts(&mut self) {
        if self.layout.has(Role::Received) {
            let name = self.layout.name_of(Role::Received);
            let note = format!("the column '{name}' holds no times of receipt: it is not used");
            self.notes.push(note);
        }
    }

    /// The column of `field`.
    #[must_use]
    pub fn column(&self, field: Field) -> Option<&DecimalColumn> {
        self.numbers.iter().find(|(other, _)| *other == field).map(|(_, column)| column)
    }

    /// Takes the column of `field` out.
    pub fn take(&mut self, field: Field) -> Option<DecimalColumn> {
        let at = self.numbers.iter().position(|(other, _)| *other == field)?;
        Some(self.numbers.swap_remove(at).1)
    }

    /// The index of the instrument called `name`, which is added when it is new; `None` when there
    /// are more than a row can say.
    pub fn symbol_index(&mut self, name: &str) -> Option<u16> {
        let at = self.symbol_names.iter().position(|other| other == name).unwrap_or_else(|| {
            self.symbol_names.push(name.to_owned());
            self.symbol_names.len() - 1
        });
        u16::try_from(at).ok()
    }

    /// Counts a missing cell of an optional field.
    pub fn count_missing(&mut self, field: Field, example: impl FnOnce() -> Example) {
        match self.missing.iter_mut().find(|(other, _, _)| *other == field) {
            Some((_, count, _)) => *count += 1,
            None => self.missing.push((field, 1, example())),
        }
    }

    /// Forgets all rows and keeps the memory for others.
    pub fn clear(&mut self) {
        self.stamps.clear();
        self.texts.bytes.clear();
        self.texts.ends.clear();
        self.received.clear();
        for (_, column) in &mut self.numbers {
            column.clear();
        }
        self.aggressors.clear();
        self.symbols.clear();
        self.symbol_names.clear();
        self.lines = LineMap::default();
        self.findings = Findings::default();
        self.missing.clear();
    }

    /// Appends the rows of the next piece, which begins after `lines` lines of the file.
    ///
    /// # Errors
    /// The field whose numbers have too many digits to be held at one scale.
    pub fn append(&mut self, later: &mut Self, lines: u64) -> Result<(), (Field, TooWide)> {
        let rows = self.len();
        self.facts = self.facts.with(later.facts);
        self.stamps.extend_from_slice(&later.stamps);
        self.texts.append(&later.texts);
        self.received.extend_from_slice(&later.received);
        for ((field, column), (_, more)) in self.numbers.iter_mut().zip(&mut later.numbers) {
            column.append(more).map_err(|wide| (*field, wide))?;
        }
        self.aggressors.extend_from_slice(&later.aggressors);
        if !later.symbols.is_empty() {
            // Names that do not fit were refused in their piece already.
            let map: Vec<u16> = later
                .symbol_names
                .iter()
                .map(|name| self.symbol_index(name).unwrap_or(0))
                .collect();
            self.symbols.extend(later.symbols.iter().map(|index| map[usize::from(*index)]));
        }
        self.lines.append(&later.lines, rows as u32, lines);
        self.findings.append(std::mem::take(&mut later.findings), lines, rows as u64);
        for (field, count, mut example) in std::mem::take(&mut later.missing) {
            example.line = example.line.map(|line| line + lines);
            match self.missing.iter_mut().find(|(other, _, _)| *other == field) {
                Some((_, total, _)) => *total += count,
                None => self.missing.push((field, count, example)),
            }
        }
        Ok(())
    }

    /// Appends one row's stamp and numbers, which are in the order of `numbers`.
    ///
    /// # Errors
    /// The field whose numbers have too many digits to be held at one scale; no row was appended.
    #[inline]
    pub fn push(&mut self, stamp_ns: i64, numbers: &[Number]) -> Result<(), (Field, TooWide)> {
        for (index, number) in numbers.iter().enumerate() {
            let (field, column) = &mut self.numbers[index];
            if let Err(wide) = column.push(*number) {
                let field = *field;
                for (_, column) in &mut self.numbers[..index] {
                    column.mantissas.pop();
                }
                return Err((field, wide));
            }
        }
        self.stamps.push(stamp_ns);
        Ok(())
    }

    /// An example that points at `row`, for a finding of the gate.
    #[must_use]
    pub fn example(&self, row: usize, field: Field, what: &str) -> Example {
        let text = self.column(field).map(|column| column.number(row).text());
        let column = self.layout.name_of(Role::Number(field)).to_owned();
        self.example_at(row, column, text.unwrap_or_default(), what)
    }

    /// An example about the stamp of `row`.
    #[must_use]
    pub fn stamp_example(&self, row: usize, what: &str) -> Example {
        let column = self.layout.name_of(Role::Stamp).to_owned();
        self.example_at(row, column, self.stamp_text(row), what)
    }

    /// An example about the time of receipt of `row`.
    #[must_use]
    pub fn received_example(&self, row: usize, what: &str) -> Example {
        let column = self.layout.name_of(Role::Received).to_owned();
        let text = self.received.get(row).map_or(String::new(), |ns| crate::stamp::iso_text(*ns));
        self.example_at(row, column, text, what)
    }

    fn example_at(&self, row: usize, column: String, text: String, what: &str) -> Example {
        let what = what.to_owned();
        Example { line: self.lines.line(row), row: Some(row as u64), column, text, what }
    }

    /// The stamp of `row` as the source wrote it, or in ISO 8601 where that is not kept.
    #[must_use]
    pub fn stamp_text(&self, row: usize) -> String {
        match self.texts.get(row) {
            Some(text) => String::from_utf8_lossy(text).into_owned(),
            None => crate::stamp::iso_text(self.stamps[row]),
        }
    }

    /// `line 17` or `row 16`.
    #[must_use]
    pub fn place(&self, row: usize) -> String {
        match self.lines.line(row) {
            Some(line) => format!("line {line}"),
            None => format!("row {row}"),
        }
    }
}

/// The texts of all stamps in one piece of memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    bytes: Vec<u8>,
    // Where each row's text ends. Once the texts are too long together, none are kept.
    ends: Vec<u32>,
    given_up: bool,
}

impl Texts {
    fn with_capacity(rows: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(rows * 20),
            ends: Vec::with_capacity(rows),
            given_up: false,
        }
    }

    /// Appends a row's text, of two cells where the time of day has one of its own.
    #[inline]
    pub fn push(&mut self, stamp: &[u8], clock: Option<&[u8]>) {
        self.bytes.extend_from_slice(stamp);
        if let Some(clock) = clock {
            self.bytes.push(b' ');
            self.bytes.extend_from_slice(clock);
        }
        self.ends.push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }

    fn append(&mut self, later: &Self) {
        let before = self.bytes.len();
        if self.given_up || later.given_up || before + later.bytes.len() > u32::MAX as usize {
            *self = Self { given_up: true, ..Self::default() };
            return;
        }
        self.bytes.extend_from_slice(&later.bytes);
        self.ends.extend(later.ends.iter().map(|end| end + before as u32));
    }

    /// The text of `row`, where texts are kept.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<&[u8]> {
        let end = *self.ends.get(row)? as usize;
        let begin = row.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        Some(&self.bytes[begin..end])
    }

    /// The texts as a series keeps them.
    #[must_use]
    pub fn into_stamps(self) -> Stamps {
        if self.ends.is_empty() {
            return Stamps::Iso;
        }
        Stamps::Text { bytes: self.bytes, ends: self.ends }
    }
}

/// Which line each row is on: rows follow each other line by line except where blank lines,
/// comments or unreadable rows lie between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineMap {
    // From which row on the line is row + offset.
    steps: Vec<(u32, u64)>,
}

impl LineMap {
    /// Notes that `row` is on `line`; rows come in order.
    #[inline]
    pub fn push(&mut self, row: usize, line: u64) {
        let offset = line - row as u64;
        if self.steps.last().is_none_or(|(_, last)| *last != offset) {
            self.steps.push((row as u32, offset));
        }
    }

    /// The line of `row`, from 1; `None` where the source has no lines.
    #[must_use]
    pub fn line(&self, row: usize) -> Option<u64> {
        let after = self.steps.partition_point(|(first, _)| *first as usize <= row);
        let (_, offset) = self.steps.get(after.checked_sub(1)?)?;
        Some(row as u64 + offset)
    }

    fn append(&mut self, later: &Self, rows: u32, lines: u64) {
        for (first, offset) in &later.steps {
            let (row, line) = (first + rows, u64::from(*first) + offset + lines);
            self.push(row as usize, line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_follow_rows() {
        let mut first = LineMap::default();
        for (row, line) in [(0, 2), (1, 3), (2, 7)] {
            first.push(row, line);
        }
        let mut second = LineMap::default();
        for (row, line) in [(0, 1), (1, 2), (2, 4)] {
            second.push(row, line);
        }
        first.append(&second, 3, 10);
        let lines: Vec<u64> = (0..6).map(|row| first.line(row).unwrap()).collect();
        assert_eq!(lines, [2, 3, 7, 11, 12, 14]);
        assert_eq!(LineMap::default().line(0), None);
    }

    #[test]
    fn texts_are_found_by_row() {
        let mut texts = Texts::default();
        texts.push(b"2020-01-02", None);
        let mut more = Texts::default();
        more.push(b"2020-01-03", Some(b"09:30"));
        texts.append(&more);
        assert_eq!(texts.get(1), Some(&b"2020-01-03 09:30"[..]));
        assert_eq!(texts.get(2), None);
    }
}
