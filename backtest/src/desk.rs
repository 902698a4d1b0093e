//! What every loop of a backtest shares: the pipeline, the venue, and the ways between them.

use qt_engine::{
    Bounded, Delivery, Gate, Halt, Outbox, Pipeline, PipelineConfig, Sequencer, Strategy, Venue,
};
use qt_types::{Event, Nanos, Payload, ReportKind, Seq, VenueId};

use crate::execution::OrderLog;
use crate::recorder::{Fill, Recorder};
use crate::venue::SimVenue;

/// The pipeline with its sequencer, the simulated venue, and the records of what happens.
pub struct Desk<S, G> {
    pub(crate) pipeline: Pipeline<S, G>,
    pub(crate) venue: SimVenue,
    pub(crate) sequencer: Sequencer,
    pub(crate) outbox: Outbox,
    inbox: Bounded<Delivery>,
    pub(crate) recorder: Recorder,
    pub(crate) log: OrderLog,
}

/// How often commands and reports may go to and fro at one and the same time.
const ROUNDS_MAX: u32 = 100_000;

impl<S: Strategy, G: Gate> Desk<S, G> {
    /// A desk at rest, with room for `samples_max` samples of the equity.
    #[must_use]
    pub fn new(
        pipeline: PipelineConfig,
        venue: SimVenue,
        samples_max: usize,
        strategy: S,
        gate: G,
    ) -> Self {
        let limits = pipeline.limits;
        Self {
            recorder: Recorder::new(pipeline.initial, samples_max),
            log: OrderLog::new(pipeline.specs.len(), limits.orders_open_max),
            pipeline: Pipeline::new(pipeline, strategy, gate),
            venue,
            sequencer: Sequencer::new(),
            outbox: Outbox::new(&limits),
            inbox: Bounded::new(limits.orders_open_max * 4),
        }
    }

    /// One event through the pipeline, and what it causes on its way.
    pub(crate) fn feed(&mut self, mut event: Event) -> Result<(), Halt> {
        self.step(&mut event)?;
        self.flush(event.recv_ns)
    }

    /// Any event; the loops that know what they feed call the pipeline themselves.
    #[inline(never)]
    fn step(&mut self, event: &mut Event) -> Result<(), Halt> {
        self.sequencer.stamp(event);
        self.pipeline.step(event, &mut self.outbox)
    }

    /// Sends the commands off and lets the denials go through the sequencer, until both are
    /// empty.
    pub(crate) fn flush(&mut self, now_ns: Nanos) -> Result<(), Halt> {
        let mut denial_at = 0;
        loop {
            for command in self.outbox.commands.as_slice() {
                self.log.sent(command, now_ns, self.pipeline.exposure().market);
                self.venue.submit(command, now_ns);
            }
            self.outbox.commands.clear();
            let Some(denial) = self.outbox.denials.get(denial_at) else { break };
            denial_at += 1;
            self.recorder.denied(denial.denied.reason);
            let mut event = Event {
                seq: Seq::default(),
                recv_ns: now_ns,
                venue_ns: now_ns,
                instrument: denial.instrument,
                venue: VenueId(0),
                payload: Payload::Denied(denial.denied),
            };
            self.step(&mut event)?;
        }
        self.outbox.denials.clear();
        Ok(())
    }

    /// Commands reach the venue and reports reach us, until nothing more is due at `now_ns`.
    pub(crate) fn settle(&mut self, now_ns: i64) -> Result<(), Halt> {
        for _ in 0..ROUNDS_MAX {
            if self.venue.next_command_ns().is_some_and(|due| due <= now_ns) {
                self.venue.apply_commands(now_ns)?;
            }
            if self.venue.next_ns().is_none_or(|due| due.get() > now_ns) {
                return Ok(());
            }
            self.take_reports(now_ns)?;
        }
        Err(Halt::Livelock)
    }

    /// Reports that are due at `now_ns` reach us.
    pub(crate) fn take_reports(&mut self, now_ns: i64) -> Result<(), Halt> {
        self.inbox.clear();
        self.venue.poll(Nanos::new(now_ns), &mut self.inbox);
        self.log.rested(self.venue.take_rested());
        for at in 0..self.inbox.len() {
            let Some(delivery) = self.inbox.get(at) else { break };
            self.record(&delivery);
            self.feed(Event {
                seq: Seq::default(),
                recv_ns: delivery.recv_ns,
                venue_ns: delivery.venue_ns,
                instrument: delivery.instrument,
                venue: VenueId(0),
                payload: Payload::Report(delivery.report),
            })?;
        }
        Ok(())
    }

    fn record(&mut self, delivery: &Delivery) {
        self.log.told(delivery);
        let report = &delivery.report;
        if report.kind != ReportKind::Filled {
            return;
        }
        let Some(order) = self.pipeline.exposure().orders.get(report.order) else { return };
        let (row, path) = (self.venue.row_of(report.exec), self.venue.path_of(report.exec));
        self.recorder.filled(Fill {
            venue_ns: delivery.venue_ns,
            instrument: delivery.instrument,
            order: report.order,
            side: order.side,
            kind: order.kind,
            price: report.price,
            qty: report.qty,
            fee: report.fee,
            liquidity: report.liquidity,
            path,
            row,
        });
    }

    /// Reports that are still under way at the end are taken in, so that what happened at the
    /// venue is in the books; nothing that is asked for on them reaches the venue any more.
    pub(crate) fn finish(&mut self) -> Result<(), Halt> {
        let late = self.venue.next_ns().is_some();
        while let Some(due) = self.venue.next_ns() {
            self.take_reports(due.get())?;
        }
        if late {
            self.recorder.resample(&self.pipeline)?;
        }
        Ok(self.venue.compare(self.pipeline.exposure().ledger)?)
    }
}
