//! Registered sources of signals: who may say something, and how much may follow from it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Kept;
use super::actor::Actor;
use qt_trading::amount::Amount;
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::time::Time;

/// What follows from the signals of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceMode {
    /// They are kept and told, and never become an order: how each source begins.
    #[default]
    Shadow,
    /// The source's strategy follows them.
    Live,
    /// As in shadow, since the source was not good enough; a person may let it trade again.
    Demoted,
}

impl SourceMode {
    /// How it is written.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Live => "live",
            Self::Demoted => "demoted",
        }
    }
}

/// What becomes of a position when a signal comes later than the source allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LateFallback {
    /// Nothing: the late signal is not followed.
    #[default]
    Ignore,
    /// The position in its instrument is closed.
    Flat,
}

impl LateFallback {
    /// How it is written.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Flat => "flat",
        }
    }
}

/// How much a source may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceBudget {
    /// The most that its positions and open orders may be worth, in the account's currency.
    pub notional: Amount,
    /// The most that it may lose in a day, in the account's currency.
    pub loss: Amount,
    /// Signals a minute.
    pub rate_per_minute: u32,
}

/// A source of signals.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceRow {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its identifier, which is that of its strategy in the session as well: the kill switch,
    /// limits, books and orders of that strategy are the source's.
    pub id: StrategyUid,
    /// Its number in the tenant, from 1, never given again: the engine knows it by this.
    pub number: u16,
    /// Its name, unique among those that are there.
    pub name: String,
    /// What follows from its signals.
    pub mode: SourceMode,
    /// The `sub` of the token that may speak for it.
    pub subject: Option<String>,
    /// Which of its keys signs entries of the stream: rises when there is a new one.
    pub key_version: u32,
    /// Until when the key before that one is good as well; none where it is not.
    pub old_key_until: Option<Time>,
    /// Parameters of `ai_signal_follow`, without `source`.
    pub follow: Map<String, Value>,
    /// What it may trade; all instruments where it is empty.
    pub symbols: Vec<String>,
    /// How much it may do.
    pub budget: SourceBudget,
    /// How long after its issue a signal may arrive (ms); 0: until it expires.
    pub late_after_ms: u32,
    /// What becomes of a position when one comes later.
    pub fallback: LateFallback,
    /// When it was registered.
    pub created_at: Time,
    /// By whom.
    pub by: String,
}

impl SourceRow {
    /// Whether orders follow from its signals.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.mode == SourceMode::Live
    }
}

/// The repository of sources.
pub trait Sources: Send + Sync {
    /// Registers a source; its number is chosen here, and the mode is shadow. A name or a subject
    /// that is taken is a conflict.
    fn create_source(&self, actor: Actor, source: SourceRow) -> Kept<'_, SourceRow>;

    /// A tenant's sources, by number.
    fn sources(&self, tenant: TenantId) -> Kept<'_, Vec<SourceRow>>;

    /// One of them.
    fn source(&self, tenant: TenantId, id: StrategyUid) -> Kept<'_, SourceRow>;

    /// The one that the token of `subject` speaks for.
    fn source_of_subject(&self, tenant: TenantId, subject: String) -> Kept<'_, SourceRow>;

    /// Puts another mode in the place of `from`; `reason` goes into the audit. When it has another
    /// mode by now that is a conflict.
    fn set_source_mode(
        &self,
        actor: Actor,
        id: StrategyUid,
        from: SourceMode,
        to: SourceMode,
        reason: String,
    ) -> Kept<'_, SourceRow>;

    /// Gives a source another key; the one that it had is good until `old_until`, and no other one
    /// any more.
    fn rotate_source_key(
        &self,
        actor: Actor,
        id: StrategyUid,
        old_until: Time,
    ) -> Kept<'_, SourceRow>;

    /// Removes a source that is not live. Its signals stay, and its number is not given again.
    fn delete_source(&self, actor: Actor, id: StrategyUid) -> Kept<'_, ()>;
}
