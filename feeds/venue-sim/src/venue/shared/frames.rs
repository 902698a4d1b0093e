//! What the fault plan makes of frames of streams, as far as it is the same on every wire.

use serde_json::{Map, Value};

use crate::fault::{Action, Fault};
use crate::wire::frames::{self, Opcode};
use crate::wire::outbox::{End, Outbox};

/// What a venue never says, in its own words.
pub(in crate::venue) struct Strange {
    /// An event that nobody knows.
    pub(in crate::venue) value: fn() -> String,
    /// A trade of a symbol with letters beyond ASCII.
    pub(in crate::venue) symbol: fn() -> String,
}

/// Sends one frame in the way of the fault.
pub(in crate::venue) fn frame_fated(
    action: Option<&Action>,
    outbox: &Outbox,
    text: &str,
    strange: &Strange,
) {
    let Some(action) = action else { return outbox.text(text.as_bytes()) };
    let bytes = text.as_bytes();
    match action.fault {
        Fault::UnknownField => {
            let rest = text.strip_prefix('{').unwrap_or(text);
            outbox.text(format!("{{\"zz\":{{\"new\":[1,null]}},{rest}").as_bytes());
        }
        Fault::UnknownValue => {
            outbox.text((strange.value)().as_bytes());
            outbox.text(bytes);
        }
        Fault::ForeignSymbol => {
            outbox.text((strange.symbol)().as_bytes());
            outbox.text(bytes);
        }
        Fault::KeyOrder => outbox.text(rewritten(text, |_| ()).as_bytes()),
        Fault::MissingField => {
            let lacking = rewritten(text, |map| {
                let last = map.keys().next_back().cloned();
                if let Some(last) = last {
                    map.remove(&last);
                }
            });
            outbox.text(lacking.as_bytes());
        }
        Fault::GarbageFrame => {
            let count = action.params.bytes.unwrap_or(100).min(10_000_000);
            outbox.text(
                "{\"garbage\":".repeat(usize::try_from(count / 11 + 1).unwrap_or(1)).as_bytes(),
            );
            outbox.text(bytes);
        }
        Fault::BinaryFrame => outbox.frame(Opcode::Binary, true, bytes),
        Fault::FragmentedFrame | Fault::PingInside => fragments(action, outbox, bytes),
        Fault::CompressedFrame => {
            // The bit that says so is set; no extension was agreed on.
            let mut raw = Vec::new();
            frames::encode(Opcode::Text, true, bytes, &mut raw);
            raw[0] |= 0x40;
            outbox.raw(&raw);
        }
        Fault::CutFrame => {
            let mut raw = Vec::new();
            frames::encode(Opcode::Text, true, bytes, &mut raw);
            outbox.raw(&raw[..raw.len() / 2]);
            outbox.end(End::AfterAll);
        }
        _ => outbox.text(bytes),
    }
}

/// Sends a frame in fragments, with a ping behind the first one where the fault is that.
fn fragments(action: &Action, outbox: &Outbox, bytes: &[u8]) {
    let parts = usize::try_from(action.params.parts.unwrap_or(3)).unwrap_or(3).max(2);
    let length = bytes.len().div_ceil(parts).max(1);
    let count = bytes.len().div_ceil(length);
    for (at, part) in bytes.chunks(length).enumerate() {
        let opcode = if at == 0 { Opcode::Text } else { Opcode::Continuation };
        outbox.frame(opcode, at + 1 == count, part);
        if action.fault == Fault::PingInside && at == 0 {
            let payload = action.params.bytes.unwrap_or(100).min(125);
            let payload = vec![b'p'; usize::try_from(payload).unwrap_or(0)];
            outbox.frame(Opcode::Ping, true, &payload);
        }
    }
}

/// The frame with its fields in the order of their names, and changed.
fn rewritten(text: &str, change: impl FnOnce(&mut Map<String, Value>)) -> String {
    let Ok(Value::Object(mut map)) = serde_json::from_str(text) else { return text.to_owned() };
    match map.get_mut("data") {
        Some(Value::Object(inner)) => change(inner),
        _ => change(&mut map),
    }
    Value::Object(map).to_string()
}

/// A change of a book with more levels before its own.
pub(in crate::venue) fn with_levels(text: &str, bids: &str, asks: &str) -> String {
    let mut text = text.to_owned();
    for (name, levels) in [("\"b\":[", bids), ("\"a\":[", asks)] {
        if let Some(at) = text.find(name).filter(|_| !levels.is_empty()) {
            let begin = at + name.len();
            let joint = if text[begin..].starts_with(']') { "" } else { "," };
            text.insert_str(begin, &format!("{levels}{joint}"));
        }
    }
    text
}

/// A change of a book behind whose own bids others are.
pub(in crate::venue) fn without_bids(text: &str, gone: &str) -> String {
    let name = "\"b\":[";
    let Some(begin) = text.find(name).map(|at| at + name.len()) else { return text.to_owned() };
    // Levels end with two brackets, or there are none.
    let end = text[begin..].find("]]").filter(|_| !text[begin..].starts_with(']'));
    let (at, joint) = end.map_or((begin, ""), |end| (begin + end + 1, ","));
    let mut text = text.to_owned();
    if !gone.is_empty() {
        text.insert_str(at, &format!("{joint}{gone}"));
    }
    text
}

/// A change of a book with other numbers.
pub(in crate::venue) fn shifted(text: &str, names: &[&str], by: i64) -> String {
    let mut text = text.to_owned();
    for name in names {
        let name = format!("\"{name}\":");
        let Some(at) = text.find(&name) else { continue };
        let begin = at + name.len();
        let digits = text[begin..].find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
        let number: i64 = text[begin..begin + digits].parse().unwrap_or(0);
        text.replace_range(begin..begin + digits, &number.saturating_add(by).max(0).to_string());
    }
    text
}
