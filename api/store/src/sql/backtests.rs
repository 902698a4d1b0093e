//! Backtest jobs in SQL.

use serde_json::{Value as Json, json};

use super::value::args;
use super::{Row, Store, Tx};
use crate::audit::AuditEntry;
use crate::backtests::{BacktestEnd, BacktestQuota, BacktestStep, BacktestUse, JobHolder};
use crate::domain::DomainEvent;
use crate::domain::event::BacktestCompleted;
use crate::page::{Cursor, Page, Slice};
use crate::{Actor, BacktestRow, BacktestStatus, Backtests, Kept, NewBacktest, StoreError};
use qt_trading::ids::{BacktestId, StrategyUid, TenantId};
use qt_trading::time::Time;

const BACKTEST: &str = "id, strategy_id, status, CAST(config AS TEXT) AS config, \
    CAST(progress AS TEXT) AS progress, CAST(result AS TEXT) AS result, error, report_path, \
    cpu_ms, person, created_ns, started_ns, finished_ns";

impl Backtests for Store {
    fn enqueue_backtest(
        &self,
        actor: Actor,
        new: NewBacktest,
        quota: BacktestQuota,
        holder: JobHolder,
    ) -> Kept<'_, (BacktestRow, bool)> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            // Requests at the same moment are counted one after the other.
            tx.alone("backtests").await?;
            let sql = format!(
                "SELECT {BACKTEST} FROM backtests WHERE tenant_id = $1 \
                 AND (id = $2 OR unique_key = $3) ORDER BY created_ns LIMIT 1"
            );
            let known = args![new.id.0, new.unique_key.clone()];
            if let Some(row) = tx.row(&sql, known.clone()).await? {
                return Ok((backtest(&row)?, false));
            }
            within(used(&mut tx, quota.since).await?, quota)?;
            let insert = "INSERT INTO backtests (tenant_id, id, strategy_id, unique_key, status, \
                          config, progress, cpu_ms, person, created_ns, holder, held_until_ns) \
                          VALUES ($1, $2, $3, $4, 'queued', $5, $6, 0, $7, $8, $9, $10)";
            let values = args![
                new.id.0,
                new.strategy_id.map(|id| id.0),
                new.unique_key,
                &new.config,
                &json!({"fraction": 0.0}),
                actor.person.clone(),
                actor.at,
                holder.name,
                holder.until,
            ];
            tx.execute(insert, values).await?;
            let row = backtest(&tx.row(&sql, known).await?.ok_or(StoreError::NotFound)?)?;
            let subject = format!("backtest:{}", row.id);
            let detail = json!({"strategy_id": row.strategy_id});
            tx.audit(AuditEntry::new(&actor, "backtest.queued", subject, &detail));
            tx.commit().await?;
            Ok((row, true))
        })
    }

    fn backtest(&self, tenant: TenantId, id: BacktestId) -> Kept<'_, BacktestRow> {
        Box::pin(async move { one(&mut self.read(tenant).await?, id).await })
    }

    fn backtests(
        &self,
        tenant: TenantId,
        person: Option<String>,
        page: Page,
    ) -> Kept<'_, Slice<BacktestRow>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let (at, id) = page.below();
            let sql = format!(
                "SELECT {BACKTEST} FROM backtests WHERE tenant_id = $1 \
                 AND (created_ns, id) < ($2, $3) AND ($5 IS NULL OR person = $5) \
                 ORDER BY created_ns DESC, id DESC LIMIT $4"
            );
            let rows = tx.rows(sql, args![at, id, page.fetch(), person]).await?;
            let rows: Result<Vec<_>, _> = rows.iter().map(backtest).collect();
            let place = |it: &BacktestRow| Cursor { at: it.created_at.0, id: it.id.0 };
            Ok(Slice::cut(rows?, &page, place))
        })
    }

    fn backtest_steps(&self, tenant: TenantId, most: u32) -> Kept<'_, Vec<BacktestStep>> {
        Box::pin(async move {
            let sql = "SELECT id, status, CAST(progress AS TEXT) AS progress, person \
                       FROM backtests WHERE tenant_id = $1 \
                       ORDER BY created_ns DESC, id DESC LIMIT $2";
            let rows = self.read(tenant).await?.rows(sql, args![i64::from(most)]).await?;
            let step = |row: &Row| {
                Ok(BacktestStep {
                    id: BacktestId(row.uuid("id")?),
                    status: row.word("status")?,
                    progress: row.json("progress")?,
                    person: row.text("person")?,
                })
            };
            rows.iter().map(step).collect()
        })
    }

    fn latest_backtest(
        &self,
        tenant: TenantId,
        strategy: StrategyUid,
        person: Option<String>,
    ) -> Kept<'_, Option<BacktestRow>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = format!(
                "SELECT {BACKTEST} FROM backtests WHERE tenant_id = $1 AND strategy_id = $2 \
                 AND ($3 IS NULL OR person = $3) ORDER BY created_ns DESC, id DESC LIMIT 1"
            );
            tx.row(sql, args![strategy.0, person]).await?.map(|row| backtest(&row)).transpose()
        })
    }

    fn start_backtest(
        &self,
        tenant: TenantId,
        id: BacktestId,
        holder: JobHolder,
    ) -> Kept<'_, bool> {
        Box::pin(async move {
            let mut tx = self.write(tenant).await?;
            let sql = "UPDATE backtests SET status = 'running', started_ns = $3, holder = $4, \
                       held_until_ns = $5 WHERE tenant_id = $1 AND id = $2 AND status = 'queued'";
            let values = args![id.0, Time::now(), holder.name, holder.until];
            let has_begun = tx.execute(sql, values).await? > 0;
            tx.commit().await?;
            Ok(has_begun)
        })
    }

    fn backtest_progress(
        &self,
        tenant: TenantId,
        id: BacktestId,
        progress: Option<Json>,
        cpu_ms: u64,
    ) -> Kept<'_, bool> {
        Box::pin(async move {
            let mut tx = self.write(tenant).await?;
            let sql = "UPDATE backtests SET progress = COALESCE($3, progress), cpu_ms = $4 \
                       WHERE tenant_id = $1 AND id = $2 AND status = 'running'";
            let is_running = tx.execute(sql, args![id.0, progress.as_ref(), cpu_ms]).await? > 0;
            tx.commit().await?;
            Ok(is_running)
        })
    }

    fn hold_backtests(&self, tenant: TenantId, holder: JobHolder) -> Kept<'_, ()> {
        Box::pin(async move {
            let mut tx = self.write(tenant).await?;
            let sql = "UPDATE backtests SET held_until_ns = $3 WHERE tenant_id = $1 \
                       AND holder = $2 AND status IN ('queued', 'running')";
            tx.execute(sql, args![holder.name, holder.until]).await?;
            tx.commit().await
        })
    }

    fn finish_backtest(&self, actor: Actor, id: BacktestId, end: BacktestEnd) -> Kept<'_, ()> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            finish(&mut tx, &actor, id, end).await?;
            tx.commit().await
        })
    }

    fn charge_backtest(&self, tenant: TenantId, id: BacktestId, cpu_ms: u64) -> Kept<'_, ()> {
        Box::pin(async move {
            let mut tx = self.write(tenant).await?;
            let sql = "UPDATE backtests SET cpu_ms = $3 \
                       WHERE tenant_id = $1 AND id = $2 AND cpu_ms < $3";
            tx.execute(sql, args![id.0, cpu_ms]).await?;
            tx.commit().await
        })
    }

    fn recover_backtests(
        &self,
        tenant: TenantId,
        holder: JobHolder,
        lapsed: Time,
    ) -> Kept<'_, Vec<BacktestRow>> {
        Box::pin(async move {
            // Mostly there is nothing, and nobody is to wait for that.
            let sql = "SELECT id FROM backtests WHERE tenant_id = $1 \
                       AND status IN ('queued', 'running') AND held_until_ns < $2 LIMIT 1";
            if self.read(tenant).await?.row(sql, args![lapsed]).await?.is_none() {
                return Ok(Vec::new());
            }
            let mut tx = self.write(tenant).await?;
            // Two processes that start at once do not take over the same job.
            tx.alone("backtests").await?;
            let sql = "SELECT id FROM backtests WHERE tenant_id = $1 AND status = 'running' \
                       AND held_until_ns < $2 AND (holder IS NULL OR holder <> $3)";
            for row in tx.rows(sql, args![lapsed, holder.name.clone()]).await? {
                let error = "the service ended while it ran: start it again".to_owned();
                let end = BacktestEnd {
                    status: BacktestStatus::Interrupted,
                    result: None,
                    error: Some(error),
                    report_path: None,
                    cpu_ms: 0,
                };
                let id = BacktestId(row.uuid("id")?);
                finish(&mut tx, &Actor::service(tenant), id, end).await?;
            }
            let sql = format!(
                "SELECT {BACKTEST} FROM backtests WHERE tenant_id = $1 AND status = 'queued' \
                 AND held_until_ns < $2 AND (holder IS NULL OR holder <> $3) \
                 ORDER BY created_ns, id"
            );
            let rows = tx.rows(sql, args![lapsed, holder.name.clone()]).await?;
            let waiting = rows.iter().map(backtest).collect::<Result<Vec<_>, _>>()?;
            for row in &waiting {
                let sql = "UPDATE backtests SET holder = $3, held_until_ns = $4 \
                           WHERE tenant_id = $1 AND id = $2";
                tx.execute(sql, args![row.id.0, holder.name.clone(), holder.until]).await?;
            }
            tx.commit().await?;
            Ok(waiting)
        })
    }

    fn backtest_use(&self, tenant: TenantId, since: Time) -> Kept<'_, BacktestUse> {
        Box::pin(async move { used(&mut self.read(tenant).await?, since).await })
    }
}

