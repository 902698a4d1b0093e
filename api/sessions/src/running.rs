//! A session that runs: what its worker does with it, one visit at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use qt_engine::{Ensemble, Halt};
use qt_risk::RiskGate;
use qt_runtime::keeper::Shown;
use qt_runtime::live::{Driver, Note, Phase as LinkPhase, Reading};
use qt_runtime::paper::PaperSession;
use qt_strategies::Registry;
use qt_types::{
    ControlKind, Denied, InstrumentId, KillState, Nanos, OrderKind, Payload, Qty, Side, StrategyId,
};

use super::alerts::{self, Alerts};
use super::ids::person_number;
use super::lease::{Held, Tenure};
use super::notes::{KIND, SessionNote};
use super::orders::Changed;
use super::past::Past;
use super::request::{Answered, Requests};
use super::risk;
use super::slots::{SLOTS, strategy_id};
use super::stage::{Stage, Stages};
use super::states::States;
use super::told::Told;
use super::view::{Shared, View};
use qt_trading::ids::StrategyUid;
use qt_trading::time::Time;
use qt_trading::{Alert, Execution, LimitsNow, Order, Phase, PrivateKind, RiskStatus, Switch};

/// Requests that are taken in one visit.
const REQUESTS_MAX: usize = 64;
/// Without anything to answer, what is shown changes no more often than this (ns).
const SHOW_NS: i64 = 20_000_000;
/// Values at the prices of the market are shown so often (ns).
const VALUE_NS: i64 = 250_000_000;
/// The value is in the private events so often (ns).
const SLOW_NS: i64 = 1_000_000_000;
/// So long the first prices may be on their way (ns).
const PRICES_NS: i64 = 3_000_000_000;

/// See the module.
pub struct Running {
    pub(super) session: PaperSession<RiskGate>,
    pub(super) past: Past,
    pub(super) shared: Arc<Shared>,
    pub(super) registry: Arc<Registry>,
    pub(super) requests: Requests,
    held: Arc<dyn Held>,
    kept: Arc<Shown>,
    pub(super) states: States,
    stages: Stages,
    notes: Vec<Note>,
    /// What is not on the shelf yet.
    pub(super) changed: Vec<Changed>,
    pub(super) denied: Option<Denied>,
    /// What was decided for all sessions, as far as it was taken over.
    pub(super) followed: Option<Arc<Vec<Switch>>>,
    /// What was decided while it did not run is in force.
    has_taken_over: bool,
    /// Limits have changed since they were shown.
    pub(super) is_limits_old: bool,
    limits: Arc<LimitsNow>,
    alerts: Alerts,
    /// Alerts that nobody was told of yet.
    alarms: Vec<(Time, Alert)>,
    pub(super) answers: Vec<Answered>,
    pub(super) is_dirty: bool,
    shown_ns: i64,
    slow_ns: i64,
    begun_ns: Option<i64>,
    is_valued: bool,
}

/// What a session begins to run with.
pub struct Opened {
    pub session: PaperSession<RiskGate>,
    pub past: Past,
    pub shared: Arc<Shared>,
    pub requests: Requests,
    pub held: Arc<dyn Held>,
    pub shown: Arc<Shown>,
    pub registry: Arc<Registry>,
    pub states: States,
    pub stages: Stages,
}

/// What a visit came to.
pub enum Visited {
    /// It goes on: what was taken, and for how long nothing is due (ns).
    On { taken: usize, left_ns: i64 },
    /// Another process has it.
    Elsewhere,
    /// It has ended.
    Over,
}

impl Running {
    pub fn new(opened: Opened) -> Self {
        let Opened { session, past, shared, requests, held, shown, registry, states, stages } =
            opened;
        Self {
            session,
            past,
            shared,
            registry,
            requests,
            held,
            kept: shown,
            states,
            stages,
            notes: Vec::new(),
            changed: Vec::new(),
            denied: None,
            followed: None,
            has_taken_over: false,
            is_limits_old: true,
            limits: Arc::default(),
            alerts: Alerts::default(),
            alarms: Vec::new(),
            answers: Vec::new(),
            is_dirty: true,
            shown_ns: 0,
            slow_ns: 0,
            begun_ns: None,
            is_valued: false,
        }
    }

    /// One visit: a bounded part of what there is.
    pub fn visit(&mut self, reading: Reading) -> Visited {
        let done = match self.held.tenure() {
            Tenure::Valid => self.go_on(reading),
            Tenure::Lapsed => self.wait_for_lease(reading),
            Tenure::Lost => return Visited::Elsewhere,
        };
        match done {
            Ok((taken, left_ns)) => {
                let left_ns = if self.requests.is_empty() { left_ns } else { 0 };
                Visited::On { taken, left_ns }
            }
            Err(halt) => {
                self.fail(&halt.to_string());
                Visited::Over
            }
        }
    }

