//! `runs`: the ledger of all runs.

use std::io::IsTerminal;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::app::Session;
use crate::failure::Failure;
use crate::output::table::{pairs, table};
use crate::output::{Ink, number};
use crate::place::DataDir;
use crate::runs::{Ledger, METRICS, RunRecord, time_text};
use crate::version::{DIRTY, UNKNOWN};

/// The ledger of all runs: every run ever made on this machine.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  quanttrade runs compare 3f9a last")]
pub struct RunsArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List the latest runs
    #[command(after_help = "Example:\n  quanttrade runs list --limit 50")]
    List {
        /// How many
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: u32,
    },
    /// Show one run: data, settings, figures, and the command that makes it again
    #[command(after_help = "Example:\n  quanttrade runs show last")]
    Show {
        /// Its id, the beginning or the end of it, or `last`
        run: String,
    },
    /// Show two runs side by side, and whether they are the same to the last bit
    #[command(after_help = "Example:\n  quanttrade runs compare 20261121-0635 last")]
    Compare {
        /// The one run
        a: String,
        /// The other run
        b: String,
    },
    /// Take runs out of the ledger
    #[command(after_help = "Example:\n  quanttrade runs rm 3f9a 77c0 --yes")]
    Rm {
        /// Their ids
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<String>,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// When the ledger cannot be read, or there is no such run.
pub fn run(args: RunsArgs, session: &Session) -> Result<(), Failure> {
    let mut ledger = Ledger::open(&DataDir::find().ledger())?;
    let done = match args.action {
        Action::List { limit } => list(&mut ledger, limit, session),
        Action::Show { run } => show(&ledger.find(&run)?, session),
        Action::Compare { a, b } => compare(&ledger.find(&a)?, &ledger.find(&b)?, session),
        Action::Rm { runs, yes } => remove(&mut ledger, &runs, yes, session),
    };
    ledger.close();
    done
}

fn list(ledger: &mut Ledger, limit: u32, session: &Session) -> Result<(), Failure> {
    let runs = ledger.latest(limit)?;
    if session.out.json {
        return session.out.document(&json!({"total": ledger.count()?, "runs": runs}));
    }
    if runs.is_empty() {
        return session.out.line("no runs yet: quanttrade demo makes one");
    }
    let rows = runs.iter().map(|run| {
        vec![
            run.id.clone(),
            run.kind.clone(),
            strategy_text(run),
            words(&run.symbols),
            figure(run, "total_return", number::signed_percent),
            figure(run, "sharpe", number::ratio),
            figure(run, "max_drawdown", number::signed_percent),
            run.state.clone(),
        ]
    });
    let header = ["run", "kind", "strategy", "symbols", ">return", ">sharpe", ">drawdown", "state"];
    session.out.line(&table(&header, rows))?;
    let total = ledger.count()?;
    if total > u64::from(limit) {
        session
            .out
            .note(&format!("{limit} of {} runs; --limit N shows more", number::count(total)));
    }
    Ok(())
}

fn strategy_text(run: &RunRecord) -> String {
    let params = run.params.as_object().map_or_else(String::new, |params| {
        let pairs: Vec<String> =
            params.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
        pairs.join(" ")
    });
    format!("{} {params}", run.strategy).trim().to_owned()
}

fn words(list: &Value) -> String {
    let all: Vec<String> = list.as_array().into_iter().flatten().map(plain).collect();
    if all.len() > 3 { format!("{} and {} more", all[0], all.len() - 1) } else { all.join(", ") }
}

fn figure(run: &RunRecord, name: &str, text: fn(Option<f64>) -> String) -> String {
    text(run.metrics.get(name).and_then(Value::as_f64))
}

/// A JSON value without quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => number::NONE.to_owned(),
        other => other.to_string(),
    }
}

/// A figure as it is read.
fn figure_text(name: &str, value: Option<&Value>) -> String {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return number::NONE.to_owned();
    };
    let is_share = matches!(
        name,
        "total_return"
            | "annualized_return"
            | "volatility"
            | "max_drawdown"
            | "exposure"
            | "win_rate"
    );
    match value.as_f64() {
        Some(share) if is_share => number::percent(Some(share)),
        Some(ratio) if value.is_f64() => format!("{ratio:.4}"),
        _ if matches!(name, "initial_capital" | "final_equity" | "total_fees" | "borrow_paid") => {
            number::amount(&plain(value), 2)
        }
        _ => plain(value),
    }
}

