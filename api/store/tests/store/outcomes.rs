//! Claims of sources, and what follows from them.

use std::ops::Range;

use qt_store::audit::{AuditFilter, Audits};
use qt_store::events::Outbox;
use qt_store::outcomes::{ClaimCounts, ClaimResult, ClaimRow, ClaimState, Demotion};
use qt_store::{
    Alerts, LateFallback, NewSignal, Outcomes, Page, SignalRow, SignalStatus, Signals,
    SourceBudget, SourceMode, SourceRow, Sources,
};
use qt_trading::amount::Amount;
use qt_trading::ids::{AccountId, StrategyUid, TenantId};
use qt_trading::time::Time;
use qt_trading::{Alert, Side};
use uuid::Uuid;

use crate::on_both;
use crate::world::{NOON, World, actor};

on_both!(claims_are_kept_once_and_judged_once, others_take_claims_back, one_demotes);

const SECOND: i64 = 1_000_000_000;

fn at(seconds: i64) -> Time {
    Time(NOON + seconds * SECOND)
}

fn source(tenant: TenantId) -> SourceRow {
    SourceRow {
        tenant,
        id: StrategyUid::new(),
        number: 0,
        name: format!("source {}", Uuid::now_v7()),
        mode: SourceMode::Shadow,
        subject: None,
        key_version: 1,
        old_key_until: None,
        follow: serde_json::Map::new(),
        symbols: Vec::new(),
        budget: SourceBudget {
            notional: Amount(1_000.into()),
            loss: Amount(10.into()),
            rate_per_minute: 60,
        },
        late_after_ms: 0,
        fallback: LateFallback::Ignore,
        created_at: at(0),
        by: "ann".to_owned(),
    }
}

fn signal(source: &SourceRow, action: &str, seconds: i64, status: SignalStatus) -> NewSignal {
    let row = SignalRow {
        tenant: source.tenant,
        id: Uuid::now_v7(),
        source: source.id,
        signal_id: format!("{action}:{seconds}"),
        body: "{}".to_owned(),
        body_hash: "00".to_owned(),
        symbol: "BTC-USD".to_owned(),
        action: action.to_owned(),
        confidence_e9: 900_000_000,
        issued_at: at(seconds),
        expires_at: at(seconds + 60),
        arrived_at: at(seconds),
        status,
        code: None,
        seq: None,
        taken_body: None,
    };
    NewSignal { row, may_be_new: true }
}

fn claim(row: &SignalRow) -> ClaimRow {
    ClaimRow {
        tenant: row.tenant,
        id: row.id,
        source: row.source,
        symbol: row.symbol.clone(),
        side: if row.action == "buy" { Side::Buy } else { Side::Sell },
        confidence_e9: row.confidence_e9,
        arrived_at: row.arrived_at,
        until: Time(row.arrived_at.0 + 100 * SECOND),
        taken_back_at: None,
        price: Some(amount("43250.25")),
        stop: None,
        target: Some(amount("44000")),
        state: ClaimState::Open,
        result: None,
    }
}

fn amount(text: &str) -> Amount {
    serde_json::from_value(text.into()).unwrap()
}

fn judged(row: &ClaimRow) -> ClaimRow {
    let marks = (1..=10).map(|tenth| f64::from(tenth) * 0.001).collect();
    let (ended_at, price) = (row.until, amount("43682.7525"));
    let result = ClaimResult { ending: "horizon".to_owned(), ended_at, price, marks };
    ClaimRow { state: ClaimState::Judged, result: Some(result), ..row.clone() }
}

const FIRST: (Time, Uuid) = (Time(i64::MIN), Uuid::nil());
const EVER: Range<Time> = Time(i64::MIN)..Time(i64::MAX);

