//! Sources of signals and what they have said.

use qt_store::audit::{AuditFilter, Audits};
use qt_store::events::Outbox;
use qt_store::{
    LateFallback, NewSignal, Page, SignalFilter, SignalKept, SignalRow, SignalSettled,
    SignalStatus, Signals, SourceBudget, SourceMode, SourceRow, Sources, StoreError,
};
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::time::Time;
use uuid::Uuid;

use crate::on_both;
use crate::world::{NOON, World, actor, amount};

on_both!(
    sources_begin_in_shadow_and_keep_their_numbers,
    a_signal_is_kept_once_with_its_event,
    what_became_of_a_signal_is_written_down_once,
    the_same_signals_at_the_same_moment_are_new_once,
    a_signal_that_was_not_taken_gives_way_to_the_one_that_was,
);

fn source(tenant: TenantId, name: &str, subject: Option<&str>) -> SourceRow {
    SourceRow {
        tenant,
        id: StrategyUid::new(),
        number: 0,
        name: name.to_owned(),
        mode: SourceMode::Live,
        subject: subject.map(str::to_owned),
        key_version: 1,
        old_key_until: None,
        follow: serde_json::json!({"threshold": 0.7}).as_object().cloned().unwrap(),
        symbols: vec!["BTC-USD".to_owned()],
        budget: SourceBudget {
            notional: amount("10000.5"),
            loss: amount("500"),
            rate_per_minute: 60,
        },
        late_after_ms: 250,
        fallback: LateFallback::Flat,
        created_at: Time(NOON),
        by: "ann".to_owned(),
    }
}

fn signal(tenant: TenantId, source: StrategyUid, name: &str) -> NewSignal {
    let row = SignalRow {
        tenant,
        id: Uuid::now_v7(),
        source,
        signal_id: name.to_owned(),
        body: format!(r#"{{"signal_id": "{name}"}}"#),
        body_hash: name.to_owned(),
        symbol: "BTC-USD".to_owned(),
        action: "buy".to_owned(),
        confidence_e9: 850_000_000,
        issued_at: Time(NOON),
        expires_at: Time(NOON + 1),
        arrived_at: Time(NOON + 2),
        status: SignalStatus::Received,
        code: None,
        seq: None,
        taken_body: None,
    };
    NewSignal { row, may_be_new: true }
}

fn is_conflict<T>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Conflict(_)))
}

async fn sources_begin_in_shadow_and_keep_their_numbers(world: World) {
    let store = &world.store;
    let (tenant, other) = (TenantId::new(), TenantId::new());
    let by = || actor(tenant, "ann", NOON);
    let made = store.create_source(by(), source(tenant, "one", Some("sub-1"))).await.unwrap();
    assert_eq!((made.number, made.mode), (1, SourceMode::Shadow));
    assert_eq!(store.source(tenant, made.id).await.unwrap(), made);
    assert_eq!(store.source_of_subject(tenant, "sub-1".to_owned()).await.unwrap(), made);
    assert_eq!(store.source(other, made.id).await, Err(StoreError::NotFound));
    let foreign = store.source_of_subject(other, "sub-1".to_owned()).await;
    assert_eq!(foreign, Err(StoreError::NotFound));
    assert!(is_conflict(store.create_source(by(), source(tenant, "one", None)).await));
    assert!(is_conflict(store.create_source(by(), source(tenant, "x", Some("sub-1"))).await));
    // Those that no subject speaks for are not in each other's way.
    let two = store.create_source(by(), source(tenant, "two", None)).await.unwrap();
    let three = store.create_source(by(), source(tenant, "three", None)).await.unwrap();
    assert_eq!((two.number, three.number), (2, 3));
    let (shadow, live) = (SourceMode::Shadow, SourceMode::Live);
    let reason = || "it is good".to_owned();
    let set = store.set_source_mode(by(), made.id, shadow, live, reason()).await.unwrap();
    assert!(set.is_live());
    assert!(is_conflict(store.set_source_mode(by(), made.id, shadow, live, reason()).await));
    assert!(is_conflict(store.delete_source(by(), made.id).await), "it is live");
    store.delete_source(by(), three.id).await.unwrap();
    assert_eq!(store.delete_source(by(), three.id).await, Err(StoreError::NotFound));
    // Its name is free, its number is not.
    let again = store.create_source(by(), source(tenant, "three", None)).await.unwrap();
    assert_eq!(again.number, 4);
    let numbers: Vec<u16> =
        store.sources(tenant).await.unwrap().iter().map(|it| it.number).collect();
    assert_eq!(numbers, [1, 2, 4]);
    let filter = AuditFilter { action: Some("signal_source".to_owned()), ..Default::default() };
    let rows = store.audit_rows(tenant, filter, Page::default()).await.unwrap().items;
    assert_eq!(rows.len(), 6);
    assert!(rows.iter().any(|row| row.detail.to_string().contains("it is good")), "{rows:?}");
}

