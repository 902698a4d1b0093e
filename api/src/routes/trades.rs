//! `POST /trades` places an order; `GET /trades` has the executions.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::check;
use super::once::Once;
use crate::http::page::{Page, PageQuery, behind, store_page};
use crate::http::{ApiError, Asked, Caller, Received, Shared};
use qt_auth::Right;
use qt_store::{Cursor, ExecutionFilter};
use qt_trading::amount::Amount;
use qt_trading::ids::{OrderUid, StrategyUid};
use qt_trading::{Execution, NewOrder, Order, OrderKind, RiskStatus, Side, TimeInForce};

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
    let place = |of: &Arc<Execution>| Cursor { at: of.executed_at.0, id: of.id.0 };
    let mut executions = desk.executions();
    let oldest = executions.last().map(place);
    executions.retain(|execution| query.wants(execution));
    let recent = Page::of(executions, &page, place);
    if recent.next_cursor.is_some() {
        return Ok(Json(recent));
    }
    // What is no longer in memory is in the store.
    let filter = query.filter();
    let kept = app.store.executions(caller.tenant(), filter, behind(page, oldest)).await;
    Ok(Json(recent.joined(kept, place, |execution| query.wants(execution))?))
}

/// Places an order.
#[utoipa::path(
    post,
    path = "/trades",
    tag = "orders",
    security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header,
        description = "The same key with the same body gets the stored answer")),
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
    once.run(&app, &caller, &received.bytes, async |id| {
        let desk = app.trading.desk(caller.tenant()).await?;
        // Done already, by a process that died before it could answer.
        if let Some(known) = desk.order(OrderUid(id)) {
            return Ok((StatusCode::CREATED, Json(known)));
        }
        let placed = desk.place(OrderUid(id), order, caller.person()).await?;
        Ok((StatusCode::CREATED, Json(placed)))
    })
    .await
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
