//! Sessions on paper that begin with a state that they have kept, against the same sessions made
//! again from all of their journal.

mod cuts;
mod damage;
mod start;
mod world;
