//! Webhooks: where a tenant is told of its events.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::strategies::{Deleted, actor};
use crate::http::page::{Page, PageQuery, store_page};
use crate::http::{ApiError, Asked, Caller, Context, Received, Shared};
use qt_auth::Right;
use qt_outside::webhooks::WebhookError;
use qt_store::{DeliveryRow, WebhookRow};

/// A webhook that somebody wants.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookBody {
    /// Where events are posted to: https, at a public address.
    url: String,
    /// Kinds of events, like `TradeExecuted`; all of them when absent or empty.
    #[serde(default)]
    event_types: Vec<String>,
}

/// All webhooks of the tenant.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WebhookList {
    /// The webhooks, newest first.
    items: Vec<WebhookRow>,
}

/// A webhook that was made just now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WebhookMade {
    /// The webhook.
    #[serde(flatten)]
    webhook: WebhookRow,
    /// What its deliveries are signed with; it is shown here and never again.
    secret: String,
}

impl From<WebhookError> for ApiError {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::Url(refused) => Self::invalid("url", refused.0),
            WebhookError::EventType(_) => {
                let text = error.to_string();
                let detail = text.split_once(": ").map_or(text.as_str(), |(_, detail)| detail);
                Self::invalid("event_types", detail)
            }
            WebhookError::Seal(error) => {
                tracing::error!(%error, "a secret cannot be sealed");
                Self::internal()
            }
            WebhookError::Store(error) => error.into(),
        }
    }
}

/// The tenant's webhooks.
#[utoipa::path(
    get,
    path = "/webhooks",
    tag = "webhooks",
    security(("bearer" = [])),
    responses((status = 200, body = WebhookList))
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<WebhookList>, ApiError> {
    caller.need(Right::ManageWebhooks)?;
    let items = app.store.webhooks(caller.tenant()).await?;
    Ok(Json(WebhookList { items }))
}

/// Makes a webhook. It is told of what happens from now on.
#[utoipa::path(
    post,
    path = "/webhooks",
    tag = "webhooks",
    security(("bearer" = [])),
    request_body = WebhookBody,
    responses((status = 201, description = "It is made", body = WebhookMade))
)]
pub(crate) async fn create(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    received: Received,
) -> Result<(StatusCode, Json<WebhookMade>), ApiError> {
    caller.need(Right::ManageWebhooks)?;
    let WebhookBody { url, event_types } = received.json()?;
    let desk = &app.outside.webhooks;
    let made = desk.create(&*app.store, actor(&caller, &context), &url, &event_types).await?;
    let secret = made.secret.reveal().to_owned();
    Ok((StatusCode::CREATED, Json(WebhookMade { webhook: made.row, secret })))
}

/// Removes a webhook with its log.
#[utoipa::path(
    delete,
    path = "/webhooks/{id}",
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The webhook")),
    responses((status = 200, body = Deleted))
)]
pub(crate) async fn remove(
    State(app): State<Shared>,
    caller: Caller,
    context: Context,
    Path(id): Path<String>,
) -> Result<Json<Deleted>, ApiError> {
    caller.need(Right::ManageWebhooks)?;
    let id = parsed(&id)?;
    app.store.delete_webhook(actor(&caller, &context), id).await?;
    Ok(Json(Deleted { id, status: "deleted" }))
}

/// What a webhook was told of, newest first.
#[utoipa::path(
    get,
    path = "/webhooks/{id}/deliveries",
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The webhook"), PageQuery),
    responses((status = 200, body = Page<DeliveryRow>))
)]
pub(crate) async fn deliveries(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Json<Page<DeliveryRow>>, ApiError> {
    caller.need(Right::ManageWebhooks)?;
    let id = parsed(&id)?;
    let page = store_page(&asked.read()?)?;
    Ok(Json(app.store.deliveries(caller.tenant(), id, page).await?.into()))
}

fn parsed(id: &str) -> Result<Uuid, ApiError> {
    id.parse().map_err(|_| ApiError::not_found())
}
