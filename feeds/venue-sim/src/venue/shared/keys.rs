//! Keys of accounts, and whether a signature is one of them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{self, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use ring::{digest, hmac};

use crate::exchange::AccountId;

/// How long an API key is.
const API_KEY_CHARS: usize = 64;
/// What stands before the 32 bytes of an Ed25519 key in a public key file.
const ED25519_PUBLIC: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
/// What stands before them in a private key file.
const ED25519_PRIVATE: [u8; 16] =
    [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// What a signature is held against.
#[derive(Clone)]
pub(in crate::venue) enum Secret {
    /// A shared secret.
    Hmac(hmac::Key),
    /// A public key.
    Ed25519(Vec<u8>),
    /// A public key, as RSA's own structure.
    Rsa(Vec<u8>),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Hmac(_) => "Hmac",
            Self::Ed25519(_) => "Ed25519",
            Self::Rsa(_) => "Rsa",
        })
    }
}

/// What a signature is held against, as it is set up.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyKind {
    /// A secret that both sides know.
    Hmac(String),
    /// A public key in PEM: Ed25519 or RSA.
    Public(String),
}

impl std::fmt::Debug for KeyKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Hmac(_) => "Hmac",
            Self::Public(_) => "Public",
        })
    }
}

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not what an API key looks like.
    #[error("an api_key has {API_KEY_CHARS} letters and digits")]
    ApiKey,
    /// Not what an API key looks like where they have no one length.
    #[error("an api_key has 10 to {API_KEY_CHARS} letters, digits, dashes and underscores")]
    AnyApiKey,
    /// Neither kind of public key.
    #[error("public_key must be the PEM of an Ed25519 or RSA public key (BEGIN PUBLIC KEY)")]
    PublicKey,
    /// Both or none.
    #[error("a key needs either secret or public_key")]
    Secret,
}

impl Secret {
    /// A shared secret.
    pub(in crate::venue) fn hmac(secret: &str) -> Self {
        Self::Hmac(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
    }

    /// The public key in a PEM file.
    pub(in crate::venue) fn public(pem: &str) -> Result<Self, KeyError> {
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(body.trim()).map_err(|_| KeyError::PublicKey)?;
        if let Some(key) = der.strip_prefix(&ED25519_PUBLIC)
            && key.len() == 32
        {
            return Ok(Self::Ed25519(key.to_vec()));
        }
        rsa(&der).map(Self::Rsa).ok_or(KeyError::PublicKey)
    }

    /// Whether `signature`, as it was sent, is the signature of `payload`.
    pub(in crate::venue) fn signed(&self, payload: &[u8], signature: &str) -> bool {
        match self {
            Self::Hmac(key) => {
                hex(signature).is_some_and(|tag| hmac::verify(key, payload, &tag).is_ok())
            }
            Self::Ed25519(key) => verify(&signature::ED25519, key, payload, signature),
            Self::Rsa(key) => {
                verify(&signature::RSA_PKCS1_2048_8192_SHA256, key, payload, signature)
            }
        }
    }

    pub(in crate::venue) const fn is_ed25519(&self) -> bool {
        matches!(self, Self::Ed25519(_))
    }
}

fn verify(
    algorithm: &'static dyn signature::VerificationAlgorithm,
    key: &[u8],
    payload: &[u8],
    signature: &str,
) -> bool {
    let Ok(bytes) = STANDARD.decode(signature) else { return false };
    UnparsedPublicKey::new(algorithm, key).verify(payload, &bytes).is_ok()
}

fn hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}

/// One element of DER: its tag, what is in it, what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [tag, first, rest @ ..] = der else { return None };
    let (length, rest) = match first {
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(u16::from_be_bytes(*rest.first_chunk::<2>()?)), rest.get(2..)?),
        short @ 0..=0x7F => (usize::from(*short), rest),
        _ => return None,
    };
    Some((*tag, rest.get(..length)?, rest.get(length..)?))
}

