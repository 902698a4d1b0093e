//! Finds signals in what an agent answered.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// How deep a result is looked through.
const DEPTH_MAX: usize = 6;
/// Most signals of one result.
pub const SIGNALS_MAX: usize = 20;
/// Fields that an answer may be in, in the order in which they are looked through.
const FIELDS: &[&str] =
    &["signal", "signals", "result", "results", "result_data", "output", "data", "payload"];

/// What a result holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Objects that claim to be signals, byte for byte as they came.
    pub signals: Vec<String>,
    /// The longest of the texts around.
    pub text: String,
}

/// Looks through the JSON text `json`: for objects of the form of a signal, in the fields in which
/// agents answer, as objects or as JSON in a text, also between the fences of a code block.
#[must_use]
pub fn read(json: &str) -> Said {
    let mut said = Said::default();
    look(json, DEPTH_MAX, &mut said);
    said
}

type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// Whether an object claims to be a signal; whether it is one, the codec decides.
fn is_signal(fields: &Fields<'_>) -> bool {
    ["schema_version", "signal_id", "symbol", "action"].iter().all(|it| fields.contains_key(*it))
}

fn look(json: &str, depth: usize, said: &mut Said) {
    let json = json.trim();
    if depth == 0 || said.signals.len() >= SIGNALS_MAX {
        return;
    }
    match json.bytes().next() {
        Some(b'{') => {
            let Ok(fields) = serde_json::from_str::<Fields<'_>>(json) else { return };
            if is_signal(&fields) {
                said.signals.push(json.to_owned());
                return;
            }
            for name in FIELDS {
                if let Some(value) = fields.get(*name) {
                    look(value.get(), depth - 1, said);
                }
            }
        }
        Some(b'[') => {
            let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(json) else { return };
            for item in items {
                look(item.get(), depth - 1, said);
            }
        }
        Some(b'"') => {
            let Ok(text) = serde_json::from_str::<String>(json) else { return };
            look_in_text(&text, depth - 1, said);
        }
        _ => {}
    }
}

fn look_in_text(text: &str, depth: usize, said: &mut Said) {
    let before = said.signals.len();
    let trimmed = text.trim();
    if trimmed.starts_with(['{', '[']) {
        look(trimmed, depth, said);
    }
    for block in fenced(text) {
        look(block, depth, said);
    }
    if said.signals.len() == before && text.len() > said.text.len() {
        text.clone_into(&mut said.text);
    }
}

/// What is between the fences of code blocks.
fn fenced(text: &str) -> impl Iterator<Item = &str> {
    let inside = text.split("```").skip(1).step_by(2);
    inside.map(|block| {
        // The first line may name a language.
        let (first, rest) = block.split_once('\n').unwrap_or(("", block));
        if first.trim_start().starts_with(['{', '[']) { block } else { rest }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNAL: &str =
        r#"{"schema_version":1,"signal_id":"s","symbol":"X","action":"buy","stop_loss":4.10}"#;

    fn text(inner: &str) -> String {
        serde_json::to_string(inner).unwrap()
    }

    #[test]
    fn a_signal_is_found_wherever_agents_put_it() {
        let quoted = text(SIGNAL);
        let fenced = text(&format!("My view.\n\n```json\n{SIGNAL}\n```\nGood luck."));
        let bare = text(&format!("```\n{SIGNAL}\n```"));
        let tight = text(&format!("```{SIGNAL}```"));
        for result in [
            SIGNAL.to_owned(),
            format!(r#"{{"result": {SIGNAL}}}"#),
            format!(r#"{{"signal": {SIGNAL}}}"#),
            format!(r#"{{"agent":"a","results": {quoted}}}"#),
            format!(r#"{{"result_data": {{"results": {fenced}}}}}"#),
            format!(r#"{{"result": {{"results": {bare}}}}}"#),
            format!(r#"{{"results": {tight}}}"#),
            format!(r#"{{"results": [{SIGNAL}]}}"#),
            text(&format!(r#"{{"results": {quoted}}}"#)),
        ] {
            let said = read(&result);
            assert_eq!(said.signals, [SIGNAL], "{result}");
        }
        let both = format!(r#"{{"signals": [{SIGNAL}, {SIGNAL}]}}"#);
        assert_eq!(read(&both).signals.len(), 2);
    }

    #[test]
    fn free_text_stays_text() {
        let sample = "**Signal: BUY**\nConfidence: 0.85\nStop loss: 41000";
        let said = read(&format!(r#"{{"agent":"a","results": {}}}"#, text(sample)));
        assert_eq!(said, Said { signals: Vec::new(), text: sample.to_owned() });
        for nothing in ["", "null", "7", "{", "[1,2]", r#"{"action":"buy"}"#, "```{}```"] {
            assert!(read(nothing).signals.is_empty(), "{nothing}");
        }
        // However deep and however many, the work is bounded.
        let deep = format!("{}{SIGNAL}{}", "[".repeat(100), "]".repeat(100));
        assert!(read(&deep).signals.is_empty());
        let many = format!("[{}]", vec![SIGNAL; 100].join(","));
        assert_eq!(read(&many).signals.len(), SIGNALS_MAX);
    }
}
