//! What waits for a human: one decision a request, whoever decides at the same time.

use qt_store::audit::Audits;
use qt_store::{
    AskControl, Decided, Hitl, HitlStatus, HitlTerms, NewHitlDecision, NewHitlRequest, NewSignal,
    Page, SignalKept, SignalRow, SignalStatus, Signals, Store, StoreError, Urgency, Verdict,
};
use qt_trading::ids::{StrategyUid, TenantId};
use qt_trading::time::Time;
use serde_json::json;
use uuid::Uuid;

use crate::on_both;
use crate::world::{NOON, World, actor, amount};

on_both!(
    the_first_decision_is_the_only_one,
    of_two_who_decide_at_once_one_does,
    a_request_is_decided_or_expires,
    what_is_approved_of_is_released_once,
    what_is_refused_for_good_is_refused_as_a_signal_too,
    a_policy_is_changed_from_the_one_in_force,
    pending_requests_come_by_urgency_and_in_parts,
    figures_are_of_the_last_day,
    a_decision_stays_as_it_is,
);

const SECOND: i64 = 1_000_000_000;

/// A signal that waits, and what is asked about it.
async fn waiting(store: &Store, tenant: TenantId, seconds: i64) -> NewHitlRequest {
    let (signal, source) = (Uuid::now_v7(), StrategyUid::new());
    let expires_at = Time(NOON + seconds * SECOND);
    let row = SignalRow {
        tenant,
        id: signal,
        source,
        signal_id: signal.to_string(),
        body: "{}".to_owned(),
        body_hash: String::new(),
        symbol: "BTC-USD".to_owned(),
        action: "buy".to_owned(),
        confidence_e9: 700_000_000,
        issued_at: Time(NOON),
        expires_at,
        arrived_at: Time(NOON),
        status: SignalStatus::Waiting,
        code: None,
        seq: None,
        taken_body: None,
    };
    let kept = store.keep_signals(tenant, vec![NewSignal { row, may_be_new: true }]).await.unwrap();
    assert_eq!(kept, [SignalKept::New]);
    NewHitlRequest {
        signal,
        source,
        symbol: "BTC-USD".to_owned(),
        urgency: Urgency::Low,
        triggers: vec!["low_confidence".to_owned(), "new_source".to_owned()],
        task_data: json!({"action": "buy"}),
        recommendation: json!({"action": "buy", "quantity": "2"}),
        confidence_e9: 700_000_000,
        notional: Some(amount("12345.678900001")),
        context: json!({}),
        expires_at,
    }
}

fn verdict(request: Uuid, verdict: Verdict) -> NewHitlDecision {
    let (id, notes) = (Uuid::now_v7(), "seen".to_owned());
    let modified = (verdict == Verdict::Modify).then(|| json!({"quantity": "1"}));
    NewHitlDecision { id, request, verdict, notes, modified }
}

async fn status_of(store: &Store, tenant: TenantId, signal: Uuid) -> SignalStatus {
    store.signal(tenant, signal).await.unwrap().status
}

async fn the_first_decision_is_the_only_one(world: World) {
    let store = &world.store;
    let tenant = TenantId::new();
    let asked = waiting(store, tenant, 600).await;
    let request = store.ask_human(actor(tenant, "service", NOON), asked.clone()).await.unwrap();
    assert_eq!(request.asked, asked);
    // Asked again about the same signal, it is the same request.
    let again = store.ask_human(actor(tenant, "service", NOON + 1), asked.clone()).await.unwrap();
    assert_eq!(again, request);
    let ann = actor(tenant, "ann", NOON + SECOND);
    let decided = store.decide(ann, verdict(request.id, Verdict::Modify)).await.unwrap();
    let Decided::Kept(after, first) = decided else { panic!("{decided:?}") };
    assert_eq!((after.status, first.person.as_str()), (HitlStatus::Approved, "ann"));
    assert_eq!(status_of(store, tenant, asked.signal).await, SignalStatus::Approved);
    for late in [NOON + 2 * SECOND, NOON + 700 * SECOND] {
        let ben = actor(tenant, "ben", late);
        let second = store.decide(ben, verdict(request.id, Verdict::Reject)).await.unwrap();
        let Decided::Before(_, kept) = second else { panic!("{second:?}") };
        assert_eq!(kept, first);
    }
    let (_, kept) = store.hitl_request(tenant, request.id).await.unwrap();
    assert_eq!(kept, Some(first));
    // To another tenant it is not there.
    let other = TenantId::new();
    assert_eq!(store.hitl_request(other, request.id).await, Err(StoreError::NotFound));
    let eve = actor(other, "eve", NOON + SECOND);
    let stolen = store.decide(eve, verdict(request.id, Verdict::Approve)).await;
    assert_eq!(stolen, Err(StoreError::NotFound));
    let audit = store.audit_chain(tenant, 0, 10).await.unwrap();
    let actions: Vec<&str> = audit.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["hitl.asked", "hitl.decided"]);
}

