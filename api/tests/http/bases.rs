//! Base paths, methods, CORS, lengths.

use qt_api::http::HttpSettings;
use qt_auth::Role;
use qt_trading::ids::TenantId;

use crate::common::client::send;
use crate::common::{Service, Wanted, token};

const BASES: [&str; 4] = ["", "/trading", "/api/v1/trading", "/api/brain/quanttrade"];

#[tokio::test]
async fn every_route_works_under_every_base_with_any_number_of_slashes() {
    let service = Service::start().await;
    let token = token(Role::User, TenantId::new());
    for base in BASES {
        for slashes in ["", "/", "//"] {
            let path = format!("{slashes}{base}{slashes}/portfolio");
            let reply = service.ask("GET", &path, &token, None).await;
            assert_eq!(reply.status, 200, "{path}");
            assert_eq!(reply.json()["currency"], "USD");
            let length: usize = reply.header("content-length").unwrap().parse().unwrap();
            assert_eq!(length, reply.body.len());
            assert_eq!(reply.header("content-encoding"), None);
        }
        assert_eq!(service.get(&format!("{base}/health")).await.status, 200);
        assert_eq!(service.get(&format!("{base}/openapi.json")).await.status, 200);
    }
    assert_eq!(service.get("/tradingfoo/health").await.status, 404);
}

#[tokio::test]
async fn compression_is_never_used() {
    let service = Service::start().await;
    let asks = [("accept-encoding", "gzip, br, zstd")];
    for path in ["/openapi.json", "/docs/index.html", "/docs/swagger-ui.css", "/health"] {
        let reply = send(service.address, "GET", path, &asks, None).await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.header("content-encoding"), None, "{path}");
        assert!(reply.header("content-length").is_some(), "{path}");
    }
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    let service = Service::start().await;
    let token = token(Role::Readonly, TenantId::new());
    for path in ["/portfolio", "/orders", "/instruments", "/no/such/path"] {
        let get = service.ask("GET", path, &token, None).await;
        let head = service.ask("HEAD", path, &token, None).await;
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        assert_eq!(head.header("content-length"), get.header("content-length"), "{path}");
    }
}

#[tokio::test]
async fn options_says_what_a_route_allows() {
    let service = Service::start().await;
    let reply = send(service.address, "OPTIONS", "/orders/1", &[], None).await;
    assert_eq!(reply.status, 200);
    for method in ["GET", "HEAD", "PATCH", "DELETE", "OPTIONS"] {
        assert!(reply.header("allow").unwrap().contains(method), "{reply:?}");
    }
    assert_eq!(send(service.address, "OPTIONS", "/nowhere", &[], None).await.status, 404);
}

#[tokio::test]
async fn only_pages_of_the_list_are_let_in() {
    let cors_origins = vec!["https://portal.example".to_owned()];
    let settings = HttpSettings { cors_origins, ..HttpSettings::default() };
    let service = Service::with(Wanted { settings, ..Wanted::default() }).await;
    let ask = async |origin: &str| {
        let headers = [("origin", origin), ("access-control-request-method", "POST")];
        send(service.address, "OPTIONS", "/trading/trades", &headers, None).await
    };
    let good = ask("https://portal.example").await;
    assert_eq!(good.header("access-control-allow-origin"), Some("https://portal.example"));
    assert!(good.header("access-control-allow-headers").unwrap().contains("authorization"));
    assert!(good.header("access-control-allow-methods").unwrap().contains("POST"));
    for bad in ["https://evil.example", "null", "https://portal.example.evil"] {
        let bad = ask(bad).await;
        assert_eq!(bad.header("access-control-allow-origin"), None);
    }
    let headers = [("origin", "https://portal.example")];
    let error = send(service.address, "GET", "/portfolio", &headers, None).await;
    assert_eq!(error.status, 401);
    assert!(error.header("access-control-allow-origin").is_some(), "a page must read errors");
}
