//! A venue as the market of the service.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use qt_api::service::{VenueFeed, VenueName};
use qt_runtime::live::FeedWriter;
use qt_types::InstrumentSpec;

use super::market::{Market, Seen};
use super::place::Place;
use super::run::name_of;
use crate::failure::Failure;

/// See the module.
pub struct HubFeed {
    place: Place,
    specs: Vec<InstrumentSpec>,
    seen: Seen,
    market: Mutex<Option<Market>>,
}

impl fmt::Debug for HubFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubFeed").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Asks the venue `name` for its instruments.
///
/// # Errors
/// When it cannot be reached, or has one of them not.
pub fn of(name: &VenueName) -> Result<Arc<dyn VenueFeed>, Failure> {
    let place = Place::new(name_of(&name.name)?, name.url.as_deref())?;
    let market = Market::list(&place, &name.symbols)?;
    let (specs, seen) = (market.specs().to_vec(), market.seen());
    Ok(Arc::new(HubFeed { place, specs, seen, market: Mutex::new(Some(market)) }))
}

impl VenueFeed for HubFeed {
    fn name(&self) -> &str {
        self.place.name()
    }

    fn specs(&self) -> Vec<InstrumentSpec> {
        self.specs.clone()
    }

    fn start(&self, into: FeedWriter) -> Result<(), String> {
        let mut market = self.market.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(market) = market.as_mut() else { return Err("it was stopped".to_owned()) };
        market.start(into).map_err(|failure| failure.message)
    }

    fn is_up(&self) -> bool {
        self.seen.look().is_up
    }

    fn stop(&self) {
        let market = self.market.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(market) = market {
            let _ = market.stop();
        }
    }
}
