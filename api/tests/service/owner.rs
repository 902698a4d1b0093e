//! The owner of a machine is served on that machine alone.

use crate::client::{Reply, raw};
use crate::place::Place;

async fn ask(place: &Place, path: &str, headers: &str) -> (u16, String) {
    let token = place.token();
    let request = format!(
        "GET {path} HTTP/1.1\r\n{headers}authorization: Bearer {token}\r\n\
         connection: close\r\n\r\n"
    );
    let reply = Reply::read(&raw(place.address, request.as_bytes()).await);
    let code = if reply.status == 200 { String::new() } else { reply.code() };
    (reply.status, code)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_name_or_a_proxy_reaches_nothing() {
    let place = Place::sqlite().await;
    let port = place.address.port();
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let host = format!("host: {host}:{port}\r\n");
        assert_eq!(ask(&place, "/portfolio", &host).await.0, 200, "{host}");
    }
    for headers in [
        "host: trading.example.org\r\n".to_owned(),
        format!("host: localhost.example.org:{port}\r\n"),
        format!("host: 127.0.0.1.example.org:{port}\r\n"),
        String::new(),
        format!("host: localhost:{port}\r\nx-forwarded-for: 127.0.0.1\r\n"),
        format!("host: localhost:{port}\r\nforwarded: for=127.0.0.1\r\n"),
        format!("host: localhost:{port}\r\nx-forwarded-host: localhost\r\n"),
        format!("host: localhost:{port}\r\nvia: 1.1 proxy\r\n"),
    ] {
        // Public pages too: they would tell such a page that somebody is here.
        for path in ["/portfolio", "/docs", "/ws"] {
            let (status, code) = ask(&place, path, &headers).await;
            assert_eq!((status, code.as_str()), (403, "NOT_LOCAL"), "{path} {headers:?}");
        }
    }
}
