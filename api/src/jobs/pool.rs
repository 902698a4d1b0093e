//! The pool: jobs wait, run and end here, and the store knows of every step.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc, watch};

use super::changes::{Changes, JobChange};
use super::child::{self, Ended, Launch};
use super::queue::FairQueue;
use super::request::JobConfig;
use super::settings::JobSettings;
use qt_store::backtests::{
    BacktestEnd, BacktestQuota, BacktestRow, BacktestStatus, Backtests, NewBacktest,
};
use qt_store::datasets::Datasets;
use qt_store::{Accounts, Actor, StoreError};
use qt_trading::ids::{BacktestId, DatasetId, StrategyUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{PrivateLog, Refusal};

/// What the pool keeps its jobs in.
pub trait JobStore: Backtests + Datasets + Accounts {}

impl<T: Backtests + Datasets + Accounts> JobStore for T {}

/// The pool of jobs.
pub struct Jobs {
    settings: JobSettings,
    store: Arc<dyn JobStore>,
    state: Mutex<State>,
    pub(super) changes: Changes,
    /// Data sets that are looked at.
    pub(super) looks: Arc<Semaphore>,
    /// Whether the jobs of an earlier process were looked at: before that, none of this one may
    /// begin, since it would be taken for one of them.
    is_recovered: watch::Sender<bool>,
}

pub(super) struct State {
    queue: FairQueue<Waiting>,
    stops: HashMap<BacktestId, watch::Sender<bool>>,
    /// Data sets that are taken in, by the name of their folder.
    pub(super) intakes: HashMap<DatasetId, (TenantId, watch::Sender<bool>)>,
    pub(super) is_stopping: bool,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) id: BacktestId,
    pub(super) config: JobConfig,
    pub(super) actor: Actor,
}

/// A day, for quotas.
const DAY_NS: i64 = 86_400_000_000_000;
/// How long a first job waits for the jobs of before.
const RECOVERY_TIME: Duration = Duration::from_secs(5);
/// How often the store is told how far a job is.
const TOLD_EVERY: Duration = Duration::from_secs(1);
/// How often the end of a job is tried to be kept while the store is away, and how long between.
const KEEP_TRIES: u32 = 120;
const KEEP_PAUSE: Duration = Duration::from_secs(1);

impl Jobs {
    /// A pool without jobs.
    #[must_use]
    pub fn new(settings: JobSettings, store: Arc<dyn JobStore>) -> Arc<Self> {
        let queue = FairQueue::new(settings.tenant_running_max);
        let (stops, intakes) = (HashMap::new(), HashMap::new());
        let state = Mutex::new(State { queue, stops, intakes, is_stopping: false });
        let looks = Arc::new(Semaphore::new(settings.running_max));
        let (changes, is_recovered) = (Changes::default(), watch::Sender::new(false));
        Arc::new(Self { settings, store, state, changes, looks, is_recovered })
    }

    /// What jobs may use.
    #[must_use]
    pub const fn settings(&self) -> &JobSettings {
        &self.settings
    }

    /// Where jobs and data sets are kept.
    #[must_use]
    pub fn store(&self) -> &dyn JobStore {
        &*self.store
    }

