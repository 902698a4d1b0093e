//! What every request goes through, whatever its route: a name, a deadline, an answer that is well
//! dressed, a line in the log.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, Request};
use axum::http::header::{ALLOW, CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tower::ServiceExt;

use super::app::Shared;
use super::context::{Context, REQUEST_ID, TRACEPARENT};
use super::cors::Asking;
use super::error::ApiError;
use super::extract::tells_too_much;
use super::spans::Answered;
use qt_trading::ids::TenantId;

/// Who acts, and in which tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct By {
    /// The tenant that is acted for.
    pub tenant: TenantId,
    /// Who acts, as it is written down.
    pub person: String,
}

/// Who is behind a request, once that is known: for the log and the audit.
#[derive(Clone, Debug, Default)]
pub struct Who(Arc<OnceLock<By>>);

impl Who {
    /// Notes who it is.
    pub fn is(&self, by: By) {
        let _ = self.0.set(by);
    }
}

/// The route that a request took, as it is written in the code.
#[derive(Clone, Debug)]
struct Route(Arc<str>);

/// Notes on the answer which route it came by: only the router knows.
pub async fn note_route(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(path) = path {
        response.extensions_mut().insert(Route(path.as_str().into()));
    }
    response
}

/// The answer to `request`.
pub async fn answer(
    app: Shared,
    router: Router,
    peer: SocketAddr,
    mut request: Request<Body>,
) -> Response {
    let began = Instant::now();
    let context = Context::of(request.headers());
    let asking = Asking::of(request.headers());
    let method = request.method().clone();
    let who = Who::default();
    *request.uri_mut() = app.base.rewritten(request.uri());
    request.extensions_mut().insert(context.clone());
    request.extensions_mut().insert(ConnectInfo(peer));
    request.extensions_mut().insert(who.clone());

    let limits = app.settings.limits;
    // URIs are without their prefix here.
    let sends_data = request.uri().path() == "/datasets";
    let bytes_max = if sends_data { limits.dataset_bytes_max } else { limits.body_bytes_max };
    let refused = app
        .refuse_at_door(peer, request.uri(), request.headers())
        .or_else(|| tells_too_much(&request, bytes_max));
    let response = match refused {
        Some(error) => error.into_response(),
        None => within_deadline(&app, router, request, &context).await,
    };
    let response = if method == Method::OPTIONS { options(response) } else { response };
    let route = response.extensions().get::<Route>().map_or_else(|| "-".into(), |r| r.0.clone());
    let mut response = explained(response, &context);
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, context.request_header());
    headers.insert(TRACEPARENT, context.trace.header());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    app.origins.dress(&method, &asking, headers);

    let took = began.elapsed();
    let status = response.status();
    app.metrics.answered(&method, &route, status, took);
    if let Some(by) = who.0.get().filter(|_| status == StatusCode::FORBIDDEN) {
        app.note_refused(by, format!("{method} {route}"), &context.request_id);
    }
    if let Some(spans) = &app.spans {
        let (context, method, route) = (&context, &method, &*route);
        spans.answered(&Answered { context, method, route, status, took });
    }
    tracing::info!(
        target: "quanttrade::http",
        method = %method,
        route = %route,
        status = response.status().as_u16(),
        duration_us = took.as_micros() as u64,
        request_id = %context.request_id,
        trace_id = %format_args!("{:032x}", context.trace.trace_id),
        span_id = %format_args!("{:016x}", context.trace.span_id),
        tenant_id = who.0.get().map(|by| tracing::field::display(by.tenant)),
        "request"
    );
    response
}

/// Runs the route. A panic is an error of ours, and so is a handler that takes too long.
async fn within_deadline(
    app: &Shared,
    router: Router,
    request: Request<Body>,
    context: &Context,
) -> Response {
    let running = AssertUnwindSafe(router.oneshot(request)).catch_unwind();
    match tokio::time::timeout(app.settings.limits.request_time, running).await {
        Ok(Ok(Ok(response))) => response,
        Ok(Ok(Err(never))) => match never {},
        Ok(Err(_)) => {
            tracing::error!(request_id = %context.request_id, "a handler panicked");
            ApiError::internal().into_response()
        }
        Err(_) => {
            let seconds = app.settings.limits.request_time.as_secs();
            let detail = format!(
                "it was not done within {seconds} s; whether it was done at all \
                                  is not known, look before you repeat it"
            );
            ApiError::unavailable("DEADLINE_EXCEEDED", detail).into_response()
        }
    }
}

/// What a route allows, in the place of the 405 that the router gives for it.
fn options(response: Response) -> Response {
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return response;
    }
    let allowed = response.headers().get(ALLOW).and_then(|value| value.to_str().ok());
    let allowed = allowed.map_or_else(|| "OPTIONS".to_owned(), |some| format!("{some},OPTIONS"));
    let value = HeaderValue::from_str(&allowed).unwrap_or(HeaderValue::from_static("OPTIONS"));
    let mut answer = StatusCode::OK.into_response();
    answer.headers_mut().insert(ALLOW, value);
    answer
}

/// Every error gets the one body that errors have, also those that are not ours.
fn explained(mut response: Response, context: &Context) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let error = match response.extensions_mut().remove::<ApiError>() {
        Some(error) => error,
        None if response.extensions().get::<HasBody>().is_some() => return response,
        None => foreign(status),
    };
    let headers = std::mem::take(response.headers_mut());
    let mut answer = error.answer(&context.request_id);
    for name in [ALLOW, CACHE_CONTROL] {
        if let Some(value) = headers.get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer
}

/// Marks an answer with an error status whose body is its own: `/health` with 503.
#[derive(Clone, Copy, Debug)]
pub struct HasBody;

fn foreign(status: StatusCode) -> ApiError {
    match status {
        StatusCode::NOT_FOUND => ApiError::not_found(),
        StatusCode::METHOD_NOT_ALLOWED => ApiError::new(
            status,
            "METHOD_NOT_ALLOWED",
            "Method not allowed; Allow has those that are",
        ),
        StatusCode::UPGRADE_REQUIRED => {
            ApiError::new(status, "UPGRADE_REQUIRED", "This is a WebSocket; connect with one")
        }
        _ if status.is_server_error() => ApiError { status, ..ApiError::internal() },
        _ => {
            let reason = status.canonical_reason().unwrap_or("Bad request");
            ApiError::new(status, "BAD_REQUEST", reason)
        }
    }
}
