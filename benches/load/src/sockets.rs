//! Many sockets with subscriptions: how late messages are, and whether private ones are lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::reader::{Reader, Seen};
use crate::target::{Target, TargetArgs};
use crate::{orders, service, stuck, summary};

/// After the last order, what is told of it arrives.
const DRAIN: Duration = Duration::from_secs(5);
/// So long all may take to open.
const PATIENCE: Duration = Duration::from_secs(180);

/// Sockets with subscriptions.
#[derive(Clone, Debug, Args)]
pub struct SocketArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Sockets
    #[arg(long, default_value_t = 10_000)]
    connections: u64,
    /// Subscriptions of each
    #[arg(long, value_name = "CHANNEL[:SYMBOL[:INTERVAL]][@MS]", default_value = "orders")]
    subscribe: Vec<String>,
    /// How long to listen once all are open
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Orders a second that private events come of
    #[arg(long, default_value_t = 1)]
    orders: u64,
    /// The sockets, and the orders, are of so many of the tokens' tenants in turn
    #[arg(long, default_value_t = 1)]
    tenants: u64,
    /// One reader more takes nothing
    #[arg(long)]
    stuck: bool,
}

/// Where a run of sockets is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// They open.
    Opening,
    /// They listen.
    Listening,
    /// They listen until then.
    Ends(Instant),
}

/// A run of sockets.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many.
    pub connections: u64,
    /// What each subscribes to.
    pub subscriptions: Arc<[String]>,
    /// How long they listen.
    pub seconds: u64,
    /// Orders a second meanwhile.
    pub orders: u64,
    /// Sockets and orders are of so many tenants in turn.
    pub tenants: u64,
    /// Whether one reader more takes nothing.
    pub is_stuck: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// Until all had their subscriptions.
    pub opened_in: Duration,
    /// Sockets that did not open, and why the first did not.
    pub failed: (u64, Option<String>),
    /// Sockets that were closed before the end.
    pub closed: u64,
    /// Messages a second, of all.
    pub per_second: f64,
    /// How late they were (us).
    pub times: Histogram<u64>,
    /// Private events of each reader.
    pub private: u64,
    /// Private events that readers did not get, got out of order, and orders nobody was told of.
    pub lost: u64,
    /// The service's memory: before, with all open, at the end (KiB).
    pub resident_kib: [Option<u64>; 3],
    /// After how long the reader that took nothing was let go.
    pub let_go: Option<Duration>,
}

impl Plan {
    /// The tenant of socket or order `at`.
    fn tenant(&self, at: u64) -> usize {
        usize::try_from(at % self.tenants.max(1)).unwrap_or(0)
    }
}

impl Outcome {
    /// What a connection takes (KiB).
    pub fn kib_each(&self, connections: u64) -> Option<f64> {
        let (before, with_all) = (self.resident_kib[0]?, self.resident_kib[1]?);
        Some(with_all.saturating_sub(before) as f64 / connections.max(1) as f64)
    }
}

/// Opens the sockets, listens, and prints what was seen.
pub async fn run(args: &SocketArgs) -> Result<(), String> {
    let target = args.target.target()?;
    let plan = Plan {
        connections: args.connections,
        subscriptions: args.subscribe.clone().into(),
        seconds: args.seconds,
        orders: args.orders,
        tenants: args.tenants,
        is_stuck: args.stuck,
    };
    let outcome = load(&target, &plan).await?;
    let result = json!({
        "connections": args.connections,
        "failed": outcome.failed.0,
        "first_failure": outcome.failed.1,
        "closed_early": outcome.closed,
        "opened_in_ms": outcome.opened_in.as_millis() as u64,
        "messages_per_second": outcome.per_second.round(),
        "private_events": outcome.private,
        "lost_private": outcome.lost,
        "times": summary::percentiles(&outcome.times),
        "resident_kib": outcome.resident_kib,
        "kib_per_connection": outcome.kib_each(args.connections),
        "stuck_let_go_ms": outcome.let_go.map(|after| after.as_millis() as u64),
    });
    summary::print(&result, args.target.json);
    Ok(())
}

