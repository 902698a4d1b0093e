//! The levels outside of the dense window: a sorted list in memory that is taken once.

mod stored;

/// Entries of one leaf.
const LEAF: usize = 64;
/// Two neighbours with no more entries than this together become one leaf. So every two
/// neighbours hold more, which bounds the number of leaves.
const MERGE_MAX: usize = LEAF / 2;

/// Whether there was room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// Yes.
    Enough,
    /// No: the worst level was given up, which may be the one that was told.
    Short,
}

/// A leaf in its place: the smallest key in it, and where it lies in the pools.
#[derive(Clone, Copy, Debug)]
struct LeafRef {
    first: i64,
    leaf: u32,
    len: u32,
}

/// Sorted levels in leaves of [`LEAF`] entries, as the leaves of a B-tree with a flat directory
/// above them. A change moves at most a leaf and the directory; nothing allocates.
#[derive(Clone)]
pub(super) struct FarLevels {
    directory: Vec<LeafRef>,
    keys: Vec<i64>,
    qtys: Vec<i64>,
    /// A word for each level, if the book keeps some; else empty.
    tags: Vec<u64>,
    free: Vec<u32>,
    unused: u32,
    len: usize,
    levels_max: usize,
}

/// Where a key stands or belongs.
#[derive(Clone, Copy)]
struct Place {
    at: usize,
    slot: usize,
    found: bool,
}

impl FarLevels {
    /// Room for `levels_max` levels.
    pub(super) fn new(levels_max: usize, tagged: bool) -> Self {
        let leaves = if levels_max == 0 { 0 } else { 2 * levels_max / (MERGE_MAX + 1) + 2 };
        let entries = leaves * LEAF;
        Self {
            directory: Vec::with_capacity(leaves),
            keys: vec![0; entries],
            qtys: vec![0; entries],
            tags: vec![0; if tagged { entries } else { 0 }],
            free: Vec::with_capacity(leaves),
            unused: 0,
            len: 0,
            levels_max,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The smallest key.
    pub(super) fn first(&self) -> Option<i64> {
        self.directory.first().map(|leaf| leaf.first)
    }

    /// Where the largest key stands.
    fn last(&self) -> Option<Place> {
        let leaf = self.directory.last()?;
        Some(Place { at: self.directory.len() - 1, slot: leaf.len as usize - 1, found: true })
    }

    fn place(&self, key: i64) -> Place {
        let at = self.directory.partition_point(|leaf| leaf.first <= key).saturating_sub(1);
        let Some(leaf) = self.directory.get(at) else {
            return Place { at, slot: 0, found: false };
        };
        let begin = leaf.leaf as usize * LEAF;
        let keys = &self.keys[begin..begin + leaf.len as usize];
        let slot = keys.partition_point(|&other| other < key);
        Place { at, slot, found: keys.get(slot) == Some(&key) }
    }

    fn index(&self, place: Place) -> usize {
        self.directory[place.at].leaf as usize * LEAF + place.slot
    }

    /// The quantity at `key`; zero when there is none.
    pub(super) fn qty(&self, key: i64) -> i64 {
        let place = self.place(key);
        if place.found { self.qtys[self.index(place)] } else { 0 }
    }

    /// The quantity at `key` and the word there; zero when there is no such level.
    #[inline(never)]
    pub(super) fn level(&self, key: i64) -> (i64, u64) {
        let place = self.place(key);
        if !place.found {
            return (0, 0);
        }
        let index = self.index(place);
        (self.qtys[index], self.tags.get(index).copied().unwrap_or(0))
    }

    pub(super) fn set_tag(&mut self, key: i64, tag: u64) {
        let place = self.place(key);
        if place.found {
            let index = self.index(place);
            self.tags[index] = tag;
        }
    }

    /// Puts `qty` at `key`; zero removes the level.
    pub(super) fn set(&mut self, key: i64, qty: i64) -> Room {
        let place = self.place(key);
        match (place.found, qty) {
            (false, 0) => Room::Enough,
            (true, 0) => {
                self.remove(place);
                Room::Enough
            }
            (true, _) => {
                let index = self.index(place);
                self.qtys[index] = qty;
                Room::Enough
            }
            (false, _) if self.len < self.levels_max => {
                self.insert(place, key, qty);
                Room::Enough
            }
            (false, _) => {
                // The worst one goes, unless that is this one.
                if let Some(worst) = self.last()
                    && (place.at, place.slot) <= (worst.at, worst.slot)
                {
                    self.remove(worst);
                    let place = self.place(key);
                    self.insert(place, key, qty);
                }
                Room::Short
            }
        }
    }

    /// Takes out the level with the smallest key.
    pub(super) fn pop_first(&mut self) -> Option<(i64, i64, u64)> {
        let key = self.first()?;
        let place = Place { at: 0, slot: 0, found: true };
        let index = self.index(place);
        let level = (key, self.qtys[index], self.tags.get(index).copied().unwrap_or(0));
        self.remove(place);
        Some(level)
    }

    pub(super) fn clear(&mut self) {
        self.directory.clear();
        self.free.clear();
        self.unused = 0;
        self.len = 0;
    }

    /// Level `slot` of the leaf at place `at`, for a walk in order: key, quantity, word.
    #[inline]
    pub(super) fn entry(&self, at: usize, slot: usize) -> Option<(i64, i64, u64)> {
        let leaf = self.directory.get(at).filter(|leaf| slot < leaf.len as usize)?;
        let index = leaf.leaf as usize * LEAF + slot;
        let tag = self.tags.get(index).copied().unwrap_or(0);
        Some((self.keys[index], self.qtys[index], tag))
    }

    /// A leaf that is not in use. There is always one while fewer levels are held than the most:
    /// see [`MERGE_MAX`].
    fn take_leaf(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.unused += 1;
            self.unused - 1
        })
    }

