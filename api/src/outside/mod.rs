//! The platform outside, as the service is connected to it: webhooks on their way, results of
//! agents on theirs, keys of venues.

mod context;
mod deliver;
mod settings;

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::http::App;
use context::Market;
use deliver::Sources;
pub use deliver::subject_of;
use qt_outside::agents::bus::{AgentBus, BusSettings};
use qt_outside::agents::service::AgentService;
use qt_outside::agents::tasks::AgentTasks;
use qt_outside::agents::{AgentIntake, Delivers};
use qt_outside::seal::{SealError, Sealer};
use qt_outside::vault::{Vault, VenueKeys};
use qt_outside::webhooks::{Courier, Terms, WebhookDesk};
use qt_store::Store;
pub use settings::{AgentSettings, OutsideSettings};

/// What of it handlers use.
#[derive(Debug)]
pub struct Outside {
    /// Makes webhooks.
    pub webhooks: WebhookDesk,
    /// Keys of venues, of each tenant its own.
    pub venue_keys: VenueKeys,
}

impl Outside {
    /// Connected to nothing: no address is allowed that is not public, secrets end with the
    /// process, and nobody has a key.
    ///
    /// # Panics
    /// When the system has no random numbers.
    #[must_use]
    #[allow(clippy::expect_used, reason = "without random numbers nothing here is safe")]
    pub fn nowhere() -> Self {
        let OutsideSettings { guard, env_keys, .. } = OutsideSettings::default();
        let sealer = Sealer::passing().expect("random numbers");
        let webhooks = WebhookDesk::new(guard, Arc::new(sealer));
        Self { webhooks, venue_keys: VenueKeys::new(env_keys, None) }
    }
}

/// Gives handlers what they use; who brings events to webhooks.
///
/// # Errors
/// When the key of secrets cannot be had.
pub fn open(
    app: &mut App,
    settings: &OutsideSettings,
    store: &Store,
) -> Result<Arc<Courier>, SealError> {
    let sealer = Arc::new(match &settings.secrets_key {
        Some(key) => Sealer::of_text(key)?,
        None => Sealer::of_folder(store.data_dir())?,
    });
    let webhooks = WebhookDesk::new(settings.guard.clone(), Arc::clone(&sealer));
    let vault = settings.vault.clone().map(Vault::new);
    let venue_keys = VenueKeys::new(settings.env_keys.clone(), vault);
    let (kept, guard) = (Arc::new(store.clone()), settings.guard.clone());
    let courier = Courier::new(kept, sealer, guard, None, Terms::default());
    app.outside = Outside { webhooks, venue_keys };
    Ok(courier)
}

/// Starts what listens to agents and asks them, as far as it is configured.
pub fn listen(app: &App, settings: &AgentSettings, store: &Store) -> Vec<JoinHandle<()>> {
    let sources = Sources { signals: Arc::clone(&app.signals), store: Arc::clone(&app.store) };
    let delivers: Arc<dyn Delivers> = Arc::new(sources);
    let intake = AgentIntake::new(delivers, Arc::new(store.clone()));
    let mut tasks = Vec::new();
    if let Some(url) = &settings.events_url {
        let bus = AgentBus::new(BusSettings::new(url.clone()), intake.clone());
        tasks.push(tokio::spawn(bus.run()));
    }
    for (url, token, terms) in &settings.asked {
        let service = AgentService::new(url, token.clone());
        let market = Arc::new(Market(Arc::clone(&app.market)));
        let asking = AgentTasks::new(terms.clone(), service, market, intake.clone());
        tasks.push(tokio::spawn(asking.run()));
    }
    tasks
}
