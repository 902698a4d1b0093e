//! The routes, one file a resource. Each says of itself what the OpenAPI document shows.

mod agree;
pub mod audit;
pub mod backtests;
pub mod check;
pub mod datasets;
pub mod docs;
pub mod hitl;
pub mod hitl_policy;
pub mod instruments;
pub mod limits;
pub mod market_data;
pub mod observations;
pub mod once;
pub mod openapi;
pub mod orders;
pub mod parameters;
pub mod performance;
pub mod portfolio;
pub mod quality;
pub mod risk;
pub mod screen;
pub mod signals;
pub mod sources;
pub mod status;
pub mod strategies;
pub mod switch;
pub mod trades;
pub mod venue_keys;
pub mod views;
pub mod webhooks;

use axum::Router;
use axum::middleware::from_fn;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::passerby::Passerby;
use crate::http::{ApiError, Shared, front};
use crate::sockets::routes as sockets;

/// All routes, and the document that describes them.
#[must_use]
pub fn all() -> (OpenApiRouter<Shared>, OpenApi) {
    let mut router = OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(status::health))
        .routes(routes!(status::ready))
        .routes(routes!(status::metrics))
        .routes(routes!(openapi::document))
        .routes(routes!(screen::page))
        .routes(routes!(docs::index))
        .routes(routes!(docs::file))
        .routes(routes!(trades::list, trades::place))
        .routes(routes!(orders::list))
        .routes(routes!(orders::get, orders::amend, orders::cancel))
        .routes(routes!(portfolio::get))
        .routes(routes!(portfolio::positions))
        .routes(routes!(portfolio::history))
        .routes(routes!(strategies::list, strategies::create))
        .routes(routes!(strategies::get, strategies::change, strategies::remove))
        .routes(routes!(strategies::activate))
        .routes(routes!(strategies::deactivate))
        .routes(routes!(performance::get))
        .routes(routes!(signals::of_strategy))
        .routes(routes!(signals::list, signals::submit))
        .routes(routes!(signals::get))
        .routes(routes!(signals::schema))
        .merge(of_sources())
        .routes(routes!(quality::all))
        .routes(routes!(quality::get))
        .routes(routes!(observations::list))
        .routes(routes!(venue_keys::list))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::remove))
        .routes(routes!(webhooks::deliveries))
        .routes(routes!(backtests::list, backtests::start))
        .routes(routes!(backtests::start_alias))
        .routes(routes!(backtests::of_strategy))
        .routes(routes!(backtests::get, backtests::cancel))
        .routes(routes!(backtests::report))
        .routes(routes!(datasets::list, datasets::send))
        .routes(routes!(datasets::get))
        .routes(routes!(parameters::list))
        .routes(routes!(limits::get, limits::put))
        .routes(routes!(risk::status))
        .routes(routes!(risk::alerts))
        .routes(routes!(switch::kill))
        .routes(routes!(switch::arm))
        .routes(routes!(hitl::pending))
        .routes(routes!(hitl::decide))
        .routes(routes!(hitl::metrics))
        .routes(routes!(hitl::dashboard))
        .routes(routes!(hitl_policy::get, hitl_policy::put))
        .routes(routes!(audit::list))
        .routes(routes!(views::portfolio))
        .routes(routes!(views::positions))
        .routes(routes!(views::trades))
        .routes(routes!(views::strategies))
        .routes(routes!(instruments::list))
        .routes(routes!(instruments::get))
        .routes(routes!(market_data::quote))
        .routes(routes!(market_data::book))
        .routes(routes!(market_data::candles))
        .routes(routes!(sockets::all))
        .routes(routes!(sockets::market_data))
        .routes(routes!(sockets::portfolio))
        .routes(routes!(sockets::signals));
    let mut document = router.to_openapi();
    openapi::finish(&mut document);
    (router, document)
}

/// Those of sources of signals.
fn of_sources() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(sources::list, sources::create))
        .routes(routes!(sources::remove))
        .routes(routes!(sources::set_mode))
        .routes(routes!(sources::rotate_key))
}

/// The router of the service `app`.
pub fn router(app: &Shared) -> Router {
    let (router, _) = all();
    let (router, _) = router.split_for_parts();
    router
        .fallback(async |_: Passerby| ApiError::not_found())
        .layer(from_fn(front::note_route))
        .with_state(app.clone())
}
