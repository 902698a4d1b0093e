//! One side of a book.

mod stored;

use qt_types::{Price, Qty, Side};

use super::far::{FarLevels, Room};
use super::ladder::{Ladder, NONE};
use super::levels::Levels;
use super::limits::{BOOK_TICKS_MAX, BookLimits};

/// All levels of one side: those near the best in a dense [`Ladder`], the others in a sorted
/// list. Works on *keys*, of which the smaller one is the better: the price itself for asks, its
/// complement for bids. So both sides are the same code.
///
/// The best level always lies in the window, and no level lies on the better side of it.
// Its size is a power of two: so it is found with a shift.
#[derive(Clone)]
#[repr(align(256))]
pub struct BookSide {
    pub(super) ladder: Ladder,
    pub(super) far: FarLevels,
    side: Side,
    /// Whether the feed tells levels of this side, and not only the best price.
    pub(super) has_levels: bool,
    /// Levels for which there was no room.
    pub(super) overflows: u64,
}

const _: () = assert!(size_of::<BookSide>() == 256);

/// The key of `price` on the side with number `side` (0: bids, 1: asks), without a branch.
#[inline(always)]
pub(super) const fn key_of(side: usize, price: i64) -> i64 {
    price ^ (side as i64 & 1).wrapping_sub(1)
}

/// Whether a book can hold a level at `key`. The same for a price and its complement.
#[inline(always)]
pub(super) const fn is_in_range(key: i64) -> bool {
    -BOOK_TICKS_MAX <= key && key < BOOK_TICKS_MAX
}

impl BookSide {
    pub(super) fn new(side: Side, limits: &BookLimits, is_tagged: bool) -> Self {
        Self {
            ladder: Ladder::new(limits.window(), is_tagged),
            far: FarLevels::new(limits.far_levels(), is_tagged),
            side,
            has_levels: false,
            overflows: 0,
        }
    }

    /// Which side it is.
    #[must_use]
    #[inline]
    pub const fn side(&self) -> Side {
        self.side
    }

    /// Whether the feed tells levels of this side, and not only the best price.
    #[must_use]
    #[inline]
    pub const fn has_levels(&self) -> bool {
        self.has_levels
    }

