//! Parent orders of the execution algorithms: their children are never more than they are.

use proptest::prelude::*;
use qt_engine::{
    Algo, BookKind, BookLimits, Command, Context, Execute, Exits, Outbox, ParentEnd, ParentReport,
    Pipeline, PipelineConfig, Strategy,
};
use qt_types::{
    Bar, Cash, Event, ExecId, InstrumentId, Limits, Nanos, OrderId, OrderKind, ParentId, Payload,
    Price, Qty, RejectReason, Report, ReportKind, Seq, Side, Tick, TickFlags, TickKind, Trade,
    VenueId,
};

use crate::support::{Switch, spec};

const SECOND_NS: i64 = 1_000_000_000;

/// Begins a parent order at the first bar, and does what it is told to it at later ones.
struct Owner {
    asked: Execute,
    id: ParentId,
    wish: Option<Wish>,
    ended: Vec<ParentReport>,
}

#[derive(Clone, Copy, Debug)]
enum Wish {
    Cancel,
    Amend(i64),
}

impl Strategy for Owner {
    fn on_bar(&mut self, _: &Bar, ctx: &mut Context<'_>) {
        if self.id.is_none() {
            self.id = ctx.execute(self.asked);
        }
        match self.wish.take() {
            Some(Wish::Cancel) => ctx.cancel_parent(self.id),
            Some(Wish::Amend(lots)) => ctx.amend_parent(self.id, Qty::from_lots(lots)),
            None => {}
        }
    }

    fn on_parent(&mut self, report: &ParentReport, _: &mut Context<'_>) {
        self.ended.push(*report);
    }
}

/// A pipeline with a book, its clock, and a venue that answers when the test says so.
struct Bench {
    pipeline: Pipeline<Owner, Switch>,
    out: Outbox,
    sent: Vec<Command>,
    now_ns: i64,
    execs: u64,
    /// What was executed and not taken back: order, execution, lots, price.
    done: Vec<(OrderId, u64, i64, i64)>,
}

fn asked(algo: Algo, lots: i64) -> Execute {
    Execute {
        instrument: InstrumentId(0),
        side: Side::Buy,
        qty: Qty::from_lots(lots),
        algo,
        duration_ns: 40 * SECOND_NS,
        patience_ns: 2 * SECOND_NS,
        limit: None,
    }
}

impl Bench {
    fn new(asked: Execute) -> Self {
        let book = BookLimits { window_ticks: 256, far_levels_max: 64, ..BookLimits::default() };
        let limits = Limits::default();
        let config = PipelineConfig {
            specs: vec![spec()],
            initial: Cash::ZERO,
            exits: Exits::default(),
            limits,
            epoch: 1,
            books: vec![BookKind::Levels(book)],
            active_from_ns: Nanos::MIN,
        };
        let owner = Owner { asked, id: ParentId::NONE, wish: None, ended: Vec::new() };
        let mut bench = Self {
            pipeline: Pipeline::new(config, owner, Switch::default()),
            out: Outbox::new(&limits),
            sent: Vec::new(),
            now_ns: 0,
            execs: 0,
            done: Vec::new(),
        };
        bench.level(Side::Buy, 99, 10);
        bench.level(Side::Sell, 101, 10);
        bench.bar();
        bench
    }

    fn feed(&mut self, payload: Payload) {
        let now_ns = Nanos::new(self.now_ns);
        let event = Event {
            seq: Seq::default(),
            recv_ns: now_ns,
            venue_ns: now_ns,
            instrument: InstrumentId(0),
            venue: VenueId(0),
            payload,
        };
        self.pipeline.step(&event, &mut self.out).unwrap();
        self.sent.extend_from_slice(self.out.commands.as_slice());
        self.out.clear();
    }

    fn bar(&mut self) {
        let price = Price::from_ticks(100);
        self.feed(Payload::Bar(Bar {
            open_ns: Nanos::new(self.now_ns),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Qty::ZERO,
            half_spread: [0; 4],
            flags: qt_types::BarFlags::NONE,
            row: 0,
        }));
    }

    fn level(&mut self, side: Side, price: i64, qty: i64) {
        let ask = if side == Side::Sell { TickFlags::ASK } else { TickFlags::NONE };
        let (kind, flags) = (TickKind::Level as u8, TickFlags::LAST.with(ask).bits());
        let venue_ns = self.now_ns;
        let tick = Tick { venue_ns, price, qty, latency_ns: 0, instrument: 0, kind, flags };
        self.feed(Payload::Tick(tick));
    }

