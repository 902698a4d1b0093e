//! What rows mean.

use super::Row;
use crate::StoreError;
use crate::domain::{StrategyStatus, TradingStrategy};
use qt_trading::ids::{ExecutionUid, OrderUid, StrategyUid, TenantId};
use qt_trading::{Execution, Order};

pub(super) const STRATEGY: &str = "id, name, description, strategy_type, \
    CAST(symbols AS TEXT) AS symbols, CAST(parameters AS TEXT) AS parameters, status, version, \
    created_ns, updated_ns";

pub(super) fn strategy(tenant: TenantId, row: &Row) -> Result<TradingStrategy, StoreError> {
    let status = row.text("status")?;
    let status = StrategyStatus::parse(&status)
        .ok_or_else(|| StoreError::broken(format!("a strategy has the status {status}")))?;
    let id = StrategyUid(row.uuid("id")?);
    let mut strategy = TradingStrategy::kept(id, tenant, row.time("created_ns")?);
    strategy.name = row.text("name")?;
    strategy.description = row.text("description")?;
    strategy.strategy_type = row.text("strategy_type")?;
    strategy.symbols = row.json("symbols")?;
    strategy.parameters = row.json("parameters")?;
    strategy.status = status;
    strategy.version = row.count("version")?;
    strategy.updated_at = row.time("updated_ns")?;
    Ok(strategy)
}

pub(super) const ORDER: &str = "id, client_order_id, strategy_id, symbol, side, kind, \
    time_in_force, post_only, reduce_only, CAST(quantity AS TEXT) AS quantity, \
    CAST(filled_quantity AS TEXT) AS filled_quantity, CAST(price AS TEXT) AS price, \
    CAST(stop_price AS TEXT) AS stop_price, CAST(average_price AS TEXT) AS average_price, status, \
    cancel_pending, reason, created_ns, updated_ns";

pub(super) fn order(row: &Row) -> Result<Order, StoreError> {
    Ok(Order {
        id: OrderUid(row.uuid("id")?),
        client_order_id: row.text_opt("client_order_id")?,
        strategy_id: row.uuid_opt("strategy_id")?.map(StrategyUid),
        symbol: row.text("symbol")?,
        side: row.word("side")?,
        kind: row.word("kind")?,
        time_in_force: row.word("time_in_force")?,
        post_only: row.bool("post_only")?,
        reduce_only: row.bool("reduce_only")?,
        quantity: row.amount("quantity")?,
        filled_quantity: row.amount("filled_quantity")?,
        price: row.amount_opt("price")?,
        stop_price: row.amount_opt("stop_price")?,
        average_price: row.amount_opt("average_price")?,
        status: row.word("status")?,
        cancel_pending: row.bool("cancel_pending")?,
        reason: row.text_opt("reason")?,
        placed_by: None,
        created_at: row.time("created_ns")?,
        updated_at: row.time("updated_ns")?,
    })
}

pub(super) const EXECUTION: &str = "id, order_id, strategy_id, symbol, side, \
    CAST(price AS TEXT) AS price, CAST(quantity AS TEXT) AS quantity, CAST(fee AS TEXT) AS fee, \
    fee_currency, is_maker, executed_ns";

pub(super) fn execution(row: &Row) -> Result<Execution, StoreError> {
    Ok(Execution {
        id: ExecutionUid(row.uuid("id")?),
        order_id: OrderUid(row.uuid("order_id")?),
        strategy_id: row.uuid_opt("strategy_id")?.map(StrategyUid),
        symbol: row.text("symbol")?,
        side: row.word("side")?,
        price: row.amount("price")?,
        quantity: row.amount("quantity")?,
        fee: row.amount("fee")?,
        fee_currency: row.text("fee_currency")?,
        is_maker: row.bool("is_maker")?,
        executed_at: row.time("executed_ns")?,
    })
}
