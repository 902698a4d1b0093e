//! Markets: what gives the exchange its prices, from a seed or from a recording. Time is handed
//! in; the same seed or file makes the same market.

mod burst;
mod recording;
mod seeded;

pub use burst::Burst;
pub use recording::{Grain, Recording, RecordingError};
pub use seeded::{Seeded, SeededSettings};

use crate::exchange::{Exchange, Nanos};

/// Something that moves prices.
pub trait Market: Send {
    /// When it does something next; `None`: never again.
    fn next_ns(&self) -> Option<Nanos>;

    /// Does what is next. The exchange's time is that time.
    fn play(&mut self, exchange: &mut Exchange);
}
