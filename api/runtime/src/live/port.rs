//! The rings between a driver and the thread of a gateway: commands and questions go out over one,
//! reports and answers come back over the other. Neither end waits for the other, and nothing is
//! dropped: what finds no room comes back to the one who sent it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use qt_engine::{Bounded, Command, Delivery, Gateway, GatewayEvent, Question, Sink};
use qt_ring::{Bell, Consumer, Producer, Setup, SetupError, Wait, spsc};
use qt_types::{Nanos, RejectReason, Report, ReportKind};

/// What a driver asks of a gateway.
#[derive(Clone, Copy, Debug)]
pub enum Request {
    /// To connect.
    Connect,
    /// To give up the link.
    Disconnect,
    /// To send a command, which was handed over then (UTC ns).
    Submit(Command, Nanos),
    /// To ask the venue.
    Ask(u32, Question),
}

/// One part in so many of the ring for requests is kept for what makes no risk larger: cancels,
/// and all that is about the link.
const KEPT_SHARE: usize = 4;

/// How much a gateway takes in and puts out in one turn, at most.
const BATCH: usize = 64;

/// A driver's end: the venue as it sees it.
#[derive(Debug)]
pub struct RingVenue {
    requests: Producer<Request>,
    events: Consumer<GatewayEvent>,
    stalls: Arc<AtomicU64>,
}

/// The other end, for the thread that has the gateway.
#[derive(Debug)]
pub struct GatewayEnd {
    requests: Consumer<Request>,
    events: Producer<GatewayEvent>,
    /// What came from the gateway and found no room yet.
    waiting: Bounded<GatewayEvent>,
    /// How much of that is through.
    done: usize,
    is_stalled: bool,
    stalls: Arc<AtomicU64>,
    late_ns: i64,
}

/// Both ends of a pair of rings for `capacity` items each, a power of two. A driver waits at
/// `items`, a gateway's thread in the way of `wait`; orders and changes that it comes to later
/// than `late_ns` after they were handed over it does not send ([`super::Settings::late_ns`]).
///
/// # Errors
/// When there are no such rings.
pub fn rings(
    capacity: usize,
    items: &Arc<Bell>,
    wait: Wait,
    late_ns: i64,
) -> Result<(RingVenue, GatewayEnd), SetupError> {
    // The gateway's thread waits for requests and for room at one bell.
    let bell = Arc::new(Bell::new(wait));
    let (to, requests) = spsc(&Setup::new(capacity, wait).items_at(&bell))?;
    let (from, events) = spsc(&Setup::new(capacity, wait).items_at(items).room_at(&bell))?;
    let stalls = Arc::new(AtomicU64::new(0));
    let waiting = Bounded::new(BATCH);
    let end = GatewayEnd {
        requests,
        events: from,
        waiting,
        done: 0,
        is_stalled: false,
        stalls: Arc::clone(&stalls),
        late_ns,
    };
    Ok((RingVenue { requests: to, events, stalls }, end))
}

impl RingVenue {
    /// Hands over `command` at `now_ns` (UTC); false where there is no room for it: then it has
    /// not left and never will. Cancels have room that nothing else gets.
    pub fn submit(&mut self, command: &Command, now_ns: Nanos) -> bool {
        let kept = match command {
            Command::Cancel(_) => 0,
            Command::New(_) | Command::Replace(_) => self.requests.capacity() / KEPT_SHARE,
        };
        let has_room = self.requests.len() + kept < self.requests.capacity();
        has_room && self.requests.push(Request::Submit(*command, now_ns)).is_ok()
    }

    /// Hands over anything else; false where there is no room for it.
    pub fn request(&mut self, request: Request) -> bool {
        self.requests.push(request).is_ok()
    }

    /// The next thing that the gateway has to tell.
    pub fn next_event(&mut self) -> Option<GatewayEvent> {
        self.events.pop()
    }

