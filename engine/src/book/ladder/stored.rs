//! The dense window as state: where it lies, and the levels in it. Costs what is there.

use super::{GROUP, Ladder, NONE};
use crate::book::limits::BOOK_TICKS_MAX;
use crate::snapshot::{Reader, SnapshotError, Stored, Writer};

impl Stored for Ladder {
    /// The best level first, then each by its distance to the one before.
    fn save(&self, to: &mut Writer<'_>) {
        to.same(&self.window());
        to.put(&self.base);
        to.put(&self.count());
        let mut before = self.base;
        let mut line = (self.best != NONE).then(|| self.line_from(self.best));
        while let Some((first, mut bits)) = line {
            while bits != 0 {
                let key = first + i64::from(bits.trailing_zeros());
                bits &= bits - 1;
                to.put(&((key - before) as u64, self.qty(key)));
                before = key;
            }
            line = self.next_line(first);
        }
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        from.same("the window of a book in ticks", &self.window())?;
        self.clear();
        let base: i64 = from.take()?;
        let most = BOOK_TICKS_MAX + self.window();
        if !(-most..=most).contains(&base) || base % GROUP != 0 {
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
                self.set_best(key);
            }
        }
        Ok(())
    }
}
