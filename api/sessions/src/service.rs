//! The sessions of all tenants.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam::channel::{Receiver, bounded};

use super::desk::TenantDesk;
use super::lease::{FileLeases, Lease};
use super::market::Hub;
use super::open::{Beginning, PaperSettings, open};
use super::request::Request;
use super::told::{Listeners, Nobody};
use super::view::Shared;
use super::worker::{Clocks, Worker};
use qt_trading::ids::{AccountId, TenantId};
use qt_trading::{Desk, Doing, KillAnswer, KillLevel, Phase, Refusal, SessionState, Trading};

/// Requests of one session that may wait.
const REQUESTS_MAX: usize = 1_024;
/// How sessions are run.
pub struct SessionSettings {
    /// Where they are kept: `sessions/{tenant}/{account}`.
    pub folder: PathBuf,
    /// How many threads run them.
    pub workers: usize,
    /// How their venues are.
    pub paper: PaperSettings,
    /// Who may run a session.
    pub lease: Arc<dyn Lease>,
    /// Who is told what becomes of orders.
    pub listeners: Arc<dyn Listeners>,
    /// So long a desk waits for its session to be ready before it is given out as it is.
    pub patience: Duration,
}

impl SessionSettings {
    /// Two threads, and leases by a lock on a file.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            workers: 2,
            paper: PaperSettings::default(),
            lease: Arc::new(FileLeases),
            listeners: Arc::new(Nobody),
            patience: Duration::from_secs(3),
        }
    }
}

/// Why no sessions can be run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The folder.
    #[error("{path}: the folder of the sessions cannot be read: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A thread.
    #[error("a thread for sessions cannot be started: {0}")]
    Thread(std::io::Error),
}

/// All of them.
pub struct Sessions {
    inner: Arc<Inner>,
}

