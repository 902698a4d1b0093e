//! The settings of authentication, and what is refused among them.

use std::collections::BTreeMap;

use thiserror::Error;

use super::keys::SECRET_BYTES_MIN;
use super::owner::is_local_host;
use super::right::{Right, Rights};
use qt_trading::secret::Secret;

/// A shared secret, and who signs with it.
#[derive(Clone, Debug)]
pub struct SharedSecret {
    /// The secret.
    pub secret: Secret,
    /// The issuer that its tokens must name; any where it is none.
    pub issuer: Option<String>,
}

/// An issuer whose public keys are at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyIssuer {
    /// Where its keys are.
    pub url: String,
    /// The issuer that its tokens must name.
    pub issuer: String,
}

/// The settings.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `JWT_SECRET_KEY`, `JWT_SECRET`.
    pub secret: Option<SharedSecret>,
    /// `JWT_JWKS_URL` with `JWT_ISSUER`.
    pub jwks: Option<KeyIssuer>,
    /// `JWT_AUDIENCE`.
    pub audience: Option<String>,
    /// `JWT_ROLE_CLAIM`; `role` by default.
    pub role_claim: String,
    /// `SERVICE_ACCOUNT_RIGHTS`: by the name of the account.
    pub service_rights: BTreeMap<String, Rights>,
    /// `JWT_COOKIE`: whether the cookie `bizosaas_auth` counts as well.
    pub is_cookie_on: bool,
}

/// Why the service does not start.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// Two names of the secret with different values.
    #[error("JWT_SECRET_KEY and JWT_SECRET differ: set one of them")]
    TwoSecrets,
    /// Too short a secret.
    #[error(
        "JWT_SECRET_KEY has {0} bytes, and HS256 needs 32 or more: `openssl rand -hex 32` makes one"
    )]
    ShortSecret(usize),
    /// A secret that everybody knows, or that is no secret.
    #[error(
        "JWT_SECRET_KEY is a well-known example or a pattern: `openssl rand -hex 32` makes one"
    )]
    KnownSecret,
    /// With keys by an address something else must be there.
    #[error("JWT_JWKS_URL needs {0}: without it tokens that were made for others would pass")]
    JwksNeeds(&'static str),
    /// The address cannot be used.
    #[error("JWT_JWKS_URL {0}")]
    JwksUrl(&'static str),
    /// With both kinds of keys the issuers must differ.
    #[error(
        "with JWT_JWKS_URL and JWT_SECRET_KEY both set, JWT_SECRET_ISSUER must name the issuer of \
         the HS256 tokens, another than JWT_ISSUER"
    )]
    SameIssuer,
    /// Settings that do nothing without a key.
    #[error("{0} is set but no key is: set JWT_SECRET_KEY or JWT_JWKS_URL, or leave it out")]
    NoKey(&'static str),
    /// A claim that cannot hold roles.
    #[error("JWT_ROLE_CLAIM is no claim that holds roles: use role, roles or groups")]
    RoleClaim,
    /// Rights of service accounts that cannot be read.
    #[error("SERVICE_ACCOUNT_RIGHTS: {0}; write 'name:right,right;name:right'")]
    ServiceRights(String),
    /// A switch that is neither on nor off.
    #[error("{0} is neither true nor false")]
    Switch(&'static str),
}

/// Claims that mean something else.
const OTHER_CLAIMS: [&str; 14] = [
    "sub",
    "user_id",
    "tenant_id",
    "exp",
    "nbf",
    "iat",
    "iss",
    "aud",
    "jti",
    "session_id",
    "sid",
    "type",
    "typ",
    "impersonator_id",
];

/// Parts of the secrets that stand in examples, in lower case.
const EXAMPLES: [&str; 29] = [
    "your-256-bit-secret",
    "your_256_bit_secret",
    "your-secret",
    "your_secret",
    "yoursecret",
    "jwt-secret",
    "jwt_secret",
    "a-string-secret",
    "dev-secret",
    "dev_secret",
    "change-me",
    "change_me",
    "changeme",
    "change-this",
    "change_this",
    "change-in",
    "replace-me",
    "replace_me",
    "insecure",
    "super-secret",
    "supersecret",
    "super_secret",
    "secret-key",
    "secret_key",
    "secretkey",
    "example",
    "default",
    "qwerty",
    "password",
];

impl Config {
    /// Reads the settings by their names; empty ones are not set.
    ///
    /// # Errors
    /// What must be put right before the service starts.
    pub fn read(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name: &str| get(name).filter(|value| !value.trim().is_empty());
        let secret = read_secret(get("JWT_SECRET_KEY"), get("JWT_SECRET"))?;
        let issuer = get("JWT_ISSUER");
        let secret_issuer = get("JWT_SECRET_ISSUER");
        let audience = get("JWT_AUDIENCE");
        let jwks = match get("JWT_JWKS_URL") {
            None => None,
            Some(url) => {
                check_url(&url, switch(&get, "JWT_JWKS_ALLOW_HTTP")?)?;
                let issuer = issuer.clone().ok_or(ConfigError::JwksNeeds("JWT_ISSUER"))?;
                audience.as_ref().ok_or(ConfigError::JwksNeeds("JWT_AUDIENCE"))?;
                Some(KeyIssuer { url, issuer })
            }
        };
        let secret = match (secret, &jwks) {
            (None, _) => None,
            (Some(secret), None) => Some(SharedSecret { secret, issuer: secret_issuer.or(issuer) }),
            (Some(secret), Some(keys)) => {
                let other = secret_issuer.filter(|name| *name != keys.issuer);
                let issuer = Some(other.ok_or(ConfigError::SameIssuer)?);
                Some(SharedSecret { secret, issuer })
            }
        };
        let role_claim = read_role_claim(get("JWT_ROLE_CLAIM"))?;
        let service_rights = read_rights(get("SERVICE_ACCOUNT_RIGHTS"))?;
        let is_cookie_on = switch(&get, "JWT_COOKIE")?;
        let config = Self { secret, jwks, audience, role_claim, service_rights, is_cookie_on };
        if config.is_owner_mode() {
            // Somebody meant to have a key: to serve without one would be a surprise.
            let names = ["JWT_ISSUER", "JWT_SECRET_ISSUER", "JWT_AUDIENCE"];
            if let Some(name) = names.into_iter().find(|name| get(name).is_some()) {
                return Err(ConfigError::NoKey(name));
            }
        }
        Ok(config)
    }

    /// Whether no key is configured: then this machine's owner is served, and nobody else.
    #[must_use]
    pub const fn is_owner_mode(&self) -> bool {
        self.secret.is_none() && self.jwks.is_none()
    }
}

fn read_secret(
    first: Option<String>,
    second: Option<String>,
) -> Result<Option<Secret>, ConfigError> {
    let text = match (first, second) {
        (Some(one), Some(other)) if one != other => return Err(ConfigError::TwoSecrets),
        (one, other) => one.or(other),
    };
    let Some(text) = text else { return Ok(None) };
    if text.len() < SECRET_BYTES_MIN {
        return Err(ConfigError::ShortSecret(text.len()));
    }
    let lower = text.to_ascii_lowercase();
    let is_example = EXAMPLES.iter().any(|example| lower.contains(example));
    if is_example || is_pattern(text.as_bytes()) {
        return Err(ConfigError::KnownSecret);
    }
    Ok(Some(Secret::new(text)))
}

/// Few different bytes, a short part again and again, or bytes that only rise: no secret.
fn is_pattern(text: &[u8]) -> bool {
    let mut seen = [false; 256];
    for byte in text {
        seen[usize::from(*byte)] = true;
    }
    let kinds = seen.iter().filter(|is_seen| **is_seen).count();
    let repeats = |period: usize| text.iter().skip(period).zip(text).all(|(a, b)| a == b);
    let runs = text.windows(2).filter(|pair| pair[1].wrapping_sub(pair[0]) == 1).count();
    kinds < 8 || (1..=text.len() / 2).any(repeats) || runs * 4 > text.len() * 3
}

/// Host and port of an address.
fn authority(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split(['/', '?', '#']).next().filter(|authority| !authority.is_empty())
}

/// Whether an address is on this machine.
pub(super) fn is_local_url(url: &str) -> bool {
    authority(url).is_some_and(is_local_host)
}

fn check_url(url: &str, allow_http: bool) -> Result<(), ConfigError> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let is_plain = match scheme.as_deref() {
        Some("https") => false,
        Some("http") => true,
        _ => return Err(ConfigError::JwksUrl("must begin with https://")),
    };
    // Readers of addresses differ over backslashes and blanks.
    if url.contains('\\') || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ConfigError::JwksUrl("has characters that have no place in an address"));
    }
    if authority(url).is_none_or(|authority| authority.contains('@')) {
        return Err(ConfigError::JwksUrl("must name a host and no user"));
    }
    if is_plain && !is_local_url(url) && !allow_http {
        return Err(ConfigError::JwksUrl(
            "is not https, so that anybody on the way could put keys in: use https, or set \
             JWT_JWKS_ALLOW_HTTP=true where the network is trusted",
        ));
    }
    Ok(())
}

