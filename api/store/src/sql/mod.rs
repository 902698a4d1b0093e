//! The repositories in SQL, once for both databases.
//!
//! All statements are written in what SQLite and PostgreSQL have in common, with `$1` for the
//! tenant; [`value`] adds what PostgreSQL wants to know of the others. A statement runs in a
//! transaction of one tenant and nowhere else: [`Tx`] binds the tenant by itself.

mod accounts;
mod alerts;
mod audits;
mod backtests;
mod datasets;
mod decode;
mod history;
mod hitl;
mod idempotency;
mod kills;
mod leases;
mod limits;
mod many;
mod migrations;
mod observations;
mod open;
mod orders;
mod outbox;
mod outcomes;
mod projection;
mod recording;
mod row;
mod signals;
mod sources;
mod strategies;
mod tx;
mod value;
mod webhooks;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::{Pool, Postgres, Sqlite};
use tokio::sync::Notify;

use super::{StoreError, StoreSettings};
use qt_trading::ids::TenantId;
pub(crate) use row::Row;
pub(crate) use tx::Tx;
pub(crate) use value::{Value, args};

/// The store. Clones are the same store.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    backend: Backend,
    data_dir: PathBuf,
    /// Rung when there are events to publish.
    published: Notify,
    /// Tenants whose audit has grown since their heads were signed.
    grown: Mutex<BTreeSet<TenantId>>,
}

#[derive(Debug)]
enum Backend {
    Sqlite {
        /// SQLite has one writer at a time: this is its only connection.
        writer: Pool<Sqlite>,
        readers: Pool<Sqlite>,
    },
    Postgres {
        pool: Pool<Postgres>,
        schema: String,
    },
}

impl Store {
    /// Opens the database and brings its tables up to date.
    ///
    /// # Errors
    /// When it does not answer, is newer than this program, or the role that the service would
    /// work in could see more than one tenant.
    pub async fn open(settings: &StoreSettings) -> Result<Self, StoreError> {
        let backend = open::open(settings).await?;
        Ok(Self {
            inner: Arc::new(Inner {
                backend,
                data_dir: settings.data_dir.clone(),
                published: Notify::new(),
                grown: Mutex::default(),
            }),
        })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut tx = self.read(super::PLATFORM).await?;
        tx.rows("SELECT 1 AS one WHERE $1 IS NOT NULL", args![]).await?;
        Ok(())
    }

    /// `sqlite` or `postgresql`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.inner.backend {
            Backend::Sqlite { .. } => "sqlite",
            Backend::Postgres { .. } => "postgresql",
        }
    }

    /// Whether other machines may use the same database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.inner.backend, Backend::Postgres { .. })
    }

    /// Where the key and the heads of the audit are.
    #[must_use]
    pub fn data_dir(&self) -> &std::path::Path {
        &self.inner.data_dir
    }

    /// Ends all connections, once what runs is done.
    pub async fn close(&self) {
        match &self.inner.backend {
            Backend::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Backend::Postgres { pool, .. } => pool.close().await,
        }
    }

    /// Waits until events may be there to be published.
    pub(crate) async fn event_written(&self) {
        self.inner.published.notified().await;
    }

    /// Tenants whose audit has grown since the last call.
    pub(crate) fn take_grown(&self) -> BTreeSet<TenantId> {
        std::mem::take(&mut *self.inner.grown.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a tenant back among those whose audit has grown.
    pub(crate) fn has_grown(&self, tenant: TenantId) {
        self.inner.grown.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant);
    }

    pub(crate) fn events_written(&self) {
        self.inner.published.notify_one();
    }
}