    fn trade(&mut self, price: i64, lots: i64) {
        let (price, qty) = (Price::from_ticks(price), Qty::from_lots(lots));
        let flags = qt_types::BarFlags::NONE;
        self.feed(Payload::Trade(Trade { price, qty, aggressor: None, flags, row: 0 }));
    }

    /// Lets time pass; the engine is woken when it wants to be.
    fn wait(&mut self, ns: i64) {
        let until_ns = self.now_ns + ns;
        let mut rounds = 0;
        while let Some(due) = self.pipeline.next_timer_ns().filter(|due| due.get() <= until_ns) {
            rounds += 1;
            assert!(rounds < 1_000, "it wakes without end");
            self.now_ns = self.now_ns.max(due.get());
            let timer = self.pipeline.take_timer(Nanos::new(self.now_ns)).unwrap();
            self.feed(Payload::Timer(timer));
        }
        self.now_ns = until_ns;
    }

    fn report(&mut self, order: OrderId, kind: ReportKind, reason: RejectReason) {
        self.feed(Payload::Report(Report::plain(order, kind, reason)));
    }

    fn fill(&mut self, order: OrderId, lots: i64, price: i64) {
        let leaves = self.pipeline.exposure().orders.get(order).unwrap().leaves().lots() - lots;
        self.execs += 1;
        self.done.push((order, self.execs, lots, price));
        self.feed(Payload::Report(Report {
            exec: ExecId(self.execs),
            price: Price::from_ticks(price),
            qty: Qty::from_lots(lots),
            leaves: Qty::from_lots(leaves),
            ..Report::plain(order, ReportKind::Filled, RejectReason::None)
        }));
    }

    /// The venue takes the execution at `at` of those that stand back.
    fn bust(&mut self, at: usize) {
        let (order, exec, lots, price) = self.done.remove(at);
        self.feed(Payload::Report(Report {
            exec: ExecId(exec),
            price: Price::from_ticks(price),
            qty: Qty::from_lots(lots),
            ..Report::plain(order, ReportKind::Busted, RejectReason::None)
        }));
    }

    /// The venue answers the oldest command, with a yes or a no.
    fn answer(&mut self, is_yes: bool) {
        if self.sent.is_empty() {
            return;
        }
        let command = self.sent.remove(0);
        let id = command.order();
        if self.pipeline.exposure().orders.get(id).is_none() {
            return;
        }
        match command {
            Command::New(_) if is_yes => self.report(id, ReportKind::Accepted, RejectReason::None),
            Command::New(_) => {
                self.report(id, ReportKind::Rejected, RejectReason::OrdersOpenMax);
            }
            Command::Cancel(_) => self.report(id, ReportKind::Cancelled, RejectReason::Requested),
            Command::Replace(change) if is_yes => {
                let OrderKind::Limit { price } = change.replace.kind else { panic!("no limit") };
                let report = Report::plain(id, ReportKind::Replaced, RejectReason::None);
                self.feed(Payload::Report(Report { price, qty: change.replace.qty, ..report }));
            }
            Command::Replace(_) => {
                self.report(id, ReportKind::RequestRejected, RejectReason::InvalidReplace);
            }
        }
    }

    fn answer_all(&mut self) {
        while !self.sent.is_empty() {
            self.answer(true);
        }
    }

    /// Price and lots of the children that are open.
    fn open(&self) -> Vec<(i64, i64)> {
        let price = |kind| match kind {
            OrderKind::Limit { price } => price.ticks(),
            _ => 0,
        };
        let orders = self.pipeline.exposure().orders;
        orders.iter().map(|order| (price(order.kind), order.leaves().lots())).collect()
    }

    fn child(&self) -> OrderId {
        self.pipeline.exposure().orders.iter().next().unwrap().id
    }

    fn filled(&self) -> i64 {
        self.done.iter().map(|done| done.2).sum()
    }

    fn ended(&self) -> Option<ParentReport> {
        self.pipeline.strategy().ended.first().copied()
    }
}

