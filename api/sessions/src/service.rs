//! The sessions of all tenants.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::Sender;
use qt_strategies::Registry;

use super::desk::TenantDesk;
use super::lease::{FileLeases, Held, Lease};
use super::market::Hub;
use super::open::{Beginning, PaperSettings, open};
use super::request::requests;
use super::running::Running;
use super::told::{Listeners, Nobody};
use super::view::Shared;
use super::waiting::{self, Absent, News};
use super::worker::{Clocks, Worker};
use qt_trading::ids::{AccountId, TenantId};
use qt_trading::{Desk, Doing, KillAnswer, KillLevel, Phase, Refusal, SessionState, Trading};

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
    /// The types of strategies that there are.
    pub registry: Arc<Registry>,
    /// So long a desk waits for its session to be ready before it is given out as it is.
    pub patience: Duration,
}

impl SessionSettings {
    /// Two threads, leases by a lock on a file, and the strategies that are built in.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            workers: 2,
            paper: PaperSettings::default(),
            lease: Arc::new(FileLeases),
            listeners: Arc::new(Nobody),
            registry: Arc::new(Registry::builtin()),
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

/// What the threads of the sessions have in common.
pub struct Inner {
    pub settings: SessionSettings,
    hub: Arc<Hub>,
    workers: Mutex<Vec<Worker>>,
    desks: Mutex<HashMap<TenantId, Arc<TenantDesk>>>,
    is_stopping: AtomicBool,
    /// Where sessions wait for their leases.
    pub room: Sender<News>,
    room_thread: Mutex<Option<JoinHandle<()>>>,
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
        let (room, news) = waiting::room();
        let workers = 0..settings.workers.max(1);
        let workers = workers.map(|at| Worker::start(at, clocks, room.clone()));
        let workers = workers.collect::<Result<_, _>>().map_err(StartError::Thread)?;
        let known = accounts_in(&path).map_err(in_folder)?;
        let inner = Arc::new(Inner {
            settings,
            hub,
            workers: Mutex::new(workers),
            desks: Mutex::default(),
            is_stopping: AtomicBool::new(false),
            room,
            room_thread: Mutex::default(),
        });
        let of_room = Arc::clone(&inner);
        let thread = std::thread::Builder::new().name("sessions-waiting".to_owned());
        let thread = thread.spawn(move || waiting::run(&of_room, &news));
        *lock(&inner.room_thread) = Some(thread.map_err(StartError::Thread)?);
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
        self.inner.stop();
    }
}

impl Drop for Sessions {
    fn drop(&mut self) {
        self.stop_now();
    }
}

impl Inner {
    /// A session waits for its lease, and begins.
    fn begin(&self, tenant: TenantId, account: AccountId) -> Arc<TenantDesk> {
        let (to, requests) = requests();
        let (worker, wakes) = {
            let workers = lock(&self.workers);
            let least = workers.iter().enumerate().min_by_key(|(_, it)| it.load());
            let (at, worker) = least.unwrap_or((0, &workers[0]));
            worker.expect();
            (at, worker.unparker())
        };
        let listener = self.settings.listeners.of(tenant, account);
        let shared = Arc::new(Shared::new(tenant, account, to, worker, wakes, listener));
        let absent = Absent { shared: Arc::clone(&shared), requests, tries: 0 };
        // Without the room the service is at its end.
        let _ = self.room.send(News::Wait(absent));
        Arc::new(TenantDesk { shared })
    }

    /// Where a session is kept.
    pub fn folder(&self, shared: &Shared) -> PathBuf {
        let folder = self.settings.folder.join(shared.tenant.to_string());
        folder.join(shared.account.to_string())
    }

    /// Makes the session again from its journal, and gives it to its worker.
    pub fn open(&self, absent: &Absent, folder: &Path, held: Box<dyn Held>) {
        let shared = &absent.shared;
        let opened = self.hub.subscribe(Some(shared.wakes.clone())).map_err(Into::into);
        let opened = opened.and_then(|feed| {
            open(Beginning {
                folder,
                held,
                registry: Arc::clone(&self.settings.registry),
                specs: self.hub.specs(),
                settings: &self.settings.paper,
                feed,
                requests: absent.requests.clone(),
                shared: Arc::clone(shared),
            })
        });
        match opened {
            Ok(running) => self.give(shared.worker, Box::new(running)),
            Err(why) => self.fail(shared, &why.to_string()),
        }
    }

    fn give(&self, worker: usize, mut running: Box<Running>) {
        if self.is_stopping.load(Ordering::Acquire) {
            running.end();
            return;
        }
        if let Some(worker) = lock(&self.workers).get(worker) {
            worker.take(running);
        }
    }

    /// The session is not begun, and not tried again.
    pub fn fail(&self, shared: &Shared, why: &str) {
        tracing::error!(account = %shared.account, why, "a session does not begin");
        shared.enter(Phase::Failed, Some(why.to_owned()));
        if let Some(worker) = lock(&self.workers).get(shared.worker) {
            worker.lose();
        }
    }

    /// Ends all sessions in order, and returns when they have.
    fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        let _ = self.room.send(News::End);
        let room = lock(&self.room_thread).take();
        // What a thread that came to a sudden end had to say is in the log.
        let _ = room.map(JoinHandle::join);
        let mut workers = lock(&self.workers);
        workers.iter().for_each(Worker::end);
        workers.iter_mut().for_each(Worker::join);
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
            let ended = tokio::task::spawn_blocking(move || inner.stop());
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
