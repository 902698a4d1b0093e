//! A run that another program has started for itself ends with that program, also where that was
//! killed: nobody waits for its result any more.

use std::os::unix::process::parent_id;
use std::process::exit;
use std::thread;
use std::time::Duration;

/// The number of the process to end with.
const NAME: &str = "QUANTTRADE_ENDS_WITH";
/// How often it is looked whether that is still there.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The exit code of a run that was left behind.
const LEFT_BEHIND: i32 = 1;

/// Ends this process once the one that the environment names is not its parent any more.
pub fn watch() {
    let Some(parent) = std::env::var(NAME).ok().and_then(|text| text.parse::<u32>().ok()) else {
        return;
    };
    end_without(parent);
    // Without the thread it runs to its own limits.
    let _ = thread::Builder::new().name("parent".to_owned()).spawn(move || {
        loop {
            thread::sleep(LOOK_EVERY);
            end_without(parent);
        }
    });
}

fn end_without(parent: u32) {
    if parent_id() != parent {
        eprintln!("error: the process that wanted this is gone ({NAME}={parent})");
        exit(LEFT_BEHIND);
    }
}
