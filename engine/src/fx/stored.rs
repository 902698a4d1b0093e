//! Rates as state: those that events tell. The others are configuration.

use super::{RateSource, Rates};
use crate::snapshot::{Reader, SnapshotError, Stored, Writer};

impl Stored for Rates {
    fn save(&self, to: &mut Writer<'_>) {
        to.same(&self.age_max_ns);
        to.list(self.sources.iter());
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        from.same("the most age of a rate in ns", &self.age_max_ns)?;
        from.same("the number of currencies beside the account's", &self.sources.len())?;
        for here in &mut self.sources {
            let saved: RateSource = from.take()?;
            if saved.untold() != here.untold() {
                return Err(SnapshotError::differs("the rate of a currency", saved, *here));
            }
            *here = saved;
        }
        Ok(())
    }
}
