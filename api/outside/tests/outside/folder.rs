//! A store of one test's own, and something that happens in it.

use qt_store::{Actor, Kills, Store, StoreSettings};
use qt_trading::ids::TenantId;
use qt_trading::time::Time;
use qt_trading::{KillLevel, Switch};
use tempfile::TempDir;

pub async fn store() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (open(&folder).await, folder)
}

pub async fn open(folder: &TempDir) -> Store {
    let settings = StoreSettings::new(None, None, folder.path()).unwrap();
    Store::open(&settings).await.unwrap()
}

/// A kill switch called `subject` is tripped: one event, `KillSwitchChanged`.
pub async fn happen(store: &Store, tenant: TenantId, subject: &str) {
    let now = Time::now();
    let switch = Switch {
        level: KillLevel::Venue,
        subject: subject.to_owned(),
        is_killed: true,
        state: "HALTED".to_owned(),
        tripped_at: now,
        reason: "a test".to_owned(),
        people: vec!["ann".to_owned()],
        changed_at: now,
    };
    store.keep_switch(Actor::new(tenant, "ann", "r"), switch).await.unwrap();
}