fn read_role_claim(text: Option<String>) -> Result<String, ConfigError> {
    let claim = text.unwrap_or_else(|| "role".to_owned());
    let is_name = claim.len() <= 128 && claim.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_name || OTHER_CLAIMS.contains(&claim.as_str()) {
        return Err(ConfigError::RoleClaim);
    }
    Ok(claim)
}

fn read_rights(text: Option<String>) -> Result<BTreeMap<String, Rights>, ConfigError> {
    let mut all = BTreeMap::new();
    let entries = text.unwrap_or_default();
    for entry in entries.split(';').map(str::trim).filter(|entry| !entry.is_empty()) {
        let bad = |what: String| ConfigError::ServiceRights(what);
        let (name, list) = entry
            .rsplit_once(':')
            .ok_or_else(|| bad(format!("'{entry}' has no colon between name and rights")))?;
        let mut rights = Rights::NONE;
        for word in list.split(',').map(str::trim) {
            let right = Right::find(word).ok_or_else(|| bad(format!("no right '{word}'")))?;
            if right.needs_person() || right == Right::SwitchTenant {
                return Err(bad(format!("'{word}' is for people only")));
            }
            rights = rights.with(right);
        }
        if all.insert(name.trim().to_owned(), rights).is_some() {
            return Err(bad(format!("'{}' stands there twice", name.trim())));
        }
    }
    Ok(all)
}

fn switch(get: &dyn Fn(&str) -> Option<String>, name: &'static str) -> Result<bool, ConfigError> {
    match get(name).map(|text| text.trim().to_ascii_lowercase()).as_deref() {
        None | Some("false" | "0" | "no" | "off") => Ok(false),
        Some("true" | "1" | "yes" | "on") => Ok(true),
        Some(_) => Err(ConfigError::Switch(name)),
    }
}
