//! `completions`: what a shell needs to complete this program's words.

use clap::Args;
use clap_complete::Shell;
use serde_json::json;

use crate::app::{Session, command_line};
use crate::failure::Failure;
use crate::version;

/// Print the completions of a shell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    quanttrade completions bash > ~/.local/share/bash-completion/completions/quanttrade\n  \
    quanttrade completions zsh > ~/.zfunc/_quanttrade")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Runs the command.
///
/// # Errors
/// When standard output cannot be written to.
pub fn run(args: &CompletionsArgs, session: &Session) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command_line(), version::program(), &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    if session.out.json {
        return session.out.document(&json!({"shell": args.shell.to_string(), "script": script}));
    }
    session.out.line(script.trim_end())
}
