//! Webhooks out: every event of a tenant to the receivers that it has named, signed, at least once.

mod courier;
mod desk;
mod sign;

pub use courier::{Courier, Terms};
pub use desk::{MadeWebhook, WebhookDesk, WebhookError};
pub use sign::signature;
