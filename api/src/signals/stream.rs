//! The Redis Stream `ai.signals`: signed signals of sources that send no requests.
//!
//! An entry has `payload` (the object of the contract), `key_id` and `sig` (HMAC-SHA256 of exactly
//! these bytes under the source's key, in hexadecimal digits). It is acknowledged when what it
//! says is in the journal and in the store, or when it lies among the dead letters with a code:
//! until then a process that takes over finds it among the pending ones and does it again, which
//! has an effect once. Each source has a lane of its own behind the reader ([`lane`]). Nothing here
//! is waited for by sessions; Redis may go and come.

mod lane;
mod letter;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use qt_store::{SourceRow, StoreError};
use qt_trading::ids::StrategyUid;
use qt_trading::secret::Secret;
use qt_trading::time::Time;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::streams::{StreamAutoClaimReply, StreamId, StreamReadReply};
use redis::{RedisError, RedisResult, Value};
use tokio::task::JoinSet;
use uuid::Uuid;

use self::lane::{Lane, Lanes};
use self::letter::{Dead, Done, Signed};
use super::keys::{KeyId, SourceKey, SourceKeys};
use crate::http::App;
use crate::http::storage::Storage;

/// Its name.
pub const STREAM: &str = "ai.signals";
/// Where entries go that are no signals.
pub const DEAD: &str = "ai.signals.dead";
/// The consumer group of all services.
pub const GROUP: &str = "quanttrade";

/// Entries that are taken at once.
const BATCH: usize = 1_000;
/// How long a read waits for entries.
const BLOCK: Duration = Duration::from_millis(500);
/// An entry that was delivered and not acknowledged for so long is taken over.
const IDLE: Duration = Duration::from_secs(2);
/// An entry whose session another process has is given back as one that was idle for so long: that
/// process takes it over at its next look.
const GIVEN_BACK: Duration = Duration::from_secs(60);
/// For so long a process that was given such entries takes none over that are not older than those,
/// and leaves new ones to others, unless it has sessions of its own that are spoken to.
const ASIDE: Duration = Duration::from_secs(5);
/// How often such entries are looked for.
const CLAIMED_EVERY: Duration = Duration::from_secs(1);
/// For so long a source is as it was read.
const SOURCE_TIME: Duration = Duration::from_secs(1);
/// Sources that are remembered.
const SOURCES_MAX: usize = 10_000;
/// How long Redis may take.
const ANSWER: Duration = Duration::from_secs(5);
/// The shortest and the longest pause after Redis was not there.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// A source and its keys; none where there is no such source.
type Known = Option<Arc<(SourceRow, Vec<SourceKey>)>>;

/// What reads the stream.
pub struct SignalStream {
    url: Secret,
    store: Arc<dyn Storage>,
    keys: SourceKeys,
    sources: HashMap<KeyId, (Instant, Known)>,
    shared: Arc<Lanes>,
    /// What runs the lanes. They end with the reader.
    tasks: JoinSet<()>,
}

/// A Redis that answers: one connection waits for entries, the other one for nothing.
struct Redis {
    reads: ConnectionManager,
    writes: ConnectionManager,
    lanes: HashMap<StrategyUid, Lane>,
    /// Where the next look at pending entries begins.
    claims_from: String,
}

/// The first entry there can be.
const FIRST: &str = "0-0";

impl SignalStream {
    /// The reader of the service `app`.
    #[must_use]
    pub fn new(url: Secret, app: &App) -> Self {
        let consumer = format!("{}-{}", std::process::id(), Uuid::now_v7().simple());
        let shared = Lanes::new(Arc::clone(&app.signals), Arc::clone(&app.metrics), consumer);
        Self {
            url,
            store: Arc::clone(&app.store),
            keys: app.source_keys.clone(),
            sources: HashMap::new(),
            shared: Arc::new(shared),
            tasks: JoinSet::new(),
        }
    }

