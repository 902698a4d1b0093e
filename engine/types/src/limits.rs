//! How much of everything there may be: memory is sized from it at the start.

/// Bounds of one pipeline. Whatever would pass one is denied or counted, never grown into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Instruments in the run.
    pub instruments_max: usize,
    /// Orders that may be open at once.
    pub orders_open_max: usize,
    /// Intents that one call of a strategy may return.
    pub intents_max: usize,
    /// Timers that a strategy may have pending.
    pub timers_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { instruments_max: 1_024, orders_open_max: 1_024, intents_max: 64, timers_max: 64 }
    }
}
