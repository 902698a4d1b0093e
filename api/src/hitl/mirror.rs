//! What the platform's own screens may see of requests and decisions, in Redis.
//!
//! It is written and never read: a decision that somebody plants there decides nothing. A request
//! whose state is not shown yet is marked in the store, so that what happened while Redis was away
//! is shown when it is back.

use redis::AsyncCommands;
use redis::Script;
use redis::aio::ConnectionManager;
use serde_json::{Value, json};

use super::shown;
use qt_store::{HitlDecision, HitlRequest, HitlStatus};
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

/// How long what is over stays, in seconds: 30 days.
const COMPLETED_SECONDS: i64 = 30 * 24 * 3_600;
/// How long after its end a request that nobody has taken away stays, in seconds.
const PENDING_SECONDS: i64 = 3_600;
/// About how many decisions the stream keeps.
const DECISIONS_KEPT: usize = 100_000;
/// Where decisions go.
pub const DECISIONS: &str = "hitl.decisions";

/// Says since when the mirror is in this Redis.
const MARK: &str = "hitl:mirror:since";

/// Shows one request. `KEYS`: pending, completed, stream. `ARGV`: whether it waits, seconds that it
/// stays, entries of the stream, fields of the hash, then those fields and values, then those of
/// the decision, if there is one. What is over is never shown as waiting again, and a decision is
/// told once.
const SCRIPT: &str = r"
local is_pending, seconds, kept, fields = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local key = KEYS[2]
if is_pending == '1' then
    if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
    key = KEYS[1]
else
    redis.call('DEL', KEYS[1])
end
for at = 5, 4 + 2 * fields, 2 do redis.call('HSET', key, ARGV[at], ARGV[at + 1]) end
redis.call('EXPIRE', key, seconds)
if #ARGV > 4 + 2 * fields and redis.call('HSETNX', key, 'told', '1') == 1 then
    local entry = {}
    for at = 5 + 2 * fields, #ARGV do entry[#entry + 1] = ARGV[at] end
    redis.call('XADD', KEYS[3], 'MAXLEN', '~', kept, '*', unpack(entry))
end
return 1
";

/// The mirror.
pub struct Mirror {
    redis: ConnectionManager,
    script: Script,
}

impl std::fmt::Debug for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mirror")
    }
}

impl Mirror {
    /// One in the Redis behind `redis`.
    #[must_use]
    pub fn new(redis: ConnectionManager) -> Self {
        Self { redis, script: Script::new(SCRIPT) }
    }

    /// Whether this Redis has what was shown: an empty one that came back has not.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn is_there(&self) -> Result<bool, redis::RedisError> {
        self.redis.clone().exists(MARK).await
    }

    /// From now on it counts as the one that has what was shown.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn begin(&self, now: Time) -> Result<(), redis::RedisError> {
        self.redis.clone().set(MARK, now.to_string()).await
    }

    /// Shows a request as it is.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn show(
        &self,
        tenant: TenantId,
        request: &HitlRequest,
        decision: Option<&HitlDecision>,
        now: Time,
    ) -> Result<(), redis::RedisError> {
        let is_pending = request.status == HitlStatus::Pending;
        let left_s = (request.asked.expires_at.0 - now.0) / 1_000_000_000;
        let seconds = if is_pending { left_s.max(0) + PENDING_SECONDS } else { COMPLETED_SECONDS };
        let fields = fields(tenant, request, decision, now);
        let mut call = self.script.prepare_invoke();
        call.key(format!("hitl:pending:{}", request.id));
        call.key(format!("hitl:completed:{}", request.id)).key(DECISIONS);
        call.arg(u8::from(is_pending)).arg(seconds).arg(DECISIONS_KEPT).arg(fields.len());
        let entry = decision.map(|decision| entry(request, decision)).unwrap_or_default();
        for (name, value) in fields.into_iter().chain(entry) {
            call.arg(name).arg(value);
        }
        call.invoke_async(&mut self.redis.clone()).await
    }
}

type Field = (&'static str, String);

/// A value in a hash: texts as they are, all else as JSON.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn fields(
    tenant: TenantId,
    request: &HitlRequest,
    decision: Option<&HitlDecision>,
    now: Time,
) -> Vec<Field> {
    let shown = json!(shown::request(request, now));
    let names = [
        "id",
        "task_type",
        "status",
        "urgency",
        "created_at",
        "expires_at",
        "triggers",
        "task_data",
        "ai_recommendation",
        "ai_confidence",
        "estimated_impact",
        "context",
        "signal_id",
        "source_id",
        "outcome",
    ];
    let mut fields: Vec<Field> = names.into_iter().map(|name| (name, text(&shown[name]))).collect();
    fields.push(("tenant_id", tenant.to_string()));
    if let Some(decision) = decision {
        let said = json!(shown::decision(decision));
        for name in ["decision", "notes", "modified_action", "human_reviewer", "decided_at"] {
            fields.push((name, text(&said[name])));
        }
    }
    fields
}

/// The entry of the stream.
fn entry(request: &HitlRequest, decision: &HitlDecision) -> Vec<Field> {
    let said = json!(shown::decision(decision));
    vec![
        ("request_id", request.id.to_string()),
        ("decision", text(&said["decision"])),
        ("ai_recommendation", request.asked.recommendation.to_string()),
        ("ai_confidence", shown::share(request.asked.confidence_e9).to_string()),
        ("human_reviewer", decision.person.clone()),
        ("notes", decision.decided.notes.clone()),
        ("agreement", text(&said["agreement"])),
        ("timestamp", decision.decided_at.to_string()),
    ]
}
