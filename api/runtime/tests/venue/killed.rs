//! A process that is killed with its journal on a real file: between keeping a command and sending
//! it, and between sending it and hearing of it. The exchange is a file that outlives it.

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command as Program, Stdio};
use std::sync::Arc;

use crossbeam::channel::bounded;
use qt_backtest::witness::{Decided, NotKept, SaveState, Witness};
use qt_engine::{Bounded, Command, Exposure, Gateway, GatewayEvent, Inside, Question};
use qt_journal::{Durable, Options, verify};
use qt_ring::{Bell, Wait};
use qt_runtime::keeper::{Keeper, Shown};
use qt_runtime::live::{Driver, Parts, Phase, Reading, Settings, feed, fingerprint, open, rings};
use qt_types::{Event, Lacks, Nanos, Seq, VenueId};

use crate::exchange::{Exchange, MILLI, SECOND};
use crate::plan::Plan;
use crate::trader::Trader;
use crate::world::{START, config, gate, specs, trade};

const FOLDER: &str = "QT_LIVE_FOLDER";
const DIES: &str = "QT_LIVE_DIES";

/// Where the process dies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dies {
    /// When so many commands are in the journal, before they leave.
    Kept(u64),
    /// When so many orders have reached the exchange, before anybody has heard of it.
    Sent(u64),
    Never,
}

fn dies() -> Dies {
    let text = env::var(DIES).unwrap_or_default();
    let number = text.split(' ').nth(1).and_then(|number| number.parse().ok()).unwrap_or(0);
    match text.split(' ').next() {
        Some("kept") => Dies::Kept(number),
        Some("sent") => Dies::Sent(number),
        _ => Dies::Never,
    }
}

/// No word more: what is in flight stays there.
fn die() -> ! {
    let pid = std::process::id().to_string();
    let _ = Program::new("kill").args(["-9", &pid]).status();
    loop {
        std::thread::park();
    }
}

/// The exchange, and a file with all that reached it.
struct Outside {
    inner: Exchange,
    log: PathBuf,
    left: Dies,
}

impl Outside {
    /// The exchange as it is after all that the file tells of: orders, none of them filled.
    fn new(folder: &Path, left: Dies) -> Self {
        let log = folder.join("exchange");
        let mut inner = Exchange::new(1, Plan::calm(), START);
        for line in fs::read_to_string(&log).unwrap_or_default().lines() {
            let id: u64 = line.parse().expect("an id");
            let at = inner.place_by_hand(10);
            inner.orders[at].client = qt_types::OrderId::new((id >> 48) as u16, id);
            inner.orders[at].price = 999;
            *inner.arrived.entry(inner.orders[at].client).or_default() += 1;
        }
        Self { inner, log, left }
    }
}

impl Gateway for Outside {
    fn connect(&mut self, now_ns: Nanos) {
        self.inner.connect(now_ns);
    }

    fn disconnect(&mut self, now_ns: Nanos) {
        self.inner.disconnect(now_ns);
    }

    fn submit(&mut self, command: &Command, handed_ns: Nanos, now_ns: Nanos) {
        if let Command::New(new) = command {
            let mut log = fs::OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
            writeln!(log, "{}", new.order.get()).unwrap();
            if let Dies::Sent(left) = &mut self.left {
                *left -= 1;
                if *left == 0 {
                    die();
                }
            }
        }
        self.inner.submit(command, handed_ns, now_ns);
    }

    fn ask(&mut self, number: u32, question: Question, now_ns: Nanos) {
        self.inner.ask(number, question, now_ns);
    }

    fn poll(&mut self, now_ns: Nanos, out: &mut Bounded<GatewayEvent>) {
        self.inner.poll(now_ns, out);
    }

    fn next_ns(&self) -> Option<Nanos> {
        self.inner.next_ns()
    }
}

/// The keeper, and the end of the process behind it.
struct Last {
    keeper: Keeper,
    left: Dies,
    /// Events that were made again are not counted.
    repeated: u64,
}

impl Witness for Last {
    fn sequenced(&mut self, event: &Event) -> Result<(), NotKept> {
        self.keeper.sequenced(event)
    }

    fn stepped(&mut self) {
        self.keeper.stepped();
    }

    fn leaving(
        &mut self,
        commands: &[Command],
        seq: Seq,
        now_ns: Nanos,
        state: u64,
    ) -> Result<(), NotKept> {
        self.keeper.leaving(commands, seq, now_ns, state)?;
        if let Dies::Kept(left) = &mut self.left
            && seq.get() > self.repeated
        {
            *left -= 1;
            if *left == 0 {
                die();
            }
        }
        Ok(())
    }

    fn next_decision(&mut self, last: Seq) -> Option<Decided> {
        self.keeper.next_decision(last)
    }

    fn stopped(
        &mut self,
        last: Seq,
        now_ns: Nanos,
        ended: qt_backtest::simulator::Ended,
        save: &SaveState<'_>,
    ) {
        self.keeper.stopped(last, now_ns, ended, save);
    }

