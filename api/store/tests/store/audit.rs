//! The audit: five ways to tamper with it, all found.

use std::time::Duration;

use qt_store::audit::{AuditEntry, AuditFilter, Audits, HeadKeeper, Heads, Verified, verify};
use qt_store::{Actor, Page, Store};
use qt_trading::ids::TenantId;
use serde_json::json;

use crate::on_both;
use crate::world::World;

on_both!(
    an_audit_is_verified,
    a_change_is_found,
    a_deletion_is_found,
    an_insertion_is_found,
    a_new_order_is_found,
    a_cut_is_found,
    a_cut_is_not_signed_over,
    many_at_a_time_make_one_chain,
    an_audit_that_grows_is_verified,
    the_database_refuses_changes,
);

const ROWS: u64 = 20;

struct Kept {
    world: World,
    tenant: TenantId,
    keeper: HeadKeeper,
}

async fn write(store: &Store, tenant: TenantId, count: u64) {
    for n in 0..count {
        let actor = Actor::new(tenant, "ann", "r");
        let entry = AuditEntry::new(&actor, "login", format!("n:{n}"), &json!({"n": n}));
        store.audit(tenant, entry.clone()).await.unwrap();
        // Told twice, written once.
        store.audit(tenant, entry).await.unwrap();
    }
}

async fn kept(world: World) -> Kept {
    let tenant = TenantId::new();
    let keeper = HeadKeeper::open(world.folder.path()).unwrap();
    write(&world.store, tenant, ROWS).await;
    keeper.sign_grown(&world.store).await.unwrap();
    Kept { world, tenant, keeper }
}

impl Kept {
    async fn verify(&self) -> Verified {
        let heads = Heads::open(self.world.folder.path()).unwrap();
        let mut all = verify(&self.world.store, &heads, None).await.unwrap();
        all.retain(|one| one.tenant_id == self.tenant);
        all.remove(0)
    }

    /// Does to the audit what its triggers forbid.
    async fn tamper(&self, sql: &str) {
        let (off, on) = if self.world.is_postgres() {
            let table = "ALTER TABLE audit_entries";
            (format!("{table} DISABLE TRIGGER ALL"), format!("{table} ENABLE TRIGGER ALL"))
        } else {
            let drop = "DROP TRIGGER IF EXISTS audit_entries_no_";
            (format!("{drop}update; {drop}delete"), "SELECT 1".to_owned())
        };
        self.world.as_owner(&format!("{off}; {sql}; {on}")).await;
    }

    async fn found(&self) -> (u64, String) {
        let verified = self.verify().await;
        let finding = verified.finding.expect("it is found");
        (finding.seq, finding.what)
    }
}

async fn an_audit_is_verified(world: World) {
    let kept = kept(world).await;
    let verified = kept.verify().await;
    assert_eq!((verified.rows, verified.signed_through), (ROWS, Some(ROWS)));
    assert_eq!(verified.finding, None);
    // Rows after the head are in the chain, only not vouched for yet.
    write(&kept.world.store, kept.tenant, 3).await;
    let verified = kept.verify().await;
    assert_eq!((verified.rows, verified.signed_through), (ROWS + 3, Some(ROWS)));
    assert_eq!(verified.finding, None);
    kept.keeper.sign_grown(&kept.world.store).await.unwrap();
    assert_eq!(kept.verify().await.signed_through, Some(ROWS + 3));
}

async fn a_change_is_found(world: World) {
    let kept = kept(world).await;
    kept.tamper("UPDATE audit_entries SET person = 'eve' WHERE seq = 7").await;
    assert_eq!(kept.found().await, (7, "it was changed after it was written".to_owned()));
}

async fn a_deletion_is_found(world: World) {
    let kept = kept(world).await;
    kept.tamper("DELETE FROM audit_entries WHERE seq = 7").await;
    assert_eq!(kept.found().await, (7, "the row is missing".to_owned()));
}

async fn an_insertion_is_found(world: World) {
    let kept = kept(world).await;
    let cast = if kept.world.is_postgres() { "::uuid" } else { "" };
    let new = format!("'{}'{cast}", qt_trading::ids::EventId::new());
    // Room is made at 7, and the row of 6 is told again there.
    kept.tamper(&format!(
        "UPDATE audit_entries SET seq = seq + 1000 WHERE seq >= 7; \
         INSERT INTO audit_entries SELECT tenant_id, 7, {new}, at_ns, 'eve', action, subject, \
         request_id, detail, hash, hash FROM audit_entries WHERE seq = 6; \
         UPDATE audit_entries SET seq = seq - 999 WHERE seq >= 1000"
    ))
    .await;
    assert_eq!(kept.found().await, (7, "it was changed after it was written".to_owned()));
}

async fn a_new_order_is_found(world: World) {
    let kept = kept(world).await;
    kept.tamper(
        "UPDATE audit_entries SET seq = 1000 WHERE seq = 7; \
         UPDATE audit_entries SET seq = 7 WHERE seq = 8; \
         UPDATE audit_entries SET seq = 8 WHERE seq = 1000",
    )
    .await;
    assert_eq!(kept.found().await, (7, "it does not follow from the row before".to_owned()));
}

