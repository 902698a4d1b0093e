//! A bounded list as state.

use super::{Bounded, Sink};
use crate::snapshot::{Reader, SnapshotError, Stored, Value, Writer};

impl<T: Copy> Bounded<T> {
    /// Writes a list that is empty between two events: what was dropped counts all the same.
    pub(crate) fn save_empty(&self, to: &mut Writer<'_>) {
        if !self.is_empty() {
            to.note(SnapshotError::Busy);
        }
        to.put(&(self.items_max, self.dropped));
    }

    /// Reads what [`Self::save_empty`] has written.
    pub(crate) fn load_empty(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        from.same("the room of a list", &self.items_max)?;
        self.clear();
        self.dropped = from.take()?;
        Ok(())
    }
}

impl<T: Value + Copy> Stored for Bounded<T> {
    fn save(&self, to: &mut Writer<'_>) {
        to.put(&(self.items_max, self.dropped));
        to.list(self.items.iter());
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        from.same("the room of a list", &self.items_max)?;
        let dropped = from.take()?;
        self.clear();
        for _ in 0..from.count(self.items_max)? {
            self.push(from.take()?);
        }
        self.dropped = dropped;
        Ok(())
    }
}
