//! Everything in one run, on a service that is started for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::time::sleep;

use crate::orders;
use crate::requests::{self, Schedule, Wanted};
use crate::service::{self, Service};
use crate::sockets::{self, Plan};
use crate::summary::{Goal, Row, p99_ms, print_rows};
use crate::target::Target;

/// The symbols of the synthetic market.
const SYMBOLS: [&str; 4] = ["BTC-USD", "ETH-USD", "AAPL", "EURUSD"];
/// Sockets of the paced run are of so many tenants.
const PACED_TENANTS: u64 = 100;
/// Orders a second of the paced run: each is about seven messages for each socket of its tenant.
const PACED_ORDERS: u64 = 14;
/// Orders a second beside sockets that are idle: with those before, within what a day allows.
const BESIDE_IDLE: u64 = 300;
/// What the platform asks for at most, at the 95th and the 99th of a hundred answers (ms).
const PLATFORM_MS: (f64, f64) = (500.0, 2_000.0);
/// A service that nobody asks anything for so long is idle.
const IDLE: Duration = Duration::from_secs(3);

/// Start a service, measure everything, print one table.
#[derive(Debug, Args)]
pub struct AllArgs {
    /// The program `quanttrade`
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
    /// An empty folder for the data of the service, and its log
    #[arg(long, value_name = "DIR")]
    folder: PathBuf,
    /// Rates and sockets as a share of the published ones, in hundredths
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100))]
    scale: u64,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(2..=600))]
    seconds: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A run that is under way.
struct Run<'a> {
    args: &'a AllArgs,
    target: Target,
    rows: Vec<Row>,
    /// What must not be, whatever the machine.
    faults: Vec<String>,
}

/// Runs everything.
pub async fn run(args: &AllArgs) -> Result<(), String> {
    let files = service::files_allowed().unwrap_or(0);
    let rate = share(args, 3_000);
    let tenants = orders::tenants(rate * args.seconds, rate);
    let known = tenants.max(share(args, PACED_TENANTS));
    let service = Service::start(&args.program, &args.folder, known).await?;
    let mut run =
        Run { args, target: service.target.clone(), rows: Vec::new(), faults: Vec::new() };
    run.idle(service.started_in).await;
    run.reads().await?;
    run.orders(tenants).await?;
    run.deliveries().await?;
    run.many().await?;
    run.beside_idle(tenants).await?;
    run.paced().await?;
    run.one_stuck().await?;
    let (took, is_well) = service.stop().await?;
    let what = "SIGTERM to the end of the process";
    run.rows.push(Row::new(what, took.as_secs_f64(), "s", Goal::Most(5.0)));
    if !is_well {
        run.faults.push("the service did not end well".to_owned());
    }
    if !args.json {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        println!(
            "scale {} of 100, {} s each, {cores} cores for service and load together, {files} \
             open files allowed",
            args.scale, args.seconds
        );
    }
    print_rows(&run.rows, args.json);
    match run.faults.first() {
        None => Ok(()),
        Some(_) => Err(run.faults.join("; ")),
    }
}

/// The part of `whole` that is run.
const fn share(args: &AllArgs, whole: u64) -> u64 {
    let part = whole * args.scale / 100;
    if part > 0 { part } else { 1 }
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1_024.0
}