    /// Reads for ever.
    pub async fn run(mut self) {
        let mut pause = PAUSES.0;
        loop {
            let began = Instant::now();
            let error = match self.connect().await {
                Ok(mut redis) => self.read(&mut redis).await,
                Err(error) => error,
            };
            pause = if began.elapsed() > PAUSES.1 { PAUSES.0 } else { (pause * 2).min(PAUSES.1) };
            tracing::warn!(%error, "the stream of signals is not read");
            tokio::time::sleep(pause).await;
        }
    }

    async fn connect(&self) -> RedisResult<Redis> {
        let client = redis::Client::open(self.url.reveal())?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(ANSWER))
            .set_response_timeout(Some(ANSWER));
        let mut reads = ConnectionManager::new_with_config(client.clone(), config.clone()).await?;
        make_group(&mut reads).await?;
        let writes = ConnectionManager::new_with_config(client, config).await?;
        Ok(Redis { reads, writes, lanes: HashMap::new(), claims_from: FIRST.to_owned() })
    }

    /// Takes what comes until Redis is away; why it is.
    async fn read(&mut self, redis: &mut Redis) -> RedisError {
        let mut claimed = None::<Instant>;
        loop {
            let done = async {
                if claimed.is_none_or(|at| at.elapsed() >= CLAIMED_EVERY) {
                    claimed = Some(Instant::now());
                    self.claim(redis).await?;
                    redis.lanes.retain(|_, lane| !lane.is_idle());
                    while self.tasks.try_join_next().is_some() {}
                }
                if let Some(pause) = self.shared.leaves_new_ones_for() {
                    tokio::time::sleep(pause).await;
                }
                self.take_new(redis).await
            };
            match done.await {
                Ok(()) => {}
                // Redis was emptied: what was in it is gone, what comes is read.
                Err(error) if error.code() == Some("NOGROUP") => {
                    if let Err(error) = make_group(&mut redis.reads).await {
                        return error;
                    }
                }
                Err(error) => return error,
            }
        }
    }

    /// Takes over what a process, also this one, was given and has not acknowledged.
    async fn claim(&mut self, redis: &mut Redis) -> RedisResult<()> {
        let idle = if self.shared.is_aside(ASIDE) { GIVEN_BACK + ASIDE } else { IDLE };
        loop {
            let reply: StreamAutoClaimReply = redis::cmd("XAUTOCLAIM")
                .arg(STREAM)
                .arg(GROUP)
                .arg(self.shared.consumer())
                .arg(millis(idle))
                .arg(&redis.claims_from)
                .arg("COUNT")
                .arg(BATCH)
                .query_async(&mut redis.reads)
                .await?;
            let is_room = self.take(redis, reply.claimed).await?;
            redis.claims_from = reply.next_stream_id;
            // What there is no room for can wait, and the next look begins behind it.
            if redis.claims_from == FIRST || !is_room {
                return Ok(());
            }
        }
    }

    async fn take_new(&mut self, redis: &mut Redis) -> RedisResult<()> {
        let reply: Option<StreamReadReply> = redis::cmd("XREADGROUP")
            .arg("GROUP")
            .arg(GROUP)
            .arg(self.shared.consumer())
            .arg("COUNT")
            .arg(BATCH)
            .arg("BLOCK")
            .arg(millis(BLOCK))
            .arg("STREAMS")
            .arg(STREAM)
            .arg(">")
            .query_async(&mut redis.reads)
            .await?;
        let keys = reply.map(|reply| reply.keys).unwrap_or_default();
        let entries = keys.into_iter().flat_map(|key| key.ids).collect();
        self.take(redis, entries).await.map(|_| ())
    }

    /// Hands entries to the lanes of their sources; whether there was room in all of them. What is
    /// on its way already is left to that.
    async fn take(&mut self, redis: &mut Redis, entries: Vec<StreamId>) -> RedisResult<bool> {
        let mut by_source: Vec<(StrategyUid, Vec<Signed>)> = Vec::new();
        let mut done = Done::default();
        for entry in entries {
            if self.shared.is_under_way(&entry.id) {
                continue;
            }
            match self.check(entry).await {
                Ok(signed) => {
                    let id = signed.source.0.id;
                    match by_source.iter_mut().find(|(of, _)| *of == id) {
                        Some((_, all)) => all.push(signed),
                        None => by_source.push((id, vec![signed])),
                    }
                }
                Err(Some(dead)) => done.dead.push(dead),
                // It comes again.
                Err(None) => {}
            }
        }
        let mut is_room = true;
        for (id, all) in by_source {
            let (shared, writes) = (&self.shared, &redis.writes);
            let lane = redis
                .lanes
                .entry(id)
                .or_insert_with(|| Lane::begin(shared, writes.clone(), &mut self.tasks));
            is_room &= lane.take(shared, all).await;
        }
        self.shared.settle(&mut redis.writes, done).await.map(|()| is_room)
    }

    /// Whose an entry is; none where nobody can tell now.
    async fn check(&mut self, entry: StreamId) -> Result<Signed, Option<Dead>> {
        let bytes = |name: &str| match entry.map.get(name) {
            Some(Value::BulkString(bytes)) => Some(bytes.clone()),
            Some(Value::SimpleString(text)) => Some(text.clone().into_bytes()),
            _ => None,
        };
        let (payload, key_id, sig) = (bytes("payload"), bytes("key_id"), bytes("sig"));
        let dead = |code, detail: &str| {
            Some(Dead {
                entry: entry.id.clone(),
                code,
                detail: detail.to_owned(),
                key_id: key_id.clone().unwrap_or_default(),
                payload: payload.clone().unwrap_or_default(),
            })
        };
        let (Some(body), Some(key), Some(sig)) = (&payload, &key_id, &sig) else {
            return Err(dead("STREAM_MALFORMED", "an entry has payload, key_id and sig"));
        };
        let named = std::str::from_utf8(key).ok().and_then(|key| key.parse::<KeyId>().ok());
        let Some(named) = named else {
            return Err(dead("STREAM_KEY_UNKNOWN", "key_id is none of a source"));
        };
        let source = self.source(named).await.map_err(|_| None)?;
        let Some(source) = source else {
            return Err(dead("STREAM_KEY_UNKNOWN", "there is no source of this key_id"));
        };
        if !source.1.iter().any(|key| key.has_signed(body, sig)) {
            return Err(dead("STREAM_SIGNATURE", "sig is not that of payload under this key"));
        }
        let payload = body.clone();
        Ok(Signed { entry: entry.id, source, payload })
    }

    async fn source(&mut self, id: KeyId) -> Result<Known, StoreError> {
        if let Some((at, known)) = self.sources.get(&id)
            && at.elapsed() < SOURCE_TIME
        {
            return Ok(known.clone());
        }
        let found = match self.store.source(id.tenant, id.source).await {
            Ok(source) => {
                let keys = self.keys.good(&source, Time::now());
                Some(Arc::new((source, keys)))
            }
            Err(StoreError::NotFound) => None,
            Err(error) => {
                tracing::warn!(%error, "sources of signals cannot be read: entries wait");
                return Err(error);
            }
        };
        if self.sources.len() >= SOURCES_MAX {
            self.sources.clear();
        }
        self.sources.insert(id, (Instant::now(), found.clone()));
        Ok(found)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The group reads from the first entry on; one that is there already stays as it is.
async fn make_group(redis: &mut ConnectionManager) -> RedisResult<()> {
    let mut make = redis::cmd("XGROUP");
    make.arg("CREATE").arg(STREAM).arg(GROUP).arg("0").arg("MKSTREAM");
    match make.query_async::<()>(redis).await {
        Err(error) if error.code() != Some("BUSYGROUP") => Err(error),
        _ => Ok(()),
    }
}
