//! Backtest jobs.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Kept;
use super::actor::Actor;
use super::page::{Page, Slice};
use qt_trading::ids::{BacktestId, StrategyUid, TenantId};
use qt_trading::time::Time;

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BacktestStatus {
    /// It waits for a worker.
    Queued,
    /// It runs.
    Running,
    /// It is done.
    Done,
    /// It could not be done.
    Failed,
    /// Somebody stopped it.
    Cancelled,
    /// The service ended while it ran.
    Interrupted,
}

impl BacktestStatus {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Cancelled, Self::Interrupted];

    /// The word for it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// The status of that word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.text() == text)
    }

    /// Whether nothing can change it any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// A job that somebody wants to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct NewBacktest {
    /// Its identifier.
    pub id: BacktestId,
    /// The strategy, where it is one of the tenant's.
    pub strategy_id: Option<StrategyUid>,
    /// What a repeat must not start again, like strategy and data version; unique in the tenant.
    pub unique_key: Option<String>,
    /// All that the run needs.
    pub config: Value,
}

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BacktestRow {
    /// Its identifier.
    pub id: BacktestId,
    /// The strategy, where it is one of the tenant's.
    pub strategy_id: Option<StrategyUid>,
    /// Where it is.
    pub status: BacktestStatus,
    /// All that the run needs.
    pub config: Value,
    /// How far it is, from 0 to 1, and what the run says of itself.
    pub progress: Value,
    /// Its result, where it is done.
    pub result: Option<Value>,
    /// Why it failed.
    pub error: Option<String>,
    /// Where its report is, below the data directory.
    pub report_path: Option<String>,
    /// Processor time that it took, in milliseconds.
    pub cpu_ms: u64,
    /// Who asked for it.
    pub person: String,
    /// When it was asked for.
    pub created_at: Time,
    /// When it began.
    pub started_at: Option<Time>,
    /// When it was over.
    pub finished_at: Option<Time>,
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq)]
pub struct BacktestStep {
    /// The job.
    pub id: BacktestId,
    /// Where it is.
    pub status: BacktestStatus,
    /// How far it is, from 0 to 1, and what the run says of itself.
    pub progress: Value,
    /// Who asked for it.
    pub person: String,
}

/// The process that has a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobHolder {
    /// Its name, which no other process has.
    pub name: String,
    /// Until when it has the jobs that wait or run with it, unless it says so again. Whose time is
    /// over, or who began before there were holders, has none any more.
    pub until: Time,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq)]
pub struct BacktestEnd {
    /// A final status.
    pub status: BacktestStatus,
    /// Its result, where it is done.
    pub result: Option<Value>,
    /// Why it failed.
    pub error: Option<String>,
    /// Where its report is, below the data directory.
    pub report_path: Option<String>,
    /// Processor time that it took, in milliseconds.
    pub cpu_ms: u64,
}

/// What a tenant has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BacktestUse {
    /// Jobs that wait or run.
    pub open: u64,
    /// Processor time of jobs that were asked for since the time given, in milliseconds.
    pub cpu_ms: u64,
}

/// What a tenant may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BacktestQuota {
    /// Jobs that wait or run.
    pub open_max: u64,
    /// Processor time of jobs that were asked for since `since`, in milliseconds.
    pub cpu_ms_max: u64,
    /// See `cpu_ms_max`.
    pub since: Time,
}

/// The repository of jobs.
pub trait Backtests: Send + Sync {
    /// Takes a job in. Where `unique_key` is there already, that job is returned instead, and the
    /// flag is false; else a quota that is used up refuses it.
    fn enqueue_backtest(
        &self,
        actor: Actor,
        new: NewBacktest,
        quota: BacktestQuota,
        holder: JobHolder,
    ) -> Kept<'_, (BacktestRow, bool)>;

    /// One job.
    fn backtest(&self, tenant: TenantId, id: BacktestId) -> Kept<'_, BacktestRow>;

    /// Jobs, newest first: those that `person` asked for, or all.
    fn backtests(
        &self,
        tenant: TenantId,
        person: Option<String>,
        page: Page,
    ) -> Kept<'_, Slice<BacktestRow>>;

    /// How far the newest `most` jobs are, newest first.
    fn backtest_steps(&self, tenant: TenantId, most: u32) -> Kept<'_, Vec<BacktestStep>>;

    /// The latest job of a strategy, among those that `person` asked for, or all; none when there
    /// is none.
    fn latest_backtest(
        &self,
        tenant: TenantId,
        strategy: StrategyUid,
        person: Option<String>,
    ) -> Kept<'_, Option<BacktestRow>>;

    /// A job begins; false when it no longer waits.
    fn start_backtest(&self, tenant: TenantId, id: BacktestId, holder: JobHolder)
    -> Kept<'_, bool>;

    /// How far a running job is, where it has told of that, and the processor time that it took so
    /// far, which it is charged whatever becomes of it; false when it runs no more, so that the
    /// worker stops.
    fn backtest_progress(
        &self,
        tenant: TenantId,
        id: BacktestId,
        progress: Option<Value>,
        cpu_ms: u64,
    ) -> Kept<'_, bool>;

    /// The jobs of the tenant that wait or run with `holder` are its own for longer.
    fn hold_backtests(&self, tenant: TenantId, holder: JobHolder) -> Kept<'_, ()>;

    /// A job is over, with the event of it. One that is over already is a conflict.
    fn finish_backtest(&self, actor: Actor, id: BacktestId, end: BacktestEnd) -> Kept<'_, ()>;

    /// A job that was over before its process was: the processor time that it took all the same.
    fn charge_backtest(&self, tenant: TenantId, id: BacktestId, cpu_ms: u64) -> Kept<'_, ()>;

    /// Takes over the jobs of the tenant whose holders' time was over before `lapsed`: those that
    /// ran are interrupted; those that waited are `holder`'s now and returned, oldest first.
    fn recover_backtests(
        &self,
        tenant: TenantId,
        holder: JobHolder,
        lapsed: Time,
    ) -> Kept<'_, Vec<BacktestRow>>;

    /// What the tenant has used since `since`.
    fn backtest_use(&self, tenant: TenantId, since: Time) -> Kept<'_, BacktestUse>;
}
