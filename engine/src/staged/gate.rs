//! The gate of a stage: the one that decides, and the one that is told.

use std::cell::RefCell;

use qt_types::{
    Control, DenyReason, Event, InstrumentId, KillState, Nanos, ParentId, Payload, Qty, StrategyId,
};

use super::answer::{Answer, Said};
use super::{Apart, Source, Staged};
use crate::port::{Exposure, Gate, OrderRequest, Settlement, SizeRequest, Tightest};
use crate::sink::Sink;
use crate::{Command, NewOrder};

/// Whether the other stages are told if `event` makes the gate ask for a close-out: until the
/// time (UTC ns) up to which it has promised that nothing but a bar does, they need not wait.
const fn is_told(event: &Event, rests_until_ns: i64) -> bool {
    matches!(event.payload, Payload::Bar(_)) || event.recv_ns.get() > rests_until_ns
}

/// Where answers go to.
#[derive(Debug)]
struct Mouth<A> {
    answers: A,
    apart: Option<Apart>,
}

impl<A: Sink<Answer>> Mouth<A> {
    fn say(&mut self, said: Said) {
        if !self.answers.push(Answer(said)) {
            self.apart = self.apart.or(Some(Apart::Gone));
        }
    }
}

/// A gate that decides, and tells the other stages of every answer.
#[derive(Debug)]
pub struct LeadGate<G, A> {
    gate: G,
    // A cell, since a size is asked for by a shared reference.
    mouth: RefCell<Mouth<A>>,
    rests_until_ns: i64,
}

impl<G: Gate, A: Sink<Answer>> LeadGate<G, A> {
    /// `gate`, whose answers go to `answers`.
    #[must_use]
    pub const fn new(gate: G, answers: A) -> Self {
        let mouth = RefCell::new(Mouth { answers, apart: None });
        Self { gate, mouth, rests_until_ns: i64::MIN }
    }
}

impl<G, A> Staged for LeadGate<G, A> {
    fn apart(&self) -> Option<Apart> {
        self.mouth.borrow().apart
    }
}

/// It has no snapshot: its stage begins with the first event.
impl<G: Gate, A: Sink<Answer> + Send> Gate for LeadGate<G, A> {
    fn size(&self, request: &SizeRequest, exposure: &Exposure<'_>) -> Result<Qty, DenyReason> {
        let qty = self.gate.size(request, exposure);
        let instrument = request.instrument;
        self.mouth.borrow_mut().say(Said::Sized { instrument, qty });
        qty
    }

    fn check(&mut self, order: &OrderRequest, exposure: &Exposure<'_>) -> Result<(), DenyReason> {
        let may = self.gate.check(order, exposure);
        let OrderRequest { instrument, qty, .. } = *order;
        self.mouth.get_mut().say(Said::Checked { instrument, qty, may });
        may
    }

    fn sent(&mut self, command: &Command, exposure: &Exposure<'_>) {
        self.gate.sent(command, exposure);
    }

    fn let_go(&mut self, new: &NewOrder, exposure: &Exposure<'_>) -> Result<(), DenyReason> {
        let may = self.gate.let_go(new, exposure);
        self.mouth.get_mut().say(Said::LetGo { order: new.order, may });
        may
    }

    fn watch_parent(&mut self, parent: ParentId, qty: Option<Qty>) {
        self.gate.watch_parent(parent, qty);
    }

    fn works_for(&mut self, parent: ParentId) {
        self.gate.works_for(parent);
    }

    fn asks_for(&mut self, strategy: StrategyId) {
        self.gate.asks_for(strategy);
    }

    fn netted(&mut self, instrument: InstrumentId, exposure: &Exposure<'_>) {
        self.gate.netted(instrument, exposure);
    }

    fn may_send(&self, strategy: StrategyId) -> KillState {
        self.gate.may_send(strategy)
    }

    fn tightest(&self, exposure: &Exposure<'_>) -> Option<Tightest> {
        self.gate.tightest(exposure)
    }

    fn settled(&mut self, settlement: &Settlement, exposure: &Exposure<'_>) {
        self.gate.settled(settlement, exposure);
    }