async fn claims_are_kept_once_and_judged_once(world: World) {
    let store = &world.store;
    let (tenant, other) = (TenantId::new(), TenantId::new());
    let by = actor(tenant, "ann", NOON);
    let source = store.create_source(by, source(tenant)).await.unwrap();
    let (taken, refused) = (SignalStatus::Taken, SignalStatus::Refused);
    let all = vec![
        signal(&source, "sell", 20, SignalStatus::Shadow),
        signal(&source, "buy", 0, taken),
        signal(&source, "hold", 1, taken),
        signal(&source, "close", 130, taken),
        signal(&source, "buy", 3, refused),
        signal(&source, "buy", 4, SignalStatus::Expired),
    ];
    store.keep_signals(tenant, all).await.unwrap();
    let fresh = store.unclaimed(tenant, Time(0), 10).await.unwrap();
    let told: Vec<&str> = fresh.iter().map(|row| row.signal_id.as_str()).collect();
    assert_eq!(told, ["buy:0", "sell:20"], "what was heard in time and claims something");
    assert_eq!(store.unclaimed(tenant, Time(0), 1).await.unwrap().len(), 1);
    assert_eq!(store.unclaimed(tenant, at(20), 10).await.unwrap(), fresh[1..]);
    assert_eq!(store.unclaimed(tenant, at(21), 10).await.unwrap(), []);
    assert_eq!(store.unclaimed(other, Time(0), 10).await.unwrap(), []);
    let claims: Vec<ClaimRow> = fresh.iter().map(claim).collect();
    // Twice, as two processes may.
    store.keep_claims(tenant, claims.clone()).await.unwrap();
    store.keep_claims(tenant, claims.clone()).await.unwrap();
    assert_eq!(store.unclaimed(tenant, Time(0), 10).await.unwrap(), []);
    let until = |from: i64, to: i64| at(from)..at(to);
    for (range, found) in [(until(0, 100), 0), (until(0, 101), 1), (until(100, 121), 2)] {
        let open = store.open_claims(tenant, FIRST, range.clone(), 10).await.unwrap();
        assert_eq!(open.len(), found, "{range:?}");
    }
    assert_eq!(store.open_claims(other, FIRST, EVER, 10).await.unwrap(), []);
    let open = store.open_claims(tenant, FIRST, EVER, 10).await.unwrap();
    assert_eq!(open[1], claims[1]);
    assert_eq!(open[0], ClaimRow { taken_back_at: Some(at(20)), ..claims[0].clone() });
    let behind = (open[0].arrived_at, open[0].id);
    assert_eq!(store.open_claims(tenant, behind, EVER, 10).await.unwrap().len(), 1);
    store.settle_claims(tenant, vec![judged(&claims[0])]).await.unwrap();
    // Once judged it stays so.
    let unseen = ClaimRow { state: ClaimState::Unseen, ..claims[0].clone() };
    store.settle_claims(tenant, vec![unseen]).await.unwrap();
    let found = store.judged_claims(tenant, source.id, at(0), 10).await.unwrap();
    assert_eq!(found, [judged(&claims[0])]);
    assert_eq!(store.judged_claims(tenant, source.id, at(1), 10).await.unwrap(), []);
    let counts = ClaimCounts { open: 1, judged: 1, unseen: 0 };
    assert_eq!(store.claim_counts(tenant, source.id).await, Ok(counts));
    assert_eq!(store.claim_counts(other, source.id).await, Ok(ClaimCounts::default()));
    store.settle_claims(tenant, vec![judged(&claims[1])]).await.unwrap();
    let both = store.judged_claims(tenant, source.id, at(-9), 10).await.unwrap();
    let last = store.judged_claims(tenant, source.id, at(-9), 1).await.unwrap();
    assert_eq!((both.len(), &last[0]), (2, &both[1]), "the latest ones, in their order");
}

