//! The aggregate of a configured strategy.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;
use utoipa::ToSchema;

use super::event::{DomainEvent, SignalGenerated};
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::time::Time;

/// The longest name of a strategy, in characters.
pub const NAME_LENGTH_MAX: usize = 120;
/// Most symbols of one strategy.
pub const SYMBOLS_MAX: usize = 100;

/// Whether a strategy runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StrategyStatus {
    /// It runs.
    Active,
    /// It is halted for a while; its position stays.
    Paused,
    /// It does not run.
    #[default]
    Stopped,
}

impl StrategyStatus {
    /// The word for it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        }
    }

    /// The status of that word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Paused, Self::Stopped].into_iter().find(|it| it.text() == text)
    }
}

/// What a new strategy is to be. Its parameters have been held against the type's schema.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewStrategy {
    /// Its name, unique in the tenant.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The type, as the registry names it.
    pub strategy_type: String,
    /// What it trades; may be empty until it is activated.
    pub symbols: Vec<String>,
    /// Its parameters.
    pub parameters: Map<String, Value>,
}

/// What to change of a strategy; what is none stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StrategyChange {
    /// Its name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What it trades.
    pub symbols: Option<Vec<String>>,
    /// All its parameters.
    pub parameters: Option<Map<String, Value>>,
}

/// Why a strategy cannot be so.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StrategyError {
    /// The name is empty or too long.
    #[error("name: 1 to {NAME_LENGTH_MAX} characters")]
    Name,
    /// There are too many symbols, or one is there twice.
    #[error("symbols: at most {SYMBOLS_MAX}, each of them once")]
    Symbols,
    /// It has no symbols to trade.
    #[error("symbols: name at least one before the strategy is activated")]
    NoSymbols,
}

/// A configured strategy of a tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct TradingStrategy {
    /// Its identifier.
    pub id: StrategyUid,
    /// Whose it is.
    pub tenant_id: TenantId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The type, as the registry names it.
    pub strategy_type: String,
    /// What it trades.
    pub symbols: Vec<String>,
    /// Its parameters.
    pub parameters: Map<String, Value>,
    /// Whether it runs.
    pub status: StrategyStatus,
    /// Rises by one with each change that is saved; 0 before the first.
    pub version: u64,
    /// When it was made.
    pub created_at: Time,
    /// When it was changed last.
    pub updated_at: Time,
    events: Vec<DomainEvent>,
}

impl TradingStrategy {
    /// A new strategy, stopped.
    ///
    /// # Errors
    /// When the name or the symbols are none.
    pub fn create(tenant_id: TenantId, new: NewStrategy, at: Time) -> Result<Self, StrategyError> {
        let made = Self {
            id: StrategyUid::new(),
            tenant_id,
            name: new.name,
            description: new.description,
            strategy_type: new.strategy_type,
            symbols: new.symbols,
            parameters: new.parameters,
            status: StrategyStatus::Stopped,
            version: 0,
            created_at: at,
            updated_at: at,
            events: Vec::new(),
        };
        made.checked()
    }

    /// The same with what `change` says.
    ///
    /// # Errors
    /// When the name or the symbols are none, or it runs and would have no symbols.
    pub fn change(&mut self, change: StrategyChange, at: Time) -> Result<(), StrategyError> {
        let mut new = self.clone();
        new.name = change.name.unwrap_or(new.name);
        new.description = change.description.unwrap_or(new.description);
        new.symbols = change.symbols.unwrap_or(new.symbols);
        new.parameters = change.parameters.unwrap_or(new.parameters);
        new.updated_at = at;
        let new = new.checked()?;
        if new.status == StrategyStatus::Active && new.symbols.is_empty() {
            return Err(StrategyError::NoSymbols);
        }
        *self = new;
        Ok(())
    }

    /// It is to run.
    ///
    /// # Errors
    /// When it has no symbols.
    pub fn activate(&mut self, at: Time) -> Result<(), StrategyError> {
        if self.symbols.is_empty() {
            return Err(StrategyError::NoSymbols);
        }
        self.become_status(StrategyStatus::Active, at);
        Ok(())
    }

    /// It is to run no more.
    pub fn deactivate(&mut self, at: Time) {
        self.become_status(StrategyStatus::Stopped, at);
    }

    /// It is to rest for a while.
    pub fn pause(&mut self, at: Time) {
        self.become_status(StrategyStatus::Paused, at);
    }

    /// It says what should be done.
    pub fn signal(&mut self, mut signal: SignalGenerated) {
        signal.strategy_id = Some(self.id);
        self.events.push(DomainEvent::SignalGenerated(Box::new(signal)));
    }

    /// What has happened since the last call.
    pub fn take_events(&mut self) -> Vec<DomainEvent> {
        std::mem::take(&mut self.events)
    }

    fn become_status(&mut self, status: StrategyStatus, at: Time) {
        if self.status != status {
            self.status = status;
            self.updated_at = at;
        }
    }

    fn checked(self) -> Result<Self, StrategyError> {
        let length = self.name.trim().chars().count();
        if length == 0 || self.name.chars().count() > NAME_LENGTH_MAX {
            return Err(StrategyError::Name);
        }
        let mut seen = std::collections::BTreeSet::new();
        let is_unique = self.symbols.iter().all(|symbol| seen.insert(symbol));
        if self.symbols.len() > SYMBOLS_MAX || !is_unique {
            return Err(StrategyError::Symbols);
        }
        Ok(self)
    }

    /// A strategy as it was kept. Nothing has happened to it yet.
    #[must_use]
    pub(crate) fn kept(id: StrategyUid, tenant_id: TenantId, at: Time) -> Self {
        Self {
            id,
            tenant_id,
            name: String::new(),
            description: String::new(),
            strategy_type: String::new(),
            symbols: Vec::new(),
            parameters: Map::new(),
            status: StrategyStatus::Stopped,
            version: 0,
            created_at: at,
            updated_at: at,
            events: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str, symbols: &[&str]) -> Result<TradingStrategy, StrategyError> {
        let symbols = symbols.iter().map(|&symbol| symbol.to_owned()).collect();
        let new = NewStrategy { name: name.to_owned(), symbols, ..NewStrategy::default() };
        TradingStrategy::create(TenantId::new(), new, Time(1))
    }

    #[test]
    fn a_strategy_needs_a_name_and_symbols_to_run() {
        assert_eq!(new(" ", &[]), Err(StrategyError::Name));
        assert_eq!(new(&"x".repeat(121), &[]), Err(StrategyError::Name));
        assert_eq!(new("a", &["X", "X"]), Err(StrategyError::Symbols));
        let mut strategy = new("a", &[]).unwrap();
        assert_eq!(strategy.activate(Time(2)), Err(StrategyError::NoSymbols));
        let symbols = Some(vec!["BTC-USD".to_owned()]);
        strategy.change(StrategyChange { symbols, ..StrategyChange::default() }, Time(3)).unwrap();
        strategy.activate(Time(4)).unwrap();
        assert_eq!((strategy.status, strategy.updated_at), (StrategyStatus::Active, Time(4)));
        let none = StrategyChange { symbols: Some(Vec::new()), ..StrategyChange::default() };
        assert_eq!(strategy.change(none, Time(5)), Err(StrategyError::NoSymbols));
        assert_eq!(strategy.symbols, ["BTC-USD"]);
        strategy.deactivate(Time(6));
        strategy.deactivate(Time(7));
        assert_eq!(strategy.updated_at, Time(6));
    }
}
