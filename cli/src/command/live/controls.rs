//! Words about a running session, typed as lines or sent by another process.

use std::io::BufRead;
use std::sync::Arc;
use std::thread;

use serde_json::{Value, json};

use super::desk::{Answer, Desk};
use super::view::View;
use crate::output::Output;

/// What became of a line, for a person.
pub fn text(answer: &Answer, view: &View) -> String {
    match answer {
        Answer::Taken(event) => format!("taken as event {event}"),
        Answer::Waits => "it waits: the session makes again what its journal has".to_owned(),
        Answer::Status => match view.last() {
            Some(status) => view.text(&status, None),
            None => "nothing has happened yet".to_owned(),
        },
        Answer::Unknown(why) => why.clone(),
        Answer::Refused(why) => format!("refused: {why}"),
    }
}

/// The same for another process.
pub fn document(answer: &Answer, view: &View) -> Value {
    let message = text(answer, view);
    match answer {
        Answer::Taken(event) => json!({"ok": true, "event": event, "message": message}),
        Answer::Waits => json!({"ok": true, "event": null, "message": message}),
        Answer::Status => {
            let status = view.last().map(|status| view.json(&status));
            json!({"ok": true, "status": status, "message": message})
        }
        Answer::Unknown(_) => json!({"ok": false, "reason": "usage", "message": message}),
        Answer::Refused(_) => json!({"ok": false, "reason": "refused", "message": message}),
    }
}

/// Reads lines from standard input for as long as there are any.
pub fn listen(desk: Arc<Desk>, view: View, out: Output) {
    // The thread lives as long as the program; without it nothing can be typed.
    let _ = thread::Builder::new().name("controls".to_owned()).spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            let answer = desk.say(line);
            let said = text(&answer, &view);
            match answer {
                Answer::Taken(_) | Answer::Waits => out.note(&format!("{line}: {said}")),
                Answer::Status => out.note(&said),
                Answer::Unknown(_) | Answer::Refused(_) => out.warn(&format!("{line}: {said}")),
            }
        }
    });
}
