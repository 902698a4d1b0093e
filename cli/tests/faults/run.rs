//! One scenario: the exchange with its plan, a run of ours, and what is true in the end.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::check;
use crate::common::Sandbox;
use crate::common::sim::{Process, QUOTER, Sim, running, start, status, trading_with};
use crate::kept::Kept;
use crate::scenarios::{End, Mode, PATIENCE_S, Scenario};

/// What came of a scenario: how often its fault struck, or what is wrong.
pub type Outcome = Result<u64, String>;

/// How long a run goes on under its plan; `QT_FAULT_SECONDS` says otherwise.
const SECONDS: u64 = 3;
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(250);
/// Moves its orders, a few times a second.
const MAKER: &[&str] = &[
    "--strategy",
    "market_maker",
    "--param",
    "quantity=0.001",
    "--param",
    "max_position=0.01",
    "--param",
    "move_ticks=2",
    "--qty",
    "0.001",
];

/// A run at an exchange.
pub struct Trial {
    pub sandbox: Sandbox,
    pub sim: Sim,
    pub run: Process,
    pub mode: Mode,
    /// How long anything may take.
    pub patience: Duration,
}

/// How a run ended.
pub struct Ended {
    /// What it said of itself.
    pub document: Value,
    /// The most memory that it had, in MB.
    pub memory_mb: u64,
}

