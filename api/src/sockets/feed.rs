//! The stream of one subscription: what its reader is told next, made when the reader is ready.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use serde_json::json;
use tokio::sync::watch;

use super::private;
use super::protocol::{Channel, Told};
use super::said::Said;
use super::topic::{Next, Topic};
use qt_trading::time::Time;
use qt_trading::{Desk, Missed, PrivateEvent, PrivateLog, PrivateReader};

/// So many private events are taken from the log at once.
const TAKE: usize = 64;

/// What a subscription gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// A message.
    Message(Utf8Bytes),
    /// Private events are gone that this reader has not seen: it must come back.
    Lost,
}

/// The stream of a subscription.
pub type Feed = Pin<Box<dyn Stream<Item = Given> + Send>>;

fn told(kind: &str, name: (Channel, Option<&str>), seq: u64, data: serde_json::Value) -> Utf8Bytes {
    let (channel, symbol) = (Some(name.0), name.1);
    Told { kind, channel, symbol, seq, data, timestamp: Time::now().millis() }.text()
}

struct Public {
    topic: Arc<Topic>,
    rings: watch::Receiver<u64>,
    first: VecDeque<Utf8Bytes>,
    next: u64,
}

/// A public subscription. It begins with a snapshot, or with the message of number `from_seq`
/// where that can still be had.
#[must_use]
pub fn public(
    name: (Channel, Option<&str>),
    (topic, mut rings): (Arc<Topic>, watch::Receiver<u64>),
    from_seq: Option<u64>,
) -> Feed {
    let (snapshot, behind) = topic.snapshot();
    let mut first = VecDeque::from([told("subscribed", name, behind - 1, json!({}))]);
    let next = match from_seq {
        Some(seq) if topic.has(seq) => seq,
        wanted => {
            if let Some(from) = wanted {
                let data = json!({ "reason": "gone", "from_seq": from });
                first.push_back(told("gap", name, behind - 1, data));
            }
            first.push_back(snapshot);
            behind
        }
    };
    rings.mark_changed();
    let state = Public { topic, rings, first, next };
    Box::pin(unfold(state, async |mut state| {
        loop {
            if let Some(text) = state.first.pop_front() {
                return Some((Given::Message(text), state));
            }
            match state.topic.next(state.next) {
                Some((Next::Message(text), next)) => {
                    state.next = next;
                    return Some((Given::Message(text), state));
                }
                Some((Next::Gap(missed, text), next)) => {
                    state.next = next;
                    state.first.push_back(text);
                    return Some((Given::Message(state.topic.gap(missed, next - 1)), state));
                }
                // Nobody publishes any more: the service stops.
                None => state.rings.changed().await.ok()?,
            }
        }
    }))
}

/// Where a private subscription comes from.
pub struct Source<T, S, M> {
    /// The channel.
    pub channel: Channel,
    /// What happens.
    pub log: Arc<PrivateLog<T>>,
    /// The number of the last event that [`Self::snapshot`] surely has.
    pub last: u64,
    /// What stands.
    pub snapshot: S,
    /// An event as a message; none where it is none of this channel.
    pub message: M,
}

struct Private<T, M> {
    reader: PrivateReader<T>,
    message: M,
    first: VecDeque<Utf8Bytes>,
    taken: VecDeque<Arc<PrivateEvent<T>>>,
    is_over: bool,
}

/// A private subscription of a desk, whose sockets are all told `said`. A program named `own` is
/// told of its own signals alone.
#[must_use]
pub fn desk(
    channel: Channel,
    (desk, said): (&dyn Desk, Arc<Said>),
    own: Option<String>,
    from_seq: Option<u64>,
) -> Feed {
    let log = desk.events();
    // Before the snapshot: what happens meanwhile is told once more, and nothing is left out.
    let last = log.last();
    let snapshot = || private::snapshot(channel, desk, last);
    let message = move |event: &PrivateEvent| {
        let is_told = own.as_deref().is_none_or(|own| private::is_of(event, own));
        let text = || said.text(event.seq, channel, || private::message(channel, event));
        is_told.then(text).flatten()
    };
    private(Source { channel, log, last, snapshot, message }, from_seq)
}

/// A private subscription. It begins with a snapshot, or with the event of number `from_seq` where
/// that can still be had.
#[must_use]
pub fn private<T, S, M>(source: Source<T, S, M>, from_seq: Option<u64>) -> Feed
where
    T: Send + Sync + 'static,
    S: FnOnce() -> Utf8Bytes,
    M: Fn(&PrivateEvent<T>) -> Option<Utf8Bytes> + Send + 'static,
{
    let Source { channel, log, last, snapshot, message } = source;
    let name = (channel, None);
    let mut first = VecDeque::from([told("subscribed", name, last, json!({}))]);
    let mut taken = VecDeque::new();
    let mut reader = log.reader(last);
    if let Some(from) = from_seq {
        let mut resumed = log.reader(from.saturating_sub(1));
        match resumed.take(TAKE) {
            Ok(events) => {
                taken.extend(events);
                reader = resumed;
            }
            Err(Missed { first: there, last: newest }) => {
                let data = json!({ "reason": "gone", "from_seq": from, "first": there });
                first.push_back(told("gap", name, newest, data));
                first.push_back(snapshot());
            }
        }
    } else {
        first.push_back(snapshot());
    }
    let state = Private { reader, message, first, taken, is_over: false };
    Box::pin(unfold(state, async |mut state| {
        loop {
            if state.is_over {
                return None;
            }
            if let Some(text) = state.first.pop_front() {
                return Some((Given::Message(text), state));
            }
            while let Some(event) = state.taken.pop_front() {
                if let Some(text) = (state.message)(&event) {
                    return Some((Given::Message(text), state));
                }
            }
            state.reader.ready().await;
            match state.reader.take(TAKE) {
                Ok(events) => state.taken.extend(events),
                Err(_) => {
                    state.is_over = true;
                    return Some((Given::Lost, state));
                }
            }
        }
    }))
}
