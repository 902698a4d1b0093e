//! Kill switches, limits and alerts as a session has them in force.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::port::{KillLevel, LimitValue};
use super::time::Time;
use crate::amount::Amount;

/// A kill switch that was tripped at least once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Switch {
    /// At which level.
    pub level: KillLevel,
    /// Of what: a strategy (all zeros: orders that are no strategy's), an account, a tenant or a
    /// venue; empty for everything.
    pub subject: String,
    /// Whether it holds anything back.
    pub is_killed: bool,
    /// What may be sent: `ACTIVE` (all), `REDUCE_ONLY` or `HALTED` (nothing).
    pub state: String,
    /// When it was tripped last. Approvals of re-arming are for this trip.
    pub tripped_at: Time,
    /// Why it was tripped.
    pub reason: String,
    /// Who changed it last: one who tripped it, `risk_gate`, or those who let orders leave again.
    pub people: Vec<String>,
    /// When it was changed last.
    pub changed_at: Time,
}

impl Switch {
    /// Whether it is that of `subject` at `level`.
    #[must_use]
    pub fn is_of(&self, level: KillLevel, subject: &str) -> bool {
        self.level == level && self.subject == subject
    }
}

/// The limits that a session has in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitsNow {
    /// Rises with each change, from 1.
    pub version: u64,
    /// Who changed them last; two where they were loosened.
    pub people: Vec<String>,
    /// When.
    pub changed_at: Time,
    /// All of them.
    pub limits: Vec<LimitValue>,
}

/// Something was held back, or stopped, by the risk gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Alert {
    /// Its identifier.
    pub id: Uuid,
    /// `warning` for orders that were denied, `critical` for a kill switch tripped by machine.
    pub severity: String,
    /// The control, as a stable code.
    pub control: String,
    /// At which level.
    pub level: String,
    /// For which symbol.
    pub symbol: Option<String>,
    /// The limit.
    pub limit: Option<Amount>,
    /// What was held against it.
    pub observed: Option<Amount>,
    /// How many there were since the last alert of this control.
    pub count: u64,
    /// In words.
    pub message: String,
    /// When, the last of them.
    pub at: Time,
}