/// Opens the sockets of `plan`, has orders placed, and listens.
pub async fn load(target: &Target, plan: &Plan) -> Result<Outcome, String> {
    Ok(load_with(target, plan, async { Ok(()) }).await?.0)
}

/// The same; `meanwhile` begins once all are open, and what comes of it is told too.
pub async fn load_with<T>(
    target: &Target,
    plan: &Plan,
    meanwhile: impl Future<Output = Result<T, String>>,
) -> Result<(Outcome, T), String> {
    check_files(plan.connections)?;
    let before = service::resident_kib(target.process);
    let (opened, mut count) = watch::channel(0);
    let (phase, of_readers) = watch::channel(Phase::Opening);
    let (gate, began) = (Arc::new(Semaphore::new(64)), Instant::now());
    let readers: Vec<_> = (0..plan.connections)
        .map(|at| {
            let reader = Reader {
                target: target.clone(),
                tenant: plan.tenant(at),
                subscriptions: Arc::clone(&plan.subscriptions),
                gate: Arc::clone(&gate),
                opened: opened.clone(),
                phase: of_readers.clone(),
                is_witness: at < plan.tenants.max(1),
            };
            tokio::spawn(reader.listen())
        })
        .collect();
    // Those that do not open are counted below.
    let _ = timeout(PATIENCE, async {
        while *count.borrow_and_update() < plan.connections
            && readers.iter().filter(|it| it.is_finished()).count() == 0
        {
            let _ = timeout(Duration::from_millis(100), count.changed()).await;
        }
    })
    .await;
    let opened_in = began.elapsed();
    let with_all = service::resident_kib(target.process);
    phase.send_replace(Phase::Listening);
    let stuck = plan.is_stuck.then(|| {
        let (target, of) = (target.clone(), Arc::clone(&plan.subscriptions));
        tokio::spawn(async move { let_go(&target, &of).await })
    });
    let (placed, of_others) = tokio::try_join!(place(target, plan), meanwhile)?;
    phase.send_replace(Phase::Ends(Instant::now() + DRAIN));
    let let_go = match stuck {
        Some(stuck) => stuck.await.map_err(|error| error.to_string())??,
        None => None,
    };
    let (seen, failed) = gather(readers).await?;
    let at_end = service::resident_kib(target.process);
    let resident_kib = [before, with_all, at_end];
    let messages: usize = seen.iter().map(|one| one.late_ms.len()).sum();
    let listened_s = (plan.seconds as f64 + DRAIN.as_secs_f64()).max(1.0);
    let outcome = Outcome {
        opened_in,
        failed,
        closed: seen.iter().filter(|one| one.is_closed).count() as u64,
        per_second: messages as f64 / listened_s,
        times: times(&seen),
        private: seen.first().map_or(0, |one| one.counted.len() as u64),
        lost: lost(&seen, &placed),
        resident_kib,
        let_go,
    };
    Ok((outcome, of_others))
}

fn check_files(connections: u64) -> Result<(), String> {
    match service::files_allowed() {
        Some(allowed) if allowed < connections + 64 => Err(format!(
            "{allowed} open files are allowed here, {connections} sockets are wanted: raise it \
             with `ulimit -n`"
        )),
        _ => Ok(()),
    }
}

/// Places orders for as long as the run listens; which ones.
async fn place(target: &Target, plan: &Plan) -> Result<BTreeSet<String>, String> {
    let (began, mut placed) = (Instant::now(), BTreeSet::new());
    let until = began + Duration::from_secs(plan.seconds);
    for n in 0.. {
        let due = began + Duration::from_nanos(n * 1_000_000_000 / plan.orders.max(1));
        if plan.orders == 0 || due >= until {
            break;
        }
        tokio::time::sleep_until(due).await;
        // Each tenant buys and sells in turn, as one alone would.
        let (body, tenant) = (orders::body(n / plan.tenants.max(1)), plan.tenant(n));
        let (status, answer) = target.ask_as(tenant, "POST", "/trades", &body).await?;
        let order: Value = serde_json::from_str(&answer).unwrap_or_default();
        match order["id"].as_str() {
            Some(id) if status == 201 => placed.insert(id.to_owned()),
            _ => return Err(format!("an order is refused: {status} {answer}")),
        };
    }
    tokio::time::sleep_until(until).await;
    Ok(placed)
}