struct Inner {
    settings: SessionSettings,
    hub: Arc<Hub>,
    workers: Mutex<Vec<Worker>>,
    desks: Mutex<HashMap<TenantId, Arc<TenantDesk>>>,
    is_stopping: AtomicBool,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sessions {
    /// Starts the workers, and every session that there was.
    ///
    /// # Errors
    /// When the folder cannot be read or there are no threads.
    pub fn start(settings: SessionSettings, hub: Arc<Hub>) -> Result<Arc<Self>, StartError> {
        let path = settings.folder.clone();
        let in_folder = |source| StartError::Folder { path: path.clone(), source };
        fs::create_dir_all(&path).map_err(in_folder)?;
        let clocks = Clocks::start();
        let workers = (0..settings.workers.max(1)).map(|at| Worker::start(at, clocks));
        let workers = workers.collect::<Result<_, _>>().map_err(StartError::Thread)?;
        let known = accounts_in(&path).map_err(in_folder)?;
        let inner = Arc::new(Inner {
            settings,
            hub,
            workers: Mutex::new(workers),
            desks: Mutex::default(),
            is_stopping: AtomicBool::new(false),
        });
        for (tenant, account) in known {
            let desk = inner.begin(tenant, account);
            lock(&inner.desks).insert(tenant, desk);
        }
        Ok(Arc::new(Self { inner }))
    }

    fn find(&self, tenant: TenantId) -> Result<Arc<TenantDesk>, Refusal> {
        let inner = &self.inner;
        if inner.is_stopping.load(Ordering::Acquire) {
            let detail = "the service is stopping".to_owned();
            return Err(Refusal::Unavailable { code: "STOPPING", detail });
        }
        let mut desks = lock(&inner.desks);
        if let Some(desk) = desks.get(&tenant) {
            return Ok(Arc::clone(desk));
        }
        let desk = inner.begin(tenant, AccountId::paper(tenant));
        desks.insert(tenant, Arc::clone(&desk));
        Ok(desk)
    }

    fn all(&self) -> Vec<Arc<TenantDesk>> {
        lock(&self.inner.desks).values().cloned().collect()
    }

    /// Ends all sessions in order, and returns when they have.
    pub fn stop_now(&self) {
        self.inner.is_stopping.store(true, Ordering::Release);
        let mut workers = lock(&self.inner.workers);
        workers.iter().for_each(Worker::end);
        workers.iter_mut().for_each(Worker::join);
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.stop_now();
    }
}

impl Inner {
    /// A session begins, on a thread of its own until it has caught up with what it was.
    fn begin(self: &Arc<Self>, tenant: TenantId, account: AccountId) -> Arc<TenantDesk> {
        let (to, requests) = bounded(REQUESTS_MAX);
        let (at, wakes) = {
            let workers = lock(&self.workers);
            let least = workers.iter().enumerate().min_by_key(|(_, it)| it.load());
            let (at, worker) = least.unwrap_or((0, &workers[0]));
            worker.expect();
            (at, worker.unparker())
        };
        let listener = self.settings.listeners.of(tenant, account);
        let shared = Arc::new(Shared::new(tenant, account, to, wakes, listener));
        let (inner, of) = (Arc::clone(self), Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("session-start".to_owned());
        let started = thread.spawn(move || inner.open(&of, requests, at));
        if let Err(why) = started {
            shared.enter(Phase::Failed, Some(why.to_string()));
        }
        Arc::new(TenantDesk { shared })
    }

    fn open(&self, shared: &Arc<Shared>, requests: Receiver<Request>, at: usize) {
        let folder = self.settings.folder.join(shared.tenant.to_string());
        let folder = folder.join(shared.account.to_string());
        let opened = self.hub.subscribe(Some(shared.wakes.clone())).map_err(Into::into);
        let opened = opened.and_then(|feed| {
            open(Beginning {
                folder: &folder,
                lease: &*self.settings.lease,
                specs: self.hub.specs(),
                settings: &self.settings.paper,
                feed,
                requests,
                shared: Arc::clone(shared),
            })
        });
        let workers = lock(&self.workers);
        match opened {
            Ok(running) => workers[at].take(Box::new(running)),
            Err(why) => {
                workers[at].lose();
                tracing::error!(account = %shared.account, %why, "a session does not begin");
                shared.enter(Phase::Failed, Some(why.to_string()));
            }
        }
    }
}

/// The accounts that have a session here; of several of a tenant the oldest.
fn accounts_in(folder: &Path) -> std::io::Result<Vec<(TenantId, AccountId)>> {
    let mut known = Vec::new();
    for tenant in fs::read_dir(folder)? {
        let tenant = tenant?;
        let Some(id) = tenant.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let accounts = fs::read_dir(tenant.path())?.filter_map(Result::ok);
        let accounts = accounts.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        known.extend(accounts.min().map(|account| (id, account)));
    }
    Ok(known)
}

impl Trading for Sessions {
    fn desk(&self, tenant: TenantId) -> Doing<'_, Result<Arc<dyn Desk>, Refusal>> {
        Box::pin(async move {
            let desk = self.find(tenant)?;
            let mut phase = desk.shared.phase.subscribe();
            let is_there = |now: &(Phase, Option<String>)| now.0 != Phase::Reconciling;
            // One that takes longer says so to whoever asks something of it.
            let _ =
                tokio::time::timeout(self.inner.settings.patience, phase.wait_for(is_there)).await;
            Ok(desk as Arc<dyn Desk>)
        })
    }

    fn stop(&self) -> Doing<'_, ()> {
        Box::pin(async move {
            let inner = Arc::clone(&self.inner);
            inner.is_stopping.store(true, Ordering::Release);
            let ended = tokio::task::spawn_blocking(move || {
                let mut workers = lock(&inner.workers);
                workers.iter().for_each(Worker::end);
                workers.iter_mut().for_each(Worker::join);
            });
            // It cannot be cancelled, and does not panic.
            let _ = ended.await;
        })
    }

    fn kill_all(&self, reason: String, person: String) -> Doing<'_, Result<KillAnswer, Refusal>> {
        Box::pin(async move {
            let mut all = KillAnswer::default();
            let mut first = None;
            for desk in self.all() {
                let (reason, person) = (reason.clone(), person.clone());
                match desk.kill(KillLevel::Global, None, reason, person).await {
                    Ok(mut one) => {
                        all.cancelled.append(&mut one.cancelled);
                        all.cancel_pending.append(&mut one.cancel_pending);
                        all.unknown.append(&mut one.unknown);
                        all.could_not_cancel.append(&mut one.could_not_cancel);
                    }
                    Err(refusal) => {
                        first.get_or_insert(refusal);
                    }
                }
            }
            first.map_or(Ok(all), Err)
        })
    }

    fn states(&self) -> Vec<SessionState> {
        self.all().iter().map(|desk| desk.state()).collect()
    }
}
