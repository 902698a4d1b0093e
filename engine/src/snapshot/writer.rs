//! Writes state.

use serde::Serialize;

use super::{SnapshotError, Stored, frame};

/// Where a state is written to. What cannot be written is noted, and comes out at the end.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    refused: Option<SnapshotError>,
}

impl<'a> Writer<'a> {
    /// Begins a snapshot in `out`.
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        frame::begin(out);
        Self { out, refused: None }
    }

    /// Ends the snapshot.
    pub(crate) fn finish(self) -> Result<(), SnapshotError> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        frame::seal(self.out);
        Ok(())
    }

    /// Writes `value` as serde and the format of `postcard` have it: integers in as few bytes as
    /// they need, without names.
    pub fn put<T: Serialize + ?Sized>(&mut self, value: &T) {
        if postcard::to_extend(value, Bytes(self.out)).is_err() {
            self.refuse(std::any::type_name::<T>());
        }
    }

    /// Writes a list: how many items, then the items.
    pub fn list<T: Serialize>(&mut self, items: impl ExactSizeIterator<Item = T>) {
        self.put(&items.len());
        items.for_each(|item| self.put(&item));
    }

    /// Writes configuration, which must be the same where it is read.
    pub fn same<T: Serialize + ?Sized>(&mut self, value: &T) {
        self.put(value);
    }

    /// Writes a table whose length is given by the configuration.
    pub fn each<T: Stored>(&mut self, items: &[T]) {
        self.put(&items.len());
        items.iter().for_each(|item| item.save(self));
    }

    /// `what` cannot be written: there will be no snapshot.
    pub fn refuse(&mut self, what: &'static str) {
        self.note(SnapshotError::NotStorable(what));
    }

    /// The first reason stays.
    pub(crate) fn note(&mut self, error: SnapshotError) {
        self.refused.get_or_insert(error);
    }
}

struct Bytes<'a>(&'a mut Vec<u8>);

impl Extend<u8> for Bytes<'_> {
    fn extend<I: IntoIterator<Item = u8>>(&mut self, bytes: I) {
        self.0.extend(bytes);
    }
}
