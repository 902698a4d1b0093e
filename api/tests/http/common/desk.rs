//! Desks that keep orders in memory: a market order fills at once at 100, a limit order rests.
//! It stands in for sessions where a test is about the way to them, not about trading.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use qt_trading::ids::{AccountId, ExecutionUid, OrderUid, StrategyUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{
    AmendOrder, ArmAnswer, Desk, Doing, Execution, KillAnswer, KillLevel, LimitValue, LimitsNow,
    NewOrder, Order, OrderKind, OrderStatus, Phase, Portfolio, PrivateKind, PrivateLog, Refusal,
    RiskRejection, RiskStatus, SessionState, SignalAnswer, SignalIn, StrategyRun, Switch, Trading,
};

use super::market::amount;
use super::{Heard, heard};

/// One desk for each tenant.
#[derive(Default)]
pub struct Desks {
    desks: Mutex<HashMap<TenantId, Arc<FakeDesk>>>,
    switches: Mutex<Vec<Switch>>,
}

impl Desks {
    pub fn of(&self, tenant: TenantId) -> Arc<FakeDesk> {
        let mut desks = self.desks.lock().unwrap();
        desks.entry(tenant).or_insert_with(|| Arc::new(FakeDesk::new(tenant))).clone()
    }
}

/// Trips a switch among `all`.
fn trip(all: &mut Vec<Switch>, level: KillLevel, subject: String, reason: String, person: String) {
    let at = Time::now();
    all.retain(|it| !it.is_of(level, &subject));
    all.push(Switch {
        level,
        subject,
        is_killed: true,
        state: "HALTED".to_owned(),
        tripped_at: at,
        reason,
        people: vec![person],
        changed_at: at,
    });
}

/// Arms one of `all`, unless it was tripped after `trip`.
fn rearm(
    all: &mut [Switch],
    (level, subject): (KillLevel, &str),
    trip: Time,
    people: Vec<String>,
) -> Result<ArmAnswer, Refusal> {
    let Some(it) = all.iter_mut().find(|it| it.is_of(level, subject) && it.is_killed) else {
        return Ok(ArmAnswer::WasArmed);
    };
    if it.tripped_at > trip {
        return Err(Refusal::Conflict("it was tripped again".to_owned()));
    }
    (it.is_killed, it.people, it.changed_at) = (false, people, Time::now());
    Ok(ArmAnswer::Armed)
}

pub struct FakeDesk {
    tenant: TenantId,
    account: AccountId,
    state: Mutex<State>,
    log: Arc<PrivateLog>,
    /// How its session is.
    pub phase: Mutex<Phase>,
    /// What the next order is answered with once it is placed: the answer is lost on its way.
    pub loses_answer: Mutex<Option<Refusal>>,
    /// What happens while the next strategy begins to run.
    pub meanwhile: Mutex<Option<Doing<'static, ()>>>,
}

#[derive(Default)]
struct State {
    orders: Vec<Arc<Order>>,
    executions: Vec<Arc<Execution>>,
    running: Vec<StrategyRun>,
    signals: Heard,
    limits: Option<Arc<LimitsNow>>,
    switches: Vec<Switch>,
}

impl State {
    fn is_killed(&self) -> bool {
        self.switches.iter().any(|it| it.is_killed)
    }
}

impl FakeDesk {
    fn new(tenant: TenantId) -> Self {
        let log = Arc::new(PrivateLog::new(256));
        Self {
            tenant,
            account: AccountId::new(),
            state: Mutex::default(),
            log,
            phase: Mutex::new(Phase::Ready),
            loses_answer: Mutex::default(),
            meanwhile: Mutex::default(),
        }
    }

    fn subject(&self, level: KillLevel, strategy: Option<StrategyUid>) -> String {
        match level {
            KillLevel::Strategy => strategy.map(|id| id.to_string()).unwrap_or_default(),
            KillLevel::Account => self.account.to_string(),
            _ => self.tenant.to_string(),
        }
    }

    /// Trips a switch, as if somebody did by another way.
    pub fn trip(&self, level: KillLevel) {
        let subject = self.subject(level, None);
        let mut state = self.state.lock().unwrap();
        trip(&mut state.switches, level, subject, "again".to_owned(), "eve".to_owned());
    }

