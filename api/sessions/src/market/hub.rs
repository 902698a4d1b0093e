//! The port of market data over the threads of the sources.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam::channel::{Sender, unbounded};
use crossbeam::sync::Unparker;
use qt_data::error::DataError;
use qt_data::generate::GenerateError;
use qt_ring::SetupError;
use qt_runtime::live::FeedReader;
use qt_types::{InstrumentSpec, SpecError, parse_e9};
use tokio::sync::{broadcast, watch};

use super::listing::Listing;
use super::outlets::Outlet;
use super::recording::{RecordedFeed, Recording};
use super::source::{Rows, SourceThread};
use super::synthetic::{SyntheticInstrument, defaults};
use super::venue::{Coming, VenueFeed};
use crate::units::{price_amount, qty_amount};
use qt_trading::time::Time;
use qt_trading::{Book, Candle, Candles, FeedState, Instrument, MarketData, Quote, TradePrint};

/// The deepest book that is shown.
const DEPTH_MAX: usize = 50;
/// What counts as the dollars of paper accounts.
const DOLLARS: [&str; 5] = ["USD", "USDT", "USDC", "FDUSD", "BUSD"];
/// Nothing was heard of an instrument for so long: it is stale (ns).
const STALE_NS: i64 = 10_000_000_000;

/// What a hub is made from.
#[derive(Clone, Debug)]
pub struct HubSettings {
    /// The instruments of the synthetic market; none of it where there are recordings.
    pub instruments: Vec<SyntheticInstrument>,
    /// Recordings that are the market instead.
    pub recordings: Vec<RecordedFeed>,
    /// A venue that is the market instead of both.
    pub venue: Option<Arc<dyn VenueFeed>>,
    /// What it follows from; another one each time where there is none.
    pub seed: Option<u64>,
    /// The file that keeps the last prices, so that they go on after a restart.
    pub state: Option<PathBuf>,
    /// The folder that keeps candles of the synthetic market.
    pub candles: Option<PathBuf>,
}

impl Default for HubSettings {
    fn default() -> Self {
        let (instruments, recordings) = (defaults(), Vec::new());
        Self { instruments, recordings, venue: None, seed: None, state: None, candles: None }
    }
}

/// Why there is no market.
#[derive(Debug, thiserror::Error)]
pub enum MarketError {
    /// Units that cannot be.
    #[error("instrument {0}: {1}")]
    Spec(String, SpecError),
    /// Settings that cannot be.
    #[error("synthetic instrument {0}: {1}")]
    Generate(String, GenerateError),
    /// A recording.
    #[error("recording {0}: {1}")]
    Recording(String, DataError),
    /// Two recordings of one instrument.
    #[error("two recordings have an instrument {0}: leave one of them out")]
    Twice(String),
    /// A recording in a currency that accounts do not have.
    #[error(
        "recording of {0}: it is priced in {1}, and paper accounts count in dollars; name \
         recordings in {list} alone (FEEDS)", list = DOLLARS.join(", ")
    )]
    Currency(String, String),
    /// A venue.
    #[error("{0}: {1}")]
    Venue(String, String),
    /// Candles that are kept.
    #[error("{0}: candles cannot be kept there: {1}")]
    Candles(String, std::io::Error),
    /// No thread.
    #[error("the thread of the market cannot be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// Market data of all sources.
