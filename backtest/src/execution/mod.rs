//! How a run's orders were executed: latency, queues, what the market did after the fills, what
//! they cost. Definitions: `docs/EXECUTION.md`.
//!
//! While a run goes on only the [`OrderLog`] is written, order by order. What needs the market
//! after a fill is looked up in hindsight, in a second pass over the same data: the run itself is
//! no slower for it, and nothing of it can reach a decision.

mod bars;
mod depth;
mod hindsight;
mod markout;
mod mean;
mod order_log;
mod record;
mod taken_back;
mod times;

use qt_types::InstrumentId;

pub use bars::after_fills;
pub use depth::{DepthFilm, DepthSample, FILLS_SHOWN_MAX, SAMPLES_MAX, states_around};
pub use hindsight::{Hindsight, look_back};
pub use markout::{BAR_STEPS, Cell, Markouts, NS_STEPS, Unit};
pub use mean::Mean;
pub use order_log::{ORDERS_KEPT_MAX, OfInstrument, OfKind, OrderLog, RESTS_KEPT_MAX};
pub use record::{Ending, OrderRecord, Rest, Sample};
pub use times::Times;

/// How the orders of a run were executed.
#[derive(Clone, Debug)]
pub struct Execution {
    /// The orders.
    pub log: OrderLog,
    /// What the fills were worth a while later; `None` where nobody looked back.
    pub markouts: Option<Markouts>,
    /// Samples of books; empty on bars, and where nobody looked back.
    pub books: Vec<(InstrumentId, Vec<DepthSample>)>,
}

impl Execution {
    /// Of the orders in `log`, without a look back.
    #[must_use]
    pub const fn new(log: OrderLog) -> Self {
        Self { log, markouts: None, books: Vec::new() }
    }
}
