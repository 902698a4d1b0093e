//! Claims of sources in SQL.

use std::ops::Range;

use serde_json::json;
use uuid::Uuid;

use super::many::insert;
use super::row::word_of;
use super::value::args;
use super::{Row, Store, Tx};
use crate::audit::AuditEntry;
use crate::domain::DomainEvent;
use crate::domain::event::{RiskAlert, SourceDemoted};
use crate::outcomes::{ClaimCounts, ClaimResult, ClaimRow, ClaimState, Demotion};
use crate::{Actor, Kept, Outcomes, SignalRow, SourceMode, SourceRow, Sources, StoreError};
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::time::Time;

const CLAIM: &str = "o.signal_id, o.source_id, o.symbol, o.side, o.confidence_e9, o.arrived_ns, \
    o.until_ns, CAST(o.price AS TEXT) AS price, CAST(o.stop AS TEXT) AS stop, \
    CAST(o.target AS TEXT) AS target, o.state, o.ending, o.ended_ns, \
    CAST(o.price_end AS TEXT) AS price_end, CAST(o.marks AS TEXT) AS marks";

impl Outcomes for Store {
    fn unclaimed(&self, tenant: TenantId, since: Time, limit: u32) -> Kept<'_, Vec<SignalRow>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = format!(
                "SELECT {} FROM signals WHERE tenant_id = $1 AND arrived_ns >= $2 \
                 AND action IN ('buy', 'sell') AND status NOT IN ('refused', 'expired') \
                 AND NOT EXISTS (SELECT 1 FROM signal_outcomes o \
                 WHERE o.tenant_id = $1 AND o.signal_id = signals.id) \
                 ORDER BY arrived_ns, id LIMIT $3",
                super::signals::SIGNAL
            );
            let rows = tx.rows(sql, args![since, limit]).await?;
            rows.iter().map(|row| super::signals::signal(tenant, row)).collect()
        })
    }

    fn keep_claims(&self, tenant: TenantId, claims: Vec<ClaimRow>) -> Kept<'_, ()> {
        Box::pin(async move {
            if claims.is_empty() {
                return Ok(());
            }
            let mut tx = self.write(tenant).await?;
            let rows = claims.into_iter().map(|it| {
                args![
                    it.id,
                    it.source.0,
                    it.symbol,
                    word_of(it.side),
                    it.confidence_e9,
                    it.arrived_at,
                    it.until,
                    it.price,
                    it.stop,
                    it.target,
                    word_of(it.state),
                ]
            });
            let into = "signal_outcomes (tenant_id, signal_id, source_id, symbol, side, \
                        confidence_e9, arrived_ns, until_ns, price, stop, target, state)";
            insert(&mut tx, into, rows.collect(), "ON CONFLICT DO NOTHING").await?;
            tx.commit().await
        })
    }

    fn open_claims(
        &self,
        tenant: TenantId,
        after: (Time, Uuid),
        until: Range<Time>,
        limit: u32,
    ) -> Kept<'_, Vec<ClaimRow>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            // What takes a claim back is the first signal of its source that says otherwise.
            let sql = format!(
                "SELECT {CLAIM}, (SELECT MIN(s.arrived_ns) FROM signals s WHERE s.tenant_id = $1 \
                 AND s.source_id = o.source_id AND s.symbol = o.symbol \
                 AND s.arrived_ns > o.arrived_ns AND s.arrived_ns < o.until_ns \
                 AND s.action IN ('close', CASE o.side WHEN 'buy' THEN 'sell' ELSE 'buy' END) \
                 AND s.status NOT IN ('refused', 'expired')) AS taken_back_ns \
                 FROM signal_outcomes o WHERE o.tenant_id = $1 AND o.state = 'open' \
                 AND (o.arrived_ns, o.signal_id) > ($2, $3) \
                 AND o.until_ns >= $4 AND o.until_ns < $5 \
                 ORDER BY o.arrived_ns, o.signal_id LIMIT $6"
            );
            let values = args![after.0, after.1, until.start, until.end, limit];
            let rows = tx.rows(sql, values).await?;
            rows.iter().map(|row| claim(tenant, row, row.time_opt("taken_back_ns")?)).collect()
        })
    }

    fn settle_claims(&self, tenant: TenantId, claims: Vec<ClaimRow>) -> Kept<'_, ()> {
        Box::pin(async move {
            if claims.is_empty() {
                return Ok(());
            }
            let mut tx = self.write(tenant).await?;
            let sql = "UPDATE signal_outcomes SET state = $3, ending = $4, ended_ns = $5, \
                       price_end = $6, marks = $7 WHERE tenant_id = $1 AND signal_id = $2 \
                       AND state = 'open'";
            for it in claims {
                let result = it.result.as_ref();
                let marks = result.map(|of| json!(of.marks));
                let values = args![
                    it.id,
                    word_of(it.state),
                    result.map(|of| of.ending.clone()),
                    result.map(|of| of.ended_at),
                    result.map(|of| of.price),
                    marks.as_ref(),
                ];
                tx.execute(sql, values).await?;
            }
            tx.commit().await
        })
    }

    fn judged_claims(
        &self,
        tenant: TenantId,
        source: StrategyUid,
        since: Time,
        limit: u32,
    ) -> Kept<'_, Vec<ClaimRow>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = format!(
                "SELECT {CLAIM} FROM signal_outcomes o WHERE o.tenant_id = $1 \
                 AND o.source_id = $2 AND o.state = 'judged' AND o.arrived_ns >= $3 \
                 ORDER BY o.ended_ns DESC, o.signal_id DESC LIMIT $4"
            );
            let rows = tx.rows(sql, args![source.0, since, limit]).await?;
            rows.iter().rev().map(|row| claim(tenant, row, None)).collect()
        })
    }

    fn claim_counts(&self, tenant: TenantId, source: StrategyUid) -> Kept<'_, ClaimCounts> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = "SELECT state, COUNT(*) AS count FROM signal_outcomes \
                       WHERE tenant_id = $1 AND source_id = $2 GROUP BY state";
            let mut counts = ClaimCounts::default();
            for row in tx.rows(sql, args![source.0]).await? {
                let count = row.count("count")?;
                match row.word("state")? {
                    ClaimState::Open => counts.open = count,
                    ClaimState::Judged => counts.judged = count,
                    ClaimState::Unseen => counts.unseen = count,
                }
            }
            Ok(counts)
        })
    }

    fn trial_of(
        &self,
        tenant: TenantId,
        source: StrategyUid,
        mode: SourceMode,
        now: Time,
    ) -> Kept<'_, Time> {
        Box::pin(async move {
            let select = "SELECT mode, since_ns FROM source_trials \
                          WHERE tenant_id = $1 AND source_id = $2";
            let mut tx = self.read(tenant).await?;
            let row = tx.row(select, args![source.0]).await?;
            drop(tx);
            if let Some(row) = row.filter(|row| row.text("mode").is_ok_and(|it| it == mode.text()))
            {
                return row.time("since_ns");
            }
            let mut tx = self.write(tenant).await?;
            // Of two that see the change at once the first one counts.
            let sql = "INSERT INTO source_trials (tenant_id, source_id, mode, since_ns) \
                       VALUES ($1, $2, $3, $4) ON CONFLICT (tenant_id, source_id) DO UPDATE SET \
                       mode = excluded.mode, since_ns = excluded.since_ns \
                       WHERE source_trials.mode <> excluded.mode";
            tx.execute(sql, args![source.0, mode.text(), now]).await?;
            let row = tx.row(select, args![source.0]).await?;
            let row = row.ok_or_else(|| StoreError::broken("no trial of a source"))?;
            tx.commit().await?;
            row.time("since_ns")
        })
    }

    fn demote_source(
        &self,
        actor: Actor,
        source: StrategyUid,
        demotion: Demotion,
    ) -> Kept<'_, Option<SourceRow>> {
        Box::pin(async move {
            let mut tx = self.write(actor.tenant).await?;
            let sql = "UPDATE signal_sources SET mode = 'demoted' WHERE tenant_id = $1 \
                       AND id = $2 AND mode = 'live' AND deleted_ns IS NULL RETURNING name";
            let Some(row) = tx.row(sql, args![source.0]).await? else { return Ok(None) };
            record_demotion(&mut tx, &actor, source, row.text("name")?, demotion).await?;
            tx.commit().await?;
            self.source(actor.tenant, source).await.map(Some)
        })
    }
}

