//! How market data is started: a thread of its own, with the machine of the venue on the driver.

use std::thread::JoinHandle;

use qt_types::{InstrumentId, InstrumentSpec, VenueId};
use tokio::sync::watch;

use super::machine::{Lookup, LookupError, Market, Profile, Setup, SetupError};
use super::{Figures, Listing, Sink, Want, Wishes};
use crate::drive::{self, DriveError};
use crate::venue::{self, FEEDS};

/// What is to be started.
pub struct Settings {
    /// The venue's name in options.
    pub feed: String,
    /// Where the venue is instead of its own hosts (`http://host:port`).
    pub url: Option<String>,
    /// Its number in the engine.
    pub venue: VenueId,
    /// The instruments: their number in the engine, their units, what is wanted of them.
    pub instruments: Vec<(InstrumentId, InstrumentSpec, Want)>,
    /// Of the random numbers that spread pauses.
    pub seed: u64,
    /// Clock, trust, and who looks on.
    pub drive: drive::Settings,
}

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no such venue here.
    #[error("there is no market data of {0:?}. Known: {1}")]
    Venue(String, String),
    /// The address is none.
    #[error("the venue's address: {0}")]
    Url(String),
    /// What is wanted cannot be had.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The venue does not say, or not what was asked for.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// There is no driver.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// The thread ended by itself.
    #[error("the thread of the feed has ended by itself")]
    Ended,
}

/// A feed that runs. Dropping it stops it, without waiting for its end.
pub struct Handle {
    drive: Option<drive::Handle>,
    thread: Option<JoinHandle<Market>>,
    shown: watch::Receiver<Figures>,
    wishes: Wishes,
}

impl Handle {
    /// The newest figures; they are renewed twice a second.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.shown.borrow().clone()
    }

    /// Has the venue asked what it lists, as soon as the budget allows: an order was refused for a
    /// rule that it should have kept.
    pub fn ask_listings(&self) {
        self.wishes.listings();
        self.wake();
    }

    /// Has every book asked for once more, for whoever records; nothing is told of it.
    pub fn ask_books(&self) {
        self.wishes.books();
        self.wake();
    }

    fn wake(&self) {
        if let Some(drive) = &self.drive {
            drive.wake();
        }
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Stops it: its links are closed in order. The figures at the end.
    ///
    /// # Errors
    /// When its thread has ended by itself.
    pub fn stop(mut self) -> Result<Figures, StartError> {
        if let Some(drive) = self.drive.take() {
            drive.stop();
        }
        let Some(thread) = self.thread.take() else { return Err(StartError::Ended) };
        let mut market = thread.join().map_err(|_| StartError::Ended)?;
        Ok(market.figures_at_end())
    }
}

fn profile(feed: &str, url: Option<&str>) -> Result<Profile, StartError> {
    let profile = venue::profile(feed);
    let profile = profile.ok_or_else(|| StartError::Venue(feed.to_owned(), FEEDS.join(", ")))?;
    match url {
        Some(url) => profile.at(url).map_err(StartError::Url),
        None => Ok(profile),
    }
}

/// What the venue `feed` lists of `symbols`, in their order. Waits for its answer, for a minute at
/// most.
///
/// # Errors
/// When it does not say, or does not list one of them.
pub fn listings(
    feed: &str,
    url: Option<&str>,
    symbols: &[String],
    drive: drive::Settings,
) -> Result<Vec<Listing>, StartError> {
    let (lookup, mut result) = Lookup::new(profile(feed, url)?, symbols, 1);
    let (driver, handle) = drive::Driver::new(lookup, drive)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(DriveError::from)?;
    let found = runtime.block_on(async {
        let running = driver.run();
        tokio::pin!(running);
        tokio::select! {
            biased;
            found = &mut result => found.ok(),
            _ = &mut running => None,
        }
    });
    drop(handle);
    Ok(found.ok_or(StartError::Ended)??)
}

/// Starts market data: `sink` gets the events, on a thread of the feed.
///
/// # Errors
/// When it cannot be. Whether the venue is there shows in the figures.
pub fn start(settings: Settings, sink: Box<dyn Sink>) -> Result<Handle, StartError> {
    let profile = profile(&settings.feed, settings.url.as_deref())?;
    let (shown, figures) = watch::channel(Figures::default());
    let name = format!("feed-{}", profile.name);
    let market = Market::new(Setup {
        profile,
        venue: settings.venue,
        instruments: settings.instruments,
        sink,
        shown: Some(shown),
        seed: settings.seed,
    })?;
    let wishes = Wishes::default();
    let market = market.with_wishes(wishes.clone());
    let (drive, thread) = drive::spawn(&name, market, settings.drive)?;
    Ok(Handle { drive: Some(drive), thread: Some(thread), shown: figures, wishes })
}
