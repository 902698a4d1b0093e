//! The limits of a running session: as they are in force, and other ones in their place.

use std::sync::Arc;

use qt_engine::Halt;
use qt_risk::{EITHER_WAY, Holder, KEYS, Key, KeyRow, RiskGate, read_limit, text_of};
use qt_types::{Control, ControlKind, InstrumentSpec, Level, StrategyId, Target};

use super::notes::{Limits, SessionNote};
use super::running::Running;
use super::slots::{SLOTS, Slots};
use qt_trading::amount::Amount;
use qt_trading::time::Time;
use qt_trading::{LimitValue, LimitsNow, Refusal};

/// The levels that have limits, from the narrowest. Strategies of a session have the same ones.
const LEVELS: [Level; 4] = [Level::Strategy, Level::Account, Level::Tenant, Level::Global];

/// A limit that becomes another one.
type Step = (Target, u16, i128);

/// All limits that `gate` has in force.
pub fn in_force(gate: &RiskGate, specs: &[InstrumentSpec], of: &Limits) -> LimitsNow {
    let mut limits = Vec::new();
    for row in &KEYS {
        let mut add = |target: Target, symbol: Option<&str>| {
            let hard = gate.limit(target, row.key).map(|limit| text_of(row.unit, limit.hard));
            let value = hard.and_then(|text| text.parse().ok()).map(Amount);
            limits.extend(value.map(|value| LimitValue {
                name: row.name.to_owned(),
                level: target.level.text().to_owned(),
                symbol: symbol.map(str::to_owned),
                value,
                unit: row.unit.text().to_owned(),
            }));
        };
        match row.holder {
            Holder::Instrument => {
                for (at, spec) in (0_u16..).zip(specs) {
                    add(Target::new(Level::Instrument, at), Some(spec.symbol()));
                }
            }
            Holder::Node => LEVELS.iter().for_each(|level| add(Target::new(*level, 0), None)),
        }
    }
    let Limits { version, people, at, .. } = of.clone();
    LimitsNow { version, people, changed_at: at, limits }
}

fn invalid<T>(limit: &LimitValue, why: impl std::fmt::Display) -> Result<T, Refusal> {
    let of = limit.symbol.as_deref().unwrap_or(&limit.level);
    let detail = format!("{} of {of}: {why}", limit.name);
    Err(Refusal::Invalid { field: "limits", detail })
}

/// Where `limit` is held.
fn targets(
    limit: &LimitValue,
    row: &KeyRow,
    specs: &[InstrumentSpec],
) -> Result<Vec<Target>, Refusal> {
    if row.holder == Holder::Instrument {
        let is_it = |spec: &InstrumentSpec| limit.symbol.as_deref() == Some(spec.symbol());
        let at = specs.iter().position(is_it).and_then(|at| u16::try_from(at).ok());
        return match at.filter(|_| limit.level == Level::Instrument.text()) {
            Some(at) => Ok(vec![Target::new(Level::Instrument, at)]),
            None => invalid(limit, "it is a limit of an instrument: name level and symbol of it"),
        };
    }
    let level = LEVELS.into_iter().find(|level| level.text() == limit.level);
    match level.filter(|_| limit.symbol.is_none()) {
        Some(Level::Strategy) => {
            Ok((0..=SLOTS).map(|at| Target::new(Level::Strategy, at)).collect())
        }
        Some(level) => Ok(vec![Target::new(level, 0)]),
        None => invalid(limit, "it is a limit of a strategy, account, tenant or of all"),
    }
}

/// What has to become another one for `wanted` to be in force.
fn steps(
    wanted: &[LimitValue],
    gate: &RiskGate,
    specs: &[InstrumentSpec],
    slots: &Slots,
) -> Result<Vec<Step>, Refusal> {
    let mut steps = Vec::new();
    for limit in wanted {
        let Some(row) = KEYS.iter().find(|row| row.name == limit.name) else {
            return invalid(limit, "there is no such limit");
        };
        let hard = match read_limit(row.key, &limit.value.to_string()) {
            Ok(hard) => hard,
            Err(why) => return invalid(limit, why),
        };
        for target in targets(limit, row, specs)? {
            let hard = own(target, row.key, slots).map_or(hard, |own| own.min(hard));
            if gate.limit(target, row.key).is_some_and(|now| now.hard == hard) {
                continue;
            }
            if let Err(why) = gate.may_set(target, row.key, hard) {
                return invalid(limit, why);
            }
            steps.push((target, row.key as u16 | EITHER_WAY, hard));
        }
    }
    Ok(steps)
}

