//! The desk where kill switches are tripped and armed again: one person may trip, two distinct
//! ones arm. Whatever it decides is in the log before it is told to anyone.

use qt_types::Nanos;

use crate::kill::{KillBoard, KillState, Target};
use crate::tally::Level;

/// A person or a machine, as the control events know them. The number stands for a name kept
/// elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub id: u64,
    /// The session or token that the request came with.
    pub session: u64,
    /// The tenant that the person works for; `None` for one who works for all.
    pub tenant: Option<u16>,
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ArmRefusal {
    /// Nothing is tripped there.
    NotTripped,
    /// There is no such switch.
    UnknownTarget,
    /// A reason and a ticket must be given.
    ReasonMissing,
    /// The one who asked cannot approve.
    SamePerson,
    /// The second approval came by the same session.
    SameSession,
    /// The switch belongs to another tenant, or to all.
    WrongTenant,
    /// The first approval is too old: it begins anew.
    Expired,
    /// The log could not take it.
    LogFailed,
}

impl ArmRefusal {
    /// The stable text code.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotTripped => "NOT_TRIPPED",
            Self::UnknownTarget => "UNKNOWN_TARGET",
            Self::ReasonMissing => "REASON_MISSING",
            Self::SamePerson => "SAME_PERSON",
            Self::SameSession => "SAME_SESSION",
            Self::WrongTenant => "WRONG_TENANT",
            Self::Expired => "APPROVAL_EXPIRED",
            Self::LogFailed => "LOG_FAILED",
        }
    }
}

/// What a control event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlAction {
    /// Tightened to `state` at least.
    Trip {
        /// The state.
        state: KillState,
    },
    /// The first of two persons asks for it to be active again.
    ArmRequested,
    /// The second one approved: active.
    Armed {
        /// Who had asked.
        first: u64,
    },
    /// A request was refused.
    Refused {
        /// Why.
        why: ArmRefusal,
    },
}

/// One entry of the control log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlEvent {
    /// The place in the log (from 1).
    pub number: u64,
    /// When (UTC ns).
    pub at_ns: Nanos,
    /// Which switch.
    pub target: Target,
    /// What.
    pub action: ControlAction,
    /// Who.
    pub person: Person,
    /// Why.
    pub reason: String,
    /// The ticket that it belongs to.
    pub ticket: String,
}

/// Where control events are kept. An entry is durable when `append` returns.
pub trait ControlLog {
    /// Adds an entry.
    ///
    /// # Errors
    /// A sentence on why it is not durable. Then it must not be acted on, and since nobody knows
    /// how much of it was written, the log takes no more.
    fn append(&mut self, event: &ControlEvent) -> Result<(), String>;
}

/// A log in memory, for tests and for runs that end with the process.
#[derive(Clone, Debug, Default)]
pub struct MemoryLog {
    /// The entries, oldest first.
    pub events: Vec<ControlEvent>,
}

impl ControlLog for MemoryLog {
    fn append(&mut self, event: &ControlEvent) -> Result<(), String> {
        self.events.push(event.clone());
        Ok(())
    }
}

/// A request that waits for the second person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Waiting {
    target: Target,
    by: Person,
    at_ns: Nanos,
}

/// What somebody wants at the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Which switch.
    pub target: Target,
    /// Who.
    pub person: Person,
    /// When (UTC ns).
    pub at_ns: Nanos,
    /// Why.
    pub reason: &'a str,
    /// The ticket.
    pub ticket: &'a str,
}

/// The desk.
#[derive(Debug)]
pub struct KillDesk<L> {
    board: KillBoard,
    tenant_of: TenantOf,
    waiting: Vec<Waiting>,
    pending_ns: i64,
    number: u64,
    log: L,
}

/// Which tenant strategies and accounts belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantOf {
    /// By strategy.
    pub strategies: Vec<u16>,
    /// By account.
    pub accounts: Vec<u16>,
}

impl<L: ControlLog> KillDesk<L> {
    /// A desk over `board`, whose approvals wait for the second person for `pending_ns`.
    #[must_use]
    pub const fn new(board: KillBoard, tenant_of: TenantOf, pending_ns: i64, log: L) -> Self {
        Self { board, tenant_of, waiting: Vec::new(), pending_ns, number: 0, log }
    }

    /// Takes over what the log holds after a restart: what was tripped is tripped still, and
    /// approvals that were waiting are asked for anew.
    pub fn recover(&mut self, events: &[ControlEvent]) {
        for event in events {
            self.number = self.number.max(event.number);
            match event.action {
                ControlAction::Trip { state } => {
                    self.board.set(event.target, self.board.state(event.target).max(state));
                }
                ControlAction::Armed { .. } => {
                    self.board.set(event.target, KillState::Active);
                }
                ControlAction::ArmRequested | ControlAction::Refused { .. } => {}
            }
        }
    }

