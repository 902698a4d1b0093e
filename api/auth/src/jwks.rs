//! The public keys of an issuer, kept for a while and fetched again when they grow old or a token
//! names one that is not there.
//!
//! Fetches are at least a minute apart whatever tokens say, so that a flood of made-up key names
//! cannot be turned against the issuer. Known keys work on while a fetch is under way or fails, for
//! at most a day.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OwnedMutexGuard;

use super::error::AuthError;
use super::fetch::{FetchError, KeySource};
use super::keys::PublicKey;
use super::token::Compact;
use qt_trading::time::Time;

const SECOND_NS: i64 = 1_000_000_000;
/// Fetches are at least this far apart.
pub const FETCH_PAUSE_NS: i64 = 60 * SECOND_NS;
/// While there were never any keys: the first pause, which doubles up to [`FETCH_PAUSE_NS`].
pub const FIRST_PAUSE_NS: i64 = 5 * SECOND_NS;
/// Keys are fetched again when they are older.
pub const REFRESH_AGE_NS: i64 = 600 * SECOND_NS;
/// Keys are not believed when they are older.
pub const AGE_NS_MAX: i64 = 86_400 * SECOND_NS;
/// The most keys of one issuer.
const KEYS_MAX: usize = 64;
/// The most tokens whose signature is remembered.
const PROVEN_MAX: usize = 16_384;

/// Keys as they came.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<PublicKey>,
    at: Time,
    /// Tokens whose signature was right: a caller sends the same one again and again, and a check
    /// takes longer than everything else. They go with the keys, so that a key that the issuer
    /// takes away takes them along.
    proven: Mutex<HashSet<[u8; 32]>>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a key set; keys that cannot verify RS256 are left out.
    ///
    /// # Errors
    /// When there is no usable key, or a private one: that issuer has lost it.
    pub fn read(bytes: &[u8], at: Time) -> Result<Self, FetchError> {
        let document: Document = serde_json::from_slice(bytes)
            .map_err(|error| FetchError(format!("no key set: {error}")))?;
        if document.keys.len() > KEYS_MAX {
            return Err(FetchError(format!("more than {KEYS_MAX} keys")));
        }
        if document.keys.iter().any(|key| key.get("d").is_some()) {
            return Err(FetchError("it publishes a private key".to_owned()));
        }
        let keys: Vec<PublicKey> = document.keys.iter().filter_map(read_key).collect();
        if keys.is_empty() {
            return Err(FetchError("no key in it is for RS256 with 2048 bits or more".to_owned()));
        }
        Ok(Self { keys, at, proven: Mutex::default() })
    }

    /// The keys that a token may be signed with: those of its key name. A token without one is
    /// only taken where there is one key.
    fn of(&self, kid: Option<&str>) -> impl Iterator<Item = &PublicKey> {
        let is_alone = self.keys.len() == 1;
        self.keys.iter().filter(move |key| match kid {
            Some(kid) => key.kid.as_deref() == Some(kid),
            None => is_alone,
        })
    }

    /// Whether the token is signed by one of the keys.
    fn verify(&self, token: &Compact<'_>) -> Result<(), AuthError> {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in [token.signed, b".", &token.signature] {
            context.update(part);
        }
        let name: Option<[u8; 32]> = context.finish().as_ref().try_into().ok();
        let proven = || self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        if name.is_some_and(|name| proven().contains(&name)) {
            return Ok(());
        }
        let mut outcome = Err(AuthError::UnknownKey);
        for key in self.of(token.kid.as_deref()) {
            outcome = key.verify(token);
            if outcome.is_ok() {
                break;
            }
        }
        if let (Ok(()), Some(name)) = (outcome, name) {
            let mut proven = proven();
            if proven.len() >= PROVEN_MAX {
                proven.clear();
            }
            proven.insert(name);
        }
        outcome
    }

    const fn age_ns(&self, now: Time) -> i64 {
        now.0.saturating_sub(self.at.0)
    }
}

fn read_key(key: &Value) -> Option<PublicKey> {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    let is_absent_or = |name: &str, wanted: &str| match key.get(name) {
        None => true,
        Some(value) => value.as_str() == Some(wanted),
    };
    let may_verify = match key.get("key_ops") {
        None => true,
        Some(Value::Array(ops)) => ops.iter().any(|op| op.as_str() == Some("verify")),
        Some(_) => false,
    };
    let fits = text("kty") == Some("RSA") && is_absent_or("use", "sig");
    if !fits || !is_absent_or("alg", "RS256") || !may_verify {
        return None;
    }
    let part = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?.trim_end_matches('=')).ok();
    PublicKey::new(text("kid").map(str::to_owned), &part("n")?, &part("e")?)
}

