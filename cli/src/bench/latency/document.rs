//! The results in words: for the terminal, and as a document that is never typed by hand.

use std::fmt::Write;

use super::figures::Spread;
use super::run::Disturbance;
use super::{Facts, frames, path, strategy};
use crate::bench::Measurement;
use crate::bench::machine::Machine;
use crate::output::number;
use crate::output::table::table;

/// Columns of a result.
const HEADER: [&str; 8] = ["", "frames", "50 %", "90 %", "99 %", "99.9 %", "longest", "x floor"];
/// Columns of the windows.
const WINDOWS: [&str; 9] = [
    "windows of 1 s",
    "how many",
    "quietest 50 %",
    "99 %",
    "99.9 %",
    "median 50 %",
    "99 %",
    "99.9 %",
    "longest",
];
/// Columns of what the system did.
const SYSTEM: [&str; 7] = [
    "",
    "core taken away",
    "pages brought in",
    "steal (10 ms)",
    "journal waits",
    "orders",
    "bytes a frame",
];

/// What is measured and how, as paragraphs.
fn definition(results: &[Measurement]) -> Vec<String> {
    let count = number::count;
    let rate = count(super::RATE);
    vec![
        format!(
            "The time from the first byte of a depth frame readable in memory to the last byte of \
             the signed order in a send buffer, on one pinned thread. Every frame goes through \
             everything and becomes one order: its bytes are decoded to ticks and lots and its \
             ids held against those of the frame before; every level is numbered by the sequencer \
             and journaled, all of a frame as one record; the pipeline takes it into the book; \
             the strategy weighs the best {} levels of both sides, and side, price and size of \
             its immediate-or-cancel limit order follow from that; the risk gate checks it with \
             every limit set and every window on (as `bench risk`); the order table takes it; the \
             command is journaled, and in disk mode confirmed by the disk; the request of \
             Binance's WebSocket API is written and signed with HMAC-SHA256.",
            strategy::WEIGHTS.len(),
        ),
        format!(
            "{} frames of {} levels, all different, made from a seed, are played round and round \
             ({} orders rest far from the market meanwhile). Paced runs follow an absolute \
             schedule, and a time counts from when the frame was due, not from when the thread \
             got to it. Back to back a time counts from the frame's beginning to its order and is \
             the time of the service; how many frames a second the whole loop took, with the \
             reports and the disk, stands with the run. Events carry the times of the frames, \
             {} ms apart, and not those of the wall clock: no limit of orders a second would let \
             {rate} of them through.",
            count(frames::FRAMES as u64),
            frames::LEVELS,
            strategy::RESTING,
            frames::STEP_MS,
        ),
        "`ring+fused` has a thread of the feed on the other core, which copies each frame into \
         the slots of a ring when it is due; the path puts it together in a buffer of its own. It \
         counts from when the frame was due, too: what keeps the feed from its core is in it."
            .to_owned(),
        format!(
            "Between two frames, outside of the measured stretch but on the same thread and, in \
             paced runs, within the schedule, the scripted venue reports on the order: one in {} \
             is filled, the others expire, and what of the next signature hangs on nothing but \
             the key and the order's id is worked out. Back to back the disk catches up with the \
             journal every {} frames, outside as well. The journal is in memory that outlives \
             the process (`durable = memory`), and a thread on the other core brings it to the \
             disk; `fused/disk` waits for the disk before it writes an order out. Long runs have a \
             journal for every {} seconds. The sizes of `fused/real_mix` are generated: many \
             small frames and a few large ones, up to {} levels.",
            path::FILLED_EVERY,
            count(super::BURST as u64),
            super::LEG.as_secs(),
            count(levels_max(results) as u64),
        ),
        format!(
            "The floor (`null-control`) is the same loop at {rate} frames a second that does \
             nothing: what clock, pace and machine take by themselves; the slower one of two, \
             before and after. No frame is left out of a figure: windows of one second of the \
             paced runs are told beside. {} frames ({} in disk mode) go before each run and are \
             not counted. A quantile is the smallest time that at least that share does not \
             exceed. All memory for times is taken and touched before a run.",
            count(super::WARM_UP),
            count(super::WARM_UP_DISK),
        ),
        format!(
            "Afterwards each run proves itself, or the bench fails: as many orders as frames, the \
             journal read again with every checksum and with as many events and commands as there \
             were, and the last {} messages in the send buffers put together anew and verified, \
             those with HMAC by another library than the one that signs. {}",
            path::BUFFERS,
            of_stages(results),
        ),
    ]
}

/// The levels of the largest frame.
fn levels_max(results: &[Measurement]) -> usize {
    let facts = results.iter().filter_map(|result| result.latency.as_ref());
    facts.map(|facts| facts.frame_levels_max).max().unwrap_or_default()
}

/// What the times of the stages are beside that of the whole.
fn of_stages(results: &[Measurement]) -> String {
    let stages = results.iter().filter(|result| result.name.starts_with("stage/"));
    let sum: f64 = stages.map(|stage| stage.p50).sum();
    let whole = results.iter().find(|result| result.name == "fused/paced_10k");
    format!(
        "Stages are measured in a pass of their own at {} frames a second, each with the clock's \
         own time in it. Their medians add up to {} ns; that of the whole at this rate \
         (`fused/paced_10k`) is {} ns.",
        number::count(super::STAGES_RATE),
        ns(sum),
        ns(whole.map_or(0.0, |whole| whole.p50)),
    )
}

