//! How fast the projection is. Not run by itself:
//! `cargo nextest run .. -E 'test(projection_speed)' --run-ignored all --no-capture`.

use std::time::Instant;

use qt_store::Orders;
use qt_trading::OrderStatus;
use qt_trading::ids::TenantId;

use crate::world::{NOON, World, execution, order, stream, told, told_execution};

/// Orders that are each told three times and executed once.
async fn measure(world: World) {
    let stream = stream(TenantId::new());
    let mut records = Vec::new();
    let orders = 20_000;
    let mut seq = 0;
    for n in 0..orders {
        let mut order = order(OrderStatus::Pending, NOON + n);
        for status in [OrderStatus::Pending, OrderStatus::Open] {
            order.status = status;
            seq += 1;
            records.push(told(seq, &order));
        }
        seq += 1;
        records.push(told_execution(seq, &execution(&order, NOON + n)));
        order.status = OrderStatus::Filled;
        seq += 1;
        records.push(told(seq, &order));
    }
    let began = Instant::now();
    for part in records.chunks(2_000) {
        world.store.project(stream, part.to_vec()).await.unwrap();
    }
    let seconds = began.elapsed().as_secs_f64();
    let rate = orders as f64 / seconds;
    eprintln!(
        "{}: {orders} orders with {} records, their events and audit rows in {seconds:.2} s: \
         {rate:.0} orders/s",
        world.store.kind(),
        records.len()
    );
}

#[tokio::test]
#[ignore = "it measures"]
async fn projection_speed_on_sqlite() {
    measure(World::sqlite().await).await;
}

#[tokio::test]
#[ignore = "it measures"]
async fn projection_speed_on_postgres() {
    if let Some(world) = World::postgres().await {
        measure(world).await;
    }
}
