//! Data sets: shared ones, and what tenants send.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::backtests::jobs;
use super::check::is_symbol;
use super::once::{Once, OnceHeader};
use super::strategies::actor;
use crate::http::extract::{incomplete, late, too_large};
use crate::http::page::{Page, PageQuery, store_page};
use crate::http::{ApiError, Asked, Caller, Context, Shared};
use crate::jobs::{Intake, Jobs, SharedData};
use qt_auth::Right;
use qt_store::datasets::{DatasetRow, NewDataset};
use qt_store::{Actor, StoreError};
use qt_trading::ids::{DatasetId, TenantId};
use qt_trading::time::Time;

/// A data set.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Dataset {
    /// What `data` of a backtest takes: an identifier, or `shared:NAME`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `bars`, `trades` or `quotes`; none of a shared one.
    pub kind: Option<String>,
    /// What it is about.
    pub symbols: Vec<String>,
    /// How many rows; none of a shared one.
    pub rows: Option<u64>,
    /// Its first time.
    pub from: Option<Time>,
    /// Its last time.
    pub to: Option<Time>,
    /// Its version: SHA-256 of its content.
    pub version: String,
    /// Whether every tenant may read it.
    pub is_shared: bool,
    /// The score of the quality report, when it was sent just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// What the quality report found, when it was sent just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub findings: Option<Value>,
}

impl From<DatasetRow> for Dataset {
    fn from(row: DatasetRow) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name,
            kind: Some(row.kind),
            symbols: row.symbols,
            rows: Some(row.rows),
            from: Some(row.from),
            to: Some(row.to),
            version: row.sha256,
            is_shared: row.is_shared,
            score: None,
            findings: None,
        }
    }
}

/// What a data set that is sent is called.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DatasetQuery {
    /// Its name, unique in the tenant: 1 to 32 of A-Z a-z 0-9 . _ -
    name: String,
    /// What it is about; the name when absent.
    symbol: Option<String>,
}

fn shared(data: &SharedData) -> Dataset {
    Dataset {
        id: format!("shared:{}", data.name),
        name: data.name.clone(),
        kind: None,
        symbols: data.symbols.clone(),
        rows: None,
        from: None,
        to: None,
        version: data.version.clone(),
        is_shared: true,
        score: None,
        findings: None,
    }
}

/// The tenant's data sets, newest first; the shared ones come first on the first page.
#[utoipa::path(
    get,
    path = "/datasets",
    tag = "backtests",
    security(("bearer" = [])),
    params(PageQuery),
    responses((status = 200, body = Page<Dataset>))
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    asked: Asked,
) -> Result<Json<Page<Dataset>>, ApiError> {
    caller.need(Right::Read)?;
    let page = store_page(&asked.read::<PageQuery>()?)?;
    let jobs = jobs(&app)?;
    let rows = jobs.store().datasets(caller.tenant(), page).await?;
    let mut rows = Page::from(rows).map(Dataset::from);
    if page.after.is_none() {
        let shared = jobs.settings().shared.iter().map(shared);
        rows.items.splice(0..0, shared);
    }
    Ok(Json(rows))
}

/// One data set.
#[utoipa::path(
    get,
    path = "/datasets/{id}",
    tag = "backtests",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "The data set: an identifier, or shared:NAME")),
    responses((status = 200, body = Dataset))
)]
pub(crate) async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Dataset>, ApiError> {
    caller.need(Right::Read)?;
    let jobs = jobs(&app)?;
    if let Some(name) = id.strip_prefix("shared:") {
        let found = jobs.settings().find_shared(name).ok_or_else(ApiError::not_found)?;
        return Ok(Json(shared(found)));
    }
    let id = id.parse::<Uuid>().map_err(|_| ApiError::not_found())?;
    let row = jobs.store().dataset(caller.tenant(), DatasetId(id)).await?;
    Ok(Json(row.into()))
}

