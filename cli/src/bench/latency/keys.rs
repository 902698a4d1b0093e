//! What orders are signed with, and whether they are: another library says so of HMAC, the same one
//! of Ed25519.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use qt_feeds::venue::binance::{Access, Signer};
use qt_feeds::{Ed25519Key, HmacKey, Secret};
use ring::signature::KeyPair;
use serde_json::Value;

/// Made up: a key of the bench opens nothing.
const SECRET: [u8; 64] = [b's'; 64];
const SEED: [u8; 32] = [7; 32];

/// What signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// HMAC-SHA256.
    Hmac,
    /// Ed25519.
    Ed25519,
}

impl Key {
    /// Who asks. `None` where the constants here are no keys.
    pub fn access(self) -> Option<Access> {
        let signer = match self {
            Self::Hmac => Signer::Hmac(HmacKey::new(&Secret::new(SECRET))),
            Self::Ed25519 => Signer::Ed25519(Ed25519Key::from_seed(&Secret::new(SEED)).ok()?),
        };
        Access::new(Secret::new([b'k'; 64]), signer).ok()
    }

    /// Whether `message` is a signed request: the parameters are read from it, put together anew,
    /// and the signature is checked. HMAC by another implementation than the one that signs;
    /// Ed25519 by the library that signs, with the public key.
    pub fn has_signed(self, message: &[u8]) -> bool {
        let Some((payload, signature)) = signed(message) else { return false };
        match self {
            Self::Hmac => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &SECRET);
                let tag = ring::hmac::sign(&key, payload.as_bytes());
                let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
                hex == signature
            }
            Self::Ed25519 => {
                let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&SEED);
                let (Ok(pair), Ok(bytes)) = (pair, STANDARD.decode(signature)) else {
                    return false;
                };
                let algorithm = &ring::signature::ED25519;
                let public =
                    ring::signature::UnparsedPublicKey::new(algorithm, pair.public_key().as_ref());
                public.verify(payload.as_bytes(), &bytes).is_ok()
            }
        }
    }
}

/// What is signed in `message`, by the rule of the venue, and the signature.
fn signed(message: &[u8]) -> Option<(String, String)> {
    let document: Value = serde_json::from_slice(message).ok()?;
    let params = document["params"].as_object()?;
    let mut pairs: Vec<(&str, String)> = Vec::new();
    for (name, value) in params.iter().filter(|(name, _)| *name != "signature") {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        pairs.push((name, text));
    }
    pairs.sort_unstable();
    let texts: Vec<String> = pairs.iter().map(|(name, text)| format!("{name}={text}")).collect();
    Some((texts.join("&"), params["signature"].as_str()?.to_owned()))
}
