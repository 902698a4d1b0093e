//! What jobs may use.

use std::path::PathBuf;

use qt_store::datasets::DatasetQuota;

/// A data set that comes with the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedData {
    /// Its name: `shared:NAME` in requests.
    pub name: String,
    /// Its symbols.
    pub symbols: Vec<String>,
    /// What `--data` of the command line is given.
    pub argument: String,
    /// Its version, which changes with its content.
    pub version: String,
}

/// What jobs may use.
#[derive(Clone, Debug)]
pub struct JobSettings {
    /// The name of this process: no other one has it.
    pub name: String,
    /// Whether no other process uses the same database.
    pub is_alone: bool,
    /// The program that runs a backtest: `quanttrade` itself.
    pub program: PathBuf,
    /// The service's data directory; jobs have `backtests/TENANT/ID` in it.
    pub data_dir: PathBuf,
    /// Data sets that every tenant may read.
    pub shared: Vec<SharedData>,
    /// Jobs that run at one time.
    pub running_max: usize,
    /// Jobs of one tenant that run at one time.
    pub tenant_running_max: usize,
    /// Jobs of one tenant that wait or run.
    pub tenant_open_max: u64,
    /// Processor time of one job, seconds.
    pub job_cpu_seconds: u64,
    /// Processor time of one tenant's jobs in 24 hours, seconds.
    pub tenant_cpu_seconds: u64,
    /// Memory of one job, KiB (mapped data sets do not count).
    pub job_memory_kib: u64,
    /// Days of data that one job may ask for.
    pub range_days_max: i64,
    /// Data sets of a tenant.
    pub tenant_datasets_max: u64,
    /// Bytes of the data sets of a tenant.
    pub tenant_dataset_bytes_max: u64,
    /// Data sets of one tenant that are sent at one time.
    pub tenant_intakes_max: usize,
    /// Bytes of a result.
    pub result_bytes_max: u64,
}

impl JobSettings {
    /// The shared data set of this name.
    #[must_use]
    pub fn find_shared(&self, name: &str) -> Option<&SharedData> {
        self.shared.iter().find(|data| data.name.eq_ignore_ascii_case(name))
    }

    /// What a tenant may keep.
    #[must_use]
    pub const fn dataset_quota(&self) -> DatasetQuota {
        let (sets_max, bytes_max) = (self.tenant_datasets_max, self.tenant_dataset_bytes_max);
        DatasetQuota { sets_max, bytes_max }
    }

    /// The usual limits: one job less than there are cores, one running job a tenant, ten minutes
    /// of processor time a job and an hour a tenant and day.
    #[must_use]
    pub fn new(program: PathBuf, data_dir: PathBuf, shared: Vec<SharedData>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            name: uuid::Uuid::now_v7().to_string(),
            is_alone: true,
            program,
            data_dir,
            shared,
            running_max: cores.saturating_sub(1).max(1),
            tenant_running_max: 1,
            tenant_open_max: 20,
            job_cpu_seconds: 600,
            tenant_cpu_seconds: 3_600,
            job_memory_kib: 2 << 20,
            range_days_max: 366 * 100,
            tenant_datasets_max: 100,
            tenant_dataset_bytes_max: 1 << 30,
            tenant_intakes_max: 2,
            result_bytes_max: 64 << 20,
        }
    }
}
