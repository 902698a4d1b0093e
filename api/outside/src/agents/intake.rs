//! What becomes of an agent's result: a signal of its source, or an observation.

use std::sync::Arc;

use thiserror::Error;
use uuid::Uuid;

use super::reading;
use qt_store::{ObservationRow, Observations, StoreError};
use qt_trading::Doing;
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

/// The longest text that is kept of one result, in characters.
const CONTENT_CHARS_MAX: usize = 16_000;
/// The longest name of an agent or task, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// What became of a signal that was handed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is taken.
    Taken,
    /// It was there already.
    Same,
    /// It is refused, for good.
    Refused {
        /// A stable code.
        code: String,
        /// In words.
        detail: String,
    },
}

/// It cannot be said now: the same result has to come again.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Waits(pub String);

impl From<StoreError> for Waits {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

/// Takes signals in. Who implements it finds the tenant's registered source of the agent, and
/// refuses where there is none.
pub trait Delivers: Send + Sync {
    /// The signal `payload` of the agent `agent_name`, as it came.
    fn take<'a>(
        &'a self,
        tenant: TenantId,
        agent_name: &'a str,
        payload: &'a str,
        arrived_at: Time,
    ) -> Doing<'a, Result<Outcome, Waits>>;
}

/// A result of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentResult {
    /// Whose task it was.
    pub tenant: TenantId,
    /// Who did it.
    pub agent_name: String,
    /// Which task.
    pub task_id: String,
    /// Why it failed; none when it did not.
    pub failure: Option<String>,
    /// What was answered, as JSON text.
    pub answer: String,
    /// When it arrived here.
    pub arrived_at: Time,
}

/// Takes results in.
#[derive(Clone)]
pub struct AgentIntake {
    delivers: Arc<dyn Delivers>,
    observations: Arc<dyn Observations>,
}

impl std::fmt::Debug for AgentIntake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AgentIntake")
    }
}

impl AgentIntake {
    /// Signals go to `delivers`, everything else is kept in `observations`.
    #[must_use]
    pub fn new(delivers: Arc<dyn Delivers>, observations: Arc<dyn Observations>) -> Self {
        Self { delivers, observations }
    }

    /// Takes a result in; how many of its signals were taken. The same result may come again, by
    /// another way too: a signal is known by its `signal_id`, an observation by its task and
    /// text.
    ///
    /// # Errors
    /// When the store or the session cannot now.
    pub async fn take(&self, result: &AgentResult) -> Result<usize, Waits> {
        if let Some(failure) = &result.failure {
            self.observe(result, "TASK_FAILED", failure).await?;
            return Ok(0);
        }
        let said = reading::read(&result.answer);
        let mut taken = 0;
        for payload in &said.signals {
            let (tenant, agent) = (result.tenant, &result.agent_name);
            match self.delivers.take(tenant, agent, payload, result.arrived_at).await? {
                Outcome::Taken | Outcome::Same => taken += 1,
                Outcome::Refused { code, detail } => {
                    let content = format!("{detail}\n{payload}");
                    self.observe(result, &code, &content).await?;
                }
            }
        }
        if said.signals.is_empty() {
            let text = if said.text.is_empty() { &result.answer } else { &said.text };
            self.observe(result, "FREE_TEXT", text).await?;
        }
        Ok(taken)
    }

    async fn observe(&self, of: &AgentResult, reason: &str, text: &str) -> Result<(), Waits> {
        let plain = |text: &str| text.replace('\0', " ");
        let row = ObservationRow {
            id: Uuid::now_v7(),
            agent_name: plain(&of.agent_name),
            task_id: plain(&of.task_id),
            reason: reason.to_owned(),
            content: plain(text).chars().take(CONTENT_CHARS_MAX).collect(),
            created_at: of.arrived_at,
        };
        let (tenant, agent) = (of.tenant, of.agent_name.clone());
        if self.observations.add_observation(tenant, row).await? {
            tracing::info!(%tenant, agent, reason, "an agent said what is no signal");
        }
        Ok(())
    }
}

/// Whether `text` can be the name of an agent or a task.
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control)
}
