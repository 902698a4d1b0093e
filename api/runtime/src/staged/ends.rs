//! The ends of the rings between stages. Each says when it waits, so that stages which wait for
//! each other find that out instead of waiting for ever.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam::utils::CachePadded;
use qt_engine::Sink;
use qt_engine::staged::{Apart, Source};
use qt_ring::{Bell, Consumer, Item, Producer};

/// Who takes something out of rings.
#[derive(Clone, Copy, Debug)]
pub(super) enum Party {
    Strategy,
    Risk,
    Execution,
    /// The one that feeds the stages and takes what comes out at the end.
    Feeder,
}

/// The rings.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ring {
    Events,
    Wishes,
    Answers,
    StrategyStates,
    RiskStates,
    Told,
}

/// What one of the parties waits for.
#[derive(Debug, Default)]
struct Waiting {
    /// Odd while it waits.
    turn: AtomicU64,
    /// For an item of that ring, of which it has taken so many. Written before it waits.
    ring: AtomicUsize,
    taken: AtomicU64,
}

/// Who waits for what.
#[derive(Debug, Default)]
pub(super) struct Waits {
    parties: [CachePadded<Waiting>; 4],
    /// How many items were put into each ring. Who puts one in does not wait.
    put: [CachePadded<AtomicU64>; 6],
    /// Whether somebody has found that all of them wait for ever.
    stuck: AtomicBool,
    /// Where they sleep.
    bells: Mutex<Vec<Arc<Bell>>>,
}

impl Waits {
    /// Whether every party waits for an item that nobody has put in: then nobody ever will. Whoever
    /// has one to take, or has ended, waits no more, or will not for long.
    fn are_stuck(&self) -> bool {
        let turns = || self.parties.each_ref().map(|party| party.turn.load(Ordering::SeqCst));
        let has_nothing = |party: &CachePadded<Waiting>| {
            let put = self.put.get(party.ring.load(Ordering::SeqCst));
            put.map(|put| put.load(Ordering::SeqCst)) == Some(party.taken.load(Ordering::SeqCst))
        };
        let before = turns();
        before.iter().all(|turn| turn % 2 == 1)
            && self.parties.iter().all(has_nothing)
            // None of them has gone on meanwhile, so that all of this was so at one time.
            && turns() == before
    }

    /// Whether all wait for ever. The last one to wait finds it out, and wakes those who sleep.
    fn look(&self) -> bool {
        let is_stuck = self.are_stuck();
        if is_stuck && !self.stuck.swap(true, Ordering::SeqCst) {
            for bell in self.bells.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                bell.ring();
            }
        }
        is_stuck
    }
}

/// Where something is put in.
#[derive(Debug)]
pub(super) struct Inlet<T: Item> {
    ring: Producer<T>,
    at: Ring,
    put: u64,
    waits: Arc<Waits>,
}

impl<T: Item> Inlet<T> {
    pub(super) const fn new(ring: Producer<T>, at: Ring, waits: Arc<Waits>) -> Self {
        Self { ring, at, put: 0, waits }
    }
}

impl<T: Item> Sink<T> for Inlet<T> {
    /// Waits for room. False when nobody listens any more.
    fn push(&mut self, item: T) -> bool {
        let is_in = self.ring.push_or_wait(item).is_ok();
        self.put += u64::from(is_in);
        if let Some(put) = self.waits.put.get(self.at as usize) {
            put.store(self.put, Ordering::Release);
        }
        is_in
    }
}

/// Where something is taken out.
#[derive(Debug)]
pub(super) struct Outlet<T: Item> {
    ring: Consumer<T>,
    at: Ring,
    party: Party,
    taken: u64,
    waits: Arc<Waits>,
}

