//! Tick to trade: how long the bytes of a depth frame take to become the bytes of a signed order,
//! with every risk limit set and everything journaled.

mod figures;
mod frames;
mod keys;
mod path;
mod run;
mod stages;
mod strategy;

use std::time::Duration;

use qt_journal::{Durable, RecordKind, verify};
use qt_risk::RiskGate;
use serde::Serialize;

use self::figures::{Spread, Windows};
use self::frames::Frames;
use self::keys::Key;
use self::path::{Counts, Fault, Path, Plan};
use self::run::{Disturbance, Fed, Nothing, Pace, Seats, drive};
use super::Measurement;
use super::risk_rig::{self, Limits};
use super::scratch::Scratch;
use crate::failure::Failure;
use crate::output::Output;

/// Frames before those that count.
const WARM_UP: u64 = 40_000;
/// The same where each waits for the disk.
const WARM_UP_DISK: u64 = 300;
/// Frames after which the disk catches up where they come back to back.
const BURST: usize = 16_384;
/// A journal holds no more than this of a run; a longer one has several, one after the other.
const LEG: Duration = Duration::from_secs(10);
/// The rate of the published figure.
const RATE: u64 = 100_000;

/// What a latency is read with.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    /// Which limits the gate had.
    pub risk: &'static str,
    /// What durable meant.
    pub journal: &'static str,
    /// The threads of the path.
    pub topology: &'static str,
    /// Frames that were taken in, those of the warm-up included.
    pub frames: u64,
    /// Orders that came of them: as many.
    pub orders: u64,
    /// Frames a second, where they were paced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u64>,
    /// Windows of one second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub windows: Option<Windows>,
    /// What the system did to the thread.
    #[serde(flatten)]
    pub disturbance: Disturbance,
    /// How often the path had to wait for room in the journal's memory.
    pub journal_waits: u64,
}

/// A run to be measured.
struct Run<'a> {
    name: &'static str,
    definition: &'static str,
    frames: &'a Frames,
    pace: Pace,
    durable: Durable,
    key: Key,
    seconds: u64,
}

/// What came of it.
#[derive(Default)]
struct Ran {
    times: Vec<u32>,
    counts: Counts,
    disturbance: Disturbance,
    waits: u64,
}

/// Everything that measurements share.
struct Bench<'a> {
    seats: Seats,
    full: bool,
    out: &'a Output,
}

/// Measures everything.
///
/// # Errors
/// When a frame does not become an order, the journal does not hold what was done, or a signature
/// is wrong.
pub fn measure(full: bool, out: &Output) -> Result<Vec<Measurement>, Failure> {
    let bench = Bench { seats: Seats::find(), full, out };
    out.note(&format!("the path: {}", bench.seats.text()));
    let fixed = Frames::fixed(frames::FRAMES);
    let mixed = Frames::mixed(frames::FRAMES);
    let mut all = vec![bench.control("null-control/before")?];
    for run in runs(full, &fixed, &mixed) {
        all.push(bench.measure(&run)?);
    }
    all.push(bench.control("null-control/after")?);
    set_floors(&mut all);
    Ok(all)
}

fn runs<'a>(full: bool, fixed: &'a Frames, mixed: &'a Frames) -> Vec<Run<'a>> {
    let run = |name, definition, pace, short| Run {
        name,
        definition,
        frames: fixed,
        pace,
        durable: Durable::Memory,
        key: Key::Hmac,
        seconds: if full { 60 } else { short },
    };
    vec![
        run("fused/paced", "frames of 20 levels at 100,000 a second", Pace::PerSecond(RATE), 4),
        run("fused/paced_10k", "the same at 10,000 a second", Pace::PerSecond(10_000), 3),
        run("fused/paced_1k", "the same at 1,000 a second", Pace::PerSecond(1_000), 3),
        run(
            "fused/back-to-back",
            "the same, each frame when the one before is done: throughput, not latency",
            Pace::BackToBack(BURST),
            3,
        ),
        Run {
            frames: mixed,
            ..run(
                "fused/real_mix",
                "frames of sizes as recorded at 10,000 a second",
                Pace::PerSecond(10_000),
                2,
            )
        },
        Run {
            durable: Durable::Disk,
            ..run(
                "fused/disk",
                "20 levels back to back, each order on the disk before it is written out",
                Pace::BackToBack(usize::MAX),
                2,
            )
        },
        Run {
            key: Key::Ed25519,
            ..run(
                "fused/ed25519",
                "20 levels at 10,000 a second, signed with Ed25519",
                Pace::PerSecond(10_000),
                2,
            )
        },
    ]
}

