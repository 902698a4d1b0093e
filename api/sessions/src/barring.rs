//! Kills of strategies that have no place in the session: remembered, so that they cannot start;
//! and what was decided elsewhere or before, taken over by a session that begins.

use qt_engine::Halt;
use qt_types::KillState;

use super::limiting::in_force;
use super::memory::Remembered;
use super::notes::{Limits, SessionNote};
use super::pending;
use super::request::{Arming, Killing};
use super::running::Running;
use qt_trading::ids::StrategyUid;
use qt_trading::time::Time;
use qt_trading::{
    ArmAnswer, KillAnswer, KillLevel, LimitValue, LimitsNow, PrivateKind, Refusal, Switch,
};

/// Strategies that are barred at one time.
const BARRED_MAX: usize = 1_000;

/// A refusal is an answer; a halt ends the session.
type Answer<T> = Result<Result<T, Refusal>, Halt>;

impl Running {
    /// A strategy without a place may take none.
    pub(super) fn bar(&mut self, strategy: StrategyUid, killing: Killing) -> Answer<KillAnswer> {
        let Killing { person, reason, at, .. } = killing;
        let (level, subject) = (KillLevel::Strategy, strategy.to_string());
        let known = self.past.switches.get(level, &subject).cloned();
        // What was taken over may come again.
        let is_there = |it: &Switch| it.is_killed && at.is_some_and(|at| it.tripped_at >= at);
        if let Some(known) = known.clone().filter(is_there) {
            return Ok(Ok(told(known.tripped_at)));
        }
        if known.is_none() && self.past.switches.all().len() >= BARRED_MAX {
            let detail = format!("{BARRED_MAX} kill switches are remembered, and no more");
            return Ok(Err(Refusal::Conflict(detail)));
        }
        let now = Time(self.session.driver().time_ns().get());
        let after = known.map_or(now, |it| now.max(Time(it.changed_at.0.saturating_add(1))));
        let tripped_at = at.unwrap_or(after);
        self.set_bar(Switch {
            level,
            subject,
            is_killed: true,
            state: KillState::Halted.text().to_owned(),
            tripped_at,
            reason,
            people: vec![person],
            changed_at: tripped_at,
        })?;
        Ok(Ok(told(tripped_at)))
    }

    /// A strategy that was barred may take a place again; not found where it is not barred.
    pub(super) fn unbar(&mut self, strategy: StrategyUid, arming: Arming) -> Answer<ArmAnswer> {
        let known = self.past.switches.get(KillLevel::Strategy, &strategy.to_string()).cloned();
        let Some(known) = known else { return Ok(Err(Refusal::NotFound)) };
        if !known.is_killed {
            return Ok(Ok(ArmAnswer::WasArmed));
        }
        if known.tripped_at > arming.trip {
            let at = known.tripped_at;
            let detail = format!("it was tripped again at {at}: approvals of before do not count");
            return Ok(Err(Refusal::Conflict(detail)));
        }
        self.set_bar(Switch {
            is_killed: false,
            state: KillState::Active.text().to_owned(),
            people: arming.people,
            changed_at: Time(self.session.driver().time_ns().get()),
            ..known
        })?;
        Ok(Ok(ArmAnswer::Armed))
    }

    /// Whether `strategy` may not take a place.
    pub(super) fn is_barred(&self, strategy: StrategyUid) -> bool {
        let known = self.past.switches.get(KillLevel::Strategy, &strategy.to_string());
        self.past.slots.slot_of(strategy).is_none() && known.is_some_and(|it| it.is_killed)
    }

    fn set_bar(&mut self, switch: Switch) -> Result<(), Halt> {
        self.note(&SessionNote::Bar(switch.clone()))?;
        let what = serde_json::json!({
            "kind": if switch.is_killed { "kill" } else { "arm" },
            "level": switch.level,
            "state": switch.state,
            "strategy_id": switch.subject,
            "by_machine": false,
        });
        self.shared.log.push(switch.changed_at, PrivateKind::Risk(what));
        self.past.switches.put(switch);
        self.is_dirty = true;
        Ok(())
    }

    /// Takes over what was decided while it did not run, and what is written down elsewhere where
    /// its journal does not know of it: that was lost, as a whole or at its end.
    pub(super) fn take_over(&mut self) -> Result<(), Halt> {
        self.take_pending()?;
        let Remembered { switches, limits } = std::mem::take(&mut self.past.remembered);
        for switch in switches.into_iter().filter(|it| it.is_killed) {
            let known = self.past.switches.get(switch.level, &switch.subject);
            if known.is_some_and(|known| known.changed_at >= switch.tripped_at) {
                continue;
            }
            let account = self.shared.account;
            tracing::warn!(%account, "a kill switch that the journal has lost");
            self.kill_as_asked(Killing {
                level: switch.level,
                strategy: switch.subject.parse().ok().map(StrategyUid),
                person: switch.people.join(" + "),
                reason: switch.reason,
                at: Some(switch.tripped_at),
                is_absent: true,
            })?;
        }
        match limits.filter(|it| it.version > self.past.limits.version) {
            Some(limits) => self.take_limits(limits),
            None => Ok(()),
        }
    }

    /// Takes over the kills that came while it did not run. Those that are refused stay in their
    /// file.
    fn take_pending(&mut self) -> Result<(), Halt> {
        let pending = std::mem::take(&mut self.past.pending);
        if pending.is_empty() {
            return Ok(());
        }
        let mut refused = Vec::new();
        for kill in pending {
            let Switch { level, subject, tripped_at, .. } = kill.switch(&self.shared);
            let known = self.past.switches.get(level, &subject);
            // The journal has it, whatever became of it since: only its file was left behind.
            if known.is_some_and(|known| known.tripped_at >= tripped_at) {
                continue;
            }
            if !self.kill_as_asked(kill.clone().killing())? {
                refused.push(kill);
            }
        }
        pending::done(&self.past.folder, &refused);
        Ok(())
    }

    /// Whether it was not refused.
    fn kill_as_asked(&mut self, killing: Killing) -> Result<bool, Halt> {
        let level = killing.level;
        let killed = self.kill(killing)?;
        if let Err(why) = &killed {
            tracing::error!(?level, %why, "a kill switch is not taken over");
        }
        Ok(killed.is_ok())
    }

    /// They are the session's from now on; what it begins with puts them in force.
    fn take_limits(&mut self, stored: LimitsNow) -> Result<(), Halt> {
        let driver = self.session.driver();
        let now = in_force(driver.gate(), driver.exposure().specs, &self.past.limits).limits;
        let is_other = |wanted: &LimitValue| {
            let is_it = |it: &&LimitValue| {
                (&it.name, &it.level, &it.symbol) == (&wanted.name, &wanted.level, &wanted.symbol)
            };
            now.iter().find(is_it).is_some_and(|it| it.value != wanted.value)
        };
        let version = stored.version;
        tracing::warn!(account = %self.shared.account, version, "limits that the journal has lost");
        let changes = stored.limits.into_iter().filter(is_other).collect();
        let (people, at) = (stored.people, stored.changed_at);
        let limits = Limits { version, people, at, changes };
        self.note(&SessionNote::Limits(limits.clone()))?;
        self.past.limits = limits;
        self.is_limits_old = true;
        Ok(())
    }
}

fn told(tripped_at: Time) -> KillAnswer {
    KillAnswer { tripped_at: Some(tripped_at), ..KillAnswer::default() }
}
