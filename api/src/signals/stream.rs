//! The Redis Stream `ai.signals`: signed signals of sources that send no requests.
//!
//! An entry has `payload` (the object of the contract), `key_id` and `sig` (HMAC-SHA256 of exactly
//! these bytes under the source's key, in hexadecimal digits). It is acknowledged when what it
//! says is in the journal and in the store, or when it lies among the dead letters with a code:
//! until then a process that takes over finds it among the pending ones and does it again, which
//! has an effect once. Nothing here is waited for by sessions; Redis may go and come.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use qt_codec::signal::SIGNAL_BYTES_MAX;
use qt_store::{SourceRow, StoreError};
use qt_trading::Refusal;
use qt_trading::ids::StrategyUid;
use qt_trading::secret::Secret;
use qt_trading::time::Time;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::streams::{StreamAutoClaimReply, StreamId, StreamReadReply};
use redis::{RedisError, RedisResult, Value};
use uuid::Uuid;

use super::intake::{Incoming, Outcome, SignalIntake};
use super::keys::{KeyId, SourceKey, SourceKeys};
use crate::http::App;
use crate::http::metrics::Metrics;
use crate::http::storage::Storage;

/// Its name.
pub const STREAM: &str = "ai.signals";
/// Where entries go that are no signals.
pub const DEAD: &str = "ai.signals.dead";
/// The consumer group of all services.
pub const GROUP: &str = "quanttrade";

/// Entries that are taken at once.
const BATCH: usize = 1_000;
/// Dead letters that are kept, about.
const DEAD_MAX: usize = 100_000;
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
/// How long it leaves them.
const ASIDE_PAUSE: Duration = Duration::from_secs(1);
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
    intake: Arc<SignalIntake>,
    store: Arc<dyn Storage>,
    keys: SourceKeys,
    metrics: Arc<Metrics>,
    consumer: String,
    /// When an entry was last given back.
    aside: Option<Instant>,
    sources: HashMap<KeyId, (Instant, Known)>,
}

/// An entry that is signed by a source.
struct Signed {
    entry: String,
    source: Arc<(SourceRow, Vec<SourceKey>)>,
    payload: Vec<u8>,
}

/// An entry that is none, or whose signal is refused.
struct Dead {
    entry: String,
    code: &'static str,
    detail: String,
    key_id: Vec<u8>,
    payload: Vec<u8>,
}

/// What became of a batch: what is not named in it comes again.
#[derive(Default)]
struct Done {
    acknowledged: Vec<String>,
    dead: Vec<Dead>,
    /// Those whose session another process has.
    elsewhere: Vec<String>,
}

impl SignalStream {
    /// The reader of the service `app`.
    #[must_use]
    pub fn new(url: Secret, app: &App) -> Self {
        Self {
            url,
            intake: Arc::clone(&app.signals),
            store: Arc::clone(&app.store),
            keys: app.source_keys.clone(),
            metrics: Arc::clone(&app.metrics),
            consumer: format!("{}-{}", std::process::id(), Uuid::now_v7().simple()),
            aside: None,
            sources: HashMap::new(),
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

    async fn connect(&self) -> RedisResult<ConnectionManager> {
        let client = redis::Client::open(self.url.reveal())?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(ANSWER))
            .set_response_timeout(Some(ANSWER));
        let mut redis = ConnectionManager::new_with_config(client, config).await?;
        make_group(&mut redis).await?;
        Ok(redis)
    }

    /// Takes what comes until Redis is away; why it is.
    async fn read(&mut self, redis: &mut ConnectionManager) -> RedisError {
        let mut claimed = None::<Instant>;
        loop {
            let done = async {
                if claimed.is_none_or(|at| at.elapsed() >= CLAIMED_EVERY) {
                    claimed = Some(Instant::now());
                    self.claim(redis).await?;
                }
                self.take_new(redis).await
            };
            match done.await {
                Ok(()) => {}
                // Redis was emptied: what was in it is gone, what comes is read.
                Err(error) if error.code() == Some("NOGROUP") => {
                    if let Err(error) = make_group(redis).await {
                        return error;
                    }
                }
                Err(error) => return error,
            }
        }
    }

    /// Takes over what a process, also this one, was given and has not acknowledged.
    async fn claim(&mut self, redis: &mut ConnectionManager) -> RedisResult<()> {
        let mut from = "0-0".to_owned();
        let is_aside = self.aside.is_some_and(|at| at.elapsed() < ASIDE);
        let idle = if is_aside { GIVEN_BACK + ASIDE } else { IDLE };
        loop {
            let reply: StreamAutoClaimReply = redis::cmd("XAUTOCLAIM")
                .arg(STREAM)
                .arg(GROUP)
                .arg(&self.consumer)
                .arg(millis(idle))
                .arg(&from)
                .arg("COUNT")
                .arg(BATCH)
                .query_async(redis)
                .await?;
            self.take(redis, reply.claimed).await?;
            from = reply.next_stream_id;
            if from == "0-0" {
                return Ok(());
            }
        }
    }

    async fn take_new(&mut self, redis: &mut ConnectionManager) -> RedisResult<()> {
        let reply: Option<StreamReadReply> = redis::cmd("XREADGROUP")
            .arg("GROUP")
            .arg(GROUP)
            .arg(&self.consumer)
            .arg("COUNT")
            .arg(BATCH)
            .arg("BLOCK")
            .arg(millis(BLOCK))
            .arg("STREAMS")
            .arg(STREAM)
            .arg(">")
            .query_async(redis)
            .await?;
        let keys = reply.map(|reply| reply.keys).unwrap_or_default();
        self.take(redis, keys.into_iter().flat_map(|key| key.ids).collect()).await
    }

    async fn take(
        &mut self,
        redis: &mut ConnectionManager,
        entries: Vec<StreamId>,
    ) -> RedisResult<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let count = entries.len();
        let done = self.handle(entries).await;
        let is_all_elsewhere = done.elsewhere.len() == count;
        let mut pipe = redis::pipe();
        for dead in &done.dead {
            if dead.code.starts_with("STREAM_") {
                self.metrics.signal(dead.code);
            }
            let payload = &dead.payload[..dead.payload.len().min(SIGNAL_BYTES_MAX)];
            let add = pipe.cmd("XADD").arg(DEAD).arg("MAXLEN").arg("~").arg(DEAD_MAX).arg("*");
            add.arg("code").arg(dead.code).arg("detail").arg(&dead.detail);
            add.arg("entry").arg(&dead.entry).arg("key_id").arg(&dead.key_id);
            add.arg("payload").arg(payload).ignore();
        }
        // A letter that is there twice is better than none: it is acknowledged behind it.
        let all = done.acknowledged.iter().chain(done.dead.iter().map(|dead| &dead.entry));
        let all: Vec<&String> = all.collect();
        if !all.is_empty() {
            pipe.cmd("XACK").arg(STREAM).arg(GROUP).arg(all).ignore();
            pipe.query_async::<()>(redis).await?;
        }
        self.give_back(redis, &done, is_all_elsewhere).await
    }

