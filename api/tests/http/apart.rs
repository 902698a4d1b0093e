//! What is another tenant's and what is not there are looked for in the same way: by the same
//! statements, with the same number of rows, so that no answer is sooner.

use std::io::Write;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use qt_auth::Role;
use qt_auth::limits::Quotas;
use qt_trading::ids::TenantId;
use serde_json::Value;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::common::{Service, Wanted, token};
use crate::rights::{NOBODY, Owned, filled, rows};

const CHILD: &str = "QT_APART";
/// Statements of jobs that run beside may come in between: so often it is looked again.
const LOOKS: usize = 8;
/// Requests of each kind that are timed.
const TIMED: usize = 1_000;

/// The log, as it is written.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    /// From here on all statements of this process, which must log nothing else.
    fn begin() -> Self {
        let log = Self::default();
        let lines = tracing_subscriber::fmt().json().flatten_event(true);
        let filter = EnvFilter::new("sqlx::query=debug");
        lines.with_env_filter(filter).with_writer(log.clone()).init();
        log
    }

    /// The statements since the last time, with their rows.
    fn take(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        let text = String::from_utf8(bytes).expect("text");
        let line = |line: &str| {
            let line: Value = serde_json::from_str(line).expect("a line of JSON");
            let field = |name: &str| line[name].to_string();
            let rows = [field("rows_affected"), field("rows_returned")].join("/");
            format!("{} {} {rows}", field("summary"), field("db.statement"))
        };
        text.lines().map(line).collect()
    }
}

/// A service, what a tenant has there, and the token of another one.
async fn furnished() -> (Service, Owned, String) {
    let quotas = Quotas::read(&|_| Some("1000000".to_owned())).ok();
    let service = Service::with(Wanted { has_jobs: true, quotas, ..Wanted::default() }).await;
    let owned = Owned::of(&service, TenantId::new(), Role::User).await;
    let thief = token(Role::TenantAdmin, TenantId::new());
    (service, owned, thief)
}

/// The routes about one thing of a tenant.
fn private() -> impl Iterator<Item = (&'static str, &'static str)> {
    rows().filter(|(_, path, _)| path.contains("{id}")).map(|(method, path, _)| (method, path))
}

/// In a process of its own: other tests have statements, too. Nothing where nobody asked for it.
#[tokio::test]
async fn child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let log = Log::begin();
    let (service, owned, thief) = furnished().await;
    let mut counted = 0;
    for (method, path) in private() {
        let body = (method != "GET").then_some("{}");
        let statements = async |id: &str| {
            log.take();
            let reply = service.ask(method, &filled(path, id), &thief, body).await;
            assert_eq!(reply.status, 404, "{method} {path}: {reply:?}");
            log.take()
        };
        // Whatever is made for a tenant at its first request is made before.
        statements(NOBODY).await;
        let mut looks = 0;
        loop {
            let (foreign, absent) = (statements(owned.id(path)).await, statements(NOBODY).await);
            counted += foreign.len();
            if foreign == absent {
                break;
            }
            looks += 1;
            assert!(looks < LOOKS, "{method} {path}:\n{foreign:#?}\n{absent:#?}");
        }
    }
    assert!(counted > 10, "{counted} statements");
    println!("all alike");
}

#[test]
fn what_is_anothers_is_looked_for_like_what_is_not_there() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["apart::child", "--exact", "--nocapture"]).env(CHILD, "1");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("all alike"), "{said}{failed}");
}

/// How far the sum of the ranks of `one` among both is from what chance gives, in deviations.
fn deviations(one: &[Duration], other: &[Duration]) -> f64 {
    let mut all: Vec<(Duration, bool)> = one.iter().map(|took| (*took, true)).collect();
    all.extend(other.iter().map(|took| (*took, false)));
    all.sort_unstable();
    let ranks = all.iter().zip(1_u32..).filter(|((_, is_one), _)| *is_one);
    let sum: f64 = ranks.map(|(_, rank)| f64::from(rank)).sum();
    let (n, m) = (one.len() as f64, other.len() as f64);
    let mean = n * (n + m + 1.0) / 2.0;
    (sum - mean) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

/// The same by the clock: within 2.58 deviations there is no difference that can be told
/// (p > 0.01), but for one route in a hundred by chance.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it measures"]
async fn how_long_both_take() {
    let (service, owned, thief) = furnished().await;
    println!("| route | anothers, p50 us | not there, p50 us | deviations |\n|---|---|---|---|");
    for (method, path) in private() {
        let body = (method != "GET").then_some("{}");
        let (mut foreign, mut absent) = (Vec::new(), Vec::new());
        for n in 0..2 * TIMED {
            let is_foreign = n % 2 == 0;
            let id = if is_foreign { owned.id(path) } else { NOBODY };
            let begun = Instant::now();
            service.ask(method, &filled(path, id), &thief, body).await;
            let took = if is_foreign { &mut foreign } else { &mut absent };
            took.push(begun.elapsed());
        }
        let z = deviations(&foreign, &absent);
        let median = |took: &mut Vec<Duration>| {
            took.sort_unstable();
            took[took.len() / 2].as_micros()
        };
        let (foreign, absent) = (median(&mut foreign), median(&mut absent));
        println!("| {method} {path} | {foreign} | {absent} | {z:.2} |");
    }
}
