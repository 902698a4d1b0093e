//! A token taken apart: three parts in base64url between two dots, the first a JSON header.
//!
//! Nothing of it is believed yet. What a header may ask of a reader beyond its key (keys of its
//! own, encryption, extensions) is refused, not ignored.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::claims::Fields;
use super::error::AuthError;

/// The longest token that is read, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8_192;
/// The longest key name.
const KID_BYTES_MAX: usize = 256;

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256, by the shared secret.
    Hs256,
    /// RSA PKCS#1 v1.5 with SHA-256, by a public key of the issuer.
    Rs256,
}

/// A token whose signature is not verified yet.
#[derive(Debug)]
pub struct Compact<'a> {
    /// What the header says of the algorithm. A key is chosen by it, and works with no other.
    pub algorithm: Algorithm,
    /// The name of the key: it is compared with names that are there, and nothing else.
    pub kid: Option<String>,
    /// The bytes that are signed.
    pub signed: &'a [u8],
    /// The claims, as they are; not to be read before the signature is verified.
    pub payload: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

/// What a header must not bring: keys and where to get them, encryption, extensions.
const REFUSED: [&str; 8] = ["jku", "x5u", "jwk", "x5c", "crit", "enc", "zip", "b64"];

impl<'a> Compact<'a> {
    /// Takes `token` apart.
    ///
    /// # Errors
    /// When it is too long, no such token, or not of an accepted algorithm.
    pub fn read(token: &'a str) -> Result<Self, AuthError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(AuthError::TooLarge);
        }
        let parts = "it does not have three parts";
        let (signed, signature) = token.rsplit_once('.').ok_or(AuthError::Malformed(parts))?;
        let (header, payload) = signed.split_once('.').ok_or(AuthError::Malformed(parts))?;
        if payload.contains('.') {
            return Err(AuthError::Malformed(parts));
        }
        let (algorithm, kid) = read_header(&decoded(header)?)?;
        Ok(Self {
            algorithm,
            kid,
            signed: signed.as_bytes(),
            payload: decoded(payload)?,
            signature: decoded(signature)?,
        })
    }
}

fn decoded(part: &str) -> Result<Vec<u8>, AuthError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| AuthError::Malformed("it is no base64url"))
}

fn read_header(bytes: &[u8]) -> Result<(Algorithm, Option<String>), AuthError> {
    let header = Fields::read(bytes).map_err(|_| AuthError::Malformed("its header"))?;
    if REFUSED.iter().any(|name| header.get(name).is_some()) {
        return Err(AuthError::Malformed("its header asks for what is not done here"));
    }
    let algorithm = match header.get("alg") {
        Some(Value::String(name)) if name == "HS256" => Algorithm::Hs256,
        Some(Value::String(name)) if name == "RS256" => Algorithm::Rs256,
        _ => return Err(AuthError::Algorithm),
    };
    match header.get("typ") {
        None => {}
        Some(Value::String(kind)) if is_access(kind) => {}
        Some(_) => return Err(AuthError::TokenType),
    }
    let kid = match header.get("kid") {
        None => None,
        Some(Value::String(kid)) if kid.len() <= KID_BYTES_MAX => Some(kid.clone()),
        Some(_) => return Err(AuthError::Malformed("its key's name")),
    };
    Ok((algorithm, kid))
}

fn is_access(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    matches!(kind.strip_prefix("application/").unwrap_or(&kind), "jwt" | "at+jwt")
}
