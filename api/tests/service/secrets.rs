//! Keys of the service are in no answer, file, log, span or core, whatever is asked and however it
//! ends.

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use qt_auth::Role;
use qt_auth::config::SharedSecret;
use qt_auth::mint::{Wish, mint};
use qt_trading::ids::TenantId;
use qt_trading::secret::Secret;
use qt_trading::time::Time;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::flow::until;
use crate::place::{Place, Way};
use crate::process::{Process, refused};

/// What no key of the service can be told without.
const CANARY: &str = "canary7f3a";
/// The same in the form of a key that has to be base64 of 32 bytes.
const SEALING: &str = "canary7f3acanary7f3acanary7f3acanary7f3aAAA=";

async fn ask_everything(way: &Way, document: &Value) {
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let path = match path.split_once('{') {
            None => path.clone(),
            Some((before, after)) => {
                let after = after.split_once('}').expect("a parameter").1;
                format!("{before}00000000-0000-7000-8000-000000000001{after}")
            }
        };
        for method in methods.as_object().expect("methods").keys() {
            let method = method.to_uppercase();
            for body in [None, Some("{}"), Some("{\"level\":7,"), Some("[]")] {
                if method == "GET" && body.is_some() {
                    continue;
                }
                let reply = way.ask(&method, &path, body).await;
                assert!(!is_in(&reply.body), "{method} {path}: {reply:?}");
                let heads = format!("{reply:?}");
                assert!(!heads.contains(CANARY), "{method} {path}: {heads}");
            }
        }
    }
}

fn is_in(bytes: &[u8]) -> bool {
    bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes())
}

/// Every file below `folder` that holds a key.
fn files_with(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let found = entries.flat_map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => files_with(&entry.path()),
        Ok(kind) if kind.is_file() => {
            let bytes = std::fs::read(entry.path()).unwrap_or_default();
            let name = entry.path().display().to_string();
            is_in(&bytes).then_some(name).into_iter().collect()
        }
        _ => Vec::new(),
    });
    found.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_is_told_or_written() {
    let in_words = |before: &str, behind: &str| format!("{before}{CANARY}{behind}");
    let [metrics, key, secret] = ["metrics-", "key-", "secret-"].map(|it| in_words(it, "-0123456"));
    let redis = in_words("redis://user:", "@127.0.0.1:1/0");
    let place = Place::with_tokens(&[
        ("METRICS_TOKEN", &metrics),
        ("BINANCE_API_KEY", &key),
        ("BINANCE_API_SECRET", &secret),
        ("QUANTTRADE_ENV_KEYS_TENANT", "018f4e5a-0000-7000-8000-000000000001"),
        ("REDIS_URL", &redis),
        ("SECRETS_KEY", SEALING),
        ("RATE_LIMIT_READ", "100000:100000"),
        ("RATE_LIMIT_WRITE", "100000:100000"),
        ("RATE_LIMIT_ADDRESS", "100000:100000"),
    ])
    .await;
    let admin = place.as_role("root", Role::SuperAdmin);
    let document = admin.ask("GET", "/openapi.json", None).await.json();
    for way in [place.directly(), admin, Way { token: "none".to_owned(), ..place.directly() }] {
        ask_everything(&way, &document).await;
    }
    // What was asked may have tripped something; the service is there all the same.
    until(&place.directly(), "/risk/status", |it| it["session"].is_object()).await;
    place.restart_after(|folder| assert_eq!(files_with(folder), [""; 0])).await;
}

/// A token of a new tenant's `role`, signed by `secret`.
pub fn token(secret: &str, role: Role) -> String {
    let secret = SharedSecret { secret: Secret::new(secret), issuer: None };
    let user = "ann".to_owned();
    let wish = Wish { user, tenant: TenantId::new(), roles: vec![role], lifetime_s: 3_600 };
    mint(&secret, None, "role", &wish, Time::now()).reveal().to_owned()
}

/// Where spans go; all that came.
async fn collector() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let taken = Arc::new(Mutex::new(Vec::new()));
    let take = async |State(taken): State<Arc<Mutex<Vec<u8>>>>, body: Bytes| {
        taken.lock().unwrap().extend_from_slice(&body);
    };
    let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&taken));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, taken)
}

async fn run_a_backtest(way: &Way) {
    let wanted = r#"{"strategy_type":"sma_cross","parameters":{"fast":50,"slow":200},
        "data":"shared:SP500","quantity":"10"}"#;
    let started = way.ask("POST", "/backtests", Some(wanted)).await;
    assert_eq!(started.status, 202, "{}", started.json());
    let path = format!("/backtests/{}", started.json()["id"].as_str().expect("a job"));
    until(way, &path, |job| job["status"] == "done").await;
}

