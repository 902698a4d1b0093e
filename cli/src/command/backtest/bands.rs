//! The same run with kinder and with harsher fills.

use qt_backtest::bands::Band;
use qt_backtest::config::RunConfig;
use qt_backtest::report::bands::{BandEntry, BandsEntry};
use qt_backtest::run::RunOutcome;
use qt_backtest::simulator::Ended;

use crate::failure::Failure;
use crate::settings::RunPlan;

/// The runs around `neutral`, which was made as `plan` says, where it asks for them. `run` makes
/// one over the same data.
///
/// # Errors
/// What `run` says.
pub(super) fn around(
    plan: &RunPlan,
    on_books: bool,
    neutral: &RunOutcome,
    run: impl Fn(&RunConfig) -> Result<RunOutcome, Failure>,
) -> Result<Option<BandsEntry>, Failure> {
    if !plan.bands || neutral.ended == Ended::Interrupted {
        return Ok(None);
    }
    let capital = neutral.initial_equity;
    let make = |band: Band| {
        let outcome = run(&band.config(&plan.config, on_books))?;
        Ok::<_, Failure>(BandEntry::new(band, on_books, capital, &outcome))
    };
    let runs = [
        make(Band::Optimistic)?,
        BandEntry::new(Band::Neutral, on_books, capital, neutral),
        make(Band::Pessimistic)?,
    ];
    Ok(Some(BandsEntry::new(capital, runs)))
}
