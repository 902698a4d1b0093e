//! Records of sessions become rows, events and audit rows: each record once, in batches.

use std::collections::{BTreeMap, HashMap};

use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::history::write_history;
use super::many::insert;
use super::row::word_of;
use super::value::{Value, args, list};
use super::{Store, Tx};
use crate::audit::AuditEntry;
use crate::domain::event::RiskAlert;
use crate::domain::{DomainEvent, Envelope, Portfolio};
use crate::history::EquityPoint;
use crate::orders::BATCH_RECORDS_MAX;
use crate::{Projected, Record, StoreError, Stream};
use qt_trading::ids::EventId;
use qt_trading::time::Time;
use qt_trading::{Execution, Order};

/// Identifiers that are looked up in one statement.
const LOOKUP_MAX: usize = 500;

impl Store {
    pub(super) async fn project_batch(
        &self,
        stream: Stream,
        records: Vec<Projected>,
    ) -> Result<u64, StoreError> {
        match self.project_once(stream, records.clone(), false).await {
            // The audit knows some of it: orders and executions are made again.
            Err(StoreError::Conflict(_)) => self.project_once(stream, records, true).await,
            done => done,
        }
    }

    async fn project_once(
        &self,
        stream: Stream,
        mut records: Vec<Projected>,
        is_audited: bool,
    ) -> Result<u64, StoreError> {
        let numbered = || records.iter().filter(|it| it.is_numbered()).map(|it| it.seq);
        let is_rising = numbered().zip(numbered().skip(1)).all(|(one, next)| one < next);
        if records.len() > BATCH_RECORDS_MAX || !is_rising {
            let detail = format!("a batch has at most {BATCH_RECORDS_MAX} records, rising by seq");
            return Err(StoreError::Invalid { field: "records", detail });
        }
        let mut tx = self.write(stream.tenant).await?;
        let kept = lock_stream(&mut tx, &stream).await?;
        records.retain(|record| !record.is_numbered() || record.seq > kept);
        if records.is_empty() {
            return Ok(kept);
        }
        let last = records.iter().rfind(|it| it.is_numbered()).map_or(kept, |record| record.seq);
        let batch = Batch::sort(&mut tx, &stream, records).await?;
        if is_audited {
            drop_known_audits(&mut tx).await?;
        }
        batch.write(&mut tx, &stream).await?;
        let sql = "UPDATE session_projections SET projected_seq = $3, updated_ns = $4 \
                   WHERE tenant_id = $1 AND session_id = $2";
        tx.execute(sql, args![stream.session, last, Time::now()]).await?;
        tx.commit().await?;
        Ok(last)
    }
}

/// The number of the last record that is kept. Nobody else projects this session until the commit.
async fn lock_stream(tx: &mut Tx, stream: &Stream) -> Result<u64, StoreError> {
    let sql = "INSERT INTO session_projections \
               (tenant_id, session_id, account_id, projected_seq, updated_ns) \
               VALUES ($1, $2, $3, 0, $4) ON CONFLICT DO NOTHING";
    tx.execute(sql, args![stream.session, stream.account.0, Time::now()]).await?;
    let sql = "UPDATE session_projections SET updated_ns = $3 \
               WHERE tenant_id = $1 AND session_id = $2 RETURNING projected_seq";
    let row = tx.row(sql, args![stream.session, Time::now()]).await?;
    row.ok_or_else(|| StoreError::broken("a session has no row"))?.count("projected_seq")
}

/// A batch in the shapes of its tables.
#[derive(Default)]
struct Batch {
    /// The last state of each order, with the number of its record.
    orders: BTreeMap<Uuid, (u64, Box<Order>)>,
    executions: Vec<(u64, Box<Execution>)>,
    equity: Vec<EquityPoint>,
    alerts: Vec<RiskAlert>,
}

/// What tells one event or audit row from all others: of which account, what, about which thing in
/// which state, and when. The same happening has the same one whoever tells it, and how often; also
/// after the database was put back to an earlier state.
struct Happening<'a> {
    stream: &'a Stream,
    kind: &'a str,
    of: Uuid,
    state: String,
    at: Time,
}

