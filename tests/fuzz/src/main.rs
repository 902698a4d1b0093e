//! `fuzz`: all parsers, for a time.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use qt_fuzz::target::{self, TARGETS, Target};
use qt_fuzz::watch::{Outcome, watch};
use qt_fuzz::work::{Order, work};

const USAGE: &str = "usage: fuzz [SECONDS] [--seed N] [--jobs N] [--keep DIR] [TARGET ...]
       fuzz replay TARGET FILE ...

Gives mutated inputs to every parser (or to each TARGET) for SECONDS in all (60), in child
processes with little memory. Panics, cases of more than a second and processes that end are
listed and kept in DIR; the exit code is then 1.";

struct Settings {
    seconds: f64,
    seed: u64,
    jobs: usize,
    keep: PathBuf,
    targets: Vec<&'static Target>,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.first().map(String::as_str) {
        Some("work") => child(&words[1..]),
        Some("replay") => replay(&words[1..]),
        Some("--help" | "-h") => Err(USAGE.to_owned()),
        _ => settings(&words).and_then(|settings| fuzz(&settings)),
    };
    match done {
        Ok(code) => code,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn settings(words: &[String]) -> Result<Settings, String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let keep = std::env::temp_dir().join("qt-fuzz");
    let mut settings = Settings { seconds: 60.0, seed: 1, jobs: cores, keep, targets: Vec::new() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value\n{USAGE}"));
        match word.as_str() {
            "--seed" => settings.seed = number(value()?)?,
            "--jobs" => settings.jobs = number(value()?)?,
            "--keep" => settings.keep = PathBuf::from(value()?),
            text => match (target::find(text), text.parse()) {
                (Some(target), _) => settings.targets.push(target),
                (None, Ok(seconds)) => settings.seconds = seconds,
                (None, Err(_)) => return Err(unknown(text)),
            },
        }
    }
    if settings.targets.is_empty() {
        settings.targets = TARGETS.iter().collect();
    }
    Ok(settings)
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("'{text}' is no number\n{USAGE}"))
}

fn unknown(name: &str) -> String {
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    format!("there is no target '{name}'; there are: {}\n{USAGE}", names.join(", "))
}

fn fuzz(settings: &Settings) -> Result<ExitCode, String> {
    std::fs::create_dir_all(&settings.keep)
        .map_err(|error| format!("{}: cannot be made: {error}", settings.keep.display()))?;
    let jobs = settings.jobs.clamp(1, settings.targets.len());
    let rounds = settings.targets.len().div_ceil(jobs) as f64;
    let share = Duration::try_from_secs_f64(settings.seconds / rounds)
        .map_err(|_| format!("{} are no seconds\n{USAGE}", settings.seconds))?;
    let (next, clean) = (AtomicUsize::new(0), Mutex::new(Ok(true)));
    println!("{:<10} {:>12} {:>10} {:>8}  found", "target", "cases", "cases/s", "peak MB");
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(target) = settings.targets.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let outcome = watch(target, settings.seed, share, &settings.keep);
                    let Ok(mut clean) = clean.lock() else { return };
                    match outcome {
                        Ok(outcome) => {
                            show(target, &outcome);
                            *clean = clean.clone().map(|clean| clean && outcome.found.is_empty());
                        }
                        Err(error) => *clean = Err(format!("{}: {error}", target.name)),
                    }
                }
            });
        }
    });
    let clean = clean.into_inner().unwrap_or_else(|_| Err("a thread broke".to_owned()))?;
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(target: &Target, outcome: &Outcome) {
    println!(
        "{:<10} {:>12} {:>10.0} {:>8}  {}",
        target.name,
        outcome.cases,
        outcome.cases as f64 / outcome.seconds,
        outcome.peak_kilobytes / 1_024,
        outcome.found.len()
    );
    let mut shown: Vec<&str> = Vec::new();
    for found in &outcome.found {
        // The same once is enough.
        if !shown.contains(&found.what.as_str()) {
            println!("  case {}: {} ({})", found.case, found.what, found.file.display());
            shown.push(&found.what);
        }
    }
}

fn child(words: &[String]) -> Result<ExitCode, String> {
    let [name, seed, from, count, millis, step] = words else { return Err(USAGE.to_owned()) };
    let target = target::find(name).ok_or_else(|| unknown(name))?;
    let order = Order {
        seed: number(seed)?,
        from: number(from)?,
        count: number(count)?,
        time: Duration::from_millis(number(millis)?),
        step: step == "1",
    };
    work(target, order).map_err(|error| error.to_string())?;
    Ok(ExitCode::SUCCESS)
}

fn replay(words: &[String]) -> Result<ExitCode, String> {
    let [name, files @ ..] = words else { return Err(USAGE.to_owned()) };
    let target = target::find(name).ok_or_else(|| unknown(name))?;
    for file in files {
        let bytes = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
        let begin = std::time::Instant::now();
        (target.run)(&bytes, Path::new("/dev/shm/AAPL_2012-06-21"));
        println!("{file}: {} bytes, {} us", bytes.len(), begin.elapsed().as_micros());
    }
    Ok(ExitCode::SUCCESS)
}
