//! Orders.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::check;
use crate::http::page::{Page, PageQuery, behind, store_page};
use crate::http::{ApiError, Asked, Caller, Received, Shared};
use qt_auth::Right;
use qt_store::{Cursor, OrderFilter};
use qt_trading::ids::{OrderUid, StrategyUid};
use qt_trading::{AmendOrder, Desk, Order, OrderStatus};

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
            ..OrderFilter::default()
        }
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
    let place = |order: &Arc<Order>| Cursor { at: order.created_at.0, id: order.id.0 };
    let mut orders = desk.orders();
    let oldest = orders.last().map(place);
    orders.retain(|order| query.wants(order));
    let recent = Page::of(orders, &page, place);
    if recent.next_cursor.is_some() {
        return Ok(Json(recent));
    }
    // What is no longer in memory is over, and in the store.
    let kept = app.store.orders(caller.tenant(), query.filter(), behind(page, oldest)).await;
    Ok(Json(recent.joined(kept, place, |order| query.wants(order))?))
}

/// The desk of the caller and the identifier in the path. What is no identifier names nothing.
async fn found(
    app: &Shared,
    caller: &Caller,
    id: &str,
) -> Result<(Arc<dyn Desk>, OrderUid), ApiError> {
    let id = id.parse::<Uuid>().map(OrderUid).map_err(|_| ApiError::not_found())?;
    let desk = app.trading.desk(caller.tenant()).await?;
    if desk.order(id).is_none() {
        return Err(ApiError::not_found());
    }
    Ok((desk, id))
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
    let (desk, id) = found(&app, &caller, &id).await?;
    desk.order(id).map(Json).ok_or_else(ApiError::not_found)
}

/// Changes an order that rests; what is absent stays.
#[utoipa::path(
    patch,
    path = "/orders/{id}",
    tag = "orders",
    security(("bearer" = [])),
    params(("id" = OrderUid, Path, description = "The order")),
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
    received: Received,
) -> Result<Json<Arc<Order>>, ApiError> {
    caller.need(Right::Trade)?;
    let (desk, id) = found(&app, &caller, &id).await?;
    let change: AmendOrder = received.json()?;
    check::amend(&change)?;
    Ok(Json(desk.amend(id, change, caller.person()).await?))
}

/// Asks for an order to be cancelled.
#[utoipa::path(
    delete,
    path = "/orders/{id}",
    tag = "orders",
    security(("bearer" = [])),
    params(("id" = OrderUid, Path, description = "The order")),
    responses(
        (status = 200, description = "The order; its cancel may still be on its way", body = Order),
        (status = 409, description = "It is over", body = crate::http::error::ErrorBody)
    )
)]
pub(crate) async fn cancel(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Arc<Order>>, ApiError> {
    caller.need(Right::Cancel)?;
    let (desk, id) = found(&app, &caller, &id).await?;
    Ok(Json(desk.cancel(id, caller.person()).await?))
}
