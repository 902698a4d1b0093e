//! How good a source of signals is: what became of what it said, and what follows from that.
//!
//! A [`Claim`] is a signal that says up or down, with the price at which it was heard. [`judge`]
//! holds it against the prices that came after it; [`Quality`] is what many outcomes of one source
//! say together. Prices are integers of any one unit; shares, returns and scores are ratios, and
//! no money is made of them. Nothing here reads a clock or a file: a backtest and the service
//! judge by the same lines. `docs/QUALITY.md` has the formulas.

mod age;
mod brier;
mod calibration;
mod drift;
mod figures;
mod judge;
mod wilson;

pub use age::{AGES, Age};
pub use brier::Brier;
pub use calibration::{BINS, Bin};
pub use drift::{Cusum, Drift, DriftRule};
pub use figures::{Endings, Quality};
pub use judge::{Claim, Ending, Outcome, Span, Verdict, judge, last_close};
pub use wilson::{Interval, wilson};
