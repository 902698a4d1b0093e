//! `doctor`: the machine and the installation, with advice.

mod checks;

use clap::Args;
use serde_json::{Value, json};

use crate::app::Session;
use crate::failure::Failure;
use crate::output::Ink;

use checks::{Finding, State};

/// Check the machine and the installation, with advice.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  quanttrade doctor --json")]
pub struct DoctorArgs {}

/// Runs the command.
///
/// # Errors
/// When something is found that keeps the program from working.
pub fn run(_: &DoctorArgs, session: &Session) -> Result<(), Failure> {
    let findings = checks::all(session);
    let broken = findings.iter().filter(|finding| finding.state == State::Broken).count();
    if session.out.json {
        let all: Vec<Value> = findings.iter().map(document).collect();
        session.out.document(&json!({"ok": broken == 0, "checks": all}))?;
    } else {
        let lines: Vec<String> = findings.iter().map(|finding| line(finding, session)).collect();
        session.out.line(&lines.join("\n"))?;
    }
    if broken == 0 {
        return Ok(());
    }
    let names: Vec<&str> =
        findings.iter().filter(|f| f.state == State::Broken).map(|f| f.name).collect();
    Err(Failure::failed(format!("this does not work here: {}", names.join(", "))).documented())
}

fn line(finding: &Finding, session: &Session) -> String {
    let (mark, ink) = match finding.state {
        State::Good => ("ok  ", Ink::Good),
        State::Note => ("note", Ink::Warn),
        State::Broken => ("FAIL", Ink::Bad),
    };
    let mark = session.out.paint(ink, mark);
    let advice = finding.advice.as_ref().map_or_else(String::new, |advice| {
        format!("\n{:21}{}", "", session.out.paint(Ink::Dim, advice))
    });
    format!("{mark}  {:<13}  {}{advice}", finding.name, finding.value)
}

fn document(finding: &Finding) -> Value {
    json!({
        "name": finding.name,
        "state": finding.state.text(),
        "value": finding.value,
        "advice": finding.advice,
    })
}
