//! The sources of signals of a run, on the terminal.

use qt_backtest::report::result::ResultDocument;
use qt_backtest::report::signals::{SignalsEntry, SourceEntry};

use crate::output::{Ink, Output, number, table};

/// The table; `None` for a run without signals.
pub fn lines(document: &ResultDocument, out: &Output) -> Option<String> {
    let of = document.signals.as_ref()?;
    let header = [
        "source",
        ">heard",
        ">judged",
        ">came true",
        ">95 %",
        ">confidence",
        ">Brier",
        ">mean return",
        "drifted",
    ];
    let title = out.paint(Ink::Bold, "Signals");
    let table = table::table(&header, of.sources.iter().map(row));
    Some(format!("{title} {}\n{table}", out.paint(Ink::Dim, &came(of))))
}

/// What came of the file.
fn came(of: &SignalsEntry) -> String {
    let counts = &of.counts;
    let mut text =
        format!("{} heard of {} read", number::count(counts.used), number::count(of.read));
    for (left, why) in [
        (of.elsewhere, "about other instruments"),
        (counts.expired, "expired on arrival"),
        (counts.not_approved, "expired before a human had decided"),
        (counts.after_end, "after the end"),
    ] {
        if left > 0 {
            text.push_str(&format!(", {} {why}", number::count(left)));
        }
    }
    if counts.asked > 0 {
        text.push_str(&format!("; {} waited for a human", number::count(counts.asked)));
    }
    text
}

fn row(of: &SourceEntry) -> Vec<String> {
    let quality = &of.quality;
    let whole = |share: f64| format!("{:.0}", share * 100.0);
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let dash = || "-".to_owned();
    let rate = quality.hit_rate;
    vec![
        of.name.clone(),
        number::count(of.counts.used),
        number::count(quality.judged),
        rate.map_or_else(dash, |rate| percent(rate.share)),
        rate.map_or_else(dash, |rate| format!("{} to {}", whole(rate.low), whole(rate.high))),
        quality.mean_confidence.map_or_else(dash, percent),
        quality.brier.map_or_else(dash, |brier| format!("{:.3}", brier.score)),
        quality.mean_return.map_or_else(dash, |it| number::signed_percent(Some(it))),
        of.drifted_at.as_ref().map_or("no", |at| at.get(..10).unwrap_or(at)).to_owned(),
    ]
}
