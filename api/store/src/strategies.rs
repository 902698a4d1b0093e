//! Strategies that tenants have configured.

use super::actor::Actor;
use super::page::{Page, Slice};
use super::{Kept, StoreError};
use crate::domain::{StrategyStatus, TradingStrategy};
use qt_trading::ids::{StrategyUid, TenantId};

/// Which strategies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StrategyFilter {
    /// Only of this status.
    pub status: Option<StrategyStatus>,
    /// Only of this type.
    pub strategy_type: Option<String>,
}

/// The repository of the aggregate [`TradingStrategy`].
pub trait Strategies: Send + Sync {
    /// One strategy.
    fn strategy(&self, tenant: TenantId, id: StrategyUid) -> Kept<'_, TradingStrategy>;

    /// A tenant's strategies, newest first.
    fn strategies(
        &self,
        tenant: TenantId,
        filter: StrategyFilter,
        page: Page,
    ) -> Kept<'_, Slice<TradingStrategy>>;

    /// Strategies that are to run, of all tenants' that are given: what a start begins with.
    fn active_strategies(&self, tenant: TenantId) -> Kept<'_, Vec<TradingStrategy>>;

    /// Keeps a new or changed strategy with its events, and returns it with its new version.
    /// A name that is taken, or a version that somebody else has changed meanwhile, is a
    /// [`StoreError::Conflict`]. `action` names the change in the audit, like
    /// `strategy.created`.
    fn save_strategy(
        &self,
        actor: Actor,
        strategy: TradingStrategy,
        action: &'static str,
    ) -> Kept<'_, TradingStrategy>;

    /// Removes a strategy. One that is active is a conflict.
    fn delete_strategy(&self, actor: Actor, id: StrategyUid) -> Kept<'_, ()>;
}

/// The conflict of two changes at a time.
pub(crate) fn changed_meanwhile() -> StoreError {
    StoreError::conflict("it was changed by somebody else meanwhile: read it again, then change it")
}
