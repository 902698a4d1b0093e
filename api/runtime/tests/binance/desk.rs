//! A run with all its threads: driver, gateway, sockets, a feed; and what it believes at its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use qt_engine::{BookKind, Exits, PipelineConfig};
use qt_feeds::drive::{Authorities, Settings as Sockets};
use qt_feeds::gateway::{self, Running};
use qt_feeds::venue::binance::trade::{
    OrderMachine, Profile as VenueProfile, SPOT, Standing, TradeSettings, Traded,
};
use qt_feeds::venue::binance::{Access, Signer};
use qt_feeds::{Ed25519Key, HmacKey, Secret};
use qt_ring::{Bell, Wait};
use qt_risk::{
    Account, AccountGate, Key, Level, Limit, Profile, ProfileName, RiskGate, Setup, Sizing,
};
use qt_runtime::live::{
    Clock, Course, Driver, LiveError, LiveShown, Parts, Reading, Settings, SystemClock,
    VenueFigures, Watch, attend, feed, rings, run,
};
use qt_types::{
    BarFlags, Cash, E9, Event, InstrumentId, InstrumentKind, InstrumentSpec, Lacks, Limits, Nanos,
    Payload, Price, Qty, ReportKind, Seq, Trade, VenueId,
};
use qt_venue_sim::venue::binance::DemoKeys;

use crate::memory::Memory;
use crate::trader::Trader;
use crate::venue::{Truth, amount};

const MILLI: i64 = 1_000_000;
/// A test gives up after so long: never how long anything takes.
pub const PATIENCE: Duration = Duration::from_secs(60);

fn spec(profile: &VenueProfile) -> InstrumentSpec {
    let (kind, tick, lot) = match profile.has_positions() {
        true => (InstrumentKind::Perpetual, E9 / 10, E9 / 1_000),
        false => (InstrumentKind::Spot, E9 / 100, E9 / 100_000),
    };
    InstrumentSpec::new("BTCUSDT", "USDT", kind, tick, lot, E9).unwrap()
}

pub fn access(account: &str) -> Access {
    let keys = DemoKeys::of(account);
    let secret = Secret::new(keys.hmac_secret.into_bytes());
    Access::new(Secret::new(keys.hmac_api_key), Signer::Hmac(HmacKey::new(&secret))).unwrap()
}

/// A key of Ed25519 of the same account.
pub fn ed25519(account: &str) -> Access {
    let keys = DemoKeys::of(account);
    let key = Ed25519Key::from_pem(&Secret::new(keys.ed25519_private_pem)).unwrap();
    Access::new(Secret::new(keys.ed25519_api_key), Signer::Ed25519(key)).unwrap()
}

pub fn sockets() -> Sockets {
    sockets_at(0)
}

/// The same on a machine whose clock is ahead by so much.
fn sockets_at(ahead_ns: i64) -> Sockets {
    let (mut clock, mut watch) = (Off::start(ahead_ns), Watch::new(Nanos::MIN));
    let clock = Box::new(move || watch.look(clock.read()));
    Sockets { clock, authorities: Authorities::Native, witness: None }
}

/// The clock of a machine that is ahead of the venue's by so much.
struct Off {
    clock: SystemClock,
    ahead_ns: i64,
}

impl Off {
    fn start(ahead_ns: i64) -> Self {
        Self { clock: SystemClock::start(), ahead_ns }
    }
}

impl Clock for Off {
    fn read(&mut self) -> Reading {
        let reading = self.clock.read();
        Reading { wall_ns: reading.wall_ns.saturating_add_ns(self.ahead_ns), ..reading }
    }
}

/// Times of a venue on the same machine.
fn brisk() -> Settings {
    Settings {
        answer_ns: 500 * MILLI,
        late_ns: 500 * MILLI,
        absence_ns: 2_500 * MILLI,
        silence_ns: 3_000 * MILLI,
        question_ns: 3_000 * MILLI,
        connect_ns: 3_000 * MILLI,
        retry_ns: 20 * MILLI,
        compare_ns: 1_000 * MILLI,
        history_ns: 3_600_000 * MILLI,
        clock_ns: 5_000 * MILLI,
        attempts_max: 64,
        ..Settings::default()
    }
}

fn config(profile: &VenueProfile) -> PipelineConfig {
    PipelineConfig {
        specs: vec![spec(profile)],
        initial: Cash::from_nano(1_000_000_000_000_000_000),
        exits: Exits::default(),
        limits: Limits { orders_open_max: 64, ..Limits::default() },
        epoch: 3,
        books: vec![BookKind::None],
        active_from_ns: Nanos::MIN,
    }
}

