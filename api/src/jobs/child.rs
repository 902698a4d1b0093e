//! The process that a job is.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

/// How a process is started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// What it is told.
    pub arguments: Vec<String>,
    /// Where it works; everything it writes is there.
    pub folder: PathBuf,
    /// Processor time, seconds.
    pub cpu_seconds: u64,
    /// Memory, KiB.
    pub memory_kib: u64,
    /// Most bytes of its result.
    pub result_bytes_max: u64,
    /// The processor time that it took so far (ms), kept up while it runs.
    pub spent_ms: Arc<AtomicU64>,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// With a result.
    Done(Value),
    /// With an error that it told.
    Failed(String),
    /// It was stopped.
    Stopped,
}

/// Bytes of a line of progress that are looked at.
const LINE_MAX: u64 = 4_096;
/// Bytes of its words that are kept.
const WORDS_MAX: usize = 4_096;
/// How often the process is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A process that waits for something all the time is stopped after so many times its processor
/// time.
const WALL_FACTOR: u64 = 4;

/// Runs a process to its end; it blocks the thread meanwhile. Progress goes to `progress` (what is
/// not taken is dropped); when `stop` turns true the process is killed. Returns with its processor
/// time, in milliseconds.
pub fn run(
    launch: &Launch,
    progress: &mpsc::Sender<Value>,
    stop: &watch::Receiver<bool>,
) -> (Ended, u64) {
    let mut child = match spawn(launch) {
        Ok(child) => child,
        Err(error) => return (Ended::Failed(format!("the run could not be started: {error}")), 0),
    };
    let (out, err) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        let result = scope.spawn(|| out.map(|out| read_all(out, launch.result_bytes_max)));
        let words = scope.spawn(|| err.map(|err| read_lines(err, progress)));
        let (status, why, cpu_ms) = watch_over(&mut child, launch, stop);
        let result = result.join().ok().flatten();
        let words = words.join().ok().flatten();
        let ended = match why {
            Some(Why::Asked) => Ended::Stopped,
            Some(Why::Late) => Ended::Failed("the run took too long and was stopped".to_owned()),
            None => ended(status, result.as_deref(), words, launch),
        };
        (ended, cpu_ms)
    })
}

/// Why a process was killed.
enum Why {
    Asked,
    Late,
}

fn watch_over(
    child: &mut Child,
    launch: &Launch,
    stop: &watch::Receiver<bool>,
) -> (io::Result<std::process::ExitStatus>, Option<Why>, u64) {
    let processor = PathOfStat::new(child.id());
    let wall = Duration::from_secs(launch.cpu_seconds.saturating_mul(WALL_FACTOR));
    let began = Instant::now();
    let (mut cpu_ms, mut why) = (0, None);
    loop {
        // Before it is waited for: then nothing is left to be read.
        cpu_ms = processor.read_ms().unwrap_or(cpu_ms);
        launch.spent_ms.store(cpu_ms, Ordering::Relaxed);
        match child.try_wait() {
            Ok(Some(status)) => return (Ok(status), why, cpu_ms),
            Err(error) => return (Err(error), why, cpu_ms),
            Ok(None) => {}
        }
        if why.is_none() && *stop.borrow() {
            why = Some(Why::Asked);
        } else if why.is_none() && began.elapsed() > wall {
            why = Some(Why::Late);
        }
        if why.is_some() {
            // One that is gone already cannot be killed, which is as well.
            let _ = child.kill();
        }
        thread::sleep(LOOK_EVERY);
    }
}

