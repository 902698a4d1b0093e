//! Strategies, accounts, jobs, data sets and limits.

use qt_store::audit::{AuditFilter, Audits};
use qt_store::backtests::{BacktestEnd, BacktestQuota, JobHolder};
use qt_store::datasets::DatasetQuota;
use qt_store::domain::command::{change_strategy, create_strategy, set_strategy_status};
use qt_store::domain::{NewStrategy, StrategyChange, StrategyStatus};
use qt_store::events::Outbox;
use qt_store::{
    Accounts, BacktestStatus, Backtests, Datasets, LimitSet, Limits, NewBacktest, NewDataset,
    PLATFORM, Page, StoreError, Strategies, StrategyFilter,
};
use qt_trading::ids::{BacktestId, DatasetId, TenantId};
use qt_trading::time::Time;
use serde_json::{Value, json};

use crate::on_both;
use crate::world::{NOON, World, actor, amount};

on_both!(
    strategies,
    accounts,
    jobs,
    jobs_belong_to_a_process,
    quotas_hold_for_requests_at_the_same_moment,
    data_sets,
    limits,
    what_cannot_be_kept_is_invalid,
);

fn is_conflict<T>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Conflict(_)))
}

/// PostgreSQL has no text with a zero character in it; neither has a client's fault a 500.
async fn what_cannot_be_kept_is_invalid(world: World) {
    let by = actor(TenantId::new(), "ann", NOON);
    let new = NewStrategy { name: "a\0b".to_owned(), ..NewStrategy::default() };
    let refused = create_strategy(&world.store, by, new).await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
    let by = actor(TenantId::new(), "ann", NOON);
    let parameters = json!({"a": "a\0b"}).as_object().cloned().unwrap();
    let new = NewStrategy { name: "a".to_owned(), parameters, ..NewStrategy::default() };
    let made = create_strategy(&world.store, by, new).await;
    if world.is_postgres() {
        assert!(matches!(made, Err(StoreError::Invalid { .. })), "{made:?}");
    }
}

async fn strategies(world: World) {
    let store = &world.store;
    let (tenant, other) = (TenantId::new(), TenantId::new());
    let by = || actor(tenant, "ann", NOON);
    let new = |name: &str| NewStrategy {
        name: name.to_owned(),
        strategy_type: "sma_cross".to_owned(),
        parameters: json!({"fast": 5, "gamma": "0.10"}).as_object().unwrap().clone(),
        ..NewStrategy::default()
    };
    let made = create_strategy(store, by(), new("one")).await.unwrap();
    assert_eq!(made.version, 1);
    let taken = create_strategy(store, by(), new("one")).await.unwrap_err();
    assert!(taken.to_string().contains("\"one\""), "{taken}");
    create_strategy(store, actor(other, "eve", NOON), new("one")).await.unwrap();
    assert_eq!(store.strategy(tenant, made.id).await.unwrap(), made);
    assert_eq!(store.strategy(other, made.id).await, Err(StoreError::NotFound));
    let empty = set_strategy_status(store, by(), made.id, StrategyStatus::Active).await;
    assert!(matches!(empty, Err(StoreError::Invalid { field: "symbols", .. })));
    let symbols = Some(vec!["BTC-USD".to_owned()]);
    let change = StrategyChange { symbols, ..StrategyChange::default() };
    let changed = change_strategy(store, by(), made.id, change).await.unwrap();
    // Who still has the version of before has to read again.
    assert!(is_conflict(store.save_strategy(by(), made.clone(), "strategy.changed").await));
    let foreign = store.save_strategy(actor(other, "eve", NOON), changed, "strategy.changed");
    assert_eq!(foreign.await, Err(StoreError::NotFound));
    set_strategy_status(store, by(), made.id, StrategyStatus::Active).await.unwrap();
    assert_eq!(store.active_strategies(tenant).await.unwrap().len(), 1);
    assert!(store.active_strategies(other).await.unwrap().is_empty());
    assert!(is_conflict(store.delete_strategy(by(), made.id).await));
    let stopped = Some(StrategyStatus::Stopped);
    let filter = StrategyFilter { status: stopped, ..StrategyFilter::default() };
    assert!(store.strategies(tenant, filter, Page::default()).await.unwrap().items.is_empty());
    set_strategy_status(store, by(), made.id, StrategyStatus::Stopped).await.unwrap();
    store.delete_strategy(by(), made.id).await.unwrap();
    assert_eq!(store.delete_strategy(by(), made.id).await, Err(StoreError::NotFound));
    let filter = AuditFilter { action: Some("strategy".to_owned()), ..AuditFilter::default() };
    let rows = store.audit_rows(tenant, filter, Page::default()).await.unwrap().items;
    let actions: Vec<&str> = rows.iter().rev().map(|row| row.action.as_str()).collect();
    let wanted = [
        "strategy.created",
        "strategy.changed",
        "strategy.activated",
        "strategy.deactivated",
        "strategy.deleted",
    ];
    assert_eq!(actions, wanted);
    assert!(rows.iter().all(|row| row.request_id == "request-1"));
}