    /// How its session is from now on.
    pub fn enter(&self, phase: Phase) {
        *self.phase.lock().unwrap() = phase;
    }

    /// How many signals it has taken, each once.
    pub fn signals_taken(&self) -> usize {
        self.state.lock().unwrap().signals.len()
    }

    /// What runs in it.
    pub fn running(&self) -> Vec<StrategyRun> {
        self.state.lock().unwrap().running.clone()
    }

    /// Something runs in it, whatever anybody else says.
    pub fn runs(&self, run: StrategyRun) {
        let running = &mut self.state.lock().unwrap().running;
        running.retain(|known| known.id != run.id);
        running.push(run);
    }

    /// Takes an order out of memory.
    pub fn forget(&self, id: OrderUid) -> Option<Arc<Order>> {
        let orders = &mut self.state.lock().unwrap().orders;
        let at = orders.iter().position(|order| order.id == id)?;
        Some(orders.remove(at))
    }

    fn refuses(&self) -> Result<(), Refusal> {
        let code = match *self.phase.lock().unwrap() {
            Phase::Ready => return Ok(()),
            Phase::Reconciling => "RECONCILING",
            Phase::Failed => "FAILED",
            Phase::LeaseLost => "LEASE_LOST",
            Phase::Elsewhere => "ELSEWHERE",
            Phase::Draining | Phase::Stopped => "STOPPED",
        };
        Err(Refusal::Unavailable { code, detail: "the test says so".to_owned() })
    }

    /// Something happened that only the tenant may see.
    pub fn note(&self, what: serde_json::Value) -> u64 {
        self.log.push(Time::now(), PrivateKind::Risk(what))
    }

    fn change(&self, id: OrderUid, change: impl FnOnce(&mut Order)) -> Result<Arc<Order>, Refusal> {
        let mut state = self.state.lock().unwrap();
        let order = state.orders.iter_mut().find(|order| order.id == id);
        let order = order.ok_or(Refusal::NotFound)?;
        if order.status.is_final() {
            return Err(Refusal::Conflict("the order is over".to_owned()));
        }
        change(Arc::make_mut(order));
        self.log.push(Time::now(), PrivateKind::Order((**order).clone()));
        Ok(order.clone())
    }

    fn placed(&self, id: OrderUid, new: NewOrder) -> Result<Arc<Order>, Refusal> {
        self.refuses()?;
        if self.order(id).is_some() {
            return Err(Refusal::Conflict(format!("there is an order {id} already")));
        }
        let mut state = self.state.lock().unwrap();
        if state.is_killed() {
            return Err(Refusal::Risk(Box::new(killed())));
        }
        let is_taken = |order: &&Arc<Order>| {
            new.client_order_id.is_some() && order.client_order_id == new.client_order_id
        };
        if state.orders.iter().any(|order| is_taken(&order)) {
            return Err(Refusal::Conflict("client_order_id is used".to_owned()));
        }
        let is_filled = new.kind == OrderKind::Market;
        let (filled, none) = (new.quantity, amount("0"));
        let order = Arc::new(Order {
            id,
            client_order_id: new.client_order_id,
            strategy_id: new.strategy_id,
            symbol: new.symbol.clone(),
            side: new.side,
            kind: new.kind,
            time_in_force: new.time_in_force,
            post_only: new.post_only,
            reduce_only: new.reduce_only,
            quantity: new.quantity,
            filled_quantity: if is_filled { filled } else { none },
            price: new.price,
            stop_price: new.stop_price,
            average_price: is_filled.then(|| amount("100")),
            status: if is_filled { OrderStatus::Filled } else { OrderStatus::Open },
            cancel_pending: false,
            reason: None,
            placed_by: None,
            created_at: Time::now(),
            updated_at: Time::now(),
        });
        state.orders.insert(0, order.clone());
        self.log.push(Time::now(), PrivateKind::Order((*order).clone()));
        if is_filled {
            let execution = Execution {
                id: ExecutionUid::new(),
                order_id: id,
                strategy_id: new.strategy_id,
                symbol: new.symbol,
                side: new.side,
                price: amount("100"),
                quantity: new.quantity,
                fee: none,
                fee_currency: "USD".to_owned(),
                is_maker: false,
                executed_at: Time::now(),
            };
            state.executions.insert(0, Arc::new(execution.clone()));
            self.log.push(Time::now(), PrivateKind::Executed(execution));
        }
        Ok(order)
    }
}

