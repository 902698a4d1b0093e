//! Spans of requests reach a collector, also one that is away for a moment.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::place::Place;

type Taken = Arc<Mutex<(usize, Vec<Value>)>>;

/// Refuses the first message, as a collector that starts.
async fn take(State(taken): State<Taken>, body: String) -> StatusCode {
    let mut taken = taken.lock().unwrap();
    taken.0 += 1;
    if taken.0 == 1 {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    taken.1.push(serde_json::from_str(&body).unwrap());
    StatusCode::OK
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_of_requests_reach_a_collector() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/", listener.local_addr().unwrap());
    let taken = Taken::default();
    let collector = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&taken));
    tokio::spawn(async move { axum::serve(listener, collector).await });
    let place = Place::with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]).await;
    let way = place.directly();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let kept = format!("00-{trace}-00f067aa0ba902b7-01");
    let unkept = "00-11111111111111111111111111111111-00f067aa0ba902b7-00";
    for parent in [kept.as_str(), unkept] {
        let headers = [("traceparent", parent), ("x-request-id", "mine")];
        way.ask_with("GET", "/orders/0198c0de-0000-7000-8000-000000000000", &headers, None).await;
    }
    let mut found = None;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let messages = taken.lock().unwrap().1.clone();
        let spans = |message: &Value| -> Vec<Value> {
            let one = &message["resourceSpans"][0];
            assert_eq!(one["resource"]["attributes"][0]["value"]["stringValue"], "quanttrade");
            one["scopeSpans"][0]["spans"].as_array().unwrap().clone()
        };
        let all: Vec<Value> = messages.iter().flat_map(spans).collect();
        assert!(all.iter().all(|span| span["traceId"] != "1".repeat(32)));
        found = all.into_iter().find(|span| span["traceId"] == trace);
        if found.is_some() {
            break;
        }
    }
    let span = found.expect("the span of the request");
    assert_eq!(span["name"], "GET /orders/{id}");
    assert_eq!((&span["kind"], &span["parentSpanId"]), (&2.into(), &"00f067aa0ba902b7".into()));
    let attributes = span["attributes"].to_string();
    assert!(attributes.contains(r#""intValue":"401""#) && attributes.contains("mine"));
    assert!(!span.to_string().contains("0198c0de"), "no identifier of a client: {span}");
    let time = |name: &str| span[name].as_str().unwrap().parse::<i64>().unwrap();
    assert!(time("endTimeUnixNano") > time("startTimeUnixNano"));
    assert!(taken.lock().unwrap().0 >= 2, "the first message was sent again");
}
