//! The strategy of the bench: small, but what it does depends on the book.

use qt_engine::{BookInterest, BookView, Context, Strategy};
use qt_types::{OrderKind, Place, Price, Qty, Side, Size, TimeInForce};

/// Levels of each side that it weighs.
pub const WEIGHTS: [i64; 5] = [5, 4, 3, 2, 1];
/// Orders that come to rest far from the market before anything is measured, because an account
/// that trades has some.
pub const RESTING: u64 = 100;
/// How far away they rest, in ticks.
const AWAY: i64 = 5_000;
/// The lots of an order are below this.
const LOTS: i64 = 1_000;

/// Weighs the best five levels of both sides at every update and takes from the lighter side:
/// price, side and size all follow from the book.
#[derive(Clone, Debug, Default)]
pub struct Weigher {
    asked: u64,
}

impl Weigher {
    fn rest(&self, book: BookView<'_>) -> Option<Place> {
        let side = if self.asked.is_multiple_of(2) { Side::Buy } else { Side::Sell };
        let (best, _) = book.best(side)?;
        let away = AWAY + self.asked as i64;
        let price = Price::from_ticks(best.ticks() - side.sign() * away);
        let place = Place::new(qt_types::InstrumentId(0), side, OrderKind::Limit { price });
        Some(place.size(Size::Fixed(Qty::from_lots(1 + self.asked as i64))))
    }

    fn take(book: BookView<'_>) -> Option<Place> {
        let weigh = |side| -> i64 {
            let levels = book.levels(side).zip(WEIGHTS);
            levels.map(|((_, qty), weight)| weight * qty.lots()).sum()
        };
        let (bids, asks) = (weigh(Side::Buy), weigh(Side::Sell));
        let side = if bids > asks { Side::Buy } else { Side::Sell };
        let (price, _) = book.best(side.opposite())?;
        let place = Place::new(qt_types::InstrumentId(0), side, OrderKind::Limit { price });
        let lots = 1 + (bids + asks) % LOTS;
        Some(place.tif(TimeInForce::Ioc).size(Size::Fixed(Qty::from_lots(lots))))
    }
}

impl Strategy for Weigher {
    fn interest(&self) -> BookInterest {
        BookInterest::EveryUpdate
    }

    fn on_book(&mut self, book: BookView<'_>, ctx: &mut Context<'_>) {
        let place = if self.asked < RESTING { self.rest(book) } else { Self::take(book) };
        if let Some(place) = place {
            self.asked += 1;
            ctx.place(place);
        }
    }
}
