//! What the owner of a driver does between two turns: hands over market data, decisions and wishes
//! by itself, and looks at what became of orders.

use qt_backtest::witness::{NotKept, StateName, Witness};
use qt_engine::{Command, Gate, Halt, Inside, Order, Pipeline, Strategy};
use qt_types::{
    Asked, AskedFor, Cash, Control, Event, ExecId, FeeIn, InstrumentId, Nanos, OrderId, Payload,
    Price, Qty, Seq, Signal, StrategyId,
};

use super::driver::Driver;

/// An event about orders, decisions or signals, and how its order stood after it.
#[derive(Clone, Copy, Debug)]
pub struct Note {
    /// The event.
    pub event: Event,
    /// The order that it is about, or that was asked for.
    pub order: Option<Order>,
    /// The execution that was booked.
    pub booked: Option<BookedFill>,
}

/// An execution as the ledger has booked it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookedFill {
    /// The venue's number of it.
    pub exec: ExecId,
    /// The price in ticks.
    pub price: Price,
    /// How many lots.
    pub qty: Qty,
    /// The fee.
    pub fee: Cash,
    /// What the fee is in.
    pub fee_in: FeeIn,
}

impl Note {
    /// That of `event`, which `pipeline` has taken in just now; none for market data and timers.
    pub(super) fn of<S: Strategy, G: Gate>(
        event: &Event,
        pipeline: &Pipeline<S, G>,
    ) -> Option<Self> {
        let mut booked = None;
        let order = match &event.payload {
            Payload::Report(report) => {
                let fills = pipeline.booked().iter().filter(|it| !it.movement.is_taken_back);
                booked = fills.map(|it| it.movement).next_back().map(|it| BookedFill {
                    exec: it.exec,
                    price: it.price,
                    qty: it.qty,
                    fee: it.fee,
                    fee_in: it.fee_in,
                });
                report.order.whole()
            }
            Payload::Asked(asked) => match asked.what {
                AskedFor::Place { .. } => pipeline.asked_for(),
                AskedFor::Replace(replace) => replace.order,
                AskedFor::Cancel(cancel) => cancel.order,
            },
            Payload::Denied(denied) => denied.order,
            Payload::Control(_) | Payload::Signal(_) => OrderId::NONE,
            _ => return None,
        };
        let orders = pipeline.exposure().orders;
        let order = orders.find(order).filter(|_| !order.is_none()).copied();
        Some(Self { event: *event, order, booked })
    }
}

impl<S: Strategy, G: Gate> Driver<S, G> {
    /// From now on what becomes of orders is noted ([`Self::take_notes`]).
    pub fn keep_notes(&mut self) {
        self.notes.get_or_insert_default();
    }

    /// Moves what was noted behind what `out` holds.
    pub fn take_notes(&mut self, out: &mut Vec<Note>) {
        if let Some(notes) = &mut self.notes {
            out.append(notes);
        }
    }

    /// Commands that left in their time, by the last event that happened again, and when.
    #[must_use]
    pub fn resent(&self) -> &[(Command, Nanos)] {
        &self.resent
    }

    /// Takes in an event of the market, at the time of the last turn; as it was sequenced.
    ///
    /// # Errors
    /// When the run must stop.
    pub fn hear(&mut self, event: Event) -> Result<(), Halt> {
        self.feed(self.stamped(event))
    }

    /// `event` of the market as it is taken in now.
    #[must_use]
    pub fn stamped(&self, event: Event) -> Event {
        let recv_ns = self.watch.now_ns();
        // What the feed made up itself has no time of the venue.
        let venue_ns = if event.venue_ns == Nanos::MIN { recv_ns } else { event.venue_ns };
        Event { recv_ns, venue_ns, ..event }
    }

    /// Takes in a wish from outside; the order that it became, or none.
    ///
    /// # Errors
    /// When the run must stop.
    pub fn wish(&mut self, instrument: InstrumentId, asked: Asked) -> Result<OrderId, Halt> {
        self.feed_now(instrument, Payload::Asked(asked))?;
        Ok(self.pipeline.asked_for())
    }

    /// Takes in what a source of signals said at `issued_ns`.
    ///
    /// # Errors
    /// When the run must stop.
    pub fn signal(
        &mut self,
        instrument: InstrumentId,
        signal: Signal,
        issued_ns: Nanos,
    ) -> Result<(), Halt> {
        self.feed(self.event(instrument, Payload::Signal(signal), issued_ns))
    }

    /// Takes in a decision.
    ///
    /// # Errors
    /// When the run must stop.
    pub fn control(&mut self, control: Control) -> Result<(), Halt> {
        self.feed_now(InstrumentId::default(), Payload::Control(control))
    }

    /// Keeps something of the session's own behind the last event.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn note(&mut self, kind: u16, bytes: &[u8]) -> Result<(), Halt> {
        let (last, now_ns) = (Seq::new(self.sequencer.count()), self.watch.now_ns());
        self.witness.noted(kind, bytes, last, now_ns).map_err(|NotKept| Halt::NotKept)
    }

    /// The number of the last record that was kept.
    #[must_use]
    pub fn last_kept(&self) -> u64 {
        self.witness.last_kept()
    }

    /// Names a state of the whole run that is on the disk.
    ///
    /// # Errors
    /// When that cannot be kept.
    pub fn name_state(&mut self, state: StateName) -> Result<(), Halt> {
        self.witness.named(state).map_err(|NotKept| Halt::NotKept)
    }

    /// What keeps the run from now on.
    pub fn keep_by(&mut self, witness: Box<dyn Witness>) {
        self.witness = witness;
    }

    /// Puts another strategy in the place of one ([`Pipeline::recast`]).
    pub fn recast(
        &mut self,
        of: StrategyId,
        strategy: Box<dyn Strategy>,
        trades: Vec<bool>,
    ) -> bool {
        self.pipeline.recast(of, strategy, trades)
    }

    /// The gate.
    #[must_use]
    pub const fn gate(&self) -> &G {
        self.pipeline.gate()
    }

    /// The pipeline, to be asked.
    #[must_use]
    pub fn inside(&self) -> &dyn Inside {
        &self.pipeline
    }
}
