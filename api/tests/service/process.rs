//! The program as it is started: a process of its own, whose memory and files are its alone.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::place::{Way, binary};

/// So long a start, and an end, may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// As many files as may be open, and cores of any size: what is left out, the program leaves out.
const SCRIPT: &str = r#"ulimit -c unlimited; ulimit -n "$(ulimit -Hn)"; exec "$0" "$@""#;

/// `quanttrade serve`.
pub struct Process {
    child: Child,
    folder: TempDir,
    pub address: SocketAddr,
}

/// The command that starts it, in `folder`, with `given` as its whole environment.
fn command(folder: &Path, given: &[(&str, &str)]) -> Command {
    let data = folder.join("data");
    let usual = [("PORT", "0"), ("HOST", "127.0.0.1"), ("QUANTTRADE_DATA_DIR", text(&data))];
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SCRIPT]).arg(binary()).arg("serve").current_dir(folder).env_clear();
    command.envs(usual).envs(given.iter().copied()).stdin(Stdio::null());
    command.stdout(File::create(folder.join("out")).expect("a file"));
    command.stderr(File::create(folder.join("log")).expect("a file"));
    command
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

fn listens(words: &str) -> Option<SocketAddr> {
    words.split_once("http://")?.1.split_once('/')?.0.parse().ok()
}

/// How a start ends that cannot be meant, and all that was said of it.
pub fn refused(given: &[(&str, &str)]) -> (ExitStatus, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let child = command(folder.path(), given).spawn().expect("a process");
    let mut process = Process { child, folder, address: ([127, 0, 0, 1], 0).into() };
    let status = process.wait();
    (status, process.said())
}

impl Process {
    /// It, once it listens.
    pub async fn start(given: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let child = command(folder.path(), given).spawn().expect("a process");
        let mut process = Self { child, folder, address: ([127, 0, 0, 1], 0).into() };
        let begun = Instant::now();
        loop {
            let said = fs::read_to_string(process.folder().join("out")).unwrap_or_default();
            if let Some(address) = listens(&said) {
                process.address = address;
                return process;
            }
            let has_ended = process.child.try_wait().expect("it is a child").is_some();
            let is_late = begun.elapsed() > PATIENCE;
            assert!(!has_ended && !is_late, "it does not listen: {}", process.said());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Where it runs: its data, its output, and what it leaves behind.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its output and its log.
    pub fn said(&self) -> String {
        let read = |name: &str| fs::read(self.folder().join(name)).unwrap_or_default();
        let bytes = [read("out"), read("log")].concat();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The way of its owner, where it has one.
    pub fn of_owner(&self) -> Way {
        let file = self.folder().join("data/owner.token");
        let token = fs::read_to_string(file).expect("the owner's token");
        self.with(token.trim())
    }

    /// The way of somebody with this token.
    pub fn with(&self, token: &str) -> Way {
        Way { address: self.address, prefix: "", token: token.to_owned() }
    }

    fn proc(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.child.id()))
    }

    /// What the system says of it.
    pub fn status(&self, name: &str) -> String {
        fs::read_to_string(self.proc(name)).expect("it runs")
    }

    /// Files, sockets and pipes that it has open.
    pub fn files(&self) -> usize {
        fs::read_dir(self.proc("fd")).expect("it runs").count()
    }

    fn memory_kib(&self, name: &str) -> u64 {
        let status = self.status("status");
        let lines = status.lines().filter_map(|line| line.split_once(':'));
        let all: BTreeMap<&str, &str> = lines.collect();
        let number = all[name].trim().trim_end_matches(" kB");
        number.parse().expect("a number")
    }

    /// Memory that it has.
    pub fn resident_kib(&self) -> u64 {
        self.memory_kib("VmRSS")
    }

    /// The most memory that it had since [`Self::forget_peak`].
    pub fn peak_kib(&self) -> u64 {
        self.memory_kib("VmHWM")
    }

    /// The most memory counts from here on.
    pub fn forget_peak(&self) {
        fs::write(self.proc("clear_refs"), "5").expect("its peak is forgotten");
    }

    /// Sends it a signal, and waits for its end.
    pub fn end(&mut self, signal: &str) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().expect("kill").success());
        self.wait()
    }

    fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it is a child") {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end: {}", self.said());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
