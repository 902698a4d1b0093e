//! The ways into a socket.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::extract::{ConnectInfo, State};
use axum::http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;

use super::protocol::Channel;
use super::socket;
use crate::http::server::Place;
use crate::http::{ApiError, Shared};
use qt_auth::Identity;
use qt_trading::secret::Secret;

/// The sub-protocol that we speak; a second one, `bearer.TOKEN`, may carry the token.
const PROTOCOL: &str = "quanttrade";
const BEARER: &str = "bearer.";
/// Parameters that look as if they carried a token: addresses end up in logs.
const TOKEN_PARAMETERS: [&str; 6] =
    ["token", "access_token", "auth", "authorization", "jwt", "bearer"];

/// Channels that a socket of this path is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Any.
    None,
    /// A `subscribe` without a channel means ticker, book and trades of its symbol.
    Market,
    /// These, at once.
    Channels(&'static [Channel]),
}

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// One socket for all channels; see the page on sockets.
#[utoipa::path(
    get,
    path = "/ws",
    tag = "sockets",
    responses(
        (status = 101, description = "The socket; its first message is `auth`"),
        (status = 400, description = "No WebSocket, or a token in the address",
            body = crate::http::error::ErrorBody),
        (status = 403, description = "The page is not on the list of origins",
            body = crate::http::error::ErrorBody)
    )
)]
pub(crate) async fn all(
    State(app): State<Shared>,
    request: Asking,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    open(app, request, upgrade, Preset::None).await
}

/// A socket for market data: `subscribe` with a symbol means ticker, book and trades.
#[utoipa::path(
    get,
    path = "/ws/market-data",
    tag = "sockets",
    responses((status = 101, description = "The socket"))
)]
pub(crate) async fn market_data(
    State(app): State<Shared>,
    request: Asking,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    open(app, request, upgrade, Preset::Market).await
}

/// A socket that is told of the portfolio and the orders.
#[utoipa::path(
    get,
    path = "/ws/portfolio",
    tag = "sockets",
    responses((status = 101, description = "The socket"))
)]
pub(crate) async fn portfolio(
    State(app): State<Shared>,
    request: Asking,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    open(app, request, upgrade, Preset::Channels(&[Channel::Portfolio])).await
}

/// A socket that is told of signals and alerts.
#[utoipa::path(
    get,
    path = "/ws/signals",
    tag = "sockets",
    responses((status = 101, description = "The socket"))
)]
pub(crate) async fn signals(
    State(app): State<Shared>,
    request: Asking,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    open(app, request, upgrade, Preset::Channels(&[Channel::Signals])).await
}

/// What a request for a socket says before it is one.
#[derive(Debug)]
pub struct Asking {
    headers: HeaderMap,
    uri: Uri,
    place: Option<Place>,
    peer: Option<IpAddr>,
}

impl<S: Sync> axum::extract::FromRequestParts<S> for Asking {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &S,
    ) -> Result<Self, Self::Rejection> {
        let place = parts.extensions.get::<Place>().cloned();
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|ConnectInfo(peer)| peer.ip());
        Ok(Self { headers: parts.headers.clone(), uri: parts.uri.clone(), place, peer })
    }
}

impl Asking {
    fn has_token_in_address(&self) -> bool {
        let pairs = self.uri.query().unwrap_or_default().split('&');
        let mut names = pairs.map(|pair| pair.split('=').next().unwrap_or_default());
        names.any(|name| TOKEN_PARAMETERS.iter().any(|known| name.eq_ignore_ascii_case(known)))
    }

    /// The token in the header or in a sub-protocol; none where it will come as a message.
    fn token(&self, app: &Shared) -> Result<Option<Secret>, ApiError> {
        if self.headers.contains_key(AUTHORIZATION) {
            return Ok(Some(app.gate.find(&self.headers, &Method::GET)?));
        }
        let lists = self.headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter();
        let mut words = lists.filter_map(|list| list.to_str().ok()).flat_map(|l| l.split(','));
        Ok(words.find_map(|word| word.trim().strip_prefix(BEARER)).map(Secret::new))
    }
}

async fn open(
    app: Shared,
    asking: Asking,
    upgrade: Upgrade,
    preset: Preset,
) -> Result<Response, ApiError> {
    if !app.origins.allows_socket(&asking.headers) {
        let detail = "the page that opens this socket is not on the list of allowed origins";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "ORIGIN_NOT_ALLOWED", detail));
    }
    if asking.has_token_in_address() {
        let detail = "addresses end up in logs: send the token as the first message, \
                      {\"action\":\"auth\",\"token\":...}";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "TOKEN_IN_URL", detail));
    }
    let mut upgrade = upgrade.map_err(|error| {
        ApiError::new(StatusCode::BAD_REQUEST, "NOT_A_WEBSOCKET", error.body_text())
    })?;
    let identity: Option<Identity> = match asking.token(&app)? {
        Some(token) => match app.gate.verify(&token).await {
            Ok(identity) => Some(identity),
            Err(error) => {
                app.allow_address(asking.peer).await?;
                return Err(error.into());
            }
        },
        None => None,
    };
    let limits = app.settings.limits.sockets;
    if upgrade.requested_protocols().any(|wanted| wanted == PROTOCOL) {
        upgrade.set_selected_protocol(HeaderValue::from_static(PROTOCOL));
    }
    // Small, because there may be thousands of them; bounded, because the default is not.
    let upgrade = upgrade
        .read_buffer_size(4 << 10)
        .write_buffer_size(4 << 10)
        .max_write_buffer_size(limits.write_buffer_bytes)
        .max_message_size(limits.message_bytes_max)
        .max_frame_size(limits.message_bytes_max);
    Ok(upgrade.on_upgrade(move |socket| async move {
        // The connection's place is given back when the socket ends.
        let place = asking.place;
        if let Some(place) = &place {
            place.becomes_socket();
        }
        socket::run(app, socket, identity, preset).await;
    }))
}
