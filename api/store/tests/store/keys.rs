//! Idempotency keys.

use qt_store::{Answer, Begun, Idempotency, StoreError};
use qt_trading::ids::TenantId;
use uuid::Uuid;

use crate::on_both;
use crate::world::World;

on_both!(a_key_is_done_once, of_many_at_a_time_one_is_new);

async fn a_key_is_done_once(world: World) {
    let store = &world.store;
    let tenant = TenantId::new();
    let begin = |key: &str, hash: u8, resource: u128| {
        let (scope, key) = ("POST /trades ann".to_owned(), key.to_owned());
        store.begin_request(tenant, scope, key, [hash; 32], Uuid::from_u128(resource))
    };
    let scope = || "POST /trades ann".to_owned();
    assert_eq!(begin("k", 1, 7).await, Ok(Begun::New));
    assert_eq!(begin("k", 1, 8).await, Ok(Begun::Running));
    assert_eq!(begin("k", 2, 8).await, Ok(Begun::OtherBody));
    let answer = Answer { status: 201, body: "{\"id\":7}".to_owned() };
    store.finish_request(tenant, scope(), "k".to_owned(), answer.clone()).await.unwrap();
    assert_eq!(begin("k", 1, 8).await, Ok(Begun::Done(answer)));
    assert_eq!(begin("k", 2, 8).await, Ok(Begun::OtherBody));
    // Answered keys stay; one without an answer is taken up again, under its first name.
    store.lose_request(tenant, scope(), "k".to_owned()).await.unwrap();
    assert_eq!(begin("k", 2, 8).await, Ok(Begun::OtherBody));
    assert_eq!(begin("l", 2, 10).await, Ok(Begun::New));
    store.lose_request(tenant, scope(), "l".to_owned()).await.unwrap();
    assert_eq!(begin("l", 1, 9).await, Ok(Begun::OtherBody));
    assert_eq!(begin("l", 2, 9).await, Ok(Begun::Lost(Uuid::from_u128(10))));
    assert_eq!(begin("l", 2, 9).await, Ok(Begun::Running));
    // A request without an answer for too long was lost: it is done again under its first name.
    world.as_owner("UPDATE idempotency_keys SET begun_ns = begun_ns - 31000000000").await;
    assert_eq!(begin("l", 2, 11).await, Ok(Begun::Lost(Uuid::from_u128(10))));
    assert_eq!(begin("l", 2, 12).await, Ok(Begun::Running));
    // Another tenant has its own keys.
    let other = TenantId::new();
    let foreign = store.begin_request(other, scope(), "k".to_owned(), [9; 32], Uuid::nil());
    assert_eq!(foreign.await, Ok(Begun::New));
    world.as_owner("UPDATE idempotency_keys SET begun_ns = begun_ns - 90000000000000").await;
    assert_eq!(begin("k", 3, 13).await, Ok(Begun::New));
    assert_eq!(store.expire_requests(tenant).await, Ok(1));
    assert!(matches!(begin(&"x".repeat(256), 1, 1).await, Err(StoreError::Invalid { .. })));
}

async fn of_many_at_a_time_one_is_new(world: World) {
    let tenant = TenantId::new();
    let other = world.again().await;
    let mut tasks = Vec::new();
    for n in 0..16_u128 {
        let store = if n % 2 == 0 { world.store.clone() } else { other.clone() };
        tasks.push(tokio::spawn(async move {
            let (scope, key) = ("s".to_owned(), "k".to_owned());
            store.begin_request(tenant, scope, key, [1; 32], Uuid::from_u128(n)).await.unwrap()
        }));
    }
    let mut new = 0;
    for task in tasks {
        match task.await.unwrap() {
            Begun::New => new += 1,
            other => assert_eq!(other, Begun::Running),
        }
    }
    assert_eq!(new, 1);
}
