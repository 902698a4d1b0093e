//! How the service is: for people, for load balancers, for Prometheus.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

use crate::http::front::HasBody;
use crate::http::metrics::Series;
use crate::http::{ApiError, App, Caller, Shared};
use qt_auth::Right;
use qt_trading::Phase;

/// The state of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It works.
    Up,
    /// It comes.
    Starting,
    /// It does not work; others do.
    Down,
}

/// How the service is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Health {
    /// `healthy`, or `starting` or `degraded` with status 503.
    status: &'static str,
    /// `quanttrade-backend`.
    service: &'static str,
    /// Its version.
    version: &'static str,
    /// Components by name.
    components: BTreeMap<&'static str, Condition>,
}

fn components(app: &App) -> BTreeMap<&'static str, Condition> {
    let feeds = app.market.feeds();
    let all_quoted = feeds.iter().all(|feed| feed.is_up && feed.quoted >= feed.instruments);
    let market = match () {
        () if feeds.is_empty() || feeds.iter().any(|feed| !feed.is_up) => Condition::Down,
        () if !all_quoted => Condition::Starting,
        () => Condition::Up,
    };
    // One that has failed, or that another process has, is its tenant's trouble (/risk/status); the
    // figures show how many.
    let states = app.trading.states();
    let cannot_trade = |phase| matches!(phase, Phase::Failed | Phase::LeaseLost);
    let can_none = !states.is_empty() && states.iter().all(|it| cannot_trade(it.phase));
    let sessions = if can_none { Condition::Down } else { Condition::Up };
    let is_stopping = *app.stopping.borrow();
    let intake = if is_stopping { Condition::Down } else { Condition::Up };
    let mut all = BTreeMap::from([
        ("market_data", market),
        ("sessions", sessions),
        ("intake", intake),
        ("authentication", if app.gate.is_fresh() { Condition::Up } else { Condition::Down }),
    ]);
    all.extend(
        app.probes
            .iter()
            .map(|(name, probe)| (*name, if probe() { Condition::Up } else { Condition::Down })),
    );
    all
}

/// Components and their states, and nothing else. Reads what is in memory: it never waits.
#[utoipa::path(
    get,
    path = "/health",
    tag = "service",
    responses(
        (status = 200, description = "All that is needed to trade works", body = Health),
        (status = 503, description = "Something does not work, or not yet", body = Health)
    )
)]
pub(crate) async fn health(State(app): State<Shared>) -> Response {
    let components = components(&app);
    // What is kept elsewhere may be away for a while: trading goes on from the journal.
    let needed = ["market_data", "sessions", "intake"];
    let worst = needed.iter().filter_map(|name| components.get(name));
    let worst = worst.max_by_key(|state| **state as u8);
    let status = match worst {
        Some(Condition::Up) => "healthy",
        Some(Condition::Starting) => "starting",
        _ => "degraded",
    };
    let (service, version) = ("quanttrade-backend", env!("CARGO_PKG_VERSION"));
    answer(status == "healthy", Json(Health { status, service, version, components }))
}

/// Whether requests may come.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// Whether they may.
    ready: bool,
}

/// Whether requests may come: not while the service starts or stops.
#[utoipa::path(
    get,
    path = "/ready",
    tag = "service",
    responses(
        (status = 200, description = "They may", body = Readiness),
        (status = 503, description = "Not now", body = Readiness)
    )
)]
pub(crate) async fn ready(State(app): State<Shared>) -> Response {
    let components = components(&app);
    let is_up = |name| components.get(name) == Some(&Condition::Up);
    let ready = is_up("intake") && is_up("market_data");
    answer(ready, Json(Readiness { ready }))
}

fn answer(is_well: bool, body: impl IntoResponse) -> Response {
    let status = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = (status, body).into_response();
    response.extensions_mut().insert(HasBody);
    response
}

/// Figures of the process in Prometheus' text format. Those of the business need the metrics token
/// or a super_admin.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "service",
    responses((status = 200, description = "Prometheus text format", body = String))
)]
pub(crate) async fn metrics(
    State(app): State<Shared>,
    headers: HeaderMap,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    caller: Option<Caller>,
) -> Result<Response, ApiError> {
    let is_scraper = shows_metrics_token(&app, &headers);
    if caller.is_none() && !is_scraper {
        app.allow_address(Some(peer.ip())).await?;
    }
    let feeds = app.market.feeds();
    let states = app.trading.states();
    let up = feeds.iter().filter(|feed| feed.is_up).count();
    let mut series = vec![
        Series::one("quanttrade_up", 1.0),
        Series::one("quanttrade_uptime_seconds", app.started.elapsed().as_secs_f64()),
        Series::one("quanttrade_feeds_up", up as f64),
        Series::one("quanttrade_feeds", feeds.len() as f64),
    ];
    series.extend(app.gauges.iter().map(|(name, figure)| Series::one(name, figure())));
    series.extend(resident().map(|bytes| Series::one("process_resident_memory_bytes", bytes)));
    let values = Phase::ALL.map(|phase| {
        let count = states.iter().filter(|session| session.phase == phase).count();
        (Some(("phase", name_of(phase))), count as f64)
    });
    series.push(Series { name: "quanttrade_sessions", values: values.to_vec() });
    series.extend(app.approvals.series());
    if is_scraper || caller.is_some_and(|c| c.may(Right::ReadMetrics)) {
        series.extend(business(&states));
    }
    let content = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((content, app.metrics.text(&series)).into_response())
}

/// A phase as a label: `lease_lost`.
fn name_of(phase: Phase) -> String {
    let text = serde_json::to_value(phase).unwrap_or_default();
    text.as_str().unwrap_or_default().to_lowercase()
}

/// Resident memory; none where the system does not tell.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024.0)
}

/// Families of the business have at most so many series.
const SERIES_MAX: usize = 1_000;

fn business(states: &[qt_trading::SessionState]) -> [Series; 2] {
    let of = |name, value: &dyn Fn(&qt_trading::SessionState) -> f64| {
        let each = states.iter().take(SERIES_MAX);
        let values = each.map(|s| (Some(("account_id", s.account_id.to_string())), value(s)));
        Series { name, values: values.collect() }
    };
    [
        of("quanttrade_session_events", &|session| session.events as f64),
        of("quanttrade_session_killed", &|session| f64::from(u8::from(session.is_killed))),
    ]
}

fn shows_metrics_token(app: &App, headers: &HeaderMap) -> bool {
    let Some(token) = &app.settings.metrics_token else { return false };
    let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    shown.as_bytes().ct_eq(token.reveal().as_bytes()).into()
}
