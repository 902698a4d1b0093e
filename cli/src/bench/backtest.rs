//! The speed of a backtest: the loop alone, and whole processes from a file and from the catalog.

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use qt_backtest::config::RunConfig;
use qt_backtest::run::run;
use qt_backtest::venue::Fees;
use qt_data::calendar::Calendar;
use qt_data::generate::{Market, write_bars_csv};
use qt_data::series::{BarSeries, DataKind, Source, Stamps};
use qt_risk::Sizing;
use qt_strategies::Registry;

use super::Measurement;
use super::scratch::Scratch;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::file::write_whole;
use crate::place::DATA_DIR_VARIABLE;

/// Bars of the measurement.
pub const BARS: usize = 1_000_000;
/// Repeats of the loop.
const LOOPS: usize = 9;
/// Repeats of a whole process.
const PROCESSES: usize = 5;
/// The market's seed.
const SEED: u64 = 20_240_102;

/// What is to be measured.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Bars in a run.
    pub bars: usize,
    /// Repeats of the loop.
    pub loops: usize,
    /// Repeats of a whole process.
    pub processes: usize,
}

impl Size {
    /// The usual size, or with `full` the one of published numbers: the same bars, more repeats.
    pub const fn new(full: bool) -> Self {
        if full {
            Self { bars: BARS, loops: 51, processes: 15 }
        } else {
            Self { bars: BARS, loops: LOOPS, processes: PROCESSES }
        }
    }
}

/// Measures everything.
///
/// # Errors
/// When the temporary files cannot be written or a run fails.
pub fn measure(size: Size, out: &Output) -> Result<Vec<Measurement>, Failure> {
    let market = market(size.bars)?;
    out.note(&format!("generating {} bars from seed {SEED}", size.bars));
    let series = series(&market)?;
    out.note("the loop");
    let mut all = vec![measure_loop(&series, size.loops)?];
    let scratch = Scratch::new("bench")?;
    let csv = scratch.path().join("bench.csv");
    let bars = series.bars;
    write_whole(&csv, |file| write_bars_csv(file, &market, bars).map(drop))?;
    out.note("whole processes, from a CSV file");
    all.push(measure_process("csv", &csv.display().to_string(), scratch.path(), size)?);
    let import = ["data", "import", &csv.display().to_string(), "--id", "bench", "--quiet"]
        .map(str::to_owned);
    spawn(&import, scratch.path())?;
    out.note("whole processes, from the catalog");
    all.push(measure_process("catalog", "bench", scratch.path(), size)?);
    Ok(all)
}

fn market(bars: usize) -> Result<Market, Failure> {
    Ok(Market { seed: SEED, rows: bars as u64, calendar: Calendar::Always, ..Market::default() })
}

fn series(market: &Market) -> Result<BarSeries, Failure> {
    let mut bars: Vec<_> = market.bars()?.collect();
    market.calendar.mark_sessions(&mut bars);
    Ok(BarSeries {
        spec: market.spec()?,
        kind: DataKind::Bars,
        bars,
        half_spreads: Vec::new(),
        stamps: Stamps::Iso,
        interval_ns: market.interval_ns,
        calendar: market.calendar.clone(),
        source: Source::default(),
        quality: None,
        notes: Vec::new(),
    })
}

/// One run in seconds, and its time per bar early and late in ns.
struct Timed {
    seconds: f64,
    first_ns: f64,
    last_ns: f64,
}

fn measure_loop(series: &BarSeries, repeats: usize) -> Result<Measurement, Failure> {
    let bars = series.bars.len();
    // The first run fills the caches and is not counted.
    run_once(series)?;
    let (mut seconds, mut floors) = (Vec::new(), Vec::new());
    let (mut first_ns, mut last_ns) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..repeats {
        let timed = run_once(series)?;
        seconds.push(timed.seconds);
        first_ns = first_ns.min(timed.first_ns);
        last_ns = last_ns.min(timed.last_ns);
        floors.push(scan(series));
    }
    let definition = "qt_backtest::run of sma_cross 10/50, orders of one unit, on one-minute bars \
                      in memory: events, strategy, risk gate, venue, ledger check at every fill, \
                      metrics; one core";
    let mut measured = Measurement::new("bars/sma_cross", definition, bars, seconds);
    floors.sort_by(f64::total_cmp);
    let floor = floors[floors.len() / 2];
    measured.floor_p50 = Some(floor);
    measured.ratio = Some(measured.p50 / floor);
    measured.first_tenth_ns = Some(first_ns);
    measured.last_tenth_ns = Some(last_ns);
    measured.tenths_ratio = Some(last_ns / first_ns);
    Ok(measured)
}