async fn used(tx: &mut Tx, since: Time) -> Result<BacktestUse, StoreError> {
    let sql = "SELECT CAST(COALESCE(SUM(CASE WHEN status IN ('queued', 'running') \
               THEN 1 ELSE 0 END), 0) AS BIGINT) AS open, \
               CAST(COALESCE(SUM(CASE WHEN created_ns >= $2 THEN cpu_ms ELSE 0 END), 0) \
               AS BIGINT) AS cpu_ms FROM backtests WHERE tenant_id = $1";
    let row = tx.row(sql, args![since]).await?.ok_or(StoreError::NotFound)?;
    Ok(BacktestUse { open: row.count("open")?, cpu_ms: row.count("cpu_ms")? })
}

/// Refuses what would be beyond the quota.
fn within(used: BacktestUse, quota: BacktestQuota) -> Result<(), StoreError> {
    if used.open >= quota.open_max {
        let detail = format!("{} backtests wait or run; wait for one of them", used.open);
        return Err(StoreError::Full { code: "QUOTA_OPEN_BACKTESTS", detail, retry_after_s: 10 });
    }
    if used.cpu_ms >= quota.cpu_ms_max {
        let (took, may) = (used.cpu_ms / 1_000, quota.cpu_ms_max / 1_000);
        let detail = format!("{took} s of processor time in 24 hours, {may} s are allowed");
        return Err(StoreError::Full { code: "QUOTA_CPU_SECONDS", detail, retry_after_s: 3_600 });
    }
    Ok(())
}

