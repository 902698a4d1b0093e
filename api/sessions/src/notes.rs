//! What a session writes into its journal beside its events: in JSON, each of a kind.

use qt_journal::Control;
use serde::{Deserialize, Serialize};

use qt_trading::LimitValue;
use qt_trading::ids::{OrderUid, StrategyUid};
use qt_trading::time::Time;

/// What a session has to remember that is in no event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SessionNote {
    /// The name of a person whose number follows in events.
    Person {
        /// The number.
        number: u64,
        /// The name.
        name: String,
    },
    /// What a client calls the order that it asks for next.
    Client {
        /// The order.
        order: OrderUid,
        /// The client's name of it.
        client_order_id: String,
    },
    /// Another strategy in a slot, from the next event on.
    Cast(Cast),
    /// What is said of the decision about a kill switch that comes next.
    Switch {
        /// Who decided.
        people: Vec<String>,
        /// Why.
        reason: String,
        /// The time that names the trip; without it that of the event.
        #[serde(default)]
        at: Option<Time>,
    },
    /// Limits that are in force from the next events on.
    Limits(Limits),
    /// The account's equity at the start of a UTC day, in billionths.
    Day {
        /// The day, counted from 1970-01-01.
        day: i64,
        /// The equity.
        equity_nano: i128,
    },
}

/// A strategy in a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cast {
    /// The slot, from 0.
    pub slot: u16,
    /// The tenant's strategy.
    pub strategy: StrategyUid,
    /// Its type, as the registry names it.
    pub strategy_type: String,
    /// On which symbols.
    pub symbols: Vec<String>,
    /// All parameters.
    pub parameters: Vec<(String, String)>,
}

/// Limits that were changed. Where the process ended before all of them were events, the next one
/// goes on with those that are left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Rises by one with each change; 1 are those that a session begins with.
    pub version: u64,
    /// Who changed them.
    pub people: Vec<String>,
    /// When.
    pub at: Time,
    /// Those that changed.
    pub changes: Vec<LimitValue>,
}

/// The kind under which all of them stand in a journal.
pub const KIND: u16 = 0x5354;

impl SessionNote {
    /// As bytes.
    pub fn bytes(&self) -> Vec<u8> {
        // Plain data has no way to fail; an empty note would be read as none.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What `control` says; none for what is not a session's own.
    pub fn read(control: &Control) -> Option<Self> {
        (control.kind == KIND).then(|| serde_json::from_slice(&control.bytes).ok()).flatten()
    }
}
