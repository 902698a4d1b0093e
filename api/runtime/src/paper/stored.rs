//! A session on paper as state: the driver, and the venue with what it tells when it is asked.
//! Reports on their way are left out: after a start the venue is asked.

use qt_engine::snapshot::{Reader, Stored, Writer, read, write};
use qt_engine::{Gate, SnapshotError, VenueOrder};
use qt_types::OrderId;

use super::records::Records;
use super::session::PaperSession;
use crate::states::State;

/// The parts of a state that are a session's.
const PIPELINE: &str = "pipeline";
const DRIVER: &str = "driver";
const VENUE: &str = "venue";
/// The format of what is the venue's and the driver's own. It goes up when an older program could
/// not read what is written, or would read something else from it.
const FORMAT: u16 = 1;

impl<G: Gate> PaperSession<G> {
    /// Puts its parts into `state`; to be called between two turns, when the driver is at rest.
    ///
    /// # Errors
    /// When a strategy or the gate does not say how its state is stored.
    pub fn save(&self, state: &mut State) -> Result<(), SnapshotError> {
        let (mut pipeline, mut driver, mut venue) = (Vec::new(), Vec::new(), Vec::new());
        self.driver.save(&mut pipeline, &mut driver)?;
        write(&mut venue, |to| {
            to.same(&FORMAT);
            to.put(&self.gateway.row);
            self.gateway.records.save(to);
            self.gateway.venue.save(to);
        })?;
        state.put(PIPELINE, pipeline);
        state.put(DRIVER, driver);
        state.put(VENUE, venue);
        Ok(())
    }

    /// Takes over what [`Self::save`] has put into `state`: a session that was made from the same,
    /// with the strategies of that moment in their places, and has not run. After an error it is in
    /// no state to go on.
    ///
    /// # Errors
    /// When the state is not that of such a session.
    pub fn restore(&mut self, state: &State) -> Result<(), SnapshotError> {
        let part = |name| state.part(name).ok_or(SnapshotError::Damaged);
        self.driver.restore(part(PIPELINE)?, part(DRIVER)?)?;
        let gateway = &mut self.gateway;
        read(part(VENUE)?, |from| {
            from.same("the format of a session on paper", &FORMAT)?;
            gateway.row = from.take()?;
            gateway.records.load(from)?;
            gateway.venue.load(from)
        })
    }
}

impl Stored for Records {
    fn save(&self, to: &mut Writer<'_>) {
        let Self { orders, open, ended, executions, reaches_ns } = self;
        let mut all: Vec<(OrderId, VenueOrder)> =
            orders.iter().map(|(id, order)| (*id, *order)).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        to.list(all.iter());
        to.list(open.iter());
        to.list(ended.iter());
        to.list(executions.iter());
        to.put(reaches_ns);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        let (mut orders, mut ended, mut executions) = (Vec::new(), Vec::new(), Vec::new());
        from.list(&mut orders, usize::MAX)?;
        from.list(&mut self.open, usize::MAX)?;
        from.list(&mut ended, usize::MAX)?;
        from.list(&mut executions, usize::MAX)?;
        self.orders = orders.into_iter().collect();
        (self.ended, self.executions) = (ended.into(), executions.into());
        self.reaches_ns = from.take()?;
        Ok(())
    }
}
