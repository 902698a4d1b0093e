//! What can be wrong with market data, said so that the reader can repair it.

use crate::calendar::CalendarError;
use crate::quality::QualityReport;

/// Why market data could not be loaded. Each message says what is wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// There is nothing at the path.
    #[error("{path}: no such file{near}. Check the path given to --data")]
    NotFound {
        /// The path as given.
        path: String,
        /// Empty, or a remark that names similar files of the same folder.
        near: String,
    },
    /// Who reads the data on another thread has ended before the data did.
    #[error("the thread that reads the data ended before the data did")]
    ReaderGone,
    /// The path is a folder or a device.
    #[error("{path}: is {what}, not a file. Name one file of market data")]
    NotAFile {
        /// The path as given.
        path: String,
        /// `a directory`, `not a regular file`.
        what: &'static str,
    },
    /// The operating system refused to open or read.
    #[error("{path}: cannot be read: {source}. Check the permissions and the disk")]
    Io {
        /// The path as given.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file has no bytes, or only blank lines and comments.
    #[error("{path}: the file is empty. Fetch or export it again")]
    Empty {
        /// The path as given.
        path: String,
    },
    /// There is a header but no row below it.
    #[error("{path}: a header and no rows: '{header}'. Fetch or export the file again")]
    HeaderOnly {
        /// The path as given.
        path: String,
        /// The header line.
        header: String,
    },
    /// The content is no text, or text in an encoding that is not UTF-8.
    #[error("{path}: {what}, at byte {offset}. {fix}")]
    NotText {
        /// The path as given.
        path: String,
        /// What was found.
        what: &'static str,
        /// Where, in bytes from the start of the (decompressed) file.
        offset: u64,
        /// What to do.
        fix: &'static str,
    },
    /// The layout of the file is none that is known.
    #[error("{path}: {what}. {fix}\nSupported formats: {supported}")]
    UnknownFormat {
        /// The path as given.
        path: String,
        /// What was found.
        what: String,
        /// What to do.
        fix: String,
        /// The formats there are.
        supported: String,
    },
    /// The compressed container is broken.
    #[error("{path}: {what}. {fix}")]
    Compression {
        /// The path as given.
        path: String,
        /// What is wrong with it.
        what: String,
        /// What to do.
        fix: String,
    },
    /// An archive with none or several files in it.
    #[error("{path}: the archive holds {found}; exactly one is needed. Unpack it, name one file")]
    Archive {
        /// The path as given.
        path: String,
        /// The number and the names of its files.
        found: String,
    },
    /// A line is longer than any row of market data.
    #[error(
        "{path}: the line from byte {offset} on is longer than {limit} bytes. \
         It is not a table of rows; check the line ends"
    )]
    LineTooLong {
        /// The path as given.
        path: String,
        /// Where the line begins, in bytes of the (decompressed) file.
        offset: u64,
        /// The longest line that is read.
        limit: usize,
    },
    /// A time stamp that would make the times of the whole file doubtful.
    #[error("{0}")]
    Stamp(Box<CellError>),
    /// A number that does not fit the units that were asked for, or any units at all.
    #[error("{0}")]
    Units(Box<CellError>),
    /// The quality gate found structural errors.
    #[error("{path}: refused by the quality gate: {}", report.refusal())]
    Refused {
        /// The path as given.
        path: String,
        /// Everything that was found, for `data check`.
        report: Box<QualityReport>,
    },
    /// A row that cannot be imported.
    #[error("{0}")]
    Row(Box<CellError>),
    /// A file of the tick store that cannot be used or written.
    #[error("{path}: {what}. {fix}")]
    Store {
        /// The path as given.
        path: String,
        /// What is wrong with it.
        what: String,
        /// What to do.
        fix: String,
    },
    /// The calendar cannot be used.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// Prices cannot be adjusted as asked.
    #[error("{path}: {what}. {fix}")]
    Adjust {
        /// The path of the data or of the factor file.
        path: String,
        /// What is wrong.
        what: String,
        /// What to do.
        fix: String,
    },
    /// A wrong option, whatever the data.
    #[error("{what}. {fix}")]
    Usage {
        /// What is wrong with it.
        what: String,
        /// What to do.
        fix: String,
    },
}

impl DataError {
    /// The exit code of a command that fails with this error: 3, the data is missing, unreadable
    /// or refused; 2 for wrong usage.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::Usage { .. } | Self::Calendar(_) => 2,
            _ => 3,
        }
    }

    /// The quality report, where the error is the gate's.
    #[must_use]
    pub fn report(&self) -> Option<&QualityReport> {
        match self {
            Self::Refused { report, .. } => Some(report),
            _ => None,
        }
    }
}

/// A cell that makes a file unusable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellError {
    /// The path as given.
    pub path: String,
    /// `line 17`, `row 16`, `the whole file`.
    pub place: String,
    /// The column as the file names it; empty where it is about several.
    pub column: String,
    /// The text of the cell; empty where it is about many.
    pub text: String,
    /// What is wrong with it.
    pub what: String,
    /// What to do.
    pub fix: String,
}

impl std::fmt::Display for CellError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.place)?;
        if !self.column.is_empty() {
            write!(f, ", column '{}'", self.column)?;
        }
        if !self.text.is_empty() {
            write!(f, ": '{}'", self.text)?;
        }
        write!(f, " {}. {}", self.what, self.fix)
    }
}
