//! Where a request keeps its token.

use http::{HeaderMap, HeaderValue, header};

use super::error::AuthError;
use qt_trading::secret::Secret;

/// The cookie of the platform.
pub const COOKIE: &str = "bizosaas_auth";

/// Where tokens may come from.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Whether the cookie counts.
    pub is_cookie_on: bool,
    /// Pages that may write with the cookie, like `https://portal.example.org`.
    pub origins: Vec<String>,
}

/// The token of a request: of its `Authorization` header, else of the cookie where that is on.
/// With the cookie, a request that `is_write` needs an allowed `Origin`, because a browser sends
/// cookies also for pages of others.
///
/// # Errors
/// When there is none, more than one, or the page is not allowed.
pub fn find_token(
    headers: &HeaderMap,
    rules: &Credentials,
    is_write: bool,
) -> Result<Secret, AuthError> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    if let Some(value) = given.next() {
        if given.next().is_some() {
            return Err(AuthError::BadHeader);
        }
        return bearer(value);
    }
    if !rules.is_cookie_on {
        return Err(AuthError::Missing);
    }
    let token = cookie(headers)?;
    if is_write && !is_allowed_origin(headers, &rules.origins) {
        return Err(AuthError::Origin);
    }
    Ok(token)
}

/// Whether the request says that it comes from one of the `allowed` pages.
#[must_use]
pub fn is_allowed_origin(headers: &HeaderMap, allowed: &[String]) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return false };
    allowed.iter().any(|page| page.as_bytes() == origin.as_bytes())
}

fn bearer(value: &HeaderValue) -> Result<Secret, AuthError> {
    let text = value.to_str().map_err(|_| AuthError::BadHeader)?;
    let (scheme, token) = text.split_once(' ').ok_or(AuthError::BadHeader)?;
    let token = token.trim();
    let is_bearer = scheme.eq_ignore_ascii_case("bearer");
    if !is_bearer || token.is_empty() || token.contains([' ', '\t', ',']) {
        return Err(AuthError::BadHeader);
    }
    Ok(Secret::new(token))
}

fn cookie(headers: &HeaderMap) -> Result<Secret, AuthError> {
    let mut found: Option<&str> = None;
    for value in headers.get_all(header::COOKIE) {
        let Ok(text) = value.to_str() else { continue };
        let pairs = text.split(';').filter_map(|pair| pair.trim().split_once('='));
        for (_, token) in pairs.filter(|(name, _)| *name == COOKIE) {
            // A second one may have been set by a page of a sibling domain.
            if found.replace(token.trim_matches('"')).is_some() {
                return Err(AuthError::BadHeader);
            }
        }
    }
    found.filter(|token| !token.is_empty()).map(Secret::new).ok_or(AuthError::Missing)
}
