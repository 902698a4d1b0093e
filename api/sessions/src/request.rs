//! What a desk asks of its session's worker.

use std::sync::Arc;
use tokio::sync::oneshot;

use qt_trading::ids::{OrderUid, StrategyUid};
use qt_trading::{
    AmendOrder, ArmAnswer, KillAnswer, KillLevel, NewOrder, Order, Refusal, RiskStatus, StrategyRun,
};

/// Where an answer goes.
pub type Reply<T> = oneshot::Sender<Result<T, Refusal>>;

/// Which strategy, where it is about one.
type Of = Option<StrategyUid>;

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
    Kill {
        level: KillLevel,
        strategy: Of,
        person: String,
        reason: String,
        reply: Reply<KillAnswer>,
    },
    /// The other way round.
    Arm { level: KillLevel, strategy: Of, person: String, reply: Reply<ArmAnswer> },
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
            Self::Activate { reply, .. } | Self::Deactivate { reply, .. } => {
                drop(reply.send(Err(refusal)));
            }
        }
    }
}
