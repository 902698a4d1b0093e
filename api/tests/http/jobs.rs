//! Backtests and data sets over the wire.

use std::path::Path;
use std::time::{Duration, Instant};

use qt_auth::Role;
use qt_store::backtests::{BacktestQuota, BacktestStatus, JobHolder};
use qt_store::{Actor, Backtests, NewBacktest};
use qt_trading::ids::{BacktestId, TenantId};
use qt_trading::time::Time;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::common::client::{Reply, raw};
use crate::common::jobs::{self, BUSY_CAPITAL, SLOW_WORD};
use crate::common::{Service, Wanted, token, token_of};

async fn service() -> Service {
    Service::with(Wanted { has_jobs: true, ..Wanted::default() }).await
}

fn backtest(capital: &str) -> String {
    json!({"strategy_type": "sma_cross", "data": "shared:SP500", "initial_capital": capital})
        .to_string()
}

async fn until(
    service: &Service,
    token: &str,
    path: &str,
    is_so: impl Fn(&Value) -> bool,
) -> Value {
    let began = Instant::now();
    loop {
        let body = service.ask("GET", path, token, None).await.json();
        if is_so(&body) {
            return body;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{path}: {body}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn path_of(reply: &Reply) -> String {
    assert_eq!(reply.status, 202, "{reply:?}");
    format!("/backtests/{}", reply.json()["id"].as_str().unwrap())
}

#[tokio::test]
pub async fn an_agent_never_gets_a_persons_backtest() {
    let service = service().await;
    let tenant = TenantId::new();
    let (user, agent) = (token(Role::User, tenant), token(Role::Agent, tenant));
    let body = json!({"name": "one", "strategy_type": "sma_cross", "symbols": ["BTC-USD"]});
    let made = service.ask("POST", "/strategies", &user, Some(&body.to_string())).await.json();
    let path = format!("/strategies/{}/backtest", made["id"].as_str().unwrap());
    let of_user = service.ask("GET", &path, &user, None).await;
    assert_eq!(of_user.status, 202);
    let of_agent = service.ask("GET", &path, &agent, None).await;
    assert_eq!(of_agent.status, 202, "it has none yet: {of_agent:?}");
    assert_ne!(of_user.json()["id"], of_agent.json()["id"]);
    for (token, own) in [(&user, of_user.json()), (&agent, of_agent.json())] {
        let again = service.ask("GET", &path, token, None).await.json();
        if token == &agent {
            assert_eq!(again["id"], own["id"]);
        }
        let listed = service.ask("GET", "/backtests", token, None).await.json();
        let count = if token == &agent { 1 } else { 2 };
        assert_eq!(listed["items"].as_array().unwrap().len(), count);
    }
    let foreign = format!("/backtests/{}", of_user.json()["id"].as_str().unwrap());
    assert_eq!(service.ask("GET", &foreign, &agent, None).await.status, 404);
    assert_eq!(service.ask("DELETE", &foreign, &agent, None).await.status, 404);
}

#[tokio::test]
pub async fn a_job_that_is_stopped_is_charged_what_it_took_and_ends_when_it_ends() {
    let service = service().await;
    let user = token(Role::User, TenantId::new());
    let started = service.ask("POST", "/backtests", &user, Some(&backtest(BUSY_CAPITAL))).await;
    let path = path_of(&started);
    until(&service, &user, &path, |job| job["status"] == "running").await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    let gone = service.ask("DELETE", &path, &user, None).await;
    assert_eq!((gone.status, &gone.json()["status"]), (200, &json!("cancelled")), "{gone:?}");
    let job = until(&service, &user, &path, |job| job["cpu_ms"].as_u64() > Some(0)).await;
    assert!(job["finished_at"].as_str() > job["started_at"].as_str(), "{job}");
    assert_eq!(service.ask("DELETE", &path, &user, None).await.status, 409);
}

#[tokio::test]
pub async fn a_quota_that_is_used_up_is_429_and_holds_at_the_same_moment() {
    let service = service().await;
    let user = token(Role::User, TenantId::new());
    let body = backtest(BUSY_CAPITAL);
    let asks = (0..9).map(|_| service.ask("POST", "/backtests", &user, Some(&body)));
    let replies = futures_util::future::join_all(asks).await;
    let taken = replies.iter().filter(|reply| reply.status == 202).count();
    assert_eq!(taken, 5, "{:?}", replies.iter().map(|reply| reply.status).collect::<Vec<_>>());
    for refused in replies.iter().filter(|reply| reply.status != 202) {
        assert_eq!((refused.status, refused.code().as_str()), (429, "QUOTA_OPEN_BACKTESTS"));
        assert!(refused.header("retry-after").is_some());
    }
    service.jobs.as_ref().unwrap().stop().await;
}

/// Sends a data set as a client does.
pub async fn send_data(service: &Service, token: &str, query: &str, key: &str, csv: &str) -> Reply {
    let request = format!(
        "POST /datasets?{query} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: text/csv\r\nidempotency-key: {key}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{csv}",
        csv.len()
    );
    Reply::read(&raw(service.address, request.as_bytes()).await)
}

/// Folders of data sets that there are.
fn folders(service: &Service, tenant: TenantId) -> usize {
    let folder = service.folder.path().join("datasets").join(tenant.to_string());
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

#[tokio::test]
async fn data_sets_are_sent_once_and_within_bounds() {
    let service = service().await;
    let tenant = TenantId::new();
    let user = token(Role::User, tenant);
    let shared = service.ask("GET", "/datasets/shared:sp500", &user, None).await;
    assert_eq!((shared.status, &shared.json()["id"]), (200, &json!("shared:SP500")));
    assert_eq!(service.ask("GET", "/datasets/shared:NO", &user, None).await.status, 404);
    let one = send_data(&service, &user, "name=A", "k", "t,c\n1,2\n").await;
    assert_eq!(one.status, 201, "{one:?}");
    let again = send_data(&service, &user, "name=A", "k", "t,c\n1,2\n").await;
    assert_eq!((again.status, again.json()), (201, one.json()));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    for (query, csv) in [("name=A", "t,c\n1,3\n"), ("name=B", "t,c\n1,2\n")] {
        let other = send_data(&service, &user, query, "k", csv).await;
        assert_eq!((other.status, other.code().as_str()), (422, "IDEMPOTENCY_KEY_REUSED"));
    }
    let taken = send_data(&service, &user, "name=A", "k2", "t,c\n1,2\n").await;
    assert_eq!(taken.status, 409, "{taken:?}");
    assert_eq!(folders(&service, tenant), 1, "what is not kept leaves nothing behind");
    for (name, status) in [("B", 201), ("C", 201), ("D", 429)] {
        let sent = send_data(&service, &user, &format!("name={name}"), name, "t,c\n1,2\n").await;
        assert_eq!(sent.status, status, "{sent:?}");
    }
    assert_eq!(folders(&service, tenant), 3);
    let reader = token(Role::Readonly, tenant);
    assert_eq!(send_data(&service, &reader, "name=E", "", "x").await.status, 403);
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_no_process_and_no_file() {
    let service = service().await;
    let tenant = TenantId::new();
    let user = token_of("u", Role::User, tenant, 600);
    let csv = format!("t,c\n{SLOW_WORD},2\n");
    let request = format!(
        "POST /datasets?name=A HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {user}\r\n\
         content-type: text/csv\r\ncontent-length: {}\r\n\r\n{csv}",
        csv.len()
    );
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(service.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        held.push(stream);
    }
    let began = Instant::now();
    while folders(&service, tenant) < 2 || processes_in(service.folder.path()) < 2 {
        assert!(began.elapsed() < Duration::from_secs(5), "they are looked at");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let more = send_data(&service, &user, "name=B", "k", "t,c\n1,2\n").await;
    assert_eq!((more.status, more.code().as_str()), (429, "QUOTA_INTAKES"), "{more:?}");
    let other = token(Role::User, TenantId::new());
    let others = send_data(&service, &other, "name=B", "k", "t,c\n1,2\n").await;
    assert_eq!(others.status, 201, "another tenant is not held up: {others:?}");
    drop(held);
    let began = Instant::now();
    while folders(&service, tenant) > 0 || processes_in(service.folder.path()) > 0 {
        assert!(began.elapsed() < Duration::from_secs(5), "something is left");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Processes that work in a folder below `folder`.
fn processes_in(folder: &Path) -> usize {
    let of = |entry: std::io::Result<std::fs::DirEntry>| {
        let place = std::fs::read_link(entry.ok()?.path().join("cwd")).ok()?;
        place.starts_with(folder).then_some(())
    };
    std::fs::read_dir("/proc").map_or(0, |all| all.filter_map(of).count())
}

/// Jobs are charged while they run, so that a crash saves nobody anything, and a process that
/// starts beside another one leaves its jobs alone; what nobody fills any more it removes.
#[tokio::test]
pub async fn a_second_process_takes_over_only_what_nobody_has() {
    let service = service().await;
    let tenant = TenantId::new();
    let user = token(Role::User, tenant);
    let ask = async |path: &str, body: &str| service.ask("POST", path, &user, Some(body)).await;
    let busy = path_of(&ask("/backtests", &backtest(BUSY_CAPITAL)).await);
    until(&service, &user, &busy, |job| job["status"] == "running").await;
    let id = busy.rsplit('/').next().unwrap().parse().map(BacktestId).unwrap();
    let began = Instant::now();
    while service.store.backtest(tenant, id).await.unwrap().cpu_ms == 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "it is charged nothing");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let beside = tempfile::tempdir().unwrap();
    let sets = beside.path().join("datasets").join(tenant.to_string());
    let [left, old] = ["left", "old"].map(|name| sets.join(name));
    for folder in [&left, &old] {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("A.csv"), "half").unwrap();
    }
    std::fs::write(left.join(".taking"), "").unwrap();
    let other = jobs::start_as(beside.path(), &service.store, false).await;
    assert!(!left.exists(), "nobody fills it any more");
    assert!(old.exists(), "nothing says that it was not filled");
    let job = service.ask("GET", &busy, &user, None).await.json();
    assert_eq!(job["status"], "running", "{job}");
    // Of a process that has gone and left one behind it takes it over.
    let gone = JobHolder { name: "gone".to_owned(), until: Time(1) };
    let new = NewBacktest {
        id: BacktestId::new(),
        strategy_id: None,
        unique_key: None,
        config: json!({"nothing": "that can be read"}),
    };
    let quota = BacktestQuota { open_max: 9, cpu_ms_max: u64::MAX >> 1, since: Time(0) };
    let by = Actor::new(tenant, "gone", "");
    let (lost, _) = service.store.enqueue_backtest(by, new, quota, gone).await.unwrap();
    other.recover().await.unwrap();
    let lost = format!("/backtests/{}", lost.id);
    until(&service, &user, &lost, |job| job["status"] == "failed").await;
    assert_eq!(service.ask("DELETE", &busy, &user, None).await.status, 200);
    other.stop().await;
}

/// What another process does with its jobs is told here, once.
#[tokio::test]
async fn jobs_of_another_process_are_told_to_listeners_of_this_one() {
    let service = service().await;
    let (tenant, other) = (TenantId::new(), TenantId::new());
    let folder = tempfile::tempdir().unwrap();
    let here = jobs::start_as(folder.path(), &service.store, false).await;
    let (log, quiet) = (here.changes(tenant), here.changes(other));
    let (mut reader, before) = (log.reader(log.last()), quiet.last());
    let following = std::sync::Arc::clone(&here);
    let following = tokio::spawn(async move { following.follow().await });
    let user = token(Role::User, tenant);
    let path = path_of(&service.ask("POST", "/backtests", &user, Some(&backtest("100"))).await);
    until(&service, &user, &path, |job| job["status"] == "done").await;
    let mut told = Vec::new();
    crate::common::soon(async {
        while !told.iter().any(|(_, status)| *status == BacktestStatus::Done) {
            reader.ready().await;
            let events = reader.take(16).unwrap();
            told.extend(events.iter().map(|it| (it.kind.id.to_string(), it.kind.status)));
        }
    })
    .await;
    assert!(told.iter().all(|(id, _)| path.ends_with(id.as_str())), "{told:?}");
    let of = |status| told.iter().filter(|(_, of)| *of == status).count();
    assert_eq!(of(BacktestStatus::Done), 1, "{told:?}");
    assert!(of(BacktestStatus::Queued) <= 1, "{told:?}");
    assert_eq!(quiet.last(), before, "another tenant is told nothing");
    following.abort();
}
