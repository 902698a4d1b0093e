//! What a desk asks of its session's worker.

use std::sync::Arc;
use std::time::Instant;

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use qt_trading::ids::{OrderUid, StrategyUid};
use qt_trading::time::Time;
use qt_trading::{
    AmendOrder, ArmAnswer, KillAnswer, KillLevel, LimitValue, LimitsNow, NewOrder, Order, Refusal,
    RiskStatus, SignalAnswer, SignalIn, StrategyRun,
};

/// Where an answer goes.
pub type Reply<T> = oneshot::Sender<Result<T, Refusal>>;

/// What is asked of a session, at its end. Kills and cancels have a way of their own, which is
/// looked at first: they are not held up by orders.
#[derive(Clone, Debug)]
pub struct Requests {
    pub urgent: Receiver<Sent>,
    pub others: Receiver<Sent>,
}

/// The other end.
#[derive(Debug)]
pub struct RequestsTo {
    urgent: Sender<Sent>,
    others: Sender<Sent>,
}

/// A request, and since when it waits.
type Sent = (Instant, Request);

/// Why a request was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// Too many wait.
    Full,
    /// Nobody takes any.
    Over,
}

/// Orders and the like, and cancels, of one session that may wait.
const WAITING_MAX: usize = 1_024;
/// Room among the urgent ones that only kills have.
const KILLS_MAX: usize = 1_024;

/// Both ends of a way to a session.
pub fn requests() -> (RequestsTo, Requests) {
    let (to_urgent, urgent) = bounded(WAITING_MAX + KILLS_MAX);
    let (to_others, others) = bounded(WAITING_MAX);
    (RequestsTo { urgent: to_urgent, others: to_others }, Requests { urgent, others })
}

impl RequestsTo {
    /// Sends `request`.
    ///
    /// # Errors
    /// When too many wait, or nobody takes any.
    pub fn send(&self, request: Request) -> Result<(), NotSent> {
        let way = match request {
            Request::Cancel { .. } if self.urgent.len() >= WAITING_MAX => {
                return Err(NotSent::Full);
            }
            Request::Kill { .. } | Request::Cancel { .. } => &self.urgent,
            _ => &self.others,
        };
        let sent = way.try_send((Instant::now(), request));
        sent.map_err(|error| match error {
            TrySendError::Full(_) => NotSent::Full,
            TrySendError::Disconnected(_) => NotSent::Over,
        })
    }
}

impl Requests {
    /// The next one, if there is any.
    pub fn next(&self) -> Option<Request> {
        self.next_sent().map(|(_, request)| request)
    }

    /// The same, with the time at which it was sent.
    pub fn next_sent(&self) -> Option<(Instant, Request)> {
        self.urgent.try_recv().or_else(|_| self.others.try_recv()).ok()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.others.is_empty()
    }
}

/// Nothing more is to leave.
#[derive(Clone, Debug)]
pub struct Killing {
    pub level: KillLevel,
    /// Which strategy, where it is about one.
    pub strategy: Option<StrategyUid>,
    pub person: String,
    pub reason: String,
    /// The time that names the trip; without it that of the event.
    pub at: Option<Time>,
    /// The tenant has the strategy, also where it has no place in the session.
    pub is_absent: bool,
}

/// Orders may leave again.
#[derive(Clone, Debug)]
pub struct Arming {
    pub level: KillLevel,
    /// Which strategy, where it is about one.
    pub strategy: Option<StrategyUid>,
    /// What was tripped later stays so.
    pub trip: Time,
    pub people: Vec<String>,
}

/// What is to be done.
#[derive(Debug)]
pub enum Request {
    /// A new order.
    Place { id: OrderUid, order: NewOrder, person: String, reply: Reply<Arc<Order>> },
    /// What the limits would say.
    TryOut { order: NewOrder, reply: Reply<Vec<RiskStatus>> },
    /// The limits as they stand.
    Limits { reply: Reply<Vec<RiskStatus>> },
    /// Another price or quantity.
    Amend { id: OrderUid, change: AmendOrder, person: String, reply: Reply<Arc<Order>> },
    /// An end.
    Cancel { id: OrderUid, person: String, reply: Reply<Arc<Order>> },
    /// The kill switch.
    Kill { killing: Killing, reply: Reply<KillAnswer> },
    /// The other way round.
    Arm { arming: Arming, reply: Reply<ArmAnswer> },
    /// Other limits, where version `base` is in force.
    SetLimits {
        base: u64,
        limits: Vec<LimitValue>,
        people: Vec<String>,
        reply: Reply<Arc<LimitsNow>>,
    },
    /// A strategy is to run.
    Activate { run: StrategyRun, person: String, reply: Reply<()> },
    /// Sources have said something.
    Signals { signals: Vec<SignalIn>, reply: Reply<Vec<SignalAnswer>> },
    /// It is to stop.
    Deactivate { id: StrategyUid, person: String, reply: Reply<()> },
}