impl Run<'_> {
    async fn idle(&mut self, started_in: Duration) {
        let started_ms = started_in.as_secs_f64() * 1e3;
        self.rows.push(Row::new("start to ready", started_ms, "ms", Goal::Most(1_000.0)));
        sleep(IDLE).await;
        if let Some(kib) = service::resident_kib(self.target.process) {
            self.rows.push(Row::new("memory, idle", mib(kib), "MiB", Goal::Most(60.0)));
        }
    }

    async fn reads(&mut self) -> Result<(), String> {
        let rate = share(self.args, 10_000);
        let paths = ["/portfolio", "/orders", "/market-data/BTC-USD"].map(str::to_owned);
        let schedule = Schedule { rate, seconds: self.args.seconds, connections: 64 };
        // The first one makes the session.
        let (status, answer) = self.target.ask("GET", "/portfolio", "").await?;
        if status != 200 {
            return Err(format!("GET /portfolio: {status} {answer}"));
        }
        let done = requests::load(&self.target, schedule, &Wanted::Get(Arc::new(paths))).await?;
        let what = "GET /portfolio, /orders, /market-data/{symbol}";
        self.answers(what, 200, &done, (rate, 10.0));
        Ok(())
    }

    async fn orders(&mut self, tenants: u64) -> Result<(), String> {
        let rate = share(self.args, 3_000);
        let schedule = Schedule { rate, seconds: self.args.seconds, connections: 64 };
        for tenant in 0..tenants {
            self.session(tenant).await?;
        }
        let done = requests::load(&self.target, schedule, &Wanted::Orders).await?;
        let what = format!("POST /trades, {tenants} tenants");
        self.answers(&what, 201, &done, (rate, 25.0));
        let began = Instant::now();
        while self.target.figure("quanttrade_records_waiting").await.is_some_and(|n| n > 0.0)
            && began.elapsed() < Duration::from_secs(120)
        {
            sleep(Duration::from_millis(20)).await;
        }
        let behind_s = began.elapsed().as_secs_f64();
        self.rows.push(Row::plain("  the store has all of it after", behind_s, "s"));
        Ok(())
    }

    /// A session of its own begins before orders are timed.
    async fn session(&self, tenant: u64) -> Result<(), String> {
        let mut line = crate::wire::Line::open(&self.target.address).await;
        let line = line.as_mut().map_err(|error| error.to_string())?;
        let at = usize::try_from(tenant).unwrap_or(0);
        let request = self.target.request(at, "GET", "/portfolio", "");
        match line.ask(&request).await {
            Ok(200) => Ok(()),
            Ok(status) => Err(format!("the session of tenant {tenant}: {status}")),
            Err(error) => Err(format!("the session of tenant {tenant}: {error}")),
        }
    }

    fn answers(
        &mut self,
        what: &str,
        status: u16,
        done: &requests::Outcome,
        (rate, most_ms): (u64, f64),
    ) {
        let goal = Goal::Least(rate as f64);
        let row = Row::new(format!("{what}: answers {status}"), done.rate_of(status), "/s", goal);
        self.rows.push(row);
        let p50_ms = done.times.value_at_quantile(0.5) as f64 / 1_000.0;
        self.rows.push(Row::plain("  p50", p50_ms, "ms"));
        self.rows.push(Row::new("  p99", p99_ms(&done.times), "ms", Goal::Most(most_ms)));
        let others = done.others_than(status);
        self.rows.push(Row::new("  answered otherwise", others as f64, "", Goal::Most(0.0)));
        if others > 0 {
            let statuses = &done.statuses;
            self.faults.push(format!("{what}: {statuses:?}, {} without an answer", done.broken));
        }
    }

    async fn deliveries(&mut self) -> Result<(), String> {
        let (connections, wanted) = (share(self.args, 1_300), share(self.args, 20_000));
        let plan = self.plan(connections, SYMBOLS.map(|it| format!("ticker:{it}")).to_vec(), 0);
        let done = sockets::load(&self.target, &plan).await?;
        self.opened(&done);
        let what = format!("{connections} sockets, 4 quotes each: messages");
        self.rows.push(Row::new(what, done.per_second, "/s", Goal::Least(wanted as f64)));
        self.rows.push(Row::new("  p99", p99_ms(&done.times), "ms", Goal::Most(50.0)));
        Ok(())
    }

    async fn many(&mut self) -> Result<(), String> {
        let connections = share(self.args, 10_000);
        let private = ["orders", "portfolio", "risk", "signals", "jobs"].map(str::to_owned);
        let hours = SYMBOLS.map(|it| format!("candle:{it}:1h"));
        let mut subscriptions = [private.as_slice(), hours.as_slice()].concat();
        subscriptions.push("latency".to_owned());
        let what = format!("{connections} sockets, {} subscriptions each", subscriptions.len());
        let plan = self.plan(connections, subscriptions, 1);
        let done = sockets::load(&self.target, &plan).await?;
        self.opened(&done);
        let opened_s = done.opened_in.as_secs_f64();
        self.rows.push(Row::new(format!("{what}: open in"), opened_s, "s", Goal::Most(30.0)));
        if let Some(kib) = done.kib_each(connections) {
            self.rows.push(Row::new("  memory of each", kib, "KiB", Goal::Most(50.0)));
        }
        self.rows.push(Row::plain("  messages", done.per_second, "/s"));
        self.rows.push(Row::plain("  p99", p99_ms(&done.times), "ms"));
        self.rows.push(Row::plain("  private events of each", done.private as f64, ""));
        let lost = done.lost as f64;
        self.rows.push(Row::new("  private events lost", lost, "", Goal::Most(0.0)));
        Ok(())
    }

    /// All sockets, of many tenants, at the pace of dashboards.
    /// What the platform asks for, with ten thousand sockets open that are told nothing.
    async fn beside_idle(&mut self, tenants: u64) -> Result<(), String> {
        let connections = share(self.args, 10_000);
        let seconds = self.args.seconds;
        let reads = Schedule { rate: share(self.args, 10_000), seconds, connections: 64 };
        let writes = Schedule { rate: share(self.args, BESIDE_IDLE), seconds, connections: 64 };
        let paths = ["/portfolio", "/orders", "/market-data/BTC-USD"].map(str::to_owned);
        let get = Wanted::Get(Arc::new(paths));
        // Nobody has backtests: there is nothing to tell.
        let idle = Plan { seconds: 1, ..self.plan(connections, vec!["jobs".to_owned()], 0) };
        let target = self.target.clone();
        let requests = async {
            let read = requests::load(&target, reads, &get).await?;
            Ok((read, requests::load(&target, writes, &Wanted::Orders).await?))
        };
        let (done, (read, written)) = sockets::load_with(&target, &idle, requests).await?;
        self.opened(&done);
        let with = format!("{connections} sockets open and idle");
        let orders = format!("  POST /trades, {tenants} tenants");
        for (what, status, of, rate) in [
            (format!("{with}: GET as above"), 200, read, reads.rate),
            (orders, 201, written, writes.rate),
        ] {
            let p95_ms = of.times.value_at_quantile(0.95) as f64 / 1_000.0;
            self.answers(&what, status, &of, (rate, PLATFORM_MS.1));
            self.rows.push(Row::new("  p95", p95_ms, "ms", Goal::Most(PLATFORM_MS.0)));
        }
        Ok(())
    }

    async fn paced(&mut self) -> Result<(), String> {
        let (connections, tenants) = (share(self.args, 10_000), share(self.args, PACED_TENANTS));
        for tenant in 0..tenants {
            self.session(tenant).await?;
        }
        let private = ["orders", "portfolio", "risk", "signals", "jobs"].map(str::to_owned);
        let quotes = SYMBOLS.map(|it| format!("ticker:{it}@5000"));
        let mut subscriptions = [private.as_slice(), quotes.as_slice()].concat();
        subscriptions.push(format!("candle:{}:1m@5000", SYMBOLS[0]));
        let what = format!(
            "{connections} sockets of {tenants} tenants, {} subscriptions each: messages",
            subscriptions.len()
        );
        let plan = Plan { tenants, ..self.plan(connections, subscriptions, PACED_ORDERS) };
        let done = sockets::load(&self.target, &plan).await?;
        self.opened(&done);
        let wanted = share(self.args, 20_000) as f64;
        self.rows.push(Row::new(what, done.per_second, "/s", Goal::Least(wanted)));
        self.rows.push(Row::new("  p99", p99_ms(&done.times), "ms", Goal::Most(50.0)));
        // Memory of each: the row above has it; these use what those have given back.
        self.rows.push(Row::plain("  private events of one", done.private as f64, ""));
        let lost = done.lost as f64;
        self.rows.push(Row::new("  private events lost", lost, "", Goal::Most(0.0)));
        Ok(())
    }

    async fn one_stuck(&mut self) -> Result<(), String> {
        let connections = share(self.args, 1_000);
        let mut subscriptions = SYMBOLS.map(|it| format!("orderbook:{it}")).to_vec();
        subscriptions.push("orders".to_owned());
        let mut plan = self.plan(connections, subscriptions, 1);
        let without = sockets::load(&self.target, &plan).await?;
        plan.is_stuck = true;
        let with = sockets::load(&self.target, &plan).await?;
        self.opened(&without);
        self.opened(&with);
        let what = format!("{connections} sockets with books, p99 of all");
        self.rows.push(Row::plain(what, p99_ms(&without.times), "ms"));
        self.rows.push(Row::plain("  with one more that takes nothing", p99_ms(&with.times), "ms"));
        let let_go_s = with.let_go.map_or(60.0, |after| after.as_secs_f64());
        self.rows.push(Row::plain("  that one is let go after", let_go_s, "s"));
        let [_, before, after] = with.resident_kib.map(|kib| kib.unwrap_or(0));
        let grown = mib(after.saturating_sub(before));
        self.rows.push(Row::new("  memory grows meanwhile by", grown, "MiB", Goal::Most(5.0)));
        let lost = (without.lost + with.lost) as f64;
        self.rows.push(Row::new("  private events lost", lost, "", Goal::Most(0.0)));
        Ok(())
    }

    fn plan(&self, connections: u64, subscriptions: Vec<String>, orders: u64) -> Plan {
        let (subscriptions, seconds) = (subscriptions.into(), self.args.seconds);
        Plan { connections, subscriptions, seconds, orders, tenants: 1, is_stuck: false }
    }

    /// Every socket has to open and to stay, and no private event may be lost.
    fn opened(&mut self, done: &sockets::Outcome) {
        if let (failed @ 1.., why) = &done.failed {
            self.faults.push(format!("{failed} sockets did not open: {why:?}"));
        }
        if done.closed > 0 {
            self.faults.push(format!("{} sockets were closed", done.closed));
        }
        if done.lost > 0 {
            self.faults.push(format!("{} private events were lost", done.lost));
        }
    }
}
