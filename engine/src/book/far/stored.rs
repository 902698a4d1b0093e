//! The levels outside of the window as state, in their order. In which leaf a level lies makes no
//! difference: there is always a leaf while there is room for a level.

use super::{FarLevels, Room};
use crate::book::side::is_in_range;
use crate::snapshot::{Reader, SnapshotError, Stored, Writer};

impl Stored for FarLevels {
    fn save(&self, to: &mut Writer<'_>) {
        to.same(&self.levels_max);
        to.put(&self.len);
        for at in 0..self.directory.len() {
            let mut slot = 0;
            while let Some((key, qty, _)) = self.entry(at, slot) {
                to.put(&(key, qty));
                slot += 1;
            }
        }
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        from.same("the most levels outside of a book's window", &self.levels_max)?;
        self.clear();
        let mut last = None;
        for _ in 0..from.count(self.levels_max)? {
            let (key, qty): (i64, i64) = from.take()?;
            let rises = last.is_none_or(|last| last < key);
            if !rises || !is_in_range(key) || qty <= 0 || self.set(key, qty) != Room::Enough {
                return Err(SnapshotError::Damaged);
            }
            last = Some(key);
        }
        Ok(())
    }
}
