//! Sessions on paper: equal to backtests, whatever happens to the process, and to be told apart
//! when anything is changed.

mod common;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{Ended, QUOTER, Sandbox};
use serde_json::Value;

struct Paper {
    sandbox: Sandbox,
    /// What the backtest of the same market gives.
    backtest: Value,
}

impl Paper {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        // The first session makes the market.
        let made = [&["live", "--feed", "synthetic", "--speed", "max", "--out", "made"], QUOTER];
        let first = sandbox.json(&made.concat());
        let data = market(&sandbox);
        let backtest = [&["backtest", "--data", data.to_str().unwrap()], QUOTER].concat();
        let backtest = sandbox.json(&backtest);
        assert_same(&first, &backtest);
        assert_told(&first["session"]);
        assert!(backtest["fills"].as_u64().unwrap() > 100, "{}", backtest["fills"]);
        Self { sandbox, backtest }
    }

    /// The words of a session that keeps its journal in `folder`.
    fn words<'a>(&self, folder: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&["live", "--feed", "synthetic", "--out", folder], QUOTER, more].concat()
    }

    fn start(&self, folder: &str, more: &[&str]) -> Child {
        let mut command = self.sandbox.command(&self.words(folder, more));
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        piped.spawn().expect("the program starts")
    }

    fn events_kept(&self, folder: &str) -> u64 {
        let journal = format!("{folder}/live.qtj");
        let ended = self.sandbox.run(&["journal", "verify", &journal, "--json"]);
        if ended.code == 0 { ended.document()["records"]["event"].as_u64().unwrap() } else { 0 }
    }

    /// Waits until the journal in `folder` has more than `events` events.
    fn wait_for(&self, folder: &str, events: u64) {
        let begun = Instant::now();
        while self.events_kept(folder) <= events {
            assert!(begun.elapsed() < Duration::from_secs(60), "no event more than {events}");
            sleep(Duration::from_millis(20));
        }
    }

    /// Goes on to the end, and holds what came of it against the backtest, by itself and by the
    /// program's own comparisons.
    fn finish(&self, folder: &str) {
        let last = self.sandbox.json(&self.words(folder, &["--speed", "max"]));
        assert_same(&last, &self.backtest);
        let journal = format!("{folder}/live.qtj");
        for command in ["parity", "replay"] {
            let found = self.sandbox.json(&[command, &journal]);
            assert_eq!(found["differences"], 0, "{found}");
            assert!(found["decisions"].as_u64().unwrap() > 1_000, "{found}");
        }
        let verified = self.sandbox.json(&["journal", "verify", &journal]);
        assert_eq!((&verified["is_whole"], &verified["is_ended"]), (&true.into(), &true.into()));
        let whole = self.sandbox.json(&["replay", &journal]);
        assert_eq!(whole["snapshots"], verified["records"]["snapshot"], "{whole}");
        let tail = self.sandbox.json(&["replay", &journal, "--from-snapshot"]);
        assert_eq!((&tail["differences"], &tail["state"]), (&0.into(), &whole["state"]));
    }

    /// The files of the flight recorder in `folder`.
    fn flights(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.sandbox.path().join(folder)).expect("it is there");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let names = names.map(|name| format!("{folder}/{}", name.to_string_lossy()));
        names.filter(|name| name.contains("flight-")).collect()
    }
}

/// What a session says of itself.
fn assert_told(session: &Value) {
    let stages = session["stages"].as_array().expect("a list of stages");
    for stage in stages {
        assert!(stage["count"].as_u64() > Some(0), "{session}");
        assert!(stage["p50_ns"].as_u64() <= stage["max_ns"].as_u64(), "{session}");
    }
    assert_eq!((stages.len(), &session["is_closed"]), (6, &true.into()), "{session}");
    assert!(session["journal"]["syncs"].as_u64() > Some(0), "{session}");
    assert!(session["feed"]["waits"].is_u64() && session["snapshot"]["bytes"].is_u64());
}

fn market(sandbox: &Sandbox) -> PathBuf {
    sandbox.path().join("data/synthetic/SYN-1.qtt")
}

