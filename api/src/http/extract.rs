//! What handlers take of a request. Nothing is parsed before the handler asks for it, so that the
//! order of refusal stays 401, 403, 404, 422.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use super::app::Shared;
use super::error::ApiError;
use super::json;
use super::room::Room;
use qt_auth::{AuthError, Identity};

/// A body that is here, whole and within its bounds, and not yet parsed.
#[derive(Debug)]
pub struct Received {
    /// Its bytes.
    pub bytes: Bytes,
    is_json: bool,
    depth_max: usize,
    _room: Room,
}

impl Received {
    /// The body as a `T`. No body at all reads as an empty object.
    ///
    /// # Errors
    /// 415 for another content type; 422 with field and line for what is no `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        parsed(self.is_json, &self.bytes, self.depth_max)
    }
}

/// The body `bytes` of a request with `headers`.
///
/// # Errors
/// Those of [`Received::json`].
pub fn read_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    bytes: &[u8],
    depth_max: usize,
) -> Result<T, ApiError> {
    parsed(is_plain_json(headers), bytes, depth_max)
}

fn parsed<T: DeserializeOwned>(
    is_json: bool,
    bytes: &[u8],
    depth_max: usize,
) -> Result<T, ApiError> {
    if !is_json {
        let detail = "send the body as application/json, not compressed";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(ApiError::new(status, "UNSUPPORTED_MEDIA_TYPE", detail));
    }
    json::read(if bytes.is_empty() { b"{}" } else { bytes }, depth_max)
}

impl FromRequest<Shared> for Received {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, ApiError> {
        let limits = app.settings.limits;
        let length_max = limits.body_bytes_max;
        // Whoever may change nothing at all needs no body.
        let identity = request.extensions().get::<Identity>().cloned().ok_or_else(|| {
            // A handler that takes a body takes its caller before.
            ApiError::internal()
        })?;
        if !identity.may_change() {
            return Err(AuthError::Forbidden("write").into());
        }
        if told_length(request.headers()).is_some_and(|bytes| bytes > length_max) {
            return Err(too_large(length_max));
        }
        let is_json = is_plain_json(request.headers());
        let mut room = app.bodies.enter(identity.tenant);
        let reading = read(request.into_body(), length_max, &mut room);
        let bytes = match tokio::time::timeout(limits.body_time, reading).await {
            Ok(read) => read?,
            Err(_) => return Err(late(limits.body_time)),
        };
        Ok(Self { bytes, is_json, depth_max: limits.json_depth_max, _room: room })
    }
}

/// Bytes of a body that take no room: a kill must come through however full it is.
const SMALL_BYTES_MAX: usize = 4 << 10;

async fn read(mut body: Body, length_max: usize, room: &mut Room) -> Result<Bytes, ApiError> {
    let mut all = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| incomplete())?;
        let Ok(data) = frame.into_data() else { continue };
        let length = all.len() + data.len();
        if length > length_max {
            return Err(too_large(length_max));
        }
        if length > SMALL_BYTES_MAX && !room.grow_to(length) {
            let detail = "too many bodies are being read, try again";
            return Err(ApiError::unavailable("OVERLOADED", detail));
        }
        all.extend_from_slice(&data);
    }
    Ok(all.into())
}

/// The body ended too early.
#[must_use]
pub fn incomplete() -> ApiError {
    let detail = "the body ended before it was whole";
    ApiError::new(StatusCode::BAD_REQUEST, "BODY_INCOMPLETE", detail)
}

/// The body was not here within `time`.
#[must_use]
pub fn late(time: std::time::Duration) -> ApiError {
    let detail = format!("the body was not here within {} s", time.as_secs());
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "BODY_TIMEOUT", detail)
}

fn told_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The body is too large.
#[must_use]
pub fn too_large(length_max: usize) -> ApiError {
    let detail = format!("the body is larger than {length_max} bytes");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", detail)
}

fn is_plain_json(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = text(CONTENT_TYPE).map(|kind| kind.split(';').next().unwrap_or_default().trim());
    let is_json = kind.is_none_or(|kind| kind.eq_ignore_ascii_case("application/json"));
    is_json && text(CONTENT_ENCODING).is_none_or(|way| way.eq_ignore_ascii_case("identity"))
}

/// Whether a request says that it has a body larger than `length_max`: then it is refused before
/// anything is read, whatever its path.
#[must_use]
pub fn tells_too_much(request: &Request<Body>, length_max: usize) -> Option<ApiError> {
    told_length(request.headers()).filter(|told| *told > length_max).map(|_| too_large(length_max))
}

/// The query of a request, not yet parsed.
#[derive(Clone, Debug)]
pub struct Asked(Uri);

impl Asked {
    /// The query as a `T`.
    ///
    /// # Errors
    /// 422 for what is no `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        if let Some(field) = self.0.query().and_then(with_control) {
            return Err(ApiError::invalid(field, "control characters cannot be looked for"));
        }
        Query::<T>::try_from_uri(&self.0).map(|Query(value)| value).map_err(|error| {
            let text = error.body_text();
            let text = text.trim_start_matches("Failed to deserialize query string: ");
            // `depth: invalid digit`, or `unknown field `x`, expected ...`.
            let named = text.split_once(": ").filter(|(name, _)| !name.contains(' '));
            let (field, detail) = match named {
                Some((field, detail)) => (field, detail),
                None => (text.split('`').nth(1).unwrap_or_default(), text),
            };
            ApiError::invalid(field, detail)
        })
    }
}

/// The first parameter of `query` that has a control character in it.
fn with_control(query: &str) -> Option<&str> {
    let is_control = |pair: &&str| {
        let mut escapes = pair.split('%').skip(1).filter_map(|rest| rest.get(..2));
        escapes.any(|hex| u8::from_str_radix(hex, 16).is_ok_and(|byte| byte.is_ascii_control()))
    };
    let pair = query.split('&').find(is_control)?;
    Some(pair.split('=').next().unwrap_or_default())
}

impl FromRequestParts<Shared> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Infallible> {
        Ok(Self(parts.uri.clone()))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::Asked;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Page {
        limit: Option<usize>,
    }

    #[test]
    fn a_query_that_is_wrong_names_its_parameter() {
        let read = |query: &str| Asked(format!("/x?{query}").parse().unwrap()).read::<Page>();
        assert_eq!(read("limit=3").unwrap().limit, Some(3));
        assert_eq!(read("").unwrap().limit, None);
        assert_eq!(read("limit=-3").unwrap_err().fields[0].field, "limit");
        assert_eq!(read("tenant_id=3").unwrap_err().fields[0].field, "tenant_id");
        assert_eq!(read("x=1&limit=%00").unwrap_err().fields[0].field, "limit");
        assert_eq!(read("limit=%7F").unwrap_err().fields[0].field, "limit");
        assert_eq!(read("limit=3&limit=4").unwrap_err().fields[0].field, "limit");
    }
}