/// Whether a core of `process` goes into the folder where it runs: there may be one, and no other
/// program takes it.
fn dumps_into_its_folder(process: &Process) -> bool {
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    let limits = process.status("limits");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max core file size"));
    let is_unlimited = line.is_some_and(|line| line.trim_start().starts_with("unlimited"));
    pattern.starts_with("core") && is_unlimited
}

fn has_core(folder: &Path) -> bool {
    let names = std::fs::read_dir(folder).expect("a folder").flatten().map(|it| it.file_name());
    names.into_iter().any(|name| name.to_string_lossy().starts_with("core"))
}

/// Everything is logged, and the process is ended in the middle of it, as by a fault of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_is_in_what_a_process_leaves_behind() {
    let in_words = |before: &str, behind: &str| format!("{before}{CANARY}{behind}");
    let [metrics, key, secret] = ["metrics-", "key-", "secret-"].map(|it| in_words(it, "-0123456"));
    let redis = in_words("redis://user:", "@127.0.0.1:1/0");
    let signing = in_words("", "Q4xW7mB1nR6tY3uE8sA5dF0gHjLcXz9vPk2Z");
    let (spans, taken) = collector().await;
    let mut process = Process::start(&[
        ("JWT_SECRET_KEY", &signing),
        ("METRICS_TOKEN", &metrics),
        ("BINANCE_API_KEY", &key),
        ("BINANCE_API_SECRET", &secret),
        ("QUANTTRADE_ENV_KEYS_TENANT", "018f4e5a-0000-7000-8000-000000000001"),
        ("REDIS_URL", &redis),
        ("SECRETS_KEY", SEALING),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &spans),
        ("RATE_LIMIT_READ", "100000:100000"),
        ("RATE_LIMIT_WRITE", "100000:100000"),
        ("LOG_LEVEL", "trace"),
        ("RUST_BACKTRACE", "full"),
    ])
    .await;
    let way = process.with(&token(&signing, Role::SuperAdmin));
    until(&way, "/portfolio", |it| it["cash"].is_string()).await;
    let document = way.ask("GET", "/openapi.json", None).await.json();
    ask_everything(&way, &document).await;
    let of_metrics = process.with(&metrics).ask("GET", "/metrics", None).await;
    assert!(of_metrics.status == 200 && !is_in(&of_metrics.body));
    run_a_backtest(&process.with(&token(&signing, Role::TenantAdmin))).await;
    // Of what it has in memory, a core would hold nothing.
    let filter = process.status("coredump_filter");
    assert_eq!(u32::from_str_radix(filter.trim(), 16), Ok(0), "{filter}");
    let dumps = dumps_into_its_folder(&process);
    let status = process.end("-ABRT");
    assert!(!status.success(), "{status}");
    assert_eq!(has_core(process.folder()), dumps);
    assert_eq!(files_with(process.folder()), [""; 0]);
    assert!(process.said().len() > 100_000, "it logs everything");
    let taken = taken.lock().unwrap();
    assert!(!taken.is_empty() && !is_in(&taken), "spans");
}

/// What cannot be meant is refused with its name, never with what it says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_is_in_what_is_said_of_a_start_that_fails() {
    let signing = format!("{CANARY}Q4xW7mB1nR6tY3uE8sA5dF0gHjLcXz9vPk2Z");
    let database = format!("postgresql://u:{CANARY}@127.0.0.1:1/x");
    for (name, value) in [
        ("JWT_SECRET_KEY", CANARY.to_owned()),
        ("SECRETS_KEY", CANARY.to_owned()),
        ("REDIS_URL", format!("{CANARY}://127.0.0.1:1/0")),
        ("REDIS_URL", format!("redis://u:{CANARY}@[::1/0")),
        ("DATABASE_URL", database),
        ("DATABASE_URL", format!("mysql://u:{CANARY}@127.0.0.1:1/x")),
        ("VAULT_ADDR", format!("https://u:{CANARY}@vault.example.org")),
        ("RATE_LIMIT_READ", "none".to_owned()),
    ] {
        let given = [
            ("JWT_SECRET_KEY", signing.as_str()),
            ("LOG_LEVEL", "trace"),
            ("RUST_BACKTRACE", "full"),
            (name, value.as_str()),
        ];
        let (status, said) = refused(&given);
        assert!(!status.success(), "{name}: {said}");
        assert!(!said.is_empty() && !said.contains(CANARY), "{name}: {said}");
    }
}
