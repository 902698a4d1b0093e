//! The price that orders are held against.

use qt_engine::Exposure;
use qt_types::{InstrumentId, Nanos};
use serde::{Deserialize, Serialize};

/// Where a reference price comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ReferenceSource {
    /// There is none.
    #[default]
    None,
    /// The middle of the book.
    Mid,
    /// The last price: a trade, or the close of a bar.
    Last,
}

impl ReferenceSource {
    /// `none`, `mid` or `last`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Mid => "mid",
            Self::Last => "last",
        }
    }
}

/// A reference price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reference {
    /// Twice the price, in ticks: a middle may lie between two of them. Zero for none.
    pub price_x2: i64,
    /// Where it comes from.
    pub source: ReferenceSource,
    /// When the feed of the instrument was last heard (UTC ns).
    pub seen_ns: Nanos,
    /// Whether the book cannot be trusted: crossed, locked, or something of it was lost.
    pub is_untrusted: bool,
    /// Whether the book says that trading is halted.
    pub is_halted: bool,
}

impl Reference {
    /// The reference price of `instrument`, whose feed was last heard at `seen_ns`: the middle of
    /// a book of two sides, else the last price.
    #[inline(always)]
    pub(crate) fn of(exposure: &Exposure<'_>, instrument: InstrumentId, seen_ns: i64) -> Self {
        let mut reference = Self { seen_ns: Nanos::new(seen_ns), ..Self::default() };
        if let Some(book) = exposure.book(instrument) {
            reference.is_halted = book.is_halted();
            reference.is_untrusted = book.is_stale();
            if let Some((bid, ask)) = book.best_prices() {
                reference.is_untrusted |= bid >= ask;
                reference.price_x2 = bid.ticks().saturating_add(ask.ticks());
                reference.source = ReferenceSource::Mid;
            }
        }
        if reference.price_x2 <= 0 {
            let last = exposure.last(instrument).map_or(0, qt_types::Price::ticks);
            reference.price_x2 = last.saturating_mul(2);
            reference.source = if last > 0 { ReferenceSource::Last } else { ReferenceSource::None };
        }
        reference
    }

    /// The price in whole ticks, rounded up; zero for none.
    #[inline]
    pub(crate) const fn ticks_up(&self) -> i64 {
        self.price_x2 / 2 + self.price_x2 % 2
    }
}
