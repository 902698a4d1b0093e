//! `GET /docs`: the document as a page. All of it comes from this program, nothing from elsewhere.

use std::sync::{Arc, LazyLock};

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse, Response};
use utoipa_swagger_ui::{Config, serve};

use crate::http::ApiError;

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
pub(crate) async fn index() -> Response {
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
pub(crate) async fn file(Path(name): Path<String>) -> Result<Response, ApiError> {
    let found = serve(&name, Arc::clone(&CONFIG));
    let file = found.ok().flatten().ok_or_else(ApiError::not_found)?;
    let headers = [
        (CONTENT_TYPE, file.content_type),
        (CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (CACHE_CONTROL, "max-age=300".to_owned()),
    ];
    Ok((headers, file.bytes.into_owned()).into_response())
}
