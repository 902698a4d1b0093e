//! Spans of requests, for a collector of OpenTelemetry: OTLP over HTTP as JSON.
//!
//! A request puts its span into a bounded queue and goes on; when the collector does not keep up,
//! spans are left out and counted. They say route, method and status, and nothing of a tenant.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::context::Context;
use qt_auth::fetch::Agent;
use qt_trading::time::Time;

/// Spans that may wait.
const WAITING_MAX: usize = 8_192;
/// Spans of one message.
const BATCH_MAX: usize = 512;
/// A message goes out so often.
const EVERY: Duration = Duration::from_secs(1);
/// How often a message is tried, and the pause before the first repetition; it doubles.
const TRIES: u32 = 4;
const RETRY: Duration = Duration::from_millis(500);
/// OTLP's numbers: a span of a server, and a status that is an error.
const SERVER: u8 = 2;
const ERROR: u8 = 2;

/// Where spans go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanSettings {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`, without a slash at its end.
    pub endpoint: String,
    /// `OTEL_SERVICE_NAME`.
    pub service: String,
}

/// The way to the collector.
#[derive(Clone, Debug)]
pub struct Spans {
    sender: mpsc::Sender<Value>,
    lost: Arc<AtomicU64>,
}

/// A request that was answered.
#[derive(Debug)]
pub struct Answered<'a> {
    /// Its names.
    pub context: &'a Context,
    /// Its method.
    pub method: &'a Method,
    /// The route as it is written in the code.
    pub route: &'a str,
    /// What it was answered with.
    pub status: StatusCode,
    /// How long that took.
    pub took: Duration,
}

impl Spans {
    /// Sends spans from now on, until the task is aborted.
    #[must_use]
    pub fn start(settings: SpanSettings) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let sending = send_all(settings, receiver, Arc::clone(&lost));
        (Self { sender, lost }, tokio::spawn(sending))
    }

    /// A request was answered just now. What the caller does not keep, nobody needs of us.
    pub fn answered(&self, request: &Answered<'_>) {
        let trace = request.context.trace;
        if trace.parent_id.is_some() && !trace.is_sampled {
            return;
        }
        if self.sender.try_send(span(request, Time::now())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn span(request: &Answered<'_>, end: Time) -> Value {
    let Answered { context, method, route, status, took } = request;
    let took_ns = i64::try_from(took.as_nanos()).unwrap_or(i64::MAX);
    let code = status.as_u16().to_string();
    let mut span = json!({
        "traceId": format!("{:032x}", context.trace.trace_id),
        "spanId": format!("{:016x}", context.trace.span_id),
        "name": format!("{method} {route}"),
        "kind": SERVER,
        "startTimeUnixNano": end.0.saturating_sub(took_ns).to_string(),
        "endTimeUnixNano": end.0.to_string(),
        "attributes": [
            text("http.request.method", method.as_str()),
            text("http.route", route),
            {"key": "http.response.status_code", "value": {"intValue": code}},
            text("request.id", &context.request_id),
        ],
        "status": if status.is_server_error() { json!({"code": ERROR}) } else { json!({}) },
    });
    if let Some(parent) = context.trace.parent_id {
        span["parentSpanId"] = format!("{parent:016x}").into();
    }
    span
}

fn message(service: &str, spans: &[Value]) -> Value {
    let resource =
        [text("service.name", service), text("service.version", env!("CARGO_PKG_VERSION"))];
    let scope = json!({"scope": {"name": "quanttrade"}, "spans": spans});
    json!({"resourceSpans": [{"resource": {"attributes": resource}, "scopeSpans": [scope]}]})
}

async fn send_all(settings: SpanSettings, mut spans: mpsc::Receiver<Value>, lost: Arc<AtomicU64>) {
    let url = format!("{}/v1/traces", settings.endpoint);
    let agent = Agent::new(&url);
    let mut batch = Vec::new();
    while spans.recv_many(&mut batch, BATCH_MAX).await > 0 {
        if batch.len() < BATCH_MAX {
            // Others follow: one message for all of them.
            tokio::time::sleep(EVERY).await;
            while batch.len() < BATCH_MAX
                && let Ok(span) = spans.try_recv()
            {
                batch.push(span);
            }
        }
        let body = message(&settings.service, &batch).to_string();
        if let Err(error) = send(&agent, body).await {
            let count = batch.len();
            tracing::warn!(%error, count, "spans could not be handed over");
        }
        let count = lost.swap(0, Ordering::Relaxed);
        if count > 0 {
            tracing::warn!(count, "spans were left out: the collector does not keep up");
        }
        batch.clear();
    }
}

async fn send(agent: &Agent, body: String) -> Result<(), String> {
    let mut pause = RETRY;
    let mut tried = 1;
    loop {
        let error = match agent.post_json(body.clone()).await {
            Ok(200..300) => return Ok(()),
            // OTLP: only these are worth another try.
            Ok(status @ (429 | 502..=504)) => format!("the collector's status is {status}"),
            Ok(status) => return Err(format!("the collector's status is {status}")),
            Err(error) => error.to_string(),
        };
        if tried == TRIES {
            return Err(error);
        }
        tried += 1;
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}
