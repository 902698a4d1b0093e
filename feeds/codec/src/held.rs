//! Changes of a book that wait for its snapshot.

use std::collections::VecDeque;

use qt_types::Nanos;

use crate::Level;
use crate::feed::Sides;
use crate::sync::{Ids, Policy};

/// Most changes that wait for one snapshot: over ten minutes of a venue's fastest stream.
const HELD_UPDATES_MAX: usize = 8_192;
/// Most levels that wait, over all books of a decoder (32 MB).
pub(crate) const HELD_LEVELS_MAX: usize = 1 << 20;

/// One change that waits; its levels stand in the queue of levels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeldUpdate {
    pub(crate) policy: Policy,
    pub(crate) ids: Ids,
    pub(crate) venue_ns: Option<Nanos>,
    bids: usize,
    asks: usize,
}

/// What waits for the snapshot of one book, oldest first. The oldest go when there is no room.
#[derive(Debug, Default)]
pub(crate) struct Held {
    updates: VecDeque<HeldUpdate>,
    levels: VecDeque<Level>,
}

impl Held {
    /// What waits, oldest first.
    pub(crate) fn updates(&self) -> impl Iterator<Item = &HeldUpdate> {
        self.updates.iter()
    }

    /// Adds a change. `total` counts the levels of all books. Returns how many changes went.
    pub(crate) fn push(
        &mut self,
        (policy, ids, venue_ns): (Policy, Ids, Option<Nanos>),
        sides: &Sides,
        total: &mut usize,
    ) -> u64 {
        let (bids, asks) = (sides.bids.len(), sides.asks.len());
        let mut gone = 0;
        let full = |held: &Self, total: usize| {
            held.updates.len() >= HELD_UPDATES_MAX || total + bids + asks > HELD_LEVELS_MAX
        };
        while full(self, *total) && !self.updates.is_empty() {
            self.drop_first(total);
            gone += 1;
        }
        if full(self, *total) {
            // Other books fill the room. The hole shows as a gap when the snapshot is there.
            return gone + 1;
        }
        self.updates.push_back(HeldUpdate { policy, ids, venue_ns, bids, asks });
        self.levels.extend(sides.bids.iter().chain(&sides.asks));
        *total += bids + asks;
        gone
    }

    /// Takes the oldest change out, its levels into `sides`.
    pub(crate) fn pop(&mut self, sides: &mut Sides, total: &mut usize) -> Option<HeldUpdate> {
        let update = self.updates.pop_front()?;
        sides.clear();
        sides.bids.extend(self.levels.drain(..update.bids));
        sides.asks.extend(self.levels.drain(..update.asks));
        *total -= update.bids + update.asks;
        if self.updates.is_empty() {
            *self = Self::default();
        }
        Some(update)
    }

    fn drop_first(&mut self, total: &mut usize) {
        if let Some(update) = self.updates.pop_front() {
            self.levels.drain(..update.bids + update.asks);
            *total -= update.bids + update.asks;
        }
    }

    /// Empties it. Returns how many changes went.
    pub(crate) fn clear(&mut self, total: &mut usize) -> u64 {
        let gone = self.updates.len() as u64;
        *total -= self.levels.len();
        *self = Self::default();
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Number;

    fn sides(bids: usize, asks: usize) -> Sides {
        let level = |n| Level { price: Number::new(n as i64, 0).unwrap(), qty: Number::ZERO };
        Sides { bids: (0..bids).map(level).collect(), asks: (0..asks).map(level).collect() }
    }

    #[test]
    fn first_in_first_out() {
        let (mut held, mut total) = (Held::default(), 0);
        for n in 1..=3 {
            held.push((Policy::Range, Ids::one(n as u64), None), &sides(n, n + 1), &mut total);
        }
        assert_eq!(total, 15);
        let mut out = Sides::default();
        for n in 1..=3 {
            let update = held.pop(&mut out, &mut total).unwrap();
            assert_eq!(update.ids, Ids::one(n as u64));
            assert_eq!((out.bids.len(), out.asks.len()), (n, n + 1));
        }
        assert!(held.pop(&mut out, &mut total).is_none());
        assert_eq!(total, 0);
    }

    #[test]
    fn the_oldest_go_when_there_is_no_room() {
        let (mut held, mut total) = (Held::default(), 0);
        let push = |held: &mut Held, total: &mut usize, id, levels| {
            held.push((Policy::Range, Ids::one(id), None), &sides(levels, 0), total)
        };
        for id in 0..HELD_UPDATES_MAX as u64 {
            assert_eq!(push(&mut held, &mut total, id, 1), 0);
        }
        assert_eq!(push(&mut held, &mut total, 9_999, 1), 1);
        assert_eq!(held.updates().next().unwrap().ids, Ids::one(1));
        assert_eq!(push(&mut held, &mut total, 10_000, HELD_LEVELS_MAX), HELD_UPDATES_MAX as u64);
        assert_eq!(total, HELD_LEVELS_MAX);
        let mut other = Held::default();
        assert_eq!(push(&mut other, &mut total, 1, 1), 1, "no room for others");
        assert_eq!(held.clear(&mut total), 1);
        assert_eq!(total, 0);
    }
}
