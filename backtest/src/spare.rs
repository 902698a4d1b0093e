//! Lists whose memory the next run of the thread gets. A sweep makes one run after another, and
//! memory that is new to the process costs more, page by page, than what is put into it.

use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::thread::LocalKey;

use crate::execution::{OrderRecord, Rest};
use crate::recorder::Fill;

/// How many lists of one kind a thread keeps, and how large they may be.
const SPARES_MAX: usize = 4;
const SPARE_BYTES_MAX: usize = 64 << 20;

/// What a thread keeps of lists that are done with.
pub type Spares<T> = RefCell<Vec<Vec<T>>>;

/// What there are such lists of.
pub trait Spared: Sized + 'static {
    /// Those of this thread.
    fn spares() -> &'static LocalKey<Spares<Self>>;
}

macro_rules! spared {
    ($($item:ty),+) => {
        $(impl Spared for $item {
            fn spares() -> &'static LocalKey<Spares<Self>> {
                thread_local! {
                    static SPARES: Spares<$item> = const { RefCell::new(Vec::new()) };
                }
                &SPARES
            }
        })+
    };
}

spared!(i64, Fill, OrderRecord, Rest);

/// A list that leaves its memory to the thread when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct SpareList<T: Spared>(Vec<T>);

impl<T: Spared> SpareList<T> {
    /// An empty list with room for `room`, in the memory of an earlier one where there is one.
    #[must_use]
    pub fn with_capacity(room: usize) -> Self {
        let fitting = T::spares().with_borrow_mut(|spares| {
            let at = spares.iter().position(|spare| spare.capacity() >= room)?;
            Some(spares.swap_remove(at))
        });
        Self(fitting.unwrap_or_else(|| Vec::with_capacity(room)))
    }
}

impl<T: Spared> Drop for SpareList<T> {
    fn drop(&mut self) {
        let mut list = std::mem::take(&mut self.0);
        if list.capacity() == 0 || list.capacity() > SPARE_BYTES_MAX / size_of::<T>() {
            return;
        }
        list.clear();
        // While the thread ends there is nothing left to keep it in.
        let _ = T::spares().try_with(|spares| {
            let mut spares = spares.borrow_mut();
            if spares.len() < SPARES_MAX {
                spares.push(list);
            }
        });
    }
}

impl<T: Spared> Default for SpareList<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Spared> Deref for SpareList<T> {
    type Target = Vec<T>;

    #[inline]
    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T: Spared> DerefMut for SpareList<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

impl<'a, T: Spared> IntoIterator for &'a SpareList<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: Spared + fmt::Debug> fmt::Debug for SpareList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_list_has_the_memory_of_the_last_one_and_nothing_else_of_it() {
        let mut list = SpareList::<i64>::with_capacity(100);
        list.extend(0..100);
        let memory = list.as_ptr();
        drop(list);
        // One that is too small for what is wanted stays where it is.
        assert_ne!(SpareList::<i64>::with_capacity(1 << 20).as_ptr(), memory);
        let next = SpareList::<i64>::with_capacity(10);
        assert!(next.is_empty() && next.capacity() >= 10);
        assert_eq!(next.as_ptr(), memory);
    }
}
