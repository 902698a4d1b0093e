//! What a session shows while it runs.

use std::io::IsTerminal;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use qt_runtime::keeper::Shown;

use super::view::View;
use crate::output::{Output, table};

/// How often it is shown.
const EVERY: Duration = Duration::from_secs(1);

/// Shows a session on standard error: a table that is drawn anew on a terminal, else a line now
/// and then.
pub struct Screen<'a> {
    out: Output,
    shown: &'a Shown,
    view: View,
    is_terminal: bool,
    last: Option<(Instant, u64)>,
    lines: usize,
}

impl<'a> Screen<'a> {
    pub fn new(out: Output, shown: &'a Shown, view: View) -> Self {
        let is_terminal = std::io::stderr().is_terminal() && !out.quiet;
        Self { out, shown, view, is_terminal, last: None, lines: 0 }
    }

    /// Called often; shows what there is once a second.
    pub fn look(&mut self) {
        let (at, events) = self.last.get_or_insert_with(|| {
            // The first one is there before anybody asks.
            self.shown.board.ask();
            (Instant::now(), 0)
        });
        let now = self.shown.events.load(Ordering::Relaxed);
        let passed = at.elapsed();
        if passed < EVERY {
            return;
        }
        let rate = now.saturating_sub(*events) as f64 / passed.as_secs_f64();
        self.last = Some((Instant::now(), now));
        if let Some(status) = self.shown.board.get() {
            if self.is_terminal {
                let text = self.view.text(&status, Some(rate));
                self.draw(&text);
            } else {
                self.out.note(&self.view.line(&status, Some(rate)));
            }
            self.view.keep(status);
        }
        self.shown.board.ask();
    }

    fn draw(&mut self, text: &str) {
        let text = fitted(text, table::terminal_width());
        let up = if self.lines > 0 { format!("\x1b[{}A\x1b[J", self.lines) } else { String::new() };
        eprintln!("{up}{text}");
        self.lines = text.lines().count();
    }
}

/// The lines of `text`, none wider than the terminal: what the terminal breaks could not be drawn
/// over.
fn fitted(text: &str, width: usize) -> String {
    let line = |line: &str| line.chars().take(width).collect::<String>();
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        assert_eq!(fitted("abc–ef\ngh", 5), "abc–e\ngh");
    }
}
