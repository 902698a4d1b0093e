//! A session on paper with a desk and one strategy on two instruments, kept by a journal, fed by
//! the dice.

use std::fs;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam::channel::never;
use qt_backtest::venue::{Fees, LatencyModel, SimVenue, VenueConfig};
use qt_backtest::witness::{StateName, Unkept};
use qt_data::calendar::Calendar;
use qt_data::generate::{BookKind as RowKind, BookRow, Market};
use qt_engine::{
    BookKind, BookLimits, CrossPolicy, Ensemble, Exits, Manual, PipelineConfig, Strategy,
};
use qt_journal::{Durable, JournalReader, Lsn, Options, Record, Stamp};
use qt_risk::{Account, AccountGate, Sizing};
use qt_runtime::keeper::{Keeper, Shown};
use qt_runtime::live::{FeedWriter, Phase, Reading, epoch_of, feed, fingerprint, open_under};
use qt_runtime::opening::{CONFIG, States};
use qt_runtime::paper::{PaperParts, PaperSession};
use qt_runtime::states::{Keeping, Kept, State, kept_in};
use qt_strategies::{Instruments, Registry};
use qt_types::{
    Asked, AskedFor, BarFlags, Cancel, Cash, E9, Event, InstrumentId, InstrumentKind,
    InstrumentSpec, Limits, Nanos, OrderKind, Payload, Price, Qty, Seq, Side, StrategyId,
    TimeInForce, Trade, VenueId,
};

pub const MILLI: i64 = 1_000_000;
pub const START: i64 = 1_700_000_000_000_000_000;
const CAPITAL: Cash = Cash::from_nano(1_000_000_000 * E9 as i128);
const ACCOUNT: Account = Account::Margin { leverage_e9: 4 * E9 };
const INSTRUMENTS: usize = 2;

/// Numbers of a row that is always the same.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, below: i64) -> i64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as i64 % below
    }
}

/// The changes of two markets, one after the other.
pub fn rows(count: u64) -> Vec<(InstrumentId, BookRow)> {
    let of = |at: u16| {
        let market = Market {
            rows: count / INSTRUMENTS as u64,
            seed: 11 + u64::from(at),
            start_ns: START + i64::from(at) * MILLI,
            interval_ns: 3 * MILLI,
            calendar: Calendar::Always,
            ..Market::default()
        };
        market.book().unwrap().map(move |row| (InstrumentId(at), row)).collect::<Vec<_>>()
    };
    let mut all = [of(0), of(1)].concat();
    all.sort_by_key(|(of, row)| (row.venue_ns, *of));
    all
}

pub fn specs() -> Vec<InstrumentSpec> {
    let market = Market { calendar: Calendar::Always, ..Market::default() };
    let (tick, lot) = (market.tick_e9, market.lot_e9);
    let of = |symbol| {
        InstrumentSpec::new(symbol, "USD", InstrumentKind::Perpetual, tick, lot, E9).unwrap()
    };
    vec![of("ONE"), of("TWO")]
}

fn book() -> BookKind {
    let crosses = CrossPolicy::Uncross;
    BookKind::Levels(BookLimits { window_ticks: 4_096, far_levels_max: 256, crosses })
}

/// The strategy of this name with the parameters that it has by itself, and what it trades.
fn strategy(name: &str) -> (Box<dyn Strategy>, Vec<bool>) {
    let registry = Registry::builtin();
    let entry = registry.get(name).unwrap();
    let count = match entry.instruments {
        Instruments::Each => INSTRUMENTS,
        Instruments::Exactly(count) => count,
    };
    let made = entry.make(&entry.resolve(&[]).unwrap(), count).unwrap();
    (made, (0..INSTRUMENTS).map(|at| at < count).collect())
}

/// A session, its market and what was heard of it.
pub struct Run {
    pub session: PaperSession<AccountGate>,
    pub notes: Vec<(u64, String)>,
    /// Events of the journal that happened again at its start.
    pub repeated: u64,
    /// Whether it began with a state.
    pub has_state: bool,
    market: FeedWriter,
    keeping: Keeping,
    config: Vec<u8>,
    row: u32,
}

pub fn path(folder: &Path) -> PathBuf {
    folder.join("journal.qtj")
}

pub fn options(folder: &Path) -> Options {
    let memory_folder = folder.join("memory");
    fs::create_dir_all(&memory_folder).unwrap();
    Options {
        memory_bytes: 256 << 10,
        memory_folder,
        segment_bytes: 1 << 20,
        reserve_bytes: 32 << 10,
        ..Options::new(fingerprint(&[]).unwrap(), Durable::Memory)
    }
}

