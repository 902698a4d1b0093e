//! A body of a few bytes, for what must work however many large ones are being read.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use http_body_util::{BodyExt, Limited};
use serde::de::DeserializeOwned;

use super::app::Shared;
use super::error::ApiError;
use super::extract::read_json;

/// How large it may be.
const BYTES_MAX: usize = 8 << 10;

/// A body that takes no part of the room that all bodies share.
#[derive(Debug)]
pub struct Small {
    /// As it came.
    pub bytes: Bytes,
    headers: axum::http::HeaderMap,
    depth_max: usize,
}

impl Small {
    /// The body as a `T`. No body at all reads as an empty object.
    ///
    /// # Errors
    /// 415 for another content type; 422 with field and line for what is no `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        read_json(&self.headers, &self.bytes, self.depth_max)
    }
}

impl FromRequest<Shared> for Small {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, ApiError> {
        let limits = app.settings.limits;
        let headers = request.headers().clone();
        let body = Limited::new(request.into_body(), BYTES_MAX).collect();
        let refused = |status, code, detail: &str| ApiError::new(status, code, detail);
        let bytes = match tokio::time::timeout(limits.body_time, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                let detail = format!("the body is larger than {BYTES_MAX} bytes");
                let status = StatusCode::PAYLOAD_TOO_LARGE;
                return Err(refused(status, "BODY_TOO_LARGE", &detail));
            }
            Ok(Err(_)) => {
                let detail = "the body ended before it was whole";
                return Err(refused(StatusCode::BAD_REQUEST, "BODY_INCOMPLETE", detail));
            }
            Err(_) => {
                let detail = "the body was not here in time";
                return Err(refused(StatusCode::REQUEST_TIMEOUT, "BODY_TIMEOUT", detail));
            }
        };
        Ok(Self { bytes, headers, depth_max: limits.json_depth_max })
    }
}
