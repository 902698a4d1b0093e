//! From the synthetic market to a fill and a portfolio.

use std::time::Duration;

use qt_trading::ids::{OrderUid, TenantId};
use qt_trading::{MarketData, OrderStatus, Phase, Refusal, Side, Trading};

use crate::common::{amount, hub, limit, market, over, ready, sessions, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_market_order_of_one_is_filled_in_every_instrument() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub();
    let sessions = sessions(folder.path(), &hub);
    for instrument in hub.instruments() {
        let desk = sessions.desk(TenantId::new()).await.unwrap();
        ready(&desk).await;
        let id = OrderUid::new();
        let order = market(&instrument.symbol, Side::Buy, "1");
        let placed = desk.place(id, order, "user-1".to_owned()).await.unwrap();
        assert_eq!((placed.id, &placed.symbol), (id, &instrument.symbol));
        let done = over(&desk, id).await;
        assert_eq!(done.status, OrderStatus::Filled, "{done:?}");
        until("in the portfolio", || desk.portfolio().positions.len() == 1).await;
        let portfolio = desk.portfolio();
        assert_eq!(portfolio.positions[0].quantity, amount("1"));
        assert_eq!(portfolio.initial_capital, amount("100000"));
        let executions = desk.executions();
        assert!(executions.iter().all(|it| it.order_id == id));
        let cash = portfolio.initial_capital.0
            - executions
                .iter()
                .map(|it| it.price.0 * it.quantity.0 + it.fee.0)
                .sum::<rust_decimal::Decimal>();
        assert_eq!(portfolio.cash.0, cash);
    }
    sessions.stop().await;
    assert!(sessions.states().iter().all(|state| state.phase == Phase::Stopped));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_rests_is_changed_and_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub();
    let sessions = sessions(folder.path(), &hub);
    let desk = sessions.desk(TenantId::new()).await.unwrap();
    ready(&desk).await;
    let id = OrderUid::new();
    let order = limit("AAPL", Side::Buy, "2", "183");
    let mut named = order.clone();
    named.client_order_id = Some("mine-1".to_owned());
    let placed = desk.place(id, named.clone(), "user-1".to_owned()).await.unwrap();
    assert_eq!(placed.client_order_id.as_deref(), Some("mine-1"));
    let again = desk.place(OrderUid::new(), named, "user-1".to_owned()).await;
    assert!(matches!(again, Err(Refusal::Conflict(_))), "{again:?}");
    until("open", || desk.order(id).is_some_and(|it| it.status == OrderStatus::Open)).await;
    let change = qt_trading::AmendOrder { quantity: Some(amount("3")), ..Default::default() };
    desk.amend(id, change, "user-1".to_owned()).await.unwrap();
    until("changed", || desk.order(id).is_some_and(|it| it.quantity == amount("3"))).await;
    let cancelled = desk.cancel(id, "user-1".to_owned()).await.unwrap();
    assert!(cancelled.cancel_pending || cancelled.status == OrderStatus::Cancelled);
    assert_eq!(over(&desk, id).await.status, OrderStatus::Cancelled);
    let late = desk.cancel(id, "user-1".to_owned()).await;
    assert!(matches!(late, Err(Refusal::Conflict(_))), "{late:?}");
    let unknown = desk.cancel(OrderUid::new(), "user-1".to_owned()).await;
    assert_eq!(unknown, Err(Refusal::NotFound));
    let too_much = desk.place(OrderUid::new(), market("AAPL", Side::Buy, "5000"), "u".into()).await;
    let Err(Refusal::Risk(why)) = too_much else { panic!("{too_much:?}") };
    assert_eq!(why.control, "MAX_ORDER_NOTIONAL");
    assert!(why.limit.is_some() && why.observed.is_some() && why.reference_price.is_some());
    assert!(!desk.try_out(order).await.unwrap().is_empty());
    assert!(!desk.risk().is_empty());
    sessions.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identifier_is_used_once_however_many_orders_came_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub();
    let sessions = sessions(folder.path(), &hub);
    let desk = sessions.desk(TenantId::new()).await.unwrap();
    ready(&desk).await;
    let mut order = limit("AAPL", Side::Buy, "1", "183");
    order.time_in_force = qt_trading::TimeInForce::Ioc;
    let first = OrderUid::new();
    desk.place(first, order.clone(), "user-1".to_owned()).await.unwrap();
    over(&desk, first).await;
    // Until it is not in memory any more.
    let mut placed = 0;
    while desk.order(first).is_some() {
        assert!(placed < 5_000, "it stays in memory");
        let id = OrderUid::new();
        match desk.place(id, order.clone(), "user-1".to_owned()).await {
            Ok(_) => placed += 1,
            // So many a second.
            Err(Refusal::Risk(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(refusal) => panic!("{refusal}"),
        }
    }
    assert!(placed >= 1_000, "{placed}");
    let again = desk.place(first, order, "user-1".to_owned()).await;
    let Err(Refusal::Unavailable { code, .. }) = again else { panic!("{again:?}") };
    assert_eq!(code, "ORDER_NOT_SHOWN");
    sessions.stop().await;
}