fn parts(name: &str, epoch: u16) -> (PaperParts<AccountGate>, FeedWriter) {
    let bell = Arc::new(qt_ring::Bell::new(qt_ring::Wait::Yield));
    let (market, reader) = feed(1_024, INSTRUMENTS, VenueId(0), &bell).unwrap();
    let fees = Fees { maker_e9: 100_000, taker_e9: 400_000 };
    let venue = VenueConfig {
        account: ACCOUNT,
        initial: CAPITAL,
        fees,
        order_latency: LatencyModel::constant(MILLI),
        response_latency: LatencyModel::Jittered { base_ns: MILLI, spread_ns: MILLI, seed: 5 },
        ..VenueConfig::default()
    };
    let books = vec![book(); INSTRUMENTS];
    let (trader, trades) = strategy(name);
    let desk = Ensemble::new().with(Box::new(Manual), vec![true; INSTRUMENTS]);
    let sizing = Sizing::Fixed { qty_e9: E9 / 10 };
    let parts = PaperParts {
        pipeline: PipelineConfig {
            specs: specs(),
            initial: CAPITAL,
            exits: Exits::default(),
            limits: Limits::default(),
            epoch,
            books: books.clone(),
            active_from_ns: Nanos::MIN,
        },
        strategies: desk.with(trader, trades),
        gate: AccountGate::new(ACCOUNT, sizing, None),
        witness: Box::new(Unkept),
        venue: SimVenue::new(venue, specs()).with_books(&books),
        round_trip_ns: 3 * MILLI,
        feed: reader,
        batch: 64,
    };
    (parts, market)
}

impl Run {
    /// Begins in `folder` with the newest state that `takes`, or with all of the journal.
    pub fn open(folder: &Path, name: &str, takes: impl Fn(&Kept) -> bool) -> Self {
        let options = options(folder);
        let path = path(folder);
        let (kept, _) = kept_in(&path, options.fingerprint);
        let kept: Vec<Kept> = kept.into_iter().filter(|it| takes(it)).collect();
        let mut begun = None;
        let accept = |state: &State| {
            let (parts, market) = parts(name, state.part(CONFIG).and_then(epoch_of).unwrap());
            let mut session = PaperSession::new(parts).unwrap();
            let restored = session.restore(state);
            begun = restored.is_ok().then_some((session, market));
            begun.is_some()
        };
        let states = States { kept, accept: Box::new(accept) };
        let journal = open_under(&path, &options, &specs(), &[], 1, states).unwrap();
        let has_state = begun.is_some();
        let (mut session, market) = begun.unwrap_or_else(|| {
            let (parts, market) = parts(name, journal.epoch);
            (PaperSession::new(parts).unwrap(), market)
        });
        let shown = Arc::new(Shown::default());
        let keeper = Keeper::new(journal.begin, never(), Arc::clone(&shown)).without_state();
        session.keep_by(Box::new(keeper));
        let after = session.driver().events();
        let mut notes = Vec::new();
        let repeated = session.repeat(journal.events, &journal.never_left, &mut |_, told| {
            notes.extend(told.iter().map(|note| (note.event.seq.get(), format!("{note:?}"))));
        });
        repeated.unwrap_or_else(|halt| panic!("{halt}: {:?}", shown.fault.get()));
        let keeping = Keeping::new(
            (&path, options.fingerprint),
            NonZeroU64::new(1_000),
            (journal.last, after),
            0,
        );
        let repeated = journal.last - after;
        let config = journal.config;
        Self { session, notes, repeated, has_state, market, keeping, config, row: 0 }
    }

    pub fn now_ns(&self) -> i64 {
        self.session.driver().time_ns().get()
    }

    fn turn(&mut self, now_ns: i64) {
        let steady_ns = (now_ns - START + 10_000 * MILLI).unsigned_abs();
        self.session.turn(Reading { wall_ns: Nanos::new(now_ns), steady_ns }).unwrap();
        self.look();
    }

    fn look(&mut self) {
        let mut notes = Vec::new();
        self.session.driver_mut().take_notes(&mut notes);
        let texts = notes.iter().map(|note| (note.event.seq.get(), format!("{note:?}")));
        self.notes.extend(texts);
    }

    /// All that is due before `until_ns`.
    pub fn run_before(&mut self, until_ns: i64) {
        for _ in 0..10_000 {
            let next_ns = self.session.next_ns().get();
            if next_ns >= until_ns {
                return;
            }
            self.turn(next_ns.max(self.now_ns()));
        }
        panic!("it never comes to rest");
    }