impl<T: Item> Outlet<T> {
    pub(super) fn new(ring: Consumer<T>, at: Ring, party: Party, waits: Arc<Waits>) -> Self {
        waits.bells.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(ring.bell()));
        Self { ring, at, party, taken: 0, waits }
    }

    /// The next item, for which it waits; `None` when there will be none any more.
    pub(super) fn next(&mut self) -> Option<T> {
        self.next_or(false).ok()
    }

    /// The same, or that it waits for ever, where it `minds`.
    fn next_or(&mut self, minds: bool) -> Result<T, Apart> {
        loop {
            // What was put in before the end is there if the end is.
            let is_closed = self.ring.is_closed();
            if let Some(item) = self.ring.pop() {
                self.taken += 1;
                return Ok(item);
            }
            if is_closed {
                return Err(Apart::Gone);
            }
            if self.waits_in_vain(minds) {
                return Err(Apart::Stuck);
            }
        }
    }

    /// Waits until there is something, or there will be nothing and it `minds`.
    fn waits_in_vain(&self, minds: bool) -> bool {
        let Some(own) = self.waits.parties.get(self.party as usize) else { return true };
        own.ring.store(self.at as usize, Ordering::SeqCst);
        own.taken.store(self.taken, Ordering::SeqCst);
        own.turn.fetch_add(1, Ordering::SeqCst);
        let (mut looks, mut in_vain) = (0_u32, false);
        self.ring.bell().wait_until(|| {
            looks = looks.wrapping_add(1);
            if !self.ring.is_empty() || self.ring.is_closed() {
                return true;
            }
            // The others are looked at right after they were told that this one waits, too, and
            // now and then.
            let is_stuck = self.waits.stuck.load(Ordering::SeqCst)
                || (looks.is_power_of_two() || looks % 4_096 == 0) && self.waits.look();
            in_vain = is_stuck && minds;
            in_vain
        });
        own.turn.fetch_add(1, Ordering::SeqCst);
        in_vain
    }
}

impl<T: Item> Source<T> for Outlet<T> {
    fn take(&mut self) -> Result<T, Apart> {
        self.next_or(true)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use qt_ring::{Setup, Wait, spsc};

    use super::*;

    /// Four rings, each taken out of by one party.
    fn rings(wait: Wait) -> (Vec<Inlet<u64>>, Vec<Outlet<u64>>) {
        let waits = Arc::new(Waits::default());
        let ends = [
            (Ring::Answers, Party::Strategy),
            (Ring::Wishes, Party::Risk),
            (Ring::Events, Party::Execution),
            (Ring::Told, Party::Feeder),
        ];
        let end = |(at, party)| {
            let (to, from) = spsc(&Setup::new(4, wait)).unwrap();
            (Inlet::new(to, at, waits.clone()), Outlet::new(from, at, party, waits.clone()))
        };
        ends.into_iter().map(end).unzip()
    }

    #[test]
    fn who_wait_for_each_other_are_told() {
        for wait in [Wait::Yield, Wait::Park] {
            let (into, mut out_of) = rings(wait);
            let (mut feeder, mut execution) = (out_of.pop().unwrap(), out_of.pop().unwrap());
            let ended = thread::scope(|scope| {
                scope.spawn(move || feeder.next());
                scope.spawn(move || execution.next());
                let stages = out_of.into_iter().map(|mut from| scope.spawn(move || from.take()));
                let stages: Vec<_> = stages.collect();
                let of = |stage: thread::ScopedJoinHandle<'_, _>| stage.join().unwrap();
                while !stages.iter().any(thread::ScopedJoinHandle::is_finished) {
                    thread::sleep(Duration::from_millis(1));
                }
                // The end of one of them is what the others wait for.
                drop(into);
                stages.into_iter().map(of).collect::<Vec<_>>()
            });
            assert!(ended.contains(&Err(Apart::Stuck)), "{ended:?}");
            assert!(ended.iter().all(|end| matches!(end, Err(Apart::Stuck | Apart::Gone))));
        }
    }

    #[test]
    fn who_waits_for_one_that_is_slow_is_not_stuck() {
        for wait in [Wait::Yield, Wait::Park] {
            let (mut into, mut out_of) = rings(wait);
            let ended = thread::scope(|scope| {
                let feeder = out_of.pop().unwrap();
                let stages = out_of.into_iter().map(|mut from| {
                    scope.spawn(move || (0..20).map(|_| from.take()).collect::<Vec<_>>())
                });
                let stages: Vec<_> = stages.collect();
                for item in 0..20 {
                    thread::sleep(Duration::from_millis(2));
                    into.iter_mut().take(3).for_each(|into| assert!(into.push(item)));
                }
                drop(feeder);
                stages.into_iter().map(|stage| stage.join().unwrap()).collect::<Vec<_>>()
            });
            for taken in ended {
                assert_eq!(taken, (0..20).map(Ok).collect::<Vec<_>>());
            }
        }
    }
}
