//! What a run says of its signals, against the naive way: each one by itself, with all that come
//! after it.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use qt_backtest::run::run;
use qt_backtest::signals::{SignalPlan, SignalsOutcome};
use qt_data::signals::SignalFile;
use qt_data::stamp::iso_text;

use crate::harness::Case;

/// When the first bar opens, ns; each is 100 long.
const BASE: i64 = 10_000_000_000;
const ACTIONS: [&str; 4] = ["buy", "sell", "hold", "close"];

struct Idle;

impl qt_engine::Strategy for Idle {}

#[derive(Clone, Copy, Debug)]
struct Said {
    /// From the first bar's open on, ns.
    at: i64,
    source: usize,
    action: usize,
    /// How long it holds, and until when it may be heard.
    holds: i64,
    expires: i64,
}

impl Said {
    fn is_heard(&self, end: i64) -> bool {
        self.at <= end && self.at < self.expires
    }

    fn side(&self) -> i64 {
        [1, -1, 0, 0][self.action]
    }
}

fn line(number: usize, said: &Said) -> String {
    // The horizon is one second, counted from the issue.
    let issued = BASE + said.at + said.holds - 1_000_000_000;
    format!(
        "{{\"arrived_at\":\"{}\",\"source\":\"s{}\",\"signal\":{{\"schema_version\":1,\
         \"signal_id\":\"n{number}\",\"symbol\":\"{}\",\"action\":\"{}\",\"confidence\":0.7,\
         \"horizon_seconds\":1,\"issued_at\":\"{}\",\"expires_at\":\"{}\"}}}}\n",
        iso_text(BASE + said.at),
        said.source,
        "SYMBOL",
        ACTIONS[said.action],
        iso_text(issued),
        iso_text(BASE + said.expires),
    )
}

/// Judged, hits, open and unseen of each source.
fn naive(closes: &[i64], all: &[Said]) -> [[u64; 4]; 3] {
    let end = closes.len() as i64 * 100;
    let price = |at: i64| (at >= 100).then(|| closes[(at / 100) as usize - 1]);
    let mut counts = [[0; 4]; 3];
    for (place, said) in all.iter().enumerate() {
        if said.side() == 0 || !said.is_heard(end) {
            continue;
        }
        let is_over = |it: &&Said| {
            it.source == said.source
                && it.is_heard(end)
                && (it.side() == -said.side() || ACTIONS[it.action] == "close")
        };
        let back = all[place + 1..].iter().find(is_over).map_or(i64::MAX, |it| it.at);
        let until = (said.at + said.holds).min(back);
        let count = &mut counts[said.source];
        match price(said.at) {
            Some(_) if said.holds > 0 && until > end => count[2] += 1,
            // Another close has come by its end.
            Some(before) if said.holds > 0 && until / 100 > said.at / 100 => {
                let after = price(until).unwrap();
                count[0] += 1;
                count[1] += u64::from((after - before) * said.side() > 0);
            }
            _ => count[3] += 1,
        }
    }
    counts
}

fn outcome(closes: &[i64], all: &[Said]) -> SignalsOutcome {
    let bars: Vec<[i64; 4]> =
        closes.iter().map(|close| [*close, close + 1, (close - 1).max(1), *close]).collect();
    let mut case = Case::new(&bars);
    for bar in &mut case.series[0].bars {
        (bar.open_ns, bar.close_ns) = (bar.open_ns + BASE, bar.close_ns + BASE);
    }
    let symbol = case.series[0].spec.symbol().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("signals.jsonl");
    let mut text = String::new();
    for (number, said) in all.iter().enumerate() {
        write!(text, "{}", line(number, said).replace("SYMBOL", &symbol)).unwrap();
    }
    std::fs::write(&path, text).unwrap();
    let file = Arc::new(SignalFile::read(&path).unwrap());
    case.config.signals = SignalPlan { file, latency: None, approval: None };
    case.config.look_back = true;
    let series: Vec<_> = case.series.iter().collect();
    let stop = AtomicBool::new(false);
    let out = run(&case.config, &series, Box::new(Idle), &stop, &mut |_, _| {}).unwrap();
    out.signals.unwrap()
}

fn said() -> impl Strategy<Value = Said> {
    let parts = (0_i64..3_300, 0_usize..3, 0_usize..4, -50_i64..900, -40_i64..400);
    parts.prop_map(|(at, source, action, holds, left)| Said {
        at,
        source,
        action,
        holds,
        expires: at + left,
    })
}

proptest! {
    #[test]
    fn each_signal_is_judged_as_by_itself(
        closes in prop::collection::vec(2_i64..60, 1..30),
        mut all in prop::collection::vec(said(), 0..40),
    ) {
        // A file is in the order of arrival.
        all.sort_by_key(|said| said.at);
        let of = outcome(&closes, &all);
        let mut wanted = naive(&closes, &all);
        for source in &of.sources {
            let number: usize = source.name[1..].parse().unwrap();
            let quality = &source.quality;
            let found = [quality.judged, quality.hits, source.open, source.unseen];
            prop_assert_eq!(found, wanted[number], "{}", source.name);
            wanted[number] = [0; 4];
            let counts = source.counts;
            let parts = counts.expired + counts.used + counts.after_end + counts.not_approved;
            prop_assert_eq!(counts.told, parts);
        }
        prop_assert_eq!(wanted, [[0; 4]; 3], "a source that nothing was said of");
        prop_assert_eq!(of.read, all.len() as u64);
        prop_assert_eq!(of.counts().told, of.read);
    }
}
