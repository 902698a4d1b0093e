//! `quanttrade kill`, `arm` and `risk` on a service that runs: it is found by itself.

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::{Ended, Sandbox};
use serde_json::Value;

/// A service in the data directory of a sandbox, on a port of its own.
struct Service {
    child: Child,
    port: String,
}

impl Service {
    fn start(sandbox: &Sandbox) -> Self {
        let mut child = sandbox
            .command(&["serve", "--json"])
            .env("PORT", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("it says where it is");
        let told: Value = serde_json::from_str(&line).expect("a document");
        let url = told["url"].as_str().expect("an address").trim_end_matches('/');
        let port = url.rsplit(':').next().expect("a port").to_owned();
        Self { child, port }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(sandbox: &Sandbox, port: &str, words: &[&str]) -> Ended {
    let mut command = sandbox.command(words);
    Ended::of(command.env("PORT", port).output().expect("the program starts"))
}

#[test]
fn the_owner_kills_confirms_twice_and_sets_limits() {
    let sandbox = Sandbox::new();
    let service = Service::start(&sandbox);
    let port = service.port.as_str();
    // A session that is begun by the first request has its limits a moment later.
    let began = Instant::now();
    let limit = ["risk", "set", "order_qty", "2", "--symbol", "AAPL", "--json"];
    let tight = loop {
        let ended = run(&sandbox, port, &limit);
        if ended.code == 0 || began.elapsed() > Duration::from_secs(20) {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(tight.code, 0, "{} {}", tight.out, tight.err);
    assert_eq!(tight.document()["version"], 2);
    let loose = run(&sandbox, port, &["risk", "set", "order_qty", "3", "--symbol", "AAPL"]);
    assert!(loose.out.contains("quanttrade risk agree "), "{} {}", loose.out, loose.err);
    let unknown = run(&sandbox, port, &["risk", "set", "no_such_limit", "1"]);
    assert_eq!(unknown.code, 5, "{}", unknown.err);
    assert!(unknown.err.contains("there is no such limit"), "{}", unknown.err);

    let killed = run(&sandbox, port, &["kill", "account", "--reason", "a test"]);
    assert_eq!((killed.code, killed.err.as_str()), (0, ""));
    assert!(killed.out.contains("nothing leaves any more"), "{}", killed.out);
    let status = run(&sandbox, port, &["risk", "status"]);
    assert!(status.out.contains("kill switch tripped: account"), "{}", status.out);
    let first = run(&sandbox, port, &["arm", "account", "--reason", "found", "--json"]);
    let told = first.document();
    assert_eq!((first.code, told["status"].as_str()), (0, Some("waiting")), "{told}");
    let soon = run(&sandbox, port, &["arm", "account", "--reason", "found"]);
    assert!(soon.out.contains("not before"), "10 seconds are to be thought: {}", soon.out);
    std::thread::sleep(Duration::from_millis(10_200));
    let second = run(&sandbox, port, &["arm", "account", "--reason", "found", "--json"]);
    assert_eq!(second.document()["status"], "armed", "{}", second.err);
    let proposal = loose.out.trim().rsplit(' ').next().expect("a number").to_owned();
    let agreed = run(&sandbox, port, &["risk", "agree", &proposal, "--json"]);
    assert_eq!(agreed.document()["version"], 3, "{}", agreed.err);
}

#[test]
fn what_is_not_there_is_said() {
    let sandbox = Sandbox::new();
    let nobody = run(&sandbox, "9", &["kill", "account", "--reason", "a test"]);
    assert_eq!(nobody.code, 1);
    assert!(nobody.err.contains("no owner.token is there"), "{}", nobody.err);
    let token = sandbox.write("token", "nothing\n");
    let words = ["kill", "account", "--reason", "a test", "--token-file", &token];
    let nobody = run(&sandbox, "9", &words);
    assert_eq!(nobody.code, 1);
    assert!(nobody.err.contains("no service answers"), "{}", nobody.err);
    let service = Service::start(&sandbox);
    let refused = run(&sandbox, &service.port, &words);
    assert_eq!(refused.code, 5, "{}", refused.err);
    assert!(refused.err.contains("401"), "{}", refused.err);
}
