//! What a signature covers, and whether a request comes in time.

use crate::exchange::Nanos;

use super::codes::{self, Code};
use super::params::Params;

/// How long a request is good for when it does not say, in microseconds.
const WINDOW_US: i64 = 5_000_000;
/// How long it may be good for at most, in microseconds.
const WINDOW_US_MAX: i64 = 60_000_000;
/// How far ahead of the venue's time a request may be, in microseconds.
const AHEAD_US: i64 = 1_000_000;
/// A time with more digits than this is in microseconds.
const MILLISECOND_DIGITS: usize = 14;

/// What the signature of a request covers: the query and the form, byte by byte as they were
/// sent, without the signature.
pub(super) fn rest_payload(query: &str, body: &str) -> String {
    let unsigned = |text: &str| {
        let parts = text.split('&').filter(|part| !part.starts_with("signature="));
        parts.collect::<Vec<_>>().join("&")
    };
    unsigned(query) + &unsigned(body)
}

/// What the signature of a request over the WebSocket API covers: all parameters by name.
pub(super) fn socket_payload(params: &Params) -> String {
    let mut pairs: Vec<_> = params.pairs().iter().filter(|(name, _)| name != "signature").collect();
    pairs.sort();
    let parts: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    parts.join("&")
}

/// Whether the request comes neither too late nor too early.
pub(super) fn in_time(params: &Params, now_ns: Nanos) -> Result<(), Code> {
    let text = params.need("timestamp")?;
    let timestamp = params.whole("timestamp")?.ok_or_else(|| codes::missing("timestamp"))?;
    let timestamp_us =
        if text.len() > MILLISECOND_DIGITS { timestamp } else { timestamp.saturating_mul(1_000) };
    let window_us = match params.decimal("recvWindow", 3)? {
        None => WINDOW_US,
        Some(window_us) if window_us <= WINDOW_US_MAX => window_us,
        Some(_) => return Err(Code::new(-1131, "recvWindow must be less than 60000.")),
    };
    let now_us = now_ns.div_euclid(1_000);
    if timestamp_us >= now_us + AHEAD_US {
        let msg = "Timestamp for this request was 1000ms ahead of the server's time.";
        return Err(Code::new(-1021, msg));
    }
    if now_us.saturating_sub(timestamp_us) > window_us {
        let msg = "Timestamp for this request is outside of the recvWindow.";
        return Err(Code::new(-1021, msg));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> i32 {
        let params = Params::of_form(text, "").expect("parameters");
        // 2021-09-13T12:26:40Z
        in_time(&params, 1_631_536_000_000_000_000).err().map_or(0, |code| code.code)
    }

    #[test]
    fn a_request_is_in_time_up_to_the_edge() {
        assert_eq!(told("timestamp=1631536000999"), 0);
        assert_eq!(told("timestamp=1631536001000"), -1021);
        assert_eq!(told("timestamp=1631535995000"), 0);
        assert_eq!(told("timestamp=1631535994999"), -1021);
        assert_eq!(told("timestamp=1631535994999&recvWindow=5001"), 0);
        assert_eq!(told("timestamp=1631535999999500&recvWindow=0.5"), 0);
        assert_eq!(told("timestamp=1631535999999499&recvWindow=0.5"), -1021);
        assert_eq!(told("timestamp=1631536000000&recvWindow=60000"), 0);
        assert_eq!(told("timestamp=1631536000000&recvWindow=60001"), -1131);
        assert_eq!(told("timestamp=1631536000000&recvWindow=1.0001"), -1111);
        assert_eq!(told("timestamp=99999999999999999999"), -1108);
        assert_eq!(told("timestamp=now"), -1100);
        assert_eq!(told(""), -1102);
    }

    #[test]
    fn a_signature_covers_what_was_sent_without_itself() {
        assert_eq!(rest_payload("a=%20&signature=x", "b=2&signature=y"), "a=%20b=2");
        let params = Params::of_form("b=2&a=1&signature=s", "").expect("parameters");
        assert_eq!(socket_payload(&params), "a=1&b=2");
    }
}