async fn accounts(world: World) {
    let tenant = TenantId::new();
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let store = world.store.clone();
        tasks.push(tokio::spawn(async move { store.paper_account(tenant).await.unwrap() }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.push(task.await.unwrap());
    }
    assert!(all.iter().all(|account| *account == all[0]), "one account, whoever asks first");
    assert_eq!(all[0].initial_capital, amount("100000"));
    assert_eq!(world.store.accounts(tenant).await.unwrap(), all[..1]);
    assert_eq!(world.store.tenants().await.unwrap(), [tenant]);
}

fn holder(name: &str, until: Time) -> JobHolder {
    JobHolder { name: name.to_owned(), until }
}

async fn jobs(world: World) {
    let store = &world.store;
    let tenant = TenantId::new();
    let by = || actor(tenant, "ann", NOON);
    let new = |key: Option<&str>| NewBacktest {
        id: BacktestId::new(),
        strategy_id: None,
        unique_key: key.map(str::to_owned),
        config: json!({"data": "shared:btc"}),
    };
    let begun = Time::now();
    let one = || holder("one", Time(NOON + 10));
    let quota = |open_max| BacktestQuota { open_max, cpu_ms_max: 1_000_000, since: Time(0) };
    let add = async |key| store.enqueue_backtest(by(), new(key), quota(9), one()).await.unwrap();
    let (job, is_new) = add(Some("k")).await;
    assert!(is_new && job.status == BacktestStatus::Queued);
    let (same, is_new) = add(Some("k")).await;
    assert_eq!((same.id, is_new), (job.id, false));
    let (second, _) = add(None).await;
    assert_eq!(store.start_backtest(tenant, job.id, one()).await, Ok(true));
    assert_eq!(store.start_backtest(tenant, job.id, one()).await, Ok(false));
    let half = Some(json!({"fraction": 0.5}));
    assert_eq!(store.backtest_progress(tenant, job.id, half, 900).await, Ok(true));
    assert_eq!(store.backtest_use(tenant, Time(0)).await.unwrap().open, 2);
    let end = |status| BacktestEnd {
        status,
        result: Some(json!({"metrics": {"sharpe": 1.5}})),
        error: None,
        report_path: Some("backtests/1.html".to_owned()),
        cpu_ms: 1_200,
    };
    store.finish_backtest(by(), job.id, end(BacktestStatus::Done)).await.unwrap();
    assert!(is_conflict(store.finish_backtest(by(), job.id, end(BacktestStatus::Done)).await));
    assert_eq!(store.backtest_progress(tenant, job.id, None, 1).await, Ok(false));
    let row = store.backtest(tenant, job.id).await.unwrap();
    assert_eq!(row.result.clone().unwrap()["metrics"]["sharpe"], 1.5);
    assert_eq!(row.progress["fraction"], 0.5);
    // A start after a crash: what ran is interrupted, what waited waits.
    store.start_backtest(tenant, second.id, one()).await.unwrap();
    assert_eq!(store.backtest_progress(tenant, second.id, None, 400).await, Ok(true));
    let (third, _) = add(None).await;
    let two = holder("two", Time(NOON + 90));
    let waiting = store.recover_backtests(tenant, two, Time(NOON + 21)).await.unwrap();
    assert_eq!(waiting.iter().map(|row| row.id).collect::<Vec<_>>(), [third.id]);
    let status = store.backtest(tenant, second.id).await.unwrap().status;
    assert_eq!(status, BacktestStatus::Interrupted);
    let used = store.backtest_use(tenant, Time(0)).await.unwrap();
    assert_eq!((used.open, used.cpu_ms), (1, 1_600), "it is charged what it had told of");
    // What a job took is charged, even when it was over before its process was.
    store.charge_backtest(tenant, second.id, 700).await.unwrap();
    store.charge_backtest(tenant, second.id, 300).await.unwrap();
    assert_eq!(store.backtest_use(tenant, Time(0)).await.unwrap().cpu_ms, 1_900);
    let ended = store.backtest(tenant, job.id).await.unwrap().finished_at.unwrap();
    assert!(ended.0 >= begun.0, "it ended when it ended, not when it was asked for");
    let few = BacktestQuota { cpu_ms_max: 1_900, ..quota(9) };
    let full = store.enqueue_backtest(by(), new(None), few, one()).await;
    assert!(matches!(full, Err(StoreError::Full { code: "QUOTA_CPU_SECONDS", .. })), "{full:?}");
    let (same, is_new) = store.enqueue_backtest(by(), new(Some("k")), few, one()).await.unwrap();
    assert_eq!((same.id, is_new), (job.id, false), "what is there is shown all the same");
    let events = store.events_after(tenant, 0, 10).await.unwrap();
    assert_eq!(events.len(), 2);
    assert!(events[0].envelope.data.contains("sharpe"));
    let others = store.backtests(TenantId::new(), None, Page::default()).await;
    assert_eq!(others.unwrap().items.len(), 0);
    let of = async |person: &str| {
        let rows = store.backtests(tenant, Some(person.to_owned()), Page::default()).await;
        rows.unwrap().items.len()
    };
    assert_eq!((of("ann").await, of("ben").await), (3, 0));
}

/// As long as the holder of a job may be there nobody else touches it.
async fn jobs_belong_to_a_process(world: World) {
    let store = &world.store;
    let tenant = TenantId::new();
    let at = |after: i64| Time(NOON + after);
    let quota = BacktestQuota { open_max: 9, cpu_ms_max: 1_000_000, since: Time(0) };
    let mut ids = Vec::new();
    for _ in 0..2 {
        let (id, config) = (BacktestId::new(), json!({}));
        let new = NewBacktest { id, strategy_id: None, unique_key: None, config };
        let by = actor(tenant, "ann", NOON);
        store.enqueue_backtest(by, new, quota, holder("one", at(10))).await.unwrap();
        ids.push(id);
    }
    assert_eq!(store.start_backtest(tenant, ids[0], holder("one", at(10))).await, Ok(true));
    let two = || holder("two", at(90));
    let recover =
        async |after: i64| store.recover_backtests(tenant, two(), at(after)).await.unwrap();
    assert_eq!(recover(10).await, []);
    store.hold_backtests(tenant, holder("one", at(20))).await.unwrap();
    // Another one's word is none.
    store.hold_backtests(tenant, holder("three", at(1_000))).await.unwrap();
    assert_eq!(recover(20).await, []);
    assert_eq!(store.backtest(tenant, ids[0]).await.unwrap().status, BacktestStatus::Running);
    let waiting = recover(21).await;
    assert_eq!(waiting.iter().map(|row| row.id).collect::<Vec<_>>(), ids[1..]);
    assert_eq!(store.backtest(tenant, ids[0]).await.unwrap().status, BacktestStatus::Interrupted);
    assert_eq!(recover(1_000).await, [], "it has them already");
}

async fn quotas_hold_for_requests_at_the_same_moment(world: World) {
    let tenant = TenantId::new();
    let quota = BacktestQuota { open_max: 3, cpu_ms_max: 1_000, since: Time(0) };
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let store = world.store.clone();
        tasks.push(tokio::spawn(async move {
            let config = json!({});
            let id = BacktestId::new();
            let new = NewBacktest { id, strategy_id: None, unique_key: None, config };
            let by = actor(tenant, "ann", NOON);
            store.enqueue_backtest(by, new, quota, holder("one", Time(NOON))).await.is_ok()
        }));
    }
    let mut taken = 0;
    for task in tasks {
        taken += usize::from(task.await.unwrap());
    }
    assert_eq!(taken, 3);
}