    /// Every step of every job of a tenant.
    #[must_use]
    pub fn changes(&self, tenant: TenantId) -> Arc<PrivateLog<JobChange>> {
        self.changes.of(tenant)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the jobs of earlier processes were looked at.
    pub(super) fn has_recovered(&self) -> bool {
        *self.is_recovered.borrow()
    }

    /// They were: jobs may begin.
    pub(super) fn recovered(self: &Arc<Self>) {
        self.is_recovered.send_replace(true);
        self.go_on();
    }

    /// Jobs that wait or run here.
    pub(super) fn own(&self) -> HashSet<BacktestId> {
        let state = self.lock();
        state.stops.keys().copied().chain(state.queue.waiting().map(|job| job.id)).collect()
    }

    /// Tenants with jobs that wait or run here.
    pub(super) fn tenants(&self) -> BTreeSet<TenantId> {
        self.lock().queue.tenants()
    }

    /// Takes a job in; the flag is false where `unique_key` was there already and that job is
    /// returned.
    ///
    /// # Errors
    /// When the tenant's quota is used up, or the store does not answer.
    pub async fn start(
        self: &Arc<Self>,
        actor: Actor,
        strategy: Option<StrategyUid>,
        config: JobConfig,
        unique_key: Option<String>,
    ) -> Result<(BacktestRow, bool), Refusal> {
        let mut recovered = self.is_recovered.subscribe();
        let waiting = recovered.wait_for(|is_done| *is_done);
        if !matches!(tokio::time::timeout(RECOVERY_TIME, waiting).await, Ok(Ok(_))) {
            let detail = "backtests of before are still being looked at; try again".to_owned();
            return Err(Refusal::Unavailable { code: "STARTING", detail });
        }
        if self.lock().is_stopping {
            return Err(stopping());
        }
        let stored = serde_json::to_value(&config).map_err(|error| Refusal::Unavailable {
            code: "INTERNAL",
            detail: error.to_string(),
        })?;
        let id = BacktestId::new();
        let new = NewBacktest { id, strategy_id: strategy, unique_key, config: stored };
        let quota = BacktestQuota {
            open_max: self.settings.tenant_open_max,
            cpu_ms_max: self.settings.tenant_cpu_seconds * 1_000,
            since: Time(Time::now().0 - DAY_NS),
        };
        let (row, is_new) =
            self.store.enqueue_backtest(actor.clone(), new, quota, self.holder()).await?;
        if is_new {
            self.tell(&actor, id, BacktestStatus::Queued, json!({ "fraction": 0.0 }));
            self.push(Waiting { id, config, actor });
            self.go_on();
        }
        Ok((row, is_new))
    }

    /// Stops a job: it runs or waits no more when this returns.
    ///
    /// # Errors
    /// When there is none, it is over, or the store does not answer.
    pub async fn cancel(&self, actor: Actor, id: BacktestId) -> Result<(), Refusal> {
        let row = self.store.backtest(actor.tenant, id).await?;
        if row.status.is_final() {
            let status = row.status.text();
            return Err(Refusal::Conflict(format!("the backtest is over: {status}")));
        }
        let owner = Actor { person: row.person, ..actor.clone() };
        // What it took so far is charged when its process has ended.
        self.store.finish_backtest(actor, id, ended_as(BacktestStatus::Cancelled, 0)).await?;
        if let Some(stop) = self.lock().stops.get(&id) {
            let _ = stop.send(true);
        }
        self.tell(&owner, id, BacktestStatus::Cancelled, row.progress);
        self.until(|state| !state.stops.contains_key(&id)).await;
        Ok(())
    }

    /// Waits until jobs are so, for as long as a process may take to end.
    async fn until(&self, is_so: impl Fn(&State) -> bool) {
        for _ in 0..40 {
            if is_so(&self.lock()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Takes nothing in any more and stops what runs; it is marked as interrupted.
    pub async fn stop(&self) {
        {
            let mut state = self.lock();
            state.is_stopping = true;
            let intakes = state.intakes.values().map(|(_, stop)| stop);
            for stop in state.stops.values().chain(intakes) {
                let _ = stop.send(true);
            }
        }
        self.until(|state| state.stops.is_empty() && state.intakes.is_empty()).await;
        self.let_go().await;
    }

    /// Where a job's files are.
    #[must_use]
    pub fn folder(&self, tenant: TenantId, id: BacktestId) -> PathBuf {
        self.settings.data_dir.join(place(tenant, id))
    }

    pub(super) fn push(&self, job: Waiting) {
        self.lock().queue.push(job.actor.tenant, job);
    }

    /// Starts as many jobs as may run.
    fn go_on(self: &Arc<Self>) {
        loop {
            let (job, stopped) = {
                let mut state = self.lock();
                if state.is_stopping || state.stops.len() >= self.settings.running_max {
                    return;
                }
                let Some((_, job)) = state.queue.next_job() else { return };
                let (stop, stopped) = watch::channel(false);
                state.stops.insert(job.id, stop);
                (job, stopped)
            };
            let jobs = Arc::clone(self);
            tokio::spawn(async move {
                let (tenant, id) = (job.actor.tenant, job.id);
                jobs.run(job, stopped).await;
                {
                    let mut state = jobs.lock();
                    state.stops.remove(&id);
                    state.queue.ended(tenant);
                }
                jobs.go_on();
            });
        }
    }

    async fn run(&self, job: Waiting, stopped: watch::Receiver<bool>) {
        let tenant = job.actor.tenant;
        match self.store.start_backtest(tenant, job.id, self.holder()).await {
            Ok(true) => {}
            // Somebody cancelled it while it waited.
            Ok(false) => return,
            Err(error) => return self.fail(&job.actor, job.id, &error.to_string()).await,
        }
        let folder = self.folder(tenant, job.id);
        let data = match self.data(tenant, &job.config, &folder).await {
            Ok(data) => data,
            Err(words) => return self.fail(&job.actor, job.id, &words).await,
        };
        let launch = Launch {
            program: self.settings.program.clone(),
            arguments: job.config.arguments(&data),
            folder,
            cpu_seconds: self.settings.job_cpu_seconds,
            memory_kib: self.settings.job_memory_kib,
            result_bytes_max: self.settings.result_bytes_max,
            spent_ms: Arc::default(),
        };
        let spent_ms = Arc::clone(&launch.spent_ms);
        let (to, progress) = mpsc::channel(16);
        let run = move || child::run(&launch, &to, &stopped);
        let running = tokio::task::spawn_blocking(run);
        let telling = self.tell_progress(&job.actor, job.id, progress, &spent_ms);
        let (ran, ()) = tokio::join!(running, telling);
        let lost = |_| (Ended::Failed("the run was lost".to_owned()), 0);
        let (ended, cpu_ms) = ran.unwrap_or_else(lost);
        let report = place(tenant, job.id) + "/report.html";
        let has_report = self.settings.data_dir.join(&report).exists();
        let is_stopping = self.lock().is_stopping;
        let mut end = match ended {
            Ended::Done(result) => {
                let result = Some(without_paths(result, &job.config.data));
                BacktestEnd { result, ..ended_as(BacktestStatus::Done, cpu_ms) }
            }
            Ended::Failed(words) => {
                BacktestEnd { error: Some(words), ..ended_as(BacktestStatus::Failed, cpu_ms) }
            }
            Ended::Stopped if is_stopping => ended_as(BacktestStatus::Interrupted, cpu_ms),
            Ended::Stopped => ended_as(BacktestStatus::Cancelled, cpu_ms),
        };
        end.report_path = has_report.then_some(report);
        self.keep(job.actor, job.id, end).await;
    }

    /// What `--data` is given: a bundled sample, or a link in the job's folder that has the data
    /// set's name, so that no path of this machine comes into a result.
    async fn data(
        &self,
        tenant: TenantId,
        config: &JobConfig,
        folder: &std::path::Path,
    ) -> Result<String, String> {
        let made = child::fresh_folder(folder);
        made.map_err(|error| format!("no folder could be made for the run: {error}"))?;
        if let Some(name) = config.data.strip_prefix("shared:")
            && let Some(shared) = self.settings.shared.iter().find(|data| data.name == name)
        {
            return Ok(shared.argument.clone());
        }
        let gone = |_| format!("the data set {} is gone", config.data);
        let id = config.data.parse().map_err(gone)?;
        let row = self.store.dataset(tenant, id).await.map_err(|error| error.to_string())?;
        let path = self.settings.data_dir.join(&row.path);
        let name = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let link = tokio::fs::symlink(&path, folder.join(&name)).await;
        link.map_err(|error| format!("the data set {}: {error}", row.name))?;
        Ok(row.symbols.first().map_or_else(|| name.clone(), |symbol| format!("{symbol}={name}")))
    }

    async fn tell_progress(
        &self,
        actor: &Actor,
        id: BacktestId,
        mut progress: mpsc::Receiver<Value>,
        spent_ms: &AtomicU64,
    ) {
        let (mut newest, mut ticks) = (None, tokio::time::interval(TOLD_EVERY));
        ticks.reset();
        loop {
            tokio::select! {
                shape = progress.recv() => match shape {
                    Some(shape) => {
                        self.tell(actor, id, BacktestStatus::Running, shape.clone());
                        newest = Some(shape);
                    }
                    None => return,
                },
                _ = ticks.tick() => {
                    let (shape, cpu_ms) = (newest.take(), spent_ms.load(Ordering::Relaxed));
                    let told = self.store.backtest_progress(actor.tenant, id, shape, cpu_ms);
                    // Another replica may have cancelled it. A store that is away is no reason to
                    // stop.
                    if let Ok(false) = told.await
                        && let Some(stop) = self.lock().stops.get(&id)
                    {
                        let _ = stop.send(true);
                    }
                }
            }
        }
    }

    pub(super) async fn fail(&self, actor: &Actor, id: BacktestId, words: &str) {
        let error = Some(words.to_owned());
        let end = BacktestEnd { error, ..ended_as(BacktestStatus::Failed, 0) };
        self.keep(actor.clone(), id, end).await;
    }

    /// Keeps the end of a job, again and again while the store is away.
    async fn keep(&self, actor: Actor, id: BacktestId, end: BacktestEnd) {
        let status = end.status;
        for _ in 0..KEEP_TRIES {
            match self.store.finish_backtest(actor.clone(), id, end.clone()).await {
                Ok(()) => {
                    let fraction = if status == BacktestStatus::Done { 1.0 } else { 0.0 };
                    return self.tell(&actor, id, status, json!({ "fraction": fraction }));
                }
                Err(error) if error.is_passing() && !self.lock().is_stopping => {
                    tokio::time::sleep(KEEP_PAUSE).await;
                }
                // It is over already: cancelled while it ran.
                Err(StoreError::Conflict(_)) => return self.charge(&actor, id, end.cpu_ms).await,
                Err(error) => {
                    tracing::error!(backtest = %id, %error, "the end of a backtest is not kept");
                    return;
                }
            }
        }
    }

    /// What a job took that was over before its process was.
    async fn charge(&self, actor: &Actor, id: BacktestId, cpu_ms: u64) {
        if let Err(error) = self.store.charge_backtest(actor.tenant, id, cpu_ms).await {
            tracing::warn!(backtest = %id, cpu_ms, %error, "processor time is not charged");
        }
    }

    /// Tells of a job of `owner`.
    fn tell(&self, owner: &Actor, id: BacktestId, status: BacktestStatus, progress: Value) {
        let change = JobChange { id, status, progress, person: owner.person.clone() };
        self.changes.tell(owner.tenant, change);
    }
}

/// Nothing begins any more.
pub(super) fn stopping() -> Refusal {
    let detail = "the service ends; try again in a moment".to_owned();
    Refusal::Unavailable { code: "STOPPING", detail }
}

fn ended_as(status: BacktestStatus, cpu_ms: u64) -> BacktestEnd {
    BacktestEnd { status, result: None, error: None, report_path: None, cpu_ms }
}

/// Where a job's files are, below the data directory.
fn place(tenant: TenantId, id: BacktestId) -> String {
    format!("backtests/{tenant}/{id}")
}

/// The result with the data set's name in the place of where it lay here.
fn without_paths(mut result: Value, name: &str) -> Value {
    let data = result.get_mut("data").and_then(Value::as_array_mut);
    for entry in data.into_iter().flatten() {
        if let Some(path) = entry.get_mut("path") {
            *path = Value::from(name);
        }
    }
    result
}
