//! `Idempotency-Key`: a request that is repeated is done once.

use axum::body::{Body, to_bytes};
use axum::extract::FromRequestParts;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::http::{ApiError, Caller, Shared};
use qt_store::idempotency::KEY_LENGTH_MAX;
use qt_store::{Answer, Begun};

const HEADER: &str = "idempotency-key";
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The key of a request, where it has one.
#[derive(Clone, Debug)]
pub struct Once {
    key: Option<String>,
    route: String,
}

impl FromRequestParts<Shared> for Once {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, ApiError> {
        let route = format!("{} {}", parts.method, parts.uri.path());
        let key = parts.headers.get(HEADER).map(|value| value.to_str().unwrap_or_default());
        let is_sane = |key: &str| {
            let is_visible = |byte: u8| byte.is_ascii_graphic();
            !key.is_empty() && key.len() <= KEY_LENGTH_MAX && key.bytes().all(is_visible)
        };
        if key.is_some_and(|key| !is_sane(key)) {
            let detail = format!("1 to {KEY_LENGTH_MAX} visible ASCII characters");
            return Err(ApiError::invalid("Idempotency-Key", detail));
        }
        Ok(Self { key: key.map(str::to_owned), route })
    }
}

impl Once {
    /// Does `work` under a new identifier, or gives the answer that the same request got before.
    /// After a request whose process died the identifier is the one of then, so that what was done
    /// under it is not done again.
    ///
    /// # Errors
    /// What `work` says; 409 while the same request is being done; 422 for another body.
    pub async fn run<R: IntoResponse>(
        self,
        app: &Shared,
        caller: &Caller,
        body: &[u8],
        work: impl AsyncFnOnce(Uuid) -> Result<R, ApiError>,
    ) -> Result<Response, ApiError> {
        let id = Uuid::now_v7();
        let Some(key) = self.key else { return work(id).await.map(IntoResponse::into_response) };
        let (tenant, scope) = (caller.tenant(), format!("{} {}", self.route, caller.person()));
        let hash: [u8; 32] = Sha256::digest(body).into();
        let begun = app.store.begin_request(tenant, scope.clone(), key.clone(), hash, id).await?;
        let id = match begun {
            Begun::New => id,
            Begun::Lost(before) => before,
            Begun::Done(answer) => return Ok(given(answer)),
            Begun::Running => {
                let detail = "the same request is being done: wait for its answer";
                return Err(ApiError::conflict("IN_PROGRESS", detail).after_s(1));
            }
            Begun::OtherBody => {
                let detail = "this key was used with another body: take a new one";
                let error = ApiError::invalid("Idempotency-Key", detail);
                return Err(ApiError { code: "IDEMPOTENCY_KEY_REUSED", ..error });
            }
        };
        let done = work(id).await.map(IntoResponse::into_response);
        let stays = match &done {
            Ok(_) => true,
            // What was not looked at, or may go another way later, is free to be sent again.
            Err(error) => error.status.is_client_error() && error.status.as_u16() != 429,
        };
        if !stays {
            forget(app, tenant, scope, key).await;
            return done;
        }
        let (response, answer) = kept(done).await?;
        if let Err(error) = app.store.finish_request(tenant, scope, key, answer).await {
            // It is done. A repetition finds the same identifier.
            tracing::warn!(%error, "an answer could not be kept");
        }
        response
    }
}

async fn forget(app: &Shared, tenant: qt_trading::ids::TenantId, scope: String, key: String) {
    if let Err(error) = app.store.forget_request(tenant, scope, key).await {
        tracing::warn!(%error, "a key could not be freed");
    }
}

type Done = Result<Response, ApiError>;

/// The answer, and what is kept of it.
async fn kept(done: Done) -> Result<(Done, Answer), ApiError> {
    match done {
        Ok(response) => {
            let (parts, body) = response.into_parts();
            let bytes = to_bytes(body, ANSWER_BYTES_MAX).await.map_err(|_| ApiError::internal())?;
            let body = String::from_utf8(bytes.to_vec()).map_err(|_| ApiError::internal())?;
            let answer = Answer { status: parts.status.as_u16(), body };
            Ok((Ok(Response::from_parts(parts, Body::from(bytes))), answer))
        }
        Err(error) => {
            // Under the request that asked first; the error is made anew for each.
            let answer = error.clone().answer("");
            let status = answer.status().as_u16();
            let bytes = to_bytes(answer.into_body(), ANSWER_BYTES_MAX).await.unwrap_or_default();
            let body = String::from_utf8(bytes.to_vec()).unwrap_or_default();
            Ok((Err(error), Answer { status, body }))
        }
    }
}

fn given(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let json = HeaderValue::from_static("application/json");
    let repeated = HeaderValue::from_static("true");
    let mut response = (status, answer.body).into_response();
    response.headers_mut().insert(CONTENT_TYPE, json);
    response.headers_mut().insert("idempotency-replayed", repeated);
    response.extensions_mut().insert(crate::http::front::HasBody);
    response
}
