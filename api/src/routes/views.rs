//! `GET /views/portal/*`: the shapes that the platform's portals were built for, read-only. This is
//! the one place that maps our names to theirs.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::performance::{gather, work_out};
use crate::http::page::{PageQuery, store_page};
use crate::http::{ApiError, Caller, Shared};
use qt_auth::Right;
use qt_store::domain::{StrategyStatus, TradingStrategy};
use qt_store::{ExecutionFilter, StrategyFilter};
use qt_trading::amount::Amount;
use qt_trading::ids::{ExecutionUid, StrategyUid};
use qt_trading::time::Time;
use qt_trading::{Execution, MarketData, Portfolio, Position, Side};
use rust_decimal::Decimal;

const TRADES: usize = 50;

/// A portfolio as the portals show it. Money is a text as everywhere else; shares are numbers.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalPortfolio {
    total_value: Amount,
    account_value: Amount,
    initial_capital: Amount,
    cash_balance: Amount,
    buying_power: Amount,
    daily_change: Amount,
    daily_change_percent: f64,
    #[serde(rename = "dailyPnL")]
    daily_pnl: Amount,
    #[serde(rename = "dailyPnLPercent")]
    daily_pnl_percent: f64,
    total_return: Amount,
    total_return_percent: f64,
    active_positions: usize,
    /// Share of closing executions with a profit; none where that is not kept.
    win_rate: Option<f64>,
    positions: Vec<PortalPosition>,
}

/// A position as the portals show it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalPosition {
    id: String,
    symbol: String,
    /// `long` or `short`.
    side: &'static str,
    /// Never negative.
    quantity: Amount,
    avg_price: Amount,
    current_price: Option<Amount>,
    market_value: Amount,
    #[serde(rename = "unrealizedPnL")]
    unrealized_pnl: Amount,
    #[serde(rename = "unrealizedPnLPercent")]
    unrealized_pnl_percent: f64,
    day_change: Option<Amount>,
    day_change_percent: Option<f64>,
    open_date: Option<Time>,
    /// The kind of the instrument: there are no sectors here.
    sector: String,
}

/// A trade as the portals show it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalTrade {
    id: ExecutionUid,
    symbol: String,
    /// `buy` or `sell`.
    #[serde(rename = "type")]
    kind: Side,
    quantity: Amount,
    price: Amount,
    timestamp: Time,
    /// Always `executed`: what rests is under `/orders`.
    status: &'static str,
}

/// A strategy as the portals show it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalStrategy {
    id: StrategyUid,
    name: String,
    /// The type, as `/strategy-types` names it.
    #[serde(rename = "type")]
    kind: String,
    status: StrategyStatus,
    /// Executions.
    total_trades: usize,
    /// Profit of what was closed, fees not deducted.
    #[serde(rename = "realizedPnL")]
    realized_pnl: Amount,
    /// Fees, as far as they are in the account's currency.
    fees: Amount,
    /// Closings with a profit, of all closings; none without one.
    win_rate: Option<f64>,
    /// Whether there are older executions that are not counted here.
    is_partial: bool,
}

fn percent(part: Decimal, whole: Decimal) -> f64 {
    let share = part.checked_mul(Decimal::ONE_HUNDRED).and_then(|part| part.checked_div(whole));
    share.and_then(|share| f64::try_from(share.round_dp(6)).ok()).unwrap_or(0.0)
}

fn difference(one: Amount, other: Amount) -> Decimal {
    one.0.checked_sub(other.0).unwrap_or_default()
}

fn position(of: &Position, market: &dyn MarketData) -> PortalPosition {
    let quote = market.quote(&of.symbol);
    let change = quote.as_ref().and_then(|quote| quote.change);
    let open = quote.as_ref().and_then(|quote| quote.open);
    let paid = difference(of.market_value, of.unrealized_pnl);
    PortalPosition {
        id: of.symbol.clone(),
        symbol: of.symbol.clone(),
        side: if of.quantity.0.is_sign_negative() { "short" } else { "long" },
        quantity: of.quantity.0.abs().into(),
        avg_price: of.average_price,
        current_price: of.mark_price,
        market_value: of.market_value,
        unrealized_pnl: of.unrealized_pnl,
        unrealized_pnl_percent: percent(of.unrealized_pnl.0, paid.abs()),
        day_change: change,
        day_change_percent: change.zip(open).map(|(change, open)| percent(change.0, open.0)),
        open_date: of.opened_at,
        sector: market.instrument(&of.symbol).map(|found| found.kind).unwrap_or_default(),
    }
}

