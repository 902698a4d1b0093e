//! The quality gate: what is wrong with data, and how much of it may be trusted.
//!
//! Structural errors (rows that contradict themselves or each other) refuse the data; everything
//! else only lowers the score.

mod finding;
pub mod outliers;
mod report;
pub mod splits;
pub mod structure;

pub use finding::{EXAMPLES_MAX, Example, Finding, FindingKind, Findings};
pub use report::QualityReport;
pub use splits::SuspectedSplit;
