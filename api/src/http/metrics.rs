//! Figures for Prometheus. No label comes from a client: routes are those of the code.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use hdrhistogram::Histogram;
use metrics::{Counter, Gauge, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::formatting::sanitize_metric_name;
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use serde::Serialize;

/// Bounds of the histograms, seconds: 50 us to the deadline.
const BUCKETS_S: [f64; 16] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 5.0, 25.0,
];
/// The same for stages of sessions: 1 us to a second.
const STAGE_BUCKETS_S: [f64; 14] = [
    0.000_001,
    0.000_002_5,
    0.000_005,
    0.000_01,
    0.000_025,
    0.000_05,
    0.000_1,
    0.000_25,
    0.000_5,
    0.001,
    0.005,
    0.025,
    0.1,
    1.0,
];
const STAGE: &str = "quanttrade_stage_duration_seconds";
/// How often records are taken into the histograms.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
const META: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

/// The registry of one service: several may live in one process.
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    connections: Gauge,
    refused: Counter,
    sockets: Gauge,
    recent: Mutex<Option<Histogram<u64>>>,
    stages: Mutex<Vec<OfStage>>,
    /// By route, then method and status.
    answers: RwLock<HashMap<String, OfRoute>>,
}

/// By method and status.
type OfRoute = HashMap<(&'static str, StatusCode), Answers>;

/// What is known of a stage: since the start, and since somebody looked.
struct OfStage {
    name: &'static str,
    took: metrics::Histogram,
    /// In nanoseconds.
    recent: Option<Histogram<u64>>,
}

/// What counts the answers of one route, method and status.
#[derive(Clone)]
struct Answers {
    count: Counter,
    took: metrics::Histogram,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// How fast answers came, and what the stages of sessions took.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Recent {
    /// How many.
    pub requests: u64,
    /// Half of them were as fast, microseconds.
    pub p50_us: u64,
    /// 99 of 100 were as fast, microseconds.
    pub p99_us: u64,
    /// The slowest, microseconds.
    pub max_us: u64,
    /// The stages of all sessions.
    pub stages: Vec<RecentStage>,
}

/// What a stage took.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RecentStage {
    /// Its name.
    pub stage: &'static str,
    /// How often.
    pub count: u64,
    /// Half of the times it took no longer, microseconds.
    pub p50_us: f64,
    /// 99 of 100 times it took no longer, microseconds.
    pub p99_us: f64,
    /// The longest, microseconds.
    pub max_us: f64,
}

/// Something that is counted as long as it lives.
#[derive(Debug)]
pub struct Open(Gauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl Metrics {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        let suffix = Matcher::Suffix("_seconds".to_owned());
        let builder = PrometheusBuilder::new();
        // Fails for an empty list only. A whole name counts for more than the end of one.
        let builder = builder
            .set_buckets_for_metric(suffix, &BUCKETS_S)
            .and_then(|it| {
                it.set_buckets_for_metric(Matcher::Full(STAGE.to_owned()), &STAGE_BUCKETS_S)
            })
            .unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let gauge = |name: &'static str| recorder.register_gauge(&Key::from_name(name), &META);
        let connections = gauge("quanttrade_http_connections");
        let sockets = gauge("quanttrade_websocket_connections");
        let refused = Key::from_name("quanttrade_http_connections_refused_total");
        let refused = recorder.register_counter(&refused, &META);
        let handle = recorder.handle();
        // Microseconds to a minute, to two digits; the bounds are constants, so there is one.
        let recent = Mutex::new(Histogram::new_with_bounds(1, 60_000_000, 2).ok());
        let (answers, stages) = (RwLock::default(), Mutex::default());
        Self { stages, handle, connections, refused, sockets, recorder, recent, answers }
    }

    /// Counts a connection until it is dropped.
    #[must_use]
    pub fn connection_opened(&self) -> Open {
        self.connections.increment(1.0);
        Open(self.connections.clone())
    }

    /// Counts a socket until it is dropped.
    #[must_use]
    pub fn socket_opened(&self) -> Open {
        self.sockets.increment(1.0);
        Open(self.sockets.clone())
    }

    /// Counts a connection for which there was no place.
    pub fn connection_refused(&self) {
        self.refused.increment(1);
    }

    /// How fast answers came since the last call.
    #[must_use]
    pub fn recent(&self) -> Recent {
        let stages = self.recent_stages();
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(recent) = recent.as_mut() else { return Recent::default() };
        let at = |quantile| recent.value_at_quantile(quantile);
        let (p50_us, p99_us, max_us) = (at(0.5), at(0.99), recent.max());
        let found = Recent { requests: recent.len(), p50_us, p99_us, max_us, stages };
        recent.reset();
        found
    }

    /// Counts an answer and how long it took.
    pub fn answered(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(recent) = self.recent.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            recent.saturating_record(took_us);
        }
        let answers = self.answers(known(method), route, status);
        answers.count.increment(1);
        answers.took.record(took.as_secs_f64());
    }

    /// What counts these answers: made once, then taken from memory.
    fn answers(&self, method: &'static str, route: &str, status: StatusCode) -> Answers {
        let known = self.answers.read().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(route).and_then(|of| of.get(&(method, status)));
        if let Some(found) = found {
            return found.clone();
        }
        drop(known);
        let endpoint = Label::new("endpoint", route.to_owned());
        let labels = vec![Label::new("method", method), endpoint.clone(), status_label(status)];
        let key = Key::from_parts("quanttrade_api_requests_total", labels);
        let count = self.recorder.register_counter(&key, &META);
        let labels = vec![Label::new("method", method), endpoint];
        let key = Key::from_parts("quanttrade_api_request_duration_seconds", labels);
        let made = Answers { count, took: self.recorder.register_histogram(&key, &META) };
        let mut all = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(route.to_owned()).or_default().insert((method, status), made.clone());
        made
    }

    /// Takes what was recorded into the histograms, again and again: what nobody reads must not
    /// grow.
    pub async fn keep_up(self: Arc<Self>) {
        loop {
            tokio::time::sleep(UPKEEP_EVERY).await;
            self.handle.run_upkeep();
        }
    }

    /// Notes how long a stage took; `stage` is a name of the code.
    pub fn stage(&self, stage: &'static str, took: Duration) {
        let mut stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        let at = stages.iter().position(|of| of.name == stage).unwrap_or_else(|| {
            let labels = vec![Label::from_static_parts("stage", stage)];
            let took = self.recorder.register_histogram(&Key::from_parts(STAGE, labels), &META);
            // Nanoseconds to a minute; the bounds are constants, so there is one.
            let recent = Histogram::new_with_bounds(1, 60_000_000_000, 2).ok();
            stages.push(OfStage { name: stage, took, recent });
            stages.len() - 1
        });
        let of = &mut stages[at];
        of.took.record(took.as_secs_f64());
        if let Some(recent) = &mut of.recent {
            recent.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    /// What stages took since the last call.
    fn recent_stages(&self) -> Vec<RecentStage> {
        let mut stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        let figures = stages.iter_mut().filter_map(|of| {
            let recent = of.recent.as_mut()?;
            let at = |share| recent.value_at_quantile(share) as f64 / 1e3;
            let (p50_us, p99_us) = (at(0.5), at(0.99));
            let (count, max_us) = (recent.len(), recent.max() as f64 / 1e3);
            recent.reset();
            Some(RecentStage { stage: of.name, count, p50_us, p99_us, max_us })
        });
        figures.collect()
    }

    /// Counts a signal by what became of it; `outcome` is a word of the code.
    pub fn signal(&self, outcome: &'static str) {
        let labels = vec![Label::from_static_parts("outcome", outcome)];
        let key = Key::from_parts("quanttrade_signals_total", labels);
        self.recorder.register_counter(&key, &META).increment(1);
    }

    /// All of it in the text format, with `more` series behind.
    #[must_use]
    pub fn text(&self, more: &[Series]) -> String {
        self.handle.run_upkeep();
        let mut text = self.handle.render();
        for series in more {
            let name = sanitize_metric_name(series.name);
            text += &format!("# TYPE {name} gauge\n");
            for (label, value) in &series.values {
                match label {
                    Some((key, of)) => text += &format!("{name}{{{key}=\"{of}\"}} {value}\n"),
                    None => text += &format!("{name} {value}\n"),
                }
            }
        }
        text
    }
}

/// A gauge with one label at most, whose values are names of ours or identifiers.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub values: Vec<(Option<(&'static str, String)>, f64)>,
}

