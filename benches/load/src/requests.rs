//! Requests at a fixed rate over connections that are kept open.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Args;
use hdrhistogram::Histogram;
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use crate::target::{Target, TargetArgs};
use crate::wire::Line;
use crate::{orders, service, summary};

/// Requests leave up to so much too early rather than too late: a sleep ends on a whole
/// millisecond.
const EARLY: Duration = Duration::from_millis(1);

/// Requests at a fixed rate.
#[derive(Debug, Args)]
pub struct RequestArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// GET this; several are asked for in turn
    #[arg(long, default_value = "/portfolio", conflicts_with = "orders")]
    path: Vec<String>,
    /// POST market orders to /trades, each tenant's bought and sold in turn
    #[arg(long)]
    orders: bool,
    /// Requests a second
    #[arg(long, default_value_t = 10_000)]
    rate: u64,
    /// Connections
    #[arg(long, default_value_t = 64)]
    connections: u64,
    /// How long
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

/// What is asked for, by the number of the request.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// These paths in turn.
    Get(Arc<[String]>),
    /// Orders of all tenants in turn.
    Orders,
}

/// When requests leave.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Requests a second.
    pub rate: u64,
    /// For how long.
    pub seconds: u64,
    /// Over so many connections.
    pub connections: u64,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// From when a request should have left to the last byte of its answer (us).
    pub times: Histogram<u64>,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests without an answer.
    pub broken: u64,
    /// From the first request to the last answer.
    pub took: Duration,
}

impl Outcome {
    /// Answers of `status` a second.
    pub fn rate_of(&self, status: u16) -> f64 {
        let count = self.statuses.get(&status).copied().unwrap_or(0);
        count as f64 / self.took.as_secs_f64().max(0.001)
    }

    /// Requests that were answered otherwise, or not at all.
    pub fn others_than(&self, status: u16) -> u64 {
        let others = self.statuses.iter().filter(|(known, _)| **known != status);
        self.broken + others.map(|(_, count)| count).sum::<u64>()
    }
}

/// Runs the requests and prints what was seen.
pub async fn run(args: &RequestArgs) -> Result<(), String> {
    let target = args.target.target()?;
    let wanted = match args.orders {
        true => Wanted::Orders,
        false => Wanted::Get(args.path.clone().into()),
    };
    let schedule =
        Schedule { rate: args.rate, seconds: args.seconds, connections: args.connections };
    let outcome = load(&target, schedule, &wanted).await?;
    let rate = outcome.times.len() as f64 / outcome.took.as_secs_f64().max(0.001);
    let statuses = outcome.statuses.iter().map(|(status, n)| (status.to_string(), *n));
    let result = json!({
        "asked_rate": args.rate,
        "rate": rate.round(),
        "times": summary::percentiles(&outcome.times),
        "statuses": statuses.collect::<BTreeMap<_, _>>(),
        "broken": outcome.broken,
        "resident_kib": service::resident_kib(target.process),
    });
    summary::print(&result, args.target.json);
    Ok(())
}

/// Sends what is wanted at the times of the schedule. The next request is taken by whichever
/// connection is free, so that one slow answer holds up no other request.
pub async fn load(target: &Target, schedule: Schedule, wanted: &Wanted) -> Result<Outcome, String> {
    let next = Arc::new(AtomicU64::new(0));
    let began = Instant::now() + Duration::from_millis(300);
    let mut tasks = Vec::new();
    for _ in 0..schedule.connections {
        let worker = Worker {
            target: target.clone(),
            schedule,
            wanted: wanted.clone(),
            next: Arc::clone(&next),
            began,
        };
        tasks.push(tokio::spawn(worker.work()));
    }
    let mut all = Outcome {
        times: summary::times(),
        statuses: BTreeMap::new(),
        broken: 0,
        took: Duration::ZERO,
    };
    for task in tasks {
        let one = task.await.map_err(|error| error.to_string())?;
        all.times.add(&one.times).map_err(|error| error.to_string())?;
        all.broken += one.broken;
        for (status, count) in one.statuses {
            *all.statuses.entry(status).or_insert(0) += count;
        }
    }
    all.took = Instant::now() - began;
    Ok(all)
}

/// What one connection does.
struct Worker {
    target: Target,
    schedule: Schedule,
    wanted: Wanted,
    next: Arc<AtomicU64>,
    began: Instant,
}

impl Worker {
    async fn work(self) -> Outcome {
        let mut seen = Outcome {
            times: summary::times(),
            statuses: BTreeMap::new(),
            broken: 0,
            took: Duration::ZERO,
        };
        let Schedule { rate, seconds, .. } = self.schedule;
        let mut line = Line::open(&self.target.address).await.ok();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= rate * seconds {
                return seen;
            }
            let due = self.began + Duration::from_nanos(number * 1_000_000_000 / rate.max(1));
            let request = self.request(number);
            sleep_until(due - EARLY).await;
            let from = due.min(Instant::now());
            match ask(&self.target, &mut line, &request).await {
                Ok(status) => *seen.statuses.entry(status).or_insert(0) += 1,
                Err(_) => {
                    seen.broken += 1;
                    line = None;
                }
            }
            let taken = u64::try_from(from.elapsed().as_micros()).unwrap_or(u64::MAX);
            seen.times.saturating_record(taken.max(1));
        }
    }

    fn request(&self, number: u64) -> Vec<u8> {
        let tenants = self.target.tokens.len() as u64;
        match &self.wanted {
            Wanted::Get(paths) => {
                let path = &paths[(number % paths.len() as u64) as usize];
                self.target.request(0, "GET", path, "")
            }
            Wanted::Orders => {
                let body = orders::body(number / tenants);
                self.target.request((number % tenants) as usize, "POST", "/trades", &body)
            }
        }
    }
}

/// One request, over a new connection where there is none.
async fn ask(target: &Target, line: &mut Option<Line>, request: &[u8]) -> std::io::Result<u16> {
    let line = match line {
        Some(line) => line,
        None => line.insert(Line::open(&target.address).await?),
    };
    line.ask(request).await
}
