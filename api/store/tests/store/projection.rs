//! What sessions tell the store: once, whatever comes again.

use qt_store::audit::{AuditFilter, Audits};
use qt_store::events::Outbox;
use qt_store::{
    EquityPoint, ExecutionFilter, OrderFilter, Orders, Page, PortfolioHistory, Projected, Record,
    StoreError, Stream,
};
use qt_trading::OrderStatus;
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

use crate::on_both;
use crate::world::{NOON, World, amount, execution, order, stream, told, told_execution};

on_both!(
    records_are_kept_once,
    what_happened_once_is_one_event,
    a_journal_that_lost_its_end_goes_on,
    lists_come_in_parts,
    days_and_equity_are_exact,
    bad_batches,
);

async fn records_are_kept_once(world: World) {
    let store = &world.store;
    let tenant = TenantId::new();
    let stream = stream(tenant);
    let mut order = order(OrderStatus::Pending, NOON);
    let fill = execution(&order, NOON + 2);
    let mut records = vec![told(1, &order)];
    order.status = OrderStatus::Open;
    records.push(told(3, &order));
    order.status = OrderStatus::Filled;
    order.filled_quantity = order.quantity;
    order.updated_at = Time(NOON + 2);
    records.push(told_execution(4, &fill));
    records.push(told(5, &order));

    assert_eq!(store.projected(stream).await, Ok(0));
    assert_eq!(store.project(stream, records[..2].to_vec()).await, Ok(3));
    // The whole journal again, as after an outage: the gap is filled, nothing is doubled.
    assert_eq!(store.project(stream, records.clone()).await, Ok(5));
    assert_eq!(store.project(stream, records.clone()).await, Ok(5));
    assert_eq!(store.projected(stream).await, Ok(5));

    assert_eq!(store.order(tenant, order.id).await.unwrap(), order);
    assert_eq!(store.execution(tenant, fill.id).await.unwrap(), fill);
    let events = store.events_after(tenant, 0, 100).await.unwrap();
    let kinds: Vec<&str> = events.iter().map(|row| row.envelope.event_type.as_str()).collect();
    let wanted = ["OrderStateChanged", "OrderStateChanged", "TradeExecuted", "OrderStateChanged"];
    assert_eq!(kinds, wanted);
    let statuses: Vec<serde_json::Value> = events
        .iter()
        .map(|row| serde_json::from_str::<serde_json::Value>(&row.envelope.data).unwrap())
        .map(|data| data["status"].clone())
        .collect();
    assert_eq!(
        (&statuses[0], &statuses[1], &statuses[3]),
        (&"pending".into(), &"open".into(), &"filled".into())
    );
    let audit = store.audit_rows(tenant, AuditFilter::default(), Page::default()).await.unwrap();
    assert_eq!(audit.items.len(), 1);
    assert_eq!(
        (audit.items[0].action.as_str(), audit.items[0].person.as_str()),
        ("order.placed", "ann")
    );
    let foreign = TenantId::new();
    assert_eq!(store.order(foreign, order.id).await, Err(StoreError::NotFound));
}

/// The same happenings, told under other numbers and as another session: after the database was
/// put back, or by a process that knows less.
async fn what_happened_once_is_one_event(world: World) {
    let store = &world.store;
    let tenant = TenantId::new();
    let first = stream(tenant);
    let mut order = order(OrderStatus::Open, NOON);
    let fill = execution(&order, NOON + 2);
    let mut records = vec![told(1, &order), told_execution(2, &fill)];
    order.status = OrderStatus::Filled;
    order.updated_at = Time(NOON + 2);
    records.push(told(3, &order));
    store.project(first, records.clone()).await.unwrap();
    let ids = |events: Vec<qt_store::events::OutboxRow>| -> Vec<_> {
        events.iter().map(|row| row.envelope.event_id).collect()
    };
    let before = ids(store.events_after(tenant, 0, 100).await.unwrap());
    assert_eq!(before.len(), 3);
    // As another session.
    let again = Stream { session: TenantId::new().0, ..first };
    let later: Vec<_> =
        records.iter().cloned().map(|it| Projected { seq: it.seq + 40, ..it }).collect();
    store.project(again, later.clone()).await.unwrap();
    assert_eq!(ids(store.events_after(tenant, 0, 100).await.unwrap()), before);
    assert_eq!(store.order(tenant, order.id).await.unwrap(), order);
    // In a database that knows nothing of it.
    world.as_owner("DELETE FROM outbox_events; DELETE FROM orders; DELETE FROM executions").await;
    let fresh = Stream { session: TenantId::new().0, ..first };
    store.project(fresh, later).await.unwrap();
    assert_eq!(ids(store.events_after(tenant, 0, 100).await.unwrap()), before);
    let audit = store.audit_rows(tenant, AuditFilter::default(), Page::default()).await.unwrap();
    assert_eq!(audit.items.len(), 1, "it was placed once");
}

