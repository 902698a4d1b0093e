//! The platform's agent service over HTTP: a task is posted, then asked after until it is over.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::http::{Call, Http, HttpError};
use qt_trading::secret::Secret;

/// How long one call may take.
const CALL: Duration = Duration::from_secs(10);
/// The waits between questions: the first and the longest.
const ASK_FIRST: Duration = Duration::from_secs(1);
const ASK_LONGEST: Duration = Duration::from_secs(30);
/// Questions in a row that may stay without an answer.
const LOST_MAX: u32 = 10;

/// A task, in the form of the agent service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NewTask {
    /// Which kind of agent.
    pub agent_type: String,
    /// What it is asked, in words.
    pub task_description: String,
    /// What it needs to know.
    pub input_data: Value,
    /// `low`, `normal`, `high` or `urgent`.
    pub priority: String,
    /// After how long the service gives up.
    pub timeout_minutes: u64,
    /// More settings of the agent.
    pub config: Value,
}

/// What became of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is done; what was answered, as JSON text.
    Completed(String),
    /// It failed, was cancelled, or did not end in time.
    Failed(String),
}

#[derive(Deserialize)]
struct Posted {
    #[serde(alias = "id")]
    task_id: String,
}

#[derive(Deserialize)]
struct State<'a> {
    status: String,
    #[serde(borrow, default, alias = "result")]
    result_data: Option<&'a RawValue>,
    #[serde(default)]
    error_message: Option<String>,
}

/// A client of the agent service.
#[derive(Clone, Debug)]
pub struct AgentService {
    http: Http,
    url: String,
    token: Option<Secret>,
    ask_first: Duration,
}

impl AgentService {
    /// Of the service at `url`, with the token that gives the permission `agent.execute`.
    #[must_use]
    pub fn new(url: &str, token: Option<Secret>) -> Self {
        let url = url.trim_end_matches('/').to_owned();
        Self { http: Http::trusted(CALL), url, token, ask_first: ASK_FIRST }
    }

    /// The same with another first wait between questions.
    #[must_use]
    pub const fn asking_after(mut self, first: Duration) -> Self {
        self.ask_first = first;
        self
    }

    fn known(&self, call: Call) -> Call {
        match &self.token {
            None => call,
            Some(token) => call.with("authorization", format!("Bearer {}", token.reveal())),
        }
    }

    /// Posts a task; its identifier.
    ///
    /// # Errors
    /// When the service does not take it.
    pub async fn post(&self, task: &NewTask) -> Result<String, HttpError> {
        let body = serde_json::to_string(task).map_err(|error| HttpError(error.to_string()))?;
        let call = self.known(Call::post(format!("{}/tasks", self.url), body));
        let answer = self.http.call(call).await?;
        if !(200..300).contains(&answer.status) {
            return Err(HttpError(format!("POST /tasks: the status is {}", answer.status)));
        }
        let posted: Posted = serde_json::from_slice(&answer.body)
            .map_err(|_| HttpError("POST /tasks: the answer has no task_id".to_owned()))?;
        // It becomes part of an address.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let id = posted.task_id;
        match !id.is_empty() && id.len() <= 100 && id.bytes().all(is_plain) {
            true => Ok(id),
            false => Err(HttpError("POST /tasks: the task_id is no identifier".to_owned())),
        }
    }

    /// Asks after a task until it is over, at most for `time`: once a moment, then less and less
    /// often.
    pub async fn wait(&self, task_id: &str, time: Duration) -> Ended {
        let until = Instant::now() + time;
        let (mut pause, mut lost) = (self.ask_first, 0);
        while Instant::now() + pause < until {
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(ASK_LONGEST);
            match self.ask(task_id).await {
                Ok(Some(ended)) => return ended,
                Ok(None) => lost = 0,
                Err(error) => {
                    lost += 1;
                    if lost == LOST_MAX {
                        return Ended::Failed(format!("GET /tasks/{task_id}: {error}"));
                    }
                }
            }
        }
        Ended::Failed(format!("it was not over after {} s", time.as_secs()))
    }

    /// How a task stands; none while it goes on.
    async fn ask(&self, task_id: &str) -> Result<Option<Ended>, HttpError> {
        let call = self.known(Call::get(format!("{}/tasks/{task_id}", self.url)));
        let answer = self.http.call(call).await?;
        match answer.status {
            200..300 => {}
            404 => return Ok(Some(Ended::Failed("the service does not know it".to_owned()))),
            status => return Err(HttpError(format!("the status is {status}"))),
        }
        let state: State<'_> = serde_json::from_slice(&answer.body)
            .map_err(|_| HttpError("the answer is no task".to_owned()))?;
        Ok(match state.status.as_str() {
            "pending" | "running" => None,
            "completed" => {
                let result = state.result_data.map_or("null", RawValue::get);
                Some(Ended::Completed(result.to_owned()))
            }
            other => {
                let why = state.error_message.unwrap_or_default();
                Some(Ended::Failed(format!("{other}: {why}")))
            }
        })
    }
}
