//! What must not pass through the Redis Stream: keys of another tenant and keys of before, floods,
//! clocks that are off. Each is refused with its code and counted, and holds up nobody else.

use std::collections::BTreeMap;
use std::time::Duration;

use qt_api::signals::stream::{DEAD, STREAM};
use qt_auth::Role;
use qt_trading::time::Time;
use redis::aio::MultiplexedConnection;
use redis::streams::StreamRangeReply;
use ring::hmac;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::flow::{until, until_healthy};
use crate::place::Way;
use crate::redis_server::RedisServer;
use crate::signals::{Source, all_done, hex, place, redis, send, signal};

const SECOND: i64 = 1_000_000_000;

/// The dead letters by their codes.
async fn dead(server: &RedisServer) -> BTreeMap<String, usize> {
    let mut range = redis::cmd("XRANGE");
    range.arg(DEAD).arg("-").arg("+");
    let letters: StreamRangeReply = range.query_async(&mut redis(server).await).await.unwrap();
    let mut codes = BTreeMap::new();
    for letter in letters.ids {
        *codes.entry(letter.get("code").expect("a code")).or_default() += 1;
    }
    codes
}

fn codes<const N: usize>(wanted: [(&str, usize); N]) -> BTreeMap<String, usize> {
    wanted.map(|(code, count)| (code.to_owned(), count)).into()
}

/// What was counted of signals.
async fn counted(way: &Way, outcome: &str) -> usize {
    let figures = String::from_utf8(way.ask("GET", "/metrics", None).await.body).unwrap();
    let name = format!("quanttrade_signals_total{{outcome=\"{outcome}\"}} ");
    let found = figures.lines().find_map(|line| line.strip_prefix(&name));
    found.map_or(0, |count| count.parse().unwrap())
}

/// The signals of a tenant that stand so, by the names of their sources.
async fn kept(way: &Way, status: &str) -> Vec<String> {
    let path = format!("/signals?limit=500&status={status}");
    let page = way.ask("GET", &path, None).await.json();
    let items = page["items"].as_array().expect("a list");
    items.iter().map(|row| row["signal_id"].as_str().unwrap().to_owned()).collect()
}

fn with(signal: &str, field: &str, value: Value) -> String {
    let mut signal: Value = serde_json::from_str(signal).unwrap();
    signal[field] = value;
    signal.to_string()
}

/// Two tenants, each with a source: whatever one of them makes of the keys that it knows, nothing
/// of it reaches the other one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_of_another_tenant_opens_nothing() {
    let Some(server) = RedisServer::start().await else { return };
    let place = place(&server).await;
    let (ann, mut redis) = (place.as_person("ann"), redis(&server).await);
    let eve = place.as_stranger("eve", Uuid::now_v7(), Role::TenantAdmin);
    until_healthy(&eve).await;
    let ours = Source::live(&ann, "ai", "20000").await;
    let theirs = Source::live(&eve, "ai", "20000").await;
    let (our_tenant, our_source) = ours.key_id.split_once('.').unwrap();
    let (their_tenant, their_source) = theirs.key_id.split_once('.').unwrap();
    assert_ne!(our_tenant, their_tenant);
    let names = |key_id: String, n: usize| {
        // Signed with the key that eve has.
        let mut fields = theirs.fields(&signal("forged", n));
        fields[1].1 = key_id;
        fields
    };
    let told = with(&signal("forged", 3), "tenant_id", json!(our_tenant));
    let entries = [
        names(ours.key_id.clone(), 0),
        names(format!("{our_tenant}.{their_source}"), 1),
        names(format!("{their_tenant}.{our_source}"), 2),
        // A body says nothing about whose it is.
        theirs.fields(&told),
        theirs.fields(&signal("theirs", 0)),
        ours.fields(&signal("ours", 0)),
    ];
    send(&mut redis, &entries).await;
    all_done(&mut redis).await;
    let wanted =
        codes([("STREAM_SIGNATURE", 1), ("STREAM_KEY_UNKNOWN", 2), ("SIGNAL_MALFORMED", 1)]);
    assert_eq!(dead(&server).await, wanted);
    for (code, count) in wanted {
        assert_eq!(counted(&ann, &code).await, count, "{code}");
    }
    assert_eq!(kept(&ann, "taken").await, ["ours-0"]);
    assert_eq!(kept(&eve, "taken").await, ["theirs-0"]);
    // Each has an order of its own and none of the other's, and cannot look at the other's.
    for (way, source, other) in [(&ann, &ours, &theirs), (&eve, &theirs, &ours)] {
        let path = format!("/orders?strategy_id={}", source.id);
        until(way, &path, |page| page["items"].get(0).is_some()).await;
        let all = way.ask("GET", "/orders", None).await.json();
        assert_eq!(all["items"].as_array().unwrap().len(), 1, "{all}");
        for path in [format!("/signal-sources/{}", other.id), "/signals".to_owned()] {
            let told = way.ask("GET", &path, None).await.json().to_string();
            assert!(!told.contains(&other.id), "{told}");
        }
    }
}

