//! What has to be true at the end of every scenario: what was decided, believed and asked for, held
//! against what really was.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::common::Sandbox;
use crate::common::sim::Sim;
use crate::kept::Kept;
use crate::run::Ended;
use crate::scenarios::{End, Mode};

/// The most memory that a run may have, in MB.
pub const MEMORY_MAX_MB: u64 = 256;
/// What the accounts of the exchange begin with, and the capital of a run, in billionths.
const OWNED_E9: i128 = 1_000_000_000_000_000;
const CAPITAL_E9: i128 = 100_000_000_000_000;
/// How many commands a run with real orders has sent at least.
const SENT_MIN: u64 = 5;
/// Our client ids: two letters and sixteen digits; what stands behind that is a change.
const ID_CHARS: usize = 18;

type Checked = Result<(), String>;

fn same(what: &str, is: &Value, wanted: impl Into<Value>) -> Checked {
    let wanted = wanted.into();
    if *is == wanted { Ok(()) } else { Err(format!("{what} is {is}, not {wanted}")) }
}

/// Everything. The exchange is stopped by it.
pub fn all(sandbox: &Sandbox, sim: Sim, mode: Mode, end: End, ended: &Ended) -> Checked {
    let document = &ended.document;
    same("is_closed", &document["is_closed"], true)?;
    if ended.memory_mb > MEMORY_MAX_MB {
        return Err(format!("it had {} MB of memory", ended.memory_mb));
    }
    made_again(sandbox)?;
    let kept = Kept::read(&sandbox.path().join("out"));
    if !kept.blind.is_empty() {
        return Err(format!("let through while the book was in doubt: events {:?}", kept.blind));
    }
    if kept.decisions < SENT_MIN {
        return Err(format!("only {} orders were decided on", kept.decisions));
    }
    limits(&sim)?;
    if mode == Mode::Paper {
        sim.stop();
        return Ok(());
    }
    let differences = differences(&sim, end, document, &kept)?;
    sim.stop();
    let truth = Truth::read(&sandbox.read("truth.jsonl"))?;
    let wrong: Vec<_> = differences.iter().filter(|line| !truth.explains(line)).collect();
    if !wrong.is_empty() {
        return Err(format!("the exchange says: {wrong:?}"));
    }
    ours(end, document, &truth)
}

/// The journal made again in both ways: nothing differs.
pub fn made_again(sandbox: &Sandbox) -> Checked {
    for command in ["parity", "replay"] {
        let ended = sandbox.run(&[command, "out/live.qtj", "--json"]);
        let found: Value = serde_json::from_str(&ended.out)
            .map_err(|_| format!("{command} ended with {}: {}", ended.code, ended.err))?;
        same(&format!("differences of {command}"), &found["differences"], 0)?;
    }
    Ok(())
}

/// No limit of the exchange was ever passed, by its own count, and nobody was refused for that.
fn limits(sim: &Sim) -> Checked {
    let told = sim.control("GET", "limits", "");
    let (limits, peaks) = (&told["limits"], &told["peaks"]);
    for (name, peak) in peaks.as_object().ok_or("no limits are told")? {
        let is_within = match limits.get(name) {
            Some(limit) => peak.as_u64() <= limit.as_u64(),
            // What is no limit counts those who were refused.
            None => name == "refused_by_plan" || *peak == 0,
        };
        if !is_within {
            return Err(format!("beyond a limit: {name}: {told}"));
        }
    }
    Ok(())
}

/// What the exchange says of a belief: nothing is wrong.
pub fn compared(sim: &Sim, belief: &Value) -> Checked {
    let told = sim.control("POST", "compare", &belief.to_string());
    if told["differences"] == json!([]) { Ok(()) } else { Err(told.to_string()) }
}

/// Where the exchange says that the run is wrong: executions, and where it ends well all there is.
fn differences(sim: &Sim, end: End, document: &Value, kept: &Kept) -> Result<Vec<String>, String> {
    let mut belief = json!({"account": "demo", "fills": kept.fills});
    if end == End::True {
        let held = |text: &Value| text.as_str().and_then(e9).ok_or("the run says no balances");
        let of = &document["positions"][0];
        let (units, cost) = (held(&of["units"])?, held(&of["cost"])?);
        let cash = held(&document["cash"])? - CAPITAL_E9 + OWNED_E9;
        let believed = match sim.has_positions() {
            true => {
                belief["positions"] = json!({"BTCUSDT": of["units"]});
                // A part of a position has its part of the cost, which each side rounds by itself:
                // what was paid and got in all is the same to the last unit.
                vec![("USDT", cash - cost + cost_there(sim))]
            }
            false => vec![("BTC", units + OWNED_E9), ("USDT", cash)],
        };
        belief["balances"] = balances(sim, &believed);
        belief["open_orders"] = json!([]);
    }
    let told = sim.control("POST", "compare", &belief.to_string());
    let lines = told["differences"].as_array().ok_or("nothing was compared")?;
    let lines = lines.iter().filter_map(Value::as_str).map(str::to_owned);
    // Shut out, it cannot know of everything; it must know of nothing that was not.
    let is_heard = |line: &String| end != End::Barred || !line.contains("is not believed in");
    Ok(lines.filter(is_heard).collect())
}

