//! The dense window of a side: one array slot for each tick, and which of them hold something.

mod stored;

use super::limits::BOOK_TICKS_MAX;

/// The best key of a side without levels. No level has it: see [`super::BOOK_TICKS_MAX`].
pub(super) const NONE: i64 = i64::MAX;

/// Slots of a line, as many as there are in a cache line.
pub(super) const LINE: i64 = 8;

/// Slots of a group of eight lines.
const GROUP: i64 = 64;

/// Lines behind the best that are looked at when it has moved.
const LINES_AHEAD: usize = 16;

/// `window` consecutive keys from `base`. The slot of a key is its low bits, so what stays in
/// the window when it moves also stays where it is.
///
/// Which lines hold something is marked when a level comes and not looked at when one goes: a
/// store takes a look at one mark and nothing else, and near the best not even at that. So a marked
/// line may be empty; whoever comes across such a one while looking for the next level takes the
/// mark off.
#[derive(Clone)]
pub(super) struct Ladder {
    /// The smallest occupied key, or [`NONE`].
    best: i64,
    /// Every line from that of the best up to this key is marked; at most the end of the window,
    /// and the smallest number where nobody has looked.
    near_end: i64,
    /// The first key of the window, a multiple of [`GROUP`].
    base: i64,
    mask: usize,
    /// Lots by slot; zero where there is no level.
    qty: Box<[i64]>,
    /// One for each line that may hold something, zero for all others.
    marks: Box<[u8]>,
    /// A bit for each group with a marked line.
    groups: Box<[u64]>,
    /// A word for each level, if the book keeps some; else empty.
    tags: Box<[u64]>,
}

impl Ladder {
    /// `window` must be a power of two of at least four groups.
    pub(super) fn new(window: usize, is_tagged: bool) -> Self {
        Self {
            best: NONE,
            near_end: i64::MIN,
            base: 0,
            mask: window - 1,
            qty: vec![0; window].into(),
            marks: vec![0; window / LINE as usize].into(),
            groups: vec![0; window.div_ceil(64 * 64)].into(),
            tags: vec![0; if is_tagged { window } else { 0 }].into(),
        }
    }

    pub(super) const fn window(&self) -> i64 {
        self.mask as i64 + 1
    }

    /// The smallest occupied key, or [`NONE`].
    #[inline(always)]
    pub(super) const fn best(&self) -> i64 {
        self.best
    }

    /// The best is now at `key`, where there is a level, or nowhere ([`NONE`]).
    pub(super) fn set_best(&mut self, key: i64) {
        let before = std::mem::replace(&mut self.best, key);
        if key == NONE {
            self.near_end = i64::MIN;
            return;
        }
        if key < before & !(LINE - 1) || key >= self.near_end {
            // The line of a level is marked.
            self.near_end = (key & !(LINE - 1)) + LINE;
        }
        if self.near_end - key < GROUP {
            self.look_ahead();
        }
    }

    /// Looks how far the lines behind [`Self::near_end`] are marked, within reason.
    fn look_ahead(&mut self) {
        for _ in 0..LINES_AHEAD {
            let is_marked =
                self.near_end < self.end() && self.marks[self.slot(self.near_end) >> 3] != 0;
            if !is_marked {
                return;
            }
            self.near_end += LINE;
        }
    }

    /// The first key behind the window.
    pub(super) const fn end(&self) -> i64 {
        self.base + self.window()
    }

