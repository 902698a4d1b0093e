//! The HTML report of a run: one file that opens without a network.
//!
//! The page carries everything it needs: its style, its data, and the script of Plotly. Its
//! content security policy forbids any request and any script but its own two. Entry point:
//! [`render`].

mod bands;
mod breaks;
mod calibration;
mod cards;
mod charts;
mod depth;
mod execution;
mod figures;
mod heat;
mod money;
mod page;
mod price;
mod risk;
mod run_facts;
mod signals;
mod strategies;
mod table;
mod text;
mod thin;
mod trades;
mod warnings;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

use qt_data::series::BarSeries;

pub use page::render;

use crate::config::RunConfig;
use crate::report::result::ResultDocument;
use crate::run::RunOutcome;

/// Everything that a report tells about.
#[derive(Clone, Copy, Debug)]
pub struct ReportInput<'a> {
    /// What the run brought.
    pub outcome: &'a RunOutcome,
    /// The data of the run, one series per instrument, as it was given to the run.
    pub series: &'a [&'a BarSeries],
    /// The result as scripts read it: names, parameters, warnings, lists.
    pub document: &'a ResultDocument,
    /// The settings of the run.
    pub config: &'a RunConfig,
    /// The exact command line that reproduces the run.
    pub command: &'a str,
    /// The version of the program.
    pub version: &'a str,
    /// The date of the report in words. The report asks no clock, so the same run gives the same
    /// page. May be empty.
    pub generated_note: &'a str,
}
