//! The gate of all controls: both sides of each limit, drills after disasters, and a slow gate
//! written by itself that must agree.

mod bounds;
mod bounds_money;
mod decisions;
mod differential;
mod drills;
mod flood;
mod foreign;
mod hostile;
mod kill;
mod nearest;
mod page;
mod pipeline;
mod reject;
mod rejects;
mod several;
mod sizing;
mod slow;
mod support;
mod tighten;
mod waiting;
