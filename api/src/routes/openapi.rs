//! `GET /openapi.json`: exactly the routes that exist, made from their code.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder,
    Server,
};
use utoipa::{PartialSchema, ToSchema};

use crate::http::FieldError;
use crate::http::error::ErrorBody;
use crate::http::passerby::Passerby;
use qt_trading::RiskRejection;
use qt_trading::ids::{BacktestId, DatasetId, OrderUid, StrategyUid};

static DOCUMENT: LazyLock<(Bytes, String)> = LazyLock::new(|| {
    let (_, document) = super::all();
    // What utoipa makes is always JSON.
    let text = document.to_json().unwrap_or_default();
    let etag = format!("\"{}\"", hex(&Sha256::digest(text.as_bytes())[..8]));
    (Bytes::from(text), etag)
});

/// What stands at the head of the document.
pub(super) fn head() -> OpenApi {
    let about = "Portfolios, trades, strategies and market data of the tenants of a platform. \
                 Decimals are texts, times RFC 3339 UTC with nanoseconds, ids UUIDs. Every error \
                 has the body ErrorBody. Writes take the header Idempotency-Key.";
    let info = InfoBuilder::new()
        .title("QuantTrade")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(about))
        .build();
    // Relative to this document, so that it is right behind every prefix.
    OpenApiBuilder::new().info(info).servers(Some([Server::new(".")])).build()
}

/// Adds what all routes have in common: how a token is shown, and which errors there are.
pub(super) fn finish(document: &mut OpenApi) {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.get_or_insert_with(Components::new);
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let schemas = [
        (ErrorBody::name(), ErrorBody::schema()),
        (FieldError::name(), FieldError::schema()),
        (RiskRejection::name(), RiskRejection::schema()),
        // Only paths name these.
        (BacktestId::name(), BacktestId::schema()),
        (DatasetId::name(), DatasetId::schema()),
        (OrderUid::name(), OrderUid::schema()),
        (StrategyUid::name(), StrategyUid::schema()),
    ];
    for (name, schema) in schemas {
        components.schemas.insert(name.into_owned(), schema);
    }
    for item in document.paths.paths.values_mut() {
        let operations =
            [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            add_errors(operation);
        }
    }
}

fn add_errors(operation: &mut Operation) {
    let is_private = operation.security.is_some();
    let has_body = operation.request_body.is_some();
    let all = [
        ("401", is_private, "No token, or one that is not accepted"),
        ("403", is_private, "The role does not give this right"),
        ("404", is_private, "There is no such thing, or it is another tenant's"),
        ("413", has_body, "The body is too large"),
        ("415", has_body, "The body is no JSON"),
        ("422", is_private, "A value is wrong, or a limit refuses"),
        ("429", is_private, "Too many requests; Retry-After says when to come again"),
        ("503", is_private, "It cannot be done now"),
    ];
    for (status, applies, what) in all {
        if applies && !operation.responses.responses.contains_key(status) {
            let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorBody")));
            let response = ResponseBuilder::new()
                .description(what)
                .content("application/json", body.build())
                .build();
            operation.responses.responses.insert(status.to_owned(), RefOr::T(response));
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "service",
    responses((status = 200, description = "The OpenAPI 3.1 document", body = Object))
)]
pub(crate) async fn document(_: Passerby, headers: HeaderMap) -> Response {
    let (text, etag) = &*DOCUMENT;
    let is_known = headers.get(IF_NONE_MATCH).is_some_and(|known| known == etag.as_str());
    if is_known {
        return (StatusCode::NOT_MODIFIED, [(ETAG, etag.clone())]).into_response();
    }
    let headers = [(CONTENT_TYPE, "application/json"), (ETAG, etag.as_str())];
    (headers, text.clone()).into_response()
}
