//! The OpenAPI document, the table in docs/API.md and the routes are the same.

use std::collections::BTreeSet;

use qt_api::http::HttpSettings;
use qt_auth::Role;
use qt_trading::Phase;
use qt_trading::ids::TenantId;
use qt_trading::secret::Secret;
use serde_json::json;

use crate::common::client::send;
use crate::common::{Service, Wanted, token};

const TABLE: &str = include_str!("../../../docs/API.md");
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// `GET /path` of each row that begins with a method.
fn table() -> BTreeSet<String> {
    let rows = TABLE.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.filter_map(|row| row.split_once('`').map(|(cell, _)| cell.to_owned()));
    let is_route = |cell: &String| {
        let method = cell.split(' ').next().unwrap_or_default().to_lowercase();
        METHODS.contains(&method.as_str())
    };
    cells.filter(is_route).collect()
}

#[tokio::test]
async fn routes_document_and_table_agree() {
    let service = Service::start().await;
    let document = service.get("/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            assert!(METHODS.contains(&method.as_str()), "{method} {path}");
            described.insert(format!("{} {path}", method.to_uppercase()));
            // What is described is there: it answers something else than 404 without a body.
            let plain = path.replace("{id}", "x").replace("{symbol}", "BTC-USD");
            let plain = plain.replace("{file}", "index.html");
            let reply = send(service.address, &method.to_uppercase(), &plain, &[], None).await;
            assert!(![404, 405].contains(&reply.status), "{method} {path}: {}", reply.status);
        }
        let parameters = path.matches('{').count();
        for operation in item.as_object().unwrap().values() {
            let all = operation["parameters"].as_array().cloned().unwrap_or_default();
            let in_path = all.iter().filter(|parameter| parameter["in"] == "path").count();
            assert_eq!(in_path, parameters, "{path}");
        }
    }
    assert_eq!(described, table(), "docs/API.md has another table of routes");
}

#[tokio::test]
async fn every_private_operation_tells_its_errors() {
    let service = Service::start().await;
    let document = service.get("/openapi.json").await.json();
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            if operation.get("security").is_some() {
                for status in ["401", "403", "404", "422", "429", "503"] {
                    assert!(operation["responses"].get(status).is_some(), "{path}: {status}");
                }
            }
        }
    }
    let text = document.to_string();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name} is not described");
    }
}

#[tokio::test]
async fn the_page_works_under_every_base() {
    let service = Service::start().await;
    for base in ["", "/trading", "/api/v1/trading"] {
        let to = service.get(&format!("{base}/docs")).await;
        assert_eq!((to.status, to.header("location")), (307, Some("docs/index.html")));
        let page = service.get(&format!("{base}/docs/index.html")).await;
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe-eval"));
        let html = String::from_utf8(page.body.clone()).unwrap();
        assert!(!html.contains("https://") && !html.contains("src=\"/"), "{html}");
        for name in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
            let part = service.get(&format!("{base}/docs/{name}")).await;
            assert_eq!(part.status, 200, "{name}");
        }
        let start = service.get(&format!("{base}/docs/swagger-initializer.js")).await;
        assert!(String::from_utf8(start.body).unwrap().contains("../openapi.json"));
    }
}

#[tokio::test]
async fn health_says_names_and_states_only_and_fast() {
    let service = Service::start().await;
    let began = std::time::Instant::now();
    let reply = service.get("/health").await;
    assert!(began.elapsed().as_millis() < 50, "{:?}", began.elapsed());
    let body = reply.json();
    assert_eq!(body["status"], "healthy");
    assert!(body["components"].as_object().unwrap().values().all(|state| state == "up"), "{body}");
    assert_eq!(service.get("/ready").await.json()["ready"], true);
}

#[tokio::test]
async fn figures_of_the_business_need_a_right() {
    let metrics_token = Some(Secret::new("a token for Prometheus alone"));
    let settings = HttpSettings { metrics_token, ..HttpSettings::default() };
    let service = Service::with(Wanted { settings, ..Wanted::default() }).await;
    let tenant = TenantId::new();
    let user = token(Role::User, tenant);
    assert_eq!(service.ask("GET", "/portfolio", &user, None).await.status, 200);
    let account = qt_trading::Desk::account(&*service.desks.of(tenant)).to_string();
    let text = async |token: Option<&str>| {
        let reply = match token {
            Some(token) => service.ask("GET", "/metrics", token, None).await,
            None => service.get("/metrics").await,
        };
        assert_eq!(reply.status, 200);
        String::from_utf8(reply.body).unwrap()
    };
    for public in [None, Some(user.as_str()), Some("wrong")] {
        let text = text(public).await;
        assert!(text.contains("quanttrade_up 1") && text.contains("quanttrade_sessions"));
        assert!(text.contains("endpoint=\"/portfolio\""), "{text}");
        for secret in [account.as_str(), &tenant.to_string(), "BTC-USD"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    let admin = token(Role::SuperAdmin, tenant);
    for private in ["a token for Prometheus alone", admin.as_str()] {
        assert!(text(Some(private)).await.contains(&account));
    }
}

#[tokio::test]
async fn one_tenants_failed_session_is_its_own_trouble() {
    let service = Service::start().await;
    let (one, other) = (TenantId::new(), TenantId::new());
    let (broken, well) = (service.desks.of(one), service.desks.of(other));
    broken.enter(Phase::Failed);
    let health = service.get("/health").await;
    assert_eq!((health.status, &health.json()["status"]), (200, &json!("healthy")));
    let text = service.get("/metrics").await.body;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("quanttrade_sessions{phase=\"failed\"} 1"), "{text}");
    assert!(text.contains("quanttrade_sessions{phase=\"ready\"} 1"), "{text}");
    let user = token(Role::User, one);
    let status = service.ask("GET", "/risk/status", &user, None).await.json();
    assert_eq!(status["session"]["phase"], "FAILED");
    well.enter(Phase::Failed);
    assert_eq!(service.get("/health").await.status, 503, "none can run");
}
