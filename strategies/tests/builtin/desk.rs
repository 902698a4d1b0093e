//! A pipeline with the simplest venue there is: what was decided on a bar is filled, whole, at
//! the open of the next bar of its instrument.

use qt_engine::{Command, Exposure, Gate, NewOrder, OrderRequest, Outbox, Pipeline};
use qt_engine::{PipelineConfig, SizeRequest};
use qt_strategies::prelude::*;
use qt_types::{Event, ExecId, InstrumentKind, Limits, Liquidity, Payload, RejectReason, Report};
use qt_types::{Seq, VenueId};

use crate::walk::BAR_NS;

/// An order as a strategy decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The bar on which it was decided.
    pub row: usize,
    /// The instrument's index.
    pub instrument: u16,
    /// Buy or sell.
    pub side: Side,
    /// Whether it closes a position.
    pub closes: bool,
}

/// Whether positions may be short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// No.
    Cash,
    /// Yes.
    Margin,
}

/// Sizes an order in lots by its share in basis points, and denies short sales where they are
/// not allowed.
struct ShareGate(Account);

impl Gate for ShareGate {
    fn size(&self, request: &SizeRequest, _: &Exposure<'_>) -> Result<Qty, DenyReason> {
        Ok(Qty::from_lots(i64::from(request.share_bps)))
    }

    fn check(&mut self, order: &OrderRequest, exposure: &Exposure<'_>) -> Result<(), DenyReason> {
        let held = exposure.position(order.instrument).lots();
        let is_short_sale = order.side == Side::Sell && order.qty.lots() > held;
        if self.0 == Account::Cash && is_short_sale {
            return Err(DenyReason::ShortNotAllowed);
        }
        Ok(())
    }
}

/// The pipeline, its venue, and what came out.
pub struct Desk {
    pipeline: Pipeline<Box<dyn Strategy>, ShareGate>,
    out: Outbox,
    pending: Vec<NewOrder>,
    row: usize,
    events: u64,
    /// How many of the next orders the venue refuses instead of filling them.
    pub refusals: usize,
    /// All orders that left, in order.
    pub decisions: Vec<Decision>,
    /// Their quantities, in lots.
    pub lots: Vec<i64>,
    /// All denials: the bar and the reason.
    pub denials: Vec<(usize, DenyReason)>,
}

impl Desk {
    /// A desk that runs `strategy` on `instruments` instruments with a tick of 0.01.
    pub fn new(strategy: Box<dyn Strategy>, instruments: usize, account: Account) -> Self {
        let spec = |_| {
            let (tick_e9, one_e9) = (10_000_000, 1_000_000_000);
            InstrumentSpec::new("X", "USD", InstrumentKind::Equity, tick_e9, one_e9, one_e9)
                .expect("the units are positive")
        };
        let limits = Limits::default();
        let config = PipelineConfig {
            specs: (0..instruments).map(spec).collect(),
            initial: Cash::from_nano(1_000_000_000_000_000_000),
            exits: qt_engine::Exits::default(),
            limits,
            epoch: 1,
            books: Vec::new(),
            active_from_ns: Nanos::MIN,
        };
        Self {
            pipeline: Pipeline::new(config, strategy, ShareGate(account)),
            out: Outbox::new(&limits),
            pending: Vec::new(),
            row: 0,
            events: 0,
            refusals: 0,
            decisions: Vec::new(),
            lots: Vec::new(),
            denials: Vec::new(),
        }
    }

    /// Feeds the next row: first the fills at the opens, then the bars, by instrument.
    pub fn row(&mut self, bars: &[Option<Bar>]) {
        for order in std::mem::take(&mut self.pending) {
            match bars[order.instrument.index()] {
                Some(bar) => self.fill(&order, bar.open),
                None => self.pending.push(order),
            }
        }
        for (index, bar) in bars.iter().enumerate() {
            if let Some(bar) = bar {
                self.feed(index as u16, 1, Payload::Bar(*bar));
            }
        }
        self.row += 1;
    }

