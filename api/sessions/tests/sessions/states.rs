//! A session that begins with a state that it has kept is the one that is made again from all of
//! its journal: to clients, to who listens, and in what it does next.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use qt_sessions::market::Hub;
use qt_sessions::{Listener, Listeners, Sessions, Told};
use qt_trading::ids::{AccountId, OrderUid, StrategyUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{Desk, KillLevel, Order, OrderStatus, Phase, Side, StrategyRun, Switch, Trading};

use crate::common::{amount, hub, limit, market, over, ready, settings, until};

/// What was told, under the number of each record.
#[derive(Debug)]
struct Ear {
    /// What it was told to begin behind.
    begun: Mutex<Option<u64>>,
    records: Mutex<Vec<(u64, u64, String)>>,
    number: AtomicU64,
    /// What it says it has; the largest number there is: nothing.
    kept: AtomicU64,
}

const NOTHING: u64 = u64::MAX - 1;

impl Ear {
    fn new(kept: Option<u64>) -> Arc<Self> {
        let (begun, records) = (Mutex::default(), Mutex::default());
        let kept = AtomicU64::new(kept.unwrap_or(NOTHING));
        Arc::new(Self { begun, records, number: AtomicU64::new(0), kept })
    }
}

impl Listener for Ear {
    fn begins(&self, told: u64) {
        *self.begun.lock().unwrap() = Some(told);
        self.number.store(told, Ordering::Release);
    }

    fn hear(&self, seq: u64, _: Time, told: Told) {
        let text = match told {
            Told::Order(order) => format!("{order:?}"),
            Told::Executed(execution) => format!("{execution:?}"),
            Told::Denied(denied) => format!("{denied:?}"),
            Told::Alert(_) | Told::Worth(_) => return,
        };
        let number = self.number.fetch_add(1, Ordering::AcqRel) + 1;
        self.records.lock().unwrap().push((number, seq, text));
    }

    fn caught_up(&self, _: u64) {}

    fn told(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }

    fn kept(&self) -> Option<u64> {
        Some(self.kept.load(Ordering::Acquire)).filter(|kept| *kept != NOTHING)
    }
}

struct Ears(Arc<Ear>);

impl Listeners for Ears {
    fn of(&self, _: TenantId, _: AccountId) -> Arc<dyn Listener> {
        Arc::clone(&self.0) as Arc<dyn Listener>
    }
}

fn start(folder: &Path, hub: &Arc<Hub>, ear: &Arc<Ear>, has_states: bool) -> Arc<Sessions> {
    let mut settings = settings(folder);
    settings.listeners = Arc::new(Ears(Arc::clone(ear)));
    if !has_states {
        settings.paper.state_every = None;
    }
    Sessions::start(settings, Arc::clone(hub)).unwrap()
}

/// All that clients are shown and that does not change with the market.
fn shown(desk: &Arc<dyn Desk>) -> (Vec<Order>, String, String, Vec<Switch>) {
    let orders = desk.orders().iter().map(|order| Order::clone(order)).collect();
    let executions = format!("{:?}", desk.executions());
    let portfolio = desk.portfolio();
    let held: Vec<_> = portfolio
        .positions
        .iter()
        .map(|it| (&it.symbol, it.quantity, it.average_price, it.opened_at))
        .collect();
    let limits = desk.limits();
    let money = (portfolio.cash, portfolio.fees, portfolio.realized_pnl, &limits.limits);
    let text = format!("{held:?} {money:?} {} {:?}", limits.version, limits.people);
    (orders, executions, text, desk.switches())
}

fn run(strategy: StrategyUid, kind: &str) -> StrategyRun {
    StrategyRun {
        id: strategy,
        strategy_type: kind.to_owned(),
        symbols: vec!["EURUSD".to_owned()],
        parameters: Vec::new(),
        limits: Vec::new(),
    }
}

/// Orders of a desk and a strategy, decisions and limits; then it is stopped.
async fn history(folder: &Path, hub: &Arc<Hub>, tenant: TenantId, ear: &Arc<Ear>) {
    let sessions = start(folder, hub, ear, true);
    let desk = sessions.desk(tenant).await.unwrap();
    ready(&desk).await;
    desk.activate(run(StrategyUid::new(), "buy_and_hold"), "ann".into()).await.unwrap();
    let quoter = StrategyUid::new();
    desk.activate(run(quoter, "top_of_book_quoter"), "ben".into()).await.unwrap();
    for n in 0..30 {
        let (id, side) = (OrderUid::new(), if n % 2 == 0 { Side::Buy } else { Side::Sell });
        desk.place(id, market("AAPL", side, "5"), "ann".to_owned()).await.unwrap();
        over(&desk, id).await;
    }
    let mut order = limit("BTC-USD", Side::Buy, "0.1", "100");
    order.client_order_id = Some("rests".to_owned());
    desk.place(OrderUid::new(), order, "cid".to_owned()).await.unwrap();
    let tighter = desk.limits().limits.iter().find(|it| it.name == "order_qty").cloned();
    let tighter = vec![qt_trading::LimitValue { value: amount("900"), ..tighter.unwrap() }];
    desk.set_limits(1, tighter, vec!["dan".to_owned()]).await.unwrap();
    desk.kill(KillLevel::Strategy, Some(quoter), "enough".into(), "eve".into()).await.unwrap();
    let is_quiet = || {
        let orders = desk.orders();
        let mut open = orders.iter().filter(|it| !it.status.is_final());
        open.next().is_some_and(|it| it.status == OrderStatus::Open) && open.next().is_none()
    };
    until("quiet", is_quiet).await;
    sessions.stop().await;
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else if entry.file_name() != "memory" {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_from_a_state_shows_and_tells_what_one_from_the_first_event_does() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (hub, tenant) = (hub(), TenantId::new());
    let first = Ear::new(Some(u64::MAX));
    history(folder.path(), &hub, tenant, &first).await;
    copy(folder.path(), other.path());
    let mut seen = Vec::new();
    for (folder, has_states) in [(folder.path(), true), (other.path(), false)] {
        let ear = Ear::new(Some(u64::MAX));
        let sessions = start(folder, &hub, &ear, has_states);
        let desk = sessions.desk(tenant).await.unwrap();
        ready(&desk).await;
        let now = shown(&desk);
        assert!(now.0.len() > 30 && now.3.len() == 1, "{now:?}");
        // The name is taken, and who asked is known.
        assert!(now.0.iter().any(|it| it.client_order_id.as_deref() == Some("rests")));
        assert!(now.0.iter().any(|it| it.placed_by.as_deref() == Some("cid")));
        let mut again = limit("BTC-USD", Side::Buy, "0.1", "100");
        again.client_order_id = Some("rests".to_owned());
        assert!(desk.place(OrderUid::new(), again, "cid".to_owned()).await.is_err());
        sessions.stop().await;
        let begun = ear.begun.lock().unwrap().unwrap();
        assert_eq!(begun > 0, has_states, "begun behind record {begun}");
        let records = ear.records.lock().unwrap().clone();
        seen.push((now, begun, records));
    }
    let (with, without) = (&seen[0], &seen[1]);
    assert_eq!(with.0, without.0);
    // What was told before the state has the same numbers as ever.
    let before = first.records.lock().unwrap().clone();
    assert_eq!(without.2[..before.len()], before);
    let behind = without.2.iter().filter(|it| it.0 > with.1).cloned().collect::<Vec<_>>();
    assert_eq!(with.2, behind);
}

/// What the store does not have must be told again.
#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_has_not_kept_all_hears_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, tenant) = (hub(), TenantId::new());
    let first = Ear::new(Some(u64::MAX));
    history(folder.path(), &hub, tenant, &first).await;
    let last = first.told();
    for kept in [Some(last), Some(1), None] {
        let ear = Ear::new(kept);
        let sessions = start(folder.path(), &hub, &ear, true);
        let desk = sessions.desk(tenant).await.unwrap();
        ready(&desk).await;
        sessions.stop().await;
        let begun = ear.begun.lock().unwrap().unwrap();
        assert_eq!(begun > 0, kept == Some(last), "{kept:?}: behind record {begun}");
        let told = ear.told();
        assert!(told >= last, "{kept:?}: told of {told} of {last}");
    }
}

/// The records of a pruned journal begin with a state, so it waits for one that can be used.
#[tokio::test(flavor = "multi_thread")]
async fn a_pruned_session_waits_until_a_state_can_be_used_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, tenant) = (hub(), TenantId::new());
    let open = |ear: &Arc<Ear>, program: &str| {
        let mut settings = settings(folder.path());
        settings.listeners = Arc::new(Ears(Arc::clone(ear)));
        settings.paper.prunes = true;
        (settings.paper.memory_bytes, settings.paper.segment_bytes) = (1 << 16, 1 << 17);
        settings.paper.program = program.to_owned();
        Sessions::start(settings, Arc::clone(&hub)).unwrap()
    };
    let account = AccountId::paper(tenant).to_string();
    let journal = folder.path().join(tenant.to_string()).join(account).join("journal.qtj");
    // The first segment stays: it says what the journal is of.
    let is_pruned = || {
        let is_there = |number: u32| journal.join(format!("segment-{number:08}.log")).exists();
        !is_there(2) && (3..20).any(is_there)
    };
    let mut last = 0;
    for _ in 0..12 {
        if is_pruned() {
            break;
        }
        let ear = Ear::new(Some(u64::MAX));
        let sessions = open(&ear, "the program of before");
        let desk = sessions.desk(tenant).await.unwrap();
        ready(&desk).await;
        for n in 0..50 {
            let side = if n % 2 == 0 { Side::Buy } else { Side::Sell };
            let id = OrderUid::new();
            desk.place(id, market("EURUSD", side, "5"), "ann".to_owned()).await.unwrap();
            over(&desk, id).await;
        }
        sessions.stop().await;
        last = ear.told();
    }
    assert!(is_pruned(), "nothing was taken away");
    let ear = Ear::new(Some(1));
    let sessions = open(&ear, "another program");
    let desk = sessions.desk(tenant).await.unwrap();
    let detail = || desk.state().detail.unwrap_or_default();
    until("it says why", || detail().contains("SESSION_PRUNE")).await;
    assert_eq!(desk.state().phase, Phase::Reconciling);
    for word in ["written by the program of before", "the store has records up to 1 "] {
        assert!(detail().contains(word), "{}", detail());
    }
    // The store has caught up.
    ear.kept.store(last, Ordering::Release);
    ready(&desk).await;
    sessions.stop().await;
}
