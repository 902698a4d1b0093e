//! A day of a session on paper and the same day as a backtest: whenever the session's thread came
//! to run, and however often its process was killed, a backtest of the market that it has heard,
//! with the signals as they reached it, sends the same commands at the same times and has the same
//! fills.

mod away;
#[path = "../common/kept.rs"]
mod kept;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use kept::{Kept, Memory};
use qt_backtest::desk::Desk;
use qt_backtest::feed::FeedLatency;
use qt_backtest::replay::{Film, Pace, Replay, ReplayConfig};
use qt_backtest::signals::ArrivingSignal;
use qt_backtest::venue::{Fees, LatencyModel, SimVenue, VenueConfig};
use qt_data::calendar::Calendar;
use qt_data::generate::{BookKind as RowKind, BookRow, Market};
use qt_data::ticks::{Description, TickFile, TickWriter, Verify};
use qt_engine::{
    BookKind, BookLimits, Command, CrossPolicy, Ensemble, Exits, Manual, PipelineConfig, Strategy,
};
use qt_risk::{Account, AccountGate, Sizing};
use qt_runtime::live::{FeedWriter, Note, Phase, Reading, feed};
use qt_runtime::paper::{PaperParts, PaperSession, not_sent};
use qt_strategies::Registry;
use qt_types::{
    BarFlags, Cash, E9, Event, InstrumentId, InstrumentKind, InstrumentSpec, Limits, MaybePrice,
    Nanos, Payload, Price, Qty, Seq, Side, Signal, SignalAction, SignalSize, SourceId, Tick,
    TickFlags, TickKind, Trade, VenueId,
};

const MILLI: i64 = 1_000_000;
const START: i64 = 1_700_000_000_000_000_000;
const CAPITAL: Cash = Cash::from_nano(1_000_000 * E9 as i128);
const ACCOUNT: Account = Account::Margin { leverage_e9: 4 * E9 };

/// Numbers that follow from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn range(&mut self, from: i64, to: i64) -> i64 {
        from + self.roll((to - from) as u64) as i64
    }
}

fn rows(seed: u64) -> Vec<BookRow> {
    let market = Market {
        rows: 4_000,
        seed,
        start_ns: START,
        interval_ns: 3 * MILLI,
        calendar: Calendar::Always,
        volatility: 2.0,
        ..Market::default()
    };
    market.book().unwrap().collect()
}

fn spec() -> InstrumentSpec {
    let market = Market::default();
    InstrumentSpec::new("SYN", "USD", InstrumentKind::Spot, market.tick_e9, market.lot_e9, E9)
        .unwrap()
}

fn book() -> BookKind {
    let crosses = CrossPolicy::Uncross;
    BookKind::Levels(BookLimits { window_ticks: 4_096, far_levels_max: 256, crosses })
}

fn pipeline(epoch: u16) -> PipelineConfig {
    PipelineConfig {
        specs: vec![spec()],
        initial: CAPITAL,
        exits: Exits::default(),
        limits: Limits::default(),
        epoch,
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
        response_latency: LatencyModel::constant(MILLI),
        ..VenueConfig::default()
    };
    SimVenue::new(config, vec![spec()]).with_books(&[book()])
}

fn gate() -> AccountGate {
    AccountGate::new(ACCOUNT, Sizing::Weight { weight_e9: E9 / 20 }, None)
}

fn follower() -> Box<dyn Strategy> {
    let registry = Registry::builtin();
    let entry = registry.get("ai_signal_follow").unwrap();
    let params =
        [("threshold", "0.4"), ("short", "true"), ("late_ms", "400"), ("late_flat", "true")];
    let params: Vec<_> = params.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    entry.make(&entry.resolve(&params).unwrap(), 1).unwrap()
}

/// Beside whoever trades by hand, as in every session: what several may hold is done by the engine
/// where the venue knows one account alone.
fn desk() -> Ensemble {
    Ensemble::new().with(Box::new(Manual), vec![true]).with(follower(), vec![true])
}

/// The commands of a run as one sees them who knows neither their numbers nor whose they are.
fn commands(memory: &Memory) -> Vec<(i64, String)> {
    let of = |kept: Kept| match kept {
        Kept::Event(_) => None,
        Kept::Command(at_ns, command) => Some((at_ns.get(), shape(&command))),
    };
    memory.all().into_iter().filter_map(of).collect()
}

fn shape(command: &Command) -> String {
    match command {
        Command::New(it) => {
            format!("new {:?} {:?} {} {:?}", it.side, it.kind, it.qty.lots(), it.tif)
        }
        Command::Cancel(_) => "cancel".to_owned(),
        Command::Replace(it) => format!("replace {:?} {}", it.replace.kind, it.replace.qty.lots()),
    }
}

/// A fill: time at the venue, price, quantity, fee.
type Filled = (i64, i64, i64, i128);

struct Paper {
    session: PaperSession<AccountGate>,
    market: FeedWriter,
    fills: Vec<Filled>,
}

