//! Sources of signals in SQL.

use serde_json::{Map, Value as Json, json};

use super::value::args;
use super::{Row, Store, Tx};
use crate::audit::AuditEntry;
use crate::sources::SourceBudget;
use crate::{Actor, Kept, SourceMode, SourceRow, Sources, StoreError};
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::time::Time;

const SOURCE: &str = "id, number, name, mode, subject, key_version, old_key_until_ns, \
    CAST(follow AS TEXT) AS follow, \
    CAST(symbols AS TEXT) AS symbols, CAST(budget_notional AS TEXT) AS budget_notional, \
    CAST(budget_loss AS TEXT) AS budget_loss, rate_per_minute, late_after_ms, fallback, \
    created_ns, created_by";

impl Sources for Store {
    fn create_source(&self, actor: Actor, source: SourceRow) -> Kept<'_, SourceRow> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            // Two at a time would take the same number.
            tx.alone("signal_sources").await?;
            let number = next_number(&mut tx).await?;
            let source = SourceRow { number, mode: SourceMode::Shadow, ..source };
            insert(&mut tx, &source).await.map_err(|error| taken(error, &source))?;
            audit(&mut tx, &actor, "signal_source.created", &source, "");
            tx.commit().await?;
            Ok(source)
        })
    }

    fn sources(&self, tenant: TenantId) -> Kept<'_, Vec<SourceRow>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = format!(
                "SELECT {SOURCE} FROM signal_sources WHERE tenant_id = $1 \
                 AND deleted_ns IS NULL ORDER BY number"
            );
            let rows = tx.rows(sql, args![]).await?;
            rows.iter().map(|row| source(tenant, row)).collect()
        })
    }

    fn source(&self, tenant: TenantId, id: StrategyUid) -> Kept<'_, SourceRow> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            one(&mut tx, id).await
        })
    }

    fn source_of_subject(&self, tenant: TenantId, subject: String) -> Kept<'_, SourceRow> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = format!(
                "SELECT {SOURCE} FROM signal_sources WHERE tenant_id = $1 AND subject = $2 \
                 AND deleted_ns IS NULL"
            );
            let row = tx.row(sql, args![subject]).await?.ok_or(StoreError::NotFound)?;
            source(tenant, &row)
        })
    }

    fn set_source_mode(
        &self,
        actor: Actor,
        id: StrategyUid,
        from: SourceMode,
        to: SourceMode,
        reason: String,
    ) -> Kept<'_, SourceRow> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            let sql = "UPDATE signal_sources SET mode = $3 WHERE tenant_id = $1 AND id = $2 \
                       AND mode = $4 AND deleted_ns IS NULL";
            let changed = tx.execute(sql, args![id.0, to.text(), from.text()]).await?;
            let source = one(&mut tx, id).await?;
            if changed == 0 {
                let is = source.mode.text();
                let detail = format!("it is {is} by now: read it again, then change it");
                return Err(StoreError::Conflict(detail));
            }
            audit(&mut tx, &actor, "signal_source.mode", &source, &reason);
            tx.commit().await?;
            Ok(source)
        })
    }

    fn rotate_source_key(
        &self,
        actor: Actor,
        id: StrategyUid,
        old_until: Time,
    ) -> Kept<'_, SourceRow> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            let sql = "UPDATE signal_sources SET key_version = key_version + 1, \
                       old_key_until_ns = $3 WHERE tenant_id = $1 AND id = $2 \
                       AND deleted_ns IS NULL";
            tx.execute(sql, args![id.0, old_until]).await?;
            let source = one(&mut tx, id).await?;
            let detail = json!({
                "name": source.name,
                "key_version": source.key_version,
                "old_key_until": old_until,
            });
            let subject = format!("signal_source:{id}");
            tx.audit(AuditEntry::new(&actor, "signal_source.key_changed", subject, &detail));
            tx.commit().await?;
            Ok(source)
        })
    }

    fn delete_source(&self, actor: Actor, id: StrategyUid) -> Kept<'_, ()> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            let source = one(&mut tx, id).await?;
            let sql = "UPDATE signal_sources SET deleted_ns = $3 WHERE tenant_id = $1 AND id = $2 \
                       AND mode <> 'live' AND deleted_ns IS NULL";
            if tx.execute(sql, args![id.0, Time::now()]).await? == 0 {
                return Err(StoreError::conflict("it is live: put it into shadow first"));
            }
            audit(&mut tx, &actor, "signal_source.deleted", &source, "");
            tx.commit().await
        })
    }
}

