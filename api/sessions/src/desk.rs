//! A tenant's desk: writes go to its session's worker, reads come from what that shows.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;

use super::lease::LeaseError;
use super::pending::{self, NotKept, PendingKill};
use super::request::{Arming, Killing, NotSent, Reply, Request};
use super::view::Shared;
use qt_trading::ids::{AccountId, ExecutionUid, OrderUid, StrategyUid};
use qt_trading::time::Time;
use qt_trading::{
    AmendOrder, ArmAnswer, Desk, Doing, Execution, KillAnswer, KillLevel, LimitValue, LimitsNow,
    NewOrder, Order, Phase, Portfolio, PrivateLog, Refusal, RiskStatus, SessionState, SignalAnswer,
    SignalIn, StrategyRun, Switch,
};

/// See the module.
#[derive(Debug)]
pub struct TenantDesk {
    pub(super) shared: Arc<Shared>,
    /// Where its session is kept.
    pub(super) folder: PathBuf,
}

/// What is told where nobody answers any more.
const ENDED: &str = "the session ended before it answered";

fn unavailable(code: &'static str, detail: impl Into<String>) -> Refusal {
    Refusal::Unavailable { code, detail: detail.into() }
}

fn not_sent(why: NotSent) -> Refusal {
    match why {
        NotSent::Full => {
            let detail = "too many requests of this account are waiting; try again in a moment";
            unavailable("OVERLOADED", detail)
        }
        NotSent::Over => unavailable("STOPPED", "the session does not run here"),
    }
}

impl TenantDesk {
    fn is_elsewhere(&self) -> bool {
        self.shared.phase.borrow().0 == Phase::Elsewhere
    }

    /// Sends what `request` makes of the way back, and waits for the answer.
    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, Refusal> {
        if let Some(refusal) = self.shared.refusal() {
            return Err(refusal);
        }
        self.send(request).await
    }

