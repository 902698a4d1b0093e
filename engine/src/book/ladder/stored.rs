//! The dense window as state: where it lies, and the levels in it. Costs what is there.

use super::{Ladder, NONE, WORD};
use crate::book::limits::BOOK_TICKS_MAX;
use crate::snapshot::{Reader, SnapshotError, Stored, Writer};

impl Stored for Ladder {
    /// The best level first, then each by its distance to the one before.
    fn save(&self, to: &mut Writer<'_>) {
        to.same(&self.window());
        to.put(&self.base);
        to.put(&self.count());
        let (mut before, mut next) = (self.base, (self.best != NONE).then_some(self.best));
        while let Some(key) = next {
            to.put(&((key - before) as u64, self.qty(key)));
            before = key;
            next = self.next(key);
        }
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        from.same("the window of a book in ticks", &self.window())?;
        self.clear();
        let base: i64 = from.take()?;
        let most = BOOK_TICKS_MAX + self.window();
        if !(-most..=most).contains(&base) || base % WORD != 0 {
            return Err(SnapshotError::Damaged);
        }
        self.move_to(base);
        let mut key = base;
        for _ in 0..from.count(self.mask + 1)? {
            let (step, qty): (u64, i64) = from.take()?;
            let is_first = self.best == NONE;
            // No further than the window is long, so the sum is sound.
            if step > self.mask as u64 || (step == 0 && !is_first) || qty <= 0 {
                return Err(SnapshotError::Damaged);
            }
            key += step as i64;
            if !self.contains(key) {
                return Err(SnapshotError::Damaged);
            }
            self.store(key, qty);
            if is_first {
                self.best = key;
            }
        }
        Ok(())
    }
}
