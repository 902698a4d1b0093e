//! What every open order holds of the limits: taken on approval, given back with fills and ends.

mod stored;

use qt_types::{InstrumentId, OrderId, Side};
use serde::{Deserialize, Serialize};

use crate::foreign::is_foreign;

/// No place in a table.
pub(crate) const NONE: u32 = u32::MAX;

/// One open order, or one that was approved and not sent yet.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Reservation {
    pub(crate) order: OrderId,
    /// The strategy that it is for.
    pub(crate) strategy: u16,
    pub(crate) instrument: InstrumentId,
    pub(crate) side: Side,
    /// It can only make a position smaller, so it takes nothing but its place.
    pub(crate) reduce_only: bool,
    pub(crate) unknown: bool,
    /// Open lots, and the worst price in ticks that they count at.
    pub(crate) lots: i64,
    pub(crate) worst: i64,
    /// What a change that was not answered yet asks for; zero lots for none.
    pub(crate) asked_lots: i64,
    pub(crate) asked_worst: i64,
    /// How many changes were not answered yet.
    pub(crate) asked: u32,
    /// The larger of the two quantities.
    pub(crate) open_lots: i64,
    /// What is taken of the limits now: nothing where it is reduce-only.
    pub(crate) held_lots: i64,
    pub(crate) held_notional: i128,
    /// The limit price that it rests at, in ticks; zero for none.
    pub(crate) resting: i64,
    pub(crate) asked_resting: i64,
    /// Neighbours among the resting orders of the same tenant, instrument and side.
    pub(crate) before: u32,
    pub(crate) after: u32,
    /// The parent order that it works for.
    pub(crate) parent: u32,
    /// Twice the reference price when it was approved, in ticks; zero for none.
    pub(crate) reference_x2: i64,
}

/// Whose limits it holds, and on which side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder {
    pub(crate) strategy: u16,
    pub(crate) instrument: InstrumentId,
    pub(crate) side: Side,
    pub(crate) reduce_only: bool,
    /// An order of somebody else: it is no strategy's.
    pub(crate) is_foreign: bool,
}

impl Reservation {
    /// See [`Holder`].
    #[inline(always)]
    pub(crate) const fn holder(&self) -> Holder {
        let Self { order, strategy, instrument, side, reduce_only, .. } = *self;
        Holder { strategy, instrument, side, reduce_only, is_foreign: is_foreign(order) }
    }

    /// One that holds nothing yet.
    pub(crate) const fn empty(strategy: u16, instrument: InstrumentId, side: Side) -> Self {
        Self {
            order: OrderId::NONE,
            strategy,
            instrument,
            side,
            reduce_only: false,
            unknown: false,
            lots: 0,
            worst: 0,
            asked_lots: 0,
            asked_worst: 0,
            asked: 0,
            open_lots: 0,
            held_lots: 0,
            held_notional: 0,
            resting: 0,
            asked_resting: 0,
            before: NONE,
            after: NONE,
            parent: NONE,
            reference_x2: 0,
        }
    }
}

/// The reservations: places in memory that is taken once, found by order id. The map is a plain
/// table with linear probing whose entries nobody iterates over.
#[derive(Clone, Debug)]
pub(crate) struct Reservations {
    places: Vec<Reservation>,
    /// How many there may be: a copy of the list has less room than the list.
    places_max: usize,
    left: Vec<u32>,
    map: Vec<(OrderId, u32)>,
    mask: usize,
}

impl Reservations {
    /// Room for `orders_max`.
    pub(crate) fn new(orders_max: usize) -> Self {
        let orders_max = orders_max.max(1);
        // At most a quarter full: a look-up ends after one or two steps.
        let slots = (orders_max * 4).next_power_of_two();
        Self {
            places: Vec::with_capacity(orders_max),
            places_max: orders_max,
            left: Vec::with_capacity(orders_max),
            map: vec![(OrderId::NONE, NONE); slots],
            mask: slots - 1,
        }
    }

