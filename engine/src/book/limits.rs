//! How much memory a book takes, and what it does about crossed prices.

use qt_types::Price;
use serde::{Deserialize, Serialize};

/// A book has room for prices from minus this to just below it, in ticks; what lies beyond is
/// refused as an overflow. Sums and differences of two such prices cannot overflow.
pub const BOOK_TICKS_MAX: i64 = 1 << 60;

/// What happens when an update ends and the best bid is not below the best ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum CrossPolicy {
    /// The book is stale until both sides have been cleared: something was lost, and nobody
    /// knows what.
    #[default]
    Stale,
    /// The side whose best was told last wins, the levels of the other side that it crosses or
    /// locks are removed. For the replay of imperfect recordings.
    Uncross,
}

/// The memory of a book, all of which it takes when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookLimits {
    /// How many consecutive ticks of each side lie in the dense window: a power of two from
    /// [`Self::WINDOW_TICKS_MIN`] to [`Self::WINDOW_TICKS_MAX`]; anything else is rounded up or
    /// cut. Levels in it are an array access, the others a search.
    pub window_ticks: usize,
    /// How many levels of each side may lie outside of the window.
    pub far_levels_max: usize,
    /// What to do about crossed prices.
    pub crosses: CrossPolicy,
}

impl BookLimits {
    /// The smallest window. Its quarter must hold a group of lines.
    pub const WINDOW_TICKS_MIN: usize = 256;
    /// The largest window: 128 MiB a side.
    pub const WINDOW_TICKS_MAX: usize = 1 << 24;
    /// The most levels outside of the window.
    pub const FAR_LEVELS_MAX: usize = 1 << 24;

    /// Limits for an instrument that trades around `price`: the window covers at least 32 % of
    /// it, from 4,096 to 262,144 ticks. What is not used of it costs nothing.
    #[must_use]
    pub fn around(price: Price) -> Self {
        let covered = price.ticks().unsigned_abs() / 25 * 8;
        let window_ticks = covered.clamp(4_096, 262_144) as usize;
        Self { window_ticks: window_ticks.next_power_of_two(), ..Self::default() }
    }

    /// These limits with `crosses`.
    #[must_use]
    pub const fn with_crosses(self, crosses: CrossPolicy) -> Self {
        Self { crosses, ..self }
    }

    pub(super) fn window(&self) -> usize {
        self.window_ticks.clamp(Self::WINDOW_TICKS_MIN, Self::WINDOW_TICKS_MAX).next_power_of_two()
    }

    pub(super) fn far_levels(&self) -> usize {
        self.far_levels_max.min(Self::FAR_LEVELS_MAX)
    }
}

impl Default for BookLimits {
    /// A window of 65,536 ticks and 16,384 levels outside of it: 1.5 MiB a side, of which only
    /// what is used is ever touched.
    fn default() -> Self {
        Self { window_ticks: 65_536, far_levels_max: 16_384, crosses: CrossPolicy::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_a_power_of_two_that_covers_the_price() {
        let window = |ticks| BookLimits::around(Price::from_ticks(ticks)).window();
        assert_eq!(window(0), 4_096);
        assert_eq!(window(20_000), 8_192);
        assert_eq!(window(617_000), 262_144);
        assert_eq!(window(6_170_000), 262_144);
        assert_eq!(window(i64::MIN), 262_144);
        let of = |window_ticks| BookLimits { window_ticks, ..BookLimits::default() }.window();
        assert_eq!(of(0), BookLimits::WINDOW_TICKS_MIN);
        assert_eq!(of(300), 512);
        assert_eq!(of(usize::MAX), BookLimits::WINDOW_TICKS_MAX);
    }
}
