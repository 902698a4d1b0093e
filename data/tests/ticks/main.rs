//! The tick store and the importers, from outside: round trips, damage, merging, memory, every
//! format by hand and by its real files, arbitrary bytes.

mod book;
mod damage;
mod databento;
mod export;
mod formats;
mod hostile;
mod itch;
mod lobster;
mod memory;
mod merge;
mod real;
mod recordings;
mod store;
mod support;
mod times;
