//! Keys of the service are in no answer and in no file, whatever is asked.

use std::path::Path;

use qt_auth::Role;
use serde_json::Value;

use crate::flow::until;
use crate::place::{Place, Way};

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
