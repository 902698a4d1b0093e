//! `journal export`: the day of a session of the service, as a backtest that runs it again.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use qt_api::service::{Journaled, RanStrategy};
use qt_backtest::report::risk::limits as numbers;
use qt_risk::{Account, Allowed, Profile, Sizing};
use qt_types::{SourceId, format_scaled};
use serde_json::json;

use super::market;
use crate::app::Session;
use crate::failure::Failure;
use crate::output::file::write_whole;
use crate::output::number::plural;

/// What is to be written where.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The journal
    #[arg(value_name = "DIR.qtj")]
    pub journal: PathBuf,
    /// The folder to write market.qtt, signals.jsonl, risk.toml and run.toml into
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// When the journal is none of a session of the service or cannot be read, no strategy ran in it,
/// or a file cannot be written.
pub fn run(args: &ExportArgs, session: &Session) -> Result<(), Failure> {
    let (journal, out) = (&args.journal, &args.out);
    let Some(told) = Journaled::read(journal)? else {
        let what = format!("{}: a session of the service did not write it", journal.display());
        return Err(Failure::usage(what)
            .hint("quanttrade parity makes the run of a journal of live again as a backtest"));
    };
    if told.strategies.is_empty() {
        let what = format!("{}: no strategy ran in this session", journal.display());
        return Err(Failure::nothing(what).hint("quanttrade journal market writes its market"));
    }
    fs::create_dir_all(out).map_err(|error| {
        Failure::failed(format!("{}: the folder cannot be made: {error}", out.display()))
    })?;
    let saw = market::write(journal, &out.join("market.qtt"), None)?;
    let (mut signals, mut lines) = (String::new(), 0_u64);
    let sources = super::signals(journal, &mut |line| {
        lines += 1;
        signals.push_str(line);
        signals.push('\n');
        Ok(())
    })?;
    let put = |name: &str, text: &str| {
        write_whole(&out.join(name), |file| file.write_all(text.as_bytes()))
    };
    put("signals.jsonl", &signals)?;
    put("risk.toml", &limits(&told.limits))?;
    put("run.toml", &settings(&told, &sources, lines > 0))?;
    let touched = told.touched;
    let run = out.join("run.toml");
    if session.out.json {
        return session.out.document(&json!({
            "run": run, "records": saw.written.records, "symbols": saw.symbols, "signals": lines,
            "strategies": told.strategies.len(),
            "left_out": {
                "orders": touched.orders, "decisions": touched.decisions,
                "strategies": touched.strategies, "restarts": touched.restarts,
                "late": touched.late,
            },
        }));
    }
    let (records, heard) = (plural(saw.written.records, "record"), plural(lines, "signal"));
    session.out.line(&format!("{}: {records}, {heard}", run.display()))?;
    if !touched.is_nothing() {
        session.out.line(&format!(
            "not in it: {} by hand, {}, {} with limits of their own or another place; {}, {} late",
            plural(touched.orders, "order"),
            plural(touched.decisions, "decision"),
            touched.strategies,
            plural(touched.restarts, "restart"),
            plural(touched.late, "timer"),
        ))?;
    }
    session.out.line(&format!("quanttrade backtest {}", run.display()))
}

/// The limits as a file.
fn limits(profile: &Profile) -> String {
    let allowed = match profile.allowed() {
        Allowed::All => json!("all"),
        Allowed::Given => json!("given"),
        Allowed::Only(symbols) => json!(symbols),
    };
    let mut text = format!(
        "# The limits of a session, as its journal has them.\nprofile = {}\nallowed = {allowed}\n",
        json!(profile.name().text()),
    );
    for (table, values) in numbers(profile) {
        // A symbol may have any character: it is quoted.
        let table = match table.split_once('.') {
            Some((of, symbol)) => format!("{of}.{}", json!(symbol)),
            None => table,
        };
        let _ = write!(text, "\n[{table}]\n");
        for (name, number) in values {
            let _ = writeln!(text, "{} = {}", json!(name), json!(number));
        }
    }
    text
}

