//! The levels of a side in order.

use qt_types::{Price, Qty};

use super::side::BookSide;

/// The levels of one side, the best one first.
#[derive(Clone)]
pub struct Levels<'a> {
    side: &'a BookSide,
    /// The levels of the current line of the window that are still to come, as bits; its first key.
    bits: u64,
    first: i64,
    is_near: bool,
    /// Where it stands in the far levels.
    leaf: usize,
    slot: usize,
}

impl<'a> Levels<'a> {
    #[inline]
    pub(super) fn new(side: &'a BookSide) -> Self {
        let is_near = !side.is_empty();
        let (first, bits) =
            if is_near { side.ladder.line_from(side.ladder.best()) } else { (0, 0) };
        Self { side, bits, first, is_near, leaf: 0, slot: 0 }
    }

    /// The next level with the word that the book keeps for it: key, lots, word.
    pub(super) fn next_entry(&mut self) -> Option<(i64, i64, u64)> {
        match self.next_near() {
            Some(key) => Some((key, self.side.ladder.qty(key), self.side.ladder.tag(key))),
            None => self.next_far(),
        }
    }

    /// The key of the next level in the window.
    #[inline(always)]
    fn next_near(&mut self) -> Option<i64> {
        if self.bits == 0 {
            (self.first, self.bits) = self.next_line()?;
        }
        let key = self.first + i64::from(self.bits.trailing_zeros());
        self.bits &= self.bits - 1;
        Some(key)
    }

    #[inline(never)]
    fn next_line(&mut self) -> Option<(i64, u64)> {
        let line = if self.is_near { self.side.ladder.next_line(self.first) } else { None };
        self.is_near = line.is_some();
        line
    }

    #[inline(never)]
    fn next_far(&mut self) -> Option<(i64, i64, u64)> {
        let far = &self.side.far;
        if far.entry(self.leaf, self.slot).is_none() {
            (self.leaf, self.slot) = (self.leaf + 1, 0);
        }
        let entry = far.entry(self.leaf, self.slot)?;
        self.slot += 1;
        Some(entry)
    }
}

impl Iterator for Levels<'_> {
    type Item = (Price, Qty);

    // Inlined by force: an item that goes through memory is stored in two halves and loaded as
    // one, for which a processor waits longer than for all the rest.
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let (key, lots) = match self.next_near() {
            Some(key) => (key, self.side.ladder.qty(key)),
            None => self.next_far().map(|(key, lots, _)| (key, lots))?,
        };
        Some((self.side.price(key), Qty::from_lots(lots)))
    }
}