fn show(run: &RunRecord, session: &Session) -> Result<(), Failure> {
    if session.out.json {
        return session.out.document(run);
    }
    let commit = if run.commit.is_empty() { String::new() } else { format!(" ({})", run.commit) };
    let facts = [
        ("time", format!("{} UTC", time_text(run.started_ns))),
        ("kind", format!("{}, {} (exit code {})", run.kind, run.state, run.exit_code)),
        ("version", format!("{}{commit}", run.version)),
        ("program", program_text(run)),
        ("strategy", strategy_text(run)),
        ("seed", run.seed.to_string()),
        ("hash", run.determinism_hash.clone()),
        ("speed", format!("{} events in {}", run.events, number::seconds(run.wall_seconds))),
    ];
    let mut text = format!("{}\n{}", session.out.paint(Ink::Bold, &run.id), pairs(facts));
    for data in run.data.as_array().into_iter().flatten() {
        let get = |name: &str| data.get(name).map(plain).unwrap_or_default();
        text.push_str(&format!(
            "\ndata      {} ({} bars, {} to {})\n          sha256 {}",
            get("path"),
            get("bars"),
            get("from"),
            get("to"),
            get("sha256")
        ));
    }
    let figures = METRICS.iter().filter_map(|name| {
        run.metrics.get(*name).map(|value| (*name, figure_text(name, Some(value))))
    });
    text.push_str(&format!("\n\n{}\n\n{}", pairs(figures), run.command));
    session.out.line(&text)
}

fn compare(a: &RunRecord, b: &RunRecord, session: &Session) -> Result<(), Failure> {
    let same = !a.determinism_hash.is_empty() && a.determinism_hash == b.determinism_hash;
    if session.out.json {
        return session.out.document(&json!({
            "a": a,
            "b": b,
            "same_determinism_hash": same,
            "same_data": hashes(a) == hashes(b),
            "same_code": same_code(a, b),
        }));
    }
    let mut rows = vec![
        vec!["strategy".to_owned(), strategy_text(a), strategy_text(b), String::new()],
        vec!["symbols".to_owned(), words(&a.symbols), words(&b.symbols), String::new()],
        vec!["version".to_owned(), code(a), code(b), String::new()],
    ];
    if !a.program.is_null() || !b.program.is_null() {
        let (x, y) = (program_text(a), program_text(b));
        rows.push(vec!["program".to_owned(), x, y, String::new()]);
    }
    for name in METRICS {
        let (x, y) = (a.metrics.get(*name), b.metrics.get(*name));
        if x.is_some() || y.is_some() {
            let change = change(name, x, y);
            rows.push(vec![(*name).to_owned(), figure_text(name, x), figure_text(name, y), change]);
        }
    }
    let header = ["", a.id.as_str(), b.id.as_str(), "change"];
    let header: Vec<String> = header
        .iter()
        .enumerate()
        .map(|(at, h)| if at > 0 { format!(">{h}") } else { (*h).to_owned() })
        .collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    session.out.line(&table(&header, rows))?;
    let data = if hashes(a) == hashes(b) { "the same data" } else { "different data" };
    let verdict = if same {
        session.out.paint(Ink::Good, "identical to the last bit (equal determinism hashes)")
    } else {
        session.out.paint(Ink::Warn, "not the same run (different determinism hashes)")
    };
    let code = match same_code(a, b) {
        Some(true) => "the same code",
        Some(false) => "different code",
        None => "perhaps different code (the commit is unknown, or was changed)",
    };
    session.out.line(&format!("{data}; {code}; {verdict}"))
}

/// Whether one and the same code made both runs; none where that cannot be told.
fn same_code(a: &RunRecord, b: &RunRecord) -> Option<bool> {
    let of = |run: &RunRecord| (run.version.clone(), run.commit.clone(), run.program.clone());
    if of(a) != of(b) {
        return Some(false);
    }
    let is_vague = a.commit.is_empty() || a.commit == UNKNOWN || a.commit.ends_with(DIRTY);
    (!is_vague).then_some(true)
}

