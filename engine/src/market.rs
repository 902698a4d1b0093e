//! What is known of the market: the first stage.

mod stored;

use qt_types::{
    Event, InstrumentId, Nanos, OrderTick, OrderTickKind, Payload, Price, Side, Tick, TickFlags,
    TickKind,
};

use crate::book::{Book, BookLimits, BookView, OrderBook, OrderBookLimits};
use crate::fx::Rates;

/// Which book is kept of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum BookKind {
    /// None: its data are bars or trades.
    #[default]
    None,
    /// By price.
    Levels(BookLimits),
    /// By order.
    Orders(OrderBookLimits),
}

/// The book of one instrument.
#[derive(Clone)]
enum MarketBook {
    None,
    Levels(Box<Book>),
    Orders(Box<OrderBook>),
}

/// One book, and what changed since its last complete state.
#[derive(Clone)]
struct Slot {
    book: MarketBook,
    top_changed: bool,
}

/// What a tick completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Completed {
    /// Nothing: the venue's update goes on.
    Nothing,
    /// An update that left the best prices and their quantities as they were.
    Update,
    /// An update that changed them.
    TopChange,
}

/// The last price of each instrument, and its book where there is one, in dense tables.
#[derive(Clone)]
pub struct Market {
    last: Vec<Price>,
    /// Empty in runs without books.
    slots: Vec<Slot>,
    now_ns: Nanos,
    /// None in runs with one currency.
    pub(crate) rates: Option<Box<Rates>>,
}

impl Market {
    /// A market of `instruments` instruments without any price or book.
    #[must_use]
    pub fn new(instruments: usize) -> Self {
        let (last, slots) = (vec![Price::ZERO; instruments], Vec::new());
        Self { last, slots, now_ns: Nanos::MIN, rates: None }
    }

    /// The same with the books `kinds`, by instrument. Instruments beyond its end have none.
    #[must_use]
    pub fn with_books(instruments: usize, kinds: &[BookKind]) -> Self {
        let slot = |kind: &BookKind| {
            let book = match kind {
                BookKind::None => MarketBook::None,
                BookKind::Levels(limits) => MarketBook::Levels(Box::new(Book::new(limits))),
                BookKind::Orders(limits) => MarketBook::Orders(Box::new(OrderBook::new(limits))),
            };
            Slot { book, top_changed: false }
        };
        Self { slots: kinds.iter().map(slot).collect(), ..Self::new(instruments) }
    }

    /// Takes in one event. Ticks go through [`Self::on_tick`] and [`Self::on_order`], which tell
    /// what they completed.
    #[inline(always)]
    pub fn on(&mut self, event: &Event) {
        self.now_ns = event.recv_ns;
        let price = match &event.payload {
            Payload::Bar(bar) => bar.close,
            Payload::Trade(trade) => trade.price,
            _ => return,
        };
        self.set_last(event.instrument, price);
    }

    /// Time goes on; what [`Self::on`] does first.
    #[inline(always)]
    pub(crate) fn set_now(&mut self, now_ns: Nanos) {
        self.now_ns = now_ns;
    }

    /// Takes note of the last price of `instrument`.
    #[inline(always)]
    pub fn set_last(&mut self, instrument: InstrumentId, price: Price) {
        if let Some(last) = self.last.get_mut(instrument.index()) {
            *last = price;
        }
    }

    /// A change of a book by price.
    #[inline(always)]
    pub fn on_tick(&mut self, instrument: InstrumentId, tick: &Tick) -> Completed {
        let Some(slot) = self.slots.get_mut(instrument.index()) else { return Completed::Nothing };
        let MarketBook::Levels(book) = &mut slot.book else { return Completed::Nothing };
        let changed = book.apply(tick);
        slot.completed(changed, tick.flags())
    }

    /// The same for a tick of which it is known that it is a level.
    #[inline(always)]
    pub(crate) fn on_level(&mut self, instrument: InstrumentId, tick: Tick) -> Completed {
        let Some(slot) = self.slots.get_mut(instrument.index()) else { return Completed::Nothing };
        let MarketBook::Levels(book) = &mut slot.book else { return Completed::Nothing };
        let changed = book.apply_level(tick);
        slot.completed(changed, tick.flags())
    }

    /// The book by price of `instrument`, and whether its best prices have changed since its last
    /// complete state.
    #[inline]
    pub(crate) fn open_book(&mut self, instrument: InstrumentId) -> Option<(&mut Book, &mut bool)> {
        let slot = self.slots.get_mut(instrument.index())?;
        match &mut slot.book {
            MarketBook::Levels(book) => Some((book, &mut slot.top_changed)),
            MarketBook::None | MarketBook::Orders(_) => None,
        }
    }

    /// The book by price of `instrument` and its last price, between two updates that changed its
    /// best prices, while its sides do not meet.
    #[inline]
    pub(crate) fn settled(&mut self, instrument: InstrumentId) -> Option<(&mut Book, &mut Price)> {
        let slot = self.slots.get_mut(instrument.index()).filter(|slot| !slot.top_changed)?;
        let last = self.last.get_mut(instrument.index())?;
        match &mut slot.book {
            MarketBook::Levels(book) if !book.is_crossed() => Some((book, last)),
            _ => None,
        }
    }