async fn others_take_claims_back(world: World) {
    let store = &world.store;
    let tenant = TenantId::new();
    let mut sources = Vec::new();
    for _ in 0..2 {
        let by = actor(tenant, "ann", NOON);
        sources.push(store.create_source(by, source(tenant)).await.unwrap());
    }
    let taken = SignalStatus::Taken;
    let back = |first: &'static str, second: &'static str, seconds: i64, status: SignalStatus| {
        let other = if status == SignalStatus::Waiting { &sources[1] } else { &sources[0] };
        (signal(&sources[0], first, 0, taken), signal(other, second, seconds, status))
    };
    let cases = [
        (back("buy", "buy", 10, taken), None),
        (back("buy", "sell", 10, SignalStatus::Refused), None),
        // By another source, and after its horizon.
        (back("buy", "sell", 10, SignalStatus::Waiting), None),
        (back("sell", "close", 100, taken), None),
        (back("sell", "close", 99, taken), Some(at(99))),
        (back("sell", "buy", 10, SignalStatus::Shadow), Some(at(10))),
    ];
    for ((first, second), wanted) in cases {
        let tenant_rows = vec![first.clone(), second.clone()];
        store.keep_signals(tenant, tenant_rows).await.unwrap();
        store.keep_claims(tenant, vec![claim(&first.row)]).await.unwrap();
        let open = store.open_claims(tenant, FIRST, EVER, 10).await.unwrap();
        let found = open.iter().find(|row| row.id == first.row.id).unwrap();
        assert_eq!(found.taken_back_at, wanted, "{} {}", first.row.action, second.row.signal_id);
        let sql = "DELETE FROM signals; DELETE FROM signal_outcomes";
        world.as_owner(sql).await;
    }
}

fn demotion(account: AccountId) -> Demotion {
    let alert = Alert {
        id: Uuid::now_v7(),
        severity: "critical".to_owned(),
        control: "SOURCE_DRIFT".to_owned(),
        level: "strategy".to_owned(),
        symbol: None,
        limit: None,
        observed: None,
        count: 1,
        message: "it trades no more".to_owned(),
        at: at(9),
    };
    Demotion {
        alert,
        account,
        test: "claimed".to_owned(),
        reason: "3 of 40".to_owned(),
        judged: 40,
        hits: 3,
        mean_confidence: 0.9,
    }
}

async fn one_demotes(world: World) {
    let store = &world.store;
    let tenant = TenantId::new();
    let by = || actor(tenant, "service", NOON + 9 * SECOND);
    let source = store.create_source(by(), source(tenant)).await.unwrap();
    let account = AccountId::new();
    // Its trial begins when a mode is seen first, and again with each other one.
    let trial =
        |mode: SourceMode, seconds: i64| store.trial_of(tenant, source.id, mode, at(seconds));
    assert_eq!(trial(SourceMode::Shadow, 1).await, Ok(at(1)));
    assert_eq!(trial(SourceMode::Shadow, 2).await, Ok(at(1)));
    assert_eq!(trial(SourceMode::Live, 3).await, Ok(at(3)));
    assert_eq!(trial(SourceMode::Live, 4).await, Ok(at(3)));
    // In shadow there is nothing to take away.
    assert_eq!(store.demote_source(by(), source.id, demotion(account)).await, Ok(None));
    let (from, to) = (SourceMode::Shadow, SourceMode::Live);
    store.set_source_mode(by(), source.id, from, to, "good".to_owned()).await.unwrap();
    let again = world.again().await;
    let (one, two) = tokio::join!(
        store.demote_source(by(), source.id, demotion(account)),
        again.demote_source(by(), source.id, demotion(account)),
    );
    let demoted: Vec<SourceRow> = [one, two].into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(demoted.len(), 1, "one of two");
    assert_eq!(demoted[0].mode, SourceMode::Demoted);
    let events = store.events_after(tenant, 0, 100).await.unwrap();
    let told: Vec<_> = events.iter().map(|row| row.envelope.event_type.as_str()).collect();
    assert_eq!(told, ["SourceDemoted", "RiskAlert"]);
    let data: serde_json::Value = serde_json::from_str(&events[0].envelope.data).unwrap();
    assert_eq!((&data["hits"], &data["test"]), (&3.into(), &"claimed".into()));
    assert_eq!(events[0].envelope.aggregate_id, source.id.to_string());
    let page = Page { after: None, limit: 10 };
    let alerts = store.alerts(tenant, page).await.unwrap().items;
    assert_eq!((alerts.len(), alerts[0].control.as_str()), (1, "SOURCE_DRIFT"));
    let audit = store.audit_rows(tenant, AuditFilter::default(), page).await.unwrap().items;
    assert_eq!(audit[0].action, "signal_source.demoted");
}
