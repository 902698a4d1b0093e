//! Playing order books at the venue: our orders meet the replayed market, by the rules of
//! `docs/FILLS.md`. Written for buys; sells come mirrored, as for bars: every price negated.

mod arrive;
mod liquidity;
mod own;
mod peg;
mod play;
mod stored;
mod trade;

use qt_engine::book::{Book, BookView, OrderBook};
use qt_engine::{BookKind, LedgerError};
use qt_types::{InstrumentId, Nanos, OrderKind, OrderTick, Price, Side, Tick};

use super::matching::Outcome;
use super::order::Since;
use super::{FillPath, SimOrder, SimVenue};
use liquidity::Taken;
use own::OwnOrders;

/// The market of one instrument as the venue sees it.
#[derive(Debug)]
pub(super) struct BookMarket {
    book: VenueBook,
    /// Where our resting orders are, by side.
    own: [OwnOrders; 2],
    /// What our own fills took of what is displayed.
    taken: Vec<Taken>,
    /// A bit for each price modulo 64 of which something was taken, by side.
    taken_mask: [u64; 2],
    last_trade: Option<Price>,
    /// Whether the data has trades: then they trigger stops, else the best prices do.
    has_trades: bool,
    /// Whether the data tells best prices: then of worse ones nothing may be known.
    has_tops: bool,
    /// Whether an order of ours follows the best prices, or the margin of a position is watched.
    has_pegs: bool,
    /// Whether they have changed since those looked.
    pegs_due: bool,
    is_watched: bool,
}

enum VenueBook {
    Levels(Box<Book>),
    Orders(Box<OrderBook>),
}

impl VenueBook {
    #[inline]
    fn view(&self) -> BookView<'_> {
        match self {
            Self::Levels(book) => book.view(),
            Self::Orders(book) => book.view(),
        }
    }
}

impl std::fmt::Debug for VenueBook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Levels(_) => "by price",
            Self::Orders(_) => "by order",
        })
    }
}

/// Levels of which our fills took something and that were not told since: there is room for so
/// many from the start.
const TAKEN_MAX: usize = 32;

impl BookMarket {
    /// A market with a book of kind `kind`; `None` for none.
    pub(super) fn new(kind: &BookKind) -> Option<Self> {
        let book = match kind {
            BookKind::None => return None,
            BookKind::Levels(limits) => VenueBook::Levels(Box::new(Book::new(limits))),
            BookKind::Orders(limits) => VenueBook::Orders(Box::new(OrderBook::new(limits))),
        };
        Some(Self {
            book,
            own: [OwnOrders::NONE; 2],
            taken: Vec::with_capacity(TAKEN_MAX),
            taken_mask: [0; 2],
            last_trade: None,
            has_trades: false,
            has_tops: false,
            has_pegs: false,
            pegs_due: false,
            is_watched: false,
        })
    }

    #[inline]
    fn view(&self) -> BookView<'_> {
        self.book.view()
    }

    #[inline(always)]
    fn apply(&mut self, tick: &Tick) -> bool {
        match &mut self.book {
            VenueBook::Levels(book) => book.apply(tick),
            VenueBook::Orders(_) => false,
        }
    }

    /// The same for a tick of which it is known that it is a level.
    #[inline(always)]
    fn apply_level(&mut self, tick: Tick) -> bool {
        match &mut self.book {
            VenueBook::Levels(book) => book.apply_level(tick),
            VenueBook::Orders(_) => false,
        }
    }

    #[inline(always)]
    fn apply_order(&mut self, tick: &OrderTick) -> bool {
        match &mut self.book {
            VenueBook::Levels(_) => false,
            VenueBook::Orders(book) => book.apply(tick),
        }
    }

    /// An order of ours has come to the venue.
    pub(super) fn note_new(&mut self, order: &SimOrder) {
        self.has_pegs |= matches!(order.kind, OrderKind::Pegged { .. });
    }

    /// The best price that an order of `side` meets, mirrored for it.
    #[inline]
    fn opposite_best(&self, side: Side) -> Option<i64> {
        let price = self.view().best_price(side.opposite())?;
        Some(price.ticks() * side.sign())
    }
}

impl SimVenue {
    /// The market of `instrument`, where it has a book.
    #[inline]
    pub(super) fn market(&mut self, instrument: InstrumentId) -> Option<&mut BookMarket> {
        self.markets.get_mut(instrument.index()).and_then(Option::as_mut)
    }

