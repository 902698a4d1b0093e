//! A session that runs: what its worker does with it, one visit at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam::channel::Receiver;
use qt_engine::{Ensemble, Halt};
use qt_risk::RiskGate;
use qt_runtime::keeper::Shown;
use qt_runtime::live::{Driver, Note, Phase as LinkPhase, Reading};
use qt_runtime::paper::PaperSession;
use qt_types::{
    ControlKind, Denied, InstrumentId, InstrumentSpec, KillState, Nanos, OrderKind, Payload, Qty,
    Side, StrategyId,
};

use super::alerts::{self, Alerts};

use super::ids::person_number;
use super::lease::Held;
use super::notes::{KIND, Limits, SessionNote};
use super::orders::{Changed, Orders};
use super::portfolio::Account;
use super::request::{Answered, Request};
use super::risk;
use super::slots::Slots;
use super::switches::{Switches, Told};
use super::view::{Shared, View};
use qt_trading::ids::{AccountId, TenantId};
use qt_trading::time::Time;
use qt_trading::{LimitsNow, Phase, PrivateKind, Refusal, RiskStatus, Switch};

/// Requests that are taken in one visit.
const REQUESTS_MAX: usize = 64;
/// Without anything to answer, what is shown changes no more often than this (ns).
const SHOW_NS: i64 = 20_000_000;
/// Values at the prices of the market are shown so often (ns).
const VALUE_NS: i64 = 250_000_000;
/// Limits, and the value in the private events, so often (ns).
const SLOW_NS: i64 = 1_000_000_000;
/// So long the first prices may be on their way (ns).
const PRICES_NS: i64 = 3_000_000_000;

/// What an earlier process has left, and this one goes on with.
#[derive(Debug)]
pub struct Past {
    pub orders: Orders,
    pub account: Account,
    pub slots: Slots,
    /// Who the numbers of persons are.
    pub persons: HashMap<u64, String>,
    pub switches: Switches,
    /// The last change of the limits.
    pub limits: Limits,
}

impl Past {
    pub fn new(tenant: TenantId, account: AccountId, specs: Vec<InstrumentSpec>) -> Self {
        Self {
            account: Account::new(account, specs.len()),
            orders: Orders::new(account, specs),
            slots: Slots::default(),
            persons: HashMap::new(),
            switches: Switches::new(tenant, account),
            limits: Limits { version: 1, at: Time::now(), ..Limits::default() },
        }
    }

    /// What was written down beside the events, behind event `after`.
    pub fn recall(&mut self, after: u64, note: SessionNote) {
        match note {
            SessionNote::Person { number, name } => {
                self.persons.insert(number, name);
            }
            SessionNote::Switch { people, reason, at } => {
                self.switches.tell(after + 1, Told { people, reason, at });
            }
            SessionNote::Limits(limits) => self.limits = limits,
            SessionNote::Client { order, client_order_id } => {
                self.orders.name(order, client_order_id);
            }
            SessionNote::Day { day, equity_nano } => {
                self.account.begin_day(day, qt_types::Cash::from_nano(equity_nano));
            }
            // It happens again at its place among the events.
            SessionNote::Cast(_) => {}
        }
    }

    /// What happened; what it changed comes back.
    pub fn take(&mut self, note: &Note, driver: &Driver<Ensemble, RiskGate>) -> Vec<Changed> {
        let mut changed = Vec::new();
        if let Payload::Control(control) = &note.event.payload {
            let when = (note.event.seq.get(), Time(note.event.recv_ns.get()));
            let person = self.persons.get(&control.person).map(String::as_str);
            self.switches.take(when, control, person, &self.slots);
        }
        self.orders.take(note, &self.slots, &self.persons, &mut changed);
        let at = Time(note.event.venue_ns.get());
        for change in &changed {
            if let Changed::Executed(_, instrument) = change {
                self.account.moved(*instrument, &driver.exposure(), at);
            }
        }
        changed
    }

    /// Finds what the gate has tripped by itself; it comes back, with the control.
    pub fn look(&mut self, driver: &Driver<Ensemble, RiskGate>) -> Vec<(Switch, String)> {
        let now = Time(driver.time_ns().get());
        self.switches.look(driver.gate(), &self.slots, now)
    }
}

