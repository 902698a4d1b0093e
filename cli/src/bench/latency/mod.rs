//! Tick to trade: how long the bytes of a depth frame take to become the bytes of a signed order,
//! with every risk limit set and everything journaled.

mod beside;
pub mod document;
mod feed;
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
use self::run::{Disturbance, Driven, Fed, Nothing, Pace, Seats, drive};
use self::stages::{Staged, TimedGate};
use super::Measurement;
use super::risk_rig::{self, Limits};
use super::scratch::Scratch;
use crate::failure::Failure;
use crate::output::{Output, number};

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
/// The run in which the next frame comes when the one before is done.
const BACK_TO_BACK: &str = "fused/back-to-back";
/// That of the pass with stamps.
const STAGES_RATE: u64 = 10_000;

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
    /// Bytes of a frame, on average.
    pub frame_bytes: usize,
    /// Levels of a frame, on average.
    pub frame_levels: f64,
    /// Levels of the largest frame.
    pub frame_levels_max: usize,
    /// Frames a second, where they were paced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u64>,
    /// Windows of one second, where frames were paced.
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
    definition: String,
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
    /// How long back to back it took.
    elapsed: Duration,
    waits: u64,
    /// Bytes and levels of a frame, on average, and the most levels.
    frame: (usize, f64, usize),
}

impl Ran {
    fn add(&mut self, times: &[u32], counts: Counts, driven: Driven, waits: u64) {
        self.times.extend_from_slice(times);
        self.counts.frames += counts.frames;
        self.counts.orders += counts.orders;
        self.disturbance = self.disturbance.and(driven.disturbance);
        self.elapsed += driven.elapsed;
        self.waits += waits;
    }

    /// Frames a second with all that comes between them, where they came back to back.
    fn whole_rate(&self) -> Option<f64> {
        let seconds = self.elapsed.as_secs_f64();
        (seconds > 0.0).then(|| self.times.len() as f64 / seconds)
    }
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
    all.extend(bench.by_ring(&fixed)?);
    all.push(bench.control("null-control/after")?);
    set_floors(&mut all);
    all.extend(bench.stages(&fixed)?);
    all.extend(bench.beside()?);
    set_timing_share(&mut all);
    Ok(all)
}