/// How long scenarios go on.
pub fn seconds(usual: u64) -> Duration {
    let given = std::env::var("QT_FAULT_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(given.unwrap_or(usual))
}

/// Runs `scenario` at `venue`.
pub fn outcome(venue: &str, scenario: &Scenario) -> Outcome {
    let plan = scenario.plan();
    let (exchange, moves) = (scenario.exchange, scenario.moves);
    let mut trial = Trial::start(venue, scenario.mode, &plan, exchange, moves);
    trial.patience = Duration::from_secs(scenario.patience_s);
    trial.finish(scenario).map_err(|(why, log)| format!("{why}\n{log}"))
}

impl Trial {
    /// Starts an exchange of `venue` with `plan`, and a run at it.
    pub fn start(venue: &str, mode: Mode, plan: &str, exchange: &[&str], moves: bool) -> Self {
        let sandbox = Sandbox::new();
        let plan = sandbox.write("plan.toml", plan);
        let words = [exchange, &["--faults", &plan, "--truth", "truth.jsonl"]].concat();
        let sim = Sim::of(&sandbox, venue, &words);
        let what = if moves { MAKER } else { QUOTER };
        let words = match mode {
            Mode::Paper => running(&sim, "out", what, &["--json"]),
            Mode::Live => trading_with(&sandbox, &sim, "out", what, &["--json", "--adopt-foreign"]),
        };
        let run = start(&sandbox, &words, "run.log");
        Self { sandbox, sim, run, mode, patience: Duration::from_secs(PATIENCE_S) }
    }

    fn finish(mut self, scenario: &Scenario) -> Result<u64, (String, String)> {
        let rules = 1 + scenario.beside.matches("[[fault]]").count();
        let played = self.play(scenario, rules);
        let log = |sandbox: &Sandbox| tail(&sandbox.read("run.log"));
        let struck = match played {
            Ok(struck) => struck,
            Err(why) => return Err((why, log(&self.sandbox))),
        };
        let Self { sandbox, sim, run, .. } = self;
        let ended = end(run).map_err(|why| (why, log(&sandbox)))?;
        let document = ended.document.to_string();
        let checked = check::all(&sandbox, sim, scenario.mode, scenario.end, &ended);
        checked.map_err(|why| (format!("{why}: {document}"), log(&sandbox)))?;
        Ok(struck)
    }

    /// Lets the run go on until every fault has struck and shows, heals, and waits until the run is
    /// as it has to be in the end.
    fn play(&mut self, scenario: &Scenario, rules: usize) -> Result<u64, String> {
        let least = seconds(SECONDS);
        let begun = Instant::now();
        self.until("each fault has struck", |it| {
            let struck = it.struck();
            let wanted = |at: usize| if at == 0 { scenario.times } else { 1 };
            let is_done = (0..rules).all(|at| struck.get(at).is_some_and(|n| *n >= wanted(at)));
            (is_done && begun.elapsed() >= least).then_some(()).ok_or(format!("{struck:?}"))
        })?;
        self.until("it shows", |it| {
            let mut seen = it.seen()?;
            if scenario.shows.contains(&"fills") {
                seen["fills"] = it.kept().fills.len().into();
            }
            let hidden = scenario.shows.iter().find(|name| !is_shown(&seen, name));
            hidden.map_or(Ok(()), |name| Err(format!("{name} is zero: {seen}")))
        })?;
        let struck = self.struck()[0];
        match scenario.end {
            End::True => self.settle()?,
            End::Barred => self.until("it is shut out", |it| {
                let seen = it.seen()?;
                let is_out = seen["link"] != "in step";
                is_out.then_some(()).ok_or(format!("{seen}"))
            })?,
            End::Break | End::Stopped => {}
        }
        Ok(struck)
    }

    /// Nothing goes wrong any more: waits until both sides are in step, and the book is that of the
    /// venue.
    pub fn settle(&mut self) -> Result<(), String> {
        self.sim.control("DELETE", "faults", "");
        // What is shown is renewed twice a second, and what stands still for a while goes on.
        sleep(Duration::from_millis(2_000));
        self.until("it is in step again", Self::in_step)?;
        if self.mode == Mode::Live {
            // Its own orders move the book, too.
            self.sandbox.json(&["control", "out", "pause"]);
        }
        self.sim.control("POST", "market?moves=no", "");
        self.until("its book is the venue's", |it| {
            let book = it.kept().book()?;
            let belief = serde_json::json!({"account": "demo", "books": [book]});
            check::compared(&it.sim, &belief)
        })?;
        self.until("it is still in step", Self::in_step)
    }

    /// Waits until something is so, as long as the run goes on.
    pub fn until(
        &mut self,
        what: &str,
        mut is_so: impl FnMut(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            if self.run.has_ended() {
                return Err(format!("the run ended by itself, before: {what}"));
            }
            match is_so(self) {
                Ok(()) => return Ok(()),
                Err(why) if begun.elapsed() > self.patience => {
                    return Err(format!("not in time: {what}: {why}"));
                }
                Err(_) => sleep(LOOK),
            }
        }
    }

    /// How often each rule has struck, by the exchange's own count.
    pub fn struck(&self) -> Vec<u64> {
        let state = self.sim.control("GET", "faults", "");
        let rules = state["rules"].as_array().map_or(&[][..], Vec::as_slice);
        rules.iter().map(|rule| rule["occurred"].as_u64().unwrap_or_default()).collect()
    }

    /// What the run shows of its venue.
    fn seen(&self) -> Result<Value, String> {
        let status = status(&self.sandbox, "out").ok_or("it shows nothing")?;
        Ok(status["venue"].clone())
    }

    /// What its journal has by now.
    fn kept(&self) -> Kept {
        Kept::read(&self.sandbox.path().join("out"))
    }

    fn in_step(&mut self) -> Result<(), String> {
        let seen = self.seen()?;
        let books = seen["feed"]["instruments"].as_array();
        let in_step = |it: &Value| it["is_in_step"] == true;
        let has_books = books.is_some_and(|all| !all.is_empty() && all.iter().all(in_step));
        let orders = self.mode == Mode::Paper
            || seen["link"] == "in step" && seen["orders"]["unknown_now"] == 0;
        (has_books && orders).then_some(()).ok_or_else(|| seen.to_string())
    }
}

/// Whether a count is above zero, a word is there, a list has anything.
fn is_shown(seen: &Value, name: &str) -> bool {
    match seen.pointer(&format!("/{name}")) {
        Some(Value::Number(number)) => number.as_u64() > Some(0),
        Some(Value::Object(all)) => !all.is_empty(),
        Some(Value::String(text)) => !text.is_empty(),
        _ => false,
    }
}

/// Stops a run in order.
pub fn end(run: Process) -> Result<Ended, String> {
    let memory = fs::read_to_string(format!("/proc/{}/status", run.pid())).unwrap_or_default();
    let most = memory.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = most.and_then(|text| text.trim().strip_suffix("kB")).map(str::trim);
    let memory_mb =
        kb.and_then(|text| text.parse::<u64>().ok()).ok_or("no memory is shown")? / 1_024;
    run.signal("INT");
    let ended = run.wait();
    let document = serde_json::from_str(&ended.out);
    let document = document.map_err(|_| format!("it ended with {}: {}", ended.code, ended.out))?;
    Ok(Ended { document, memory_mb })
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