fn run_once(series: &BarSeries) -> Result<Timed, Failure> {
    let registry = Registry::builtin();
    let entry = registry.get("sma_cross")?;
    let given = [("fast", "10"), ("slow", "50")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    let strategy = entry.make(&entry.resolve(&given)?, 1)?;
    let fees = Fees { maker_e9: 400_000, taker_e9: 400_000 };
    // Orders of one unit: the account lasts to the end, so that no part of the run is cheaper for
    // want of money.
    let sizing = Sizing::Fixed { qty_e9: 1_000_000_000 };
    let config =
        RunConfig { fees, sizing, periods_per_year: Some(525_600.0), ..RunConfig::default() };
    let never = AtomicBool::new(false);
    let mut looks: Vec<(u64, Instant)> = Vec::with_capacity(1_024);
    let clock = Instant::now();
    looks.push((0, clock));
    let outcome = run(&config, &[series], strategy, &never, &mut |events, _| {
        looks.push((events, Instant::now()));
    })?;
    let seconds = clock.elapsed().as_secs_f64();
    black_box(outcome.determinism_hash);
    let per_event = |from: usize, to: usize| match (looks.get(from), looks.get(to)) {
        (Some((a, then)), Some((b, now))) if b > a => {
            now.duration_since(*then).as_secs_f64() * 1e9 / (b - a) as f64
        }
        _ => seconds * 1e9 / outcome.events.max(1) as f64,
    };
    // The first look is left out: before it lies the set-up, which is not the loop.
    let span = (looks.len() / 10).max(1);
    let last = looks.len() - 1;
    let (first_ns, last_ns) = (per_event(1, 1 + span), per_event(last.saturating_sub(span), last));
    Ok(Timed { seconds, first_ns, last_ns })
}

/// Reads every record once; the time in seconds. Nothing that looks at each bar can be faster.
fn scan(series: &BarSeries) -> f64 {
    let clock = Instant::now();
    let sum = series.bars.iter().fold(0_i64, |sum, bar| {
        sum.wrapping_add(bar.close).wrapping_add(bar.volume).wrapping_add(bar.open_ns)
    });
    black_box(sum);
    clock.elapsed().as_secs_f64()
}

fn measure_process(
    name: &'static str,
    data: &str,
    folder: &Path,
    size: Size,
) -> Result<Measurement, Failure> {
    let words = [
        "backtest",
        "--data",
        data,
        "--strategy",
        "sma_cross",
        "--param",
        "fast=10",
        "--param",
        "slow=50",
        "--fee-rate",
        "0.0004",
        "--calendar",
        "24x7",
        "--quiet",
        "--verbose",
    ]
    .map(str::to_owned);
    let (mut seconds, mut peak) = (Vec::new(), None);
    for _ in 0..size.processes {
        let (took, memory) = spawn(&words, folder)?;
        seconds.push(took);
        peak = peak.max(memory);
    }
    let definition = match name {
        "csv" => {
            "whole process from a CSV file (hot page cache) to the finished result: read, \
                  check, run, metrics, ledger entry"
        }
        _ => "whole process from the Parquet catalog to the finished result",
    };
    let mut measured = Measurement::new(name, definition, size.bars, seconds);
    measured.peak_rss_bytes = peak;
    Ok(measured)
}

/// Runs this program; its time in seconds and its peak memory in bytes, as it tells it itself.
fn spawn(words: &[String], folder: &Path) -> Result<(f64, Option<u64>), Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::failed(format!("this program cannot be found: {error}")))?;
    let clock = Instant::now();
    let output = Command::new(program)
        .args(words)
        .env(DATA_DIR_VARIABLE, folder.join("data"))
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| Failure::failed(format!("this program cannot be started: {error}")))?;
    let seconds = clock.elapsed().as_secs_f64();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(Failure::failed(format!("{} failed: {}", words.join(" "), told.trim())));
    }
    let peak = told
        .lines()
        .find_map(|line| line.strip_prefix("peak memory: ")?.strip_suffix(" bytes")?.parse().ok());
    Ok((seconds, peak))
}