async fn of_two_who_decide_at_once_one_does(world: World) {
    let (store, tenant) = (&world.store, TenantId::new());
    let other = world.again().await;
    for round in 0..10 {
        let asked = waiting(store, tenant, 600).await;
        let request = store.ask_human(actor(tenant, "service", NOON), asked).await.unwrap();
        let people = ["ann", "ben", "cat", "dan"];
        let deciding = people.map(|person| {
            let store = if person < "c" { store.clone() } else { other.clone() };
            let says = if person == "ben" { Verdict::Reject } else { Verdict::Approve };
            let by = actor(tenant, person, NOON + SECOND);
            tokio::spawn(async move { store.decide(by, verdict(request.id, says)).await })
        });
        let mut kept = Vec::new();
        let mut seen = Vec::new();
        for task in deciding {
            match task.await.unwrap().unwrap() {
                Decided::Kept(_, decision) => kept.push(decision),
                Decided::Before(_, decision) => seen.push(decision),
                Decided::Expired => panic!("it has time"),
            }
        }
        assert_eq!(kept.len(), 1, "round {round}");
        assert!(seen.len() == 3 && seen.iter().all(|decision| *decision == kept[0]), "{seen:?}");
    }
}

async fn a_request_is_decided_or_expires(world: World) {
    let (store, tenant) = (&world.store, TenantId::new());
    let asked = waiting(store, tenant, 60).await;
    let request = store.ask_human(actor(tenant, "service", NOON), asked.clone()).await.unwrap();
    let end = asked.expires_at;
    assert_eq!(request.status_at(Time(end.0 - 1)), HitlStatus::Pending);
    assert_eq!(request.status_at(end), HitlStatus::Expired);
    assert!(store.expire_hitl(actor(tenant, "service", end.0 - 1)).await.unwrap().is_empty());
    // Before anybody has swept: too late is too late.
    let late = actor(tenant, "ann", end.0);
    let decided = store.decide(late, verdict(request.id, Verdict::Approve)).await;
    assert_eq!(decided, Ok(Decided::Expired));
    let expired = store.expire_hitl(actor(tenant, "service", end.0)).await.unwrap();
    assert_eq!(expired.iter().map(|it| it.id).collect::<Vec<_>>(), [request.id]);
    assert_eq!(expired[0].status, HitlStatus::Expired);
    assert!(store.expire_hitl(actor(tenant, "service", end.0 + 1)).await.unwrap().is_empty());
    assert_eq!(status_of(store, tenant, asked.signal).await, SignalStatus::Expired);
    let decided = store.decide(actor(tenant, "ann", NOON), verdict(request.id, Verdict::Approve));
    assert_eq!(decided.await, Ok(Decided::Expired));
}