#[test]
fn a_schedule_is_kept_by_one_child_at_a_time() {
    // Forty lots in four slices of ten seconds, two seconds of patience.
    let mut bench = Bench::new(asked(Algo::twap(4), 40));
    for slice in 1..=4 {
        bench.answer_all();
        assert_eq!(bench.open(), [(99, 10)], "slice {slice}");
        bench.wait(2 * SECOND_NS - 1);
        assert!(bench.sent.is_empty(), "it has patience");
        bench.wait(1);
        bench.answer_all();
        assert_eq!(bench.open(), [(101, 10)]);
        bench.trade(101, 30);
        let child = bench.child();
        bench.fill(child, 10, 101);
        bench.wait(8 * SECOND_NS);
    }
    let report = bench.ended().unwrap();
    assert_eq!((report.end, report.rest()), (Some(ParentEnd::Filled), Qty::ZERO));
    assert_eq!(report.average(), Some(101.0));
    // The middle was 100 at the start; the market traded at 101 too.
    assert_eq!(report.slippage_to_arrival(), Some(1.0));
    assert_eq!((report.volume, report.slippage_to_vwap()), (120, Some(0.0)));
    assert!(bench.pipeline.exposure().orders.is_empty() && bench.sent.is_empty());
    assert_eq!(bench.pipeline.next_timer_ns(), None);
}

#[test]
fn what_one_slice_leaves_the_next_one_takes_along() {
    let mut bench = Bench::new(asked(Algo::twap(4), 40));
    bench.answer_all();
    let child = bench.child();
    bench.fill(child, 3, 99);
    bench.report(child, ReportKind::Cancelled, RejectReason::SessionEnd);
    assert!(bench.sent.is_empty(), "not at once");
    bench.wait(SECOND_NS);
    bench.answer_all();
    assert_eq!(bench.open(), [(99, 7)]);
    // The book is gone until the third slice.
    let child = bench.child();
    bench.report(child, ReportKind::Cancelled, RejectReason::SessionEnd);
    bench.level(Side::Sell, 101, 0);
    bench.wait(20 * SECOND_NS);
    assert!(bench.sent.is_empty());
    bench.level(Side::Sell, 101, 5);
    bench.answer_all();
    assert_eq!(bench.open(), [(99, 27)]);
    // The time is over: what is open is cancelled, and the rest is said.
    bench.wait(100 * SECOND_NS);
    bench.answer_all();
    let report = bench.ended().unwrap();
    assert_eq!((report.end, report.rest().lots()), (Some(ParentEnd::TimeOver), 37));
}

#[test]
fn a_share_of_the_volume_is_followed_and_caught_up_with_in_parts() {
    // A tenth of what is traded, 5 lots at a time.
    let mut bench = Bench::new(asked(Algo::pov(1_000, Qty::from_lots(5)), 30));
    assert!(bench.sent.is_empty());
    bench.trade(100, 19);
    bench.answer_all();
    assert_eq!(bench.open(), [(99, 1)]);
    let child = bench.child();
    bench.trade(100, 200);
    bench.fill(child, 1, 99);
    bench.answer_all();
    assert_eq!(bench.open(), [(99, 5)], "21 are due, 20 are missing");
    let child = bench.child();
    bench.fill(child, 5, 99);
    bench.answer_all();
    assert_eq!(bench.open(), [(99, 5)]);
}

#[test]
fn its_owner_can_change_and_end_it() {
    let mut bench = Bench::new(asked(Algo::twap(1), 40));
    bench.answer_all();
    let child = bench.child();
    bench.fill(child, 10, 99);
    // 25 in all, 10 are done: the child of 30 is too much, one of 15 takes its place.
    bench.pipeline_wish(Wish::Amend(25));
    bench.answer_all();
    bench.wait(SECOND_NS);
    bench.answer_all();
    assert_eq!(bench.open(), [(99, 15)]);
    bench.pipeline_wish(Wish::Cancel);
    bench.answer_all();
    let report = bench.ended().unwrap();
    assert_eq!((report.end, report.rest().lots()), (Some(ParentEnd::Cancelled), 15));
}

impl Bench {
    fn pipeline_wish(&mut self, wish: Wish) {
        self.pipeline.strategy_mut().wish = Some(wish);
        self.bar();
    }
}

#[test]
fn a_fill_that_nobody_could_know_of_stops_it() {
    let mut bench = Bench::new(asked(Algo::twap(1), 40));
    bench.answer_all();
    let child = bench.child();
    bench.report(child, ReportKind::Cancelled, RejectReason::SessionEnd);
    bench.wait(SECOND_NS);
    bench.answer_all();
    assert_eq!(bench.open(), [(99, 40)]);
    // 4 lots of the first child were filled before it ended: with the second one 44 of 40.
    bench.execs += 1;
    bench.feed(Payload::Report(Report {
        exec: ExecId(1),
        price: Price::from_ticks(99),
        qty: Qty::from_lots(4),
        leaves: Qty::from_lots(36),
        ..Report::plain(child, ReportKind::Filled, RejectReason::None)
    }));
    assert!(matches!(bench.sent[..], [Command::Cancel(_)]));
    bench.answer_all();
    let report = bench.ended().unwrap();
    assert_eq!((report.end, report.filled.lots()), (Some(ParentEnd::Halted), 4));
}