/// See the module.
pub struct Running {
    pub(super) session: PaperSession<RiskGate>,
    pub(super) past: Past,
    pub(super) shared: Arc<Shared>,
    requests: Receiver<Request>,
    held: Box<dyn Held>,
    kept: Arc<Shown>,
    notes: Vec<Note>,
    pub(super) denied: Option<Denied>,
    /// What was decided for all sessions, as far as it was taken over.
    pub(super) followed: Option<Arc<Vec<Switch>>>,
    /// Limits have changed since they were shown.
    pub(super) is_limits_old: bool,
    limits: Arc<LimitsNow>,
    alerts: Alerts,
    answers: Vec<Answered>,
    is_dirty: bool,
    shown_ns: i64,
    slow_ns: i64,
    begun_ns: Option<i64>,
    is_valued: bool,
    risk: Arc<Vec<RiskStatus>>,
}

/// What a visit came to.
pub enum Visited {
    /// It goes on: what was taken, and when something is due next (UTC ns).
    On { taken: usize, next_ns: Nanos },
    /// It has ended.
    Over,
}

impl Running {
    pub fn new(
        session: PaperSession<RiskGate>,
        past: Past,
        shared: Arc<Shared>,
        requests: Receiver<Request>,
        held: Box<dyn Held>,
        kept: Arc<Shown>,
    ) -> Self {
        Self {
            session,
            past,
            shared,
            requests,
            held,
            kept,
            notes: Vec::new(),
            denied: None,
            followed: None,
            is_limits_old: true,
            limits: Arc::default(),
            alerts: Alerts::default(),
            answers: Vec::new(),
            is_dirty: true,
            shown_ns: 0,
            slow_ns: 0,
            begun_ns: None,
            is_valued: false,
            risk: Arc::default(),
        }
    }

    /// One visit: a bounded part of what there is.
    pub fn visit(&mut self, reading: Reading) -> Visited {
        match self.go_on(reading) {
            Ok(taken) => {
                let has_more = self.session.has_input()
                    || !self.requests.is_empty()
                    || !self.shared.urgent.is_empty();
                let next_ns =
                    if has_more { self.session.driver().time_ns() } else { self.session.next_ns() };
                Visited::On { taken, next_ns }
            }
            Err(why) => {
                self.fail(&why);
                Visited::Over
            }
        }
    }

    fn go_on(&mut self, reading: Reading) -> Result<usize, String> {
        if !self.held.is_held() {
            return Err("its lease is over: another process may have the session".to_owned());
        }
        let halted = |halt: Halt| halt.to_string();
        let turned = self.session.turn(reading).map_err(halted)?;
        let now_ns = self.session.driver().time_ns();
        self.take_notes();
        if self.followed.is_none() {
            // Nothing has been heard or asked for yet: what is held back for all does not leave.
            self.follow_platform().map_err(halted)?;
            self.finish_limits().map_err(halted)?;
            self.shared.is_visited.store(true, Ordering::Release);
        }
        self.look_at_phase(now_ns);
        let mut taken = turned.taken;
        for request in self.shared.urgent.take() {
            taken += 1;
            let answer = self.obey(request).map_err(halted)?;
            self.answers.extend(answer);
        }
        self.follow_platform().map_err(halted)?;
        while taken < turned.taken + REQUESTS_MAX
            && let Ok(request) = self.requests.try_recv()
        {
            taken += 1;
            self.follow_platform().map_err(halted)?;
            let answer = self.obey(request).map_err(halted)?;
            self.answers.extend(answer);
        }
        self.turn_day(now_ns).map_err(halted)?;
        self.sound_alerts(Time(now_ns.get()));
        self.is_valued &= turned.heard == 0;
        self.show(now_ns.get());
        Ok(taken)
    }

    fn fail(&mut self, why: &str) {
        let why = self.kept.fault.get().map_or(why, String::as_str).to_owned();
        tracing::error!(account = %self.shared.account, why, "a session has failed");
        self.shared.enter(Phase::Failed, Some(why));
        self.refuse_all("FAILED", "the session has failed; its state says why");
    }

    /// Ends it in order. What is asked from now on is refused.
    pub fn end(&mut self) {
        self.shared.enter(Phase::Draining, None);
        self.refuse_all("STOPPING", "the service is stopping");
        self.session.close();
        self.take_notes();
        self.is_dirty = true;
        self.show(i64::MAX);
        self.shared.enter(Phase::Stopped, None);
    }

