//! Signatures as the venue wants them: HMAC-SHA256 in hex, Ed25519 in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::client_id::hex;
use crate::{Ed25519Key, HmacKey, Midstate};

/// Longest text of a signature: 64 bytes in base64.
const TEXT_BYTES: usize = 88;

/// What signs.
#[derive(Debug)]
pub enum Signer {
    /// With a secret that the venue has as well: fast.
    Hmac(HmacKey),
    /// With a private key, which only we have: far slower. On a connection that is logged on
    /// requests need no signature.
    Ed25519(Ed25519Key),
}

/// A signature.
#[derive(Clone, Copy)]
pub(super) struct Signature {
    bytes: [u8; TEXT_BYTES],
    length: usize,
}

impl Signer {
    /// What messages that begin with `prefix` may begin from, if that saves anything.
    pub(super) fn after(&self, prefix: &[u8]) -> Option<Midstate> {
        match self {
            Self::Hmac(key) => Some(key.after(prefix)),
            Self::Ed25519(_) => None,
        }
    }

    /// Signs `message`; `begin` is of a prefix of it, of `skip` bytes.
    #[inline]
    pub(super) fn sign(&self, message: &[u8], begin: Option<(&Midstate, usize)>) -> Signature {
        let mut bytes = [0; TEXT_BYTES];
        let length = match self {
            Self::Hmac(key) => {
                let hash = match begin.and_then(|(begin, skip)| Some((begin, message.get(skip..)?)))
                {
                    Some((begin, rest)) => key.sign_after(begin, rest),
                    None => key.sign(message),
                };
                for (place, byte) in bytes.chunks_exact_mut(2).zip(hash) {
                    place.copy_from_slice(&hex(byte));
                }
                2 * hash.len()
            }
            // The text of 64 bytes fits, so this cannot fail.
            Self::Ed25519(key) => STANDARD.encode_slice(key.sign(message), &mut bytes).unwrap_or(0),
        };
        Signature { bytes, length }
    }
}

impl Signature {
    /// As it stands in JSON.
    #[inline]
    pub(super) fn text(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}