    /// What was taken, and for how long nothing is due.
    fn go_on(&mut self, reading: Reading) -> Result<(usize, i64), Halt> {
        let begun = self.stages.begin();
        let turned = self.session.turn(reading)?;
        self.stages.end(Stage::Market, begun.filter(|_| turned.taken > 0));
        let now_ns = self.session.driver().time_ns();
        self.take_notes();
        if !self.has_taken_over {
            // No order has been asked for yet: what is held back for all does not leave.
            self.follow_platform()?;
            self.take_over()?;
            self.finish_limits()?;
            self.go_on_with_strategies()?;
            self.has_taken_over = true;
            self.shared.is_visited.store(true, Ordering::Release);
        }
        self.look_at_phase(now_ns)?;
        let taken = turned.taken + self.take_requests(Tenure::Valid)?;
        self.turn_day(now_ns)?;
        self.look_after_states()?;
        self.sound_alerts(Time(now_ns.get()));
        self.is_valued &= turned.heard == 0;
        self.show(now_ns.get());
        let left_ns = if self.session.has_input() { 0 } else { self.session.left_ns() };
        // What is not shown yet is due as well.
        let shown_in_ns = self.shown_ns.saturating_add(SHOW_NS).saturating_sub(now_ns.get()).max(0);
        Ok((taken, if self.is_dirty { left_ns.min(shown_in_ns) } else { left_ns }))
    }

    /// Nothing leaves until the lease is renewed, so nothing is taken in that something could
    /// follow from; only the kill switch works.
    fn wait_for_lease(&mut self, reading: Reading) -> Result<(usize, i64), Halt> {
        self.session.look(reading);
        let why = "the lease of the session was not renewed in time; nothing leaves until it is";
        self.shared.enter(Phase::LeaseLost, Some(why.to_owned()));
        let taken = self.take_requests(Tenure::Lapsed)?;
        self.show(self.session.driver().time_ns().get());
        Ok((taken, i64::MAX))
    }

    /// Takes a bounded number of requests, for as long as the lease stands as it did when the visit
    /// began: the process may have been stopped in the middle of it.
    fn take_requests(&mut self, tenure: Tenure) -> Result<usize, Halt> {
        let mut taken = 0;
        self.follow_platform()?;
        while taken < REQUESTS_MAX
            && self.held.tenure() == tenure
            && let Some((sent, request)) = self.requests.next_sent()
        {
            taken += 1;
            self.stages.end(Stage::Queue, Some(sent));
            let begun = self.stages.begin();
            self.follow_platform().map_err(|halt| self.halted(halt))?;
            let answer = self.obey(request)?;
            self.stages.end(Stage::Request, begun);
            self.answers.extend(answer);
        }
        Ok(taken)
    }

    fn fail(&mut self, why: &str) {
        let why = self.kept.fault.get().map_or(why, String::as_str).to_owned();
        tracing::error!(account = %self.shared.account, why, "a session has failed");
        self.shared.enter(Phase::Failed, Some(why));
        self.refuse_all();
    }

    /// It trades once the venue is in step and there are prices.
    fn look_at_phase(&mut self, now_ns: Nanos) -> Result<(), Halt> {
        let driver = self.session.driver();
        if driver.phase() != LinkPhase::Ready {
            let detail = driver.breaks().first().map(|it| it.text(driver.exposure().specs));
            self.shared.enter(Phase::Reconciling, detail);
            return Ok(());
        }
        if self.begun_ns.is_none() {
            self.note(&SessionNote::Holder { epoch: self.held.epoch() })?;
        }
        let begun_ns = *self.begun_ns.get_or_insert(now_ns.get());
        let driver = self.session.driver();
        let exposure = driver.exposure();
        let count = exposure.specs.len();
        let is_priced = |at: usize| {
            let book = exposure.book(InstrumentId(u16::try_from(at).unwrap_or(u16::MAX)));
            book.is_some_and(|it| it.best_bid().is_some() && it.best_ask().is_some())
        };
        let is_ready = self.shared.phase.borrow().0 == Phase::Ready
            || (0..count).all(is_priced)
            || now_ns.get() - begun_ns > PRICES_NS;
        if !is_ready {
            self.shared.enter(Phase::Reconciling, None);
            return Ok(());
        }
        if self.shared.risk.load().is_empty() {
            self.look_at_limits();
        }
        self.shared.enter(Phase::Ready, None);
        Ok(())
    }

