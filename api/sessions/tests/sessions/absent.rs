//! Kills of what does not run, and what outlives a lost journal.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use qt_sessions::market::Hub;
use qt_sessions::{Memory, Remembered, SessionSettings, Sessions};
use qt_trading::ids::{AccountId, OrderUid, StrategyUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{
    ArmAnswer, Desk, KillLevel, LimitValue, LimitsNow, Phase, Refusal, Side, StrategyRun, Switch,
    Trading,
};

use crate::common::{amount, hub, limit, market, over, ready, sessions, until};

fn two() -> Vec<String> {
    vec!["ann".to_owned(), "ben".to_owned()]
}

pub async fn is_denied(desk: &Arc<dyn Desk>) {
    let placed = desk.place(OrderUid::new(), market("AAPL", Side::Buy, "1"), "u".into()).await;
    let Err(Refusal::Risk(refused)) = placed else { panic!("{placed:?}") };
    assert_eq!(refused.control, "KILL_HALTED");
}

/// Sessions whose journals can have no such memory: they fail.
pub fn failing(folder: &Path, hub: &Arc<Hub>) -> Arc<Sessions> {
    let mut settings = SessionSettings::new(folder.to_owned());
    settings.paper.memory_bytes = 3;
    Sessions::start(settings, Arc::clone(hub)).unwrap()
}

/// It answers, it is shown as long as the session fails, over restarts, and it holds as soon as the
/// session begins again; then two people can arm it.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_has_failed_takes_a_kill_for_later() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, tenant, strategy) = (hub(), TenantId::new(), StrategyUid::new());
    let all = sessions(folder.path(), &hub);
    let desk = all.desk(tenant).await.unwrap();
    ready(&desk).await;
    let resting = OrderUid::new();
    desk.place(resting, limit("AAPL", Side::Buy, "1", "183"), "u".into()).await.unwrap();
    all.stop().await;
    let all = failing(folder.path(), &hub);
    let desk = all.desk(tenant).await.unwrap();
    until("failed", || desk.state().phase == Phase::Failed).await;
    let why = desk.place(OrderUid::new(), market("AAPL", Side::Buy, "1"), "u".into()).await;
    assert!(matches!(why, Err(Refusal::Unavailable { code: "FAILED", .. })), "{why:?}");
    let killed = desk.kill(KillLevel::Account, None, "enough".into(), "ann".into()).await.unwrap();
    assert!(killed.tripped_at.is_some(), "{killed:?}");
    desk.kill_absent(strategy, "enough".into(), "ann".into()).await.unwrap();
    let shown = |desk: &Arc<dyn Desk>| {
        let account = desk.account().to_string();
        let all = desk.switches().into_iter();
        all.filter(|it| it.is_killed && it.is_of(KillLevel::Account, &account)).collect::<Vec<_>>()
    };
    let switch = shown(&desk).pop().expect("it is shown");
    assert_eq!((switch.reason.as_str(), Some(switch.tripped_at)), ("enough", killed.tripped_at));
    assert!(desk.state().is_killed);
    all.stop().await;
    let all = failing(folder.path(), &hub);
    let desk = all.desk(tenant).await.unwrap();
    until("failed", || desk.state().phase == Phase::Failed).await;
    assert_eq!(shown(&desk), std::slice::from_ref(&switch));
    all.stop().await;
    // Whoever looked at it has put it right.
    let all = sessions(folder.path(), &hub);
    let desk = all.desk(tenant).await.unwrap();
    ready(&desk).await;
    is_denied(&desk).await;
    until("cancelled", || desk.order(resting).is_some_and(|it| it.status.is_final())).await;
    let now = shown(&desk).pop().expect("it holds");
    assert_eq!((now.reason, now.people), ("enough".to_owned(), vec!["ann".to_owned()]));
    assert_eq!(now.tripped_at, switch.tripped_at);
    let barred = desk.switches().into_iter().find(|it| it.subject == strategy.to_string());
    assert!(barred.is_some_and(|it| it.is_killed));
    let armed = desk.arm(KillLevel::Account, None, now.tripped_at, two()).await;
    assert_eq!(armed, Ok(ArmAnswer::Armed));
    all.stop().await;
    // Taken over once: it does not come back.
    let all = sessions(folder.path(), &hub);
    let desk = all.desk(tenant).await.unwrap();
    ready(&desk).await;
    assert!(shown(&desk).is_empty());
    all.stop().await;
}