/// The limit that the strategy in a place has of its own.
fn own(target: Target, key: Key, slots: &Slots) -> Option<i128> {
    if target.level != Level::Strategy {
        return None;
    }
    let limits = slots.limits_of(StrategyId(target.index)).iter();
    let is_it = |limit: &&LimitValue| limit.name == key.row().name;
    let read = |limit: &LimitValue| read_limit(key, &limit.value.to_string()).ok();
    limits.filter(is_it).filter_map(read).min()
}

/// Whether all of `limits` are such as one strategy can have of its own.
///
/// # Errors
/// Which is not.
pub fn of_strategy(limits: &[LimitValue]) -> Result<(), Refusal> {
    for limit in limits {
        let row = KEYS.iter().find(|row| row.name == limit.name && row.holder == Holder::Node);
        let Some(row) = row.filter(|_| limit.level == Level::Strategy.text()) else {
            return invalid(limit, "a strategy has no such limit of its own");
        };
        if let Err(why) = read_limit(row.key, &limit.value.to_string()) {
            return invalid(limit, why);
        }
    }
    Ok(())
}

impl Running {
    /// Puts the limits of the strategy that has taken the place of `of` in force: its own, and
    /// where those are none or looser, those of all strategies.
    pub(super) fn limit_slot(&mut self, of: StrategyId, person: u64) -> Result<(), Halt> {
        let gate = self.session.driver().gate();
        let (desk, target) = (Target::new(Level::Strategy, 0), Target::new(Level::Strategy, of.0));
        let mut steps = Vec::new();
        for row in KEYS.iter().filter(|row| row.holder == Holder::Node) {
            let Some(of_all) = gate.limit(desk, row.key) else { continue };
            let own = own(target, row.key, &self.past.slots);
            let hard = own.map_or(of_all.hard, |own| own.min(of_all.hard));
            if gate.limit(target, row.key).is_none_or(|now| now.hard != hard) {
                steps.push((target, row.key as u16 | EITHER_WAY, hard));
            }
        }
        self.take_steps(steps, person)
    }

    /// Puts `wanted` in force where version `base` is.
    pub(super) fn set_limits(
        &mut self,
        base: u64,
        wanted: &[LimitValue],
        people: Vec<String>,
    ) -> Result<Result<Arc<LimitsNow>, Refusal>, Halt> {
        let version = self.past.limits.version;
        if version != base {
            let detail = format!("version {version} of the limits is in force: read it again");
            return Ok(Err(Refusal::Conflict(detail)));
        }
        let driver = self.session.driver();
        let specs = driver.exposure().specs;
        let steps = match steps(wanted, driver.gate(), specs, &self.past.slots) {
            Ok(steps) => steps,
            Err(refusal) => return Ok(Err(refusal)),
        };
        // Of those that are wanted most are in force already.
        let before = in_force(driver.gate(), specs, &self.past.limits);
        let is_new = |limit: &&LimitValue| !before.limits.contains(limit);
        let changes = wanted.iter().filter(is_new).cloned().collect();
        let person = self.person(&people.join(" + "))?;
        let limits = Limits { version: base + 1, people, at: Time::now(), changes };
        self.note(&SessionNote::Limits(limits.clone()))?;
        self.past.limits = limits;
        self.take_steps(steps, person)?;
        Ok(Ok(self.limits()))
    }

    /// What an earlier process noted and did not come to.
    pub(super) fn finish_limits(&mut self) -> Result<(), Halt> {
        let limits = self.past.limits.clone();
        let driver = self.session.driver();
        match steps(&limits.changes, driver.gate(), driver.exposure().specs, &self.past.slots) {
            Ok(steps) if steps.is_empty() => {}
            Ok(steps) => {
                let person = self.person(&limits.people.join(" + "))?;
                self.take_steps(steps, person)?;
            }
            Err(why) => tracing::error!(%why, "limits that were set cannot be put in force"),
        }
        Ok(())
    }

    fn take_steps(&mut self, steps: Vec<Step>, person: u64) -> Result<(), Halt> {
        for (target, key, hard) in steps {
            let kind = ControlKind::Limit { target, key, hard };
            self.session.control(Control { kind, person })?;
        }
        self.take_notes();
        self.is_limits_old = true;
        Ok(())
    }

    /// The limits in force.
    pub(super) fn limits(&self) -> Arc<LimitsNow> {
        let driver = self.session.driver();
        Arc::new(in_force(driver.gate(), driver.exposure().specs, &self.past.limits))
    }
}
