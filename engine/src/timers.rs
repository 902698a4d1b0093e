//! The times at which a strategy wants to be woken.

mod shelf;
#[cfg(test)]
mod tests;

use qt_types::{Nanos, StrategyId, Timer};

use crate::snapshot::{Reader, SnapshotError, Stored, Writer};
use shelf::{SHELF_MAX, Shelf};

/// Pending timers in order, on shelves of [`SHELF_MAX`]: those of one time in the order of their
/// tokens. Memory is taken once; what does not fit is refused and counted.
///
/// To look at the next one and to take it is a look at the end of the last shelf. To set one is a
/// search by halves for its shelf, another on it, and a move of at most a shelf (1 KiB); a shelf
/// that is full becomes two, which one set in 32 can cause at most. Measured with 1 to 4,000 of
/// them pending (`cargo bench -p qt-benches --bench timers`) that is less than a hierarchical wheel
/// takes that gives the same: an exact next time, one of the same twice, the order of tokens. A
/// wheel that owes none of this was not measured. Up to 64 pending a plain sorted list is faster
/// still, with thousands it is far slower.
#[derive(Clone, Debug)]
pub struct Timers {
    shelves: Box<[Shelf]>,
    /// Which shelves are in use: the one with the latest timers first, the one with the next last.
    order: Vec<u32>,
    /// The latest timer of each of them.
    latest: Vec<Timer>,
    free: Vec<u32>,
    /// When the next one is due: this is asked for far more often than one is set or taken.
    next_ns: Option<Nanos>,
    pending: usize,
    timers_max: usize,
    refused: u64,
    /// What was set since somebody listens; `None` where nobody ever does.
    heard: Option<Vec<Timer>>,
}

impl Timers {
    /// No timers, and room for `timers_max`.
    #[must_use]
    pub fn new(timers_max: usize) -> Self {
        // A shelf becomes two halves, and only the last one loses timers: all others are half full
        // at least.
        let shelves = timers_max.div_ceil(SHELF_MAX / 2) + 1;
        Self {
            shelves: vec![Shelf::EMPTY; shelves].into_boxed_slice(),
            order: Vec::with_capacity(shelves),
            latest: Vec::with_capacity(shelves),
            free: (0..u32::try_from(shelves).unwrap_or(u32::MAX)).rev().collect(),
            next_ns: None,
            pending: 0,
            timers_max,
            refused: 0,
            heard: None,
        }
    }

    /// Adds `timer`. Timers of one time come in the order of their tokens; the same one twice is
    /// one.
    pub fn set(&mut self, timer: Timer) {
        if self.pending == 0 && self.timers_max > 0 {
            return self.set_only(timer);
        }
        // The last shelf that begins with a timer no earlier than this one.
        let at = self.latest.partition_point(|latest| *latest >= timer).saturating_sub(1);
        let is_full = match self.shelf(at) {
            Some(shelf) if shelf.has(timer) => return,
            Some(shelf) => shelf.is_full(),
            None => false,
        };
        let has_room = self.pending < self.timers_max
            && match self.order.len() {
                0 => self.open(),
                _ => !is_full || self.divide(at),
            };
        if !has_room {
            self.refused += 1;
            return;
        }
        // Of a shelf that has become two it may belong to the earlier half.
        let is_earlier = is_full && self.latest.get(at + 1).is_some_and(|latest| *latest >= timer);
        let at = at + usize::from(is_earlier);
        let number = self.order.get(at).map_or(0, |number| *number as usize);
        if let Some((shelf, latest)) = self.shelves.get_mut(number).zip(self.latest.get_mut(at)) {
            shelf.put(timer);
            *latest = timer.max(*latest);
            self.pending += 1;
            self.next_ns = Some(self.next_ns.map_or(timer.due_ns, |next| next.min(timer.due_ns)));
        }
        if let Some(heard) = &mut self.heard {
            heard.push(timer);
        }
    }

    /// Adds `timer` where none is pending.
    fn set_only(&mut self, timer: Timer) {
        self.open();
        let shelf = self.order.last().and_then(|&number| self.shelves.get_mut(number as usize));
        if let Some((shelf, latest)) = shelf.zip(self.latest.last_mut()) {
            shelf.put(timer);
            (*latest, self.pending, self.next_ns) = (timer, 1, Some(timer.due_ns));
        }
        if let Some(heard) = &mut self.heard {
            heard.push(timer);
        }
    }

    /// When the next timer is due (UTC ns).
    #[must_use]
    #[inline]
    pub const fn next_ns(&self) -> Option<Nanos> {
        self.next_ns
    }

