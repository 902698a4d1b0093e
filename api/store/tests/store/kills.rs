//! The kill switch and its two people.

use qt_store::events::Outbox;
use qt_store::{ArmProgress, ArmRule, Kills, StoreError};
use qt_trading::KillLevel;
use qt_trading::ids::TenantId;

use crate::on_both;
use crate::world::{NOON, World, actor};

on_both!(two_people_arm, one_operator_waits);

const SECOND: i64 = 1_000_000_000;

async fn two_people_arm(world: World) {
    let store = &world.store;
    let tenant = TenantId::new();
    let level = KillLevel::Account;
    let approve = |person: &'static str, at: i64| {
        let actor = actor(tenant, person, NOON + at * SECOND);
        store.approve_arm(actor, level, "a".to_owned(), "ok".to_owned(), ArmRule::TwoPeople)
    };
    let arm = |at: i64| {
        let actor = actor(tenant, "ann", NOON + at * SECOND);
        store.armed(actor, level, "a".to_owned(), ArmRule::TwoPeople)
    };
    assert_eq!(approve("ann", 0).await, Ok(ArmProgress::NotKilled));
    let by = actor(tenant, "ann", NOON);
    let row = store.tripped(by, level, "a".to_owned(), "too fast".to_owned()).await.unwrap();
    assert!(row.is_killed);
    // The one who tripped may be one of them; repeated, it counts once.
    for at in 1..4 {
        let progress = approve("ann", at).await.unwrap();
        let ArmProgress::Waiting { people, .. } = progress else { panic!("{progress:?}") };
        assert_eq!(people, ["ann"]);
    }
    assert!(matches!(arm(4).await, Err(StoreError::Conflict(_))));
    // After 15 minutes the first approval counts no more.
    let progress = approve("ben", 902).await.unwrap();
    let ArmProgress::Waiting { people, .. } = progress else { panic!("{progress:?}") };
    assert_eq!(people, ["ben"]);
    // Tripped again, approvals of before count no more either.
    let by = actor(tenant, "eve", NOON + 903 * SECOND);
    store.tripped(by, level, "a".to_owned(), "again".to_owned()).await.unwrap();
    assert!(matches!(approve("ann", 904).await, Ok(ArmProgress::Waiting { .. })));
    let ready = ArmProgress::Ready { people: vec!["ann".to_owned(), "ben".to_owned()] };
    assert_eq!(approve("ben", 905).await.unwrap(), ready);
    assert!(!arm(906).await.unwrap().is_killed);
    assert!(matches!(arm(907).await, Err(StoreError::Conflict(_))));
    assert!(store.kills(tenant).await.unwrap().iter().all(|row| !row.is_killed));
    let events = store.events_after(tenant, 0, 100).await.unwrap();
    let killed: Vec<bool> = events
        .iter()
        .map(|row| serde_json::from_str::<serde_json::Value>(&row.envelope.data).unwrap())
        .map(|data| data["is_killed"].as_bool().unwrap())
        .collect();
    assert_eq!(killed, [true, true, false]);
}

async fn one_operator_waits(world: World) {
    let store = &world.store;
    let tenant = TenantId::new();
    let level = KillLevel::Tenant;
    let subject = tenant.to_string();
    let by = actor(tenant, "owner", NOON);
    store.tripped(by, level, subject.clone(), "a test".to_owned()).await.unwrap();
    let approve = |at: i64| {
        let actor = actor(tenant, "owner", NOON + at * SECOND);
        let rule = ArmRule::SingleOperator;
        store.approve_arm(actor, level, subject.clone(), "ok".to_owned(), rule)
    };
    for at in [1, 5, 10] {
        let progress = approve(at).await.unwrap();
        assert!(matches!(progress, ArmProgress::Waiting { .. }), "{at}: {progress:?}");
    }
    assert!(matches!(approve(11).await, Ok(ArmProgress::Ready { .. })));
    let by = actor(tenant, "owner", NOON + 12 * SECOND);
    let two = store.armed(by.clone(), level, subject.clone(), ArmRule::TwoPeople).await;
    assert!(matches!(two, Err(StoreError::Conflict(_))));
    let row = store.armed(by, level, subject.clone(), ArmRule::SingleOperator).await.unwrap();
    assert!(!row.is_killed);
}
