//! A bar as one side of the market meets it.

use qt_types::{Bar, Price, Side};

/// The prices of a bar that a buyer meets. A seller meets the mirror image: every price negated,
/// high and low exchanged. So each rule is written once, for buys. Ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SideBar {
    /// First price.
    pub open: i64,
    /// The worst price of the bar for this side.
    pub high: i64,
    /// The best price of the bar for this side.
    pub low: i64,
    /// Last price.
    pub close: i64,
}

impl SideBar {
    /// `bar` as `side` meets it: buyers pay the ask, sellers get the bid.
    #[must_use]
    pub fn of(bar: &Bar, side: Side) -> Self {
        let half = |i: usize| i64::from(bar.half_spread[i]);
        let [open, high, low, close] =
            [bar.open.ticks(), bar.high.ticks(), bar.low.ticks(), bar.close.ticks()];
        match side {
            Side::Buy => Self {
                open: open + half(0),
                high: high + half(1),
                low: low + half(2),
                close: close + half(3),
            },
            Side::Sell => Self {
                open: -(open - half(0)),
                high: -(low - half(2)),
                low: -(high - half(1)),
                close: -(close - half(3)),
            },
        }
    }

    /// The bar as it was at its first price.
    #[must_use]
    pub const fn open_only(&self) -> Self {
        Self { open: self.open, high: self.open, low: self.open, close: self.open }
    }
}

/// A price in the mirror of `side`; the same again leads back.
#[must_use]
pub const fn mirrored(price: Price, side: Side) -> i64 {
    price.ticks() * side.sign()
}

#[cfg(test)]
mod tests {
    use qt_types::{BarFlags, Nanos, Qty};

    use super::*;

    #[test]
    fn sellers_meet_the_mirror_image() {
        let bar = Bar {
            open_ns: Nanos::new(0),
            open: Price::from_ticks(100),
            high: Price::from_ticks(110),
            low: Price::from_ticks(90),
            close: Price::from_ticks(105),
            volume: Qty::ZERO,
            half_spread: [1, 2, 3, 4],
            flags: BarFlags::NONE,
            row: 0,
        };
        let buy = SideBar::of(&bar, Side::Buy);
        assert_eq!(buy, SideBar { open: 101, high: 112, low: 93, close: 109 });
        let sell = SideBar::of(&bar, Side::Sell);
        assert_eq!(sell, SideBar { open: -99, high: -87, low: -108, close: -101 });
        assert_eq!(mirrored(Price::from_ticks(7), Side::Sell), -7);
    }
}