    /// Whether none is pending.
    #[must_use]
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.pending == 0
    }

    /// How many are pending.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.pending
    }

    /// How many are due at `now_ns`.
    #[must_use]
    pub fn due(&self, now_ns: Nanos) -> usize {
        self.latest_first().rev().take_while(|timer| timer.due_ns <= now_ns).count()
    }

    /// Takes the next timer if it is due at `now_ns`.
    pub fn take_due(&mut self, now_ns: Nanos) -> Option<Timer> {
        let &number = self.order.last()?;
        let shelf = self.shelves.get_mut(number as usize)?;
        let timer = shelf.next().filter(|timer| timer.due_ns <= now_ns)?;
        shelf.take();
        self.pending -= 1;
        if shelf.is_empty() {
            self.order.pop();
            self.latest.pop();
            self.free.push(number);
        }
        self.next_ns = self.next().map(|timer| timer.due_ns);
        Some(timer)
    }

    /// How many were refused for want of room.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Forgets all timers of `strategy`.
    pub(crate) fn forget(&mut self, strategy: StrategyId) {
        let mut others = Vec::with_capacity(self.pending);
        while let Some(timer) = self.take_due(Nanos::MAX) {
            if timer.strategy != strategy {
                others.push(timer);
            }
        }
        others.into_iter().for_each(|timer| self.set(timer));
    }

    /// Remembers from now on what is set, and forgets what was before. Takes memory the first
    /// time.
    pub(crate) fn listen(&mut self) {
        self.heard.get_or_insert_with(|| Vec::with_capacity(self.timers_max)).clear();
    }

    /// What was set since [`Self::listen`], in that order: not what was pending already, nor what
    /// was refused.
    pub(crate) fn heard(&self) -> &[Timer] {
        self.heard.as_deref().unwrap_or_default()
    }

    #[inline]
    fn next(&self) -> Option<Timer> {
        self.shelves.get(*self.order.last()? as usize)?.next()
    }

    fn shelf(&self, at: usize) -> Option<&Shelf> {
        self.shelves.get(*self.order.get(at)? as usize)
    }

    /// All that are pending, the next one last.
    fn latest_first(&self) -> impl DoubleEndedIterator<Item = &Timer> + Clone {
        let shelves = self.order.iter().filter_map(|&number| self.shelves.get(number as usize));
        shelves.flat_map(|shelf| shelf.timers())
    }

    /// Takes the first shelf into use; whether there is one.
    fn open(&mut self) -> bool {
        let Some(number) = self.free.pop() else { return false };
        self.order.push(number);
        self.latest.push(Timer { due_ns: Nanos::MIN, token: 0, strategy: StrategyId::FIRST });
        true
    }

    /// Moves the earlier half of shelf `at` to one of its own behind it; whether there is one.
    #[cold]
    fn divide(&mut self, at: usize) -> bool {
        let full = self.order.get(at).map(|full| *full as usize);
        let Some((full, number)) = full.zip(self.free.pop()) else { return false };
        let half = self.shelves.get_mut(full).map_or(Shelf::EMPTY, Shelf::split);
        let Some((latest, shelf)) = half.latest().zip(self.shelves.get_mut(number as usize)) else {
            return false;
        };
        *shelf = half;
        self.order.insert(at + 1, number);
        self.latest.insert(at + 1, latest);
        true
    }

    /// Forgets all of them.
    fn clear(&mut self) {
        while let Some(number) = self.order.pop() {
            if let Some(shelf) = self.shelves.get_mut(number as usize) {
                *shelf = Shelf::EMPTY;
            }
            self.free.push(number);
        }
        self.latest.clear();
        self.next_ns = None;
        self.pending = 0;
    }
}

/// Stored as a list with the next one last, whatever shelves they are on.
impl Stored for Timers {
    fn save(&self, to: &mut Writer<'_>) {
        to.same(&self.timers_max);
        to.put(&self.pending);
        self.latest_first().for_each(|timer| to.put(timer));
        to.put(&self.refused);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        from.same("Timers.timers_max", &self.timers_max)?;
        self.clear();
        let mut last = None;
        for _ in 0..from.count(self.timers_max)? {
            let timer: Timer = from.take()?;
            if last.is_some_and(|last| last <= timer) {
                return Err(SnapshotError::Damaged);
            }
            last = Some(timer);
            self.set(timer);
        }
        self.refused = from.take()?;
        Ok(())
    }
}
