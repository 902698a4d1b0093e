//! Revocation and shared rate limits by a real Redis at 127.0.0.1:6379.

use std::sync::Arc;
use std::time::Duration;

use qt_auth::limits::{Bucket, Limiter, Quotas, RedisLimiter, Subject};
use qt_auth::{AuthError, RedisRevocations, Revocations, Right};
use qt_trading::KillLevel;
use qt_trading::ids::TenantId;
use qt_trading::time::Time;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, Client};
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::forge::{self, NOW, Shelf, hs};

const REDIS: &str = "127.0.0.1:6379";

/// The address of Redis; none, with a message, where it is absent and no CI asks for it.
async fn address() -> Option<&'static str> {
    if TcpStream::connect(REDIS).await.is_ok() {
        return Some(REDIS);
    }
    assert!(std::env::var_os("QT_CI").is_none(), "QT_CI is set, and no Redis is at {REDIS}");
    eprintln!("skipped: no Redis at {REDIS} (scripts/test starts one)");
    None
}

async fn connect(address: &str) -> ConnectionManager {
    let client = Client::open(format!("redis://{address}/")).expect("an address");
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(1)
        .set_max_delay(Duration::from_millis(20))
        .set_connection_timeout(Some(Duration::from_millis(500)));
    client.get_connection_manager_with_config(config).await.expect("Redis answers")
}

fn namespace() -> String {
    format!("qt-test:{}:", TenantId::new())
}

/// A way to Redis that can be cut.
struct Way {
    address: String,
    cut: tokio::sync::watch::Sender<bool>,
}

async fn way() -> Way {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (cut, seen) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        let mut lines = JoinSet::new();
        while let Ok((mut here, _)) = listener.accept().await {
            let mut seen = seen.clone();
            lines.spawn(async move {
                if *seen.borrow() {
                    return;
                }
                let Ok(mut there) = TcpStream::connect(REDIS).await else { return };
                let both = copy_bidirectional(&mut here, &mut there);
                tokio::select! { _ = both => {}, _ = seen.wait_for(|is_cut| *is_cut) => {} }
            });
        }
    });
    Way { address, cut }
}

fn after(minutes: i64) -> Time {
    Time(NOW.0 + minutes * 60_000_000_000)
}

#[tokio::test]
async fn both_lists_of_the_platform_count_and_outlive_redis() {
    if address().await.is_none() {
        return;
    }
    let (way, space) = (way().await, namespace());
    let mut redis = connect(REDIS).await;
    let put = |name: &str| format!("{space}{name}");
    for name in ["blacklist:t1", "blacklisted_token:t2", "blacklist:s1", "other:t3"] {
        let () = redis.set_ex(put(name), 1, 60).await.expect("it is set");
    }
    let list = Arc::new(RedisRevocations::new(connect(&way.address).await, &space));
    assert!(list.is_stale(NOW), "a list that was never read is stale");
    assert_eq!(list.refresh(NOW).await.expect("it is read"), 3);
    let revoked = |id: &str| list.is_revoked(id);
    assert!(revoked("t1") && revoked("t2") && revoked("s1"));
    assert!(!revoked("t3") && !revoked("") && !revoked("*"));

    let verifier = forge::with_shelf(&Shelf::default(), Arc::clone(&list) as _);
    let by =
        |jti: &str| hs(json!({"jti": jti, "role": "super_admin", "exp": forge::NOW_S + 7_200}));
    assert_eq!(verifier.verify(&by("t1"), NOW).await, Err(AuthError::Revoked));
    let user = verifier.verify(&by("t9"), NOW).await.expect("not revoked");

    // Redis goes away: the list stays, for 15 minutes.
    way.cut.send_replace(true);
    assert!(list.refresh(after(1)).await.is_err());
    for minutes in [1, 15] {
        assert_eq!(verifier.verify(&by("t2"), after(minutes)).await, Err(AuthError::Revoked));
        assert_eq!(verifier.allow(&user, Right::Trade, after(minutes)), Ok(()));
    }
    assert_eq!(verifier.verify(&by("t2"), after(16)).await, Err(AuthError::Revoked));
    for right in
        [Right::Trade, Right::LoosenLimits, Right::Arm(KillLevel::Tenant), Right::DecideApprovals]
    {
        let said = verifier.allow(&user, right, after(16));
        assert_eq!(said, Err(AuthError::RevocationsStale), "{right}");
        assert_eq!(said.map_err(AuthError::status), Err(503));
    }
    for right in [Right::Read, Right::Cancel, Right::Kill(KillLevel::Global), Right::TightenLimits]
    {
        assert_eq!(verifier.allow(&user, right, after(16)), Ok(()), "{right}");
    }
    // Who lacks the right is told that, and not that the list is old.
    let reader = verifier.verify(&hs(json!({"role": "readonly"})), NOW).await.expect("a reader");
    let said = verifier.allow(&reader, Right::Trade, after(16));
    assert_eq!(said, Err(AuthError::Forbidden("trade")));

    way.cut.send_replace(false);
    // It comes back without its data: who was revoked stays it.
    for name in ["blacklist:t1", "blacklisted_token:t2", "blacklist:s1"] {
        let () = redis.del(put(name)).await.expect("it is gone");
    }
    let mut read = list.refresh(after(17)).await;
    for _ in 0..100 {
        if read.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        read = list.refresh(after(17)).await;
    }
    assert_eq!(read.expect("Redis is back"), 3);
    assert_eq!(verifier.allow(&user, Right::Trade, after(17)), Ok(()));
    assert_eq!(verifier.verify(&by("t1"), after(17)).await, Err(AuthError::Revoked));
    // Until every token that it may stand in has expired.
    assert_eq!(list.refresh(after(24 * 60)).await.expect("it is read"), 3);
    assert_eq!(list.refresh(after(24 * 60 + 2)).await.expect("it is read"), 0);
    assert!(!list.is_revoked("t1"));
}

