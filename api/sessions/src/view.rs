//! What a session shows to all threads, and the way to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use arc_swap::ArcSwap;
use crossbeam::sync::Unparker;
use tokio::sync::watch;

use super::platform::Platform;
use super::request::RequestsTo;
use super::shelf::Shelf;
use super::told::Listener;
use qt_trading::amount::Amount;
use qt_trading::ids::{AccountId, StrategyUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{LimitsNow, Phase, Portfolio, PrivateLog, Refusal, RiskStatus, Switch};

/// Private events that are kept for those who come back.
const EVENTS_KEPT: usize = 4_096;

/// A moment of a session.
#[derive(Clone, Debug)]
pub struct View {
    /// Value and positions.
    pub portfolio: Arc<Portfolio>,
    /// The limits in force.
    pub limits: Arc<LimitsNow>,
    /// Kill switches that were ever tripped.
    pub switches: Arc<Vec<Switch>>,
    /// The strategies that run; none while that is not known.
    pub running: Option<Arc<Vec<StrategyUid>>>,
    /// Sequenced events.
    pub events: u64,
    /// Whether nothing or not everything may be sent.
    pub is_killed: bool,
}

/// A session as other threads know it.
#[derive(Debug)]
pub struct Shared {
    /// Whose it is.
    pub tenant: TenantId,
    /// The account.
    pub account: AccountId,
    /// What it shows.
    pub view: ArcSwap<View>,
    /// Orders and executions.
    pub shelf: Shelf,
    /// Limits, as they were when they were last asked for.
    pub risk: ArcSwap<Vec<RiskStatus>>,
    /// How it is, and why.
    pub phase: watch::Sender<(Phase, Option<String>)>,
    /// The epoch of its lease.
    pub epoch: AtomicU64,
    /// Private events.
    pub log: Arc<PrivateLog>,
    /// What is asked of it.
    pub requests: RequestsTo,
    /// The number of its worker.
    pub worker: usize,
    /// Whether a worker takes it in turn.
    pub is_visited: AtomicBool,
    /// The kill switches of all sessions.
    pub platform: Arc<Platform>,
    /// Wakes its worker.
    pub wakes: Unparker,
    /// Who is told what becomes of its orders.
    pub listener: Arc<dyn Listener>,
}

impl Shared {
    /// One of which nothing is known yet.
    pub fn new(
        tenant: TenantId,
        account: AccountId,
        requests: RequestsTo,
        worker: usize,
        wakes: Unparker,
        listener: Arc<dyn Listener>,
        platform: Arc<Platform>,
    ) -> Self {
        let view = View {
            portfolio: Arc::new(nothing(account)),
            limits: Arc::default(),
            switches: Arc::default(),
            running: None,
            events: 0,
            is_killed: false,
        };
        Self {
            tenant,
            account,
            view: ArcSwap::from_pointee(view),
            shelf: Shelf::default(),
            risk: ArcSwap::default(),
            phase: watch::Sender::new((Phase::Reconciling, None)),
            epoch: AtomicU64::new(0),
            log: Arc::new(PrivateLog::new(EVENTS_KEPT)),
            requests,
            worker,
            is_visited: AtomicBool::new(false),
            platform,
            wakes,
            listener,
        }
    }

    /// Why it takes no orders now; none where it does.
    pub fn refusal(&self) -> Option<Refusal> {
        let now = self.phase.borrow();
        let (code, detail) = now.0.refusal()?;
        let detail = now.1.clone().unwrap_or_else(|| detail.to_owned());
        Some(Refusal::Unavailable { code, detail })
    }

    /// From now on it is in `phase`, unless it was before.
    pub fn enter(&self, phase: Phase, detail: Option<String>) {
        self.phase.send_if_modified(|now| {
            let is_new = now.0 != phase || now.1 != detail;
            *now = (phase, detail);
            is_new
        });
    }
}

fn nothing(account_id: AccountId) -> Portfolio {
    let zero = Amount::default();
    Portfolio {
        account_id,
        account_type: "paper".to_owned(),
        currency: "USD".to_owned(),
        equity: zero,
        cash: zero,
        initial_capital: zero,
        realized_pnl: zero,
        unrealized_pnl: zero,
        day_pnl: zero,
        fees: zero,
        gross_exposure: zero,
        net_exposure: zero,
        open_orders: 0,
        positions: Vec::new(),
        as_of: Time(0),
    }
}