/// RSA's own structure out of a public key: a sequence of the algorithm and a string of bits.
fn rsa(der: &[u8]) -> Option<Vec<u8>> {
    let (0x30, whole, _) = element(der)? else { return None };
    let (0x30, algorithm, rest) = element(whole)? else { return None };
    let rsa_encryption = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
    let (3, bits, _) = element(rest)? else { return None };
    (algorithm.starts_with(&rsa_encryption) && bits.first() == Some(&0)).then(|| bits[1..].to_vec())
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permissions {
    /// Ask for its account.
    pub may_read: bool,
    /// Place and cancel.
    pub may_trade: bool,
}

/// A key of an account.
#[derive(Debug, Clone)]
pub(in crate::venue) struct Key {
    pub(in crate::venue) account: AccountId,
    pub(in crate::venue) secret: Secret,
    pub(in crate::venue) permissions: Permissions,
    pub(in crate::venue) is_revoked: bool,
}

/// All keys by their API key.
#[derive(Debug, Clone, Default)]
pub(in crate::venue) struct KeyRing {
    keys: BTreeMap<String, Key>,
}

impl KeyRing {
    /// Gives an account a key.
    pub(in crate::venue) fn add(
        &mut self,
        account: AccountId,
        api_key: &str,
        kind: &KeyKind,
        permissions: Permissions,
    ) -> Result<(), KeyError> {
        let secret = match kind {
            KeyKind::Hmac(secret) if secret.is_empty() => return Err(KeyError::Secret),
            KeyKind::Hmac(secret) => Secret::hmac(secret),
            KeyKind::Public(pem) => Secret::public(pem)?,
        };
        let key = Key { account, secret, permissions, is_revoked: false };
        self.keys.insert(api_key.to_owned(), key);
        Ok(())
    }

    /// The key, if there is one and it has not been revoked.
    pub(in crate::venue) fn get(&self, api_key: &str) -> Option<&Key> {
        self.keys.get(api_key).filter(|key| !key.is_revoked)
    }

    /// Revokes all keys of an account, or gives them back.
    pub(in crate::venue) fn revoke(&mut self, account: AccountId, is_revoked: bool) {
        for key in self.keys.values_mut().filter(|key| key.account == account) {
            key.is_revoked = is_revoked;
        }
    }
}

/// Whether it looks like an API key.
pub(in crate::venue) fn is_api_key(text: &str) -> bool {
    text.len() == API_KEY_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Credentials that mean nothing anywhere else: made from a name, the same at every start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoKeys {
    /// The key that signs by HMAC-SHA256.
    pub hmac_api_key: String,
    /// Its secret.
    pub hmac_secret: String,
    /// The key that signs by Ed25519.
    pub ed25519_api_key: String,
    /// Its private key in PEM.
    pub ed25519_private_pem: String,
    /// Its public key in PEM.
    pub ed25519_public_pem: String,
}

impl DemoKeys {
    /// Those of the account with that name.
    #[must_use]
    pub fn of(account: &str) -> Self {
        let derive = |what: &str| {
            let text = format!("venue-sim demo {what} {account}");
            digest::digest(&digest::SHA256, text.as_bytes())
        };
        let text = |what: &str| -> String {
            derive(what).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let seed = derive("ed25519 seed");
        // 32 bytes are always a seed.
        let public = Ed25519KeyPair::from_seed_unchecked(seed.as_ref())
            .map(|pair| pair.public_key().as_ref().to_vec())
            .unwrap_or_default();
        Self {
            hmac_api_key: text("hmac api key"),
            hmac_secret: text("hmac secret"),
            ed25519_api_key: text("ed25519 api key"),
            ed25519_private_pem: pem("PRIVATE KEY", &ED25519_PRIVATE, seed.as_ref()),
            ed25519_public_pem: pem("PUBLIC KEY", &ED25519_PUBLIC, &public),
        }
    }
}

fn pem(what: &str, head: &[u8], key: &[u8]) -> String {
    let body = STANDARD.encode([head, key].concat());
    format!("-----BEGIN {what}-----\n{body}\n-----END {what}-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";

    #[test]
    fn the_published_signatures_are_taken_in_any_case_and_no_other_ones() {
        let payload = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1\
                       &recvWindow=5000&timestamp=1499827319559";
        let signature = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71";
        let secret = Secret::hmac(SECRET);
        assert!(secret.signed(payload.as_bytes(), signature));
        assert!(secret.signed(payload.as_bytes(), &signature.to_uppercase()));
        let sorted = "apiKey=vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A\
                      &price=52000.00&quantity=0.01000000&recvWindow=100&side=SELL&symbol=BTCUSDT\
                      &timeInForce=GTC&timestamp=1645423376532&type=LIMIT";
        let sorted_signature = "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24";
        assert!(secret.signed(sorted.as_bytes(), sorted_signature));
        for wrong in ["", "zz", "c8", &signature[1..], &format!("{signature}00"), "ü"] {
            assert!(!secret.signed(payload.as_bytes(), wrong), "{wrong}");
        }
        assert!(!secret.signed(b"another", signature));
    }

    #[test]
    fn an_ed25519_key_of_a_file_checks_what_its_private_one_signs() {
        let demo = DemoKeys::of("demo");
        let secret = Secret::public(&demo.ed25519_public_pem).expect("a public key");
        assert!(secret.is_ed25519());
        let body: String =
            demo.ed25519_private_pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(body).expect("base64");
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).expect("a private key");
        let signature = STANDARD.encode(pair.sign(b"payload"));
        assert!(secret.signed(b"payload", &signature));
        assert!(!secret.signed(b"payloae", &signature) && !secret.signed(b"payload", "?"));
    }

    #[test]
    fn what_is_no_public_key_is_refused() {
        for pem in ["", "nonsense", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"] {
            assert_eq!(Secret::public(pem).err(), Some(KeyError::PublicKey), "{pem}");
        }
        assert!(is_api_key(&DemoKeys::of("x").hmac_api_key) && !is_api_key("short"));
    }
}
