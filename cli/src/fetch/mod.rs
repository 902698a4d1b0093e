//! Downloads of public archives of market data: what lies where, and how it comes here whole.

pub mod archive;
pub mod client;
pub mod download;
mod join;

pub use archive::{Period, Series};
pub use client::{Client, ClientOptions};
pub use download::{Got, download};
pub use join::join;
