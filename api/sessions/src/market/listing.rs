//! One instrument: its units, its book, and the last of everything for whoever asks.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use qt_types::{InstrumentKind, InstrumentSpec, Price, Qty, Side, Tick, TickKind, Trade};
use tokio::sync::{broadcast, watch};

use super::archive::Archive;
use super::candles::{CandleStore, RawCandle};
use super::day::DayFigures;
use crate::units::{price_amount, qty_amount, scaled, shown_side};
use qt_trading::amount::Amount;
use qt_trading::time::Time;
use qt_trading::{Book, BookLevel, Instrument, Quote, TradePrint};

/// Levels of a published book.
const DEPTH: usize = 50;
/// Minutes of so long before are taken into memory at the start (ns).
const KEPT_NS: i64 = 7 * 86_400_000_000_000;
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
    /// Minutes that are over, on the disk.
    archive: Option<Archive>,
}

/// What only the thread of the source has.
#[derive(Debug, Default)]
pub struct LiveBook {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
    /// Sides, bids first, of which more than the best price is told.
    has_levels: [bool; 2],
    last: Option<(i64, i64)>,
    day: DayFigures,
    seq: u64,
    /// Something of it was lost, and it has not been told anew.
    is_stale: bool,
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
            archive: None,
        }
    }

    /// Keeps minutes in `folder`, and goes on with those that are there.
    pub(super) fn keep_in(&mut self, folder: &Path) -> io::Result<()> {
        let archive = Archive::open(folder, &self.spec)?;
        let since_ns = Time::now().0.saturating_sub(KEPT_NS);
        self.candles().recall(archive.read(since_ns, i64::MAX)?);
        self.archive = Some(archive);
        Ok(())
    }

    /// The minute that is not over goes to the disk as well: the process ends.
    pub(super) fn keep_last(&self) {
        let last = self.candles().minute();
        if let (Some(archive), Some(last)) = (&self.archive, last) {
            archive.add(&last);
        }
    }

    /// See [`CandleStore::get`]; older ones come from the disk.
    pub(super) fn candles_of(
        &self,
        interval_ns: i64,
        range: (i64, i64),
        limit: usize,
    ) -> Vec<RawCandle> {
        let missing = self.candles().missing(interval_ns, range, limit);
        let older = match (&self.archive, missing) {
            (Some(archive), Some((from_ns, to_ns))) => {
                archive.read(from_ns, to_ns).unwrap_or_else(|error| {
                    tracing::warn!(%error, "old candles cannot be read");
                    Vec::new()
                })
            }
            _ => Vec::new(),
        };
        self.candles().get(&older, interval_ns, range, limit)
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
        let over = self.candles().trade(at_ns, price, lots);
        if let (Some(archive), Some(over)) = (&self.archive, over) {
            archive.add(&over);
        }
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
        let is_bid = tick.side() == Side::Buy;
        let side = if is_bid { &mut self.bids } else { &mut self.asks };
        let has_levels = &mut self.has_levels[usize::from(!is_bid)];
        match tick.kind() {
            Some(TickKind::Clear) => {
                side.clear();
                *has_levels = false;
            }
            // Nothing of it can be trusted until it is told anew.
            Some(TickKind::Gap) => {
                self.bids.clear();
                self.asks.clear();
                self.has_levels = [false; 2];
                self.is_stale = true;
            }
            Some(TickKind::Top) => {
                let is_worse = |price: i64| (price < tick.price) == is_bid && price != tick.price;
                side.retain(|price, _| *has_levels && is_worse(*price));
                if tick.qty != 0 {
                    side.insert(tick.price, tick.qty);
                }
            }
            _ if tick.qty == 0 => {
                side.remove(&tick.price);
            }
            _ => {
                side.insert(tick.price, tick.qty);
                *has_levels = true;
            }
        }
        self.is_stale &= self.bids.is_empty() || self.asks.is_empty();
        self.note(tick.venue_ns);
    }

    /// Whether only the best price of `side` is told.
    pub(super) const fn is_top_only(&self, side: Side) -> bool {
        !self.has_levels[match side {
            Side::Buy => 0,
            Side::Sell => 1,
        }]
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

    /// The best `depth` levels of both sides, as they are.
    pub(super) fn levels(&self, depth: usize) -> impl Iterator<Item = (Side, i64, i64)> {
        let bids = self.bids.iter().skip(self.bids.len().saturating_sub(depth));
        let bids = bids.map(|(price, lots)| (Side::Buy, *price, *lots));
        let asks = self.asks.iter().take(depth);
        bids.chain(asks.map(|(price, lots)| (Side::Sell, *price, *lots)))
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
            is_stale: self.is_stale,
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
            is_stale: self.is_stale,
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

#[cfg(test)]
mod tests {
    use qt_types::{BarFlags, E9};

    use super::*;

    const MINUTE_NS: i64 = 60 * E9;

    fn listing(folder: &Path) -> Listing {
        let kind = InstrumentKind::Spot;
        let spec = InstrumentSpec::new("A", "USD", kind, E9, E9, E9).unwrap();
        let mut listing = Listing::new(spec, "test");
        listing.keep_in(folder).unwrap();
        listing
    }

    fn trade(of: &Listing, at_ns: i64, price: i64) {
        let trade = Trade {
            price: Price::from_ticks(price),
            qty: Qty::from_lots(2),
            aggressor: None,
            flags: BarFlags::NONE,
            row: 0,
        };
        of.print(&trade, at_ns);
    }

    /// In minutes from `begin`, with the price at their end and what was traded.
    fn minutes(of: &Listing, begin_ns: i64, limit: usize) -> Vec<(i64, i64, i64)> {
        let all = of.candles_of(MINUTE_NS, (i64::MIN, i64::MAX), limit);
        let shape = |it: &RawCandle| ((it.open_ns - begin_ns) / MINUTE_NS, it.prices[3], it.volume);
        all.iter().map(shape).collect()
    }

    #[test]
    fn candles_outlive_the_process_and_what_memory_keeps() {
        let folder = tempfile::tempdir().unwrap();
        let now_ns = Time::now().0;
        let begin_ns = now_ns - now_ns.rem_euclid(MINUTE_NS) - 20_000 * MINUTE_NS;
        let first = listing(folder.path());
        // More than a week ago, and just now.
        for at in [0, 1, 2, 19_998, 19_999] {
            trade(&first, begin_ns + at * MINUTE_NS, at);
        }
        first.keep_last();
        drop(first);
        let second = listing(folder.path());
        trade(&second, begin_ns + 19_999 * MINUTE_NS + 1, 7);
        let all = [(0, 0, 2), (1, 1, 2), (2, 2, 2), (19_998, 19_998, 2), (19_999, 7, 4)];
        assert_eq!(minutes(&second, begin_ns, 30_000), all);
        assert_eq!(minutes(&second, begin_ns, 1), all[4..], "the minute goes on");
        trade(&second, begin_ns + 20_000 * MINUTE_NS, 8);
        let third = listing(folder.path());
        assert_eq!(minutes(&third, begin_ns, 30_000), all, "what was over is kept");
    }
}
