//! What a session does with what is asked of it.

use std::sync::Arc;

use qt_engine::Halt;
use qt_types::{
    Asked, AskedFor, Cancel, Control, ControlKind, InstrumentId, KillState, Level, OrderId,
    StrategyId, Target,
};

use super::notes::{Cast, SessionNote};
use super::request::{Answered, Request};
use super::risk;
use super::running::Running;
use super::slots::{self, strategy_id};
use super::wish;
use qt_trading::ids::{OrderUid, StrategyUid};
use qt_trading::{
    AmendOrder, ArmAnswer, KillAnswer, KillLevel, NewOrder, Order, Phase, Refusal, RiskStatus,
    StrategyRun,
};

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
        let phase = self.shared.phase.borrow().0;
        // The kill switch works as soon as there is anything to be killed.
        if phase != Phase::Ready && !matches!(request, Request::Kill { .. }) {
            let detail = "the session is made again from its journal; try again in a moment";
            let detail = detail.to_owned();
            request.refuse(Refusal::Unavailable { code: "RECONCILING", detail });
            return Ok(None);
        }
        Ok(Some(match request {
            Request::Place { id, order, person, reply } => {
                Answered::Order(reply, self.place(id, &order, &person)?)
            }
            Request::TryOut { order, reply } => Answered::Risk(reply, self.try_out(&order)),
            Request::Amend { id, change, person, reply } => {
                Answered::Order(reply, self.amend(id, &change, &person)?)
            }
            Request::Cancel { id, person, reply } => {
                Answered::Order(reply, self.cancel(id, &person)?)
            }
            Request::Kill { level, strategy, person, reason, reply } => {
                tracing::warn!(account = %self.shared.account, reason, "kill switch");
                Answered::Kill(reply, self.kill(level, strategy, &person)?)
            }
            Request::Arm { level, strategy, person, reply } => {
                Answered::Arm(reply, self.arm(level, strategy, &person)?)
            }
            Request::Activate { run, person, reply } => {
                Answered::Done(reply, self.activate(&run, &person)?)
            }
            Request::Deactivate { id, person, reply } => {
                Answered::Done(reply, self.deactivate(id, &person)?)
            }
        }))
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
        let asked = self.ask(instrument, asked)?;
        if asked.is_err() {
            self.past.orders.unname(id);
        }
        Ok(asked.and_then(|()| self.shown(id)))
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
        let version = self.past.config_version;
        Ok(Err(risk::refusal(driver.gate(), before, &denied, spec, version)))
    }

    fn shown(&self, id: OrderUid) -> Result<Arc<Order>, Refusal> {
        self.past.orders.get(id).cloned().ok_or(Refusal::NotFound)
    }

    fn try_out(&self, order: &NewOrder) -> Result<Vec<RiskStatus>, Refusal> {
        let driver = self.session.driver();
        let exposure = driver.exposure();
        let (instrument, what) = wish::placed(order, exposure.specs, driver.time_ns())?;
        self.strategy(order.strategy_id)?;
        let AskedFor::Place { side, kind, qty, reduce_only, .. } = what else {
            return Ok(Vec::new());
        };
        let replaces = OrderId::NONE;
        let request =
            qt_engine::OrderRequest { instrument, side, kind, qty, reduce_only, replaces };
        Ok(risk::statuses(driver.gate(), &request, &exposure))
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

    fn target(&self, level: KillLevel, of: Option<StrategyUid>) -> Result<Target, Refusal> {
        Ok(match level {
            KillLevel::Strategy => {
                let of = of.ok_or_else(|| Refusal::Invalid {
                    field: "id",
                    detail: "say which strategy".to_owned(),
                })?;
                let slot = self.past.slots.slot_of(of).ok_or(Refusal::NotFound)?;
                Target::new(Level::Strategy, strategy_id(slot).0)
            }
            KillLevel::Account => Target::new(Level::Account, 0),
            KillLevel::Tenant => Target::new(Level::Tenant, 0),
            KillLevel::Venue => Target::new(Level::Venue, 0),
            KillLevel::Global => Target::GLOBAL,
        })
    }

    fn kill(
        &mut self,
        level: KillLevel,
        strategy: Option<StrategyUid>,
        person: &str,
    ) -> Answer<KillAnswer> {
        let target = or_refuse!(self.target(level, strategy));
        let person = self.person(person)?;
        let only = (target.level == Level::Strategy).then_some(StrategyId(target.index));
        let orders = self.session.driver().exposure().orders;
        let is_meant = |order: &&qt_engine::Order| only.is_none_or(|of| order.strategy == of);
        let open: Vec<OrderId> = orders.iter().filter(is_meant).map(|order| order.id).collect();
        let kind = ControlKind::Trip { target, state: KillState::Halted };
        self.session.control(Control { kind, person })?;
        self.take_notes();
        let mut answer = KillAnswer::default();
        for id in open {
            let Some(uid) = self.past.orders.uid_of(id) else { continue };
            let order = self.session.driver().exposure().orders.get(id).copied();
            let Some(order) = order else {
                answer.cancelled.push(uid);
                continue;
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
        Ok(Ok(answer))
    }

    fn arm(
        &mut self,
        level: KillLevel,
        strategy: Option<StrategyUid>,
        person: &str,
    ) -> Answer<ArmAnswer> {
        let target = or_refuse!(self.target(level, strategy));
        let person = self.person(person)?;
        let who = match target.level {
            Level::Strategy => StrategyId(target.index),
            _ => StrategyId::FIRST,
        };
        let was = self.session.driver().inside().may_send(who);
        self.session.control(Control { kind: ControlKind::Arm { target }, person })?;
        self.take_notes();
        let is_armed = was != KillState::Active;
        Ok(Ok(if is_armed { ArmAnswer::Armed } else { ArmAnswer::WasArmed }))
    }

    fn activate(&mut self, run: &StrategyRun, person: &str) -> Answer<()> {
        let driver = self.session.driver();
        let exposure = driver.exposure();
        let (strategy, trades) = or_refuse!(slots::make(run, exposure.specs));
        let is_active = |of: StrategyId| driver.inside().is_active(of);
        let Some(slot) = self.past.slots.place_for(run.id, &exposure, is_active) else {
            return Ok(conflict(format!(
                "the session runs {} strategies already: deactivate one and close its position",
                slots::SLOTS
            )));
        };
        let person = self.person(person)?;
        let cast = Cast {
            slot,
            strategy: run.id,
            strategy_type: run.strategy_type.clone(),
            symbols: run.symbols.clone(),
            parameters: run.parameters.clone(),
        };
        self.note(&SessionNote::Cast(cast.clone()))?;
        self.past.slots.cast(cast);
        let of = strategy_id(slot);
        self.session.driver_mut().recast(of, strategy, trades);
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
