//! From the venue's order id to the slot of the order.

mod stored;

/// Orders of one bucket.
const BUCKET: usize = 6;
/// How many buckets in a row an order may lie in. Ids that want the same place find an end here.
const BUCKETS_MAX: usize = 8;
/// Orders a bucket has on average when the table grows: half of its places stay free.
const CROWD: usize = BUCKET / 2;

/// One in the lowest byte of each place, and the highest bit of each.
const ONES: u64 = 0x0101_0101_0101;
const TOPS: u64 = ONES << 7;
/// Where the count of those that passed by stands in a head.
const PASSED_SHIFT: u32 = 48;
const PASSED_ONE: u64 = 1 << PASSED_SHIFT;

/// Half a cache line: what is left of the hashes of the ids, and their slots.
#[derive(Clone, Copy, Default)]
#[repr(C, align(32))]
struct Bucket {
    /// A byte for each place, never zero where there is an order. Above them: how many orders
    /// passed by because the bucket was full.
    head: u64,
    slots: [u32; BUCKET],
}

impl Bucket {
    /// The places that hold `print`: the highest bit of their bytes.
    #[inline(always)]
    const fn matches(&self, print: u8) -> u64 {
        let off = self.head ^ (ONES * print as u64);
        let low = TOPS - ONES;
        // A byte is zero where neither the carry out of its lower bits nor its highest bit is set.
        !(((off & low) + low) | off) & TOPS
    }

    #[inline(always)]
    const fn passed(&self) -> u64 {
        self.head >> PASSED_SHIFT
    }

    /// Puts `slot` into place `at`, which is free.
    #[inline(always)]
    const fn put(&mut self, at: usize, print: u8, slot: u32) {
        self.head |= (print as u64) << (8 * at);
        self.slots[at] = slot;
    }

    #[inline(always)]
    const fn empty(&mut self, at: usize) {
        self.head &= !(0xFF << (8 * at));
    }
}

/// The place of the first match.
#[inline(always)]
fn place_of(matches: u64) -> usize {
    (matches.trailing_zeros() as usize >> 3).min(BUCKET - 1)
}

/// Where an id was found.
#[derive(Clone, Copy)]
pub(super) struct IdPlace {
    /// The slot of the order.
    pub(super) slot: u32,
    home: u32,
    /// How many buckets behind its home it lies, and at which place there.
    steps: u8,
    at: u8,
}

/// What came of an id that was to be noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noted {
    /// It is in the table now.
    New,
    /// It was in it already.
    Known,
    /// There was no place where it would be looked for.
    Full,
}

/// A hash table in memory that is taken once. It begins small and doubles as orders come: what
/// few orders touch stays in the cache, whatever their ids. A look-up reads one cache line unless
/// a bucket on the way was ever full, and never more than [`BUCKETS_MAX`] buckets: also for ids
/// made to collide. No gravestones are left when an order goes.
#[derive(Clone)]
pub(super) struct OrderIds {
    /// As many as a power of two.
    buckets: Vec<Bucket>,
    buckets_max: usize,
    len: usize,
    /// With this many orders the table grows.
    crowd: usize,
}

/// Spreads ids whatever their pattern: both halves of a product of 128 bits.
#[inline(always)]
const fn hash(id: u64) -> u64 {
    let wide = (id ^ 0x9E37_79B9_7F4A_7C15) as u128 * 0xBF58_476D_1CE4_E5B9;
    (wide >> 64) as u64 ^ wide as u64
}

#[inline(always)]
const fn print_of(hash: u64) -> u8 {
    match (hash >> 56) as u8 {
        0 => 1,
        print => print,
    }
}

impl OrderIds {
    /// For `orders_max` orders.
    pub(super) fn new(orders_max: usize) -> Self {
        let buckets_max = orders_max.div_ceil(CROWD).next_power_of_two().max(BUCKETS_MAX);
        let mut buckets = Vec::with_capacity(buckets_max);
        buckets.resize(BUCKETS_MAX, Bucket::default());
        let mut ids = Self { buckets, buckets_max, len: 0, crowd: 0 };
        ids.set_crowd();
        ids
    }

    fn set_crowd(&mut self) {
        let count = self.buckets.len();
        self.crowd = if count < self.buckets_max { count * CROWD } else { usize::MAX };
    }

    #[inline(always)]
    const fn mask(&self) -> usize {
        self.buckets.len() - 1
    }

    /// The bucket `steps` behind `home`.
    #[inline(always)]
    fn bucket(&mut self, home: u32, steps: u8) -> &mut Bucket {
        let at = (home as usize + steps as usize) & self.mask();
        &mut self.buckets[at]
    }

