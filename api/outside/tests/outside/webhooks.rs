//! Webhooks against real receivers, some of which behave badly.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use qt_outside::guard::Guard;
use qt_outside::http::{HttpError, Lookup};
use qt_outside::seal::Sealer;
use qt_outside::webhooks::{Courier, MadeWebhook, Terms, WebhookDesk, WebhookError, signature};
use qt_store::{Actor, DeliveryRow, DeliveryStatus, Page, Store, Webhooks};
use qt_trading::ids::TenantId;
use tokio::task::JoinHandle;

use crate::folder::{happen, open, store};
use crate::server::{Reply, Request, Server};
use crate::until;

/// A place where webhooks work, with short waits.
struct Post {
    store: Store,
    sealer: Arc<Sealer>,
    guard: Guard,
    lookup: Option<Arc<dyn Lookup>>,
    terms: Terms,
    tenant: TenantId,
}

impl Post {
    fn new(store: Store) -> Self {
        let terms = Terms {
            answer: Duration::from_secs(2),
            claim: Duration::from_secs(5),
            waits: vec![Duration::from_millis(20); 3],
            poll: Duration::from_millis(50),
            ..Terms::default()
        };
        let guard = Guard::parse("127.0.0.0/8").unwrap();
        let sealer = Arc::new(Sealer::passing().unwrap());
        Self { store, sealer, guard, lookup: None, terms, tenant: TenantId::new() }
    }

    async fn make(&self, url: &str, kinds: &[&str]) -> MadeWebhook {
        let desk = WebhookDesk::new(self.guard.clone(), Arc::clone(&self.sealer));
        let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let actor = Actor::new(self.tenant, "ann", "r");
        desk.create(&self.store, actor, url, &kinds).await.unwrap()
    }

    fn begin(&self) -> JoinHandle<()> {
        let (store, sealer) = (Arc::new(self.store.clone()), Arc::clone(&self.sealer));
        let (guard, lookup) = (self.guard.clone(), self.lookup.clone());
        tokio::spawn(Courier::new(store, sealer, guard, lookup, self.terms.clone()).run())
    }

    async fn log(&self, webhook: &MadeWebhook) -> Vec<DeliveryRow> {
        let page = Page { after: None, limit: 500 };
        self.store.deliveries(self.tenant, webhook.row.id, page).await.unwrap().items
    }

    /// The log, once `count` deliveries are over.
    async fn over(&self, webhook: &MadeWebhook, count: usize) -> Vec<DeliveryRow> {
        until(async || {
            let log = self.log(webhook).await;
            let over = log.iter().filter(|it| it.status != DeliveryStatus::Waiting).count();
            (over >= count).then_some(log)
        })
        .await
    }
}