    /// Looks at what became of orders, and tells of it.
    pub(super) fn take_notes(&mut self) {
        let mut notes = std::mem::take(&mut self.notes);
        self.session.driver_mut().take_notes(&mut notes);
        for note in &notes {
            self.is_dirty = true;
            let at = Time(note.event.recv_ns.get());
            if let Payload::Denied(denied) = &note.event.payload {
                self.denied = Some(*denied);
                self.alert(denied, note.event.instrument, at);
            }
            let changed = self.past.take(note, self.session.driver());
            for change in changed {
                if let Some(told) = Told::of(&change) {
                    self.shared.listener.hear(note.event.seq.get(), at, told);
                }
                self.tell(at, &change);
                self.changed.push(change);
            }
            if let Payload::Control(control) = &note.event.payload
                && !is_of_slot(control)
            {
                let what = self.told_control(control);
                self.shared.log.push(at, PrivateKind::Risk(what));
            }
        }
        notes.clear();
        self.notes = notes;
        // Behind all that the events have changed: who listens counts by events.
        for (at, alert) in std::mem::take(&mut self.alarms) {
            self.sound(at, alert);
        }
    }

    fn tell(&self, at: Time, change: &Changed) {
        let log = &self.shared.log;
        match change {
            Changed::Order(_, order) => {
                log.push(at, PrivateKind::Order(Order::clone(order)));
            }
            Changed::Gone(_) | Changed::Denied(_) => {}
            Changed::Executed(execution, instrument) => {
                log.push(at, PrivateKind::Executed(Execution::clone(execution)));
                let exposure = self.session.driver().exposure();
                if let Some(position) = self.past.account.position(*instrument, &exposure) {
                    log.push(at, PrivateKind::Position(position));
                }
            }
        }
    }

    /// Tells of a denial, unless it was told of the same one just now.
    fn alert(&mut self, denied: &Denied, instrument: InstrumentId, at: Time) {
        let driver = self.session.driver();
        let exposure = driver.exposure();
        let spec = exposure.spec(instrument);
        if let Some(alert) = self.alerts.denied(denied, driver.gate(), spec, at) {
            self.alarms.push((at, alert));
        }
    }

    /// Tells of what the gate has tripped by itself, and of denials that were counted.
    fn sound_alerts(&mut self, now: Time) {
        for (switch, control) in self.past.look(self.session.driver()) {
            let (at, alert) = (switch.tripped_at, alerts::tripped(&switch, &control));
            let what = serde_json::json!({
                "kind": "kill",
                "level": switch.level,
                "state": switch.state,
                "strategy_id": null,
                "by_machine": true,
            });
            self.shared.log.push(at, PrivateKind::Risk(what));
            self.sound(at, alert);
            self.is_dirty = true;
        }
        for alert in self.alerts.due(now) {
            self.sound(now, alert);
        }
    }

    fn sound(&self, at: Time, alert: Alert) {
        let alert = Arc::new(alert);
        let told = Told::Alert(Arc::clone(&alert));
        self.shared.listener.hear(self.session.driver().events(), at, told);
        self.shared.log.push(at, PrivateKind::Alert(Box::new(Alert::clone(&alert))));
    }

    fn told_control(&self, control: &qt_types::Control) -> serde_json::Value {
        let (kind, target, state) = match control.kind {
            ControlKind::Trip { target, state } => ("kill", Some(target), Some(state.text())),
            ControlKind::Arm { target } => ("arm", Some(target), Some(KillState::Active.text())),
            ControlKind::Limit { target, .. } => ("limit", Some(target), None),
            ControlKind::Activate { .. } => ("strategy_activated", None, None),
            ControlKind::Deactivate { .. } => ("strategy_deactivated", None, None),
            _ => ("decision", None, None),
        };
        let strategy = match control.kind {
            ControlKind::Activate { strategy } | ControlKind::Deactivate { strategy } => {
                self.past.slots.strategy_of(strategy)
            }
            _ => None,
        };
        serde_json::json!({
            "kind": kind,
            "level": target.map(|target| target.level.text()),
            "state": state,
            "strategy_id": strategy,
            "by_machine": control.person == 0,
        })
    }

    fn turn_day(&mut self, now_ns: Nanos) -> Result<(), Halt> {
        if self.shared.phase.borrow().0 != Phase::Ready {
            return Ok(());
        }
        let exposure = self.session.driver().exposure();
        let Some((day, equity)) = self.past.account.turn_day(&exposure, now_ns) else {
            return Ok(());
        };
        let note = SessionNote::Day { day, equity_nano: equity.nano() };
        self.session.driver_mut().note(KIND, &note.bytes())
    }