async fn record_demotion(
    tx: &mut Tx,
    actor: &Actor,
    source: StrategyUid,
    name: String,
    demotion: Demotion,
) -> Result<(), StoreError> {
    let Demotion { alert, account, test, reason, judged, hits, mean_confidence } = demotion;
    let alert = RiskAlert {
        alert_id: alert.id,
        account_id: Some(account),
        severity: alert.severity,
        control: alert.control,
        symbol: alert.symbol,
        limit: alert.limit,
        observed: alert.observed,
        message: alert.message,
        at: actor.at,
    };
    let sql = "INSERT INTO risk_alerts (tenant_id, id, account_id, severity, control, message, \
               created_ns) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let values = args![
        alert.alert_id,
        account.0,
        alert.severity.clone(),
        alert.control.clone(),
        alert.message.clone(),
        actor.at,
    ];
    tx.execute(sql, values).await?;
    let detail = json!({
        "name": name, "test": test, "reason": reason, "judged": judged, "hits": hits,
        "mean_confidence": mean_confidence,
    });
    tx.audit(AuditEntry::new(actor, "signal_source.demoted", format!("source:{source}"), &detail));
    let demoted = SourceDemoted {
        source_id: source,
        name,
        test,
        reason,
        judged,
        hits,
        mean_confidence,
        at: actor.at,
    };
    let events = vec![
        DomainEvent::SourceDemoted(Box::new(demoted)),
        DomainEvent::RiskAlert(Box::new(alert)),
    ];
    tx.happened(actor, events);
    Ok(())
}

fn claim(tenant: TenantId, row: &Row, taken_back_at: Option<Time>) -> Result<ClaimRow, StoreError> {
    let confidence = row.count("confidence_e9")?;
    let result = match row.text_opt("ending")? {
        None => None,
        Some(ending) => Some(ClaimResult {
            ending,
            ended_at: row.time("ended_ns")?,
            price: row.amount("price_end")?,
            marks: row.json("marks")?,
        }),
    };
    Ok(ClaimRow {
        tenant,
        id: row.uuid("signal_id")?,
        source: StrategyUid(row.uuid("source_id")?),
        symbol: row.text("symbol")?,
        side: row.word("side")?,
        confidence_e9: u32::try_from(confidence).unwrap_or(u32::MAX),
        arrived_at: row.time("arrived_ns")?,
        until: row.time("until_ns")?,
        taken_back_at,
        price: row.amount_opt("price")?,
        stop: row.amount_opt("stop")?,
        target: row.amount_opt("target")?,
        state: row.word("state")?,
        result,
    })
}
