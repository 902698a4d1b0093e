//! The path that is measured: the bytes of a depth frame in, the bytes of a signed order out.

use std::path::Path as Folder;

use qt_codec::venue::binance::depth::{DepthDecoder, DepthError, DepthFrame};
use qt_engine::{
    BookKind, Command, Exits, Gate, Halt, Outbox, Pipeline, PipelineConfig, Sequencer,
};
use qt_feeds::venue::binance::{
    EncodeError, Family, Life, Market, NewOrder, OrderKind as VenueKind, REQUEST_BYTES_MAX,
    Request, WsAccess, WsOrders,
};
use qt_journal::{AppendError, Durable, Fingerprint, Journal, JournalError, Options, Stamp};
use qt_ring::Cores;
use qt_types::{
    Cash, DenyReason, E9, Event, ExecId, Head, InstrumentId, InstrumentKind, InstrumentSpec,
    Limits, Nanos, OrderKind, Payload, Price, Qty, RejectReason, Report, ReportKind, Seq, Side,
    Tick, TickKind, TimeInForce, VenueId,
};

use super::frames::{self, Frames};
use super::keys::Key;
use super::stages::{Stage, Stamps};
use super::strategy::Weigher;
use crate::bench::risk_rig;

/// Send buffers, used in turn: the last messages are there to be verified.
pub const BUFFERS: usize = 64;
/// From the venue to us, for the times of events.
const WAY_NS: i64 = 5_000_000;
/// The journal's memory: as much as there is room for.
const MEMORY_BYTES: [usize; 2] = [64 << 20, 16 << 20];
/// Every how many orders one is filled; the others expire.
pub const FILLED_EVERY: u64 = 8;
const MILLI: i64 = 1_000_000;

/// Why a frame did not become an order. Any of them ends the bench.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The frame.
    Frame(DepthError),
    /// The journal.
    Journal(AppendError),
    /// The pipeline.
    Halt(Halt),
    /// The risk gate.
    Denied(DenyReason),
    /// Not exactly one new limit order came out.
    NoOrder,
    /// The order could not be written.
    Encode(EncodeError),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Frame(error) => write!(f, "a frame: {error}"),
            Self::Journal(error) => write!(f, "the journal: {error}"),
            Self::Halt(error) => write!(f, "the pipeline: {error}"),
            Self::Denied(reason) => write!(f, "an order was denied: {}", reason.text()),
            Self::NoOrder => f.write_str("a frame led to no order"),
            Self::Encode(error) => write!(f, "an order was not written: {error}"),
        }
    }
}

/// What was done, to be held against the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames taken in.
    pub frames: u64,
    /// Orders written.
    pub orders: u64,
    /// Events journaled: levels and reports.
    pub events: u64,
    /// Orders that the script filled.
    pub fills: u64,
    /// Frames whose ids did not follow those before: one a round.
    pub gaps: u64,
}

/// Everything between the two buffers.
pub struct Path<G: Gate> {
    decoder: DepthDecoder,
    frame: DepthFrame,
    ticks: Vec<Tick>,
    sequencer: Sequencer,
    pub(super) journal: Journal,
    pub(super) pipeline: Pipeline<Weigher, G>,
    out: Outbox,
    desk: Desk,
    /// What the ids of the next frame begin with.
    next_id: u64,
    /// The rounds of the frames are put one behind the other in time.
    shift_ns: i64,
    last_ns: i64,
    pub(super) counts: Counts,
}

/// Where orders become messages.
struct Desk {
    writer: WsOrders,
    buffers: Vec<[u8; REQUEST_BYTES_MAX]>,
    lengths: [usize; BUFFERS],
    orders: u64,
}

impl Desk {
    /// Writes `command` into the next send buffer; the how manieth order it is.
    #[inline(always)]
    fn write(&mut self, command: &Command, now: Nanos) -> Result<u64, Fault> {
        let order = to_venue(command).ok_or(Fault::NoOrder)?;
        let slot = (self.orders % BUFFERS as u64) as usize;
        self.orders += 1;
        let (Some(buffer), Some(length)) = (self.buffers.get_mut(slot), self.lengths.get_mut(slot))
        else {
            return Err(Fault::NoOrder);
        };
        let at_ms = (now.get() / MILLI) as u64;
        let written = self.writer.encode(self.orders, &Request::New(order), at_ms, buffer);
        *length = written.map_err(Fault::Encode)?;
        Ok(self.orders)
    }
}

