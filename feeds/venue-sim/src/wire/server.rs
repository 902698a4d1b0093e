//! The servers: a port, a task for each connection, and the step by which time goes on.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;

use super::connection;
use super::service::{Admission, Service};
use super::stream::Stream;
use super::tls::Tls;

/// How many connections are open at a time at most; one more is closed at once.
pub const CONNECTIONS_MAX: usize = 2048;
/// How long a stop waits for clients to take their last words.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How the servers behave, whatever the venue.
#[derive(Debug, Clone)]
pub struct WireSettings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// TLS, where it is wanted.
    pub tls: Option<Tls>,
    /// How often time goes on.
    pub step: Duration,
    /// How often a WebSocket is pinged.
    pub ping_every: Duration,
    /// How long a pong may take before the connection is closed.
    pub pong_within: Duration,
    /// How long a WebSocket lives.
    pub lifetime: Duration,
    /// How many bytes wait for a client that does not read before it is cut off.
    pub outbox_bytes_max: usize,
    /// How long a request may take to arrive, and a connection may wait for the next one.
    pub request_within: Duration,
}

impl Default for WireSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: None,
            step: Duration::from_millis(1),
            ping_every: Duration::from_secs(20),
            pong_within: Duration::from_secs(60),
            lifetime: Duration::from_secs(24 * 60 * 60),
            outbox_bytes_max: 16 * 1024 * 1024,
            request_within: Duration::from_secs(60),
        }
    }
}

/// The venue behind one lock. Nobody who holds it waits for anything.
pub type Shared<S> = Arc<Mutex<S>>;

/// The venue, also after a panic elsewhere: what is wrong with it then, tests shall see.
pub fn locked<S>(shared: &Shared<S>) -> MutexGuard<'_, S> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time of day in nanoseconds since the epoch.
#[must_use]
pub fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// What all tasks share.
#[derive(Debug)]
pub(super) struct Hub<S> {
    pub(super) service: Shared<S>,
    pub(super) settings: WireSettings,
    pub(super) next_link: AtomicU64,
    pub(super) open: AtomicUsize,
    pub(super) is_stopping: AtomicBool,
}

/// Servers that run. They stop when it is dropped.
#[derive(Debug)]
pub struct Serving<S: Service + 'static> {
    /// Where they listen.
    pub addr: SocketAddr,
    hub: Arc<Hub<S>>,
    runtime: Option<Runtime>,
}

impl<S: Service + 'static> Serving<S> {
    /// Starts the servers; may be called inside and outside of a runtime.
    ///
    /// # Errors
    /// When the address cannot be had, or there are no threads.
    pub fn start(service: Shared<S>, settings: WireSettings) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("venue-sim")
            .enable_all()
            .build()?;
        let socket = std::net::TcpListener::bind(settings.listen)?;
        socket.set_nonblocking(true)?;
        let addr = socket.local_addr()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(socket)?
        };
        let hub = Arc::new(Hub {
            service,
            settings,
            next_link: AtomicU64::new(1),
            open: AtomicUsize::new(0),
            is_stopping: AtomicBool::new(false),
        });
        runtime.spawn(accept(listener, Arc::clone(&hub)));
        runtime.spawn(steps(Arc::clone(&hub)));
        Ok(Self { addr, hub, runtime: Some(runtime) })
    }

    /// The venue behind the servers.
    #[must_use]
    pub fn service(&self) -> Shared<S> {
        Arc::clone(&self.hub.service)
    }

    /// Tells everyone, waits a moment until they have gone, and stops.
    pub fn stop(mut self) {
        self.halt();
    }

    fn halt(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        self.hub.is_stopping.store(true, Ordering::Release);
        locked(&self.hub.service).stopping(now_ns());
        let begun = Instant::now();
        while self.hub.open.load(Ordering::Acquire) > 0 && begun.elapsed() < LAST_WORDS {
            std::thread::sleep(Duration::from_millis(2));
        }
        // Never waits, so that it may be dropped inside a runtime.
        runtime.shutdown_background();
    }
}

impl<S: Service + 'static> Drop for Serving<S> {
    fn drop(&mut self) {
        self.halt();
    }
}

async fn steps<S: Service + 'static>(hub: Arc<Hub<S>>) {
    let mut step = tokio::time::interval(hub.settings.step);
    step.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        step.tick().await;
        locked(&hub.service).advance(now_ns());
    }
}

async fn accept<S: Service + 'static>(listener: TcpListener, hub: Arc<Hub<S>>) {
    let acceptor = hub.settings.tls.as_ref().map(|tls| TlsAcceptor::from(Arc::clone(&tls.config)));
    loop {
        let Ok((tcp, peer)) = listener.accept().await else {
            // Out of file descriptors, as a rule: it passes when a connection ends.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        if hub.is_stopping.load(Ordering::Acquire) {
            continue;
        }
        if hub.open.load(Ordering::Acquire) >= CONNECTIONS_MAX {
            tracing::warn!(%peer, "too many connections: this one is closed");
            continue;
        }
        let admission = locked(&hub.service).admit(peer.ip(), now_ns());
        if admission == Admission::Refused {
            Stream::Plain(tcp).reset();
            continue;
        }
        hub.open.fetch_add(1, Ordering::AcqRel);
        let (hub, acceptor) = (Arc::clone(&hub), acceptor.clone());
        tokio::spawn(async move {
            // Also when the task is dropped or panics.
            let _open = Open(Arc::clone(&hub));
            if admission == Admission::Ignored {
                connection::ignore(Stream::Plain(tcp), &hub).await;
            } else if let Some(stream) = secured(tcp, acceptor, &hub.settings).await {
                connection::serve(stream, peer, &hub).await;
            }
        });
    }
}

/// Counts a connection down when it ends.
struct Open<S>(Arc<Hub<S>>);

impl<S> Drop for Open<S> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The connection with TLS, where that is spoken; nothing for who does not speak it in time.
async fn secured(
    tcp: TcpStream,
    acceptor: Option<TlsAcceptor>,
    settings: &WireSettings,
) -> Option<Stream> {
    // An answer is small: it must not wait for more.
    tcp.set_nodelay(true).ok()?;
    let Some(acceptor) = acceptor else { return Some(Stream::Plain(tcp)) };
    let handshake = tokio::time::timeout(settings.request_within, acceptor.accept(tcp));
    match handshake.await {
        Ok(Ok(tls)) => Some(Stream::Tls(Box::new(tls))),
        Ok(Err(error)) => {
            tracing::debug!(%error, "no TLS");
            None
        }
        Err(_) => None,
    }
}