    /// Feeds series of equal length, one an instrument.
    pub fn run(mut self, series: &[Vec<Bar>]) -> Self {
        for bars in rows(series) {
            self.row(&bars);
        }
        self.pipeline.check().expect("the books balance");
        assert_eq!(self.pipeline.intents_dropped(), 0);
        self
    }

    /// Lots held of the instrument.
    pub fn position(&self, instrument: u16) -> i64 {
        self.pipeline.exposure().position(InstrumentId(instrument)).lots()
    }

    fn fill(&mut self, order: &NewOrder, price: Price) {
        if self.refusals > 0 {
            self.refusals -= 1;
            let reason = RejectReason::InsufficientFunds;
            let report = Report::plain(order.order, ReportKind::Rejected, reason);
            self.feed(order.instrument.0, 0, Payload::Report(report));
            return;
        }
        let report = Report {
            exec: ExecId(1),
            price,
            qty: order.qty,
            liquidity: Liquidity::Taker,
            ..Report::plain(order.order, ReportKind::Filled, RejectReason::None)
        };
        self.feed(order.instrument.0, 0, Payload::Report(report));
    }

    /// Feeds one event at the start (0) or the end (1) of the row's time.
    fn feed(&mut self, instrument: u16, end: i64, payload: Payload) {
        let now_ns = Nanos::new((self.row as i64 + end) * BAR_NS);
        self.events += 1;
        let event = Event {
            seq: Seq::new(self.events),
            recv_ns: now_ns,
            venue_ns: now_ns,
            instrument: InstrumentId(instrument),
            venue: VenueId(0),
            payload,
        };
        self.pipeline.step(&event, &mut self.out).expect("the books balance");
        self.collect(end);
    }

    fn collect(&mut self, end: i64) {
        for command in self.out.commands.as_slice() {
            let Command::New(order) = command else { panic!("only new orders: {command:?}") };
            assert_eq!((order.kind, order.tif), (OrderKind::Market, TimeInForce::Gtc));
            self.pending.push(*order);
            self.lots.push(order.qty.lots());
            self.decisions.push(Decision {
                row: self.row,
                instrument: order.instrument.0,
                side: order.side,
                closes: order.reduce_only,
            });
        }
        let denials = self.out.denials.as_slice().to_vec();
        self.out.clear();
        for denial in denials {
            self.denials.push((self.row, denial.denied.reason));
            self.feed(denial.instrument.0, end, Payload::Denied(denial.denied));
        }
    }
}

/// The rows of series of equal length, one an instrument.
pub fn rows(series: &[Vec<Bar>]) -> impl Iterator<Item = Vec<Option<Bar>>> {
    let count = series.first().map_or(0, Vec::len);
    (0..count).map(|row| series.iter().map(|bars| bars.get(row).copied()).collect())
}

/// The strategy `name` with `params`, such as `fast=5 slow=10`, for `instruments` instruments.
pub fn make(name: &str, params: &str, instruments: usize) -> Box<dyn Strategy> {
    let registry = Registry::builtin();
    let entry = registry.get(name).unwrap_or_else(|error| panic!("{error}"));
    let params = entry.resolve(&pairs(params)).unwrap_or_else(|error| panic!("{error}"));
    entry.make(&params, instruments).unwrap_or_else(|error| panic!("{error}"))
}

/// `a=1 b=2` as names and values.
pub fn pairs(params: &str) -> Vec<(String, String)> {
    let split = |pair: &str| {
        let (name, value) = pair.split_once('=').expect("name=value");
        (name.to_owned(), value.to_owned())
    };
    params.split_whitespace().map(split).collect()
}

/// What the strategy decides on one instrument in a margin account.
pub fn decide(name: &str, params: &str, bars: &[Bar]) -> Vec<Decision> {
    let desk = Desk::new(make(name, params, 1), 1, Account::Margin).run(&[bars.to_vec()]);
    assert!(desk.denials.is_empty() && desk.lots.iter().all(|lots| *lots == 10_000));
    desk.decisions
}
