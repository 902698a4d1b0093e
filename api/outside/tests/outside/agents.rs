//! A stand-in of the platform's agent service with the shapes of its HTTP, and what becomes of its
//! answers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use qt_outside::agents::service::{AgentService, Ended, NewTask};
use qt_outside::agents::tasks::{AgentTasks, Context, MarketContext, TaskTerms};
use qt_outside::agents::{AgentIntake, Delivers, Outcome, Waits};
use qt_store::{Observations, Page, Store};
use qt_trading::Doing;
use qt_trading::ids::TenantId;
use qt_trading::secret::Secret;
use qt_trading::time::Time;
use serde_json::{Value, json};

use crate::folder::store;
use crate::server::{Reply, Request, Server};
use crate::until;

pub const AGENT: &str = "trading_strategy_agent";

/// A signal of an agent.
pub fn signal(id: &str) -> String {
    format!(
        r#"{{"schema_version":1,"signal_id":"{id}","symbol":"X","action":"buy","stop_loss":41.10}}"#
    )
}

/// Takes signals of one agent, and says that others are unknown.
#[derive(Default)]
pub struct Desk {
    pub taken: Mutex<Vec<(TenantId, String)>>,
    /// How often it cannot say now.
    pub waits: AtomicUsize,
    /// Whose session is away.
    pub away: Mutex<Option<TenantId>>,
}

impl Delivers for Desk {
    fn take<'a>(
        &'a self,
        tenant: TenantId,
        agent_name: &'a str,
        payload: &'a str,
        _: Time,
    ) -> Doing<'a, Result<Outcome, Waits>> {
        Box::pin(async move {
            let wait =
                self.waits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
            let is_away = *self.away.lock().unwrap() == Some(tenant);
            if wait.is_ok() || is_away {
                return Err(Waits("not now".to_owned()));
            }
            if agent_name != AGENT {
                let (code, detail) = ("SIGNAL_SOURCE_UNKNOWN".to_owned(), "nobody".to_owned());
                return Ok(Outcome::Refused { code, detail });
            }
            let mut taken = self.taken.lock().unwrap();
            if taken.iter().any(|(_, known)| known == payload) {
                return Ok(Outcome::Same);
            }
            taken.push((tenant, payload.to_owned()));
            Ok(Outcome::Taken)
        })
    }
}

pub fn intake(desk: &Arc<Desk>, store: &Store) -> AgentIntake {
    AgentIntake::new(Arc::clone(desk) as Arc<dyn Delivers>, Arc::new(store.clone()))
}

/// Reason and text of what was kept, newest first.
pub async fn observed(store: &Store, tenant: TenantId) -> Vec<(String, String)> {
    let rows = store.observations(tenant, Page::default()).await.unwrap().items;
    rows.into_iter().map(|row| (row.reason, row.content)).collect()
}

/// The agent service: a task is pending, then running, then what `results` says for its number.
async fn agents(results: Vec<Value>) -> Server {
    let (posted, asked) = (AtomicUsize::new(0), AtomicUsize::new(0));
    Server::start(move |request: &Request| {
        if request.headers.get("authorization").is_none_or(|it| it != "Bearer canary") {
            return Reply::json(401, &json!({"detail": "Not authenticated"}));
        }
        if request.method == "POST" && request.path == "/tasks" {
            let task: Value = serde_json::from_str(&request.body).unwrap();
            for field in ["agent_type", "task_description", "input_data", "priority", "config"] {
                assert!(task.get(field).is_some(), "{field}: {task}");
            }
            let number = posted.fetch_add(1, Ordering::Relaxed);
            let body = json!({"task_id": format!("t-{number}"), "status": "pending",
                              "agent_type": task["agent_type"]});
            return Reply::json(200, &body);
        }
        let Some(number) = request.path.strip_prefix("/tasks/t-") else {
            return Reply::json(404, &json!({"detail": "Not found"}));
        };
        let number: usize = number.parse().unwrap();
        match asked.fetch_add(1, Ordering::Relaxed) % 4 {
            0 => Reply::json(200, &json!({"status": "pending", "result_data": null})),
            1 => Reply::status(502),
            2 => Reply::json(200, &json!({"status": "running", "result_data": null})),
            _ => Reply::json(200, &results[number.min(results.len() - 1)]),
        }
    })
    .await
}

fn client(server: &Server) -> AgentService {
    let token = Some(Secret::new("canary"));
    AgentService::new(&server.url("/"), token).asking_after(Duration::from_millis(5))
}

