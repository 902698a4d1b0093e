//! How it went over the last day.

use std::collections::BTreeMap;

use super::super::Tx;
use super::super::value::args;
use super::{SECOND_NS, until};
use crate::{HitlFigures, StoreError, Urgency, Verdict};
use qt_trading::time::Time;

const DAY_NS: i64 = 24 * 3_600 * SECOND_NS;

pub(super) async fn figures(tx: &mut Tx, now: Time) -> Result<HitlFigures, StoreError> {
    let mut figures = HitlFigures::default();
    pending(tx, now, &mut figures).await?;
    let since = now.0.saturating_sub(DAY_NS);
    decisions(tx, since, &mut figures).await?;
    triggers(tx, since, &mut figures).await?;
    let sql = "SELECT COUNT(*) AS n FROM hitl_requests WHERE tenant_id = $1 AND created_ns > $2";
    if let Some(row) = tx.row(sql, args![since]).await? {
        figures.asked = row.count("n")?;
    }
    let sql = "SELECT COUNT(*) AS n FROM signals s WHERE s.tenant_id = $1 AND s.arrived_ns > $2 \
               AND s.status = 'taken' AND NOT EXISTS (SELECT 1 FROM hitl_requests r \
               WHERE r.tenant_id = s.tenant_id AND r.signal_id = s.id)";
    if let Some(row) = tx.row(sql, args![since]).await? {
        figures.automatic = row.count("n")?;
    }
    Ok(figures)
}

async fn pending(tx: &mut Tx, now: Time, figures: &mut HitlFigures) -> Result<(), StoreError> {
    let sql = "SELECT CASE WHEN urgency = 'high' OR expires_ns < $2 THEN 'high' \
               WHEN urgency = 'medium' OR expires_ns < $3 THEN 'medium' ELSE 'low' END AS urgent, \
               COUNT(*) AS n FROM hitl_requests WHERE tenant_id = $1 AND status = 'pending' \
               AND expires_ns > $4 GROUP BY 1";
    let (high, medium) = until(now);
    for row in tx.rows(sql, args![high, medium, now]).await? {
        let at = match row.word("urgent")? {
            Urgency::High => 0,
            Urgency::Medium => 1,
            Urgency::Low => 2,
        };
        figures.pending[at] = row.count("n")?;
    }
    Ok(())
}

async fn decisions(tx: &mut Tx, since: i64, figures: &mut HitlFigures) -> Result<(), StoreError> {
    let sql = "SELECT d.verdict, COUNT(*) AS n, \
               CAST(SUM(d.decided_ns / 1000000 - r.created_ns / 1000000) AS BIGINT) AS took_ms \
               FROM hitl_decisions d JOIN hitl_requests r \
               ON r.tenant_id = d.tenant_id AND r.id = d.request_id \
               WHERE d.tenant_id = $1 AND d.decided_ns > $2 GROUP BY d.verdict";
    for row in tx.rows(sql, args![since]).await? {
        let at = match row.word("verdict")? {
            Verdict::Approve => 0,
            Verdict::Reject => 1,
            Verdict::Modify => 2,
        };
        figures.decisions[at] = row.count("n")?;
        figures.response_ms += u64::try_from(row.int("took_ms")?).unwrap_or(0);
    }
    Ok(())
}

async fn triggers(tx: &mut Tx, since: i64, figures: &mut HitlFigures) -> Result<(), StoreError> {
    let sql = "SELECT r.triggers, COUNT(*) AS n FROM hitl_decisions d JOIN hitl_requests r \
               ON r.tenant_id = d.tenant_id AND r.id = d.request_id \
               WHERE d.tenant_id = $1 AND d.decided_ns > $2 GROUP BY r.triggers";
    let mut counts = BTreeMap::<String, u64>::new();
    for row in tx.rows(sql, args![since]).await? {
        let count = row.count("n")?;
        for trigger in row.text("triggers")?.split(' ') {
            *counts.entry(trigger.to_owned()).or_default() += count;
        }
    }
    figures.triggers = counts.into_iter().collect();
    // Of equals the first by name.
    figures.triggers.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(())
}
