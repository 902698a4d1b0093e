//! Why a caller is turned away.

use thiserror::Error;

/// Why a caller is turned away. No variant carries a part of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AuthError {
    /// No token came with the request.
    #[error("no token: send the header 'Authorization: Bearer TOKEN'")]
    Missing,
    /// More than one token, or a header that cannot be read.
    #[error("the header Authorization cannot be read: send it once, as 'Bearer TOKEN'")]
    BadHeader,
    /// It is longer than any that is read.
    #[error("the token is longer than {} bytes", super::token::TOKEN_BYTES_MAX)]
    TooLarge,
    /// It is no signed JSON web token.
    #[error("the token cannot be read: {0}")]
    Malformed(&'static str),
    /// Its algorithm is not one of those that are configured.
    #[error("the token's algorithm is not accepted here")]
    Algorithm,
    /// No key of that name is known.
    #[error("the token's key is not known: log in again")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the token's signature is wrong")]
    Signature,
    /// A claim is not there.
    #[error("the token lacks the claim '{0}'")]
    MissingClaim(&'static str),
    /// A claim is of the wrong type or out of range.
    #[error("the token's claim '{0}' cannot be used")]
    BadClaim(&'static str),
    /// The tenant is absent or no UUID.
    #[error("the token's claim 'tenant_id' is absent or no UUID")]
    Tenant,
    /// Its time is over.
    #[error("the token has expired: log in again")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet: check the clocks")]
    NotYetValid,
    /// It is valid for longer than is accepted.
    #[error("the token is valid for more than 24 hours")]
    Lifetime,
    /// Somebody else issued it.
    #[error("the token's issuer is not accepted here")]
    Issuer,
    /// It is meant for somebody else.
    #[error("the token is not meant for this service: its audience is another")]
    Audience,
    /// It is no access token.
    #[error("the token is no access token")]
    TokenType,
    /// It was revoked.
    #[error("the token was revoked: log in again")]
    Revoked,
    /// The role does not give this right.
    #[error("this needs the right '{0}', which your role does not give")]
    Forbidden(&'static str),
    /// `X-Tenant-ID` names a tenant that is not the token's, or none at all.
    #[error("X-Tenant-ID is not your tenant: leave it out")]
    TenantSwitch,
    /// In local owner mode only this machine is served.
    #[error("without a configured key only this machine is served: {0}")]
    NotLocal(&'static str),
    /// A cookie came from a page that is not allowed.
    #[error("the page that sent this is not on the list of allowed origins")]
    Origin,
    /// The keys cannot be had.
    #[error("the keys of the issuer cannot be had now: try again")]
    KeysUnavailable,
    /// Nobody knows which tokens are revoked.
    #[error("the list of revoked tokens is too old: reads, cancels and the kill switch work")]
    RevocationsStale,
}

impl AuthError {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "TOKEN_MISSING",
            Self::BadHeader => "TOKEN_HEADER",
            Self::TooLarge => "TOKEN_TOO_LARGE",
            Self::Malformed(_) => "TOKEN_MALFORMED",
            Self::Algorithm => "TOKEN_ALGORITHM",
            Self::UnknownKey => "TOKEN_KEY_UNKNOWN",
            Self::Signature => "TOKEN_SIGNATURE",
            Self::MissingClaim(_) | Self::BadClaim(_) => "TOKEN_CLAIM",
            Self::Tenant => "TOKEN_TENANT",
            Self::Expired => "TOKEN_EXPIRED",
            Self::NotYetValid => "TOKEN_NOT_YET_VALID",
            Self::Lifetime => "TOKEN_LIFETIME",
            Self::Issuer => "TOKEN_ISSUER",
            Self::Audience => "TOKEN_AUDIENCE",
            Self::TokenType => "TOKEN_TYPE",
            Self::Revoked => "TOKEN_REVOKED",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::TenantSwitch => "TENANT_SWITCH",
            Self::NotLocal(_) => "NOT_LOCAL",
            Self::Origin => "ORIGIN_NOT_ALLOWED",
            Self::KeysUnavailable => "AUTH_KEYS_UNAVAILABLE",
            Self::RevocationsStale => "REVOCATIONS_STALE",
        }
    }

    /// The HTTP status: 401 (with `WWW-Authenticate: Bearer`), 403 or 503.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Forbidden(_) | Self::TenantSwitch | Self::NotLocal(_) | Self::Origin => 403,
            Self::KeysUnavailable | Self::RevocationsStale => 503,
            _ => 401,
        }
    }
}