/// The settings of the run. Sources have the numbers by which a backtest knows them.
fn settings(told: &Journaled, sources: &[SourceId], has_signals: bool) -> String {
    let e9 = |number: i64| format_scaled(number.into(), 9);
    let mut text = "# The day of a session, as its journal has it.\n".to_owned();
    let mut set = |name: &str, value: serde_json::Value| {
        let _ = writeln!(text, "{name} = {value}");
    };
    set("data", json!(["market.qtt"]));
    if has_signals {
        set("signals", json!("signals.jsonl"));
    }
    set("risk-profile", json!("risk.toml"));
    set("capital", json!(format_scaled(told.capital.nano(), 9)));
    match told.account {
        Account::Cash => set("account", json!("cash")),
        Account::Margin { leverage_e9 } => {
            set("account", json!("margin"));
            set("leverage", json!(e9(leverage_e9)));
        }
    }
    if let Sizing::Weight { weight_e9 } = told.sizing {
        set("weight", json!(e9(weight_e9)));
    }
    set("maker-rate", json!(e9(told.fees.maker_e9)));
    set("taker-rate", json!(e9(told.fees.taker_e9)));
    set("order-latency", json!(format!("{}ns", told.latency_ns)));
    // A session has places for several strategies that share its instruments, whether they are
    // taken or not: what brackets and positions are is then each strategy's own.
    let others = format!("{OTHERS}={IDLE}");
    let roles = told.strategies.iter().map(role).chain([others]);
    set("strategy", json!(roles.collect::<Vec<_>>()));
    for strategy in &told.strategies {
        let _ = write!(text, "\n[param.{}]\n", name_of(strategy));
        for (name, value) in &strategy.parameters {
            let value = if name == "source" { of_run(value, sources) } else { value.clone() };
            let _ = writeln!(text, "{} = {}", json!(name), json!(value));
        }
    }
    let _ = write!(text, "\n# Hears a source that there is not.\n[param.{OTHERS}]\n");
    let _ = writeln!(text, "source = \"{}\"", u16::MAX);
    text
}

/// The other places of a session, and the strategy that does nothing in them.
const OTHERS: &str = "others";
const IDLE: &str = "ai_signal_follow";

fn name_of(strategy: &RanStrategy) -> String {
    format!("place-{}", strategy.place)
}

fn role(strategy: &RanStrategy) -> String {
    let symbols = strategy.symbols.join("+");
    format!("{}={}@{symbols}", name_of(strategy), strategy.strategy_type)
}

/// The number of the source `text` in a run over the exported signals: by when it spoke first. One
/// that never did gets a number that nobody has.
fn of_run(text: &str, sources: &[SourceId]) -> String {
    let Ok(number) = text.parse::<u16>() else { return text.to_owned() };
    if number == 0 {
        return text.to_owned();
    }
    let found = sources.iter().position(|source| source.0 == number);
    found.map_or(u16::MAX.to_string(), |at| (at + 1).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_have_the_numbers_of_the_file() {
        let sources = [SourceId(7), SourceId(2)];
        let of = |text| of_run(text, &sources);
        assert_eq!([of("7"), of("2"), of("3"), of("0"), of("x")], ["1", "2", "65535", "0", "x"]);
    }

    #[test]
    fn limits_are_read_back_as_they_were() {
        let mut profile = Profile::new(qt_risk::ProfileName::Paper);
        profile.allow(Allowed::All);
        profile.set("instrument.BTC/USD", "long", "1.5").unwrap();
        profile.set("strategy", "exposure", "5000").unwrap();
        profile.set("strategy", "exposure.soft", "4000.5").unwrap();
        let folder = std::env::temp_dir().join(format!("qt-export-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("risk.toml");
        fs::write(&path, limits(&profile)).unwrap();
        let read = crate::settings::risk::named(&path.to_string_lossy(), "--risk-profile").unwrap();
        assert_eq!(*read.profile, profile);
    }
}
