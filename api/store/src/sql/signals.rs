//! Signals in SQL.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::many::insert;
use super::value::{Column, Value, args, list};
use super::{Row, Store, Tx};
use crate::domain::event::SignalGenerated;
use crate::domain::{DomainEvent, Envelope};
use crate::page::{Cursor, Page, Slice};
use crate::{
    Kept, NewSignal, SignalFilter, SignalKept, SignalRow, SignalSettled, Signals, StoreError,
};
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::time::Time;

/// Names that are looked up in one statement.
const LOOKUP_MAX: usize = 500;

pub(super) const SIGNAL: &str = "id, source_id, signal_id, body, body_hash, symbol, action, \
    confidence_e9, issued_ns, expires_ns, arrived_ns, status, code, session_seq, taken_body";

/// What is final stays.
const OPEN: &str = "status IN ('received', 'waiting', 'approved')";

/// A signal's name: its source, and what that calls it.
type Name = (StrategyUid, String);

impl Signals for Store {
    fn keep_signals(&self, tenant: TenantId, signals: Vec<NewSignal>) -> Kept<'_, Vec<SignalKept>> {
        Box::pin(async move {
            let mut tx = self.write(tenant).await?;
            // Whoever keeps the same ones at this moment is waited for: each is new once.
            tx.alone("signals").await?;
            let mut known = known(&mut tx, &signals).await?;
            let (mut kept, mut fresh) = (Vec::with_capacity(signals.len()), Vec::new());
            for NewSignal { row, may_be_new } in signals {
                let name = (row.source, row.signal_id.clone());
                kept.push(match known.get(&name) {
                    Some(row) => SignalKept::Known(Box::new(row.clone())),
                    None if !may_be_new => SignalKept::Absent,
                    None => {
                        known.insert(name, row.clone());
                        fresh.push(row);
                        SignalKept::New
                    }
                });
            }
            if !fresh.is_empty() {
                tx.events
                    .extend(fresh.iter().map(|row| Envelope::new(tenant, &told(row), None, None)));
                let into = format!("signals (tenant_id, {SIGNAL})");
                insert(&mut tx, &into, fresh.into_iter().map(values).collect(), "").await?;
                tx.commit().await?;
            }
            Ok(kept)
        })
    }

    fn settle_signals(&self, tenant: TenantId, settled: Vec<SignalSettled>) -> Kept<'_, ()> {
        Box::pin(async move {
            if settled.is_empty() {
                return Ok(());
            }
            let mut tx = self.write(tenant).await?;
            let rows = settled.into_iter().map(|it| {
                args![it.id, it.status.text(), it.code, seq_value(it.seq), it.taken_body]
            });
            let rows: Vec<Vec<Value>> = rows.collect();
            if tx.is_postgres() {
                let sql = format!(
                    "UPDATE signals SET status = given.s, code = given.c, session_seq = given.n, \
                     taken_body = given.b FROM UNNEST($2::uuid[], $3::text[], $4::text[], \
                     $5::bigint[], $6::text[]) AS given (i, s, c, n, b) \
                     WHERE tenant_id = $1 AND id = given.i AND {OPEN}"
                );
                tx.execute_columns(&sql, Column::of_rows(rows)?).await?;
            } else {
                let sql = format!(
                    "UPDATE signals SET status = $3, code = $4, session_seq = $5, taken_body = $6 \
                     WHERE tenant_id = $1 AND id = $2 AND {OPEN}"
                );
                for row in rows {
                    tx.execute(&sql, row).await?;
                }
            }
            tx.commit().await
        })
    }

    fn replace_signal(&self, row: SignalRow) -> Kept<'_, bool> {
        Box::pin(async move {
            let mut tx = self.write(row.tenant).await?;
            let sql = "UPDATE signals SET body = $3, body_hash = $4, symbol = $5, action = $6, \
                       confidence_e9 = $7, issued_ns = $8, expires_ns = $9, arrived_ns = $10, \
                       status = $11, code = $12, session_seq = $13, taken_body = $14 \
                       WHERE tenant_id = $1 AND id = $2 AND status <> 'taken'";
            let envelope = Envelope::new(row.tenant, &told(&row), None, None);
            let mut values = values(row);
            // Its source and its name are those of the other one.
            values.drain(1..3);
            let is_replaced = tx.execute(sql, values).await? == 1;
            if is_replaced {
                tx.events.push(envelope);
                tx.commit().await?;
            }
            Ok(is_replaced)
        })
    }

    fn signals_known(
        &self,
        tenant: TenantId,
        source: StrategyUid,
        names: Vec<String>,
    ) -> Kept<'_, Vec<String>> {
        Box::pin(async move {
            let (mut tx, mut known) = (self.read(tenant).await?, Vec::new());
            for part in names.chunks(LOOKUP_MAX) {
                let sql = format!(
                    "SELECT signal_id FROM signals WHERE tenant_id = $1 AND source_id = $2 \
                     AND signal_id IN ({})",
                    list(3, part.len())
                );
                let mut values = args![source.0];
                values.extend(part.iter().map(|name| Value::from(name.as_str())));
                for row in tx.rows(sql, values).await? {
                    known.push(row.text("signal_id")?);
                }
            }
            Ok(known)
        })
    }

    fn signals_left(&self, tenant: TenantId, before: Time, limit: u32) -> Kept<'_, Vec<SignalRow>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = format!(
                "SELECT {SIGNAL} FROM signals WHERE tenant_id = $1 AND status = 'received' \
                 AND arrived_ns < $2 ORDER BY arrived_ns, id LIMIT $3"
            );
            let rows = tx.rows(sql, args![before, limit]).await?;
            rows.iter().map(|row| signal(tenant, row)).collect()
        })
    }

    fn signal(&self, tenant: TenantId, id: Uuid) -> Kept<'_, SignalRow> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let sql = format!("SELECT {SIGNAL} FROM signals WHERE tenant_id = $1 AND id = $2");
            let row = tx.row(sql, args![id]).await?.ok_or(StoreError::NotFound)?;
            signal(tenant, &row)
        })
    }

    fn signals(
        &self,
        tenant: TenantId,
        filter: SignalFilter,
        page: Page,
    ) -> Kept<'_, Slice<SignalRow>> {
        Box::pin(async move {
            let mut tx = self.read(tenant).await?;
            let (at, id) = page.below();
            let sql = format!(
                "SELECT {SIGNAL} FROM signals WHERE tenant_id = $1 \
                 AND (arrived_ns, id) < ($2, $3) AND ($4 IS NULL OR source_id = $4) \
                 AND ($5 IS NULL OR status = $5) AND ($6 IS NULL OR symbol = $6) \
                 ORDER BY arrived_ns DESC, id DESC LIMIT $7"
            );
            let status = filter.status.map(|status| status.text().to_owned());
            let source = filter.source.map(|source| source.0);
            let values = args![at, id, source, status, filter.symbol, page.fetch()];
            let rows = tx.rows(sql, values).await?;
            let rows: Result<Vec<_>, _> = rows.iter().map(|row| signal(tenant, row)).collect();
            let place = |it: &SignalRow| Cursor { at: it.arrived_at.0, id: it.id };
            Ok(Slice::cut(rows?, &page, place))
        })
    }
}

