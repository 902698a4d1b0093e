//! Signals: what sources send, and what became of it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::page::{Page, PageQuery, store_page};
use crate::http::passerby::Passerby;
use crate::http::{ApiError, Asked, Caller, Received, Shared};
use crate::signals::{FOLLOW, Incoming, Outcome};
use qt_auth::Right;
use qt_store::{SignalFilter, SignalRow, SignalStatus, SourceRow, StoreError};
use qt_trading::ids::StrategyUid;
use qt_trading::time::Time;

/// Signals of one request.
const SIGNALS_MAX: usize = 100;
/// The object of the contract, as a schema.
pub const SCHEMA: &str = include_str!("schemas/signal.v1.json");

/// A signal that is kept.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Signal {
    /// Its identifier.
    pub id: Uuid,
    /// Its source.
    pub source_id: StrategyUid,
    /// As the source names it.
    pub signal_id: String,
    /// What it is about.
    pub symbol: String,
    /// `buy`, `sell`, `hold` or `close`.
    pub action: String,
    /// From 0 to 1.
    pub confidence: f64,
    /// How it stands.
    pub status: SignalStatus,
    /// Why it goes no further, where it does not.
    pub code: Option<String>,
    /// The number of its event in the session's journal.
    pub session_seq: Option<u64>,
    /// When it was issued.
    pub issued_at: Time,
    /// From when on it says nothing any more.
    pub expires_at: Time,
    /// When it arrived.
    pub arrived_at: Time,
    /// The object, as it came.
    #[schema(value_type = Object)]
    pub signal: Box<RawValue>,
    /// What the session took in its place, where a person has changed it.
    #[schema(value_type = Option<Object>)]
    pub taken: Option<Box<RawValue>>,
}

impl From<SignalRow> for Signal {
    fn from(row: SignalRow) -> Self {
        let raw = |text: String| RawValue::from_string(text).unwrap_or_default();
        Self {
            id: row.id,
            source_id: row.source,
            signal_id: row.signal_id,
            symbol: row.symbol,
            action: row.action,
            confidence: f64::from(row.confidence_e9) / 1e9,
            status: row.status,
            code: row.code,
            session_seq: row.seq,
            issued_at: row.issued_at,
            expires_at: row.expires_at,
            arrived_at: row.arrived_at,
            signal: raw(row.body),
            taken: row.taken_body.map(raw),
        }
    }
}

/// What became of one signal of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SignalOutcome {
    /// The signal; none where it is refused.
    pub signal: Option<Signal>,
    /// Whether it came for the first time.
    pub is_new: bool,
    /// Why it is refused, as a stable code.
    pub code: Option<&'static str>,
    /// What is wrong, and how to put it right.
    pub detail: Option<String>,
}

/// What became of the signals of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SignalOutcomes {
    /// One for each, in the order of the request.
    pub items: Vec<SignalOutcome>,
}

/// Which signals are wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SignalQuery {
    /// Only those of this source.
    source_id: Option<StrategyUid>,
    /// Only those that stand so.
    status: Option<SignalStatus>,
    /// Only those about this symbol.
    symbol: Option<String>,
    /// How many items: 1 to 500, 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The source that the caller's token speaks for; none where there is none.