fn runs<'a>(full: bool, fixed: &'a Frames, mixed: &'a Frames) -> Vec<Run<'a>> {
    let run = |name, definition: &str, pace, short| Run {
        name,
        definition: definition.to_owned(),
        frames: fixed,
        pace,
        durable: Durable::Memory,
        key: Key::Hmac,
        seconds: if full { 60 } else { short },
    };
    let levels = frames::LEVELS;
    let at = |rate| format!("{} a second", number::count(rate));
    let first = format!("frames of {levels} levels at {}", at(RATE));
    let same = |rate| format!("the same at {}", at(rate));
    vec![
        run("fused/paced", &first, Pace::PerSecond(RATE), 4),
        run("fused/paced_10k", &same(10_000), Pace::PerSecond(10_000), 3),
        run("fused/paced_1k", &same(1_000), Pace::PerSecond(1_000), 2),
        run(
            BACK_TO_BACK,
            "the same, each frame when the one before is done: the time of the service, without \
             the report on the order",
            Pace::BackToBack(BURST),
            2,
        ),
        Run {
            frames: mixed,
            ..run(
                "fused/real_mix",
                &format!("frames of many sizes at {}", at(10_000)),
                Pace::PerSecond(10_000),
                2,
            )
        },
        Run {
            durable: Durable::Disk,
            ..run(
                "fused/disk",
                &format!(
                    "{levels} levels back to back, each order on the disk before it is written out"
                ),
                Pace::BackToBack(usize::MAX),
                2,
            )
        },
        Run {
            key: Key::Ed25519,
            ..run(
                "fused/ed25519",
                &format!("{levels} levels at {}, signed with Ed25519", at(10_000)),
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
        let seconds = if self.full { 60 } else { 1 };
        let mut times = vec![u32::MAX; (RATE * seconds) as usize];
        let drive = || drive(&mut Nothing, Pace::PerSecond(RATE), 0, &mut times, LEG);
        let Driven { disturbance, .. } = self.on_path(drive)?.map_err(broken)?;
        let ran = Ran { times, disturbance, ..Ran::default() };
        let rate = number::count(RATE);
        let definition = format!("the same loop at {rate} a second with nothing to do: the floor");
        Ok(measurement(name, &definition, ran, ["none"; 3], Some(RATE)))
    }

    fn measure(&self, run: &Run<'_>) -> Result<Measurement, Failure> {
        self.measure_by(run, "fused", |path, warm_up, times, time| {
            let mut fed = Fed { path, frames: run.frames };
            let drive = || drive(&mut fed, run.pace, warm_up, times, time);
            self.on_path(drive)?.map_err(broken)
        })
    }

    /// In as many legs as it needs, each of which `drive` drives.
    fn measure_by(
        &self,
        run: &Run<'_>,
        topology: &'static str,
        drive: impl Fn(&mut Path<RiskGate>, u64, &mut [u32], Duration) -> Result<Driven, Failure>,
    ) -> Result<Measurement, Failure> {
        self.out.note(run.name);
        let of = run.frames;
        let frame = (of.bytes_mean(), of.levels_mean(), of.levels_max());
        let mut ran = Ran { frame, ..Ran::default() };
        let mut left = Duration::from_secs(run.seconds);
        // Back to back there are never more than this a second.
        let (per_second, rate) = match run.pace {
            Pace::PerSecond(rate) => (Some(rate), rate),
            Pace::BackToBack(_) => (None, 1_000_000),
        };
        let warm_up = if run.durable == Durable::Disk { WARM_UP_DISK } else { WARM_UP };
        while !left.is_zero() {
            let time = left.min(LEG);
            left -= time;
            let scratch = Scratch::new("bench-latency")?;
            let plan = self.plan((run.frames, run.durable, run.key), &scratch);
            let mut path = Path::new(&plan, gate()?)?.ok_or_else(unsound)?;
            // Written once, so that no page has to be brought in later.
            let mut times = vec![u32::MAX; (rate * time.as_secs()) as usize];
            let driven = drive(&mut path, warm_up, &mut times, time)?;
            let waits = path.journal.status().waits;
            ran.add(&times[..driven.counted], finish(path, &plan)?, driven, waits);
        }
        let facts = ["all", run.durable.text(), topology];
        Ok(measurement(run.name, &run.definition, ran, facts, per_second))
    }

    /// The same behind a ring; nothing where there is no second core.
    fn by_ring(&self, frames: &Frames) -> Result<Vec<Measurement>, Failure> {
        if self.seats.other.is_none() {
            self.out.note("ring+fused: left out, this process may use but one core");
            return Ok(Vec::new());
        }
        let by = |name, definition, rate| {
            let run = Run {
                name,
                definition,
                frames,
                pace: Pace::PerSecond(rate),
                durable: Durable::Memory,
                key: Key::Hmac,
                seconds: if self.full { 60 } else { 2 },
            };
            self.measure_by(&run, "ring+fused", |path, warm_up, times, _| {
                let drive = || feed::drive(&self.seats, (&mut *path, frames), rate, warm_up, times);
                let disturbance = self.on_path(drive)?.map_err(broken)?;
                Ok(Driven { counted: times.len(), elapsed: Duration::ZERO, disturbance })
            })
        };
        let definition = format!(
            "a thread of the feed on another core copies frames of {} levels at {} a second into \
             slots of {} bytes of a ring, the path takes them out",
            frames::LEVELS,
            number::count(RATE),
            feed::SLOT,
        );
        let slower = format!("the same at {} a second", number::count(10_000));
        Ok(vec![by("ring+fused", definition, RATE)?, by("ring+fused/paced_10k", slower, 10_000)?])
    }

    /// Where the time goes.
    fn stages(&self, frames: &Frames) -> Result<Vec<Measurement>, Failure> {
        self.out.note("stages");
        let scratch = Scratch::new("bench-latency")?;
        let plan = self.plan((frames, Durable::Memory, Key::Hmac), &scratch);
        let path = Path::new(&plan, TimedGate::new(gate()?))?.ok_or_else(unsound)?;
        let mut staged = Staged::new(path, frames);
        let seconds = if self.full { 10 } else { 2 };
        let mut times = vec![u32::MAX; (STAGES_RATE * seconds) as usize];
        let pace = Pace::PerSecond(STAGES_RATE);
        let drive = || drive(&mut staged, pace, WARM_UP, &mut times, LEG);
        self.on_path(drive)?.map_err(broken)?;
        let (path, parts) = staged.into_parts();
        finish(path, &plan)?;
        let sum: f64 = parts.iter().map(|part| f64::from(part.spread().p50)).sum();
        let measured = parts.iter().map(|part| {
            let spread = part.spread();
            let share = f64::from(spread.p50) / sum.max(1.0);
            Measurement { share: Some(share), ..of_spread(part.name, part.definition, spread) }
        });
        Ok(measured.collect())
    }

    /// What comes beside the path.
    fn beside(&self) -> Result<Vec<Measurement>, Failure> {
        let all = self.on_path(|| (beside::socket(), beside::seal(), beside::timing()))?;
        let bytes = beside::BYTES;
        let socket = format!(
            "not in the path: {bytes} bytes written to a socket of this machine and read from its \
             other end, by one thread that never sleeps"
        );
        let seal =
            format!("not in the path: {bytes} bytes encrypted with AES-128-GCM, as TLS does it");
        let timing = format!(
            "not in the path: what a session at full speed takes to time its stages, in {} events, \
             one in {} of which is timed; as a share of what that many levels take in \
             `{BACK_TO_BACK}`",
            number::count(u64::from(beside::TIMED_EVENTS)),
            qt_runtime::stages::FULL_SPEED_EVERY,
        );
        let socket = all.0.map(|spread| of_spread("beside/socket", &socket, spread));
        let seal = all.1.map(|spread| of_spread("beside/aes_gcm", &seal, spread));
        let timing = of_spread("beside/timing", &timing, all.2);
        Ok(socket.into_iter().chain(seal).chain([timing]).collect())
    }

    fn plan<'a>(
        &self,
        (frames, durable, key): (&'a Frames, Durable, Key),
        scratch: &'a Scratch,
    ) -> Plan<'a> {
        Plan { frames, folder: scratch.path(), durable, key, writer: self.seats.writer() }
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
    // Where nothing sets a pace, as many frames are a second in one place and not in another.
    let windows = per_second.and_then(|rate| Windows::of(&ran.times, rate as usize));
    let whole_rate = ran.whole_rate();
    let definition = match whole_rate {
        Some(rate) => format!(
            "{definition}; the whole loop, report and disk with it, took {} frames a second",
            number::count(rate as u64),
        ),
        None => definition.to_owned(),
    };
    let spread = Spread::of(&mut ran.times);
    let of_times = of_spread(name, &definition, spread);
    Measurement {
        rate: whole_rate.unwrap_or(of_times.rate),
        rate_best: whole_rate.unwrap_or(of_times.rate_best),
        latency: Some(Box::new(Facts {
            risk,
            journal,
            topology,
            frames: ran.counts.frames,
            orders: ran.counts.orders,
            frame_bytes: ran.frame.0,
            frame_levels: ran.frame.1,
            frame_levels_max: ran.frame.2,
            per_second,
            windows,
            disturbance: ran.disturbance,
            journal_waits: ran.waits,
        })),
        ..of_times
    }
}

fn of_spread(name: &'static str, definition: &str, spread: Spread) -> Measurement {
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

/// How much of an event's time in a session its timing is, at most: a session does more with each.
fn set_timing_share(all: &mut [Measurement]) {
    let whole = all.iter().find(|result| result.name == BACK_TO_BACK);
    let Some(level_ns) = whole.map(|whole| whole.p50 / frames::LEVELS as f64) else { return };
    let events = f64::from(beside::TIMED_EVENTS);
    for timing in all.iter_mut().filter(|result| result.name == "beside/timing") {
        timing.share = Some(timing.p50 / events / level_ns.max(1.0));
    }
}

#[cfg(test)]
mod tests;
