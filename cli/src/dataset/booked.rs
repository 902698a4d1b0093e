//! Records of ticks of which a book can be built, and the book as records again.

use qt_data::export::Spoken;
use qt_engine::book::{
    Book, BookFaults, BookLimits, BookView, CrossPolicy, OrderBook, OrderBookFaults,
    OrderBookLimits,
};
use qt_types::{OrderTick, OrderTickKind, Price, Side, Tick, TickFlags, TickKind};

/// A record that a book can be built of.
pub trait Booked: Spoken {
    /// Its book.
    type Book;

    /// An empty book around the first price.
    fn book(first: Price) -> Self::Book;

    /// Its price.
    fn price(&self) -> Price;

    /// Its flags.
    fn flags(&self) -> TickFlags;

    /// Takes the record into `book`.
    fn apply(&self, book: &mut Self::Book);

    /// What can be seen of `book`.
    fn view(book: &Self::Book) -> BookView<'_>;

    /// Crossed updates, gaps, misfits.
    fn faults(book: &Self::Book) -> [u64; 3];

    /// Records that build `book` from nothing at `venue_ns` (UTC ns). They do not end an update:
    /// the one that follows does.
    fn snapshot(book: &Self::Book, venue_ns: i64, instrument: u16) -> Vec<Self>;
}

/// The flags of a record of a snapshot about `side`.
fn bits(side: Side) -> u8 {
    let side = if side == Side::Sell { TickFlags::ASK } else { TickFlags::NONE };
    side.with(TickFlags::SNAPSHOT).bits()
}

impl Booked for Tick {
    type Book = Book;

    fn book(first: Price) -> Book {
        Book::new(&BookLimits::around(first).with_crosses(CrossPolicy::Uncross))
    }

    fn price(&self) -> Price {
        Self::price(self)
    }

    fn flags(&self) -> TickFlags {
        Self::flags(self)
    }

    fn apply(&self, book: &mut Book) {
        book.apply(self);
    }

    fn view(book: &Book) -> BookView<'_> {
        book.view()
    }

    fn faults(book: &Book) -> [u64; 3] {
        let BookFaults { crossed, overflow, negative_qty, gaps, .. } = *book.faults();
        [crossed, gaps, overflow + negative_qty]
    }

    fn snapshot(book: &Book, venue_ns: i64, instrument: u16) -> Vec<Self> {
        let of = |kind: TickKind, side, price, qty| {
            let (kind, flags) = (kind as u8, bits(side));
            Self { venue_ns, price, qty, latency_ns: 0, instrument, kind, flags }
        };
        let mut all = Vec::new();
        if book.view().is_halted() {
            all.push(of(TickKind::Status, Side::Buy, 0, 0));
        }
        all.extend([Side::Buy, Side::Sell].map(|side| of(TickKind::Clear, side, 0, 0)));
        for side in [Side::Buy, Side::Sell] {
            // A feed that tells the best prices only goes on to do so.
            let has_levels = book.side(side).has_levels();
            let kind = if has_levels { TickKind::Level } else { TickKind::Top };
            let levels = book.view().levels(side);
            all.extend(levels.map(|(price, qty)| of(kind, side, price.ticks(), qty.lots())));
        }
        all
    }
}

impl Booked for OrderTick {
    type Book = OrderBook;

    fn book(first: Price) -> OrderBook {
        OrderBook::new(&OrderBookLimits {
            window_ticks: BookLimits::around(first).window_ticks,
            crosses: CrossPolicy::Uncross,
            ..OrderBookLimits::default()
        })
    }

    fn price(&self) -> Price {
        Price::from_ticks(self.price)
    }

    fn flags(&self) -> TickFlags {
        Self::flags(self)
    }

    fn apply(&self, book: &mut OrderBook) {
        book.apply(self);
    }

    fn view(book: &OrderBook) -> BookView<'_> {
        book.view()
    }

    fn faults(book: &OrderBook) -> [u64; 3] {
        let OrderBookFaults {
            unknown_order,
            duplicate_order,
            over_reduced,
            over_executed,
            side_changed,
            invalid,
            overflow,
            ..
        } = *book.faults();
        let misfits = unknown_order
            + duplicate_order
            + over_reduced
            + over_executed
            + side_changed
            + invalid
            + overflow;
        let levels = book.book().faults();
        [levels.crossed, levels.gaps, misfits]
    }

    fn snapshot(book: &OrderBook, venue_ns: i64, instrument: u16) -> Vec<Self> {
        let of = |kind: OrderTickKind, side, order, price, qty| {
            let (kind, flags) = (kind as u8, bits(side));
            Self { venue_ns, order, price, qty, latency_ns: 0, instrument, kind, flags }
        };
        let mut all = Vec::new();
        if book.view().is_halted() {
            all.push(of(OrderTickKind::Status, Side::Buy, 0, 0, 0));
        }
        all.extend([Side::Buy, Side::Sell].map(|side| of(OrderTickKind::Clear, side, 0, 0, 0)));
        for side in [Side::Buy, Side::Sell] {
            for (price, _) in book.view().levels(side) {
                // Those in front first: each goes behind the ones before it.
                all.extend(book.queue_at(side, price).map(|resting| {
                    of(OrderTickKind::Add, side, resting.id, price.ticks(), resting.qty.lots())
                }));
            }
        }
        all
    }
}