fn ended(
    status: io::Result<std::process::ExitStatus>,
    result: Option<&[u8]>,
    words: Option<String>,
    launch: &Launch,
) -> Ended {
    let document: Option<Value> = result.and_then(|bytes| serde_json::from_slice(bytes).ok());
    match (status, document) {
        (Ok(status), Some(document)) if status.success() => Ended::Done(document),
        (Ok(status), document) => {
            let told = document.and_then(|document| told(&document));
            let told = told.or(words.filter(|words| !words.is_empty()));
            let told = told.map(|words| words.trim().to_owned());
            Ended::Failed(told.unwrap_or_else(|| match status.code() {
                Some(0) => "the result is too large or no JSON; ask for a shorter range".to_owned(),
                Some(code) => format!("the run ended with code {code} and said nothing"),
                None => format!(
                    "the run was stopped: it may use {} s of processor time and {} MiB of memory",
                    launch.cpu_seconds,
                    launch.memory_kib >> 10
                ),
            }))
        }
        (Err(error), _) => Ended::Failed(format!("the run was lost: {error}")),
    }
}

/// The message of a document that tells of an error.
fn told(document: &Value) -> Option<String> {
    let error = document.get("error")?;
    let message = error.as_str().or_else(|| error.get("message")?.as_str())?;
    let hint = error.get("hint").and_then(Value::as_str);
    Some(hint.map_or_else(|| message.to_owned(), |hint| format!("{message} ({hint})")))
}

fn spawn(launch: &Launch) -> io::Result<Child> {
    // Limits are set by a shell, which then becomes the program: no code of ours runs between fork
    // and exec. Nothing of the job reaches the shell as code: arguments follow as words.
    const LIMITS: &str =
        r#"ulimit -t "$1" && ulimit -d "$2" && ulimit -c 0 && shift 2 && exec "$@""#;
    Command::new("/bin/sh")
        .args(["-c", LIMITS, "sh"])
        .arg(launch.cpu_seconds.to_string())
        .arg(launch.memory_kib.to_string())
        .arg(&launch.program)
        .args(&launch.arguments)
        .current_dir(&launch.folder)
        // The service's keys are in its environment: a job sees none of it.
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("QUANTTRADE_DATA_DIR", launch.folder.join("data"))
        // It ends with this process, however that ends.
        .env("QUANTTRADE_ENDS_WITH", std::process::id().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

fn read_all(mut out: impl Read, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What could not be read is no JSON, which is told.
    let _ = (&mut out).take(most).read_to_end(&mut bytes);
    // The rest must be read all the same: a process with a full pipe would never end.
    let _ = io::copy(&mut out, &mut io::sink());
    bytes
}

/// Reads lines of progress, and returns the first other words.
fn read_lines(err: impl Read, progress: &mpsc::Sender<Value>) -> String {
    let mut lines = BufReader::new(err);
    let mut words = String::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut lines).take(LINE_MAX).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return words,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        match serde_json::from_str::<Value>(&text).ok().and_then(|line| shape(&line)) {
            // Nobody waits for progress: a later line says more.
            Some(shape) => drop(progress.try_send(shape)),
            None if words.len() < WORDS_MAX => {
                words.push_str(text.trim_start_matches("error: "));
            }
            None => {}
        }
    }
}

/// Progress as the service shows it.
fn shape(line: &Value) -> Option<Value> {
    let progress = line.get("progress")?;
    let number = |name: &str| progress.get(name).and_then(Value::as_f64);
    let (done, of, seconds) = (number("done")?, number("of")?, number("seconds")?);
    let rate = if seconds > 0.0 { done / seconds } else { 0.0 };
    let eta = if rate > 0.0 { ((of - done) / rate).max(0.0) } else { 0.0 };
    let fraction = if of > 0.0 { (done / of).clamp(0.0, 1.0) } else { 0.0 };
    let words = progress.get("words").and_then(Value::as_str).unwrap_or_default();
    let equity = words.strip_prefix("equity ").map(|text| text.replace([',', '\u{202f}'], ""));
    Some(json!({
        "fraction": fraction, "events": done, "events_per_second": rate.round(),
        "eta_seconds": eta, "equity": equity,
    }))
}

/// Where Linux tells the processor time of a process.
struct PathOfStat(PathBuf);