    /// How many more there may be.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.places_max - self.places.len() + self.left.len()
    }

    /// Takes a place; `None` where there is none left.
    #[inline(always)]
    pub(crate) fn insert(&mut self, reservation: Reservation) -> Option<u32> {
        let place = match self.left.pop() {
            Some(place) => place,
            None => self.another()?,
        };
        self.places[place as usize] = reservation;
        Some(place)
    }

    /// A place that was never taken.
    #[cold]
    fn another(&mut self) -> Option<u32> {
        if self.places.len() == self.places_max {
            return None;
        }
        self.places.push(Reservation::empty(0, InstrumentId(0), Side::Buy));
        Some((self.places.len() - 1) as u32)
    }

    /// Places are below this.
    pub(crate) const fn end(&self) -> u32 {
        self.places.len() as u32
    }

    /// Whether the place is taken.
    pub(crate) fn is_taken(&self, place: u32) -> bool {
        !self.left.contains(&place)
    }

    /// The reservation at `place`.
    #[inline]
    pub(crate) fn at(&self, place: u32) -> &Reservation {
        &self.places[place as usize]
    }

    /// The same, to be changed.
    #[inline]
    pub(crate) fn at_mut(&mut self, place: u32) -> &mut Reservation {
        &mut self.places[place as usize]
    }

    #[inline]
    fn home(&self, order: OrderId) -> usize {
        // Ids follow each other, and so do their places: near in time is near in memory.
        order.get() as usize & self.mask
    }

    /// Where `order` is.
    #[inline]
    pub(crate) fn find(&self, order: OrderId) -> Option<u32> {
        let mut at = self.home(order);
        loop {
            match self.map[at] {
                (_, NONE) => return None,
                (known, place) if known == order => return Some(place),
                _ => at = (at + 1) & self.mask,
            }
        }
    }

    /// Gives the reservation at `place` the id `order`.
    pub(crate) fn name(&mut self, place: u32, order: OrderId) {
        self.places[place as usize].order = order;
        let mut at = self.home(order);
        while self.map[at].1 != NONE {
            at = (at + 1) & self.mask;
        }
        self.map[at] = (order, place);
    }

    /// Gives the place back.
    pub(crate) fn remove(&mut self, place: u32) {
        let order = self.places[place as usize].order;
        self.left.push(place);
        if order.is_none() {
            return;
        }
        let mut hole = self.home(order);
        while self.map[hole].1 != place {
            hole = (hole + 1) & self.mask;
        }
        // What was pushed on by the one that goes moves back.
        let mut at = hole;
        loop {
            at = (at + 1) & self.mask;
            let (known, moved) = self.map[at];
            if moved == NONE {
                break;
            }
            let wanted = self.home(known);
            if (at.wrapping_sub(wanted) & self.mask) >= (at.wrapping_sub(hole) & self.mask) {
                self.map[hole] = (known, moved);
                hole = at;
            }
        }
        self.map[hole] = (OrderId::NONE, NONE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lots: i64) -> Reservation {
        Reservation { lots, ..Reservation::empty(0, InstrumentId(0), Side::Buy) }
    }

    #[test]
    fn places_are_found_and_given_back() {
        let mut table = Reservations::new(50);
        let mut known = std::collections::BTreeMap::new();
        let mut state = 7_u64;
        for step in 1..20_000_u64 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            let id = OrderId::new((state >> 60) as u16, step);
            if known.len() == 50 || (state >> 40).is_multiple_of(3) {
                let nth = (state >> 33) as usize % known.len().max(1);
                if let Some((&id, _)) = known.iter().nth(nth) {
                    table.remove(table.find(id).unwrap());
                    known.remove(&id);
                }
            } else {
                let place = table.insert(of(step as i64)).unwrap();
                table.name(place, id);
                known.insert(id, step as i64);
            }
            assert_eq!(table.room(), 50 - known.len());
            for (&id, &lots) in &known {
                assert_eq!(table.at(table.find(id).unwrap()).lots, lots);
            }
        }
        assert_eq!(table.find(OrderId::new(99, 1)), None);
    }
}
