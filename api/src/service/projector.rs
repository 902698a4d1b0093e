//! From sessions to the store: orders, executions and equity, in batches, behind the sessions.
//!
//! The journal of a session is the truth, and what is here can be late. Every record has the number
//! of the event in the journal that it comes from, and the store knows the last one that it keeps:
//! a session that is made again from its journal tells all of it again, and what is missing is
//! kept. While the store is away records wait ([`Backlog`]), however many they are.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;

use super::backlog::Backlog;
use qt_sessions::{DeniedOrder, Listener, Listeners, Told};
use qt_store::domain::event::RiskAlert;
use qt_store::orders::BATCH_RECORDS_MAX;
use qt_store::{Accounts, EquityPoint, Orders, Projected, Record, Store, StoreError, Stream};
use qt_trading::Alert;
use qt_trading::ids::{AccountId, TenantId};
use qt_trading::time::Time;

/// Pause after the store did not answer.
const PAUSE: Duration = Duration::from_millis(500);
/// The least time between two points of equity (ns).
const EQUITY_EVERY_NS: i64 = 10_000_000_000;
/// Batches that are written at once: all others leave the store's connections to requests.
const WRITERS_MAX: usize = 2;
/// What one event of a journal can change, in numbers of records.
const RECORDS_OF_EVENT: u64 = 4;

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps what sessions do.
#[derive(Debug)]
pub struct Projector {
    store: Store,
    folder: PathBuf,
    runtime: Handle,
    writers: Arc<Semaphore>,
    lines: Mutex<Lines>,
}

type Lines = Vec<(Arc<Line>, Vec<JoinHandle<()>>)>;

impl Projector {
    /// One that writes to `store`; what waits is in `folder`. Must be called inside of the runtime
    /// that runs it.
    #[must_use]
    pub fn new(store: Store, folder: PathBuf) -> Arc<Self> {
        let (runtime, writers) = (Handle::current(), Arc::new(Semaphore::new(WRITERS_MAX)));
        Arc::new(Self { store, folder, runtime, writers, lines: Mutex::default() })
    }

    /// Records that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        lock(&self.lines).iter().map(|(line, _)| line.waiting.load(Ordering::Acquire)).sum()
    }

    /// Ends it, once what waits is kept or `patience` is over. What is not kept then, the next
    /// process takes from the journals.
    pub async fn stop(&self, patience: Duration) {
        let kept = async {
            while self.waiting() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(patience, kept).await.is_err() {
            tracing::warn!(waiting = self.waiting(), "records are kept after the next start");
        }
        for (_, tasks) in lock(&self.lines).drain(..) {
            tasks.iter().for_each(JoinHandle::abort);
        }
    }
}

impl Listeners for Projector {
    fn of(&self, tenant: TenantId, account: AccountId) -> Arc<dyn Listener> {
        let line = Arc::new(Line::new(&self.folder, tenant, account));
        let (filing, keeping) = (Arc::clone(&line), Arc::clone(&line));
        let (store, writers) = (self.store.clone(), Arc::clone(&self.writers));
        let tasks = vec![
            self.runtime.spawn(async move { filing.file().await }),
            self.runtime.spawn(async move { keeping.keep(&store, &writers).await }),
        ];
        lock(&self.lines).push((Arc::clone(&line), tasks));
        line
    }
}

/// What one session tells, on its way to the store.
#[derive(Debug)]
struct Line {
    stream: Stream,
    heard: Mutex<Heard>,
    rung: Notify,
    backlog: Mutex<Backlog>,
    filed: Notify,
    waiting: AtomicUsize,
}

#[derive(Debug)]
struct Heard {
    /// The number of the last record, in this telling of the journal.
    number: u64,
    /// The highest number that waits or is kept.
    kept: u64,
    /// Whether the store has said what it keeps.
    is_begun: bool,
    /// Whether a session has begun with what the store said.
    is_told: bool,
    equity_ns: i64,
    records: Vec<Projected>,
    /// The number at which the journal ended when the session was made again from it.
    journal_end: Option<u64>,
}

