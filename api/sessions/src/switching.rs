//! Kill switches of a running session: tripped and armed, from within and from above.

use std::sync::Arc;

use qt_engine::Halt;
use qt_types::{Control, ControlKind, KillState, Level, OrderId, StrategyId, Target};

use super::market::VENUE;
use super::notes::SessionNote;
use super::request::{Arming, Killing};
use super::running::Running;
use super::switches::{Told, target};
use qt_trading::ids::StrategyUid;
use qt_trading::{ArmAnswer, KillAnswer, KillLevel, Refusal, Switch};

/// A refusal is an answer; a halt ends the session.
type Answer<T> = Result<Result<T, Refusal>, Halt>;

impl Running {
    /// Nothing more leaves; what became of the orders that were open.
    pub(super) fn kill(&mut self, killing: Killing) -> Answer<KillAnswer> {
        let target = match (self.target(killing.level, killing.strategy), killing.strategy) {
            (Ok(target), _) => target,
            (Err(Refusal::NotFound), Some(of)) if killing.is_absent => {
                return self.bar(of, killing);
            }
            (Err(refusal), _) => return Ok(Err(refusal)),
        };
        let Killing { person, reason, at, .. } = killing;
        let only = (target.level == Level::Strategy).then_some(StrategyId(target.index));
        let orders = self.session.driver().exposure().orders;
        let is_meant = |order: &&qt_engine::Order| only.is_none_or(|of| order.strategy == of);
        let open: Vec<OrderId> = orders.iter().filter(is_meant).map(|order| order.id).collect();
        // From above it may have come before.
        let is_there = |it: &&Switch| it.is_killed && at.is_some_and(|at| it.tripped_at >= at);
        if self.switch(target).filter(is_there).is_none() {
            let told = Told { people: vec![person.clone()], reason, at };
            self.decide(ControlKind::Trip { target, state: KillState::Halted }, &person, told)?;
        }
        let tripped_at = self.switch(target).map(|switch| switch.tripped_at);
        let mut answer = KillAnswer { tripped_at, ..KillAnswer::default() };
        for id in open {
            self.sort(id, &mut answer);
        }
        Ok(Ok(answer))
    }

    /// What became of an order that was open.
    fn sort(&self, id: OrderId, answer: &mut KillAnswer) {
        let Some(uid) = self.past.orders.uid_of(id) else { return };
        let Some(order) = self.session.driver().exposure().orders.get(id).copied() else {
            answer.cancelled.push(uid);
            return;
        };
        let is_unknown = order.life() == qt_engine::oms::Life::Unknown;
        let is_asked = order.pending() == qt_engine::oms::Pending::Cancel;
        match (is_unknown, is_asked) {
            (true, _) => answer.unknown.push(uid),
            (false, true) => answer.cancel_pending.push(uid),
            // What only makes a position smaller stays.
            (false, false) if order.reduce_only => {}
            (false, false) => answer.could_not_cancel.push(uid),
        }
    }

    /// Orders may leave again, as far as this switch held them back.
    pub(super) fn arm(&mut self, arming: Arming) -> Answer<ArmAnswer> {
        let target = match (self.target(arming.level, arming.strategy), arming.strategy) {
            (Ok(target), _) => target,
            (Err(Refusal::NotFound), Some(of)) => return self.unbar(of, arming),
            (Err(refusal), _) => return Ok(Err(refusal)),
        };
        let Arming { trip, people, .. } = arming;
        if self.session.driver().gate().kill().state(target) == KillState::Active {
            return Ok(Ok(ArmAnswer::WasArmed));
        }
        if let Some(at) = self.switch(target).map(|it| it.tripped_at).filter(|at| *at > trip) {
            let detail = format!("it was tripped again at {at}: approvals of before do not count");
            return Ok(Err(Refusal::Conflict(detail)));
        }
        self.arm_now(target, people)?;
        Ok(Ok(ArmAnswer::Armed))
    }

    fn arm_now(&mut self, target: Target, people: Vec<String>) -> Result<(), Halt> {
        let person = people.join(" + ");
        let told = Told { people, reason: String::new(), at: None };
        self.decide(ControlKind::Arm { target }, &person, told)
    }

    /// Decides it, and writes down what is said of it first.
    fn decide(&mut self, kind: ControlKind, person: &str, told: Told) -> Result<(), Halt> {
        let person = self.person(person)?;
        let Told { people, reason, at } = told.clone();
        self.note(&SessionNote::Switch { people, reason, at })?;
        let seq = self.session.driver().events() + 1;
        self.past.switches.tell(seq, told);
        self.session.control(Control { kind, person })?;
        self.take_notes();
        Ok(())
    }

    fn switch(&self, target: Target) -> Option<&Switch> {
        let (level, subject) = self.past.switches.name(target, &self.past.slots)?;
        self.past.switches.get(level, &subject)
    }

    fn target(&self, level: KillLevel, of: Option<StrategyUid>) -> Result<Target, Refusal> {
        if level == KillLevel::Strategy && of.is_none() {
            let detail = "say which strategy".to_owned();
            return Err(Refusal::Invalid { field: "id", detail });
        }
        target(level, of, &self.past.slots).ok_or(Refusal::NotFound)
    }

    /// Takes over what was decided for all sessions since the last look.
    pub(super) fn follow_platform(&mut self) -> Result<(), Halt> {
        let all = self.shared.platform.all();
        if self.followed.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, &all)) {
            return Ok(());
        }
        for switch in all.iter() {
            let target = match switch.level {
                KillLevel::Global => Target::GLOBAL,
                KillLevel::Venue if switch.subject == VENUE => Target::new(Level::Venue, 0),
                _ => continue,
            };
            let known = self.switch(target).filter(|it| it.is_killed).map(|it| it.tripped_at);
            match (switch.is_killed, known) {
                (true, Some(at)) if at >= switch.tripped_at => {}
                (true, _) => {
                    let person = switch.people.join(" + ");
                    let told = Told {
                        people: switch.people.clone(),
                        reason: switch.reason.clone(),
                        at: Some(switch.tripped_at),
                    };
                    let state = KillState::Halted;
                    self.decide(ControlKind::Trip { target, state }, &person, told)?;
                }
                (false, Some(at)) if at <= switch.tripped_at => {
                    self.arm_now(target, switch.people.clone())?;
                }
                (false, _) => {}
            }
        }
        self.followed = Some(all);
        Ok(())
    }
}
