//! What a session does with what is asked of it.

use std::sync::Arc;

use qt_engine::Halt;
use qt_types::{
    Asked, AskedFor, Cancel, Cash, Control, ControlKind, InstrumentId, KillState, Level, OrderId,
    StrategyId, Target,
};

use super::limiting;
use super::notes::{Cast, SessionNote};
use super::request::{Answered, Request};
use super::risk;
use super::running::Running;
use super::slots::{self, strategy_id};
use super::wish;
use qt_trading::ids::{OrderUid, StrategyUid};
use qt_trading::{AmendOrder, NewOrder, Order, Phase, Refusal, RiskStatus, StrategyRun};

/// A refusal is an answer; a halt ends the session.
type Answer<T> = Result<Result<T, Refusal>, Halt>;

fn conflict<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Conflict(why.into()))
}

/// Goes on with what there is, or answers with the refusal.
macro_rules! or_refuse {
    ($result:expr) => {
        match $result {
            Ok(value) => value,
            Err(refusal) => return Ok(Err(refusal)),
        }
    };
}

impl Running {
    /// Does what is asked; the answer waits until what it is about can be seen.
    pub(super) fn obey(&mut self, request: Request) -> Result<Option<Answered>, Halt> {
        // The kill switch works as soon as there is anything to be killed.
        if let Some(refusal) = self.shared.refusal()
            && !matches!(request, Request::Kill { .. })
        {
            request.refuse(refusal);
            return Ok(None);
        }
        Ok(Some(match request {
            Request::Place { id, order, person, reply } => {
                Answered::Order(reply, self.place(id, &order, &person)?)
            }
            Request::TryOut { order, reply } => Answered::Risk(reply, self.try_out(&order)),
            Request::Limits { reply } => Answered::Risk(reply, Ok(self.look_at_limits())),
            Request::Amend { id, change, person, reply } => {
                Answered::Order(reply, self.amend(id, &change, &person)?)
            }
            Request::Cancel { id, person, reply } => {
                Answered::Order(reply, self.cancel(id, &person)?)
            }
            Request::Kill { killing, reply } => {
                let (account, reason) = (self.shared.account, &killing.reason);
                tracing::warn!(%account, reason, "kill switch");
                Answered::Kill(reply, self.kill(killing).map_err(|halt| self.halted(halt))?)
            }
            Request::Arm { arming, reply } => Answered::Arm(reply, self.arm(arming)?),
            Request::SetLimits { base, limits, people, reply } => {
                Answered::Limits(reply, self.set_limits(base, &limits, people)?)
            }
            Request::Signals { signals, reply } => {
                Answered::Signals(reply, self.hear_signals(&signals)?)
            }
            Request::Activate { run, person, reply } => {
                Answered::Done(reply, self.activate(&run, &person)?)
            }
            Request::Deactivate { id, person, reply } => {
                Answered::Done(reply, self.deactivate(id, &person)?)
            }
        }))
    }

    /// It has failed by `halt`, and that is known before the request which is under way goes
    /// unanswered: a kill is kept for later then.
    pub(super) fn halted(&self, halt: Halt) -> Halt {
        self.shared.enter(Phase::Failed, Some(halt.to_string()));
        halt
    }

    fn place(&mut self, id: OrderUid, order: &NewOrder, person: &str) -> Answer<Arc<Order>> {
        if self.past.orders.get(id).is_some() {
            return Ok(conflict(format!("there is an order {id} already")));
        }
        if self.past.orders.is_past(id) {
            // Whoever asks again shall be told of the order, once the store can.
            let detail = format!("the order {id} was placed; ask for it in a moment");
            return Ok(Err(Refusal::Unavailable { code: "ORDER_NOT_SHOWN", detail }));
        }
        let driver = self.session.driver();
        let wanted = wish::placed(order, driver.exposure().specs, driver.time_ns());
        let (instrument, what) = or_refuse!(wanted);
        let strategy = or_refuse!(self.strategy(order.strategy_id));
        if let Some(name) = &order.client_order_id
            && self.past.orders.is_named(name)
        {
            return Ok(conflict(format!("there is an order with client_order_id {name} already")));
        }
        let person = self.person(person)?;
        if let Some(client_order_id) = order.client_order_id.clone() {
            self.past.orders.name(id, client_order_id.clone());
            self.note(&SessionNote::Client { order: id, client_order_id })?;
        }
        let asked = Asked { outer: *id.0.as_bytes(), person, strategy, what };
        Ok(self.ask(instrument, asked)?.and_then(|()| self.shown(id)))
    }

    /// Asks, and says why that is denied where it is.
    fn ask(&mut self, instrument: InstrumentId, asked: Asked) -> Answer<()> {
        let before = self.session.driver().gate().denials();
        self.denied = None;
        self.session.ask(instrument, asked)?;
        self.take_notes();
        let Some(denied) = self.denied.take().filter(|it| it.strategy == asked.strategy) else {
            return Ok(Ok(()));
        };
        let driver = self.session.driver();
        let exposure = driver.exposure();
        let spec = exposure.spec(instrument);
        let version = self.past.limits.version;
        Ok(Err(risk::refusal(driver.gate(), before, &denied, spec, version)))
    }

    fn shown(&self, id: OrderUid) -> Result<Arc<Order>, Refusal> {
        self.past.orders.get(id).cloned().ok_or(Refusal::NotFound)
    }

