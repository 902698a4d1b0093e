//! The audit: who did what, append-only, each row bound to the one before by a hash.

pub mod chain;
pub mod entry;
pub mod head;
pub mod keeper;

pub use chain::{Finding, Verified};
pub use entry::{AuditEntry, AuditFilter, AuditRow, Audits};
pub use head::{HeadKeeper, Heads, SignedHead};
pub use keeper::{AuditError, verify};
