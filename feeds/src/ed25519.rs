//! Ed25519 keys.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use zeroize::Zeroizing;

use crate::Secret;

/// A private key. The library that signs keeps it in memory which it does not wipe.
pub struct Ed25519Key(Ed25519KeyPair);

/// Why a text is no private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the base64 of anything.
    #[error(
        "the private key is no PEM text: give the file that begins with -----BEGIN PRIVATE KEY-----"
    )]
    Text,
    /// Another kind of key, or a damaged one.
    #[error("the private key is not one of Ed25519 in PKCS#8")]
    Kind,
}

impl Ed25519Key {
    /// The key in `pem`, as `openssl genpkey -algorithm ed25519` writes it; the lines that begin
    /// with dashes may be missing.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_pem(pem: &Secret) -> Result<Self, KeyError> {
        let mut text = Zeroizing::new(Vec::with_capacity(pem.bytes().len()));
        for line in pem.bytes().split(|byte| *byte == b'\n') {
            let line = line.trim_ascii();
            if !line.starts_with(b"-----") {
                text.extend_from_slice(line);
            }
        }
        let der = Zeroizing::new(STANDARD.decode(&text[..]).map_err(|_| KeyError::Text)?);
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).map_err(|_| KeyError::Kind)?;
        Ok(Self(pair))
    }

    /// The key that follows from a seed of 32 bytes (RFC 8032).
    ///
    /// # Errors
    /// When it has another length.
    pub fn from_seed(seed: &Secret) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.bytes()).map_err(|_| KeyError::Kind)?;
        Ok(Self(pair))
    }

    /// The public key, which the venue is given.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// The signature of `message`.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        let signature = self.0.sign(message);
        for (place, byte) in bytes.iter_mut().zip(signature.as_ref()) {
            *place = *byte;
        }
        bytes
    }
}

impl fmt::Debug for Ed25519Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let pairs = hex.as_bytes().chunks(2);
        pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    #[test]
    fn cases_of_rfc_8032() {
        for (seed, public, message, signature) in [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
                 5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                 085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
        ] {
            let key = Ed25519Key::from_seed(&Secret::new(bytes(seed))).unwrap();
            assert_eq!(key.public(), bytes(public));
            assert_eq!(key.sign(&bytes(message)).to_vec(), bytes(signature));
            assert_eq!(format!("{key:?}"), "***");
        }
    }

    #[test]
    fn what_is_no_key() {
        for (text, wanted) in [
            ("", KeyError::Kind),
            ("-----BEGIN PRIVATE KEY-----\n", KeyError::Kind),
            ("no base64!", KeyError::Text),
            ("MC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m8", KeyError::Text),
            ("TUM0Q0FRQXdCUVlESzJWd0JDSUVJSUpFWVd0R0JyaEFDbWI5RHZ5", KeyError::Kind),
        ] {
            assert_eq!(Ed25519Key::from_pem(&Secret::new(text)).err(), Some(wanted), "{text}");
        }
        assert_eq!(Ed25519Key::from_seed(&Secret::new("short")).err(), Some(KeyError::Kind));
    }
}
