//! Orders that are worked in parts because their venue lacks something, at a venue whose answers
//! come late, twice and in any order: what is filled and what the venue has open is never more
//! than the order.

use proptest::prelude::*;
use qt_engine::{
    BookKind, BookLimits, Command, Context, Exits, NewOrder, Order, Outbox, Pipeline,
    PipelineConfig, Strategy,
};
use qt_types::{
    Bar, Cash, E9, Event, ExecId, InstrumentId, Intent, Lacks, Limits, Nanos, OrderId, OrderKind,
    Payload, PegReference, Place, Price, Qty, RejectReason, Report, ReportKind, Seq, Side, Tick,
    TickFlags, TickKind, TimeInForce, VenueId,
};

use crate::support::{Switch, order, spec};

/// Does what it is told to at the next bar.
#[derive(Default)]
struct Owner {
    wish: Option<Intent>,
}

impl Strategy for Owner {
    fn on_bar(&mut self, _: &Bar, ctx: &mut Context<'_>) {
        match self.wish.take() {
            Some(Intent::Place(place)) => ctx.place(place),
            Some(Intent::Cancel(cancel)) => ctx.cancel(cancel.order),
            Some(Intent::Replace(change)) => ctx.replace(change.order, change.kind, change.qty),
            None => {}
        }
    }
}

/// One part as the venue has it.
#[derive(Clone, Copy, Debug)]
struct AtVenue {
    id: OrderId,
    qty: i64,
    filled: i64,
    is_open: bool,
}

/// A pipeline, and a venue that does what the test says, when it says so.
struct Bench {
    pipeline: Pipeline<Owner, Switch>,
    out: Outbox,
    /// Commands that the venue has not seen yet.
    sent: Vec<Command>,
    /// Reports that we have not heard yet.
    told: Vec<Report>,
    parts: Vec<AtVenue>,
    /// What was executed and not taken back: part, execution, lots.
    done: Vec<(OrderId, u64, i64)>,
    execs: u64,
    now_ns: i64,
    bid: i64,
}

const WHOLE: OrderId = OrderId::new(1, 1);

impl Bench {
    fn new(lacks: Lacks) -> Self {
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
        let pipeline = Pipeline::new(config, Owner::default(), Switch::default());
        let mut bench = Self {
            pipeline: pipeline.with_lacks(lacks),
            out: Outbox::new(&limits),
            sent: Vec::new(),
            told: Vec::new(),
            parts: Vec::new(),
            done: Vec::new(),
            execs: 0,
            now_ns: 0,
            bid: 99,
        };
        bench.level(Side::Buy, 99, 10);
        bench.level(Side::Sell, 101, 10);
        bench
    }

    fn feed(&mut self, payload: Payload) {
        let now_ns = Nanos::new(self.now_ns);
        let (seq, instrument, venue) = (Seq::default(), InstrumentId(0), VenueId(0));
        let event = Event { seq, recv_ns: now_ns, venue_ns: now_ns, instrument, venue, payload };
        self.pipeline.step(&event, &mut self.out).unwrap();
        self.sent.extend_from_slice(self.out.commands.as_slice());
        let notices: Vec<Report> =
            self.out.notices.as_slice().iter().map(|notice| notice.report).collect();
        self.out.clear();
        notices.into_iter().for_each(|report| self.feed(Payload::Report(report)));
    }

