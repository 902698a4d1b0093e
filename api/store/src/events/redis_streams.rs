//! Redis Streams: one stream a kind of event, `events:{EventName}`.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use tokio::sync::Mutex;

use super::Sink;
use crate::domain::Envelope;
use qt_trading::Doing;
use qt_trading::secret::Secret;

/// How long Redis may take for one batch.
const ANSWER: Duration = Duration::from_secs(5);
/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(2);

/// Where the streams are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSettings {
    /// The address of Redis; it may hold a password.
    pub url: Secret,
    /// What stands before the name of the event.
    pub prefix: String,
    /// About how many entries a stream keeps; 0 for all.
    pub entries_max: usize,
}

impl StreamSettings {
    /// The streams `events:{EventName}` with the latest 100,000 entries each.
    #[must_use]
    pub fn new(url: Secret) -> Self {
        Self { url, prefix: "events:".to_owned(), entries_max: 100_000 }
    }
}

/// Publishes to Redis Streams. It connects when there is something to publish, and again after
/// Redis was away.
pub struct RedisStreams {
    settings: StreamSettings,
    connection: Mutex<Option<ConnectionManager>>,
}

impl std::fmt::Debug for RedisStreams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStreams").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl RedisStreams {
    /// Streams that are not connected to yet.
    #[must_use]
    pub fn new(settings: StreamSettings) -> Self {
        Self { settings, connection: Mutex::default() }
    }

    async fn connect(&self) -> Result<ConnectionManager, String> {
        let client = redis::Client::open(self.settings.url.reveal())
            .map_err(|_| "REDIS_URL: it is no address, like redis://host:6379/0".to_owned())?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER));
        let connecting = ConnectionManager::new_with_config(client, config);
        match tokio::time::timeout(CONNECT + CONNECT, connecting).await {
            Ok(connected) => connected.map_err(|error| format!("Redis: {error}")),
            Err(_) => Err("Redis: no answer".to_owned()),
        }
    }

    async fn send(&self, batch: &[Envelope]) -> Result<(), String> {
        let mut kept = self.connection.lock().await;
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let mut pipe = redis::pipe();
        for envelope in batch {
            let add = pipe.cmd("XADD");
            add.arg(format!("{}{}", self.settings.prefix, envelope.event_type));
            if self.settings.entries_max > 0 {
                add.arg("MAXLEN").arg("~").arg(self.settings.entries_max);
            }
            add.arg("*");
            for (name, value) in envelope.fields() {
                add.arg(name).arg(value);
            }
            add.ignore();
        }
        let sent: Result<(), redis::RedisError> = pipe.query_async(&mut connection).await;
        sent.map_err(|error| format!("Redis: {error}"))?;
        // Only a connection that works is kept: after an error the next batch makes a new one.
        *kept = Some(connection);
        Ok(())
    }
}

impl Sink for RedisStreams {
    fn publish<'a>(&'a self, batch: &'a [Envelope]) -> Doing<'a, Result<(), String>> {
        Box::pin(self.send(batch))
    }
}
