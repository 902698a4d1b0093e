//! What is kept: repositories behind traits, for SQLite and for PostgreSQL.
//!
//! One file a resource says which rows there are and what can be done with them; [`sql`] does it.
//! A command takes an [`Actor`]: the change, its domain events and its row in the audit are one
//! transaction. A query takes the tenant. Every row belongs to one tenant, and no call can see two.
//! [`domain`] decides what may happen and what is told of it, [`audit`] chains who did what,
//! [`events`] carries what is told to the platform.
//!
//! May import: `trading`. Must not contain: HTTP, sessions.

pub mod accounts;
pub mod actor;
pub mod alerts;
pub mod audit;
pub mod backtests;
pub mod datasets;
pub mod domain;
pub mod error;
pub mod events;
pub mod history;
pub mod hitl;
pub mod idempotency;
pub mod kills;
pub mod leases;
pub mod limits;
pub mod observations;
pub mod orders;
pub mod outcomes;
pub mod page;
pub mod settings;
pub mod signals;
pub mod sources;
pub mod sql;
pub mod strategies;
pub mod webhooks;

pub use accounts::{Account, Accounts};
pub use actor::{Actor, PLATFORM};
pub use alerts::{AlertRow, Alerts};
pub use backtests::{BacktestRow, BacktestStatus, Backtests, NewBacktest};
pub use datasets::{DatasetRow, Datasets, NewDataset};
pub use error::StoreError;
pub use history::{DayRow, EquityPoint, PortfolioHistory};
pub use hitl::{
    AskControl, Decided, Hitl, HitlDecision, HitlFigures, HitlPolicy, HitlRequest, HitlStatus,
    HitlTerms, NewHitlDecision, NewHitlRequest, Urgency, Verdict,
};
pub use idempotency::{Answer, Begun, Idempotency};
pub use kills::{ArmProgress, ArmRule, ArmTerms, KillRow, Kills};
pub use leases::{Held, Leased, Leases};
pub use limits::{LimitAgreed, LimitProposal, LimitSet, Limits};
pub use observations::{ObservationRow, Observations};
pub use orders::{ExecutionFilter, OrderFilter, Orders, Projected, Record, Stream};
pub use outcomes::Outcomes;
pub use page::{Cursor, Page, Slice};
pub use settings::{Place, StoreSettings};
pub use signals::{
    NewSignal, SignalFilter, SignalKept, SignalRow, SignalSettled, SignalStatus, Signals,
};
pub use sources::{LateFallback, SourceBudget, SourceMode, SourceRow, Sources};
pub use sql::Store;
pub use strategies::{Strategies, StrategyFilter};
pub use webhooks::{
    DeliveryRow, DeliveryStatus, DueDelivery, NewWebhook, Tried, WebhookRow, Webhooks,
};

/// What a call to the store will answer.
pub type Kept<'a, T> = qt_trading::Doing<'a, Result<T, StoreError>>;
