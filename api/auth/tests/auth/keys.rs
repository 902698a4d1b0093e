//! Public keys: from a real server over HTTP, rotated, away, and under a flood of unknown names.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use qt_auth::fetch::{ANSWER_BYTES_MAX, Agent, KeySource};
use qt_auth::jwks::KeySet;
use qt_auth::{AuthError, NoRevocations, Verifier};
use qt_trading::time::Time;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::forge::{self, NOW, Shelf, jwk, key_set, rs_as, rsa};

/// A server that answers every request with the same bytes, and counts them.
struct Server {
    url: String,
    answer: Arc<Mutex<Vec<u8>>>,
    requests: Arc<AtomicUsize>,
}

fn http(status: &str, more: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{more}Content-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

impl Server {
    async fn start(first: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/jwks", listener.local_addr().expect("an address"));
        let (answer, requests) = (Arc::new(Mutex::new(first)), Arc::new(AtomicUsize::new(0)));
        let (said, count) = (Arc::clone(&answer), Arc::clone(&requests));
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut asked = Vec::new();
                while !asked.ends_with(b"\r\n\r\n") {
                    match socket.read_u8().await {
                        Ok(byte) => asked.push(byte),
                        Err(_) => break,
                    }
                }
                count.fetch_add(1, Ordering::SeqCst);
                let bytes = said.lock().expect("no panic with it").clone();
                // A client that has heard enough hangs up.
                let _ = socket.write_all(&bytes).await;
            }
        });
        Self { url, answer, requests }
    }

    fn say(&self, bytes: Vec<u8>) {
        *self.answer.lock().expect("no panic with it") = bytes;
    }

    fn count(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    fn verifier(&self) -> Verifier {
        let mut settings = forge::BOTH.to_vec();
        settings.retain(|(name, _)| *name != "JWT_JWKS_URL");
        settings.push(("JWT_JWKS_URL", &self.url));
        Verifier::new(&forge::config(&settings), Arc::new(NoRevocations))
    }
}

fn after(seconds: i64) -> Time {
    Time(NOW.0 + seconds * 1_000_000_000)
}

fn named(kid: &str, number: usize) -> String {
    rs_as(&rsa(number), json!({ "kid": kid }), json!({}))
}

fn set(kid: &str, number: usize) -> String {
    key_set(&[jwk(kid, &rsa(number))])
}

#[tokio::test]
async fn keys_come_over_http_and_are_rotated() {
    let server = Server::start(http("200 OK", "", &set("one", 1))).await;
    let verifier = server.verifier();
    assert!(!verifier.is_ready(NOW));
    for _ in 0..20 {
        verifier.verify(&named("one", 1), NOW).await.expect("a known key");
    }
    assert!(verifier.is_ready(NOW));
    assert_eq!(server.count(), 1);
    // A signature that is remembered says nothing of the time, nor of a token like it.
    let short = rs_as(&rsa(1), json!({"kid": "one"}), json!({"exp": forge::NOW_S + 10}));
    verifier.verify(&short, NOW).await.expect("it is valid for ten seconds");
    assert_eq!(verifier.verify(&short, after(20)).await, Err(AuthError::Expired));
    let forged = named("one", 1).replacen('.', ".e30g", 1);
    assert_eq!(verifier.verify(&forged, NOW).await, Err(AuthError::Signature));
    // The issuer changes its key. Within the minute the new one is not looked for.
    server.say(http("200 OK", "", &set("two", 2)));
    let early = verifier.verify(&named("two", 2), after(30)).await;
    assert_eq!(early, Err(AuthError::UnknownKey));
    verifier.verify(&named("two", 2), after(61)).await.expect("the new key");
    assert_eq!(verifier.verify(&named("one", 1), after(62)).await, Err(AuthError::UnknownKey));
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_bad_answer_changes_nothing() {
    let server = Server::start(http("200 OK", "", &set("one", 1))).await;
    let verifier = server.verifier();
    verifier.warm(NOW).await;
    let mut private = jwk("one", &rsa(1));
    private["d"] = json!("AQAB");
    let big = "x".repeat(usize::try_from(ANSWER_BYTES_MAX).expect("it fits") + 1);
    let elsewhere = http("302 Found", &format!("Location: {}\r\n", server.url), "");
    let bad = [
        http("500 Internal Server Error", "", &set("two", 2)),
        http("200 OK", "", &big),
        http("200 OK", "", "not JSON"),
        http("200 OK", "", "{\"keys\":[]}"),
        http("200 OK", "", &key_set(&[private])),
        elsewhere,
        b"nonsense\r\n\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{".to_vec(),
    ];
    for (at, answer) in (1..).zip(bad) {
        server.say(answer);
        let now = after(61 * at);
        assert_eq!(
            verifier.verify(&named("two", 2), now).await,
            Err(AuthError::UnknownKey),
            "{at}"
        );
        verifier.verify(&named("one", 1), now).await.expect("the old key is known");
    }
    assert_eq!(server.count(), 9);
}

#[tokio::test]
async fn nobody_at_the_address_is_503_and_does_not_hang() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    drop(listener);
    let source = Agent::new(&url);
    source.fetch().await.expect_err("nobody is there");
    let shelf = Shelf::default();
    let verifier = forge::with_shelf(&shelf, Arc::new(NoRevocations));
    let answer = verifier.verify(&named("one", 1), NOW).await;
    assert_eq!(answer, Err(AuthError::KeysUnavailable));
    assert_eq!(answer.map_err(AuthError::status), Err(503));
    // Tries come after 5, 10, 20, 40 and then 60 seconds, whatever is asked in between.
    for second in 0..600 {
        assert!(verifier.verify(&named("one", 1), after(second)).await.is_err());
    }
    assert_eq!(shelf.count(), 13);
    shelf.put(Some(set("one", 1)));
    verifier.verify(&named("one", 1), after(700)).await.expect("the keys are there");
    // The shared secret never needed them.
    verifier.verify(&forge::hs(json!({})), NOW).await.expect("HS256");
}

