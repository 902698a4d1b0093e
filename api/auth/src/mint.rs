//! Tokens of our own: for development and tests, signed with the shared secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::config::SharedSecret;
use super::keys::SharedKey;
use super::role::Role;
use qt_trading::ids::TenantId;
use qt_trading::secret::Secret;
use qt_trading::time::Time;

/// What a token is to say.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Whom it names.
    pub user: String,
    /// For which tenant.
    pub tenant: TenantId,
    /// With which roles.
    pub roles: Vec<Role>,
    /// For how many seconds; at most 24 hours are accepted.
    pub lifetime_s: i64,
}

/// A token that [`super::Verifier`] accepts under the same configuration.
#[must_use]
pub fn mint(
    secret: &SharedSecret,
    audience: Option<&str>,
    role_claim: &str,
    wish: &Wish,
    now: Time,
) -> Secret {
    let now_s = now.0.div_euclid(1_000_000_000);
    let mut claims = Map::new();
    claims.insert("sub".into(), json!(wish.user));
    claims.insert("tenant_id".into(), json!(wish.tenant));
    let names: Vec<&str> = wish.roles.iter().map(|role| role.name()).collect();
    let roles = if let [one] = names.as_slice() { json!(one) } else { json!(names) };
    claims.insert(role_claim.into(), roles);
    claims.insert("iat".into(), json!(now_s));
    claims.insert("exp".into(), json!(now_s.saturating_add(wish.lifetime_s)));
    claims.insert("jti".into(), json!(Uuid::now_v7()));
    if let Some(issuer) = &secret.issuer {
        claims.insert("iss".into(), json!(issuer));
    }
    if let Some(audience) = audience {
        claims.insert("aud".into(), json!(audience));
    }
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let claims = Value::Object(claims);
    Secret::new(sign(&secret.secret, &header.to_string(), &claims.to_string()))
}

/// A signed token of any header and payload.
#[must_use]
pub fn sign(secret: &Secret, header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = SharedKey::new(secret).sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
