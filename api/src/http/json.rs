//! Bodies in JSON: bounded in depth, and an error names the field and the line.

use serde::de::DeserializeOwned;

use super::error::{ApiError, FieldError};

/// Reads `bytes` as a `T`.
///
/// # Errors
/// 422 with the field, the line and the column.
pub fn read<T: DeserializeOwned>(bytes: &[u8], depth_max: usize) -> Result<T, ApiError> {
    if let Some(at) = too_deep(bytes, depth_max) {
        let (line, column) = line_and_column(bytes, at);
        return Err(malformed(FieldError {
            field: path_at(bytes, at),
            detail: format!("JSON is nested deeper than {depth_max}"),
            line: Some(line),
            column: Some(column),
        }));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let place = format!(" at line {line} column {column}");
        let detail = text.strip_suffix(&place).unwrap_or(&text).to_owned();
        let at = offset(bytes, line, column);
        let mut field = path_at(bytes, at);
        // The text names what is missing or unknown; the place is that of the object's end.
        let quoted = detail.split('`').nth(1);
        if let Some(name) = quoted.filter(|_| detail.starts_with("missing field")) {
            field = joined(&parent_at(bytes, at), name);
        }
        let error = FieldError { field, detail, line: Some(line), column: Some(column) };
        if text.starts_with("EOF") || error.detail.starts_with("expected") {
            malformed(error)
        } else {
            ApiError::invalid_all(vec![error])
        }
    })
}

fn malformed(field: FieldError) -> ApiError {
    ApiError { code: "MALFORMED_JSON", ..ApiError::invalid_all(vec![field]) }
}

fn joined(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

/// Where JSON becomes deeper than `depth_max`.
fn too_deep(bytes: &[u8], depth_max: usize) -> Option<usize> {
    let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
    for (at, byte) in bytes.iter().enumerate() {
        if is_text {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' => is_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => is_text = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > depth_max {
                    return Some(at);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn offset(bytes: &[u8], line: usize, column: usize) -> usize {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines.by_ref().take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    (before + column).min(bytes.len())
}

fn line_and_column(bytes: &[u8], at: usize) -> (usize, usize) {
    let before = &bytes[..at];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    (line, at - start + 1)
}

/// One level of nesting: the key or the number that is being read.
enum Step {
    Key(String),
    Item(usize),
}

fn text_of(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Key(name) if name.is_empty() => {}
            Step::Key(name) => text = joined(&text, name),
            Step::Item(at) => text += &format!("[{at}]"),
        }
    }
    text
}

fn path_at(bytes: &[u8], at: usize) -> String {
    text_of(&steps_at(bytes, at))
}

fn parent_at(bytes: &[u8], at: usize) -> String {
    let mut steps = steps_at(bytes, at.saturating_sub(1));
    steps.pop();
    text_of(&steps)
}

/// The keys and numbers under which the byte before `at` stands. The text may be no JSON.
fn steps_at(bytes: &[u8], at: usize) -> Vec<Step> {
    const KEY_BYTES_MAX: usize = 64;
    let mut steps: Vec<Step> = Vec::new();
    let mut is_key = false;
    let mut position = 0;
    while position < at {
        match bytes[position] {
            b'{' => {
                steps.push(Step::Key(String::new()));
                is_key = true;
            }
            b'[' => {
                steps.push(Step::Item(0));
                is_key = false;
            }
            b'}' | b']' if position + 1 < at => {
                steps.pop();
            }
            b',' => match steps.last_mut() {
                Some(Step::Item(at)) => *at += 1,
                Some(Step::Key(_)) => is_key = true,
                None => {}
            },
            b':' => is_key = false,
            b'"' => {
                let start = position + 1;
                position = end_of_text(bytes, start).min(at);
                if let (true, Some(Step::Key(name))) = (is_key, steps.last_mut()) {
                    let end = position.min(start + KEY_BYTES_MAX).max(start);
                    *name = String::from_utf8_lossy(&bytes[start.min(end)..end]).into_owned();
                }
            }
            _ => {}
        }
        position += 1;
    }
    steps
}

/// Where the closing quote is of a text that begins at `start`.
fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at.min(bytes.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::read;
    use crate::http::ApiError;
    use qt_trading::NewOrder;

    fn refused(text: &str) -> ApiError {
        read::<NewOrder>(text.as_bytes(), 8).expect_err(text)
    }

    #[test]
    fn an_error_names_the_field_and_the_line() {
        let table = [
            ("{\n \"symbol\": 5}", "symbol", Some(2), "VALIDATION_FAILED"),
            ("{\"symbol\": \"A\",\n\"side\": \"up\"}", "side", Some(2), "VALIDATION_FAILED"),
            ("{\"symbol\": \"A\",\n\"tenant_id\": 1}", "tenant_id", Some(2), "VALIDATION_FAILED"),
            ("{\"symbol\": \"A\"}", "side", Some(1), "VALIDATION_FAILED"),
            ("{\"quantity\": 1.5}", "quantity", Some(1), "VALIDATION_FAILED"),
            ("{\"symbol\": ", "symbol", Some(1), "MALFORMED_JSON"),
            ("", "", Some(1), "MALFORMED_JSON"),
            ("{\"symbol\" 1}", "symbol", Some(1), "MALFORMED_JSON"),
        ];
        for (text, field, line, code) in table {
            let error = refused(text);
            assert_eq!(error.fields[0].field, field, "{text}: {error:?}");
            assert_eq!((error.fields[0].line, error.code), (line, code), "{text}: {error:?}");
        }
    }

    #[test]
    fn depth_is_bounded_before_anything_is_read() {
        let deep = format!("{{\"symbol\":{}1", "[".repeat(10_000));
        let error = refused(&deep);
        assert_eq!(error.code, "MALFORMED_JSON");
        assert!(error.detail.contains("deeper than 8"), "{}", error.detail);
        // Brackets in a text are none.
        let text = format!("{{\"symbol\":\"{}\"}}", "[".repeat(100));
        assert_eq!(refused(&text).fields[0].field, "side");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read::<NewOrder>(&bytes, 8);
        }

        #[test]
        fn nothing_that_looks_like_json_makes_it_panic(text in r#"[{}\[\]",:\\a1 \n]{0,80}"#) {
            let _ = read::<serde_json::Value>(text.as_bytes(), 8);
            let _ = read::<NewOrder>(text.as_bytes(), 8);
        }
    }
}
