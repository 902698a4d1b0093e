//! A data set ten times the memory that is allowed replays within it.

use std::path::{Path, PathBuf};
use std::process::Command;

use qt_data::ticks::{Merge, MergeOptions, Verify};
use qt_types::Tick;

use crate::support::{level, write};

/// What the process may hold beside the files that it maps.
const RSS_ANON_BYTES_MAX: u64 = 16 << 20;
const DATA_BYTES: u64 = 10 * RSS_ANON_BYTES_MAX;
const FILES: u64 = 40;
/// Where the child finds the files: without it, it is not a child.
const FOLDER: &str = "QT_TEST_TICKS_FOLDER";

// Memory of this process that no file stands behind.
fn rss_anon_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? << 10)
}

fn paths(folder: &Path) -> Vec<PathBuf> {
    (0..FILES).map(|file| folder.join(format!("{file}.qtt"))).collect()
}

#[test]
fn ten_times_the_memory_replays() {
    if rss_anon_bytes().is_none() {
        println!("skipped: this system does not tell the anonymous memory of a process");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let records = (DATA_BYTES / FILES / 32) as i64;
    let mut bytes = 0;
    for (file, path) in paths(folder.path()).iter().enumerate() {
        // Half of them play at the same time, the others one after the other.
        let start = if file % 2 == 0 { 0 } else { file as i64 * records / 8 };
        let tick = |at: i64| (level(start + at, at, file as i64), start + at + 7);
        let ticks: Vec<(Tick, i64)> = (0..records).map(tick).collect();
        bytes += write(path, &format!("S{file}"), &ticks).bytes;
    }
    assert!(bytes >= DATA_BYTES, "{bytes}");
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "memory::child", "--nocapture"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{said}\n{}", String::from_utf8_lossy(&child.stderr));
    let number = |word: &str| -> u64 {
        let line = said.lines().find_map(|line| line.split(word).nth(1)).unwrap_or_default();
        line.split_whitespace().next().unwrap_or_default().parse().unwrap_or(0)
    };
    let (played, peak) = (number("played"), number("peak"));
    println!("{played} records of {bytes} bytes with {peak} bytes of anonymous memory");
    assert_eq!(played, (records as u64) * FILES);
    assert!(peak > 0 && peak < RSS_ANON_BYTES_MAX, "{peak} bytes");
}

#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let options = MergeOptions { verify: Verify::OnRead, ..MergeOptions::default() };
    let mut merge = Merge::<Tick>::new(&paths(Path::new(&folder)), &options).unwrap();
    let (mut played, mut peak, mut last, mut next) = (0_u64, 0, i64::MIN, 0);
    while let Some(run) = merge.next_run().unwrap() {
        for stamped in run.records {
            assert!(stamped.recv_ns >= last);
            last = stamped.recv_ns;
        }
        played += run.records.len() as u64;
        if played >= next {
            peak = peak.max(rss_anon_bytes().unwrap());
            next = played + 50_000;
        }
    }
    println!("played {played} peak {peak}");
}
