//! One price of a book: a queue of orders, with the market's own quantity between them.

use std::collections::BTreeMap;

use super::units::Qty;

/// What is next in the queue of a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Front {
    /// So much of the market's own.
    Market(i128),
    /// This order.
    Order(u64),
}

/// The queue of a price.
///
/// What the market has here lies in front of all orders (`head`) or behind some of them
/// (`behind`, by when it came). Every change costs the logarithm of what is there.
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    head: i128,
    behind: BTreeMap<u64, i128>,
    orders: BTreeMap<u64, u64>,
    /// All of the market's own.
    market: i128,
    /// What can be seen of all orders.
    shown: i128,
}

impl Level {
    /// What can be seen here.
    pub(super) fn visible(&self) -> Qty {
        Qty::try_from(self.market + self.shown).unwrap_or(Qty::MAX)
    }

    /// Whether nothing is here.
    pub(super) fn is_empty(&self) -> bool {
        self.market == 0 && self.orders.is_empty()
    }

    /// What the market has here.
    pub(super) const fn market(&self) -> i128 {
        self.market
    }

    /// What is next.
    pub(super) fn front(&self) -> Option<Front> {
        if self.head > 0 {
            return Some(Front::Market(self.head));
        }
        match (self.behind.first_key_value(), self.orders.first_key_value()) {
            (Some((at, qty)), Some((first, _))) if at < first => Some(Front::Market(*qty)),
            (Some((_, qty)), None) => Some(Front::Market(*qty)),
            (_, Some((_, order))) => Some(Front::Order(*order)),
            (None, None) => None,
        }
    }

    /// The first order, whatever the market has in front of it.
    pub(super) fn first_order(&self) -> Option<u64> {
        self.orders.first_key_value().map(|(_, order)| *order)
    }

    /// The queue, from its front.
    pub(super) fn queue(&self) -> impl Iterator<Item = Front> + '_ {
        let mut head = (self.head > 0).then_some(Front::Market(self.head));
        let mut behind = self.behind.iter().peekable();
        let mut orders = self.orders.iter().peekable();
        std::iter::from_fn(move || {
            if head.is_some() {
                return head.take();
            }
            let is_market = match (behind.peek(), orders.peek()) {
                (Some((market, _)), Some((order, _))) => market < order,
                (market, _) => market.is_some(),
            };
            if is_market {
                behind.next().map(|(_, qty)| Front::Market(*qty))
            } else {
                orders.next().map(|(_, order)| Front::Order(*order))
            }
        })
    }

    /// Whether orders are here.
    pub(super) fn has_orders(&self) -> bool {
        !self.orders.is_empty()
    }

    /// Takes `qty` of the market's own that is in front; there must be so much.
    pub(super) fn take_market(&mut self, qty: i128) {
        self.market -= qty;
        if self.head > 0 {
            self.head -= qty;
        } else if let Some(mut first) = self.behind.first_entry() {
            *first.get_mut() -= qty;
            if *first.get() == 0 {
                first.remove();
            }
        }
    }

    /// The market has `qty` more here, behind everything.
    pub(super) fn add_market(&mut self, at: u64, qty: i128) {
        self.market += qty;
        let last_order = self.orders.last_key_value().map(|(at, _)| *at);
        let Some(last_order) = last_order else {
            self.head += qty;
            return;
        };
        let last = self.behind.last_key_value().map(|(at, _)| *at);
        let place = last.filter(|last| *last > last_order).unwrap_or(at);
        *self.behind.entry(place).or_default() += qty;
    }

    /// The market takes back `qty`, the last that came first; at most all it has.
    pub(super) fn drop_market(&mut self, qty: i128) {
        let mut left = qty.min(self.market);
        self.market -= left;
        while left > 0 {
            let Some(mut last) = self.behind.last_entry() else {
                self.head -= left;
                return;
            };
            let part = left.min(*last.get());
            *last.get_mut() -= part;
            if *last.get() == 0 {
                last.remove();
            }
            left -= part;
        }
    }

    /// An order joins at the end of the queue.
    pub(super) fn join(&mut self, at: u64, order: u64, shown: Qty) {
        self.orders.insert(at, order);
        self.shown += i128::from(shown);
    }

    /// An order leaves from the place `at`; so much of it could be seen.
    pub(super) fn leave(&mut self, at: u64, shown: Qty) {
        if self.orders.remove(&at).is_none() {
            return;
        }
        self.shown -= i128::from(shown);
        self.merge(at);
    }

    /// What can be seen of an order changes by `by`.
    pub(super) fn show(&mut self, by: Qty) {
        self.shown += i128::from(by);
    }

    /// Puts together what the market has on both sides of the place `at`, where no order is left.
    fn merge(&mut self, at: u64) {
        if self.behind.is_empty() {
            return;
        }
        let before = self.behind.range(..at).next_back().map(|(at, _)| *at);
        let after = self.behind.range(at..).next().map(|(at, _)| *at);
        let Some(after) = after else { return };
        let from = before.unwrap_or(0);
        if self.orders.range(from..after).next().is_some() {
            return;
        }
        let Some(qty) = self.behind.remove(&after) else { return };
        match before {
            Some(before) => *self.behind.entry(before).or_default() += qty,
            None => self.head += qty,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(level: &Level) -> Vec<Front> {
        level.queue().collect()
    }

    #[test]
    fn the_market_stands_between_the_orders() {
        let mut level = Level::default();
        level.add_market(1, 10);
        level.join(2, 100, 5);
        level.add_market(3, 7);
        level.add_market(4, 1);
        level.join(5, 101, 5);
        assert_eq!(level.visible(), 28);
        let wanted = [Front::Market(10), Front::Order(100), Front::Market(8), Front::Order(101)];
        assert_eq!(queue(&level), wanted);
        level.drop_market(9);
        let wanted = [Front::Market(9), Front::Order(100), Front::Order(101)];
        assert_eq!(queue(&level), wanted);
        level.take_market(9);
        assert_eq!(level.front(), Some(Front::Order(100)));
        level.leave(2, 5);
        assert_eq!((level.front(), level.visible()), (Some(Front::Order(101)), 5));
    }

    #[test]
    fn what_the_market_has_does_not_fall_into_pieces() {
        let mut level = Level::default();
        level.join(1, 7, 1);
        for at in 1..1_000_u64 {
            level.join(10 * at, at, 1);
            level.add_market(10 * at + 1, 1);
            level.leave(10 * at, 1);
        }
        assert_eq!(queue(&level), [Front::Order(7), Front::Market(999)]);
        level.leave(1, 1);
        assert_eq!(queue(&level), [Front::Market(999)]);
    }
}