type Gathered = (Vec<Seen>, (u64, Option<String>));

async fn gather(readers: Vec<JoinHandle<Result<Seen, String>>>) -> Result<Gathered, String> {
    let (mut seen, mut failed) = (Vec::new(), (0, None));
    for reader in readers {
        match reader.await.map_err(|error| error.to_string())? {
            Ok(one) => seen.push(one),
            Err(why) => failed = (failed.0 + 1, failed.1.or(Some(why))),
        }
    }
    Ok((seen, failed))
}

fn times(seen: &[Seen]) -> Histogram<u64> {
    let mut times = summary::times();
    for late_ms in seen.iter().flat_map(|one| &one.late_ms) {
        times.saturating_record((u64::from(*late_ms) * 1_000).max(1));
    }
    times
}

/// What of private events is missing: each reader that was not closed has to have all that any
/// reader of its tenant has, in order, and of each order that was placed something.
fn lost(seen: &[Seen], placed: &BTreeSet<String>) -> u64 {
    let mut all: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
    for one in seen {
        all.entry(one.tenant).or_default().extend(&one.counted);
    }
    let missing = seen.iter().filter(|one| !one.is_closed).map(|one| {
        let own: BTreeSet<u64> = one.counted.iter().copied().collect();
        (all[&one.tenant].len() - own.len()) as u64 + one.disordered
    });
    let told: BTreeSet<&String> = seen.iter().flat_map(|one| &one.orders).collect();
    let has_channel = all.values().any(|of| !of.is_empty());
    let untold = placed.iter().filter(|id| has_channel && !told.contains(id)).count();
    missing.sum::<u64>() + untold as u64
}

/// Opens a reader that takes nothing; after how long the service lets it go, none where it keeps
/// it for a minute.
async fn let_go(target: &Target, of: &Arc<[String]>) -> Result<Option<Duration>, String> {
    const SERIES: &str = "quanttrade_websocket_connections";
    let before = target.figure(SERIES).await.ok_or("no figure of sockets")?;
    let held = stuck::open(target, of).await?;
    let began = Instant::now();
    while target.figure(SERIES).await.is_some_and(|now| now <= before) {
        if began.elapsed() > Duration::from_secs(5) {
            return Err("the reader that is stuck did not open".to_owned());
        }
        sleep(Duration::from_millis(10)).await;
    }
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        if target.figure(SERIES).await.is_some_and(|now| now <= before) {
            drop(held);
            return Ok(Some(began.elapsed()));
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(counted: &[u64], is_closed: bool) -> Seen {
        Seen { counted: counted.to_vec(), is_closed, ..Seen::default() }
    }

    #[test]
    fn what_one_reader_has_and_another_has_not_is_lost() {
        let none = BTreeSet::new();
        assert_eq!(lost(&[seen(&[3, 5, 9], false), seen(&[3, 5, 9], false)], &none), 0);
        assert_eq!(lost(&[seen(&[3, 5, 9], false), seen(&[3, 9], false)], &none), 1);
        assert_eq!(lost(&[seen(&[3, 5, 9], false), seen(&[3], true)], &none), 0);
        let other = Seen { tenant: 1, ..seen(&[4, 5], false) };
        assert_eq!(lost(&[seen(&[3], false), other], &none), 0, "of another tenant");
        let placed = BTreeSet::from(["a".to_owned()]);
        assert_eq!(lost(&[seen(&[3], false)], &placed), 1);
    }
}
