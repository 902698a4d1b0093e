//! What can go wrong with columnar files, said so that the reader can repair it.

use std::path::Path;

use qt_data::error::DataError;

/// Why a columnar file could not be read or written. Each message says what is wrong, where, and
/// what to do.
#[derive(Debug, thiserror::Error)]
pub enum FramesError {
    /// The file is missing or its rows are no market data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The operating system refused to read.
    #[error("{path}: cannot be read: {source}. Check the permissions and the disk")]
    Read {
        /// The file or folder.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The operating system refused to write; nothing is left of the attempt.
    #[error(
        "{path}: cannot be written: {source}. Check the folder, the permissions, and the space"
    )]
    Write {
        /// The file or folder.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is no Parquet file, or a damaged one.
    #[error("{path}: {what}. {fix}")]
    Parquet {
        /// The file.
        path: String,
        /// What is wrong with it.
        what: String,
        /// What to do.
        fix: String,
    },
    /// A column that is needed cannot be read.
    #[error("{path}: column '{column}'{place}: {what}. {fix}")]
    Column {
        /// The file.
        path: String,
        /// The column.
        column: String,
        /// Empty, or `, row 17`.
        place: String,
        /// What is wrong with it.
        what: String,
        /// What to do.
        fix: String,
    },
    /// There is no such entry in the catalog.
    #[error("the catalog {dir} has no entry '{id}'{near}. `quanttrade data list` shows them")]
    NoEntry {
        /// The catalog's folder.
        dir: String,
        /// What was asked for.
        id: String,
        /// Empty, or a remark that names similar entries.
        near: String,
    },
    /// The entry is there already.
    #[error("the catalog {dir} has an entry '{id}' already. Give another id, or replace it")]
    Exists {
        /// The catalog's folder.
        dir: String,
        /// The entry.
        id: String,
    },
    /// An entry of the catalog cannot be used.
    #[error("catalog entry '{id}', {path}: {what}. {fix}")]
    Entry {
        /// The entry.
        id: String,
        /// The file of it that is wrong.
        path: String,
        /// What is wrong with it.
        what: String,
        /// What to do.
        fix: String,
    },
    /// Something was asked for that cannot be done, whatever the files.
    #[error("{what}. {fix}")]
    Usage {
        /// What is wrong.
        what: String,
        /// What to do.
        fix: String,
    },
}

impl FramesError {
    /// The exit code of a command that fails with this error: 1, writing failed; 2, wrong usage;
    /// 3, the data is missing or unreadable.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::Write { .. } => 1,
            Self::Exists { .. } | Self::Usage { .. } => 2,
            Self::Data(error) => error.code(),
            _ => 3,
        }
    }

    pub(crate) fn read(path: &Path, source: std::io::Error) -> Self {
        Self::Read { path: path.display().to_string(), source }
    }

    pub(crate) fn write(path: &Path, source: std::io::Error) -> Self {
        Self::Write { path: path.display().to_string(), source }
    }

    pub(crate) fn parquet(path: &Path, what: impl Into<String>, fix: &str) -> Self {
        Self::Parquet { path: path.display().to_string(), what: what.into(), fix: fix.to_owned() }
    }

    pub(crate) fn usage(what: impl Into<String>, fix: &str) -> Self {
        Self::Usage { what: what.into(), fix: fix.to_owned() }
    }
}
