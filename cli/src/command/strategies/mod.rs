//! `strategies`: what there is, and the beginning of your own.

mod new;
mod template;

use clap::{Args, Subcommand};
use qt_strategies::registry::{Instruments, StrategyEntry};
use qt_strategies::{ParamKind, ParamSpec};
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
                if param.is_live { "yes" } else { "" }.to_owned(),
                param.doc.to_owned(),
            ]
        });
        lines.push(table(&["parameter", "type", ">default", "allowed", "live", "meaning"], rows));
    }
    lines.extend(entry.rules.iter().map(|rule| format!("Condition: {}", rule.text)));
    lines.push(String::new());
    let example =
        format!("{} backtest --data sample:SP500 --strategy {}", version::program(), entry.name);
    lines.push(session.out.paint(Ink::Accent, &example));
    session.out.line(&lines.join("\n"))
}

fn document(entry: &StrategyEntry) -> Value {
    let params: Vec<Value> = entry.params.iter().map(param_document).collect();
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

/// Numbers are numbers: `min` and `max` belong to the range, `options` are all words allowed.
fn param_document(param: &ParamSpec) -> Value {
    let mut document =
        json!({"name": param.name, "type": param.type_name(), "doc": param.doc, "default": null});
    let mut put = |name: &str, value: Value| document[name] = value;
    if param.is_live {
        put("live", json!(true));
    }
    match param.kind {
        ParamKind::Int { default, min, max } => {
            put("default", json!(default));
            put("min", json!(min));
            put("max", json!(max));
        }
        ParamKind::Float { default, min, max } => {
            put("default", json!(default));
            put("min", json!(min));
            put("max", json!(max));
        }
        ParamKind::Flag { default } => put("default", json!(default)),
        ParamKind::Choice { default, options } => {
            put("default", json!(default));
            put("options", json!(options));
        }
    }
    document
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

#[cfg(test)]
mod tests {
    use qt_strategies::param::{choice, flag, float, int};

    use super::*;

    #[test]
    fn documents_are_typed() {
        let whole = param_document(&int("n", 20, (1, 19_999), "bars"));
        let wanted = json!({"name": "n", "type": "int", "doc": "bars", "default": 20, "min": 1,
                            "max": 19_999});
        assert_eq!(whole, wanted);
        let number = param_document(&float("z", 2.0, (0.1, 10.0), ""));
        assert_eq!((&number["default"], &number["min"]), (&json!(2.0), &json!(0.1)));
        assert_eq!(param_document(&flag("short", false, ""))["default"], json!(false));
        let word = param_document(&choice("price", "close", &["close", "typical"], ""));
        assert_eq!(word["options"], json!(["close", "typical"]));
        assert!(word.get("min").is_none());
    }
}
