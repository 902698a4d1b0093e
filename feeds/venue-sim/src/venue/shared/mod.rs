//! What venues have in common: keys and signatures, JSON in its order, and what a plan makes of
//! frames, requests and reports whatever they look like.

pub(super) mod books;
pub(super) mod fates;
pub(super) mod frames;
pub(super) mod glasses;
pub(super) mod json;
pub(super) mod keys;
pub(super) mod later;
pub(super) mod lines;
pub(super) mod links;
pub(super) mod reports;