    /// Finds `id`. `is_it` says whether the order in a slot has that id.
    #[inline(always)]
    pub(super) fn find(&self, id: u64, is_it: impl Fn(u32) -> bool) -> Option<IdPlace> {
        let hash = hash(id);
        let (mask, print) = (self.mask(), print_of(hash));
        let home = hash as usize & mask;
        for steps in 0..BUCKETS_MAX {
            let bucket = &self.buckets[(home + steps) & mask];
            let mut found = bucket.matches(print);
            while found != 0 {
                let at = place_of(found);
                let slot = bucket.slots[at];
                if is_it(slot) {
                    return Some(IdPlace {
                        slot,
                        home: home as u32,
                        steps: steps as u8,
                        at: at as u8,
                    });
                }
                found &= found - 1;
            }
            if bucket.passed() == 0 {
                return None;
            }
        }
        None
    }

    /// Notes that `id` lies in `slot`, unless it is in the table.
    #[inline(always)]
    pub(super) fn note(&mut self, id: u64, slot: u32, is_it: impl Fn(u32) -> bool) -> Noted {
        let hash = hash(id);
        let (mask, print) = (self.mask(), print_of(hash));
        let bucket = &mut self.buckets[hash as usize & mask];
        let free = bucket.matches(0);
        if (bucket.matches(print) | bucket.passed() == 0) & (free != 0) {
            bucket.put(place_of(free), print, slot);
            self.len += 1;
            return Noted::New;
        }
        self.note_rare(id, slot, is_it)
    }

    #[inline(never)]
    fn note_rare(&mut self, id: u64, slot: u32, is_it: impl Fn(u32) -> bool) -> Noted {
        if self.find(id, is_it).is_some() {
            return Noted::Known;
        }
        let hash = hash(id);
        let home = (hash as usize & self.mask()) as u32;
        for steps in 0..BUCKETS_MAX as u8 {
            let bucket = self.bucket(home, steps);
            let free = bucket.matches(0);
            if free != 0 {
                bucket.put(place_of(free), print_of(hash), slot);
                self.len += 1;
                return Noted::New;
            }
            bucket.head += PASSED_ONE;
        }
        self.unpass(home, BUCKETS_MAX as u8);
        Noted::Full
    }

    /// Forgets what was found.
    #[inline(always)]
    pub(super) fn remove(&mut self, place: IdPlace) {
        self.bucket(place.home, place.steps).empty(place.at as usize % 8);
        self.len -= 1;
        if place.steps > 0 {
            self.unpass(place.home, place.steps);
        }
    }

    /// An order that passed `steps` full buckets from `home` on is not there any more.
    #[cold]
    fn unpass(&mut self, home: u32, steps: u8) {
        for step in 0..steps {
            self.bucket(home, step).head -= PASSED_ONE;
        }
    }

    /// Whether it should [`Self::grow`] before another order comes.
    #[inline(always)]
    pub(super) const fn is_crowded(&self) -> bool {
        self.len >= self.crowd
    }

