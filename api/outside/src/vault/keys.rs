//! The keys of a tenant at a venue.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use thiserror::Error;
use uuid::Uuid;

use super::client::{Vault, VaultError};
use super::env::EnvKeys;
use qt_trading::secret::Secret;

/// How long an answer of Vault's counts, also that there is no entry.
pub const CACHE_TIME: Duration = Duration::from_secs(30);

/// A venue that wants keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Venue {
    /// Binance.
    Binance,
    /// Deribit.
    Deribit,
}

impl Venue {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Binance, Self::Deribit];

    /// Its name in paths.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::Deribit => "deribit",
        }
    }

    /// Its settings: the key, its secret, whether they are the test network's.
    pub(super) const fn settings(self) -> [&'static str; 3] {
        match self {
            Self::Binance => ["BINANCE_API_KEY", "BINANCE_API_SECRET", "BINANCE_TESTNET"],
            Self::Deribit => ["DERIBIT_API_KEY", "DERIBIT_API_SECRET", "DERIBIT_TESTNET"],
        }
    }
}

/// The keys of a tenant at a venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The key.
    pub api_key: Secret,
    /// Its secret.
    pub api_secret: Secret,
    /// Whether they are the test network's; they are where nothing says otherwise.
    pub is_testnet: bool,
}

/// Why there are no keys. All of these are 503: trading waits, whoever's fault it is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The tenant has no entry of its own.
    #[error("there is no key of this tenant for {}: write one to Vault", .0.name())]
    Missing(Venue),
    /// The entry is none of a key.
    #[error("the entry for {} has no api_key and api_secret: write it anew", .0.name())]
    Malformed(Venue),
    /// Nobody knows.
    #[error("{0}")]
    Unavailable(VaultError),
}

impl KeyError {
    /// A stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "VENUE_KEY_MISSING",
            Self::Malformed(_) => "VENUE_KEY_MALFORMED",
            Self::Unavailable(_) => "VENUE_KEY_UNAVAILABLE",
        }
    }
}

/// An entry, as the platform writes it.
#[derive(Deserialize)]
struct Entry {
    api_key: String,
    api_secret: String,
    testnet: Option<bool>,
}

type Known = (Instant, Result<Keys, KeyError>);

/// Finds the keys of tenants.
#[derive(Debug)]
pub struct VenueKeys {
    env: EnvKeys,
    vault: Option<Vault>,
    cache_time: Duration,
    cache: Mutex<HashMap<(Uuid, Venue), Known>>,
}

impl VenueKeys {
    /// Keys of `env` for whom they are meant, all others from `vault`.
    #[must_use]
    pub fn new(env: EnvKeys, vault: Option<Vault>) -> Self {
        Self { env, vault, cache_time: CACHE_TIME, cache: Mutex::default() }
    }

    /// The same with a shorter memory; a longer one than [`CACHE_TIME`] there is not.
    #[must_use]
    pub fn remembering(mut self, time: Duration) -> Self {
        self.cache_time = time.min(CACHE_TIME);
        self
    }

    /// The keys of `tenant` at `venue`. What Vault did not answer is asked again at the next call;
    /// a key from before is never the answer.
    ///
    /// # Errors
    /// When the tenant has none, or nobody knows.
    pub async fn get(&self, tenant: Uuid, venue: Venue) -> Result<Keys, KeyError> {
        if let Some(keys) = self.env.get(tenant, venue) {
            return Ok(keys.clone());
        }
        let Some(vault) = &self.vault else { return Err(KeyError::Missing(venue)) };
        // From before the question: the entry may go while it is answered.
        let now = Instant::now();
        if let Some(known) = self.known(tenant, venue, now) {
            return known;
        }
        let path = vault.settings().path(tenant, venue);
        let found = match vault.entry::<Entry>(&path).await {
            Ok(Some(Entry { api_key, api_secret, testnet }))
                if !api_key.is_empty() && !api_secret.is_empty() =>
            {
                let (api_key, api_secret) = (Secret::new(api_key), Secret::new(api_secret));
                Ok(Keys { api_key, api_secret, is_testnet: testnet.unwrap_or(true) })
            }
            Ok(_) => Err(KeyError::Malformed(venue)),
            Err(VaultError::Absent) => Err(KeyError::Missing(venue)),
            Err(error) => {
                tracing::warn!(%error, venue = venue.name(), "keys of a venue cannot be had");
                return Err(KeyError::Unavailable(error));
            }
        };
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.retain(|_, (at, _)| now.duration_since(*at) < self.cache_time);
        cache.insert((tenant, venue), (now, found.clone()));
        found
    }

    fn known(&self, tenant: Uuid, venue: Venue, now: Instant) -> Option<Result<Keys, KeyError>> {
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, known) = cache.get(&(tenant, venue))?;
        (now.duration_since(*at) < self.cache_time).then(|| known.clone())
    }
}