#[tokio::test]
async fn a_flood_of_unknown_names_makes_one_fetch_a_minute() {
    let shelf = Shelf::with(set("one", 1));
    let verifier = forge::with_shelf(&shelf, Arc::new(NoRevocations));
    verifier.warm(NOW).await;
    // 10,000 in ten minutes.
    for n in 0..10_000_i64 {
        let token = unknown(n);
        let now = Time(NOW.0 + n * 60_000_000);
        assert_eq!(verifier.verify(&token, now).await, Err(AuthError::UnknownKey));
    }
    assert!((10..=11).contains(&shelf.count()), "{}", shelf.count());
}

/// Nobody signed it: the key's name decides before the signature does.
fn unknown(n: i64) -> String {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let header = json!({"alg": "RS256", "kid": format!("flood-{n}")}).to_string();
    format!("{}.{}.{}", engine.encode(header), engine.encode("{}"), engine.encode([1; 256]))
}

#[tokio::test]
async fn a_thousand_at_once_make_one_fetch() {
    let shelf = Shelf::with(set("one", 1));
    let verifier = Arc::new(forge::with_shelf(&shelf, Arc::new(NoRevocations)));
    let tasks: Vec<_> = (0..1_000)
        .map(|n| {
            let verifier = Arc::clone(&verifier);
            tokio::spawn(async move { verifier.verify(&unknown(n), NOW).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.expect("it ends"), Err(AuthError::UnknownKey));
    }
    assert_eq!(shelf.count(), 1);
}

#[tokio::test]
async fn old_keys_are_fetched_behind_and_not_believed_for_ever() {
    let shelf = Shelf::with(set("one", 1));
    let verifier = forge::with_shelf(&shelf, Arc::new(NoRevocations));
    verifier.warm(NOW).await;
    let token = |seconds: i64| {
        let times = json!({"iat": null, "exp": forge::NOW_S + seconds + 60});
        rs_as(&rsa(1), json!({"kid": "one"}), times)
    };
    verifier.verify(&token(601), after(601)).await.expect("old keys work on");
    wait_for(&shelf, 2).await;
    // The issuer is away from now on: its keys are believed for a day.
    shelf.put(None);
    for hour in 1..24 {
        let seconds = hour * 3_600;
        verifier.verify(&token(seconds), after(seconds)).await.expect("old keys work on");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let late = 601 + 86_400;
    let answer = verifier.verify(&token(late), after(late)).await;
    assert_eq!(answer, Err(AuthError::KeysUnavailable));
}

async fn wait_for(shelf: &Shelf, fetches: usize) {
    for _ in 0..1_000 {
        if shelf.count() >= fetches {
            // The keys are put in their place after the answer was counted.
            tokio::time::sleep(Duration::from_millis(20)).await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("{} fetches in a second", shelf.count());
}

#[test]
fn keys_for_other_uses_are_left_out() {
    let with = |changes: Value| {
        let mut key = jwk("one", &rsa(1));
        for (name, value) in changes.as_object().expect("an object") {
            key[name] = value.clone();
        }
        KeySet::read(key_set(&[key]).as_bytes(), NOW).is_ok()
    };
    assert!(with(json!({})));
    assert!(with(json!({"key_ops": ["verify"]})));
    for bad in [
        json!({"kty": "oct"}),
        json!({"kty": "EC"}),
        json!({"use": "enc"}),
        json!({"alg": "RS512"}),
        json!({"alg": "HS256"}),
        json!({"alg": null}),
        json!({"key_ops": ["sign"]}),
        json!({"n": "AQAB"}),
        json!({"e": "AQ"}),
        json!({"e": "Ag"}),
        json!({"n": "!!"}),
        json!({"n": 7}),
    ] {
        assert!(!with(bad.clone()), "{bad}");
    }
    let many: Vec<Value> = (0..65).map(|n| jwk(&n.to_string(), &rsa(1))).collect();
    assert!(KeySet::read(key_set(&many).as_bytes(), NOW).is_err());
}

#[tokio::test]
async fn without_a_name_only_a_single_key_is_tried() {
    let shelf = Shelf::with(key_set(&[jwk("one", &rsa(1)), jwk("two", &rsa(2))]));
    let verifier = forge::with_shelf(&shelf, Arc::new(NoRevocations));
    let nameless = rs_as(&rsa(1), json!({}), json!({}));
    assert_eq!(verifier.verify(&nameless, NOW).await, Err(AuthError::UnknownKey));
    verifier.verify(&named("two", 2), NOW).await.expect("the second key");
    let swapped = verifier.verify(&named("two", 1), NOW).await;
    assert_eq!(swapped, Err(AuthError::Signature));
}
