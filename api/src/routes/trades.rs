//! `POST /trades` places an order; `GET /trades` has the executions.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::check;
use super::once::{Once, OnceHeader};
use crate::http::page::{Layered, Page, PageQuery, store_page};
use crate::http::{ApiError, Asked, Caller, Received, Shared};
use qt_auth::Right;
use qt_store::{Cursor, ExecutionFilter, StoreError};
use qt_trading::amount::Amount;
use qt_trading::ids::{OrderUid, StrategyUid};
use qt_trading::{
    Desk, Execution, NewOrder, Order, OrderKind, Refusal, RiskStatus, Side, TimeInForce,
};

/// An order that somebody wants to place.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder {
    /// What to trade.
    symbol: String,
    /// Which way.
    side: Side,
    /// Its kind.
    #[serde(rename = "type")]
    kind: OrderKind,
    /// How much, in units of the instrument.
    quantity: Amount,
    /// The limit.
    price: Option<Amount>,
    /// The price that triggers it.
    stop_price: Option<Amount>,
    /// How long it stays; `gtc` when absent.
    #[serde(default)]
    time_in_force: TimeInForce,
    /// Refused where it would trade at once.
    #[serde(default)]
    post_only: bool,
    /// May only make a position smaller.
    #[serde(default)]
    reduce_only: bool,
    /// A name that the client gives it: at most 36 of `[A-Za-z0-9._-]`, unique in the account.
    client_order_id: Option<String>,
    /// For which strategy; the desk's own when absent.
    strategy_id: Option<StrategyUid>,
    /// Only asks what every limit would say; nothing is placed.
    #[serde(default)]
    dry_run: bool,
}

/// What limits say of an order that was not placed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DryRun {
    /// Always true: nothing was placed.
    dry_run: bool,
    /// Every limit, how much of it is used, and what it is.
    limits: Vec<RiskStatus>,
}

/// Which executions are wanted.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TradeQuery {
    /// Only of this instrument.
    symbol: Option<String>,
    /// Only of this order.
    #[param(value_type = Option<String>, format = Uuid)]
    order_id: Option<OrderUid>,
    /// Only of this strategy.
    #[param(value_type = Option<String>, format = Uuid)]
    strategy_id: Option<StrategyUid>,
    /// How many items: 1 to 500, 50 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl TradeQuery {
    fn filter(&self) -> ExecutionFilter {
        ExecutionFilter {
            symbol: self.symbol.clone(),
            order: self.order_id,
            strategy: self.strategy_id,
            ..ExecutionFilter::default()
        }
    }

    /// Whether the newest executions are wanted, whatever they are.
    const fn is_plain(&self) -> bool {
        self.cursor.is_none()
            && self.symbol.is_none()
            && self.order_id.is_none()
            && self.strategy_id.is_none()
    }

    fn wants(&self, execution: &Execution) -> bool {
        self.symbol.as_ref().is_none_or(|symbol| execution.symbol == *symbol)
            && self.order_id.is_none_or(|id| execution.order_id == id)
            && self.strategy_id.is_none_or(|id| execution.strategy_id == Some(id))
    }
}

/// The tenant's executions, newest first.
#[utoipa::path(
    get,
    path = "/trades",
    tag = "orders",
    security(("bearer" = [])),
    params(TradeQuery),
    responses((status = 200, body = Page<Execution>))
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
    asked: Asked,
) -> Result<Json<Page<Arc<Execution>>>, ApiError> {
    caller.need(Right::Read)?;
    let query: TradeQuery = asked.read()?;
    let page = store_page(&PageQuery { limit: query.limit, cursor: query.cursor.clone() })?;
    let desk = app.trading.desk(caller.tenant()).await?;
    let place = |of: &Execution| Cursor { at: of.executed_at.0, id: of.id.0 };
    if query.is_plain()
        && let Some(newest) = desk.newest_executions(page.limit as usize + 1)
    {
        return Ok(Json(Page::of(newest, &page, |execution| place(execution))));
    }
    let (tenant, filter) = (caller.tenant(), query.filter());
    let list =
        Layered { memory: desk.executions(), place, wants: |of: &Execution| query.wants(of) };
    let kept = |page| app.store.executions(tenant, filter.clone(), page);
    Ok(Json(list.page(page, kept).await?))
}

/// Places an order.
#[utoipa::path(
    post,
    path = "/trades",
    tag = "orders",
    security(("bearer" = [])),
    params(OnceHeader),
    request_body = PlaceOrder,
    responses(
        (status = 200, description = "The answer of a dry run", body = DryRun),
        (status = 201, description = "The order is written down and decided", body = Order),
        (status = 409, description = "client_order_id is used, or the same key is being answered",
            body = crate::http::error::ErrorBody)
    )
)]
pub(crate) async fn place(
    State(app): State<Shared>,
    caller: Caller,
    once: Once,
    received: Received,
) -> Result<Response, ApiError> {
    caller.need(Right::Trade)?;
    let (order, dry_run) = received.json::<PlaceOrder>()?.split();
    check::order(&order)?;
    if dry_run {
        let desk = app.trading.desk(caller.tenant()).await?;
        let limits = desk.try_out(order).await?;
        return Ok(Json(DryRun { dry_run: true, limits }).into_response());
    }
    once.run(&app, &caller, &received.bytes, async |under| {
        let desk = app.trading.desk(caller.tenant()).await?;
        let id = OrderUid(under.id);
        let placed = if under.is_repeat {
            placed_once(&app, &caller, &*desk, id, order).await?
        } else {
            desk.place(id, order, caller.person()).await?
        };
        Ok((StatusCode::CREATED, Json(placed)))
    })
    .await
}

/// Places an order that may have been placed under this identifier already, by a request that was
/// never answered.
async fn placed_once(
    app: &Shared,
    caller: &Caller,
    desk: &dyn Desk,
    id: OrderUid,
    order: NewOrder,
) -> Result<Arc<Order>, ApiError> {
    if let Some(known) = known(app, caller, desk, id).await? {
        return Ok(known);
    }
    match desk.place(id, order, caller.person()).await {
        // It was on its way.
        Err(Refusal::Conflict(detail)) => {
            let known = known(app, caller, desk, id).await?;
            known.ok_or_else(|| Refusal::Conflict(detail).into())
        }
        placed => Ok(placed?),
    }
}

/// An order in the session's memory, or in the store.
pub(super) async fn known(
    app: &Shared,
    caller: &Caller,
    desk: &dyn Desk,
    id: OrderUid,
) -> Result<Option<Arc<Order>>, ApiError> {
    if let Some(order) = desk.order(id) {
        return Ok(Some(order));
    }
    match app.store.order(caller.tenant(), id).await {
        Ok(order) => Ok(Some(Arc::new(order))),
        Err(StoreError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl PlaceOrder {
    fn split(self) -> (NewOrder, bool) {
        let order = NewOrder {
            symbol: self.symbol,
            side: self.side,
            kind: self.kind,
            quantity: self.quantity,
            price: self.price,
            stop_price: self.stop_price,
            time_in_force: self.time_in_force,
            post_only: self.post_only,
            reduce_only: self.reduce_only,
            client_order_id: self.client_order_id,
            strategy_id: self.strategy_id,
        };
        (order, self.dry_run)
    }
}
