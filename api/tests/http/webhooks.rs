//! Webhooks over HTTP: what may be asked for, and that a secret is shown once.

use qt_auth::Role;
use qt_trading::ids::TenantId;
use serde_json::json;

use crate::common::{Service, token};

#[tokio::test]
async fn a_secret_is_shown_once_and_never_again() {
    let service = Service::start().await;
    let admin = token(Role::TenantAdmin, TenantId::new());
    let body = json!({"url": "https://hooks.example.org/a", "event_types": ["TradeExecuted"]});
    let made = service.ask("POST", "/webhooks", &admin, Some(&body.to_string())).await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    let secret = made["secret"].as_str().expect("a secret");
    assert!(secret.starts_with("whsec_") && secret.len() > 40, "{secret}");
    let list = service.ask("GET", "/webhooks", &admin, None).await;
    assert!(!String::from_utf8_lossy(&list.body).contains("secret"), "{list:?}");
    let items = list.json();
    assert_eq!(items["items"][0]["url"], "https://hooks.example.org/a");
    assert_eq!(items["items"][0]["event_types"], json!(["TradeExecuted"]));
    let path = format!("/webhooks/{}", made["id"].as_str().expect("an identifier"));
    let log = service.ask("GET", &format!("{path}/deliveries"), &admin, None).await;
    assert_eq!((log.status, &log.json()["items"]), (200, &json!([])));
    assert_eq!(service.ask("DELETE", &path, &admin, None).await.json()["status"], "deleted");
    assert_eq!(service.ask("DELETE", &path, &admin, None).await.status, 404);
    let audit = service.ask("GET", "/audit?action=webhook.created", &admin, None).await.json();
    let audit = audit.to_string();
    assert!(audit.contains("https://hooks.example.org/a"), "{audit}");
    assert!(!audit.contains(secret), "{audit}");
}

#[tokio::test]
async fn what_may_not_be_called_is_refused_with_its_field() {
    let service = Service::start().await;
    let admin = token(Role::TenantAdmin, TenantId::new());
    for (body, field) in [
        (json!({"url": "http://hooks.example.org/"}), "url"),
        (json!({"url": "https://127.0.0.1/"}), "url"),
        (json!({"url": "https://[::ffff:10.0.0.1]/"}), "url"),
        (json!({"url": "https://169.254.169.254/latest"}), "url"),
        (json!({"url": "https://user:pass@example.org/"}), "url"),
        (json!({"url": "not an address"}), "url"),
        (json!({"url": "https://a.org/", "event_types": ["All"]}), "event_types"),
        (json!({"url": "https://a.org/", "secret": "mine"}), "secret"),
        (json!({}), "url"),
    ] {
        let reply = service.ask("POST", "/webhooks", &admin, Some(&body.to_string())).await;
        assert_eq!(reply.status, 422, "{body}: {reply:?}");
        assert_eq!(reply.json()["fields"][0]["field"], field, "{body}");
    }
}
