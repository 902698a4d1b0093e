//! From a token to an identity.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::claims::{Claims, Expected};
use super::config::Config;
use super::error::AuthError;
use super::fetch::{Agent, KeySource};
use super::identity::{Identity, Person};
use super::jwks::KeyCache;
use super::keys::SharedKey;
use super::owner::Owner;
use super::revocation::Revocations;
use super::right::{Right, Rights};
use super::role::Role;
use super::token::{Algorithm, Compact};
use qt_trading::time::Time;

/// Who vouches for a person whose token is signed with the shared secret and no issuer is set.
const SHARED: &str = "hs256";

/// Knows whom to believe.
pub struct Verifier {
    shared: Option<(SharedKey, Option<String>)>,
    issuer: Option<(KeyCache, String)>,
    audience: Option<String>,
    role_claim: String,
    service_rights: BTreeMap<String, Rights>,
    owner: Option<Owner>,
    revocations: Arc<dyn Revocations>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

impl Verifier {
    /// One for the keys of `config`; with none configured it believes nobody (see
    /// [`Verifier::for_owner`]).
    #[must_use]
    pub fn new(config: &Config, revocations: Arc<dyn Revocations>) -> Self {
        let source = config.jwks.as_ref().map(|keys| Agent::new(&keys.url));
        Self::with_source(config, source.map(|source| Box::new(source) as _), revocations)
    }

    /// The same with another source of public keys.
    #[must_use]
    pub fn with_source(
        config: &Config,
        source: Option<Box<dyn KeySource>>,
        revocations: Arc<dyn Revocations>,
    ) -> Self {
        let shared = config.secret.as_ref();
        let named = config.jwks.as_ref().map(|keys| keys.issuer.clone());
        Self {
            shared: shared.map(|shared| (SharedKey::new(&shared.secret), shared.issuer.clone())),
            issuer: source.map(KeyCache::new).zip(named),
            audience: config.audience.clone(),
            role_claim: config.role_claim.clone(),
            service_rights: config.service_rights.clone(),
            owner: None,
            revocations,
        }
    }

    /// One that believes the owner of this machine, and nobody else.
    #[must_use]
    pub fn for_owner(owner: Owner) -> Self {
        let none = Arc::new(super::revocation::NoRevocations);
        Self { owner: Some(owner), ..Self::with_source(&Config::default(), None, none) }
    }

    /// The owner's token, in local owner mode. Then every request is first asked for
    /// [`super::owner::check_local`].
    #[must_use]
    pub const fn owner(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }

    /// Fetches the keys of the issuer ahead of the first token.
    pub async fn warm(&self, now: Time) {
        if let Some((keys, _)) = &self.issuer {
            keys.warm(now).await;
        }
    }

    /// Whether tokens can be verified: for the component `auth` of `/health`.
    #[must_use]
    pub fn is_ready(&self, now: Time) -> bool {
        self.issuer.as_ref().is_none_or(|(keys, _)| keys.is_ready(now))
    }

    /// Whether the list of revoked tokens is too old to free orders by it.
    #[must_use]
    pub fn is_stale(&self, now: Time) -> bool {
        self.revocations.is_stale(now)
    }

    /// Who has this token.
    ///
    /// # Errors
    /// Why it is not believed.
    pub async fn verify(&self, token: &str, now: Time) -> Result<Identity, AuthError> {
        if let Some(owner) = &self.owner {
            return owner.verify(token);
        }
        let compact = Compact::read(token)?;
        let issuer = match (compact.algorithm, &self.shared, &self.issuer) {
            (Algorithm::Hs256, Some((key, issuer)), _) => {
                key.verify(&compact)?;
                issuer.as_deref()
            }
            (Algorithm::Rs256, _, Some((keys, issuer))) => {
                keys.verify(&compact, now).await?;
                Some(issuer.as_str())
            }
            _ => return Err(AuthError::Algorithm),
        };
        let audience = self.audience.as_deref();
        let expected = Expected { issuer, audience, role_claim: &self.role_claim };
        let claims = Claims::read(&compact.payload, &expected, now)?;
        let identity = self.identity(claims, issuer.unwrap_or(SHARED));
        self.check_revoked(&identity)?;
        Ok(identity)
    }

    /// Whether what `identity` stands for was taken back since it was verified: for connections
    /// that last.
    ///
    /// # Errors
    /// [`AuthError::Expired`] or [`AuthError::Revoked`].
    pub fn check_again(&self, identity: &Identity, now: Time) -> Result<(), AuthError> {
        if identity.is_expired(now) {
            return Err(AuthError::Expired);
        }
        self.check_revoked(identity)
    }

    /// Whether `identity` may do `right` now: what routes ask.
    ///
    /// # Errors
    /// [`AuthError::Forbidden`] without the right, [`AuthError::RevocationsStale`] where it would
    /// free orders while nobody knows which tokens are revoked.
    pub fn allow(&self, identity: &Identity, right: Right, now: Time) -> Result<(), AuthError> {
        identity.need(right)?;
        let is_stale = right.needs_fresh_revocations() && self.revocations.is_stale(now);
        if is_stale { Err(AuthError::RevocationsStale) } else { Ok(()) }
    }

    fn check_revoked(&self, identity: &Identity) -> Result<(), AuthError> {
        let mut ids = identity.token_id.iter().chain(&identity.session_id);
        if ids.any(|id| self.revocations.is_revoked(id)) {
            return Err(AuthError::Revoked);
        }
        Ok(())
    }

    fn identity(&self, claims: Claims, issuer: &str) -> Identity {
        let is_machine = claims.roles.is_machine();
        let actor = claims.impersonator.as_ref().unwrap_or(&claims.user);
        let person = Person { issuer: issuer.to_owned(), subject: actor.clone() };
        let granted = claims.roles.has(Role::ServiceAccount);
        let granted = granted.then(|| self.service_rights.get(&claims.user).copied()).flatten();
        Identity {
            person: (!is_machine && !claims.is_unattended).then_some(person),
            source: is_machine.then(|| claims.user.clone()),
            granted: granted.unwrap_or(Rights::NONE),
            user: claims.user,
            tenant: claims.tenant,
            home_tenant: claims.tenant,
            roles: claims.roles,
            is_impersonation: claims.is_impersonation,
            is_owner: false,
            token_id: claims.token_id,
            session_id: claims.session_id,
            expires_at: Some(claims.expires_at),
        }
    }
}
