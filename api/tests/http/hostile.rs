//! Clients that mean harm, or are only slow: the rest must not notice.

use std::time::{Duration, Instant};

use qt_api::http::{HttpSettings, Limits};
use qt_auth::Role;
use qt_trading::ids::TenantId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::client::{Reply, raw, send};
use crate::common::{Service, Wanted, soon, token};

async fn with(limits: Limits) -> Service {
    let settings = HttpSettings { limits, ..HttpSettings::default() };
    Service::with(Wanted { settings, ..Wanted::default() }).await
}

#[tokio::test]
async fn silent_and_dripping_connections_are_closed_and_others_served() {
    let limits = Limits { header_time: Duration::from_millis(400), ..Limits::default() };
    let service = with(limits).await;
    let began = Instant::now();
    let mut tasks = Vec::new();
    for n in 0..200_u32 {
        let address = service.address;
        tasks.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            // Every second one is silent, the others drip.
            let mut closed = [0_u8; 512];
            for byte in b"GET /health HTTP/1.1\r\nx: yyyyyyyyyyyyyyyyyyyyyyyyy".iter() {
                if n % 2 == 0 && stream.write_all(&[*byte]).await.is_err() {
                    return;
                }
                let wait = Duration::from_millis(50);
                let read = tokio::time::timeout(wait, stream.read(&mut closed)).await;
                if let Ok(Ok(0) | Err(_)) = read {
                    return;
                }
            }
            panic!("it stayed open");
        }));
    }
    for _ in 0..20 {
        assert_eq!(service.get("/health").await.status, 200);
    }
    for task in tasks {
        soon(task).await.unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_body_that_does_not_come_ends_in_408() {
    let limits = Limits { body_time: Duration::from_millis(300), ..Limits::default() };
    let service = with(limits).await;
    let token = token(Role::User, TenantId::new());
    let head = format!(
        "POST /trades HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
    );
    let reply = Reply::read(&raw(service.address, head.as_bytes()).await);
    assert_eq!((reply.status, reply.code().as_str()), (408, "BODY_TIMEOUT"));
}

#[tokio::test]
async fn large_bodies_are_refused_before_they_are_read() {
    let service = Service::start().await;
    let user = token(Role::User, TenantId::new());
    // A gigabyte that is only told of.
    let head = format!(
        "POST /trades HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {user}\r\n\
         content-length: 1073741824\r\n\r\n"
    );
    let reply = Reply::read(&raw(service.address, head.as_bytes()).await);
    assert_eq!((reply.status, reply.code().as_str()), (413, "BODY_TOO_LARGE"));
    assert_eq!(reply.header("connection"), Some("close"));
    // One that does not tell.
    let mut text = head.replace("content-length: 1073741824", "transfer-encoding: chunked");
    for _ in 0..40 {
        text += &format!("10000\r\n{}\r\n", "x".repeat(0x1_0000));
    }
    let reply = Reply::read(&raw(service.address, text.as_bytes()).await);
    assert_eq!((reply.status, reply.code().as_str()), (413, "BODY_TOO_LARGE"));
}

#[tokio::test]
async fn deep_wide_and_compressed_json_is_refused() {
    let service = Service::start().await;
    let user = token(Role::User, TenantId::new());
    let deep = format!("{{\"symbol\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let reply = service.ask("POST", "/trades", &user, Some(&deep)).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "MALFORMED_JSON"));
    let fields: Vec<String> = (0..60_000).map(|n| format!("\"f{n}\":1")).collect();
    let wide = format!("{{{}}}", fields.join(","));
    assert_eq!(service.ask("POST", "/trades", &user, Some(&wide)).await.status, 422);
    let bearer = format!("Bearer {user}");
    let headers = [("authorization", bearer.as_str()), ("content-encoding", "gzip")];
    let reply = send(service.address, "POST", "/trades", &headers, Some("{}")).await;
    assert_eq!(reply.status, 415);
}

#[tokio::test]
async fn floods_of_headers_are_refused() {
    let service = Service::start().await;
    let many: String = (0..500).map(|n| format!("x-{n}: y\r\n")).collect();
    let large = format!("x: {}\r\n", "y".repeat(1 << 20));
    let long = "y".repeat(1 << 20);
    for request in [
        format!("GET /health HTTP/1.1\r\nhost: x\r\n{many}\r\n"),
        format!("GET /health HTTP/1.1\r\nhost: x\r\n{large}\r\n"),
        format!("GET /health?{long} HTTP/1.1\r\nhost: x\r\n\r\n"),
    ] {
        let answer = raw(service.address, request.as_bytes()).await;
        let text = String::from_utf8_lossy(&answer);
        let is_refused = text.starts_with("HTTP/1.1 4") || answer.is_empty();
        assert!(is_refused, "{}", &text[..text.len().min(200)]);
    }
    assert_eq!(service.get("/health").await.status, 200);
}

#[tokio::test]
async fn a_full_house_says_so() {
    let service = with(Limits { connections_max: 1, ..Limits::default() }).await;
    let held = TcpStream::connect(service.address).await.unwrap();
    // The first one is taken in before the second is looked at.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let reply = service.get("/health").await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "TOO_MANY_CONNECTIONS"));
    drop(held);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(service.get("/health").await.status, 200);
}

#[tokio::test]
async fn it_stops_within_five_seconds_whoever_holds_on() {
    let mut service = Service::start().await;
    let mut idle = TcpStream::connect(service.address).await.unwrap();
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut bytes = [0_u8; 2_048];
    assert!(soon(idle.read(&mut bytes)).await.unwrap() > 0);
    let began = Instant::now();
    service.stop();
    assert!(soon(&mut service.running).await.unwrap(), "nothing was cut off");
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(TcpStream::connect(service.address).await.is_err());
}