const NOT_IN_IT: &str = "Not in it: the network card, the kernel's sockets, TLS, unmasking of \
    WebSocket frames, the way to the venue and back. A session and the driver for real venues take \
    the same steps, but level by level, and journal each level by itself: they are slower than \
    this. `beside/` gives the cost of a loopback socket \
    and of the encryption alone. None of these figures is wire to wire.";

fn ns(value: f64) -> String {
    number::count(value as u64)
}

fn row(result: &Measurement) -> Vec<String> {
    let quantile = |value: Option<f64>| value.map_or_else(String::new, ns);
    let ratio = result.ratio.map(|ratio| number::fixed(ratio, 1));
    let share = result.share.map(|share| number::percent(Some(share)));
    vec![
        result.name.to_owned(),
        number::count(result.n as u64),
        ns(result.p50),
        quantile(result.p90),
        quantile(result.p99),
        quantile(result.p999),
        ns(result.max),
        ratio.or(share).unwrap_or_default(),
    ]
}

fn window_row(result: &Measurement) -> Option<Vec<String>> {
    let windows = result.latency.as_ref()?.windows?;
    let three = |spread: Spread| [spread.p50, spread.p99, spread.p999].map(u64::from);
    let mut row = vec![result.name.to_owned(), number::count(windows.count as u64)];
    row.extend(three(windows.quietest).map(number::count));
    row.extend(three(windows.median).map(number::count));
    row.push(number::count(u64::from(windows.median.max)));
    Some(row)
}

fn system_row(result: &Measurement) -> Option<Vec<String>> {
    let Facts { disturbance, journal_waits, orders, frame_bytes, .. } =
        **result.latency.as_ref()?;
    let Disturbance { switches, faults, steal } = disturbance;
    let numbers = [switches, faults, steal, journal_waits, orders, frame_bytes as u64];
    let mut row = vec![result.name.to_owned()];
    row.extend(numbers.map(number::count));
    Some(row)
}

/// For the terminal. `changes` are those against a baseline, by result; empty without one.
pub fn text(machine: &Machine, results: &[Measurement], changes: &[(String, String)]) -> String {
    let right = |names: &[&str]| -> Vec<String> {
        let first = names.iter().take(1).map(|name| (*name).to_owned());
        first.chain(names.iter().skip(1).map(|name| format!(">{name}"))).collect()
    };
    let draw = |names: &[&str], rows: Vec<Vec<String>>| {
        let names = right(names);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        table(&names, rows)
    };
    let mut header = HEADER;
    header[0] = "tick to trade, in ns";
    let mut parts = vec![draw(&header, results.iter().map(row).collect())];
    parts.push(draw(&WINDOWS, results.iter().filter_map(window_row).collect()));
    parts.push(draw(&SYSTEM, results.iter().filter_map(system_row).collect()));
    let told = results.iter().map(|result| format!("{}: {}", result.name, result.definition));
    parts.push(told.collect::<Vec<_>>().join("\n"));
    let changes = changes.iter().map(|(name, change)| format!("{name}: {change}"));
    let changes = changes.collect::<Vec<_>>().join("\n");
    parts.extend((!changes.is_empty()).then_some(changes));
    parts.push(format!("{NOT_IN_IT} What is measured: docs/LATENCY.md."));
    parts.push(machine.text());
    parts.join("\n\n")
}

/// `docs/LATENCY.md`.
pub fn page(machine: &Machine, results: &[Measurement], full: bool, warnings: &[String]) -> String {
    let mut page = "# Tick to trade\n\nWritten by a program, not by hand: ".to_owned();
    let flag = if full { " --full" } else { "" };
    // Writing to a string never fails.
    let _ = writeln!(page, "`quanttrade bench latency{flag} --docs docs/LATENCY.md`.\n");
    for warning in warnings {
        let _ = writeln!(page, "**Warning: {warning}.**\n");
    }
    let _ = writeln!(page, "Machine: {}.\n", machine.text());
    let _ = writeln!(page, "## Figures, in nanoseconds\n");
    let _ = writeln!(page, "{}", markdown(&HEADER, results.iter().map(row)));
    let windows = markdown(&WINDOWS, results.iter().filter_map(window_row));
    let _ = writeln!(page, "{windows}");
    let _ = writeln!(
        page,
        "The last column of stages is their share of the sum of the medians, that of \
             `beside/timing` its share of the time of an event.\n"
    );
    let _ = writeln!(page, "What the system did to the measuring thread meanwhile:\n");
    let _ = writeln!(page, "{}", markdown(&SYSTEM, results.iter().filter_map(system_row)));
    for result in results {
        let _ = writeln!(page, "- `{}`: {}.", result.name, result.definition);
    }
    let _ = writeln!(page, "\n## What is measured\n");
    for paragraph in definition(results) {
        let _ = writeln!(page, "{paragraph}\n");
    }
    let _ = writeln!(page, "{NOT_IN_IT}\n");
    let _ = writeln!(page, "## How to make it again\n");
    let _ = writeln!(page, "    cargo build --release --bin quanttrade");
    let _ = writeln!(page, "    target/release/quanttrade bench latency{flag} --docs FILE\n");
    let _ = writeln!(
        page,
        "Two cores, nothing else on them. What else runs lengthens the slow times by the length \
         of its time slices: read the windows, the core taken away and the floor beside each \
         figure, and compare nothing across machines but the ratios."
    );
    page
}

fn markdown(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(header.iter().map(|name| (*name).to_owned()).collect());
    let marks = header.iter().enumerate().map(|(at, _)| if at == 0 { "---" } else { "---:" });
    text.push_str(&format!("|{}|\n", marks.collect::<Vec<_>>().join("|")));
    text.extend(rows.map(line));
    text
}
