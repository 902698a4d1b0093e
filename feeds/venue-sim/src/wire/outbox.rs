//! What waits to leave over one connection: bytes in order, with a bound. Whoever has something
//! to say appends to it and never waits for a socket; the connection's own task writes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::frames::{self, Opcode};

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// What waits is written, then the connection is closed in order.
    AfterAll,
    /// What waits is written, then the connection is reset.
    ResetAfterAll,
    /// At once, whatever waits.
    Now,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    end: Option<End>,
    /// Nothing leaves any more, and nothing says so.
    is_silent: bool,
    /// Bytes in all, for whoever watches the memory.
    waiting_max: usize,
}

/// The bytes that wait for one connection.
#[derive(Debug)]
pub struct Outbox {
    state: Mutex<State>,
    wake: Notify,
    /// More than this must not wait when something is appended.
    bytes_max: usize,
}

impl Outbox {
    /// One that holds so many bytes for a client that does not read.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self { state: Mutex::default(), wake: Notify::new(), bytes_max }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held; bytes that wait are as good as before in any case.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        if state.is_silent || state.end.is_some() {
            return;
        }
        if state.bytes.len() > self.bytes_max {
            // A client that does not read must not cost memory without bound.
            state.bytes = Vec::new();
            state.end = Some(End::Now);
        } else {
            write(&mut state.bytes);
            state.waiting_max = state.waiting_max.max(state.bytes.len());
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Appends one whole text frame.
    pub fn text(&self, payload: &[u8]) {
        self.append(|bytes| frames::encode(Opcode::Text, true, payload, bytes));
    }

    /// Appends one frame.
    pub fn frame(&self, opcode: Opcode, is_last: bool, payload: &[u8]) {
        self.append(|bytes| frames::encode(opcode, is_last, payload, bytes));
    }

    /// Appends bytes as they are.
    pub fn raw(&self, raw: &[u8]) {
        self.append(|bytes| bytes.extend_from_slice(raw));
    }

    /// Appends a close frame and ends the connection behind it.
    pub fn close(&self, code: u16, reason: &str) {
        self.append(|bytes| frames::encode_close(code, reason, bytes));
        self.end(End::AfterAll);
    }

    /// Ends the connection; the first end counts, but a later [`End::Now`] hurries it.
    pub fn end(&self, end: End) {
        let mut state = self.state();
        if state.end.is_none() || end == End::Now {
            state.end = Some(end);
        }
        drop(state);
        self.wake.notify_one();
    }

    /// From here on nothing leaves, and the connection stays open.
    pub fn silence(&self) {
        self.state().is_silent = true;
    }

    /// Whether it has been silenced.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.state().is_silent
    }

    /// Whether what is appended will leave: it is neither silenced nor at its end.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        let state = self.state();
        !state.is_silent && state.end.is_none()
    }

    /// How many bytes wait, and how many have at most.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        let state = self.state();
        (state.bytes.len(), state.waiting_max)
    }

    /// Moves what waits into `into`, which is empty, and tells whether the connection ends.
    pub(super) fn take(&self, into: &mut Vec<u8>) -> Option<End> {
        let mut state = self.state();
        std::mem::swap(&mut state.bytes, into);
        state.end
    }

    /// Whether the connection is to end whatever waits.
    pub(super) fn ends_now(&self) -> bool {
        self.state().end == Some(End::Now)
    }

    /// Waits until something was appended or the connection is to end.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_read_is_cut_off_and_keeps_nothing() {
        let outbox = Outbox::new(100);
        for _ in 0..1000 {
            outbox.text(&[b'x'; 50]);
        }
        let mut bytes = Vec::new();
        assert_eq!(outbox.take(&mut bytes), Some(End::Now));
        assert!(bytes.is_empty() && outbox.waiting().1 <= 160, "{:?}", outbox.waiting());
    }

    #[test]
    fn nothing_follows_the_end_and_nothing_leaves_in_silence() {
        let outbox = Outbox::new(100);
        outbox.close(1001, "going away");
        outbox.text(b"too late");
        let mut bytes = Vec::new();
        assert_eq!(outbox.take(&mut bytes), Some(End::AfterAll));
        assert!(bytes.ends_with(b"going away"));
        let outbox = Outbox::new(100);
        outbox.silence();
        outbox.text(b"unheard");
        bytes.clear();
        assert_eq!(outbox.take(&mut bytes), None);
        assert!(bytes.is_empty());
    }
}
