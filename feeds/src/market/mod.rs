//! Market data of venues as the engine takes it, whoever the venue is: what is wanted, what an
//! instrument is there, updates as events, figures, the machine that brings them, and how all of it
//! is started.
//!
//! `docs/FEEDS.md` tells how it works.

mod events;
mod figures;
mod listing;
pub mod machine;
mod start;
mod wishes;

pub use events::{Offered, Sink, Teller, Told};
pub use figures::{Figures, InstrumentFigures, Standing, Tally};
pub use listing::{Listing, Status};
pub use start::{Handle, Settings, StartError, listings, start};
pub use wishes::Wishes;

/// What is wanted of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// The book by price.
    pub book: bool,
    /// Trades.
    pub trades: bool,
    /// The best prices by themselves. Where the book is wanted they are only recorded, and never
    /// mixed into it: two channels of one venue are never in step.
    pub best: bool,
}

impl Default for Want {
    fn default() -> Self {
        Self { book: true, trades: true, best: false }
    }
}
