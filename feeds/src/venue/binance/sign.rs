//! Signatures as the venue wants them: HMAC-SHA256 in hex, Ed25519 in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::client_id::hex;
use crate::{Ed25519Key, HmacKey, Midstate};

use super::filled::Message;

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

    /// Signs `message`; `begin` is of its first blocks.
    #[inline]
    pub(super) fn sign(&self, message: Message<'_>, begin: Option<&Midstate>) -> Signature {
        let mut bytes = [0; TEXT_BYTES];
        let length = match self {
            Self::Hmac(key) => {
                let rest = |begin: &Midstate| message.padded.get(begin.bytes()..);
                let hash = match begin.and_then(|begin| Some((begin, rest(begin)?))) {
                    Some((begin, rest)) => key.sign_padded(begin, rest),
                    None => key.sign(message.text),
                };
                let (places, _) = bytes.as_chunks_mut::<8>();
                let (words, _) = hash.as_chunks::<4>();
                places.iter_mut().zip(words).for_each(|(place, word)| *place = hex(*word));
                2 * hash.len()
            }
            // The text of 64 bytes fits, so this cannot fail.
            Self::Ed25519(key) => {
                STANDARD.encode_slice(key.sign(message.text), &mut bytes).unwrap_or(0)
            }
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
