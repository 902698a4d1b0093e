//! Leases that lapse, are lost and come back: nothing leaves meanwhile, and nothing has failed.

use std::path::Path;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use qt_sessions::{FolderLock, Held, Lease, LeaseError, SessionSettings, Sessions, Tenure};
use qt_trading::ids::{AccountId, OrderUid, TenantId};
use qt_trading::{Desk, KillLevel, OrderStatus, Phase, Refusal, Side, Trading};

use crate::absent::{failing, is_denied};
use crate::common::{amount, hub, limit, market, over, ready, sessions, until};

/// Leases that somebody else gives and takes away.
#[derive(Default)]
struct Given {
    tenure: Arc<AtomicU8>,
    /// How a lease stands that is given.
    first: AtomicU8,
    epoch: AtomicU64,
    /// Who has it instead of us.
    other: Mutex<Option<LeaseError>>,
}

const VALID: u8 = 0;
const LAPSED: u8 = 1;
const LOST: u8 = 2;
/// Valid when it is asked for the next time, and lapsed from then on.
const LAPSES: u8 = 3;

struct Of {
    tenure: Arc<AtomicU8>,
    epoch: u64,
    _lock: FolderLock,
}

impl Held for Of {
    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn tenure(&self) -> Tenure {
        match self.tenure.load(Ordering::SeqCst) {
            VALID => Tenure::Valid,
            LAPSED => Tenure::Lapsed,
            LAPSES => {
                self.tenure.store(LAPSED, Ordering::SeqCst);
                Tenure::Valid
            }
            _ => Tenure::Lost,
        }
    }
}

impl Lease for Given {
    fn acquire(
        &self,
        _: TenantId,
        _: AccountId,
        folder: &Path,
    ) -> Result<Box<dyn Held>, LeaseError> {
        match &*self.other.lock().unwrap() {
            Some(LeaseError::Held(by)) => return Err(LeaseError::Held(by.clone())),
            Some(_) => return Err(LeaseError::Away("a test".to_owned())),
            None => {}
        }
        let lock = FolderLock::take(folder)?;
        self.tenure.store(self.first.load(Ordering::SeqCst), Ordering::SeqCst);
        let epoch = self.epoch.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Box::new(Of { tenure: Arc::clone(&self.tenure), epoch, _lock: lock }))
    }
}

fn begin(folder: &Path, lease: &Arc<Given>) -> Arc<Sessions> {
    let of_lease: Arc<dyn Lease> = Arc::clone(lease) as _;
    let settings = SessionSettings { lease: of_lease, ..SessionSettings::new(folder.to_owned()) };
    Sessions::start(settings, hub()).unwrap()
}

