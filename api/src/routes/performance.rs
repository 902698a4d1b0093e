//! What a strategy has done so far.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use super::strategies::find;
use crate::http::{ApiError, Caller, Shared};
use qt_auth::Right;
use qt_store::ExecutionFilter;
use qt_store::domain::StrategyStatus;
use qt_trading::amount::Amount;
use qt_trading::ids::StrategyUid;
use qt_trading::time::Time;
use qt_trading::{Desk, Execution, Side};

/// Executions that are looked at, at most: the latest ones.
const EXECUTIONS_MAX: usize = 5_000;

/// What a strategy has done in its session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Performance {
    /// The strategy.
    pub strategy_id: StrategyUid,
    /// Whether it runs.
    pub status: StrategyStatus,
    /// Its executions.
    pub executions: usize,
    /// Whether there are older executions that are not counted here.
    pub is_partial: bool,
    /// What was traded, at its prices.
    pub traded_value: Amount,
    /// Profit of what was closed, fees not deducted, worked out first in, first out.
    pub realized_pnl: Amount,
    /// Fees, as far as they are in the account's currency.
    pub fees: Amount,
    /// Closings with a profit, of all closings; none without one.
    pub win_rate: Option<f64>,
    /// The first execution.
    pub first_at: Option<Time>,
    /// The last execution.
    pub last_at: Option<Time>,
}

/// What a strategy has done so far.
#[utoipa::path(
    get,
    path = "/strategies/{id}/performance",
    tag = "strategies",
    security(("bearer" = [])),
    params(("id" = StrategyUid, Path, description = "The strategy")),
    responses((status = 200, body = Performance))
)]
pub(crate) async fn get(
    State(app): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Performance>, ApiError> {
    caller.need(Right::Read)?;
    let kept = find(&app, &caller, &id).await?;
    let desk = app.trading.desk(caller.tenant()).await?;
    let filter = ExecutionFilter { strategy: Some(kept.id), ..ExecutionFilter::default() };
    let (mut executions, is_partial) = gather(&app, &caller, &*desk, filter).await?;
    executions.retain(|execution| execution.strategy_id == Some(kept.id));
    let currency = &desk.portfolio().currency;
    let worked_out = work_out(&executions, currency);
    let (strategy_id, status) = (kept.id, kept.status);
    Ok(Json(Performance { strategy_id, status, is_partial, ..worked_out }))
}

/// The latest executions, oldest first: all in memory, and those of `filter` in the store; and
/// whether there are older ones.
pub(super) async fn gather(
    app: &Shared,
    caller: &Caller,
    desk: &dyn Desk,
    filter: ExecutionFilter,
) -> Result<(Vec<Arc<Execution>>, bool), ApiError> {
    let mut executions = desk.executions();
    let mut page = qt_store::Page { after: None, limit: 500 };
    let mut is_partial = false;
    // The store may lag behind: what is in memory wins.
    let known: std::collections::HashSet<_> = executions.iter().map(|e| e.id).collect();
    loop {
        let part = app.store.executions(caller.tenant(), filter.clone(), page).await?;
        let new = part.items.into_iter().filter(|execution| !known.contains(&execution.id));
        executions.extend(new.map(Arc::new));
        let Some(cursor) = part.next_cursor else { break };
        if executions.len() >= EXECUTIONS_MAX {
            is_partial = true;
            break;
        }
        page.after = Some(cursor.parse()?);
    }
    executions.sort_by_key(|execution| (execution.executed_at, execution.id));
    Ok((executions, is_partial))
}

/// One symbol's lots that are open, oldest first: signed quantity and price.
type Lots = std::collections::VecDeque<(Decimal, Decimal)>;

pub(super) fn work_out(executions: &[Arc<Execution>], currency: &str) -> Performance {
    let mut books: std::collections::BTreeMap<&str, Lots> = std::collections::BTreeMap::new();
    let (mut value, mut fees, mut realized) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
    let (mut closings, mut wins) = (0_usize, 0_usize);
    for execution in executions {
        let traded = execution.price.0.checked_mul(execution.quantity.0).unwrap_or_default();
        value = value.saturating_add(traded);
        if execution.fee_currency == currency {
            fees = fees.saturating_add(execution.fee.0);
        }
        let lots = books.entry(execution.symbol.as_str()).or_default();
        if let Some(profit) = close(lots, execution) {
            realized = realized.saturating_add(profit);
            closings += 1;
            wins += usize::from(profit > Decimal::ZERO);
        }
    }
    Performance {
        executions: executions.len(),
        traded_value: value.into(),
        realized_pnl: realized.into(),
        fees: fees.into(),
        win_rate: (closings > 0).then(|| wins as f64 / closings as f64),
        first_at: executions.first().map(|execution| execution.executed_at),
        last_at: executions.last().map(|execution| execution.executed_at),
        ..Performance::default()
    }
}

/// Books an execution, and returns the profit of what it closed.
fn close(lots: &mut Lots, execution: &Execution) -> Option<Decimal> {
    let (price, quantity) = (execution.price.0, execution.quantity.0);
    let mut left = if execution.side == Side::Buy { quantity } else { -quantity };
    let mut profit = None;
    while let Some((open, paid)) = lots.front_mut() {
        if left.is_zero() || open.is_sign_negative() == left.is_sign_negative() {
            break;
        }
        let closed = left.abs().min(open.abs());
        let signed = if open.is_sign_negative() { -closed } else { closed };
        let gain = (price - *paid).checked_mul(signed).unwrap_or_default();
        profit = Some(profit.unwrap_or(Decimal::ZERO).saturating_add(gain));
        *open -= signed;
        left += signed;
        if open.is_zero() {
            lots.pop_front();
        }
    }
    if !left.is_zero() {
        lots.push_back((left, price));
    }
    profit
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::work_out;
    use qt_trading::ids::{ExecutionUid, OrderUid};
    use qt_trading::time::Time;
    use qt_trading::{Execution, Side};

    fn execution(side: Side, quantity: i64, price: i64) -> Arc<Execution> {
        Arc::new(Execution {
            id: ExecutionUid::new(),
            order_id: OrderUid::new(),
            strategy_id: None,
            symbol: "A".to_owned(),
            side,
            price: rust_decimal::Decimal::from(price).into(),
            quantity: rust_decimal::Decimal::from(quantity).into(),
            fee: rust_decimal::Decimal::ONE.into(),
            fee_currency: "USD".to_owned(),
            is_maker: false,
            executed_at: Time(0),
        })
    }

    #[test]
    fn closings_are_worked_out_first_in_first_out() {
        let all = [
            execution(Side::Buy, 2, 10),
            execution(Side::Buy, 1, 20),
            // Closes two at 10 and one at 20, then is short one.
            execution(Side::Sell, 4, 15),
            execution(Side::Buy, 1, 16),
        ];
        let found = work_out(&all, "USD");
        assert_eq!(found.realized_pnl.to_string(), "4");
        assert_eq!(found.fees.to_string(), "4");
        assert_eq!(found.win_rate, Some(0.5));
        assert_eq!(work_out(&all, "EUR").fees.to_string(), "0");
        assert_eq!(work_out(&[], "USD").win_rate, None);
    }
}
