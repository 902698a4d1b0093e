//! Reservations as state. Their places have numbers that others name, and are kept; the table of
//! ids is worked out anew.

use qt_engine::snapshot::{Reader, SnapshotError, Stored, Writer};
use qt_engine::values;
use qt_types::OrderId;

use super::{NONE, Reservation, Reservations};

values!(Reservation);

impl Stored for Reservations {
    fn save(&self, to: &mut Writer<'_>) {
        let Self { places, places_max, left, map: _, mask: _ } = self;
        to.same(places_max);
        places.save(to);
        left.save(to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        from.same("the most orders of the gate", &self.places_max)?;
        self.places.load(from)?;
        self.left.load(from)?;
        self.map.fill((OrderId::NONE, NONE));
        let mut is_left = vec![false; self.places.len()];
        for &place in &self.left {
            let known = is_left.get_mut(place as usize).ok_or(SnapshotError::Damaged)?;
            if std::mem::replace(known, true) {
                return Err(SnapshotError::Damaged);
            }
        }
        let is_place = |place: u32| place == NONE || (place as usize) < is_left.len();
        if !self.places.iter().all(|known| is_place(known.before) && is_place(known.after)) {
            return Err(SnapshotError::Damaged);
        }
        for place in 0..self.end() {
            let order = self.at(place).order;
            if !is_left[place as usize] && !order.is_none() {
                self.name(place, order);
            }
        }
        Ok(())
    }
}

impl Reservations {
    /// Whether `place` is none, or one that there is.
    pub(crate) const fn is_place(&self, place: u32) -> bool {
        place == NONE || (place as usize) < self.places.len()
    }
}
