//! Keys of venues from a stand-in that speaks Vault's HTTP.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use qt_outside::vault::{EnvKeys, KeyError, Vault, VaultError, VaultSettings, Venue, VenueKeys};
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;
use uuid::Uuid;

use crate::server::{Reply, Request, Server};

const SECRET: &str = "canary-api-secret";

/// What the stand-in has in it.
#[derive(Default)]
struct Inside {
    entries: HashMap<String, Value>,
    /// Tokens that are good.
    tokens: Vec<String>,
    logins: usize,
    renewals: usize,
    /// Renewals and logins fail.
    is_stuck: bool,
    reads: usize,
    lease_s: u64,
    is_sealed: bool,
    has_deleted_version: bool,
}

type State = Arc<Mutex<Inside>>;

fn path(tenant: Uuid, venue: &str) -> String {
    format!("/v1/secret/data/tenants/{tenant}/connectors/{venue}")
}

fn answer(state: &State, request: &Request) -> Reply {
    let mut inside = state.lock().unwrap();
    let errors = |status: u16, text: &str| Reply::json(status, &json!({"errors": [text]}));
    assert_eq!(request.headers["x-vault-namespace"], "platform");
    if inside.is_sealed {
        return errors(503, "Vault is sealed");
    }
    let auth = |token: &str, lease: u64| {
        let auth = json!({"client_token": token, "lease_duration": lease, "renewable": true,
                          "policies": ["quanttrade"], "token_type": "service"});
        Reply::json(200, &json!({"request_id": "r", "lease_id": "", "auth": auth}))
    };
    if inside.is_stuck && request.path.ends_with("/login") {
        return errors(500, "no storage");
    }
    if request.path == "/v1/auth/approle/login" {
        let body: Value = serde_json::from_str(&request.body).unwrap();
        if body != json!({"role_id": "canary-role", "secret_id": "canary-secret-id"}) {
            return errors(400, "invalid role or secret ID");
        }
        inside.logins += 1;
        let token = format!("canary-token-{}", inside.logins);
        inside.tokens.push(token.clone());
        return auth(&token, inside.lease_s);
    }
    let token = request.headers.get("x-vault-token").cloned().unwrap_or_default();
    if !inside.tokens.contains(&token) {
        return errors(403, "permission denied");
    }
    if request.path == "/v1/auth/token/lookup-self" {
        return Reply::json(200, &json!({"data": {"policies": ["quanttrade"]}}));
    }
    if request.path == "/v1/auth/token/renew-self" {
        inside.renewals += 1;
        if inside.is_stuck {
            return errors(400, "lease is not renewable");
        }
        return auth(&token, inside.lease_s);
    }
    inside.reads += 1;
    if request.path.contains("deribit") {
        return errors(403, "1 error occurred: permission denied");
    }
    match inside.entries.get(&request.path) {
        Some(entry) => {
            let metadata = json!({"version": 3, "destroyed": false, "deletion_time": ""});
            Reply::json(200, &json!({"data": {"data": entry, "metadata": metadata}}))
        }
        None if inside.has_deleted_version => {
            let metadata = json!({"version": 3, "destroyed": false,
                                  "deletion_time": "2026-01-31T09:30:00Z"});
            Reply::json(404, &json!({"data": {"data": null, "metadata": metadata}}))
        }
        None => Reply::json(404, &json!({"errors": []})),
    }
}

async fn vault() -> (Server, State) {
    let state = State::default();
    state.lock().unwrap().lease_s = 3_600;
    let shared = Arc::clone(&state);
    (Server::start(move |request| answer(&shared, request)).await, state)
}

