//! Settings: what starts, and what is refused with its reason.

use qt_auth::right::Right;
use qt_auth::{Config, ConfigError};

use crate::forge::SECRET;

fn read(settings: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::read(&|name| {
        settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    })
}

const URL: (&str, &str) = ("JWT_JWKS_URL", "https://id.example.net/jwks");
const KEY: (&str, &str) = ("JWT_SECRET_KEY", SECRET);
const ISSUER: (&str, &str) = ("JWT_ISSUER", "https://id.example.net/");
const AUDIENCE: (&str, &str) = ("JWT_AUDIENCE", "trading");

#[test]
fn nothing_set_is_the_owner_and_a_key_is_not() {
    assert!(read(&[]).expect("nothing is fine").is_owner_mode());
    assert!(read(&[("JWT_SECRET_KEY", " ")]).expect("empty is not set").is_owner_mode());
    let config = read(&[KEY]).expect("a secret");
    assert!(!config.is_owner_mode());
    assert_eq!(config.role_claim, "role");
    // A secret that was forgotten must not open the owner's door.
    for alone in [ISSUER, AUDIENCE, ("JWT_SECRET_ISSUER", "x")] {
        assert_eq!(read(&[alone]).unwrap_err(), ConfigError::NoKey(alone.0));
    }
}

#[test]
fn weak_and_known_secrets_are_refused() {
    let secret = |text: &str| read(&[("JWT_SECRET", text)]).map(|_| ()).unwrap_err();
    assert_eq!(secret("short"), ConfigError::ShortSecret(5));
    assert_eq!(secret(&SECRET[..31]), ConfigError::ShortSecret(31));
    for known in [
        "your-256-bit-secret-your-256-bit-secret",
        "your-super-secret-jwt-key-change-in-production",
        "CHANGE_ME_CHANGE_ME_CHANGE_ME_CHANGE_ME",
        "please-replace-me-with-something-long-enough",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "0123456789abcdef0123456789abcdef",
        "12345678901234567890123456789012",
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ",
        "insecure-development-key-do-not-use-0000",
    ] {
        assert_eq!(secret(known), ConfigError::KnownSecret, "{known}");
    }
    assert_eq!(read(&[KEY, ("JWT_SECRET", "other")]).unwrap_err(), ConfigError::TwoSecrets);
    read(&[KEY, ("JWT_SECRET", SECRET)]).expect("the same twice");
    // What made it fail is not shown.
    let said = format!("{} {:?}", secret("hunter2"), secret("hunter2"));
    assert!(!said.contains("hunter2"), "{said}");
    assert!(!format!("{:?}", read(&[KEY]).unwrap()).contains(SECRET));
}

#[test]
fn keys_by_address_need_issuer_and_audience() {
    assert_eq!(read(&[URL]).unwrap_err(), ConfigError::JwksNeeds("JWT_ISSUER"));
    assert_eq!(read(&[URL, ISSUER]).unwrap_err(), ConfigError::JwksNeeds("JWT_AUDIENCE"));
    read(&[URL, ISSUER, AUDIENCE]).expect("all three");
    let both = |more: &[(&str, &str)]| read(&[&[URL, ISSUER, AUDIENCE, KEY], more].concat());
    assert_eq!(both(&[]).unwrap_err(), ConfigError::SameIssuer);
    assert_eq!(both(&[("JWT_SECRET_ISSUER", ISSUER.1)]).unwrap_err(), ConfigError::SameIssuer);
    both(&[("JWT_SECRET_ISSUER", "platform")]).expect("two issuers");
}

#[test]
fn addresses_of_keys_are_safe_ones() {
    let at = |url: &str, more: &[(&str, &str)]| {
        read(&[&[("JWT_JWKS_URL", url), ISSUER, AUDIENCE], more].concat()).is_ok()
    };
    for good in ["https://id/jwks", "HTTPS://id", "http://127.0.0.1:9000/k", "http://[::1]:1/"] {
        assert!(at(good, &[]), "{good}");
    }
    for bad in [
        "http://id.example.net/jwks",
        "http://localhost.evil.example/",
        "http://localhost@evil.example/",
        "https://user:pass@id/",
        "https://",
        "https:///jwks",
        "file:///etc/passwd",
        "ftp://id/",
        "id.example.net/jwks",
        "http://127.0.0.1\\@evil.example/",
    ] {
        assert!(!at(bad, &[]), "{bad}");
    }
    assert!(at("http://authentik:9000/jwks", &[("JWT_JWKS_ALLOW_HTTP", "true")]));
    assert!(!at("http://authentik:9000/jwks", &[("JWT_JWKS_ALLOW_HTTP", "false")]));
    let odd = read(&[URL, ISSUER, AUDIENCE, ("JWT_JWKS_ALLOW_HTTP", "maybe")]);
    assert_eq!(odd.unwrap_err(), ConfigError::Switch("JWT_JWKS_ALLOW_HTTP"));
}

#[test]
fn the_claim_of_roles_and_the_rights_of_accounts() {
    assert_eq!(read(&[KEY, ("JWT_ROLE_CLAIM", "groups")]).unwrap().role_claim, "groups");
    for bad in ["sub", "tenant_id", "exp", "two words", "rôle"] {
        let refused = read(&[KEY, ("JWT_ROLE_CLAIM", bad)]).unwrap_err();
        assert_eq!(refused, ConfigError::RoleClaim, "{bad}");
    }
    let rights = |text: &str| read(&[KEY, ("SERVICE_ACCOUNT_RIGHTS", text)]);
    let config = rights("billing:read, read_audit; urn:brain:submit_signals ;").unwrap();
    assert!(config.service_rights["billing"].has(Right::ReadAudit));
    assert!(config.service_rights["urn:brain"].has(Right::SubmitSignals));
    assert!(!config.service_rights["billing"].has(Right::Trade));
    for bad in ["x", "x:", "x:all", "x:arm_tenant", "x:loosen_limits", "x:read;x:trade"] {
        let refused = rights(bad).unwrap_err();
        assert!(matches!(refused, ConfigError::ServiceRights(_)), "{bad}");
    }
}
