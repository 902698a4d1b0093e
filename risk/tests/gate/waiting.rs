//! Orders that wait with the engine, and children of its parent orders, behind the gate.

use qt_engine::{
    Algo, Command, Context, Execute, Exits, OrderUpdate, Outbox, Pipeline, PipelineConfig, Strategy,
};
use qt_risk::{Key, RiskGate, Setup};
use qt_types::{
    BarFlags, Cash, Event, InstrumentId, Lacks, Limits, Nanos, OrderKind, Payload, Place, Price,
    Qty, RejectReason, Report, ReportKind, Seq, Side, Size, Trade, VenueId,
};

use crate::support::*;

const X: InstrumentId = InstrumentId(0);

/// What is asked for at the first trade, and what was told.
struct Asks {
    orders: Vec<Place>,
    parent: Option<Execute>,
    told: Vec<(u64, ReportKind, RejectReason)>,
}

impl Strategy for Asks {
    fn on_trade(&mut self, _: &Trade, ctx: &mut Context<'_>) {
        self.orders.drain(..).for_each(|order| ctx.place(order));
        if let Some(parent) = self.parent.take() {
            ctx.execute(parent);
        }
    }

    fn on_order(&mut self, update: &OrderUpdate, _: &mut Context<'_>) {
        let report = update.report;
        self.told.push((report.order.counter(), report.kind, report.reason));
    }
}

struct Bench {
    pipeline: Pipeline<Asks, RiskGate>,
    out: Outbox,
    at_ns: i64,
    /// Whether the venue refuses new orders; else it says nothing to them.
    refuses: bool,
    sent: Vec<Command>,
}

impl Bench {
    fn new(limits: &[(Key, i128)], orders: Vec<Place>, parent: Option<Execute>) -> Self {
        let (capital, specs) = (Cash::from_nano(1_000_000 * UNIT), specs(1));
        let profile = wide(limits);
        let gate = RiskGate::new(&Setup::single(&profile, &specs, capital, 40), open_account());
        let limits = Limits { orders_open_max: 40, ..Limits::default() };
        let config = PipelineConfig {
            specs,
            initial: capital,
            exits: Exits::default(),
            limits,
            epoch: 1,
            books: Vec::new(),
            active_from_ns: Nanos::MIN,
        };
        let asks = Asks { orders, parent, told: Vec::new() };
        Self {
            pipeline: Pipeline::new(config, asks, gate).with_lacks(Lacks::STOP),
            out: Outbox::new(&limits),
            at_ns: START,
            refuses: false,
            sent: Vec::new(),
        }
    }

    fn feed(&mut self, payload: Payload) {
        self.at_ns += MILLI;
        let (recv_ns, venue_ns) = (Nanos::new(self.at_ns), Nanos::new(self.at_ns));
        let (seq, instrument, venue) = (Seq::default(), X, VenueId(0));
        let event = Event { seq, recv_ns, venue_ns, instrument, venue, payload };
        self.pipeline.step(&event, &mut self.out).unwrap();
        let commands = self.out.commands.as_slice().to_vec();
        let notices = self.out.notices.as_slice().to_vec();
        assert!(self.out.denials.is_empty());
        self.out.clear();
        for notice in notices {
            self.feed(Payload::Report(notice.report));
        }
        for command in commands {
            self.sent.push(command);
            if self.refuses {
                let reason = RejectReason::SelfTrade;
                let report = Report::plain(command.order(), ReportKind::Rejected, reason);
                self.feed(Payload::Report(report));
            }
        }
    }

    fn trade(&mut self, price: i64) {
        let (price, qty) = (Price::from_ticks(price), Qty::from_lots(1));
        let flags = BarFlags::NONE;
        self.feed(Payload::Trade(Trade { price, qty, aggressor: None, flags, row: 0 }));
    }
}

fn lots(side: Side, kind: OrderKind) -> Place {
    Place::new(X, side, kind).size(Size::Fixed(Qty::from_lots(2)))
}

#[test]
fn what_waits_holds_its_limits_and_goes_when_its_price_is_there() {
    let stop = lots(Side::Buy, OrderKind::Stop { trigger: Price::from_ticks(110) });
    let mut bench = Bench::new(&[], vec![stop], None);
    bench.trade(100);
    assert!(bench.sent.is_empty());
    assert_eq!(bench.pipeline.gate().open_orders(qt_risk::Target::GLOBAL), 1);
    bench.trade(110);
    let [Command::New(new)] = bench.sent[..] else { panic!("{:?}", bench.sent) };
    assert_eq!((new.order.counter(), new.kind), (1, OrderKind::Market));
    assert_eq!(bench.pipeline.gate().open_orders(qt_risk::Target::GLOBAL), 1, "counted once");
}

#[test]
fn a_kill_switch_holds_back_what_waited() {
    // Three refusals where one is allowed halt the strategy; the stop was approved before.
    let stop = lots(Side::Buy, OrderKind::Stop { trigger: Price::from_ticks(110) });
    let market = lots(Side::Buy, OrderKind::Market);
    let limits = [(Key::Refusals, 1), (Key::RefusalsWindow, 60_000)];
    let mut bench = Bench::new(&limits, vec![stop, market, market, market], None);
    bench.refuses = true;
    bench.trade(100);
    assert_eq!(bench.sent.len(), 3);
    bench.trade(110);
    assert_eq!(bench.sent.len(), 3, "nothing more leaves");
    let last = bench.pipeline.strategy().told.last().copied();
    assert_eq!(last, Some((1, ReportKind::Cancelled, RejectReason::RiskDenied)));
    assert_eq!(bench.pipeline.gate().open_orders(qt_risk::Target::GLOBAL), 0);
}

#[test]
fn the_children_of_a_parent_count_as_its_own() {
    let parent = Execute {
        instrument: X,
        side: Side::Buy,
        qty: Qty::from_lots(40),
        algo: Algo::twap(4),
        duration_ns: 4_000 * MILLI,
        patience_ns: 0,
        limit: None,
    };
    let mut bench = Bench::new(&[], Vec::new(), Some(parent));
    bench.trade(100);
    let [Command::New(child)] = bench.sent[..] else { panic!("{:?}", bench.sent) };
    assert_eq!(child.qty, Qty::from_lots(10));
    assert_eq!(bench.pipeline.gate().parent_used(0), Qty::from_lots(10));
    // It is filled: used stays used, and the next child comes with its slice.
    let mut fill = Report::plain(child.order, ReportKind::Filled, RejectReason::None);
    (fill.exec, fill.price) = (qt_types::ExecId(1), Price::from_ticks(100));
    (fill.qty, fill.leaves) = (Qty::from_lots(10), Qty::ZERO);
    bench.feed(Payload::Report(fill));
    assert_eq!(bench.pipeline.gate().parent_used(0), Qty::from_lots(10));
    bench.at_ns += 1_000 * MILLI;
    bench.trade(100);
    assert_eq!((bench.sent.len(), bench.pipeline.gate().parent_used(0).lots()), (2, 20));
}
