//! `docs/CLI.md` and the README against the program: every command, flag, default and field is on
//! the page, and nothing is on it that is not there.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use common::Sandbox;
use serde_json::Value;

/// Flags of other programs that the page names.
const FOREIGN: &[&str] = &["--release"];

/// A page of the repository.
fn page(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    fs::read_to_string(root.join(name)).expect("the page is there")
}

/// What the program's help says about one command.
struct Help {
    /// Its long flags, each with its default (empty for none).
    flags: BTreeMap<String, String>,
}

/// All commands by their words, from the help of each: `""` is the program itself.
fn commands(sandbox: &Sandbox) -> BTreeMap<String, Help> {
    let mut found = BTreeMap::new();
    let mut open = vec![String::new()];
    while let Some(path) = open.pop() {
        let mut words: Vec<&str> = path.split_whitespace().collect();
        words.push("-h");
        let help = sandbox.run(&words);
        assert_eq!(help.code, 0, "{path}: {}", help.err);
        let mut flags = BTreeMap::new();
        let mut section = "";
        for line in help.out.lines() {
            if !line.starts_with(' ') {
                section = line;
                continue;
            }
            let first = line.split_whitespace().next().unwrap_or_default();
            if section == "Commands:" && first != "help" && line.starts_with("  ") {
                open.push(format!("{path} {first}").trim().to_owned());
            } else if first.starts_with('-')
                && section.ends_with(':')
                && let Some(flag) = tokens(line).next()
            {
                let (_, rest) = line.split_once("[default: ").unwrap_or_default();
                flags.insert(flag, rest.split(']').next().unwrap_or_default().to_owned());
            }
        }
        found.insert(path, Help { flags });
    }
    found
}

/// The long flags in a text.
fn tokens(text: &str) -> impl Iterator<Item = String> + '_ {
    text.match_indices("--").filter_map(|(at, _)| {
        let before = text[..at].chars().next_back();
        let name: String = text[at + 2..]
            .chars()
            .take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-')
            .collect();
        let starts = before.is_none_or(|c| !c.is_alphanumeric() && c != '-');
        let is_flag = name.starts_with(|c: char| c.is_ascii_lowercase());
        (starts && is_flag).then(|| format!("--{}", name.trim_end_matches('-')))
    })
}

/// The command that the words of an example call, and the flags that follow.
fn called<'a>(line: &str, all: &'a BTreeMap<String, Help>) -> Option<(&'a str, Vec<String>)> {
    let words = line.trim().strip_prefix("quanttrade ")?;
    // Behind a lonely `--` stand the flags of another command.
    let words = words.split(" -- ").next().unwrap_or_default();
    let best = all.keys().filter(|path| {
        words == path.as_str() || words.starts_with(&format!("{path} ")) && !path.is_empty()
    });
    let path = best.max_by_key(|path| path.len())?;
    Some((path, tokens(words).collect()))
}

#[test]
fn every_command_and_flag_is_on_the_page() {
    let sandbox = Sandbox::new();
    let (all, text) = (commands(&sandbox), page("docs/CLI.md"));
    assert!(all.len() > 25, "the help was understood: {:?}", all.keys());
    let on_page: BTreeSet<String> = tokens(&text).collect();
    for (path, help) in &all {
        let is_group = all.keys().any(|other| other.starts_with(&format!("{path} ")));
        if !path.is_empty() && !is_group {
            assert!(text.contains(&format!("\n### `{path}`\n")), "no section on {path}");
            let example = text.lines().any(|line| called(line, &all).is_some_and(|c| c.0 == path));
            assert!(example, "no example of {path}");
        }
        for flag in help.flags.keys() {
            assert!(on_page.contains(flag), "{path} {flag} is not on the page");
        }
    }
}

#[test]
fn nothing_is_on_the_pages_that_is_not_there() {
    let sandbox = Sandbox::new();
    let all = commands(&sandbox);
    let known: BTreeSet<&str> =
        all.values().flat_map(|help| help.flags.keys()).map(String::as_str).collect();
    for name in
        ["docs/CLI.md", "docs/SEMANTICS.md", "docs/STRATEGIES.md", "docs/RISK.md", "README.md"]
    {
        let text = page(name);
        for flag in tokens(&text).filter(|flag| !FOREIGN.contains(&flag.as_str())) {
            assert!(known.contains(flag.as_str()), "{name}: there is no {flag}");
        }
        for line in text.lines().filter(|line| line.starts_with("    quanttrade ")) {
            let (path, flags) = called(line, &all).unwrap_or_else(|| panic!("{name}: {line}"));
            let help = &all[path];
            let wrong = flags.iter().find(|flag| !help.flags.contains_key(*flag));
            assert_eq!(wrong, None, "{name}: {line}");
        }
    }
}

