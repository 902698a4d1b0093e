//! How good a source is, on the market that runs: said by an agent, judged a moment later, and
//! still there after a restart.

use serde_json::{Value, json};

use crate::flow::until;
use crate::place::Place;

/// Meant for two seconds from now on.
fn signal(number: usize, action: &str) -> String {
    let now = qt_trading::time::Time::now();
    let expires = qt_trading::time::Time(now.0 + 60_000_000_000);
    json!({
        "schema_version": 1, "signal_id": format!("q-{number}"), "symbol": "BTC-USD",
        "action": action, "confidence": 0.6, "horizon_seconds": 2,
        "issued_at": now.to_string(), "expires_at": expires.to_string(),
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_agent_says_is_judged_while_the_market_goes_on() {
    let Some(place) = Place::postgres().await else { return };
    let way = place.directly();
    let budget = json!({"notional": "1000", "loss": "10", "rate_per_minute": 600});
    let body = json!({"name": "prophet", "subject": "prophet", "budget": budget});
    let made = way.ask("POST", "/signal-sources", Some(&body.to_string())).await.json();
    let agent = place.as_agent("prophet");
    for (number, action) in ["buy", "sell", "hold"].into_iter().enumerate() {
        let told = agent.ask("POST", "/signals", Some(&signal(number, action))).await;
        assert_eq!(told.status, 201, "{}", told.json());
    }
    let path = format!("/signal-sources/{}/quality", made["id"].as_str().expect("an id"));
    // Each of the two is over after two seconds, or when the other one takes it back, unless the
    // market was silent.
    let is_over = |of: &Value| {
        of["open"] == 0 && of["judged"].as_u64().unwrap() + of["unseen"].as_u64().unwrap() == 2
    };
    let of = until(&way, &path, is_over).await;
    assert_eq!((&of["mode"], &of["counted"]), (&"shadow".into(), &of["judged"]), "{of}");
    let seen = until(&agent, "/signal-sources/quality", |all| all["items"][0] == of).await;
    assert_eq!(seen["items"].as_array().unwrap().len(), 1, "an agent sees its own");
    assert_eq!(place.as_agent("other").ask("GET", &path, None).await.status, 404);
    drop((way, agent));
    let place = place.restart().await;
    until(&place.directly(), &path, |after| *after == of).await;
}
