//! From the venue's order id to the slot of the order.

/// Orders of one bucket. Its eighth place counts the orders that found it full.
const BUCKET: usize = 7;
/// How many buckets in a row an order may lie in. Ids that want the same place find an end here.
const BUCKETS_MAX: usize = 8;

/// A cache line: what is left of the hashes of the ids, and their slots.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
struct Bucket {
    /// Never zero where there is an order. At [`BUCKET`]: how many orders passed by because the
    /// bucket was full.
    prints: [u32; BUCKET + 1],
    slots: [u32; BUCKET + 1],
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

/// A hash table of fixed size. A look-up reads one cache line unless a bucket on the way was
/// ever full, and never more than [`BUCKETS_MAX`]: also for ids made to collide. Nothing is moved
/// and no gravestones are left when an order goes.
#[derive(Clone)]
pub(super) struct OrderIds {
    buckets: Box<[Bucket]>,
    mask: u32,
}

/// Spreads ids whatever their pattern. The constants are those of a well-known finaliser; the
/// first step keeps id zero from being hashed to zero.
#[inline(always)]
const fn hash(id: u64) -> u64 {
    let mixed = (id ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (mixed ^ (mixed >> 31)).wrapping_mul(0x94D0_49BB_1331_11EB)
}

#[inline(always)]
const fn print_of(hash: u64) -> u32 {
    hash as u32 | 1
}

impl OrderIds {
    /// For `orders_max` orders: half of the places stay free.
    pub(super) fn new(orders_max: usize) -> Self {
        let count = (orders_max * 2).div_ceil(BUCKET).next_power_of_two().max(BUCKETS_MAX);
        Self { buckets: vec![Bucket::default(); count].into(), mask: count as u32 - 1 }
    }

    #[inline(always)]
    const fn home(&self, hash: u64) -> u32 {
        (hash >> 32) as u32 & self.mask
    }

    /// Finds `id`. `is_it` says whether the order in a slot has that id.
    #[inline]
    pub(super) fn find(&self, id: u64, is_it: impl Fn(u32) -> bool) -> Option<IdPlace> {
        let hash = hash(id);
        let (home, print) = (self.home(hash), print_of(hash));
        for steps in 0..BUCKETS_MAX as u8 {
            let bucket = &self.buckets[(home.wrapping_add(u32::from(steps)) & self.mask) as usize];
            let mut found = matches(bucket, print);
            while found != 0 {
                let at = found.trailing_zeros() as usize & BUCKET;
                let slot = bucket.slots[at];
                if is_it(slot) {
                    return Some(IdPlace { slot, home, steps, at: at as u8 });
                }
                found &= found - 1;
            }
            if bucket.prints[BUCKET] == 0 {
                return None;
            }
        }
        None
    }

    /// Notes that `id`, which must not be in it, lies in `slot`. Returns whether there was room.
    #[inline]
    pub(super) fn insert(&mut self, id: u64, slot: u32) -> bool {
        let hash = hash(id);
        let (home, print) = (self.home(hash), print_of(hash));
        for steps in 0..BUCKETS_MAX as u32 {
            let bucket = &mut self.buckets[(home.wrapping_add(steps) & self.mask) as usize];
            let free = matches(bucket, 0);
            if free != 0 {
                let at = free.trailing_zeros() as usize & BUCKET;
                bucket.prints[at] = print;
                bucket.slots[at] = slot;
                return true;
            }
            bucket.prints[BUCKET] += 1;
        }
        self.passed(home, BUCKETS_MAX as u8);
        false
    }

    /// Forgets what was found.
    #[inline]
    pub(super) fn remove(&mut self, place: IdPlace) {
        let at = place.home.wrapping_add(u32::from(place.steps)) & self.mask;
        self.buckets[at as usize].prints[place.at as usize & BUCKET] = 0;
        if place.steps > 0 {
            self.passed(place.home, place.steps);
        }
    }

    /// An order that passed `steps` full buckets from `home` on is not there any more.
    #[cold]
    fn passed(&mut self, home: u32, steps: u8) {
        for step in 0..u32::from(steps) {
            self.buckets[(home.wrapping_add(step) & self.mask) as usize].prints[BUCKET] -= 1;
        }
    }
}

/// The places of `bucket` that hold `print`, as bits. Compares all of them: where an order lies
/// is as good as random.
#[inline(always)]
fn matches(bucket: &Bucket, print: u32) -> u32 {
    let mut found = 0;
    for at in 0..BUCKET {
        found |= u32::from(bucket.prints[at] == print) << at;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_what_is_in_it_and_nothing_else() {
        // Room for 400 orders, which all get in; then every third goes, and comes again.
        let id = |n: u64| n.wrapping_mul(0x1_0000_0001) << 20;
        let mut ids = OrderIds::new(400);
        let mut held = vec![];
        for n in 0..400 {
            assert!(ids.insert(id(n), held.len() as u32));
            held.push(id(n));
        }
        let find = |ids: &OrderIds, held: &[u64], id| {
            ids.find(id, |slot| held[slot as usize] == id).map(|place| place.slot)
        };
        for round in 0..10 {
            for n in (round % 3..400).step_by(3) {
                let id = held[n];
                let place = ids.find(id, |slot| held[slot as usize] == id).unwrap();
                ids.remove(place);
                assert_eq!(find(&ids, &held, id), None);
            }
            for n in 0..400 {
                let is_in = n % 3 != round % 3;
                assert_eq!(find(&ids, &held, held[n]), is_in.then_some(n as u32));
            }
            for n in (round % 3..400).step_by(3) {
                assert!(ids.insert(held[n], n as u32));
            }
        }
        assert_eq!(find(&ids, &held, u64::MAX), None);
    }

    #[test]
    fn ids_made_to_collide_find_an_end() {
        let ids_of_home_0 = |ids: &OrderIds| -> Vec<u64> {
            (0..1 << 16).filter(|&id| ids.home(hash(id)) == 0).take(100).collect()
        };
        let mut ids = OrderIds::new(1_000);
        let hostile = ids_of_home_0(&ids);
        assert_eq!(hostile.len(), 100);
        let put: Vec<bool> =
            hostile.iter().enumerate().map(|(n, &id)| ids.insert(id, n as u32)).collect();
        let count = put.iter().filter(|&&is_in| is_in).count();
        assert_eq!(count, BUCKET * BUCKETS_MAX);
        assert!(put[..count].iter().all(|&is_in| is_in));
        for (n, &id) in hostile.iter().enumerate().rev() {
            let place = ids.find(id, |slot| hostile[slot as usize] == id);
            assert_eq!(place.map(|place| place.slot), (n < count).then_some(n as u32));
            if let Some(place) = place {
                ids.remove(place);
            }
        }
        assert!(ids.buckets.iter().all(|bucket| bucket.prints.iter().all(|&print| print == 0)));
    }

    #[test]
    fn half_full_it_has_room_for_any_honest_ids() {
        for (orders, step) in [(1_000_u64, 1), (50_000, 1), (50_000, 1 << 20), (50_000, 7_919)] {
            let mut ids = OrderIds::new(orders as usize);
            assert!((0..orders).all(|n| ids.insert(n.wrapping_mul(step), n as u32)));
        }
    }
}
