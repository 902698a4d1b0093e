//! Risk controls and sizing: the gate that every order passes.
//!
//! May import: `qt-types`, `qt-engine`. Must not contain: clocks, files, sockets, threads, random
//! numbers. Entry points: [`RiskGate`], every control over the limits of a [`Profile`] (the table
//! is [`CONTROLS`]), and [`AccountGate`], the account alone.

mod account;
mod adjust;
mod ask;
mod build;
mod control;
mod evaluate;
mod exposure_check;
mod foreign;
mod gate;
mod kelly;
mod keys;
mod kill;
mod kill_desk;
mod limits;
mod loss_check;
mod lowest;
mod measure;
mod operate;
mod parent_check;
mod position_check;
mod price_check;
mod profile;
mod quick;
mod rates;
mod reference;
mod reject;
mod repeat_check;
mod reservation;
mod reserve;
mod review;
mod risk_gate;
mod seen;
mod self_trade_check;
mod settle;
mod setup;
mod shape_check;
mod size_check;
mod sizing;
mod standing_check;
mod state;
mod tally;
mod tightest;
mod unit;
mod volatility;
mod watch;
mod window;

pub use account::Account;
pub use adjust::{EITHER_WAY, NotAdjusted};
pub use build::{Build, may_go_live};
pub use control::{Applies, CONTROLS, Control, ControlRow};
pub use foreign::ForeignOrder;
pub use gate::AccountGate;
pub use kelly::{KELLY_TRADES_MIN, kelly_e9};
pub use keys::{KEYS, Key, KeyRow};
pub use kill::{KillBoard, KillState, Target};
pub use kill_desk::{
    ArmRefusal, ControlAction, ControlEvent, ControlLog, KillDesk, MemoryLog, Person, Request,
    TenantOf,
};
pub use limits::{DUPLICATES_MAX, Limit, LimitSet, MONEY_OFF, RECENT_MAX, read_limit, text_of};
pub use lowest::Lowest;
pub use measure::{Failure, Headroom, SHARE_OFF_BPS};
pub use operate::PARENTS_MAX;
pub use profile::{Allowed, Profile, ProfileName, commented};
pub use reference::{Reference, ReferenceSource};
pub use reject::{Reject, RejectContext, Retry};
pub use review::{Change, Toothless, change, is_approved, largest_order_e9, toothless};
pub use risk_gate::{Denial, PENDING_MAX, RiskGate};
pub use setup::{AccountSetup, MachineTrip, Setup, StrategySetup};
pub use sizing::{Odds, Sizing};
pub use state::{Identity, Session};
pub use tally::Level;
pub use unit::{Holder, Unit};
pub use volatility::Prices;
