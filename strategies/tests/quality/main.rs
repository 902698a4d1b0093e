//! How good a source of signals is: judged against a naive statement of the same rules, and by
//! what must hold whatever the signals are.

mod drift;
mod judged;
mod naive;
mod scores;
