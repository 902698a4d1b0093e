//! Who asks for a request by which name: the request id and the trace it belongs to.

use std::convert::Infallible;
use std::fmt::{self, Display, Formatter};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use uuid::Uuid;

/// The header that carries the request id, to us and back.
pub const REQUEST_ID: &str = "x-request-id";
/// The header of W3C Trace Context.
pub const TRACEPARENT: &str = "traceparent";

const REQUEST_ID_BYTES_MAX: usize = 64;

/// What every answer and every line of the log about a request has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The client's, where it gave a sane one.
    pub request_id: String,
    /// The trace it belongs to.
    pub trace: Trace,
}

/// A place in a trace, as W3C Trace Context has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The whole trace.
    pub trace_id: u128,
    /// This service's part of it.
    pub span_id: u64,
    /// The caller's part; none where the trace begins here.
    pub parent_id: Option<u64>,
    /// Whether somebody keeps it.
    pub is_sampled: bool,
}

impl Context {
    /// From the headers of a request.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
        let is_sane = |id: &&str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            !id.is_empty() && id.len() <= REQUEST_ID_BYTES_MAX && id.bytes().all(is_plain)
        };
        let request_id = match given.filter(is_sane) {
            Some(id) => id.to_owned(),
            None => Uuid::now_v7().to_string(),
        };
        let parent = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
        Self { request_id, trace: Trace::under(parent) }
    }

    /// The request id as a header.
    #[must_use]
    pub fn request_header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.request_id).unwrap_or(HeaderValue::from_static("unknown"))
    }
}

impl<S: Sync> FromRequestParts<S> for Context {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_else(|| Self::of(&parts.headers)))
    }
}

impl Trace {
    /// A new span under `parent`; a new trace where there is none or it is malformed.
    #[must_use]
    pub fn under(parent: Option<&str>) -> Self {
        let (high, low) = Uuid::new_v4().as_u64_pair();
        // A version-4 UUID has fixed bits; their exclusive or has none.
        let span_id = (high ^ low.rotate_left(17)).max(1);
        match parent.and_then(parsed) {
            Some((trace_id, parent_id, is_sampled)) => {
                Self { trace_id, span_id, parent_id: Some(parent_id), is_sampled }
            }
            None => {
                let trace_id = Uuid::new_v4().as_u128();
                Self { trace_id, span_id, parent_id: None, is_sampled: false }
            }
        }
    }

    /// As the header that hands it on.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.to_string()).unwrap_or(HeaderValue::from_static(""))
    }
}

impl Display for Trace {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.is_sampled);
        write!(f, "00-{:032x}-{:016x}-{flags:02x}", self.trace_id, self.span_id)
    }
}

fn parsed(text: &str) -> Option<(u128, u64, bool)> {
    let mut parts = text.split('-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |part: &str, digits: usize| {
        part.len() == digits
            && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let is_sane = is_hex(version, 2)
        && version != "ff"
        && (version != "00" || parts.next().is_none())
        && is_hex(trace, 32)
        && is_hex(parent, 16)
        && is_hex(flags, 2);
    if !is_sane {
        return None;
    }
    let trace = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
    let parent = u64::from_str_radix(parent, 16).ok().filter(|id| *id != 0)?;
    let flags = u8::from_str_radix(flags, 16).ok()?;
    Some((trace, parent, flags & 1 == 1))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::{Context, REQUEST_ID, Trace};

    #[test]
    fn a_sane_request_id_is_kept_and_any_other_replaced() {
        let of = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, id.parse().unwrap());
            Context::of(&headers).request_id
        };
        assert_eq!(of("abc-1_2.3"), "abc-1_2.3");
        for bad in ["", "a b", "a\"b", &"x".repeat(65)] {
            assert_ne!(of(bad), bad);
            assert_eq!(of(bad).len(), 36);
        }
    }

    #[test]
    fn a_trace_goes_on_and_a_malformed_one_begins_anew() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = Trace::under(Some(parent));
        assert_eq!(trace.parent_id, Some(0x00f0_67aa_0ba9_02b7));
        assert!(trace.to_string().starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        assert!(trace.to_string().ends_with("-01") && trace.is_sampled);
        assert_ne!(trace.span_id, 0x00f0_67aa_0ba9_02b7);
        for bad in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert_eq!(Trace::under(Some(bad)).parent_id, None, "{bad}");
        }
    }
}
