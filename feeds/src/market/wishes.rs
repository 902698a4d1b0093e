//! What is asked of a feed from outside, by any thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// See the module. Each wish is heard once, however often it was said by then.
#[derive(Clone, Debug, Default)]
pub struct Wishes(Arc<Inside>);

#[derive(Debug, Default)]
struct Inside {
    listings: AtomicBool,
    books: AtomicBool,
}

impl Wishes {
    /// The venue is to be asked what it lists: something speaks against what is known.
    pub fn listings(&self) {
        self.0.listings.store(true, Ordering::Release);
    }

    /// Every book is to be asked for once more, for whoever records: nothing is told of it.
    pub fn books(&self) {
        self.0.books.store(true, Ordering::Release);
    }

    pub(crate) fn take_listings(&self) -> bool {
        self.0.listings.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn take_books(&self) -> bool {
        self.0.books.swap(false, Ordering::AcqRel)
    }
}
