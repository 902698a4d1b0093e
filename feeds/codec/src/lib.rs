//! Exchange protocols as sans-IO codecs: frames in, market updates out. Recordings and live feeds
//! go through the same code.
//!
//! May import: `qt-types`. Must not contain: sockets, files, clocks, threads; names of venues
//! outside `src/venue/`.
//!
//! Entry points: [`Decoder`] for one connection, [`recording`] for the lines of a recorded file,
//! [`venue::Venue`] for who speaks, `depth` of a venue for the path on which time counts. What is
//! inside: a frame is checked to be JSON, the venue's protocol says what its fields mean, `feed`
//! does what all venues have in common: synchronise the book ([`sync`]), verify checksums, count
//! ([`Facts`]), emit [`Update`]s. Beside them, [`signal`] reads what agents send.

mod books;
mod checksum;
mod cursor;
mod decimal;
mod decoder;
mod error;
mod facts;
mod feed;
mod held;
mod json;
mod number;
pub mod recording;
pub mod signal;
mod swar;
mod symbols;
pub mod sync;
mod text_book;
mod time;
mod update;
pub mod venue;

pub use decimal::{DecimalText, Scale, Scales};
pub use decoder::{Decoder, FRAME_BYTES_MAX, Frame, decode_any};
pub use error::FrameError;
pub use facts::Facts;
pub use feed::LEVELS_MAX;
pub use number::{DECIMALS_MAX, Number, NumberError};
pub use symbols::{SYMBOLS_MAX, SymbolId, Symbols};
pub use sync::Mode;
pub use update::{Level, Update};
