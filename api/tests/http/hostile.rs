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

/// A request whose body comes up to `sent` bytes of those that are told, and then no further.
async fn hang(service: &Service, token: &str, told: usize, sent: usize) -> TcpStream {
    let mut stream = TcpStream::connect(service.address).await.unwrap();
    let head = format!(
        "POST /trades HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {told}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b' '; sent]).await.unwrap();
    stream
}

#[tokio::test]
async fn slow_bodies_take_what_has_come_of_their_own_tenants_room_and_no_kill_waits() {
    let limits =
        Limits { bodies_bytes_max: 300_000, tenant_bodies_bytes_max: 150_000, ..Limits::default() };
    let service = with(limits).await;
    let (one, other) = (TenantId::new(), TenantId::new());
    let (user, admin) = (token(Role::User, one), token(Role::TenantAdmin, one));
    // Whoever may change nothing is refused before its body comes.
    let reader = token(Role::Readonly, one);
    let mut refused = hang(&service, &reader, 1_000_000, 0).await;
    let mut bytes = [0_u8; 2_048];
    let count = soon(refused.read(&mut bytes)).await.unwrap();
    assert!(bytes[..count].starts_with(b"HTTP/1.1 403"), "{:?}", &bytes[..count]);
    // What is only told of takes nothing.
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(hang(&service, &user, 1_000_000, 0).await);
    }
    held.push(hang(&service, &user, 1_000_000, 140_000).await);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let order = format!(
        r#"{{"symbol":"BTC-USD","side":"buy","type":"market","quantity":"1"}}{}"#,
        " ".repeat(20_000)
    );
    let full = service.ask("POST", "/trades", &user, Some(&order)).await;
    assert_eq!((full.status, full.code().as_str()), (503, "OVERLOADED"));
    let others = service.ask("POST", "/trades", &token(Role::User, other), Some(&order)).await;
    assert_eq!(others.status, 201, "{others:?}");
    let kill = r#"{"level":"tenant","reason":"a test"}"#;
    assert_eq!(service.ask("POST", "/risk/kill", &admin, Some(kill)).await.status, 200);
    drop(held);
}

#[tokio::test]
async fn an_answer_that_nobody_takes_ends_its_connection() {
    let limits = Limits {
        write_time: Duration::from_millis(500),
        send_buffer_bytes: 4 << 10,
        connections_max: 1,
        ..Limits::default()
    };
    let service = with(limits).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let mut stream = socket.connect(service.address).await.unwrap();
    let head = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(service.get("/health").await.status, 503, "it has the only place");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(service.get("/health").await.status, 200, "and has it no more");
    drop(stream);
}

#[tokio::test]
async fn public_pages_are_counted_by_address_and_probes_are_not() {
    let get = |name: &str| (name == "RATE_LIMIT_ADDRESS").then(|| "1:3".to_owned());
    let quotas = Some(qt_auth::limits::Quotas::read(&get).unwrap());
    for path in ["/openapi.json", "/docs/index.html", "/", "/metrics", "/no/such/path"] {
        let service = Service::with(Wanted { quotas, ..Wanted::default() }).await;
        let mut last = 0;
        for _ in 0..5 {
            last = service.get(path).await.status;
        }
        assert_eq!(last, 429, "{path}");
        assert_eq!(service.get("/health").await.status, 200);
        assert_eq!(service.get("/ready").await.status, 200);
    }
}
