//! Why a frame could not be read.

use crate::NumberError;

/// What is wrong with a frame, and where: `at` counts bytes from its start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It is no JSON.
    #[error("byte {at}: not JSON ({what}): the frame is cut short or damaged")]
    Json {
        /// Byte of the frame.
        at: usize,
        /// What the parser said.
        what: String,
    },
    /// A field is missing.
    #[error("byte {at}: the field '{name}' is missing")]
    Missing {
        /// Where the message begins.
        at: usize,
        /// The field.
        name: &'static str,
    },
    /// A field is not what it should be.
    #[error("byte {at}: '{name}' is not {wanted}")]
    Field {
        /// Where its value begins.
        at: usize,
        /// The field.
        name: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// A number is none, or cannot be held exactly.
    #[error("byte {at}: '{name}' {source}")]
    Number {
        /// Where its value begins.
        at: usize,
        /// The field.
        name: &'static str,
        /// What is wrong with it.
        source: NumberError,
    },
    /// A book without the symbol that it is of.
    #[error("the book of no symbol: give the URL of the request, or the symbol, with the frame")]
    NoSymbol,
    /// A symbol that is empty or too long, or more symbols than a decoder keeps.
    #[error("the symbol is empty or too long, or there are too many: the frame is damaged")]
    Symbol,
    /// A frame, or a side of a book, that is larger than any real one.
    #[error("larger than {limit} {unit}: the frame is damaged or of another kind of data")]
    TooLarge {
        /// The limit.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
}