/// What the position of the account was worth when it was opened, by the exchange's books.
fn cost_there(sim: &Sim) -> i128 {
    let truth = sim.control("GET", "truth", "");
    let accounts = truth["accounts"].as_array().map_or(&[][..], Vec::as_slice);
    let account = accounts.iter().find(|it| it["account"] == "demo");
    let positions = account.and_then(|it| it["positions"].as_array());
    let cost = positions.and_then(|all| all.first()).and_then(|it| it["cost"].as_str());
    cost.and_then(e9).unwrap_or_default()
}

/// What is believed of the assets that the run has, and what is true of the others.
fn balances(sim: &Sim, believed: &[(&str, i128)]) -> Value {
    let truth = sim.control("GET", "truth", "");
    let accounts = truth["accounts"].as_array().map_or(&[][..], Vec::as_slice);
    let account = accounts.iter().find(|it| it["account"] == "demo");
    let mut all = account.map_or(json!([]), |account| account["balances"].clone());
    for balance in all.as_array_mut().into_iter().flatten() {
        let of = believed.iter().find(|(asset, _)| balance["asset"] == *asset);
        // Orders of others may hold some of it; ours hold nothing, which is looked at by itself.
        let locked = balance["locked"].as_str().and_then(e9).unwrap_or_default();
        if let Some((_, amount)) = of {
            balance["free"] = json!(qt_types::format_scaled(*amount - locked, 9));
        }
    }
    all
}

/// What the run says of its own orders and executions, beside what really became of them.
fn ours(end: End, document: &Value, truth: &Truth) -> Checked {
    let sent = document["orders"]["sent"].as_u64().unwrap_or_default();
    if sent < SENT_MIN {
        return Err(format!("only {sent} commands were sent"));
    }
    if let Some(twice) = &truth.twice {
        return Err(format!("a second order: {twice}"));
    }
    if end == End::Barred {
        return Ok(());
    }
    same("executions", &document["fills"], truth.fills)?;
    same("open_orders", &document["open_orders"], 0)?;
    same("ours open at the exchange", &truth.open.len().into(), 0)?;
    let breaks = document["orders"]["breaks"].as_u64().unwrap_or_default();
    if (end == End::Break) != (breaks > 0) {
        return Err(format!("{breaks} breaks"));
    }
    Ok(())
}

/// What really happened to the account, line by line.
#[derive(Default)]
struct Truth {
    /// Executions of orders of ours.
    fills: u64,
    /// Orders of ours that are open.
    open: BTreeSet<u64>,
    /// Trades and orders of others.
    foreign: BTreeSet<String>,
    /// An order that was there twice, or beside another one of the same intent.
    twice: Option<String>,
}

impl Truth {
    fn read(text: &str) -> Result<Self, String> {
        let mut truth = Self::default();
        let mut names: BTreeMap<String, u64> = BTreeMap::new();
        let mut open: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
            if line["event"] == "report" && line["account"] == "demo" {
                truth.report(&line, &mut names, &mut open);
            }
        }
        Ok(truth)
    }

    fn report(
        &mut self,
        line: &Value,
        names: &mut BTreeMap<String, u64>,
        open: &mut BTreeMap<String, BTreeSet<u64>>,
    ) {
        let order = &line["order"];
        let (name, id) = (order["client_id"].as_str().unwrap_or_default(), &order["order_id"]);
        let number = id.as_u64().unwrap_or_default();
        if !name.starts_with("qt") {
            self.foreign.insert(format!("order {id} "));
            self.foreign.insert(format!("trade {} ", line["fill"]["trade_id"]));
            return;
        }
        self.fills += u64::from(line["fill"].is_object());
        let first = *names.entry(name.to_owned()).or_insert(number);
        let intent: String = name.chars().take(ID_CHARS).collect();
        let alive = open.entry(intent).or_default();
        let is_open = order["status"] == "new" || order["status"] == "partially-filled";
        if is_open {
            alive.insert(number);
            self.open.insert(number);
        } else {
            alive.remove(&number);
            self.open.remove(&number);
        }
        if first != number || alive.len() > 1 {
            self.twice.get_or_insert_with(|| format!("{name}: {line}"));
        }
    }

    /// Whether a difference is about what others did.
    fn explains(&self, difference: &str) -> bool {
        self.foreign.iter().any(|of| difference.starts_with(of.as_str()))
    }
}

/// A decimal number in billionths.
fn e9(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let part: i128 = format!("{part:0<9}").parse().ok()?;
    Some(sign * (whole.parse::<i128>().ok()? * 1_000_000_000 + part))
}
