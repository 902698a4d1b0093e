//! The one driver of all sockets: it carries out the acts of a [`Machine`] and tells it what
//! happened.
//!
//! One task for each machine. Nothing in it is without a bound: what waits to be written, what one
//! message or answer may hold, how many connections and requests there are, how long anything may
//! take. What comes in is handed on as it is read, so a machine that is slow slows the venue down
//! and fills nothing here.

mod address;
mod calls;
mod link;
mod wire;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::FuturesUnordered;
use qt_types::Nanos;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::machine::{Act, Call, Failure, Happened, Link, Machine};

use calls::{Done, Hosts};
use link::{Came, Socket};
use wire::Connector;

pub use wire::{Authorities, DriveError};

/// Requests of a machine that are on their way at once; one more is not sent.
const CALLS_MAX: usize = 64;
/// How long a link may take to open.
const OPEN_PATIENCE: Duration = Duration::from_secs(10);
/// How long all links may take to close at the end.
const STOP_PATIENCE: Duration = Duration::from_secs(2);
/// A deadline further away than this is looked at again by then.
const NAP_MAX: Duration = Duration::from_secs(3_600);

/// What time it is (UTC). It never goes back.
pub type Clock = Box<dyn FnMut() -> Nanos + Send>;

/// Sees everything that goes over the sockets, as it was: a recorder.
pub trait Witness: Send {
    /// A whole message that came over the link to `url`.
    fn received(&mut self, url: &str, bytes: &[u8], now_ns: Nanos);
    /// A message that was sent over the link to `url`.
    fn sent(&mut self, url: &str, bytes: &[u8], now_ns: Nanos);
    /// The answer to a request to `url`.
    fn answered(&mut self, url: &str, status: u16, body: &[u8], now_ns: Nanos);
}

/// What a driver needs beside its machine.
pub struct Settings {
    /// Where its time comes from.
    pub clock: Clock,
    /// Whom it trusts.
    pub authorities: Authorities,
    /// Who looks on, if anybody does.
    pub witness: Option<Box<dyn Witness>>,
}

/// The other end of a driver. Dropping it stops the driver.
#[derive(Debug)]
pub struct Handle {
    wake: mpsc::Sender<()>,
    stop: oneshot::Sender<()>,
}

impl Handle {
    /// The machine has something to do that no socket knows of: it is told of [`Happened::Time`]
    /// and asked for its acts. Several of these before it is there are one.
    pub fn wake(&self) {
        // Full: it will wake anyway.
        let _ = self.wake.try_send(());
    }

    /// What only wakes it.
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker(self.wake.clone())
    }

    /// Stops it: links are closed in order, requests on their way are given up.
    pub fn stop(self) {
        let _ = self.stop.send(());
    }
}

/// Wakes a driver ([`Handle::wake`]), from any thread.
#[derive(Clone, Debug)]
pub struct Waker(mpsc::Sender<()>);

impl Waker {
    /// See [`Handle::wake`].
    pub fn wake(&self) {
        let _ = self.0.try_send(());
    }
}

type CallFuture = Pin<Box<dyn Future<Output = Done> + Send>>;

/// A link that is not free.
struct Slot {
    link: Link,
    url: Arc<str>,
    socket: Socket,
}

/// See the module.
pub struct Driver<M> {
    machine: M,
    clock: Clock,
    witness: Option<Box<dyn Witness>>,
    connector: Connector,
    slots: Vec<Slot>,
    /// Which link is looked at first.
    turn: usize,
    hosts: Hosts,
    calls: FuturesUnordered<CallFuture>,
    /// Requests that were one too many.
    refused: Vec<Call>,
    nap: Option<(Nanos, Pin<Box<Sleep>>)>,
    wake: mpsc::Receiver<()>,
    stop: oneshot::Receiver<()>,
}

/// What the driver woke for.
enum Event {
    Link(usize, Came),
    Done(Done),
    Refused(Call),
    Time,
    Stop,
}

