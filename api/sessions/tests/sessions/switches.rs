//! Kill switches of a strategy, an account, and of all sessions.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use qt_sessions::{FileLeases, Held, Lease, LeaseError, SessionSettings, Sessions};
use qt_trading::ids::{AccountId, OrderUid, StrategyUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{
    ArmAnswer, Desk, KillLevel, Phase, PrivateKind, Refusal, Side, StrategyRun, Trading,
};

use crate::common::{hub, limit, market, over, ready, sessions, until};

const GLOBAL: KillLevel = KillLevel::Global;

async fn is_denied(desk: &Arc<dyn Desk>, level: &str) {
    let placed = desk.place(OrderUid::new(), market("AAPL", Side::Buy, "1"), "u".into()).await;
    let Err(Refusal::Risk(refused)) = placed else { panic!("{placed:?}") };
    assert_eq!((refused.control.as_str(), refused.level.as_str()), ("KILL_HALTED", level));
}

async fn trades(desk: &Arc<dyn Desk>) {
    let id = OrderUid::new();
    desk.place(id, market("AAPL", Side::Buy, "1"), "u".into()).await.unwrap();
    over(desk, id).await;
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

fn two() -> Vec<String> {
    vec!["ann".to_owned(), "ben".to_owned()]
}

/// Leases that are refused for one tenant, and held up for another.
#[derive(Default)]
struct Gate {
    refused: Mutex<Option<TenantId>>,
    held_up: Mutex<Option<TenantId>>,
    is_open: AtomicBool,
    opens: Condvar,
}

impl Gate {
    fn open(&self) {
        self.is_open.store(true, Ordering::Release);
        let _held = self.held_up.lock().unwrap();
        self.opens.notify_all();
    }
}

impl Lease for Gate {
    fn acquire(
        &self,
        tenant: TenantId,
        account: AccountId,
        folder: &Path,
    ) -> Result<Box<dyn Held>, LeaseError> {
        if *self.refused.lock().unwrap() == Some(tenant) {
            return Err(LeaseError::Held(None));
        }
        let mut held_up = self.held_up.lock().unwrap();
        while *held_up == Some(tenant) && !self.is_open.load(Ordering::Acquire) {
            held_up = self.opens.wait(held_up).unwrap();
        }
        drop(held_up);
        FileLeases.acquire(tenant, account, folder)
    }
}

/// One session is another process's, one is made again, one begins later: none holds the kill up,
/// and none trades after it, also not after a restart, until two people have armed it.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_of_all_holds_for_every_session_there_is_and_will_be() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub();
    let [running, foreign, late, later] = [(); 4].map(|()| TenantId::new());
    let gate = Arc::new(Gate::default());
    *gate.refused.lock().unwrap() = Some(foreign);
    *gate.held_up.lock().unwrap() = Some(late);
    let settings = SessionSettings {
        lease: Arc::clone(&gate) as _,
        patience: Duration::from_millis(100),
        ..SessionSettings::new(folder.path().to_owned())
    };
    let all = Sessions::start(settings, Arc::clone(&hub)).unwrap();
    let desk = all.desk(running).await.unwrap();
    ready(&desk).await;
    let resting = OrderUid::new();
    desk.place(resting, limit("AAPL", Side::Buy, "1", "183"), "u".into()).await.unwrap();
    let elsewhere = all.desk(foreign).await.unwrap();
    until("elsewhere", || elsewhere.state().phase == Phase::Elsewhere).await;
    let made_again = all.desk(late).await.unwrap();
    let begun = Instant::now();
    let killed = all.kill_all(GLOBAL, String::new(), "a test".into(), "root".into()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!([killed.cancelled, killed.cancel_pending].concat(), [resting]);
    is_denied(&desk, "global").await;
    gate.open();
    ready(&made_again).await;
    is_denied(&made_again, "global").await;
    let new = all.desk(later).await.unwrap();
    ready(&new).await;
    assert!(new.state().is_killed, "before it is ready");
    is_denied(&new, "global").await;
    let switch = all.switches().pop().unwrap();
    assert_eq!(
        (switch.reason.as_str(), switch.people.as_slice()),
        ("a test", &["root".into()][..])
    );
    assert_eq!(Some(switch.tripped_at), killed.tripped_at);
    assert_eq!(new.switches(), std::slice::from_ref(&switch));
    all.stop().await;
    drop(all);

    let all = sessions(folder.path(), &hub);
    let desk = all.desk(running).await.unwrap();
    ready(&desk).await;
    is_denied(&desk, "global").await;
    assert_eq!(all.switches(), std::slice::from_ref(&switch), "it is the same trip");
    assert_eq!(desk.switches(), std::slice::from_ref(&switch));
    // Approvals of an earlier trip are for that.
    let early = Time(switch.tripped_at.0 - 1);
    let refused = all.arm_all(GLOBAL, String::new(), early, two()).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
    let armed = all.arm_all(GLOBAL, String::new(), switch.tripped_at, two()).await;
    assert_eq!(armed, Ok(ArmAnswer::Armed));
    trades(&desk).await;
    let armed = all.arm_all(GLOBAL, String::new(), switch.tripped_at, two()).await;
    assert_eq!(armed, Ok(ArmAnswer::WasArmed));
    all.stop().await;
    drop(all);

    // One that did not run when it was armed arms itself; so does a new one.
    let all = sessions(folder.path(), &hub);
    for tenant in [later, late, TenantId::new()] {
        let desk = all.desk(tenant).await.unwrap();
        ready(&desk).await;
        trades(&desk).await;
    }
    all.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_of_a_venue_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub();
    let all = sessions(folder.path(), &hub);
    let desk = all.desk(TenantId::new()).await.unwrap();
    ready(&desk).await;
    let kill = async |venue: &str| {
        let (venue, why) = (venue.to_owned(), "a test".to_owned());
        all.kill_all(KillLevel::Venue, venue, why, "root".into()).await
    };
    assert_eq!(kill("another").await, Err(Refusal::NotFound));
    trades(&desk).await;
    let trip = kill("synthetic").await.unwrap().tripped_at.unwrap();
    is_denied(&desk, "venue").await;
    let arm = all.arm_all(KillLevel::Venue, "synthetic".into(), trip, two()).await;
    assert_eq!(arm, Ok(ArmAnswer::Armed));
    trades(&desk).await;
    all.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_switch_is_armed_for_itself_and_for_its_trip() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub();
    let all = sessions(folder.path(), &hub);
    let desk = all.desk(TenantId::new()).await.unwrap();
    ready(&desk).await;
    let (account, tenant) = (KillLevel::Account, KillLevel::Tenant);
    let kill = async |level| {
        let killed = desk.kill(level, None, "a test".into(), "ann".into()).await.unwrap();
        killed.tripped_at.unwrap()
    };
    let arm = async |level, trip| desk.arm(level, None, trip, two()).await;
    // Nothing is tripped: nothing is written that somebody would have to arm.
    assert_eq!(arm(tenant, Time(i64::MAX)).await, Ok(ArmAnswer::WasArmed));
    assert!(desk.switches().is_empty());
    let first = kill(tenant).await;
    assert_eq!(arm(account, first).await, Ok(ArmAnswer::WasArmed), "another one");
    is_denied(&desk, "tenant").await;
    let second = kill(tenant).await;
    assert!(second > first);
    let refused = arm(tenant, first).await;
    assert!(matches!(refused, Err(Refusal::Conflict(_))), "{refused:?}");
    let of_account = kill(account).await;
    assert_eq!(arm(tenant, second).await, Ok(ArmAnswer::Armed));
    let holding: Vec<KillLevel> =
        desk.switches().iter().filter(|it| it.is_killed).map(|it| it.level).collect();
    assert_eq!(holding, [account], "what still holds is to be seen");
    is_denied(&desk, "account").await;
    assert_eq!(arm(account, of_account).await, Ok(ArmAnswer::Armed));
    trades(&desk).await;
    all.stop().await;
}

/// A killed strategy is neither freed by going and coming back, nor is its switch another one's.
#[tokio::test(flavor = "multi_thread")]
async fn the_switch_of_a_strategy_stays_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, tenant) = (hub(), TenantId::new());
    let killed = StrategyUid::new();
    let its = |desk: &Arc<dyn Desk>, of: StrategyUid| {
        desk.orders().iter().filter(|order| order.strategy_id == Some(of)).count()
    };
    {
        let all = sessions(folder.path(), &hub);
        let desk = all.desk(tenant).await.unwrap();
        ready(&desk).await;
        desk.activate(run(killed), "u".into()).await.unwrap();
        let why = "a test".to_owned();
        desk.kill(KillLevel::Strategy, Some(killed), why, "ann".into()).await.unwrap();
        desk.deactivate(killed, "u".into()).await.unwrap();
        let before = its(&desk, killed);
        // All places are wanted by others: seven get one, and none gets the killed one's.
        let mut others = Vec::new();
        for at in 0..8 {
            let other = StrategyUid::new();
            let answer = desk.activate(run(other), "u".into()).await;
            match at {
                0..7 => answer.unwrap(),
                _ => assert!(matches!(answer, Err(Refusal::Conflict(_))), "{answer:?}"),
            }
            others.push(other);
        }
        until("others trade", || others[..7].iter().all(|other| its(&desk, *other) > 0)).await;
        desk.activate(run(killed), "u".into()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(its(&desk, killed), before, "it came back killed");
        all.stop().await;
    }
    let all = sessions(folder.path(), &hub);
    let desk = all.desk(tenant).await.unwrap();
    ready(&desk).await;
    let switch = desk.switches().into_iter().find(|it| it.is_killed).unwrap();
    assert_eq!(switch.subject, killed.to_string());
    let before = its(&desk, killed);
    desk.arm(KillLevel::Strategy, Some(killed), switch.tripped_at, two()).await.unwrap();
    until("it trades", || its(&desk, killed) > before).await;
    all.stop().await;
}

/// A place that was given back clean is another one's, and happens again so.
#[tokio::test(flavor = "multi_thread")]
async fn a_clean_place_is_given_to_another_strategy_and_that_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, tenant) = (hub(), TenantId::new());
    let quiet = |id| StrategyRun {
        strategy_type: "sma_cross".to_owned(),
        parameters: vec![("fast".into(), "50".into()), ("slow".into(), "200".into())],
        limits: Vec::new(),
        ..run(id)
    };
    for _ in 0..2 {
        let all = sessions(folder.path(), &hub);
        let desk = all.desk(tenant).await.unwrap();
        ready(&desk).await;
        for _ in 0..10 {
            let id = StrategyUid::new();
            desk.activate(quiet(id), "u".into()).await.unwrap();
            desk.deactivate(id, "u".into()).await.unwrap();
        }
        assert!(desk.switches().is_empty(), "nobody tripped or armed anything");
        trades(&desk).await;
        all.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_denials_is_a_few_alerts() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub();
    let all = sessions(folder.path(), &hub);
    let desk = all.desk(TenantId::new()).await.unwrap();
    ready(&desk).await;
    let before = desk.events().last();
    let begun = Instant::now();
    let mut denied = 0;
    while begun.elapsed() < Duration::from_millis(1_500) {
        let order = market("AAPL", Side::Buy, "1000000");
        let placed = desk.place(OrderUid::new(), order, "u".into()).await;
        assert!(matches!(placed, Err(Refusal::Risk(_))), "{placed:?}");
        denied += 1;
    }
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let events = desk.events().reader(before).take(4_096).unwrap();
    let alerts = events.iter().filter_map(|event| match &event.kind {
        PrivateKind::Alert(alert) => Some(alert.clone()),
        _ => None,
    });
    let alerts: Vec<_> = alerts.collect();
    assert!(denied > 100 && alerts.len() <= 4, "{denied}: {alerts:?}");
    assert_eq!(alerts.iter().map(|alert| alert.count).sum::<u64>(), denied);
    let alert = &alerts[0];
    assert_eq!((alert.symbol.as_deref(), alert.severity.as_str()), (Some("AAPL"), "warning"));
    assert!(alert.observed > alert.limit && alert.limit.is_some(), "{alert:?}");
    all.stop().await;
}