/// What a path is made for.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// The frames.
    pub frames: &'a Frames,
    /// Where the journal's segments lie.
    pub folder: &'a Folder,
    /// What durable means.
    pub durable: Durable,
    /// What orders are signed with.
    pub key: Key,
    /// Where the journal's own thread is to run.
    pub writer: Option<(Cores, usize)>,
}

/// The instrument of the frames. `None` is impossible: its units are positive.
pub fn spec() -> Option<InstrumentSpec> {
    let kind = InstrumentKind::Perpetual;
    InstrumentSpec::new("BTCUSDT", "USD", kind, E9 / 100, E9 / 100_000, E9).ok()
}

fn open(plan: &Plan<'_>) -> Result<Journal, JournalError> {
    let try_with = |memory_bytes| {
        let options = Options::new(Fingerprint::default(), plan.durable);
        let options = Options { memory_bytes, pin: plan.writer.clone(), ..options };
        Journal::open(&plan.folder.join("latency.qtj"), &options).map(|(journal, _)| journal)
    };
    let [most, least] = MEMORY_BYTES;
    try_with(most).or_else(|_| try_with(least))
}

impl<G: Gate> Path<G> {
    /// All memory is taken here. `None` where a constant of this file is not sound.
    ///
    /// # Errors
    /// When the journal cannot be opened.
    pub fn new(plan: &Plan<'_>, gate: G) -> Result<Option<Self>, JournalError> {
        let journal = open(plan)?;
        let (Some(spec), Some(scales)) = (spec(), frames::scales()) else { return Ok(None) };
        let middle = Price::from_ticks(frames::MIDDLE);
        let config = PipelineConfig {
            specs: vec![spec],
            initial: risk_rig::CAPITAL,
            exits: Exits::default(),
            limits: Limits::default(),
            epoch: journal.epoch(),
            books: vec![BookKind::Levels(qt_engine::book::BookLimits::around(middle))],
            active_from_ns: Nanos::MIN,
        };
        let (symbol, family) = ("BTCUSDT".to_owned(), Family::Spot);
        let market = Market { symbol, scales, recv_window_ms: 5_000, family };
        let Some(access) = plan.key.access() else { return Ok(None) };
        let Ok(writer) = WsOrders::new(market, WsAccess::Signed(access)) else { return Ok(None) };
        let out = Outbox::new(&config.limits);
        Ok(Some(Self {
            decoder: DepthDecoder::new(scales),
            frame: DepthFrame::new(plan.frames.levels_max()),
            ticks: Vec::with_capacity(plan.frames.levels_max()),
            sequencer: Sequencer::new(),
            journal,
            pipeline: Pipeline::new(config, Weigher::default(), gate),
            out,
            desk: Desk {
                writer,
                buffers: vec![[1; REQUEST_BYTES_MAX]; BUFFERS],
                lengths: [0; BUFFERS],
                orders: 0,
            },
            next_id: 0,
            shift_ns: 0,
            last_ns: 0,
            counts: Counts::default(),
        }))
    }

    /// The measured stretch: `bytes` of a frame become a signed order in a send buffer.
    ///
    /// # Errors
    /// When they do not.
    #[inline(always)]
    pub fn take(&mut self, bytes: &[u8], stamps: &mut impl Stamps) -> Result<(), Fault> {
        self.decoder.decode(bytes, &mut self.frame).map_err(Fault::Frame)?;
        stamps.passed(Stage::Decode);
        let head = self.keep_levels().map_err(Fault::Journal)?;
        stamps.passed(Stage::Journal);
        self.pipeline.step_frame(head, &self.ticks, &mut self.out);
        stamps.passed(Stage::Pipeline);
        let stamp = self.stamp();
        let command = command(&self.out)?;
        let lsn = self.journal.append_command(stamp, command).map_err(Fault::Journal)?;
        self.journal.wait_durable(lsn).map_err(Fault::Journal)?;
        stamps.passed(Stage::Intent);
        self.counts.orders = self.desk.write(command, head.recv_ns)?;
        stamps.passed(Stage::Encode);
        self.counts.frames += 1;
        Ok(())
    }