async fn data_sets(world: World) {
    let store = &world.store;
    let tenant = TenantId::new();
    let new = |name: &str| NewDataset {
        id: DatasetId::new(),
        name: name.to_owned(),
        kind: "bars".to_owned(),
        symbols: vec!["AAPL".to_owned()],
        rows: 10,
        bytes: 100,
        from: Time(1),
        to: Time(2),
        path: "datasets/1.parquet".to_owned(),
        sha256: "00".to_owned(),
    };
    let room = DatasetQuota { sets_max: 2, bytes_max: 250 };
    let mine = store.save_dataset(actor(tenant, "ann", NOON), new("a"), room).await.unwrap();
    let shared = store.save_dataset(actor(PLATFORM, "root", NOON), new("a"), room).await.unwrap();
    assert!(is_conflict(store.save_dataset(actor(tenant, "ann", NOON), new("a"), room).await));
    assert!(!mine.is_shared && shared.is_shared);
    assert_eq!(store.dataset(tenant, shared.id).await.unwrap(), shared);
    let named = store.dataset_named(tenant, "a".to_owned(), true).await.unwrap();
    assert_eq!(named, shared);
    let other = TenantId::new();
    assert_eq!(store.dataset(other, mine.id).await, Err(StoreError::NotFound));
    let listed = store.datasets(tenant, Page::default()).await.unwrap().items;
    assert_eq!(listed, std::slice::from_ref(&mine));
    assert!(!serde_json::to_string(&mine).unwrap().contains("parquet"), "no path is shown");
    let by = || actor(tenant, "ann", NOON);
    let large = NewDataset { bytes: 151, ..new("b") };
    for (one, room) in [(large, room), (new("b"), DatasetQuota { sets_max: 1, ..room })] {
        let full = store.save_dataset(by(), one, room).await;
        assert!(matches!(full, Err(StoreError::Full { .. })), "{full:?}");
    }
    // A shared one is not the tenant's to delete.
    let foreign = store.delete_dataset(actor(tenant, "ann", NOON), shared.id).await;
    assert_eq!(foreign, Err(StoreError::NotFound));
    assert_eq!(store.delete_dataset(actor(tenant, "ann", NOON), mine.id).await, Ok(mine));
}