fn subject(request: &Request) -> String {
    let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    body["data"]["subject"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn events_arrive_signed_and_are_in_the_log() {
    let (store, _folder) = store().await;
    let post = Post::new(store);
    let server = Server::start(|_| Reply::status(204)).await;
    happen(&post.store, post.tenant, "before").await;
    let all = post.make(&server.url("/all"), &[]).await;
    let none = post.make(&server.url("/none"), &["TradeExecuted"]).await;
    let running = post.begin();
    for name in ["a", "b", "c"] {
        happen(&post.store, post.tenant, name).await;
        happen(&post.store, TenantId::new(), "another tenant's").await;
    }
    let log = post.over(&all, 3).await;
    assert_eq!(log.len(), 3, "what was before the webhook is not told");
    for row in &log {
        assert_eq!(row.status, DeliveryStatus::Delivered);
        assert_eq!((row.tries, row.answer_status, &row.error), (1, Some(204), &None));
        assert_eq!((row.event_type.as_str(), row.next_try_at), ("KillSwitchChanged", None));
    }
    let seen = server.seen();
    let subjects: BTreeSet<String> = seen.iter().map(subject).collect();
    assert_eq!(subjects, ["a", "b", "c"].map(str::to_owned).into());
    for request in &seen {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/all"));
        let header = &request.headers["quanttrade-signature"];
        let at = header.split(['=', ',']).nth(1).unwrap().parse().unwrap();
        assert_eq!(*header, signature(&all.secret, at, &request.body));
        assert_ne!(*header, signature(&none.secret, at, &request.body));
        let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(body["event_id"], request.headers["quanttrade-event-id"]);
        assert_eq!(body["tenant_id"], post.tenant.to_string());
        assert_eq!(request.headers["quanttrade-event-type"], "KillSwitchChanged");
        assert_eq!(request.headers["content-type"], "application/json");
    }
    // One that is deleted is told of nothing more.
    let actor = Actor::new(post.tenant, "ann", "r");
    post.store.delete_webhook(actor, all.row.id).await.unwrap();
    happen(&post.store, post.tenant, "d").await;
    let last = post.make(&server.url("/last"), &["KillSwitchChanged"]).await;
    happen(&post.store, post.tenant, "e").await;
    post.over(&last, 1).await;
    assert_eq!(subject(server.seen().last().unwrap()), "e");
    assert_eq!(server.seen().len(), 4);
    running.abort();
}

#[tokio::test]
async fn a_receiver_that_fails_is_tried_again_until_it_is_given_up() {
    let (store, _folder) = store().await;
    let post = Post::new(store);
    let count = AtomicUsize::new(0);
    let server = Server::start(move |request| match request.path.as_str() {
        "/never" => Reply::status(500),
        _ => Reply::status(if count.fetch_add(1, Ordering::Relaxed) < 2 { 503 } else { 200 }),
    })
    .await;
    let later = post.make(&server.url("/later"), &[]).await;
    let never = post.make(&server.url("/never"), &[]).await;
    let nobody = post.make("http://127.0.0.1:1/", &[]).await;
    let running = post.begin();
    happen(&post.store, post.tenant, "a").await;
    let log = post.over(&later, 1).await;
    assert_eq!((log[0].status, log[0].tries), (DeliveryStatus::Delivered, 3));
    let log = post.over(&never, 1).await;
    assert_eq!((log[0].status, log[0].tries), (DeliveryStatus::Failed, 4));
    assert_eq!(log[0].answer_status, Some(500));
    assert_eq!(log[0].error.as_deref(), Some("the answer's status is 500"));
    let log = post.over(&nobody, 1).await;
    assert_eq!((log[0].status, log[0].answer_status), (DeliveryStatus::Failed, None));
    let tries = |path: &str| -> Vec<String> {
        let seen = server.seen().into_iter().filter(|it| it.path == path);
        seen.map(|it| it.headers["quanttrade-try"].clone()).collect()
    };
    assert_eq!(tries("/later"), ["1", "2", "3"]);
    assert_eq!(tries("/never"), ["1", "2", "3", "4"]);
    let ids: BTreeSet<String> =
        server.seen().iter().map(|it| it.headers["quanttrade-event-id"].clone()).collect();
    assert_eq!(ids.len(), 1, "the same event has the same identifier each time");
    running.abort();
}

#[tokio::test]
async fn a_slow_receiver_holds_up_nobody_else() {
    let (store, _folder) = store().await;
    let mut post = Post::new(store);
    post.terms.answer = Duration::from_secs(8);
    post.terms.claim = Duration::from_secs(30);
    let server = Server::start(|request| {
        let delay = if request.path == "/slow" { 60 } else { 0 };
        Reply { delay: Duration::from_secs(delay), ..Reply::status(200) }
    })
    .await;
    let slow = post.make(&server.url("/slow"), &[]).await;
    let fast = post.make(&server.url("/fast"), &[]).await;
    let running = post.begin();
    for n in 0..30 {
        happen(&post.store, post.tenant, &n.to_string()).await;
    }
    let log = post.over(&fast, 30).await;
    assert!(log.iter().all(|it| it.status == DeliveryStatus::Delivered));
    let log = post.log(&slow).await;
    assert_eq!(log.len(), 30);
    assert!(log.iter().all(|it| it.status == DeliveryStatus::Waiting), "none was answered yet");
    let slow = server.seen().iter().filter(|it| it.path == "/slow").count();
    assert!(slow <= post.terms.each_max, "{slow} at one time");
    running.abort();
}

/// A tenant whose receivers are all slow has the places of a tenant, and no more: others are told.
#[tokio::test]
async fn a_tenant_that_waits_holds_up_no_other() {
    let (store, _folder) = store().await;
    let mut post = Post::new(store);
    post.terms.answer = Duration::from_secs(8);
    post.terms.claim = Duration::from_secs(30);
    (post.terms.tenant_max, post.terms.all_max) = (3, 4);
    let server = Server::start(|request| {
        let delay = if request.path == "/slow" { 60 } else { 0 };
        Reply { delay: Duration::from_secs(delay), ..Reply::status(200) }
    })
    .await;
    for _ in 0..5 {
        post.make(&server.url("/slow"), &[]).await;
    }
    let (loud, quiet) = (post.tenant, TenantId::new());
    for n in 0..20 {
        happen(&post.store, loud, &n.to_string()).await;
    }
    let running = post.begin();
    until(async || (server.seen().len() >= 3).then_some(())).await;
    post.tenant = quiet;
    let fast = post.make(&server.url("/fast"), &[]).await;
    for n in 0..20 {
        happen(&post.store, quiet, &n.to_string()).await;
    }
    let log = post.over(&fast, 20).await;
    assert!(log.iter().all(|it| it.status == DeliveryStatus::Delivered));
    let slow = server.seen().iter().filter(|it| it.path == "/slow").count();
    assert_eq!(slow, 3, "so many places a tenant has");
    running.abort();
}

#[tokio::test]
async fn redirects_are_not_followed_and_answers_are_bounded() {
    let (store, _folder) = store().await;
    let mut post = Post::new(store);
    post.terms.waits = Vec::new();
    let elsewhere = Server::start(|_| Reply::status(200)).await;
    let target = elsewhere.url("/stolen");
    let server = Server::start(move |request| match request.path.as_str() {
        "/moved" => Reply { headers: vec![("location", target.clone())], ..Reply::status(307) },
        "/endless" => Reply { flood: true, ..Reply::status(200) },
        "/dripping" => Reply { delay: Duration::from_secs(60), ..Reply::status(200) },
        _ => Reply { headers: vec![("x-large", "x".repeat(200_000))], ..Reply::status(200) },
    })
    .await;
    let moved = post.make(&server.url("/moved"), &[]).await;
    let endless = post.make(&server.url("/endless"), &[]).await;
    let dripping = post.make(&server.url("/dripping"), &[]).await;
    let large = post.make(&server.url("/large"), &[]).await;
    let running = post.begin();
    happen(&post.store, post.tenant, "a").await;
    let log = post.over(&moved, 1).await;
    assert_eq!((log[0].status, log[0].answer_status), (DeliveryStatus::Failed, Some(307)));
    assert!(elsewhere.seen().is_empty());
    // The status is an answer; the rest of it nobody reads.
    let log = post.over(&endless, 1).await;
    assert_eq!((log[0].status, log[0].answer_status), (DeliveryStatus::Delivered, Some(200)));
    for webhook in [&dripping, &large] {
        let log = post.over(webhook, 1).await;
        assert_eq!((log[0].status, log[0].answer_status), (DeliveryStatus::Failed, None));
        assert!(log[0].error.is_some());
    }
    running.abort();
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was() {
    let (store, folder) = store().await;
    let mut post = Post::new(store);
    post.terms.waits = vec![Duration::from_millis(50); 200];
    // Who ends in the middle of a try leaves it to the next one soon.
    post.terms.claim = Duration::from_millis(400);
    let is_up = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&is_up);
    let server = Server::start(move |_| {
        let delay = Duration::from_millis(20);
        let status = if asked.load(Ordering::Relaxed) == 0 { 500 } else { 200 };
        Reply { delay, ..Reply::status(status) }
    })
    .await;
    let webhook = post.make(&server.url("/"), &[]).await;
    let mut expected = BTreeSet::new();
    for round in 0..5 {
        let running = post.begin();
        for n in 0..5 {
            let name = format!("{round}-{n}");
            happen(&post.store, post.tenant, &name).await;
            expected.insert(name);
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
        // At any moment, as a crash does.
        running.abort();
        post.store = open(&folder).await;
        if round == 3 {
            is_up.store(1, Ordering::Relaxed);
        }
    }
    let running = post.begin();
    let log = post.over(&webhook, 25).await;
    assert_eq!(log.len(), 25);
    assert!(log.iter().all(|it| it.status == DeliveryStatus::Delivered), "{log:?}");
    assert_eq!(server.seen().iter().map(subject).collect::<BTreeSet<_>>(), expected);
    running.abort();
}

#[tokio::test]
async fn two_processes_share_the_work() {
    let (store, folder) = store().await;
    let post = Post::new(store);
    let server = Server::start(|_| Reply::status(200)).await;
    let webhook = post.make(&server.url("/"), &[]).await;
    let (sealer, guard) = (Arc::clone(&post.sealer), post.guard.clone());
    let other = Post { sealer, guard, ..Post::new(open(&folder).await) };
    let both = [post.begin(), other.begin()];
    for n in 0..40 {
        happen(&post.store, post.tenant, &n.to_string()).await;
    }
    post.over(&webhook, 40).await;
    let seen: Vec<String> = server.seen().iter().map(subject).collect();
    assert_eq!(seen.len(), 40, "each once, as nobody was killed");
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 40);
    both.into_iter().for_each(|one| one.abort());
}

/// Says something else each time.
#[derive(Debug)]
struct Rebinding {
    says: Mutex<Vec<Vec<SocketAddr>>>,
    count: AtomicUsize,
}

impl Rebinding {
    fn saying(says: Vec<Vec<SocketAddr>>) -> Arc<Self> {
        Arc::new(Self { says: Mutex::new(says), count: AtomicUsize::new(0) })
    }
}

impl Lookup for Rebinding {
    fn look_up(&self, uri: &ureq::http::Uri) -> Result<Vec<SocketAddr>, HttpError> {
        assert_eq!(uri.host(), Some("hooks.test"));
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut says = self.says.lock().unwrap();
        Ok(if says.len() > 1 { says.remove(0) } else { says[0].clone() })
    }
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_called_as_it_was_checked() {
    let (store, _folder) = store().await;
    let mut post = Post::new(store);
    post.guard = Guard::parse("127.0.0.1/32").unwrap();
    post.terms.waits = Vec::new();
    let (server, inner) =
        (Server::start(|_| Reply::status(200)).await, Server::start(|_| Reply::status(200)).await);
    let port = server.address.port();
    // Whoever looks the name up a second time finds what may not be called.
    let inside: SocketAddr = format!("127.0.0.2:{}", inner.address.port()).parse().unwrap();
    let lookup = Rebinding::saying(vec![vec![server.address], vec![inside]]);
    post.lookup = Some(lookup.clone());
    let webhook = post.make(&format!("http://hooks.test:{port}/"), &[]).await;
    let running = post.begin();
    happen(&post.store, post.tenant, "a").await;
    let log = post.over(&webhook, 1).await;
    assert_eq!(log[0].status, DeliveryStatus::Delivered);
    assert_eq!((lookup.count.load(Ordering::Relaxed), server.seen().len()), (1, 1));
    assert_eq!(server.seen()[0].headers["host"], format!("hooks.test:{port}"));
    // The next event is looked up anew, and refused before anybody is called.
    happen(&post.store, post.tenant, "b").await;
    let log = post.over(&webhook, 2).await;
    assert_eq!(log[0].status, DeliveryStatus::Failed);
    let error = log[0].error.as_ref().unwrap();
    assert!(error.contains("no public address") && !error.contains("127.0.0.2"), "{log:?}");
    assert!(inner.seen().is_empty() && server.seen().len() == 1);
    running.abort();
}

#[tokio::test]
async fn without_a_setting_nothing_inside_is_called() {
    let (store, _folder) = store().await;
    let mut post = Post::new(store);
    post.guard = Guard::default();
    post.terms.waits = Vec::new();
    let server = Server::start(|_| Reply::status(200)).await;
    let public: SocketAddr = "8.8.8.8:443".parse().unwrap();
    post.lookup = Some(Rebinding::saying(vec![vec![public, server.address]]));
    let url = format!("https://hooks.test:{}/", server.address.port());
    let webhook = post.make(&url, &[]).await;
    let running = post.begin();
    happen(&post.store, post.tenant, "a").await;
    let log = post.over(&webhook, 1).await;
    assert_eq!(log[0].status, DeliveryStatus::Failed);
    let error = log[0].error.as_ref().unwrap();
    assert!(error.contains("no public address") && !error.contains("127.0.0.1"), "{log:?}");
    assert!(server.seen().is_empty());
    running.abort();
    let desk = WebhookDesk::new(post.guard.clone(), Arc::clone(&post.sealer));
    let actor = || Actor::new(post.tenant, "ann", "r");
    for bad in [&server.url("/"), "https://127.0.0.1/", "https://[::1]/"] {
        let refused = desk.create(&post.store, actor(), bad, &[]).await.unwrap_err();
        assert!(matches!(refused, WebhookError::Url(_)), "{bad}: {refused}");
    }
    let kinds = ["Everything".to_owned()];
    let refused = desk.create(&post.store, actor(), "https://a.org/", &kinds).await.unwrap_err();
    assert!(refused.to_string().contains("TradeExecuted"), "{refused}");
}

/// Prints how many deliveries a second one webhook gets, by its two places, from SQLite.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it prints a speed"]
async fn webhook_speed() {
    let (store, _folder) = store().await;
    let post = Post::new(store);
    let server = Server::start(|_| Reply::status(200)).await;
    let webhook = post.make(&server.url("/"), &[]).await;
    for n in 0..500 {
        happen(&post.store, post.tenant, &n.to_string()).await;
    }
    let began = std::time::Instant::now();
    let running = post.begin();
    post.over(&webhook, 500).await;
    println!("{:.0} deliveries/s", 500.0 / began.elapsed().as_secs_f64());
    running.abort();
}
