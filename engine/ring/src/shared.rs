//! What the two ends of a ring share: the positions, and the contract over them.
//!
//! A position counts the items since the start; with 64 bits it never comes round. The writer
//! publishes with a release store of `tail` after it has filled the slots; a reader's acquire load
//! of `tail` therefore sees them filled. A reader leaves positions with a release store of its
//! `head` after it has read them; the writer's acquire load of all heads therefore comes after
//! these reads, and the slots may be filled again. Each end keeps the other's position as it was
//! last seen, and looks again only when that is used up: a line of memory moves between the cores
//! once in a while and not with every item.

use crossbeam_utils::CachePadded;

use crate::bell::Bell;
use crate::setup::Item;
use crate::slots::Slots;
use crate::sync::{Arc, AtomicBool, AtomicU64, Ordering};

/// The head of a reader that is no more.
const GONE: u64 = u64::MAX;

#[derive(Debug)]
pub struct Shared<T> {
    pub slots: Slots<T>,
    /// Rung by the writer when there are items, or no more of them ever.
    pub items: Arc<Bell>,
    /// Rung by readers when there is room, or one of them is gone.
    pub room: Arc<Bell>,
    /// How many items were published. Written by the writer.
    tail: CachePadded<AtomicU64>,
    /// How many items each reader is done with. Each written by its reader.
    heads: Box<[CachePadded<AtomicU64>]>,
    /// Items that the writer could not put in. Written by the writer.
    refused: CachePadded<AtomicU64>,
    is_writer_gone: AtomicBool,
}

impl<T: Item> Shared<T> {
    pub fn new(capacity: usize, readers: usize, items: Arc<Bell>, room: Arc<Bell>) -> Self {
        let zero = || CachePadded::new(AtomicU64::new(0));
        Self {
            slots: Slots::new(capacity),
            items,
            room,
            tail: zero(),
            heads: (0..readers).map(|_| zero()).collect(),
            refused: zero(),
            is_writer_gone: AtomicBool::new(false),
        }
    }

    /// Writer: all items below `tail` are there.
    #[inline(always)]
    pub fn publish(&self, tail: u64) {
        self.tail.store(tail, Ordering::Release);
        self.items.ring();
    }

    /// Reader: the items below this are there.
    #[inline(always)]
    pub fn tail(&self) -> u64 {
        self.tail.load(Ordering::Acquire)
    }

    /// Reader: is done with all items below `head`.
    #[inline(always)]
    pub fn leave(&self, reader: usize, head: u64) {
        if let Some(mine) = self.heads.get(reader) {
            mine.store(head, Ordering::Release);
        }
        self.room.ring();
    }

    /// Writer: every reader is done with all items below this; `None` when all readers are gone.
    #[inline]
    pub fn slowest(&self) -> Option<u64> {
        let heads = self.heads.iter().map(|head| head.load(Ordering::Acquire));
        heads.min().filter(|head| *head != GONE)
    }

    /// Reader: will read no more, and is in nobody's way.
    pub fn reader_leaves(&self, reader: usize) {
        self.leave(reader, GONE);
    }

    /// Writer: will write no more.
    pub fn writer_leaves(&self) {
        self.is_writer_gone.store(true, Ordering::Release);
        self.items.ring();
    }

    /// Reader: whether the writer is gone. What it published before is seen by a later look at
    /// `tail`.
    #[inline]
    pub fn is_writer_gone(&self) -> bool {
        self.is_writer_gone.load(Ordering::Acquire)
    }

    /// Writer: could not put in `items`.
    #[cold]
    pub fn refuse(&self, items: u64) {
        // One thread writes this, so that no item is lost between the two.
        let before = self.refused.load(Ordering::Relaxed);
        self.refused.store(before.saturating_add(items), Ordering::Relaxed);
    }

    /// Items that could not be put in.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}