    /// Every level is an event: numbered, and in the journal before anybody acts on it. Returns
    /// what they have in common, and the number of the first one.
    #[inline(always)]
    fn keep_levels(&mut self) -> Result<Head, AppendError> {
        let told_ns = self.frame.venue_ns().map_or(0, Nanos::get);
        if self.frame.first_id() != self.next_id {
            self.counts.gaps += 1;
            self.shift_ns = (self.last_ns - told_ns).max(0) + frames::STEP_MS as i64 * MILLI;
        }
        self.next_id = self.frame.last_id() + 1;
        let venue_ns = told_ns + self.shift_ns;
        self.last_ns = venue_ns;
        let known_ns = Nanos::new(venue_ns + WAY_NS);
        let like = Tick {
            venue_ns,
            price: 0,
            qty: 0,
            latency_ns: WAY_NS as u32,
            instrument: 0,
            kind: TickKind::Level as u8,
            flags: 0,
        };
        self.frame.write_ticks(&like, &mut self.ticks);
        let (seq, recv_ns) = self.sequencer.next_run(self.ticks.len(), known_ns);
        let head = Head { seq, recv_ns, instrument: InstrumentId(0), venue: VenueId(0) };
        self.journal.append_ticks(head, &self.ticks)?;
        self.counts.events += self.ticks.len() as u64;
        Ok(head)
    }

    /// Behind the last event.
    #[inline(always)]
    fn stamp(&self) -> Stamp {
        Stamp { seq: Seq::new(self.sequencer.count()), at_ns: self.sequencer.now_ns() }
    }

    /// After the measured stretch: what the scripted venue says of the order. One that is to rest
    /// is accepted; of the others one in eight is filled, and the rest expire.
    ///
    /// # Errors
    /// When the journal or the pipeline does not take it.
    pub fn answer(&mut self) -> Result<(), Fault> {
        let Ok(&Command::New(new)) = command(&self.out) else { return Err(Fault::NoOrder) };
        self.out.clear();
        let mut report = Report::plain(new.order, ReportKind::Expired, RejectReason::None);
        if new.tif == TimeInForce::Gtc {
            (report.kind, report.leaves) = (ReportKind::Accepted, new.qty);
        } else if self.counts.orders.is_multiple_of(FILLED_EVERY) {
            self.counts.fills += 1;
            report.kind = ReportKind::Filled;
            report.exec = ExecId(self.counts.fills);
            report.price = limit_of(&new).unwrap_or_default();
            (report.qty, report.leaves) = (new.qty, Qty::ZERO);
            report.fee = Cash::from_nano(1_000_000);
        }
        let mut event = Event {
            seq: Seq::default(),
            recv_ns: Nanos::new(self.last_ns + 2 * WAY_NS),
            venue_ns: Nanos::new(self.last_ns + WAY_NS),
            instrument: InstrumentId(0),
            venue: VenueId(0),
            payload: Payload::Report(report),
        };
        self.sequencer.stamp(&mut event);
        self.journal.append_event(&event).map_err(Fault::Journal)?;
        self.counts.events += 1;
        self.pipeline.step(&event, &mut self.out).map_err(Fault::Halt)?;
        self.desk.writer.expect(self.pipeline.exposure().orders.next_id());
        if self.out.is_empty() { Ok(()) } else { Err(Fault::NoOrder) }
    }

    /// The messages that are still in the send buffers.
    pub fn messages(&self) -> impl Iterator<Item = &[u8]> {
        let count = self.counts.orders.min(BUFFERS as u64) as usize;
        let all = self.desk.buffers.iter().zip(self.desk.lengths).take(count);
        all.map(|(buffer, length)| buffer.get(..length).unwrap_or_default())
    }

    /// Ends the run in order; what was done.
    ///
    /// # Errors
    /// When the journal does not come to the disk.
    pub fn close(self) -> Result<Counts, JournalError> {
        let stamp = self.stamp();
        self.journal.close(stamp)?;
        Ok(self.counts)
    }
}

/// The one order that came of a frame.
#[inline(always)]
fn command(out: &Outbox) -> Result<&Command, Fault> {
    match (out.commands.as_slice(), out.denials.as_slice()) {
        ([command], []) => Ok(command),
        (_, [denial, ..]) => Err(Fault::Denied(denial.denied.reason)),
        _ => Err(Fault::NoOrder),
    }
}

fn limit_of(new: &qt_engine::NewOrder) -> Option<Price> {
    match new.kind {
        OrderKind::Limit { price } => Some(price),
        _ => None,
    }
}

/// The order as the venue knows it.
#[inline(always)]
fn to_venue(command: &Command) -> Option<NewOrder> {
    let Command::New(new) = command else { return None };
    let life = match new.tif {
        TimeInForce::Ioc => Life::Ioc,
        TimeInForce::Gtc => Life::Gtc,
        _ => return None,
    };
    let side: Side = new.side;
    let kind = VenueKind::Limit(limit_of(new)?, life);
    Some(NewOrder { id: new.order, side, kind, qty: new.qty, reduce_only: false })
}
