//! What every importer gives: venue-neutral rows with exact decimals, one after the other.

use qt_types::{InstrumentKind, InstrumentSpec, TickFlags};

use crate::error::{CellError, DataError};
use crate::source::number::Number;
use crate::ticks::Record;

/// One change of a market as its source tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<R: Record> {
    /// The instrument, as [`RowSink::instrument`] numbered it.
    pub instrument: u16,
    /// What happened.
    pub kind: R::Kind,
    /// Side, end of an update, snapshot.
    pub flags: TickFlags,
    /// When the venue says it happened (UTC ns); `None` when it does not say.
    pub venue_ns: Option<i64>,
    /// When the recorder had it (UTC ns); `None` when the source has one time only.
    pub recv_ns: Option<i64>,
    /// The venue's id of the order; zero for rows that are not about one.
    pub order: u64,
    /// The price; zero where there is none. Of a mark or a funding: any decimals, rounded to the
    /// tick.
    pub price: Number,
    /// The quantity in units; `None` where the source has no sizes. Of a status 0 or 1, of a
    /// funding the rate.
    pub qty: Option<Number>,
}

/// Where a row is in its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of text, from 1.
    Line(u64),
    /// A record of a binary file, from 0.
    Record(u64),
    /// A byte of the (decompressed) file, from 0.
    Byte(u64),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Record(record) => write!(f, "record {record}"),
            Self::Byte(byte) => write!(f, "byte {byte}"),
        }
    }
}

/// Takes the rows of a source.
pub trait RowSink<R: Record> {
    /// The number of the instrument called `symbol`, in the order of first mention; `None` when
    /// its rows are not wanted.
    ///
    /// # Errors
    /// When there are more instruments than a record can name.
    fn instrument(&mut self, symbol: &str) -> Result<Option<u16>, DataError>;

    /// One row; `place` is where it stands.
    ///
    /// # Errors
    /// When the row cannot be kept: its time, its price or its quantity.
    fn row(&mut self, row: &Row<R>, place: Place) -> Result<(), DataError>;

    /// Something to be known about the data, which does not stop the import: `crossed quotes`.
    fn fact(&mut self, name: &'static str, place: Place);
}

/// Something that has rows. It is read twice: to learn units and clocks, and to write.
pub trait RowSource<R: Record> {
    /// Gives all rows to `sink`, from the first one on, the same ones every time; returns how many
    /// rows of its own format it has read.
    ///
    /// # Errors
    /// When it cannot be read, and what `sink` refuses.
    fn rows(&mut self, sink: &mut dyn RowSink<R>) -> Result<u64, DataError>;

    /// The kind of its instruments, where the format settles it.
    fn instrument_kind(&self) -> Option<InstrumentKind> {
        None
    }

    /// The units of its instruments, where the format tells them; known after the first reading.
    fn specs(&self) -> &[InstrumentSpec] {
        &[]
    }

    /// What a reader of results must know about the way it was read.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What is wrong with a row, before it is known where the row stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowIssue {
    /// The column as the file names it; empty where it is about several.
    pub column: String,
    /// The text of the cell.
    pub text: String,
    /// What is wrong with it, to follow the text.
    pub what: String,
    /// What to do.
    pub fix: &'static str,
}

impl RowIssue {
    /// An issue with the cell `text` of `column`.
    #[must_use]
    pub fn new(column: &str, text: &[u8], what: impl Into<String>) -> Self {
        Self {
            column: column.to_owned(),
            text: crate::source::parser::shown(text),
            what: what.into(),
            fix: "Repair or delete the row, or fetch the file again",
        }
    }

    /// The same issue with another way out.
    #[must_use]
    pub const fn fixed_by(mut self, fix: &'static str) -> Self {
        self.fix = fix;
        self
    }

    /// The error that says where it is.
    #[must_use]
    pub fn at(self, path: &str, place: Place) -> DataError {
        DataError::Row(Box::new(CellError {
            path: path.to_owned(),
            place: place.to_string(),
            column: self.column,
            text: self.text,
            what: self.what,
            fix: self.fix.to_owned(),
        }))
    }
}