async fn a_journal_that_lost_its_end_goes_on(world: World) {
    let store = &world.store;
    let tenant = TenantId::new();
    let stream = stream(tenant);
    let kept = order(OrderStatus::Open, NOON);
    let mut lost = order(OrderStatus::Open, NOON + 1);
    lost.client_order_id = None;
    store.project(stream, vec![told(4, &kept), told(8, &lost)]).await.unwrap();
    let mut now = kept.clone();
    now.status = OrderStatus::Cancelled;
    now.updated_at = Time(NOON + 3);
    // Its number is one of what was lost.
    store.project(stream, vec![told(8, &now)]).await.unwrap();
    assert_eq!(store.order(tenant, kept.id).await.unwrap().status, OrderStatus::Open);
    store.rewind(stream, 7).await.unwrap();
    assert_eq!(store.projected(stream).await, Ok(7));
    store.project(stream, vec![told(8, &now)]).await.unwrap();
    assert_eq!(store.order(tenant, kept.id).await.unwrap(), now);
    // Never forward.
    store.rewind(stream, 100).await.unwrap();
    assert_eq!(store.projected(stream).await, Ok(8));
}

async fn lists_come_in_parts(world: World) {
    let store = &world.store;
    let tenant = TenantId::new();
    let stream = stream(tenant);
    let mut orders = Vec::new();
    for n in 0..7 {
        // Two at the same time: the identifier decides.
        let mut order = order(OrderStatus::Open, NOON + n / 2);
        order.symbol = if n % 2 == 0 { "BTC-USD" } else { "ETH-USD" }.to_owned();
        orders.push(order);
    }
    let records: Vec<_> = (1..).zip(&orders).map(|(seq, order)| told(seq, order)).collect();
    store.project(stream, records).await.unwrap();
    let (mut seen, mut page) = (Vec::new(), Page { after: None, limit: 3 });
    loop {
        let part = store.orders(tenant, OrderFilter::default(), page).await.unwrap();
        seen.extend(part.items);
        let Some(cursor) = part.next_cursor else { break };
        page.after = Some(cursor.parse().unwrap());
    }
    orders.sort_by_key(|order| std::cmp::Reverse((order.created_at, order.id)));
    assert_eq!(seen, orders);
    let symbol = Some("ETH-USD".to_owned());
    let filter = OrderFilter { symbol, account: Some(stream.account), ..OrderFilter::default() };
    assert_eq!(store.orders(tenant, filter, Page::default()).await.unwrap().items.len(), 3);
    let filter = OrderFilter { status: Some(OrderStatus::Filled), ..OrderFilter::default() };
    assert!(store.orders(tenant, filter, Page::default()).await.unwrap().items.is_empty());
    let to = Some(Time(NOON + 1));
    let filter = OrderFilter { to, ..OrderFilter::default() };
    assert_eq!(store.orders(tenant, filter, Page::default()).await.unwrap().items.len(), 2);
    let filter = ExecutionFilter { order: Some(orders[0].id), ..ExecutionFilter::default() };
    assert!(store.executions(tenant, filter, Page::default()).await.unwrap().items.is_empty());
}

async fn days_and_equity_are_exact(world: World) {
    let store = &world.store;
    let stream = stream(TenantId::new());
    let point = |at: i64, equity: &str| EquityPoint {
        at: Time(at),
        equity: amount(equity),
        cash: amount(equity),
        realized_pnl: amount("0"),
        unrealized_pnl: amount("0"),
        fees: amount("0.1"),
    };
    let hour = 3_600_000_000_000;
    let points = [
        point(NOON, "100000"),
        point(NOON + hour, "99999.999999999"),
        point(NOON + 2 * hour, "100000.000000001"),
        // The next day, in two batches.
        point(NOON + 13 * hour, "9.5"),
        point(NOON + 14 * hour, "100"),
    ];
    let told = |n: usize| Projected {
        seq: n as u64 + 1,
        at: points[n].at,
        record: Record::Equity(points[n]),
    };
    store.project(stream, vec![told(0), told(1), told(2), told(3)]).await.unwrap();
    store.project(stream, vec![told(3), told(4)]).await.unwrap();
    let (tenant, account) = (stream.tenant, stream.account);
    let all = store.equity(tenant, account, Time(0), Time(i64::MAX), 100).await.unwrap();
    assert_eq!(all, points);
    let two = store.equity(tenant, account, Time(0), Time(i64::MAX), 2).await.unwrap();
    assert!(two.len() <= 2 && two.last() == Some(&points[4]), "{two:?}");
    let days = store.days(tenant, account, 10).await.unwrap();
    assert_eq!(days.len(), 2);
    assert_eq!(days[0].pnl, amount("0.000000001"));
    assert_eq!(days[0].low_equity, amount("99999.999999999"));
    // As texts, 9.5 would be higher than 100.
    assert_eq!((days[1].high_equity, days[1].low_equity), (amount("100"), amount("9.5")));
    assert_eq!(days[1].pnl, amount("-99900.000000001"));
    assert_eq!(store.days(tenant, account, 1).await.unwrap(), days[1..]);
    assert_eq!(days[0].date, "2026-11-22");
}

async fn bad_batches(world: World) {
    let stream = stream(TenantId::new());
    let order = order(OrderStatus::Open, NOON);
    let same = vec![told(2, &order), told(2, &order)];
    assert!(matches!(world.store.project(stream, same).await, Err(StoreError::Invalid { .. })));
    assert_eq!(world.store.project(stream, Vec::new()).await, Ok(0));
    assert_eq!(world.store.projected(stream).await, Ok(0));
}