pub struct Hub {
    name: String,
    venue: Option<Arc<dyn VenueFeed>>,
    listings: Arc<Vec<Listing>>,
    by_symbol: BTreeMap<String, usize>,
    outlets: Sender<Outlet>,
    stop: Arc<AtomicBool>,
    last_ns: Arc<AtomicI64>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Hub {
    /// Starts the market.
    ///
    /// # Errors
    /// When an instrument cannot be, or there is no thread.
    pub fn start(settings: HubSettings) -> Result<Arc<Self>, MarketError> {
        let now_ns = Time::now().0;
        let seed = settings.seed.unwrap_or(now_ns.unsigned_abs());
        let known = settings.state.as_deref().map(prices_in).unwrap_or_default();
        let (mut listings, mut rows) = match &settings.venue {
            Some(venue) => of_venue(venue)?,
            None => recorded(&settings.recordings, now_ns)?,
        };
        let name = match &settings.venue {
            Some(venue) => venue.name().to_owned(),
            None if listings.is_empty() => "synthetic".to_owned(),
            None => "recording".to_owned(),
        };
        let synthetic = if listings.is_empty() { settings.instruments } else { Vec::new() };
        for (at, mut each) in synthetic.into_iter().enumerate() {
            if let Some(price_e9) = known.get(&each.symbol) {
                each.price_e9 = price_e9 - price_e9 % each.tick_e9;
            }
            let spec = each.spec().map_err(|why| MarketError::Spec(each.symbol.clone(), why))?;
            let book = each.book(seed.wrapping_add(at as u64), now_ns);
            let book = book.map_err(|why| MarketError::Generate(each.symbol.clone(), why))?;
            let mut listing = Listing::new(spec, super::VENUE);
            if let Some(folder) = &settings.candles {
                listing
                    .keep_in(folder)
                    .map_err(|error| MarketError::Candles(folder.display().to_string(), error))?;
            }
            listings.push(listing);
            rows.push(Rows::Synthetic(at, Box::new(book.peekable())));
        }
        let is_synthetic = name == "synthetic";
        let listings = Arc::new(listings);
        let (outlets, incoming) = unbounded();
        let stop = Arc::new(AtomicBool::new(false));
        let last_ns = Arc::new(AtomicI64::new(i64::MIN));
        let source = SourceThread {
            rows,
            listings: Arc::clone(&listings),
            outlets: incoming,
            stop: Arc::clone(&stop),
            last_ns: Arc::clone(&last_ns),
            // A recording begins anew at its first price.
            state: settings.state.filter(|_| is_synthetic),
        };
        let thread = std::thread::Builder::new().name("market".to_owned());
        let thread = Mutex::new(Some(thread.spawn(move || source.run())?));
        let names = listings.iter().enumerate();
        let by_symbol = names.map(|(at, it)| (it.instrument.symbol.clone(), at)).collect();
        let venue = settings.venue;
        Ok(Arc::new(Self { name, venue, listings, by_symbol, outlets, stop, last_ns, thread }))
    }

    /// The units of all instruments, in the order of their numbers.
    #[must_use]
    pub fn specs(&self) -> Vec<InstrumentSpec> {
        self.listings.iter().map(|listing| listing.spec.clone()).collect()
    }

    /// A ring with all of the market, from the whole books on; `wakes` is woken when there is
    /// something in it.
    ///
    /// # Errors
    /// When there is no such ring.
    pub fn subscribe(&self, wakes: Option<Unparker>) -> Result<FeedReader, SetupError> {
        let (outlet, reader) = Outlet::new(self.listings.len(), self.venue.is_some(), wakes)?;
        // Without the thread there is no market any more, and the ring stays empty.
        let _ = self.outlets.send(outlet);
        Ok(reader)
    }

    /// Ends the market, and waits for its thread.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        if let Some(venue) = &self.venue {
            venue.stop();
        }
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A thread that came to a sudden end has nothing to tell any more.
            let _ = thread.join();
        }
    }

    fn listing(&self, symbol: &str) -> Option<&Listing> {
        self.listings.get(*self.by_symbol.get(symbol)?)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("instruments", &self.by_symbol).finish_non_exhaustive()
    }
}

/// The instruments of all recordings, and their rows from now on.
fn recorded(feeds: &[RecordedFeed], now_ns: i64) -> Result<(Vec<Listing>, Vec<Rows>), MarketError> {
    let (mut listings, mut rows): (Vec<Listing>, Vec<Rows>) = (Vec::new(), Vec::new());
    for feed in feeds {
        let opened = Recording::open(feed, listings.len(), now_ns);
        let recording = opened
            .map_err(|error| MarketError::Recording(feed.path.display().to_string(), error))?;
        for spec in recording.specs() {
            if listings.iter().any(|known| known.spec.symbol() == spec.symbol()) {
                return Err(MarketError::Twice(spec.symbol().to_owned()));
            }
            listings.push(Listing::new(in_dollars(spec)?, super::VENUE));
        }
        rows.push(Rows::Recorded(Box::new(recording)));
    }
    Ok((listings, rows))
}

/// The instruments of a venue, and what it says from now on.
fn of_venue(venue: &Arc<dyn VenueFeed>) -> Result<(Vec<Listing>, Vec<Rows>), MarketError> {
    let mut listings = Vec::new();
    for spec in venue.specs() {
        listings.push(Listing::new(in_dollars(&spec)?, venue.name()));
    }
    let failed = |why| MarketError::Venue(venue.name().to_owned(), why);
    let coming = Coming::begin(venue, listings.len()).map_err(failed)?;
    Ok((listings, vec![Rows::Live(coming)]))
}

