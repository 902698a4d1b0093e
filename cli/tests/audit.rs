//! `quanttrade audit verify` on the database of a service.

mod common;

use common::Sandbox;
use qt_store::audit::{AuditEntry, Audits, HeadKeeper};
use qt_store::{Actor, Store, StoreSettings};
use qt_trading::ids::TenantId;
use serde_json::json;

/// Five rows of one tenant, signed.
fn written(sandbox: &Sandbox) -> TenantId {
    let folder = sandbox.path().join("data");
    std::fs::create_dir_all(&folder).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let settings = StoreSettings::new(None, None, &folder).unwrap();
        let store = Store::open(&settings).await.unwrap();
        let tenant = TenantId::new();
        for n in 0..5 {
            let actor = Actor::new(tenant, "ann", "r");
            let entry = AuditEntry::new(&actor, "login", "session", &json!({"n": n}));
            store.audit(tenant, entry).await.unwrap();
        }
        HeadKeeper::open(&folder).unwrap().sign_grown(&store).await.unwrap();
        store.close().await;
        tenant
    })
}

#[test]
fn an_audit_is_verified_and_a_changed_row_is_named() {
    let sandbox = Sandbox::new();
    let without = sandbox.run(&["audit", "verify"]);
    assert_eq!(without.code, 3, "{}", without.err);
    let tenant = written(&sandbox);
    let good = sandbox.json(&["audit", "verify"]);
    assert_eq!(good["is_good"], true);
    assert_eq!(good["audits"][0]["rows"], 5);
    assert_eq!(good["audits"][0]["signed_through"], 5);
    let words = ["audit", "verify", "--tenant", &tenant.to_string()];
    let text = sandbox.run(&words);
    assert_eq!(text.code, 0, "{}", text.err);
    assert!(text.out.contains("as it was written"), "{}", text.out);

    let file = sandbox.path().join("data/quanttrade.sqlite");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        use sqlx::Connection;
        let url = format!("sqlite://{}", file.display());
        let mut owner = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let sql = "DROP TRIGGER audit_entries_no_update; \
                   UPDATE audit_entries SET person = 'eve' WHERE seq = 3";
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut owner).await.unwrap();
        owner.close().await.unwrap();
    });
    let bad = sandbox.run(&["audit", "verify", "--json"]);
    assert_eq!(bad.code, 1, "{}", bad.err);
    assert_eq!(bad.document()["audits"][0]["finding"]["seq"], 3);
    let bad = sandbox.run(&["audit", "verify"]);
    assert!(bad.out.contains("row 3: it was changed after it was written"), "{}", bad.out);
}
