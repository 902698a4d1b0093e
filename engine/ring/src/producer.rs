//! The writing end.
#![allow(unsafe_code, reason = "writes to slots under the contract of shared.rs")]

use thiserror::Error;

use crate::consumer::Consumer;
use crate::setup::{Item, READERS_MAX, Setup, SetupError};
use crate::shared::Shared;
use crate::sync::Arc;

/// There was no room; the item comes back. Once all readers are gone, nothing makes room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the ring is full")]
pub struct Full<T>(pub T);

/// All readers are gone; the item comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("all readers of the ring are gone")]
pub struct Closed<T>(pub T);

/// The writing end of a ring. Dropping it closes the ring: readers get what is still there.
#[derive(Debug)]
pub struct Producer<T: Item> {
    ring: Writer<T>,
    /// The rings of readers that are not waited for, each with one reader.
    lossy: Vec<Writer<T>>,
}

impl<T: Item> Producer<T> {
    pub(crate) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { ring: Writer::new(shared), lossy: Vec::new() }
    }

    /// Adds a reader that is never waited for, to be done before the start. It has a ring of its
    /// own for as many items as `setup` says, into which every item that goes into this ring is
    /// copied. What finds no room there is lost to it, and [`Consumer::refused`] of that reader
    /// says how many items that were.
    ///
    /// Its ring is not this one with the writer running over the reader: to read a slot while it
    /// is being written is a data race, which for items with padding nothing can make harmless.
    ///
    /// # Errors
    /// When there is no such ring, or there are too many readers: see [`SetupError`].
    pub fn add_lossy(&mut self, setup: &Setup) -> Result<Consumer<T>, SetupError> {
        let asked = self.lossy.len() + 1;
        if asked > READERS_MAX {
            return Err(SetupError::Readers { asked });
        }
        let shared = setup.shared(1)?;
        self.lossy.push(Writer::new(Arc::clone(&shared)));
        Ok(Consumer::new(shared, 0))
    }

    /// Puts an item in.
    ///
    /// # Errors
    /// When there is no room, which is counted.
    #[inline]
    pub fn push(&mut self, item: T) -> Result<(), Full<T>> {
        if !self.ring.try_push(item) {
            self.ring.shared.refuse(1);
            return Err(Full(item));
        }
        self.copy_to_lossy(&[item]);
        Ok(())
    }

    /// Puts in as many of `items` as there is room for, from the first on, and shows them to the
    /// readers at once. Returns how many; the others count as refused.
    #[inline]
    pub fn push_batch(&mut self, items: &[T]) -> usize {
        let taken = self.ring.push_some(items);
        if taken < items.len() {
            self.ring.shared.refuse((items.len() - taken) as u64);
        }
        self.copy_to_lossy(items.get(..taken).unwrap_or_default());
        taken
    }

    /// Puts an item in, and waits for room if there is none: nothing is refused, nothing counted.
    ///
    /// # Errors
    /// When all readers are gone.
    #[inline]
    pub fn push_or_wait(&mut self, item: T) -> Result<(), Closed<T>> {
        while !self.ring.try_push(item) {
            if !self.wait() {
                return Err(Closed(item));
            }
        }
        self.copy_to_lossy(&[item]);
        Ok(())
    }

    /// Waits until there is room. False when all readers are gone.
    pub fn wait(&mut self) -> bool {
        let Writer { shared, tail, .. } = &self.ring;
        let has_room = |slowest: u64| slowest + shared.slots.capacity() > *tail;
        shared.room.wait_until(|| shared.slowest().is_none_or(has_room));
        !self.is_closed()
    }

    /// Whether all readers are gone. Lossy ones do not count.
    pub fn is_closed(&self) -> bool {
        self.ring.shared.slowest().is_none()
    }

    /// How many items the ring can hold.
    pub fn capacity(&self) -> usize {
        self.ring.shared.slots.capacity() as usize
    }

    /// How many items there are that some reader is not done with.
    pub fn len(&self) -> usize {
        let slowest = self.ring.shared.slowest();
        slowest.map_or(0, |slowest| self.ring.tail.saturating_sub(slowest) as usize)
    }

    /// Whether every reader is done with every item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Items for which there was no room, each time that they were offered.
    pub fn refused(&self) -> u64 {
        self.ring.shared.refused()
    }

    #[inline(always)]
    fn copy_to_lossy(&mut self, items: &[T]) {
        for writer in &mut self.lossy {
            let taken = writer.push_some(items);
            if taken < items.len() {
                writer.shared.refuse((items.len() - taken) as u64);
            }
        }
    }
}

/// The writer's own part of one ring.
#[derive(Debug)]
struct Writer<T: Item> {
    shared: Arc<Shared<T>>,
    /// How many items were published.
    tail: u64,
    /// The first position for which there was no room at the last look.
    end: u64,
}

impl<T: Item> Writer<T> {
    fn new(shared: Arc<Shared<T>>) -> Self {
        let end = shared.slots.capacity();
        Self { shared, tail: 0, end }
    }

    #[inline(always)]
    fn try_push(&mut self, item: T) -> bool {
        if self.tail == self.end && !self.look() {
            return false;
        }
        // SAFETY: this is the ring's only writer, `tail` is not published, and below `end` every
        // reader has left the slot.
        unsafe { self.shared.slots.write(self.tail, item) };
        self.tail += 1;
        self.shared.publish(self.tail);
        true
    }

    #[inline(always)]
    fn push_some(&mut self, items: &[T]) -> usize {
        if self.end - self.tail < items.len() as u64 {
            self.look();
        }
        let taken = ((self.end - self.tail) as usize).min(items.len());
        for (position, item) in (self.tail..self.end).zip(items) {
            // SAFETY: as in `try_push`; the positions end at `end`.
            unsafe { self.shared.slots.write(position, *item) };
        }
        if taken > 0 {
            self.tail += taken as u64;
            self.shared.publish(self.tail);
        }
        taken
    }

    /// Looks how far the readers are. Whether there is room.
    #[inline(never)]
    fn look(&mut self) -> bool {
        if let Some(slowest) = self.shared.slowest() {
            self.end = slowest + self.shared.slots.capacity();
        }
        self.tail != self.end
    }
}

impl<T: Item> Drop for Writer<T> {
    fn drop(&mut self) {
        self.shared.writer_leaves();
    }
}
