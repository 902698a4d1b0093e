//! How fast, how often and how late: what every venue's machine needs to know about time. Nothing
//! here looks at a clock.

mod backoff;
mod offset;
mod rolling;
mod silence;
mod window;

pub use backoff::Backoff;
pub use offset::ClockOffset;
pub use rolling::Rolling;
pub use silence::{Silence, Verdict};
pub use window::{Budget, Window};
