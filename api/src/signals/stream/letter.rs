//! Entries of the stream, and what becomes of them in Redis.

use std::sync::Arc;

use qt_codec::signal::SIGNAL_BYTES_MAX;
use qt_store::SourceRow;
use redis::RedisResult;
use redis::aio::ConnectionManager;

use super::super::intake::Outcome;
use super::super::keys::{KeyId, SourceKey};
use super::{DEAD, GIVEN_BACK, GROUP, STREAM, millis};

/// Dead letters that are kept, about.
const DEAD_MAX: usize = 100_000;

/// An entry that is signed by a source.
pub(super) struct Signed {
    pub(super) entry: String,
    pub(super) source: Arc<(SourceRow, Vec<SourceKey>)>,
    pub(super) payload: Vec<u8>,
}

/// An entry that is none, or whose signal is refused.
pub(super) struct Dead {
    pub(super) entry: String,
    pub(super) code: &'static str,
    pub(super) detail: String,
    pub(super) key_id: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

/// What became of entries: what is not named in it comes again.
#[derive(Default)]
pub(super) struct Done {
    pub(super) acknowledged: Vec<String>,
    pub(super) dead: Vec<Dead>,
    /// Those whose session another process has.
    pub(super) elsewhere: Vec<String>,
}

impl Done {
    /// Notes what is to be acknowledged, and what is a dead letter.
    pub(super) fn note(&mut self, all: Vec<Signed>, outcomes: Vec<Outcome>) {
        for (signed, outcome) in all.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Kept { .. } => self.acknowledged.push(signed.entry),
                Outcome::Refused { code, detail } => self.dead.push(Dead {
                    entry: signed.entry,
                    code,
                    detail,
                    key_id: KeyId::of(&signed.source.0).to_string().into_bytes(),
                    payload: signed.payload,
                }),
            }
        }
    }

    /// Whether anything came to its end.
    pub(super) fn is_settled(&self) -> bool {
        !self.acknowledged.is_empty() || !self.dead.is_empty()
    }

    /// Tells Redis, as `consumer`.
    pub(super) async fn tell(
        &self,
        redis: &mut ConnectionManager,
        consumer: &str,
    ) -> RedisResult<()> {
        let mut pipe = redis::pipe();
        for dead in &self.dead {
            let payload = &dead.payload[..dead.payload.len().min(SIGNAL_BYTES_MAX)];
            let add = pipe.cmd("XADD").arg(DEAD).arg("MAXLEN").arg("~").arg(DEAD_MAX).arg("*");
            add.arg("code").arg(dead.code).arg("detail").arg(&dead.detail);
            add.arg("entry").arg(&dead.entry).arg("key_id").arg(&dead.key_id);
            add.arg("payload").arg(payload).ignore();
        }
        // A letter that is there twice is better than none: it is acknowledged behind it.
        let all = self.acknowledged.iter().chain(self.dead.iter().map(|dead| &dead.entry));
        let all: Vec<&String> = all.collect();
        if !all.is_empty() {
            pipe.cmd("XACK").arg(STREAM).arg(GROUP).arg(all).ignore();
        }
        if !self.elsewhere.is_empty() {
            // Left to the process that has their session.
            pipe.cmd("XCLAIM").arg(STREAM).arg(GROUP).arg(consumer).arg(0).arg(&self.elsewhere);
            pipe.arg("IDLE").arg(millis(GIVEN_BACK)).arg("JUSTID").ignore();
        }
        if pipe.is_empty() { Ok(()) } else { pipe.query_async(redis).await }
    }
}