impl<M: Machine> Driver<M> {
    /// A driver of `machine`, and its other end.
    ///
    /// # Errors
    /// When the authorities cannot be read.
    pub fn new(machine: M, settings: Settings) -> Result<(Self, Handle), DriveError> {
        let connector = Connector::new(&settings.authorities)?;
        let (wake, woken) = mpsc::channel(1);
        let (stop, stopped) = oneshot::channel();
        let driver = Self {
            machine,
            clock: settings.clock,
            witness: settings.witness,
            connector: connector.clone(),
            slots: Vec::new(),
            turn: 0,
            hosts: Hosts::new(connector),
            calls: FuturesUnordered::new(),
            refused: Vec::new(),
            nap: None,
            wake: woken,
            stop: stopped,
        };
        Ok((driver, Handle { wake, stop }))
    }

    /// Runs until it is stopped, and gives the machine back. It must be polled within a tokio
    /// runtime with time and network.
    pub async fn run(mut self) -> M {
        let now_ns = (self.clock)();
        self.machine.handle(Happened::Time, now_ns);
        loop {
            self.carry_out();
            let event = poll_fn(|cx| self.poll_event(cx)).await;
            if matches!(event, Event::Stop) {
                break;
            }
            let now_ns = (self.clock)();
            self.tell(event, now_ns);
            // A link that is never quiet must not keep the time from the machine.
            if self.machine.deadline_ns().is_some_and(|due_ns| due_ns <= now_ns) {
                self.carry_out();
                self.machine.handle(Happened::Time, now_ns);
            }
        }
        self.close_all().await;
        self.machine
    }

    /// Does what is to be done.
    fn carry_out(&mut self) {
        while let Some(act) = self.machine.next_act() {
            match act {
                Act::Open(link, url) => {
                    let socket = Socket::open(&url, &self.connector, OPEN_PATIENCE);
                    let slot = Slot { link, url: url.into(), socket };
                    match self.slots.iter_mut().find(|slot| slot.link == link) {
                        // The machine promised that it is free; the old connection goes.
                        Some(old) => *old = slot,
                        None => self.slots.push(slot),
                    }
                }
                Act::Send(link, text) => {
                    let now_ns = (self.clock)();
                    let found = self.slots.iter_mut().find(|slot| slot.link == link);
                    let Some(slot) = found else { continue };
                    if let Some(witness) = &mut self.witness {
                        witness.sent(&slot.url, &text, now_ns);
                    }
                    slot.socket.send(text);
                }
                Act::Close(link) => {
                    if let Some(slot) = self.slots.iter_mut().find(|slot| slot.link == link) {
                        slot.socket.close();
                    }
                }
                Act::Call(call, _) if self.calls.len() >= CALLS_MAX => self.refused.push(call),
                Act::Call(call, request) => {
                    self.calls.push(Box::pin(self.hosts.ask(call, request)));
                }
            }
        }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if Pin::new(&mut self.stop).poll(cx).is_ready() {
            return Poll::Ready(Event::Stop);
        }
        if let Some(call) = self.refused.pop() {
            return Poll::Ready(Event::Refused(call));
        }
        if !self.calls.is_empty()
            && let Poll::Ready(Some(done)) = Pin::new(&mut self.calls).poll_next(cx)
        {
            return Poll::Ready(Event::Done(done));
        }
        if let Poll::Ready(Some(())) = self.wake.poll_recv(cx) {
            return Poll::Ready(Event::Time);
        }
        let count = self.slots.len();
        for step in 0..count {
            let at = (self.turn + step) % count;
            if let Poll::Ready(came) = self.slots[at].socket.poll(cx) {
                self.turn = at + 1;
                return Poll::Ready(Event::Link(at, came));
            }
        }
        self.poll_nap(cx)
    }

