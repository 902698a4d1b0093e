//! Where the time goes: stamps between the stages, in a pass of its own so that they burden no
//! published figure.

use std::time::Instant;

use hdrhistogram::Histogram;
use qt_engine::{Command, Exposure, Gate, NewOrder, OrderRequest, Settlement, SizeRequest};
use qt_types::{Control, DenyReason, Event, InstrumentId, ParentId, Qty};

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
pub const STAGES: usize = 5;

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

    /// What each stage took.
    pub fn took_ns(&self) -> [u64; STAGES] {
        self.took_ns
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

/// The times of one stage.
pub struct Times(Histogram<u64>);

impl Times {
    /// None yet; all memory is taken.
    pub fn new() -> Self {
        let new = Histogram::new_with_bounds(1, 60_000_000_000, 3);
        Self(new.expect("three digits of a minute are within what a histogram can have"))
    }

    /// One more.
    #[inline]
    pub fn add(&mut self, ns: u64) {
        self.0.saturating_record(ns);
    }

    /// What `share` of them took at most.
    pub fn at(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64
    }

    /// The shortest and the longest.
    pub fn ends(&self) -> (f64, f64) {
        (self.0.min() as f64, self.0.max() as f64)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len() as usize
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
    fn settled(&mut self, settlement: &Settlement, exposure: &Exposure<'_>) {
        self.gate.settled(settlement, exposure);
    }

    #[inline]
    fn hears(&mut self, instrument: InstrumentId, now_ns: qt_types::Nanos) -> bool {
        self.gate.hears(instrument, now_ns)
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
