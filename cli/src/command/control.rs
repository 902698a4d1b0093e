//! `control`: decisions about a session that runs in another process.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use crate::app::Session;
use crate::command::live::socket;
use crate::failure::{Failure, Reason};

/// Tell a running session what to do, or ask how it stands.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade control session status\n  \
    quanttrade control session kill\n  \
    quanttrade control session deactivate grid\n  \
    quanttrade control session param market_maker gamma 0.2\n  \
    quanttrade control session limit exposure 50000\n\n\
    Commands: kill, reduce and arm (everything, or one strategy), pause, resume, close,\n\
    activate and deactivate a strategy, param [STRATEGY] NAME VALUE, limit NAME VALUE [WHERE],\n\
    status. Each decision is an event in the session's journal; the answer says which.\n\
    Exit code 5: refused, with the reason.")]
pub struct ControlArgs {
    /// The folder of the session
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// What is to be done
    #[arg(value_name = "COMMAND", required = true, allow_negative_numbers = true)]
    pub command: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// When no session runs there, it does not understand, or it refuses.
pub fn run(args: &ControlArgs, session: &Session) -> Result<(), Failure> {
    let named = args.folder.display();
    if args.command.iter().any(|word| word.contains(char::is_whitespace) || word.is_empty()) {
        return Err(Failure::usage("a word of a command has no spaces"));
    }
    let line = args.command.join(" ");
    let answer = socket::ask(folder(&args.folder), &line).map_err(|error| {
        Failure::failed(format!("{named}: the session cannot be asked: {error}"))
    })?;
    let Some(answer) = answer else {
        return Err(Failure::failed(format!("no session runs in {named}"))
            .hint("name the folder of --out of quanttrade live"));
    };
    let unreadable = |_| Failure::failed(format!("{named}: the answer is none: {answer:?}"));
    let document: Value = serde_json::from_str(&answer).map_err(unreadable)?;
    let message = document["message"].as_str().unwrap_or_default();
    if document["ok"] == Value::Bool(true) {
        return if session.out.json {
            session.out.document(&document)
        } else {
            session.out.line(message)
        };
    }
    let reason = match document["reason"].as_str() {
        Some("refused") => Reason::Refused,
        _ => Reason::Usage,
    };
    Err(Failure::new(reason, message.to_owned()))
}

/// The folder, also where its journal was named.
fn folder(given: &Path) -> &Path {
    let is_journal = given.extension().is_some_and(|it| it == "qtj");
    let parent = given.parent().filter(|_| is_journal);
    parent.map_or(given, |parent| if parent == Path::new("") { Path::new(".") } else { parent })
}
