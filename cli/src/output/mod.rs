//! What goes to the terminal: results on standard output, everything else on standard error.

pub mod file;
pub mod number;
pub mod progress;
pub mod table;

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use crate::failure::Failure;
pub use progress::Progress;

/// Whether anything was printed on standard output.
static PRINTED: AtomicBool = AtomicBool::new(false);

/// Where and how a command prints.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// One JSON document in the place of text.
    pub json: bool,
    /// Only results and errors.
    pub quiet: bool,
    /// How much is told beyond the usual.
    pub verbose: u8,
    /// Whether standard output takes colours.
    colored: bool,
    /// Whether standard error takes colours.
    colored_err: bool,
}

/// A colour or a weight of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Headings.
    Bold,
    /// What matters less.
    Dim,
    /// Gains, and what is well.
    Good,
    /// Losses, and errors.
    Bad,
    /// Warnings.
    Warn,
    /// Names and commands.
    Accent,
}

impl Ink {
    const fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Warn => "33",
            Self::Accent => "36",
        }
    }

    /// `text` in this ink.
    fn paint(self, text: &str) -> String {
        format!("\u{1b}[{}m{text}\u{1b}[0m", self.code())
    }
}

impl Output {
    /// How this process prints: colours only on terminals, and not where `NO_COLOR` is set.
    pub fn new(json: bool, quiet: bool, verbose: u8) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let allowed = !set("NO_COLOR") && !dumb;
        Self {
            json,
            quiet,
            verbose,
            colored: allowed && (io::stdout().is_terminal() || set("CLICOLOR_FORCE")),
            colored_err: allowed && io::stderr().is_terminal(),
        }
    }

    /// `text` in `ink` where colours are wanted.
    pub fn paint(&self, ink: Ink, text: &str) -> String {
        if self.colored { ink.paint(text) } else { text.to_owned() }
    }

    /// Prints `text` on standard output and ends the line. That nobody reads is no error.
    ///
    /// # Errors
    /// When standard output cannot be written to, such as a full disk.
    pub fn line(&self, text: &str) -> Result<(), Failure> {
        PRINTED.store(true, Ordering::Relaxed);
        let mut out = io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
        match written.and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::failed(format!("standard output cannot be written to: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Prints the command's document.
    ///
    /// # Errors
    /// As [`Self::line`].
    pub fn document(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value)
            .map_err(|error| Failure::failed(format!("the result cannot be written: {error}")))?;
        self.line(&text)
    }

    /// Tells something on the way, on standard error.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.say(None, text);
        }
    }

    /// Tells something that only those want to know who asked for more.
    pub fn detail(&self, text: &str) {
        if self.verbose > 0 {
            self.say(None, text);
        }
    }

    /// Warns on standard error.
    pub fn warn(&self, text: &str) {
        if !self.quiet {
            self.say(Some(("warning", Ink::Warn)), text);
        }
    }

    /// Tells about a failure on standard error.
    pub fn failure(&self, failure: &Failure) {
        self.say(Some(("error", Ink::Bad)), &failure.message);
        if let Some(hint) = &failure.hint {
            self.say(Some(("hint", Ink::Accent)), hint);
        }
    }

    /// Tells that the program was interrupted and is about to end. What it was printing on standard
    /// output stays as it is.
    pub fn interrupted(&self, failure: &Failure) {
        if io::stderr().is_terminal() {
            // Where the progress bar is, or the ^C of the terminal.
            let _ = write!(io::stderr(), "\r\u{1b}[2K");
        }
        self.failure(failure);
        if self.json && !PRINTED.load(Ordering::Relaxed) {
            // It has been told on standard error; there is no other place left.
            let _ = self.document(&failure.document());
        }
    }

    fn say(&self, label: Option<(&str, Ink)>, text: &str) {
        let label = label.map_or_else(String::new, |(word, ink)| {
            let word = format!("{word}:");
            let word = if self.colored_err { ink.paint(&word) } else { word };
            format!("{word} ")
        });
        // Nobody is left to be told when standard error is closed.
        let _ = writeln!(io::stderr(), "{label}{text}");
    }

    /// A progress bar on standard error; nothing where that is no terminal.
    pub fn progress(&self, length: u64, unit: &'static str) -> Progress {
        Progress::new(length, unit, !self.quiet && io::stderr().is_terminal())
    }
}