/// A kill that the session cannot take over is not forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_that_is_refused_stays_in_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, tenant) = (hub(), TenantId::new());
    let (all, desk) = failed(folder.path(), &hub, tenant).await;
    // It does not say which strategy.
    desk.kill(KillLevel::Strategy, None, "one".into(), "ann".into()).await.unwrap();
    desk.kill(KillLevel::Account, None, "two".into(), "ann".into()).await.unwrap();
    all.stop().await;
    let all = sessions(folder.path(), &hub);
    let desk = all.desk(tenant).await.unwrap();
    ready(&desk).await;
    is_denied(&desk).await;
    let kept = std::fs::read_to_string(kills_of(folder.path(), tenant)).unwrap();
    assert!(kept.contains("\"one\"") && !kept.contains("\"two\""), "{kept}");
    all.stop().await;
}

/// The file of the kills could not be taken away: what was armed since stays so.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_that_was_taken_over_does_not_come_back_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, tenant) = (hub(), TenantId::new());
    let (all, desk) = failed(folder.path(), &hub, tenant).await;
    let killed = desk.kill(KillLevel::Account, None, "one".into(), "ann".into()).await.unwrap();
    all.stop().await;
    let file = kills_of(folder.path(), tenant);
    let kept = std::fs::read(&file).unwrap();
    let all = sessions(folder.path(), &hub);
    let desk = all.desk(tenant).await.unwrap();
    ready(&desk).await;
    is_denied(&desk).await;
    assert!(!file.exists());
    let trip = killed.tripped_at.unwrap();
    let armed = desk.arm(KillLevel::Account, None, trip, two()).await;
    assert_eq!(armed, Ok(ArmAnswer::Armed));
    all.stop().await;
    std::fs::write(&file, kept).unwrap();
    let all = sessions(folder.path(), &hub);
    let desk = all.desk(tenant).await.unwrap();
    ready(&desk).await;
    let placed = desk.place(OrderUid::new(), market("AAPL", Side::Buy, "1"), "u".into()).await;
    assert!(placed.is_ok() && !file.exists(), "{placed:?}");
    all.stop().await;
}

/// A session that was there, and has failed since.
async fn failed(folder: &Path, hub: &Arc<Hub>, tenant: TenantId) -> (Arc<Sessions>, Arc<dyn Desk>) {
    let all = sessions(folder, hub);
    ready(&all.desk(tenant).await.unwrap()).await;
    all.stop().await;
    let all = failing(folder, hub);
    let desk = all.desk(tenant).await.unwrap();
    until("failed", || desk.state().phase == Phase::Failed).await;
    (all, desk)
}

/// The file of the kills that a session is to take over.
fn kills_of(folder: &Path, tenant: TenantId) -> PathBuf {
    let folder = folder.join(tenant.to_string());
    folder.join(AccountId::paper(tenant).to_string()).join("kills.json")
}

fn run(id: StrategyUid) -> StrategyRun {
    StrategyRun {
        id,
        strategy_type: "market_maker".to_owned(),
        symbols: vec!["AAPL".to_owned()],
        parameters: Vec::new(),
        limits: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strategy_without_a_place_is_killed_before_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, tenant, strategy) = (hub(), TenantId::new(), StrategyUid::new());
    let of = (KillLevel::Strategy, Some(strategy));
    let mut all = sessions(folder.path(), &hub);
    let mut desk = all.desk(tenant).await.unwrap();
    ready(&desk).await;
    let unknown = desk.kill(of.0, of.1, "why".into(), "ann".into()).await;
    assert_eq!(unknown, Err(Refusal::NotFound), "nobody says that the tenant has it");
    let killed = desk.kill_absent(strategy, "why".into(), "ann".into()).await.unwrap();
    let trip = killed.tripped_at.unwrap();
    for _ in 0..2 {
        let refused = desk.activate(run(strategy), "ann".into()).await;
        assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
        assert_eq!(desk.running(), Some(Vec::new()));
        all.stop().await;
        all = sessions(folder.path(), &hub);
        desk = all.desk(tenant).await.unwrap();
        ready(&desk).await;
    }
    let switch = desk.switches().pop().unwrap();
    assert_eq!((switch.subject.clone(), switch.tripped_at), (strategy.to_string(), trip));
    let again = desk.kill_absent(strategy, "again".into(), "ben".into()).await.unwrap();
    let stale = desk.arm(of.0, of.1, trip, two()).await;
    assert!(matches!(stale, Err(Refusal::Conflict(_))), "{stale:?}");
    let armed = desk.arm(of.0, of.1, again.tripped_at.unwrap(), two()).await;
    assert_eq!(armed, Ok(ArmAnswer::Armed));
    desk.activate(run(strategy), "ann".into()).await.unwrap();
    assert_eq!(desk.running(), Some(vec![strategy]));
    // From now on it has a place, and the switch of that.
    desk.kill(of.0, of.1, "now".into(), "ann".into()).await.unwrap();
    all.stop().await;
}

