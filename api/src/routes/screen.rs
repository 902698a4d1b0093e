//! `GET /`: the first screen.

use std::sync::LazyLock;

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::http::passerby::Passerby;
use crate::screen;

static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    // It is made of ASCII alone; a page without a policy would be worse than none.
    HeaderValue::try_from(screen::policy())
        .unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// The first screen: prices, positions, orders, the kill switch, in one page.
#[utoipa::path(
    get,
    path = "/",
    tag = "service",
    responses((status = 200, content_type = "text/html", body = String))
)]
pub(crate) async fn page(_: Passerby) -> Response {
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY.clone()),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, screen::PAGE).into_response()
}
