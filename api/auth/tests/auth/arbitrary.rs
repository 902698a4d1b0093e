//! Arbitrary bytes are never believed, and nothing panics on them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use qt_auth::claims::{Claims, Expected, Fields};
use qt_auth::jwks::KeySet;
use qt_auth::owner::is_local_host;
use qt_auth::token::Compact;
use qt_auth::{Role, Verifier};
use serde_json::json;

use crate::forge::{AUDIENCE, HS_ISSUER, NOW, both, hs, rs};

fn verify(verifier: &Verifier, token: &str) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(verifier.verify(token, NOW)).is_ok()
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn arbitrary_text_never_verifies(text in ".{0,200}") {
        prop_assert!(!verify(&both(), &text));
    }

    #[test]
    fn arbitrary_parts_never_verify(
        header in prop::collection::vec(any::<u8>(), 0..60),
        payload in prop::collection::vec(any::<u8>(), 0..60),
        signature in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let parts = [header, payload, signature].map(|part| URL_SAFE_NO_PAD.encode(part));
        prop_assert!(!verify(&both(), &parts.join(".")));
    }

    #[test]
    fn a_header_with_arbitrary_parts_never_verifies(
        alg in prop::sample::select(vec!["HS256", "RS256", "none"]),
        kid in ".{0,40}",
        signature in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let header = json!({"alg": alg, "kid": kid}).to_string();
        let parts = [header.as_bytes(), b"{}", &signature].map(|part| URL_SAFE_NO_PAD.encode(part));
        prop_assert!(!verify(&both(), &parts.join(".")));
    }

    #[test]
    fn a_changed_token_never_verifies(at in 0_usize..600, byte in any::<u8>(), is_rsa: bool) {
        let right = if is_rsa { rs(json!({})) } else { hs(json!({})) };
        let mut bytes = right.clone().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(changed) = String::from_utf8(bytes) {
            prop_assert_eq!(verify(&both(), &changed), changed == right, "{} {}", at, byte);
        }
    }

    #[test]
    fn nothing_panics_on_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let expected =
            Expected { issuer: Some(HS_ISSUER), audience: Some(AUDIENCE), role_claim: "role" };
        prop_assert!(Claims::read(&bytes, &expected, NOW).is_err());
        prop_assert!(KeySet::read(&bytes, NOW).is_err());
        let _ = Fields::read(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        prop_assert!(Compact::read(&text).is_err());
        prop_assert!(text.parse::<Role>().is_err());
        prop_assert!(!is_local_host(&text));
    }

    #[test]
    fn key_sets_with_arbitrary_numbers_do_no_harm(
        n in prop::collection::vec(any::<u8>(), 0..1_100),
        e in prop::collection::vec(any::<u8>(), 0..6),
    ) {
        let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        let key = json!({"kty": "RSA", "kid": "one", "n": encode(&n), "e": encode(&e)});
        let text = json!({ "keys": [key] }).to_string();
        let shelf = crate::forge::Shelf::with(text);
        let nobody = std::sync::Arc::new(qt_auth::NoRevocations);
        let is_believed = verify(&crate::forge::with_shelf(&shelf, nobody), &rs(json!({})));
        prop_assert!(!is_believed);
    }
}
