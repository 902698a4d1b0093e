//! What a session says of itself at its end.

use qt_backtest::report::result::ResultDocument;
use qt_runtime::figures::SessionFigures;
use qt_runtime::stages::StageFigures;
use serde::Serialize;

use crate::app::Session;
use crate::command::backtest::{self, Finished};
use crate::failure::Failure;
use crate::output::{number, table};

/// The result of a backtest, and what is known of the session.
#[derive(Serialize)]
struct LiveDocument<'a> {
    #[serde(flatten)]
    result: &'a ResultDocument,
    session: &'a SessionFigures,
}

/// Prints the result and the figures of the session.
///
/// # Errors
/// When standard output cannot be written to.
pub fn show(
    finished: &Finished,
    figures: &SessionFigures,
    session: &Session,
) -> Result<(), Failure> {
    if session.out.verbose > 0 {
        session.out.detail(&text(figures));
    }
    if session.out.json {
        return session
            .out
            .document(&LiveDocument { result: &finished.document, session: figures });
    }
    backtest::show(finished, session)
}

fn text(figures: &SessionFigures) -> String {
    let header = ["stage", ">p50", ">p99", ">p99.9", ">max", ">timed"];
    let row = |of: &StageFigures| {
        let times = [of.p50_ns, of.p99_ns, of.p999_ns, of.max_ns];
        let times = times.map(|ns| if of.count > 0 { duration(ns) } else { "–".to_owned() });
        let [p50, p99, p999, max] = times;
        vec![of.stage.to_owned(), p50, p99, p999, max, number::count(of.count)]
    };
    let stages = table::table(&header, figures.stages.iter().map(row));
    let (journal, feed) = (&figures.journal, &figures.feed);
    let waits = format!(
        "{} waited for room in the ring, {} in the journal; the disk confirmed {} times",
        number::plural(feed.waits, "record"),
        number::count(journal.waits),
        number::count(journal.syncs),
    );
    let kept = figures.snapshot.as_ref().map_or_else(
        || "no state was kept".to_owned(),
        |kept| {
            format!(
                "the state after event {} was kept: {}",
                number::count(kept.event),
                number::bytes(kept.bytes)
            )
        },
    );
    let every = figures.timed_every;
    let timed =
        if every > 1 { format!("one record in {every} was timed\n") } else { String::new() };
    format!("{stages}\n{timed}{waits}\n{kept}")
}

/// A short time with its unit.
pub fn duration(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{:.1} us", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", ns as f64 / 1e6),
        _ => format!("{:.2} s", ns as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_the_unit_that_fits() {
        let texts = [999, 1_000, 2_500_000, 3_000_000_000].map(duration);
        assert_eq!(texts, ["999 ns", "1.0 us", "2.5 ms", "3.00 s"]);
    }
}