    /// A change of a book by order; an execution sets the last price.
    #[inline]
    pub fn on_order(&mut self, instrument: InstrumentId, tick: &OrderTick) -> Completed {
        if tick.is_trade() {
            self.set_last(instrument, Price::from_ticks(tick.price));
        }
        let Some(slot) = self.slots.get_mut(instrument.index()) else { return Completed::Nothing };
        let MarketBook::Orders(book) = &mut slot.book else { return Completed::Nothing };
        let changed = book.apply(tick);
        slot.completed(changed, tick.flags())
    }

    /// Trading in `instrument` goes on, or stops: known from the venue's answers and not from its
    /// data. The book shows it like a halt that the data tells of.
    pub fn on_status(&mut self, instrument: InstrumentId, is_open: bool) -> Completed {
        let (venue_ns, qty) = (self.now_ns.get(), i64::from(is_open));
        let (price, latency_ns, flags) = (0, 0, TickFlags::LAST.bits());
        // The number of the instrument in its file, which nobody reads here.
        let of_file = 0;
        if self.orders(instrument).is_none() {
            let kind = TickKind::Status as u8;
            let tick = Tick { venue_ns, price, qty, latency_ns, instrument: of_file, kind, flags };
            return self.on_tick(instrument, &tick);
        }
        let (kind, order) = (OrderTickKind::Status as u8, 0);
        let tick =
            OrderTick { venue_ns, order, price, qty, latency_ns, instrument: of_file, kind, flags };
        self.on_order(instrument, &tick)
    }

    /// The last traded price in ticks, or where nothing was traded yet the middle of the book;
    /// `None` before there is either.
    #[must_use]
    #[inline]
    pub fn last(&self, instrument: InstrumentId) -> Option<Price> {
        match self.last.get(instrument.index()).copied().filter(|price| price.ticks() > 0) {
            None if !self.slots.is_empty() => self.middle(instrument),
            last => last,
        }
    }

    /// The last traded price, or the last close of a bar; `None` before there was one.
    #[must_use]
    #[inline]
    pub fn last_trade(&self, instrument: InstrumentId) -> Option<Price> {
        self.last.get(instrument.index()).copied().filter(|price| price.ticks() > 0)
    }

    /// The price at which a position counts, in ticks: the middle of the book, half-even to a
    /// tick; without a book of two sides the last price.
    #[must_use]
    #[inline]
    pub fn mark(&self, instrument: InstrumentId) -> Option<Price> {
        if self.slots.is_empty() {
            return self.last(instrument);
        }
        self.middle(instrument).or_else(|| self.last(instrument))
    }

    /// Whether the book says what a position counts at ([`Self::mark`]), so that trades do not.
    #[must_use]
    pub fn marks_by_book(&self, instrument: InstrumentId) -> bool {
        !self.slots.is_empty() && self.middle(instrument).is_some()
    }

    #[inline(never)]
    fn middle(&self, instrument: InstrumentId) -> Option<Price> {
        self.book(instrument)?.mid().filter(|price| price.ticks() > 0)
    }

    /// The book of `instrument`, where it has one.
    #[must_use]
    #[inline]
    pub fn book(&self, instrument: InstrumentId) -> Option<BookView<'_>> {
        match &self.slots.get(instrument.index())?.book {
            MarketBook::None => None,
            MarketBook::Levels(book) => Some(book.view()),
            MarketBook::Orders(book) => Some(book.view()),
        }
    }

    /// The book by order of `instrument`, where it has one.
    #[must_use]
    pub fn orders(&self, instrument: InstrumentId) -> Option<&OrderBook> {
        match &self.slots.get(instrument.index())?.book {
            MarketBook::Orders(book) => Some(book),
            MarketBook::None | MarketBook::Levels(_) => None,
        }
    }

    /// The best price that an order of `side` meets: the best ask for a buy.
    #[must_use]
    pub fn touch(&self, instrument: InstrumentId, side: Side) -> Option<Price> {
        self.book(instrument)?.best_price(side.opposite())
    }

    /// The time of the last event (UTC ns).
    #[must_use]
    #[inline]
    pub const fn now_ns(&self) -> Nanos {
        self.now_ns
    }
}

impl Slot {
    #[inline(always)]
    fn completed(&mut self, changed: bool, flags: TickFlags) -> Completed {
        let changed = self.top_changed | changed;
        let is_last = flags.has(TickFlags::LAST);
        self.top_changed = changed & !is_last;
        match (is_last, changed) {
            (false, _) => Completed::Nothing,
            (true, false) => Completed::Update,
            (true, true) => Completed::TopChange,
        }
    }
}

impl std::fmt::Debug for Market {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Books are large.
        f.debug_struct("Market").field("last", &self.last).field("now_ns", &self.now_ns).finish()
    }
}
