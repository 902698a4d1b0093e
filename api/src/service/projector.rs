//! From sessions to the store: orders, executions and equity, in batches, behind the sessions.
//!
//! The journal of a session is the truth; what is here can be late, and may be made again. While
//! the store is away records wait in memory, up to a bound; beyond it, and after a restart, all
//! that the session still has in memory is offered again, and what is kept already stays as it is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::ids::TenantId;
use crate::store::orders::BATCH_RECORDS_MAX;
use crate::store::{Accounts, EquityPoint, Orders, Projected, Record, Store, StoreError, Stream};
use crate::trading::time::Time;
use crate::trading::{Desk, Phase, PrivateEvent, PrivateKind, PrivateReader};

/// Records that wait for the store.
const WAITING_MAX: usize = 200_000;
/// Events that are taken at once.
const TAKEN_MAX: usize = 1_000;
/// Pause after the store did not answer.
const PAUSE: Duration = Duration::from_millis(500);
/// The least time between two points of equity (ns).
const EQUITY_EVERY_NS: i64 = 10_000_000_000;

/// Keeps what one desk does, until it is dropped.
pub async fn follow(store: Store, tenant: TenantId, desk: Arc<dyn Desk>) {
    while desk.state().phase == Phase::Reconciling {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let account = desk.account();
    while let Err(error) = store.paper_account(tenant).await {
        tracing::warn!(%error, "the account is not kept yet");
        tokio::time::sleep(PAUSE).await;
    }
    // Each life of a session numbers its records anew.
    let stream = Stream { tenant, account, session: Uuid::now_v7() };
    let log = desk.events();
    let mut follower = Follower {
        reader: log.reader(log.last()),
        waiting: VecDeque::new(),
        seq: 0,
        equity_ns: i64::MIN,
    };
    follower.offer_all(&store, tenant, &*desk).await;
    loop {
        if follower.waiting.is_empty() {
            follower.reader.ready().await;
        }
        if !follower.take() {
            tracing::warn!(%account, "events were missed; all that is in memory is kept again");
            follower.reader = log.reader(log.last());
            follower.offer_all(&store, tenant, &*desk).await;
        }
        match follower.hand_over(&store, stream).await {
            Ok(()) => {}
            Err(error) if error.is_passing() => {
                tracing::warn!(%error, waiting = follower.waiting.len(), "records wait");
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => {
                // The same batch would fail for ever; the journal has what is in it.
                tracing::error!(%error, "a batch of records is not kept");
                let batch = follower.waiting.len().min(BATCH_RECORDS_MAX);
                follower.waiting.drain(..batch);
            }
        }
    }
}

struct Follower {
    reader: PrivateReader,
    waiting: VecDeque<Projected>,
    seq: u64,
    equity_ns: i64,
}

impl Follower {
    fn add(&mut self, at: Time, record: Record) {
        self.seq += 1;
        self.waiting.push_back(Projected { seq: self.seq, at, record });
    }

    /// All that the desk has in memory, oldest first. Executions that are kept already are left
    /// out, so that their events are not published again; of orders the store tells by itself.
    async fn offer_all(&mut self, store: &Store, tenant: TenantId, desk: &dyn Desk) {
        for order in desk.orders().into_iter().rev() {
            let order = Box::new((*order).clone());
            self.add(order.updated_at, Record::Order { order, person: None });
        }
        for execution in desk.executions().into_iter().rev() {
            if store.execution(tenant, execution.id).await.is_err() {
                let execution = Box::new((*execution).clone());
                self.add(execution.executed_at, Record::Execution(execution));
            }
        }
    }

    /// Takes what the session has told; false when some of it is gone.
    fn take(&mut self) -> bool {
        while self.waiting.len() < WAITING_MAX {
            let Ok(events) = self.reader.take(TAKEN_MAX) else { return false };
            if events.is_empty() {
                return true;
            }
            for event in &events {
                self.take_event(event);
            }
        }
        true
    }

    fn take_event(&mut self, event: &PrivateEvent) {
        let record = match &event.kind {
            PrivateKind::Order(order) => {
                Record::Order { order: Box::new(order.clone()), person: None }
            }
            PrivateKind::Executed(execution) => Record::Execution(Box::new(execution.clone())),
            PrivateKind::Portfolio(portfolio) => {
                if event.at.0 < self.equity_ns.saturating_add(EQUITY_EVERY_NS) {
                    return;
                }
                self.equity_ns = event.at.0;
                Record::Equity(EquityPoint {
                    at: event.at,
                    equity: portfolio.equity,
                    cash: portfolio.cash,
                    realized_pnl: portfolio.realized_pnl,
                    unrealized_pnl: portfolio.unrealized_pnl,
                    fees: portfolio.fees,
                })
            }
            // Positions follow from executions; what limits say is kept by who changed them.
            PrivateKind::Position(_) | PrivateKind::Risk(_) => return,
        };
        self.add(event.at, record);
    }

    async fn hand_over(&mut self, store: &Store, stream: Stream) -> Result<(), StoreError> {
        while !self.waiting.is_empty() {
            let count = self.waiting.len().min(BATCH_RECORDS_MAX);
            let batch: Vec<Projected> = self.waiting.iter().take(count).cloned().collect();
            store.project(stream, batch).await?;
            self.waiting.drain(..count);
        }
        Ok(())
    }
}