    /// Whether of `instrument`, whose data are ticks, nothing but trades was told so far.
    #[must_use]
    pub fn is_bookless(&self, instrument: InstrumentId) -> bool {
        let market = self.markets.get(instrument.index()).and_then(Option::as_ref);
        market.is_some_and(|market| market.has_trades && market.view().venue_ns() == Nanos::MIN)
    }

    /// The book of `instrument` as the venue sees it.
    #[must_use]
    pub fn book(&self, instrument: InstrumentId) -> Option<BookView<'_>> {
        self.markets.get(instrument.index())?.as_ref().map(BookMarket::view)
    }

    /// Fills at most `lots` lots of the order at `at` at `price` (mirrored), and what follows
    /// from it for its protective orders.
    fn fill_lots(
        &mut self,
        at: usize,
        price: i64,
        lots: i64,
        path: FillPath,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let index = self.orders[at].instrument.index();
        self.note_mark(self.orders[at].instrument);
        self.tapes[index].budget = Some(lots);
        let outcome = Outcome::Fills { price, liquidity: path.liquidity(), slips: false };
        self.path = path;
        let done = self.act(at, outcome, now_ns, Since::Before);
        self.path = FillPath::Market;
        self.tapes[index].budget = None;
        done
    }

    /// Gives the account the middle of the book, for its checks.
    pub(super) fn note_mark(&mut self, instrument: InstrumentId) {
        let Some(Some(market)) = self.markets.get(instrument.index()) else { return };
        // As our side marks its positions.
        if let Some(price) =
            market.view().mid().or(market.last_trade).filter(|price| price.ticks() > 0)
        {
            self.account.set_last(instrument, price);
        }
    }

    /// From now on, or no longer, the margin of a position here is watched.
    pub(super) fn watch_book(&mut self, instrument: InstrumentId, is_watched: bool) {
        if let Some(market) = self.market(instrument) {
            market.is_watched = is_watched;
            market.has_pegs |= is_watched;
        }
    }

    /// Our live orders of `side` in `instrument` whose limit binds, best price first, then
    /// oldest first, into the scratch list.
    fn list_resting(&mut self, instrument: InstrumentId, side: Side) {
        let mut list = std::mem::take(&mut self.scratch);
        list.clear();
        let orders = &self.orders;
        list.extend((0..orders.len()).filter(|&at| {
            orders[at].instrument == instrument && orders[at].side == side && orders[at].rests()
        }));
        list.sort_by_key(|&at| (std::cmp::Reverse(orders[at].limit()), at));
        self.scratch = list;
    }

    /// After orders of `instrument` came, went or changed: takes out what ended and looks up
    /// anew where our orders rest.
    pub(super) fn tidy(&mut self, instrument: InstrumentId) {
        self.sweep();
        self.tidy_own(instrument);
    }

    /// The same where orders came, filled and ended, and none moved: one that rests is noted when
    /// it comes to its price.
    pub(super) fn tidy_ended(&mut self, instrument: InstrumentId) {
        let has_ended = self.sweep();
        let market = self.markets.get(instrument.index()).and_then(Option::as_ref);
        if has_ended || market.is_some_and(|market| !market.taken.is_empty()) {
            self.tidy_own(instrument);
        }
    }

    /// The same for every instrument.
    pub(super) fn tidy_all(&mut self) {
        self.sweep();
        for index in 0..self.markets.len() {
            self.tidy_own(InstrumentId(u16::try_from(index).unwrap_or(u16::MAX)));
        }
    }

    /// Looks up anew where our orders rest.
    fn tidy_own(&mut self, instrument: InstrumentId) {
        let orders = &self.orders;
        if let Some(Some(market)) = self.markets.get_mut(instrument.index()) {
            market.own = [OwnOrders::NONE; 2];
            market.has_pegs = market.is_watched;
            for order in orders.iter().filter(|o| o.instrument == instrument && !o.ended) {
                market.has_pegs |= matches!(order.kind, OrderKind::Pegged { .. });
                if let Some(limit) = order.limit().filter(|_| order.rests()) {
                    market.own[order.side as usize].add(limit, order.actual(limit));
                }
            }
            market.forget_gone();
        }
    }
}

impl SimOrder {
    /// Whether it rests in the book: its limit binds and it is alive.
    pub(super) fn rests(&self) -> bool {
        !self.ended && self.queue.is_some() && self.since != Since::Held
    }
}