/// Clock ticks a second, which Linux shows everywhere as 100.
const TICKS_A_SECOND: u64 = 100;

impl PathOfStat {
    fn new(process: u32) -> Self {
        Self(Path::new("/proc").join(process.to_string()).join("stat"))
    }

    fn read_ms(&self) -> Option<u64> {
        let text = std::fs::read_to_string(&self.0).ok()?;
        // The name in brackets may hold anything; the fields after it are numbers.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
        Some((ticks(11)? + ticks(12)?) * 1_000 / TICKS_A_SECOND)
    }
}

/// Makes the folder of a job, empty.
///
/// # Errors
/// When it cannot be made.
pub fn fresh_folder(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::fs::create_dir_all(folder.join("data"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(script: &str, cpu_seconds: u64, stop: Option<Duration>) -> (Ended, Vec<Value>) {
        let folder = tempfile::tempdir().unwrap();
        let launch = Launch {
            program: "/bin/sh".into(),
            arguments: ["-c", script].map(str::to_owned).into(),
            folder: folder.path().to_owned(),
            cpu_seconds,
            memory_kib: 1 << 20,
            result_bytes_max: 1_000,
            spent_ms: Arc::default(),
        };
        let (to, mut progress) = mpsc::channel(64);
        let (stopper, stopped) = watch::channel(false);
        if let Some(after) = stop {
            thread::spawn(move || {
                thread::sleep(after);
                let _ = stopper.send(true);
            });
        }
        let (ended, _) = run(&launch, &to, &stopped);
        let mut shapes = Vec::new();
        while let Ok(shape) = progress.try_recv() {
            shapes.push(shape);
        }
        (ended, shapes)
    }

    #[test]
    fn a_result_and_progress_are_read_and_no_key_is_handed_on() {
        let script = r#"echo '{"progress":{"done":5,"of":10,"unit":"bars","seconds":1,
            "words":""}}' | tr -d '\n' >&2; echo >&2
            echo '{"progress":{"done":5,"of":10,"seconds":1,"words":"equity 1,234"}}' >&2
            printf '{"env":"%s"}' "$(env | cut -d= -f1 | sort | tr '\n' ' ')""#;
        let (ended, shapes) = play(script, 5, None);
        let Ended::Done(result) = ended else { panic!("{ended:?}") };
        let names: Vec<&str> = result["env"].as_str().unwrap().split_whitespace().collect();
        let ours = ["QUANTTRADE_DATA_DIR", "QUANTTRADE_ENDS_WITH"];
        let known = ["PATH", "PWD", "OLDPWD", "SHLVL", "_"];
        let known = [known.as_slice(), ours.as_slice()].concat();
        assert!(names.iter().all(|name| known.contains(name)), "{names:?}");
        assert_eq!(shapes.len(), 2);
        assert_eq!(shapes[1]["equity"], "1234");
        assert_eq!(shapes[1]["fraction"], 0.5);
        assert_eq!(shapes[1]["eta_seconds"], 1.0);
    }

    #[test]
    fn every_bad_end_is_told() {
        let failed = |ended: Ended| match ended {
            Ended::Failed(words) => words,
            other => panic!("{other:?}"),
        };
        let told = r#"echo '{"error":{"message":"no data","hint":"import some"}}'; exit 3"#;
        assert_eq!(failed(play(told, 5, None).0), "no data (import some)");
        let words = failed(play("echo 'error: broken' >&2; exit 1", 5, None).0);
        assert_eq!(words.trim(), "broken");
        let large = "head -c 100000 /dev/zero | tr '\\0' 1";
        assert!(failed(play(large, 5, None).0).contains("too large"));
        let busy = "while :; do :; done";
        assert!(failed(play(busy, 1, None).0).contains("1 s of processor time"));
        let (ended, _) = play("exec sleep 60", 60, Some(Duration::from_millis(50)));
        assert_eq!(ended, Ended::Stopped);
    }
}
