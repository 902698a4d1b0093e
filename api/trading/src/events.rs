//! Private events of a session: numbered, none lost without being told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::order::{Execution, Order};
use super::portfolio::{Portfolio, Position};
use super::time::Time;

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum PrivateKind {
    /// An order changed.
    Order(Order),
    /// An order was executed, whole or in part.
    Executed(Execution),
    /// A position changed.
    Position(Position),
    /// The account's value, once in a while.
    Portfolio(Box<Portfolio>),
    /// Limits, alerts and the kill switch.
    Risk(serde_json::Value),
}

/// One private event.
#[derive(Clone, Debug, PartialEq)]
pub struct PrivateEvent<T = PrivateKind> {
    /// Rises by one with each event of the session, from 1.
    pub seq: u64,
    /// When.
    pub at: Time,
    /// What.
    pub kind: T,
}

/// The latest events of a session, or of whatever else tells a tenant something: bounded, and who
/// waits for more.
#[derive(Debug)]
pub struct PrivateLog<T = PrivateKind> {
    inner: Mutex<Inner<T>>,
    more: Notify,
    capacity: usize,
}

#[derive(Debug)]
struct Inner<T> {
    events: VecDeque<Arc<PrivateEvent<T>>>,
    last: u64,
}

/// Events that a reader wanted are gone: the first that is still there has this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The first event that can be read.
    pub first: u64,
    /// The last event there is.
    pub last: u64,
}

/// One reader of a log.
#[derive(Debug)]
pub struct PrivateReader<T = PrivateKind> {
    log: Arc<PrivateLog<T>>,
    next: u64,
}

impl<T> PrivateLog<T> {
    /// An empty log that keeps the last `capacity` events.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self::after(capacity, 0)
    }

    /// The same whose first event is the one after `last`.
    #[must_use]
    pub fn after(capacity: usize, last: u64) -> Self {
        let inner = Mutex::new(Inner { events: VecDeque::new(), last });
        Self { inner, more: Notify::new(), capacity: capacity.max(1) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event and returns its number.
    pub fn push(&self, at: Time, kind: T) -> u64 {
        let seq = {
            let mut inner = self.lock();
            inner.last += 1;
            let seq = inner.last;
            if inner.events.len() == self.capacity {
                inner.events.pop_front();
            }
            inner.events.push_back(Arc::new(PrivateEvent { seq, at, kind }));
            seq
        };
        self.more.notify_waiters();
        seq
    }

    /// The number of the last event; 0 before the first.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.lock().last
    }

    /// A reader whose first event is the one after `seen`.
    #[must_use]
    pub fn reader(self: &Arc<Self>, seen: u64) -> PrivateReader<T> {
        PrivateReader { log: Arc::clone(self), next: seen + 1 }
    }
}

impl<T> PrivateReader<T> {
    /// Up to `most` events that are there now.
    ///
    /// # Errors
    /// When the next event is gone, or never was.
    pub fn take(&mut self, most: usize) -> Result<Vec<Arc<PrivateEvent<T>>>, Missed> {
        let inner = self.log.lock();
        let first = inner.last + 1 - inner.events.len() as u64;
        if self.next < first || self.next > inner.last + 1 {
            return Err(Missed { first, last: inner.last });
        }
        let from = usize::try_from(self.next - first).unwrap_or(usize::MAX);
        let taken: Vec<_> = inner.events.iter().skip(from).take(most).cloned().collect();
        drop(inner);
        self.next += taken.len() as u64;
        Ok(taken)
    }

    /// Waits until there is something to take.
    pub async fn ready(&self) {
        loop {
            let more = self.log.more.notified();
            tokio::pin!(more);
            // Registered before the look, so that nothing that comes in between is missed.
            more.as_mut().enable();
            if self.log.last() >= self.next {
                return;
            }
            more.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Missed, PrivateKind, PrivateLog};
    use crate::time::Time;

    fn risk(n: u64) -> PrivateKind {
        PrivateKind::Risk(n.into())
    }

    #[test]
    fn events_are_read_in_order_and_what_is_gone_is_told() {
        let log = Arc::new(PrivateLog::new(3));
        let mut reader = log.reader(0);
        for n in 1..=3 {
            assert_eq!(log.push(Time(0), risk(n)), n);
        }
        let seqs: Vec<u64> = reader.take(2).unwrap().iter().map(|event| event.seq).collect();
        assert_eq!(seqs, [1, 2]);
        log.push(Time(0), risk(4));
        assert_eq!(reader.take(9).unwrap().len(), 2);
        assert_eq!(log.reader(0).take(9), Err(Missed { first: 2, last: 4 }));
        assert_eq!(log.reader(5).take(9), Err(Missed { first: 2, last: 4 }));
        assert!(log.reader(4).take(9).unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_reader_is_woken() {
        let log = Arc::new(PrivateLog::new(8));
        let mut reader = log.reader(0);
        let writer = Arc::clone(&log);
        let task = tokio::spawn(async move { writer.push(Time(0), risk(1)) });
        reader.ready().await;
        assert_eq!(reader.take(8).unwrap().len(), 1);
        assert_eq!(task.await.unwrap(), 1);
    }
}