/// The same units, priced in the currency of paper accounts.
fn in_dollars(spec: &InstrumentSpec) -> Result<InstrumentSpec, MarketError> {
    let (symbol, currency) = (spec.symbol(), spec.currency());
    if !DOLLARS.contains(&currency) {
        return Err(MarketError::Currency(symbol.to_owned(), currency.to_owned()));
    }
    let (tick, lot, multiplier) = (spec.tick_e9(), spec.lot_e9(), spec.multiplier_e9());
    let made = InstrumentSpec::new(symbol, DOLLARS[0], spec.kind(), tick, lot, multiplier);
    made.map_err(|why| MarketError::Spec(symbol.to_owned(), why))
}

/// Prices in billionths, by symbol; none where there is no such file.
fn prices_in(path: &Path) -> BTreeMap<String, i64> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let prices: BTreeMap<String, String> = serde_json::from_str(&text).unwrap_or_default();
    prices.into_iter().filter_map(|(of, text)| Some((of, parse_e9(&text).ok()?))).collect()
}

fn is_old(as_of: Time) -> bool {
    Time::now().0.saturating_sub(as_of.0) > STALE_NS
}

impl MarketData for Hub {
    fn instruments(&self) -> Vec<Instrument> {
        self.listings.iter().map(|listing| listing.instrument.clone()).collect()
    }

    fn instrument(&self, symbol: &str) -> Option<Instrument> {
        self.listing(symbol).map(|listing| listing.instrument.clone())
    }

    fn quote(&self, symbol: &str) -> Option<Arc<Quote>> {
        let quote = Arc::clone(&self.listing(symbol)?.quote.borrow());
        let is_stale = quote.is_stale || is_old(quote.as_of);
        if is_stale == quote.is_stale {
            return Some(quote);
        }
        Some(Arc::new(Quote { is_stale, ..(*quote).clone() }))
    }

    fn book(&self, symbol: &str, depth: usize) -> Option<Book> {
        let mut book = (**self.listing(symbol)?.book.borrow()).clone();
        let depth = depth.min(DEPTH_MAX);
        book.bids.truncate(depth);
        book.asks.truncate(depth);
        book.is_stale |= is_old(book.as_of);
        Some(book)
    }

    fn candles(&self, symbol: &str, which: Candles) -> Option<Vec<Candle>> {
        let listing = self.listing(symbol)?;
        let range =
            (which.from.map_or(i64::MIN, |from| from.0), which.to.map_or(i64::MAX, |to| to.0));
        let raw = listing.candles_of(which.interval_ns, range, which.limit);
        let now_ns = Time::now().0;
        let price = |ticks| price_amount(&listing.spec, qt_types::Price::from_ticks(ticks));
        let candle = |raw: super::candles::RawCandle| {
            let [open, high, low, close] = raw.prices.map(price);
            Candle {
                open_time: Time(raw.open_ns),
                open,
                high,
                low,
                close,
                volume: qty_amount(&listing.spec, qt_types::Qty::from_lots(raw.volume)),
                is_closed: raw.open_ns.saturating_add(which.interval_ns) <= now_ns,
            }
        };
        Some(raw.into_iter().map(candle).collect())
    }

    fn quotes(&self, symbol: &str) -> Option<watch::Receiver<Arc<Quote>>> {
        self.listing(symbol).map(|listing| listing.quote.subscribe())
    }

    fn books(&self, symbol: &str) -> Option<watch::Receiver<Arc<Book>>> {
        self.listing(symbol).map(|listing| listing.book.subscribe())
    }

    fn trades(&self, symbol: &str) -> Option<broadcast::Receiver<Arc<TradePrint>>> {
        self.listing(symbol).map(|listing| listing.trades.subscribe())
    }

    fn feeds(&self) -> Vec<FeedState> {
        let quotes: Vec<_> = self.listings.iter().map(|it| it.quote.borrow().clone()).collect();
        let quoted = quotes.iter().filter(|it| it.bid.is_some() && it.ask.is_some()).count();
        let last_ns = self.last_ns.load(Ordering::Relaxed);
        let last_at = (last_ns != i64::MIN).then_some(Time(last_ns));
        vec![FeedState {
            name: self.name.clone(),
            is_up: last_at.is_some_and(|at| !is_old(at))
                && self.venue.as_ref().is_none_or(|venue| venue.is_up()),
            quoted,
            instruments: self.listings.len(),
            last_at,
        }]
    }
}
