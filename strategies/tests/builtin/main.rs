//! The built-in strategies: every one against its rule computed anew from the whole history, and
//! what all of them must have in common.

mod contract;
mod desk;
mod naive;
mod oracle;
mod pairs;
mod rules;
mod walk;
