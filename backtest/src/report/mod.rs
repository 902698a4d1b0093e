//! What a run is told as: the result document, the tables, the HTML report.

pub mod bands;
pub mod currency;
pub mod execution;
pub mod html;
pub mod parents;
pub mod result;
pub mod risk;
pub mod signals;
pub mod strategies;
pub mod tables;