/// Sends a data set: the file itself is the body, CSV or Parquet.
#[utoipa::path(
    post,
    path = "/datasets",
    tag = "backtests",
    security(("bearer" = [])),
    params(DatasetQuery, OnceHeader),
    request_body(content(
        (String = "text/csv"),
        (Vec<u8> = "application/vnd.apache.parquet")
    )),
    responses(
        (status = 201, description = "It is kept", body = Dataset),
        (status = 409, description = "The name is taken", body = crate::http::error::ErrorBody)
    )
)]
pub(crate) async fn send(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    once: Once,
    asked: Asked,
    request: Request,
) -> Result<Response, ApiError> {
    caller.need(Right::SendData)?;
    let query: DatasetQuery = asked.read()?;
    let symbol = query.symbol.clone().unwrap_or_else(|| query.name.clone());
    for (field, text) in [("name", &query.name), ("symbol", &symbol)] {
        if !is_symbol(text) || text.starts_with('.') {
            return Err(ApiError::invalid(field, "1 to 32 of A-Z a-z 0-9 . _ -, no dot first"));
        }
    }
    let file = format!("{symbol}.{}", ending(&request)?);
    let jobs = jobs(&app)?;
    let folder = DatasetId::new();
    let place = format!("datasets/{}/{folder}", caller.tenant());
    let intake = jobs.take_in(caller.tenant(), folder, &place)?;
    let sent = receive(&app, request, intake.file(&file)).await?;
    // The same key means the same data under the same name.
    let hash = Sha256::new().chain_update(sent.sha256).chain_update([0]);
    let hash = hash.chain_update(&query.name).chain_update([0]).chain_update(&file).finalize();
    once.run_hashed(&app, &caller, hash.into(), async |under| {
        let id = DatasetId(under.id);
        if under.is_repeat
            && let Some(kept) = kept(jobs, caller.tenant(), id).await?
        {
            return Ok((StatusCode::CREATED, Json(Dataset::from(kept))));
        }
        let facts = intake.look(&file).await?;
        let new = NewDataset {
            id,
            name: query.name,
            kind: facts.kind,
            symbols: vec![symbol],
            rows: facts.rows,
            bytes: sent.bytes,
            from: facts.from,
            to: facts.to,
            path: format!("{place}/{file}"),
            sha256: facts.sha256,
        };
        let by = actor(&caller, &context);
        // To its end, also when the client goes away in between: the row promises the file.
        let saving = tokio::spawn(save(Arc::clone(jobs), intake, by, new));
        let saved = saving.await.map_err(|_| ApiError::internal())??;
        let (score, findings) = (facts.score, Some(facts.findings));
        let made = Dataset { score, findings, ..Dataset::from(saved) };
        Ok((StatusCode::CREATED, Json(made)))
    })
    .await
}

/// Keeps a data set that was looked at: its row, and with it its file.
async fn save(
    jobs: Arc<Jobs>,
    intake: Intake,
    by: Actor,
    new: NewDataset,
) -> Result<DatasetRow, StoreError> {
    let (tenant, id) = (by.tenant, new.id);
    let saved = jobs.store().save_dataset(by, new, jobs.settings().dataset_quota()).await;
    // A store that is away may have kept it all the same.
    let is_uncertain = match &saved {
        Err(error) if error.is_passing() => kept(&jobs, tenant, id).await.is_err(),
        _ => false,
    };
    if saved.is_ok() || is_uncertain {
        intake.keep();
    }
    saved
}

async fn kept(
    jobs: &Jobs,
    tenant: TenantId,
    id: DatasetId,
) -> Result<Option<DatasetRow>, StoreError> {
    match jobs.store().dataset(tenant, id).await {
        Ok(row) => Ok(Some(row)),
        Err(StoreError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the file is called by its kind.
fn ending(request: &Request) -> Result<&'static str, ApiError> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match kind.to_ascii_lowercase().as_str() {
        "text/csv" => Ok("csv"),
        "application/vnd.apache.parquet" | "application/x-parquet" => Ok("parquet"),
        _ => {
            let detail = "send text/csv or application/vnd.apache.parquet, not compressed";
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            Err(ApiError::new(status, "UNSUPPORTED_MEDIA_TYPE", detail))
        }
    }
}

/// A file that was sent.
struct Sent {
    bytes: u64,
    sha256: [u8; 32],
}

/// Writes the body into the file at `path`.
async fn receive(app: &Shared, request: Request, path: PathBuf) -> Result<Sent, ApiError> {
    let limits = app.settings.limits;
    let writing = write(request, path, limits.dataset_bytes_max);
    let written = tokio::time::timeout(limits.body_time, writing).await;
    written.unwrap_or_else(|_| Err(late(limits.body_time)))
}

async fn write(request: Request, path: PathBuf, bytes_max: usize) -> Result<Sent, ApiError> {
    let wrong = |error: std::io::Error| {
        tracing::error!(%error, "a data set cannot be written");
        ApiError::unavailable("DATA_UNAVAILABLE", "the data set cannot be kept now, try again")
    };
    let mut file = tokio::fs::File::create(path).await.map_err(wrong)?;
    let mut body = request.into_body();
    let (mut bytes, mut hash) = (0_usize, Sha256::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| incomplete())?;
        let Ok(data) = frame.into_data() else { continue };
        bytes += data.len();
        if bytes > bytes_max {
            return Err(too_large(bytes_max));
        }
        hash.update(&data);
        file.write_all(&data).await.map_err(wrong)?;
    }
    // Its row promises that it is there.
    file.flush().await.map_err(wrong)?;
    file.sync_all().await.map_err(wrong)?;
    Ok(Sent { bytes: bytes as u64, sha256: hash.finalize().into() })
}