    fn hears(&mut self, instrument: InstrumentId, now_ns: Nanos) -> bool {
        // Whatever it says, it observes every event, as the other stages do.
        self.gate.hears(instrument, now_ns);
        true
    }

    fn control(&mut self, control: &Control, exposure: &Exposure<'_>) {
        self.gate.control(control, exposure);
    }

    fn observe(&mut self, event: &Event, exposure: &Exposure<'_>) -> bool {
        let closes = self.gate.observe(event, exposure);
        let mouth = self.mouth.get_mut();
        if is_told(event, self.rests_until_ns) {
            self.rests_until_ns = self.gate.rests_until_ns();
            mouth.say(Said::Observed { closes, rests_until_ns: self.rests_until_ns });
        } else if closes {
            mouth.apart = mouth.apart.or(Some(Apart::Promise));
        }
        closes
    }
}

/// Where answers come from.
#[derive(Debug)]
struct Ear<A> {
    answers: A,
    apart: Option<Apart>,
}

impl<A: Source<Answer>> Ear<A> {
    /// What `of` makes of the next answer; `None` where it is to another question, or there is
    /// none any more.
    fn hear<T>(&mut self, of: impl FnOnce(Said) -> Option<T>) -> Option<T> {
        if self.apart.is_some() {
            return None;
        }
        let Answer(said) = self.answers.take().map_err(|apart| self.apart = Some(apart)).ok()?;
        let heard = of(said);
        if heard.is_none() {
            self.apart = Some(Apart::Gate);
        }
        heard
    }
}

/// A gate that says what that of another stage has said. It approves nothing by itself: without
/// an answer to a question it denies, and its stage is [`Apart`].
#[derive(Debug)]
pub struct FollowGate<A> {
    ear: RefCell<Ear<A>>,
    rests_until_ns: i64,
}

impl<A: Source<Answer>> FollowGate<A> {
    /// A gate that is told by `answers`.
    #[must_use]
    pub const fn new(answers: A) -> Self {
        Self { ear: RefCell::new(Ear { answers, apart: None }), rests_until_ns: i64::MIN }
    }
}

impl<A> Staged for FollowGate<A> {
    fn apart(&self) -> Option<Apart> {
        self.ear.borrow().apart
    }
}

/// What the order would be denied for, were it not that the stage is stopped anyway.
const NO_ANSWER: DenyReason = DenyReason::LinkDown;

impl<A: Source<Answer>> Gate for FollowGate<A> {
    fn size(&self, request: &SizeRequest, _: &Exposure<'_>) -> Result<Qty, DenyReason> {
        let of = |said| match said {
            Said::Sized { instrument, qty } if instrument == request.instrument => Some(qty),
            _ => None,
        };
        self.ear.borrow_mut().hear(of).unwrap_or(Err(NO_ANSWER))
    }

    fn check(&mut self, order: &OrderRequest, _: &Exposure<'_>) -> Result<(), DenyReason> {
        let asked = (order.instrument, order.qty);
        let of = |said| match said {
            Said::Checked { instrument, qty, may } if (instrument, qty) == asked => Some(may),
            _ => None,
        };
        self.ear.get_mut().hear(of).unwrap_or(Err(NO_ANSWER))
    }

    fn let_go(&mut self, new: &NewOrder, _: &Exposure<'_>) -> Result<(), DenyReason> {
        let of = |said| match said {
            Said::LetGo { order, may } if order == new.order => Some(may),
            _ => None,
        };
        self.ear.get_mut().hear(of).unwrap_or(Err(NO_ANSWER))
    }

    fn observe(&mut self, event: &Event, _: &Exposure<'_>) -> bool {
        if !is_told(event, self.rests_until_ns) {
            return false;
        }
        let of = |said| match said {
            Said::Observed { closes, rests_until_ns } => Some((closes, rests_until_ns)),
            _ => None,
        };
        let Some((closes, rests_until_ns)) = self.ear.get_mut().hear(of) else { return false };
        self.rests_until_ns = rests_until_ns;
        closes
    }
}
