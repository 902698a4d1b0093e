//! What a verified token says, read strictly: no claim twice, no number as a text.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::error::AuthError;
use super::identity::tenant_of;
use super::role::Roles;
use qt_trading::ids::TenantId;
use qt_trading::time::Time;

/// How far clocks may differ.
pub const LEEWAY_S: i64 = 5;
/// The longest lifetime of a token.
pub const LIFETIME_S_MAX: i64 = 24 * 3_600;
/// The longest name of a user, token or session.
const NAME_BYTES_MAX: usize = 256;
/// Times beyond this many seconds are no times: about the year 5100.
const SECONDS_MAX: f64 = 1e11;
/// What a token may call itself in the claims `type` and `typ`.
const TYPES: [&str; 8] =
    ["access", "access_token", "bearer", "jwt", "impersonation", "service", "agent", "unattended"];

/// A JSON object in which no name stands twice.
#[derive(Debug)]
pub struct Fields(BTreeMap<String, Value>);

impl Fields {
    /// Reads it.
    ///
    /// # Errors
    /// When it is no JSON object or a name stands twice.
    pub fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// The value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object in which no name stands twice")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if fields.insert(name, value).is_some() {
                return Err(de::Error::custom("a name stands twice"));
            }
        }
        Ok(Fields(fields))
    }
}

/// What a key wants of the tokens that it signs.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The issuer; any where it is none.
    pub issuer: Option<&'a str>,
    /// The audience; where it is none, a token that names one is meant for somebody else.
    pub audience: Option<&'a str>,
    /// The claim that holds the roles.
    pub role_claim: &'a str,
}

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// `sub`, else `user_id`.
    pub user: String,
    /// `tenant_id`.
    pub tenant: TenantId,
    /// Its roles; unknown ones give nothing.
    pub roles: Roles,
    /// `impersonator_id`.
    pub impersonator: Option<String>,
    /// Whether somebody acts in the user's name.
    pub is_impersonation: bool,
    /// Whether it says that no human being is there.
    pub is_unattended: bool,
    /// `jti`.
    pub token_id: Option<String>,
    /// `session_id`, or `sid` as OpenID providers call it.
    pub session_id: Option<String>,
    /// `exp`.
    pub expires_at: Time,
}

impl Claims {
    /// Reads the payload of a token whose signature is verified.
    ///
    /// # Errors
    /// What is wrong with it, at `now`.
    pub fn read(payload: &[u8], expected: &Expected<'_>, now: Time) -> Result<Self, AuthError> {
        let fields = Fields::read(payload)
            .map_err(|_| AuthError::Malformed("its claims are no object of unique names"))?;
        let expires_at = check_times(&fields, now)?;
        check_issuer(&fields, expected.issuer)?;
        check_audience(&fields, expected.audience)?;
        let kind = check_type(&fields)?;
        let user = match name(&fields, "sub")? {
            Some(user) => user,
            None => name(&fields, "user_id")?.ok_or(AuthError::MissingClaim("sub"))?,
        };
        let tenant = fields.get("tenant_id").and_then(Value::as_str).and_then(tenant_of);
        let impersonator = name(&fields, "impersonator_id")?;
        let session_id = match name(&fields, "session_id")? {
            Some(id) => Some(id),
            None => name(&fields, "sid")?,
        };
        Ok(Self {
            tenant: tenant.ok_or(AuthError::Tenant)?,
            roles: roles(fields.get(expected.role_claim)),
            is_impersonation: impersonator.is_some() || kind.as_deref() == Some("impersonation"),
            is_unattended: is_unattended(&fields, kind.as_deref(), &user),
            impersonator,
            token_id: name(&fields, "jti")?,
            session_id,
            expires_at,
            user,
        })
    }
}

/// A time in seconds; a text is none, whatever is in it.
fn seconds(fields: &Fields, claim: &'static str) -> Result<Option<f64>, AuthError> {
    let Some(value) = fields.get(claim) else { return Ok(None) };
    let number = value.is_number().then(|| value.as_f64()).flatten();
    let sane = number.filter(|s| s.is_finite() && (0.0..=SECONDS_MAX).contains(s));
    sane.map(Some).ok_or(AuthError::BadClaim(claim))
}

