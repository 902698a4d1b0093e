//! Domain events on their way out: from the outbox to Redis Streams and to subscribers in this
//! process. At least once, and in the order of each tenant's commits.

pub mod bus;
pub mod outbox;
pub mod publisher;
pub mod redis_streams;

pub use bus::{Bus, Subscription};
pub use outbox::{Outbox, OutboxRow};
pub use publisher::{Publisher, PublisherState};
pub use redis_streams::{RedisStreams, StreamSettings};

use crate::domain::Envelope;
use qt_trading::Doing;

/// Where events go to.
pub trait Sink: Send + Sync {
    /// Hands a batch on, in its order. After an error any part of it may have arrived: the whole
    /// batch comes again.
    ///
    /// The error is a text for the log.
    fn publish<'a>(&'a self, batch: &'a [Envelope]) -> Doing<'a, Result<(), String>>;
}
