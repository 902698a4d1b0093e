//! The state of a pipeline as bytes, and back.

use qt_types::InstrumentSpec;

use super::Pipeline;
use crate::port::{Gate, Strategy};
use crate::sequencer::Sequencer;
use crate::snapshot::{Reader, SnapshotError, Stored, Writer, open};
use crate::values;

values!(Sequencer, crate::hash::StateHash);

impl<S: Strategy, G: Gate> Pipeline<S, G> {
    /// Writes the whole state into `out`, which is emptied before; beside it that of the sequencer
    /// which stamps its events, so that it is known with which event to go on. To be called
    /// between two events, once what they put out was taken. Allocates only where `out` has too
    /// little room.
    ///
    /// # Errors
    /// When the strategy or the gate does not say how its state is stored
    /// ([`SnapshotError::NotStorable`]), or between two events there is something left to be done
    /// ([`SnapshotError::Busy`]).
    pub fn snapshot(&self, sequencer: &Sequencer, out: &mut Vec<u8>) -> Result<(), SnapshotError> {
        let mut to = Writer::new(out);
        sequencer.save(&mut to);
        self.save(&mut to);
        to.finish()
    }

    /// The same pipeline in the state that a snapshot holds, and the sequencer that goes on with
    /// it. It must have been made from what the one was made from that the snapshot is of: the
    /// same instruments, limits, books, venue, strategy, parameters and gate. From then on both do
    /// the same.
    ///
    /// # Errors
    /// When the bytes are cut, damaged or of another format, and, with the name of what differs,
    /// when they are of another configuration.
    pub fn restore(mut self, bytes: &[u8]) -> Result<(Self, Sequencer), SnapshotError> {
        let sequencer = self.restore_in_place(bytes)?;
        Ok((self, sequencer))
    }

    /// [`Self::restore`] for a pipeline that stays where it is. After an error it is in no state to
    /// go on.
    ///
    /// # Errors
    /// As [`Self::restore`].
    pub fn restore_in_place(&mut self, bytes: &[u8]) -> Result<Sequencer, SnapshotError> {
        let mut from = Reader::new(open(bytes)?);
        let sequencer = from.take()?;
        self.load(&mut from)?;
        from.finish()?;
        Ok(sequencer)
    }

    fn save(&self, to: &mut Writer<'_>) {
        let Self {
            specs,
            market,
            strategy,
            risk,
            execution,
            exits,
            intents,
            // The ids of the last call of the strategy, read while it is decided upon.
            made: _,
            timers,
            parents,
            asks,
            // What the strategy says of itself.
            hears_from: _,
            // Read between its event and the next one.
            asked_for: _,
            active_from_ns,
            is_paused,
            hash,
        } = self;
        to.same(&specs.len());
        specs.iter().for_each(|spec| to.same(&key_of(spec)));
        to.same(exits);
        to.same(active_from_ns);
        to.same(strategy.name());
        is_paused.save(to);
        hash.save(to);
        market.save(to);
        execution.save(to);
        parents.save(to);
        timers.save(to);
        intents.save_empty(to);
        asks.save_empty(to);
        risk.gate.save(to);
        strategy.save(to);
    }

    fn load(&mut self, from: &mut Reader<'_>) -> Result<(), SnapshotError> {
        from.same("the number of instruments", &self.specs.len())?;
        for spec in &self.specs {
            let (symbol, currency, kind, tick, lot, multiplier) = key_of(spec);
            let here = (symbol.to_owned(), currency.to_owned(), kind, tick, lot, multiplier);
            from.same("an instrument", &here)?;
        }
        from.same("the protective orders of entries", &self.exits)?;
        from.same("the beginning of trading", &self.active_from_ns)?;
        from.same("the strategy", &self.strategy.name().to_owned())?;
        self.is_paused.load(from)?;
        self.hash.load(from)?;
        self.market.load(from)?;
        self.execution.load(from)?;
        self.parents.load(from)?;
        self.timers.load(from)?;
        self.intents.load_empty(from)?;
        self.asks.load_empty(from)?;
        self.risk.gate.load(from)?;
        self.strategy.load(from)?;
        self.check_instruments()
    }

    /// Whatever names an instrument names one that there is.
    fn check_instruments(&self) -> Result<(), SnapshotError> {
        let Self { specs, execution, parents, .. } = self;
        let held = execution.ledger.held().iter().copied();
        let orders = execution.orders.iter().map(|order| order.instrument);
        let parents = parents.reports().map(|parent| parent.asked.instrument);
        let is_known = held.chain(orders).chain(parents).all(|it| it.index() < specs.len());
        if is_known { Ok(()) } else { Err(SnapshotError::Damaged) }
    }
}

/// All that makes an instrument what it is.
fn key_of(spec: &InstrumentSpec) -> (&str, &str, u8, i64, i64, i64) {
    let steps = (spec.tick_e9(), spec.lot_e9(), spec.multiplier_e9());
    (spec.symbol(), spec.currency(), spec.kind() as u8, steps.0, steps.1, steps.2)
}
