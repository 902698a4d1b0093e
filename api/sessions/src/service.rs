//! The sessions of all tenants.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::Sender;
use qt_ring::{Cores, Refusal as NotPinned};
use qt_strategies::Registry;
use qt_types::KillState;

use super::desk::TenantDesk;
use super::lease::{FileLeases, Held, Lease};
use super::market::{Hub, VENUE};
use super::memory::{Forgetful, Memory, Remembered};
use super::open::{Beginning, OpenError, PaperSettings};
use super::pending;
use super::platform::Platform;
use super::renewal::open_or_renew;
use super::request::{Killing, requests};
use super::running::Running;
use super::stage::Stages;
use super::told::{Listeners, Nobody};
use super::view::Shared;
use super::waiting::{self, Absent, News};
use super::worker::{Clocks, Worker};
use qt_trading::ids::{AccountId, TenantId};
use qt_trading::time::Time;
use qt_trading::{
    ArmAnswer, Desk, Doing, KillAnswer, KillLevel, Phase, Refusal, SessionState, Switch, Trading,
};

/// So long a kill of all waits for the sessions to say that it is done.
const KILL_TIME: Duration = Duration::from_secs(10);

/// How sessions are run.
pub struct SessionSettings {
    /// Where they are kept: `sessions/{tenant}/{account}`.
    pub folder: PathBuf,
    /// How many threads run them, where they have no cores of their own.
    pub workers: usize,
    /// Cores, for a thread each; none: the system says where threads run.
    pub cores: Vec<usize>,
    /// How their venues are.
    pub paper: PaperSettings,
    /// Who may run a session.
    pub lease: Arc<dyn Lease>,
    /// Who is told what becomes of orders.
    pub listeners: Arc<dyn Listeners>,
    /// What is known of sessions should their journals be lost.
    pub memory: Arc<dyn Memory>,
    /// Who is told how long the parts of their work take.
    pub stages: Stages,
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
            cores: Vec::new(),
            paper: PaperSettings::default(),
            lease: Arc::new(FileLeases),
            listeners: Arc::new(Nobody),
            memory: Arc::new(Forgetful),
            stages: Stages::off(),
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
    /// A core for them.
    #[error("a thread for sessions cannot have a core of its own: {0}")]
    Core(NotPinned),
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
    platform: Arc<Platform>,
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
        let (allowed, cores) = (Cores::allowed(), &settings.cores);
        if let Some(core) = cores.iter().copied().find(|core| !allowed.list().contains(core)) {
            return Err(StartError::Core(NotPinned::NotAllowed { core, allowed }));
        }
        let count = if cores.is_empty() { settings.workers.max(1) } else { cores.len() };
        let core = |at: usize| cores.get(at).map(|core| (allowed.clone(), *core));
        let workers = (0..count).map(|at| Worker::start(at, core(at), clocks, room.clone()));
        let workers = workers.collect::<Result<_, _>>().map_err(StartError::Thread)?;
        let platform = Arc::new(Platform::open(&path).map_err(in_folder)?);
        let known = accounts_in(&path).map_err(in_folder)?;
        let inner = Arc::new(Inner {
            settings,
            hub,
            workers: Mutex::new(workers),
            desks: Mutex::default(),
            platform,
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

    /// The desks of all sessions that there are.
    #[must_use]
    pub fn desks(&self) -> Vec<(TenantId, Arc<dyn Desk>)> {
        let desks = lock(&self.inner.desks);
        desks.iter().map(|(tenant, desk)| (*tenant, Arc::clone(desk) as Arc<dyn Desk>)).collect()
    }

    fn all(&self) -> Vec<Arc<TenantDesk>> {
        lock(&self.inner.desks).values().cloned().collect()
    }

    /// Takes over a switch of all sessions that was tripped or armed by another process, where it
    /// is newer than what is known here. It waits for the disk.
    pub fn take_over(&self, switch: Switch) {
        if is_there(switch.level, &switch.subject).is_err() {
            return;
        }
        if let Err(error) = self.inner.platform.take_over(switch) {
            tracing::error!(%error, "a kill switch of all sessions is not kept");
        }
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
        let platform = Arc::clone(&self.platform);
        let shared = Shared::new(tenant, account, to, worker, wakes, listener, platform);
        let shared = Arc::new(shared);
        let absent = Absent::new(Arc::clone(&shared), requests);
        // Without the room the service is at its end.
        let _ = self.room.send(News::Wait(absent));
        let folder = self.folder(&shared);
        Arc::new(TenantDesk { shared, folder })
    }

    /// Where a session is kept.
    pub fn folder(&self, shared: &Shared) -> PathBuf {
        let folder = self.settings.folder.join(shared.tenant.to_string());
        folder.join(shared.account.to_string())
    }

    /// Makes the session again from its journal, and gives it to its worker.
    ///
    /// # Errors
    /// Why it cannot begin yet. What never can has failed.
    pub fn open(
        &self,
        absent: &Absent,
        folder: &Path,
        held: Box<dyn Held>,
        remembered: &Remembered,
    ) -> Result<(), String> {
        let shared = &absent.shared;
        let held: Arc<dyn Held> = held.into();
        let opened = open_or_renew(|| {
            Ok(Beginning {
                folder,
                held: Arc::clone(&held),
                registry: Arc::clone(&self.settings.registry),
                specs: self.hub.specs(),
                settings: &self.settings.paper,
                feed: self.hub.subscribe(Some(shared.wakes.clone()))?,
                requests: absent.requests.clone(),
                shared: Arc::clone(shared),
                remembered: remembered.clone(),
                stages: self.settings.stages.clone(),
            })
        });
        match opened {
            Ok(running) => self.give(shared.worker, Box::new(running)),
            Err(why @ OpenError::Unusable(_)) => return Err(why.to_string()),
            Err(why) => self.fail(shared, &why.to_string()),
        }
        Ok(())
    }

    fn give(&self, worker: usize, mut running: Box<Running>) {
        if self.is_stopping.load(Ordering::Acquire) {
            running.begin_end();
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
        match pending::read(&self.folder(shared)) {
            Ok(kills) => pending::show(shared, &kills),
            Err(error) => tracing::error!(%error, "kills of a session cannot be read"),
        }
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

    /// Has the file of the switches of all sessions written, in a thread of its own: a kill is sent
    /// without waiting for a disk.
    fn keep(
        &self,
        keep: impl FnOnce(&Platform) -> std::io::Result<()> + Send + 'static,
    ) -> Doing<'static, Result<(), Refusal>> {
        let platform = Arc::clone(&self.platform);
        let keeping = tokio::task::spawn_blocking(move || keep(&platform));
        Box::pin(async move {
            let why = match keeping.await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            tracing::error!(why, "the kill switches of all sessions are not kept");
            let detail = format!("a trip holds, but would not outlive this process: {why}");
            Err(Refusal::Unavailable { code: "SWITCH_NOT_KEPT", detail })
        })
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

    fn kill_all(
        &self,
        level: KillLevel,
        subject: String,
        reason: String,
        person: String,
    ) -> Doing<'_, Result<KillAnswer, Refusal>> {
        Box::pin(async move {
            is_there(level, &subject)?;
            let now = Time::now();
            let at = self.inner.platform.trip(Switch {
                level,
                subject,
                is_killed: true,
                state: KillState::Halted.text().to_owned(),
                tripped_at: now,
                reason: reason.clone(),
                people: vec![person.clone()],
                changed_at: now,
            });
            let keeping = self.inner.keep(Platform::keep);
            // Sent to all first. What does not run takes it before anything leaves; what is over
            // has nothing that could.
            let running = self.all().into_iter();
            let running = running.filter(|it| it.shared.is_visited.load(Ordering::Acquire));
            let sent: Vec<_> = running
                .map(|desk| {
                    let (person, reason) = (person.clone(), reason.clone());
                    let (at, is_absent) = (Some(at), false);
                    let killing = Killing { level, strategy: None, person, reason, at, is_absent };
                    let answer = desk.kill_first(killing);
                    (desk, answer)
                })
                .collect();
            let kept = keeping.await;
            let mut all = KillAnswer { tripped_at: Some(at), ..KillAnswer::default() };
            let joining = async {
                for (desk, answer) in sent {
                    match answer.await {
                        Ok(one) => add(&mut all, one),
                        Err(why) if desk.shared.is_visited.load(Ordering::Acquire) => {
                            tracing::warn!(account = %desk.shared.account, %why, "kill switch");
                        }
                        Err(_) => {}
                    }
                }
            };
            if tokio::time::timeout(KILL_TIME, joining).await.is_err() {
                let detail = "not all sessions have said that nothing leaves any more; each takes \
                              the switch before anything else";
                let detail = detail.to_owned();
                return Err(Refusal::Unavailable { code: "KILL_NOT_CONFIRMED", detail });
            }
            kept.map(|()| all)
        })
    }

    fn arm_all(
        &self,
        level: KillLevel,
        subject: String,
        trip: Time,
        people: Vec<String>,
    ) -> Doing<'_, Result<ArmAnswer, Refusal>> {
        Box::pin(async move {
            is_there(level, &subject)?;
            let is_it = |it: &Switch| it.is_of(level, &subject) && it.is_killed;
            let Some(known) = self.switches().into_iter().find(is_it) else {
                return Ok(ArmAnswer::WasArmed);
            };
            if known.tripped_at > trip {
                let at = known.tripped_at;
                let detail = format!("it was tripped again at {at}: approvals do not count");
                return Err(Refusal::Conflict(detail));
            }
            let armed = Switch {
                is_killed: false,
                state: KillState::Active.text().to_owned(),
                people,
                changed_at: Time::now(),
                ..known
            };
            self.inner.keep(move |platform| platform.arm(armed)).await?;
            // They take it over in their next turn, before anything that is asked of them.
            self.all().iter().for_each(|desk| desk.shared.wakes.unpark());
            Ok(ArmAnswer::Armed)
        })
    }

    fn switches(&self) -> Vec<Switch> {
        let mut all = self.inner.platform.all().to_vec();
        // A session may have tripped its own: when its disk was full.
        for desk in self.all() {
            let of_all = [KillLevel::Venue, KillLevel::Global];
            let own = desk.switches().into_iter();
            for switch in own.filter(|it| it.is_killed && of_all.contains(&it.level)) {
                match all.iter_mut().find(|it| it.is_of(switch.level, &switch.subject)) {
                    Some(known) if known.tripped_at < switch.tripped_at => *known = switch,
                    Some(_) => {}
                    None => all.push(switch),
                }
            }
        }
        all
    }

    fn states(&self) -> Vec<SessionState> {
        self.all().iter().map(|desk| desk.state()).collect()
    }
}

/// Whether there is a switch of `subject` at `level` for all sessions.
fn is_there(level: KillLevel, subject: &str) -> Result<(), Refusal> {
    match level {
        KillLevel::Global if subject.is_empty() => Ok(()),
        KillLevel::Venue if subject == VENUE => Ok(()),
        _ => Err(Refusal::NotFound),
    }
}

fn add(all: &mut KillAnswer, mut one: KillAnswer) {
    all.cancelled.append(&mut one.cancelled);
    all.cancel_pending.append(&mut one.cancel_pending);
    all.unknown.append(&mut one.unknown);
    all.could_not_cancel.append(&mut one.could_not_cancel);
}
