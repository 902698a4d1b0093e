//! Accounts in SQL.

use serde_json::json;

use super::value::args;
use super::{Row, Store, Tx};
use crate::accounts::PAPER_CAPITAL;
use crate::audit::AuditEntry;
use crate::{Account, Accounts, Actor, Kept, StoreError};
use qt_trading::amount::Amount;
use qt_trading::ids::{AccountId, TenantId};
use qt_trading::time::Time;

const ACCOUNT: &str = "id, name, account_type, currency, \
    CAST(initial_capital AS TEXT) AS initial_capital, created_ns";

impl Accounts for Store {
    fn paper_account(&self, tenant: TenantId) -> Kept<'_, Account> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            if let Some(account) = paper(&mut tx).await? {
                return Ok(account);
            }
            drop(tx);
            let mut tx = self.write(tenant).await?;
            tx.ensure_tenant().await?;
            let sql = "INSERT INTO accounts (tenant_id, id, name, account_type, currency, \
                       initial_capital, created_ns) VALUES ($1, $2, 'paper', 'paper', 'USD', $3, \
                       $4) ON CONFLICT DO NOTHING";
            let capital = Amount(PAPER_CAPITAL.into());
            let is_new =
                tx.execute(sql, args![AccountId::paper(tenant).0, capital, Time::now()]).await?;
            let account = paper(&mut tx).await?;
            let account = account.ok_or_else(|| StoreError::broken("no paper account"))?;
            if is_new > 0 {
                let detail = json!({"account_type": "paper", "initial_capital": capital});
                let subject = format!("account:{}", account.id);
                let actor = Actor::service(tenant);
                tx.audit(AuditEntry::new(&actor, "account.created", subject, &detail));
            }
            tx.commit().await?;
            Ok(account)
        })
    }

    fn accounts(&self, tenant: TenantId) -> Kept<'_, Vec<Account>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = format!(
                "SELECT {ACCOUNT} FROM accounts WHERE tenant_id = $1 ORDER BY created_ns, id"
            );
            let rows = tx.rows(sql, args![]).await?;
            rows.iter().map(|row| account(tenant, row)).collect()
        })
    }

    fn tenants(&self) -> Kept<'_, Vec<TenantId>> {
        Box::pin(async move {
            let mut tx = self.system().await?;
            let sql = "SELECT tenant_id FROM tenants WHERE $1 IS NOT NULL ORDER BY tenant_id";
            let rows = tx.rows(sql, args![]).await?;
            rows.iter().map(|row| row.uuid("tenant_id").map(TenantId)).collect()
        })
    }
}

async fn paper(tx: &mut Tx) -> Result<Option<Account>, StoreError> {
    let sql = format!("SELECT {ACCOUNT} FROM accounts WHERE tenant_id = $1 AND name = 'paper'");
    let row = tx.row(sql, args![]).await?;
    row.map(|row| account(tx.tenant(), &row)).transpose()
}

fn account(tenant_id: TenantId, row: &Row) -> Result<Account, StoreError> {
    Ok(Account {
        id: AccountId(row.uuid("id")?),
        tenant_id,
        name: row.text("name")?,
        account_type: row.text("account_type")?,
        currency: row.text("currency")?,
        initial_capital: row.amount("initial_capital")?,
        created_at: row.time("created_ns")?,
    })
}