impl Happening<'_> {
    fn id(&self) -> Uuid {
        let mut hasher = Sha256::new();
        hasher.update(self.stream.account.0.as_bytes());
        hasher.update(self.of.as_bytes());
        hasher.update(self.at.0.to_be_bytes());
        hasher.update((self.kind.len() as u64).to_be_bytes());
        hasher.update(self.kind.as_bytes());
        hasher.update(self.state.as_bytes());
        let hash = hasher.finalize();
        let mut random = [0_u8; 10];
        random.copy_from_slice(&hash[..10]);
        let millis = u64::try_from(self.at.millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

impl Batch {
    /// Sorts the records, and collects their events and audit rows in their order.
    async fn sort(
        tx: &mut Tx,
        stream: &Stream,
        records: Vec<Projected>,
    ) -> Result<Self, StoreError> {
        let mut known = known_statuses(tx, &records).await?;
        let mut portfolio = Portfolio::new(stream.tenant, stream.account);
        let mut batch = Self::default();
        for Projected { seq, at, record } in records {
            match record {
                Record::Order { order, person } => {
                    let status = word_of(order.status);
                    let before = known.insert(order.id.0, status.clone());
                    if before.as_ref() != Some(&status) {
                        portfolio.order_changed((*order).clone());
                    }
                    if before.is_none() {
                        tx.audit(placed(stream, &order, person));
                    } else if status == "rejected" && before.as_deref() != Some("rejected") {
                        tx.audit(rejected(stream, &order));
                    }
                    batch.orders.insert(order.id.0, (seq, order));
                }
                Record::Execution(execution) => {
                    let trade = portfolio.executed(*execution);
                    batch.executions.push((seq, Box::new(trade.execution)));
                }
                Record::Equity(point) => batch.equity.push(point),
                Record::Alert(alert) => {
                    portfolio.alert((*alert).clone());
                    batch.alerts.push(*alert);
                }
                Record::Signal(signal) => {
                    record_events(tx, stream, seq, vec![DomainEvent::SignalGenerated(signal)]);
                }
                Record::Audit { person, action, subject, detail } => tx.audit(AuditEntry {
                    id: Happening {
                        stream,
                        kind: &action,
                        of: stream.account.0,
                        state: format!("{subject} {seq}"),
                        at,
                    }
                    .id(),
                    at,
                    person,
                    action,
                    subject,
                    request_id: String::new(),
                    detail: detail.to_string(),
                }),
            }
            record_events(tx, stream, seq, portfolio.take_events());
        }
        Ok(batch)
    }

    async fn write(self, tx: &mut Tx, stream: &Stream) -> Result<(), StoreError> {
        let rows = self.orders.into_values().map(|(seq, order)| order_values(stream, seq, &order));
        insert(tx, ORDERS_INTO, rows.collect(), ORDERS_TAIL).await?;
        let rows = self.executions.iter().map(|(seq, it)| execution_values(stream, *seq, it));
        insert(tx, EXECUTIONS_INTO, rows.collect(), "ON CONFLICT DO NOTHING").await?;
        write_history(tx, stream.account, &self.equity).await?;
        let rows = self.alerts.iter().map(|alert| {
            args![
                alert.alert_id,
                alert.account_id.map(|id| id.0),
                alert.severity.clone(),
                alert.control.clone(),
                alert.symbol.clone(),
                alert.limit,
                alert.observed,
                alert.message.clone(),
                alert.at,
            ]
        });
        let into = "risk_alerts (tenant_id, id, account_id, severity, control, symbol, \
                    limit_value, observed, message, created_ns)";
        insert(tx, into, rows.collect(), "ON CONFLICT DO NOTHING").await
    }
}

/// The statuses of those orders of a batch that are kept already.
async fn known_statuses(
    tx: &mut Tx,
    records: &[Projected],
) -> Result<HashMap<Uuid, String>, StoreError> {
    let mut ids: Vec<Uuid> = records
        .iter()
        .filter_map(|record| match &record.record {
            Record::Order { order, .. } => Some(order.id.0),
            _ => None,
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let mut known = HashMap::with_capacity(ids.len());
    for part in ids.chunks(LOOKUP_MAX) {
        let sql = format!(
            "SELECT id, status FROM orders WHERE tenant_id = $1 AND id IN ({})",
            list(2, part.len())
        );
        for row in tx.rows(sql, part.iter().copied().map(Value::from).collect()).await? {
            known.insert(row.uuid("id")?, row.text("status")?);
        }
    }
    Ok(known)
}

/// Keeps of the audit rows that are to be written those that are not there.
async fn drop_known_audits(tx: &mut Tx) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = tx.audits.iter().map(|entry| entry.id).collect();
    for part in ids.chunks(LOOKUP_MAX) {
        let sql = format!(
            "SELECT id FROM audit_entries WHERE tenant_id = $1 AND id IN ({})",
            list(2, part.len())
        );
        for row in tx.rows(sql, part.iter().copied().map(Value::from).collect()).await? {
            let id = row.uuid("id")?;
            tx.audits.retain(|entry| entry.id != id);
        }
    }
    Ok(())
}

fn record_events(tx: &mut Tx, stream: &Stream, seq: u64, events: Vec<DomainEvent>) {
    for event in events {
        let correlation = Some(format!("session:{}", stream.session));
        let cause = Some(format!("{}:{seq}", stream.session));
        let mut envelope = Envelope::new(stream.tenant, &event, correlation, cause);
        let kind = event.event_type();
        let (of, state) = match &event {
            DomainEvent::TradeExecuted(it) => (it.execution.id.0, String::new()),
            DomainEvent::OrderStateChanged(it) => {
                let (order, status) = (&it.order, word_of(it.order.status));
                (order.id.0, format!("{status} {}", order.filled_quantity))
            }
            DomainEvent::RiskAlert(it) => (it.alert_id, String::new()),
            DomainEvent::SignalGenerated(it) => (it.signal_id, String::new()),
            // What else happens is no record of a session.
            _ => (stream.account.0, seq.to_string()),
        };
        let at = event.occurred_at();
        envelope.event_id = EventId(Happening { stream, kind, of, state, at }.id());
        tx.events.push(envelope);
    }
}

fn of_order(stream: &Stream, kind: &str, order: &Order, at: Time) -> Uuid {
    Happening { stream, kind, of: order.id.0, state: String::new(), at }.id()
}

fn placed(stream: &Stream, order: &Order, person: Option<String>) -> AuditEntry {
    let strategy = order.strategy_id.map(|id| format!("strategy:{id}"));
    let is_rejected = word_of(order.status) == "rejected";
    AuditEntry {
        id: of_order(stream, "order.placed", order, order.created_at),
        at: order.created_at,
        person: person.or(strategy).unwrap_or_else(|| "unknown".to_owned()),
        action: if is_rejected { "order.rejected" } else { "order.placed" }.to_owned(),
        subject: format!("order:{}", order.id),
        request_id: String::new(),
        detail: json!({
            "account_id": stream.account,
            "symbol": order.symbol,
            "side": order.side,
            "type": order.kind,
            "quantity": order.quantity,
            "price": order.price,
            "stop_price": order.stop_price,
            "reason": order.reason,
        })
        .to_string(),
    }
}

fn rejected(stream: &Stream, order: &Order) -> AuditEntry {
    AuditEntry {
        id: of_order(stream, "order.rejected", order, order.updated_at),
        at: order.updated_at,
        person: "venue".to_owned(),
        action: "order.rejected".to_owned(),
        subject: format!("order:{}", order.id),
        request_id: String::new(),
        detail: json!({"account_id": stream.account, "reason": order.reason}).to_string(),
    }
}

const ORDERS_INTO: &str = "orders (tenant_id, id, account_id, session_id, session_seq, \
    client_order_id, strategy_id, symbol, side, kind, time_in_force, post_only, reduce_only, \
    quantity, filled_quantity, price, stop_price, average_price, status, cancel_pending, reason, \
    created_ns, updated_ns)";

const ORDERS_TAIL: &str = "ON CONFLICT (tenant_id, id) DO UPDATE SET \
    session_id = excluded.session_id, session_seq = excluded.session_seq, \
    quantity = excluded.quantity, filled_quantity = excluded.filled_quantity, \
    price = excluded.price, stop_price = excluded.stop_price, \
    average_price = excluded.average_price, status = excluded.status, \
    cancel_pending = excluded.cancel_pending, reason = excluded.reason, \
    updated_ns = excluded.updated_ns";

fn order_values(stream: &Stream, seq: u64, order: &Order) -> Vec<Value> {
    args![
        order.id.0,
        stream.account.0,
        stream.session,
        seq,
        order.client_order_id.clone(),
        order.strategy_id.map(|id| id.0),
        order.symbol.clone(),
        word_of(order.side),
        word_of(order.kind),
        word_of(order.time_in_force),
        order.post_only,
        order.reduce_only,
        order.quantity,
        order.filled_quantity,
        order.price,
        order.stop_price,
        order.average_price,
        word_of(order.status),
        order.cancel_pending,
        order.reason.clone(),
        order.created_at,
        order.updated_at,
    ]
}

const EXECUTIONS_INTO: &str = "executions (tenant_id, id, order_id, account_id, session_id, \
    session_seq, strategy_id, symbol, side, price, quantity, fee, fee_currency, is_maker, \
    executed_ns)";

fn execution_values(stream: &Stream, seq: u64, execution: &Execution) -> Vec<Value> {
    args![
        execution.id.0,
        execution.order_id.0,
        stream.account.0,
        stream.session,
        seq,
        execution.strategy_id.map(|id| id.0),
        execution.symbol.clone(),
        word_of(execution.side),
        execution.price,
        execution.quantity,
        execution.fee,
        execution.fee_currency.clone(),
        execution.is_maker,
        execution.executed_at,
    ]
}
