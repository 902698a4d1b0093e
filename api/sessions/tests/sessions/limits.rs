//! Limits that change while a session runs.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use qt_journal::{Control, Durable, Fingerprint, Journal, Options, Record, Stamp};
use qt_trading::ids::{OrderUid, TenantId};
use qt_trading::{Desk, LimitValue, Refusal, Side, Trading};

use crate::common::{amount, hub, market, over, ready, sessions};

fn limit(name: &str, level: &str, symbol: Option<&str>, value: &str) -> LimitValue {
    LimitValue {
        name: name.to_owned(),
        level: level.to_owned(),
        symbol: symbol.map(str::to_owned),
        value: amount(value),
        unit: String::new(),
    }
}

fn value(desk: &Arc<dyn Desk>, name: &str, level: &str, symbol: Option<&str>) -> String {
    let now = desk.limits();
    let is_it =
        |it: &&LimitValue| it.name == name && it.level == level && it.symbol.as_deref() == symbol;
    now.limits.iter().find(is_it).unwrap().value.to_string()
}

async fn buys(desk: &Arc<dyn Desk>, quantity: &str) -> Result<(), Refusal> {
    let id = OrderUid::new();
    desk.place(id, market("AAPL", Side::Buy, quantity), "u".into()).await?;
    over(desk, id).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tighter_and_looser_ones_hold_at_once_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, tenant) = (hub(), TenantId::new());
    let apple = |value: &str| vec![limit("order_qty", "instrument", Some("AAPL"), value)];
    {
        let all = sessions(folder.path(), &hub);
        let desk = all.desk(tenant).await.unwrap();
        ready(&desk).await;
        assert_eq!(desk.limits().version, 1);
        assert!(desk.limits().limits.len() > 100, "all levels, all instruments");
        assert_eq!(value(&desk, "order_qty", "instrument", Some("AAPL")), "1000000");
        buys(&desk, "6").await.unwrap();
        let now = desk.set_limits(1, apple("5"), vec!["ann".into()]).await.unwrap();
        assert_eq!((now.version, now.people.as_slice()), (2, &["ann".to_owned()][..]));
        assert_eq!(value(&desk, "order_qty", "instrument", Some("AAPL")), "5");
        let Err(Refusal::Risk(refused)) = buys(&desk, "6").await else { panic!("it passes") };
        assert_eq!((refused.control.as_str(), refused.config_version), ("MAX_ORDER_QTY", 2));
        assert_eq!((refused.limit, refused.observed), (Some(amount("5")), Some(amount("6"))));
        let base = desk.set_limits(1, apple("4"), vec!["ann".into()]).await;
        assert!(matches!(base, Err(Refusal::Conflict(_))), "{base:?}");
        let two = vec!["ann".to_owned(), "ben".to_owned()];
        let all_levels = ["strategy", "account", "tenant", "global"];
        let mut wide = apple("7");
        wide.extend(all_levels.map(|level| limit("open_orders", level, None, "450")));
        let now = desk.set_limits(2, wide, two.clone()).await.unwrap();
        assert_eq!((now.version, &now.people), (3, &two));
        buys(&desk, "6").await.unwrap();
        assert!(buys(&desk, "8").await.is_err());
        all.stop().await;
    }
    let all = sessions(folder.path(), &hub);
    let desk = all.desk(tenant).await.unwrap();
    ready(&desk).await;
    let now = desk.limits();
    assert_eq!((now.version, now.people.len()), (3, 2));
    assert_eq!(value(&desk, "order_qty", "instrument", Some("AAPL")), "7");
    assert_eq!(value(&desk, "open_orders", "strategy", None), "450");
    buys(&desk, "7").await.unwrap();
    let Err(Refusal::Risk(refused)) = buys(&desk, "8").await else { panic!("it passes") };
    assert_eq!((refused.config_version, refused.limit), (3, Some(amount("7"))));
    all.stop().await;
}

/// Writes `note` behind all that a session has written.
fn note_behind(journal: &Path, note: &serde_json::Value) {
    let header = fs::read(journal.join("segment-00000001.log")).unwrap();
    let fingerprint = Fingerprint(header[40..72].try_into().unwrap());
    let options = Options {
        memory_bytes: 256 << 10,
        segment_bytes: 8 << 20,
        reserve_bytes: 32 << 10,
        ..Options::new(fingerprint, Durable::Memory)
    };
    let mut stamp = None;
    let opened = Journal::open_with(journal, &options, |entry| {
        if let Record::Event(event) = entry.record {
            stamp = Some(Stamp { seq: event.seq, at_ns: event.recv_ns });
        }
    });
    let ((mut journal, _), stamp) = (opened.unwrap(), stamp.unwrap());
    let bytes = serde_json::to_vec(note).unwrap();
    journal.append(&Record::Control(Control { stamp, kind: 0x5354, bytes })).unwrap();
    journal.close(stamp).unwrap();
}

/// The process ended after it had noted which limits are wanted, and before they were events.
#[tokio::test(flavor = "multi_thread")]
async fn limits_that_were_noted_are_in_force_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, tenant) = (hub(), TenantId::new());
    let account = {
        let all = sessions(folder.path(), &hub);
        let desk = all.desk(tenant).await.unwrap();
        ready(&desk).await;
        buys(&desk, "6").await.unwrap();
        all.stop().await;
        desk.account()
    };
    let folder_of = folder.path().join(tenant.to_string()).join(account.to_string());
    let changes = [limit("order_qty", "instrument", Some("AAPL"), "5")];
    let note = serde_json::json!({"kind": "limits", "version": 2, "people": ["ann"],
        "at": "2026-11-22T05:00:00.000000000Z", "changes": changes});
    note_behind(&folder_of.join("journal.qtj"), &note);
    for _ in 0..2 {
        let all = sessions(folder.path(), &hub);
        let desk = all.desk(tenant).await.unwrap();
        ready(&desk).await;
        assert_eq!(desk.limits().version, 2);
        assert_eq!(value(&desk, "order_qty", "instrument", Some("AAPL")), "5");
        let Err(Refusal::Risk(refused)) = buys(&desk, "6").await else { panic!("it passes") };
        assert_eq!((refused.config_version, refused.limit), (2, Some(amount("5"))));
        all.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_told_and_nothing_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub();
    let all = sessions(folder.path(), &hub);
    let desk = all.desk(TenantId::new()).await.unwrap();
    ready(&desk).await;
    let before = desk.limits();
    for wrong in [
        limit("no_such", "account", None, "1"),
        limit("order_qty", "account", None, "1"),
        limit("order_qty", "instrument", None, "1"),
        limit("order_qty", "instrument", Some("NONE"), "1"),
        limit("order_qty", "instrument", Some("AAPL"), "-1"),
        limit("open_orders", "account", None, "1.5"),
        limit("open_orders", "venue", None, "1"),
        limit("open_orders", "account", Some("AAPL"), "1"),
        // What is counted in a window is counted from the start on.
        limit("entries", "account", None, "1"),
    ] {
        // The first one alone would be right.
        let both = vec![limit("long", "instrument", Some("AAPL"), "9"), wrong.clone()];
        let answer = desk.set_limits(1, both, vec!["ann".into()]).await;
        assert!(matches!(answer, Err(Refusal::Invalid { field: "limits", .. })), "{wrong:?}");
    }
    assert_eq!(desk.limits(), before);
    buys(&desk, "10").await.unwrap();
    all.stop().await;
}
