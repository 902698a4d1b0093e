//! Tokens of every kind, right and wrong, and who verifies them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use qt_auth::fetch::{FetchError, KeySource};
use qt_auth::{Config, MemoryRevocations, Revocations, Verifier, mint};
use qt_trading::Doing;
use qt_trading::secret::Secret;
use qt_trading::time::Time;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

pub const NOW_S: i64 = 1_800_000_000;
pub const NOW: Time = Time(NOW_S * 1_000_000_000);
pub const SECRET: &str = "9f2c51d7e04b8a6633c1f0aa97d25e8b14c7";
pub const OTHER_SECRET: &str = "1b7e90c2d4f65a8839e0c4bb06f17d2a5c93";
pub const TENANT: &str = "018f4e5a-0000-7000-8000-000000000001";
pub const RSA_ISSUER: &str = "https://id.example.net/";
pub const HS_ISSUER: &str = "platform";
pub const AUDIENCE: &str = "trading";

/// Two keys made for these tests; they protect nothing.
pub fn rsa(number: usize) -> RsaKeyPair {
    let bytes: [&[u8]; 2] = [include_bytes!("test_only_1.pk8"), include_bytes!("test_only_2.pk8")];
    RsaKeyPair::from_pkcs8(bytes[number - 1]).expect("a key of 2,048 bits")
}

/// The public half as a key set has it.
pub fn jwk(kid: &str, key: &RsaKeyPair) -> Value {
    let public = PublicKeyComponents::<Vec<u8>>::from(key.public());
    let (n, e) = (URL_SAFE_NO_PAD.encode(public.n), URL_SAFE_NO_PAD.encode(public.e));
    json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": n, "e": e})
}

pub fn key_set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// Right claims, with `changes` put over them; null takes a claim away.
pub fn claims(changes: Value) -> String {
    let mut all = json!({
        "sub": "anna", "tenant_id": TENANT, "role": "user", "jti": "token-1",
        "iat": NOW_S, "exp": NOW_S + 900, "iss": HS_ISSUER, "aud": AUDIENCE,
    });
    put(&mut all, changes);
    all.to_string()
}

fn put(all: &mut Value, changes: Value) {
    let map = all.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        match value {
            Value::Null => map.remove(name),
            other => map.insert(name.clone(), other.clone()),
        };
    }
}

/// Signed with the shared secret.
pub fn hs(changes: Value) -> String {
    hs_as(json!({}), &claims(changes))
}

pub fn hs_as(header: Value, payload: &str) -> String {
    let mut all = json!({"alg": "HS256", "typ": "JWT"});
    put(&mut all, header);
    mint::sign(&Secret::new(SECRET), &all.to_string(), payload)
}

/// Signed with the first key of the issuer.
pub fn rs(changes: Value) -> String {
    rs_as(&rsa(1), json!({"kid": "one"}), changes)
}

pub fn rs_as(key: &RsaKeyPair, header: Value, changes: Value) -> String {
    let mut all = json!({"alg": "RS256", "typ": "JWT"});
    put(&mut all, header);
    let mut with_issuer = json!({ "iss": RSA_ISSUER });
    put_all(&mut with_issuer, changes);
    let payload = claims(with_issuer);
    let signed =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(all.to_string()), URL_SAFE_NO_PAD.encode(payload));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .expect("it is signed");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// As `put`, with nulls kept for a later one.
fn put_all(all: &mut Value, changes: Value) {
    let map = all.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        map.insert(name.clone(), value.clone());
    }
}

pub fn config(settings: &[(&str, &str)]) -> Config {
    let get = |name: &str| {
        settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    Config::read(&get).expect("settings that are right")
}

/// Both kinds of keys.
pub const BOTH: &[(&str, &str)] = &[
    ("JWT_SECRET_KEY", SECRET),
    ("JWT_SECRET_ISSUER", HS_ISSUER),
    ("JWT_JWKS_URL", "https://id.example.net/jwks"),
    ("JWT_ISSUER", RSA_ISSUER),
    ("JWT_AUDIENCE", AUDIENCE),
    ("SERVICE_ACCOUNT_RIGHTS", "billing:read,read_market"),
];

/// A key source that is there at once, and counts.
#[derive(Clone, Default)]
pub struct Shelf {
    pub answer: Arc<Mutex<Option<String>>>,
    pub fetches: Arc<AtomicUsize>,
}

impl Shelf {
    pub fn with(answer: String) -> Self {
        let shelf = Self::default();
        shelf.put(Some(answer));
        shelf
    }

    pub fn put(&self, answer: Option<String>) {
        *self.answer.lock().expect("no test panics with it") = answer;
    }

    pub fn count(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

impl KeySource for Shelf {
    fn fetch(&self) -> Doing<'_, Result<Vec<u8>, FetchError>> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let answer = self.answer.lock().expect("no test panics with it").clone();
        Box::pin(async move {
            tokio::task::yield_now().await;
            answer.map(String::into_bytes).ok_or_else(|| FetchError("away".to_owned()))
        })
    }
}

/// One that believes the shared secret and the first key, and has revoked `token-0`, `session-0`.
pub fn both() -> Verifier {
    let revoked = MemoryRevocations::default();
    for id in ["token-0", "session-0"] {
        revoked.revoke(id, Time(i64::MAX), NOW);
    }
    with_shelf(&Shelf::with(key_set(&[jwk("one", &rsa(1))])), Arc::new(revoked))
}

pub fn with_shelf(shelf: &Shelf, revoked: Arc<dyn Revocations>) -> Verifier {
    Verifier::with_source(&config(BOTH), Some(Box::new(shelf.clone())), revoked)
}

/// One that believes the shared secret and asks for neither issuer nor audience.
pub fn plain() -> Verifier {
    let config = config(&[("JWT_SECRET", SECRET)]);
    Verifier::with_source(&config, None, Arc::new(MemoryRevocations::default()))
}