async fn what_is_approved_of_is_released_once(world: World) {
    let (store, tenant) = (&world.store, TenantId::new());
    let asked = waiting(store, tenant, 60).await;
    let request = store.ask_human(actor(tenant, "service", NOON), asked.clone()).await.unwrap();
    assert!(store.hitl_unreleased(tenant).await.unwrap().is_empty());
    assert!(!store.has_approved(tenant, asked.source).await.unwrap());
    let service = || actor(tenant, "service", NOON + 2 * SECOND);
    let released = |status| store.note_hitl_outcome(service(), request.id, status, json!({"n": 1}));
    assert!(!released(HitlStatus::Released).await.unwrap(), "nobody has approved");
    let ann = actor(tenant, "ann", NOON + SECOND);
    store.decide(ann, verdict(request.id, Verdict::Approve)).await.unwrap();
    let waits = store.hitl_unreleased(tenant).await.unwrap();
    assert_eq!(waits.len(), 1);
    assert_eq!(waits[0].1.decided.verdict, Verdict::Approve);
    // Refused for now, it waits on and says why.
    assert!(released(HitlStatus::Approved).await.unwrap());
    let waits = store.hitl_unreleased(tenant).await.unwrap();
    assert_eq!(waits[0].0.outcome, Some(json!({"n": 1})));
    assert!(released(HitlStatus::Released).await.unwrap());
    assert!(!released(HitlStatus::Refused).await.unwrap(), "it is over");
    assert!(store.hitl_unreleased(tenant).await.unwrap().is_empty());
    assert!(store.has_approved(tenant, asked.source).await.unwrap());
    assert!(!store.has_approved(tenant, StrategyUid::new()).await.unwrap());
    // The mirror is shown each state once.
    let due = store.hitl_unmirrored(tenant, Time(NOON), 10).await.unwrap();
    assert_eq!(due.len(), 1);
    store.hitl_mirrored(tenant, request.clone()).await.unwrap();
    assert_eq!(store.hitl_unmirrored(tenant, Time(NOON), 10).await.unwrap().len(), 1, "an old one");
    store.hitl_mirrored(tenant, due[0].0.clone()).await.unwrap();
    assert!(store.hitl_unmirrored(tenant, Time(NOON), 10).await.unwrap().is_empty());
}

async fn what_is_refused_for_good_is_refused_as_a_signal_too(world: World) {
    let (store, tenant) = (&world.store, TenantId::new());
    let asked = waiting(store, tenant, 60).await;
    let request = store.ask_human(actor(tenant, "service", NOON), asked.clone()).await.unwrap();
    let ann = actor(tenant, "ann", NOON + SECOND);
    store.decide(ann, verdict(request.id, Verdict::Approve)).await.unwrap();
    assert_eq!(status_of(store, tenant, asked.signal).await, SignalStatus::Approved);
    let service = actor(tenant, "service", NOON + 2 * SECOND);
    let gone = json!({"code": "SOURCE_GONE"});
    let noted = store.note_hitl_outcome(service, request.id, HitlStatus::Refused, gone);
    assert!(noted.await.unwrap());
    assert_eq!(status_of(store, tenant, asked.signal).await, SignalStatus::Refused);
}

async fn a_policy_is_changed_from_the_one_in_force(world: World) {
    let (store, tenant) = (&world.store, TenantId::new());
    let policy = store.hitl_policy(tenant).await.unwrap();
    assert_eq!((policy.version, &policy.terms), (0, &HitlTerms::default()));
    assert_eq!(policy.terms.notional, Some(amount("10000")));
    let terms = HitlTerms {
        confidence_e9: 0,
        notional: None,
        asks_first: false,
        controls: vec![AskControl { control: "MAX_ORDER_QTY".to_owned(), share_e9: 800_000_000 }],
    };
    let set = |base| store.set_hitl_policy(actor(tenant, "ann", NOON), base, terms.clone());
    assert!(matches!(set(1).await, Err(StoreError::Conflict(_))));
    let changed = set(0).await.unwrap();
    assert_eq!((changed.version, changed.person.as_str()), (1, "ann"));
    assert!(matches!(set(0).await, Err(StoreError::Conflict(_))));
    assert_eq!(store.hitl_policy(tenant).await.unwrap(), changed);
    assert_eq!(store.hitl_policy(TenantId::new()).await.unwrap().version, 0);
    let audit = store.audit_chain(tenant, 0, 10).await.unwrap();
    assert_eq!(audit.len(), 1);
    assert_eq!(audit[0].action, "hitl.policy_changed");
}

