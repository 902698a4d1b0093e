//! The kill switch and its two people.

use qt_store::audit::Audits;
use qt_store::events::Outbox;
use qt_store::{ArmProgress, ArmRule, ArmTerms, Kills};
use qt_trading::ids::TenantId;
use qt_trading::time::Time;
use qt_trading::{KillLevel, Switch};

use crate::on_both;
use crate::world::{NOON, World, actor};

on_both!(two_people_arm, one_operator_waits);

const SECOND: i64 = 1_000_000_000;

fn after(seconds: i64) -> Time {
    Time(NOON + seconds * SECOND)
}

/// The switch of account `a`, tripped and changed so many seconds after noon.
fn switch(is_killed: bool, tripped: i64, changed: i64, people: &[&str]) -> Switch {
    Switch {
        level: KillLevel::Account,
        subject: "a".to_owned(),
        is_killed,
        state: if is_killed { "HALTED" } else { "ACTIVE" }.to_owned(),
        tripped_at: after(tripped),
        reason: "too fast".to_owned(),
        people: people.iter().map(|&person| person.to_owned()).collect(),
        changed_at: after(changed),
    }
}

async fn two_people_arm(world: World) {
    let store = &world.store;
    let tenant = TenantId::new();
    let level = KillLevel::Account;
    let approve = |person: &'static str, at: i64, trip: i64| {
        let actor = actor(tenant, person, NOON + at * SECOND);
        let terms = ArmTerms { trip: after(trip), rule: ArmRule::TwoPeople };
        store.approve_arm(actor, level, "a".to_owned(), "ok".to_owned(), terms)
    };
    let keep = |switch: Switch| {
        let by = actor(tenant, &switch.people.join(" + "), switch.changed_at.0);
        store.keep_switch(by, switch)
    };
    assert_eq!(approve("ann", 0, 0).await, Ok(ArmProgress::NotKilled));
    assert!(keep(switch(true, 0, 0, &["ann"])).await.unwrap().is_killed);
    // The one who tripped may be one of them; repeated, it counts once.
    for at in 1..4 {
        let progress = approve("ann", at, 0).await.unwrap();
        let ArmProgress::Waiting { people, .. } = progress else { panic!("{progress:?}") };
        assert_eq!(people, ["ann"]);
    }
    // The same trip again is no other one: the approval stays.
    keep(switch(true, 0, 0, &["ann"])).await.unwrap();
    let ready = ArmProgress::Ready { people: vec!["ann".to_owned(), "ben".to_owned()] };
    assert_eq!(approve("ben", 4, 0).await.unwrap(), ready);
    // Tripped again before they could be used, they are for the trip of before and no other.
    keep(switch(true, 5, 5, &["eve"])).await.unwrap();
    assert_eq!(approve("ben", 6, 0).await, Ok(ArmProgress::NotKilled));
    assert!(matches!(approve("ann", 6, 5).await, Ok(ArmProgress::Waiting { .. })));
    // After 15 minutes the first approval counts no more.
    let progress = approve("ben", 907, 5).await.unwrap();
    let ArmProgress::Waiting { people, .. } = progress else { panic!("{progress:?}") };
    assert_eq!(people, ["ben"]);
    let ready = ArmProgress::Ready { people: vec!["ben".to_owned(), "ann".to_owned()] };
    assert_eq!(approve("ann", 908, 5).await.unwrap(), ready);
    assert!(!keep(switch(false, 5, 909, &["ben", "ann"])).await.unwrap().is_killed);
    // What comes late changes nothing, and the approvals are used up.
    assert!(!keep(switch(true, 5, 5, &["eve"])).await.unwrap().is_killed);
    assert_eq!(approve("ann", 910, 5).await, Ok(ArmProgress::NotKilled));
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
    let of_tenant = |switch: Switch| Switch { level, subject: subject.clone(), ..switch };
    let by = actor(tenant, "owner", NOON);
    store.keep_switch(by, of_tenant(switch(true, 0, 0, &["owner"]))).await.unwrap();
    let approve = |at: i64| {
        let actor = actor(tenant, "owner", NOON + at * SECOND);
        let terms = ArmTerms { trip: after(0), rule: ArmRule::SingleOperator };
        store.approve_arm(actor, level, subject.clone(), "ok".to_owned(), terms)
    };
    for at in [1, 5, 10] {
        let progress = approve(at).await.unwrap();
        assert!(matches!(progress, ArmProgress::Waiting { .. }), "{at}: {progress:?}");
    }
    assert!(matches!(approve(11).await, Ok(ArmProgress::Ready { .. })));
    let by = actor(tenant, "owner", NOON + 12 * SECOND);
    let row = store.keep_switch(by, of_tenant(switch(false, 0, 12, &["owner", "owner"]))).await;
    assert!(!row.unwrap().is_killed);
    let audit = store.audit_chain(tenant, 0, 100).await.unwrap();
    assert_eq!(audit.last().unwrap().action, "risk.armed_by_single_operator");
}
