//! Making webhooks: what a tenant may ask for, and the secret that it is told once.

use std::sync::Arc;

use thiserror::Error;
use uuid::Uuid;

use crate::guard::{Guard, Refused};
use crate::seal::{SealError, Sealer, new_secret};
use qt_store::domain::event::EVENT_TYPES;
use qt_store::{Actor, NewWebhook, StoreError, WebhookRow, Webhooks};
use qt_trading::secret::Secret;

/// Why a webhook was not made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WebhookError {
    /// The address may not be called.
    #[error("url: {0}")]
    Url(#[from] Refused),
    /// There is no such kind of event.
    #[error("event_types: there is no '{0}'; there are {all}", all = EVENT_TYPES.join(", "))]
    EventType(String),
    /// The secret cannot be made.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A webhook that was made just now.
#[derive(Debug)]
pub struct MadeWebhook {
    /// As it is kept.
    pub row: WebhookRow,
    /// What its deliveries are signed with: shown here and never again.
    pub secret: Secret,
}

/// Makes webhooks.
#[derive(Clone, Debug)]
pub struct WebhookDesk {
    guard: Guard,
    sealer: Arc<Sealer>,
}

/// For what a webhook's secret is sealed.
pub(super) fn purpose(tenant: impl std::fmt::Display, webhook: Uuid) -> String {
    format!("webhook {webhook} of {tenant}")
}

impl WebhookDesk {
    /// Of addresses that `guard` lets pass; secrets are sealed by `sealer`.
    #[must_use]
    pub const fn new(guard: Guard, sealer: Arc<Sealer>) -> Self {
        Self { guard, sealer }
    }

    /// Makes a webhook that is told of `event_types`, or of everything.
    ///
    /// # Errors
    /// What is wrong with the address or the kinds; when it cannot be kept.
    pub async fn create(
        &self,
        store: &(impl Webhooks + ?Sized),
        actor: Actor,
        url: &str,
        event_types: &[String],
    ) -> Result<MadeWebhook, WebhookError> {
        self.guard.check_url(url)?;
        let is_unknown = |kind: &&String| !EVENT_TYPES.contains(&kind.as_str());
        if let Some(unknown) = event_types.iter().find(is_unknown) {
            return Err(WebhookError::EventType(unknown.clone()));
        }
        let mut event_types = event_types.to_vec();
        event_types.sort();
        event_types.dedup();
        let (id, secret) = (Uuid::now_v7(), new_secret("whsec_")?);
        let sealed_secret = self.sealer.seal(&purpose(actor.tenant, id), &secret)?;
        let new = NewWebhook { id, url: url.to_owned(), event_types, sealed_secret };
        let row = store.create_webhook(actor, new).await?;
        Ok(MadeWebhook { row, secret })
    }
}
