//! How far the loop of a backtest is in one instrument's data.

/// Which step of its bar an instrument is at.
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    /// The bar that the venue plays next.
    pub venue_at: usize,
    /// Whether its open was played.
    pub is_open: bool,
    /// The bar that we are told of next.
    pub local_at: usize,
    /// The trade that the venue plays next.
    pub print_at: usize,
    /// The trade that we are told of next.
    pub told_at: usize,
}

impl Cursor {
    /// Before bar `bar`, and before the first trade.
    pub const fn at(bar: usize) -> Self {
        Self { venue_at: bar, is_open: false, local_at: bar, print_at: 0, told_at: 0 }
    }
}
