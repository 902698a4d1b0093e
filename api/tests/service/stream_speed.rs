//! How fast the stream of signals is.

use std::collections::HashMap;
use std::process::Command;
use std::time::{Duration, Instant};

use qt_api::signals::stream::STREAM;
use qt_trading::time::Time;
use redis::aio::MultiplexedConnection;
use redis::streams::StreamReadReply;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::place::{Place, binary};
use crate::redis_server::RedisServer;
use crate::signals::{Source, all_done, place, redis, send, signal};

/// The stream of the null control: what Redis alone takes.
const NULL: &str = "null.signals";
/// How long each rate is kept.
const PART: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it measures"]
async fn speed_of_the_stream() {
    let Some(server) = RedisServer::start().await else { return };
    let place = place(&server).await;
    let (admin, mut redis) = (place.as_person("ann"), redis(&server).await);
    let source = Source::live(&admin, "ai", "20000").await;
    let count = 20_000;
    // Without orders: what is measured is the way into the journal and the store.
    let hold = |n| signal("fast", n).replace("\"buy\"", "\"hold\"");
    let hold = |n| hold(n).replace("\"close\"", "\"hold\"");
    let entries: Vec<_> = (0..count).map(|n| source.fields(&hold(n))).collect();
    let began = Instant::now();
    send(&mut redis, &entries).await;
    all_done(&mut redis).await;
    let took = began.elapsed().as_secs_f64();
    println!("{count} signals through the stream: {:.0} a second", f64::from(count as u32) / took);
    let mut told = HashMap::new();
    let null = null_control(&server).await;
    for rate in [50, 500, 2_000] {
        let begun = Time::now();
        let alone = at_rate(&mut redis, &source, rate).await;
        all_done(&mut redis).await;
        told.insert(rate, (begun.0..Time::now().0, alone));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    null.abort();
    let ours = from_journal(place).await;
    println!("from XADD to the order in the session's journal, and to another reader of Redis:");
    println!("| signals/s | count | p50 us | p99 us | Redis alone p50 us | p99 us |");
    println!("|---|---|---|---|---|---|");
    for rate in [50, 500, 2_000] {
        let (range, sent) = &told[&rate];
        let of_rate = ours.iter().filter(|(issued_ns, _)| range.contains(issued_ns));
        let mut took: Vec<i64> = of_rate.map(|(_, took_ns)| took_ns / 1_000).collect();
        let mut alone = NULL_TOOK.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        alone.retain(|(sent_ns, _)| range.contains(sent_ns));
        let mut alone: Vec<i64> = alone.into_iter().map(|(_, took_ns)| took_ns / 1_000).collect();
        assert_eq!((took.len(), alone.len()), (*sent, *sent), "all of them came");
        let ([p50, p99], [null_p50, null_p99]) = (shares(&mut took), shares(&mut alone));
        println!("| {rate} | {sent} | {p50} | {p99} | {null_p50} | {null_p99} |");
    }
}

/// When an entry of the null control was sent, and how long it took (ns).
static NULL_TOOK: std::sync::Mutex<Vec<(i64, i64)>> = std::sync::Mutex::new(Vec::new());

fn shares(took: &mut [i64]) -> [i64; 2] {
    took.sort_unstable();
    [500, 990].map(|share| took[took.len() * share / 1_000])
}

/// Sends signals that become orders at an even rate, each also to the null control; how many.
async fn at_rate(redis: &mut MultiplexedConnection, source: &Source, rate: u32) -> usize {
    let (began, every) = (tokio::time::Instant::now(), Duration::from_secs(1) / rate);
    let count = (PART.as_secs() as u32 * rate) as usize;
    for n in 0..count {
        tokio::time::sleep_until(began + every * n as u32).await;
        let fields = source.fields(&signal(&format!("at-{rate}"), n));
        let mut pipe = redis::pipe();
        pipe.cmd("XADD").arg(STREAM).arg("*").arg(&fields).ignore();
        pipe.cmd("XADD").arg(NULL).arg("*").arg("at").arg(Time::now().0).arg(&fields).ignore();
        let mut redis = redis.clone();
        // The next one does not wait for the answer to this one.
        tokio::spawn(async move { pipe.query_async::<()>(&mut redis).await });
    }
    count
}

/// Reads and acknowledges, like the service, and does nothing else.
async fn null_control(server: &RedisServer) -> JoinHandle<()> {
    let mut redis = redis(server).await;
    let mut make = redis::cmd("XGROUP");
    make.arg("CREATE").arg(NULL).arg("null").arg("0").arg("MKSTREAM");
    make.query_async::<()>(&mut redis).await.expect("a group");
    tokio::spawn(async move {
        loop {
            let mut read = redis::cmd("XREADGROUP");
            read.arg("GROUP").arg("null").arg("one").arg("COUNT").arg(1_000).arg("BLOCK").arg(100);
            read.arg("STREAMS").arg(NULL).arg(">");
            let reply = read.query_async::<Option<StreamReadReply>>(&mut redis).await;
            let keys = reply.ok().flatten().map(|reply| reply.keys).unwrap_or_default();
            let now_ns = Time::now().0;
            let mut acknowledge = redis::cmd("XACK");
            acknowledge.arg(NULL).arg("null");
            let mut took = Vec::new();
            for entry in keys.into_iter().flat_map(|key| key.ids) {
                let sent_ns: i64 = entry.get("at").unwrap_or(now_ns);
                took.push((sent_ns, now_ns - sent_ns));
                acknowledge.arg(entry.id);
            }
            if !took.is_empty() {
                let _ = acknowledge.query_async::<i64>(&mut redis).await;
                let mut all = NULL_TOOK.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                all.extend(took);
            }
        }
    })
}

/// When each signal of the session's journal was issued, and how long after that it was an event
/// of the session, in whose step the order is made (ns).
async fn from_journal(place: Place) -> Vec<(i64, i64)> {
    let sessions = place.data_dir().join("sessions");
    let journal = find(&sessions).expect("the journal of a session");
    let out = Command::new(binary()).args(["journal", "signals"]).arg(&journal).output();
    let out = out.expect("the journal is read");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    place.stop().await;
    let lines = String::from_utf8(out.stdout).expect("lines of text");
    let at = |text: &Value| text.as_str().and_then(|it| it.parse::<jiff::Timestamp>().ok());
    let took = lines.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap_or(json!(null));
        let issued = at(&line["signal"]["issued_at"]).expect("a time").as_nanosecond() as i64;
        let arrived = at(&line["arrived_at"]).expect("a time").as_nanosecond() as i64;
        (issued, arrived - issued)
    });
    took.collect()
}

fn find(folder: &std::path::Path) -> Option<std::path::PathBuf> {
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        if path.ends_with("journal.qtj") {
            return Some(path);
        }
        if path.is_dir()
            && let Some(found) = find(&path)
        {
            return Some(found);
        }
    }
    None
}