    async fn send<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.shared.requests.send(request(reply)).map_err(not_sent)?;
        self.shared.wakes.unpark();
        answer.await.unwrap_or_else(|_| Err(unavailable("STOPPED", ENDED)))
    }

    fn has_failed(&self) -> bool {
        self.shared.phase.borrow().0 == Phase::Failed
    }

    /// A session that runs takes the kill at once; one that is made again, or waits for its lease,
    /// as soon as it can; one that has failed at its next beginning. What another process has only
    /// that one can stop.
    async fn kill_somehow(&self, killing: Killing) -> Result<KillAnswer, Refusal> {
        if let Some(refusal) = self.shared.refusal().filter(|_| self.is_elsewhere()) {
            return Err(refusal);
        }
        if !self.has_failed() {
            match self.kill_first(killing.clone()).await {
                // It failed before it came to that.
                Err(Refusal::Unavailable { .. }) if self.has_failed() => {}
                answer => return answer,
            }
        }
        self.kill_later(killing).await
    }

    /// Keeps a kill for the next beginning of a session that has failed, unless another process
    /// has begun it. What was open nobody can ask about.
    async fn kill_later(&self, killing: Killing) -> Result<KillAnswer, Refusal> {
        let mut at = Time::now();
        for known in self.switches() {
            at = at.max(Time(known.changed_at.0.saturating_add(1)));
        }
        let only = killing.strategy.filter(|_| killing.level == KillLevel::Strategy);
        let kill = PendingKill::new(killing, at);
        let (folder, adding) = (self.folder.clone(), kill.clone());
        let adding = tokio::task::spawn_blocking(move || pending::add(&folder, adding));
        let why = match adding.await {
            Ok(Ok(())) => {
                pending::show(&self.shared, &[kill]);
                let open = self.orders().into_iter().filter(|order| !order.status.is_final());
                let open = open.filter(|order| only.is_none_or(|of| order.strategy_id == Some(of)));
                let unknown = open.map(|order| order.id).collect();
                return Ok(KillAnswer { unknown, tripped_at: Some(at), ..KillAnswer::default() });
            }
            // Another process has begun it since.
            Ok(Err(NotKept::Lease(held @ LeaseError::Held(_)))) => {
                return Err(unavailable("ELSEWHERE", held.to_string()));
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::error!(why, "a kill switch of a session that has failed is not kept");
        let detail = format!(
            "nothing leaves as long as the session has failed, but this kill \
                              would not hold after that: {why}"
        );
        Err(unavailable("SWITCH_NOT_KEPT", detail))
    }

    /// Sends a kill in front of all that waits; the answer comes when it is done.
    pub(super) fn kill_first(
        &self,
        killing: Killing,
    ) -> impl Future<Output = Result<KillAnswer, Refusal>> + Send + use<> {
        let (reply, answer) = oneshot::channel();
        let sent = self.shared.requests.send(Request::Kill { killing, reply });
        self.shared.wakes.unpark();
        async move {
            match sent {
                Ok(()) => answer.await.unwrap_or_else(|_| Err(unavailable("STOPPED", ENDED))),
                Err(why) => Err(not_sent(why)),
            }
        }
    }
}

impl Desk for TenantDesk {
    fn account(&self) -> AccountId {
        self.shared.account
    }

    fn state(&self) -> SessionState {
        let (phase, detail) = self.shared.phase.borrow().clone();
        let view = self.shared.view.load();
        SessionState {
            account_id: self.shared.account,
            phase,
            detail,
            epoch: self.shared.epoch.load(Ordering::Relaxed),
            events: view.events,
            is_killed: view.is_killed,
        }
    }

    fn portfolio(&self) -> Arc<Portfolio> {
        Arc::clone(&self.shared.view.load().portfolio)
    }

    fn orders(&self) -> Vec<Arc<Order>> {
        self.shared.shelf.orders()
    }

    fn newest_orders(&self, count: usize) -> Option<Vec<Arc<Order>>> {
        self.shared.shelf.newest_orders(count)
    }

    fn order(&self, id: OrderUid) -> Option<Arc<Order>> {
        self.shared.shelf.order(id)
    }

    fn executions(&self) -> Vec<Arc<Execution>> {
        self.shared.shelf.executions()
    }

    fn newest_executions(&self, count: usize) -> Option<Vec<Arc<Execution>>> {
        self.shared.shelf.newest_executions(count)
    }

    fn execution(&self, id: ExecutionUid) -> Option<Arc<Execution>> {
        self.shared.shelf.execution(id)
    }

    fn place(
        &self,
        id: OrderUid,
        order: NewOrder,
        person: String,
    ) -> Doing<'_, Result<Arc<Order>, Refusal>> {
        Box::pin(self.ask(move |reply| Request::Place { id, order, person, reply }))
    }

    fn try_out(&self, order: NewOrder) -> Doing<'_, Result<Vec<RiskStatus>, Refusal>> {
        Box::pin(self.ask(move |reply| Request::TryOut { order, reply }))
    }

    fn amend(
        &self,
        id: OrderUid,
        change: AmendOrder,
        person: String,
    ) -> Doing<'_, Result<Arc<Order>, Refusal>> {
        Box::pin(self.ask(move |reply| Request::Amend { id, change, person, reply }))
    }

    fn cancel(&self, id: OrderUid, person: String) -> Doing<'_, Result<Arc<Order>, Refusal>> {
        Box::pin(self.ask(move |reply| Request::Cancel { id, person, reply }))
    }

    fn kill(
        &self,
        level: KillLevel,
        strategy: Option<StrategyUid>,
        reason: String,
        person: String,
    ) -> Doing<'_, Result<KillAnswer, Refusal>> {
        let (at, is_absent) = (None, false);
        let killing = Killing { level, strategy, person, reason, at, is_absent };
        Box::pin(self.kill_somehow(killing))
    }

    fn kill_absent(
        &self,
        strategy: StrategyUid,
        reason: String,
        person: String,
    ) -> Doing<'_, Result<KillAnswer, Refusal>> {
        let (level, strategy, at) = (KillLevel::Strategy, Some(strategy), None);
        let killing = Killing { level, strategy, person, reason, at, is_absent: true };
        Box::pin(self.kill_somehow(killing))
    }

    fn arm(
        &self,
        level: KillLevel,
        strategy: Option<StrategyUid>,
        trip: Time,
        people: Vec<String>,
    ) -> Doing<'_, Result<ArmAnswer, Refusal>> {
        let arming = Arming { level, strategy, trip, people };
        Box::pin(self.ask(move |reply| Request::Arm { arming, reply }))
    }

    fn switches(&self) -> Vec<Switch> {
        self.shared.view.load().switches.to_vec()
    }

    fn running(&self) -> Option<Vec<StrategyUid>> {
        let is_ready = self.shared.phase.borrow().0 == Phase::Ready;
        self.shared.view.load().running.as_deref().filter(|_| is_ready).cloned()
    }

    fn activate(&self, run: StrategyRun, person: String) -> Doing<'_, Result<(), Refusal>> {
        Box::pin(self.ask(move |reply| Request::Activate { run, person, reply }))
    }

    fn deactivate(&self, id: StrategyUid, person: String) -> Doing<'_, Result<(), Refusal>> {
        Box::pin(self.ask(move |reply| Request::Deactivate { id, person, reply }))
    }

    fn signals(&self, signals: Vec<SignalIn>) -> Doing<'_, Result<Vec<SignalAnswer>, Refusal>> {
        Box::pin(self.ask(move |reply| Request::Signals { signals, reply }))
    }

    fn risk(&self) -> Vec<RiskStatus> {
        self.shared.risk.load().to_vec()
    }

    fn risk_now(&self) -> Doing<'_, Vec<RiskStatus>> {
        Box::pin(async {
            let now = self.ask(|reply| Request::Limits { reply }).await;
            now.unwrap_or_else(|_| self.risk())
        })
    }

    fn limits(&self) -> Arc<LimitsNow> {
        Arc::clone(&self.shared.view.load().limits)
    }

    fn set_limits(
        &self,
        base: u64,
        limits: Vec<LimitValue>,
        people: Vec<String>,
    ) -> Doing<'_, Result<Arc<LimitsNow>, Refusal>> {
        Box::pin(self.ask(move |reply| Request::SetLimits { base, limits, people, reply }))
    }

    fn events(&self) -> Arc<PrivateLog> {
        Arc::clone(&self.shared.log)
    }
}