    fn glance(&mut self, last: Seq, now_ns: Nanos, exposure: &Exposure<'_>, inside: &dyn Inside) {
        self.keeper.glance(last, now_ns, exposure, inside);
    }
}

/// What one process does: it begins, places orders one by one, and says how both sides stand.
fn process(folder: &Path, dies: Dies) -> String {
    let mut options = Options::new(fingerprint(&[]).unwrap(), Durable::Memory);
    (options.memory_bytes, options.reserve_bytes) = (1 << 17, 1 << 13);
    options.segment_bytes = 1 << 19;
    let opened = open(&folder.join("live.qtj"), &options, &specs(), &[]).unwrap();
    let (_to, controls) = bounded(1);
    let repeated = opened.last;
    let keeper = Keeper::new(opened.begin, controls, Arc::new(Shown::default()));
    let bell = Arc::new(Bell::new(Wait::Yield));
    let (port, mut end) = rings(64, &bell, Wait::Yield, SECOND).unwrap();
    let (mut feed, reader) = feed(64, 2, VenueId(0), &bell).unwrap();
    let mut driver = Driver::new(Parts {
        pipeline: qt_engine::PipelineConfig { epoch: opened.epoch, ..config() },
        lacks: Lacks::NOTHING,
        strategy: Trader::places(12),
        gate: gate(1_000_000),
        witness: Box::new(Last { keeper, left: dies, repeated }),
        port,
        feeds: vec![reader],
        settings: Settings { cancels_at_stop: false, ..Settings::default() },
    });
    driver.repeat_with(opened.events, &mut |_, _| {}).unwrap();
    let mut outside = Outside::new(folder, dies);
    let mut now_ns = driver.time_ns().get().max(START);
    let begun_ns = now_ns;
    let mut next_print_ns = now_ns;
    let mut turn = |driver: &mut Driver<Trader, qt_risk::RiskGate>, is_quiet: bool| {
        now_ns += MILLI;
        if next_print_ns <= now_ns && !is_quiet {
            next_print_ns = now_ns + 20 * MILLI;
            feed.push(&trade(1, Nanos::MIN));
        }
        let reading =
            Reading { wall_ns: Nanos::new(now_ns), steady_ns: (now_ns - begun_ns).unsigned_abs() };
        end.turn(&mut outside, Nanos::new(now_ns));
        driver.turn(reading).unwrap();
        end.turn(&mut outside, Nanos::new(now_ns));
        now_ns - begun_ns
    };
    while driver.phase() != Phase::Ready {
        assert!(turn(&mut driver, true) < 60 * SECOND, "{:?}", driver.breaks());
    }
    let ready_at = driver.blotter().open().count();
    while driver.exposure().orders.iter().count() < 12 || !driver.is_settled() {
        assert!(turn(&mut driver, false) < 120 * SECOND, "{:?}", driver.figures());
    }
    driver.close();
    let mut ours: Vec<_> = driver.exposure().orders.iter().map(|it| it.id).collect();
    let mut theirs = outside.inner.open();
    ours.sort_unstable();
    theirs.sort_unstable();
    assert_eq!(ours, theirs);
    assert!(outside.inner.arrived.values().all(|times| *times == 1));
    format!("epoch {} ready with {ready_at} sent {}", opened.epoch, driver.figures().sent)
}

/// The process that is killed: this test once more. Otherwise it does nothing.
#[test]
fn child() {
    let Ok(folder) = env::var(FOLDER) else { return };
    let told = process(Path::new(&folder), dies());
    println!("told: {told}");
}

fn start(folder: &Path, dies: &str) -> (bool, String) {
    let output = Program::new(env::current_exe().unwrap())
        .args(["killed::child", "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .env(DIES, dies)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    let told = out.lines().find_map(|line| line.split_once("told: ")).map(|it| it.1.to_owned());
    (output.status.success(), told.unwrap_or(err))
}

#[test]
fn killed_before_or_after_sending_an_order_is_there_once_or_never() {
    for place in ["kept", "sent"] {
        let folder = tempfile::tempdir().unwrap();
        // Each process gets a little further; each dies in its first moments or later.
        for round in 1..=4 {
            let (is_fine, told) = start(folder.path(), &format!("{place} {round}"));
            assert!(!is_fine, "{place} {round}: it should have died: {told}");
        }
        let reached = fs::read_to_string(folder.path().join("exchange")).unwrap_or_default();
        let reached = reached.lines().count();
        assert!(reached >= 3, "{place}: {reached}");
        let (is_fine, told) = start(folder.path(), "never");
        assert!(is_fine, "{place}: {told}");
        assert!(told.contains(&format!("epoch 1 ready with {reached} ")), "{place}: {told}");
        let report = verify(&folder.path().join("live.qtj")).unwrap();
        assert!(report.is_whole() && report.is_ended, "{report}");
        // In a journal of its own the next run has a number of its own.
        fs::remove_dir_all(folder.path().join("live.qtj")).unwrap();
        fs::remove_file(folder.path().join("exchange")).unwrap();
        let (is_fine, told) = start(folder.path(), "never");
        assert!(is_fine && told.contains("epoch 2 ready with 0 sent 12"), "{told}");
    }
}