fn settings(server: &Server, more: &[(&str, &str)]) -> VaultSettings {
    let address = server.url("");
    let usual = [
        ("VAULT_ADDR", address.as_str()),
        ("VAULT_ROLE_ID", "canary-role"),
        ("VAULT_SECRET_ID", "canary-secret-id"),
        ("VAULT_NAMESPACE", "platform"),
    ];
    let get = |name: &str| {
        let found = more.iter().chain(&usual).find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    VaultSettings::read(&get).unwrap().unwrap()
}

fn keys(server: &Server, cache: Duration) -> VenueKeys {
    let vault = Vault::new(settings(server, &[]));
    VenueKeys::new(EnvKeys::default(), Some(vault)).remembering(cache)
}

fn entry() -> Value {
    json!({"api_key": "canary-api-key", "api_secret": SECRET, "testnet": true})
}

#[tokio::test]
async fn each_tenant_has_its_own_key_and_nobody_elses() {
    let (server, state) = vault().await;
    let (mine, other) = (Uuid::now_v7(), Uuid::now_v7());
    state.lock().unwrap().entries.insert(path(mine, "binance"), entry());
    let broken = Uuid::now_v7();
    let none = json!({"key": "x"});
    state.lock().unwrap().entries.insert(path(broken, "binance"), none);
    let keys = keys(&server, Duration::from_secs(30));
    let found = keys.get(mine, Venue::Binance).await.unwrap();
    assert_eq!((found.api_secret.reveal(), found.is_testnet), (SECRET, true));
    let missing = keys.get(other, Venue::Binance).await.unwrap_err();
    assert_eq!(
        (&missing, missing.code()),
        (&KeyError::Missing(Venue::Binance), "VENUE_KEY_MISSING")
    );
    let malformed = keys.get(broken, Venue::Binance).await.unwrap_err();
    assert_eq!(malformed.code(), "VENUE_KEY_MALFORMED");
    let refused = keys.get(mine, Venue::Deribit).await.unwrap_err();
    assert!(matches!(refused, KeyError::Unavailable(VaultError::Refused(_))), "{refused:?}");
    assert_eq!(refused.code(), "VENUE_KEY_UNAVAILABLE");
    // What is known is not asked again, that there is nothing neither.
    let reads = state.lock().unwrap().reads;
    assert!(keys.get(mine, Venue::Binance).await.is_ok());
    assert!(keys.get(other, Venue::Binance).await.is_err());
    assert_eq!(state.lock().unwrap().reads, reads);
    state.lock().unwrap().has_deleted_version = true;
    let deleted = keys.get(Uuid::now_v7(), Venue::Binance).await;
    assert_eq!(deleted, Err(KeyError::Missing(Venue::Binance)));
}

#[tokio::test]
async fn a_key_that_is_taken_away_counts_no_more() {
    let (server, state) = vault().await;
    let tenant = Uuid::now_v7();
    state.lock().unwrap().entries.insert(path(tenant, "binance"), entry());
    let keys = keys(&server, Duration::from_millis(200));
    assert!(keys.get(tenant, Venue::Binance).await.is_ok());
    let gone = state.lock().unwrap().entries.remove(&path(tenant, "binance")).unwrap();
    tokio::time::sleep(Duration::from_millis(210)).await;
    assert_eq!(keys.get(tenant, Venue::Binance).await, Err(KeyError::Missing(Venue::Binance)));
    // And one that is written is seen.
    state.lock().unwrap().entries.insert(path(tenant, "binance"), gone);
    tokio::time::sleep(Duration::from_millis(210)).await;
    assert!(keys.get(tenant, Venue::Binance).await.is_ok());
    // While Vault says nothing there is no key: not the one from before.
    state.lock().unwrap().is_sealed = true;
    tokio::time::sleep(Duration::from_millis(210)).await;
    let sealed = keys.get(tenant, Venue::Binance).await.unwrap_err();
    assert!(sealed.to_string().contains("sealed"), "{sealed}");
    state.lock().unwrap().is_sealed = false;
    assert!(keys.get(tenant, Venue::Binance).await.is_ok(), "at once, when it is back");
}

#[tokio::test]
async fn tokens_are_renewed_and_replaced() {
    let (server, state) = vault().await;
    state.lock().unwrap().lease_s = 1;
    let keys = keys(&server, Duration::ZERO);
    let ask = async || keys.get(Uuid::now_v7(), Venue::Binance).await.unwrap_err();
    ask().await;
    ask().await;
    assert_eq!(state.lock().unwrap().logins, 1);
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    ask().await;
    assert_eq!(state.lock().unwrap().logins, 2, "a token that ends soon is not used");
    // One without an end.
    state.lock().unwrap().lease_s = 0;
    state.lock().unwrap().tokens.clear();
    ask().await;
    assert_eq!(state.lock().unwrap().logins, 3, "one that was revoked is replaced");
    // Old after two thirds of its time.
    state.lock().unwrap().lease_s = 6;
    state.lock().unwrap().tokens.clear();
    ask().await;
    tokio::time::sleep(Duration::from_millis(4_100)).await;
    let before = state.lock().unwrap().renewals;
    ask().await;
    let inside = state.lock().unwrap();
    assert_eq!((inside.renewals, inside.logins), (before + 1, 4));
}

#[tokio::test]
async fn a_good_token_is_kept_whatever_is_refused() {
    let (server, state) = vault().await;
    let keys = keys(&server, Duration::ZERO);
    let ask = async |venue| keys.get(Uuid::now_v7(), venue).await.unwrap_err();
    for _ in 0..5 {
        // A path that its policy does not let us read says nothing about the token.
        assert_eq!(ask(Venue::Deribit).await.code(), "VENUE_KEY_UNAVAILABLE");
    }
    assert_eq!(state.lock().unwrap().logins, 1);
    assert_eq!(ask(Venue::Binance).await, KeyError::Missing(Venue::Binance));
    assert_eq!(state.lock().unwrap().logins, 1);
    // One that cannot be renewed, nor replaced for now, is used for as long as it is good.
    state.lock().unwrap().lease_s = 30;
    state.lock().unwrap().tokens.clear();
    ask(Venue::Binance).await;
    assert_eq!(state.lock().unwrap().logins, 2);
    state.lock().unwrap().is_stuck = true;
    tokio::time::sleep(Duration::from_millis(20_100)).await;
    for _ in 0..5 {
        assert_eq!(ask(Venue::Binance).await, KeyError::Missing(Venue::Binance));
    }
    let tries = state.lock().unwrap().renewals;
    assert!((1..=5).contains(&tries), "not at every question: {tries}");
    state.lock().unwrap().is_stuck = false;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(ask(Venue::Binance).await, KeyError::Missing(Venue::Binance));
    assert_eq!(state.lock().unwrap().renewals, tries + 1);
    assert_eq!(state.lock().unwrap().logins, 2);
}

#[tokio::test]
async fn the_secret_of_the_role_may_be_a_file_that_changes() {
    let (server, state) = vault().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret-id");
    std::fs::write(&file, "old\n").unwrap();
    let name = file.to_str().unwrap();
    let given = [("VAULT_SECRET_ID", ""), ("VAULT_SECRET_ID_FILE", name)];
    let vault = Vault::new(settings(&server, &given));
    let keys = VenueKeys::new(EnvKeys::default(), Some(vault));
    let refused = keys.get(Uuid::now_v7(), Venue::Binance).await.unwrap_err();
    assert!(refused.to_string().contains("AppRole"), "{refused}");
    std::fs::write(&file, "canary-secret-id\n").unwrap();
    let missing = keys.get(Uuid::now_v7(), Venue::Binance).await;
    assert_eq!(missing, Err(KeyError::Missing(Venue::Binance)));
    assert_eq!(state.lock().unwrap().logins, 1);
}

#[tokio::test]
async fn keys_in_the_environment_are_one_tenants() {
    let (server, state) = vault().await;
    let (mine, other) = (Uuid::now_v7(), Uuid::now_v7());
    let name = mine.to_string();
    let given = [
        ("BINANCE_API_KEY", "k"),
        ("BINANCE_API_SECRET", "s"),
        ("QUANTTRADE_ENV_KEYS_TENANT", name.as_str()),
    ];
    let get = |name: &str| {
        given.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    let env = EnvKeys::read(&get, None).unwrap();
    let keys = VenueKeys::new(env.clone(), Some(Vault::new(settings(&server, &[]))));
    assert_eq!(keys.get(mine, Venue::Binance).await.unwrap().api_key.reveal(), "k");
    assert_eq!(keys.get(other, Venue::Binance).await, Err(KeyError::Missing(Venue::Binance)));
    assert_eq!(state.lock().unwrap().reads, 1);
    let alone = VenueKeys::new(env, None);
    assert!(alone.get(mine, Venue::Binance).await.is_ok());
    assert_eq!(alone.get(other, Venue::Binance).await, Err(KeyError::Missing(Venue::Binance)));
}

/// Everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_key_token_or_secret_is_ever_logged_or_shown() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::level_filters::LevelFilter::TRACE)
        .with_writer(writer)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (server, state) = vault().await;
    let tenant = Uuid::now_v7();
    state.lock().unwrap().entries.insert(path(tenant, "binance"), entry());
    let keys = keys(&server, Duration::ZERO);
    let mut shown = format!("{:?}", keys.get(tenant, Venue::Binance).await);
    shown += &format!("{:?}", keys.get(tenant, Venue::Deribit).await);
    state.lock().unwrap().is_sealed = true;
    shown += &format!("{:?} {keys:?}", keys.get(tenant, Venue::Binance).await);
    state.lock().unwrap().is_sealed = false;
    state.lock().unwrap().tokens.clear();
    let bad = Vault::new(settings(&server, &[("VAULT_SECRET_ID", "canary-wrong")]));
    let bad = VenueKeys::new(EnvKeys::default(), Some(bad));
    let error = bad.get(tenant, Venue::Binance).await.unwrap_err();
    shown += &format!("{error} {error:?} {bad:?}");
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("keys of a venue cannot be had"), "something was logged: {logged}");
    for text in [shown, logged] {
        assert!(!text.contains("canary"), "{text}");
    }
}