fn killed() -> RiskRejection {
    RiskRejection {
        control: "KILLED".to_owned(),
        level: "account".to_owned(),
        limit: None,
        observed: None,
        unit: None,
        reference_price: None,
        reference_age_ms: None,
        config_version: 1,
        retryable: false,
    }
}

fn done<'a, T: Send + 'a>(value: T) -> Doing<'a, T> {
    Box::pin(async { value })
}

impl Trading for Desks {
    fn desk(&self, tenant: TenantId) -> Doing<'_, Result<Arc<dyn Desk>, Refusal>> {
        done(Ok(self.of(tenant)))
    }

    fn stop(&self) -> Doing<'_, ()> {
        done(())
    }

    fn kill_all(
        &self,
        level: KillLevel,
        subject: String,
        reason: String,
        person: String,
    ) -> Doing<'_, Result<KillAnswer, Refusal>> {
        for desk in self.desks.lock().unwrap().values() {
            let (subject, reason, person) = (subject.clone(), reason.clone(), person.clone());
            trip(&mut desk.state.lock().unwrap().switches, level, subject, reason, person);
        }
        trip(&mut self.switches.lock().unwrap(), level, subject, reason, person);
        done(Ok(KillAnswer::default()))
    }

    fn arm_all(
        &self,
        level: KillLevel,
        subject: String,
        trip: Time,
        people: Vec<String>,
    ) -> Doing<'_, Result<ArmAnswer, Refusal>> {
        for desk in self.desks.lock().unwrap().values() {
            let switches = &mut desk.state.lock().unwrap().switches;
            let _ = rearm(switches, (level, &subject), Time(i64::MAX), people.clone());
        }
        done(rearm(&mut self.switches.lock().unwrap(), (level, &subject), trip, people))
    }

    fn switches(&self) -> Vec<Switch> {
        self.switches.lock().unwrap().clone()
    }

    fn states(&self) -> Vec<SessionState> {
        self.desks.lock().unwrap().values().map(|desk| desk.state()).collect()
    }
}

impl Desk for FakeDesk {
    fn account(&self) -> AccountId {
        self.account
    }

    fn state(&self) -> SessionState {
        SessionState {
            account_id: self.account,
            phase: *self.phase.lock().unwrap(),
            detail: None,
            epoch: 1,
            events: 0,
            is_killed: self.state.lock().unwrap().is_killed(),
        }
    }

    fn portfolio(&self) -> Arc<Portfolio> {
        let none = amount("0");
        Arc::new(Portfolio {
            account_id: self.account,
            account_type: "paper".to_owned(),
            currency: "USD".to_owned(),
            equity: amount("100000"),
            cash: amount("100000"),
            initial_capital: amount("100000"),
            realized_pnl: none,
            unrealized_pnl: none,
            day_pnl: none,
            fees: none,
            gross_exposure: none,
            net_exposure: none,
            open_orders: 0,
            positions: Vec::new(),
            as_of: Time::now(),
        })
    }

    fn orders(&self) -> Vec<Arc<Order>> {
        self.state.lock().unwrap().orders.clone()
    }

    fn order(&self, id: OrderUid) -> Option<Arc<Order>> {
        self.state.lock().unwrap().orders.iter().find(|order| order.id == id).cloned()
    }

    fn executions(&self) -> Vec<Arc<Execution>> {
        self.state.lock().unwrap().executions.clone()
    }

    fn execution(&self, id: ExecutionUid) -> Option<Arc<Execution>> {
        let state = self.state.lock().unwrap();
        state.executions.iter().find(|execution| execution.id == id).cloned()
    }

