//! Keeps the Parquet decoder's panics away from the caller: on damaged bytes it asserts where it
//! should return an error.

use std::any::Any;
use std::cell::Cell;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static SHIELDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `body`; a panic in it becomes an error that carries its message and prints nothing.
///
/// # Errors
/// The text of the error that `body` returned or of its panic.
pub fn shielded<T, E: Display>(body: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    install_hook();
    let before = SHIELDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(body));
    SHIELDED.set(before);
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(one_line(&error.to_string())),
        Err(panic) => Err(one_line(&panic_text(&*panic))),
    }
}

// The hook of the process prints a report for every panic, also for one that is caught. It is
// asked first whether this thread is shielded; all other panics go to the hook that was there.
fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |info| {
            if !SHIELDED.get() {
                previous(info);
            }
        }));
    });
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "the decoder gave up".to_owned(),
    }
}

// The decoder's messages may run over several lines; errors here are one sentence.
fn one_line(text: &str) -> String {
    const SHOWN_MAX: usize = 160;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN_MAX) {
        Some((at, _)) => format!("{}...", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_become_errors() {
        assert_eq!(shielded(|| Ok::<_, String>(5)), Ok(5));
        assert_eq!(shielded(|| Err::<u8, _>("a\n  b")), Err("a b".to_owned()));
        let text = shielded::<u8, String>(|| panic!("no {}", 7));
        assert_eq!(text, Err("no 7".to_owned()));
        let long = shielded::<u8, _>(|| Err("x".repeat(500)));
        assert_eq!(long.unwrap_err().len(), 163);
        assert!(!SHIELDED.get());
    }
}
