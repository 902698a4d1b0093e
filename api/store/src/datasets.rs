//! Data sets of tenants and shared ones.

use serde::Serialize;
use utoipa::ToSchema;

use super::Kept;
use super::actor::Actor;
use super::page::{Page, Slice};
use qt_trading::ids::{DatasetId, TenantId};
use qt_trading::time::Time;

/// A data set that is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDataset {
    /// Its identifier.
    pub id: DatasetId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// `bars` or `ticks`.
    pub kind: String,
    /// What it is about.
    pub symbols: Vec<String>,
    /// How many rows.
    pub rows: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Its first time.
    pub from: Time,
    /// Its last time.
    pub to: Time,
    /// Where it is, below the data directory.
    pub path: String,
    /// SHA-256 of its content: the version of the data.
    pub sha256: String,
}

/// A data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DatasetRow {
    /// Its identifier.
    pub id: DatasetId,
    /// Its name.
    pub name: String,
    /// `bars` or `ticks`.
    pub kind: String,
    /// What it is about.
    pub symbols: Vec<String>,
    /// How many rows.
    pub rows: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Its first time.
    pub from: Time,
    /// Its last time.
    pub to: Time,
    /// SHA-256 of its content.
    pub sha256: String,
    /// Whether every tenant may read it.
    pub is_shared: bool,
    /// Where it is, below the data directory; never shown.
    #[serde(skip)]
    pub path: String,
    /// When it was kept.
    pub created_at: Time,
}

/// What a tenant may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatasetQuota {
    /// Data sets.
    pub sets_max: u64,
    /// Their bytes together.
    pub bytes_max: u64,
}

/// The repository of data sets. Shared ones are kept under the tenant [`super::PLATFORM`].
pub trait Datasets: Send + Sync {
    /// Keeps a data set. A name that is taken is a conflict; a quota that is used up refuses it.
    fn save_dataset(
        &self,
        actor: Actor,
        new: NewDataset,
        quota: DatasetQuota,
    ) -> Kept<'_, DatasetRow>;

    /// One of the tenant's, or a shared one.
    fn dataset(&self, tenant: TenantId, id: DatasetId) -> Kept<'_, DatasetRow>;

    /// By name: the tenant's, or a shared one.
    fn dataset_named(
        &self,
        tenant: TenantId,
        name: String,
        is_shared: bool,
    ) -> Kept<'_, DatasetRow>;

    /// The tenant's, newest first.
    fn datasets(&self, tenant: TenantId, page: Page) -> Kept<'_, Slice<DatasetRow>>;

    /// Forgets a data set and returns it, so that its file can be removed.
    fn delete_dataset(&self, actor: Actor, id: DatasetId) -> Kept<'_, DatasetRow>;
}