    fn insert(&mut self, place: Place, key: i64, qty: i64) {
        let Place { mut at, mut slot, .. } = place;
        if self.directory.is_empty() {
            let leaf = self.take_leaf();
            self.directory.push(LeafRef { first: key, leaf, len: 0 });
        } else if self.directory[at].len as usize == LEAF {
            self.split(at);
            if slot > LEAF / 2 {
                (at, slot) = (at + 1, slot - LEAF / 2);
            }
        }
        let LeafRef { leaf, len, .. } = self.directory[at];
        let (begin, end) = (leaf as usize * LEAF + slot, leaf as usize * LEAF + len as usize);
        self.keys.copy_within(begin..end, begin + 1);
        self.qtys.copy_within(begin..end, begin + 1);
        self.keys[begin] = key;
        self.qtys[begin] = qty;
        if !self.tags.is_empty() {
            self.tags.copy_within(begin..end, begin + 1);
            self.tags[begin] = 0;
        }
        let leaf = &mut self.directory[at];
        leaf.len += 1;
        if slot == 0 {
            leaf.first = key;
        }
        self.len += 1;
    }

    /// Moves the upper half of a full leaf into a new one behind it.
    fn split(&mut self, at: usize) {
        let upper = self.take_leaf();
        let half = LEAF / 2;
        let from = self.directory[at].leaf as usize * LEAF + half;
        let to = upper as usize * LEAF;
        self.move_entries(from, to, LEAF - half);
        self.directory[at].len = half as u32;
        let first = self.keys[to];
        self.directory.insert(at + 1, LeafRef { first, leaf: upper, len: (LEAF - half) as u32 });
    }

    fn move_entries(&mut self, from: usize, to: usize, count: usize) {
        self.keys.copy_within(from..from + count, to);
        self.qtys.copy_within(from..from + count, to);
        if !self.tags.is_empty() {
            self.tags.copy_within(from..from + count, to);
        }
    }

    fn remove(&mut self, place: Place) {
        let Place { at, slot, .. } = place;
        let LeafRef { leaf, len, .. } = self.directory[at];
        let begin = leaf as usize * LEAF;
        self.move_entries(begin + slot + 1, begin + slot, len as usize - slot - 1);
        self.len -= 1;
        if len == 1 {
            // Those on both sides of it were half full at least: they stay two leaves.
            self.free.push(leaf);
            self.directory.remove(at);
            return;
        }
        self.directory[at].len = len - 1;
        if slot == 0 {
            self.directory[at].first = self.keys[begin];
        }
        if !self.merge(at) && at > 0 {
            self.merge(at - 1);
        }
    }

