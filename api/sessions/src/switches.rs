//! The kill switches of a session by what they belong to: who tripped them, when and why. What may
//! be sent the gate knows; this is what is told of it.

use std::collections::HashMap;

use qt_risk::RiskGate;
use qt_types::{Control, ControlKind, KillState, Level, Target};
use serde::{Deserialize, Serialize};

use super::slots::{SLOTS, Slots, strategy_id};
use qt_trading::ids::{AccountId, StrategyUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{KillLevel, Switch};

/// Who tripped what no person tripped.
pub const MACHINE: &str = "risk_gate";
/// Strategies whose switch was tripped once and is armed again: so many are remembered.
const ARMED_KEPT: usize = 64;

/// What is said of a decision before it is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub people: Vec<String>,
    pub reason: String,
    /// The time that names a trip; without it that of the event.
    pub at: Option<Time>,
}

/// See the module.
#[derive(Debug)]
pub struct Switches {
    tenant: TenantId,
    account: AccountId,
    known: Vec<Switch>,
    /// What was said of the event of this number.
    pub(super) told: HashMap<u64, Told>,
}

/// The orders that are no strategy's, as a strategy.
pub const DESK: StrategyUid = StrategyUid(uuid::Uuid::nil());

/// The venue that sessions trade at.
pub use super::market::VENUE;

impl Switches {
    pub fn new(tenant: TenantId, account: AccountId) -> Self {
        Self { tenant, account, known: Vec::new(), told: HashMap::new() }
    }

    /// Takes over those of an earlier process, and what was said of decisions to come.
    pub fn restore(&mut self, known: Vec<Switch>, told: HashMap<u64, Told>) {
        (self.known, self.told) = (known, told);
    }

    /// All that were ever tripped.
    pub fn all(&self) -> Vec<Switch> {
        self.known.clone()
    }

    /// One of them.
    pub fn get(&self, level: KillLevel, subject: &str) -> Option<&Switch> {
        self.known.iter().find(|it| it.is_of(level, subject))
    }

    /// What is said of event `seq`, if that is a decision about a switch.
    pub fn tell(&mut self, seq: u64, told: Told) {
        self.told.insert(seq, told);
    }

    /// What `target` is called; none where nobody has the place.
    pub fn name(&self, target: Target, slots: &Slots) -> Option<(KillLevel, String)> {
        Some(match target.level {
            Level::Strategy if target.index == 0 => (KillLevel::Strategy, DESK.to_string()),
            Level::Strategy => {
                let of = slots.strategy_of(qt_types::StrategyId(target.index))?;
                (KillLevel::Strategy, of.to_string())
            }
            Level::Account => (KillLevel::Account, self.account.to_string()),
            Level::Tenant => (KillLevel::Tenant, self.tenant.to_string()),
            Level::Venue => (KillLevel::Venue, VENUE.to_owned()),
            Level::Global => (KillLevel::Global, String::new()),
            Level::Instrument => return None,
        })
    }

    /// Takes in event `seq` of `at`. `person` is the name behind its number.
    pub fn take(
        &mut self,
        (seq, at): (u64, Time),
        control: &Control,
        person: Option<&str>,
        slots: &Slots,
    ) {
        let told = self.told.remove(&seq);
        let (target, state) = match control.kind {
            ControlKind::Trip { target, state } => (target, state),
            ControlKind::Arm { target } => (target, KillState::Active),
            _ => return,
        };
        let Some((level, subject)) = self.name(target, slots) else { return };
        let told = told.unwrap_or_else(|| Told {
            people: vec![person.unwrap_or(MACHINE).to_owned()],
            reason: String::new(),
            at: None,
        });
        if state == KillState::Active {
            let known = self.known.iter_mut().find(|it| it.is_of(level, &subject));
            if let Some(known) = known.filter(|it| it.is_killed) {
                (known.is_killed, known.state) = (false, state.text().to_owned());
                (known.people, known.changed_at) = (told.people, at);
            }
            return;
        }
        // The time names the trip, also where the clock went back.
        let before = self.get(level, &subject).map_or(i64::MIN, |it| it.changed_at.0);
        let tripped_at = told.at.unwrap_or(Time(at.0.max(before.saturating_add(1))));
        let tighter = self.state(level, &subject).max(state);
        self.put(Switch {
            level,
            subject,
            is_killed: true,
            state: tighter.text().to_owned(),
            tripped_at,
            reason: told.reason,
            people: told.people,
            changed_at: tripped_at,
        });
    }

    /// Finds what the gate has tripped by itself until `now`; it comes back, with the control.
    pub fn look(&mut self, gate: &RiskGate, slots: &Slots, now: Time) -> Vec<(Switch, String)> {
        let mut found = Vec::new();
        if gate.kill().is_calm() {
            return found;
        }
        let strategies = (0..=SLOTS).map(|at| Target::new(Level::Strategy, at));
        let above = [Level::Account, Level::Tenant, Level::Venue, Level::Global];
        for target in strategies.chain(above.map(|level| Target::new(level, 0))) {
            let state = gate.kill().state(target);
            let Some((level, subject)) = self.name(target, slots) else { continue };
            if state <= self.state(level, &subject) {
                continue;
            }
            let trip = gate.trips().iter().rev().find(|trip| trip.target == target);
            let at = trip.map_or(now, |trip| Time(trip.at_ns.get()));
            let control = trip.map_or(MACHINE, |trip| trip.control.id()).to_owned();
            let switch = Switch {
                level,
                subject,
                is_killed: true,
                state: state.text().to_owned(),
                tripped_at: at,
                reason: format!("the risk gate tripped it by control {control}"),
                people: vec![MACHINE.to_owned()],
                changed_at: at,
            };
            self.put(switch.clone());
            found.push((switch, control));
        }
        found
    }

    /// What may be sent, as far as it was told of.
    fn state(&self, level: KillLevel, subject: &str) -> KillState {
        match self.get(level, subject).map(|it| it.state.as_str()) {
            Some("HALTED") => KillState::Halted,
            Some("REDUCE_ONLY") => KillState::ReduceOnly,
            _ => KillState::Active,
        }
    }

    /// It is so from now on.
    pub fn put(&mut self, switch: Switch) {
        match self.known.iter_mut().find(|it| it.is_of(switch.level, &switch.subject)) {
            Some(known) => *known = switch,
            None => self.known.push(switch),
        }
        let is_over = |it: &Switch| it.level == KillLevel::Strategy && !it.is_killed;
        if self.known.iter().filter(|it| is_over(it)).count() > ARMED_KEPT
            && let Some(oldest) = self.known.iter().position(is_over)
        {
            self.known.remove(oldest);
        }
    }
}

/// The target that `level` of a session means; of a strategy that of its place.
pub fn target(level: KillLevel, strategy: Option<StrategyUid>, slots: &Slots) -> Option<Target> {
    Some(match level {
        KillLevel::Strategy if strategy == Some(DESK) => Target::new(Level::Strategy, 0),
        KillLevel::Strategy => {
            let slot = slots.slot_of(strategy?)?;
            Target::new(Level::Strategy, strategy_id(slot).0)
        }
        KillLevel::Account => Target::new(Level::Account, 0),
        KillLevel::Tenant => Target::new(Level::Tenant, 0),
        KillLevel::Venue => Target::new(Level::Venue, 0),
        KillLevel::Global => Target::GLOBAL,
    })
}