    fn refuse_all(&mut self, code: &'static str, why: &str) {
        self.answers.drain(..).for_each(Answered::send);
        self.shared.is_visited.store(false, Ordering::Release);
        for request in self.shared.urgent.close() {
            request.refuse(Refusal::Unavailable { code, detail: why.to_owned() });
        }
        while let Ok(request) = self.requests.try_recv() {
            request.refuse(Refusal::Unavailable { code, detail: why.to_owned() });
        }
    }

    /// It trades once the venue is in step and there are prices.
    fn look_at_phase(&mut self, now_ns: Nanos) {
        let driver = self.session.driver();
        if driver.phase() != LinkPhase::Ready {
            let detail = driver.breaks().first().map(|it| it.text(driver.exposure().specs));
            self.shared.enter(Phase::Reconciling, detail);
            return;
        }
        let begun_ns = *self.begun_ns.get_or_insert(now_ns.get());
        let exposure = driver.exposure();
        let count = exposure.specs.len();
        let is_priced = |at: usize| {
            let book = exposure.book(InstrumentId(u16::try_from(at).unwrap_or(u16::MAX)));
            book.is_some_and(|it| it.best_bid().is_some() && it.best_ask().is_some())
        };
        let is_ready = self.shared.phase.borrow().0 == Phase::Ready
            || (0..count).all(is_priced)
            || now_ns.get() - begun_ns > PRICES_NS;
        if is_ready {
            self.shared.enter(Phase::Ready, None);
        }
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
                self.tell(at, change);
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
    }

    fn tell(&self, at: Time, change: Changed) {
        let log = &self.shared.log;
        match change {
            Changed::Order(order) => {
                log.push(at, PrivateKind::Order((*order).clone()));
            }
            Changed::Executed(execution, instrument) => {
                log.push(at, PrivateKind::Executed((*execution).clone()));
                let exposure = self.session.driver().exposure();
                if let Some(position) = self.past.account.position(instrument, &exposure) {
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
            self.shared.log.push(at, PrivateKind::Alert(Box::new(alert)));
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
            self.shared.log.push(at, PrivateKind::Alert(Box::new(alert)));
            self.is_dirty = true;
        }
        for alert in self.alerts.due(now) {
            self.shared.log.push(now, PrivateKind::Alert(Box::new(alert)));
        }
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
    fn show(&mut self, now_ns: i64) {
        let since_ns = now_ns.saturating_sub(self.shown_ns);
        let is_due = self.is_dirty && since_ns >= SHOW_NS;
        let is_old = !self.is_valued && since_ns >= VALUE_NS;
        if is_due || is_old || (self.is_dirty && !self.answers.is_empty()) {
            self.publish(now_ns);
        }
        self.answers.drain(..).for_each(Answered::send);
    }

    fn publish(&mut self, now_ns: i64) {
        let driver = self.session.driver();
        let (exposure, inside) = (driver.exposure(), driver.inside());
        let orders = &self.past.orders;
        let portfolio = self.past.account.portfolio(&exposure, orders.open(), driver.time_ns());
        let is_slow_due = now_ns.saturating_sub(self.slow_ns) >= SLOW_NS;
        if is_slow_due {
            self.slow_ns = now_ns;
            self.risk = Arc::new(limits_of(driver));
            let told = PrivateKind::Portfolio(Box::new((*portfolio).clone()));
            let is_still = portfolio.positions.is_empty() && !self.is_dirty;
            if !is_still {
                self.shared.log.push(portfolio.as_of, told);
            }
        }
        if std::mem::take(&mut self.is_limits_old) {
            self.limits = self.limits();
        }
        let was = self.shared.view.load();
        let (orders, executions) = if self.is_dirty {
            (Arc::new(orders.newest()), Arc::new(orders.executions()))
        } else {
            (Arc::clone(&was.orders), Arc::clone(&was.executions))
        };
        self.shared.view.store(Arc::new(View {
            portfolio,
            orders,
            executions,
            risk: Arc::clone(&self.risk),
            limits: Arc::clone(&self.limits),
            switches: Arc::new(self.past.switches.all()),
            events: driver.events(),
            is_killed: inside.may_send(StrategyId::FIRST) != KillState::Active,
        }));
        (self.is_dirty, self.is_valued, self.shown_ns) = (false, true, now_ns);
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
        for status in risk::statuses(driver.gate(), &request, &exposure) {
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