fn gate(of: &VenueProfile) -> RiskGate {
    let mut profile = Profile::new(ProfileName::Research);
    for key in [Key::Long, Key::Short] {
        let limit = Limit::hard(1_000_000 * i128::from(E9));
        profile.instruments_mut().set(key, limit);
        for level in [Level::Strategy, Level::Account, Level::Tenant, Level::Global] {
            profile.level_mut(level).set(key, limit);
        }
    }
    let cash = Cash::from_nano(1_000_000_000_000_000_000);
    let specs = [spec(of)];
    let setup = Setup::single(&profile, &specs, cash, 1_000);
    let account = Account::Margin { leverage_e9: i64::MAX };
    RiskGate::new(&setup, AccountGate::new(account, Sizing::Fixed { qty_e9: E9 }, None))
}

/// What a run is made from each time that a process begins.
#[derive(Clone)]
pub struct Rig {
    pub profile: &'static VenueProfile,
    pub url: String,
    pub trader: Trader,
    pub lacks: Lacks,
    pub memory: Memory,
    pub baseline: Option<Vec<(String, i64)>>,
    pub access: Access,
    pub start_ns: u64,
    pub authorities: Authorities,
    /// How far our clock is ahead of the venue's.
    pub ahead_ns: i64,
    /// Whether orders of others may be there.
    pub adopts: bool,
}

impl Rig {
    pub fn new(addr: std::net::SocketAddr, trader: Trader) -> Self {
        Self::at(&SPOT, addr, trader)
    }

    pub fn at(profile: &'static VenueProfile, addr: std::net::SocketAddr, trader: Trader) -> Self {
        Self {
            profile,
            url: format!("http://{addr}"),
            trader,
            lacks: profile.lacks,
            memory: Memory::default(),
            baseline: None,
            access: access("demo"),
            start_ns: 60_000_000_000,
            authorities: Authorities::Native,
            ahead_ns: 0,
            adopts: false,
        }
    }
}

/// What a run has come to.
pub struct Ended {
    pub result: Result<VenueFigures, LiveError>,
    pub position: i64,
    pub figures: VenueFigures,
    pub is_settled: bool,
    pub standing: Standing,
    /// What the run has, without what its positions cost (hundred-millionths).
    pub money: i64,
}

pub struct Run {
    stop: Arc<AtomicBool>,
    kill: Arc<AtomicBool>,
    driver: JoinHandle<Ended>,
    gateway: JoinHandle<()>,
    feed: JoinHandle<()>,
    running: Running<Standing>,
    standing: Standing,
}

impl Run {
    pub fn start(rig: &Rig) -> Self {
        let bell = Arc::new(Bell::new(Wait::Park));
        let (port, mut end) = rings(1_024, &bell, Wait::Park, brisk().late_ns).unwrap();
        let (mut feed, reader) = feed(1_024, 1, VenueId(0), &bell).unwrap();
        let mut driver = Driver::new(Parts {
            pipeline: config(rig.profile),
            lacks: rig.lacks,
            strategy: rig.trader.clone(),
            gate: gate(rig.profile),
            witness: rig.memory.writer(),
            port,
            feeds: vec![reader],
            settings: Settings { accepts_foreign: rig.adopts, ..brisk() },
        });
        driver.repeat(rig.memory.events()).unwrap();
        let session = OrderMachine::new(session(rig)).unwrap();
        let authorities = rig.authorities.clone();
        let sockets = Sockets { authorities, ..sockets_at(rig.ahead_ns) };
        let (mut gateway, running) =
            gateway::start("venue", session, sockets, 1_024, end.bell()).unwrap();
        let ahead_ns = rig.ahead_ns;
        let (stop, kill) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let gateway = thread::spawn(move || {
            attend(&mut end, &mut gateway, &mut Off::start(ahead_ns));
        });
        let (stopped, start_ns) = (Arc::clone(&stop), rig.start_ns);
        let driver = thread::spawn(move || {
            let mut clock = Off::start(ahead_ns);
            let course = &mut Course {
                clock: &mut clock,
                bell: &bell,
                stop: &stopped,
                shown: &LiveShown::default(),
                start_ns,
            };
            let result = run(&mut driver, course);
            let exposure = driver.exposure();
            let position = exposure.position(InstrumentId(0)).lots();
            let cost = exposure.ledger.position(InstrumentId(0)).cost();
            let money = (exposure.ledger.cash() - cost).nano() / 10;
            let money = i64::try_from(money).unwrap();
            let (figures, is_settled) = (driver.figures(), driver.is_settled());
            let standing = Standing::default();
            Ended { result, position, figures, is_settled, standing, money }
        });
        let over = Arc::clone(&kill);
        let middle = rig.trader.middle;
        let feed = thread::spawn(move || {
            let mut row = 0;
            while !over.load(Ordering::Acquire) {
                row += 1;
                feed.push(&print(row, middle));
                thread::sleep(Duration::from_millis(15));
            }
        });
        let standing = Standing::default();
        Self { stop, kill, driver, gateway, feed, running, standing }
    }