/// The crate of the user's own that made a run: `my_strategy 0.1.0, sources 3f9ab2c41d07`.
fn program_text(run: &RunRecord) -> String {
    let part = |name: &str| run.program.get(name).map(plain).unwrap_or_default();
    if run.program.is_null() {
        return "the built-in strategies".to_owned();
    }
    format!("{} {}, sources {}", part("name"), part("version"), part("sources"))
}

fn code(run: &RunRecord) -> String {
    format!("{} {}", run.version, run.commit).trim().to_owned()
}

fn hashes(run: &RunRecord) -> Vec<String> {
    let all = run.data.as_array().into_iter().flatten();
    let of = |data: &Value| {
        let more = data.get("files").and_then(Value::as_array).into_iter().flatten();
        let hash = |entry: &Value| entry.get("sha256").map(plain).unwrap_or_default();
        std::iter::once(data).chain(more).map(hash).collect::<Vec<_>>()
    };
    all.flat_map(of).collect()
}

/// By how much a figure differs.
pub fn change(name: &str, a: Option<&Value>, b: Option<&Value>) -> String {
    let read = |value: Option<&Value>| match value {
        Some(Value::String(text)) => text.parse::<f64>().ok(),
        Some(other) => other.as_f64(),
        None => None,
    };
    let (Some(a), Some(b)) = (read(a), read(b)) else { return String::new() };
    let difference = b - a;
    if difference == 0.0 {
        return "=".to_owned();
    }
    let sign = if difference > 0.0 { "+" } else { "" };
    match name {
        "total_return" | "annualized_return" | "volatility" | "max_drawdown" | "exposure"
        | "win_rate" => format!("{sign}{} points", number::fixed(difference * 100.0, 2)),
        "fills" | "trades" => format!("{sign}{}", number::fixed(difference, 0)),
        _ => format!("{sign}{}", number::fixed(difference, 2)),
    }
}

fn remove(
    ledger: &mut Ledger,
    names: &[String],
    yes: bool,
    session: &Session,
) -> Result<(), Failure> {
    let found: Result<Vec<RunRecord>, Failure> =
        names.iter().map(|name| ledger.find(name)).collect();
    let found = found?;
    if !yes {
        if !std::io::stdin().is_terminal() || session.out.json {
            return Err(Failure::usage("nothing was removed: this cannot be undone")
                .hint("add --yes to remove them"));
        }
        for run in &found {
            session.out.note(&format!("{}  {}", run.id, strategy_text(run)));
        }
        session.out.note("remove from the ledger? type yes:");
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        if read.is_err() || !matches!(answer.trim(), "yes" | "y") {
            return session.out.line("nothing was removed");
        }
    }
    for run in &found {
        ledger.remove(&run.id)?;
    }
    let ids: Vec<&str> = found.iter().map(|run| run.id.as_str()).collect();
    if session.out.json {
        return session.out.document(&json!({"removed": ids}));
    }
    session.out.line(&format!("removed {}", ids.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::RunId;
    use crate::version::Code;

    #[test]
    fn code_is_told_apart() {
        let run = |commit: &str, sources: Option<&'static str>| {
            let code = sources.map(|sources| Code { name: "mine", version: "0.1.0", sources });
            let mut run = RunRecord::new(&RunId::new(1), 1, "backtest", code);
            commit.clone_into(&mut run.commit);
            run
        };
        let known = "3f9ab2c41d07";
        let same = |a: &RunRecord, b: &RunRecord| same_code(a, b);
        assert_eq!(same(&run(known, Some("aa")), &run(known, Some("aa"))), Some(true));
        assert_eq!(same(&run(known, Some("aa")), &run(known, Some("bb"))), Some(false));
        assert_eq!(same(&run(known, None), &run("000000000000", None)), Some(false));
        assert_eq!(same(&run(known, None), &run("3f9ab2c41d07-dirty", None)), Some(false));
        for vague in ["3f9ab2c41d07-dirty", "unknown", ""] {
            assert_eq!(same(&run(vague, None), &run(vague, None)), None, "{vague}");
        }
        assert_eq!(program_text(&run(known, Some("aa"))), "mine 0.1.0, sources aa");
        assert_eq!(program_text(&run(known, None)), "the built-in strategies");
    }
}
