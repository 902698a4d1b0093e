//! Messages of a stream that are no market data: answers to what was asked, and the word that the
//! venue is about to close.

use serde::Deserialize;

use crate::market::machine::Control;

/// Longest such message.
const BYTES_MAX: usize = 4_096;
const WORDS_MAX: usize = 200;

#[derive(Deserialize)]
struct Message {
    id: Option<serde_json::Value>,
    #[serde(default)]
    error: Option<Problem>,
    code: Option<i64>,
    msg: Option<String>,
    e: Option<String>,
    stream: Option<String>,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    msg: String,
}

/// What `bytes` says, if it is no market data. Looks at the first bytes of all that is.
#[inline]
pub(super) fn read(bytes: &[u8]) -> Option<Control> {
    let usual = bytes.starts_with(b"{\"e\":\"") || bytes.starts_with(b"{\"stream\":");
    let is_shutdown =
        |bytes: &[u8]| bytes.len() < 160 && bytes.windows(14).any(|part| part == b"serverShutdown");
    if usual || bytes.starts_with(b"{\"u\":") {
        return is_shutdown(bytes).then_some(Control::Shutdown);
    }
    if bytes.len() > BYTES_MAX { None } else { slow(bytes) }
}

#[cold]
fn slow(bytes: &[u8]) -> Option<Control> {
    let message: Message = serde_json::from_slice(bytes).ok()?;
    let of = [&message.e, &message.stream];
    if of.iter().any(|name| name.as_deref().is_some_and(|name| name.ends_with("serverShutdown"))) {
        return Some(Control::Shutdown);
    }
    let number = |id: &serde_json::Value| id.as_u64().and_then(|id| u32::try_from(id).ok());
    let id = message.id.as_ref().and_then(number);
    let refused = match (message.error, message.code) {
        (Some(problem), _) => Some((problem.code, problem.msg)),
        (None, Some(code)) => Some((code, message.msg.unwrap_or_default())),
        (None, None) => None,
    };
    if let Some((code, text)) = refused {
        let text: String = text.chars().take(WORDS_MAX).collect();
        let words = format!("{code} {text}");
        return Some(Control::Refused { id, topic: None, words });
    }
    id.map(Control::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_from_data() {
        let of = |text: &str| read(text.as_bytes());
        assert_eq!(of(r#"{"result":null,"id":7}"#), Some(Control::Done(7)));
        assert_eq!(of(r#"{"id":7,"result":null,"new":1}"#), Some(Control::Done(7)));
        for text in [
            r#"{"code":2,"msg":"Invalid request: x","id":3}"#,
            r#"{"error":{"code":2,"msg":"Invalid request: x"},"id":3}"#,
        ] {
            let words = "2 Invalid request: x".to_owned();
            let wanted = Control::Refused { id: Some(3), topic: None, words };
            assert_eq!(of(text), Some(wanted));
        }
        assert!(matches!(
            of(r#"{"code":3,"msg":"Invalid JSON"}"#),
            Some(Control::Refused { id: None, .. })
        ));
        for text in [
            r#"{"e":"serverShutdown","E":1}"#,
            r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}"#,
            r#"{"E":1,"e":"serverShutdown"}"#,
        ] {
            assert_eq!(of(text), Some(Control::Shutdown), "{text}");
        }
        for text in [
            r#"{"e":"trade","E":1,"s":"X"}"#,
            r#"{"u":1,"s":"X","b":"1","B":"2","a":"3","A":"4"}"#,
            r#"{"s":"X","e":"trade","E":1}"#,
            "",
            "pong",
            "[]",
            "\u{0}",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