/// The keys of one issuer.
pub struct KeyCache {
    inner: Arc<Inner>,
}

struct Inner {
    source: Box<dyn KeySource>,
    keys: ArcSwapOption<KeySet>,
    attempts: Arc<tokio::sync::Mutex<Attempts>>,
}

#[derive(Debug, Default)]
struct Attempts {
    last: Option<Time>,
    count: u32,
}

impl Attempts {
    fn may_fetch(&self, now: Time, has_keys: bool) -> bool {
        let Some(last) = self.last else { return true };
        let doubled = FIRST_PAUSE_NS << self.count.saturating_sub(1).min(4);
        let pause = if has_keys { FETCH_PAUSE_NS } else { doubled.min(FETCH_PAUSE_NS) };
        // A clock that was put back must not stop fetches for as long as that.
        now.0 < last.0 || now.0 - last.0 >= pause
    }
}

impl std::fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyCache").finish_non_exhaustive()
    }
}

impl KeyCache {
    /// An empty one.
    #[must_use]
    pub fn new(source: Box<dyn KeySource>) -> Self {
        let inner = Inner { source, keys: ArcSwapOption::empty(), attempts: Arc::default() };
        Self { inner: Arc::new(inner) }
    }

    /// Whether there are keys that are believed.
    #[must_use]
    pub fn is_ready(&self, now: Time) -> bool {
        self.inner.believed(now).is_some()
    }

    /// Fetches the keys unless that was tried a moment ago: for the start of the service, so that
    /// the first caller need not wait.
    pub async fn warm(&self, now: Time) {
        let attempts = Arc::clone(&self.inner.attempts).lock_owned().await;
        self.inner.fetch(attempts, now).await;
    }

    /// Whether the token is signed by one of the keys, which are fetched where that may help.
    ///
    /// # Errors
    /// When it is not, or the keys cannot be had.
    pub async fn verify(&self, token: &Compact<'_>, now: Time) -> Result<(), AuthError> {
        let kid = token.kid.as_deref();
        let mut keys = self.inner.believed(now);
        if keys.as_ref().is_none_or(|keys| keys.of(kid).next().is_none()) {
            let attempts = Arc::clone(&self.inner.attempts).lock_owned().await;
            // Who held the lock may have fetched it.
            keys = self.inner.believed(now);
            if keys.as_ref().is_none_or(|keys| keys.of(kid).next().is_none()) {
                // In a task of its own: a caller that hangs up must not use up the fetch.
                let inner = Arc::clone(&self.inner);
                let task = tokio::spawn(async move { inner.fetch(attempts, now).await });
                if let Err(error) = task.await {
                    tracing::warn!(%error, "the issuer's keys cannot be had");
                }
                keys = self.inner.believed(now);
            }
        } else if keys.as_ref().is_some_and(|keys| keys.age_ns(now) >= REFRESH_AGE_NS) {
            self.refresh_behind(now);
        }
        keys.ok_or(AuthError::KeysUnavailable)?.verify(token)
    }

    /// Fetches without making the caller wait.
    fn refresh_behind(&self, now: Time) {
        let Ok(attempts) = Arc::clone(&self.inner.attempts).try_lock_owned() else { return };
        if attempts.may_fetch(now, true) {
            let inner = Arc::clone(&self.inner);
            tokio::spawn(async move { inner.fetch(attempts, now).await });
        }
    }
}

impl Inner {
    fn believed(&self, now: Time) -> Option<Arc<KeySet>> {
        self.keys.load_full().filter(|keys| keys.age_ns(now) < AGE_NS_MAX)
    }

    async fn fetch(&self, mut attempts: OwnedMutexGuard<Attempts>, now: Time) {
        if !attempts.may_fetch(now, self.believed(now).is_some()) {
            return;
        }
        attempts.last = Some(now);
        attempts.count = attempts.count.saturating_add(1);
        let fetched = self.source.fetch().await;
        match fetched.and_then(|bytes| KeySet::read(&bytes, now)) {
            Ok(keys) => {
                self.keys.store(Some(Arc::new(keys)));
                attempts.count = 0;
            }
            Err(error) => tracing::warn!(%error, "the issuer's keys cannot be had"),
        }
    }
}
