//! JSON with the fields in the order in which they are written: clients are free to rely on
//! nothing of it, but the documents of the venue show one order and captures keep it.

use std::fmt::Write as _;

use serde::Serialize;

use crate::exchange::Nanos;

/// In which unit times are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::venue) enum TimeUnit {
    /// Thousandths of a second.
    #[default]
    Milliseconds,
    /// Millionths.
    Microseconds,
}

impl TimeUnit {
    /// A time in this unit.
    pub(in crate::venue) const fn of(self, time_ns: Nanos) -> i64 {
        match self {
            Self::Milliseconds => time_ns.div_euclid(1_000_000),
            Self::Microseconds => time_ns.div_euclid(1_000),
        }
    }
}

/// `text` as a JSON string.
pub(in crate::venue) fn quoted(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    push_quoted(&mut json, text);
    json
}

fn push_quoted(json: &mut String, text: &str) {
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    json.push('"');
    if text.bytes().all(is_plain) {
        json.push_str(text);
    } else {
        for c in text.chars() {
            match c {
                '"' => json.push_str("\\\""),
                '\\' => json.push_str("\\\\"),
                // Writing into a String cannot fail.
                c if c < ' ' => drop(write!(json, "\\u{:04x}", u32::from(c))),
                c => json.push(c),
            }
        }
    }
    json.push('"');
}

/// An object that is being written.
#[derive(Debug, Clone)]
pub(in crate::venue) struct Object {
    json: String,
    unit: TimeUnit,
}

impl Object {
    /// An empty one whose times are in `unit`.
    pub(in crate::venue) fn new(unit: TimeUnit) -> Self {
        let mut json = String::with_capacity(256);
        json.push('{');
        Self { json, unit }
    }

    fn name(&mut self, name: &str) {
        if self.json.len() > 1 {
            self.json.push(',');
        }
        self.json.push('"');
        self.json.push_str(name);
        self.json.push_str("\":");
    }

    /// A string.
    pub(in crate::venue) fn text(mut self, name: &str, value: &str) -> Self {
        self.name(name);
        push_quoted(&mut self.json, value);
        self
    }

    /// A whole number.
    pub(in crate::venue) fn number(mut self, name: &str, value: impl Into<i128>) -> Self {
        self.name(name);
        let _ = write!(self.json, "{}", value.into());
        self
    }

    /// True or false.
    pub(in crate::venue) fn truth(mut self, name: &str, value: bool) -> Self {
        self.name(name);
        self.json.push_str(if value { "true" } else { "false" });
        self
    }

    /// A time.
    pub(in crate::venue) fn time(self, name: &str, time_ns: Nanos) -> Self {
        let time = self.unit.of(time_ns);
        self.number(name, time)
    }

    /// JSON that is written already.
    pub(in crate::venue) fn raw(mut self, name: &str, json: &str) -> Self {
        self.name(name);
        self.json.push_str(json);
        self
    }

    /// More fields where there is something to tell.
    pub(in crate::venue) fn when<T>(
        self,
        value: Option<T>,
        write: impl FnOnce(Self, T) -> Self,
    ) -> Self {
        match value {
            Some(value) => write(self, value),
            None => self,
        }
    }

    /// More fields where `holds`.
    pub(in crate::venue) fn only_if(self, holds: bool, write: impl FnOnce(Self) -> Self) -> Self {
        if holds { write(self) } else { self }
    }

    /// The object as text.
    pub(in crate::venue) fn done(mut self) -> String {
        self.json.push('}');
        self.json
    }
}

/// A list of JSON values.
pub(in crate::venue) fn array(values: impl IntoIterator<Item = String>) -> String {
    let mut json = String::from("[");
    for value in values {
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(&value);
    }
    json.push(']');
    json
}

/// What serde makes of a value that cannot fail: names, lists of names.
pub(in crate::venue) fn plain(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_in_the_same_order() {
        let json = Object::new(TimeUnit::Microseconds)
            .text("z", "a \"quote\", a \\ and a \u{1}")
            .number("a", 1_u64 << 60)
            .time("t", 1_234_567_891)
            .truth("b", true)
            .raw("n", "null")
            .only_if(false, |object| object.number("never", 1))
            .done();
        let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(value["z"], "a \"quote\", a \\ and a \u{1}");
        assert_eq!(value["t"], 1_234_567);
        assert!(json.find("\"z\"") < json.find("\"a\""));
        assert_eq!(array(["1".to_owned(), "2".to_owned()]), "[1,2]");
    }
}
