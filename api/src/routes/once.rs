//! `Idempotency-Key`: a request that is repeated is done once.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::FromRequestParts;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::http::{ApiError, Caller, Context, Shared};
use qt_store::idempotency::KEY_LENGTH_MAX;
use qt_store::{Answer, Begun, StoreError};
use qt_trading::ids::TenantId;

const HEADER: &str = "idempotency-key";
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// What is done anyway waits so long for the store.
const ANYWAY_WITHIN: Duration = Duration::from_millis(500);

/// The header, as the document shows it.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "read by name")]
pub struct OnceHeader {
    /// The same key with the same body gets the stored answer: 1 to 255 visible characters.
    #[param(rename = "Idempotency-Key")]
    key: Option<String>,
}

/// The key of a request, where it has one. It is looked at after the caller's rights.
#[derive(Clone, Debug)]
pub struct Once {
    key: Option<String>,
    /// Whether it is done also where the key cannot be kept.
    is_done_anyway: bool,
    route: String,
    request_id: String,
}

/// Under which identifier a request is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Under {
    /// What is made gets it.
    pub id: Uuid,
    /// Whether the same was begun before and never answered: it may be done already.
    pub is_repeat: bool,
}

impl FromRequestParts<Shared> for Once {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Infallible> {
        let route = format!("{} {}", parts.method, parts.uri.path());
        let key = parts.headers.get(HEADER);
        let key = key.map(|value| value.to_str().unwrap_or_default().to_owned());
        let Ok(context) = Context::from_request_parts(parts, app).await;
        let (is_done_anyway, request_id) = (false, context.request_id);
        Ok(Self { key, is_done_anyway, route, request_id })
    }
}

impl Once {
    fn checked(key: Option<String>) -> Result<Option<String>, ApiError> {
        let is_sane = |key: &String| {
            let is_visible = |byte: u8| byte.is_ascii_graphic();
            !key.is_empty() && key.len() <= KEY_LENGTH_MAX && key.bytes().all(is_visible)
        };
        if key.as_ref().is_some_and(|key| !is_sane(key)) {
            let detail = format!("1 to {KEY_LENGTH_MAX} visible ASCII characters");
            return Err(ApiError::invalid("Idempotency-Key", detail));
        }
        Ok(key)
    }

    /// What is asked may not wait for the store, and does no harm when it is done twice: while the
    /// store is away, or the same is being done, it is done all the same.
    #[must_use]
    pub fn anyway(mut self) -> Self {
        self.is_done_anyway = true;
        self
    }

    /// Does `work` under a new identifier, or gives the answer that the same request got before.
    /// After a request that never got an answer the identifier is the one of then, so that what
    /// was done under it is not done again.
    ///
    /// # Errors
    /// What `work` says; 409 while the same request is being done; 422 for another body.
    pub async fn run<R: IntoResponse>(
        self,
        app: &Shared,
        caller: &Caller,
        body: &[u8],
        work: impl AsyncFnOnce(Under) -> Result<R, ApiError>,
    ) -> Result<Response, ApiError> {
        self.run_hashed(app, caller, Sha256::digest(body).into(), work).await
    }

    /// The same for a body that is known by its SHA-256.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn run_hashed<R: IntoResponse>(
        self,
        app: &Shared,
        caller: &Caller,
        hash: [u8; 32],
        work: impl AsyncFnOnce(Under) -> Result<R, ApiError>,
    ) -> Result<Response, ApiError> {
        let id = Uuid::now_v7();
        let Some(key) = Self::checked(self.key)? else {
            let under = Under { id, is_repeat: false };
            return work(under).await.map(IntoResponse::into_response);
        };
        let scope = format!("{} {}", self.route, caller.person());
        let place = Place { app: Arc::clone(app), tenant: caller.tenant(), scope, key };
        let begun = if self.is_done_anyway {
            let mut beginning = tokio::spawn(place.clone().begin(hash, id));
            match timeout(ANYWAY_WITHIN, &mut beginning).await {
                Ok(Ok(Ok(begun))) => begun,
                Ok(Ok(Err(error))) if !error.is_passing() => return Err(error.into()),
                late => {
                    let done = work(Under { id, is_repeat: false }).await;
                    let (response, answer) = kept(done.map(IntoResponse::into_response)).await?;
                    if late.is_err() {
                        // The row may be written yet: who asks again is to find this answer in it.
                        tokio::spawn(place.settle_late(beginning, answer));
                    }
                    return response;
                }
            }
        } else {
            place.clone().begin(hash, id).await?
        };
        let under = match begun {
            // Nobody knows how far the other one is.
            Begun::Running if self.is_done_anyway => {
                let under = Under { id, is_repeat: true };
                return work(under).await.map(IntoResponse::into_response);
            }
            Begun::New => Under { id, is_repeat: false },
            Begun::Lost(before) => Under { id: before, is_repeat: true },
            Begun::Done(answer) => return Ok(given(answer, &self.request_id)),
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
        let done = work(under).await.map(IntoResponse::into_response);
        let (response, answer) = kept(done).await?;
        place.settle(answer).await;
        response
    }
}

/// Where a key is kept.
#[derive(Clone)]
struct Place {
    app: Shared,
    tenant: TenantId,
    scope: String,
    key: String,
}

impl Place {
    async fn begin(self, hash: [u8; 32], id: Uuid) -> Result<Begun, StoreError> {
        self.app.store.begin_request(self.tenant, self.scope, self.key, hash, id).await
    }

    /// Keeps the answer, where it stays.
    async fn settle(self, answer: Answer) {
        let Self { app, tenant, scope, key } = self;
        // What is refused for good stays; the rest may go another way later.
        let stays = answer.status < 500 && answer.status != 429;
        let settled = match stays {
            true => app.store.finish_request(tenant, scope, key, answer).await,
            // Whether it was done is not always known: the identifier stays with the key.
            false => app.store.lose_request(tenant, scope, key).await,
        };
        if let Err(error) = settled {
            // A repetition finds the same identifier.
            tracing::warn!(%error, "an answer could not be kept");
        }
    }

    /// The same where the row comes late, if it does.
    async fn settle_late(self, beginning: JoinHandle<Result<Begun, StoreError>>, answer: Answer) {
        if let Ok(Ok(Begun::New | Begun::Lost(_))) = beginning.await {
            self.settle(answer).await;
        }
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
            // Without a request: each repetition puts its own in.
            let answer = error.clone().answer("");
            let status = answer.status().as_u16();
            let bytes = to_bytes(answer.into_body(), ANSWER_BYTES_MAX).await.unwrap_or_default();
            let body = String::from_utf8(bytes.to_vec()).unwrap_or_default();
            Ok((Err(error), Answer { status, body }))
        }
    }
}

fn given(answer: Answer, request_id: &str) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let body = if status.is_success() { answer.body } else { named(answer.body, request_id) };
    let json = HeaderValue::from_static("application/json");
    let repeated = HeaderValue::from_static("true");
    let mut response = (status, body).into_response();
    response.headers_mut().insert(CONTENT_TYPE, json);
    response.headers_mut().insert("idempotency-replayed", repeated);
    response.extensions_mut().insert(crate::http::front::HasBody);
    response
}

/// The body of an error under the name of the request that asks for it now.
fn named(body: String, request_id: &str) -> String {
    let Ok(Value::Object(mut error)) = serde_json::from_str(&body) else { return body };
    error.insert("request_id".to_owned(), request_id.into());
    Value::Object(error).to_string()
}
