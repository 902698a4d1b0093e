//! Many tenants on two threads: nobody sees or delays another, and all of them end in time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use qt_sessions::Sessions;
use qt_trading::ids::{OrderUid, TenantId};
use qt_trading::{OrderStatus, Phase, Side, Trading};

use crate::common::{amount, hub, market, over, ready, sessions, settings, until};

const TENANTS: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_tenants_share_two_workers() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub();
    let sessions = sessions(folder.path(), &hub);
    let mut desks = Vec::new();
    for _ in 0..TENANTS {
        desks.push(sessions.desk(TenantId::new()).await.unwrap());
    }
    for desk in &desks {
        ready(desk).await;
    }
    // The first one asks without end, the others once each.
    let busy = std::sync::Arc::clone(&desks[0]);
    let load = tokio::spawn(async move {
        let mut placed = 0_u32;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(1) {
            let side = if placed.is_multiple_of(2) { Side::Buy } else { Side::Sell };
            let order = market("EURUSD", side, "5");
            placed += u32::from(busy.place(OrderUid::new(), order, "busy".into()).await.is_ok());
        }
        placed
    });
    let mut longest = Duration::ZERO;
    for (at, desk) in desks.iter().enumerate().skip(1) {
        let (id, quantity) = (OrderUid::new(), (at + 1).to_string());
        let begun = Instant::now();
        let order = market("AAPL", Side::Buy, &quantity);
        desk.place(id, order, format!("user-{at}")).await.unwrap();
        longest = longest.max(begun.elapsed());
        assert_eq!(over(desk, id).await.status, OrderStatus::Filled);
        until("held", || desk.portfolio().positions.len() == 1).await;
        let portfolio = desk.portfolio();
        assert_eq!(portfolio.positions[0].quantity, amount(&quantity), "its own and no other's");
        assert_eq!(desk.orders().len(), 1);
    }
    assert!(load.await.unwrap() > 20);
    assert!(longest < Duration::from_secs(1), "one waited {longest:?}");
    let begun = Instant::now();
    sessions.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(sessions.states().iter().all(|state| state.phase == Phase::Stopped));
}

/// Each thread of the sessions has the core that it was given, and a core that is not there is
/// named at the start.
#[tokio::test(flavor = "multi_thread")]
async fn threads_of_sessions_have_the_cores_that_are_set() {
    let folder = tempfile::tempdir().unwrap();
    let core = *qt_ring::Cores::allowed().list().last().expect("this thread runs somewhere");
    let hub = hub();
    let mut pinned = settings(folder.path());
    pinned.cores = vec![core];
    let sessions = Sessions::start(pinned, Arc::clone(&hub)).unwrap();
    let desk = sessions.desk(TenantId::new()).await.unwrap();
    ready(&desk).await;
    let id = OrderUid::new();
    desk.place(id, market("AAPL", Side::Buy, "1"), "u".into()).await.unwrap();
    over(&desk, id).await;
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let statuses =
        tasks.filter_map(|task| std::fs::read_to_string(task.path().join("status")).ok());
    let on_core = format!("Cpus_allowed_list:\t{core}\n");
    let is_it = |status: &String| status.contains("sessions-0\n") && status.contains(&on_core);
    assert!(statuses.into_iter().any(|status| is_it(&status)), "no thread is on core {core}");
    sessions.stop().await;
    let mut nowhere = settings(folder.path());
    nowhere.cores = vec![core, 1_000];
    let Err(error) = Sessions::start(nowhere, hub) else { panic!("there is no such core") };
    assert!(error.to_string().contains("core 1000 is not there"), "{error}");
}