fn portfolio_of(of: &Portfolio, market: &dyn MarketData) -> PortalPortfolio {
    let total_return = difference(of.equity, of.initial_capital);
    let yesterday = difference(of.equity, of.day_pnl);
    let day_percent = percent(of.day_pnl.0, yesterday);
    PortalPortfolio {
        total_value: of.equity,
        account_value: of.equity,
        initial_capital: of.initial_capital,
        cash_balance: of.cash,
        buying_power: difference(of.equity, of.gross_exposure).max(Decimal::ZERO).into(),
        daily_change: of.day_pnl,
        daily_change_percent: day_percent,
        daily_pnl: of.day_pnl,
        daily_pnl_percent: day_percent,
        total_return: total_return.into(),
        total_return_percent: percent(total_return, of.initial_capital.0),
        active_positions: of.positions.len(),
        win_rate: None,
        positions: of.positions.iter().map(|of| position(of, market)).collect(),
    }
}

/// The portfolio in the portals' shape.
#[utoipa::path(
    get,
    path = "/views/portal/portfolio",
    tag = "views",
    security(("bearer" = [])),
    responses((status = 200, body = PortalPortfolio))
)]
pub(crate) async fn portfolio(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<PortalPortfolio>, ApiError> {
    caller.need(Right::Read)?;
    let desk = app.trading.desk(caller.tenant()).await?;
    Ok(Json(portfolio_of(&*super::portfolio::known(&*desk)?, &*app.market)))
}

/// The positions in the portals' shape.
#[utoipa::path(
    get,
    path = "/views/portal/positions",
    tag = "views",
    security(("bearer" = [])),
    responses((status = 200, body = Vec<PortalPosition>))
)]
pub(crate) async fn positions(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<Vec<PortalPosition>>, ApiError> {
    caller.need(Right::Read)?;
    let desk = app.trading.desk(caller.tenant()).await?;
    let portfolio = super::portfolio::known(&*desk)?;
    Ok(Json(portfolio.positions.iter().map(|of| position(of, &*app.market)).collect()))
}

/// The last trades in the portals' shape.
#[utoipa::path(
    get,
    path = "/views/portal/trades",
    tag = "views",
    security(("bearer" = [])),
    responses((status = 200, body = Vec<PortalTrade>))
)]
pub(crate) async fn trades(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<Vec<PortalTrade>>, ApiError> {
    caller.need(Right::Read)?;
    let desk = app.trading.desk(caller.tenant()).await?;
    let trade = |of: &Arc<Execution>| PortalTrade {
        id: of.id,
        symbol: of.symbol.clone(),
        kind: of.side,
        quantity: of.quantity,
        price: of.price,
        timestamp: of.executed_at,
        status: "executed",
    };
    Ok(Json(desk.executions().iter().take(TRADES).map(trade).collect()))
}

/// The strategies in the portals' shape.
#[utoipa::path(
    get,
    path = "/views/portal/strategies",
    tag = "views",
    security(("bearer" = [])),
    responses((status = 200, body = Vec<PortalStrategy>))
)]
pub(crate) async fn strategies(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<Vec<PortalStrategy>>, ApiError> {
    caller.need(Right::Read)?;
    let page = store_page(&PageQuery { limit: Some(500), cursor: None })?;
    let kept = app.store.strategies(caller.tenant(), StrategyFilter::default(), page).await?;
    let desk = app.trading.desk(caller.tenant()).await?;
    let filter = ExecutionFilter::default();
    let (executions, is_partial) = gather(&app, &caller, &*desk, filter).await?;
    let mut by_strategy: HashMap<StrategyUid, Vec<Arc<Execution>>> = HashMap::new();
    for execution in executions {
        if let Some(of) = execution.strategy_id {
            by_strategy.entry(of).or_default().push(execution);
        }
    }
    let currency = desk.portfolio().currency.clone();
    let strategy = |of: TradingStrategy| {
        let own = by_strategy.remove(&of.id).unwrap_or_default();
        let done = work_out(&own, &currency);
        PortalStrategy {
            id: of.id,
            name: of.name,
            kind: of.strategy_type,
            status: of.status,
            total_trades: done.executions,
            realized_pnl: done.realized_pnl,
            fees: done.fees,
            win_rate: done.win_rate,
            is_partial,
        }
    };
    Ok(Json(kept.items.into_iter().map(strategy).collect()))
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::percent;

    #[test]
    fn shares_of_nothing_are_none() {
        assert_eq!(percent(Decimal::ONE, Decimal::ZERO), 0.0);
        assert_eq!(percent(Decimal::ONE, Decimal::from(8)), 12.5);
        assert_eq!(percent(Decimal::MAX, Decimal::ONE), 0.0);
    }
}
