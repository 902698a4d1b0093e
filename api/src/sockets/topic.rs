//! A public channel of one symbol: each message is made once, whoever listens.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use axum::extract::ws::Utf8Bytes;
use serde::Serialize;
use tokio::sync::watch;

use super::protocol::{Channel, Told};
use qt_trading::time::Time;

/// So many messages can be asked for again; a reader further behind sees the newest.
pub const HISTORY: usize = 64;

/// A public channel of one symbol.
#[derive(Debug)]
pub struct Topic {
    channel: Channel,
    symbol: Option<String>,
    /// Messages that can be asked for again.
    kept: usize,
    inner: Mutex<Inner>,
    newest: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    history: VecDeque<(u64, Utf8Bytes)>,
    last: u64,
    snapshot: serde_json::Value,
    at: Time,
}

/// What a reader gets next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// This message.
    Message(Utf8Bytes),
    /// So many were left out; the next one is this one.
    Gap(u64, Utf8Bytes),
}

impl Topic {
    /// An empty one, of which the last `kept` messages can be asked for again. Its numbers begin
    /// with the clock, so that they rise over restarts too.
    #[must_use]
    pub fn new(channel: Channel, symbol: Option<String>, kept: usize) -> Self {
        let at = Time::now();
        let last = u64::try_from(at.millis()).unwrap_or_default();
        let history = VecDeque::new();
        let inner = Inner { history, last, snapshot: serde_json::Value::Null, at };
        let (inner, newest) = (Mutex::new(inner), watch::Sender::new(last));
        Self { channel, symbol, kept, inner, newest }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a new reader sees first.
    pub fn set_snapshot(&self, data: impl Serialize) {
        let mut inner = self.lock();
        inner.snapshot = serde_json::to_value(data).unwrap_or_default();
        inner.at = Time::now();
    }

    /// Says something to all who listen.
    pub fn publish(&self, kind: &str, data: impl Serialize) {
        let last = {
            let mut inner = self.lock();
            inner.last += 1;
            let (seq, timestamp) = (inner.last, Time::now().millis());
            let (channel, symbol) = (Some(self.channel), self.symbol.as_deref());
            let text = Told { kind, channel, symbol, seq, data, timestamp }.text();
            if inner.history.len() == self.kept {
                inner.history.pop_front();
            }
            inner.history.push_back((seq, text));
            seq
        };
        self.newest.send_replace(last);
    }

    /// Rings with each message.
    #[must_use]
    pub fn listen(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// How many listen.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.newest.receiver_count()
    }

    /// The snapshot as a message, and the number of the message behind it.
    #[must_use]
    pub fn snapshot(&self) -> (Utf8Bytes, u64) {
        let inner = self.lock();
        let (channel, symbol) = (Some(self.channel), self.symbol.as_deref());
        let (seq, data, timestamp) = (inner.last, &inner.snapshot, inner.at.millis());
        let told = Told { kind: "snapshot", channel, symbol, seq, data, timestamp };
        (told.text(), inner.last + 1)
    }

    /// Whether the message of this number can still be had, or is the next one.
    #[must_use]
    pub fn has(&self, seq: u64) -> bool {
        let inner = self.lock();
        let first = inner.history.front().map_or(inner.last + 1, |(seq, _)| *seq);
        (first..=inner.last + 1).contains(&seq)
    }

    /// What comes for a reader that wants `seq` next; then it wants the number that is given back.
    #[must_use]
    pub fn next(&self, seq: u64) -> Option<(Next, u64)> {
        let inner = self.lock();
        let first = inner.history.front()?.0;
        if seq > inner.last {
            return None;
        }
        if let Some(at) = seq.checked_sub(first) {
            let text = &inner.history.get(usize::try_from(at).ok()?)?.1;
            return Some((Next::Message(text.clone()), seq + 1));
        }
        // Trades are told one by one as far as they are there; of states only the newest counts.
        let (to, text) = match self.channel {
            Channel::Trade => inner.history.front()?,
            _ => inner.history.back()?,
        };
        Some((Next::Gap(to - seq, text.clone()), to + 1))
    }

    /// That `missed` messages were left out before the one of number `seq`.
    #[must_use]
    pub fn gap(&self, missed: u64, seq: u64) -> Utf8Bytes {
        let data = serde_json::json!({ "reason": "conflated", "missed": missed });
        let (channel, symbol) = (Some(self.channel), self.symbol.as_deref());
        let timestamp = Time::now().millis();
        Told { kind: "gap", channel, symbol, seq, data, timestamp }.text()
    }
}

#[cfg(test)]
mod tests {
    use super::{HISTORY, Next, Topic};
    use crate::sockets::protocol::Channel;

    #[test]
    fn readers_see_all_in_order_and_the_slow_the_newest() {
        let topic = Topic::new(Channel::Ticker, Some("A".to_owned()), HISTORY);
        let (_, mut seq) = topic.snapshot();
        let first = seq;
        assert_eq!(topic.next(seq), None);
        for n in 0..3 {
            topic.publish("ticker", n);
        }
        for n in 0..3_u64 {
            let (next, after) = topic.next(seq).unwrap();
            let Next::Message(text) = next else { panic!("nothing is missing") };
            let message: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!((message["data"].as_u64(), message["seq"].as_u64()), (Some(n), Some(seq)));
            seq = after;
        }
        assert!(topic.has(first) && topic.has(seq) && !topic.has(seq + 1));
        for n in 0..HISTORY {
            topic.publish("ticker", n);
        }
        topic.publish("ticker", "newest");
        let (Next::Gap(missed, text), after) = topic.next(seq).unwrap() else {
            panic!("it is too far behind")
        };
        assert!(text.contains("newest"));
        assert_eq!((missed, topic.next(after)), (HISTORY as u64, None));
        assert!(!topic.has(first));
    }

    #[test]
    fn of_trades_all_that_is_there_is_told() {
        let topic = Topic::new(Channel::Trade, Some("A".to_owned()), HISTORY);
        let (_, seq) = topic.snapshot();
        for n in 0..HISTORY + 5 {
            topic.publish("trade", n);
        }
        let (next, after) = topic.next(seq).unwrap();
        assert!(matches!(next, Next::Gap(5, _)), "{next:?}");
        assert!(matches!(topic.next(after), Some((Next::Message(_), _))));
    }
}
