//! The parent: starts children with little memory, notices when one stops or ends, and finds the
//! case that did it.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::cases::Cases;
use crate::target::Target;
use crate::work::Order;

/// A child that says nothing for so long hangs. One case may take a second, and a machine under
/// load several times that.
const SILENCE: Duration = Duration::from_secs(20);
/// Findings of a target after which it is left alone.
const FOUND_MAX: usize = 25;
/// Cases that are run one by one to find the one that ends a process.
const STEP_CASES: u64 = 1 << 20;

/// A case that is wrong.
#[derive(Clone, Debug)]
pub struct Found {
    /// The number of the case.
    pub case: u64,
    /// What happened.
    pub what: String,
    /// Where its bytes were put.
    pub file: PathBuf,
}

/// What became of a target.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Cases that were run.
    pub cases: u64,
    /// How long they took, in seconds.
    pub seconds: f64,
    /// The most memory of a process, in kilobytes.
    pub peak_kilobytes: u64,
    /// What was wrong.
    pub found: Vec<Found>,
}

/// How a child ended.
enum End {
    Done,
    /// It said nothing for too long.
    Silent,
    /// It ended by itself: no memory, no stack, an abort.
    Died(String),
}

/// One child's story.
struct Told {
    /// The case it began last, as far as it said.
    at: u64,
    /// Cases that panicked or were slow.
    wrong: Vec<(u64, String)>,
    peak_kilobytes: u64,
    end: End,
}

/// Runs `target` for `time` on cases of `seed`; inputs that are wrong are put into `keep`.
///
/// # Errors
/// When a child cannot be started or an input cannot be kept.
pub fn watch(target: &Target, seed: u64, time: Duration, keep: &Path) -> io::Result<Outcome> {
    let cases = Cases::new(target, seed);
    let clock = Instant::now();
    let (mut outcome, mut at) = (Outcome::default(), 0);
    while outcome.found.len() < FOUND_MAX {
        let left = time.saturating_sub(clock.elapsed());
        if left.is_zero() {
            break;
        }
        let order = Order { seed, from: at, count: u64::MAX, time: left, step: false };
        let told = listen(target, order)?;
        let mut wrong = told.wrong;
        at = told.at;
        outcome.peak_kilobytes = outcome.peak_kilobytes.max(told.peak_kilobytes);
        if !matches!(told.end, End::Done) {
            let order = Order { count: STEP_CASES, time: SILENCE * 3, step: true, ..order };
            let stepped = listen(target, Order { from: at, ..order })?;
            at = stepped.at + 1;
            let what = match stepped.end {
                End::Done => "a process ended, but its last cases do not end one again".to_owned(),
                End::Silent => format!("no answer for {} s", SILENCE.as_secs()),
                End::Died(how) => how,
            };
            wrong.push((stepped.at, what));
        }
        for (case, what) in wrong {
            let file = keep.join(format!("{}-{seed}-{case}", target.name));
            std::fs::write(&file, cases.bytes(case))?;
            outcome.found.push(Found { case, what, file });
        }
    }
    outcome.cases = at;
    outcome.seconds = clock.elapsed().as_secs_f64();
    Ok(outcome)
}

fn listen(target: &Target, order: Order) -> io::Result<Told> {
    let mut child = start(target, order)?;
    let lines = lines(&mut child);
    let mut told = Told { at: order.from, wrong: Vec::new(), peak_kilobytes: 0, end: End::Silent };
    let mut done = false;
    loop {
        match lines.recv_timeout(SILENCE) {
            Ok(line) => done |= take(&line, &mut told),
            Err(RecvTimeoutError::Timeout) => {
                child.kill()?;
                child.wait()?;
                return Ok(told);
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = child.wait()?;
    told.end = if done { End::Done } else { End::Died(format!("the process ended: {status}")) };
    Ok(told)
}

/// Takes a line in; whether it is the last one.
fn take(line: &str, told: &mut Told) -> bool {
    let mut words = line.splitn(3, ' ');
    let (kind, number) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (Ok(number), rest) = (number.parse::<u64>(), words.next().unwrap_or_default()) else {
        return false;
    };
    match kind {
        "at" => told.at = number,
        "panic" => told.wrong.push((number, rest.to_owned())),
        "slow" => told.wrong.push((number, format!("took {rest} ms"))),
        "done" => {
            told.at = number;
            told.peak_kilobytes = rest.parse().unwrap_or(0);
            return true;
        }
        _ => {}
    }
    false
}

fn start(target: &Target, order: Order) -> io::Result<Child> {
    let millis = u64::try_from(order.time.as_millis()).unwrap_or(u64::MAX);
    let numbers = [order.seed, order.from, order.count, millis, u64::from(order.step)];
    // The shell sets the limit, since this program has no way to set one for itself.
    Command::new("sh")
        .args(["-c", "ulimit -v \"$0\" && exec \"$@\""])
        .arg((target.megabytes * 1_024).to_string())
        .arg(std::env::current_exe()?)
        .args(["work", target.name])
        .args(numbers.map(|number| number.to_string()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
}

fn lines(child: &mut Child) -> Receiver<String> {
    let (sender, receiver) = channel();
    if let Some(out) = child.stdout.take() {
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
    }
    receiver
}
