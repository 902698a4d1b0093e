//! The table of tokens: each with what becomes of it.

use qt_auth::{AuthError, Identity, Right, Role, Verifier};
use qt_trading::KillLevel;
use qt_trading::time::Time;
use ring::signature::RsaKeyPair;
use serde_json::{Value, json};

use crate::forge::{self, NOW, NOW_S, TENANT, both, claims, hs, hs_as, plain, rs, rs_as, rsa};

type Case = (&'static str, String, &'static str);

async fn hold(verifier: &Verifier, cases: Vec<Case>) {
    for (name, token, code) in cases {
        let outcome = verifier.verify(&token, NOW).await;
        match outcome {
            Ok(_) => assert_eq!(code, "", "{name} was accepted"),
            Err(error) => {
                assert_eq!(error.code(), code, "{name}: {error}");
                assert_eq!(error.status(), 401, "{name}");
                let said = format!("{error} {error:?}");
                let part = token.get(..24).filter(|part| !part.trim().is_empty());
                assert!(part.is_none_or(|part| !said.contains(part)), "{name}: {said}");
            }
        }
    }
}

fn encoded(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}

fn unsigned(alg: &str) -> String {
    format!("{}.{}.", encoded(&json!({ "alg": alg }).to_string()), encoded(&claims(json!({}))))
}

#[tokio::test]
async fn algorithms_and_keys() {
    let right = hs(json!({}));
    let (signed, signature) = right.rsplit_once('.').expect("a token");
    let public = forge::jwk("one", &rsa(1));
    let n = public["n"].as_str().expect("a modulus").to_owned();
    // The public key as anybody can have it, used as if it were the secret.
    let with_public = |key: &str| {
        let header = json!({"alg": "HS256", "kid": "one"}).to_string();
        qt_auth::mint::sign(&qt_trading::secret::Secret::new(key), &header, &claims(json!({})))
    };
    let rs_right = rs(json!({}));
    let (rs_signed, rs_signature) = rs_right.rsplit_once('.').expect("a token");
    let other = |secret: &str| {
        let header = json!({"alg": "HS256", "typ": "JWT"}).to_string();
        qt_auth::mint::sign(&qt_trading::secret::Secret::new(secret), &header, &claims(json!({})))
    };
    let cases = vec![
        ("HS256", right.clone(), ""),
        ("RS256", rs_right.clone(), ""),
        ("alg none", unsigned("none"), "TOKEN_ALGORITHM"),
        ("alg None", unsigned("None"), "TOKEN_ALGORITHM"),
        ("alg NONE", unsigned("NONE"), "TOKEN_ALGORITHM"),
        ("alg nOnE with a signature", unsigned("nOnE") + signature, "TOKEN_ALGORITHM"),
        ("alg empty", unsigned(""), "TOKEN_ALGORITHM"),
        ("alg HS384", hs_as(json!({"alg": "HS384"}), &claims(json!({}))), "TOKEN_ALGORITHM"),
        ("alg HS512", hs_as(json!({"alg": "HS512"}), &claims(json!({}))), "TOKEN_ALGORITHM"),
        ("alg hs256", hs_as(json!({"alg": "hs256"}), &claims(json!({}))), "TOKEN_ALGORITHM"),
        ("alg ES256", hs_as(json!({"alg": "ES256"}), &claims(json!({}))), "TOKEN_ALGORITHM"),
        ("alg PS256", hs_as(json!({"alg": "PS256"}), &claims(json!({}))), "TOKEN_ALGORITHM"),
        ("no alg", hs_as(json!({"alg": null}), &claims(json!({}))), "TOKEN_ALGORITHM"),
        ("alg a list", hs_as(json!({"alg": ["HS256"]}), &claims(json!({}))), "TOKEN_ALGORITHM"),
        ("HS256 by the public modulus", with_public(&n), "TOKEN_SIGNATURE"),
        ("HS256 by the public key set", with_public(&public.to_string()), "TOKEN_SIGNATURE"),
        ("HS256 by another secret", other(forge::OTHER_SECRET), "TOKEN_SIGNATURE"),
        ("HS256 by an empty secret", other(""), "TOKEN_SIGNATURE"),
        (
            "HS256 that says RS256",
            hs_as(json!({"alg": "RS256"}), &claims(json!({}))),
            "TOKEN_SIGNATURE",
        ),
        (
            "RS256 that says HS256",
            rs_as(&rsa(1), json!({"alg": "HS256"}), json!({})),
            "TOKEN_SIGNATURE",
        ),
        (
            "RS256 by another key",
            rs_as(&rsa(2), json!({"kid": "one"}), json!({})),
            "TOKEN_SIGNATURE",
        ),
        ("no signature", format!("{signed}."), "TOKEN_SIGNATURE"),
        ("half a signature", format!("{signed}.{}", &signature[..21]), "TOKEN_MALFORMED"),
        ("a shorter signature", format!("{signed}.{}", &signature[..24]), "TOKEN_SIGNATURE"),
        (
            "RS256 with the signature of HS256",
            format!("{rs_signed}.{signature}"),
            "TOKEN_SIGNATURE",
        ),
        (
            "HS256 with the signature of RS256",
            format!("{signed}.{rs_signature}"),
            "TOKEN_SIGNATURE",
        ),
    ];
    hold(&both(), cases).await;
}

