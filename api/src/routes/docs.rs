//! `GET /docs`: the document as a page. All of it comes from this program, nothing from elsewhere.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse, Response};
use utoipa_swagger_ui::{Config, serve};

use crate::http::ApiError;
use crate::http::passerby::Passerby;

/// Scripts from here only; the page writes styles into itself and draws with data addresses.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; font-src 'self' data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    // Relative to the page, so that it is right behind every prefix.
    let config = Config::new(["../openapi.json"]);
    Arc::new(config.use_base_layout().persist_authorization(false).validator_url("none"))
});

/// The way to the page, relative, because only the client knows the prefix.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "service",
    responses((status = 307, description = "To the page"))
)]
pub(crate) async fn index(_: Passerby) -> Response {
    (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, "docs/index.html")]).into_response()
}

/// The page and its parts.
#[utoipa::path(
    get,
    path = "/docs/{file}",
    tag = "service",
    params(("file" = String, Path, description = "A part of the page, like index.html")),
    responses(
        (status = 200, description = "The part"),
        (status = 404, description = "There is no such part", body = crate::http::error::ErrorBody)
    )
)]
pub(crate) async fn file(_: Passerby, Path(name): Path<String>) -> Result<Response, ApiError> {
    let part = part(&name).ok_or_else(ApiError::not_found)?;
    let headers = [
        (CONTENT_TYPE, part.content_type),
        (CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (CACHE_CONTROL, "max-age=300".to_owned()),
    ];
    Ok((headers, part.bytes).into_response())
}

/// A part of the page.
#[derive(Clone, Debug)]
struct Part {
    bytes: Bytes,
    content_type: String,
}

/// Parts that were asked for: all answers share their bytes.
static PARTS: LazyLock<Mutex<HashMap<String, Part>>> = LazyLock::new(Mutex::default);

fn part(name: &str) -> Option<Part> {
    let mut parts = PARTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(part) = parts.get(name) {
        return Some(part.clone());
    }
    // Only what there is is kept.
    let file = serve(name, Arc::clone(&CONFIG)).ok().flatten()?;
    let bytes = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    let part = Part { bytes, content_type: file.content_type };
    parts.insert(name.to_owned(), part.clone());
    Some(part)
}