/// The last number that an event of a journal can have.
const fn last_of(seq: u64) -> u64 {
    seq.saturating_mul(RECORDS_OF_EVENT).saturating_add(RECORDS_OF_EVENT - 1)
}

fn of_alert(account: AccountId, alert: &Alert) -> Record {
    let mut message = alert.message.clone();
    if alert.count > 1 {
        // Writing into a string cannot fail.
        let _ = write!(message, " ({} times since the last alert)", alert.count);
    }
    Record::Alert(Box::new(RiskAlert {
        alert_id: alert.id,
        account_id: Some(account),
        severity: alert.severity.clone(),
        control: alert.control.clone(),
        symbol: alert.symbol.clone(),
        limit: alert.limit,
        observed: alert.observed,
        message,
        at: alert.at,
    }))
}

/// Each has a row of its own, unlike alerts, of which one stands for many.
fn of_denied(denied: &DeniedOrder) -> Record {
    let action = if denied.is_change { "order.change_denied" } else { "order.denied" };
    Record::Audit {
        person: denied.person.clone().unwrap_or_else(|| "unknown".to_owned()),
        action: action.to_owned(),
        subject: format!("order:{}", denied.order),
        detail: json!({
            "symbol": denied.symbol,
            "side": denied.side,
            "quantity": denied.quantity,
            "control": denied.control,
        }),
    }
}

impl Listener for Line {
    fn begins(&self, told: u64) {
        let mut heard = lock(&self.heard);
        (heard.number, heard.is_told) = (told, true);
    }

    fn hear(&self, seq: u64, at: Time, told: Told) {
        let mut heard = lock(&self.heard);
        let record = match told {
            Told::Order(order) => {
                let person = order.placed_by.clone();
                Record::Order { order: Box::new(Arc::unwrap_or_clone(order)), person }
            }
            Told::Denied(denied) => of_denied(&denied),
            Told::Alert(alert) => of_alert(self.stream.account, &alert),
            Told::Executed(execution) => {
                Record::Execution(Box::new(Arc::unwrap_or_clone(execution)))
            }
            Told::Worth(worth) => {
                if at.0 < heard.equity_ns.saturating_add(EQUITY_EVERY_NS) {
                    return;
                }
                heard.equity_ns = at.0;
                Record::Equity(EquityPoint {
                    at,
                    equity: worth.equity,
                    cash: worth.cash,
                    realized_pnl: worth.realized_pnl,
                    unrealized_pnl: worth.unrealized_pnl,
                    fees: worth.fees,
                })
            }
        };
        let mut projected = Projected { seq: 0, at, record };
        if projected.is_numbered() {
            heard.number = seq.saturating_mul(RECORDS_OF_EVENT).max(heard.number + 1);
            if heard.number <= heard.kept {
                return;
            }
            heard.kept = heard.number;
            projected.seq = heard.number;
        }
        heard.records.push(projected);
        self.waiting.fetch_add(1, Ordering::AcqRel);
        drop(heard);
        self.rung.notify_one();
    }

    fn caught_up(&self, seq: u64) {
        let mut heard = lock(&self.heard);
        let end = last_of(seq).max(heard.number);
        heard.journal_end = Some(end);
        heard.kept = heard.kept.min(end);
        drop(heard);
        self.rung.notify_one();
    }

    fn told(&self) -> u64 {
        lock(&self.heard).number
    }

    fn ask_anew(&self) {
        let mut heard = lock(&self.heard);
        if std::mem::take(&mut heard.is_told) {
            heard.is_begun = false;
            drop(heard);
            self.filed.notify_one();
        }
    }

    fn kept(&self) -> Option<u64> {
        let heard = lock(&self.heard);
        heard.is_begun.then_some(heard.kept)
    }
}

