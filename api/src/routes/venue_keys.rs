//! Whether the tenant's keys of venues are found; the keys themselves no route shows.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{ApiError, Caller, Shared};
use qt_auth::Right;
use qt_outside::vault::Venue;

/// A venue, and whether the tenant has keys for it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VenueKey {
    /// The venue: `binance` or `deribit`.
    venue: &'static str,
    /// Whether there are keys.
    is_there: bool,
    /// Whether they are the test network's; none without keys.
    is_testnet: Option<bool>,
    /// Why there are none: `VENUE_KEY_MISSING`, `VENUE_KEY_MALFORMED` or `VENUE_KEY_UNAVAILABLE`.
    code: Option<&'static str>,
    /// The same in words.
    detail: Option<String>,
}

/// All venues.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VenueKeyList {
    /// The venues.
    items: Vec<VenueKey>,
}

/// For which venues the tenant has keys of its own.
#[utoipa::path(
    get,
    path = "/venue-keys",
    tag = "instruments",
    security(("bearer" = [])),
    responses((status = 200, body = VenueKeyList))
)]
pub(crate) async fn list(
    State(app): State<Shared>,
    caller: Caller,
) -> Result<Json<VenueKeyList>, ApiError> {
    caller.need(Right::ManageSources)?;
    let mut items = Vec::new();
    for venue in Venue::ALL {
        let found = app.outside.venue_keys.get(caller.tenant().0, venue).await;
        items.push(VenueKey {
            venue: venue.name(),
            is_there: found.is_ok(),
            is_testnet: found.as_ref().ok().map(|keys| keys.is_testnet),
            code: found.as_ref().err().map(qt_outside::vault::KeyError::code),
            detail: found.err().map(|error| error.to_string()),
        });
    }
    Ok(Json(VenueKeyList { items }))
}