    /// Waits for the machine's deadline.
    fn poll_nap(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let Some(due_ns) = self.machine.deadline_ns() else {
            self.nap = None;
            return Poll::Pending;
        };
        if self.nap.as_ref().is_none_or(|(of_ns, _)| *of_ns != due_ns) {
            let left_ns = due_ns.get().saturating_sub((self.clock)().get());
            let left = Duration::from_nanos(u64::try_from(left_ns).unwrap_or(0)).min(NAP_MAX);
            self.nap = Some((due_ns, Box::pin(sleep_until(Instant::now() + left))));
        }
        let Some((_, sleep)) = &mut self.nap else { return Poll::Pending };
        match sleep.as_mut().poll(cx) {
            Poll::Ready(()) => {
                self.nap = None;
                Poll::Ready(Event::Time)
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Tells the machine what happened.
    fn tell(&mut self, event: Event, now_ns: Nanos) {
        match event {
            Event::Link(at, came) => self.tell_link(at, came, now_ns),
            Event::Done(Done { call, url, outcome }) => match outcome {
                Ok(answer) => {
                    if let Some(witness) = &mut self.witness {
                        witness.answered(&url, answer.status, &answer.body, now_ns);
                    }
                    let (headers, body) = (&answer.headers[..], &answer.body[..]);
                    let status = answer.status;
                    self.machine.handle(Happened::Answered { call, status, headers, body }, now_ns);
                }
                Err(failure) => self.machine.handle(Happened::Failed(call, failure), now_ns),
            },
            Event::Refused(call) => {
                self.machine.handle(Happened::Failed(call, Failure::NotSent), now_ns);
            }
            Event::Time | Event::Stop => self.machine.handle(Happened::Time, now_ns),
        }
    }

    fn tell_link(&mut self, at: usize, came: Came, now_ns: Nanos) {
        let slot = &self.slots[at];
        let link = slot.link;
        let bytes: &[u8] = match &came {
            Came::Opened => return self.machine.handle(Happened::Opened(link), now_ns),
            Came::Alive => return self.machine.handle(Happened::Alive(link), now_ns),
            Came::Closed(closed) => {
                self.slots.swap_remove(at);
                let happened = Happened::Closed(link, closed.clone());
                return self.machine.handle(happened, now_ns);
            }
            Came::Text(text) => text.as_bytes(),
            Came::Binary(bytes) => bytes,
        };
        if let Some(witness) = &mut self.witness {
            witness.received(&slot.url, bytes, now_ns);
        }
        self.machine.handle(Happened::Frame(link, bytes), now_ns);
    }

    /// Closes all links in order, as far as the other sides play along.
    async fn close_all(&mut self) {
        for slot in &mut self.slots {
            slot.socket.close();
        }
        let until = Instant::now() + STOP_PATIENCE;
        while !self.slots.is_empty() {
            let closed = poll_fn(|cx| {
                for at in 0..self.slots.len() {
                    if let Poll::Ready(came) = self.slots[at].socket.poll(cx) {
                        return Poll::Ready((at, matches!(came, Came::Closed(_))));
                    }
                }
                Poll::Pending
            });
            match tokio::time::timeout_at(until, closed).await {
                Ok((at, true)) => drop(self.slots.swap_remove(at)),
                Ok((_, false)) => {}
                Err(_) => self.slots.clear(),
            }
        }
    }
}

/// Runs a driver of `machine` on a thread of its own, called `name`. The thread ends, and gives the
/// machine back, when the handle is stopped or dropped.
///
/// # Errors
/// When the authorities cannot be read, or the machine gives no thread.
pub fn spawn<M: Machine + Send + 'static>(
    name: &str,
    machine: M,
    settings: Settings,
) -> Result<(Handle, std::thread::JoinHandle<M>), DriveError> {
    let (driver, handle) = Driver::new(machine, settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let builder = std::thread::Builder::new().name(name.to_owned());
    let thread = builder.spawn(move || runtime.block_on(driver.run()))?;
    Ok((handle, thread))
}
