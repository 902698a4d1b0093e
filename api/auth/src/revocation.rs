//! Tokens that were taken back before their time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use qt_trading::time::Time;

/// The list of revoked tokens and sessions.
pub trait Revocations: Send + Sync {
    /// Whether the token (`jti`) or session (`session_id`) of this name is revoked.
    fn is_revoked(&self, id: &str) -> bool;

    /// Whether the list is too old to free orders by it.
    fn is_stale(&self, now: Time) -> bool;
}

/// Nothing is ever revoked: where no Redis is configured.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRevocations;

impl Revocations for NoRevocations {
    fn is_revoked(&self, _: &str) -> bool {
        false
    }

    fn is_stale(&self, _: Time) -> bool {
        false
    }
}

/// A list in memory, of this process alone.
#[derive(Debug, Default)]
pub struct MemoryRevocations {
    until: Mutex<HashMap<String, Time>>,
}

impl MemoryRevocations {
    /// Revokes the token or session `id`, until every token that it may stand in has expired.
    pub fn revoke(&self, id: &str, until: Time, now: Time) {
        let mut list = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        list.retain(|_, end| end.0 > now.0);
        list.insert(id.to_owned(), until);
    }
}

impl Revocations for MemoryRevocations {
    fn is_revoked(&self, id: &str) -> bool {
        self.until.lock().unwrap_or_else(PoisonError::into_inner).contains_key(id)
    }

    fn is_stale(&self, _: Time) -> bool {
        false
    }
}