#[test]
fn a_close_out_ends_it() {
    let mut bench = Bench::new(asked(Algo::twap(4), 40));
    bench.answer_all();
    bench.pipeline.close_out(&mut bench.out);
    bench.sent.extend_from_slice(bench.out.commands.as_slice());
    bench.out.clear();
    assert!(matches!(bench.sent[..], [Command::Cancel(_)]));
    bench.answer_all();
    bench.wait(100 * SECOND_NS);
    assert!(bench.sent.is_empty() && bench.pipeline.exposure().orders.is_empty());
    assert_eq!(bench.ended().and_then(|report| report.end), Some(ParentEnd::Cancelled));
}

#[test]
fn what_cannot_be_done_is_refused() {
    for bad in [
        asked(Algo::twap(4), 0),
        Execute { duration_ns: 0, ..asked(Algo::twap(4), 9) },
        Execute { instrument: InstrumentId(3), ..asked(Algo::twap(4), 9) },
    ] {
        let bench = Bench::new(bad);
        assert_eq!(bench.ended().and_then(|report| report.end), Some(ParentEnd::Refused));
        assert!(bench.sent.is_empty());
    }
}

/// How many random lives of a parent order; QT_CASES asks for more.
const CASES: u32 = 5_000;

#[expect(clippy::disallowed_methods, reason = "how long a test runs is no input of the core")]
fn cases() -> u32 {
    std::env::var("QT_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(CASES)
}

fn algo(number: u8) -> Algo {
    match number % 4 {
        0 => Algo::twap(7),
        1 => Algo::vwap(&[5, 1, 0, 9]),
        2 => Algo::pov(2_500, Qty::from_lots(6)),
        _ => Algo::shortfall(9, 0.5, 1.0, 1.0),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever book, venue and owner do: at every step what the children have filled and have
    /// open is at most the parent, and in the end it is filled or says what is left.
    #[test]
    fn children_are_never_more_than_their_parent(
        number in any::<u8>(),
        lots in 1_i64..60,
        happenings in prop::collection::vec((0_u8..12, 0_i64..40, any::<u8>()), 1..80),
    ) {
        let mut bench = Bench::new(asked(algo(number), lots));
        let mut whole = lots;
        for &(what, amount, which) in &happenings {
            let child = bench.pipeline.exposure().orders.iter().next().copied();
            match (what, child) {
                (0, _) => bench.level(Side::Buy, 95 + amount % 5, amount % 7),
                (1, _) => bench.level(Side::Sell, 100 + amount % 5, amount % 7),
                (2, _) => bench.trade(100, amount),
                (3 | 4, _) => bench.wait(amount * SECOND_NS / 4),
                (5 | 6, _) => bench.answer(which % 8 != 0),
                (7 | 8, Some(order)) => {
                    bench.fill(order.id, 1 + amount % order.leaves().lots(), 100);
                }
                (9, Some(order)) => {
                    bench.report(order.id, ReportKind::Cancelled, RejectReason::SessionEnd);
                }
                (10, _) if !bench.done.is_empty() => {
                    let at = usize::from(which) % bench.done.len();
                    bench.bust(at);
                }
                (11, _) if which % 4 == 0 => {
                    let wish = if amount % 3 == 0 { Wish::Cancel } else { Wish::Amend(amount) };
                    whole = whole.max(amount);
                    bench.pipeline_wish(wish);
                }
                _ => {}
            }
            let open: i64 = bench.open().iter().map(|child| child.1).sum();
            prop_assert!(bench.filled() + open <= whole, "{} + {open} of {whole}", bench.filled());
            let held = bench.pipeline.exposure().position(InstrumentId(0)).lots();
            prop_assert_eq!(held, bench.filled());
            let halted = bench.ended().is_some_and(|end| end.end == Some(ParentEnd::Halted));
            prop_assert!(!halted, "an honest venue gives no reason to stop");
        }
        bench.wait(100 * SECOND_NS);
        bench.answer_all();
        let report = bench.ended();
        prop_assert!(report.is_some(), "it never ended");
        let report = report.unwrap();
        prop_assert!(bench.pipeline.exposure().orders.is_empty());
        let is_filled = report.end == Some(ParentEnd::Filled);
        prop_assert_eq!(is_filled, report.rest().is_zero());
    }
}
