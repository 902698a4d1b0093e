//! Where a stage puts its outputs.

mod stored;

/// Anything that takes items: a ring's producer, a bounded list, a `Vec`.
pub trait Sink<T> {
    /// Takes `item`; `false` when there was no room and the item was dropped.
    fn push(&mut self, item: T) -> bool;
}

impl<T> Sink<T> for Vec<T> {
    fn push(&mut self, item: T) -> bool {
        Vec::push(self, item);
        true
    }
}

/// A list whose memory is taken once. What does not fit is dropped and counted, never grown
/// into.
#[derive(Debug, Clone)]
pub struct Bounded<T> {
    items: Vec<T>,
    items_max: usize,
    /// [`Self::items_max`] while the items are lent.
    lent_max: usize,
    dropped: u64,
}

impl<T: Copy> Bounded<T> {
    /// An empty list for at most `items_max` items.
    #[must_use]
    pub fn new(items_max: usize) -> Self {
        Self { items: Vec::with_capacity(items_max), items_max, lent_max: 0, dropped: 0 }
    }

    /// The items, oldest first.
    #[must_use]
    #[inline]
    pub fn as_slice(&self) -> &[T] {
        &self.items
    }

    /// The item at `index`, by value.
    #[must_use]
    #[inline]
    pub fn get(&self, index: usize) -> Option<T> {
        self.items.get(index).copied()
    }

    /// How many items there are.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The items in a list of their own, until they are taken back; this one is empty and has no
    /// room until then.
    #[inline]
    pub(crate) fn lend(&mut self) -> Vec<T> {
        self.lent_max = std::mem::take(&mut self.items_max);
        std::mem::take(&mut self.items)
    }

    /// Takes back what was lent.
    #[inline]
    pub(crate) fn take_back(&mut self, items: Vec<T>) {
        self.items_max = std::mem::take(&mut self.lent_max);
        self.items = items;
    }

    /// Forgets the items, keeps the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.items.clear();
    }

    /// Takes the last item off where `is_it` says so.
    pub(crate) fn pop_if(&mut self, is_it: impl Fn(&T) -> bool) {
        self.items.pop_if(|item| is_it(item));
    }

    /// How many items were dropped for want of room since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl<T: Copy> Sink<T> for Bounded<T> {
    #[inline]
    fn push(&mut self, item: T) -> bool {
        if self.items.len() == self.items_max {
            self.dropped += 1;
            return false;
        }
        self.items.push(item);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounded_list_drops_and_counts() {
        let mut list = Bounded::new(2);
        assert!(list.push(1) && list.push(2) && !list.push(3));
        assert_eq!((list.as_slice(), list.dropped()), (&[1, 2][..], 1));
        list.clear();
        assert!(list.is_empty() && list.push(4));
        let lent = list.lend();
        assert!(!list.push(5) && list.is_empty(), "it has no room now");
        list.take_back(lent);
        assert_eq!((list.as_slice(), list.dropped()), (&[4][..], 2));
    }
}
