//! What is in memory of orders: names of clients, many that rest, and what is forgotten.

use std::sync::Arc;
use std::time::{Duration, Instant};

use qt_trading::ids::{OrderUid, TenantId};
use qt_trading::{Desk, KillLevel, NewOrder, Order, Phase, Refusal, Side, Trading};

use crate::common::{hub, limit, market, over, ready, sessions, until};

fn named(order: NewOrder, name: &str) -> NewOrder {
    NewOrder { client_order_id: Some(name.to_owned()), ..order }
}

/// The `n`th of many orders that are not the same.
fn nth(n: usize) -> NewOrder {
    limit("AAPL", Side::Buy, "1", &format!("180.{:02}", n % 100))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_of_one_order_and_of_none_that_was_denied_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, tenant) = (hub(), TenantId::new());
    let place =
        async |desk: &Arc<dyn Desk>, order| desk.place(OrderUid::new(), order, "user".into()).await;
    let too_much = || named(market("AAPL", Side::Buy, "5000"), "denied");
    let first = sessions(folder.path(), &hub);
    let desk = first.desk(tenant).await.unwrap();
    ready(&desk).await;
    place(&desk, named(nth(1), "rests")).await.unwrap();
    for _ in 0..2 {
        let denied = place(&desk, too_much()).await;
        assert!(matches!(denied, Err(Refusal::Risk(_))), "{denied:?}");
    }
    first.stop().await;
    let second = sessions(folder.path(), &hub);
    let desk = second.desk(tenant).await.unwrap();
    ready(&desk).await;
    let again = place(&desk, named(nth(2), "rests")).await;
    assert!(matches!(again, Err(Refusal::Conflict(_))), "{again:?}");
    let order = place(&desk, named(nth(3), "denied")).await.unwrap();
    assert_eq!(order.client_order_id.as_deref(), Some("denied"));
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_of_a_hundred_orders_is_the_same_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, tenant) = (hub(), TenantId::new());
    let first = sessions(folder.path(), &hub);
    let desk = first.desk(tenant).await.unwrap();
    ready(&desk).await;
    for n in 0..100 {
        desk.place(OrderUid::new(), nth(n), "user".into()).await.unwrap();
    }
    let killed = desk.kill(KillLevel::Account, None, "a test".into(), "user".into()).await.unwrap();
    assert_eq!(killed.cancelled.len() + killed.cancel_pending.len(), 100);
    until("over", || desk.orders().iter().all(|order| order.status.is_final())).await;
    let state = |desk: &Arc<dyn Desk>| {
        let orders: Vec<Order> = desk.orders().iter().map(|order| Order::clone(order)).collect();
        (orders, desk.portfolio().cash, desk.state().is_killed)
    };
    let before = state(&desk);
    first.stop().await;
    let second = sessions(folder.path(), &hub);
    let desk = second.desk(tenant).await.unwrap();
    ready(&desk).await;
    assert_eq!(desk.state().phase, Phase::Ready);
    assert_eq!(state(&desk), before);
    second.stop().await;
}

/// Places `count` orders from number `from` on and cancels them, until all of them are over.
async fn come_and_go(desk: &Arc<dyn Desk>, from: usize, count: usize) -> Duration {
    let mut took = Duration::ZERO;
    let mut ids = Vec::new();
    for n in from..from + count {
        let (id, order) = (OrderUid::new(), named(nth(n), &format!("n{n}")));
        let begun = Instant::now();
        desk.place(id, order, "user".into()).await.unwrap();
        took += begun.elapsed();
        ids.push(id);
        if ids.len() == 50 || n + 1 == from + count {
            for &id in &ids {
                desk.cancel(id, "user".into()).await.unwrap();
            }
            for id in ids.drain(..) {
                over(desk, id).await;
            }
        }
    }
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_that_are_over_are_forgotten_with_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub();
    let sessions = sessions(folder.path(), &hub);
    let desk = sessions.desk(TenantId::new()).await.unwrap();
    ready(&desk).await;
    let stays = OrderUid::new();
    let order = named(limit("EURUSD", Side::Buy, "1", "0.9"), "stays");
    desk.place(stays, order, "user".into()).await.unwrap();
    come_and_go(&desk, 0, 1).await;
    let first = desk.orders()[0].clone();
    assert_eq!(first.client_order_id.as_deref(), Some("n0"));
    come_and_go(&desk, 1, 1_000).await;
    assert_eq!(desk.orders().len(), 1_001, "a thousand that are over, and one that is open");
    assert_eq!(desk.order(first.id), None);
    assert!(desk.order(stays).is_some());
    let orders = desk.orders();
    assert_eq!(orders[0].client_order_id.as_deref(), Some("n1000"));
    assert_eq!(orders[1_000].id, stays, "the oldest is the last");
    let name = |name: &str| named(nth(7), name);
    let known = desk.place(OrderUid::new(), name("n1"), "user".into()).await;
    assert!(matches!(known, Err(Refusal::Conflict(_))), "{known:?}");
    desk.place(OrderUid::new(), name("n0"), "user".into()).await.unwrap();
    sessions.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_are_told_from_memory_once_enough_are_certain_to_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub();
    let first = sessions(folder.path(), &hub);
    let desk = first.desk(TenantId::new()).await.unwrap();
    ready(&desk).await;
    let mut count = 0;
    let newest = loop {
        come_and_go(&desk, count, 20).await;
        count += 20;
        // The session was begun a second ago at most: what another one wrote could be as young.
        match desk.newest_orders(15) {
            Some(newest) => break newest,
            None => assert!(count < 100_000, "never certain"),
        }
    };
    assert_eq!(newest, desk.orders()[..15]);
    assert_eq!(desk.newest_orders(count + 1), None, "the others may be in the store");
    for n in 0..3 {
        desk.place(OrderUid::new(), market("AAPL", Side::Buy, "1"), format!("p{n}")).await.unwrap();
    }
    until("executed", || desk.newest_executions(3).is_some()).await;
    assert_eq!(desk.newest_executions(3).unwrap(), desk.executions()[..3]);
    assert_eq!(desk.newest_executions(4), None);
    first.stop().await;
}

/// What an answer costs where much is in memory, against where nothing is.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn orders_of_one_desk() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub();
    let sessions = sessions(folder.path(), &hub);
    let desk = sessions.desk(TenantId::new()).await.unwrap();
    ready(&desk).await;
    let rate = |took: Duration| 200.0 / took.as_secs_f64();
    let empty = rate(come_and_go(&desk, 0, 200).await);
    come_and_go(&desk, 200, 1_000).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let full = rate(come_and_go(&desk, 1_200, 200).await);
    let ratio = full / empty;
    println!("orders/s: {empty:.0} with few in memory, {full:.0} with 1,000: {ratio:.2} of it");
    sessions.stop().await;
}
