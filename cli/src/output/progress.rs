//! Progress of long work.

use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressState, ProgressStyle};

/// A bar on standard error, or nothing.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
}

/// Work that ends sooner shows no bar at all.
const QUIET: Duration = Duration::from_millis(400);

impl Progress {
    /// A bar of `length` units called `unit`, shown if `is_shown`.
    pub fn new(length: u64, unit: &'static str, is_shown: bool) -> Self {
        if !is_shown {
            return Self { bar: None };
        }
        let bar = ProgressBar::new(length);
        let rate = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let per_second = HumanCount(state.per_sec() as u64);
            // A bar that cannot be drawn is not worth an error.
            let _ = write!(out, "{per_second} {unit}/s");
        };
        let template = "{bar:28} {percent:>3} % {rate}  {eta} left  {msg}";
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.with_key("rate", rate).progress_chars("━━─"));
        Self { bar: Some(bar) }
    }

    /// Shows that `done` units are done, with a few words beside.
    pub fn set(&self, done: u64, words: impl FnOnce() -> String) {
        if let Some(bar) = &self.bar
            && bar.elapsed() > QUIET
        {
            bar.set_position(done);
            bar.set_message(words());
        }
    }

    /// Shows that `done` of `all` units are done, when the number of all is known only now.
    pub fn set_of(&self, done: u64, all: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(all);
        }
        self.set(done, String::new);
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
