//! Orders and executions in SQL: what is read. [`super::projection`] writes them.

use super::Store;
use super::decode::{EXECUTION, ORDER, execution, order};
use super::row::word_of;
use super::value::args;
use crate::page::{Cursor, Page, Slice};
use crate::{ExecutionFilter, Kept, OrderFilter, Orders, Projected, StoreError, Stream};
use qt_trading::ids::{ExecutionUid, OrderUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{Execution, Order};

impl Orders for Store {
    fn order(&self, tenant: TenantId, id: OrderUid) -> Kept<'_, Order> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = format!("SELECT {ORDER} FROM orders WHERE tenant_id = $1 AND id = $2");
            order(&tx.row(sql, args![id.0]).await?.ok_or(StoreError::NotFound)?)
        })
    }

    fn orders(&self, tenant: TenantId, filter: OrderFilter, page: Page) -> Kept<'_, Slice<Order>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let (at, id) = page.below();
            let sql = format!(
                "SELECT {ORDER} FROM orders WHERE tenant_id = $1 AND (created_ns, id) < ($2, $3) \
                 AND ($4 IS NULL OR account_id = $4) AND ($5 IS NULL OR symbol = $5) \
                 AND ($6 IS NULL OR status = $6) AND ($7 IS NULL OR strategy_id = $7) \
                 AND created_ns >= $8 AND created_ns < $9 \
                 AND ($11 IS NULL OR client_order_id = $11) \
                 ORDER BY created_ns DESC, id DESC LIMIT $10"
            );
            let values = args![
                at,
                id,
                filter.account.map(|id| id.0),
                filter.symbol,
                filter.status.map(word_of),
                filter.strategy.map(|id| id.0),
                filter.from.unwrap_or(Time(i64::MIN)),
                filter.to.unwrap_or(Time(i64::MAX)),
                page.fetch(),
                filter.client_order_id,
            ];
            let rows = tx.rows(sql, values).await?;
            let rows: Result<Vec<_>, _> = rows.iter().map(order).collect();
            let place = |it: &Order| Cursor { at: it.created_at.0, id: it.id.0 };
            Ok(Slice::cut(rows?, &page, place))
        })
    }

    fn execution(&self, tenant: TenantId, id: ExecutionUid) -> Kept<'_, Execution> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql =
                format!("SELECT {EXECUTION} FROM executions WHERE tenant_id = $1 AND id = $2");
            execution(&tx.row(sql, args![id.0]).await?.ok_or(StoreError::NotFound)?)
        })
    }

    fn executions(
        &self,
        tenant: TenantId,
        filter: ExecutionFilter,
        page: Page,
    ) -> Kept<'_, Slice<Execution>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let (at, id) = page.below();
            let sql = format!(
                "SELECT {EXECUTION} FROM executions WHERE tenant_id = $1 \
                 AND (executed_ns, id) < ($2, $3) AND ($4 IS NULL OR account_id = $4) \
                 AND ($5 IS NULL OR symbol = $5) AND ($6 IS NULL OR strategy_id = $6) \
                 AND ($7 IS NULL OR order_id = $7) AND executed_ns >= $8 AND executed_ns < $9 \
                 ORDER BY executed_ns DESC, id DESC LIMIT $10"
            );
            let values = args![
                at,
                id,
                filter.account.map(|id| id.0),
                filter.symbol,
                filter.strategy.map(|id| id.0),
                filter.order.map(|id| id.0),
                filter.from.unwrap_or(Time(i64::MIN)),
                filter.to.unwrap_or(Time(i64::MAX)),
                page.fetch(),
            ];
            let rows = tx.rows(sql, values).await?;
            let rows: Result<Vec<_>, _> = rows.iter().map(execution).collect();
            let place = |it: &Execution| Cursor { at: it.executed_at.0, id: it.id.0 };
            Ok(Slice::cut(rows?, &page, place))
        })
    }

    fn projected(&self, stream: Stream) -> Kept<'_, u64> {
        Box::pin(async move {
            let mut tx = self.read(stream.tenant).await?;
            let sql = "SELECT projected_seq FROM session_projections \
                       WHERE tenant_id = $1 AND session_id = $2";
            let row = tx.row(sql, args![stream.session]).await?;
            row.map_or(Ok(0), |row| row.count("projected_seq"))
        })
    }

    fn rewind(&self, stream: Stream, seq: u64) -> Kept<'_, ()> {
        Box::pin(async move {
            let mut tx = self.write(stream.tenant).await?;
            let sql = "UPDATE session_projections SET projected_seq = $3, updated_ns = $4 \
                       WHERE tenant_id = $1 AND session_id = $2 AND projected_seq > $3";
            tx.execute(sql, args![stream.session, seq, Time::now()]).await?;
            tx.commit().await
        })
    }

    fn project(&self, stream: Stream, records: Vec<Projected>) -> Kept<'_, u64> {
        Box::pin(self.project_batch(stream, records))
    }
}
