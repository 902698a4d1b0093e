//! Rings between threads, how their readers and writers wait, and threads on cores of their own.
//!
//! Entry points: [`spsc`] and [`broadcast`] make a ring from a [`Setup`]; [`Producer`] and
//! [`Consumer`] are its two ends; [`Wait`] and [`Bell`] say how an end waits for the other;
//! [`Cores`] and [`Placement`] put threads on cores. Every ring has one writer. What happens when
//! a ring is full is for its owner to say: the ring refuses, and counts.
//!
//! May import: nothing of this workspace. Must not contain: anything of the domain, files,
//! sockets, policies for overload. The only crate of the workspace that may use unsafe code in
//! more than one place: the slots (`slots.rs`) and one system call (`fence.rs`).

#[cfg(not(loom))]
mod affinity;
mod bell;
mod consumer;
mod fence;
mod producer;
mod setup;
mod shared;
mod slots;
mod sync;

#[cfg(not(loom))]
pub use affinity::{Cores, Pinning, Placement, PlacementError, Refusal, Seat};
pub use bell::{Bell, Wait};
pub use consumer::Consumer;
pub use producer::{Closed, Full, Producer};
pub use setup::{ITEM_BYTES_MAX, Item, READERS_MAX, RING_BYTES_MAX, Setup, SetupError};
pub use setup::{broadcast, spsc};
