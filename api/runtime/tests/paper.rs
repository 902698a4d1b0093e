//! A session on paper against a plain backtest: the same market, the same orders at the same
//! times, one asked for from outside and one by a strategy's timers. And a session that is made
//! again from what was kept of it.

#[path = "common/kept.rs"]
mod kept;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use kept::Memory;
use qt_backtest::desk::Desk;
use qt_backtest::feed::FeedLatency;
use qt_backtest::replay::{Film, Pace, Replay, ReplayConfig};
use qt_backtest::venue::{Fees, LatencyModel, SimVenue, VenueConfig};
use qt_data::calendar::Calendar;
use qt_data::generate::{BookKind as RowKind, BookRow, Market};
use qt_data::ticks::{Description, TickFile, TickWriter, Verify};
use qt_engine::{
    BookKind, BookLimits, Context, CrossPolicy, Ensemble, Exits, Manual, PipelineConfig, Strategy,
};
use qt_risk::{Account, AccountGate, Sizing};
use qt_runtime::live::{Note, Phase, Reading, feed};
use qt_runtime::paper::{PaperParts, PaperSession, not_sent};
use qt_types::{
    Asked, AskedFor, BarFlags, Cancel, Cash, Control, ControlKind, E9, Event, InstrumentId,
    InstrumentKind, InstrumentSpec, KillState, Limits, Nanos, OrderKind, Payload, Place, Price,
    Qty, Replace, Seq, Side, Size, StrategyId, Target, Tick, TimeInForce, Timer, Trade, VenueId,
};

const MILLI: i64 = 1_000_000;
const START: i64 = 1_700_000_000_000_000_000;
const CAPITAL: Cash = Cash::from_nano(1_000_000 * E9 as i128);
const ACCOUNT: Account = Account::Margin { leverage_e9: 4 * E9 };

/// What is done, and how long after the start.
#[derive(Clone, Copy, Debug)]
enum Step {
    Place(Side, OrderKind, TimeInForce, i64),
    /// The last order that is open gets this price and quantity.
    Amend(i64, i64),
    Cancel,
}

fn rows() -> Vec<BookRow> {
    let market = Market {
        rows: 4_000,
        seed: 11,
        start_ns: START,
        interval_ns: 3 * MILLI,
        calendar: Calendar::Always,
        ..Market::default()
    };
    market.book().unwrap().collect()
}

fn spec() -> InstrumentSpec {
    let market = Market { calendar: Calendar::Always, ..Market::default() };
    let (tick, lot) = (market.tick_e9, market.lot_e9);
    InstrumentSpec::new("SYN", "USD", InstrumentKind::Spot, tick, lot, E9).unwrap()
}

/// Orders of all kinds by a simple rule, each at a time at which nothing else happens.
fn steps(around: i64) -> Vec<(i64, Step)> {
    let mut steps = Vec::new();
    for n in 0..60_i64 {
        let side = if n % 2 == 0 { Side::Buy } else { Side::Sell };
        let away = |by: i64| Price::from_ticks(around - side.sign() * by);
        let (gtc, lots) = (TimeInForce::Gtc, 10 + n * 7 % 90);
        let step = match n % 7 {
            0 => Step::Place(side, OrderKind::Market, gtc, lots),
            1 => Step::Place(side, OrderKind::Limit { price: away(2) }, gtc, lots),
            2 => Step::Amend(around - 1, lots + 5),
            3 => Step::Place(side, OrderKind::Stop { trigger: away(-4) }, gtc, lots),
            4 => Step::Place(side, OrderKind::Limit { price: away(-1) }, TimeInForce::Ioc, lots),
            5 => Step::Place(side, OrderKind::TakeProfit { trigger: away(3) }, gtc, lots),
            _ => Step::Cancel,
        };
        steps.push((START + 500 * MILLI + n * 150 * MILLI + 12_345, step));
    }
    steps
}

fn book() -> BookKind {
    let crosses = CrossPolicy::Uncross;
    BookKind::Levels(BookLimits { window_ticks: 4_096, far_levels_max: 256, crosses })
}

fn pipeline() -> PipelineConfig {
    PipelineConfig {
        specs: vec![spec()],
        initial: CAPITAL,
        exits: Exits::default(),
        limits: Limits::default(),
        epoch: 1,
        books: vec![book()],
        active_from_ns: Nanos::MIN,
    }
}

fn venue() -> SimVenue {
    let config = VenueConfig {
        account: ACCOUNT,
        initial: CAPITAL,
        fees: Fees { maker_e9: 100_000, taker_e9: 400_000 },
        order_latency: LatencyModel::constant(MILLI),
        response_latency: LatencyModel::constant(2 * MILLI),
        ..VenueConfig::default()
    };
    SimVenue::new(config, vec![spec()]).with_books(&[book()])
}