impl Bench<'_> {
    /// Pace and clock alone.
    fn control(&self, name: &'static str) -> Result<Measurement, Failure> {
        self.out.detail(name);
        let seconds = if self.full { 60 } else { 2 };
        let mut times = vec![u32::MAX; (RATE * seconds) as usize];
        let drive = || drive(&mut Nothing, Pace::PerSecond(RATE), 0, &mut times, LEG);
        let (_, disturbance) = self.on_path(drive)?.map_err(broken)?;
        let ran = Ran { times, disturbance, ..Ran::default() };
        let definition = "the same loop at 100,000 a second with nothing to do: the floor";
        Ok(measurement(name, definition, ran, ["none"; 3], Some(RATE)))
    }

    fn measure(&self, run: &Run<'_>) -> Result<Measurement, Failure> {
        self.out.note(run.name);
        let mut ran = Ran::default();
        let mut left = Duration::from_secs(run.seconds);
        while !left.is_zero() {
            let time = left.min(LEG);
            self.leg(run, time, &mut ran)?;
            left -= time;
        }
        let per_second = match run.pace {
            Pace::PerSecond(rate) => Some(rate),
            Pace::BackToBack(_) => None,
        };
        let facts = ["all", run.durable.text(), "fused"];
        Ok(measurement(run.name, run.definition, ran, facts, per_second))
    }

    /// A journal's worth of a run.
    fn leg(&self, run: &Run<'_>, time: Duration, ran: &mut Ran) -> Result<(), Failure> {
        let scratch = Scratch::new("bench-latency")?;
        let plan = self.plan(run, &scratch);
        let path = Path::new(&plan, gate()?)?.ok_or_else(unsound)?;
        let warm_up = if run.durable == Durable::Disk { WARM_UP_DISK } else { WARM_UP };
        // Back to back there are never more than this a second.
        let rate = match run.pace {
            Pace::PerSecond(rate) => rate,
            Pace::BackToBack(_) => 1_000_000,
        };
        let mut times = vec![u32::MAX; (rate * time.as_secs()) as usize];
        let mut fed = Fed { path, frames: run.frames };
        let drive = || drive(&mut fed, run.pace, warm_up, &mut times, time);
        let (counted, disturbance) = self.on_path(drive)?.map_err(broken)?;
        ran.times.extend(times.into_iter().take(counted));
        ran.disturbance = ran.disturbance.and(disturbance);
        ran.waits += fed.path.journal.status().waits;
        let counts = finish(fed.path, &plan)?;
        ran.counts.frames += counts.frames;
        ran.counts.orders += counts.orders;
        Ok(())
    }

    fn plan<'a>(&self, run: &Run<'a>, scratch: &'a Scratch) -> Plan<'a> {
        Plan {
            frames: run.frames,
            folder: scratch.path(),
            durable: run.durable,
            key: run.key,
            writer: self.seats.writer(),
        }
    }

    fn on_path<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, Failure> {
        let ended = self.seats.on(self.seats.path, work);
        ended.ok_or_else(|| Failure::failed("the measuring thread ended unexpectedly"))
    }
}

fn gate() -> Result<RiskGate, Failure> {
    let specs: Vec<_> = path::spec().into_iter().collect();
    risk_rig::gate(Limits::All, &specs).ok_or_else(unsound)
}

fn unsound() -> Failure {
    Failure::failed("a constant of the bench is not sound; report this")
}

fn broken(fault: Fault) -> Failure {
    Failure::failed(format!("the bench stopped: {fault}"))
}

/// Ends a run and holds what was done against what was kept: one order for each frame, all of it in
/// the journal, the last messages signed.
fn finish(path: Path<impl qt_engine::Gate>, plan: &Plan<'_>) -> Result<Counts, Failure> {
    let wrong = |what: String| Failure::failed(format!("the bench proves itself wrong: {what}"));
    let rounds = path.counts.frames.div_ceil(plan.frames.count().max(1) as u64);
    let mut messages = 0_usize;
    for message in path.messages() {
        messages += 1;
        if !plan.key.has_signed(message) {
            return Err(wrong(format!("no signed order: {}", String::from_utf8_lossy(message))));
        }
    }
    let counts = path.close()?;
    let expected = (counts.orders as usize).min(path::BUFFERS);
    if counts.orders != counts.frames || messages != expected || counts.gaps != rounds {
        return Err(wrong(format!("{counts:?}, {messages} messages, {rounds} rounds")));
    }
    let report = verify(&plan.folder.join("latency.qtj"))?;
    let kept = (report.records_of(RecordKind::Event), report.records_of(RecordKind::Command));
    if !report.is_whole() || !report.is_ended || kept != (counts.events, counts.orders) {
        return Err(wrong(format!("{counts:?}, but the journal says: {report}")));
    }
    Ok(counts)
}

fn measurement(
    name: &'static str,
    definition: &str,
    mut ran: Ran,
    [risk, journal, topology]: [&'static str; 3],
    per_second: Option<u64>,
) -> Measurement {
    let sum_ns: u64 = ran.times.iter().map(|ns| u64::from(*ns)).sum();
    let mean_ns = (sum_ns / ran.times.len().max(1) as u64).max(1);
    let of_second = per_second.unwrap_or(1_000_000_000 / mean_ns);
    let windows = Windows::of(&ran.times, of_second as usize);
    let spread = Spread::of(&mut ran.times);
    Measurement {
        name,
        definition: definition.to_owned(),
        unit: "ns",
        n: spread.n,
        p50: f64::from(spread.p50),
        p90: Some(f64::from(spread.p90)),
        p99: Some(f64::from(spread.p99)),
        p999: Some(f64::from(spread.p999)),
        max: f64::from(spread.max),
        min: f64::from(spread.min),
        rate: 1e9 / f64::from(spread.p50.max(1)),
        rate_best: 1e9 / f64::from(spread.min.max(1)),
        latency: Some(Box::new(Facts {
            risk,
            journal,
            topology,
            frames: ran.counts.frames,
            orders: ran.counts.orders,
            per_second,
            windows,
            disturbance: ran.disturbance,
            journal_waits: ran.waits,
        })),
        ..Measurement::default()
    }
}

/// The floor is the slower of the two controls.
fn set_floors(all: &mut [Measurement]) {
    let is_control = |result: &&Measurement| result.name.starts_with("null-control/");
    let most =
        |of: fn(&Measurement) -> f64| all.iter().filter(is_control).map(of).fold(0.0_f64, f64::max);
    let (p50, p999) = (most(|result| result.p50), most(|result| result.p999.unwrap_or_default()));
    for result in all.iter_mut().filter(|result| result.latency.is_some()) {
        if !is_control(&&*result) {
            result.floor_p50 = Some(p50);
            result.floor_p999 = Some(p999);
            result.ratio = Some(result.p50 / p50.max(1.0));
        }
    }
}
