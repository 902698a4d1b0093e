//! What a client is told when something was not done: one body for every error.

use axum::Json;
use axum::http::header::{CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use qt_trading::{Refusal, RiskRejection};

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where it is: `quantity`, `symbols[0]`, or a parameter of the query.
    pub field: String,
    /// What is wrong, and how to put it right.
    pub detail: String,
    /// The line of the body, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column of that line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

impl FieldError {
    /// Without a place in a text.
    #[must_use]
    pub fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into(), line: None, column: None }
    }
}

/// The body of an error.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What happened, in a sentence.
    pub detail: String,
    /// The same as a stable code.
    pub code: String,
    /// Which fields are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub fields: Vec<FieldError>,
    /// What the limit said that refused an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection: Option<RiskRejection>,
    /// The request, as the log names it.
    pub request_id: String,
}

/// An error on its way to the client. The front adds the request id.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// The status.
    pub status: StatusCode,
    /// A stable code.
    pub code: &'static str,
    /// What happened.
    pub detail: String,
    /// Which fields are wrong.
    pub fields: Vec<FieldError>,
    /// What the limit said that refused an order.
    pub rejection: Option<Box<RiskRejection>>,
    /// When it may be tried again, seconds.
    pub retry_after_s: Option<u64>,
}

impl ApiError {
    /// One of any kind.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { status, code, detail, fields: Vec::new(), rejection: None, retry_after_s: None }
    }

    /// There is no such thing, or it is not the caller's: the same words for both.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "Not found")
    }

    /// The caller may not do that.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", detail)
    }

    /// A field is wrong.
    #[must_use]
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid_all(vec![FieldError::new(field, detail)])
    }

    /// Fields are wrong.
    #[must_use]
    pub fn invalid_all(fields: Vec<FieldError>) -> Self {
        let text = |field: &FieldError| format!("{}: {}", field.field, field.detail);
        let detail = fields.iter().map(text).collect::<Vec<_>>().join("; ");
        let error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED", detail);
        Self { fields, ..error }
    }

    /// It contradicts something that is there.
    #[must_use]
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// It cannot be done now.
    #[must_use]
    pub fn unavailable(code: &'static str, detail: impl Into<String>) -> Self {
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail);
        Self { retry_after_s: Some(1), ..error }
    }

    /// Something of ours is broken. The log has the rest.
    #[must_use]
    pub fn internal() -> Self {
        let detail = "The service made an error. Its log has more under this request_id.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", detail)
    }

    /// The same with a time after which it may be tried again.
    #[must_use]
    pub fn after_s(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds.max(1));
        self
    }

    /// The whole answer under the name of its request.
    #[must_use]
    pub fn answer(self, request_id: &str) -> Response {
        let body = ErrorBody {
            detail: self.detail,
            code: self.code.to_owned(),
            fields: self.fields,
            rejection: self.rejection.map(|rejection| *rejection),
            request_id: request_id.to_owned(),
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        // What is left of such a body is not worth reading.
        let closes = [StatusCode::PAYLOAD_TOO_LARGE, StatusCode::REQUEST_TIMEOUT];
        if closes.contains(&self.status) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid { field, detail } => Self::invalid(field, detail),
            Refusal::Risk(rejection) => {
                let detail = risk_text(&rejection);
                let error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "RISK_REJECTED", detail);
                Self { rejection: Some(rejection), ..error }
            }
            Refusal::NotFound => Self::not_found(),
            Refusal::Conflict(detail) => Self::conflict("CONFLICT", detail),
            Refusal::Exhausted { code, detail, retry_after_s } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail).after_s(retry_after_s)
            }
            Refusal::Unavailable { code, detail } => Self::unavailable(code, detail),
        }
    }
}

fn risk_text(rejection: &RiskRejection) -> String {
    let mut text = format!("refused by {} at level {}", rejection.control, rejection.level);
    let unit = rejection.unit.as_deref().map_or_else(String::new, |unit| format!(" {unit}"));
    if let (Some(limit), Some(observed)) = (rejection.limit, rejection.observed) {
        text += &format!(": {observed}{unit}, where {limit}{unit} is the limit");
    }
    text
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::ApiError;
    use qt_trading::Refusal;

    #[test]
    fn refusals_have_the_status_of_the_contract() {
        let invalid = Refusal::Invalid { field: "quantity", detail: "be positive".to_owned() };
        let table = [
            (invalid, StatusCode::UNPROCESSABLE_ENTITY),
            (Refusal::NotFound, StatusCode::NOT_FOUND),
            (Refusal::Conflict("x".to_owned()), StatusCode::CONFLICT),
            (
                Refusal::Exhausted { code: "QUOTA", detail: String::new(), retry_after_s: 1 },
                StatusCode::TOO_MANY_REQUESTS,
            ),
            (
                Refusal::Unavailable { code: "RECONCILING", detail: String::new() },
                StatusCode::SERVICE_UNAVAILABLE,
            ),
        ];
        for (refusal, status) in table {
            assert_eq!(ApiError::from(refusal).status, status);
        }
    }

    #[test]
    fn a_401_says_how_to_authenticate() {
        let error = ApiError::new(StatusCode::UNAUTHORIZED, "TOKEN_MISSING", "no token");
        let answer = error.answer("r");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
    }
}