fn gate() -> AccountGate {
    AccountGate::new(ACCOUNT, Sizing::Fixed { qty_e9: E9 }, None)
}

/// Takes each step when its timer comes.
struct Script {
    steps: Vec<(i64, Step)>,
    is_set: bool,
}

impl Strategy for Script {
    fn on_book(&mut self, _: qt_engine::BookView<'_>, ctx: &mut Context<'_>) {
        if !std::mem::replace(&mut self.is_set, true) {
            for (at, (due_ns, _)) in self.steps.iter().enumerate() {
                ctx.wake_at(Nanos::new(*due_ns), at as u32);
            }
        }
    }

    fn interest(&self) -> qt_engine::BookInterest {
        qt_engine::BookInterest::EveryUpdate
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<'_>) {
        let last = ctx.orders().map(|order| (order.id, order.kind)).last();
        match (self.steps[timer.token as usize].1, last) {
            (Step::Place(side, kind, tif, lots), _) => {
                let size = Size::Fixed(Qty::from_lots(lots));
                ctx.place(Place::new(InstrumentId(0), side, kind).tif(tif).size(size));
            }
            (Step::Amend(price, lots), Some((id, OrderKind::Limit { .. }))) => {
                let kind = OrderKind::Limit { price: Price::from_ticks(price) };
                ctx.replace(id, kind, Qty::from_lots(lots));
            }
            (Step::Cancel, Some((id, _))) => ctx.cancel(id),
            _ => {}
        }
    }
}

/// A fill: time, price, quantity, fee.
type Filled = (i64, i64, i64, i128);

/// What a run came to: fills, cash, position, profit.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    fills: Vec<Filled>,
    cash: Cash,
    fees: Cash,
    realised: Cash,
    position: Qty,
}

fn backtest(rows: &[BookRow], steps: Vec<(i64, Step)>) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("market.qtt");
    let mut writer = TickWriter::<Tick>::create(&path).unwrap();
    for row in rows {
        writer.push(row.tick(), row.venue_ns).unwrap();
    }
    let instruments = vec![spec()];
    writer.finish(&Description { instruments, ..Description::default() }).unwrap();
    let file = TickFile::open(&path, Verify::OnRead).unwrap();
    let instruments = [InstrumentId(0)];
    let films = [Film { file: &file, instruments: &instruments }];
    let config = ReplayConfig {
        from_ns: i64::MIN,
        to_ns: i64::MAX,
        feed: FeedLatency::default(),
        sample_ns: 1_000 * MILLI,
        pace: Pace::Naive,
    };
    let script = Script { steps, is_set: false };
    let desk = Desk::new(pipeline(), venue(), 1_000, script, gate());
    let mut replay = Replay::<Tick, _, _>::new(&films, config, desk).unwrap();
    replay.run(&AtomicBool::new(false), |_, _| {}).unwrap();
    let exposure = replay.pipeline().exposure();
    let ledger = exposure.ledger;
    let (cash, fees, realised) = (ledger.cash(), ledger.fees(), ledger.realised());
    let position = exposure.position(InstrumentId(0));
    let fills =
        replay.recorder().fills().iter().map(|fill| {
            (fill.venue_ns.get(), fill.price.ticks(), fill.qty.lots(), fill.fee.nano())
        });
    Outcome { fills: fills.collect(), cash, fees, realised, position }
}

struct Paper {
    session: PaperSession<AccountGate>,
    market: qt_runtime::live::FeedWriter,
    fills: Vec<Filled>,
    row: u32,
}

impl Paper {
    fn new(memory: &Memory) -> Self {
        let bell = Arc::new(qt_ring::Bell::new(qt_ring::Wait::Yield));
        let (market, reader) = feed(1_024, 1, VenueId(0), &bell).unwrap();
        let strategies =
            Ensemble::new().with(Box::new(Manual), vec![true]).with(Box::new(Manual), vec![false]);
        let session = PaperSession::new(PaperParts {
            pipeline: pipeline(),
            strategies,
            gate: gate(),
            witness: memory.witness(),
            venue: venue(),
            round_trip_ns: 3 * MILLI,
            feed: reader,
            batch: 64,
        });
        Self { session: session.unwrap(), market, fills: Vec::new(), row: 0 }
    }

