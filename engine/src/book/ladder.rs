//! The dense window of a side: one array slot for each tick, and which of them hold something.

mod stored;

use super::limits::BOOK_TICKS_MAX;

/// The best key of a side without levels. No level has it: see [`super::BOOK_TICKS_MAX`].
pub(super) const NONE: i64 = i64::MAX;

/// Ticks of one word of the bit set.
pub(super) const WORD: i64 = 64;

/// `window` consecutive keys from `base`. The slot of a key is its low bits, so what stays in
/// the window when it moves also stays where it is.
#[derive(Clone)]
pub(super) struct Ladder {
    /// The smallest occupied key, or [`NONE`].
    pub(super) best: i64,
    /// The first key of the window, a multiple of [`WORD`].
    base: i64,
    mask: usize,
    /// Lots by slot; zero where there is no level.
    qty: Box<[i64]>,
    /// A bit for each slot that holds something.
    words: Box<[u64]>,
    /// A bit for each word that is not zero.
    summary: Box<[u64]>,
    /// A word for each level, if the book keeps some; else empty.
    tags: Box<[u64]>,
}

impl Ladder {
    /// `window` must be a power of two of at least four words.
    pub(super) fn new(window: usize, is_tagged: bool) -> Self {
        Self {
            best: NONE,
            base: 0,
            mask: window - 1,
            qty: vec![0; window].into(),
            words: vec![0; window / 64].into(),
            summary: vec![0; window.div_ceil(64 * 64)].into(),
            tags: vec![0; if is_tagged { window } else { 0 }].into(),
        }
    }

    pub(super) const fn window(&self) -> i64 {
        self.mask as i64 + 1
    }

    /// The first key behind the window.
    pub(super) const fn end(&self) -> i64 {
        self.base + self.window()
    }

    #[inline(always)]
    pub(super) const fn contains(&self, key: i64) -> bool {
        key.wrapping_sub(self.base) as u64 <= self.mask as u64
    }

    /// Whether a quantity at `key` can simply be stored: in the window and behind the best.
    #[inline(always)]
    pub(super) const fn is_behind_best(&self, key: i64) -> bool {
        self.contains(key) & (key > self.best)
    }

    /// Whether `qty` at `key` can simply be stored, the best level included: it stays the best.
    #[inline(always)]
    pub(super) const fn keeps_best(&self, key: i64, qty: i64) -> bool {
        self.contains(key) & (key >= self.best) & ((key != self.best) | (qty != 0))
    }

    #[inline(always)]
    const fn slot(&self, key: i64) -> usize {
        key as usize & self.mask
    }

    /// Puts `qty` at `key`, which must lie in the window. Without a branch on whether a level
    /// comes, changes or goes, which is as good as random; that it is the first or the last of
    /// its word is rare.
    #[inline(always)]
    pub(super) fn store(&mut self, key: i64, qty: i64) {
        let slot = self.slot(key);
        self.qty[slot] = qty;
        let word = &mut self.words[slot >> 6];
        let before = *word;
        let after = before & !(1 << (slot & 63)) | u64::from(qty != 0) << (slot & 63);
        *word = after;
        if (before == 0) | (after == 0) {
            let place = slot >> 6;
            let summary = &mut self.summary[place >> 6];
            *summary = *summary & !(1 << (place & 63)) | u64::from(after != 0) << (place & 63);
        }
    }

    /// Puts another quantity, which is not zero, at `key`, where there is a level.
    #[inline(always)]
    pub(super) fn replace(&mut self, key: i64, qty: i64) {
        let slot = self.slot(key);
        self.qty[slot] = qty;
    }

    /// The quantity at `key`, which must lie in the window.
    #[inline(always)]
    pub(super) fn qty(&self, key: i64) -> i64 {
        self.qty[self.slot(key)]
    }

    /// The word of the level at `key`, which must lie in the window; zero if none are kept.
    #[inline(always)]
    pub(super) fn tag(&self, key: i64) -> u64 {
        self.tags.get(self.slot(key)).copied().unwrap_or(0)
    }

    #[inline(always)]
    pub(super) fn set_tag(&mut self, key: i64, tag: u64) {
        let slot = self.slot(key);
        if let Some(place) = self.tags.get_mut(slot) {
            *place = tag;
        }
    }

    pub(super) const fn is_tagged(&self) -> bool {
        !self.tags.is_empty()
    }

    /// The smallest occupied key above `key`, which must lie in the window.
    #[inline]
    pub(super) fn next(&self, key: i64) -> Option<i64> {
        let slot = self.slot(key);
        let above = self.words[slot >> 6] & (!1 << (slot & 63));
        let first = key & !(WORD - 1);
        if above != 0 {
            return Some(first + i64::from(above.trailing_zeros()));
        }
        let (first, bits) = self.next_word(first)?;
        Some(first + i64::from(bits.trailing_zeros()))
    }

    /// The next word that is not zero behind the one that begins with key `first`: the key that
    /// it begins with, and its bits.
    #[inline]
    pub(super) fn next_word(&self, first: i64) -> Option<(i64, u64)> {
        let word = self.slot(first) >> 6;
        let next = self.next_used_word(word)?;
        // The ring goes on to the words before `first`, the window does not.
        let steps = next.wrapping_sub(word) & (self.mask >> 6);
        let key = first + steps as i64 * WORD;
        (steps != 0 && self.contains(key)).then(|| (key, self.words[next]))
    }

    /// The next word of the ring behind `word` that is not zero, once around at most.
    #[inline]
    fn next_used_word(&self, word: usize) -> Option<usize> {
        let place = word >> 6;
        let above = self.summary[place] & (!1 << (word & 63));
        if above != 0 {
            return Some((place << 6) + above.trailing_zeros() as usize);
        }
        let count = self.summary.len();
        for step in 1..=count {
            let place = (place + step) & (count - 1);
            let bits = self.summary[place];
            if bits != 0 {
                return Some((place << 6) + bits.trailing_zeros() as usize);
            }
        }
        None
    }

    /// The word with `key` in it, which must lie in the window: its first key, and the bits of
    /// it from `key` on.
    pub(super) fn word_from(&self, key: i64) -> (i64, u64) {
        let slot = self.slot(key);
        (key & !(WORD - 1), self.words[slot >> 6] & (!0 << (slot & 63)))
    }

    /// Where the window should begin for a best at `key`: a quarter of it lies on the better
    /// side. It ends where the keys that a book can hold end.
    pub(super) fn base_for(&self, key: i64) -> i64 {
        (key - self.window() / 4).min(BOOK_TICKS_MAX - self.window()) & !(WORD - 1)
    }

    /// Moves the window. What leaves it must have been taken out before.
    pub(super) fn move_to(&mut self, base: i64) {
        self.base = base;
    }

    /// Whether a best at `key` lies so far back in the window that this should be moved.
    pub(super) const fn is_far_back(&self, key: i64) -> bool {
        key - self.base >= self.window() / 4 * 3
    }

    /// Empties all slots. Costs what is there, not what there is room for.
    pub(super) fn clear(&mut self) {
        for (place, summary) in self.summary.iter_mut().enumerate() {
            let mut used = std::mem::take(summary);
            while used != 0 {
                let word = (place << 6) + used.trailing_zeros() as usize;
                used &= used - 1;
                let mut bits = std::mem::take(&mut self.words[word]);
                while bits != 0 {
                    self.qty[(word << 6) + bits.trailing_zeros() as usize] = 0;
                    bits &= bits - 1;
                }
            }
        }
        self.best = NONE;
    }

    /// How many slots hold something.
    pub(super) fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }
}