async fn code_of(desk: &Arc<dyn Desk>) -> &'static str {
    let order = market("AAPL", Side::Buy, "1");
    match desk.place(OrderUid::new(), order, "user".into()).await {
        Err(Refusal::Unavailable { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

/// As when the process is stopped in the middle of a visit, for longer than its lease lasts.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_lapses_in_the_middle_of_a_visit_lets_no_order_through() {
    let folder = tempfile::tempdir().unwrap();
    let lease = Arc::new(Given::default());
    let sessions = begin(folder.path(), &lease);
    let desk = sessions.desk(TenantId::new()).await.unwrap();
    let mut refused = 0;
    for _ in 0..30 {
        ready(&desk).await;
        lease.tenure.store(LAPSES, Ordering::SeqCst);
        let placed = desk.place(OrderUid::new(), market("AAPL", Side::Buy, "1"), "user".into());
        match placed.await {
            Err(Refusal::Unavailable { code: "LEASE_LOST", .. }) => refused += 1,
            // The last question, answered with yes, can have been the one right before this order.
            Ok(_) => {}
            other => panic!("{other:?}"),
        }
        lease.tenure.store(VALID, Ordering::SeqCst);
    }
    assert!(refused >= 25, "{refused} of 30");
    sessions.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_lapses_stops_orders_and_no_kill_until_it_is_renewed() {
    let folder = tempfile::tempdir().unwrap();
    let lease = Arc::new(Given::default());
    let sessions = begin(folder.path(), &lease);
    let desk = sessions.desk(TenantId::new()).await.unwrap();
    ready(&desk).await;
    let resting = OrderUid::new();
    desk.place(resting, limit("AAPL", Side::Buy, "1", "183"), "user".into()).await.unwrap();
    lease.tenure.store(LAPSED, Ordering::SeqCst);
    until("known", || desk.state().phase == Phase::LeaseLost).await;
    assert_eq!(code_of(&desk).await, "LEASE_LOST");
    let events = desk.state().events;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(desk.state().events, events, "nothing is taken in");
    let killed = desk.kill(KillLevel::Account, None, "a test".into(), "user".into());
    let killed = killed.await.unwrap();
    assert_eq!([killed.cancelled, killed.cancel_pending].concat(), [resting]);
    assert!(desk.state().is_killed);
    lease.tenure.store(VALID, Ordering::SeqCst);
    ready(&desk).await;
    assert_eq!(desk.state().epoch, 1);
    assert_eq!(over(&desk, resting).await.status, OrderStatus::Cancelled);
    let trip = killed.tripped_at.unwrap();
    desk.arm(KillLevel::Account, None, trip, vec!["user".into()]).await.unwrap();
    let id = OrderUid::new();
    desk.place(id, market("AAPL", Side::Buy, "1"), "user".into()).await.unwrap();
    assert_eq!(over(&desk, id).await.status, OrderStatus::Filled);
    sessions.stop().await;
    // All of it is in the journal.
    let sessions = begin(folder.path(), &lease);
    let tenant = sessions.states().len();
    assert_eq!(tenant, 1);
    until("again", || sessions.states()[0].phase == Phase::Ready).await;
    sessions.stop().await;
}

/// It lapses before the session was visited once with it, and comes back: a kill that came while
/// the session did not run holds all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_lapses_at_once_holds_no_kill_up_that_is_to_be_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let (lease, tenant) = (Arc::new(Given::default()), TenantId::new());
    let all = begin(folder.path(), &lease);
    ready(&all.desk(tenant).await.unwrap()).await;
    all.stop().await;
    let all = failing(folder.path(), &hub());
    let desk = all.desk(tenant).await.unwrap();
    until("failed", || desk.state().phase == Phase::Failed).await;
    desk.kill(KillLevel::Account, None, "enough".into(), "ann".into()).await.unwrap();
    all.stop().await;
    lease.first.store(LAPSED, Ordering::SeqCst);
    let all = begin(folder.path(), &lease);
    let desk = all.desk(tenant).await.unwrap();
    until("lapsed", || desk.state().phase == Phase::LeaseLost).await;
    lease.tenure.store(VALID, Ordering::SeqCst);
    ready(&desk).await;
    is_denied(&desk).await;
    all.stop().await;
}

/// The kill would wait in a file that the session which runs does not look at.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_of_a_session_that_failed_here_and_runs_elsewhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, tenant) = (hub(), TenantId::new());
    let all = sessions(folder.path(), &hub);
    ready(&all.desk(tenant).await.unwrap()).await;
    all.stop().await;
    let failed = failing(folder.path(), &hub);
    let desk = failed.desk(tenant).await.unwrap();
    until("failed", || desk.state().phase == Phase::Failed).await;
    let other = sessions(folder.path(), &hub);
    let runs = other.desk(tenant).await.unwrap();
    ready(&runs).await;
    let kill = || desk.kill(KillLevel::Account, None, "enough".into(), "ann".into());
    let refused = kill().await;
    assert!(matches!(refused, Err(Refusal::Unavailable { code: "ELSEWHERE", .. })), "{refused:?}");
    assert!(!runs.state().is_killed && !desk.state().is_killed);
    other.stop().await;
    assert!(kill().await.unwrap().tripped_at.is_some(), "nobody has it now");
    failed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_another_process_has_answers_reads_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let lease = Arc::new(Given::default());
    let sessions = begin(folder.path(), &lease);
    let desk = sessions.desk(TenantId::new()).await.unwrap();
    ready(&desk).await;
    let bought = OrderUid::new();
    desk.place(bought, market("AAPL", Side::Buy, "3"), "user".into()).await.unwrap();
    over(&desk, bought).await;
    until("held", || desk.portfolio().positions.len() == 1).await;
    let mut reader = desk.events().reader(desk.events().last());
    *lease.other.lock().unwrap() = Some(LeaseError::Held(Some("process 7".to_owned())));
    lease.tenure.store(LOST, Ordering::SeqCst);
    let says_who = || desk.state().detail.is_some_and(|why| why.contains("process 7"));
    until("elsewhere", || desk.state().phase == Phase::Elsewhere && says_who()).await;
    assert_eq!(code_of(&desk).await, "ELSEWHERE");
    let killed = desk.kill(KillLevel::Account, None, "a test".into(), "user".into()).await;
    assert!(matches!(killed, Err(Refusal::Unavailable { code: "ELSEWHERE", .. })), "{killed:?}");
    assert_eq!(desk.portfolio().positions[0].quantity, amount("3"));
    assert_eq!(desk.order(bought).unwrap().status, OrderStatus::Filled);
    // Nobody can tell: it waits on.
    *lease.other.lock().unwrap() = Some(LeaseError::Away(String::new()));
    until("away", || desk.state().phase == Phase::Reconciling).await;
    *lease.other.lock().unwrap() = None;
    ready(&desk).await;
    assert_eq!(desk.state().epoch, 2);
    assert_eq!(desk.portfolio().positions[0].quantity, amount("3"));
    assert!(reader.take(9).is_err(), "what happened elsewhere was not told here");
    let again = desk.place(bought, market("AAPL", Side::Buy, "3"), "user".into()).await;
    assert!(matches!(again, Err(Refusal::Conflict(_))), "{again:?}");
    desk.place(OrderUid::new(), market("AAPL", Side::Buy, "1"), "user".into()).await.unwrap();
    sessions.stop().await;
}

/// Two services over one folder: the second one says who has the sessions, and goes on with them
/// when the first one ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_service_waits_and_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub();
    let first = sessions(folder.path(), &hub);
    let tenant = TenantId::new();
    let desk = first.desk(tenant).await.unwrap();
    ready(&desk).await;
    let second = sessions(folder.path(), &hub);
    let waits = second.desk(tenant).await.unwrap();
    until("held", || waits.state().phase == Phase::Elsewhere).await;
    let process = std::process::id().to_string();
    assert!(waits.state().detail.unwrap().contains(&process));
    let id = OrderUid::new();
    desk.place(id, market("AAPL", Side::Buy, "2"), "user".into()).await.unwrap();
    over(&desk, id).await;
    let last = desk.events().last();
    first.stop().await;
    ready(&waits).await;
    assert_eq!(waits.order(id).unwrap().status, OrderStatus::Filled);
    assert_eq!(waits.portfolio().positions[0].quantity, amount("2"));
    assert!(waits.events().last() > last, "numbers rise from process to process");
    assert!(waits.events().reader(last).take(9).is_err(), "and a gap is told");
    second.stop().await;
}
