//! A strategy that quotes and takes by chance, and its bugs.

use std::sync::atomic::{AtomicU64, Ordering};

use qt_engine::{BookInterest, BookView, Context, Strategy};
use qt_types::{OrderKind, Place, Price, Qty, Side, Size};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraderBug {
    /// Decides by something that is no event.
    LooksOutside,
    /// Sells where it should buy, once in a while.
    SwapsSides,
    /// Counts from one where it counted from zero.
    OffByOne,
    /// Cancels an order of its own less.
    ForgetsACancel,
}

impl TraderBug {
    pub const ALL: [Self; 4] =
        [Self::LooksOutside, Self::SwapsSides, Self::OffByOne, Self::ForgetsACancel];
}

/// What no replay can know.
static OUTSIDE: AtomicU64 = AtomicU64::new(0);

pub struct Trader {
    state: u64,
    updates: u64,
    bug: Option<TraderBug>,
}

impl Trader {
    pub fn new(seed: u64, bug: Option<TraderBug>) -> Self {
        let updates = u64::from(bug == Some(TraderBug::OffByOne));
        Self { state: seed, updates, bug }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
        self.state >> 33
    }
}

impl Strategy for Trader {
    fn on_book(&mut self, book: BookView<'_>, ctx: &mut Context<'_>) {
        let Some((bid, ask)) = book.best_bid().zip(book.best_ask()) else { return };
        self.updates += 1;
        let mut chance = self.next();
        if self.bug == Some(TraderBug::LooksOutside) {
            chance ^= OUTSIDE.fetch_add(1, Ordering::Relaxed) / 300;
        }
        if !self.updates.is_multiple_of(4) {
            return;
        }
        let open: Vec<_> = ctx.orders().map(|order| order.id).collect();
        // Now and then it cancels what it has: sooner than it is denied more, or later.
        if open.len() >= 6 || (open.len() == 5 && chance.is_multiple_of(3)) {
            let skip = usize::from(
                self.bug == Some(TraderBug::ForgetsACancel) && chance.is_multiple_of(8),
            );
            open.iter().skip(skip).for_each(|order| ctx.cancel(*order));
            return;
        }
        let mut side = if chance.is_multiple_of(2) { Side::Buy } else { Side::Sell };
        if self.bug == Some(TraderBug::SwapsSides) && chance % 16 == 5 {
            side = if side == Side::Buy { Side::Sell } else { Side::Buy };
        }
        let best = if side == Side::Buy { bid.0 } else { ask.0 };
        let kind = match chance / 2 % 5 {
            0 => OrderKind::Market,
            away => OrderKind::Limit {
                price: Price::from_ticks(best.ticks() - side.sign() * (away as i64 - 1)),
            },
        };
        let lots = Qty::from_lots(1 + (chance / 32 % 5) as i64);
        ctx.place(Place::new(ctx.instrument(), side, kind).size(Size::Fixed(lots)));
    }

    fn interest(&self) -> BookInterest {
        BookInterest::TopChange
    }
}
