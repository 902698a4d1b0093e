//! Readers: from a file or a table of columns to rows of exact numbers with UTC stamps.
//!
//! The text reader is a parser on bytes: [`lines`] cuts the stream into pieces that end with a
//! line, threads parse the pieces ([`parser`]), and the pieces are joined in order ([`rows`]).
//! Tables that another reader has decoded (Parquet) come in through [`table`] and leave in the
//! same form.

pub mod decimals;
pub mod dialect;
pub mod field;
mod format;
pub mod input;
pub mod layout;
pub mod lines;
pub mod number;
pub mod parser;
pub mod read;
pub mod rows;
pub mod table;

pub use format::Format;
pub use input::Container;
pub use table::{Cells, RawTable, TableColumn};