    /// The number of a person, whose name is written down the first time.
    pub(super) fn person(&mut self, name: &str) -> Result<u64, Halt> {
        let number = person_number(name);
        if self.past.persons.insert(number, name.to_owned()).is_none() {
            self.note(&SessionNote::Person { number, name: name.to_owned() })?;
        }
        Ok(number)
    }

    pub(super) fn note(&mut self, note: &SessionNote) -> Result<(), Halt> {
        self.session.driver_mut().note(KIND, &note.bytes())
    }

    /// Shows how it stands, where that has changed, and answers what was asked.
    pub(super) fn show(&mut self, now_ns: i64) {
        let since_ns = now_ns.saturating_sub(self.shown_ns);
        let is_due = self.is_dirty && since_ns >= SHOW_NS;
        let is_old = !self.is_valued && since_ns >= VALUE_NS;
        if is_due || is_old || (self.is_dirty && !self.answers.is_empty()) {
            let begun = self.stages.begin();
            self.publish(now_ns);
            self.stages.end(Stage::Show, begun);
        }
        self.answers.drain(..).for_each(Answered::send);
    }

    fn publish(&mut self, now_ns: i64) {
        let driver = self.session.driver();
        let exposure = driver.exposure();
        let orders = &self.past.orders;
        let portfolio = self.past.account.portfolio(&exposure, orders.open(), driver.time_ns());
        if now_ns.saturating_sub(self.slow_ns) >= SLOW_NS {
            self.slow_ns = now_ns;
            let is_still = portfolio.positions.is_empty() && !self.is_dirty;
            if !is_still {
                let worth = Told::Worth(Arc::clone(&portfolio));
                self.shared.listener.hear(driver.events(), portfolio.as_of, worth);
                let told = PrivateKind::Portfolio(Box::new((*portfolio).clone()));
                self.shared.log.replace(portfolio.as_of, told);
            }
        }
        if std::mem::take(&mut self.is_limits_old) {
            self.limits = self.limits();
        }
        let driver = self.session.driver();
        self.shared.shelf.apply(&mut self.changed);
        self.shared.view.store(Arc::new(View {
            portfolio,
            limits: Arc::clone(&self.limits),
            switches: Arc::new(self.past.switches.all()),
            running: Some(Arc::new(self.running())),
            events: driver.events(),
            is_killed: driver.inside().may_send(StrategyId::FIRST) != KillState::Active,
        }));
        (self.is_dirty, self.is_valued, self.shown_ns) = (false, true, now_ns);
    }

    /// The strategies that run.
    pub(super) fn running(&self) -> Vec<StrategyUid> {
        let inside = self.session.driver().inside();
        let places = (0..SLOTS).map(strategy_id).filter(|of| inside.is_active(*of));
        places.filter_map(|of| self.past.slots.strategy_of(of)).collect()
    }

    /// The limits as they stand, which is what is shown of them from now on.
    pub(super) fn look_at_limits(&self) -> Vec<RiskStatus> {
        let limits = limits_of(self.session.driver());
        self.shared.risk.store(Arc::new(limits.clone()));
        limits
    }
}

/// Whether a decision is only that a place of a strategy begins anew for another one.
const fn is_of_slot(control: &qt_types::Control) -> bool {
    control.person == 0 && matches!(control.kind, ControlKind::Arm { .. })
}

/// All limits that are on, by what the smallest order in each instrument would come to.
fn limits_of(driver: &Driver<Ensemble, RiskGate>) -> Vec<RiskStatus> {
    let exposure = driver.exposure();
    let mut all: Vec<RiskStatus> = Vec::new();
    for at in 0..exposure.specs.len() {
        let request = qt_engine::OrderRequest {
            instrument: InstrumentId(u16::try_from(at).unwrap_or(u16::MAX)),
            side: Side::Buy,
            kind: OrderKind::Market,
            qty: Qty::from_lots(1),
            reduce_only: false,
            replaces: qt_types::OrderId::NONE,
        };
        for status in risk::statuses(driver.gate(), StrategyId::FIRST, &request, &exposure) {
            let is_same = |it: &RiskStatus| {
                (&it.control, &it.level, &it.symbol, &it.unit)
                    == (&status.control, &status.level, &status.symbol, &status.unit)
            };
            if !all.iter().any(is_same) {
                all.push(status);
            }
        }
    }
    all
}
