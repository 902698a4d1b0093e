//! Who looks at what is public: counted by address.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;

use super::app::Shared;
use super::error::ApiError;

/// Somebody without a token whose address has requests left. Public handlers take one, but for
/// `/health` and `/ready`: gateways ask them before each request, and a 429 would take the service
/// away from all.
#[derive(Clone, Copy, Debug)]
pub struct Passerby;

impl FromRequestParts<Shared> for Passerby {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        app.allow_address(peer.map(|ConnectInfo(peer)| peer.ip())).await?;
        Ok(Self)
    }
}