pub(super) async fn own_source(
    app: &Shared,
    caller: &Caller,
) -> Result<Option<SourceRow>, ApiError> {
    let Some(subject) = caller.identity.source.clone() else { return Ok(None) };
    match app.store.source_of_subject(caller.tenant(), subject).await {
        Ok(source) => Ok(Some(source)),
        Err(StoreError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Takes in a signal, or a list of up to 100. Whose they are the token says. A single one that is
/// refused is an error with its code; of a list each has an outcome.
#[utoipa::path(
    post,
    path = "/signals",
    tag = "signals",
    security(("bearer" = [])),
    request_body(content = Object, description = "`/schemas/signal.v1.json`, or a list of such"),
    responses(
        (status = 200, description = "A list: what became of each", body = SignalOutcomes),
        (status = 201, description = "A signal that is kept: `status` says how far it came",
            body = Signal),
        (status = 409, description = "`SIGNAL_DUPLICATE`: another signal under this signal_id; \
            `SOURCE_KILLED`", body = crate::http::error::ErrorBody)
    )
)]
pub(crate) async fn submit(
    State(app): State<Shared>,
    caller: Caller,
    received: Received,
) -> Result<Response, ApiError> {
    let arrived_at = Time::now();
    caller.need(Right::SubmitSignals)?;
    // What it says is the reader's of signals to judge; that it is JSON of bounded depth is not.
    let whole: Box<RawValue> = received.json()?;
    let text = whole.get();
    let is_list = text.starts_with('[');
    let parts: Vec<&RawValue> = match is_list {
        true => serde_json::from_str(text).map_err(|_| ApiError::internal())?,
        false => vec![&whole],
    };
    if parts.is_empty() || parts.len() > SIGNALS_MAX {
        let detail = format!("a list has 1 to {SIGNALS_MAX} signals");
        return Err(ApiError::invalid("signals", detail));
    }
    let Some(source) = own_source(&app, &caller).await? else {
        let detail = "no source is registered for this token: a tenant_admin registers one with \
                      its `sub` as subject (POST /signal-sources)";
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Err(ApiError::new(status, "SOURCE_UNKNOWN", detail));
    };
    let incoming = |part: &&RawValue| Incoming { bytes: part.get().into(), arrived_at };
    let incoming = parts.iter().map(incoming).collect();
    // All of it is done, also when the client goes away in between.
    let intake = std::sync::Arc::clone(&app.signals);
    let work = tokio::spawn(async move { intake.take(&source, incoming).await });
    let mut outcomes = work.await.map_err(|_| ApiError::internal())??;
    if is_list {
        let items = outcomes.into_iter().map(shown).collect();
        return Ok(Json(SignalOutcomes { items }).into_response());
    }
    match outcomes.pop() {
        Some(Outcome::Kept { row, is_new }) => {
            let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
            Ok((status, Json(Signal::from(*row))).into_response())
        }
        Some(Outcome::Refused { code, detail }) => Err(refusal(code, detail)),
        None => Err(ApiError::internal()),
    }
}

fn refusal(code: &'static str, detail: String) -> ApiError {
    match code {
        "SIGNAL_DUPLICATE" | "SOURCE_KILLED" => ApiError::conflict(code, detail),
        "SOURCE_RATE" => ApiError::new(StatusCode::TOO_MANY_REQUESTS, code, detail).after_s(1),
        _ => ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail),
    }
}

fn shown(outcome: Outcome) -> SignalOutcome {
    match outcome {
        Outcome::Kept { row, is_new } => {
            SignalOutcome { signal: Some((*row).into()), is_new, code: None, detail: None }
        }
        Outcome::Refused { code, detail } => {
            SignalOutcome { signal: None, is_new: false, code: Some(code), detail: Some(detail) }
        }
    }
}

/// Signals, newest first; an agent sees its own.
#[utoipa::path(
    get,
    path = "/signals",
    tag = "signals",
    security(("bearer" = [])),
    params(SignalQuery),
    responses((status = 200, body = Page<Signal>))
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    asked: Asked,
) -> Result<Json<Page<Signal>>, ApiError> {
    caller.need(Right::ReadSignals)?;
    let query: SignalQuery = asked.read()?;
    let page = store_page(&PageQuery { limit: query.limit, cursor: query.cursor })?;
    let mut source = query.source_id;
    if caller.identity.is_limited_to_own() {
        let own = own_source(&app, &caller).await?.map(|it| it.id);
        let is_own = source.is_none() || source == own;
        let Some(own) = own.filter(|_| is_own) else {
            return Ok(Json(Page { items: Vec::new(), next_cursor: None }));
        };
        source = Some(own);
    }
    let filter = SignalFilter { source, status: query.status, symbol: query.symbol };
    let found = app.store.signals(caller.tenant(), filter, page).await?;
    Ok(Json(Page::from(found).map(Signal::from)))
}