/// One source sends a hundred times what it may, and somebody without a key sends rubbish: the
/// others go on within their rates.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_drowns_nobody_else() {
    let Some(server) = RedisServer::start().await else { return };
    let place = place(&server).await;
    let (ann, mut redis) = (place.as_person("ann"), redis(&server).await);
    let eve = place.as_stranger("eve", Uuid::now_v7(), Role::TenantAdmin);
    until_healthy(&eve).await;
    let rated = |rate: u32| {
        let budget = json!({"notional": "20000", "loss": "5000", "rate_per_minute": rate});
        json!({ "budget": budget })
    };
    let loud = Source::live_with(&ann, "loud", rated(60)).await;
    let quiet = Source::live_with(&ann, "quiet", rated(60)).await;
    let distant = Source::live_with(&eve, "distant", rated(60)).await;
    let (flood, rubbish, few) = (6_000, 2_000, 20);
    let hold = |name: &str, n: usize| with(&signal(name, n), "action", json!("hold"));
    let mut entries = Vec::new();
    for n in 0..flood {
        entries.push(loud.fields(&hold("loud", n)));
        if n % 3 == 0 {
            let mut fields = loud.fields("{}");
            fields[2].1 = "00".to_owned();
            entries.push(fields);
        }
        if n % (flood / few) == 0 {
            entries.push(quiet.fields(&hold("quiet", n)));
            entries.push(distant.fields(&hold("distant", n)));
        }
    }
    send(&mut redis, &entries).await;
    all_done(&mut redis).await;
    let of = |all: Vec<String>, name: &str| all.iter().filter(|it| it.starts_with(name)).count();
    let (at_ann, at_eve) = (kept(&ann, "taken").await, kept(&eve, "taken").await);
    assert_eq!((of(at_ann.clone(), "quiet"), of(at_eve, "distant")), (few, few));
    // It may send what its rate lets pass while the flood lasts, which is some of it.
    let passed = of(at_ann, "loud");
    assert!((60..flood / 10).contains(&passed), "{passed} of the flood");
    let dead = dead(&server).await;
    let wanted = codes([("SOURCE_RATE", flood - passed), ("STREAM_SIGNATURE", rubbish)]);
    assert_eq!(dead, wanted);
    for (code, count) in wanted {
        assert_eq!(counted(&ann, &code).await, count, "{code}");
    }
    // It is over: the one that was loud may speak again, within its rate.
    let agent = place.as_agent("loud");
    let mut n = flood;
    let again = loop {
        n += 1;
        let sent = agent.ask("POST", "/signals", Some(&hold("loud", n))).await;
        if sent.status != 429 {
            break sent;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(again.status, 201, "{}", again.json());
}

/// An agent whose clock is off by so much, in seconds, says it by one way or the other.
async fn off(source: &Source, way: Option<&Way>, server: &RedisServer, of: (&str, i64, i64)) {
    let (name, off_s, lasts_s) = of;
    let issued = Time::now().0 + off_s * SECOND;
    let said = with(&signal(name, 0), "issued_at", json!(Time(issued).to_string()));
    let said = with(&said, "expires_at", json!(Time(issued + lasts_s * SECOND).to_string()));
    match way {
        Some(agent) => drop(agent.ask("POST", "/signals", Some(&said)).await),
        None => {
            let mut redis = redis(server).await;
            send(&mut redis, &[source.fields(&said)]).await;
            all_done(&mut redis).await;
        }
    }
}

/// Ahead by more than is tolerated, behind by more than a signal lasts, and both by less.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_whose_clock_is_off_is_told_so_and_counted() {
    let Some(server) = RedisServer::start().await else { return };
    let place = place(&server).await;
    let ann = place.as_person("ann");
    let late = json!({"late_after_ms": 10_000, "fallback": "ignore",
        "budget": {"notional": "20000", "loss": "5000", "rate_per_minute": 60}});
    let source = Source::live_with(&ann, "ai", late).await;
    let agent = place.as_agent("ai");
    for (times, way) in [(1, None), (2, Some(&agent))] {
        let name = |of: &str| format!("{of}-{times}");
        for (of, off_s, lasts_s) in [
            ("ahead", 60, 3_600),
            ("ahead-little", 2, 3_600),
            ("behind", -3_600, 600),
            ("behind-little", -60, 3_600),
        ] {
            off(&source, way, &server, (&name(of), off_s, lasts_s)).await;
        }
        for code in ["SIGNAL_FROM_FUTURE", "SIGNAL_EXPIRED"] {
            assert_eq!(counted(&ann, code).await, times, "{code}");
        }
        // What was refused was not kept: with a clock that is right the same name is good.
        off(&source, way, &server, (&name("ahead"), 0, 3_600)).await;
    }
    // By the stream it lies among the dead letters; by a request it is the answer.
    let wanted = codes([("SIGNAL_FROM_FUTURE", 1), ("SIGNAL_EXPIRED", 1)]);
    assert_eq!(dead(&server).await, wanted);
    let mut taken = kept(&ann, "taken").await;
    taken.sort_unstable();
    let names = ["ahead", "ahead-little", "behind-little"];
    let mut all: Vec<String> =
        names.iter().flat_map(|of| [1, 2].map(|times| format!("{of}-{times}-0"))).collect();
    all.sort_unstable();
    assert_eq!(taken, all);
    // What seems to be a minute old is taken in, and not followed: the position is that of one
    // whose clock was right.
    until(&ann, "/portfolio/positions", |page| page["items"].get(0).is_some()).await;
    let orders = ann.ask("GET", &format!("/orders?strategy_id={}", source.id), None).await.json();
    assert_eq!(orders["items"].as_array().unwrap().len(), 1, "{orders}");
}

