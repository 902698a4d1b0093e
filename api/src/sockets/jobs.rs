//! Jobs of a tenant as a subscription; an agent is told of its own.

use axum::extract::ws::Utf8Bytes;
use serde_json::{Value, json};

use super::feed::{self, Feed, Source};
use super::protocol::{Channel, Told};
use crate::jobs::{JobChange, Jobs};
use qt_auth::Identity;
use qt_store::{Page, StoreError};
use qt_trading::PrivateEvent;
use qt_trading::time::Time;

/// So many jobs are in a snapshot, the newest.
const JOBS_SHOWN: u32 = 50;

fn text(kind: &str, seq: u64, data: Value, at: Time) -> Utf8Bytes {
    let (channel, timestamp) = (Some(Channel::Jobs), at.millis());
    Told { kind, channel, symbol: None, seq, data, timestamp }.text()
}

/// The subscription of `identity`.
///
/// # Errors
/// When the store does not answer.
pub async fn feed(
    jobs: &Jobs,
    identity: &Identity,
    from_seq: Option<u64>,
) -> Result<Feed, StoreError> {
    let own = identity.is_limited_to_own().then(|| identity.actor());
    let log = jobs.changes(identity.tenant);
    // Before the store is read: what happens meanwhile is told once more.
    let last = log.last();
    let followed = jobs.followed(identity.tenant).await?;
    let page = Page { after: None, limit: JOBS_SHOWN };
    let rows = jobs.store().backtests(identity.tenant, own.clone(), page).await?.items;
    let shown = rows
        .into_iter()
        .map(|row| json!({ "id": row.id, "status": row.status, "progress": row.progress }));
    let shown: Vec<Value> = shown.collect();
    // Who goes on where it was is shown nothing.
    let snapshot = || {
        jobs.shown(identity.tenant, followed);
        text("snapshot", last, json!(shown), Time::now())
    };
    let message = move |event: &PrivateEvent<JobChange>| {
        let change = &event.kind;
        let is_own = own.as_ref().is_none_or(|own| change.person == *own);
        is_own.then(|| text("job_progress", event.seq, json!(change), event.at))
    };
    let source = Source { channel: Channel::Jobs, log, last, snapshot, message };
    Ok(feed::private(source, from_seq))
}