#[test]
fn flags_and_defaults_stand_where_they_belong() {
    let sandbox = Sandbox::new();
    let (all, text) = (commands(&sandbox), page("docs/CLI.md"));
    // The flags of settings stand outside of the sections of commands.
    let mut help = &all["backtest"];
    let mut rows = 0;
    for line in text.lines() {
        if line.starts_with("## ") {
            help = &all["backtest"];
        }
        let command = line.strip_prefix("### `").and_then(|rest| rest.strip_suffix('`'));
        if let Some(command) = command {
            help = all.get(command).unwrap_or_else(|| panic!("there is no {command}"));
        }
        if !line.starts_with("| `--") {
            continue;
        }
        let cells: Vec<String> =
            line.replace("\\|", "/").split('|').map(|cell| cell.trim().to_owned()).collect();
        let flag = tokens(&cells[1]).next().unwrap_or_default();
        if ["--version", "--config", "--threads"].contains(&flag.as_str()) {
            continue;
        }
        rows += 1;
        let default = help.flags.get(&flag).unwrap_or_else(|| panic!("{flag} is not there"));
        assert_eq!(cells[2].trim_matches('`'), default, "the default of {flag}");
    }
    assert!(rows > 60, "{rows} rows were found");
}

#[test]
fn the_settings_file_on_the_page_is_whole_and_runs() {
    let sandbox = Sandbox::new();
    let text = page("docs/CLI.md");
    let (_, rest) = text.split_once("```toml\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let name_of = |line: &str| {
        let line = line.trim_start_matches("# ");
        line.split_once(" = ").map(|(name, _)| name.to_owned())
    };
    let names: BTreeSet<String> = example.lines().filter_map(name_of).collect();
    let shown = sandbox.json(&["config", "show"]);
    for setting in shown["settings"].as_object().expect("settings").keys() {
        let is_there = names.contains(setting) || example.contains(&format!("[{setting}]"));
        assert!(is_there, "{setting} is not in the example");
    }
    sandbox.write("quanttrade.toml", example);
    sandbox.json(&["backtest"]);
    // What is commented out is right too, one at a time.
    for line in example.lines().filter(|line| line.starts_with("# ") && line.contains(" = ")) {
        let name = sandbox.write("one.toml", line.trim_start_matches("# "));
        let shown = sandbox.json(&["config", "show", "--set", "--config", &name]);
        assert_eq!(shown["settings"].as_object().map(serde_json::Map::len), Some(1), "{line}");
    }
}

/// The names of the fields of a document, and of the documents in its lists and objects, but for
/// those in `open` objects, whose names are data.
fn fields(value: &Value, open: &[&str], into: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                into.insert(name.clone());
                if !open.contains(&name.as_str()) {
                    fields(inner, open, into);
                }
            }
        }
        Value::Array(list) => list.iter().take(3).for_each(|inner| fields(inner, open, into)),
        _ => {}
    }
}

#[test]
fn every_field_is_on_the_page() {
    let sandbox = Sandbox::new();
    let text = page("docs/CLI.md");
    let (_, text) = text.split_once("\n## JSON\n").expect("a part on JSON");
    let run = ["--data", "sample:SP500", "--strategy", "sma_cross"];
    let backtest = [&["backtest"][..], &run[..]].concat();
    let sweep =
        [&["sweep"][..], &run[..], &["--param", "fast=10,20", "--param", "slow=50,90"]].concat();
    let mut open = vec!["params", "denials", "settings", "metrics", "machine", "entries"];
    open.extend(["imported", "limits", "by_type", "endings", "fills_by"]);
    let bands = [&backtest[..], &["--bands"]].concat();
    for words in [
        &backtest[..],
        &bands[..],
        &sweep[..],
        &["data", "info", "sample:SP500"],
        &["data", "check", "sample:SP500"],
        &["data", "import", "sample:SP500", "--id", "a"],
        &["data", "list"],
        &["data", "export", "a", "--out", "a.csv"],
        &["data", "bars", "sample:MINUTE", "5m", "--out", "b.csv"],
        &["data", "generate", "bars", "--rows", "10", "--out", "c.csv"],
        &["data", "indicator", "a.csv", "SMA(5)"],
        &["data", "rm", "a", "--yes"],
        &["risk", "init", "--out", "limits.toml"],
        &["risk", "show", "limits.toml"],
        &["runs", "list"],
        &["runs", "show", "last"],
        &["runs", "compare", "last", "last"],
        &["runs", "rm", "last", "--yes"],
        &["doctor"],
        &["config", "show"],
        &["completions", "bash"],
    ] {
        let mut found = BTreeSet::new();
        fields(&sandbox.json(words), &open, &mut found);
        for field in found {
            assert!(text.contains(&format!("`{field}`")), "{words:?}: `{field}`");
        }
    }
    let mut found = BTreeSet::new();
    fields(&sandbox.json(&["strategies", "show", "macd"]), &[], &mut found);
    let missing = found.iter().find(|field| !text.contains(&format!("`{field}`")));
    assert_eq!(missing, None, "strategies show");
}