async fn pending_requests_come_by_urgency_and_in_parts(world: World) {
    let (store, tenant) = (&world.store, TenantId::new());
    // The last one is over already, the one before it is urgent by its value.
    for (seconds, urgency) in [
        (30, Urgency::Low),
        (100, Urgency::Low),
        (900, Urgency::Low),
        (800, Urgency::Medium),
        (700, Urgency::High),
        (-1, Urgency::High),
    ] {
        let asked = NewHitlRequest { urgency, ..waiting(store, tenant, seconds).await };
        store.ask_human(actor(tenant, "service", NOON), asked).await.unwrap();
    }
    let now = Time(NOON);
    let ends = async |urgency, page| {
        let found = store.hitl_pending(tenant, urgency, now, page).await.unwrap();
        for request in &found.items {
            assert!(urgency.is_none_or(|wanted| request.urgency(now) == wanted), "{request:?}");
        }
        let left = |at: Time| (at.0 - NOON) / SECOND;
        let ends: Vec<i64> = found.items.iter().map(|it| left(it.asked.expires_at)).collect();
        (ends, found.next_cursor)
    };
    assert_eq!(ends(None, Page::default()).await.0, [30, 100, 700, 800, 900]);
    assert_eq!(ends(Some(Urgency::High), Page::default()).await.0, [30, 700]);
    assert_eq!(ends(Some(Urgency::Medium), Page::default()).await.0, [100, 800]);
    assert_eq!(ends(Some(Urgency::Low), Page::default()).await.0, [900]);
    let (first, cursor) = ends(None, Page { after: None, limit: 3 }).await;
    assert_eq!(first, [30, 100, 700]);
    let rest = Page::parse(cursor.as_deref(), Some(3)).unwrap();
    assert_eq!(ends(None, rest).await, (vec![800, 900], None));
    assert_eq!(store.hitl_figures(tenant, now).await.unwrap().pending, [2, 2, 1]);
}

async fn figures_are_of_the_last_day(world: World) {
    let (store, tenant) = (&world.store, TenantId::new());
    assert_eq!(store.hitl_figures(tenant, Time(NOON)).await, Ok(Default::default()));
    for (triggers, says, took) in [
        ("low_confidence new_source", Verdict::Approve, 4),
        ("low_confidence", Verdict::Modify, 8),
        ("high_notional", Verdict::Reject, 12),
    ] {
        let triggers = triggers.split(' ').map(str::to_owned).collect();
        let asked = NewHitlRequest { triggers, ..waiting(store, tenant, 600).await };
        let request = store.ask_human(actor(tenant, "service", NOON), asked).await.unwrap();
        let by = actor(tenant, "ann", NOON + took * SECOND);
        store.decide(by, verdict(request.id, says)).await.unwrap();
    }
    let figures = store.hitl_figures(tenant, Time(NOON + 60 * SECOND)).await.unwrap();
    assert_eq!((figures.decisions, figures.response_ms), ([1, 1, 1], 24_000));
    assert_eq!((figures.asked, figures.automatic), (3, 0));
    let triggers: Vec<(&str, u64)> =
        figures.triggers.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(triggers, [("low_confidence", 2), ("high_notional", 1), ("new_source", 1)]);
    let later = store.hitl_figures(tenant, Time(NOON + 90_000 * SECOND)).await.unwrap();
    assert_eq!((later.decisions, later.asked), ([0; 3], 0));
    let page = Page { after: None, limit: 2 };
    let recent = store.hitl_decisions(tenant, page).await.unwrap();
    let says: Vec<Verdict> = recent.items.iter().map(|(_, it)| it.decided.verdict).collect();
    assert_eq!(says, [Verdict::Reject, Verdict::Modify]);
    let rest = Page::parse(recent.next_cursor.as_deref(), Some(2)).unwrap();
    assert_eq!(store.hitl_decisions(tenant, rest).await.unwrap().items.len(), 1);
}

async fn a_decision_stays_as_it_is(world: World) {
    let (store, tenant) = (&world.store, TenantId::new());
    let asked = waiting(store, tenant, 600).await;
    let request = store.ask_human(actor(tenant, "service", NOON), asked).await.unwrap();
    let by = actor(tenant, "ann", NOON + SECOND);
    store.decide(by, verdict(request.id, Verdict::Reject)).await.unwrap();
    for sql in ["UPDATE hitl_decisions SET verdict = 'approve'", "DELETE FROM hitl_decisions"] {
        assert!(world.fails_as_service(tenant, sql).await, "{sql}");
    }
    let (_, kept) = store.hitl_request(tenant, request.id).await.unwrap();
    assert_eq!(kept.unwrap().decided.verdict, Verdict::Reject);
}