/// A price that the test says.
struct Price(Mutex<&'static str>);

impl Context for Price {
    fn context(&self, symbol: &str) -> Option<MarketContext> {
        let price = *self.0.lock().unwrap();
        let shown = json!({"symbol": symbol, "quote": {"last": price}});
        (symbol == "BTC-USD").then(|| MarketContext { shown, price: price.parse().ok() })
    }
}

fn terms(tenant: TenantId) -> TaskTerms {
    TaskTerms {
        tenant,
        agent_type: "trading_strategy".to_owned(),
        agent_name: AGENT.to_owned(),
        symbols: vec!["NOPE".to_owned(), "BTC-USD".to_owned()],
        every: Some(Duration::from_millis(50)),
        moved: None,
        per_hour: 4,
        time: Duration::from_secs(10),
        look: Duration::from_millis(10),
        schema: json!({"title": "signal"}),
    }
}

#[tokio::test]
async fn an_agent_is_asked_and_its_answers_are_read() {
    let (store, _folder) = store().await;
    let (tenant, desk) = (TenantId::new(), Arc::new(Desk::default()));
    let done = |result: Value| json!({"status": "completed", "result_data": result});
    let in_text = format!("I see strength.\n```json\n{}\n```", signal("s-1"));
    let server = agents(vec![
        done(serde_json::from_str(&signal("s-0")).unwrap()),
        done(json!({"agent": "trader", "results": in_text})),
        done(json!({"agent": "trader", "results": "Signal: BUY, I am quite sure"})),
        json!({"status": "failed", "result_data": null, "error_message": "no model"}),
    ])
    .await;
    desk.waits.store(1, Ordering::Relaxed);
    let context = Arc::new(Price(Mutex::new("43000")));
    let tasks = AgentTasks::new(terms(tenant), client(&server), context, intake(&desk, &store));
    let running = tokio::spawn(tasks.run());
    let kept = until(async || {
        let kept = observed(&store, tenant).await;
        (kept.len() == 2).then_some(kept)
    })
    .await;
    let text = |reason: &str, content: &str| (reason.to_owned(), content.to_owned());
    assert_eq!(kept[1], text("FREE_TEXT", "Signal: BUY, I am quite sure"));
    assert_eq!(kept[0], text("TASK_FAILED", "failed: no model"));
    let taken = desk.taken.lock().unwrap().clone();
    let ids: Vec<bool> = taken.iter().map(|(of, it)| *of == tenant && it.contains("s-")).collect();
    assert_eq!(ids, [true, true]);
    assert_eq!(taken[1].1, signal("s-1"), "byte for byte");
    // The budget of an hour is used up.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let posted: Vec<Request> = server.seen().into_iter().filter(|it| it.method == "POST").collect();
    assert_eq!(posted.len(), 4);
    let task: Value = serde_json::from_str(&posted[0].body).unwrap();
    assert_eq!(task["input_data"]["market_context"]["symbol"], "BTC-USD");
    assert_eq!(task["input_data"]["expected_output"]["title"], "signal");
    assert_eq!(
        (&task["agent_type"], &task["timeout_minutes"]),
        (&json!("trading_strategy"), &json!(1))
    );
    running.abort();
}

#[tokio::test]
async fn a_price_that_moves_asks_at_once() {
    let (store, _folder) = store().await;
    let (tenant, desk) = (TenantId::new(), Arc::new(Desk::default()));
    let server = agents(vec![json!({"status": "completed", "result_data": "hold"})]).await;
    let context = Arc::new(Price(Mutex::new("100")));
    let moved = Some("0.05".parse().unwrap());
    let terms = TaskTerms { every: None, moved, per_hour: 10, ..terms(tenant) };
    let price: Arc<dyn Context> = Arc::clone(&context) as _;
    let tasks = AgentTasks::new(terms, client(&server), price, intake(&desk, &store));
    let running = tokio::spawn(tasks.run());
    let kept = async |count| {
        until(async || (observed(&store, tenant).await.len() == count).then_some(())).await;
    };
    kept(1).await;
    *context.0.lock().unwrap() = "104";
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(observed(&store, tenant).await.len(), 1);
    *context.0.lock().unwrap() = "106";
    kept(2).await;
    running.abort();
}

#[tokio::test]
async fn a_service_that_misbehaves_ends_nothing_and_takes_no_longer_than_it_may() {
    let server = Server::start(|request| match request.path.as_str() {
        "/tasks/gone" => Reply::json(404, &json!({"detail": "Not found"})),
        "/tasks/odd" => Reply::json(200, &json!({"answer": 42})),
        "/tasks/slow" => Reply::json(200, &json!({"status": "running"})),
        "/tasks" if request.body.contains("bad-id") => {
            Reply::json(200, &json!({"task_id": "../../admin?x="}))
        }
        _ => Reply::status(500),
    })
    .await;
    let service = client(&server);
    let task = |agent_type: &str| NewTask {
        agent_type: agent_type.to_owned(),
        task_description: String::new(),
        input_data: json!({}),
        priority: "normal".to_owned(),
        timeout_minutes: 1,
        config: json!({}),
    };
    assert!(service.post(&task("a")).await.unwrap_err().to_string().contains("500"));
    assert!(service.post(&task("bad-id")).await.unwrap_err().to_string().contains("identifier"));
    let time = Duration::from_secs(2);
    for (id, why) in [("gone", "does not know"), ("odd", "no task"), ("slow", "not over")] {
        match service.wait(id, time).await {
            Ended::Failed(text) if id == "odd" => {
                assert!(text.contains(why) || text.contains("not over"), "{text}");
            }
            Ended::Failed(text) => assert!(text.contains(why), "{id}: {text}"),
            Ended::Completed(answer) => panic!("{id}: {answer}"),
        }
    }
}