    fn again(memory: &Memory) -> Self {
        let mut new = Self::new(memory);
        let events = memory.events();
        let mut fills = Vec::new();
        let told = &mut |_: &mut _, notes: &[Note]| note_fills(notes, &mut fills);
        let never_left = events.iter().filter_map(not_sent).collect();
        new.session.repeat(events.into_iter().map(Ok), &never_left, told).unwrap();
        new.fills = fills;
        new
    }

    fn turn(&mut self, now_ns: i64) {
        let steady_ns = (now_ns - START + 10_000 * MILLI).unsigned_abs();
        self.session.turn(Reading { wall_ns: Nanos::new(now_ns), steady_ns }).unwrap();
        let mut notes = Vec::new();
        self.session.driver_mut().take_notes(&mut notes);
        note_fills(&notes, &mut self.fills);
    }

    /// All that is due before `until_ns`.
    fn run_before(&mut self, until_ns: i64) {
        for _ in 0..10_000 {
            let next_ns = self.session.next_ns().get();
            if next_ns >= until_ns {
                return;
            }
            self.turn(next_ns.max(self.session.driver().time_ns().get()));
        }
        panic!("it never comes to rest");
    }

    fn begin(&mut self, now_ns: i64) {
        for step in 0..1_000 {
            self.turn(now_ns + step * MILLI / 10);
            if self.session.driver().phase() == Phase::Ready {
                return;
            }
        }
        panic!("{:?}", self.session.driver().breaks());
    }

    fn play(&mut self, row: &BookRow) {
        self.row += 1;
        let tick = row.tick();
        let payload = if row.kind == RowKind::Trade {
            Payload::Trade(Trade {
                price: Price::from_ticks(row.price),
                qty: Qty::from_lots(row.qty),
                aggressor: Some(row.side),
                flags: BarFlags::NONE,
                row: self.row,
            })
        } else {
            Payload::Tick(tick)
        };
        let (seq, instrument, venue) = (Seq::default(), InstrumentId(0), VenueId(0));
        let venue_ns = Nanos::new(row.venue_ns);
        let event = Event { seq, recv_ns: Nanos::MIN, venue_ns, instrument, venue, payload };
        self.market.push(&event);
        self.turn(row.venue_ns);
    }

    fn step(&mut self, number: usize, now_ns: i64, step: Step) {
        self.turn(now_ns);
        let orders = self.session.driver().exposure().orders;
        let last = orders.iter().map(|order| (order.id, order.kind)).last();
        let what = match (step, last) {
            (Step::Place(side, kind, tif, lots), _) => AskedFor::Place {
                side,
                kind,
                tif,
                qty: Qty::from_lots(lots),
                reduce_only: false,
                post_only: false,
            },
            (Step::Amend(price, lots), Some((order, OrderKind::Limit { .. }))) => {
                let kind = OrderKind::Limit { price: Price::from_ticks(price) };
                AskedFor::Replace(Replace { order, kind, qty: Qty::from_lots(lots) })
            }
            (Step::Cancel, Some((order, _))) => AskedFor::Cancel(Cancel { order }),
            _ => return,
        };
        let outer = (number as u128).to_be_bytes();
        let asked = Asked { outer, person: 7, strategy: StrategyId::FIRST, what };
        self.session.ask(InstrumentId(0), asked).unwrap();
    }

    fn outcome(&self) -> Outcome {
        let exposure = self.session.driver().exposure();
        let ledger = exposure.ledger;
        let (cash, fees, realised) = (ledger.cash(), ledger.fees(), ledger.realised());
        self.session.venue().compare(ledger).unwrap();
        let position = exposure.position(InstrumentId(0));
        Outcome { fills: self.fills.clone(), cash, fees, realised, position }
    }
}

fn note_fills(notes: &[Note], fills: &mut Vec<Filled>) {
    for note in notes {
        let Some(fill) = note.booked else { continue };
        let venue_ns = note.event.venue_ns.get();
        fills.push((venue_ns, fill.price.ticks(), fill.qty.lots(), fill.fee.nano()));
    }
}

/// Plays market and steps; `dies` says after which step the process is another one.
fn paper(rows: &[BookRow], steps: &[(i64, Step)], dies: impl Fn(usize) -> bool) -> Outcome {
    let memory = Memory::default();
    let mut paper = Paper::new(&memory);
    paper.begin(START - 1_000 * MILLI);
    let (mut rows, mut number) = (rows.iter().peekable(), 0);
    while rows.peek().is_some() || number < steps.len() {
        let row_ns = rows.peek().map_or(i64::MAX, |row| row.venue_ns);
        let step_ns = steps.get(number).map_or(i64::MAX, |step| step.0);
        paper.run_before(row_ns.min(step_ns));
        if row_ns <= step_ns {
            if let Some(row) = rows.next() {
                paper.play(row);
            }
            continue;
        }
        paper.step(number, step_ns, steps[number].1);
        number += 1;
        if dies(number) {
            paper = Paper::again(&memory);
            paper.begin(step_ns + 1);
        }
    }
    let end_ns = paper.session.driver().time_ns().get() + 1_000 * MILLI;
    paper.run_before(end_ns);
    paper.outcome()
}