async fn limits(world: World) {
    let store = &world.store;
    let tenant = TenantId::new();
    let at = |person: &str, seconds: i64| actor(tenant, person, NOON + seconds * 1_000_000_000);
    let default = json!({"max_order_quantity": "10"});
    let set = |version: u64, document: &Value, people: &[&str]| LimitSet {
        version,
        document: document.clone(),
        people: people.iter().map(|&person| person.to_owned()).collect(),
        created_at: Time(NOON),
    };
    store.keep_limits(at("service", 0), set(1, &default, &[])).await.unwrap();
    let tight = json!({"max_order_quantity": "5"});
    store.keep_limits(at("ann", 0), set(2, &tight, &["ann"])).await.unwrap();
    // What is kept stays as it is.
    store.keep_limits(at("eve", 0), set(2, &default, &["eve"])).await.unwrap();
    assert!(is_conflict(store.propose_limits(at("ann", 0), 1, default.clone()).await));
    let proposal = store.propose_limits(at("ann", 0), 2, default.clone()).await.unwrap();
    assert!(is_conflict(store.agree_limits(at("ann", 20), proposal.id, false).await));
    assert!(is_conflict(store.agree_limits(at("ann", 5), proposal.id, true).await));
    assert!(is_conflict(store.agree_limits(at("ben", 901), proposal.id, false).await));
    let foreign = actor(TenantId::new(), "eve", NOON);
    let foreign = store.agree_limits(foreign, proposal.id, false).await;
    assert_eq!(foreign, Err(StoreError::NotFound));
    let agreed = store.agree_limits(at("ben", 20), proposal.id, false).await.unwrap();
    assert_eq!(
        (agreed.base_version, agreed.people.as_slice()),
        (2, ["ann", "ben"].map(str::to_owned).as_slice())
    );
    // It is used up once they are in force.
    store.keep_limits(at("ben", 20), set(3, &agreed.document, &["ann", "ben"])).await.unwrap();
    let again = store.agree_limits(at("eve", 21), proposal.id, false).await;
    assert_eq!(again, Err(StoreError::NotFound));
    let proposal = store.propose_limits(at("ann", 30), 3, json!({})).await.unwrap();
    let agreed = store.agree_limits(at("ann", 41), proposal.id, true).await.unwrap();
    store.keep_limits(at("ann", 41), set(4, &agreed.document, &["ann", "ann"])).await.unwrap();
    let audit = store.audit_chain(tenant, 0, 100).await.unwrap();
    let actions: Vec<&str> = audit.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "risk.limits_default",
            "risk.limits_tightened",
            "risk.limits_proposed",
            "risk.limits_loosened",
            "risk.limits_proposed",
            "risk.limits_loosened_by_single_operator",
        ]
    );
    let versions = store.limit_history(tenant, 10).await.unwrap();
    assert_eq!(versions.iter().map(|set| set.version).collect::<Vec<_>>(), [4, 3, 2, 1]);
}