#[tokio::test]
async fn the_list_is_kept_fresh_by_itself() {
    if address().await.is_none() {
        return;
    }
    let space = namespace();
    let list = Arc::new(RedisRevocations::new(connect(REDIS).await, &space));
    let task = list.keep_fresh();
    let mut redis = connect(REDIS).await;
    let () = redis.set_ex(format!("{space}blacklist:late"), 1, 60).await.expect("it is set");
    let mut waited = 0;
    while !list.is_revoked("late") {
        tokio::time::sleep(Duration::from_millis(50)).await;
        waited += 1;
        assert!(waited < 200, "ten seconds");
    }
    assert!(!list.is_stale(Time::now()));
    task.abort();
}

fn quotas() -> Quotas {
    let get = |name: &str| match name {
        "RATE_LIMIT_WRITE" => Some("2:4".to_owned()),
        "RATE_LIMIT_KILL" => Some("1:3".to_owned()),
        _ => None,
    };
    Quotas::read(&get).expect("quotas")
}

async fn passed(limiter: &RedisLimiter, bucket: Bucket, whose: Subject, tries: usize) -> usize {
    let mut count = 0;
    for _ in 0..tries {
        count += usize::from(limiter.check(bucket, whose).await.is_ok());
    }
    count
}

#[tokio::test]
async fn replicas_count_together() {
    if address().await.is_none() {
        return;
    }
    let space = namespace();
    let one = RedisLimiter::new(connect(REDIS).await, &quotas(), &space);
    let two = RedisLimiter::new(connect(REDIS).await, &quotas(), &space);
    let (tenant, other) = (Subject::Tenant(TenantId::new()), Subject::Tenant(TenantId::new()));
    // By a clock of the test's, so that a slow machine changes nothing.
    let at = |ms: u64| 1_800_000_000_000_000 + ms * 1_000;
    let mut waits = Vec::new();
    for n in 0..6 {
        let limiter = if n % 2 == 0 { &one } else { &two };
        waits.push(limiter.ask(Bucket::Write, tenant, at(0)).await.expect("Redis answers"));
    }
    assert_eq!(waits, [0, 0, 0, 0, 500_000, 500_000]);
    assert_eq!(two.ask(Bucket::Write, tenant, at(499)).await.unwrap(), 1_000);
    assert_eq!(two.ask(Bucket::Write, tenant, at(500)).await.unwrap(), 0);
    assert_eq!(one.ask(Bucket::Write, tenant, at(500)).await.unwrap(), 500_000);
    assert_eq!(one.ask(Bucket::Write, other, at(500)).await.unwrap(), 0);
    assert_eq!(one.ask(Bucket::Read, tenant, at(500)).await.unwrap(), 0);
    // A clock that jumps back locks nobody out for longer than a full bucket.
    assert!(one.ask(Bucket::Write, tenant, at(0) - 3_600_000_000).await.unwrap() <= 2_000_000);
    // By the clock of Redis.
    let late = Subject::Tenant(TenantId::new());
    assert!(one.check(Bucket::Write, late).await.is_ok());
}

#[tokio::test]
async fn without_redis_each_counts_for_itself_and_the_kill_switch_never_waits() {
    if address().await.is_none() {
        return;
    }
    let way = way().await;
    let limiter = RedisLimiter::new(connect(&way.address).await, &quotas(), &namespace());
    let tenant = Subject::Tenant(TenantId::new());
    assert_eq!(passed(&limiter, Bucket::Write, tenant, 4).await, 4);
    assert!(!limiter.is_away());
    way.cut.send_replace(true);
    let start = std::time::Instant::now();
    // The local bucket is full, and may fill by a step while the machine is slow.
    let count = passed(&limiter, Bucket::Write, tenant, 50).await;
    assert!((4..=8).contains(&count), "{count}");
    assert!(limiter.is_away());
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!((3..=5).contains(&passed(&limiter, Bucket::Kill, tenant, 20).await));
    let limited = limiter.check(Bucket::Kill, tenant).await.expect_err("one too many");
    assert_eq!(limited.retry_after_s, 1);
}
