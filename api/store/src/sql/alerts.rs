//! Alerts in SQL.

use super::value::args;
use super::{Row, Store};
use crate::page::{Cursor, Page, Slice};
use crate::{AlertRow, Alerts, Kept, StoreError};
use qt_trading::ids::{AccountId, TenantId};

impl Alerts for Store {
    fn alerts(&self, tenant: TenantId, page: Page) -> Kept<'_, Slice<AlertRow>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let (at, id) = page.below();
            let sql = "SELECT id, account_id, severity, control, symbol, \
                       CAST(limit_value AS TEXT) AS limit_value, \
                       CAST(observed AS TEXT) AS observed, message, created_ns \
                       FROM risk_alerts WHERE tenant_id = $1 AND (created_ns, id) < ($2, $3) \
                       ORDER BY created_ns DESC, id DESC LIMIT $4";
            let rows = tx.rows(sql, args![at, id, page.fetch()]).await?;
            let rows: Result<Vec<_>, _> = rows.iter().map(alert).collect();
            let place = |it: &AlertRow| Cursor { at: it.created_at.0, id: it.id };
            Ok(Slice::cut(rows?, &page, place))
        })
    }
}

fn alert(row: &Row) -> Result<AlertRow, StoreError> {
    Ok(AlertRow {
        id: row.uuid("id")?,
        account_id: row.uuid_opt("account_id")?.map(AccountId),
        severity: row.text("severity")?,
        control: row.text("control")?,
        symbol: row.text_opt("symbol")?,
        limit: row.amount_opt("limit_value")?,
        observed: row.amount_opt("observed")?,
        message: row.text("message")?,
        created_at: row.time("created_ns")?,
    })
}
