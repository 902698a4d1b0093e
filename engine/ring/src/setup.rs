//! Making rings: how many items, how many readers, how the ends wait.

use thiserror::Error;

use crate::bell::{Bell, Wait};
use crate::consumer::Consumer;
use crate::producer::Producer;
use crate::shared::Shared;
use crate::sync::Arc;

/// The most bytes that an item may have: two lines of memory.
pub const ITEM_BYTES_MAX: usize = 128;
/// The most bytes that the slots of one ring may have.
pub const RING_BYTES_MAX: usize = 1 << 30;
/// The most readers of one ring: the writer looks at each when the ring seems full.
pub const READERS_MAX: usize = 16;

/// What can go through a ring: plain values of at most [`ITEM_BYTES_MAX`] bytes. Larger ones do not
/// compile:
///
/// ```compile_fail
/// use qt_ring::{Setup, Wait, spsc};
/// let ring = spsc::<[u64; 17]>(&Setup::new(8, Wait::Spin));
/// ```
pub trait Item: Copy + Send + Sync + 'static {}

impl<T: Copy + Send + Sync + 'static> Item for T {}

/// Why a ring cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SetupError {
    /// A ring for nothing.
    #[error("a ring needs room for at least 1 item; 1024 is a usual size")]
    Empty,
    /// The place of an item is its number modulo the size, by a mask.
    #[error("the size of a ring is a power of two: {asked} is none; use {below} or {above}")]
    NotPowerOfTwo {
        /// What was asked for, in items.
        asked: usize,
        /// The next smaller size.
        below: usize,
        /// The next larger size.
        above: usize,
    },
    /// The slots would take more memory than a ring may have.
    #[error(
        "a ring of {asked} items of {item_bytes} bytes is larger than {RING_BYTES_MAX} bytes; \
         use at most {most}"
    )]
    TooLarge {
        /// What was asked for, in items.
        asked: usize,
        /// The size of one item.
        item_bytes: usize,
        /// The largest size for such items.
        most: usize,
    },
    /// A number of readers that a ring cannot have.
    #[error("a ring has 1 to {READERS_MAX} readers, not {asked}")]
    Readers {
        /// What was asked for.
        asked: usize,
    },
}

/// What a ring is to be like.
#[derive(Clone, Debug)]
pub struct Setup {
    capacity: usize,
    items: Arc<Bell>,
    room: Arc<Bell>,
}

impl Setup {
    /// Room for `capacity` items, a power of two; both ends wait in this way.
    pub fn new(capacity: usize, wait: Wait) -> Self {
        let bell = || Arc::new(Bell::new(wait));
        Self { capacity, items: bell(), room: bell() }
    }

    /// Readers wait at this bell, which may be that of other rings, too: a thread that reads
    /// several rings waits for all of them at once by [`Bell::wait_until`].
    #[must_use]
    pub fn items_at(mut self, bell: &Arc<Bell>) -> Self {
        self.items = Arc::clone(bell);
        self
    }

    /// The writer waits for room at this bell.
    #[must_use]
    pub fn room_at(mut self, bell: &Arc<Bell>) -> Self {
        self.room = Arc::clone(bell);
        self
    }

    pub(crate) fn shared<T: Item>(&self, readers: usize) -> Result<Arc<Shared<T>>, SetupError> {
        if !(1..=READERS_MAX).contains(&readers) {
            return Err(SetupError::Readers { asked: readers });
        }
        check::<T>(self.capacity)?;
        let (items, room) = (Arc::clone(&self.items), Arc::clone(&self.room));
        Ok(Arc::new(Shared::new(self.capacity, readers, items, room)))
    }
}

fn check<T>(asked: usize) -> Result<(), SetupError> {
    let item_bytes = size_of::<T>().max(1);
    // The largest power of two that fits.
    let most = 1 << (RING_BYTES_MAX / item_bytes).ilog2();
    if asked == 0 {
        return Err(SetupError::Empty);
    }
    if asked > most {
        return Err(SetupError::TooLarge { asked, item_bytes, most });
    }
    if !asked.is_power_of_two() {
        let above = asked.next_power_of_two();
        return Err(SetupError::NotPowerOfTwo { asked, below: above / 2, above });
    }
    Ok(())
}

/// A ring between one writer and one reader.
///
/// # Errors
/// When there is no such ring: see [`SetupError`].
pub fn spsc<T: Item>(setup: &Setup) -> Result<(Producer<T>, Consumer<T>), SetupError> {
    let shared = setup.shared(1)?;
    Ok((Producer::new(Arc::clone(&shared)), Consumer::new(shared, 0)))
}

/// A ring between one writer and several readers, each of which gets every item. The slowest one
/// decides how far the writer may go; one that is dropped is no more in its way.
/// [`Producer::add_lossy`] adds readers that never are.
///
/// # Errors
/// When there is no such ring: see [`SetupError`].
pub fn broadcast<T: Item>(
    setup: &Setup,
    readers: usize,
) -> Result<(Producer<T>, Vec<Consumer<T>>), SetupError> {
    let shared = setup.shared(readers)?;
    let consumers = (0..readers).map(|reader| Consumer::new(Arc::clone(&shared), reader));
    let consumers = consumers.collect();
    Ok((Producer::new(shared), consumers))
}
