//! What the thread of the pipeline asks of the system while a session runs: nothing but memory for
//! results that grow. Counted by `strace`, which needs no rights over a process of one's own;
//! without it there is nothing to see.

mod common;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use common::{QUOTER, Sandbox};

/// Calls by which an allocator gets memory and gives it back.
const MEMORY: &[&str] = &["mmap", "munmap", "mremap", "brk", "madvise", "mprotect"];

/// Seconds at the begin and at the end of the session that are left out.
const EDGE_S: f64 = 1.0;

fn has_strace() -> bool {
    let mut strace = Command::new("strace");
    let words = strace.args(["-f", "-o", "/dev/null", "true"]);
    let ended = words.stdout(Stdio::null()).stderr(Stdio::null()).status();
    ended.is_ok_and(|status| status.success())
}

/// Time and name of each call in a thread's trace: lines like `1700000000.123456 futex(...) = 0`.
/// Before it gives memory back the allocator of glibc reads a setting of the kernel, once: that
/// counts as one of its calls.
fn calls(trace: &str) -> Vec<(f64, &str)> {
    let (mut all, mut of_setting) = (Vec::new(), 0);
    for line in trace.lines() {
        let Some((time, rest)) = line.split_once(' ') else { continue };
        let (Ok(time), Some((name, words))) = (time.parse(), rest.split_once('(')) else {
            continue;
        };
        if words.contains("/proc/sys/vm/overcommit_memory") {
            of_setting = 2;
        } else if of_setting > 0 && ["read", "close"].contains(&name) {
            of_setting -= 1;
        } else {
            all.push((time, name));
            continue;
        }
        all.push((time, "madvise"));
    }
    all
}

#[test]
fn the_pipeline_asks_the_system_for_nothing_while_it_runs() {
    if !has_strace() {
        println!("skipped: there is no strace that may trace a process of ours");
        return;
    }
    let sandbox = Sandbox::new();
    let paced = ["live", "--feed", "synthetic", "--speed", "3000", "--wait", "spin", "-q"];
    let words = [&paced[..], &["--out", "session"], QUOTER].concat();
    let program = sandbox.command(&words);
    let traces = sandbox.path().join("traces");
    std::fs::create_dir(&traces).unwrap();
    let mut strace = Command::new("strace");
    strace.args(["-ff", "-qq", "-ttt", "-o"]).arg(traces.join("t")).arg(program.get_program());
    strace.args(program.get_args()).current_dir(sandbox.path());
    strace.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let ended = strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(ended.unwrap().success());
    let traced = std::fs::read_dir(&traces).unwrap().map(|entry| entry.unwrap().path());
    let texts: Vec<String> = traced.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let pipeline = texts.iter().find(|text| text.contains("PR_SET_NAME, \"pipeline\""));
    let calls = calls(pipeline.expect("the pipeline has a thread of its own"));
    let (first, last) = (calls[0].0, calls[calls.len() - 1].0);
    assert!(last - first > 3.0 * EDGE_S, "it ran for {} s", last - first);
    let mut counts = BTreeMap::new();
    for (_, name) in calls.iter().filter(|(at, _)| *at > first + EDGE_S && *at < last - EDGE_S) {
        *counts.entry(*name).or_insert(0_u32) += 1;
    }
    println!("{} calls in {:.1} s, of which in the middle {counts:?}", calls.len(), last - first);
    let others: Vec<_> = counts.iter().filter(|(name, _)| !MEMORY.contains(name)).collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(counts.values().sum::<u32>() < 200, "{counts:?}");
}
