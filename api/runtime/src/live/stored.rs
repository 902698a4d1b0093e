//! A driver as state: pipeline and sequencer, orders as they were sent, who holds the switch. Link
//! and comparisons begin anew with every process.

use qt_engine::snapshot::{Stored, read, write};
use qt_engine::{Gate, SnapshotError, Strategy};

use super::driver::Driver;
use super::link::Phase;

impl<S: Strategy, G: Gate> Driver<S, G> {
    /// Whether it stands between two events with nothing of its own to say, and in step with the
    /// venue: then its state is all that there is.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.own.is_empty() && self.link.phase == Phase::Ready && !self.is_repeating()
    }

    /// Writes the state of the pipeline into `pipeline` and the rest into `rest`, both of which are
    /// emptied before.
    ///
    /// # Errors
    /// When the strategy or the gate does not say how its state is stored.
    pub fn save(&self, pipeline: &mut Vec<u8>, rest: &mut Vec<u8>) -> Result<(), SnapshotError> {
        self.pipeline.snapshot(&self.sequencer, pipeline)?;
        let switch = self.switch;
        write(rest, |to| {
            to.put(&(switch.machine, switch.person, switch.is_halted, self.link.in_step_ns));
            self.blotter.save(to);
            self.booked.save(to);
        })
    }

    /// Reads what [`Self::save`] has written into a driver that was made from the same and has not
    /// run. After an error it is in no state to go on.
    ///
    /// # Errors
    /// When the bytes are not those of such a driver, or of another configuration.
    pub fn restore(&mut self, pipeline: &[u8], rest: &[u8]) -> Result<(), SnapshotError> {
        self.sequencer = self.pipeline.restore_in_place(pipeline)?;
        let Self { switch, link, blotter, booked, .. } = self;
        read(rest, |from| {
            (switch.machine, switch.person, switch.is_halted, link.in_step_ns) = from.take()?;
            blotter.load(from)?;
            booked.load(from)
        })
    }
}
