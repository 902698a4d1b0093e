//! An exchange of our own in another process, and runs at it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Ended, Sandbox};

/// A process that is killed when nobody wants it any more.
pub struct Process(pub Option<Child>);

impl Process {
    pub fn pid(&self) -> u32 {
        self.0.as_ref().expect("it runs").id()
    }

    /// Asks it to end (`INT`), or ends it (`KILL`).
    pub fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        let done = Command::new("kill").args([&format!("-{signal}"), &pid]).status();
        assert!(done.expect("kill runs").success());
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Ended {
        let child = self.0.take().expect("it runs");
        Ended::of(child.wait_with_output().expect("it ends"))
    }

    pub fn has_ended(&mut self) -> bool {
        let child = self.0.as_mut().expect("it runs");
        child.try_wait().expect("it can be asked").is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The exchange.
pub struct Sim {
    pub process: Process,
    pub url: String,
    /// Whose protocol it speaks.
    pub venue: String,
    /// API key and secret of its first account.
    keys: (String, String),
}

impl Sim {
    /// Starts it in `sandbox` with more words.
    pub fn start(sandbox: &Sandbox, more: &[&str]) -> Self {
        Self::of(sandbox, "binance-spot", more)
    }

    /// The same with the protocol of another venue.
    pub fn of(sandbox: &Sandbox, venue: &str, more: &[&str]) -> Self {
        let words = [&["venue-sim", "--venue", venue, "--json"], more].concat();
        let mut command = sandbox.command(&words);
        let log = fs::File::create(sandbox.path().join("venue-sim.log")).expect("a log");
        let mut child =
            command.stdout(Stdio::piped()).stderr(log).spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut text = String::new();
        let document: Value = loop {
            let line = lines.next().expect("a document").expect("text");
            text.push_str(&line);
            text.push('\n');
            if let Ok(document) = serde_json::from_str(&text) {
                break document;
            }
        };
        // What it says at its end must find somebody who reads.
        std::thread::spawn(move || lines.for_each(drop));
        let hmac = &document["accounts"][0]["hmac"];
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let keys = (word(&hmac["api_key"]), word(&hmac["secret"]));
        let (process, url, venue) =
            (Process(Some(child)), word(&document["rest"]), venue.to_owned());
        Self { process, url, venue, keys }
    }

    /// Whether its accounts have positions, and own nothing of what they buy.
    pub fn has_positions(&self) -> bool {
        self.venue == "binance-usdm"
    }

    /// Asks on its control path, which knows neither keys nor limits.
    pub fn control(&self, method: &str, path: &str, body: &str) -> Value {
        let url = format!("{}/sim/{path}", self.url);
        let answer = match method {
            "POST" => ureq::post(&url).send(body),
            "DELETE" => ureq::delete(&url).call(),
            _ => ureq::get(&url).call(),
        };
        let text = answer
            .and_then(|mut answer| answer.body_mut().with_config().limit(1 << 30).read_to_string());
        let text = text.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    /// Stops it in order: what it writes is complete then.
    pub fn stop(self) {
        self.control("POST", "stop", "");
        let ended = self.process.wait();
        assert_eq!(ended.code, 0, "{}", ended.err);
    }

    /// Writes the keys of its account into a file that nobody else can read.
    pub fn write_keys(&self, sandbox: &Sandbox, name: &str) -> String {
        let (api_key, secret) = &self.keys;
        write_keys(sandbox, name, api_key, secret)
    }
}

/// Writes keys into a file that nobody else can read.
pub fn write_keys(sandbox: &Sandbox, name: &str, api_key: &str, secret: &str) -> String {
    let text = format!("api_key = {api_key}\nsecret = {secret}\n");
    let name = sandbox.write(name, text);
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(sandbox.path().join(&name), private).expect("its mode is set");
    name
}

/// Limits of the profile live that let a quoter trade.
pub fn write_limits(sandbox: &Sandbox) -> String {
    let ended = sandbox.run(&["risk", "init", "--profile", "paper", "--out", "live.toml"]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let text = sandbox.read("live.toml");
    let text = text.replace("profile = \"paper\"", "profile = \"live\"");
    let text = text.replace("allowed = \"given\"", "allowed = [\"BTCUSDT\", \"ETHUSDT\"]");
    // A venue that refuses on purpose must not end the trading for good.
    let text = text.replace("refusals = \"20\"", "refusals = \"60000\"");
    sandbox.write("live.toml", text)
}

/// Two people approve of the run that `words` begin; the words with their approval.
pub fn approved(sandbox: &Sandbox, words: &[String]) -> Vec<String> {
    let given: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command = sandbox.command(&given);
    let output = command.env("ENABLE_REAL_TRADING", "true").output().expect("the program starts");
    let refused = Ended::of(output);
    refused.expect(5, &["1 thing is missing", "--approvals FILE"]);
    let (_, rest) = refused.err.split_once("approves = \"").expect("it says of what");
    let digest: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    let person = |name| format!("[[people]]\nname = \"{name}\"\napproves = \"{digest}\"\n");
    let name = sandbox.write("approvals.toml", person("Ada") + &person("Bob"));
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(sandbox.path().join(&name), private).expect("its mode is set");
    [words, &["--approvals".to_owned(), name]].concat()
}

/// The words of a run with a strategy that quotes at `sim`, kept in `out`.
pub fn quoting(sim: &Sim, out: &str, more: &[&str]) -> Vec<String> {
    running(sim, out, QUOTER, more)
}

/// Quotes at the best prices, a few times a second.
pub const QUOTER: &[&str] =
    &["--strategy", "top_of_book_quoter", "--param", "interval_ms=200", "--qty", "0.001"];

/// The words of a run at `sim` with the strategy that `what` names, kept in `out`.
pub fn running(sim: &Sim, out: &str, what: &[&str], more: &[&str]) -> Vec<String> {
    let market = ["live", "--feed", &sim.venue, "--symbols", "BTCUSDT", "--venue-url", &sim.url];
    // Where there are positions they are sold as well as bought.
    let account: &[&str] = if sim.has_positions() { &["--account", "margin"] } else { &[] };
    let words = [&market[..], what, account, &["--out", out], more].concat();
    // A lot of theirs is a thousandth: an order is to have parts.
    let sized = |word: &str| match word {
        "0.001" if sim.has_positions() => "0.004".to_owned(),
        "quantity=0.001" if sim.has_positions() => "quantity=0.004".to_owned(),
        "max_position=0.01" if sim.has_positions() => "max_position=0.04".to_owned(),
        _ => word.to_owned(),
    };
    words.into_iter().map(sized).collect()
}

/// The words of a quoting run with real orders.
pub fn trading(sandbox: &Sandbox, sim: &Sim, out: &str, more: &[&str]) -> Vec<String> {
    trading_with(sandbox, sim, out, QUOTER, more)
}

/// The words of a run with real orders and the strategy that `what` names.
pub fn trading_with(
    sandbox: &Sandbox,
    sim: &Sim,
    out: &str,
    what: &[&str],
    more: &[&str],
) -> Vec<String> {
    let keys = sim.write_keys(sandbox, "run.keys");
    let limits = write_limits(sandbox);
    let real = ["--live", "--durable", "disk", "--keys", &keys, "--risk-profile", &limits];
    approved(sandbox, &running(sim, out, what, &[&real, more].concat()))
}

/// Starts a run. What it says goes to a file.
pub fn start(sandbox: &Sandbox, words: &[String], log: &str) -> Process {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command = sandbox.command(&words);
    let log = fs::File::create(sandbox.path().join(log)).expect("a log");
    command.env("ENABLE_REAL_TRADING", "true").stdout(Stdio::piped()).stderr(log);
    Process(Some(command.spawn().expect("the program starts")))
}

/// The status of the run in `folder`, once there is one.
pub fn status(sandbox: &Sandbox, folder: &str) -> Option<Value> {
    let ended = sandbox.run(&["control", folder, "status", "--json"]);
    let document: Value = serde_json::from_str(&ended.out).ok()?;
    document.get("status").filter(|status| status.is_object()).cloned()
}

/// Waits until the status of the run in `folder` is as wanted.
pub fn until(sandbox: &Sandbox, folder: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    let mut last = None;
    while begun.elapsed() < Duration::from_secs(90) {
        last = status(sandbox, folder).or(last);
        if let Some(status) = last.as_ref().filter(|status| is_so(status)) {
            return status.clone();
        }
        sleep(Duration::from_millis(200));
    }
    panic!("not in time: {what}: {last:?}");
}

/// A path in the sandbox.
pub fn path(sandbox: &Sandbox, name: &str) -> PathBuf {
    sandbox.path().join(name)
}
