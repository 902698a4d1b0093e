//! The platform's event bus in Redis Streams: results that its agents publish.
//!
//! There are two envelopes. `bizosaas:events:{type}` has a stream for each type, with `id`, `type`,
//! `tenant_id` and `data`; `bizosaas:events` has all types in one stream, with `event_id`,
//! `event_type`, `tenant_id` and `event_data`. Both are read, by a consumer group of ours; an entry
//! is acknowledged when what came of it is kept. What can be read by nobody is acknowledged as
//! well: it must not stand in the way of what comes after it. A result that cannot be taken now is
//! left, and the later ones of its tenant with it, and tried again in a moment; those of other
//! tenants go on.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::streams::{StreamAutoClaimReply, StreamId, StreamKey, StreamReadReply};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use super::intake::{AgentIntake, AgentResult, Waits, is_name};
use qt_trading::ids::TenantId;
use qt_trading::secret::Secret;
use qt_trading::time::Time;

/// The type of event that is listened to.
pub const EVENT: &str = "agent.task.completed";
/// The consumer group.
pub const GROUP: &str = "service:quanttrade";
/// Entries that are read at once.
const BATCH: usize = 64;
/// How long a read waits for entries.
const BLOCK: Duration = Duration::from_secs(1);
/// The longest answer of Redis; longer than `BLOCK`.
const ANSWER: Duration = Duration::from_secs(5);
/// How long an entry that somebody read stays theirs.
const CLAIM_IDLE: Duration = Duration::from_secs(60);
/// How often entries that nobody finished are looked for.
const CLAIM_EVERY: Duration = Duration::from_secs(30);
/// How often what waits is tried again.
const AGAIN_EVERY: Duration = Duration::from_secs(1);
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_LONGEST: Duration = Duration::from_secs(10);

/// Where the bus is.
#[derive(Clone, Debug)]
pub struct BusSettings {
    /// The address of Redis; it may hold a password.
    pub url: Secret,
    /// What stands before the names of its streams.
    pub prefix: String,
    /// How long an entry that somebody read stays theirs.
    pub claim_idle: Duration,
}

impl BusSettings {
    /// The platform's bus in the Redis at `url`.
    #[must_use]
    pub fn new(url: Secret) -> Self {
        Self { url, prefix: "bizosaas:events".to_owned(), claim_idle: CLAIM_IDLE }
    }

    fn streams(&self) -> [String; 2] {
        [format!("{}:{EVENT}", self.prefix), self.prefix.clone()]
    }
}

/// What the consumer has done since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BusFigures {
    /// Results that were taken in.
    pub results: u64,
    /// Signals of them that were taken.
    pub signals: u64,
    /// Entries that nobody can read.
    pub unreadable: u64,
}

/// The consumer.
pub struct AgentBus {
    settings: BusSettings,
    intake: AgentIntake,
    consumer: String,
    figures: watch::Sender<BusFigures>,
}

impl std::fmt::Debug for AgentBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentBus").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Why Redis is not read.
struct Stopped(String);

impl From<redis::RedisError> for Stopped {
    fn from(error: redis::RedisError) -> Self {
        Self(error.to_string())
    }
}

/// Whose results wait: entries that are read and left.
#[derive(Default)]
struct Waiting {
    now: HashSet<TenantId>,
    /// When it was tried the last time.
    before: HashSet<TenantId>,
}

impl Waiting {
    /// All of them are tried again.
    fn again(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }

    fn add(&mut self, tenant: TenantId, waits: &Waits) {
        if self.now.insert(tenant) && !self.before.contains(&tenant) {
            tracing::warn!(%tenant, %waits, "results of agents wait");
        }
    }
}

impl AgentBus {
    /// A consumer of the bus; results go to `intake`.
    #[must_use]
    pub fn new(settings: BusSettings, intake: AgentIntake) -> Arc<Self> {
        let hex = Uuid::new_v4().simple().to_string();
        let consumer = format!("quanttrade:{}", &hex[..8]);
        Arc::new(Self { settings, intake, consumer, figures: watch::Sender::default() })
    }

    /// What it has done, from now on.
    #[must_use]
    pub fn figures(&self) -> watch::Receiver<BusFigures> {
        self.figures.subscribe()
    }

    /// Works until it is dropped.
    pub async fn run(self: Arc<Self>) {
        let mut retry = RETRY_FIRST;
        loop {
            let began = Instant::now();
            let Stopped(error) = self.consume().await;
            tracing::warn!(error, "the agents' bus is not read");
            if began.elapsed() > RETRY_LONGEST {
                retry = RETRY_FIRST;
            }
            tokio::time::sleep(retry).await;
            retry = (retry * 2).min(RETRY_LONGEST);
        }
    }

