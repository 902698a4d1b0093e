//! Data sets: shared ones, and what tenants send.

use std::path::Path as FilePath;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::check::is_symbol;
use super::strategies::actor;
use crate::http::page::{Page, PageQuery, store_page};
use crate::http::{ApiError, Asked, Caller, Context, Shared};
use crate::jobs::{Jobs, child, intake};
use qt_auth::Right;
use qt_store::datasets::{DatasetRow, NewDataset};
use qt_trading::ids::DatasetId;
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

fn jobs(app: &Shared) -> Result<&Arc<Jobs>, ApiError> {
    app.jobs.as_ref().ok_or_else(|| {
        ApiError::unavailable("BACKTESTS_OFF", "this service takes no data (ENABLE_BACKTESTING)")
    })
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
        let shared = jobs.settings().shared.iter().map(|data| Dataset {
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
        });
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
    params(("id" = DatasetId, Path, description = "The data set")),
    responses((status = 200, body = Dataset))
)]
pub(crate) async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Dataset>, ApiError> {
    caller.need(Right::Read)?;
    let id = id.parse::<Uuid>().map_err(|_| ApiError::not_found())?;
    let row = jobs(&app)?.store().dataset(caller.tenant(), DatasetId(id)).await?;
    Ok(Json(row.into()))
}

/// Sends a data set: the file itself is the body, CSV or Parquet.
#[utoipa::path(
    post,
    path = "/datasets",
    tag = "backtests",
    security(("bearer" = [])),
    params(DatasetQuery),
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
    asked: Asked,
    request: Request,
) -> Result<(StatusCode, Json<Dataset>), ApiError> {
    caller.need(Right::SendData)?;
    let query: DatasetQuery = asked.read()?;
    let symbol = query.symbol.unwrap_or_else(|| query.name.clone());
    for (field, text) in [("name", &query.name), ("symbol", &symbol)] {
        if !is_symbol(text) || text.starts_with('.') {
            return Err(ApiError::invalid(field, "1 to 32 of A-Z a-z 0-9 . _ -, no dot first"));
        }
    }
    let ending = ending(&request)?;
    let jobs = jobs(&app)?;
    let id = DatasetId::new();
    let place = format!("datasets/{}/{id}", caller.tenant());
    let folder = jobs.settings().data_dir.join(&place);
    let name = format!("{symbol}.{ending}");
    let taken = take(&app, jobs, request, &folder, &name).await;
    let (facts, bytes) = match taken {
        Ok(taken) => taken,
        Err(error) => {
            // What was refused leaves nothing behind; what cannot be removed is in the log.
            if let Err(error) = tokio::fs::remove_dir_all(&folder).await {
                tracing::warn!(%error, "a refused data set is not removed");
            }
            return Err(error);
        }
    };
    let new = NewDataset {
        id,
        name: query.name,
        kind: facts.kind,
        symbols: vec![symbol],
        rows: facts.rows,
        bytes,
        from: facts.from,
        to: facts.to,
        path: format!("{place}/{name}"),
        sha256: facts.sha256,
    };
    let saved = jobs.store().save_dataset(actor(&caller, &context), new).await;
    if saved.is_err() {
        let _ = tokio::fs::remove_dir_all(&folder).await;
    }
    let kept =
        Dataset { score: facts.score, findings: Some(facts.findings), ..Dataset::from(saved?) };
    Ok((StatusCode::CREATED, Json(kept)))
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

/// Writes the body into `folder` as `name` and looks at it; its facts and its bytes.
async fn take(
    app: &Shared,
    jobs: &Arc<Jobs>,
    request: Request,
    folder: &FilePath,
    name: &str,
) -> Result<(intake::Facts, u64), ApiError> {
    let wrong = |error: std::io::Error| {
        tracing::error!(%error, "a data set cannot be written");
        ApiError::unavailable("DATA_UNAVAILABLE", "the data set cannot be kept now, try again")
    };
    child::fresh_folder(folder).map_err(wrong)?;
    let limits = app.settings.limits;
    let writing = write(request, folder.join(name), limits.dataset_bytes_max);
    let bytes = match tokio::time::timeout(limits.body_time, writing).await {
        Ok(written) => written?,
        Err(_) => {
            let seconds = limits.body_time.as_secs();
            let detail = format!("the body was not here within {seconds} s");
            return Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "BODY_TIMEOUT", detail));
        }
    };
    let (jobs, place, file) = (Arc::clone(jobs), folder.to_owned(), name.to_owned());
    let look = move || intake::look(jobs.settings(), &place, &file);
    let facts = tokio::task::spawn_blocking(look).await.map_err(|_| ApiError::internal())??;
    Ok((facts, bytes))
}

async fn write(
    request: Request,
    path: std::path::PathBuf,
    bytes_max: usize,
) -> Result<u64, ApiError> {
    let wrong = |error: std::io::Error| {
        tracing::error!(%error, "a data set cannot be written");
        ApiError::unavailable("DATA_UNAVAILABLE", "the data set cannot be kept now, try again")
    };
    let mut file = tokio::fs::File::create(path).await.map_err(wrong)?;
    let mut body = request.into_body();
    let mut bytes = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            let detail = "the body ended before it was whole";
            ApiError::new(StatusCode::BAD_REQUEST, "BODY_INCOMPLETE", detail)
        })?;
        let Ok(data) = frame.into_data() else { continue };
        bytes += data.len();
        if bytes > bytes_max {
            let detail = format!("the data set is larger than {bytes_max} bytes");
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            return Err(ApiError::new(status, "BODY_TOO_LARGE", detail));
        }
        file.write_all(&data).await.map_err(wrong)?;
    }
    file.flush().await.map_err(wrong)?;
    Ok(bytes as u64)
}
