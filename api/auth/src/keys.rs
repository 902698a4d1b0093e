//! Keys, each pinned to one algorithm.

use std::fmt::{self, Debug, Formatter};

use ring::hmac;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};

use super::error::AuthError;
use super::token::{Algorithm, Compact};
use qt_trading::secret::Secret;

/// The shortest shared secret, in bytes: RFC 7518 asks for as much as the hash has.
pub const SECRET_BYTES_MIN: usize = 32;

/// The shared secret: HS256 and nothing else.
pub struct SharedKey(hmac::Key);

impl Debug for SharedKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl SharedKey {
    /// The key of a secret.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes()))
    }

    /// Whether the token is signed with it. The comparison takes the same time wherever the two
    /// differ.
    ///
    /// # Errors
    /// When it is not.
    pub fn verify(&self, token: &Compact<'_>) -> Result<(), AuthError> {
        if token.algorithm != Algorithm::Hs256 {
            return Err(AuthError::Algorithm);
        }
        hmac::verify(&self.0, token.signed, &token.signature).map_err(|_| AuthError::Signature)
    }

    /// The signature of `signed`.
    #[must_use]
    pub fn sign(&self, signed: &[u8]) -> Vec<u8> {
        hmac::sign(&self.0, signed).as_ref().to_vec()
    }
}

/// A public key of an issuer: RS256 and nothing else.
#[derive(Clone, Debug)]
pub struct PublicKey {
    /// Its name; none where the issuer gives it none.
    pub kid: Option<String>,
    parts: RsaPublicKeyComponents<Vec<u8>>,
}

impl PublicKey {
    /// A key of 2,048 to 8,192 bits; none where modulus or exponent are out of range.
    #[must_use]
    pub fn new(kid: Option<String>, modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        // `ring` wants no zeros in front, and some issuers write them.
        let trimmed = |bytes: &[u8]| -> Vec<u8> {
            bytes.iter().copied().skip_while(|byte| *byte == 0).collect()
        };
        let (n, e) = (trimmed(modulus), trimmed(exponent));
        let is_odd = |bytes: &[u8]| bytes.last().is_some_and(|byte| byte & 1 == 1);
        let fits = (256..=1_024).contains(&n.len()) && (1..=4).contains(&e.len()) && e != [1];
        let parts = RsaPublicKeyComponents { n, e };
        (fits && is_odd(&parts.n) && is_odd(&parts.e)).then_some(Self { kid, parts })
    }

    /// Whether the token is signed with it.
    ///
    /// # Errors
    /// When it is not.
    pub fn verify(&self, token: &Compact<'_>) -> Result<(), AuthError> {
        if token.algorithm != Algorithm::Rs256 {
            return Err(AuthError::Algorithm);
        }
        self.parts
            .verify(&RSA_PKCS1_2048_8192_SHA256, token.signed, &token.signature)
            .map_err(|_| AuthError::Signature)
    }
}
