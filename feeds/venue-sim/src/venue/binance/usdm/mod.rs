//! Binance USD-M futures: what differs from the spot market in calls, shapes, codes and the events
//! of accounts. The market's streams are the same but for some fields, which the shapes know.

mod account;
mod calls;
mod codes;
mod history;
mod info;
mod listen;
mod listing;
mod public;
mod shapes;
mod trading;

pub(super) use calls::CALLS;
pub(super) use listen::Users;
pub(super) use listing::{SYMBOLS, settings};
pub(super) use public::mark_event;
pub(super) use shapes::{account_event, report};