/// Remembers what a session had, once it can be asked.
struct Written {
    is_away: AtomicBool,
    what: Remembered,
}

impl Memory for Written {
    fn recall(&self, _: TenantId, _: AccountId) -> Result<Remembered, String> {
        match self.is_away.load(Ordering::Acquire) {
            true => Err("the store is away".to_owned()),
            false => Ok(self.what.clone()),
        }
    }
}

fn killed(level: KillLevel, subject: String, at: i64) -> Switch {
    Switch {
        level,
        subject,
        is_killed: true,
        state: "HALTED".to_owned(),
        tripped_at: Time(at),
        reason: "it was so".to_owned(),
        people: vec!["ann".to_owned()],
        changed_at: Time(at),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_kills_outlive_a_lost_journal() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, tenant, strategy) = (hub(), TenantId::new(), StrategyUid::new());
    let qty = |value: &str| LimitValue {
        name: "order_qty".to_owned(),
        level: "instrument".to_owned(),
        symbol: Some("AAPL".to_owned()),
        value: amount(value),
        unit: String::new(),
    };
    let limits = LimitsNow {
        version: 7,
        people: two(),
        changed_at: Time(5),
        // Of an instrument that is not traded any more nothing can be in force.
        limits: vec![qty("3"), LimitValue { symbol: Some("GONE".to_owned()), ..qty("3") }],
    };
    let account = AccountId::paper(tenant).to_string();
    let switches = vec![
        killed(KillLevel::Account, account, 1_000),
        killed(KillLevel::Strategy, strategy.to_string(), 1_000),
    ];
    let what = Remembered { switches, limits: Some(limits) };
    let memory = Arc::new(Written { is_away: AtomicBool::new(true), what });
    let start = || {
        let settings = SessionSettings {
            memory: Arc::clone(&memory) as _,
            patience: Duration::from_millis(100),
            ..SessionSettings::new(folder.path().to_owned())
        };
        Sessions::start(settings, Arc::clone(&hub)).unwrap()
    };
    let all = start();
    let desk = all.desk(tenant).await.unwrap();
    // A new journal does not begin before it is known what held.
    until("waiting", || desk.state().detail.is_some_and(|why| why.contains("away"))).await;
    assert_eq!(desk.state().phase, Phase::Reconciling);
    memory.is_away.store(false, Ordering::Release);
    ready(&desk).await;
    assert_eq!(desk.limits().version, 7);
    is_denied(&desk).await;
    let refused = desk.activate(run(strategy), "ann".into()).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
    desk.arm(KillLevel::Account, None, Time(1_000), two()).await.unwrap();
    let large = desk.place(OrderUid::new(), market("AAPL", Side::Buy, "4"), "u".into()).await;
    let Err(Refusal::Risk(refused)) = large else { panic!("{large:?}") };
    assert_eq!((refused.control.as_str(), refused.config_version), ("MAX_ORDER_QTY", 7));
    all.stop().await;
    // Its journal knows better; but that may have lost its end, so it asks all the same.
    memory.is_away.store(true, Ordering::Release);
    let all = start();
    let desk = all.desk(tenant).await.unwrap();
    until("waiting", || desk.state().detail.is_some_and(|why| why.contains("away"))).await;
    memory.is_away.store(false, Ordering::Release);
    ready(&desk).await;
    let id = OrderUid::new();
    desk.place(id, market("AAPL", Side::Buy, "3"), "u".into()).await.unwrap();
    over(&desk, id).await;
    assert!(!desk.state().is_killed, "what was armed since stays so");
    all.stop().await;
}
