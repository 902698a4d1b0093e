//! `demo`: what this program does, offline and in seconds.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use super::backtest::{Finished, conclude, execute, keep, show};
use crate::app::Session;
use crate::failure::Failure;
use crate::output::Ink;
use crate::settings::{Layers, Sources};
use crate::version;

/// A backtest on bundled real data, offline: statistics here, a report beside.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  quanttrade demo --report sp500.html")]
pub struct DemoArgs {
    /// Where the report goes
    #[arg(long, value_name = "FILE.html", default_value = "report.html")]
    pub report: PathBuf,
}

/// What the demonstration runs. Settings of files and environment do not matter to it.
const SETTINGS: &[(&str, &str)] = &[
    ("data", "sample:SP500"),
    ("strategy", "sma_cross"),
    ("param", "fast=50"),
    ("param", "slow=200"),
    ("capital", "100000"),
    ("weight", "0.95"),
    ("fee-rate", "0.001"),
    ("fill", "next-open"),
];

/// Runs the command.
///
/// # Errors
/// When the sample cannot be unpacked or the report cannot be written.
pub fn run(args: &DemoArgs, session: &Session) -> Result<(), Failure> {
    let mut flags: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for (name, value) in SETTINGS {
        flags.entry(name).or_default().push((*value).to_owned());
    }
    flags.insert("report", vec![args.report.to_string_lossy().into_owned()]);
    let layers = Layers::only(&Sources { flags: Some(&flags), ..Sources::default() })?;
    session.out.note("a backtest on the S&P 500, 1999 to 2018: prices that came with the program");
    session.out.note("");
    let finished = execute("demo", &layers, session)?;
    let ended = tell(args, &finished, session);
    keep(&finished, ended, session)
}

fn tell(args: &DemoArgs, finished: &Finished, session: &Session) -> Result<(), Failure> {
    show(finished, session)?;
    conclude(finished, session)?;
    if !session.out.json && !session.out.quiet {
        session.out.line(&next_steps(args, session))?;
    }
    Ok(())
}

fn next_steps(args: &DemoArgs, session: &Session) -> String {
    let program = version::program();
    let command = |text: &str| session.out.paint(Ink::Accent, &format!("{program} {text}"));
    let steps = [
        ("look at the report", format!("open {} in a browser", args.report.display())),
        (
            "other parameters",
            command(
                "sweep --data sample:SP500 --strategy sma_cross --param fast=10:60:10 \
                 --param slow=80:240:20",
            ),
        ),
        ("other strategies", command("strategies list")),
        ("your own data", command("backtest --data FILE.csv --strategy sma_cross")),
        ("your own strategy", command("strategies new my_strategy")),
    ];
    let mut lines = vec![String::new(), session.out.paint(Ink::Bold, "Next")];
    lines.extend(steps.iter().map(|(what, how)| format!("  {what:<19} {how}")));
    lines.join("\n")
}
