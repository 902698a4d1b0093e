//! Live market data of a venue: what it lists, and its events on the way to a ring.

use std::sync::{Arc, Mutex, PoisonError};

use qt_feeds::drive::{self, Authorities};
use qt_feeds::market::{
    Figures, Handle, Listing, Offered, Settings, Sink, Standing, StartError, Want, listings, start,
};
use qt_feeds::venue::LookupError;
use qt_runtime::live::{self, Clock, FeedWriter, SystemClock, Watch};
use qt_types::{Event, InstrumentId, InstrumentSpec, Nanos, Payload, Seq, Tick, VenueId};
use serde_json::{Value, json};

use super::place::{Place, undriven};
use crate::failure::Failure;
use crate::output::number;

/// How market data is doing.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// Whether the link stands and every book is as it should be.
    pub is_up: bool,
    /// In a word or two.
    pub line: String,
    /// In a sentence.
    pub text: String,
    /// All of it.
    pub json: Value,
}

/// What is seen of market data, from any thread.
#[derive(Clone)]
pub struct Seen(Arc<Mutex<Option<Handle>>>);

impl Seen {
    /// How it is doing now.
    pub fn look(&self) -> Look {
        let handle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let figures = handle.as_ref().map(Handle::figures).unwrap_or_default();
        look(&figures)
    }

    /// Has the venue asked what it lists: something speaks against what is known of it.
    pub fn ask_listings(&self) {
        let handle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        handle.iter().for_each(Handle::ask_listings);
    }
}

fn look(figures: &Figures) -> Look {
    let all = figures.instruments.len();
    let stale: Vec<&str> = figures
        .instruments
        .iter()
        .filter(|it| !it.is_in_step)
        .map(|it| it.symbol.as_str())
        .collect();
    let stands = matches!(figures.link, Standing::Up | Standing::Rotating);
    let line = match (stands, stale.as_slice()) {
        (true, []) if all > 0 => "in step".to_owned(),
        (true, stale) => format!("STALE {}", stale.join(" ")),
        (false, _) => "DOWN".to_owned(),
    };
    let stopped = figures.instruments.iter().filter_map(|it| {
        it.is_stopped.as_ref().map(|why| format!(", {} is told of no more: {why}", it.symbol))
    });
    let text = format!(
        "{line}, {} messages, {}, lost {}, {}, weight {} of {}{}",
        number::count(figures.frames),
        number::plural(figures.gaps, "gap"),
        number::plural(figures.losses, "time"),
        number::plural(figures.resyncs.count, "resynchronisation"),
        number::count(figures.weight_used),
        number::count(figures.weight_limit),
        stopped.collect::<String>(),
    );
    Look { is_up: stands && stale.is_empty() && all > 0, line, text, json: json!(figures) }
}

/// Live market data of a venue.
pub struct Market {
    place: Place,
    listings: Vec<Listing>,
    specs: Vec<InstrumentSpec>,
    handle: Seen,
}

impl Market {
    /// Asks the venue for its instruments `symbols`.
    ///
    /// # Errors
    /// When it cannot be reached, or does not have one of them.
    pub fn list(place: &Place, symbols: &[String]) -> Result<Self, Failure> {
        let found = listings(place.name(), place.url(), symbols, place.driving());
        let found = found.map_err(|error| failure(place, error))?;
        let spec = |of: &Listing| {
            let wrong = |error| Failure::failed(format!("{}: {error}", of.symbol));
            of.spec().map_err(wrong)
        };
        let specs = found.iter().map(spec).collect::<Result<_, _>>()?;
        let handle = Seen(Arc::default());
        Ok(Self { place: place.clone(), listings: found, specs, handle })
    }

    /// The instruments, in the order in which they were named.
    pub fn specs(&self) -> &[InstrumentSpec] {
        &self.specs
    }

    /// All that the venue says of them.
    pub fn listings(&self) -> &[Listing] {
        &self.listings
    }

    /// Their symbols.
    pub fn symbols(&self) -> Vec<String> {
        self.specs.iter().map(|spec| spec.symbol().to_owned()).collect()
    }

    /// Whether every order that rests there can be changed.
    pub fn can_change(&self) -> bool {
        self.listings.iter().all(|of| of.can_replace)
    }

    /// What does not trade now, in words.
    pub fn resting(&self) -> Vec<String> {
        let resting = self.listings.iter().filter(|of| !of.status.trades());
        resting.map(|of| format!("{} does not trade at the venue now", of.symbol)).collect()
    }

    /// What is seen of it.
    pub fn seen(&self) -> Seen {
        self.handle.clone()
    }

    /// Begins to bring market data. What a run knew of the books before holds no more.
    ///
    /// # Errors
    /// When it cannot.
    pub fn start(&mut self, mut writer: FeedWriter) -> Result<(), Failure> {
        let mut instruments = Vec::new();
        for (at, spec) in self.specs.iter().enumerate() {
            let instrument = InstrumentId(u16::try_from(at).unwrap_or(u16::MAX));
            writer.push(&gap(instrument));
            instruments.push((instrument, spec.clone(), Want::default()));
        }
        let settings = Settings {
            feed: self.place.name().to_owned(),
            url: self.place.url().map(str::to_owned),
            venue: VenueId(0),
            instruments,
            seed: u64::from(std::process::id()),
            drive: self.place.driving(),
        };
        let handle = start(settings, Box::new(Pen(writer)));
        let handle = handle.map_err(|error| failure(&self.place, error))?;
        *self.handle.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle);
        Ok(())
    }

    /// Ends it; what it has counted.
    pub fn stop(self) -> Value {
        let handle = self.handle.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let figures = handle.and_then(|handle| handle.stop().ok()).unwrap_or_default();
        json!(figures)
    }
}

/// Clocks, and whom to trust.
pub fn driving() -> drive::Settings {
    let (mut clock, mut watch) = (SystemClock::start(), Watch::new(Nanos::MIN));
    drive::Settings {
        clock: Box::new(move || watch.look(clock.read())),
        authorities: Authorities::Native,
        witness: None,
    }
}

/// News that nothing is known of the book any more.
fn gap(instrument: InstrumentId) -> Event {
    Event {
        seq: Seq::default(),
        recv_ns: Nanos::MIN,
        venue_ns: Nanos::MIN,
        instrument,
        venue: VenueId(0),
        payload: Payload::Tick(Tick::gap()),
    }
}

/// Writes into the ring of a run.
struct Pen(FeedWriter);

impl Sink for Pen {
    fn event(&mut self, event: &Event) -> Offered {
        match self.0.push(event) {
            live::Offered::Taken => Offered::Taken,
            live::Offered::Dropped => Offered::Dropped,
        }
    }

    fn is_ready(&mut self) -> bool {
        self.0.tell_lost()
    }
}

fn failure(place: &Place, error: StartError) -> Failure {
    let what = format!("{}: {error}", place.text());
    match error {
        StartError::Lookup(LookupError::Missing(_)) => Failure::usage(what).hint(
            "write symbols as the venue does, such as BTCUSDT; one that was delisted is gone",
        ),
        StartError::Lookup(LookupError::NoAnswer(_)) => Failure::failed(what).hint(
            "check the network, --venue-url and whether the venue is in maintenance; the same \
             command begins once it answers",
        ),
        StartError::Drive(error) => undriven(&error),
        StartError::Venue(..) | StartError::Url(_) | StartError::Setup(_) => Failure::usage(what),
        _ => Failure::failed(what),
    }
}