    /// The states that the log stands for.
    #[must_use]
    pub const fn board(&self) -> &KillBoard {
        &self.board
    }

    /// The log.
    #[must_use]
    pub const fn log(&self) -> &L {
        &self.log
    }

    /// Trips a switch: one person or machine is enough. The event is to be sequenced into every
    /// gate. Where the log fails the switch is tripped nevertheless: an error that stops trading
    /// is on the safe side.
    ///
    /// # Errors
    /// [`ArmRefusal::UnknownTarget`], [`ArmRefusal::WrongTenant`], or [`ArmRefusal::LogFailed`]
    /// where it is tripped but not durable.
    pub fn trip(
        &mut self,
        request: &Request<'_>,
        state: KillState,
    ) -> Result<ControlEvent, ArmRefusal> {
        let tighter = self.board.state(request.target).max(state);
        if !self.owns(request) {
            return Err(ArmRefusal::WrongTenant);
        }
        if !self.board.set(request.target, tighter) {
            return Err(ArmRefusal::UnknownTarget);
        }
        // Whoever was about to arm it did not know of this.
        self.waiting.retain(|known| known.target != request.target);
        self.write(request, ControlAction::Trip { state })
    }

    /// Asks for a switch to be active again, or approves what another person asked for: the
    /// second of two distinct persons, in another session, in time. Every refusal is logged too.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn arm(&mut self, request: &Request<'_>) -> Result<ControlEvent, ArmRefusal> {
        if let Err(why) = self.may_arm(request) {
            self.write(request, ControlAction::Refused { why })?;
            return Err(why);
        }
        let first = self.waiting.iter().position(|known| known.target == request.target);
        let Some(first) = first else {
            let event = self.write(request, ControlAction::ArmRequested)?;
            let (target, by, at_ns) = (request.target, request.person, request.at_ns);
            self.waiting.push(Waiting { target, by, at_ns });
            return Ok(event);
        };
        let asked = self.waiting.remove(first);
        let event = self.write(request, ControlAction::Armed { first: asked.by.id })?;
        self.board.set(request.target, KillState::Active);
        Ok(event)
    }

    fn may_arm(&mut self, request: &Request<'_>) -> Result<(), ArmRefusal> {
        if request.reason.trim().is_empty() || request.ticket.trim().is_empty() {
            return Err(ArmRefusal::ReasonMissing);
        }
        if !self.owns(request) {
            return Err(ArmRefusal::WrongTenant);
        }
        if self.board.state(request.target) == KillState::Active {
            return Err(ArmRefusal::NotTripped);
        }
        if !self.board.clone().set(request.target, KillState::Active) {
            return Err(ArmRefusal::UnknownTarget);
        }
        let Some(at) = self.waiting.iter().position(|known| known.target == request.target) else {
            return Ok(());
        };
        let asked = self.waiting[at];
        let age_ns = request.at_ns.get().saturating_sub(asked.at_ns.get());
        // A time before the request is as wrong as one too late.
        if age_ns < 0 || age_ns > self.pending_ns {
            self.waiting.remove(at);
            return Err(ArmRefusal::Expired);
        }
        if asked.by.id == request.person.id {
            return Err(ArmRefusal::SamePerson);
        }
        if asked.by.session == request.person.session {
            return Err(ArmRefusal::SameSession);
        }
        Ok(())
    }

    /// Whether the person may touch the switch: who works for a tenant only what is below it.
    fn owns(&self, request: &Request<'_>) -> bool {
        let Some(tenant) = request.person.tenant else { return true };
        let index = usize::from(request.target.index);
        let owner = match request.target.level {
            Level::Strategy => self.tenant_of.strategies.get(index).copied(),
            Level::Account => self.tenant_of.accounts.get(index).copied(),
            Level::Tenant => Some(request.target.index),
            Level::Venue | Level::Global | Level::Instrument => None,
        };
        owner == Some(tenant)
    }

    fn write(
        &mut self,
        request: &Request<'_>,
        action: ControlAction,
    ) -> Result<ControlEvent, ArmRefusal> {
        let event = ControlEvent {
            number: self.number + 1,
            at_ns: request.at_ns,
            target: request.target,
            action,
            person: request.person,
            reason: request.reason.to_owned(),
            ticket: request.ticket.to_owned(),
        };
        self.log.append(&event).map_err(|_| ArmRefusal::LogFailed)?;
        self.number += 1;
        Ok(event)
    }
}