async fn a_signal_is_kept_once_with_its_event(world: World) {
    let store = &world.store;
    let (tenant, of) = (TenantId::new(), StrategyUid::new());
    let (a, b) = (signal(tenant, of, "a"), signal(tenant, of, "b"));
    let kept = store.keep_signals(tenant, vec![a.clone(), b.clone(), a.clone()]).await.unwrap();
    let known = |it: &NewSignal| SignalKept::Known(Box::new(it.row.clone()));
    assert_eq!(kept, [SignalKept::New, SignalKept::New, known(&a)]);
    let late = NewSignal { may_be_new: false, ..signal(tenant, of, "c") };
    let of_other = signal(tenant, StrategyUid::new(), "a");
    let kept = store.keep_signals(tenant, vec![late, of_other, b.clone()]).await.unwrap();
    assert_eq!(kept, [SignalKept::Absent, SignalKept::New, known(&b)]);
    let events = store.events_after(tenant, 0, 100).await.unwrap();
    let kinds: Vec<&str> = events.iter().map(|it| it.envelope.event_type.as_str()).collect();
    assert_eq!(kinds, ["SignalGenerated"; 3]);
    assert_eq!(store.signal(tenant, a.row.id).await.unwrap(), a.row);
    assert_eq!(store.signal(TenantId::new(), a.row.id).await, Err(StoreError::NotFound));
    let of_source = SignalFilter { source: Some(of), ..SignalFilter::default() };
    let one = Page { after: None, limit: 1 };
    let first = store.signals(tenant, of_source.clone(), one).await.unwrap();
    let cursor = first.next_cursor.unwrap().parse().unwrap();
    let rest = Page { after: Some(cursor), limit: 9 };
    let second = store.signals(tenant, of_source, rest).await.unwrap();
    let ids: Vec<Uuid> = first.items.iter().chain(&second.items).map(|row| row.id).collect();
    assert_eq!(ids, [b.row.id, a.row.id]);
}

async fn what_became_of_a_signal_is_written_down_once(world: World) {
    let store = &world.store;
    let (tenant, of) = (TenantId::new(), StrategyUid::new());
    let all: Vec<NewSignal> = ["a", "b", "c"].iter().map(|name| signal(tenant, of, name)).collect();
    store.keep_signals(tenant, all.clone()).await.unwrap();
    let settled = |at: usize, status, code: Option<&str>, seq| SignalSettled {
        id: all[at].row.id,
        status,
        code: code.map(str::to_owned),
        seq,
        taken_body: (at == 1).then(|| "{}".to_owned()),
    };
    let first = vec![
        settled(0, SignalStatus::Taken, None, Some(7)),
        settled(1, SignalStatus::Waiting, None, None),
        settled(2, SignalStatus::Refused, Some("SIGNAL_SIZE"), None),
    ];
    store.settle_signals(tenant, first).await.unwrap();
    // What is final stays; what waits goes on.
    let later = (0..3).map(|at| settled(at, SignalStatus::Taken, None, Some(9))).collect();
    store.settle_signals(tenant, later).await.unwrap();
    store.settle_signals(tenant, Vec::new()).await.unwrap();
    let mut now = Vec::new();
    for NewSignal { row, .. } in &all {
        let row = store.signal(tenant, row.id).await.unwrap();
        now.push((row.status, row.seq, row.code, row.taken_body));
    }
    let wanted = [
        (SignalStatus::Taken, Some(7), None, None),
        (SignalStatus::Taken, Some(9), None, Some("{}".to_owned())),
        (SignalStatus::Refused, None, Some("SIGNAL_SIZE".to_owned()), None),
    ];
    assert_eq!(now, wanted);
    let status = Some(SignalStatus::Taken);
    let filter = SignalFilter { status, ..SignalFilter::default() };
    assert_eq!(store.signals(tenant, filter, Page::default()).await.unwrap().items.len(), 2);
}

async fn the_same_signals_at_the_same_moment_are_new_once(world: World) {
    let (tenant, of) = (TenantId::new(), StrategyUid::new());
    let batch = || (0..50).map(|n| signal(tenant, of, &format!("s{n}"))).collect::<Vec<_>>();
    let keep = || world.store.keep_signals(tenant, batch());
    let (one, two, three) = tokio::join!(keep(), keep(), keep());
    let all: Vec<SignalKept> = [one, two, three].into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(all.iter().filter(|it| **it == SignalKept::New).count(), 50);
    let events = world.store.events_after(tenant, 0, 500).await.unwrap();
    assert_eq!(events.len(), 50);
}

async fn a_signal_that_was_not_taken_gives_way_to_the_one_that_was(world: World) {
    let store = &world.store;
    let (tenant, of) = (TenantId::new(), StrategyUid::new());
    let kept = signal(tenant, of, "a").row;
    let new = NewSignal { row: kept.clone(), may_be_new: true };
    store.keep_signals(tenant, vec![new]).await.unwrap();
    let taken = SignalRow {
        body: r#"{"signal_id": "a", "action": "sell"}"#.to_owned(),
        body_hash: "another".to_owned(),
        symbol: "ETH-USD".to_owned(),
        action: "sell".to_owned(),
        confidence_e9: 1,
        issued_at: Time(NOON + 5),
        expires_at: Time(NOON + 6),
        arrived_at: Time(NOON + 7),
        status: SignalStatus::Taken,
        seq: Some(9),
        ..kept.clone()
    };
    // Not one of another tenant, nor one that there is not.
    let foreign = SignalRow { tenant: TenantId::new(), ..taken.clone() };
    let unknown = SignalRow { id: Uuid::now_v7(), ..taken.clone() };
    for none in [foreign, unknown] {
        assert!(!store.replace_signal(none).await.unwrap());
    }
    assert_eq!(store.signal(tenant, kept.id).await.unwrap(), kept);
    assert!(store.replace_signal(taken.clone()).await.unwrap());
    assert_eq!(store.signal(tenant, kept.id).await.unwrap(), taken);
    // What was taken stays.
    let third = SignalRow { body_hash: "a third".to_owned(), ..taken.clone() };
    assert!(!store.replace_signal(third).await.unwrap());
    assert_eq!(store.signal(tenant, kept.id).await.unwrap(), taken);
    let events = store.events_after(tenant, 0, 100).await.unwrap();
    let told: Vec<bool> =
        events.iter().map(|it| it.envelope.data.contains(r#""action":"sell""#)).collect();
    assert_eq!(told, [false, true], "each of them was told");
}
