//! The gate: the token of a request, and who is behind it.

use std::net::SocketAddr;

use axum::http::{HeaderMap, Method, Uri};

use qt_auth::owner::check_local;
use qt_auth::{AuthError, Credentials, Identity, Verifier, find_token};
use qt_trading::secret::Secret;
use qt_trading::time::Time;

/// Knows where tokens may stand, and whom to believe.
#[derive(Debug)]
pub struct Gate {
    verifier: Verifier,
    credentials: Credentials,
}

impl Gate {
    /// One that believes whom `verifier` believes.
    #[must_use]
    pub const fn new(verifier: Verifier, credentials: Credentials) -> Self {
        Self { verifier, credentials }
    }

    /// The token of a request.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn find(&self, headers: &HeaderMap, method: &Method) -> Result<Secret, AuthError> {
        let is_write = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        find_token(headers, &self.credentials, is_write)
    }

    /// Who has this token.
    ///
    /// # Errors
    /// Why it is not believed.
    pub async fn verify(&self, token: &Secret) -> Result<Identity, AuthError> {
        self.verifier.verify(token.reveal(), Time::now()).await
    }

    /// Whether an identity is still believed: for connections that last.
    ///
    /// # Errors
    /// Why it is not.
    pub fn check_again(&self, identity: &Identity) -> Result<(), AuthError> {
        self.verifier.check_again(identity, Time::now())
    }

    /// In local owner mode, whether a request comes from this machine.
    ///
    /// # Errors
    /// When it does not.
    pub fn check_door(
        &self,
        peer: SocketAddr,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), AuthError> {
        if !self.is_owner_mode() {
            return Ok(());
        }
        check_local(peer, uri.authority().map(|authority| authority.as_str()), headers)
    }

    /// Whether this machine's owner is served, and nobody else.
    #[must_use]
    pub const fn is_owner_mode(&self) -> bool {
        self.verifier.owner().is_some()
    }

    /// Whether it is known which tokens are revoked.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        !self.verifier.is_stale(Time::now())
    }

    /// Whether tokens can be verified.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.verifier.is_ready(Time::now())
    }
}
