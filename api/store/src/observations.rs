//! What agents said that is no signal: kept to be read, never acted on.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Kept;
use super::page::{Page, Slice};
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

/// Something that an agent said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ObservationRow {
    /// Its identifier.
    pub id: Uuid,
    /// The agent, as the platform names it.
    pub agent_name: String,
    /// The agent's task.
    pub task_id: String,
    /// Why it is no signal, as a stable code: `FREE_TEXT`, `TASK_FAILED`, or what refused it.
    pub reason: String,
    /// What was said.
    pub content: String,
    /// When it arrived.
    pub created_at: Time,
}

/// The repository of observations.
pub trait Observations: Send + Sync {
    /// Keeps an observation; whether it is a new one. What an agent said of a task is kept
    /// once.
    fn add_observation(&self, tenant: TenantId, row: ObservationRow) -> Kept<'_, bool>;

    /// Observations, newest first.
    fn observations(&self, tenant: TenantId, page: Page) -> Kept<'_, Slice<ObservationRow>>;
}
