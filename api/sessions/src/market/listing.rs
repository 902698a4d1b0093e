//! One instrument: its units, its book, and the last of everything for whoever asks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use qt_types::{InstrumentKind, InstrumentSpec, Price, Qty, Side, Tick, TickKind, Trade};
use tokio::sync::{broadcast, watch};

use super::candles::CandleStore;
use super::day::DayFigures;
use crate::units::{price_amount, qty_amount, scaled, shown_side};
use qt_trading::amount::Amount;
use qt_trading::time::Time;
use qt_trading::{Book, BookLevel, Instrument, Quote, TradePrint};

/// Levels of a published book.
const DEPTH: usize = 50;
/// Trades that a slow listener may be behind.
const TRADES_KEPT: usize = 1_024;

/// What all may read.
#[derive(Debug)]
pub struct Listing {
    pub(super) instrument: Instrument,
    pub(super) spec: InstrumentSpec,
    pub(super) quote: watch::Sender<Arc<Quote>>,
    pub(super) book: watch::Sender<Arc<Book>>,
    pub(super) trades: broadcast::Sender<Arc<TradePrint>>,
    candles: Mutex<CandleStore>,
}

/// What only the thread of the source has.
#[derive(Debug, Default)]
pub struct LiveBook {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
    last: Option<(i64, i64)>,
    day: DayFigures,
    seq: u64,
    pub(super) as_of_ns: i64,
    pub(super) is_dirty: bool,
}

impl Listing {
    pub(super) fn new(spec: InstrumentSpec, venue: &str) -> Self {
        let symbol = spec.symbol().to_owned();
        let instrument = Instrument {
            symbol: symbol.clone(),
            venue: venue.to_owned(),
            kind: kind_text(spec.kind()).to_owned(),
            currency: spec.currency().to_owned(),
            tick_size: scaled(spec.tick_e9().into(), 9),
            lot_size: scaled(spec.lot_e9().into(), 9),
            min_notional: None,
            contract_size: scaled(spec.multiplier_e9().into(), 9),
            session_state: "open".to_owned(),
        };
        let quote = Quote {
            symbol: symbol.clone(),
            bid: None,
            bid_quantity: None,
            ask: None,
            ask_quantity: None,
            last: None,
            last_quantity: None,
            open: None,
            high: None,
            low: None,
            volume: Amount::default(),
            change: None,
            is_stale: true,
            as_of: Time(0),
        };
        let (bids, asks) = (Vec::new(), Vec::new());
        let book = Book { symbol, bids, asks, seq: 0, is_stale: true, as_of: Time(0) };
        Self {
            instrument,
            spec,
            quote: watch::Sender::new(Arc::new(quote)),
            book: watch::Sender::new(Arc::new(book)),
            trades: broadcast::Sender::new(TRADES_KEPT),
            candles: Mutex::default(),
        }
    }

    pub(super) fn candles(&self) -> std::sync::MutexGuard<'_, CandleStore> {
        self.candles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows how `live` stands.
    pub(super) fn publish(&self, live: &mut LiveBook) {
        live.is_dirty = false;
        live.day.turn(live.as_of_ns);
        self.quote.send_replace(Arc::new(live.quote(self)));
        self.book.send_replace(Arc::new(live.book(self)));
    }

    pub(super) fn print(&self, trade: &Trade, at_ns: i64) {
        let (price, lots) = (trade.price.ticks(), trade.qty.lots());
        self.candles().trade(at_ns, price, lots);
        if self.trades.receiver_count() > 0 {
            // Nobody who listens is no fault.
            let _ = self.trades.send(Arc::new(TradePrint {
                symbol: self.instrument.symbol.clone(),
                price: price_amount(&self.spec, trade.price),
                quantity: qty_amount(&self.spec, trade.qty),
                taker_side: trade.aggressor.map(shown_side),
                executed_at: Time(at_ns),
            }));
        }
    }
}

impl LiveBook {
    /// A level of the book.
    pub(super) fn level(&mut self, tick: &Tick) {
        let side = if tick.side() == Side::Buy { &mut self.bids } else { &mut self.asks };
        match tick.kind() {
            Some(TickKind::Clear) => side.clear(),
            _ if tick.qty == 0 => {
                side.remove(&tick.price);
            }
            _ => {
                side.insert(tick.price, tick.qty);
            }
        }
        self.note(tick.venue_ns);
    }

    pub(super) fn trade(&mut self, trade: &Trade, at_ns: i64) {
        let (price, lots) = (trade.price.ticks(), trade.qty.lots());
        self.last = Some((price, lots));
        self.day.trade(at_ns, price, lots);
        self.note(at_ns);
    }

    const fn note(&mut self, at_ns: i64) {
        self.seq += 1;
        self.as_of_ns = at_ns;
        self.is_dirty = true;
    }

    /// The levels of both sides, as they are.
    pub(super) fn levels(&self) -> impl Iterator<Item = (Side, i64, i64)> {
        let bids = self.bids.iter().map(|(price, lots)| (Side::Buy, *price, *lots));
        bids.chain(self.asks.iter().map(|(price, lots)| (Side::Sell, *price, *lots)))
    }

    fn quote(&self, of: &Listing) -> Quote {
        let spec = &of.spec;
        let price = |ticks: i64| price_amount(spec, Price::from_ticks(ticks));
        let qty = |lots: i64| qty_amount(spec, Qty::from_lots(lots));
        let (bid, ask) = (self.bids.last_key_value(), self.asks.first_key_value());
        let [open, high, low] = match self.day.prices {
            Some(prices) => prices.map(|ticks| Some(price(ticks))),
            None => [None; 3],
        };
        let change = self.last.zip(self.day.prices).map(|(last, day)| price(last.0 - day[0]));
        Quote {
            symbol: of.instrument.symbol.clone(),
            bid: bid.map(|(at, _)| price(*at)),
            bid_quantity: bid.map(|(_, lots)| qty(*lots)),
            ask: ask.map(|(at, _)| price(*at)),
            ask_quantity: ask.map(|(_, lots)| qty(*lots)),
            last: self.last.map(|last| price(last.0)),
            last_quantity: self.last.map(|last| qty(last.1)),
            open,
            high,
            low,
            volume: qty(self.day.volume),
            change,
            is_stale: false,
            as_of: Time(self.as_of_ns),
        }
    }

    fn book(&self, of: &Listing) -> Book {
        let level = |(price, lots): (&i64, &i64)| BookLevel {
            price: price_amount(&of.spec, Price::from_ticks(*price)),
            quantity: qty_amount(&of.spec, Qty::from_lots(*lots)),
        };
        Book {
            symbol: of.instrument.symbol.clone(),
            bids: self.bids.iter().rev().take(DEPTH).map(level).collect(),
            asks: self.asks.iter().take(DEPTH).map(level).collect(),
            seq: self.seq,
            is_stale: false,
            as_of: Time(self.as_of_ns),
        }
    }
}

const fn kind_text(kind: InstrumentKind) -> &'static str {
    match kind {
        InstrumentKind::Equity => "equity",
        InstrumentKind::Spot => "spot",
        InstrumentKind::Fx => "fx",
        InstrumentKind::Future | InstrumentKind::InverseFuture => "future",
        InstrumentKind::Perpetual | InstrumentKind::InversePerpetual => "perpetual",
        InstrumentKind::Index => "index",
    }
}