    /// Leaves entries to the process that has their session.
    async fn give_back(
        &mut self,
        redis: &mut ConnectionManager,
        done: &Done,
        is_all: bool,
    ) -> RedisResult<()> {
        if done.elsewhere.is_empty() {
            return Ok(());
        }
        self.aside = Some(Instant::now());
        let mut claim = redis::cmd("XCLAIM");
        claim.arg(STREAM).arg(GROUP).arg(&self.consumer).arg(0).arg(&done.elsewhere);
        claim.arg("IDLE").arg(millis(GIVEN_BACK)).arg("JUSTID");
        claim.query_async::<redis::Value>(redis).await?;
        if is_all {
            tokio::time::sleep(ASIDE_PAUSE).await;
        }
        Ok(())
    }

    /// Everything but Redis.
    async fn handle(&mut self, entries: Vec<StreamId>) -> Done {
        let mut done = Done::default();
        let mut by_source: Vec<(StrategyUid, Vec<Signed>)> = Vec::new();
        for entry in entries {
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
        for (_, all) in by_source {
            self.take_in(all, &mut done).await;
        }
        done
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

    /// Signals of one source.
    async fn take_in(&self, all: Vec<Signed>, done: &mut Done) {
        let outcomes = self.ask(&all).await;
        let outcomes = match outcomes {
            Ok(outcomes) => outcomes,
            Err(Refusal::Unavailable { code: "ELSEWHERE", .. }) => {
                done.elsewhere.extend(all.into_iter().map(|signed| signed.entry));
                return;
            }
            Err(Refusal::Unavailable { code, detail }) => {
                tracing::warn!(code, detail, waiting = all.len(), "signals wait");
                return;
            }
            // One of them can never be kept: it must not hold up the others.
            Err(_) => {
                for one in all {
                    match self.ask(std::slice::from_ref(&one)).await {
                        Ok(outcomes) => note(vec![one], outcomes, done),
                        Err(Refusal::Unavailable { .. }) => {}
                        Err(error) => {
                            let refused = Outcome::Refused {
                                code: "SIGNAL_NOT_KEPT",
                                detail: error.to_string(),
                            };
                            note(vec![one], vec![refused], done);
                        }
                    }
                }
                return;
            }
        };
        note(all, outcomes, done);
    }

    async fn ask(&self, all: &[Signed]) -> Result<Vec<Outcome>, Refusal> {
        let Some(first) = all.first() else { return Ok(Vec::new()) };
        let arrived_at = Time::now();
        let incoming =
            all.iter().map(|it| Incoming { bytes: it.payload.clone(), arrived_at }).collect();
        self.intake.take(&first.source.0, incoming).await
    }
}

/// Notes what is to be acknowledged, and what is a dead letter.
fn note(all: Vec<Signed>, outcomes: Vec<Outcome>, done: &mut Done) {
    for (signed, outcome) in all.into_iter().zip(outcomes) {
        match outcome {
            Outcome::Kept { .. } => done.acknowledged.push(signed.entry),
            Outcome::Refused { code, detail } => done.dead.push(Dead {
                entry: signed.entry,
                code,
                detail,
                key_id: KeyId::of(&signed.source.0).to_string().into_bytes(),
                payload: signed.payload,
            }),
        }
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