/// An answer that waits until what it is about can be seen.
pub enum Answered {
    /// An order.
    Order(Reply<Arc<Order>>, Result<Arc<Order>, Refusal>),
    /// Limits.
    Risk(Reply<Vec<RiskStatus>>, Result<Vec<RiskStatus>, Refusal>),
    /// A kill.
    Kill(Reply<KillAnswer>, Result<KillAnswer, Refusal>),
    /// An arming.
    Arm(Reply<ArmAnswer>, Result<ArmAnswer, Refusal>),
    /// Limits in force.
    Limits(Reply<Arc<LimitsNow>>, Result<Arc<LimitsNow>, Refusal>),
    /// Signals.
    Signals(Reply<Vec<SignalAnswer>>, Result<Vec<SignalAnswer>, Refusal>),
    /// Anything else.
    Done(Reply<()>, Result<(), Refusal>),
}

impl Answered {
    /// Sends it; who does not wait any more misses nothing.
    pub fn send(self) {
        match self {
            Self::Order(reply, answer) => drop(reply.send(answer)),
            Self::Risk(reply, answer) => drop(reply.send(answer)),
            Self::Kill(reply, answer) => drop(reply.send(answer)),
            Self::Arm(reply, answer) => drop(reply.send(answer)),
            Self::Limits(reply, answer) => drop(reply.send(answer)),
            Self::Signals(reply, answer) => drop(reply.send(answer)),
            Self::Done(reply, answer) => drop(reply.send(answer)),
        }
    }
}

impl Request {
    /// Answers it with `refusal`.
    pub fn refuse(self, refusal: Refusal) {
        match self {
            Self::Place { reply, .. } | Self::Amend { reply, .. } | Self::Cancel { reply, .. } => {
                drop(reply.send(Err(refusal)));
            }
            Self::TryOut { reply, .. } | Self::Limits { reply } => {
                drop(reply.send(Err(refusal)));
            }
            Self::Kill { reply, .. } => drop(reply.send(Err(refusal))),
            Self::Arm { reply, .. } => drop(reply.send(Err(refusal))),
            Self::SetLimits { reply, .. } => drop(reply.send(Err(refusal))),
            Self::Signals { reply, .. } => drop(reply.send(Err(refusal))),
            Self::Activate { reply, .. } | Self::Deactivate { reply, .. } => {
                drop(reply.send(Err(refusal)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cancel() -> Request {
        let (reply, _) = oneshot::channel();
        Request::Cancel { id: OrderUid::new(), person: String::new(), reply }
    }

    fn kill() -> Request {
        let (reply, _) = oneshot::channel();
        let (person, reason) = (String::new(), String::new());
        let level = KillLevel::Account;
        let (at, is_absent) = (None, false);
        let killing = Killing { level, strategy: None, person, reason, at, is_absent };
        Request::Kill { killing, reply }
    }

    fn limits() -> Request {
        Request::Limits { reply: oneshot::channel().0 }
    }

    #[test]
    fn a_kill_and_cancels_overtake_what_waits_and_a_kill_always_has_room() {
        let (to, from) = requests();
        for _ in 0..WAITING_MAX {
            to.send(limits()).unwrap();
        }
        assert_eq!(to.send(limits()), Err(NotSent::Full));
        for _ in 0..WAITING_MAX {
            to.send(cancel()).unwrap();
        }
        assert_eq!(to.send(cancel()), Err(NotSent::Full));
        to.send(kill()).unwrap();
        for _ in 0..WAITING_MAX {
            assert!(matches!(from.next(), Some(Request::Cancel { .. })));
        }
        assert!(matches!(from.next(), Some(Request::Kill { .. })));
        assert!(matches!(from.next(), Some(Request::Limits { .. })));
    }
}
