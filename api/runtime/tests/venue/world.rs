//! One thread, simulated time: an exchange, a driver, and a market that prints.

use std::collections::BTreeSet;
use std::sync::Arc;

use qt_engine::{BookKind, BookLimits, CrossPolicy, Exits, Gateway, Halt, PipelineConfig};
use qt_ring::{Bell, Wait};
use qt_risk::{
    Account, AccountGate, Key, Level, Limit, Profile, ProfileName, RiskGate, Setup, Sizing,
};
use qt_runtime::live::{
    BESIDE_NOTE, Beside, Driver, FeedWriter, GatewayEnd, Parts, Phase, Reading, Settings, feed,
    rings,
};
use qt_types::{
    BarFlags, Cash, E9, Event, InstrumentId, InstrumentKind, InstrumentSpec, Lacks, Limits, Nanos,
    OrderId, Payload, Price, Qty, Seq, Trade, VenueId,
};

use crate::exchange::{Exchange, MILLI, SECOND};
use crate::memory::Memory;
use crate::trader::Trader;

pub const START: i64 = 1_700_000_000 * SECOND;

pub struct World {
    pub exchange: Exchange,
    pub end: GatewayEnd,
    pub driver: Driver<Trader, RiskGate>,
    pub feed: FeedWriter,
    pub memory: Memory,
    pub now_ns: i64,
    pub rig: Rig,
    /// How far the wall clock is ahead of the truth.
    pub wall_ns: i64,
    row: u32,
    next_print_ns: i64,
    pub print_every_ns: i64,
}

pub fn specs() -> Vec<InstrumentSpec> {
    let spec = |name| InstrumentSpec::new(name, "USD", InstrumentKind::Perpetual, E9, E9, E9);
    ["ONE", "TWO"].map(|name| spec(name).unwrap()).into()
}

/// A trade of the first instrument at `now_ns`; the driver gives one without a time its own.
pub fn trade(row: u32, now_ns: Nanos) -> Event {
    let payload = Payload::Trade(Trade {
        price: Price::from_ticks(1_000),
        qty: Qty::from_lots(1),
        aggressor: None,
        flags: BarFlags::NONE,
        row,
    });
    let (seq, instrument, venue) = (Seq::default(), InstrumentId(0), VenueId(0));
    Event { seq, recv_ns: now_ns, venue_ns: now_ns, instrument, venue, payload }
}

pub fn config() -> PipelineConfig {
    let crosses = CrossPolicy::Stale;
    let book = BookLimits { window_ticks: 256, far_levels_max: 64, crosses };
    PipelineConfig {
        specs: specs(),
        initial: Cash::from_nano(1_000_000_000_000_000_000),
        exits: Exits::default(),
        limits: Limits { orders_open_max: 64, ..Limits::default() },
        epoch: 3,
        books: vec![BookKind::None, BookKind::Levels(book)],
        active_from_ns: Nanos::MIN,
    }
}

/// A gate that lets a position of `most` lots pass, long or short.
pub fn gate(most: i64) -> RiskGate {
    let mut profile = Profile::new(ProfileName::Research);
    for key in [Key::Long, Key::Short] {
        let limit = Limit::hard(i128::from(most) * i128::from(E9));
        profile.instruments_mut().set(key, limit);
        for level in [Level::Strategy, Level::Account, Level::Tenant, Level::Global] {
            profile.level_mut(level).set(key, limit);
        }
    }
    let specs = specs();
    let setup = Setup::single(&profile, &specs, Cash::from_nano(1_000_000_000_000_000_000), 1_000);
    let account = Account::Margin { leverage_e9: i64::MAX };
    RiskGate::new(&setup, AccountGate::new(account, Sizing::Fixed { qty_e9: E9 }, None))
}

/// What a driver is made from each time that a process begins.
#[derive(Clone)]
pub struct Rig {
    pub trader: Trader,
    pub settings: Settings,
    pub capacity: usize,
    pub lacks: Lacks,
    /// The largest position.
    pub most: i64,
}

impl Rig {
    pub fn new(trader: Trader, settings: Settings) -> Self {
        Self { trader, settings, capacity: 1_024, lacks: Lacks::NOTHING, most: 1_000_000 }
    }

    fn make(&self, memory: &Memory) -> Made {
        let bell = Arc::new(Bell::new(Wait::Yield));
        let (port, end) = rings(self.capacity, &bell, Wait::Yield, self.settings.late_ns).unwrap();
        let (feed, reader) = feed(1_024, 2, VenueId(0), &bell).unwrap();
        let driver = Driver::new(Parts {
            pipeline: config(),
            lacks: self.lacks,
            strategy: self.trader.clone(),
            gate: gate(self.most),
            witness: memory.writer(),
            port,
            feeds: vec![reader],
            settings: self.settings,
        });
        (driver, end, feed)
    }
}

type Made = (Driver<Trader, RiskGate>, GatewayEnd, FeedWriter);

impl World {
    pub fn new(exchange: Exchange, trader: Trader, settings: Settings) -> Self {
        Self::of(exchange, Rig::new(trader, settings))
    }