async fn a_cut_is_found(world: World) {
    let kept = kept(world).await;
    // Careful work: the database's own count is put back as well.
    kept.tamper(
        "UPDATE tenant_heads SET audit_seq = 15, \
         audit_hash = (SELECT hash FROM audit_entries WHERE seq = 15); \
         DELETE FROM audit_entries WHERE seq > 15",
    )
    .await;
    let what = "the end was cut off: the signed head is further".to_owned();
    assert_eq!(kept.found().await, (16, what));
    kept.tamper("DELETE FROM audit_entries; DELETE FROM tenant_heads; DELETE FROM tenants").await;
    assert_eq!(kept.found().await.0, 1);
}

async fn a_cut_is_not_signed_over(world: World) {
    let kept = kept(world).await;
    kept.tamper(
        "UPDATE tenant_heads SET audit_seq = 15, \
         audit_hash = (SELECT hash FROM audit_entries WHERE seq = 15); \
         DELETE FROM audit_entries WHERE seq > 15",
    )
    .await;
    // The service goes on, past the place of the head.
    write(&kept.world.store, kept.tenant, 10).await;
    assert!(kept.keeper.sign_grown(&kept.world.store).await.is_err());
    let (seq, what) = kept.found().await;
    assert_eq!((seq, what.as_str()), (ROWS, "the signed head knows another row here"));
}

async fn many_at_a_time_make_one_chain(world: World) {
    let tenant = TenantId::new();
    let other = world.again().await;
    let mut tasks = Vec::new();
    for n in 0..8 {
        let store = if n % 2 == 0 { world.store.clone() } else { other.clone() };
        tasks.push(tokio::spawn(async move { write(&store, tenant, 10).await }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let keeper = HeadKeeper::open(world.folder.path()).unwrap();
    keeper.sign_all(&world.store).await.unwrap();
    let heads = Heads::open(world.folder.path()).unwrap();
    let verified = verify(&world.store, &heads, Some(tenant)).await.unwrap().remove(0);
    assert_eq!((verified.rows, verified.finding), (80, None));
    // The task that signs is started by the service.
    let running = tokio::spawn(
        std::sync::Arc::new(keeper).run(world.store.clone(), Duration::from_millis(10)),
    );
    write(&world.store, tenant, 1).await;
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        if heads.head(tenant).unwrap().is_some_and(|head| head.seq == 81) {
            running.abort();
            return;
        }
    }
    panic!("the head was not signed");
}

/// Nobody tampers, and nothing is found, at whichever moment it is looked.
async fn an_audit_that_grows_is_verified(world: World) {
    let tenant = TenantId::new();
    let keeper = std::sync::Arc::new(HeadKeeper::open(world.folder.path()).unwrap());
    let signing = keeper.run(world.store.clone(), Duration::from_millis(300));
    let signing = tokio::spawn(signing);
    let store = world.store.clone();
    let writing = tokio::spawn(async move { write(&store, tenant, 400).await });
    let heads = Heads::open(world.folder.path()).unwrap();
    let mut looks = 0;
    while !writing.is_finished() {
        let verified = verify(&world.store, &heads, Some(tenant)).await.unwrap().remove(0);
        assert_eq!(verified.finding, None, "{} rows, look {looks}", verified.rows);
        looks += 1;
    }
    writing.await.unwrap();
    assert!(looks > 20, "{looks}");
    signing.abort();
    // A row that nobody has counted is found all the same.
    let keeper = HeadKeeper::open(world.folder.path()).unwrap();
    let kept = Kept { world, tenant, keeper };
    kept.keeper.sign_all(&kept.world.store).await.unwrap();
    kept.tamper(
        "UPDATE tenant_heads SET audit_seq = 399, audit_hash = \
                 (SELECT hash FROM audit_entries WHERE seq = 399)",
    )
    .await;
    let (seq, what) = kept.found().await;
    let wanted = "the row was put in: the database has not counted so far";
    assert_eq!((seq, what.as_str()), (400, wanted));
}

async fn the_database_refuses_changes(world: World) {
    let kept = kept(world).await;
    for sql in ["UPDATE audit_entries SET person = 'eve'", "DELETE FROM audit_entries"] {
        let world = &kept.world;
        let done = match world.url() {
            Some(url) => {
                use sqlx::Connection;
                let mut owner = sqlx::PgConnection::connect(&url).await.unwrap();
                let sql = format!("SET search_path TO quanttrade; {sql}");
                sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut owner).await.is_ok()
            }
            None => {
                use sqlx::Connection;
                let path = world.folder.path().join("quanttrade.sqlite");
                let url = format!("sqlite://{}", path.display());
                let mut owner = sqlx::SqliteConnection::connect(&url).await.unwrap();
                sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut owner).await.is_ok()
            }
        };
        assert!(!done, "{sql}");
    }
    let rows = kept.world.store.audit_rows(kept.tenant, AuditFilter::default(), Page::default());
    assert_eq!(rows.await.unwrap().items.len() as u64, ROWS);
}
