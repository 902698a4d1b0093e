//! Keys that make a repeated request harmless.

use uuid::Uuid;

use super::Kept;
use qt_trading::ids::TenantId;

/// How long a key is kept, in seconds.
pub const KEY_SECONDS: i64 = 24 * 3_600;
/// After which time a request without an answer is taken for lost, in seconds.
pub const LOST_SECONDS: i64 = 30;
/// The longest key.
pub const KEY_LENGTH_MAX: usize = 255;

/// The answer that a request got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is new: do it under `resource`, then call [`Idempotency::finish_request`].
    New,
    /// It was done: give this answer.
    Done(Answer),
    /// It is being done by another request (409).
    Running,
    /// It was begun and never answered: the process ended. Do it again under this identifier;
    /// what was done under it already is not done twice.
    Lost(Uuid),
    /// The same key came with another body (422).
    OtherBody,
}

/// The repository of idempotency keys.
pub trait Idempotency: Send + Sync {
    /// A request with a key begins. `scope` is method, route and person; `body_hash` is SHA-256 of
    /// the body; `resource` is the identifier under which it will be done.
    fn begin_request(
        &self,
        tenant: TenantId,
        scope: String,
        key: String,
        body_hash: [u8; 32],
        resource: Uuid,
    ) -> Kept<'_, Begun>;

    /// A request got its answer.
    fn finish_request(
        &self,
        tenant: TenantId,
        scope: String,
        key: String,
        answer: Answer,
    ) -> Kept<'_, ()>;

    /// A request ended without an answer that stays (429, 500, 503). Whether anything was done is
    /// not always known, so the key keeps its identifier: the next request with it is
    /// [`Begun::Lost`] at once.
    fn lose_request(&self, tenant: TenantId, scope: String, key: String) -> Kept<'_, ()>;

    /// Forgets the keys of a tenant that are too old, and returns how many.
    fn expire_requests(&self, tenant: TenantId) -> Kept<'_, u64>;
}
