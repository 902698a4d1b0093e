//! The kill switch, arming, and strategies that begin while a session runs.

use qt_trading::ids::{OrderUid, StrategyUid, TenantId};
use qt_trading::{
    ArmAnswer, KillLevel, OrderStatus, PrivateKind, Refusal, Side, StrategyRun, Trading,
};

use crate::common::{hub, limit, market, over, ready, sessions, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_cancels_what_rests_and_lets_nothing_leave_until_it_is_armed() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub();
    let sessions = sessions(folder.path(), &hub);
    let desk = sessions.desk(TenantId::new()).await.unwrap();
    ready(&desk).await;
    let mut reader = desk.events().reader(desk.events().last());
    let id = OrderUid::new();
    desk.place(id, limit("AAPL", Side::Buy, "1", "183"), "user".into()).await.unwrap();
    let why = "a test".to_owned();
    let killed = desk.kill(KillLevel::Account, None, why, "user".into()).await.unwrap();
    let meant = [killed.cancelled, killed.cancel_pending].concat();
    assert_eq!(meant, [id]);
    assert_eq!(over(&desk, id).await.status, OrderStatus::Cancelled);
    assert!(desk.state().is_killed);
    let order = market("AAPL", Side::Buy, "1");
    let placed = desk.place(OrderUid::new(), order.clone(), "user".into()).await;
    let Err(Refusal::Risk(refused)) = placed else { panic!("{placed:?}") };
    assert_eq!((refused.control.as_str(), refused.level.as_str()), ("KILL_HALTED", "account"));
    let trip = killed.tripped_at.unwrap();
    let arm = async || desk.arm(KillLevel::Account, None, trip, vec!["user".into()]).await;
    assert_eq!(arm().await, Ok(ArmAnswer::Armed));
    assert_eq!(arm().await, Ok(ArmAnswer::WasArmed));
    desk.place(OrderUid::new(), order, "user".into()).await.unwrap();
    // All of it is in the private events, in order.
    let events = reader.take(1_000).unwrap();
    assert!(events.is_sorted_by(|a, b| a.seq < b.seq));
    let kinds = events.iter().filter_map(|event| match &event.kind {
        PrivateKind::Risk(what) => what["kind"].as_str().map(str::to_owned),
        _ => None,
    });
    assert_eq!(kinds.collect::<Vec<_>>(), ["kill", "arm"]);
    sessions.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strategy_begins_and_ends_while_the_session_runs() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub();
    let sessions = sessions(folder.path(), &hub);
    let desk = sessions.desk(TenantId::new()).await.unwrap();
    ready(&desk).await;
    let run = |id| StrategyRun {
        id,
        strategy_type: "market_maker".to_owned(),
        symbols: vec!["AAPL".to_owned()],
        parameters: Vec::new(),
        limits: Vec::new(),
    };
    let strategy = StrategyUid::new();
    desk.activate(run(strategy), "user".into()).await.unwrap();
    let is_its = || desk.orders().iter().any(|order| order.strategy_id == Some(strategy));
    until("an order of the strategy", is_its).await;
    desk.deactivate(strategy, "user".into()).await.unwrap();
    let is_quiet = || {
        let orders = desk.orders();
        orders.iter().all(|it| it.status.is_final() || it.strategy_id.is_none())
    };
    until("its orders are over", is_quiet).await;
    let unknown = StrategyRun { strategy_type: "no_such".to_owned(), ..run(StrategyUid::new()) };
    let refused = desk.activate(unknown, "user".into()).await;
    assert!(matches!(refused, Err(Refusal::Invalid { field: "strategy_type", .. })), "{refused:?}");
    assert_eq!(desk.deactivate(StrategyUid::new(), "u".into()).await, Err(Refusal::NotFound));
    sessions.stop().await;
}