#[test]
fn a_session_does_what_a_backtest_does() {
    let rows = rows();
    let steps = steps(rows[0].price);
    let of_backtest = backtest(&rows, steps.clone());
    assert!(of_backtest.fills.len() > 20, "{of_backtest:?}");
    assert_eq!(paper(&rows, &steps, |_| false), of_backtest);
}

/// While it is made again the market waits, so fills are other ones; but pipeline and venue, each
/// with its own books, agree on all of them ([`Paper::outcome`]), and what is made again is what
/// was kept ([`Writer::keep`]).
#[test]
fn a_session_that_is_made_again_and_again_agrees_with_its_venue() {
    let rows = rows();
    let steps = steps(rows[0].price);
    for every in [1, 4, 9] {
        let outcome = paper(&rows, &steps, |number| number % every == 0);
        assert!(outcome.fills.len() > 10, "{outcome:?}");
    }
}

/// A kill cancels more orders than are carried in one go, and the market trades through all of
/// them just after: none is filled, and made again it is the same.
#[test]
fn a_kill_of_a_hundred_orders_is_with_the_venue_before_the_market_goes_on() {
    let rows = rows();
    let memory = Memory::default();
    let mut paper = Paper::new(&memory);
    paper.begin(START - 1_000 * MILLI);
    for row in &rows[..50] {
        paper.run_before(row.venue_ns);
        paper.play(row);
    }
    let mut now_ns = paper.session.driver().time_ns().get() + MILLI;
    for n in 0..100 {
        let kind = OrderKind::Limit { price: Price::from_ticks(rows[0].price - 200 - n) };
        paper.step(n as usize, now_ns, Step::Place(Side::Buy, kind, TimeInForce::Gtc, 1));
    }
    now_ns += 100 * MILLI;
    paper.run_before(now_ns);
    paper.turn(now_ns);
    assert_eq!(paper.session.driver().exposure().orders.iter().count(), 100);
    let kind = ControlKind::Trip { target: Target::GLOBAL, state: KillState::Halted };
    paper.session.control(Control { kind, person: 7 }).unwrap();
    // It reaches the venue a moment after all cancels do.
    now_ns += 2 * MILLI;
    let trade = BookRow {
        kind: RowKind::Trade,
        side: Side::Sell,
        price: rows[0].price - 400,
        qty: 1_000_000,
        venue_ns: now_ns,
    };
    paper.play(&trade);
    paper.run_before(now_ns + 1_000 * MILLI);
    let outcome = paper.outcome();
    assert_eq!((outcome.position, outcome.fills.len()), (Qty::ZERO, 0));
    assert_eq!(paper.session.driver().exposure().orders.iter().count(), 0);
    let again = Paper::again(&memory);
    assert_eq!(again.outcome(), outcome);
    assert_eq!(again.session.driver().state_hash(), paper.session.driver().state_hash());
}

/// Somebody sets the clock, or the machine sleeps: nothing is stopped, and the time follows.
#[test]
fn a_clock_that_jumps_stops_nothing_and_is_followed() {
    const HOUR: i64 = 3_600_000 * MILLI;
    let memory = Memory::default();
    let mut paper = Paper::new(&memory);
    paper.begin(START);
    let mut turn = |wall_ns: i64, steady_ns: i64| {
        let steady_ns = steady_ns.unsigned_abs() + 100_000 * MILLI.unsigned_abs();
        paper.session.turn(Reading { wall_ns: Nanos::new(wall_ns), steady_ns }).unwrap();
        paper.session.driver().time_ns().get()
    };
    let from = turn(START + 1_000 * MILLI, 0);
    assert_eq!(turn(from + 2 * HOUR, MILLI), from + 2 * HOUR);
    let ahead = turn(from + 2 * HOUR + MILLI, 2 * MILLI);
    assert_eq!(ahead, from + 2 * HOUR + MILLI);
    let back = turn(from, 12 * MILLI);
    assert_eq!(back, ahead + 5 * MILLI, "half as fast, and never back");
    assert_eq!(paper.session.driver().figures().clock_faults, 0);
    let is_control = |it: &Event| matches!(it.payload, Payload::Control(_));
    assert_eq!(memory.events().into_iter().find(is_control), None, "no switch was tripped");
}
