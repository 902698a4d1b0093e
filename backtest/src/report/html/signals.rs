//! The sources of signals: what was heard of them, how good it was, and their calibration.

use qt_strategies::quality::{Bin, Interval};

use super::ReportInput;
use super::calibration;
use super::table::{Cell, Table, Tone, figures, words};
use super::text::{Sign, UNDEFINED, count, escape, number, percent, plural};
use crate::report::signals::{SignalsEntry, SourceEntry};

/// Sources that have a curve of their own; all of them are in the table.
const CURVES_MAX: usize = 6;

/// What stands above the section.
pub const NOTE: &str = "A claim is a signal that says buy or sell. It came true if the price went \
                        its way from when it was heard until its horizon, stop, target or the \
                        source's own change of mind; returns are before all costs, Sum \
                        is that of one unit on each claim. The interval is Wilson's, 95 per cent.";

/// The section; `None` for a run without signals.
#[must_use]
pub fn section(input: &ReportInput<'_>) -> Option<String> {
    let signals = input.document.signals.as_ref()?;
    let heard = signals.sources.iter().filter(|source| source.quality.judged > 0);
    let heard: Vec<&SourceEntry> = heard.collect();
    let mut body = format!("<p class=\"verdict\">{}</p>\n", escape(&came(signals)));
    body.push_str(&table(signals).html());
    if !heard.is_empty() {
        body.push_str("<h3>Calibration: confidence against what came true</h3>\n");
        body.push_str("<div class=\"curves\">\n");
        for source in heard.iter().take(CURVES_MAX) {
            body.push_str(&calibration::figure(&source.name, &source.quality));
        }
        body.push_str("</div>\n<h3>Decay with age</h3>\n");
        let note = "Mean return by the share of the horizon that was over, and what was left of \
                    it for one who came that late.";
        body.push_str(&format!("<p class=\"note\">{note}</p>\n"));
        body.push_str(&ages(&heard).html());
    }
    Some(body)
}

/// What came of the file.
fn came(of: &SignalsEntry) -> String {
    let mut text = format!(
        "{} of {}: {} heard in time",
        plural(of.read, "signal"),
        of.file.path,
        count(of.counts.used)
    );
    let counts = &of.counts;
    for (left, why) in [
        (of.elsewhere, "about other instruments"),
        (counts.expired, "expired on arrival"),
        (counts.not_approved, "expired before a human had decided"),
        (counts.after_end, "after the end of the run"),
    ] {
        if left > 0 {
            text.push_str(&format!(", {} {why}", count(left)));
        }
    }
    text + "."
}

/// A return; one that is shown as zero has no tone.
fn change(value: Option<f64>) -> Cell {
    let shown = value.filter(|value| value.abs() >= 0.000_05);
    Cell::toned(percent(value, Sign::Both), Tone::of(shown))
}

fn interval(of: Option<Interval>) -> String {
    let Some(of) = of else { return UNDEFINED.to_owned() };
    let whole = |share: f64| number(share * 100.0, 0, Sign::Minus);
    format!("{}% ({} to {})", whole(of.share), whole(of.low), whole(of.high))
}

fn table(of: &SignalsEntry) -> Table {
    let row = |source: &SourceEntry| {
        let quality = &source.quality;
        let brier = |part: fn(&qt_strategies::quality::Brier) -> f64| {
            let score = quality.brier.as_ref().map(part);
            score.map_or_else(|| UNDEFINED.to_owned(), |it| number(it, 3, Sign::Minus))
        };
        let drift = source.drifted_at.as_ref().map_or("no", |at| at.get(..10).unwrap_or(at));
        vec![
            Cell::new(source.name.clone()),
            Cell::new(count(source.counts.used)),
            Cell::new(count(quality.judged)),
            Cell::new(interval(quality.hit_rate)),
            Cell::new(percent(quality.mean_confidence, Sign::Minus)),
            Cell::new(brier(|it| it.score)),
            Cell::new(brier(|it| it.reliability)),
            Cell::new(brier(|it| it.resolution)),
            change(quality.mean_return),
            change((quality.judged > 0).then_some(quality.unit_profit)),
            Cell::new(drift),
        ]
    };
    Table {
        label: "Sources of signals".to_owned(),
        columns: vec![
            words("Source"),
            figures("Heard"),
            figures("Judged"),
            figures("Came true"),
            figures("Confidence"),
            figures("Brier"),
            figures("Reliability"),
            figures("Resolution"),
            figures("Mean return"),
            figures("Sum"),
            words("Drifted"),
        ],
        rows: of.sources.iter().map(row).collect(),
        is_long: of.sources.len() > 12,
    }
}

fn ages(sources: &[&SourceEntry]) -> Table {
    let mut columns = vec![words("Source")];
    let titles = ["10%", "20%", "30%", "40%", "50%", "60%", "70%", "80%", "90%", "100%"];
    columns.extend(titles.map(figures));
    let rows = sources.iter().flat_map(|source| {
        let line = |title: String, part: fn(&qt_strategies::quality::Age) -> Option<f64>| {
            let cells = source.quality.by_age.iter().map(|age| change(part(age)));
            std::iter::once(Cell::new(title)).chain(cells).collect()
        };
        let (by_then, left) = (source.name.clone(), format!("{}: left", source.name));
        [line(by_then, |age| age.mean_return), line(left, |age| age.mean_left)]
    });
    Table {
        label: "Mean return by age of the signal".to_owned(),
        columns,
        rows: rows.collect(),
        is_long: sources.len() > 6,
    }
}

/// What a bin says in words.
pub(super) fn bin_text(bin: &Bin) -> String {
    format!(
        "confidence {} to {}: {}, came true {}",
        number(bin.from, 1, Sign::Minus),
        number(bin.to, 1, Sign::Minus),
        plural(bin.count, "claim"),
        interval(bin.hit_rate)
    )
}