    /// Whether it holds nothing.
    #[must_use]
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.ladder.best() == NONE
    }

    /// The best level.
    #[must_use]
    #[inline]
    pub fn best(&self) -> Option<(Price, Qty)> {
        let key = self.ladder.best();
        (key != NONE).then(|| (self.price(key), Qty::from_lots(self.ladder.qty(key))))
    }

    /// The best price, without a look at what rests there.
    #[must_use]
    #[inline(always)]
    pub fn best_price(&self) -> Option<Price> {
        let key = self.ladder.best();
        (key != NONE).then(|| self.price(key))
    }

    /// The quantity at `price`; zero where there is no level.
    #[must_use]
    #[inline]
    pub fn qty_at(&self, price: Price) -> Qty {
        Qty::from_lots(self.qty(self.key(price.ticks())))
    }

    /// All levels, the best one first.
    #[must_use]
    #[inline]
    pub fn levels(&self) -> Levels<'_> {
        Levels::new(self)
    }

    /// How many levels there are. Counts them: not for the hot path.
    #[must_use]
    pub fn level_count(&self) -> usize {
        self.ladder.count() + self.far.len()
    }

    #[inline(always)]
    pub(super) const fn key(&self, price: i64) -> i64 {
        key_of(self.side as usize, price)
    }

    #[inline(always)]
    pub(super) const fn price(&self, key: i64) -> Price {
        Price::from_ticks(key_of(self.side as usize, key))
    }

    #[inline(always)]
    pub(super) fn qty(&self, key: i64) -> i64 {
        if self.ladder.contains(key) { self.ladder.qty(key) } else { self.far.qty(key) }
    }

    /// The lots at `key`, and the word that the book keeps for the level.
    #[inline(always)]
    pub(super) fn level(&self, key: i64) -> (i64, u64) {
        if self.ladder.contains(key) {
            (self.ladder.qty(key), self.ladder.tag(key))
        } else {
            self.far.level(key)
        }
    }

    #[inline(always)]
    pub(super) fn set_tag(&mut self, key: i64, tag: u64) {
        if self.ladder.contains(key) {
            self.ladder.set_tag(key, tag);
        } else {
            self.far.set_tag(key, tag);
        }
    }

    /// Puts `qty`, which is not negative, at `key`: the cases in which that is more than a
    /// store. Returns whether the best price or the quantity at it changed.
    pub(super) fn set_rare(&mut self, key: i64, qty: i64) -> bool {
        if !is_in_range(key) {
            self.overflows += u64::from(qty != 0);
            return false;
        }
        let best = self.ladder.best();
        if key > best && !self.ladder.contains(key) {
            let room = self.far.set(key, qty);
            self.overflows += u64::from(room == Room::Short);
            return false;
        }
        if key > best {
            self.ladder.store(key, qty);
            return false;
        }
        if key == best {
            let had = self.ladder.qty(key);
            self.ladder.store(key, qty);
            if qty == 0 {
                self.find_best(key);
            }
            return had != qty;
        }
        // Better than all there is: nothing to remove, or the new best.
        if qty == 0 {
            return false;
        }
        if !self.ladder.contains(key) || (best == NONE && self.ladder.is_far_back(key)) {
            self.recentre(key);
        }
        self.ladder.store(key, qty);
        self.ladder.set_best(key);
        true
    }

    /// Removes the best level, which there is.
    #[inline]
    pub(super) fn drop_best(&mut self) {
        let key = self.ladder.best();
        self.ladder.store(key, 0);
        self.find_best(key);
    }

    /// The best level, at `key`, is gone: finds the next one.
    fn find_best(&mut self, key: i64) {
        if let Some(next) = self.ladder.next(key) {
            self.ladder.set_best(next);
            if self.ladder.is_far_back(next) {
                self.recentre(next);
            }
        } else if let Some(next) = self.far.first() {
            self.recentre(next);
            self.ladder.set_best(next);
        } else {
            self.ladder.set_best(NONE);
        }
    }

    /// Moves the window so that `key`, which is or becomes the best, has a quarter of it on the
    /// better side.
    #[inline(never)]
    fn recentre(&mut self, key: i64) {
        let base = self.ladder.base_for(key);
        let end = base + self.ladder.window();
        if end < self.ladder.end() && !self.is_empty() {
            self.give_away(end);
        }
        self.ladder.move_to(base);
        while let Some(first) = self.far.first()
            && first < end
            && let Some((key, qty, tag)) = self.far.pop_first()
        {
            self.ladder.store(key, qty);
            self.ladder.set_tag(key, tag);
        }
    }

    /// Moves the levels of the window from key `from` on to the far ones.
    fn give_away(&mut self, from: i64) {
        let best = self.ladder.best();
        let first = if from <= best { Some(best) } else { self.ladder.next(from - 1) };
        let mut next = first;
        while let Some(key) = next {
            next = self.ladder.next(key);
            let (qty, tag) = (self.ladder.qty(key), self.ladder.tag(key));
            self.ladder.store(key, 0);
            let room = self.far.set(key, qty);
            self.overflows += u64::from(room == Room::Short);
            if self.ladder.is_tagged() {
                self.far.set_tag(key, tag);
            }
        }
    }

    /// The best price is now `key` with `qty`: what is better goes, and if the feed only tells
    /// the best price, what it told before goes too. Returns whether the top changed.
    pub(super) fn set_top(&mut self, key: i64, qty: i64) -> bool {
        if !is_in_range(key) {
            self.overflows += u64::from(qty != 0);
            return false;
        }
        let before = self.top();
        if !self.has_levels {
            // There is but one level.
            if key == before.0 && qty != 0 {
                self.ladder.replace(key, qty);
                return qty != before.1;
            }
            self.drop_only();
        }
        while self.ladder.best() < key {
            self.set_rare(self.ladder.best(), 0);
        }
        self.set_rare(key, qty);
        self.top() != before
    }

    /// Removes the best level, which is the only one. No search for the next.
    #[inline]
    fn drop_only(&mut self) {
        if !self.is_empty() {
            self.ladder.store(self.ladder.best(), 0);
            self.ladder.set_best(NONE);
        }
    }

    /// Removes all levels. Returns whether there were any.
    pub(super) fn clear(&mut self) -> bool {
        let was_empty = self.is_empty();
        self.ladder.clear();
        self.far.clear();
        self.has_levels = false;
        !was_empty
    }

    #[inline]
    pub(super) fn top(&self) -> (i64, i64) {
        let key = self.ladder.best();
        (key, if key == NONE { 0 } else { self.ladder.qty(key) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_follows_the_best() {
        let limits = BookLimits { window_ticks: 256, ..BookLimits::default() };
        for side in [Side::Buy, Side::Sell] {
            let mut book_side = BookSide::new(side, &limits, false);
            for step in 0..20_000_i64 {
                // Levels all along; the best ones go, come back, and go again.
                let key = if step % 4_000 < 3_000 { step } else { step - 2_500 };
                book_side.set_rare(key + 40, 1);
                while book_side.ladder.best() < key {
                    book_side.set_rare(book_side.ladder.best(), 0);
                }
                let best = book_side.ladder.best();
                let back = best - (book_side.ladder.end() - 256);
                assert!((0..192).contains(&back), "{back} ticks behind the begin");
                assert!(book_side.ladder.near_is_marked(), "step {step}");
                assert!(book_side.far.first().is_none_or(|far| far >= book_side.ladder.end()));
            }
        }
    }
}