/// A payload of any bytes, signed as it is.
async fn send_raw(redis: &mut MultiplexedConnection, source: &Source, payload: &[u8]) {
    let sig = hex(hmac::sign(&source.key, payload).as_ref());
    let mut add = redis::cmd("XADD");
    add.arg(STREAM).arg("*").arg("payload").arg(payload);
    add.arg("key_id").arg(&source.key_id).arg("sig").arg(sig);
    add.query_async::<String>(redis).await.unwrap();
}

/// Poison of every kind, each behind a good one and before another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_has_its_code_and_the_next_entry_goes_on() {
    let Some(server) = RedisServer::start().await else { return };
    let place = place(&server).await;
    let (ann, mut redis) = (place.as_person("ann"), redis(&server).await);
    let source = Source::live(&ann, "ai", "20000").await;
    let base = with(&signal("bad", 0), "action", json!("hold"));
    let raw = |from: &str, to: &str| {
        assert!(base.contains(from), "{base}");
        base.replace(from, to).into_bytes()
    };
    let large = with(&base, "reasoning", json!(["x".repeat(70_000)])).into_bytes();
    let deep = raw("\"hold\"", &format!("\"hold\",\"features\":{{\"a\":{}", "[".repeat(50_000)));
    let mut torn = base.clone().into_bytes();
    torn.truncate(40);
    let faults: [(&str, Vec<u8>); 15] = [
        ("SIGNAL_SCHEMA_VERSION", with(&base, "schema_version", json!(2)).into_bytes()),
        ("SIGNAL_UNKNOWN_SYMBOL", with(&base, "symbol", json!("NONE")).into_bytes()),
        ("SIGNAL_FOREIGN_SYMBOL", with(&base, "symbol", json!("AAPL")).into_bytes()),
        ("SIGNAL_CONFIDENCE", with(&base, "confidence", json!(1.01)).into_bytes()),
        ("SIGNAL_CONFIDENCE", with(&base, "confidence", json!(-1)).into_bytes()),
        ("SIGNAL_ID", with(&base, "signal_id", json!("a b")).into_bytes()),
        ("SIGNAL_HORIZON", with(&base, "horizon_seconds", json!(0)).into_bytes()),
        ("SIGNAL_TOO_LARGE", large),
        ("SIGNAL_MALFORMED", raw("0.9", "NaN")),
        ("SIGNAL_MALFORMED", raw("0.9", "1e999")),
        ("SIGNAL_ID", raw("bad-0", "bad\\u0000")),
        ("SIGNAL_MALFORMED", deep[..60_000.min(deep.len())].to_vec()),
        ("SIGNAL_MALFORMED", vec![0xff; 1_000]),
        ("SIGNAL_MALFORMED", Vec::new()),
        ("SIGNAL_MALFORMED", torn),
    ];
    for (n, (_, fault)) in faults.iter().enumerate() {
        let good = with(&signal("good", n), "action", json!("hold"));
        send(&mut redis, &[source.fields(&good)]).await;
        send_raw(&mut redis, &source, fault).await;
    }
    all_done(&mut redis).await;
    let mut wanted = BTreeMap::new();
    for (code, _) in &faults {
        *wanted.entry((*code).to_owned()).or_default() += 1;
    }
    assert_eq!(dead(&server).await, wanted);
    for (code, count) in &wanted {
        assert_eq!(counted(&ann, code).await, *count, "{code}");
    }
    assert_eq!(kept(&ann, "taken").await.len(), faults.len());
    // Sent once more, all of it says what it said, and nothing has an effect twice.
    for (_, fault) in &faults {
        send_raw(&mut redis, &source, fault).await;
    }
    all_done(&mut redis).await;
    wanted.values_mut().for_each(|count| *count *= 2);
    assert_eq!(dead(&server).await, wanted);
    assert_eq!(kept(&ann, "taken").await.len(), faults.len());
}