    /// Makes one leaf of the one at `at` and the next, if they hold little.
    fn merge(&mut self, at: usize) -> bool {
        let Some(&next) = self.directory.get(at + 1) else { return false };
        let this = self.directory[at];
        if (this.len + next.len) as usize > MERGE_MAX {
            return false;
        }
        let to = this.leaf as usize * LEAF + this.len as usize;
        self.move_entries(next.leaf as usize * LEAF, to, next.len as usize);
        self.directory[at].len += next.len;
        self.free.push(next.leaf);
        self.directory.remove(at + 1);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    impl FarLevels {
        fn check(&self) {
            let mut last = None;
            let mut count = 0;
            for leaf in &self.directory {
                let begin = leaf.leaf as usize * LEAF;
                let keys = &self.keys[begin..begin + leaf.len as usize];
                assert_eq!(keys[0], leaf.first);
                for &key in keys {
                    assert!(last < Some(key), "sorted, each once");
                    last = Some(key);
                }
                count += keys.len();
            }
            assert_eq!(count, self.len);
            for pair in self.directory.windows(2) {
                assert!((pair[0].len + pair[1].len) as usize > MERGE_MAX);
            }
            assert_eq!(self.directory.len() + self.free.len(), self.unused as usize);
            assert!(self.unused as usize * LEAF <= self.keys.len(), "there was a leaf");
        }
    }

    fn run(levels_max: usize, changes: &[(u8, i64, i64)]) {
        let mut far = FarLevels::new(levels_max, true);
        let capacities = (far.directory.capacity(), far.free.capacity());
        let mut naive: BTreeMap<i64, (i64, u64)> = BTreeMap::new();
        for &(what, key, qty) in changes {
            match what {
                0 => {
                    let expected = naive.pop_first().map(|(key, (qty, tag))| (key, qty, tag));
                    assert_eq!(far.pop_first(), expected);
                }
                _ if qty == 0 => {
                    assert_eq!(far.set(key, 0), Room::Enough);
                    naive.remove(&key);
                }
                _ => {
                    let is_new = !naive.contains_key(&key);
                    let is_short = is_new && naive.len() == levels_max;
                    let tag = naive.get(&key).map_or(key as u64, |level| level.1);
                    naive.insert(key, (qty, tag));
                    if is_short {
                        naive.pop_last();
                    }
                    assert_eq!(far.set(key, qty) == Room::Short, is_short);
                    if is_new {
                        assert_eq!(far.level(key).1, 0);
                        far.set_tag(key, tag);
                    }
                }
            }
            far.check();
            assert_eq!(far.qty(key), naive.get(&key).map_or(0, |level| level.0));
            assert_eq!(far.level(key), naive.get(&key).copied().unwrap_or((0, 0)));
            assert_eq!(far.first(), naive.first_key_value().map(|(&key, _)| key));
            assert_eq!(far.len(), naive.len());
        }
        assert_eq!((far.directory.capacity(), far.free.capacity()), capacities);
    }

    proptest! {
        #[test]
        fn it_is_a_sorted_map(
            levels_max in prop::sample::select(vec![0, 1, 2, 33, 100, 5_000]),
            changes in prop::collection::vec((0_u8..40, -700_i64..700, 0_i64..3), 0..3_000),
        ) {
            run(levels_max, &changes);
        }
    }

    #[test]
    fn a_full_list_that_is_thinned_out_has_a_leaf_for_every_level() {
        // Fills up, leaves the fewest entries that may stand, fills one gap after the other.
        let up = (0..2_000).map(|key| (1, key * 10, 1));
        let down = (0..2_000).filter(|key| key % 3 != 0).map(|key| (1, key * 10, 0));
        let between = (0..20_000).step_by(7).map(|key| (1, key, 2));
        let changes: Vec<_> = up.chain(down).chain(between).collect();
        run(2_000, &changes);
    }
}
