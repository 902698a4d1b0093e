//! Reads state.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{SnapshotError, Stored};

/// What is left to be read of a state. No bytes make it panic, and what it reads takes memory only
/// in proportion to them.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// All was read.
    pub(crate) const fn finish(&self) -> Result<(), SnapshotError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(SnapshotError::Damaged) }
    }

    /// The next value, as [`super::Writer::put`] has written it.
    ///
    /// # Errors
    /// When these are not the bytes of such a value.
    pub fn take<T: DeserializeOwned>(&mut self) -> Result<T, SnapshotError> {
        let (value, rest) =
            postcard::take_from_bytes(self.bytes).map_err(|_| SnapshotError::Damaged)?;
        self.bytes = rest;
        Ok(value)
    }

    /// A number of things of which there is room for `most`.
    ///
    /// # Errors
    /// When there are more.
    pub fn count(&mut self, most: usize) -> Result<usize, SnapshotError> {
        let count = self.take()?;
        if count > most { Err(SnapshotError::Damaged) } else { Ok(count) }
    }

    /// Reads a list that [`super::Writer::list`] has written into `items`, in the memory that it
    /// has; `most` items at most.
    ///
    /// # Errors
    /// When there are more, or their bytes are not those of such items.
    pub fn list<T: DeserializeOwned>(
        &mut self,
        items: &mut Vec<T>,
        most: usize,
    ) -> Result<(), SnapshotError> {
        items.clear();
        for _ in 0..self.count(most)? {
            items.push(self.take()?);
        }
        Ok(())
    }

    /// Compares `here` with the configuration that the snapshot is of. `what` names it.
    ///
    /// # Errors
    /// When it differs.
    pub fn same<T: Serialize + DeserializeOwned + Debug>(
        &mut self,
        what: &'static str,
        here: &T,
    ) -> Result<(), SnapshotError> {
        let before = self.bytes;
        let saved: T = self.take()?;
        let (written, _) = before.split_at(before.len() - self.bytes.len());
        // By bytes, as what is no number is not even equal to itself.
        let expected = postcard::to_extend(here, Vec::with_capacity(written.len()));
        let expected = expected.map_err(|_| SnapshotError::Damaged)?;
        if written == expected { Ok(()) } else { Err(SnapshotError::differs(what, saved, here)) }
    }

    /// Reads a table that [`super::Writer::each`] has written. `what` names it.
    ///
    /// # Errors
    /// When it has another length here, or an item cannot be read.
    pub fn each<T: Stored>(
        &mut self,
        what: &'static str,
        items: &mut [T],
    ) -> Result<(), SnapshotError> {
        self.same(what, &items.len())?;
        items.iter_mut().try_for_each(|item| item.load(self))
    }
}
