//! The texts of a tenant's newest private events: each is made once, however many sockets are told.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use axum::extract::ws::Utf8Bytes;

use super::protocol::Channel;

/// So many are kept. A reader further behind has its own made.
const KEPT: usize = 64;

/// An event's number, the channel, and what is said there; nothing where it is none of that.
type Text = (u64, Channel, Option<Utf8Bytes>);

/// See the module.
#[derive(Debug, Default)]
pub struct Said(Mutex<VecDeque<Text>>);

impl Said {
    /// What is said of event `seq` in `channel`, by `make` where nobody was told of it yet.
    pub fn text(
        &self,
        seq: u64,
        channel: Channel,
        make: impl FnOnce() -> Option<Utf8Bytes>,
    ) -> Option<Utf8Bytes> {
        // Made under the lock: whoever wants the same waits, and has it then.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().rev().find(|text| (text.0, text.1) == (seq, channel));
        if let Some((.., text)) = known {
            return text.clone();
        }
        let text = make();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back((seq, channel, text.clone()));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_made_once_for_each_channel_and_old_ones_go() {
        let said = Said::default();
        let mut made = 0;
        let mut ask = |seq: u64, channel| {
            said.text(seq, channel, || {
                made += 1;
                (seq % 2 == 1).then(|| seq.to_string().into())
            })
        };
        for _ in 0..3 {
            assert_eq!(ask(1, Channel::Orders).as_deref(), Some("1"));
            assert_eq!(ask(2, Channel::Orders), None);
            assert_eq!(ask(1, Channel::Portfolio).as_deref(), Some("1"));
        }
        for seq in 3..3 + KEPT as u64 {
            ask(seq, Channel::Risk);
        }
        assert_eq!(ask(1, Channel::Orders).as_deref(), Some("1"));
        assert_eq!(made, 3 + KEPT + 1);
        assert_eq!(said.0.lock().unwrap().len(), KEPT);
    }
}