impl Paper {
    fn new(memory: &Memory) -> Self {
        let bell = Arc::new(qt_ring::Bell::new(qt_ring::Wait::Yield));
        let (market, reader) = feed(4_096, 1, VenueId(0), &bell).unwrap();
        let session = PaperSession::new(PaperParts {
            pipeline: pipeline(1),
            strategies: desk(),
            gate: gate(),
            witness: memory.witness(),
            venue: venue(),
            round_trip_ns: 2 * MILLI,
            feed: reader,
            batch: 64,
        });
        Self { session: session.unwrap(), market, fills: Vec::new() }
    }

    /// The process after the one that has kept `memory`.
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

    /// Runs until it is in step with its venue; when that is.
    fn begin(&mut self, now_ns: i64) -> i64 {
        for step in 0..20_000 {
            let at_ns = now_ns + step * MILLI / 5;
            self.turn(at_ns);
            if self.session.driver().phase() == Phase::Ready {
                return at_ns;
            }
        }
        panic!("{:?}", self.session.driver().breaks());
    }

    fn push(&mut self, payload: Payload, venue_ns: i64) {
        let (seq, instrument, venue) = (Seq::default(), InstrumentId(0), VenueId(0));
        let venue_ns = Nanos::new(venue_ns);
        let event = Event { seq, recv_ns: Nanos::MIN, venue_ns, instrument, venue, payload };
        self.market.push(&event);
    }
}

fn note_fills(notes: &[Note], fills: &mut Vec<Filled>) {
    for note in notes {
        let Some(fill) = note.booked else { continue };
        let venue_ns = note.event.venue_ns.get();
        fills.push((venue_ns, fill.price.ticks(), fill.qty.lots(), fill.fee.nano()));
    }
}

fn payload(row: &BookRow, number: u32) -> Payload {
    if row.kind != RowKind::Trade {
        return Payload::Tick(row.tick());
    }
    Payload::Trade(Trade {
        price: Price::from_ticks(row.price),
        qty: Qty::from_lots(row.qty),
        aggressor: Some(row.side),
        flags: BarFlags::NONE,
        row: number,
    })
}

/// The levels of a market, to be told anew to a process that begins.
#[derive(Default)]
struct Levels([BTreeMap<i64, i64>; 2]);

impl Levels {
    fn see(&mut self, row: &BookRow) {
        if row.kind == RowKind::Trade {
            return;
        }
        let side = &mut self.0[usize::from(row.side == Side::Sell)];
        if row.qty == 0 {
            side.remove(&row.price)
        } else {
            side.insert(row.price, row.qty)
        };
    }

    fn told(&self, venue_ns: i64) -> Vec<Tick> {
        let tick = |kind: TickKind, side, price, qty| Tick {
            venue_ns,
            price,
            qty,
            latency_ns: 0,
            instrument: 0,
            kind: kind as u8,
            flags: TickFlags::of(side).with(TickFlags::SNAPSHOT).bits(),
        };
        let sides = [Side::Buy, Side::Sell];
        let mut all: Vec<Tick> = sides.map(|side| tick(TickKind::Clear, side, 0, 0)).into();
        for (side, levels) in sides.into_iter().zip(&self.0) {
            all.extend(levels.iter().map(|(price, qty)| tick(TickKind::Level, side, *price, *qty)));
        }
        if let Some(last) = all.last_mut() {
            last.flags |= TickFlags::LAST.bits();
        }
        all
    }
}

fn signal(dice: &mut Dice, number: u64, around: i64, now_ns: i64) -> (Signal, Nanos) {
    let is_buy = dice.roll(2) == 0;
    let action = match dice.roll(10) {
        0 => SignalAction::Close,
        1 => SignalAction::Hold,
        _ if is_buy => SignalAction::Buy,
        _ => SignalAction::Sell,
    };
    let sign = if is_buy { 1 } else { -1 };
    let price = |ticks: i64| MaybePrice::from(Some(Price::from_ticks(ticks)));
    let size = match dice.roll(4) {
        _ if matches!(action, SignalAction::Close | SignalAction::Hold) => SignalSize::Open,
        0 => SignalSize::Quantity(Qty::from_lots(dice.range(1, 400))),
        1 => SignalSize::Target(Qty::from_lots(dice.range(1, 400) * sign)),
        2 => SignalSize::WeightE9(dice.range(E9 / 100, E9 / 5) * sign),
        _ => SignalSize::Open,
    };
    let none = MaybePrice::NONE;
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_le_bytes());
    let signal = Signal {
        id,
        expires_ns: Nanos::new(now_ns + dice.range(-50, 1_500) * MILLI + 7),
        size,
        limit: if dice.roll(3) == 0 { price(around - sign * dice.range(0, 4)) } else { none },
        stop: if dice.roll(3) == 0 { price(around - sign * dice.range(3, 12)) } else { none },
        target: if dice.roll(3) == 0 { price(around + sign * dice.range(3, 12)) } else { none },
        horizon_s: dice.range(1, 3) as u32,
        confidence_e9: dice.range(300_000_000, 1_000_000_001) as u32,
        strength_e9: dice.range(300_000_000, 1_000_000_001) as u32,
        source: SourceId(1),
        action,
    };
    (signal, Nanos::new(now_ns - dice.range(0, 600) * MILLI - 13))
}