async fn finish(
    tx: &mut Tx,
    actor: &Actor,
    id: BacktestId,
    end: BacktestEnd,
) -> Result<(), StoreError> {
    if !end.status.is_final() {
        let detail = format!("{} is no end of a job", end.status.text());
        return Err(StoreError::Invalid { field: "status", detail });
    }
    // It ends now, whenever it was asked for.
    let actor = &Actor { at: Time::now(), ..actor.clone() };
    let row = one(tx, id).await?;
    let sql = "UPDATE backtests SET status = $3, result = $4, error = $5, report_path = $6, \
               cpu_ms = CASE WHEN cpu_ms > $7 THEN cpu_ms ELSE $7 END, finished_ns = $8 \
               WHERE tenant_id = $1 AND id = $2 AND status IN ('queued', 'running')";
    let values = args![
        id.0,
        end.status.text(),
        end.result.as_ref(),
        end.error.clone(),
        end.report_path,
        end.cpu_ms,
        actor.at,
    ];
    if tx.execute(sql, values).await? == 0 {
        return Err(StoreError::conflict("it is over already"));
    }
    let event = BacktestCompleted {
        backtest_id: id,
        strategy_id: row.strategy_id,
        status: end.status.text().to_owned(),
        summary: end.result.as_ref().and_then(|result| result.get("metrics").cloned()),
        at: actor.at,
    };
    tx.happened(actor, vec![DomainEvent::BacktestCompleted(Box::new(event))]);
    let detail = json!({"error": end.error, "cpu_ms": end.cpu_ms.max(row.cpu_ms)});
    let action = format!("backtest.{}", end.status.text());
    tx.audit(AuditEntry::new(actor, &action, format!("backtest:{id}"), &detail));
    Ok(())
}

async fn one(tx: &mut Tx, id: BacktestId) -> Result<BacktestRow, StoreError> {
    let sql = format!("SELECT {BACKTEST} FROM backtests WHERE tenant_id = $1 AND id = $2");
    backtest(&tx.row(sql, args![id.0]).await?.ok_or(StoreError::NotFound)?)
}

fn backtest(row: &Row) -> Result<BacktestRow, StoreError> {
    Ok(BacktestRow {
        id: BacktestId(row.uuid("id")?),
        strategy_id: row.uuid_opt("strategy_id")?.map(StrategyUid),
        status: row.word("status")?,
        config: row.json("config")?,
        progress: row.json("progress")?,
        result: row.json_opt("result")?,
        error: row.text_opt("error")?,
        report_path: row.text_opt("report_path")?,
        cpu_ms: row.count("cpu_ms")?,
        person: row.text("person")?,
        created_at: row.time("created_ns")?,
        started_at: row.time_opt("started_ns")?,
        finished_at: row.time_opt("finished_ns")?,
    })
}
