//! Private events of a session: numbered, none lost without being told. Of the account's value only
//! the newest is kept: it is a state, and must not push what happened to orders out of memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::order::{Execution, Order};
use super::portfolio::{Portfolio, Position};
use super::signal::SignalTold;
use super::switch::Alert;
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
    /// Limits and the kill switch.
    Risk(serde_json::Value),
    /// Orders were held back, or a switch was tripped by machine.
    Alert(Box<Alert>),
    /// A source of signals said something, or what became of that.
    Signal(Box<SignalTold>),
}

/// One private event.
#[derive(Clone, Debug, PartialEq)]
pub struct PrivateEvent<T = PrivateKind> {
    /// Rises with each event of the session; numbers of values that were replaced are missing.
    pub seq: u64,
    /// When.
    pub at: Time,
    /// What.
    pub kind: T,
}

/// The latest events of a session, or of whatever else tells a tenant something: bounded, and who
/// waits for more. One life of a session is told
/// from the next by its numbers: those of a later one are higher ([`PrivateLog::begin_life`]).
#[derive(Debug)]
pub struct PrivateLog<T = PrivateKind> {
    inner: Mutex<Inner<T>>,
    more: Notify,
    capacity: usize,
}

#[derive(Debug)]
struct Inner<T> {
    /// All but values, in the order of their numbers.
    events: VecDeque<Arc<PrivateEvent<T>>>,
    /// The newest value.
    value: Option<Arc<PrivateEvent<T>>>,
    /// The number of the last event.
    last: u64,
    /// The number of the last event that had to be forgotten.
    gone: u64,
}

/// Events that a reader wanted are gone: the first that is still there has this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The first event that can be read.
    pub first: u64,
    /// The last event there is.
    pub last: u64,
}

/// So many numbers one life of a session has; with that of two million lives they are still whole
/// numbers for readers that have no others than floating ones.
const LIFE_NUMBERS: u64 = 1 << 32;

/// One reader of a log.
#[derive(Debug)]
pub struct PrivateReader<T = PrivateKind> {
    log: Arc<PrivateLog<T>>,
    next: u64,
}

impl<T> Inner<T> {
    const fn after(last: u64) -> Self {
        Self { events: VecDeque::new(), value: None, last, gone: last }
    }
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
        let inner = Mutex::new(Inner::after(last));
        Self { inner, more: Notify::new(), capacity: capacity.max(1) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the life of number `life` of the session: what earlier ones have told is gone, and
    /// numbers are above all of theirs.
    pub fn begin_life(&self, life: u64) {
        {
            let mut inner = self.lock();
            // Whoever has read all so far must be told that something is missing.
            let last = life.saturating_mul(LIFE_NUMBERS).max(inner.last + 1);
            *inner = Inner::after(last);
        }
        self.more.notify_waiters();
    }

    /// Adds an event and returns its number.
    pub fn push(&self, at: Time, kind: T) -> u64 {
        self.add(at, kind, |inner, event| {
            if inner.events.len() == self.capacity
                && let Some(oldest) = inner.events.pop_front()
            {
                inner.gone = oldest.seq;
            }
            inner.events.push_back(event);
        })
    }

    /// Adds a value and returns its number: it takes the place of the one before, whoever has not
    /// read that misses nothing.
    pub fn replace(&self, at: Time, kind: T) -> u64 {
        self.add(at, kind, |inner, event| inner.value = Some(event))
    }

    fn add(&self, at: Time, kind: T, put: impl FnOnce(&mut Inner<T>, Arc<PrivateEvent<T>>)) -> u64 {
        let seq = {
            let mut inner = self.lock();
            inner.last += 1;
            let seq = inner.last;
            put(&mut inner, Arc::new(PrivateEvent { seq, at, kind }));
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
        if self.next <= inner.gone || self.next > inner.last + 1 {
            return Err(Missed { first: inner.gone + 1, last: inner.last });
        }
        let from = inner.events.partition_point(|event| event.seq < self.next);
        let mut taken: Vec<_> = inner.events.iter().skip(from).take(most).cloned().collect();
        let is_all = from + taken.len() == inner.events.len();
        // The value stands at its place among the others, where that is reached.
        if let Some(value) = inner.value.as_ref().filter(|value| value.seq >= self.next) {
            let at = taken.partition_point(|event| event.seq < value.seq);
            if at < taken.len() || (is_all && taken.len() < most) {
                taken.insert(at, Arc::clone(value));
                taken.truncate(most);
            }
        }
        self.next = match taken.last() {
            Some(event) => event.seq + 1,
            // Where nothing is left to be taken, numbers up to the last are of replaced values.
            None if most > 0 => inner.last + 1,
            None => self.next,
        };
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

    #[test]
    fn a_value_replaces_the_one_before_and_pushes_nothing_out() {
        let log = Arc::new(PrivateLog::new(2));
        log.push(Time(0), risk(1));
        for _ in 0..9 {
            log.replace(Time(0), risk(0));
        }
        log.push(Time(0), risk(11));
        let seqs = |reader: &mut super::PrivateReader, most| {
            reader.take(most).map(|all| all.iter().map(|event| event.seq).collect::<Vec<_>>())
        };
        assert_eq!(seqs(&mut log.reader(0), 9), Ok(vec![1, 10, 11]));
        // Piece by piece it is the same.
        let mut reader = log.reader(0);
        for want in [vec![1], vec![10], vec![11], vec![]] {
            assert_eq!(seqs(&mut reader, 1), Ok(want));
        }
        // One that is in the middle of replaced values misses nothing.
        assert_eq!(seqs(&mut log.reader(4), 9), Ok(vec![10, 11]));
        log.replace(Time(0), risk(0));
        assert_eq!(seqs(&mut reader, 9), Ok(vec![12]));
        assert_eq!(seqs(&mut log.reader(0), 1), Ok(vec![1]));
        assert_eq!(seqs(&mut log.reader(0), 2), Ok(vec![1, 11]));
        log.push(Time(0), risk(13));
        assert_eq!(log.reader(0).take(9), Err(Missed { first: 2, last: 13 }));
    }

    #[test]
    fn a_later_life_has_higher_numbers_and_says_that_the_earlier_is_gone() {
        let log = Arc::new(PrivateLog::new(8));
        log.begin_life(1);
        let first = log.push(Time(0), risk(1));
        let mut reader = log.reader(first);
        assert!(reader.take(9).unwrap().is_empty());
        log.begin_life(2);
        assert!(reader.take(9).is_err(), "it has not seen what happened in between");
        let next = log.push(Time(0), risk(2));
        assert!(next > first + 1_000_000 && next < 1 << 53);
        assert!(log.reader(first).take(9).is_err());
        assert_eq!(log.reader(next - 1).take(9).unwrap().len(), 1);
        // Another process, which knows nothing of these numbers.
        let later = Arc::new(PrivateLog::new(8));
        later.begin_life(3);
        assert!(later.push(Time(0), risk(3)) > next);
        assert!(later.reader(next).take(9).is_err());
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