    fn ask(&mut self, wish: Intent) {
        self.pipeline.strategy_mut().wish = Some(wish);
        let price = Price::from_ticks(self.bid + 1);
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

    /// The best prices go to `bid` and two ticks above it.
    fn quote(&mut self, bid: i64) {
        for (side, away) in [(Side::Buy, 0), (Side::Sell, 2)] {
            let (before, now) = (self.bid + away, bid + away);
            if before != now {
                self.level(side, now, 10);
                self.level(side, before, 0);
            }
        }
        self.bid = bid;
    }

    fn wait(&mut self, ns: i64) {
        let until_ns = self.now_ns + ns;
        while let Some(due) = self.pipeline.next_timer_ns().filter(|due| due.get() <= until_ns) {
            self.now_ns = self.now_ns.max(due.get());
            let timer = self.pipeline.take_timer(Nanos::new(self.now_ns)).expect("it is due");
            self.feed(Payload::Timer(timer));
        }
        self.now_ns = until_ns;
    }

    /// The venue takes the oldest command.
    fn take(&mut self, is_refused: bool) {
        if self.sent.is_empty() {
            return;
        }
        let command = self.sent.remove(0);
        let id = command.order();
        let at = self.parts.iter().position(|part| part.id == id && part.is_open);
        let refusal = |reason| Report::plain(id, ReportKind::RequestRejected, reason);
        let report = match (command, at) {
            (Command::New(_), _) if is_refused => {
                Report::plain(id, ReportKind::Rejected, RejectReason::VenueRefused)
            }
            (Command::New(new), _) => {
                let qty = new.qty.lots();
                self.parts.push(AtVenue { id, qty, filled: 0, is_open: true });
                Report::plain(id, ReportKind::Accepted, RejectReason::None)
            }
            (Command::Cancel(_), Some(at)) if !is_refused => self.end(at, RejectReason::Requested),
            (Command::Cancel(_), Some(_)) => refusal(RejectReason::Throttled),
            (Command::Cancel(_), None) => refusal(RejectReason::UnknownOrder),
            (Command::Replace(change), Some(at))
                if !is_refused && change.replace.qty.lots() > self.parts[at].filled =>
            {
                self.parts[at].qty = change.replace.qty.lots();
                let report = Report::plain(id, ReportKind::Replaced, RejectReason::None);
                let price = match change.replace.kind {
                    OrderKind::Limit { price } => price,
                    _ => Price::ZERO,
                };
                Report { qty: change.replace.qty, price, ..report }
            }
            (Command::Replace(_), _) => refusal(RejectReason::InvalidReplace),
        };
        self.told.push(report);
    }

    fn end(&mut self, at: usize, reason: RejectReason) -> Report {
        let part = &mut self.parts[at];
        part.is_open = false;
        let report = Report::plain(part.id, ReportKind::Cancelled, reason);
        Report { qty: Qty::from_lots(part.filled), ..report }
    }

    /// The venue executes up to `lots` of what it has open.
    fn execute(&mut self, lots: i64) {
        let Some(part) = self.parts.iter_mut().find(|part| part.is_open) else { return };
        let lots = lots.min(part.qty - part.filled);
        part.filled += lots;
        part.is_open = part.filled < part.qty;
        self.execs += 1;
        self.done.push((part.id, self.execs, lots));
        let mut fill = Report::plain(part.id, ReportKind::Filled, RejectReason::None);
        (fill.exec, fill.price) = (ExecId(self.execs), Price::from_ticks(100));
        (fill.qty, fill.leaves) = (Qty::from_lots(lots), Qty::from_lots(part.qty - part.filled));
        self.told.push(fill);
    }

    /// The venue takes the last execution back.
    fn bust(&mut self) {
        let Some((id, exec, lots)) = self.done.pop() else { return };
        let mut bust = Report::plain(id, ReportKind::Busted, RejectReason::TradeBusted);
        (bust.exec, bust.price) = (ExecId(exec), Price::from_ticks(100));
        bust.qty = Qty::from_lots(lots);
        self.told.push(bust);
        let part = self.parts.iter_mut().find(|part| part.id == id).expect("it was executed");
        if part.is_open {
            part.filled -= lots;
        } else {
            let reason = RejectReason::TradeBusted;
            self.told.push(Report::plain(id, ReportKind::Cancelled, reason));
        }
    }

    /// We hear report `at`, and hear it again later where it `comes_again`.
    fn hear(&mut self, at: usize, comes_again: bool) {
        if at < self.told.len() {
            let report = if comes_again { self.told[at] } else { self.told.remove(at) };
            self.feed(Payload::Report(report));
        }
    }

    fn executed(&self) -> i64 {
        self.done.iter().map(|done| done.2).sum()
    }

    /// What was executed, what the venue has open, and what is on its way there.
    fn used(&self) -> i64 {
        let mut parts = self.parts.clone();
        let mut used = self.executed();
        for command in &self.sent {
            match command {
                Command::New(new) => used += new.qty.lots(),
                Command::Replace(change) => {
                    let id = change.replace.order;
                    if let Some(part) = parts.iter_mut().find(|part| part.id == id) {
                        part.qty = part.qty.max(change.replace.qty.lots());
                    }
                }
                Command::Cancel(_) => {}
            }
        }
        let open = parts.iter().filter(|part| part.is_open);
        used + open.map(|part| part.qty - part.filled).sum::<i64>()
    }

    /// Everything on its way arrives, in order, until nothing more happens.
    fn settle(&mut self) {
        for _ in 0..200 {
            while !self.sent.is_empty() {
                self.take(false);
            }
            while !self.told.is_empty() {
                self.hear(0, false);
            }
            self.wait(E9 / 2);
        }
    }

    fn order(&self) -> Option<Order> {
        self.pipeline.exposure().orders.find(WHOLE).copied()
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Take(bool),
    Hear(usize, bool),
    Execute(i64),
    Bust,
    Quote(i64),
    Wait(i64),
    Cancel,
    Change(i64, i64),
}

fn step() -> impl Strategy_<Value = Step> {
    prop_oneof![
        8 => prop::bool::weighted(0.1).prop_map(Step::Take),
        8 => (0_usize..3, prop::bool::weighted(0.2)).prop_map(|(at, again)| Step::Hear(at, again)),
        4 => (1_i64..6).prop_map(Step::Execute),
        1 => Just(Step::Bust),
        2 => (90_i64..110).prop_map(Step::Quote),
        1 => (1_i64..2 * E9).prop_map(Step::Wait),
        1 => Just(Step::Cancel),
        1 => (90_i64..110, 1_i64..30).prop_map(|(price, lots)| Step::Change(price, lots)),
    ]
}

use proptest::strategy::Strategy as Strategy_;

fn placed() -> impl Strategy_<Value = Place> {
    let limit = OrderKind::Limit { price: Price::from_ticks(100) };
    let peg = OrderKind::Pegged { to: PegReference::SameSide, offset: 0 };
    let tifs = [
        TimeInForce::Gtc,
        TimeInForce::Gtc,
        TimeInForce::Ioc,
        TimeInForce::Fok,
        TimeInForce::Gtd(Nanos::new(5 * E9)),
        TimeInForce::Day,
    ];
    let kinds = [limit, peg, OrderKind::Market];
    let kind = prop::sample::select(kinds.to_vec());
    let tif = prop::sample::select(tifs.to_vec());
    (kind, tif, 1_i64..25, 0_i64..6, any::<bool>()).prop_map(|(kind, tif, lots, shown, post)| {
        let mut place = order(Side::Buy, lots, kind).tif(tif);
        if kind != OrderKind::Market {
            place.display = Qty::from_lots(shown);
            place.post_only = post && matches!(tif, TimeInForce::Gtc);
        }
        place
    })
}

fn lacking() -> impl Strategy_<Value = Lacks> {
    let all: Lacks = "all".parse().unwrap();
    let some = prop::collection::vec(prop::sample::select(Lacks::ALL.to_vec()), 1..5);
    let some = some.prop_map(|all| all.iter().fold(Lacks::NOTHING, |sum, one| sum.with(one.0)));
    prop_oneof![Just(all), Just(Lacks::AMEND.with(Lacks::ICEBERG)), some]
}

/// Plays `steps` on an order of its owner; returns the bench when all is settled.
fn play(lacks: Lacks, place: Place, steps: &[Step]) -> Bench {
    let mut bench = Bench::new(lacks);
    bench.ask(Intent::Place(place));
    let qt_types::Size::Fixed(mut most) = place.size else { panic!("a fixed size") };
    for step in steps {
        match *step {
            Step::Take(is_refused) => bench.take(is_refused),
            Step::Hear(at, again) => bench.hear(at, again),
            Step::Execute(lots) => bench.execute(lots),
            Step::Bust => bench.bust(),
            Step::Quote(bid) => bench.quote(bid),
            Step::Wait(ns) => bench.wait(ns),
            Step::Cancel => bench.ask(Intent::Cancel(qt_types::Cancel { order: WHOLE })),
            Step::Change(price, lots) => {
                let kind = match place.kind {
                    OrderKind::Limit { .. } => OrderKind::Limit { price: Price::from_ticks(price) },
                    kind => kind,
                };
                let qty = Qty::from_lots(lots);
                most = most.max(qty);
                bench.ask(Intent::Replace(qt_types::Replace { order: WHOLE, kind, qty }));
            }
        }
        let used = bench.used();
        assert!(used <= most.lots(), "{used} of {} after {step:?}", most.lots());
    }
    bench.settle();
    assert!(bench.used() <= most.lots());
    bench
}

/// Whether the venue was told of the order as it is: then the engine did nothing in its place.
fn is_worked(lacks: Lacks, place: &Place) -> bool {
    let mut bench = Bench::new(lacks);
    bench.ask(Intent::Place(*place));
    let is_part = |command: &Command| command.order().is_part();
    bench.sent.is_empty() || bench.sent.iter().all(is_part)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn no_more_than_the_order_is_ever_filled_and_open(
        lacks in lacking(),
        place in placed(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        if !is_worked(lacks, &place) {
            return Ok(());
        }
        let mut bench = play(lacks, place, &steps);
        // What was executed is what we have, once we have heard of all of it.
        let held = bench.pipeline.exposure().position(InstrumentId(0)).lots();
        prop_assert_eq!(held, bench.executed());
        // Its owner can always end it, and nothing of it stays at the venue.
        bench.ask(Intent::Cancel(qt_types::Cancel { order: WHOLE }));
        bench.settle();
        prop_assert!(bench.parts.iter().all(|part| !part.is_open), "{:?}", bench.parts);
        prop_assert!(bench.order().is_none_or(|order| order.is_ended()), "{:?}", bench.order());
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a test runs is no input of the core")]
fn cases() -> u32 {
    std::env::var("QT_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

fn one(commands: &[Command]) -> NewOrder {
    let [Command::New(new)] = commands else { panic!("{commands:?}") };
    *new
}

#[test]
fn an_iceberg_shows_its_next_part_when_the_one_before_is_filled() {
    let iceberg = order(Side::Buy, 7, OrderKind::Limit { price: Price::from_ticks(99) });
    let mut bench = Bench::new(Lacks::ICEBERG);
    bench.ask(Intent::Place(iceberg.display(Qty::from_lots(3))));
    for (number, lots) in [(1, 3), (2, 3), (3, 1)] {
        let part = one(&bench.sent);
        assert_eq!((part.order.whole(), part.order.part_number()), (WHOLE, number));
        assert_eq!((part.qty.lots(), part.display), (lots, Qty::ZERO));
        bench.take(false);
        bench.hear(0, true);
        bench.hear(0, false);
        bench.execute(lots);
        bench.hear(0, true);
        bench.hear(0, false);
    }
    assert!(bench.sent.is_empty());
    assert_eq!(bench.order().map(|order| order.filled), Some(Qty::from_lots(7)));
}

#[test]
fn a_change_waits_for_the_fills_that_crossed_its_cancel() {
    let (plain, limit) =
        (Price::from_ticks(99), |ticks| OrderKind::Limit { price: Price::from_ticks(ticks) });
    let mut bench = Bench::new(Lacks::AMEND);
    bench.ask(Intent::Place(order(Side::Buy, 10, OrderKind::Limit { price: plain })));
    bench.take(false);
    bench.hear(0, false);
    let qty = Qty::from_lots(10);
    bench.ask(Intent::Replace(qt_types::Replace { order: WHOLE, kind: limit(98), qty }));
    assert!(matches!(bench.sent[..], [Command::Cancel(_)]), "{:?}", bench.sent);
    bench.execute(4);
    bench.take(false);
    // The end comes before the fill: of four lots we have not heard.
    bench.hear(1, false);
    assert!(bench.sent.is_empty(), "{:?}", bench.sent);
    bench.hear(0, false);
    let part = one(&bench.sent);
    assert_eq!((part.order.part_number(), part.qty.lots(), part.kind), (2, 6, limit(98)));
    assert_eq!(bench.order().map(|order| order.kind), Some(limit(98)));
}

#[test]
fn a_cancel_that_overtook_its_order_did_not_end_it() {
    let limit = OrderKind::Limit { price: Price::from_ticks(99) };
    let mut bench = Bench::new(Lacks::AMEND);
    bench.ask(Intent::Place(order(Side::Buy, 10, limit)));
    bench.ask(Intent::Cancel(qt_types::Cancel { order: WHOLE }));
    bench.sent.swap(0, 1);
    // The venue does not know it yet, and then takes it. We hear of that first.
    bench.take(false);
    bench.take(false);
    bench.hear(1, false);
    bench.hear(0, false);
    assert!(bench.order().is_some_and(|order| !order.is_ended()), "the venue has it");
    bench.settle();
    assert!(bench.parts.iter().all(|part| !part.is_open), "{:?}", bench.parts);
    assert!(bench.order().is_none_or(|order| order.is_ended()));
}
