//! What a desk asks of its session's worker.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

use qt_trading::ids::{OrderUid, StrategyUid};
use qt_trading::time::Time;
use qt_trading::{
    AmendOrder, ArmAnswer, KillAnswer, KillLevel, LimitValue, LimitsNow, NewOrder, Order, Refusal,
    RiskStatus, StrategyRun,
};

/// Where an answer goes.
pub type Reply<T> = oneshot::Sender<Result<T, Refusal>>;

/// Kills that may wait for a session.
const URGENT_MAX: usize = 64;

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

/// Requests that stand in front of all others, also while a session is made again.
#[derive(Debug)]
pub struct Urgent(Mutex<Option<Vec<Request>>>);

impl Default for Urgent {
    fn default() -> Self {
        Self(Mutex::new(Some(Vec::new())))
    }
}

impl Urgent {
    fn with<T>(&self, what: impl FnOnce(&mut Option<Vec<Request>>) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts one behind those that wait; it is refused where too many do or the session is over.
    pub fn put(&self, request: Request) {
        let refused = self.with(|waiting| match waiting {
            Some(waiting) if waiting.len() < URGENT_MAX => {
                waiting.push(request);
                None
            }
            Some(_) => Some((request, "OVERLOADED", "too many requests are waiting")),
            None => Some((request, "STOPPED", "the session does not run here")),
        });
        if let Some((request, code, detail)) = refused {
            request.refuse(Refusal::Unavailable { code, detail: detail.to_owned() });
        }
    }

    /// Those that wait.
    pub fn take(&self) -> Vec<Request> {
        self.with(|waiting| waiting.as_mut().map(std::mem::take).unwrap_or_default())
    }

    /// Whether any wait.
    pub fn is_empty(&self) -> bool {
        self.with(|waiting| waiting.as_ref().is_none_or(Vec::is_empty))
    }

    /// Nobody takes any more; those that waited come back.
    pub fn close(&self) -> Vec<Request> {
        self.with(Option::take).unwrap_or_default()
    }
}

/// What is to be done.
#[derive(Debug)]
pub enum Request {
    /// A new order.
    Place { id: OrderUid, order: NewOrder, person: String, reply: Reply<Arc<Order>> },
    /// What the limits would say.
    TryOut { order: NewOrder, reply: Reply<Vec<RiskStatus>> },
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
            Self::TryOut { reply, .. } => drop(reply.send(Err(refusal))),
            Self::Kill { reply, .. } => drop(reply.send(Err(refusal))),
            Self::Arm { reply, .. } => drop(reply.send(Err(refusal))),
            Self::SetLimits { reply, .. } => drop(reply.send(Err(refusal))),
            Self::Activate { reply, .. } | Self::Deactivate { reply, .. } => {
                drop(reply.send(Err(refusal)));
            }
        }
    }
}
