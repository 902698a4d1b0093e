//! Who calls: the identity behind the token of a request.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts, OptionalFromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::app::Shared;
use super::error::ApiError;
use super::front::{By, Who};
use qt_auth::{AuthError, Identity, Right};
use qt_trading::ids::TenantId;

/// The header that narrows to a tenant.
pub const TENANT: &str = "x-tenant-id";

/// A caller whose token was accepted. Every private handler takes one, before anything else.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who it is.
    pub identity: Identity,
    is_fresh: bool,
}

impl Caller {
    /// The tenant that is acted for.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.identity.tenant
    }

    /// Who acts, as it is written down.
    #[must_use]
    pub fn person(&self) -> String {
        self.identity.actor()
    }

    /// Whether a right is given.
    #[must_use]
    pub fn may(&self, right: Right) -> bool {
        self.identity.may(right)
    }

    /// Refuses who lacks a right, and what needs a fresh list of revoked tokens without one.
    ///
    /// # Errors
    /// 403, or 503 while the list is too old.
    pub fn need(&self, right: Right) -> Result<(), ApiError> {
        self.identity.need(right)?;
        if right.needs_fresh_revocations() && !self.is_fresh {
            return Err(AuthError::RevocationsStale.into());
        }
        Ok(())
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::UNAUTHORIZED);
        let answer = Self::new(status, error.code(), error.to_string());
        if status == StatusCode::SERVICE_UNAVAILABLE { answer.after_s(5) } else { answer }
    }
}

async fn believed(parts: &Parts, app: &Shared) -> Result<Identity, AuthError> {
    let token = app.gate.find(&parts.headers, &parts.method)?;
    app.gate.verify(&token).await
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        let identity = match believed(parts, app).await {
            Ok(identity) => identity,
            Err(error) => {
                let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
                app.allow_address(peer.map(|ConnectInfo(peer)| peer.ip())).await?;
                return Err(error.into());
            }
        };
        let mut tenants = parts.headers.get_all(TENANT).iter();
        let tenant = match (tenants.next(), tenants.next()) {
            (None, _) => None,
            (Some(one), None) => Some(one.to_str().map_err(|_| AuthError::TenantSwitch)?),
            (Some(_), Some(_)) => return Err(AuthError::TenantSwitch.into()),
        };
        let identity = identity.narrow(tenant)?;
        if let Some(who) = parts.extensions.get::<Who>() {
            who.is(By { tenant: identity.tenant, person: identity.actor() });
        }
        app.allow(&identity, parts).await?;
        parts.extensions.insert(identity.clone());
        Ok(Self { identity, is_fresh: app.gate.is_fresh() })
    }
}

/// For routes that are public and show more to some: a token that is not accepted is none.
impl OptionalFromRequestParts<Shared> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Shared,
    ) -> Result<Option<Self>, Self::Rejection> {
        Ok(<Self as FromRequestParts<Shared>>::from_request_parts(parts, app).await.ok())
    }
}
