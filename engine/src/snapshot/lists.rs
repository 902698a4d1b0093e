//! Lists and tables as state. A list keeps the memory that it has.

use std::collections::VecDeque;

use super::{Reader, SnapshotError, Stored, Value, Writer};

impl<T: Value> Stored for Vec<T> {
    fn save(&self, to: &mut Writer<'_>) {
        to.list(self.iter());
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        let most = self.capacity();
        from.list(self, most)
    }
}

impl<T: Value> Stored for VecDeque<T> {
    fn save(&self, to: &mut Writer<'_>) {
        to.list(self.iter());
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        let most = self.capacity();
        self.clear();
        for _ in 0..from.count(most)? {
            self.push_back(from.take()?);
        }
        Ok(())
    }
}

impl<T: Stored> Stored for Box<[T]> {
    fn save(&self, to: &mut Writer<'_>) {
        to.each(self);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        from.each("the length of a table", self)
    }
}

impl<T: Stored, const COUNT: usize> Stored for [T; COUNT] {
    fn save(&self, to: &mut Writer<'_>) {
        self.iter().for_each(|item| item.save(to));
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        self.iter_mut().try_for_each(|item| item.load(from))
    }
}

/// A part that is there or not as the configuration says.
pub fn save_part<T: Stored>(part: Option<&T>, to: &mut Writer<'_>) {
    to.put(&part.is_some());
    if let Some(part) = part {
        part.save(to);
    }
}

/// Reads what [`save_part`] has written. `what` names it.
///
/// # Errors
/// When it is there on one side only, or cannot be read.
pub fn load_part<T: Stored>(
    what: &'static str,
    part: Option<&mut T>,
    from: &mut Reader<'_>,
) -> Result<(), SnapshotError> {
    from.same(what, &part.is_some())?;
    part.map_or(Ok(()), |part| part.load(from))
}
