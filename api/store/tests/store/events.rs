//! Events on their way out, while Redis and the publisher are killed.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use qt_store::domain::Envelope;
use qt_store::events::{Bus, Outbox, Publisher, RedisStreams, Sink, StreamSettings};
use qt_store::{Orders, Store};
use qt_trading::ids::TenantId;
use qt_trading::secret::Secret;
use qt_trading::{Doing, OrderStatus};

use crate::on_both;
use crate::redis_server::RedisServer;
use crate::world::{NOON, World, order, stream, told};

on_both!(
    events_come_in_order_although_all_is_killed,
    the_bus_serves_without_redis,
    who_does_not_read_is_dropped,
    a_failing_sink_gets_all_of_it_again,
);

/// Orders of a tenant, told in batches; the client's name of each is its number.
async fn tell(store: &Store, tenant: TenantId, from: u64, count: u64) {
    let stream = stream(tenant);
    let numbers: Vec<u64> = (from..from + count).collect();
    for part in numbers.chunks(20) {
        let records = part.iter().map(|n| {
            let mut order = order(OrderStatus::Open, NOON);
            order.client_order_id = Some(n.to_string());
            told(*n, &order)
        });
        store.project(stream, records.collect()).await.unwrap();
    }
}

fn number(data: &str) -> u64 {
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    data["client_order_id"].as_str().unwrap().parse().unwrap()
}

async fn events_come_in_order_although_all_is_killed(world: World) {
    let Some(mut redis) = RedisServer::start().await else { return };
    let tenants = [TenantId::new(), TenantId::new()];
    let publisher = || {
        let mut settings = StreamSettings::new(Secret::new(redis.url()));
        settings.prefix = "test:events:".to_owned();
        let sink: Arc<dyn Sink> = Arc::new(RedisStreams::new(settings));
        tokio::spawn(Publisher::new(world.store.clone(), vec![sink]).run())
    };
    let mut running = publisher();
    let mut next = 1;
    for round in 0..6 {
        for tenant in tenants {
            tell(&world.store, tenant, next, 100).await;
        }
        next += 100;
        match round {
            1 => redis.kill(),
            2 => redis.restart().await,
            // Somewhere between Redis and the mark in the outbox.
            3 => {
                tokio::time::sleep(Duration::from_millis(7)).await;
                running.abort();
                running = publisher_again(&world, &redis);
            }
            4 => {
                redis.kill();
                running.abort();
                tokio::time::sleep(Duration::from_millis(30)).await;
                redis.restart().await;
                running = publisher_again(&world, &redis);
            }
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    for _ in 0..1_500 {
        if world.store.tenants_with_events().await.unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.abort();
    let entries = redis.entries("test:events:OrderStateChanged").await;
    for tenant in tenants {
        let mut seen = HashSet::new();
        let firsts = entries.iter().filter(|entry| {
            entry["tenant_id"] == tenant.to_string() && seen.insert(entry["event_id"].clone())
        });
        let numbers: Vec<u64> = firsts.map(|entry| number(&entry["data"])).collect();
        // Nothing lost, and what is seen for the first time comes in order.
        assert_eq!(numbers, (1..next).collect::<Vec<u64>>());
    }
    let fields = &entries[0];
    assert_eq!(fields.len(), 10);
    assert_eq!(fields["event_version"], "1");
    assert!(fields["correlation_id"].starts_with("session:"));
}

fn publisher_again(world: &World, redis: &RedisServer) -> tokio::task::JoinHandle<()> {
    let mut settings = StreamSettings::new(Secret::new(redis.url()));
    settings.prefix = "test:events:".to_owned();
    let sink: Arc<dyn Sink> = Arc::new(RedisStreams::new(settings));
    tokio::spawn(Publisher::new(world.store.clone(), vec![sink]).run())
}

async fn the_bus_serves_without_redis(world: World) {
    let bus = Bus::default();
    let mut all = bus.subscribe(&[], 1_000);
    let mut none = bus.subscribe(&["TradeExecuted"], 1_000);
    let publisher = Publisher::new(world.store.clone(), vec![Arc::new(bus.clone())]);
    let state = publisher.state();
    let running = tokio::spawn(publisher.run());
    let tenant = TenantId::new();
    tell(&world.store, tenant, 1, 50).await;
    for n in 1..=50 {
        let event = tokio::time::timeout(Duration::from_secs(10), all.next()).await;
        assert_eq!(number(&event.unwrap().unwrap().data), n);
    }
    let nothing = tokio::time::timeout(Duration::from_millis(50), none.next()).await;
    assert!(nothing.is_err());
    running.abort();
    assert!(state.borrow().published >= 20 && state.borrow().error.is_none());
    // Events stay in the outbox for readers that keep their own place.
    assert_eq!(world.store.events_after(tenant, 45, 100).await.unwrap().len(), 5);
}

/// However many events come, a subscriber that does not read keeps the others waiting once.
async fn who_does_not_read_is_dropped(world: World) {
    let bus = Bus::default();
    let mut asleep = bus.subscribe(&[], 1);
    let mut awake = bus.subscribe(&[], 1_000);
    let publisher = Publisher::new(world.store.clone(), vec![Arc::new(bus)]);
    tell(&world.store, TenantId::new(), 1, 20).await;
    let began = std::time::Instant::now();
    assert_eq!(publisher.publish_waiting().await, Ok(20));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    for n in 1..=20 {
        assert_eq!(number(&awake.next().await.unwrap().data), n);
    }
    assert_eq!(number(&asleep.next().await.unwrap().data), 1);
    assert!(asleep.next().await.is_none(), "its subscription has ended");
    tell(&world.store, TenantId::new(), 1, 1).await;
    let began = std::time::Instant::now();
    assert_eq!(publisher.publish_waiting().await, Ok(1));
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

/// Fails at every other batch, after having taken it.
struct Flaky {
    bus: Bus,
    count: std::sync::atomic::AtomicU64,
}

impl Sink for Flaky {
    fn publish<'a>(&'a self, batch: &'a [Envelope]) -> Doing<'a, Result<(), String>> {
        Box::pin(async move {
            self.bus.publish(batch).await?;
            let count = self.count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if count.is_multiple_of(2) { Err("not now".to_owned()) } else { Ok(()) }
        })
    }
}

async fn a_failing_sink_gets_all_of_it_again(world: World) {
    let bus = Bus::default();
    let mut events = bus.subscribe(&[], 1_000);
    let flaky = Flaky { bus, count: 0.into() };
    let publisher = Publisher::new(world.store.clone(), vec![Arc::new(flaky)]);
    tell(&world.store, TenantId::new(), 1, 20).await;
    assert_eq!(publisher.publish_waiting().await, Err("not now".to_owned()));
    assert_eq!(publisher.publish_waiting().await, Ok(20));
    assert_eq!(publisher.publish_waiting().await, Ok(0));
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(events.next().await.unwrap().event_id);
    }
    assert_eq!(ids[..20], ids[20..], "the same events under the same identifiers");
}