/// Two keys are good while an agent changes over, and one afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_gets_another_key() {
    let Some(server) = RedisServer::start().await else { return };
    let place = place(&server).await;
    let (admin, mut redis) = (place.as_person("ann"), redis(&server).await);
    let first = Source::live(&admin, "ai", "20000").await;
    let rotate = async |grace: u32| {
        let body = json!({ "grace_seconds": grace }).to_string();
        let path = format!("/signal-sources/{}/key", first.id);
        let made = admin.ask("POST", &path, Some(&body)).await;
        assert_eq!(made.status, 201, "{}", made.json());
        let made = made.json();
        assert_eq!(made["key_id"], json!(first.key_id), "the source is the same one");
        assert_eq!(made["old_key_until"].is_null(), grace == 0, "{made}");
        let key = hmac::Key::new(hmac::HMAC_SHA256, made["key"].as_str().unwrap().as_bytes());
        Source { id: first.id.clone(), key_id: first.key_id.clone(), key }
    };
    let second = rotate(3_600).await;
    // A source is as it was read for a second.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    send(&mut redis, &[first.fields(&signal("a", 0)), second.fields(&signal("b", 0))]).await;
    all_done(&mut redis).await;
    assert!(server.entries(DEAD).await.is_empty());
    // The one before the one before is good no more, nor, with no grace, the one before.
    let third = rotate(0).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let all = [&first, &second, &third].map(|source| source.fields(&signal("c", 0)));
    send(&mut redis, &all).await;
    all_done(&mut redis).await;
    let dead = server.entries(DEAD).await;
    let codes: Vec<&str> = dead.iter().map(|entry| entry["code"].as_str()).collect();
    assert_eq!(codes, ["STREAM_SIGNATURE", "STREAM_SIGNATURE"], "{dead:?}");
    let all = admin.ask("GET", "/signals", None).await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 3, "{all}");
    let body = json!({"grace_seconds": 604_801}).to_string();
    let path = format!("/signal-sources/{}/key", first.id);
    assert_eq!(admin.ask("POST", &path, Some(&body)).await.status, 422);
    let audit = admin.ask("GET", "/audit?action=signal_source.key_changed", None).await.json();
    assert_eq!(audit["items"].as_array().unwrap().len(), 2, "{audit}");
}