    /// How the session stands, as it was shown last.
    pub fn standing(&mut self) -> &Standing {
        if let Some(standing) = self.running.standing() {
            self.standing = standing;
        }
        &self.standing
    }

    /// Until `is_there`.
    pub fn until(&mut self, what: &str, mut is_there: impl FnMut(&mut Self) -> bool) {
        let begun = Instant::now();
        while !is_there(self) {
            assert!(begun.elapsed() < PATIENCE, "{what}: {:?}", self.standing());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until it has ended by itself.
    pub fn stop_when_over(mut self) -> Result<VenueFigures, LiveError> {
        self.until("the end", |run| run.driver.is_finished());
        self.stop().result
    }

    /// Ends without a word to anybody, as a process that is killed: its sockets close.
    pub fn abandon(self) {
        drop(self.running);
        self.kill.store(true, Ordering::Release);
        self.feed.join().unwrap();
        // The other threads stay behind, and have nobody to talk to.
    }

    /// Stops it in order.
    pub fn stop(mut self) -> Ended {
        self.stop.store(true, Ordering::Release);
        let ended = self.driver.join().unwrap();
        self.kill.store(true, Ordering::Release);
        self.feed.join().unwrap();
        self.gateway.join().unwrap();
        if let Some(standing) = self.running.standing() {
            self.standing = standing;
        }
        Ended { standing: self.standing, ..ended }
    }
}

fn session(rig: &Rig) -> TradeSettings {
    let traded = Traded {
        instrument: InstrumentId(0),
        symbol: "BTCUSDT".to_owned(),
        spec: spec(rig.profile),
        base: "BTC".to_owned(),
        quote: "USDT".to_owned(),
        takes_stop_limits: true,
        can_amend: true,
        can_replace: true,
    };
    let settings = TradeSettings::new(rig.profile, rig.access.clone(), vec![traded]);
    TradeSettings {
        base: Some(rig.url.clone()),
        baseline: rig.baseline.clone(),
        recv_window_ms: 1_000,
        late_ns: 500 * MILLI,
        beat_ns: 250 * MILLI,
        patience_ns: 3_000 * MILLI,
        ..settings
    }
}

/// A print of the market: what the strategy acts at.
fn print(row: u32, middle: i64) -> Event {
    let payload = Payload::Trade(Trade {
        price: Price::from_ticks(middle),
        qty: Qty::from_lots(1),
        aggressor: None,
        flags: BarFlags::NONE,
        row,
    });
    let (seq, instrument, venue) = (Seq::default(), InstrumentId(0), VenueId(0));
    Event { seq, recv_ns: Nanos::MIN, venue_ns: Nanos::MIN, instrument, venue, payload }
}

/// What the journal has of executions: their numbers and lots.
pub fn booked(memory: &Memory) -> BTreeMap<u64, i64> {
    let mut booked = BTreeMap::new();
    for event in memory.events() {
        if let Payload::Report(report) = event.payload
            && report.kind == ReportKind::Filled
            && !report.order.is_none()
        {
            booked.insert(report.exec.0 - 1, report.qty.lots());
        }
    }
    booked
}

/// Both sides agree: executions, the position, what is open, and no order was there twice.
pub fn assert_true(truth: &Truth, memory: &Memory, ended: &Ended, before: i64, what: &str) {
    let context = || format!("{what}: {:?} {:?}", ended.figures, ended.standing);
    // What a lot is, in hundred-millionths.
    let lot = if truth.is_futures { 100_000 } else { 1_000 };
    let lots = |it: &serde_json::Value| amount(&it["qty"]) / lot;
    let trades = truth.trades();
    let theirs: BTreeMap<u64, i64> =
        trades.iter().map(|it| (it["id"].as_u64().unwrap(), lots(it))).collect();
    assert_eq!(booked(memory), theirs, "executions, {}", context());
    assert_eq!(truth.open_orders(), Vec::<serde_json::Value>::new(), "{}", context());
    let moved = (truth.held("BTC") - before) / lot;
    assert_eq!(ended.position, moved, "position, {}", context());
    let mut names = BTreeMap::new();
    for order in truth.orders() {
        *names.entry(order["clientOrderId"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    assert!(names.values().all(|times| *times == 1), "{names:?}");
    assert_eq!(ended.figures.unknown_now, 0, "{}", context());
    assert!(ended.is_settled, "{}", context());
}
