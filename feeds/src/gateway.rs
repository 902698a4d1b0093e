//! The engine's gateway over a session whose sockets are on a thread of their own: two bounded
//! rings between them, and neither side ever waits for the other.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam::queue::ArrayQueue;
use qt_engine::{Answer, Bounded, Command, Delivery, Gateway, GatewayEvent, Question, Sink};
use qt_ring::{Bell, Consumer, Producer, Setup, Wait, spsc};
use qt_types::{Nanos, RejectReason, Report, ReportKind};

use crate::drive::{self, DriveError, Handle, Waker};
use crate::machine::{Act, Happened, Machine};

/// How often a session shows how it stands, at most (ns).
const SHOW_NS: i64 = 10_000_000;
/// What is said here because the ring for requests was full, at most.
const OWN_MAX: usize = 4_096;

/// What a session is asked for.
#[derive(Clone, Copy, Debug)]
enum Request {
    Connect,
    Disconnect,
    Submit(Command, Nanos),
    Ask(u32, Question),
}

/// A session with a venue: a machine that trades.
pub trait Session: Machine {
    /// How it stands, for people.
    type Standing: Clone + Send;

    /// Begins to connect.
    fn connect(&mut self, now_ns: Nanos);
    /// Gives the link up, without another word.
    fn disconnect(&mut self, now_ns: Nanos);
    /// Sends a command that was handed over at `handed_ns`.
    fn submit(&mut self, command: &Command, handed_ns: Nanos, now_ns: Nanos);
    /// Asks the venue.
    fn ask(&mut self, number: u32, question: Question, now_ns: Nanos);
    /// The next thing that there is to tell.
    fn next_event(&mut self) -> Option<GatewayEvent>;
    /// How it stands.
    fn standing(&self) -> Self::Standing;
}

/// What both sides see of each other beside the rings.
struct Shared<T> {
    /// The newest of what was shown.
    standing: ArrayQueue<T>,
    /// How often there was no room for what the session had to tell.
    stalls: AtomicU64,
    has_room: AtomicBool,
}

/// The side of the sockets.
struct Served<S: Session> {
    session: S,
    requests: Consumer<Request>,
    events: Producer<GatewayEvent>,
    /// What found no room in the ring.
    held: Option<GatewayEvent>,
    shared: Arc<Shared<S::Standing>>,
    shown_ns: Nanos,
}

impl<S: Session> Served<S> {
    fn take_requests(&mut self, now_ns: Nanos) {
        while let Some(request) = self.requests.pop() {
            match request {
                Request::Connect => self.session.connect(now_ns),
                Request::Disconnect => self.session.disconnect(now_ns),
                Request::Submit(command, handed_ns) => {
                    self.session.submit(&command, handed_ns, now_ns);
                }
                Request::Ask(number, question) => self.session.ask(number, question, now_ns),
            }
        }
    }

    fn pass_on(&mut self) {
        while let Some(event) = self.held.take().or_else(|| self.session.next_event()) {
            if let Err(full) = self.events.push(event) {
                // The other side wakes this one when it has made room. It may have made it just now
                // and looked before it was told that somebody waits: so this one tries again.
                if self.shared.has_room.swap(false, Ordering::AcqRel) {
                    self.shared.stalls.fetch_add(1, Ordering::Relaxed);
                }
                if let Err(full) = self.events.push(full.0) {
                    self.held = Some(full.0);
                    return;
                }
            }
        }
    }
}

impl<S: Session> Machine for Served<S> {
    fn handle(&mut self, happened: Happened<'_>, now_ns: Nanos) {
        self.take_requests(now_ns);
        self.session.handle(happened, now_ns);
        self.pass_on();
        if self.shown_ns.saturating_add_ns(SHOW_NS) <= now_ns {
            self.shown_ns = now_ns;
            self.shared.standing.force_push(self.session.standing());
        }
    }

    fn next_act(&mut self) -> Option<Act> {
        self.session.next_act()
    }

    fn deadline_ns(&self) -> Option<Nanos> {
        self.session.deadline_ns()
    }
}

/// The engine's side.
pub struct SocketGateway<T> {
    requests: Producer<Request>,
    events: Consumer<GatewayEvent>,
    own: VecDeque<GatewayEvent>,
    /// What the last poll found no room for.
    held: Option<GatewayEvent>,
    waker: Waker,
    shared: Arc<Shared<T>>,
}

/// Keeps a session's thread running; stops it in order when it is dropped.
pub struct Running<T> {
    handle: Option<Handle>,
    thread: Option<Box<dyn FnOnce() + Send>>,
    shared: Arc<Shared<T>>,
}

