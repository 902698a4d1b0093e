//! Requests that are much larger, or much slower, than any that is meant: refused without the
//! memory that they would take, closed in the end, and nobody else waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::client::{Reply, raw};
use crate::flow::until_healthy;
use crate::place::Way;
use crate::process::Process;

/// Memory that any of these requests may take (B47).
const MEMORY_KIB_MAX: u64 = 10 << 10;
/// Connections of each kind that say too little.
const SLOW: usize = 300;
/// The service gives headers 8 s and bodies 20 s; it must have closed all by then.
const CLOSED_WITHIN: Duration = Duration::from_secs(60);

/// `POST /trades` with these headers and this body.
async fn post(way: &Way, headers: &str, body: &[u8]) -> Reply {
    let mut bytes = format!(
        "POST /trades HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
         connection: close\r\n{headers}\r\n",
        way.address, way.token
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    Reply::read(&raw(way.address, &bytes).await)
}

fn json(length: usize) -> String {
    format!("content-type: application/json\r\ncontent-length: {length}\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_far_too_large_takes_no_memory() {
    let limits = ["RATE_LIMIT_READ", "RATE_LIMIT_WRITE"].map(|name| (name, "1000000:1000000"));
    let process = Process::start(&limits).await;
    let way = process.of_owner();
    until_healthy(&way).await;
    let fields = |count: usize| {
        let fields: Vec<String> = (0..count).map(|n| format!("\"f{n}\":1")).collect();
        format!("{{{}}}", fields.join(",")).into_bytes()
    };
    let nested = |depth: usize| {
        format!("{{\"symbol\":{}{}}}", "[".repeat(depth), "]".repeat(depth)).into_bytes()
    };
    let plain = |body: Vec<u8>| (json(body.len()), body);
    let chunk = [&b"10000\r\n"[..], &[b'x'; 0x1_0000], b"\r\n"].concat();
    let chunked = "content-type: application/json\r\ntransfer-encoding: chunked\r\n".to_owned();
    let zeros = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &[0; 100_000]].concat();
    let gzip = format!("{}content-encoding: gzip\r\n", json(zeros.len()));
    for (what, (headers, body), status) in [
        ("a million fields", plain(fields(1_000_000)), 413),
        ("as many fields as there may be bytes", plain(fields(60_000)), 422),
        ("nested 10,000 deep", plain(nested(10_000)), 422),
        ("nested as deep as there may be bytes", plain(nested(500_000)), 422),
        ("one text as long as there may be bytes", plain(vec![b'"'; 1_000_000]), 422),
        ("a gigabyte that is only told of", (json(1 << 30), Vec::new()), 413),
        ("32 MiB that nobody told of", (chunked, chunk.repeat(512)), 413),
        ("a body that would have to be unpacked", (gzip, zeros), 415),
    ] {
        for _ in 0..3 {
            process.forget_peak();
            let before_kib = process.resident_kib();
            let reply = post(&way, &headers, &body).await;
            assert_eq!(reply.status, status, "{what}: {}", reply.json());
            let grown_kib = process.peak_kib().saturating_sub(before_kib);
            assert!(grown_kib <= MEMORY_KIB_MAX, "{what}: {grown_kib} KiB");
        }
    }
}

/// Sends `begin`, and then a byte now and then, until the other side ends.
async fn drip(way: Way, begin: String) {
    let mut stream = TcpStream::connect(way.address).await.expect("it listens");
    stream.write_all(begin.as_bytes()).await.expect("it takes that");
    let mut answer = [0_u8; 1_024];
    loop {
        let read = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut answer)).await;
        if matches!(read, Ok(Ok(0) | Err(_))) || stream.write_all(b"x").await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_far_too_slow_is_closed_and_others_are_served_meanwhile() {
    let limits = ["RATE_LIMIT_READ", "RATE_LIMIT_WRITE"].map(|name| (name, "1000000:1000000"));
    let process = Process::start(&limits).await;
    let way = process.of_owner();
    until_healthy(&way).await;
    let files = process.files();
    let mut slow = JoinSet::new();
    for _ in 0..SLOW {
        for begin in [
            "GET /health HTTP/1.1\r\nx: y".to_owned(),
            format!(
                "POST /trades HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n{}\r\n",
                way.address,
                way.token,
                json(1_000)
            ),
        ] {
            slow.spawn(drip(process.of_owner(), begin));
        }
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let (served, over) = (process.of_owner(), Arc::clone(&is_over));
    let serving = tokio::spawn(async move {
        let mut count = 0;
        while !over.load(Ordering::Relaxed) {
            assert_eq!(served.ask("GET", "/portfolio", None).await.status, 200);
            count += 1;
        }
        count
    });
    let closing = async {
        while let Some(closed) = slow.join_next().await {
            closed.expect("it is closed");
        }
    };
    tokio::time::timeout(CLOSED_WITHIN, closing).await.expect("all are closed");
    is_over.store(true, Ordering::Relaxed);
    let count = serving.await.expect("all are served");
    assert!(count >= 100, "{count} requests were served");
    assert!(process.files() <= files + 16, "{files} files before, {} now", process.files());
}