impl Line {
    fn new(folder: &std::path::Path, tenant: TenantId, account: AccountId) -> Self {
        // A journal is its account's, through all its lives.
        let stream = Stream { tenant, account, session: account.0 };
        let heard = Heard {
            number: 0,
            kept: 0,
            is_begun: false,
            is_told: false,
            equity_ns: i64::MIN,
            records: Vec::new(),
            journal_end: None,
        };
        Self {
            stream,
            heard: Mutex::new(heard),
            rung: Notify::new(),
            backlog: Mutex::new(Backlog::new(folder, &format!("waiting-{account}"))),
            filed: Notify::new(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Takes what is heard, so that the session never waits for the store.
    async fn file(self: Arc<Self>) {
        loop {
            self.rung.notified().await;
            let line = Arc::clone(&self);
            // It writes a file when much waits.
            let filing = tokio::task::spawn_blocking(move || {
                let records = std::mem::take(&mut lock(&line.heard).records);
                lock(&line.backlog).push(records);
            });
            if let Err(error) = filing.await {
                tracing::error!(%error, "records were not filed");
            }
            self.filed.notify_one();
        }
    }

    /// Hands over what waits, oldest first.
    async fn keep(self: Arc<Self>, store: &Store, writers: &Semaphore) {
        let mut batch_max = BATCH_RECORDS_MAX;
        loop {
            self.learn(store).await;
            let batch = match self.first(batch_max).await {
                Ok(batch) if batch.is_empty() => {
                    self.filed.notified().await;
                    continue;
                }
                Ok(batch) => batch,
                Err(error) => {
                    tracing::error!(%error, "records that wait cannot be read");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let count = batch.len();
            // After the batch was read: what is new in it was heard after the journal's end.
            if let Err(error) = self.rewind(store).await {
                tracing::warn!(%error, "where the journal ends is not known to the store yet");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let writer = writers.acquire().await;
            let done = store.project(self.stream, batch).await;
            drop(writer);
            match done {
                Ok(_) => {
                    self.done(count);
                    batch_max = (batch_max * 2).min(BATCH_RECORDS_MAX);
                }
                Err(error) if error.is_passing() => {
                    let waiting = self.waiting.load(Ordering::Acquire);
                    tracing::warn!(%error, waiting, "records wait");
                    tokio::time::sleep(PAUSE).await;
                }
                // One of them can never be kept: it must not take the others with it.
                Err(_) if count > 1 => batch_max = count / 2,
                Err(error) => {
                    tracing::error!(%error, account = %self.stream.account, "a record is not kept");
                    self.done(1);
                }
            }
        }
    }

    /// Asks the store what it keeps, where that is not known.
    async fn learn(&self, store: &Store) {
        while !lock(&self.heard).is_begun {
            if let Err(error) = self.begin(store).await {
                tracing::warn!(%error, "the account is not kept yet");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Learns what is kept already, so that nobody takes it up again.
    async fn begin(&self, store: &Store) -> Result<(), StoreError> {
        store.paper_account(self.stream.tenant).await?;
        let kept = store.projected(self.stream).await?;
        let mut heard = lock(&self.heard);
        heard.kept = heard.kept.max(heard.journal_end.map_or(kept, |end| kept.min(end)));
        heard.is_begun = true;
        Ok(())
    }

    async fn first(self: &Arc<Self>, most: usize) -> std::io::Result<Vec<Projected>> {
        let line = Arc::clone(self);
        let reading = tokio::task::spawn_blocking(move || lock(&line.backlog).first(most));
        reading.await.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    }

    fn done(&self, count: usize) {
        lock(&self.backlog).done(count);
        self.waiting.fetch_sub(count, Ordering::AcqRel);
    }

    /// With a journal that ends before what is kept, new events have numbers of old ones.
    async fn rewind(&self, store: &Store) -> Result<(), StoreError> {
        let Some(end) = lock(&self.heard).journal_end else { return Ok(()) };
        if store.projected(self.stream).await? > end {
            tracing::warn!(account = %self.stream.account, "the end of a journal was lost");
            store.rewind(self.stream, end).await?;
        }
        let mut heard = lock(&self.heard);
        heard.journal_end = heard.journal_end.filter(|other| *other != end);
        Ok(())
    }
}
