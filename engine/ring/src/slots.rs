//! The memory of a ring.
#![allow(unsafe_code, reason = "the slots' contract, which the compiler cannot see")]

use std::fmt;
use std::mem::MaybeUninit;

use crate::setup::{ITEM_BYTES_MAX, Item};
use crate::sync::UnsafeCell;

/// Slots for a power of two of items. Position `p` is in slot `p mod capacity`.
///
/// Who may touch which slot when is the rings' own contract: the writer only positions that every
/// reader has left, a reader only positions that were published to it (`shared.rs`).
pub struct Slots<T> {
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
    mask: u64,
}
// SAFETY: items are plain values (`Item`: Copy, Send, Sync, no destructor), and the accesses of
// several threads to one slot are ordered by the rings' positions: see `read` and `write`.
unsafe impl<T: Item> Sync for Slots<T> {}

impl<T> fmt::Debug for Slots<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} slots", self.slots.len())
    }
}

impl<T: Item> Slots<T> {
    /// `capacity` slots, a power of two. All memory is there when this returns: no page of it is
    /// missing when the first item comes.
    pub fn new(capacity: usize) -> Self {
        const {
            assert!(size_of::<T>() >= 1, "a ring of items without content counts nothing");
            assert!(
                size_of::<T>() <= ITEM_BYTES_MAX,
                "items are copied in and out: keep them small"
            );
        }
        let slots = (0..capacity).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect();
        let new = Self { slots, mask: capacity as u64 - 1 };
        new.slots.iter().for_each(touch);
        new
    }

    /// How many slots there are.
    #[inline(always)]
    pub fn capacity(&self) -> u64 {
        self.mask + 1
    }

    #[inline(always)]
    fn slot(&self, position: u64) -> &UnsafeCell<MaybeUninit<T>> {
        // SAFETY: there are `mask + 1` slots (`new`), so that the masked index is one of them.
        unsafe { self.slots.get_unchecked((position & self.mask) as usize) }
    }

    /// Fetches the slot of `position` while its reader waits for it to be published. The reader
    /// then has the item soon after the news of it, and not a second trip between the cores later.
    #[inline(always)]
    pub fn fetch(&self, position: u64) {
        #[cfg(all(target_arch = "x86_64", not(miri), not(loom)))]
        self.slot(position).with(|slot| {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            for line in (0..size_of::<T>()).step_by(LINE_BYTES) {
                // SAFETY: a prefetch of any address is harmless, and this one is in the slot.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(slot.cast::<i8>().add(line)) };
            }
        });
        #[cfg(not(all(target_arch = "x86_64", not(miri), not(loom))))]
        let _ = position;
    }

    /// Puts an item at `position`.
    ///
    /// # Safety
    /// Only the writer of the ring calls this, for a position that is not published, after it has
    /// acquired from every reader that it has left `position - capacity`.
    #[inline(always)]
    pub unsafe fn write(&self, position: u64, item: T) {
        // SAFETY: nobody else has access to this slot: readers have left its old position, and do
        // not know the new one before it is published.
        self.slot(position).with_mut(|slot| unsafe { (*slot).write(item) });
    }

    /// Shows the item at `position` to `look`.
    ///
    /// # Safety
    /// The position was published and acquired by this reader, which has not left it.
    #[inline(always)]
    pub unsafe fn read<R>(&self, position: u64, look: impl FnOnce(&T) -> R) -> R {
        // SAFETY: the writer has filled the slot before it published the position, and does not
        // touch it again before this reader has left it; other readers only read.
        self.slot(position).with(|slot| look(unsafe { (*slot).assume_init_ref() }))
    }
}

/// Bytes of one line of memory.
#[cfg(all(target_arch = "x86_64", not(miri), not(loom)))]
const LINE_BYTES: usize = 64;

/// Makes the system give the page of a slot now. A volatile write cannot be left out.
fn touch<T>(slot: &UnsafeCell<MaybeUninit<T>>) {
    // SAFETY: the slot is at least one byte long (`new`), and nobody else knows it yet.
    slot.with_mut(|slot| unsafe { slot.cast::<u8>().write_volatile(0) });
}
