//! A service that was stopped in order goes on where it was.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use qt_sessions::{FileLeases, Held, Lease, LeaseError, SessionSettings, Sessions};
use qt_trading::ids::{AccountId, OrderUid, StrategyUid, TenantId};
use qt_trading::{KillLevel, OrderStatus, Phase, Refusal, Side, StrategyRun, Trading};

use crate::common::{amount, hub, limit, market, over, ready, sessions, until};

#[tokio::test(flavor = "multi_thread")]
async fn orders_positions_strategies_and_the_kill_switch_are_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, tenant) = (hub(), TenantId::new());
    let (bought, resting, strategy) = (OrderUid::new(), OrderUid::new(), StrategyUid::new());
    let cash = {
        let sessions = sessions(folder.path(), &hub);
        let desk = sessions.desk(tenant).await.unwrap();
        ready(&desk).await;
        let order = market("AAPL", Side::Buy, "10");
        desk.place(bought, order, "user".into()).await.unwrap();
        over(&desk, bought).await;
        let mut order = limit("AAPL", Side::Buy, "1", "183");
        order.client_order_id = Some("kept".to_owned());
        desk.place(resting, order, "user".into()).await.unwrap();
        until("open", || desk.order(resting).is_some_and(|it| it.status == OrderStatus::Open))
            .await;
        let run = StrategyRun {
            id: strategy,
            strategy_type: "buy_and_hold".to_owned(),
            symbols: vec!["EURUSD".to_owned()],
            parameters: Vec::new(),
            limits: Vec::new(),
        };
        desk.activate(run, "user".into()).await.unwrap();
        let answer = desk.kill(KillLevel::Strategy, Some(strategy), "why not".into(), "u".into());
        answer.await.unwrap();
        until("held", || desk.portfolio().positions.len() == 1).await;
        let cash = desk.portfolio().cash;
        sessions.stop().await;
        assert_eq!(desk.state().phase, Phase::Stopped);
        let late = desk.place(OrderUid::new(), market("AAPL", Side::Buy, "1"), "u".into()).await;
        assert!(matches!(late, Err(Refusal::Unavailable { code: "STOPPED", .. })), "{late:?}");
        cash
    };
    let sessions = sessions(folder.path(), &hub);
    let desk = sessions.desk(tenant).await.unwrap();
    ready(&desk).await;
    assert_eq!(desk.state().epoch, 2);
    assert_eq!(desk.portfolio().cash, cash);
    assert_eq!(desk.portfolio().positions[0].quantity, amount("10"));
    let order = desk.order(resting).unwrap();
    assert_eq!(order.status, OrderStatus::Open);
    assert_eq!(order.client_order_id.as_deref(), Some("kept"));
    assert_eq!(desk.order(bought).unwrap().status, OrderStatus::Filled);
    // The strategy has its place, and its kill switch holds.
    let switch = desk.switches().pop().unwrap();
    assert_eq!((switch.level, switch.reason.as_str()), (KillLevel::Strategy, "why not"));
    assert_eq!(
        (switch.subject.as_str(), switch.people),
        (&*strategy.to_string(), vec!["u".into()])
    );
    let people = vec!["ann".into(), "ben".into()];
    let armed = desk.arm(KillLevel::Strategy, Some(strategy), switch.tripped_at, people).await;
    assert_eq!(armed, Ok(qt_trading::ArmAnswer::Armed));
    desk.cancel(resting, "user".into()).await.unwrap();
    assert_eq!(over(&desk, resting).await.status, OrderStatus::Cancelled);
    sessions.stop().await;
}

/// A lease that is given only once it may be.
struct Late(std::sync::mpsc::Sender<()>, std::sync::Mutex<std::sync::mpsc::Receiver<()>>);

impl Lease for Late {
    fn acquire(
        &self,
        tenant: TenantId,
        account: AccountId,
        folder: &Path,
    ) -> Result<Box<dyn Held>, LeaseError> {
        self.1.lock().unwrap().recv().unwrap();
        FileLeases.acquire(tenant, account, folder)
    }
}

/// Before it is ready nothing is taken, and it says so.
#[tokio::test(flavor = "multi_thread")]
async fn orders_while_reconciling_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub();
    let (may_begin, waits) = std::sync::mpsc::channel();
    let lease = Arc::new(Late(may_begin, std::sync::Mutex::new(waits)));
    let of_lease: Arc<dyn Lease> = Arc::clone(&lease) as _;
    let settings = SessionSettings {
        lease: of_lease,
        patience: Duration::from_millis(10),
        ..SessionSettings::new(folder.path().to_owned())
    };
    let sessions = Sessions::start(settings, Arc::clone(&hub)).unwrap();
    let desk = sessions.desk(TenantId::new()).await.unwrap();
    let order = market("AAPL", Side::Buy, "1");
    let placed = desk.place(OrderUid::new(), order.clone(), "u".into()).await;
    assert!(matches!(placed, Err(Refusal::Unavailable { code: "RECONCILING", .. })), "{placed:?}");
    lease.0.send(()).unwrap();
    ready(&desk).await;
    desk.place(OrderUid::new(), order, "u".into()).await.unwrap();
    sessions.stop().await;
}
