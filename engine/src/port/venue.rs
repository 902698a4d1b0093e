//! The port of a venue.

use qt_types::{InstrumentId, Nanos, Report};
use serde::{Deserialize, Serialize};

use crate::{Bounded, Command};

/// A report on its way from a venue to us.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// What the order trades.
    pub instrument: InstrumentId,
    /// When it happened at the venue (UTC ns).
    pub venue_ns: Nanos,
    /// When it reaches us (UTC ns).
    pub recv_ns: Nanos,
    /// What the venue says.
    pub report: Report,
}

/// Where commands go and reports come from.
pub trait Venue {
    /// Takes a command that leaves us at `now_ns` (UTC ns).
    fn submit(&mut self, command: &Command, now_ns: Nanos);

    /// Moves the reports that reach us at or before `until_ns` into `out`, in order of their
    /// time. What does not fit stays for the next call.
    fn poll(&mut self, until_ns: Nanos, out: &mut Bounded<Delivery>);

    /// When the next report reaches us (UTC ns), if one is under way.
    fn next_ns(&self) -> Option<Nanos>;
}