#[tokio::test]
async fn headers() {
    let key: &RsaKeyPair = &rsa(1);
    let kid = |kid: Value| rs_as(key, json!({ "kid": kid }), json!({}));
    let with = |name: &str, value: Value| hs_as(json!({ name: value }), &claims(json!({})));
    let own = forge::jwk("mine", &rsa(2));
    let by_own = rs_as(&rsa(2), json!({"kid": "mine", "jwk": own}), json!({}));
    let by_url = rs_as(&rsa(2), json!({"jku": "https://evil.example/jwks"}), json!({}));
    let doubled =
        format!("{}.{}.", encoded(r#"{"alg":"none","alg":"HS256"}"#), encoded(&claims(json!({}))));
    let malformed = "TOKEN_MALFORMED";
    let cases = vec![
        ("no kid where there is one key", rs_as(key, json!({}), json!({})), ""),
        ("unknown kid", kid(json!("two")), "TOKEN_KEY_UNKNOWN"),
        ("empty kid", kid(json!("")), "TOKEN_KEY_UNKNOWN"),
        ("kid of a file", kid(json!("../../../../dev/null")), "TOKEN_KEY_UNKNOWN"),
        ("kid of SQL", kid(json!("x' UNION SELECT 'AA")), "TOKEN_KEY_UNKNOWN"),
        ("kid with a zero", kid(json!("one\u{0}")), "TOKEN_KEY_UNKNOWN"),
        ("kid in capitals", kid(json!("ONE")), "TOKEN_KEY_UNKNOWN"),
        ("kid a number", kid(json!(1)), malformed),
        ("kid of 300 bytes", kid(json!("k".repeat(300))), malformed),
        ("HS256 with any kid", with("kid", json!("../x")), ""),
        ("jku", by_url, malformed),
        ("an embedded key", by_own, malformed),
        ("x5u", with("x5u", json!("https://evil.example/")), malformed),
        ("x5c", with("x5c", json!(["MIIB"])), malformed),
        ("crit", with("crit", json!(["exp"])), malformed),
        ("b64 false", with("b64", json!(false)), malformed),
        ("zip", with("zip", json!("DEF")), malformed),
        ("typ at+jwt", with("typ", json!("at+jwt")), ""),
        ("typ application/JWT", with("typ", json!("application/JWT")), ""),
        ("no typ", hs_as(json!({"typ": null}), &claims(json!({}))), ""),
        ("typ of a log-out", with("typ", json!("logout+jwt")), "TOKEN_TYPE"),
        ("typ JWE", with("typ", json!("JWE")), "TOKEN_TYPE"),
        ("typ a number", with("typ", json!(1)), "TOKEN_TYPE"),
        ("alg twice", doubled, malformed),
    ];
    hold(&both(), cases).await;
}

#[tokio::test]
async fn forms() {
    let right = hs(json!({}));
    let parts: Vec<&str> = right.split('.').collect();
    let raw = |payload: &str| hs_as(json!({}), payload);
    let twice = |name: &str, value: &str| {
        let text = claims(json!({}));
        raw(&format!("{{\"{name}\":{value},{}", &text[1..]))
    };
    let malformed = "TOKEN_MALFORMED";
    let cases = vec![
        ("nothing", String::new(), malformed),
        ("dots", "..".to_owned(), malformed),
        ("two parts", format!("{}.{}", parts[0], parts[1]), malformed),
        ("four parts", format!("{right}.{}", parts[2]), malformed),
        ("five parts, as if encrypted", format!("{right}.a.b"), malformed),
        ("a space before", format!(" {right}"), malformed),
        ("a line end behind", format!("{right}\n"), malformed),
        ("padding", format!("{right}=="), malformed),
        ("standard base64", right.replace('_', "/").replace('-', "+") + "+", malformed),
        ("letters that are none", "ä.ö.ü".to_owned(), malformed),
        ("1 MiB", "a".repeat(1 << 20), "TOKEN_TOO_LARGE"),
        ("1 MiB of claims", hs(json!({"x": "y".repeat(1 << 20)})), "TOKEN_TOO_LARGE"),
        ("claims a list", raw("[1]"), malformed),
        ("claims null", raw("null"), malformed),
        ("claims and more", raw(&(claims(json!({})) + "{}")), malformed),
        ("nested deep", raw(&format!("{{\"a\":{}", "[".repeat(4_000))), malformed),
        ("exp twice", twice("exp", "9999999999"), malformed),
        ("tenant twice", twice("tenant_id", "\"018f4e5a-0000-7000-8000-000000000002\""), malformed),
        ("role twice", twice("role", "\"super_admin\""), malformed),
    ];
    hold(&both(), cases).await;
}

#[tokio::test]
async fn times() {
    let at = |name: &str, value: Value| hs(json!({ name: value }));
    let claim = "TOKEN_CLAIM";
    let cases = vec![
        ("no exp", at("exp", Value::Null), claim),
        ("exp a text", at("exp", json!((NOW_S + 900).to_string())), claim),
        ("exp a text of letters", at("exp", json!("never")), claim),
        ("exp true", at("exp", json!(true)), claim),
        ("exp a list", at("exp", json!([NOW_S + 900])), claim),
        ("exp below zero", at("exp", json!(-1)), claim),
        ("exp without end", at("exp", json!(1e300)), claim),
        ("exp 0", at("exp", json!(0)), "TOKEN_EXPIRED"),
        ("exp a second ago, within the leeway", at("exp", json!(NOW_S - 1)), ""),
        ("exp at the end of the leeway", at("exp", json!(NOW_S - 5)), "TOKEN_EXPIRED"),
        ("exp beyond the leeway", at("exp", json!(NOW_S - 6)), "TOKEN_EXPIRED"),
        ("exp with a fraction", at("exp", json!(NOW_S as f64 + 0.5)), ""),
        ("nbf in the future", at("nbf", json!(NOW_S + 6)), "TOKEN_NOT_YET_VALID"),
        ("nbf within the leeway", at("nbf", json!(NOW_S + 5)), ""),
        ("nbf a text", at("nbf", json!("0")), claim),
        ("nbf a text of the future", at("nbf", json!((NOW_S + 600).to_string())), claim),
        ("iat in the future", at("iat", json!(NOW_S + 60)), "TOKEN_NOT_YET_VALID"),
        ("iat a text", at("iat", json!("1")), claim),
        ("no iat", at("iat", Value::Null), ""),
        ("a day", at("exp", json!(NOW_S + 86_400)), ""),
        ("more than a day", at("exp", json!(NOW_S + 86_401)), "TOKEN_LIFETIME"),
        (
            "two days, half over",
            hs(json!({"iat": NOW_S - 86_400, "exp": NOW_S + 60})),
            "TOKEN_LIFETIME",
        ),
        (
            "ten years, no iat",
            hs(json!({"iat": null, "exp": NOW_S + 315_360_000})),
            "TOKEN_LIFETIME",
        ),
    ];
    hold(&both(), cases).await;
}

#[tokio::test]
async fn issuers_audiences_and_types() {
    let audience = "TOKEN_AUDIENCE";
    let kind = |value: Value| hs(json!({ "type": value }));
    let cases = vec![
        ("no iss", hs(json!({"iss": null})), "TOKEN_ISSUER"),
        ("another iss", hs(json!({"iss": "https://id.example.net"})), "TOKEN_ISSUER"),
        ("HS256 in the name of the other", hs(json!({"iss": forge::RSA_ISSUER})), "TOKEN_ISSUER"),
        ("RS256 in the name of the other", rs(json!({"iss": forge::HS_ISSUER})), "TOKEN_ISSUER"),
        ("iss a list", hs(json!({"iss": [forge::HS_ISSUER]})), "TOKEN_ISSUER"),
        ("no aud", hs(json!({"aud": null})), audience),
        ("another aud", rs(json!({"aud": "billing"})), audience),
        ("aud among several", hs(json!({"aud": ["billing", "trading"]})), ""),
        ("aud of none", hs(json!({"aud": []})), audience),
        ("aud that begins like ours", hs(json!({"aud": "trading2"})), audience),
        ("an access token", kind(json!("access")), ""),
        ("a refresh token", kind(json!("refresh")), "TOKEN_TYPE"),
        ("a token to reset a password", kind(json!("reset")), "TOKEN_TYPE"),
        ("a type that is none", kind(json!(7)), "TOKEN_TYPE"),
        ("an identity token", hs(json!({"typ": "ID"})), "TOKEN_TYPE"),
        ("use of an identity token", hs(json!({"token_use": "id"})), "TOKEN_TYPE"),
    ];
    hold(&both(), cases).await;
    let cases = vec![
        ("any issuer where none is set", hs(json!({"aud": null})), ""),
        ("an audience that is somebody else", hs(json!({})), audience),
        ("RS256 without an issuer", rs(json!({"aud": null})), "TOKEN_ALGORITHM"),
    ];
    hold(&plain(), cases).await;
}

#[tokio::test]
async fn users_tenants_and_revocation() {
    let tenant = |value: Value| hs(json!({ "tenant_id": value }));
    let (claim, bad_tenant) = ("TOKEN_CLAIM", "TOKEN_TENANT");
    let cases = vec![
        ("user_id where there is no sub", hs(json!({"sub": null, "user_id": "anna"})), ""),
        ("neither", hs(json!({"sub": null})), claim),
        ("an empty sub", hs(json!({"sub": " "})), claim),
        ("sub a number", hs(json!({"sub": 7})), claim),
        ("sub of 300 bytes", hs(json!({"sub": "s".repeat(300)})), claim),
        ("sub with a line end", hs(json!({"sub": "anna\nroot"})), claim),
        ("no tenant", tenant(Value::Null), bad_tenant),
        ("tenant default", tenant(json!("default")), bad_tenant),
        ("tenant empty", tenant(json!("")), bad_tenant),
        ("tenant a list", tenant(json!([TENANT])), bad_tenant),
        ("tenant of zeros", tenant(json!("00000000-0000-0000-0000-000000000000")), bad_tenant),
        ("tenant in braces", tenant(json!(format!("{{{TENANT}}}"))), bad_tenant),
        ("tenant without hyphens", tenant(json!(TENANT.replace('-', ""))), bad_tenant),
        ("tenant in capitals", tenant(json!(TENANT.to_uppercase())), ""),
        ("tenant and SQL", tenant(json!(format!("{TENANT}' or '1'='1"))), bad_tenant),
        ("a revoked token", hs(json!({"jti": "token-0"})), "TOKEN_REVOKED"),
        ("a revoked session", hs(json!({"session_id": "session-0"})), "TOKEN_REVOKED"),
        ("a revoked session by OpenID", rs(json!({"sid": "session-0"})), "TOKEN_REVOKED"),
        ("jti a number", hs(json!({"jti": 0})), claim),
        ("impersonator a list", hs(json!({"impersonator_id": ["root"]})), claim),
    ];
    hold(&both(), cases).await;
}

async fn identity(changes: Value) -> Identity {
    both().verify(&hs(changes), NOW).await.expect("a token that is right")
}

#[tokio::test]
async fn what_an_identity_knows() {
    let anna = identity(json!({"session_id": "s"})).await;
    assert_eq!((anna.user.as_str(), anna.tenant.to_string().as_str()), ("anna", TENANT));
    assert_eq!(
        (anna.token_id.as_deref(), anna.session_id.as_deref()),
        (Some("token-1"), Some("s"))
    );
    assert_eq!(anna.expires_at, Some(Time((NOW_S + 900) * 1_000_000_000)));
    assert_eq!(anna.source, None);
    let person = anna.person.clone().expect("a person");
    assert_eq!((person.issuer.as_str(), person.subject.as_str()), (forge::HS_ISSUER, "anna"));
    assert!(anna.may(Right::Trade) && !anna.may(Right::Arm(KillLevel::Account)));
    assert!(!anna.is_owner && !anna.is_impersonation && !anna.is_limited_to_own());
    // The same name at another issuer is another person.
    let other = both().verify(&rs(json!({})), NOW).await.expect("a token");
    assert_ne!(other.person, anna.person);
}

#[tokio::test]
async fn roles_come_from_one_claim() {
    let roles = |value: Value| async move { identity(json!({ "role": value })).await };
    assert!(roles(json!("Super Admin")).await.is(Role::SuperAdmin));
    assert!(roles(json!(["x", "TENANT-ADMIN"])).await.is(Role::TenantAdmin));
    for nothing in [json!("root"), json!(7), json!({"super_admin": true}), json!([["user"]])] {
        let nobody = roles(nothing.clone()).await;
        assert!(Right::ALL.iter().all(|right| !nobody.may(*right)), "{nothing}");
    }
    // What stands in claims that are not configured gives nothing.
    let sneaky = json!({"role": "readonly", "roles": ["super_admin"], "groups": ["super_admin"],
        "permissions": ["trade"], "is_superuser": true});
    let reader = identity(sneaky).await;
    assert!(reader.may(Right::Read) && !reader.may(Right::Trade));
}

#[tokio::test]
async fn programs_and_impersonators_are_told_from_people() {
    let agent = identity(json!({"role": "agent", "sub": "momentum", "agent_name": "other"})).await;
    assert_eq!((agent.source.as_deref(), &agent.person), (Some("momentum"), &None));
    assert!(agent.may(Right::SubmitSignals) && agent.is_limited_to_own());
    let both_roles = identity(json!({"role": ["agent", "super_admin"]})).await;
    assert!(!both_roles.may(Right::Trade) && both_roles.person.is_none());
    let account = identity(json!({"role": "service_account", "sub": "billing"})).await;
    assert!(account.may(Right::Read) && !account.may(Right::Trade) && account.person.is_none());
    let unknown = identity(json!({"role": "service_account", "sub": "anna"})).await;
    assert!(Right::ALL.iter().all(|right| !unknown.may(*right)));
    // The rights of an account are not for a user of the same name.
    let user = identity(json!({"role": "x", "sub": "billing"})).await;
    assert!(!user.may(Right::Read));
    for unattended in [
        json!({"type": "service"}),
        json!({"unattended": true}),
        json!({"gty": "client-credentials"}),
        json!({"sub": "service-account-brain"}),
    ] {
        assert_eq!(identity(unattended.clone()).await.person, None, "{unattended}");
    }
    let posing = json!({"role": "super_admin", "impersonator_id": "root", "sub": "anna"});
    let posing = identity(posing).await;
    assert_eq!(posing.person.as_ref().map(|person| person.subject.as_str()), Some("root"));
    assert!(posing.is_impersonation && !posing.may(Right::Trade) && posing.may(Right::Read));
    assert!(identity(json!({"type": "impersonation"})).await.is_impersonation);
}

#[tokio::test]
async fn a_connection_ends_with_its_token() {
    let verifier = both();
    let anna = identity(json!({})).await;
    let later = |seconds: i64| Time(NOW.0 + seconds * 1_000_000_000);
    assert_eq!(verifier.check_again(&anna, later(899)), Ok(()));
    assert_eq!(verifier.check_again(&anna, later(900)), Err(AuthError::Expired));
    let revoked = Identity { session_id: Some("session-0".into()), ..anna };
    assert_eq!(verifier.check_again(&revoked, NOW), Err(AuthError::Revoked));
}