    /// Reads until something is in the way.
    async fn consume(&self) -> Stopped {
        let reading = async {
            let mut redis = self.connect().await.map_err(Stopped)?;
            self.make_groups(&mut redis).await?;
            let (streams, mut waiting) = (self.settings.streams(), Waiting::default());
            // First what this consumer has read before and did not finish.
            self.again(&mut redis, &mut waiting).await?;
            let (mut tried, mut claimed) = (Instant::now(), None::<Instant>);
            loop {
                if claimed.is_none_or(|at| at.elapsed() >= CLAIM_EVERY) {
                    claimed = Some(Instant::now());
                    self.claim(&mut redis, &mut waiting).await?;
                }
                for key in self.read(&mut redis, &streams, ">").await? {
                    self.take(&mut redis, &key.key, key.ids, &mut waiting).await?;
                }
                if !waiting.now.is_empty() && tried.elapsed() >= AGAIN_EVERY {
                    self.again(&mut redis, &mut waiting).await?;
                    tried = Instant::now();
                }
            }
        };
        match reading.await {
            Ok(never) => never,
            Err(stopped) => stopped,
        }
    }

    async fn connect(&self) -> Result<ConnectionManager, String> {
        let client = redis::Client::open(self.settings.url.reveal())
            .map_err(|_| "REDIS_URL is no address".to_owned())?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(ANSWER))
            .set_response_timeout(Some(ANSWER));
        let connecting = ConnectionManager::new_with_config(client, config);
        match tokio::time::timeout(ANSWER, connecting).await {
            Ok(connected) => connected.map_err(|error| error.to_string()),
            Err(_) => Err("no answer".to_owned()),
        }
    }

    /// Makes the groups where they are not there: at the first start, and after Redis was emptied.
    /// They begin with what the streams hold: who has expired is refused, not acted on.
    async fn make_groups(&self, redis: &mut ConnectionManager) -> Result<(), Stopped> {
        for stream in self.settings.streams() {
            let mut create = redis::cmd("XGROUP");
            create.arg("CREATE").arg(&stream).arg(GROUP).arg("0").arg("MKSTREAM");
            match create.query_async::<()>(redis).await {
                Err(error) if error.code() == Some("BUSYGROUP") => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Reads entries after `from` of this consumer's, or new ones (`>`).
    async fn read(
        &self,
        redis: &mut ConnectionManager,
        streams: &[String],
        from: &str,
    ) -> Result<Vec<StreamKey>, Stopped> {
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(GROUP).arg(&self.consumer).arg("COUNT").arg(BATCH);
        command.arg("BLOCK").arg(BLOCK.as_millis().to_string());
        command.arg("STREAMS");
        for stream in streams {
            command.arg(stream);
        }
        for _ in streams {
            command.arg(from);
        }
        let reply: Option<StreamReadReply> = command.query_async(redis).await?;
        Ok(reply.map(|reply| reply.keys).unwrap_or_default())
    }

    /// Goes over all that this consumer has read and not finished.
    async fn again(
        &self,
        redis: &mut ConnectionManager,
        waiting: &mut Waiting,
    ) -> Result<(), Stopped> {
        waiting.again();
        for stream in self.settings.streams() {
            let mut from = "0".to_owned();
            loop {
                let keys = self.read(redis, std::slice::from_ref(&stream), &from).await?;
                let entries: Vec<StreamId> = keys.into_iter().flat_map(|key| key.ids).collect();
                let Some(last) = entries.last() else { break };
                from.clone_from(&last.id);
                self.take(redis, &stream, entries, waiting).await?;
            }
        }
        Ok(())
    }

    /// Takes over what somebody read and never finished.
    async fn claim(
        &self,
        redis: &mut ConnectionManager,
        waiting: &mut Waiting,
    ) -> Result<(), Stopped> {
        let idle = self.settings.claim_idle.as_millis().to_string();
        for stream in self.settings.streams() {
            let mut from = "0-0".to_owned();
            loop {
                let mut command = redis::cmd("XAUTOCLAIM");
                command.arg(&stream).arg(GROUP).arg(&self.consumer).arg(&idle).arg(&from);
                command.arg("COUNT").arg(BATCH);
                let reply: StreamAutoClaimReply = command.query_async(redis).await?;
                self.take(redis, &stream, reply.claimed, waiting).await?;
                if reply.next_stream_id == "0-0" {
                    break;
                }
                from = reply.next_stream_id;
            }
        }
        Ok(())
    }

    /// Acknowledges what is finished.
    async fn take(
        &self,
        redis: &mut ConnectionManager,
        stream: &str,
        entries: Vec<StreamId>,
        waiting: &mut Waiting,
    ) -> Result<(), Stopped> {
        for entry in entries {
            match read_entry(&entry.map) {
                // Its turn is behind the one that waits.
                Read::Result(result) if waiting.now.contains(&result.tenant) => continue,
                Read::Result(result) => {
                    let taken = match self.intake.take(&result).await {
                        Ok(taken) => taken,
                        Err(waits) => {
                            waiting.add(result.tenant, &waits);
                            continue;
                        }
                    };
                    self.figures.send_modify(|figures| {
                        figures.results += 1;
                        figures.signals += taken as u64;
                    });
                }
                Read::Unreadable(why) => {
                    self.figures.send_modify(|figures| figures.unreadable += 1);
                    tracing::warn!(entry = entry.id, stream, why, "an entry of the bus is left");
                }
                Read::Other => {}
            }
            let mut ack = redis::cmd("XACK");
            ack.arg(stream).arg(GROUP).arg(&entry.id).query_async::<()>(redis).await?;
        }
        Ok(())
    }
}

/// What an entry is.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    Result(AgentResult),
    /// An event of another type.
    Other,
    Unreadable(&'static str),
}

/// What is read of an event's data besides the answer.
#[derive(Deserialize)]
struct Data<'a> {
    task_id: String,
    agent_name: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    error_message: Option<String>,
    #[serde(borrow, default)]
    tenant_id: Option<&'a RawValue>,
}

fn read_entry(fields: &HashMap<String, redis::Value>) -> Read {
    let text = |names: [&str; 2]| {
        let found = names.iter().find_map(|name| fields.get(*name));
        found.and_then(|value| redis::from_redis_value_ref::<String>(value).ok())
    };
    if text(["event_type", "type"]).is_none_or(|kind| kind != EVENT) {
        return Read::Other;
    }
    let Some(json) = text(["event_data", "data"]) else { return Read::Unreadable("no data") };
    let Ok(data) = serde_json::from_str::<Data<'_>>(&json) else {
        return Read::Unreadable("its data is no JSON with task_id and agent_name");
    };
    // The envelope's tenant is the one; a result that names another one is nobody's.
    let tenant = text(["tenant_id", "tenant_id"]).and_then(|id| id.parse::<Uuid>().ok());
    let Some(tenant) = tenant.filter(|id| !id.is_nil()) else {
        return Read::Unreadable("its tenant is no UUID");
    };
    let inner = data.tenant_id.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    if inner.and_then(|id| id.parse::<Uuid>().ok()).is_some_and(|inner| inner != tenant) {
        return Read::Unreadable("it names two tenants");
    }
    if !is_name(&data.agent_name) || !is_name(&data.task_id) {
        return Read::Unreadable("agent_name or task_id is no name");
    }
    let has_failed = matches!(data.status.as_deref(), Some("failed" | "cancelled"));
    let failure = has_failed.then(|| data.error_message.unwrap_or_else(|| "it failed".to_owned()));
    Read::Result(AgentResult {
        tenant: TenantId(tenant),
        agent_name: data.agent_name,
        task_id: data.task_id,
        failure,
        answer: json.clone(),
        arrived_at: Time::now(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "018f4e5a-0000-7000-8000-000000000001";

    fn entry(fields: &[(&str, &str)]) -> Read {
        let value = |text: &str| redis::Value::BulkString(text.as_bytes().to_vec());
        let fields = fields.iter().map(|(name, text)| ((*name).to_owned(), value(text)));
        read_entry(&fields.collect())
    }

    #[test]
    fn both_envelopes_are_read() {
        let data = r#"{"task_id":"t1","agent_name":"trading_strategy_agent","results":"BUY"}"#;
        let by_type = [("id", "1"), ("type", EVENT), ("tenant_id", TENANT), ("data", data)];
        let in_one = [("event_type", EVENT), ("tenant_id", TENANT), ("event_data", data)];
        for fields in [&by_type[..], &in_one[..]] {
            let Read::Result(result) = entry(fields) else { panic!("{:?}", entry(fields)) };
            assert_eq!(result.tenant.to_string(), TENANT);
            assert_eq!((result.task_id.as_str(), result.failure), ("t1", None));
            assert_eq!(result.answer, data);
        }
    }

    #[test]
    fn what_is_none_of_ours_and_what_nobody_can_read() {
        let data = r#"{"task_id":"t1","agent_name":"a"}"#;
        let other = r#"{"task_id":"t","agent_name":"a",
            "tenant_id":"018f4e5a-0000-7000-8000-000000000002"}"#;
        assert_eq!(entry(&[("type", "campaign.created"), ("data", data)]), Read::Other);
        assert_eq!(entry(&[]), Read::Other);
        let nil = Uuid::nil().to_string();
        for (tenant, data) in [
            ("default", data),
            (nil.as_str(), data),
            (TENANT, "{'task_id': 't1'}"),
            (TENANT, r#"{"task_id":"","agent_name":"a"}"#),
            (TENANT, other),
        ] {
            let read = entry(&[("type", EVENT), ("tenant_id", tenant), ("data", data)]);
            assert!(matches!(read, Read::Unreadable(_)), "{tenant} {data}: {read:?}");
        }
    }
}