    /// Whether something is there.
    #[must_use]
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// How often there was no room for what the gateway had to tell. It was late, and is not lost.
    #[must_use]
    pub fn stalls(&self) -> u64 {
        self.stalls.load(Ordering::Relaxed)
    }
}

impl GatewayEnd {
    /// Carries to and fro what there is, a bounded number of items; how many.
    pub fn turn(&mut self, gateway: &mut dyn Gateway, now_ns: Nanos) -> usize {
        let mut moved = 0;
        for _ in 0..BATCH {
            let Some(request) = self.requests.pop() else { break };
            match request {
                Request::Connect => gateway.connect(now_ns),
                Request::Disconnect => gateway.disconnect(now_ns),
                Request::Submit(command, handed_ns) => {
                    self.submit(gateway, &command, handed_ns, now_ns);
                }
                Request::Ask(number, question) => gateway.ask(number, question, now_ns),
            }
            moved += 1;
        }
        if !self.is_stalled {
            gateway.poll(now_ns, &mut self.waiting);
        }
        moved + self.pass_on()
    }

    /// Whether something of the driver waits for the next turn.
    #[must_use]
    pub fn has_requests(&self) -> bool {
        !self.requests.is_empty()
    }

    /// Sends `command` on, unless it was handed over so long ago that its owner may soon take it
    /// to be proven that it never arrived.
    fn submit(
        &mut self,
        gateway: &mut dyn Gateway,
        command: &Command,
        handed_ns: Nanos,
        now_ns: Nanos,
    ) {
        if handed_ns.saturating_add_ns(self.late_ns) > now_ns {
            return gateway.submit(command, handed_ns, now_ns);
        }
        let Some(report) = not_sent(command) else {
            // A cancel does no harm however late it comes, nor sent once more: it is as if it had
            // been handed over just now.
            return gateway.submit(command, now_ns, now_ns);
        };
        let (instrument, venue_ns, recv_ns) = (command.instrument(), now_ns, now_ns);
        let delivery = Delivery { instrument, venue_ns, recv_ns, report };
        // Where there is no room for the news, it is found by asking that the order is not there.
        let _ = self.waiting.push(GatewayEvent::Report(delivery));
    }

    fn pass_on(&mut self) -> usize {
        let left = self.waiting.as_slice().get(self.done..).unwrap_or_default();
        let taken = self.events.push_batch(left);
        let is_stalled = taken < left.len();
        if is_stalled && !self.is_stalled {
            self.stalls.fetch_add(1, Ordering::Relaxed);
        }
        self.is_stalled = is_stalled;
        self.done += taken;
        if !is_stalled {
            self.waiting.clear();
            self.done = 0;
        }
        taken
    }

    /// Where it waits: a gateway that hears of something on another thread rings it.
    #[must_use]
    pub fn bell(&self) -> &Arc<Bell> {
        self.requests.bell()
    }

    /// Waits until there is a request, room for what found none, the driver is gone (false then),
    /// or, with nothing in the way of what comes, `is_ready` says so.
    pub fn wait(&self, mut is_ready: impl FnMut() -> bool) -> bool {
        let is_over = || self.requests.is_closed() && self.requests.is_empty();
        self.requests.bell().wait_until(|| {
            let has_work = if self.waiting.is_empty() {
                is_ready()
            } else {
                self.events.len() < self.events.capacity()
            };
            has_work || !self.requests.is_empty() || is_over()
        });
        !is_over()
    }
}

/// What is said of `command` when it is sure that it was not sent; nothing of a cancel, which is
/// repeated.
pub(super) fn not_sent(command: &Command) -> Option<Report> {
    let order = command.order();
    match command {
        Command::New(_) => Some(Report::plain(order, ReportKind::Rejected, RejectReason::LinkLost)),
        Command::Replace(_) => {
            let (kind, reason) = (ReportKind::RequestRejected, RejectReason::InvalidReplace);
            Some(Report::plain(order, kind, reason))
        }
        Command::Cancel(_) => None,
    }
}
