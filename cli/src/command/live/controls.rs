//! Decisions about a running session, typed as lines.

use std::io::BufRead;
use std::thread;

use crossbeam::channel::Sender;
use qt_types::{Control, ControlKind, KillState, Target};

use crate::output::Output;

/// What can be typed.
pub const WORDS: &str = "kill (cancels what could open a position, lets nothing but cancels out), \
                         reduce (only what makes positions smaller), arm (all is allowed again), \
                         pause, resume, close";

/// The decision of a line.
fn read(line: &str) -> Option<ControlKind> {
    let trip = |state| ControlKind::Trip { target: Target::GLOBAL, state };
    Some(match line.trim() {
        "kill" => trip(KillState::Halted),
        "reduce" => trip(KillState::ReduceOnly),
        "arm" => ControlKind::Arm { target: Target::GLOBAL },
        "pause" => ControlKind::Pause,
        "resume" => ControlKind::Resume,
        "close" => ControlKind::CloseOut,
        _ => return None,
    })
}

/// Reads lines from standard input for as long as there are any.
pub fn listen(to: Sender<Control>, out: Output) {
    // The thread lives as long as the program; without it nothing can be typed.
    let _ = thread::Builder::new().name("controls".to_owned()).spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            match read(&line) {
                // Whoever types at the keyboard of this machine is its owner.
                Some(kind) => {
                    if to.send(Control { kind, person: 1 }).is_err() {
                        return;
                    }
                    out.note(&format!("{}: taken", line.trim()));
                }
                None if line.trim().is_empty() => {}
                None => out.warn(&format!("{:?} is no command. There are: {WORDS}", line.trim())),
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_that_is_offered_is_understood() {
        for word in WORDS.split(", ").filter_map(|part| part.split_whitespace().next()) {
            let is_word = !word.starts_with('(') && word != "lets";
            assert_eq!(read(word).is_some(), is_word, "{word}");
        }
        assert_eq!(read("sell everything"), None);
    }
}