    fn try_out(&self, order: &NewOrder) -> Result<Vec<RiskStatus>, Refusal> {
        let driver = self.session.driver();
        let exposure = driver.exposure();
        let (instrument, what) = wish::placed(order, exposure.specs, driver.time_ns())?;
        let strategy = self.strategy(order.strategy_id)?;
        let AskedFor::Place { side, kind, qty, reduce_only, .. } = what else {
            return Ok(Vec::new());
        };
        let replaces = OrderId::NONE;
        let request =
            qt_engine::OrderRequest { instrument, side, kind, qty, reduce_only, replaces };
        Ok(risk::statuses(driver.gate(), strategy, &request, &exposure))
    }

    /// The order, where it is open.
    fn open_order(&self, id: OrderUid) -> Result<qt_engine::Order, Refusal> {
        let known = self.past.orders.get(id).ok_or(Refusal::NotFound)?;
        let engine_id = self.past.orders.id_of(id).ok_or(Refusal::NotFound)?;
        let order = self.session.driver().exposure().orders.get(engine_id).copied();
        order.ok_or_else(|| {
            let status = serde_json::to_value(known.status).unwrap_or_default();
            let status = status.as_str().unwrap_or("over").to_owned();
            Refusal::Conflict(format!("the order is over: {status}"))
        })
    }

    fn amend(&mut self, id: OrderUid, change: &AmendOrder, person: &str) -> Answer<Arc<Order>> {
        let order = or_refuse!(self.open_order(id));
        let exposure = self.session.driver().exposure();
        let Some(spec) = exposure.spec(order.instrument) else {
            return Ok(Err(Refusal::NotFound));
        };
        let what = or_refuse!(wish::amended(change, &order, spec));
        let (person, strategy) = (self.person(person)?, order.strategy);
        let asked = Asked { outer: *id.0.as_bytes(), person, strategy, what };
        or_refuse!(self.ask(order.instrument, asked)?);
        Ok(self.shown(id))
    }

    fn cancel(&mut self, id: OrderUid, person: &str) -> Answer<Arc<Order>> {
        let order = or_refuse!(self.open_order(id));
        let (person, strategy) = (self.person(person)?, order.strategy);
        let what = AskedFor::Cancel(Cancel { order: order.id });
        let asked = Asked { outer: *id.0.as_bytes(), person, strategy, what };
        or_refuse!(self.ask(order.instrument, asked)?);
        Ok(self.shown(id))
    }

    /// The strategy of the pipeline that a client means.
    fn strategy(&self, id: Option<StrategyUid>) -> Result<StrategyId, Refusal> {
        let Some(id) = id else { return Ok(StrategyId::FIRST) };
        let slot = self.past.slots.slot_of(id);
        slot.map(strategy_id).ok_or_else(|| Refusal::Invalid {
            field: "strategy_id",
            detail: "the strategy does not run in this session; activate it first".to_owned(),
        })
    }

    pub(super) fn activate(&mut self, run: &StrategyRun, person: &str) -> Answer<()> {
        if self.is_barred(run.id) {
            let why = "the kill switch of this strategy is tripped: re-arm it, then activate it";
            return Ok(conflict(why));
        }
        let driver = self.session.driver();
        let exposure = driver.exposure();
        let (strategy, trades) = or_refuse!(slots::make(run, exposure.specs, &self.registry));
        or_refuse!(limiting::of_strategy(&run.limits));
        // A switch that was tripped and what was lost today stay with the strategy.
        let is_bound = |of: StrategyId| {
            let (gate, target) = (driver.gate(), Target::new(Level::Strategy, of.0));
            let is_tripped = gate.kill().state(target) != KillState::Active;
            driver.inside().is_active(of) || is_tripped || gate.day_loss(target) > Cash::ZERO
        };
        let Some(slot) = self.past.slots.place_for(run.id, &exposure, is_bound) else {
            return Ok(conflict(format!(
                "the session has {} strategies already: deactivate one, close its position and \
                 re-arm its kill switch (one that lost money today keeps its place until tomorrow)",
                slots::SLOTS
            )));
        };
        let of = strategy_id(slot);
        if self.past.slots.strategy_of(of).is_some_and(|known| known != run.id) {
            // What was counted of the one before begins anew, and again after a restart.
            let target = Target::new(Level::Strategy, of.0);
            self.session.control(Control { kind: ControlKind::Arm { target }, person: 0 })?;
            self.take_notes();
        }
        let person = self.person(person)?;
        let cast = Cast {
            slot,
            strategy: run.id,
            strategy_type: run.strategy_type.clone(),
            symbols: run.symbols.clone(),
            parameters: run.parameters.clone(),
            limits: run.limits.clone(),
        };
        self.note(&SessionNote::Cast(cast.clone()))?;
        self.past.slots.cast(cast);
        self.session.driver_mut().recast(of, strategy, trades);
        self.limit_slot(of, person)?;
        self.session.control(Control { kind: ControlKind::Activate { strategy: of }, person })?;
        self.take_notes();
        Ok(Ok(()))
    }

    fn deactivate(&mut self, id: StrategyUid, person: &str) -> Answer<()> {
        let Some(slot) = self.past.slots.slot_of(id) else { return Ok(Err(Refusal::NotFound)) };
        let (strategy, person) = (strategy_id(slot), self.person(person)?);
        self.session.control(Control { kind: ControlKind::Deactivate { strategy }, person })?;
        self.take_notes();
        Ok(Ok(()))
    }
}
