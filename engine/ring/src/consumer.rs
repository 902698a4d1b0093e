//! The reading end.
#![allow(unsafe_code, reason = "reads of slots under the contract of shared.rs")]

use crate::bell::Bell;
use crate::setup::Item;
use crate::shared::Shared;
use crate::sync::Arc;

/// The reading end of a ring. Dropping it takes the reader out of the writer's way.
#[derive(Debug)]
pub struct Consumer<T: Item> {
    shared: Arc<Shared<T>>,
    reader: usize,
    /// How many items this reader is done with.
    head: u64,
    /// How many were published at the last look.
    tail: u64,
}

impl<T: Item> Consumer<T> {
    pub(crate) fn new(shared: Arc<Shared<T>>, reader: usize) -> Self {
        Self { shared, reader, head: 0, tail: 0 }
    }

    /// The next item, if there is one.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        if self.head == self.tail {
            self.tail = self.shared.tail();
            if self.head == self.tail {
                self.shared.slots.fetch(self.head);
                return None;
            }
        }
        // SAFETY: `head` is below `tail`, which was acquired, and is left only below.
        let item = unsafe { self.shared.slots.read(self.head, |item| *item) };
        self.head += 1;
        self.shared.leave(self.reader, self.head);
        Some(item)
    }

    /// The next item, for which it waits; `None` when there is none and the writer is gone.
    #[inline]
    pub fn pop_or_wait(&mut self) -> Option<T> {
        loop {
            match self.pop() {
                None if self.wait() => {}
                next => return next,
            }
        }
    }

    /// Shows up to `max` items in turn where they lie, each with whether it is the last of this
    /// batch, and leaves them all at once. Returns how many. What an item leads to that need not be
    /// done for each (to flush, to publish) is done at the end of the batch.
    ///
    /// The writer gets the room back only then: `max` bounds how long a batch is in its way.
    #[inline]
    pub fn drain(&mut self, max: usize, mut each: impl FnMut(&T, bool)) -> usize {
        if self.tail - self.head < max as u64 {
            self.tail = self.shared.tail();
        }
        let count = (self.tail - self.head).min(max as u64);
        let end = self.head + count;
        for position in self.head..end {
            // SAFETY: the position is below `tail`, which was acquired, and is left only below.
            unsafe { self.shared.slots.read(position, |item| each(item, position + 1 == end)) };
        }
        if count > 0 {
            self.head = end;
            self.shared.leave(self.reader, end);
        }
        count as usize
    }

    /// Waits until there is an item. False when there is none and the writer is gone.
    #[inline]
    pub fn wait(&mut self) -> bool {
        let (shared, head) = (&self.shared, self.head);
        if self.tail == head {
            shared.items.wait_until(|| {
                shared.slots.fetch(head);
                shared.tail() != head || shared.is_writer_gone()
            });
            self.tail = shared.tail();
        }
        self.tail != head
    }

    /// The bell that the writer rings when there are items.
    pub fn bell(&self) -> &Arc<Bell> {
        &self.shared.items
    }

    /// Whether the writer is gone. There may still be items.
    pub fn is_closed(&self) -> bool {
        self.shared.is_writer_gone()
    }

    /// How many items there are for this reader.
    pub fn len(&self) -> usize {
        (self.shared.tail() - self.head) as usize
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items the ring can hold.
    pub fn capacity(&self) -> usize {
        self.shared.slots.capacity() as usize
    }

    /// Items that the writer could not put into this ring: for a lossy reader, those that it lost.
    pub fn refused(&self) -> u64 {
        self.shared.refused()
    }
}

impl<T: Item> Drop for Consumer<T> {
    fn drop(&mut self) {
        self.shared.reader_leaves(self.reader);
    }
}
