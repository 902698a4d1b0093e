//! `strategies`: what there is, and the beginning of your own.

mod new;
mod template;

use clap::{Args, Subcommand};
use qt_strategies::registry::{Instruments, StrategyEntry};
use serde_json::{Value, json};

use crate::app::Session;
use crate::failure::Failure;
use crate::output::table::table;
use crate::output::{Ink, number};
use crate::version;

/// List the strategies, explain one, or begin your own.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  quanttrade strategies show sma_cross")]
pub struct StrategiesArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// List all strategies
    #[command(after_help = "Example:\n  quanttrade strategies list --json")]
    List,
    /// Explain one strategy and its parameters
    #[command(after_help = "Example:\n  quanttrade strategies show rsi_reversion")]
    Show {
        /// Its name
        name: String,
    },
    /// Write a crate with a strategy of your own, a test and a configuration
    New(new::NewArgs),
}

/// Runs the command.
///
/// # Errors
/// When a strategy does not exist or a crate cannot be written.
pub fn run(args: StrategiesArgs, session: &Session) -> Result<(), Failure> {
    match args.action {
        Action::List => list(session),
        Action::Show { name } => show(&name, session),
        Action::New(args) => new::run(&args, session),
    }
}

fn list(session: &Session) -> Result<(), Failure> {
    if session.out.json {
        let all: Vec<Value> = session.registry.iter().map(document).collect();
        return session.out.document(&json!({"strategies": all}));
    }
    let rows = session.registry.iter().map(|entry| {
        let params: Vec<String> =
            entry.params.iter().map(|p| format!("{}={}", p.name, p.default())).collect();
        vec![entry.name.to_owned(), entry.summary.to_owned(), params.join(" ")]
    });
    session.out.line(&table(&["strategy", "what it does", "parameters"], rows))?;
    session.out.note(&format!("{} strategies show NAME explains one", version::program()));
    Ok(())
}

fn show(name: &str, session: &Session) -> Result<(), Failure> {
    let entry = session.registry.get(name)?;
    if session.out.json {
        return session.out.document(&document(entry));
    }
    let title = session.out.paint(Ink::Bold, entry.name);
    let mut lines = vec![format!("{title}: {}", entry.summary), String::new()];
    lines.extend(wrapped(entry.doc, 90));
    lines.push(String::new());
    if let Instruments::Exactly(count) = entry.instruments {
        lines.push(format!("Trades {} together.", number::plural(count as u64, "instrument")));
        lines.push(String::new());
    }
    if entry.params.is_empty() {
        lines.push("No parameters.".to_owned());
    } else {
        let rows = entry.params.iter().map(|param| {
            vec![
                param.name.to_owned(),
                param.type_name().to_owned(),
                param.default().to_string(),
                param.range(),
                param.doc.to_owned(),
            ]
        });
        lines.push(table(&["parameter", "type", ">default", "allowed", "meaning"], rows));
    }
    lines.extend(entry.rules.iter().map(|rule| format!("Condition: {}", rule.text)));
    lines.push(String::new());
    let example =
        format!("{} backtest --data sample:SP500 --strategy {}", version::program(), entry.name);
    lines.push(session.out.paint(Ink::Accent, &example));
    session.out.line(&lines.join("\n"))
}

fn document(entry: &StrategyEntry) -> Value {
    let params: Vec<Value> = entry
        .params
        .iter()
        .map(|param| {
            json!({
                "name": param.name,
                "type": param.type_name(),
                "default": param.default().to_string(),
                "allowed": param.range(),
                "doc": param.doc,
            })
        })
        .collect();
    let rules: Vec<&str> = entry.rules.iter().map(|rule| rule.text).collect();
    json!({
        "name": entry.name,
        "summary": entry.summary,
        "doc": entry.doc,
        "instruments": match entry.instruments {
            Instruments::Each => json!("each"),
            Instruments::Exactly(count) => json!(count),
        },
        "params": params,
        "rules": rules,
    })
}

/// `text` in lines of at most `width` letters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is always a line");
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}