    fn place(
        &self,
        id: OrderUid,
        order: NewOrder,
        _: String,
    ) -> Doing<'_, Result<Arc<Order>, Refusal>> {
        let placed = self.placed(id, order);
        done(self.loses_answer.lock().unwrap().take().map_or(placed, Err))
    }

    fn try_out(&self, _: NewOrder) -> Doing<'_, Result<Vec<RiskStatus>, Refusal>> {
        done(Ok(self.risk()))
    }

    fn amend(
        &self,
        id: OrderUid,
        change: AmendOrder,
        _: String,
    ) -> Doing<'_, Result<Arc<Order>, Refusal>> {
        done(self.change(id, |order| {
            order.quantity = change.quantity.unwrap_or(order.quantity);
            order.price = change.price.or(order.price);
        }))
    }

    fn cancel(&self, id: OrderUid, _: String) -> Doing<'_, Result<Arc<Order>, Refusal>> {
        done(self.change(id, |order| order.status = OrderStatus::Cancelled))
    }

    fn kill(
        &self,
        level: KillLevel,
        strategy: Option<StrategyUid>,
        reason: String,
        person: String,
    ) -> Doing<'_, Result<KillAnswer, Refusal>> {
        let subject = self.subject(level, strategy);
        let mut state = self.state.lock().unwrap();
        if strategy.is_some_and(|id| !state.running.iter().any(|run| run.id == id)) {
            return done(Err(Refusal::NotFound));
        }
        trip(&mut state.switches, level, subject, reason, person);
        drop(state);
        done(Ok(KillAnswer::default()))
    }

    fn arm(
        &self,
        level: KillLevel,
        strategy: Option<StrategyUid>,
        trip: Time,
        people: Vec<String>,
    ) -> Doing<'_, Result<ArmAnswer, Refusal>> {
        let subject = self.subject(level, strategy);
        let switches = &mut self.state.lock().unwrap().switches;
        done(rearm(switches, (level, &subject), trip, people))
    }

    fn switches(&self) -> Vec<Switch> {
        self.state.lock().unwrap().switches.clone()
    }

    fn running(&self) -> Option<Vec<StrategyUid>> {
        Some(Self::running(self).iter().map(|run| run.id).collect())
    }

    fn activate(&self, run: StrategyRun, _: String) -> Doing<'_, Result<(), Refusal>> {
        Box::pin(async move {
            self.refuses()?;
            self.runs(run);
            let meanwhile = self.meanwhile.lock().unwrap().take();
            if let Some(meanwhile) = meanwhile {
                meanwhile.await;
            }
            Ok(())
        })
    }

    fn deactivate(&self, id: StrategyUid, _: String) -> Doing<'_, Result<(), Refusal>> {
        let running = &mut self.state.lock().unwrap().running;
        let before = running.len();
        running.retain(|known| known.id != id);
        done(if running.len() < before { Ok(()) } else { Err(Refusal::NotFound) })
    }

    fn signals(&self, signals: Vec<SignalIn>) -> Doing<'_, Result<Vec<SignalAnswer>, Refusal>> {
        if let Err(refusal) = self.refuses() {
            return done(Err(refusal));
        }
        let mut state = self.state.lock().unwrap();
        let answers = signals.iter().map(|signal| heard(&mut state.signals, signal));
        done(Ok(answers.collect()))
    }

    fn risk(&self) -> Vec<RiskStatus> {
        let status = RiskStatus {
            control: "MAX_ORDER_VALUE".to_owned(),
            level: "account".to_owned(),
            symbol: None,
            limit: amount("20000"),
            observed: amount("0"),
            unit: "currency".to_owned(),
        };
        vec![status]
    }

    fn limits(&self) -> Arc<LimitsNow> {
        let limit = LimitValue {
            name: "order_notional".to_owned(),
            level: "instrument".to_owned(),
            symbol: None,
            value: amount("20000"),
            unit: "currency".to_owned(),
        };
        let first = LimitsNow { version: 1, limits: vec![limit], ..LimitsNow::default() };
        self.state.lock().unwrap().limits.clone().unwrap_or_else(|| Arc::new(first))
    }

    fn set_limits(
        &self,
        base: u64,
        limits: Vec<LimitValue>,
        people: Vec<String>,
    ) -> Doing<'_, Result<Arc<LimitsNow>, Refusal>> {
        let changed_at = Time::now();
        let now = Arc::new(LimitsNow { version: base + 1, people, changed_at, limits });
        self.state.lock().unwrap().limits = Some(Arc::clone(&now));
        done(Ok(now))
    }

    fn events(&self) -> Arc<PrivateLog> {
        self.log.clone()
    }
}
