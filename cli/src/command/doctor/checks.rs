//! The single checks of `doctor`.

use std::fs;
use std::io::IsTerminal;
use std::path::Path;
use std::process::Command;

use crate::app::Session;
use crate::bench::machine;
use crate::dataset::sample::SAMPLES;
use crate::output::number;
use crate::place::{DataDir, make_folder};
use crate::runs::Ledger;
use crate::version;

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Good,
    /// It works, but could be better.
    Note,
    /// It does not work.
    Broken,
}

impl State {
    /// The word for it in JSON.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Note => "note",
            Self::Broken => "fail",
        }
    }
}

/// One check.
#[derive(Debug)]
pub struct Finding {
    /// What was checked.
    pub name: &'static str,
    /// How it went.
    pub state: State,
    /// What was found.
    pub value: String,
    /// What to do about it.
    pub advice: Option<String>,
}

impl Finding {
    fn good(name: &'static str, value: impl Into<String>) -> Self {
        Self { name, state: State::Good, value: value.into(), advice: None }
    }

    fn note(name: &'static str, value: impl Into<String>, advice: &str) -> Self {
        let advice = Some(advice.to_owned());
        Self { name, state: State::Note, value: value.into(), advice }
    }

    fn broken(name: &'static str, value: impl Into<String>, advice: String) -> Self {
        Self { name, state: State::Broken, value: value.into(), advice: Some(advice) }
    }
}

/// All checks.
pub fn all(session: &Session) -> Vec<Finding> {
    let data_dir = DataDir::find();
    let mut all = vec![build(), cpu(), clock()];
    all.extend(governor());
    all.extend([memory(), load(session)]);
    all.push(data_folder(&data_dir));
    all.extend(space(&data_dir));
    all.extend([ledger(&data_dir), samples(), terminal(), cargo()]);
    all
}

fn build() -> Finding {
    let value = format!("{}, {}, {}", version::full(), version::PROFILE, version::RUSTC);
    if cfg!(debug_assertions) {
        return Finding::note("build", value, "a debug build is many times slower: use --release");
    }
    Finding::good("build", value)
}

fn cpu() -> Finding {
    let value = format!("{}, {} cores", machine::cpu_model(), machine::cores());
    Finding::good("processor", value)
}

fn clock() -> Finding {
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    let Some(source) = read(path) else {
        return Finding::good("clock", "the system's own");
    };
    let flags = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let steady = flags.contains("constant_tsc") && flags.contains("nonstop_tsc");
    let value = format!("{source}{}", if steady { ", steady time-stamp counter" } else { "" });
    if source == "tsc" || source == "arch_sys_counter" {
        return Finding::good("clock", value);
    }
    let advice = "reading the time is slow with this source; matters for live trading only";
    Finding::note("clock", value, advice)
}

fn governor() -> Option<Finding> {
    let governor = read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")?;
    if governor == "performance" {
        return Some(Finding::good("frequency", governor));
    }
    let advice = "measurements waver; for steady ones: cpupower frequency-set -g performance";
    Some(Finding::note("frequency", governor, advice))
}

fn memory() -> Finding {
    let Some((total, free)) = machine::memory() else {
        return Finding::good("memory", "unknown");
    };
    let value = format!("{}, {} free", number::bytes(total), number::bytes(free));
    if free < 1_000_000_000 {
        return Finding::note("memory", value, "a million bars need about 0.3 GB; close something");
    }
    Finding::good("memory", value)
}

fn load(session: &Session) -> Finding {
    let Some(load) = machine::load_average() else {
        return Finding::good("load", "unknown");
    };
    let value = format!("{load:.2}, this program uses {} threads", session.threads);
    if load > machine::cores() as f64 * 0.75 {
        return Finding::note("load", value, "other programs are at work: measurements will waver");
    }
    Finding::good("load", value)
}

fn data_folder(data_dir: &DataDir) -> Finding {
    let place = format!("{} ({})", data_dir.path.display(), data_dir.origin);
    let probe = data_dir.path.join(format!(".probe.{}", std::process::id()));
    let tried = make_folder(&data_dir.path)
        .map_err(|failure| failure.message)
        .and_then(|()| fs::write(&probe, b"probe").map_err(|error| error.to_string()));
    // The probe may not be there; then there is nothing to remove.
    let _ = fs::remove_file(&probe);
    match tried {
        Ok(()) => Finding::good("data folder", place),
        Err(what) => Finding::broken(
            "data folder",
            format!("{place}: {what}"),
            format!("set {} to a folder that you may write to", crate::place::DATA_DIR_VARIABLE),
        ),
    }
}

fn space(data_dir: &DataDir) -> Option<Finding> {
    let there = data_dir.path.ancestors().find(|folder| folder.exists())?;
    let output = Command::new("df").args(["-Pk"]).arg(there).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let free: u64 = text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    let value = format!("{} free", number::bytes(free * 1024));
    if free < 1_000_000 {
        return Some(Finding::note("disk", value, "less than 1 GB: imports may not fit"));
    }
    Some(Finding::good("disk", value))
}

fn ledger(data_dir: &DataDir) -> Finding {
    let opened = Ledger::open(&data_dir.ledger()).and_then(|mut ledger| {
        let count = ledger.count()?;
        ledger.close();
        Ok(count)
    });
    match opened {
        Ok(count) => Finding::good("run ledger", number::plural(count, "run")),
        Err(failure) => {
            let advice = failure.hint.clone().unwrap_or_else(|| "runs are not kept".to_owned());
            Finding::broken("run ledger", failure.message, advice)
        }
    }
}

fn samples() -> Finding {
    let missing: Vec<String> =
        SAMPLES.iter().filter_map(|sample| sample.path().err()).map(|e| e.message).collect();
    if missing.is_empty() {
        return Finding::good("samples", number::plural(SAMPLES.len() as u64, "data set"));
    }
    let advice = "neither the data folder nor the one for temporary files can be written to";
    Finding::broken("samples", missing.join("; "), advice.to_owned())
}

fn terminal() -> Finding {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let value = match (std::io::stdout().is_terminal(), set("NO_COLOR")) {
        (true, true) => "a terminal, without colours (NO_COLOR)",
        (true, false) => "a terminal",
        (false, _) => "not a terminal: no colours, no progress bars",
    };
    Finding::good("output", value)
}

fn cargo() -> Finding {
    let output = Command::new("cargo").arg("-V").output();
    let source = Path::new(version::SOURCE).is_dir();
    match output {
        Ok(output) if output.status.success() && source => {
            Finding::good("cargo", String::from_utf8_lossy(&output.stdout).trim())
        }
        Ok(_) if !source => Finding::note(
            "cargo",
            "the clone that this program was built from is gone",
            "strategies new needs one: --core PATH",
        ),
        _ => Finding::note(
            "cargo",
            "not found",
            "needed for strategies of your own only: https://rustup.rs",
        ),
    }
}

fn read(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
