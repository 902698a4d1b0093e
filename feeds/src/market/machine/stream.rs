//! The subscriptions of one link: what is asked for, how fast, and what was said yes to.

use std::collections::VecDeque;

use qt_types::Nanos;

use super::profile::Profile;
use super::protocol::Asking;
use crate::machine::Link;
use crate::pace::Rolling;

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
    /// When the venue wants to hear something again.
    ping_ns: Nanos,
    topics: Vec<Standing>,
    /// Those of all topics that are asked for here.
    own: Vec<u16>,
    queue: VecDeque<Ask>,
    asked: Vec<(u32, Nanos, Ask)>,
    pacer: Rolling,
    /// The same of what subscribes and unsubscribes, where that is limited too.
    asks: Option<Rolling>,
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

/// The names of all topics.
#[derive(Clone, Copy)]
pub(super) struct Names<'a>(pub(super) &'a [String]);

impl<'a> Names<'a> {
    fn of(self, topic: u16) -> &'a str {
        self.0.get(usize::from(topic)).map_or("", String::as_str)
    }

    /// Whether `topic` is called `name`, or is about an instrument of that name.
    fn is(self, topic: u16, name: &str) -> bool {
        let known = self.of(topic);
        known == name || known.split_once(' ').is_some_and(|(_, symbol)| symbol == name)
    }
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
            ping_ns: Nanos::MAX,
            topics: vec![Standing::Wanted; topics],
            own: own.to_vec(),
            queue: VecDeque::new(),
            asked: Vec::new(),
            pacer: Rolling::new(messages, SECOND_NS),
            asks: profile.asks.map(|(count, length_ns)| Rolling::new(count, length_ns)),
            next_id: 1,
        }
    }

    /// The link stands: everything is to be subscribed to.
    pub(super) fn opened(&mut self, profile: &Profile, names: Names<'_>, now_ns: Nanos) {
        self.opened_ns = Some(now_ns);
        self.heard_ns = now_ns;
        self.ping_ns =
            profile.ping_ns.map_or(Nanos::MAX, |every_ns| now_ns.saturating_add_ns(every_ns));
        let group = |topic: &u16| profile.protocol.group(names.of(*topic));
        let mut own = self.own.clone();
        own.sort_by_key(group);
        for together in own.chunk_by(|one, two| group(one) == group(two)) {
            let asks = together.chunks(profile.streams_at_once.max(1));
            self.queue.extend(asks.map(|topics| Ask { is_on: true, topics: topics.to_vec() }));
        }
    }

    /// The next message to be sent at `now_ns`, where there is one.
    ///
    /// # Errors
    /// When it is too early for it: the time from which on it may be sent.
    pub(super) fn message(
        &mut self,
        profile: &Profile,
        names: Names<'_>,
        now_ns: Nanos,
    ) -> Result<Option<Vec<u8>>, Nanos> {
        if self.opened_ns.is_none() {
            return Ok(None);
        }
        if now_ns >= self.ping_ns
            && let (Some(every_ns), Some(ping)) = (profile.ping_ns, profile.protocol.ping())
        {
            self.pacer.take(now_ns)?;
            self.ping_ns = now_ns.saturating_add_ns(every_ns);
            return Ok(Some(ping.into_bytes()));
        }
        if self.queue.is_empty() {
            return if self.ping_ns < Nanos::MAX { Err(self.ping_ns) } else { Ok(None) };
        }
        if let Some(asks) = &self.asks {
            asks.check(now_ns).map_err(|until_ns| until_ns.min(self.ping_ns))?;
        }
        self.pacer.take(now_ns)?;
        if let Some(asks) = &mut self.asks {
            asks.take(now_ns)?;
        }
        let Some(ask) = self.queue.pop_front() else { return Ok(None) };
        let topics: Vec<&str> = ask.topics.iter().map(|topic| names.of(*topic)).collect();
        let (is_on, id) = (ask.is_on, self.next_id);
        self.next_id += 1;
        let message = profile.protocol.ask(&Asking { is_on, topics: &topics, id });
        self.asked.push((id, now_ns, ask));
        Ok(Some(message.into_bytes()))
    }

    /// What was asked with `id` is done: the topics that are live from now on.
    pub(super) fn done(&mut self, id: u32, now_ns: Nanos) -> Vec<u16> {
        let Some(ask) = self.take(Some(id)) else { return Vec::new() };
        self.answered_ns = now_ns;
        if ask.is_on { self.live_from_now(ask.topics) } else { Vec::new() }
    }

    fn live_from_now(&mut self, topics: Vec<u16>) -> Vec<u16> {
        for topic in &topics {
            self.topics[usize::from(*topic)] = Standing::Live;
        }
        topics
    }

    /// The subscription of the topic `name` began, or ended: whether one is live from now on.
    pub(super) fn done_of(
        &mut self,
        is_on: bool,
        name: &str,
        names: Names<'_>,
        now_ns: Nanos,
    ) -> Vec<u16> {
        let has = |ask: &Ask| {
            ask.is_on == is_on && ask.topics.iter().any(|topic| names.of(*topic) == name)
        };
        let Some(at) = self.asked.iter().position(|(.., ask)| has(ask)) else { return Vec::new() };
        self.answered_ns = now_ns;
        let topics = self.taken(at, |topic| names.of(topic) == name);
        if is_on { self.live_from_now(topics) } else { Vec::new() }
    }

    /// These are all subscriptions: those that are live from now on.
    pub(super) fn stands(&mut self, all: &[String], names: Names<'_>, now_ns: Nanos) -> Vec<u16> {
        let stands = |topic: u16| all.iter().any(|name| name == names.of(topic));
        // What is to end first has not begun again yet.
        let mut ending: Vec<u16> = Vec::new();
        let (mut live, mut at) = (Vec::new(), 0);
        while at < self.asked.len() {
            let is_on = self.asked[at].2.is_on;
            let before = self.asked.len();
            let topics = self.taken(at, |topic| stands(topic) == is_on && !ending.contains(&topic));
            if !topics.is_empty() {
                self.answered_ns = now_ns;
            }
            if is_on {
                live.extend(topics);
            }
            if self.asked.len() < before {
                continue;
            }
            if !is_on {
                ending.extend(&self.asked[at].2.topics);
            }
            at += 1;
        }
        self.live_from_now(live)
    }

    /// Takes those topics out of a question that `is_meant` means; without any left it is answered.
    fn taken(&mut self, at: usize, is_meant: impl Fn(u16) -> bool) -> Vec<u16> {
        let asked = &mut self.asked[at].2.topics;
        let taken = asked.iter().copied().filter(|topic| is_meant(*topic)).collect();
        asked.retain(|topic| !is_meant(*topic));
        if asked.is_empty() {
            self.asked.remove(at);
        }
        taken
    }

    /// What was asked with `id`, or what was asked first, was refused: all of it, or one topic.
    pub(super) fn refused(
        &mut self,
        id: Option<u32>,
        topic: Option<&str>,
        names: Names<'_>,
        now_ns: Nanos,
    ) -> Refusal {
        // Without a number the name tells which question it was.
        let names_it = |ask: &Ask, name| ask.topics.iter().any(|of| names.is(*of, name));
        let named = topic.filter(|_| id.is_none()).and_then(|name| {
            self.asked.iter().position(|(.., ask)| ask.is_on && names_it(ask, name))
        });
        let Some(at) = named.or_else(|| self.asked_at(id)) else { return Refusal::Nothing };
        self.answered_ns = now_ns;
        let all = &self.asked[at].2;
        let is_one = |name: &&str| all.topics.iter().filter(|of| names.is(**of, name)).count() == 1;
        let ask = match topic.filter(is_one) {
            Some(name) if all.topics.len() > 1 => {
                let is_on = all.is_on;
                Ask { is_on, topics: self.taken(at, |topic| names.is(topic, name)) }
            }
            _ => self.asked.remove(at).2,
        };
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

    fn asked_at(&self, id: Option<u32>) -> Option<usize> {
        match id {
            Some(id) => self.asked.iter().position(|(of, ..)| *of == id),
            None if self.asked.is_empty() => None,
            None => Some(0),
        }
    }

    fn take(&mut self, id: Option<u32>) -> Option<Ask> {
        let at = self.asked_at(id)?;
        Some(self.asked.remove(at).2)
    }

    /// Subscribes to `topic` again.
    pub(super) fn again(&mut self, topic: u16) {
        for is_on in [false, true] {
            self.queue.push_back(Ask { is_on, topics: vec![topic] });
        }
    }

    /// The same, if it was refused.
    pub(super) fn again_if_refused(&mut self, topic: u16) {
        let standing = self.topics.get_mut(usize::from(topic));
        if let Some(standing) = standing.filter(|standing| **standing == Standing::Refused) {
            *standing = Standing::Wanted;
            self.again(topic);
        }
    }

    /// Whether a subscription of `topic` is still to be made, or to be answered.
    pub(super) fn is_asking(&self, topic: u16) -> bool {
        let asks = self.asked.iter().map(|(.., ask)| ask);
        { asks }.chain(&self.queue).any(|ask| ask.is_on && ask.topics.contains(&topic))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A link that has asked for two books and two kinds of trades, in two questions.
    fn asked() -> (Stream, Profile, Vec<String>) {
        let names = ["book A", "book B", "trade A", "trade B"].map(String::from).to_vec();
        let profile = crate::venue::profile("kraken").unwrap();
        let mut stream = Stream::new(Link(0), 4, &[0, 1, 2, 3], &profile, Nanos::new(0));
        stream.opened(&profile, Names(&names), Nanos::new(0));
        (0..2).for_each(|_| drop(stream.message(&profile, Names(&names), Nanos::new(1))));
        assert_eq!(stream.asked.len(), 2);
        (stream, profile, names)
    }

    #[test]
    fn topics_are_answered_one_by_one() {
        let (mut stream, _, names) = asked();
        let (names, now_ns) = (Names(&names), Nanos::new(9));
        assert_eq!(stream.done_of(true, "book B", names, now_ns), [1]);
        assert_eq!(stream.done_of(true, "book B", names, now_ns), [0; 0], "once");
        assert_eq!(stream.done_of(false, "book A", names, now_ns), [0; 0], "nobody asked that");
        assert!(stream.is_asking(0) && !stream.is_asking(1) && stream.complete_ns().is_none());
        // One that is named is refused alone, in whatever question it was.
        let refusal = stream.refused(None, Some("trade B"), names, now_ns);
        assert!(matches!(refusal, Refusal::Topic(3)));
        assert_eq!(stream.done(2, now_ns), [2]);
        assert_eq!(stream.done(1, now_ns), [0]);
        assert_eq!((stream.complete_ns(), stream.live()), (Some(now_ns), vec![0, 1, 2]));
        stream.again_if_refused(2);
        assert!(stream.queue.is_empty(), "it was not refused");
        stream.again_if_refused(3);
        assert!(stream.is_asking(3) && stream.queue.len() == 2);
    }

    #[test]
    fn a_question_that_is_refused_whole_is_asked_in_parts() {
        let (mut stream, _, names) = asked();
        let (names, now_ns) = (Names(&names), Nanos::new(9));
        assert!(matches!(stream.refused(Some(2), None, names, now_ns), Refusal::Split));
        assert!(stream.queue.iter().all(|ask| ask.is_on && ask.topics.len() == 1));
        assert_eq!(stream.queue.len(), 2);
        assert!(matches!(stream.refused(Some(7), None, names, now_ns), Refusal::Nothing));
    }

    /// A list that still has what is to end first says nothing of its new begin.
    #[test]
    fn lists_of_all_are_held_against_what_is_asked() {
        let (mut stream, profile, names) = asked();
        let (names, now_ns) = (Names(&names), Nanos::new(3_000_000_000));
        let list = |topics: &[&str]| topics.iter().map(|topic| (*topic).to_owned()).collect();
        let all: Vec<String> = list(&["book A", "book B", "other X"]);
        assert_eq!(stream.stands(&all, names, now_ns), [0, 1]);
        stream.again(0);
        while let Ok(Some(_)) = stream.message(&profile, names, now_ns) {}
        assert_eq!(stream.asked.len(), 3);
        assert_eq!(stream.stands(&all, names, now_ns), [0; 0], "it has not ended yet");
        assert!(stream.is_asking(0));
        assert_eq!(stream.stands(&list(&["book B"]), names, now_ns), [0; 0]);
        assert!(stream.is_asking(0), "it has ended and not begun");
        let all: Vec<String> = list(&["book A", "book B", "trade A", "trade B"]);
        assert_eq!(stream.stands(&all, names, now_ns), [2, 3, 0]);
        assert!(stream.complete_ns().is_some());
    }
}