async fn next_number(tx: &mut Tx) -> Result<u16, StoreError> {
    let sql = "SELECT COALESCE(MAX(number), 0) AS last FROM signal_sources WHERE tenant_id = $1";
    let last = tx.row(sql, args![]).await?.map(|row| row.int("last")).transpose()?;
    u16::try_from(last.unwrap_or(0) + 1)
        .map_err(|_| StoreError::conflict("the tenant has had 65,535 sources: there are no more"))
}

async fn one(tx: &mut Tx, id: StrategyUid) -> Result<SourceRow, StoreError> {
    let sql = format!(
        "SELECT {SOURCE} FROM signal_sources WHERE tenant_id = $1 AND id = $2 \
         AND deleted_ns IS NULL"
    );
    let row = tx.row(sql, args![id.0]).await?.ok_or(StoreError::NotFound)?;
    source(tx.tenant(), &row)
}

async fn insert(tx: &mut Tx, source: &SourceRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO signal_sources (tenant_id, id, number, name, mode, subject, \
               key_version, follow, symbols, budget_notional, budget_loss, rate_per_minute, \
               late_after_ms, fallback, created_ns, created_by) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    let values = args![
        source.id.0,
        u32::from(source.number),
        source.name.clone(),
        source.mode.text(),
        source.subject.clone(),
        source.key_version,
        &Json::Object(source.follow.clone()),
        &json!(source.symbols),
        source.budget.notional,
        source.budget.loss,
        source.budget.rate_per_minute,
        source.late_after_ms,
        source.fallback.text(),
        source.created_at,
        source.by.clone(),
    ];
    tx.execute(sql, values).await.map(|_| ())
}

fn taken(error: StoreError, source: &SourceRow) -> StoreError {
    match error {
        StoreError::Conflict(_) => StoreError::Conflict(format!(
            "there is a source called {:?} already, or one that the same subject speaks for",
            source.name
        )),
        other => other,
    }
}

fn audit(tx: &mut Tx, actor: &Actor, action: &'static str, source: &SourceRow, reason: &str) {
    let detail = json!({
        "name": source.name,
        "number": source.number,
        "mode": source.mode,
        "subject": source.subject,
        "symbols": source.symbols,
        "follow": source.follow,
        "budget": source.budget,
        "reason": reason,
    });
    let subject = format!("signal_source:{}", source.id);
    tx.audit(AuditEntry::new(actor, action, subject, &detail));
}

fn source(tenant: TenantId, row: &Row) -> Result<SourceRow, StoreError> {
    let small = |column: &str| {
        let number = row.int(column)?;
        u32::try_from(number)
            .map_err(|_| StoreError::broken(format!("a source has the {column} {number}")))
    };
    let number = u16::try_from(small("number")?)
        .map_err(|_| StoreError::broken("a source has a number above 65,535"))?;
    Ok(SourceRow {
        tenant,
        id: StrategyUid(row.uuid("id")?),
        number,
        name: row.text("name")?,
        mode: row.word("mode")?,
        subject: row.text_opt("subject")?,
        key_version: small("key_version")?,
        old_key_until: row.time_opt("old_key_until_ns")?,
        follow: row.json::<Map<String, Json>>("follow")?,
        symbols: row.json("symbols")?,
        budget: SourceBudget {
            notional: row.amount("budget_notional")?,
            loss: row.amount("budget_loss")?,
            rate_per_minute: small("rate_per_minute")?,
        },
        late_after_ms: small("late_after_ms")?,
        fallback: row.word("fallback")?,
        created_at: row.time("created_ns")?,
        by: row.text("created_by")?,
    })
}