/// One signal; an agent sees its own.
#[utoipa::path(
    get,
    path = "/signals/{id}",
    tag = "signals",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The signal")),
    responses((status = 200, body = Signal))
)]
pub(crate) async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Signal>, ApiError> {
    caller.need(Right::ReadSignals)?;
    let id = id.parse::<Uuid>().map_err(|_| ApiError::not_found())?;
    let row = app.store.signal(caller.tenant(), id).await?;
    if caller.identity.is_limited_to_own() {
        let own = own_source(&app, &caller).await?;
        own.filter(|own| own.id == row.source).ok_or_else(ApiError::not_found)?;
    }
    Ok(Json(row.into()))
}

/// The signals that a strategy follows, newest first. The strategy of a source has the source's
/// identifier.
#[utoipa::path(
    get,
    path = "/strategies/{id}/signals",
    tag = "strategies",
    security(("bearer" = [])),
    params(("id" = StrategyUid, Path, description = "The strategy, or the source"), PageQuery),
    responses((status = 200, body = Page<Signal>))
)]
pub(crate) async fn of_strategy(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Json<Page<Signal>>, ApiError> {
    caller.need(Right::Read)?;
    let id = StrategyUid(id.parse().map_err(|_| ApiError::not_found())?);
    let (tenant, sources) = (caller.tenant(), app.store.sources(caller.tenant()).await?);
    let heard: Option<Option<StrategyUid>> = match sources.iter().find(|it| it.id == id) {
        Some(source) => Some(Some(source.id)),
        None => {
            let strategy = app.store.strategy(tenant, id).await?;
            let number = strategy.parameters.get("source").and_then(serde_json::Value::as_u64);
            match (strategy.strategy_type.as_str(), number) {
                (FOLLOW, Some(0)) | ("signal_blend", _) => Some(None),
                (FOLLOW, Some(number)) => {
                    sources.iter().find(|it| u64::from(it.number) == number).map(|it| Some(it.id))
                }
                _ => None,
            }
        }
    };
    let page = store_page(&asked.read()?)?;
    let Some(source) = heard else {
        return Ok(Json(Page { items: Vec::new(), next_cursor: None }));
    };
    let filter = SignalFilter { source, ..SignalFilter::default() };
    let found = app.store.signals(tenant, filter, page).await?;
    Ok(Json(Page::from(found).map(Signal::from)))
}

/// The object that sources send, as a JSON schema.
#[utoipa::path(
    get,
    path = "/schemas/signal.v1.json",
    tag = "signals",
    responses((status = 200, description = "The schema", body = Object))
)]
pub(crate) async fn schema(_: Passerby) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/schema+json")], SCHEMA)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_has_the_fields_that_are_read() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let fields = schema["properties"].as_object().unwrap();
        // Each field of the schema is one that the reader knows: an unknown one is refused as such.
        for field in fields.keys() {
            let mut object = serde_json::json!({
                "schema_version": 1, "signal_id": "a", "symbol": "X", "action": "buy",
                "confidence": 0.5, "horizon_seconds": 60, "issued_at": "2026-01-31T09:30:00Z",
                "expires_at": "2026-01-31T09:31:00Z",
            });
            object[field] = serde_json::json!({"of": "another type"});
            let read = qt_codec::signal::SignalObject::read(object.to_string().as_bytes());
            let text = read.err().map(|fault| fault.to_string()).unwrap_or_default();
            assert!(!text.contains("unknown field"), "{field}: {text}");
        }
        assert_eq!(fields.len(), 20);
        let required: Vec<&str> =
            schema["required"].as_array().unwrap().iter().filter_map(|it| it.as_str()).collect();
        for field in required {
            let mut object = serde_json::json!({
                "schema_version": 1, "signal_id": "a", "symbol": "X", "action": "buy",
                "confidence": 0.5, "horizon_seconds": 60, "issued_at": "2026-01-31T09:30:00Z",
                "expires_at": "2026-01-31T09:31:00Z",
            });
            object.as_object_mut().unwrap().remove(field);
            let read = qt_codec::signal::SignalObject::read(object.to_string().as_bytes());
            assert!(read.is_err(), "{field}");
        }
    }

    #[test]
    fn refusals_have_statuses() {
        let status = |code| refusal(code, String::new()).status.as_u16();
        assert_eq!(status("SIGNAL_DUPLICATE"), 409);
        assert_eq!(status("SOURCE_RATE"), 429);
        assert_eq!(status("SIGNAL_EXPIRED"), 422);
    }
}