fn check_times(fields: &Fields, now: Time) -> Result<Time, AuthError> {
    let exp = seconds(fields, "exp")?.ok_or(AuthError::MissingClaim("exp"))?;
    let not_before = seconds(fields, "nbf")?;
    let issued = seconds(fields, "iat")?;
    // Exact enough: a double has a microsecond to spare at these numbers.
    let now_s = now.0 as f64 / 1e9;
    let leeway = LEEWAY_S as f64;
    let lifetime = LIFETIME_S_MAX as f64;
    if now_s >= exp + leeway {
        return Err(AuthError::Expired);
    }
    if [not_before, issued].into_iter().flatten().any(|start| start > now_s + leeway) {
        return Err(AuthError::NotYetValid);
    }
    if exp - issued.unwrap_or(now_s) > lifetime || exp - now_s > lifetime + leeway {
        return Err(AuthError::Lifetime);
    }
    // Milliseconds are exact in a double; nanoseconds are not.
    Ok(Time(((exp * 1e3) as i64).saturating_mul(1_000_000)))
}

fn check_issuer(fields: &Fields, expected: Option<&str>) -> Result<(), AuthError> {
    let Some(expected) = expected else { return Ok(()) };
    match fields.get("iss") {
        Some(Value::String(issuer)) if issuer == expected => Ok(()),
        _ => Err(AuthError::Issuer),
    }
}

fn check_audience(fields: &Fields, expected: Option<&str>) -> Result<(), AuthError> {
    let is_ours = |value: &Value| value.as_str().is_some_and(|name| Some(name) == expected);
    let is_meant = match (fields.get("aud"), expected) {
        (None, None) => true,
        (Some(Value::Array(names)), Some(_)) => names.iter().any(is_ours),
        (Some(value), Some(_)) => is_ours(value),
        _ => false,
    };
    if is_meant { Ok(()) } else { Err(AuthError::Audience) }
}

/// What the token calls itself: refresh tokens, identity tokens and tokens of e-mails are signed
/// with the same keys.
fn check_type(fields: &Fields) -> Result<Option<String>, AuthError> {
    let mut found = None;
    for claim in ["typ", "type", "token_type", "token_use"] {
        let Some(value) = fields.get(claim) else { continue };
        let kind = value.as_str().ok_or(AuthError::TokenType)?.to_ascii_lowercase();
        if !TYPES.contains(&kind.as_str()) {
            return Err(AuthError::TokenType);
        }
        if claim == "type" || found.is_none() {
            found = Some(kind);
        }
    }
    Ok(found)
}

/// A name: a text that is not empty, not too long, and without control characters.
fn name(fields: &Fields, claim: &'static str) -> Result<Option<String>, AuthError> {
    match fields.get(claim) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text))
            if !text.trim().is_empty()
                && text.len() <= NAME_BYTES_MAX
                && !text.chars().any(char::is_control) =>
        {
            Ok(Some(text.clone()))
        }
        Some(_) => Err(AuthError::BadClaim(claim)),
    }
}

fn roles(value: Option<&Value>) -> Roles {
    let one = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
    match value {
        Some(Value::Array(list)) => list.iter().filter_map(one).collect(),
        Some(value) => one(value).into_iter().collect(),
        None => Roles::NONE,
    }
}

/// Whether a program holds the token: by what it calls itself, by how it was granted, or by the
/// name that identity providers give to service accounts.
fn is_unattended(fields: &Fields, kind: Option<&str>, user: &str) -> bool {
    let says = |claim: &str, text: &str| {
        fields.get(claim).and_then(Value::as_str).is_some_and(|value| value == text)
    };
    matches!(kind, Some("service" | "agent" | "unattended"))
        || fields.get("unattended").is_some_and(|value| *value != Value::Bool(false))
        || says("gty", "client-credentials")
        || says("grant_type", "client_credentials")
        || user.starts_with("service-account-")
}