/// What a day has come to.
#[derive(Debug, PartialEq)]
struct Day {
    commands: Vec<(i64, String)>,
    fills: Vec<Filled>,
}

/// Holds a session; its process dies `deaths` times at most. None where it was away for so long
/// that a timer came late.
fn held(seed: u64, deaths: u64) -> Option<(Memory, Day, u64)> {
    let (rows, mut dice) = (rows(seed), Dice(seed));
    let (memory, mut levels) = (Memory::default(), Levels::default());
    let mut paper = Paper::new(&memory);
    let mut ran_ns = paper.begin(START - 1_000 * MILLI);
    let (mut died, mut said, mut around) = (0, 0, rows[0].price);
    let mut next_ns = START;
    for (number, row) in (0_u32..).zip(&rows) {
        levels.see(row);
        around = if row.kind == RowKind::Trade { row.price } else { around };
        // What happens before its thread comes to run waits in the ring.
        paper.push(payload(row, number), row.venue_ns);
        if row.venue_ns < next_ns {
            continue;
        }
        ran_ns = ran_ns.max(row.venue_ns) + dice.range(1, 2 * MILLI);
        paper.turn(ran_ns);
        if dice.roll(12) == 0 {
            said += 1;
            let (signal, issued_ns) = signal(&mut dice, said, around, ran_ns);
            paper.session.hear_signal(InstrumentId(0), signal, issued_ns).unwrap();
        }
        next_ns = ran_ns + dice.range(0, 40) * MILLI;
        let away_ns = dice.range(1, 150) * MILLI;
        // A timer of that time would come when the process is back: a backtest is never away.
        let rests_ns = paper.session.driver().next_ns().get();
        if died < deaths && dice.roll(40) == 0 && rests_ns > ran_ns + away_ns {
            died += 1;
            paper = Paper::again(&memory);
            ran_ns = paper.begin(ran_ns + away_ns);
            if rests_ns <= ran_ns {
                return None;
            }
            for tick in levels.told(ran_ns) {
                paper.push(Payload::Tick(tick), ran_ns);
            }
            next_ns = ran_ns;
        }
    }
    for _ in 0..400 {
        ran_ns += dice.range(1, 20) * MILLI;
        paper.turn(ran_ns);
    }
    let day = Day { commands: commands(&memory), fills: paper.fills };
    Some((memory, day, died))
}

/// The backtest of what was kept.
fn backtest(memory: &Memory) -> Day {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("day.qtt");
    let mut writer = TickWriter::<Tick>::create(&path).unwrap();
    let (mut signals, mut last_ns) = (Vec::new(), 0);
    for kept in memory.all() {
        let Kept::Event(event) = kept else { continue };
        last_ns = event.recv_ns.get();
        let tick = match event.payload {
            Payload::Tick(tick) => tick,
            Payload::Trade(trade) => BookRow {
                kind: RowKind::Trade,
                side: trade.aggressor.unwrap(),
                price: trade.price.ticks(),
                qty: trade.qty.lots(),
                venue_ns: 0,
            }
            .tick(),
            Payload::Signal(signal) => {
                let (recv_ns, issued_ns) = (event.recv_ns, event.venue_ns);
                let instrument = event.instrument;
                signals.push(ArrivingSignal { recv_ns, issued_ns, instrument, signal });
                continue;
            }
            _ => continue,
        };
        writer.push(Tick { venue_ns: last_ns, ..tick }, last_ns).unwrap();
    }
    // The day goes on for as long as anything happened in it.
    writer.push(Tick { venue_ns: last_ns, ..Tick::gap() }, last_ns).unwrap();
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
    let kept = Memory::default();
    let desk = Desk::new(pipeline(0), venue(), 1_000, desk(), gate())
        .with_signals(signals)
        .with_witness(kept.witness());
    let mut replay = Replay::<Tick, _, _>::new(&films, config, desk).unwrap();
    replay.run(&AtomicBool::new(false), |_, _| {}).unwrap();
    let fills = replay.recorder().fills().iter();
    let fills = fills.map(|it| (it.venue_ns.get(), it.price.ticks(), it.qty.lots(), it.fee.nano()));
    Day { commands: commands(&kept), fills: fills.collect() }
}

fn compare(seeds: std::ops::Range<u64>, deaths: u64) {
    let (mut sent, mut filled, mut died) = (0, 0, 0);
    for seed in seeds {
        let Some((memory, session, deaths)) = held(seed, deaths) else { continue };
        let again = backtest(&memory);
        assert_eq!(session, again, "seed {seed}");
        sent += session.commands.len();
        filled += session.fills.len();
        died += deaths;
    }
    println!("{sent} commands and {filled} fills, {died} deaths: all the same");
    assert!(sent > 500 && filled > 300, "{sent} commands, {filled} fills");
    assert!(deaths == 0 || died > 20, "{died} deaths");
}

#[test]
fn the_same_day_as_a_backtest() {
    compare(0..25, 0);
}

#[test]
fn the_same_day_whatever_was_killed_in_it() {
    compare(100..160, 3);
}