fn seq_value(seq: Option<u64>) -> Value {
    Value::Int(seq.map(|seq| i64::try_from(seq).unwrap_or(i64::MAX)))
}

/// What there is of these names.
async fn known(tx: &mut Tx, signals: &[NewSignal]) -> Result<HashMap<Name, SignalRow>, StoreError> {
    let mut by_source: BTreeMap<StrategyUid, Vec<&str>> = BTreeMap::new();
    for NewSignal { row, .. } in signals {
        by_source.entry(row.source).or_default().push(&row.signal_id);
    }
    let (tenant, mut known) = (tx.tenant(), HashMap::new());
    for (source, names) in by_source {
        for part in names.chunks(LOOKUP_MAX) {
            let sql = format!(
                "SELECT {SIGNAL} FROM signals WHERE tenant_id = $1 AND source_id = $2 \
                 AND signal_id IN ({})",
                list(3, part.len())
            );
            let mut values = args![source.0];
            values.extend(part.iter().map(|name| Value::from(*name)));
            for row in tx.rows(sql, values).await? {
                let row = signal(tenant, &row)?;
                known.insert((row.source, row.signal_id.clone()), row);
            }
        }
    }
    Ok(known)
}

fn told(row: &SignalRow) -> DomainEvent {
    DomainEvent::SignalGenerated(Box::new(SignalGenerated {
        signal_id: row.id,
        strategy_id: Some(row.source),
        symbol: row.symbol.clone(),
        action: row.action.clone(),
        confidence: f64::from(row.confidence_e9) / 1e9,
        detail: serde_json::from_str(&row.body).unwrap_or_default(),
        at: row.arrived_at,
    }))
}

fn values(row: SignalRow) -> Vec<Value> {
    args![
        row.id,
        row.source.0,
        row.signal_id,
        row.body,
        row.body_hash,
        row.symbol,
        row.action,
        row.confidence_e9,
        row.issued_at,
        row.expires_at,
        row.arrived_at,
        row.status.text(),
        row.code,
        seq_value(row.seq),
        row.taken_body,
    ]
}

pub(super) fn signal(tenant: TenantId, row: &Row) -> Result<SignalRow, StoreError> {
    let confidence = row.int("confidence_e9")?;
    let confidence_e9 = u32::try_from(confidence)
        .map_err(|_| StoreError::broken(format!("a signal has the confidence {confidence}")))?;
    Ok(SignalRow {
        tenant,
        id: row.uuid("id")?,
        source: StrategyUid(row.uuid("source_id")?),
        signal_id: row.text("signal_id")?,
        body: row.text("body")?,
        body_hash: row.text("body_hash")?,
        symbol: row.text("symbol")?,
        action: row.text("action")?,
        confidence_e9,
        issued_at: row.time("issued_ns")?,
        expires_at: row.time("expires_ns")?,
        arrived_at: row.time("arrived_ns")?,
        status: row.word("status")?,
        code: row.text_opt("code")?,
        seq: row.int_opt("session_seq")?.map(i64::unsigned_abs),
        taken_body: row.text_opt("taken_body")?,
    })
}