fn assert_same(one: &Value, other: &Value) {
    for what in ["determinism_hash", "final_equity", "fills", "fills_list", "denials"] {
        assert_eq!(one[what], other[what], "{what}");
    }
}

/// How often a session is killed: more with QT_KILLS, for the long run.
fn kills() -> u32 {
    std::env::var("QT_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(50)
}

#[test]
fn a_session_killed_again_and_again_ends_as_its_backtest() {
    let paper = Paper::new();
    // Places that are not the same in any two runs, and yet the same in each run of the test.
    let mut dice = 0x9e37_79b9_u64;
    for round in 0..kills() {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let durable = if round % 2 == 0 { "memory" } else { "disk" };
        let mut child = paper.start("killed", &["--speed", "20000", "--durable", durable, "-q"]);
        sleep(Duration::from_millis(5 + (dice >> 33) % 150));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }
    let verified = paper.sandbox.run(&["journal", "verify", "killed/live.qtj"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    paper.finish("killed");
}

#[test]
fn a_session_that_is_stopped_goes_on_where_it_was() {
    let paper = Paper::new();
    for round in 0..2 {
        let before = paper.events_kept("stopped");
        let child = paper.start("stopped", &["--speed", "800"]);
        paper.wait_for("stopped", before);
        sleep(Duration::from_millis(200));
        let begun = Instant::now();
        let done = std::process::Command::new("kill").arg(child.id().to_string()).status();
        assert!(done.expect("there is a kill command").success());
        let ended = Ended::of(child.wait_with_output().expect("it ends"));
        assert_eq!(ended.code, 130, "{}", ended.err);
        assert!(begun.elapsed() < Duration::from_secs(5), "it stops in time");
        assert!(ended.err.contains("the same command goes on from there"), "{}", ended.err);
        let journal = "stopped/live.qtj";
        let verified = paper.sandbox.json(&["journal", "verify", journal]);
        assert_eq!((&verified["is_ended"], &verified["runs"]), (&true.into(), &(round + 1).into()));
        assert_eq!(paper.sandbox.json(&["parity", journal])["differences"], 0);
    }
    paper.finish("stopped");
}

#[test]
fn decisions_typed_at_a_session_are_kept_and_made_again() {
    let paper = Paper::new();
    let mut child = paper.start("typed", &["--speed", "800"]);
    paper.wait_for("typed", 0);
    let mut typed = child.stdin.take().expect("it reads what is typed");
    for word in ["kill", "nonsense", "arm", "pause", "resume", "close"] {
        sleep(Duration::from_millis(150));
        writeln!(typed, "{word}").expect("it listens");
    }
    sleep(Duration::from_millis(150));
    child.kill().expect("it can be killed");
    let ended = Ended::of(child.wait_with_output().expect("it ends"));
    assert!(ended.err.contains("\"nonsense\" is no command"), "{}", ended.err);
    let journal = "typed/live.qtj";
    let show = ["journal", "show", journal, "--kind", "event"];
    let shown = paper.sandbox.run(&show).out;
    let decisions: Vec<&str> = shown.lines().filter(|line| line.contains("by person 1")).collect();
    for text in ["nothing but cancels", "armed again", "paused", "resumed", "to be closed"] {
        assert_eq!(decisions.iter().filter(|line| line.contains(text)).count(), 1, "{text}");
    }
    // The kill has left what was before it.
    let flights = paper.flights("typed");
    assert_eq!(flights.len(), 1, "{}", ended.err);
    let flight = paper.sandbox.read(&flights[0]);
    assert!(flight.starts_with("# the kill switch was pulled\n"), "{flight}");
    assert!(flight.contains("nothing but cancels, by person 1"), "{flight}");
    // It goes on to its end with the decisions where they were.
    let words = paper.words("typed", &["--speed", "max"]);
    let last = paper.sandbox.json(&words);
    assert_ne!(last["determinism_hash"], paper.backtest["determinism_hash"]);
    for command in ["parity", "replay"] {
        assert_eq!(paper.sandbox.json(&[command, journal])["differences"], 0, "{command}");
    }
}

#[test]
fn another_strategy_is_caught_at_its_first_other_decision() {
    let paper = Paper::new();
    let found = |command: &str, param: &str| {
        let ended = paper.sandbox.run(&[command, "made/live.qtj", "--param", param, "--json"]);
        assert_eq!(ended.code, 1, "{}", ended.err);
        ended.document()
    };
    let other = found("parity", "offset_ticks=1");
    assert_eq!(
        (&other["first"]["cause"], &other["first"]["decision"]),
        (&"state".into(), &1.into())
    );
    // Equal for as long as the position stays below the smaller bound.
    let later = found("parity", "max_position=16");
    assert_eq!(later["first"]["cause"], "state");
    assert!(later["first"]["decision"].as_u64().unwrap() > 10, "{later}");
    assert!(later["first"]["before"].is_null(), "{later}");
    let replayed = found("replay", "max_position=16");
    assert!(replayed["differences"].as_u64().unwrap() > 0);
    // People are told as well.
    let told = paper.sandbox.run(&["parity", "made/live.qtj", "--param", "offset_ticks=1"]);
    for text in ["first: decision 1", "recorded", "cause     state"] {
        assert!(told.out.contains(text), "{text}: {}", told.out);
    }
}

#[test]
fn the_story_of_an_order_is_told() {
    let paper = Paper::new();
    let order = paper.backtest["fills_list"][0]["order_id"].to_string();
    let order = order.trim_matches('"');
    let told = paper.sandbox.run(&["journal", "explain", order, "made/live.qtj"]);
    assert_eq!(told.code, 0, "{}", told.err);
    for text in ["send SYN", "accepted", "filled", "ns"] {
        assert!(told.out.contains(text), "{text}: {}", told.out);
    }
    let none = paper.sandbox.run(&["journal", "explain", "999999999", "made/live.qtj"]);
    assert_eq!(none.code, 4, "{}", none.err);
    assert!(none.err.contains("journal show"), "{}", none.err);
}

#[test]
fn a_journal_of_another_run_and_a_damaged_one_are_refused() {
    let paper = Paper::new();
    let words = paper.words("made", &["--speed", "max", "--param", "offset_ticks=3"]);
    let other = paper.sandbox.run(&words);
    assert_eq!(other.code, 2, "{}", other.err);
    assert!(other.err.contains("a journal of its own"), "{}", other.err);
    let segment = paper.sandbox.path().join("made/live.qtj/segment-00000001.log");
    let mut bytes = std::fs::read(&segment).expect("the segment is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, bytes).expect("it can be written");
    let words = paper.words("made", &["--speed", "max"]);
    for words in [&words[..], &["journal", "verify", "made/live.qtj"], &["parity", "made/live.qtj"]]
    {
        let damaged = paper.sandbox.run(words);
        assert_eq!(damaged.code, 3, "{words:?}: {}", damaged.err);
        assert!(damaged.err.contains("damaged at byte"), "{words:?}: {}", damaged.err);
    }
    let nowhere = paper.sandbox.run(&["parity", "nothing.qtj"]);
    assert_eq!(nowhere.code, 3, "{}", nowhere.err);
}

#[test]
fn wrong_words_are_refused() {
    let sandbox = Sandbox::new();
    let refused = |more: &[&str], text: &str| {
        let words = [&["live", "--feed", "synthetic", "--out", "x", "--qty", "1"], more].concat();
        let ended = sandbox.run(&words);
        assert_eq!(ended.code, 2, "{more:?}: {}", ended.err);
        assert!(ended.err.contains(text), "{more:?}: {}", ended.err);
    };
    refused(&["--strategy", "top_of_book_quoter", "--speed", "-3"], "is no speed");
    refused(&["--strategy", "sma_cross"], "decides on bars");
    refused(&["--strategy", "top_of_book_quoter", "--close-at-end"], "with the positions");
    refused(&["--strategy", "top_of_book_quoter", "--bands"], "quanttrade backtest --bands");
    refused(
        &["--strategy", "top_of_book_quoter", "--pipeline-core", "4000"],
        "core 4000 is not there",
    );
}