    pub fn of(exchange: Exchange, rig: Rig) -> Self {
        let memory = Memory::default();
        let (driver, end, feed) = rig.make(&memory);
        Self {
            exchange,
            end,
            driver,
            feed,
            memory,
            now_ns: START,
            rig,
            wall_ns: 0,
            row: 0,
            next_print_ns: START,
            print_every_ns: 50 * MILLI,
        }
    }

    /// The process dies, and another one begins with what was kept.
    pub fn restart(&mut self) {
        self.exchange.disconnect(Nanos::new(self.now_ns));
        (self.driver, self.end, self.feed) = self.rig.make(&self.memory);
        self.driver.repeat(self.memory.events()).unwrap();
        let notes = self.memory.notes.lock().unwrap().clone();
        if let Some(note) = notes.iter().rfind(|note| note.kind == BESIDE_NOTE) {
            self.driver.set_beside(Beside::read(&note.bytes).unwrap());
        }
    }

    pub fn reading(&self) -> Reading {
        let wall_ns = Nanos::new(self.now_ns + self.wall_ns);
        Reading { wall_ns, steady_ns: (self.now_ns - START).unsigned_abs() }
    }

    /// Prints a trade of the first instrument.
    pub fn print(&mut self) {
        self.row += 1;
        self.feed.push(&trade(self.row, Nanos::new(self.now_ns)));
    }

    /// To the next moment at which anything happens, `until_ns` at the latest.
    pub fn step(&mut self, until_ns: i64) -> Result<(), Halt> {
        let coming = self.exchange.next_ns().map_or(i64::MAX, Nanos::get);
        let next_ns = coming.min(self.driver.next_ns().get()).min(self.next_print_ns);
        self.now_ns = next_ns.clamp(self.now_ns + 1_000, until_ns.max(self.now_ns + 1_000));
        if self.next_print_ns <= self.now_ns {
            self.next_print_ns = self.now_ns + self.print_every_ns;
            self.print();
        }
        let now_ns = Nanos::new(self.now_ns);
        self.end.turn(&mut self.exchange, now_ns);
        self.driver.turn(self.reading())?;
        self.end.turn(&mut self.exchange, now_ns);
        Ok(())
    }

    pub fn run(&mut self, ns: i64) {
        let until_ns = self.now_ns + ns;
        while self.now_ns < until_ns {
            self.step(until_ns).unwrap();
        }
    }

    /// Until `is_there`; fails after `ns`.
    pub fn run_until(&mut self, ns: i64, mut is_there: impl FnMut(&Self) -> bool) -> i64 {
        let (from_ns, until_ns) = (self.now_ns, self.now_ns + ns);
        while !is_there(self) {
            assert!(self.now_ns < until_ns, "not within {ns} ns: {}", self.context());
            self.step(until_ns).unwrap();
        }
        self.now_ns - from_ns
    }

    pub fn until_ready(&mut self) -> i64 {
        self.run_until(60 * SECOND, |world| world.driver.phase() == Phase::Ready)
    }

    /// Our position in the first instrument, in lots.
    pub fn position(&self) -> i64 {
        self.driver.exposure().position(InstrumentId(0)).lots()
    }

    /// What we take to be open at the venue.
    pub fn open(&self) -> Vec<OrderId> {
        let mut open: Vec<_> = self.driver.blotter().open().map(|line| line.order).collect();
        open.sort_unstable();
        open
    }

    /// How both sides stand, for a test that failed.
    fn context(&self) -> String {
        let orders: Vec<_> = self.driver.exposure().orders.iter().collect();
        let lines: Vec<_> = self.driver.blotter().open().collect();
        format!(
            "{:?} {:?} {:?}\nours {orders:#?}\nlines {lines:#?}\ntheirs {:#?}",
            self.driver.figures(),
            self.driver.phase(),
            self.driver.breaks(),
            self.exchange
                .orders
                .iter()
                .filter(|it| orders.iter().any(|o| o.id == it.client))
                .collect::<Vec<_>>()
        )
    }

    /// No order twice, none forgotten on either side, one position.
    pub fn assert_same(&self, what: &str) {
        let figures = self.driver.figures();
        let context = || format!("{what}: {}", self.context());
        for (order, times) in &self.exchange.arrived {
            assert_eq!(*times, 1, "{order} arrived {times} times, {}", context());
        }
        let mut theirs = self.exchange.open();
        theirs.sort_unstable();
        assert_eq!(self.open(), theirs, "{}", context());
        let wholes =
            |ids: &mut dyn Iterator<Item = OrderId>| -> BTreeSet<OrderId> { ids.collect() };
        let known = wholes(&mut self.driver.exposure().orders.iter().map(|it| it.id));
        let at_venue = wholes(&mut theirs.iter().map(|id| id.whole()));
        assert_eq!(known, at_venue, "{}", context());
        assert_eq!(self.position(), self.exchange.positions[0], "{}", context());
        assert_eq!(figures.unknown_now, 0, "{}", context());
        assert!(self.driver.exposure().ledger.check().is_ok(), "{}", context());
    }
}
