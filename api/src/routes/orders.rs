//! Orders.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::check;
use super::once::{Once, OnceHeader};
use super::trades::known;
use crate::http::page::{Layered, Page, PageQuery, store_page};
use crate::http::{ApiError, Asked, Caller, Received, Shared};
use qt_auth::Right;
use qt_store::{Cursor, OrderFilter};
use qt_trading::ids::{OrderUid, StrategyUid};
use qt_trading::{AmendOrder, Desk, Order, OrderStatus, Phase, SessionState};

/// Which orders are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OrderQuery {
    /// Only orders that are here in their life.
    status: Option<OrderStatus>,
    /// Only orders that something can still happen to, or none of those.
    is_open: Option<bool>,
    /// Only orders of this instrument.
    symbol: Option<String>,
    /// Only orders of this strategy.
    #[param(value_type = Option<String>, format = Uuid)]
    strategy_id: Option<StrategyUid>,
    /// Only the order that the client calls so.
    client_order_id: Option<String>,
    /// How many items: 1 to 500, 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl OrderQuery {
    fn filter(&self) -> OrderFilter {
        OrderFilter {
            symbol: self.symbol.clone(),
            status: self.status,
            strategy: self.strategy_id,
            client_order_id: self.client_order_id.clone(),
            ..OrderFilter::default()
        }
    }

    /// Whether the newest orders are wanted, whatever they are.
    const fn is_plain(&self) -> bool {
        self.cursor.is_none()
            && self.status.is_none()
            && self.is_open.is_none()
            && self.symbol.is_none()
            && self.strategy_id.is_none()
            && self.client_order_id.is_none()
    }

    fn wants(&self, order: &Order) -> bool {
        self.status.is_none_or(|status| order.status == status)
            && self.is_open.is_none_or(|is_open| order.status.is_final() != is_open)
            && self.symbol.as_ref().is_none_or(|symbol| order.symbol == *symbol)
            && self.strategy_id.is_none_or(|id| order.strategy_id == Some(id))
            && (self.client_order_id.is_none() || order.client_order_id == self.client_order_id)
    }
}

/// The tenant's orders, newest first.
#[utoipa::path(
    get,
    path = "/orders",
    tag = "orders",
    security(("bearer" = [])),
    params(OrderQuery),
    responses((status = 200, body = Page<Order>))
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    asked: Asked,
) -> Result<Json<Page<Arc<Order>>>, ApiError> {
    caller.need(Right::Read)?;
    let query: OrderQuery = asked.read()?;
    let page = store_page(&PageQuery { limit: query.limit, cursor: query.cursor.clone() })?;
    let desk = app.trading.desk(caller.tenant()).await?;
    let place = |order: &Order| Cursor { at: order.created_at.0, id: order.id.0 };
    if query.is_plain()
        && let Some(newest) = desk.newest_orders(page.limit as usize + 1)
    {
        return Ok(Json(Page::of(newest, &page, |order| place(order))));
    }
    let (tenant, filter) = (caller.tenant(), query.filter());
    let list = Layered { memory: desk.orders(), place, wants: |order: &Order| query.wants(order) };
    // A session that runs has all that is open in memory.
    if query.is_open == Some(true) && desk.state().phase == Phase::Ready {
        return Ok(Json(list.of_memory(&page)));
    }
    let kept = |page| app.store.orders(tenant, filter.clone(), page);
    Ok(Json(list.page(page, kept).await?))
}

/// An order of the caller, and whether the session has it or only the store.
struct Found {
    desk: Arc<dyn Desk>,
    order: Arc<Order>,
    is_past: bool,
}

impl Found {
    /// What is no identifier names nothing. While the session does not run, only an order that is
    /// over can be told: of any other it is not known how it is.
    async fn of(app: &Shared, caller: &Caller, id: &str) -> Result<Self, ApiError> {
        let id = id.parse::<Uuid>().map(OrderUid).map_err(|_| ApiError::not_found())?;
        let desk = app.trading.desk(caller.tenant()).await?;
        if let Some(order) = desk.order(id) {
            return Ok(Self { desk, order, is_past: false });
        }
        let state = desk.state();
        let known = known(app, caller, &*desk, id).await?;
        let is_ready = state.phase == Phase::Ready;
        match known {
            Some(order) if is_ready || order.status.is_final() => {
                Ok(Self { desk, order, is_past: true })
            }
            None if is_ready => Err(ApiError::not_found()),
            _ => Err(not_running(&state)),
        }
    }

    /// The identifier of an order that may still be changed.
    fn live(&self) -> Result<OrderUid, ApiError> {
        if self.is_past {
            let status = serde_json::to_value(self.order.status).unwrap_or_default();
            let status = status.as_str().unwrap_or("over");
            return Err(ApiError::conflict("CONFLICT", format!("the order is over: {status}")));
        }
        Ok(self.order.id)
    }
}

fn not_running(state: &SessionState) -> ApiError {
    let why = state.phase.refusal().or(Phase::Reconciling.refusal());
    let (code, detail) = why.unwrap_or_default();
    ApiError::unavailable(code, state.detail.clone().unwrap_or_else(|| detail.to_owned()))
}

/// One order.
#[utoipa::path(
    get,
    path = "/orders/{id}",
    tag = "orders",
    security(("bearer" = [])),
    params(("id" = OrderUid, Path, description = "The order")),
    responses((status = 200, body = Order))
)]
pub(crate) async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Arc<Order>>, ApiError> {
    caller.need(Right::Read)?;
    Ok(Json(Found::of(&app, &caller, &id).await?.order))
}

/// Changes an order that rests; what is absent stays.
#[utoipa::path(
    patch,
    path = "/orders/{id}",
    tag = "orders",
    security(("bearer" = [])),
    params(("id" = OrderUid, Path, description = "The order"), OnceHeader),
    request_body = AmendOrder,
    responses(
        (status = 200, description = "The order as it is now", body = Order),
        (status = 409, description = "It is over", body = crate::http::error::ErrorBody)
    )
)]
pub(crate) async fn amend(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    once: Once,
    received: Received,
) -> Result<Response, ApiError> {
    caller.need(Right::Trade)?;
    let found = Found::of(&app, &caller, &id).await?;
    let change: AmendOrder = received.json()?;
    check::amend(&change)?;
    once.run(&app, &caller, &received.bytes, async |_| {
        let id = found.live()?;
        Ok(Json(found.desk.amend(id, change, caller.person()).await?))
    })
    .await
}

/// Asks for an order to be cancelled.
#[utoipa::path(
    delete,
    path = "/orders/{id}",
    tag = "orders",
    security(("bearer" = [])),
    params(("id" = OrderUid, Path, description = "The order"), OnceHeader),
    responses(
        (status = 200, description = "The order; its cancel may still be on its way", body = Order),
        (status = 409, description = "It is over", body = crate::http::error::ErrorBody)
    )
)]
pub(crate) async fn cancel(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    once: Once,
) -> Result<Response, ApiError> {
    caller.need(Right::Cancel)?;
    let found = Found::of(&app, &caller, &id).await?;
    once.run(&app, &caller, &[], async |under| {
        // Done already, by a request that was never answered.
        if under.is_repeat && found.order.status == OrderStatus::Cancelled {
            return Ok(Json(found.order.clone()));
        }
        Ok(Json(found.desk.cancel(found.live()?, caller.person()).await?))
    })
    .await
}