#[test]
fn the_excerpt_in_the_readme_is_what_the_demo_prints() {
    let sandbox = Sandbox::new();
    let text = page("README.md");
    let (_, rest) = text.split_once("```\n").expect("an excerpt");
    let (excerpt, _) = rest.split_once("```").expect("its end");
    let demo = sandbox.run(&["demo"]);
    assert!(excerpt.lines().count() > 10);
    for line in excerpt.lines().filter(|line| !line.trim().is_empty() && *line != "...") {
        assert!(demo.out.lines().any(|printed| printed == line), "not printed: {line}");
    }
}

#[test]
fn the_calendar_of_a_run_is_printed() {
    let sandbox = Sandbox::new();
    let words = ["backtest", "--data", "sample:SP500", "--strategy", "sma_cross"];
    assert!(sandbox.run(&words).out.contains("bars of 1d, calendar xnys, quality"));
    let given = [&words[..], &["--calendar", "24x7"]].concat();
    assert!(sandbox.run(&given).out.contains("bars of 1d, calendar 24x7, quality"));
}

#[test]
fn the_default_weight_is_shared_and_says_so() {
    let sandbox = Sandbox::new();
    assert!(sandbox.run(&["config", "show"]).out.contains("0.95, shared by all instruments"));
    let set = sandbox.run(&["config", "show", "--weight", "0.5"]).out;
    assert!(set.contains("0.5") && !set.contains("shared"), "{set}");
    let words = ["backtest", "--data", "A=sample:SP500", "--data", "B=sample:SP500"];
    let words = [&words[..], &["--strategy", "sma_cross"]].concat();
    assert!(sandbox.run(&words).out.contains("47.5 % of equity an entry (default)"));
    let given = [&words[..], &["--weight", "0.4"]].concat();
    assert!(sandbox.run(&given).out.contains("40 % of equity an entry\n"));
}

#[test]
fn warnings_on_trades_speak_of_trades() {
    let sandbox = Sandbox::new();
    sandbox.json(&["data", "generate", "trades", "--rows", "5000", "--out", "t.csv"]);
    let words = ["backtest", "--data", "t.csv", "--bars", "1m", "--strategy", "sma_cross"];
    let whole = sandbox.run(&[&words[..], &["--whole-fills"]].concat());
    assert!(whole.out.contains("the volume of the trade that was met"), "{}", whole.out);
    assert!(whole.out.contains("leave --whole-fills away"), "{}", whole.out);
    assert!(!whole.out.contains("of their bar"), "{}", whole.out);
    let parts = sandbox.run(&words);
    assert!(!parts.out.contains("larger than"), "{}", parts.out);
    let hold = ["backtest", "--data", "t.csv", "--bars", "1m", "--strategy", "buy_and_hold"];
    let closed = sandbox.run(&[&hold[..], &["--close-at-end"]].concat());
    assert!(closed.out.contains("--close-at-end closes whole positions"), "{}", closed.out);
    let at_close = sandbox.run(&[&words[..], &["--fill", "close"]].concat());
    assert!(at_close.out.contains("those decided on a bar fill at the next trade"));
    let prices = |ended: &common::Ended| ended.document()["fills_list"][0]["price"].clone();
    let close = [&words[..], &["--json", "--fill", "close"]].concat();
    let open = [&words[..], &["--json"]].concat();
    assert_eq!(prices(&sandbox.run(&close)), prices(&sandbox.run(&open)), "as the page says");
}
