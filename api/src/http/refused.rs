//! What callers were refused for want of a right is written into their tenant's audit: who, and
//! which route. One row a minute for each, so that nobody fills the audit with it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

use super::app::App;
use super::front::By;
use qt_store::Actor;
use qt_store::audit::AuditEntry;

/// So long the same is not written again.
const QUIET: Duration = Duration::from_secs(60);
/// Callers and routes that are remembered; beyond that nothing is written for a moment.
const KNOWN_MAX: usize = 10_000;

/// Who was refused what, and when it was written last.
#[derive(Debug, Default)]
pub struct Refused(Mutex<HashMap<(By, String), Instant>>);

impl Refused {
    /// Whether it is to be written that `by` was refused `what`.
    fn is_new(&self, by: &By, what: &str, now: Instant) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |at: &Instant| now.saturating_duration_since(*at) < QUIET;
        let key = (by.clone(), what.to_owned());
        if known.get(&key).is_some_and(is_recent) {
            return false;
        }
        if known.len() >= KNOWN_MAX {
            known.retain(|_, at| is_recent(at));
        }
        let has_room = known.len() < KNOWN_MAX;
        if has_room {
            known.insert(key, now);
        }
        has_room
    }
}

impl App {
    /// Has it written down that `by` was refused `what`, by a request of this name. Its answer does
    /// not wait for that.
    pub fn note_refused(&self, by: &By, what: String, request_id: &str) {
        if !self.refused.is_new(by, &what, Instant::now()) {
            return;
        }
        let actor = Actor::new(by.tenant, by.person.clone(), request_id);
        let entry = AuditEntry::new(&actor, "access.refused", what, &json!({}));
        let (store, tenant) = (self.store.clone(), by.tenant);
        tokio::spawn(async move {
            if let Err(error) = store.audit(tenant, entry).await {
                tracing::warn!(%error, "a refusal is not in the audit");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qt_trading::ids::TenantId;

    #[test]
    fn the_same_is_written_once_a_minute_and_a_flood_takes_bounded_memory() {
        let (refused, now) = (Refused::default(), Instant::now());
        let by = |person: &str| By { tenant: TenantId::new(), person: person.to_owned() };
        let ann = by("ann");
        let later = |seconds| now + Duration::from_secs(seconds);
        assert!(refused.is_new(&ann, "POST /risk/arm", now));
        assert!(!refused.is_new(&ann, "POST /risk/arm", later(59)));
        assert!(refused.is_new(&ann, "GET /audit", later(59)));
        assert!(refused.is_new(&ann, "POST /risk/arm", later(60)));
        let many =
            (0..KNOWN_MAX * 2).filter(|n| refused.is_new(&by(&n.to_string()), "x", later(61)));
        assert_eq!(many.count(), KNOWN_MAX - 2);
        assert!(refused.is_new(&ann, "x", later(122)), "what is old makes room");
        assert_eq!(refused.0.lock().unwrap().len(), 1);
    }
}
