//! What a restore does to the table of ids beside what ticks do. How large the table has grown,
//! and how far from its home each id lies, is kept: that decides whether there is a place for an
//! id that was made to collide with others.

use super::{BUCKET, BUCKETS_MAX, Bucket, OrderIds, PASSED_ONE, hash, place_of, print_of};

impl OrderIds {
    /// How many buckets the table has now.
    pub(in crate::book::orders) const fn bucket_count(&self) -> usize {
        self.buckets.len()
    }

    /// Forgets all ids, and makes the table as large as `count` buckets; `false` where it cannot
    /// become that large.
    pub(in crate::book::orders) fn reset(&mut self, count: usize) -> bool {
        if !count.is_power_of_two() || !(BUCKETS_MAX..=self.buckets_max).contains(&count) {
            return false;
        }
        self.buckets.clear();
        // Within the memory that was taken.
        self.buckets.resize(count, Bucket::default());
        self.len = 0;
        self.set_crowd();
        true
    }

    /// How many buckets behind its home `id` lies.
    pub(in crate::book::orders) fn steps_to(&self, id: u64, is_it: impl Fn(u32) -> bool) -> u8 {
        self.find(id, is_it).map_or(0, |place| place.steps)
    }

    /// Notes `id`, which is not in the table, `steps` buckets behind its home; `false` where there
    /// is no place.
    pub(in crate::book::orders) fn put_back(&mut self, id: u64, slot: u32, steps: u8) -> bool {
        let hash = hash(id);
        let home = (hash as usize & self.mask()) as u32;
        if usize::from(steps) >= BUCKETS_MAX || self.len >= self.buckets_max * BUCKET {
            return false;
        }
        let bucket = self.bucket(home, steps);
        let free = bucket.matches(0);
        if free == 0 {
            return false;
        }
        bucket.put(place_of(free), print_of(hash), slot);
        for step in 0..steps {
            self.bucket(home, step).head += PASSED_ONE;
        }
        self.len += 1;
        true
    }
}
