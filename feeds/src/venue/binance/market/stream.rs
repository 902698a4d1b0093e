//! The subscriptions of one link: what is asked for, how fast, and what was said yes to.

use std::collections::VecDeque;

use qt_types::Nanos;

use super::profile::Profile;
use crate::machine::Link;
use crate::pace::Rolling;

/// Streams that are asked for with one message.
const TOPICS_PER_MESSAGE: usize = 100;
/// How long an answer may take.
const ANSWER_NS: i64 = 10_000_000_000;
/// A second, and a little: the venue's is not ours.
const SECOND_NS: i64 = 1_100_000_000;

/// How a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Wanted,
    Live,
    Refused,
}

/// Subscribe to, or unsubscribe from, topics.
#[derive(Clone, Debug)]
struct Ask {
    is_on: bool,
    topics: Vec<u16>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) link: Link,
    pub(super) opened_ns: Option<Nanos>,
    /// When the last sign of life came, or it was begun.
    pub(super) heard_ns: Nanos,
    /// When the last answer came.
    answered_ns: Nanos,
    topics: Vec<Standing>,
    /// Those of all topics that are asked for here.
    own: Vec<u16>,
    queue: VecDeque<Ask>,
    asked: Vec<(u32, Nanos, Ask)>,
    pacer: Rolling,
    next_id: u32,
}

/// What became of a refusal.
pub(super) enum Refusal {
    /// Each of the topics is asked for by itself.
    Split,
    /// The venue does not have this one.
    Topic(u16),
    /// It was about nothing that was asked.
    Nothing,
}

impl Stream {
    /// A link that is being made, for `own` of all `topics`.
    pub(super) fn new(
        link: Link,
        topics: usize,
        own: &[u16],
        profile: &Profile,
        now_ns: Nanos,
    ) -> Self {
        // Pongs count too.
        let messages = profile.messages.saturating_sub(1);
        Self {
            link,
            opened_ns: None,
            heard_ns: now_ns,
            answered_ns: now_ns,
            topics: vec![Standing::Wanted; topics],
            own: own.to_vec(),
            queue: VecDeque::new(),
            asked: Vec::new(),
            pacer: Rolling::new(messages, SECOND_NS),
            next_id: 1,
        }
    }

    /// The link stands: everything is to be subscribed to.
    pub(super) fn opened(&mut self, now_ns: Nanos) {
        self.opened_ns = Some(now_ns);
        self.heard_ns = now_ns;
        let asks = self.own.chunks(TOPICS_PER_MESSAGE);
        self.queue.extend(asks.map(|topics| Ask { is_on: true, topics: topics.to_vec() }));
    }

    /// The next message to be sent at `now_ns`, where there is one.
    ///
    /// # Errors
    /// When it is too early for it: the time from which on it may be sent.
    pub(super) fn message(
        &mut self,
        names: &[String],
        now_ns: Nanos,
    ) -> Result<Option<Vec<u8>>, Nanos> {
        if self.opened_ns.is_none() || self.queue.is_empty() {
            return Ok(None);
        }
        self.pacer.take(now_ns)?;
        let Some(ask) = self.queue.pop_front() else { return Ok(None) };
        let method = if ask.is_on { "SUBSCRIBE" } else { "UNSUBSCRIBE" };
        let params: Vec<&str> = ask
            .topics
            .iter()
            .filter_map(|at| names.get(usize::from(*at)))
            .map(String::as_str)
            .collect();
        let id = self.next_id;
        self.next_id += 1;
        let message = serde_json::json!({ "method": method, "params": params, "id": id });
        self.asked.push((id, now_ns, ask));
        Ok(Some(message.to_string().into_bytes()))
    }

    /// What was asked with `id` is done: the topics that are live from now on.
    pub(super) fn done(&mut self, id: u32, now_ns: Nanos) -> Vec<u16> {
        let Some(ask) = self.take(Some(id)) else { return Vec::new() };
        self.answered_ns = now_ns;
        if !ask.is_on {
            return Vec::new();
        }
        for topic in &ask.topics {
            self.topics[usize::from(*topic)] = Standing::Live;
        }
        ask.topics
    }

    /// What was asked with `id`, or what was asked first, was refused.
    pub(super) fn refused(&mut self, id: Option<u32>, now_ns: Nanos) -> Refusal {
        let Some(ask) = self.take(id) else { return Refusal::Nothing };
        self.answered_ns = now_ns;
        match ask.topics[..] {
            _ if !ask.is_on => Refusal::Nothing,
            [topic] => {
                self.topics[usize::from(topic)] = Standing::Refused;
                Refusal::Topic(topic)
            }
            _ => {
                let single = |topic| Ask { is_on: true, topics: vec![topic] };
                self.queue.extend(ask.topics.into_iter().map(single));
                Refusal::Split
            }
        }
    }

    fn take(&mut self, id: Option<u32>) -> Option<Ask> {
        let at = match id {
            Some(id) => self.asked.iter().position(|(of, ..)| *of == id)?,
            None if self.asked.is_empty() => return None,
            None => 0,
        };
        Some(self.asked.remove(at).2)
    }

    /// Subscribes to `topic` again.
    pub(super) fn again(&mut self, topic: u16) {
        for is_on in [false, true] {
            self.queue.push_back(Ask { is_on, topics: vec![topic] });
        }
    }

    /// The topics that the venue said yes to.
    pub(super) fn live(&self) -> Vec<u16> {
        let all = self.topics.iter().zip(0..);
        all.filter(|(standing, _)| **standing == Standing::Live).map(|(_, at)| at).collect()
    }

    /// Whether everything was answered, and since when.
    pub(super) fn complete_ns(&self) -> Option<Nanos> {
        let is_complete =
            self.opened_ns.is_some() && self.queue.is_empty() && self.asked.is_empty();
        is_complete.then_some(self.answered_ns)
    }

    /// The time by which the oldest question must be answered.
    pub(super) fn answer_due_ns(&self) -> Option<Nanos> {
        self.asked.first().map(|(_, at_ns, _)| at_ns.saturating_add_ns(ANSWER_NS))
    }
}
