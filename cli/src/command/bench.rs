//! `bench`: the speed of this machine, as it is published.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::app::Session;
use crate::bench::Measurement;
use crate::bench::backtest::{self, Size};
use crate::bench::baseline::Baseline;
use crate::bench::book;
use crate::bench::machine::Machine;
use crate::bench::{latency, replay, ring, risk};
use crate::dataset::ticks;
use crate::failure::Failure;
use crate::output::number;
use crate::output::table::table;
use crate::settings::DataPlan;

/// Measure the speed of this machine.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  quanttrade bench backtest --json > baseline.json")]
pub struct BenchArgs {
    /// What to measure.
    #[command(subcommand)]
    pub what: What,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum What {
    /// One million bars: the loop alone, from a CSV file, from the catalog
    #[command(after_help = "Examples:\n  quanttrade bench backtest\n  \
        quanttrade bench backtest --full --baseline baseline.json")]
    Backtest {
        /// The length of published numbers instead of a few seconds
        #[arg(long)]
        full: bool,
        /// Print the change against an earlier --json result, with its noise
        #[arg(long, value_name = "FILE")]
        baseline: Option<PathBuf>,
    },
    /// Four million changes of an order book: two books, latencies, queues, a quoting strategy
    #[command(after_help = "Examples:\n  quanttrade bench replay\n  \
        quanttrade bench replay --full --baseline baseline.json")]
    Replay {
        /// The length of published numbers instead of a few seconds
        #[arg(long)]
        full: bool,
        /// Print the change against an earlier --json result, with its noise
        #[arg(long, value_name = "FILE")]
        baseline: Option<PathBuf>,
    },
    /// A million orders through the risk gate with every control on, one by one
    #[command(after_help = "Examples:\n  quanttrade bench risk\n  \
        quanttrade bench risk --full --baseline risk.json")]
    Risk {
        /// Ten million orders instead of one
        #[arg(long)]
        full: bool,
        /// Print the change against an earlier --json result, with its noise
        #[arg(long, value_name = "FILE")]
        baseline: Option<PathBuf>,
    },
    /// Rings between two threads on cores of their own, beside bare memory and other rings
    #[command(after_help = "Examples:\n  quanttrade bench ring\n  \
        quanttrade bench ring --full --baseline ring.json")]
    Ring {
        /// More rounds, as published numbers need
        #[arg(long)]
        full: bool,
        /// Print the change against an earlier --json result, with its noise
        #[arg(long, value_name = "FILE")]
        baseline: Option<PathBuf>,
    },
    /// Tick to trade: a depth frame's bytes to a signed order's, risk and journal on
    #[command(after_help = "Examples:\n  quanttrade bench latency\n  \
        quanttrade bench latency --full --docs docs/LATENCY.md")]
    Latency {
        /// A minute at each rate instead of a few seconds
        #[arg(long)]
        full: bool,
        /// Print the change against an earlier --json result, with its noise
        #[arg(long, value_name = "FILE")]
        baseline: Option<PathBuf>,
        /// Write the results, with all that they are to be read with, as a document
        #[arg(long, value_name = "FILE")]
        docs: Option<PathBuf>,
    },
    /// What a replay is made of: order books, ITCH, frames, the tick store, beside plain scans
    #[command(after_help = "Examples:\n  quanttrade bench book\n  \
        quanttrade bench book --data ES.dbn.zst --full --baseline baseline.json")]
    Book {
        /// A recording of an order book whose records are measured, too
        #[arg(long, value_name = "[SYMBOL=]PATH")]
        data: Option<String>,
        /// The length of published numbers instead of a few seconds
        #[arg(long)]
        full: bool,
        /// Print the change against an earlier --json result, with its noise
        #[arg(long, value_name = "FILE")]
        baseline: Option<PathBuf>,
    },
}

/// Runs the command.
///
/// # Errors
/// When this is a debug build, or a measurement fails.
pub fn run(args: BenchArgs, session: &Session) -> Result<(), Failure> {
    let (mut data, mut docs) = (None, None);
    let (name, full, baseline) = match args.what {
        What::Book { data: given, full, baseline } => {
            data = given;
            ("book", full, baseline)
        }
        What::Latency { full, baseline, docs: given } => {
            docs = given;
            ("latency", full, baseline)
        }
        What::Backtest { full, baseline } => ("backtest", full, baseline),
        What::Replay { full, baseline } => ("replay", full, baseline),
        What::Ring { full, baseline } => ("ring", full, baseline),
        What::Risk { full, baseline } => ("risk", full, baseline),
    };
    if cfg!(debug_assertions) {
        return Err(Failure::usage("a debug build says nothing about speed")
            .hint(format!("cargo run --release -- bench {name}")));
    }
    let baseline = baseline.as_deref().map(Baseline::read).transpose()?;
    let machine = Machine::new();
    let (results, what) = match name {
        "replay" => {
            let repeats = if full { 31 } else { 7 };
            (replay::measure(replay::EVENTS, repeats, &session.out)?, Counted::EVENTS)
        }
        "risk" => {
            let orders = if full { 10 * risk::ORDERS } else { risk::ORDERS };
            (risk::measure(orders, &session.out)?, Counted::ORDERS)
        }
        "latency" => (latency::measure(full, &session.out)?, Counted::FRAMES),
        "ring" => (ring::measure(full, &session.out)?, Counted::ITEMS),
        "book" => {
            let convert =
                |given: String| ticks::convert(&given, &DataPlan::default(), false, &session.out);
            let recorded = data.map(convert).transpose()?.map(|converted| converted.file);
            let repeats = if full { 31 } else { 7 };
            (book::measure(recorded.as_ref(), repeats, &session.out)?, Counted::RECORDS)
        }
        _ => (backtest::measure(Size::new(full), &session.out)?, Counted::BARS),
    };
    let warnings = warnings(&machine, &results, baseline.as_ref());
    if let Some(file) = &docs {
        let page = latency::document::page(&machine, &results, full, &warnings);
        write_page(file, &page)?;
    }
    if session.out.json {
        return session.out.document(&json!({
            "schema": "quanttrade.bench/1",
            "bench": name,
            "machine": machine,
            "full": full,
            "results": documents(&results, baseline.as_ref()),
            "warnings": warnings,
        }));
    }
    for warning in &warnings {
        session.out.warn(warning);
    }
    if name == "latency" {
        let changes = results
            .iter()
            .map(|result| (result.name.to_owned(), change_text(result, baseline.as_ref())));
        let changes: Vec<_> = changes.filter(|(_, change)| !change.is_empty()).collect();
        return session.out.line(&latency::document::text(&machine, &results, &changes));
    }
    session.out.line(&text(&machine, &results, &what, baseline.as_ref()))
}

fn write_page(file: &Path, page: &str) -> Result<(), Failure> {
    fs::write(file, page)
        .map_err(|error| Failure::usage(format!("--docs {}: {error}", file.display())))
}

/// Work of others above this share of a core blurs measurements.
const LOAD_MAX: f64 = 0.5;
/// The first and the last tenth of a run may differ by this share.
const TENTHS_MAX: f64 = 0.1;

fn warnings(
    machine: &Machine,
    results: &[Measurement],
    baseline: Option<&Baseline>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(load) = machine.load_average.filter(|load| *load > LOAD_MAX) {
        warnings.push(format!(
            "the machine was busy (load {load:.2}): it is faster than these numbers say"
        ));
    }
    for ratio in results.iter().filter_map(|result| result.tenths_ratio) {
        if (ratio - 1.0).abs() > TENTHS_MAX {
            let percent = number::signed_percent(Some(ratio - 1.0));
            warnings.push(format!("the last tenth of the run took {percent} of the first"));
        }
    }
    if baseline.is_some_and(|baseline| !baseline.is_of(&machine.cpu)) {
        warnings.push("the baseline was made on another processor".to_owned());
    }
    warnings
}

fn documents(results: &[Measurement], baseline: Option<&Baseline>) -> Vec<Value> {
    let document = |result: &Measurement| {
        let mut document = serde_json::to_value(result).unwrap_or_default();
        if let Some(change) = baseline.and_then(|baseline| baseline.change(result)) {
            document["change"] = json!(change.rate);
            document["noise"] = json!(change.noise);
        }
        document
    };
    results.iter().map(document).collect()
}

/// What a benchmark counts.
struct Counted {
    /// How many of it a run has, with the word.
    all: &'static str,
    /// The word.
    one: &'static str,
    /// What the floor is, where there is a ratio to it.
    floor: &'static str,
}

impl Counted {
    const SCAN: &'static str = "a plain scan of the records";
    const BARS: Self = Self { all: "1,000,000 bars", one: "bar", floor: Self::SCAN };
    const RECORDS: Self = Self { all: "", one: "record", floor: Self::SCAN };
    const EVENTS: Self = Self { all: "4,000,000 events", one: "event", floor: Self::SCAN };
    const FRAMES: Self = Self { all: "single frames", one: "frame", floor: "pace and clock alone" };
    const ORDERS: Self = Self { all: "single orders", one: "order", floor: Self::SCAN };
    const ITEMS: Self =
        Self { all: "two threads", one: "item", floor: "a bare line of memory between the cores" };
}

/// How a result has changed; empty when the baseline lacks it.
fn change_text(result: &Measurement, baseline: Option<&Baseline>) -> String {
    let change = baseline.and_then(|baseline| baseline.change(result));
    change.map_or_else(String::new, |change| {
        let text = number::signed_percent(Some(change.rate));
        let noise = number::percent(Some(change.noise));
        let verdict = match (change.is_real(), change.rate > 0.0) {
            (false, _) => "the same",
            (true, true) => "faster",
            (true, false) => "SLOWER",
        };
        format!("{text}, {verdict} (noise {noise})")
    })
}

fn text(
    machine: &Machine,
    results: &[Measurement],
    what: &Counted,
    baseline: Option<&Baseline>,
) -> String {
    let rows = results.iter().map(|result| {
        vec![
            result.name.to_owned(),
            number::seconds(result.seconds(result.p50)),
            number::seconds(result.seconds(result.min)),
            number::rate(result.rate),
            number::rate(result.rate_best),
            result.peak_rss_bytes.map_or_else(String::new, number::bytes),
            change_text(result, baseline),
        ]
    });
    let (rate, best) = (format!(">{}s/s", what.one), format!(">best {}s/s", what.one));
    let header = [what.all, ">median", ">best", &rate, &best, ">peak memory", "change"];
    let mut lines = vec![table(&header, rows), String::new()];
    for result in results {
        lines.push(format!("{}: {}; {} repeats", result.name, result.definition, result.n));
        if let (Some(floor), Some(ratio)) = (result.floor_p50, result.ratio) {
            let floor = number::seconds(result.seconds(floor));
            let what = what.floor;
            lines.push(format!("  floor: {what} takes {floor}; ratio {ratio:.2}"));
        }
        if let (Some(p90), Some(p99), Some(p999)) = (result.p90, result.p99, result.p999) {
            let clock = result.floor_p50.filter(|_| result.ratio.is_none());
            let clock = clock.map_or_else(String::new, |ns| format!(" {ns:.0} ns"));
            lines.push(format!(
                "  median {:.0} ns, 90 % within {p90:.0}, 99 % within {p99:.0}, 99.9 % within \
                 {p999:.0}, longest {:.0}; the clock's own{clock} taken off",
                result.p50, result.max,
            ));
        }
        if let Some(bytes) = result.bytes_per_second {
            let bytes = number::bytes(bytes as u64);
            lines.push(format!("  {bytes} a second"));
        }
        if let (Some(first), Some(last)) = (result.first_tenth_ns, result.last_tenth_ns) {
            let one = what.one;
            lines.push(format!(
                "  first tenth {first:.2} ns a {one}, last tenth {last:.2} ns a {one}"
            ));
        }
    }
    lines.push(machine.text());
    lines.join("\n")
}