impl Series {
    /// One without labels.
    #[must_use]
    pub fn one(name: &'static str, value: f64) -> Self {
        Self { name, values: vec![(None, value)] }
    }
}

fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn status_label(status: StatusCode) -> Label {
    Label::new("status", status.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::{Method, StatusCode};

    use super::{Metrics, Series};

    #[test]
    fn methods_of_clients_make_no_series() {
        let metrics = Metrics::new();
        let open = metrics.connection_opened();
        for n in 0..100 {
            let method = Method::from_bytes(format!("X{n}").as_bytes()).unwrap();
            metrics.answered(&method, "-", StatusCode::NOT_FOUND, Duration::from_micros(70));
        }
        let text = metrics.text(&[Series::one("quanttrade_up", 1.0)]);
        assert!(text.contains("quanttrade_http_connections 1"), "{text}");
        assert!(text.contains("method=\"other\"") && !text.contains("X7"), "{text}");
        assert!(text.contains("quanttrade_api_request_duration_seconds_bucket"), "{text}");
        assert!(text.ends_with("quanttrade_up 1\n"), "{text}");
        drop(open);
        assert!(metrics.text(&[]).contains("quanttrade_http_connections 0"));
    }

    #[test]
    fn stages_are_counted_for_good_and_since_the_last_look() {
        let metrics = Metrics::new();
        for us in [3, 3, 400] {
            metrics.stage("market", Duration::from_micros(us));
        }
        let text = metrics.text(&[]);
        let of = |le: &str| {
            format!("quanttrade_stage_duration_seconds_bucket{{stage=\"market\",le=\"{le}\"}}")
        };
        assert!(text.contains(&format!("{} 2\n", of("0.000005"))), "{text}");
        assert!(text.contains(&format!("{} 3\n", of("0.0005"))), "{text}");
        let recent = metrics.recent().stages;
        assert_eq!((recent[0].stage, recent[0].count), ("market", 3));
        assert!((2.9..3.1).contains(&recent[0].p50_us), "{recent:?}");
        assert_eq!(metrics.recent().stages[0].count, 0);
    }

    #[test]
    fn answers_of_one_kind_are_counted_together() {
        let metrics = Metrics::new();
        for status in [StatusCode::OK, StatusCode::OK, StatusCode::CREATED] {
            metrics.answered(&Method::POST, "/trades", status, Duration::from_millis(1));
        }
        let text = metrics.text(&[]);
        let line = |status: u16, count: u32| {
            format!(
                "quanttrade_api_requests_total{{method=\"POST\",endpoint=\"/trades\",\
                 status=\"{status}\"}} {count}\n"
            )
        };
        assert!(text.contains(&line(200, 2)) && text.contains(&line(201, 1)), "{text}");
        let all = "quanttrade_api_request_duration_seconds_count{method=\"POST\",\
                   endpoint=\"/trades\"} 3";
        assert!(text.contains(all), "{text}");
    }
}