    /// From `now_ns` on, until both sides are in step.
    pub fn begin(&mut self, now_ns: i64) {
        for step in 0..1_000 {
            self.turn(now_ns + step * MILLI / 10);
            if self.session.driver().phase() == Phase::Ready {
                return;
            }
        }
        panic!("{:?}", self.session.driver().breaks());
    }

    pub fn play(&mut self, instrument: InstrumentId, row: &BookRow) {
        self.row += 1;
        let payload = if row.kind == RowKind::Trade {
            Payload::Trade(Trade {
                price: Price::from_ticks(row.price),
                qty: Qty::from_lots(row.qty),
                aggressor: Some(row.side),
                flags: BarFlags::NONE,
                row: self.row,
            })
        } else {
            Payload::Tick(row.tick())
        };
        let (seq, venue, venue_ns) = (Seq::default(), VenueId(0), Nanos::new(row.venue_ns));
        let event = Event { seq, recv_ns: Nanos::MIN, venue_ns, instrument, venue, payload };
        self.market.push(&event);
        self.turn(row.venue_ns.max(self.now_ns()));
    }

    /// Somebody asks for something, by the dice.
    pub fn ask(&mut self, dice: &mut Dice, around: i64) {
        let orders = self.session.driver().exposure().orders;
        let last = orders.iter().filter(|order| order.strategy == StrategyId::FIRST).last();
        let last = last.map(|order| order.id).filter(|_| dice.below(3) == 0);
        let side = if dice.below(2) == 0 { Side::Buy } else { Side::Sell };
        let at = |by: i64| Price::from_ticks(around - side.sign() * by);
        let kind = match dice.below(5) {
            0 => OrderKind::Market,
            1 => OrderKind::Stop { trigger: at(-3) },
            2 => OrderKind::TakeProfit { trigger: at(4) },
            _ => OrderKind::Limit { price: at(1 + dice.below(3)) },
        };
        let qty = Qty::from_lots(1 + dice.below(90));
        let (tif, reduce_only, post_only) = (TimeInForce::Gtc, false, false);
        let what = last
            .map_or(AskedFor::Place { side, kind, tif, qty, reduce_only, post_only }, |order| {
                AskedFor::Cancel(Cancel { order })
            });
        let outer = (dice.0 as u128).to_be_bytes();
        let asked = Asked { outer, person: 7, strategy: StrategyId::FIRST, what };
        self.session.ask(InstrumentId(0), asked).unwrap();
        self.look();
    }

    /// Keeps its state, and names it where it is told to. False where it is not at rest.
    pub fn keep(&mut self, is_named: bool) -> bool {
        let driver = self.session.driver();
        if !driver.is_at_rest() {
            return false;
        }
        let stamp = Stamp { seq: Seq::new(driver.events()), at_ns: driver.time_ns() };
        let state = self.state();
        self.keeping.put(stamp, state).unwrap();
        let kept = self.keeping.wait().unwrap().unwrap();
        let (seq, at_ns) = (stamp.seq, stamp.at_ns);
        let name = StateName { seq, at_ns, bytes: kept.bytes, crc: kept.crc };
        if is_named {
            self.session.driver_mut().name_state(name).unwrap();
        }
        true
    }

    /// The state as it stands.
    pub fn state(&self) -> State {
        let mut state = State::after(Lsn::new(self.session.driver().last_kept()));
        state.put(CONFIG, self.config.clone());
        self.session.save(&mut state).unwrap();
        state
    }
}

/// Why the journal in `folder` cannot be played from its first event.
pub fn refusal(folder: &Path) -> String {
    let opened = open_under(&path(folder), &options(folder), &specs(), &[], 1, States::none());
    opened.map(|_| ()).unwrap_err().to_string()
}

/// What happened and what left by the journal in `folder`, behind record `behind`.
pub fn records(folder: &Path, behind: Lsn) -> Vec<Record> {
    let all = JournalReader::open(&path(folder), None).unwrap().map(Result::unwrap);
    let all = all.filter(|entry| entry.lsn > behind).map(|entry| entry.record);
    all.filter(|record| !matches!(record, Record::Snapshot(_) | Record::End(_))).collect()
}

/// Copies a journal that nobody has open.
pub fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    fs::create_dir(path(to.path())).unwrap();
    for file in fs::read_dir(path(from)).unwrap() {
        let file = file.unwrap();
        // All is on the disk, and the memory is the other's.
        if file.file_name() != "memory" {
            fs::copy(file.path(), path(to.path()).join(file.file_name())).unwrap();
        }
    }
    to
}
