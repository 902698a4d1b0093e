//! Strategies in SQL.

use serde_json::{Value as Json, json};

use super::decode::{STRATEGY, strategy};
use super::value::{Value, args};
use super::{Store, Tx};
use crate::audit::AuditEntry;
use crate::domain::{StrategyStatus, TradingStrategy};
use crate::page::{Cursor, Page, Slice};
use crate::strategies::changed_meanwhile;
use crate::{Actor, Kept, StoreError, Strategies, StrategyFilter};
use qt_trading::ids::{StrategyUid, TenantId};

impl Strategies for Store {
    fn strategy(&self, tenant: TenantId, id: StrategyUid) -> Kept<'_, TradingStrategy> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            one(&mut tx, id).await
        })
    }

    fn strategies(
        &self,
        tenant: TenantId,
        filter: StrategyFilter,
        page: Page,
    ) -> Kept<'_, Slice<TradingStrategy>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let (at, id) = page.below();
            let sql = format!(
                "SELECT {STRATEGY} FROM strategies WHERE tenant_id = $1 \
                 AND (created_ns, id) < ($2, $3) AND ($4 IS NULL OR status = $4) \
                 AND ($5 IS NULL OR strategy_type = $5) \
                 ORDER BY created_ns DESC, id DESC LIMIT $6"
            );
            let status = filter.status.map(|status| status.text().to_owned());
            let values = args![at, id, status, filter.strategy_type, page.fetch()];
            let rows = tx.rows(sql, values).await?;
            let rows: Result<Vec<_>, _> = rows.iter().map(|row| strategy(tenant, row)).collect();
            let place = |it: &TradingStrategy| Cursor { at: it.created_at.0, id: it.id.0 };
            Ok(Slice::cut(rows?, &page, place))
        })
    }

    fn active_strategies(&self, tenant: TenantId) -> Kept<'_, Vec<TradingStrategy>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = format!(
                "SELECT {STRATEGY} FROM strategies WHERE tenant_id = $1 AND status = 'active' \
                 ORDER BY created_ns, id"
            );
            let rows = tx.rows(sql, args![]).await?;
            rows.iter().map(|row| strategy(tenant, row)).collect()
        })
    }

    fn save_strategy(
        &self,
        actor: Actor,
        mut strategy: TradingStrategy,
        action: &'static str,
    ) -> Kept<'_, TradingStrategy> {
        Box::pin(async move {
            if strategy.tenant_id != actor.tenant {
                return Err(StoreError::NotFound);
            }
            let mut tx = self.write(actor.tenant).await?;
            let events = strategy.take_events();
            let is_new = strategy.version == 0;
            if is_new {
                insert(&mut tx, &strategy).await
            } else {
                update(&mut tx, &strategy).await
            }
            .map_err(|error| taken(error, &strategy.name))?;
            strategy.version += 1;
            tx.happened(&actor, events);
            let subject = format!("strategy:{}", strategy.id);
            tx.audit(AuditEntry::new(&actor, action, subject, &detail(&strategy)));
            tx.commit().await?;
            Ok(strategy)
        })
    }

    fn delete_strategy(&self, actor: Actor, id: StrategyUid) -> Kept<'_, ()> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            let strategy = one(&mut tx, id).await?;
            if strategy.status == StrategyStatus::Active {
                return Err(StoreError::conflict("it is active: deactivate it first"));
            }
            let sql = "DELETE FROM strategies WHERE tenant_id = $1 AND id = $2 AND version = $3";
            if tx.execute(sql, args![id.0, strategy.version]).await? == 0 {
                return Err(changed_meanwhile());
            }
            let subject = format!("strategy:{id}");
            let entry = AuditEntry::new(&actor, "strategy.deleted", subject, &detail(&strategy));
            tx.audit(entry);
            tx.commit().await
        })
    }
}

async fn one(tx: &mut Tx, id: StrategyUid) -> Result<TradingStrategy, StoreError> {
    let sql = format!("SELECT {STRATEGY} FROM strategies WHERE tenant_id = $1 AND id = $2");
    let row = tx.row(sql, args![id.0]).await?.ok_or(StoreError::NotFound)?;
    strategy(tx.tenant(), &row)
}

fn values(strategy: &TradingStrategy) -> Vec<Value> {
    args![
        strategy.id.0,
        strategy.name.clone(),
        strategy.description.clone(),
        strategy.strategy_type.clone(),
        &json!(strategy.symbols),
        &Json::Object(strategy.parameters.clone()),
        strategy.status.text(),
        strategy.version + 1,
        strategy.created_at,
        strategy.updated_at,
    ]
}

async fn insert(tx: &mut Tx, strategy: &TradingStrategy) -> Result<(), StoreError> {
    let sql = "INSERT INTO strategies (tenant_id, id, name, description, strategy_type, symbols, \
               parameters, status, version, created_ns, updated_ns) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    tx.execute(sql, values(strategy)).await.map(|_| ())
}

async fn update(tx: &mut Tx, strategy: &TradingStrategy) -> Result<(), StoreError> {
    let sql = "UPDATE strategies SET name = $3, description = $4, strategy_type = $5, \
               symbols = $6, parameters = $7, status = $8, version = $9, created_ns = $10, \
               updated_ns = $11 WHERE tenant_id = $1 AND id = $2 AND version = $9 - 1";
    match tx.execute(sql, values(strategy)).await? {
        0 => Err(changed_meanwhile()),
        _ => Ok(()),
    }
}

fn taken(error: StoreError, name: &str) -> StoreError {
    match error {
        StoreError::Conflict(text) if text.starts_with("there is one") => {
            StoreError::conflict(format!("there is a strategy called {name:?} already"))
        }
        other => other,
    }
}

fn detail(strategy: &TradingStrategy) -> Json {
    json!({
        "name": strategy.name,
        "strategy_type": strategy.strategy_type,
        "symbols": strategy.symbols,
        "parameters": strategy.parameters,
        "status": strategy.status,
        "version": strategy.version,
    })
}
