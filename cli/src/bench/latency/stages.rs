//! Where the time goes: stamps between the stages, in a pass of its own so that they burden no
//! published figure.

use std::time::Instant;

use hdrhistogram::Histogram;
use qt_engine::{
    Command, Deaf, Exposure, Gate, NewOrder, Order, OrderRequest, Settlement, SizeRequest,
};
use qt_types::{Control, DenyReason, Event, InstrumentId, ParentId, Qty};

use super::figures::{Spread, short};
use super::frames::Frames;
use super::path::{Fault, Path};
use super::run::Work;

/// A part of the path, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Bytes to levels.
    Decode,
    /// Levels to events, numbered and in the journal.
    Journal,
    /// The pipeline; the gate's check in it is told apart.
    Pipeline,
    /// The order in the journal.
    Intent,
    /// The order as signed bytes.
    Encode,
}

/// How many stages there are.
const STAGES: usize = 5;

/// Who hears of a stage's end.
pub trait Stamps {
    /// `stage` is over.
    fn passed(&mut self, stage: Stage);
}

/// Nobody.
pub struct Unstamped;

impl Stamps for Unstamped {
    #[inline(always)]
    fn passed(&mut self, _stage: Stage) {}
}

/// The stamps of one frame.
pub struct Stamped {
    last: Instant,
    took_ns: [u64; STAGES],
}

impl Stamped {
    /// A frame begins.
    pub fn begin() -> Self {
        Self { last: Instant::now(), took_ns: [0; STAGES] }
    }
}

impl Stamps for Stamped {
    #[inline(always)]
    fn passed(&mut self, stage: Stage) {
        let now = Instant::now();
        self.took_ns[stage as usize] = now.duration_since(self.last).as_nanos() as u64;
        self.last = now;
    }
}

/// The times of one part.
pub struct Times {
    /// Its name among the results.
    pub name: &'static str,
    /// What it is.
    pub definition: &'static str,
    histogram: Histogram<u64>,
}

impl Times {
    /// None yet; all memory is taken.
    fn new(name: &'static str, definition: &'static str) -> Self {
        let new = Histogram::new_with_bounds(1, 60_000_000_000, 3);
        let histogram = new.expect("three digits of a minute are what a histogram can have");
        Self { name, definition, histogram }
    }

    #[inline]
    fn add(&mut self, ns: u64) {
        self.histogram.saturating_record(ns);
    }

    /// How they are spread.
    pub fn spread(&self) -> Spread {
        let at = |share| short(self.histogram.value_at_quantile(share));
        Spread {
            n: self.histogram.len() as usize,
            min: short(self.histogram.min()),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: short(self.histogram.max()),
        }
    }
}

/// The path with a stamp after each stage.
pub struct Staged<'a, G: Gate> {
    /// The path.
    pub path: Path<TimedGate<G>>,
    frames: &'a Frames,
    spent_ns: u64,
    parts: [Times; 5],
}

impl<'a, G: Gate> Staged<'a, G> {
    /// Around `path`.
    pub fn new(path: Path<TimedGate<G>>, frames: &'a Frames) -> Self {
        let parts = [
            Times::new("stage/decode", "bytes to levels in ticks and lots"),
            Times::new("stage/journal", "levels numbered and journaled, the order journaled"),
            Times::new("stage/book+strategy", "the pipeline but for the gate's checks"),
            Times::new("stage/risk", "the gate's checks and reservation"),
            Times::new("stage/encode+sign", "the order as bytes, signed"),
        ];
        Self { path, frames, spent_ns: 0, parts }
    }

    /// The path and the parts.
    pub fn into_parts(self) -> (Path<TimedGate<G>>, [Times; 5]) {
        (self.path, self.parts)
    }

    /// Forgets what was so far.
    fn clear(&mut self) {
        for part in &mut self.parts {
            part.histogram.reset();
        }
    }
}

impl<G: Gate> Work for Staged<'_, G> {
    fn take(&mut self, number: u64) -> Result<(), Fault> {
        let mut stamps = Stamped::begin();
        self.path.take(self.frames.get(number), &mut stamps)?;
        let [decode, levels, pipeline, intent, encode] = stamps.took_ns;
        let spent_ns = self.path.pipeline.gate().spent_ns;
        let risk = spent_ns - std::mem::replace(&mut self.spent_ns, spent_ns);
        let took = [decode, levels + intent, pipeline.saturating_sub(risk), risk, encode];
        for (part, ns) in self.parts.iter_mut().zip(took) {
            part.add(ns);
        }
        Ok(())
    }

    fn answer(&mut self) -> Result<(), Fault> {
        self.path.answer()?;
        // What the report led to is not the frame's.
        self.spent_ns = self.path.pipeline.gate().spent_ns;
        Ok(())
    }

    /// The warm-up ends with this: it does not count.
    fn rest(&mut self) -> Result<(), Fault> {
        self.clear();
        let journal = &self.path.journal;
        journal.wait_on_disk(journal.last()).map_err(Fault::Journal)
    }
}

/// A gate whose checks are timed.
pub struct TimedGate<G> {
    gate: G,
    /// The time in checks so far.
    pub spent_ns: u64,
}

impl<G> TimedGate<G> {
    /// Around `gate`.
    pub const fn new(gate: G) -> Self {
        Self { gate, spent_ns: 0 }
    }
}

impl<G: Gate> Gate for TimedGate<G> {
    fn size(&self, request: &SizeRequest, exposure: &Exposure<'_>) -> Result<Qty, DenyReason> {
        self.gate.size(request, exposure)
    }

    #[inline]
    fn check(&mut self, order: &OrderRequest, exposure: &Exposure<'_>) -> Result<(), DenyReason> {
        let begin = Instant::now();
        let result = self.gate.check(order, exposure);
        self.spent_ns += begin.elapsed().as_nanos() as u64;
        result
    }

    #[inline]
    fn sent(&mut self, command: &Command, exposure: &Exposure<'_>) {
        let begin = Instant::now();
        self.gate.sent(command, exposure);
        self.spent_ns += begin.elapsed().as_nanos() as u64;
    }

    fn let_go(&mut self, new: &NewOrder, exposure: &Exposure<'_>) -> Result<(), DenyReason> {
        self.gate.let_go(new, exposure)
    }

    fn watch_parent(&mut self, parent: ParentId, qty: Option<Qty>) {
        self.gate.watch_parent(parent, qty);
    }

    fn works_for(&mut self, parent: ParentId) {
        self.gate.works_for(parent);
    }

    #[inline]
    fn accepted(&mut self, order: &Order) -> bool {
        self.gate.accepted(order)
    }

    #[inline]
    fn settled(&mut self, settlement: &Settlement, exposure: &Exposure<'_>) {
        self.gate.settled(settlement, exposure);
    }

    #[inline]
    fn hears(&mut self, instrument: InstrumentId, now_ns: qt_types::Nanos) -> bool {
        self.gate.hears(instrument, now_ns)
    }

    #[inline]
    fn deaf_until_ns(&self, instrument: InstrumentId, exposure: &Exposure<'_>) -> Deaf {
        self.gate.deaf_until_ns(instrument, exposure)
    }

    fn rests_until_ns(&self) -> i64 {
        self.gate.rests_until_ns()
    }

    fn control(&mut self, control: &Control, exposure: &Exposure<'_>) {
        self.gate.control(control, exposure);
    }

    #[inline]
    fn observe(&mut self, event: &Event, exposure: &Exposure<'_>) -> bool {
        self.gate.observe(event, exposure)
    }
}
