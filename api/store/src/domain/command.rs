//! Commands on strategies: load, decide, save.

use serde_json::{Map, Value};

use super::{NewStrategy, StrategyChange, StrategyError, StrategyStatus, TradingStrategy};
use crate::{Actor, StoreError, Strategies};
use qt_trading::ids::StrategyUid;

/// Makes a strategy. Its parameters have been held against the schema of its type.
///
/// # Errors
/// When it cannot be so, its name is taken, or the database does not answer.
pub async fn create_strategy(
    store: &dyn Strategies,
    actor: Actor,
    new: NewStrategy,
) -> Result<TradingStrategy, StoreError> {
    let made = TradingStrategy::create(actor.tenant, new, actor.at)?;
    store.save_strategy(actor, made, "strategy.created").await
}

/// Changes a strategy.
///
/// # Errors
/// As [`create_strategy`], and when there is none.
pub async fn change_strategy(
    store: &dyn Strategies,
    actor: Actor,
    id: StrategyUid,
    change: StrategyChange,
) -> Result<TradingStrategy, StoreError> {
    let mut strategy = store.strategy(actor.tenant, id).await?;
    strategy.change(change, actor.at)?;
    store.save_strategy(actor, strategy, "strategy.changed").await
}

/// Says whether a strategy is to run.
///
/// # Errors
/// As [`change_strategy`].
pub async fn set_strategy_status(
    store: &dyn Strategies,
    actor: Actor,
    id: StrategyUid,
    status: StrategyStatus,
) -> Result<TradingStrategy, StoreError> {
    let mut strategy = store.strategy(actor.tenant, id).await?;
    let action = match status {
        StrategyStatus::Active => {
            strategy.activate(actor.at)?;
            "strategy.activated"
        }
        StrategyStatus::Paused => {
            strategy.pause(actor.at);
            "strategy.paused"
        }
        StrategyStatus::Stopped => {
            strategy.deactivate(actor.at);
            "strategy.deactivated"
        }
    };
    store.save_strategy(actor, strategy, action).await
}

impl From<StrategyError> for StoreError {
    fn from(error: StrategyError) -> Self {
        let field = match error {
            StrategyError::Name => "name",
            StrategyError::Symbols | StrategyError::NoSymbols => "symbols",
        };
        let text = error.to_string();
        let detail = text.split_once(": ").map_or(text.as_str(), |(_, detail)| detail).to_owned();
        Self::Invalid { field, detail }
    }
}

/// Parameters as texts, as a session takes them.
#[must_use]
pub fn parameter_texts(parameters: &Map<String, Value>) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    parameters.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}