    #[inline(always)]
    pub(super) const fn contains(&self, key: i64) -> bool {
        key.wrapping_sub(self.base) as u64 <= self.mask as u64
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
    /// comes, changes or goes, which is as good as random; that it is the first of its line is
    /// rare.
    #[inline(always)]
    pub(super) fn store(&mut self, key: i64, qty: i64) {
        let slot = self.slot(key);
        self.qty[slot] = qty;
        if self.lacks_mark(slot, qty) {
            self.mark(slot);
        }
    }

    /// [`Self::store`] behind the best, unless that takes more than a store: `key` lies behind the
    /// window, or `qty` is the first of its line or below zero.
    #[inline(always)]
    pub(super) fn store_behind(&mut self, key: i64, qty: i64) -> bool {
        if key <= self.best {
            return false;
        }
        let slot = self.slot(key);
        let takes = if key < self.near_end {
            qty >= 0
        } else {
            // Below zero is more than any quantity, without its sign.
            self.contains(key) && qty as u64 <= u64::from(self.marks[slot >> 3]) << 62
        };
        if takes {
            self.qty[slot] = qty;
        }
        takes
    }

    /// Whether `qty` needs a mark at `slot` that is not there.
    // One comparison: of two, each a branch, that of the quantity could not be foreseen.
    #[inline(always)]
    fn lacks_mark(&self, slot: usize, qty: i64) -> bool {
        qty > i64::from(self.marks[slot >> 3]) << 62
    }

    #[cold]
    #[inline(never)]
    fn mark(&mut self, slot: usize) {
        self.marks[slot >> 3] = 1;
        self.groups[slot >> 12] |= 1 << (slot >> 6 & 63);
        if self.near_end != i64::MIN {
            self.look_ahead();
        }
    }

    /// Takes the mark off the line that `slot` begins.
    fn unmark(&mut self, slot: usize) {
        self.marks[slot >> 3] = 0;
        if self.marks_of(slot >> 6) == 0 {
            self.groups[slot >> 12] &= !(1 << (slot >> 6 & 63));
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

    /// The smallest occupied key above `key`, which must lie in the window. The line of `key` keeps
    /// its mark: where the best is, levels come back as often as they go.
    pub(super) fn next(&mut self, key: i64) -> Option<i64> {
        let mut first = key & !(LINE - 1);
        let above = self.line(first) & (!1 << (key & (LINE - 1)));
        if above != 0 {
            return Some(first + i64::from(above.trailing_zeros()));
        }
        loop {
            first = self.next_marked(first)?;
            let bits = self.line(first);
            if bits != 0 {
                return Some(first + i64::from(bits.trailing_zeros()));
            }
            self.unmark(self.slot(first));
        }
    }

    /// The next line that is not empty behind the one that begins with key `first`: the key that
    /// it begins with, and a bit for each of its slots that holds something.
    pub(super) fn next_line(&self, mut first: i64) -> Option<(i64, u64)> {
        loop {
            first = self.next_marked(first)?;
            let bits = self.line(first);
            if bits != 0 {
                return Some((first, bits));
            }
        }
    }

    /// The line with `key` in it, which must lie in the window: its first key, and a bit for each
    /// of its slots from `key` on that holds something.
    pub(super) fn line_from(&self, key: i64) -> (i64, u64) {
        let first = key & !(LINE - 1);
        (first, self.line(first) & (!0 << (key & (LINE - 1))))
    }

    /// A bit for each slot of the line that begins with `first` that holds something. Without a
    /// branch: which of them do is as good as random.
    #[inline(always)]
    fn line(&self, first: i64) -> u64 {
        let lines = self.qty.as_chunks::<{ LINE as usize }>().0;
        let slots = &lines[self.slot(first) >> 3];
        slots.iter().rev().fold(0, |bits, &qty| bits << 1 | u64::from(qty != 0))
    }

    /// The next marked line behind the one that begins with key `first`: the key that it begins
    /// with.
    fn next_marked(&self, first: i64) -> Option<i64> {
        let slot = self.slot(first);
        let group = slot >> 6;
        let start = first & !(GROUP - 1);
        // The marks of the group behind the line's own; two steps, as there may be none.
        let behind = self.marks_of(group) >> (slot & 56) >> 8;
        if behind != 0 {
            return Some(first + LINE + i64::from(behind.trailing_zeros() & 56));
        }
        let next = self.next_used_group(group)?;
        // The ring goes on to the groups before `first`, the window does not.
        let steps = next.wrapping_sub(group) & (self.mask >> 6);
        let key = start + steps as i64 * GROUP;
        let marks = self.marks_of(next);
        (steps != 0 && self.contains(key)).then(|| key + i64::from(marks.trailing_zeros() & 56))
    }

    /// The marks of a group, a byte for each of its lines.
    #[inline]
    fn marks_of(&self, group: usize) -> u64 {
        u64::from_le_bytes(self.marks.as_chunks().0[group])
    }

    /// The next group of the ring behind `group` with a marked line, once around at most.
    #[inline]
    fn next_used_group(&self, group: usize) -> Option<usize> {
        let place = group >> 6;
        let above = self.groups[place] & (!1 << (group & 63));
        if above != 0 {
            return Some((place << 6) + above.trailing_zeros() as usize);
        }
        let count = self.groups.len();
        for step in 1..=count {
            let place = (place + step) & (count - 1);
            let bits = self.groups[place];
            if bits != 0 {
                return Some((place << 6) + bits.trailing_zeros() as usize);
            }
        }
        None
    }

    /// Where the window should begin for a best at `key`: a quarter of it lies on the better
    /// side. It ends where the keys that a book can hold end.
    pub(super) fn base_for(&self, key: i64) -> i64 {
        (key - self.window() / 4).min(BOOK_TICKS_MAX - self.window()) & !(GROUP - 1)
    }

    /// Moves the window. What leaves it must have been taken out before.
    pub(super) fn move_to(&mut self, base: i64) {
        self.base = base;
        // The line of the best may be another one by now.
        self.near_end = i64::MIN;
    }

    /// Whether a best at `key` lies so far back in the window that this should be moved.
    pub(super) const fn is_far_back(&self, key: i64) -> bool {
        key - self.base >= self.window() / 4 * 3
    }

    /// Empties all slots. Costs what is there, not what there is room for.
    pub(super) fn clear(&mut self) {
        let (lines, _) = self.qty.as_chunks_mut::<{ LINE as usize }>();
        for (place, groups) in self.groups.iter_mut().enumerate() {
            let mut used = std::mem::take(groups);
            while used != 0 {
                let first = ((place << 6) + used.trailing_zeros() as usize) << 3;
                used &= used - 1;
                let group = self.marks[first..].iter_mut().zip(&mut lines[first..]).take(8);
                for (mark, line) in group {
                    if std::mem::take(mark) != 0 {
                        line.fill(0);
                    }
                }
            }
        }
        self.set_best(NONE);
    }

    /// Whether what it says of the lines near the best is so.
    #[cfg(test)]
    pub(super) fn near_is_marked(&self) -> bool {
        let first = self.best & !(LINE - 1);
        let is_marked = |key| self.contains(key) && self.marks[self.slot(key) >> 3] != 0;
        self.near_end == i64::MIN || (first..self.near_end).step_by(LINE as usize).all(is_marked)
    }

    /// How many slots hold something.
    pub(super) fn count(&self) -> usize {
        let lines = self.qty.as_chunks::<{ LINE as usize }>().0.iter().zip(&self.marks);
        let marked = lines.filter(|&(_, &mark)| mark != 0);
        marked.map(|(line, _)| line.iter().filter(|&&qty| qty != 0).count()).sum()
    }
}