impl<T> Running<T> {
    /// How the session stands, if that is newer than what the last call said.
    #[must_use]
    pub fn standing(&self) -> Option<T> {
        self.shared.standing.pop()
    }

    /// How often there was no room for what the session had to tell. It was late, and is not lost.
    #[must_use]
    pub fn stalls(&self) -> u64 {
        self.shared.stalls.load(Ordering::Relaxed)
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            handle.stop();
        }
        if let Some(join) = self.thread.take() {
            join();
        }
    }
}

/// A gateway, and what keeps its session running.
pub type Started<T> = (SocketGateway<T>, Running<T>);

/// Starts `session` on a thread called `name`. The rings have room for `capacity` items, a power
/// of two; whoever has the gateway waits at `bell` and is woken there.
///
/// # Errors
/// When there is no thread, or no certificate authority.
pub fn start<S>(
    name: &str,
    session: S,
    settings: drive::Settings,
    capacity: usize,
    bell: &Arc<Bell>,
) -> Result<Started<S::Standing>, StartError>
where
    S: Session + Send + 'static,
    S::Standing: 'static,
{
    let (requests, taken) = spsc(&Setup::new(capacity, Wait::Yield))?;
    let (told, events) = spsc(&Setup::new(capacity, bell.wait()).items_at(bell))?;
    let shared = Arc::new(Shared {
        standing: ArrayQueue::new(1),
        stalls: AtomicU64::new(0),
        has_room: AtomicBool::new(true),
    });
    let served = Served {
        session,
        requests: taken,
        events: told,
        held: None,
        shared: Arc::clone(&shared),
        shown_ns: Nanos::MIN,
    };
    let (handle, thread) = drive::spawn(name, served, settings)?;
    let waker = handle.waker();
    let join: Box<dyn FnOnce() + Send> = Box::new(move || drop(thread.join()));
    let running = Running { handle: Some(handle), thread: Some(join), shared: Arc::clone(&shared) };
    let (own, held) = (VecDeque::new(), None);
    Ok((SocketGateway { requests, events, own, held, waker, shared }, running))
}

/// Why there is no gateway.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There are no such rings.
    #[error(transparent)]
    Rings(#[from] qt_ring::SetupError),
    /// There is no driver of sockets.
    #[error(transparent)]
    Drive(#[from] DriveError),
}

impl<T> SocketGateway<T> {
    fn request(&mut self, request: Request) -> bool {
        let has_left = self.requests.push(request).is_ok();
        self.waker.wake();
        has_left
    }

    fn say(&mut self, event: GatewayEvent) {
        if self.own.len() < OWN_MAX {
            self.own.push_back(event);
        }
    }
}

impl<T> Gateway for SocketGateway<T> {
    fn connect(&mut self, _: Nanos) {
        if !self.request(Request::Connect) {
            self.say(GatewayEvent::Disconnected);
        }
    }

    fn disconnect(&mut self, _: Nanos) {
        // Without room for it there is no session that takes anything: the next word of it is
        // asked for again.
        self.request(Request::Disconnect);
    }

    fn submit(&mut self, command: &Command, handed_ns: Nanos, now_ns: Nanos) {
        if self.request(Request::Submit(*command, handed_ns)) {
            return;
        }
        let order = command.order();
        let report = match command {
            Command::New(_) => Report::plain(order, ReportKind::Rejected, RejectReason::LinkLost),
            Command::Replace(_) => {
                let (kind, reason) = (ReportKind::RequestRejected, RejectReason::InvalidReplace);
                Report::plain(order, kind, reason)
            }
            // Whoever wants it repeats it.
            Command::Cancel(_) => return,
        };
        let instrument = command.instrument();
        let delivery = Delivery { instrument, venue_ns: now_ns, recv_ns: now_ns, report };
        self.say(GatewayEvent::Report(delivery));
    }

    fn ask(&mut self, number: u32, question: Question, _: Nanos) {
        if !self.request(Request::Ask(number, question)) {
            self.say(GatewayEvent::Answer(number, Answer::Failed));
        }
    }

    fn poll(&mut self, _: Nanos, out: &mut Bounded<GatewayEvent>) {
        let next = |it: &mut Self| it.own.pop_front().or_else(|| it.events.pop());
        while let Some(event) = self.held.take().or_else(|| next(self)) {
            if !out.push(event) {
                self.held = Some(event);
                break;
            }
        }
        if !self.shared.has_room.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }

    /// At once where something is there. What comes rings the bell.
    fn next_ns(&self) -> Option<Nanos> {
        let has_events = self.held.is_some() || !self.own.is_empty() || !self.events.is_empty();
        has_events.then_some(Nanos::MIN)
    }
}