    /// Doubles the table. `id_of` gives the id of the order in a slot. An order stays in its
    /// bucket or goes to the same place of the one that is as far into the new half, as its hash
    /// has it: as many buckets behind its home as before. So there is a place for each.
    #[cold]
    pub(super) fn grow(&mut self, id_of: impl Fn(u32) -> u64) {
        let (half, old_mask) = (self.buckets.len(), self.mask());
        // Within the memory that was taken.
        self.buckets.resize(2 * half, Bucket::default());
        for bucket in &mut self.buckets[..half] {
            bucket.head &= PASSED_ONE - 1;
        }
        for from in 0..half {
            for at in 0..BUCKET {
                let Bucket { head, slots } = self.buckets[from];
                let print = (head >> (8 * at)) as u8;
                if print == 0 {
                    continue;
                }
                let hash = hash(id_of(slots[at])) as usize;
                let steps = from.wrapping_sub(hash) & old_mask;
                let home = hash & self.mask();
                let to = (home + steps) & self.mask();
                if to != from {
                    self.buckets[from].empty(at);
                    self.buckets[to].put(at, print, slots[at]);
                }
                for step in 0..steps {
                    self.bucket(home as u32, step as u8).head += PASSED_ONE;
                }
            }
        }
        self.set_crowd();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// A table with the ids of its slots, as the orders of a book have them, beside a sorted map.
    struct Model {
        ids: OrderIds,
        held: Vec<u64>,
        known: BTreeMap<u64, u32>,
    }

    impl Model {
        fn new(orders_max: usize) -> Self {
            Self { ids: OrderIds::new(orders_max), held: vec![], known: BTreeMap::new() }
        }

        fn find(&self, id: u64) -> Option<u32> {
            self.ids.find(id, |slot| self.held[slot as usize] == id).map(|place| place.slot)
        }

        fn note(&mut self, id: u64) -> Noted {
            let slot = self.held.len() as u32;
            self.held.push(id);
            if self.ids.is_crowded() {
                self.ids.grow(|slot| self.held[slot as usize]);
            }
            let noted = self.ids.note(id, slot, |slot| self.held[slot as usize] == id);
            match noted {
                Noted::New => assert_eq!(self.known.insert(id, slot), None),
                Noted::Known => assert!(self.known.contains_key(&id)),
                Noted::Full => assert!(!self.known.contains_key(&id)),
            }
            noted
        }

        fn remove(&mut self, id: u64) {
            let place = self.ids.find(id, |slot| self.held[slot as usize] == id);
            assert_eq!(place.map(|place| place.slot), self.known.remove(&id));
            if let Some(place) = place {
                self.ids.remove(place);
            }
        }

        /// Every id is found, every order has one place, those who passed are counted.
        fn check(&self) {
            for (&id, &slot) in &self.known {
                assert_eq!(self.find(id), Some(slot));
            }
            let buckets = &self.ids.buckets;
            let mut passed = vec![0; buckets.len()];
            let mut count = 0;
            for (at, bucket) in buckets.iter().enumerate() {
                for place in 0..BUCKET {
                    let print = (bucket.head >> (8 * place)) as u8;
                    if print != 0 {
                        let hash = hash(self.held[bucket.slots[place] as usize]);
                        assert_eq!(print, print_of(hash));
                        let steps = at.wrapping_sub(hash as usize) & self.ids.mask();
                        assert!(steps < BUCKETS_MAX);
                        for step in 1..=steps {
                            passed[at.wrapping_sub(step) & self.ids.mask()] += 1;
                        }
                        count += 1;
                    }
                }
            }
            assert_eq!((count, self.ids.len), (self.known.len(), self.known.len()));
            assert!(buckets.iter().map(Bucket::passed).eq(passed));
        }
    }

    #[test]
    fn it_finds_what_is_in_it_and_nothing_else() {
        // Room for 400 orders, which all get in; then every third goes, and comes again.
        let id = |n: u64| n.wrapping_mul(0x1_0000_0001) << 20;
        let mut model = Model::new(400);
        assert!((0..400).all(|n| model.note(id(n)) == Noted::New));
        for round in 0..10 {
            for n in (round % 3..400).step_by(3) {
                model.remove(id(n));
                assert_eq!(model.find(id(n)), None);
            }
            model.check();
            assert!((round % 3..400).step_by(3).all(|n| model.note(id(n)) == Noted::New));
            assert_eq!(model.note(id(round)), Noted::Known);
        }
        model.check();
        assert_eq!(model.find(u64::MAX), None);
    }

    #[test]
    fn ids_made_to_collide_find_an_end() {
        let mut model = Model::new(1_000);
        // They want the same bucket however large the table is.
        let mask = model.ids.buckets_max - 1;
        let hostile: Vec<u64> =
            (0..).filter(|&id| hash(id) as usize & mask == mask).take(100).collect();
        let put = hostile.iter().filter(|&&id| model.note(id) == Noted::New).count();
        // As long as the table is small its buckets are fewer, and then it has grown around them.
        assert_eq!(put, BUCKET * BUCKETS_MAX);
        model.check();
        for &id in hostile.iter().rev() {
            model.remove(id);
        }
        assert!(model.ids.buckets.iter().all(|bucket| bucket.head == 0));
    }

    #[test]
    fn half_full_it_has_room_for_any_honest_ids() {
        for (orders, step) in [(1_000_u64, 1), (50_000, 1), (50_000, 1 << 20), (50_000, 7_919)] {
            let mut model = Model::new(orders as usize);
            assert!((0..orders).all(|n| model.note(n.wrapping_mul(step)) == Noted::New));
            assert!(model.ids.buckets.len() <= model.ids.buckets_max);
        }
    }

    #[test]
    fn it_grows_with_the_orders_and_not_with_their_ids() {
        let mut model = Model::new(1 << 16);
        assert_eq!(model.ids.buckets.len(), BUCKETS_MAX);
        for n in 0..100_000_u64 {
            let id = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            assert_eq!(model.note(id), Noted::New);
            if n >= 100 {
                model.remove((n - 100).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            }
        }
        assert_eq!(model.ids.buckets.len(), 64);
        model.check();
    }

    proptest! {
        #[test]
        fn it_is_a_map_whatever_the_ids(
            orders_max in prop::sample::select(vec![1_usize, 30, 400]),
            // Nearly in a row, at the borders of powers of two, far apart, and all of one bucket.
            changes in prop::collection::vec(
                (any::<bool>(), prop_oneof![
                    0_u64..300,
                    (0_u32..64, 0_u64..3).prop_map(|(bit, off)| (1_u64 << bit).wrapping_sub(off)),
                    (0_u64..60).prop_map(|n| (0..).filter(|&id| hash(id) as usize & 127 == 126)
                        .nth(n as usize).unwrap_or(n)),
                ]),
                0..600,
            ),
        ) {
            let mut model = Model::new(orders_max);
            for (goes, id) in changes {
                if goes {
                    model.remove(id);
                } else if model.known.len() < orders_max {
                    model.note(id);
                }
            }
            model.check();
        }
    }
}
