//! How links come, go, and take each other's place.
//!
//! A link lives a day. Before it ends another one is made beside it, subscribed to the same, and
//! what comes over it is kept. Once both have told the same for a while the old one is closed and
//! what was kept is told: the decoder leaves out what it knows of books, and trades have ids.

use qt_types::Nanos;

use super::requests::ALONE_MAX_S;
use super::stream::{Refusal, Stream};
use super::{Due, Market, control};
use crate::machine::{Act, Closed, Link};
use crate::market::Standing;
use crate::pace::Verdict;

/// How long before the end of its life a link is replaced: this, and up to as much more by chance,
/// so that many of them do not end at once.
const ROTATE_BEFORE_NS: i64 = 600_000_000_000;
/// How long both links tell the same.
const OVERLAP_NS: i64 = 2_000_000_000;
/// What is kept of the newer one; more of it ends the overlap.
const HELD_BYTES_MAX: usize = 8 << 20;
/// A link that stood this long was a good one.
const GOOD_NS: i64 = 30_000_000_000;
/// Messages in a row that cannot be read.
const UNREADABLE_MAX: u32 = 50;
/// Words of the venue that are kept.
const WORDS_MAX: usize = 120;

/// A link that will take the place of another one.
#[derive(Debug)]
pub(super) struct Overlap {
    stream: Stream,
    /// What came over it, and how long each message is.
    bytes: Vec<u8>,
    lengths: Vec<usize>,
}

impl Market {
    /// Makes links that are due.
    pub(super) fn plan_links(&mut self, now_ns: Nanos, due: &mut Due) {
        if self.stream.is_none() {
            if now_ns < self.connect_ns {
                due.at(self.connect_ns);
                return;
            }
            if let Some(link) = self.connect(now_ns, due) {
                self.stream = Some(Stream::new(link, self.topics.len(), &self.profile, now_ns));
            }
            return;
        }
        if self.next.is_none() && now_ns >= self.rotate_ns.max(self.connect_ns) {
            if let Some(link) = self.connect(now_ns, due) {
                let stream = Stream::new(link, self.topics.len(), &self.profile, now_ns);
                self.next = Some(Overlap { stream, bytes: Vec::new(), lengths: Vec::new() });
            }
        } else if self.next.is_none() {
            due.at(self.rotate_ns.max(self.connect_ns));
        }
        if let Some(next) = &self.next
            && let Some(since_ns) = next.stream.complete_ns()
        {
            let until_ns = since_ns.saturating_add_ns(OVERLAP_NS);
            if now_ns >= until_ns || next.bytes.len() >= HELD_BYTES_MAX {
                self.switch(now_ns);
            } else {
                due.at(until_ns);
            }
        }
    }

    /// Begins a link, within what the venue allows.
    fn connect(&mut self, now_ns: Nanos, due: &mut Due) -> Option<Link> {
        if let Err(until_ns) = self.connects.check(1, now_ns) {
            due.at(until_ns);
            return None;
        }
        let in_use = |link: &Link| {
            let of = |stream: &Stream| stream.link == *link;
            self.stream.as_ref().is_some_and(of)
                || self.next.as_ref().is_some_and(|next| of(&next.stream))
                || self.leaving.contains(link)
        };
        let Some(link) = (0..u8::MAX).map(Link).find(|link| !in_use(link)) else {
            due.at(now_ns.saturating_add_ns(OVERLAP_NS));
            return None;
        };
        self.connects.spend(1, now_ns);
        let url = format!("{}{}", self.profile.streams, self.profile.streams_path);
        self.acts.push_back(Act::Open(link, url));
        Some(link)
    }

    /// Asks for subscriptions, as fast as the venue takes it.
    pub(super) fn plan_subscriptions(&mut self, now_ns: Nanos, due: &mut Due) {
        let next = self.next.as_mut().map(|next| &mut next.stream);
        for stream in self.stream.iter_mut().chain(next) {
            loop {
                match stream.message(&self.topics, now_ns) {
                    Ok(Some(message)) => self.acts.push_back(Act::Send(stream.link, message)),
                    Ok(None) => break,
                    Err(until_ns) => {
                        due.at(until_ns);
                        break;
                    }
                }
            }
        }
    }

    /// Looks for what is silent: links, answers, subscriptions.
    pub(super) fn plan_silences(&mut self, now_ns: Nanos, due: &mut Due) {
        let silence_ns = self.profile.link_silence_ns;
        let end_of = |stream: &Stream| {
            let until_ns = stream.heard_ns.saturating_add_ns(silence_ns);
            stream.answer_due_ns().map_or(until_ns, |due_ns| due_ns.min(until_ns))
        };
        if let Some(next) = &self.next {
            let until_ns = end_of(&next.stream);
            due.at(until_ns);
            if now_ns >= until_ns {
                self.drop_next(now_ns);
            }
        }
        let Some(stream) = &mut self.stream else { return };
        let until_ns = end_of(stream);
        if now_ns >= until_ns {
            self.figures.silences += 1;
            self.give_up("nothing came any more", now_ns);
            due.at(self.connect_ns);
            return;
        }
        due.at(until_ns);
        for at in 0..self.silences.len() {
            match self.silences[at].look(now_ns) {
                Verdict::Wait(until_ns) => due.at(until_ns),
                verdict => {
                    if self.is_given_up_for(at, verdict, now_ns) {
                        due.at(self.connect_ns);
                        return;
                    }
                    due.at(now_ns);
                }
            }
        }
    }

    /// A subscription was silent: what is done about it, and whether the link was given up.
    fn is_given_up_for(&mut self, at: usize, verdict: Verdict, now_ns: Nanos) -> bool {
        let of = usize::from(self.topic_of[at]);
        let instrument = &self.instruments[of];
        let is_of_book = instrument.topics[0].is_some_and(|topic| usize::from(topic) == at);
        if is_of_book && !instrument.is_dead {
            self.silences[at].heard(now_ns);
            // A market can be quiet: the venue is asked whether there was anything.
            self.probe(of, now_ns);
            return false;
        }
        // Beside a book that is known to be alive nothing else is proof of a dead link.
        let is_beside = instrument.want.book && !is_of_book;
        if verdict == Verdict::Reconnect && is_beside {
            self.silences[at].begin(now_ns);
        } else if verdict == Verdict::Reconnect {
            self.figures.silences += 1;
            self.give_up("a subscription was silent", now_ns);
            return true;
        }
        self.subscribe_again(at);
        false
    }

    /// Subscribes to a stream again.
    pub(super) fn subscribe_again(&mut self, at: usize) {
        self.figures.resubscriptions += 1;
        if let (Some(stream), Ok(topic)) = (&mut self.stream, u16::try_from(at)) {
            stream.again(topic);
        }
        self.is_restless = true;
    }

    /// Gives the link up.
    fn give_up(&mut self, why: &str, now_ns: Nanos) {
        if let Some(stream) = self.stream.take() {
            self.leave(stream.link);
            self.lost(&stream, why, now_ns);
        }
    }

    fn leave(&mut self, link: Link) {
        self.leaving.push(link);
        self.acts.push_back(Act::Close(link));
    }

    fn drop_next(&mut self, now_ns: Nanos) {
        if let Some(next) = self.next.take() {
            self.leave(next.stream.link);
            self.figures.refusals += 1;
            self.connect_ns = now_ns.saturating_add_ns(self.backoff.next_ns());
        }
    }

    /// The link is gone.
    fn lost(&mut self, stream: &Stream, why: &str, now_ns: Nanos) {
        let is_good =
            stream.opened_ns.is_some_and(|at_ns| at_ns.saturating_add_ns(GOOD_NS) <= now_ns);
        if stream.opened_ns.is_some() {
            self.figures.losses += 1;
        } else {
            self.figures.refusals += 1;
        }
        self.figures.last_loss = why.chars().take(WORDS_MAX).collect();
        tracing::warn!(venue = self.profile.name, why, "the link for market data is gone");
        if is_good {
            self.backoff.reset();
        }
        if let Some(next) = &self.next {
            // The one that was to come is there already, or on its way.
            if next.stream.complete_ns().is_none() {
                self.disconnected(now_ns);
            }
            self.take_over(now_ns);
            return;
        }
        self.disconnected(now_ns);
        let pause_ns = self.backoff.next_ns();
        self.connect_ns = self.connect_ns.max(now_ns.saturating_add_ns(pause_ns));
    }

    /// The newer link takes the place of the older one, in order.
    fn switch(&mut self, now_ns: Nanos) {
        if let Some(old) = self.stream.take() {
            self.leave(old.link);
        }
        self.figures.rotations += 1;
        self.take_over(now_ns);
    }

    fn take_over(&mut self, now_ns: Nanos) {
        let Some(next) = self.next.take() else { return };
        let mut at = 0;
        for length in next.lengths {
            let end = at + length;
            self.data(next.bytes.get(at..end).unwrap_or_default(), now_ns);
            at = end;
        }
        self.plan_rotation(now_ns);
        for topic in next.stream.live() {
            self.acknowledged(topic, now_ns);
        }
        self.stream = Some(next.stream);
        self.is_restless = true;
    }

    fn plan_rotation(&mut self, now_ns: Nanos) {
        let spread_ns = self.backoff.spread_ns(ROTATE_BEFORE_NS);
        let life_ns = self.profile.life_ns;
        let before_ns = (ROTATE_BEFORE_NS + spread_ns).min(life_ns / 2);
        self.rotate_ns = now_ns.saturating_add_ns(life_ns - before_ns);
    }

    /// A link stands.
    pub(super) fn opened(&mut self, link: Link, now_ns: Nanos) {
        if let Some(next) = &mut self.next
            && next.stream.link == link
        {
            next.stream.opened(now_ns);
            self.figures.connects += 1;
            return;
        }
        let Some(stream) = self.stream.as_mut().filter(|stream| stream.link == link) else {
            return;
        };
        stream.opened(now_ns);
        self.figures.connects += 1;
        tracing::info!(venue = self.profile.name, "the link for market data stands");
        self.plan_rotation(now_ns);
    }

    /// A link is gone.
    pub(super) fn closed(&mut self, link: Link, why: &Closed, now_ns: Nanos) {
        if let Some(at) = self.leaving.iter().position(|leaving| *leaving == link) {
            self.leaving.swap_remove(at);
            return;
        }
        let mut not_before_ns = now_ns;
        let words = match why {
            Closed::NotOpened { status, retry_after_s } => {
                let after_s = i64::from(retry_after_s.unwrap_or(0)).min(ALONE_MAX_S);
                not_before_ns = now_ns.saturating_add_ns(after_s * 1_000_000_000);
                if matches!(status, Some(418 | 429)) {
                    self.figures.throttled += 1;
                }
                match status {
                    Some(status) => format!("not opened: status {status}"),
                    None => {
                        "not opened: no such host, no route, no WebSocket, or no trust".to_owned()
                    }
                }
            }
            Closed::ByVenue(code, words) => format!("closed by the venue: {code} {words}"),
            Closed::Broken => "broken".to_owned(),
            Closed::Asked => "closed".to_owned(),
        };
        if self.next.as_ref().is_some_and(|next| next.stream.link == link) {
            self.next = None;
            self.figures.refusals += 1;
            let pause_ns = self.backoff.next_ns();
            self.connect_ns = not_before_ns.max(now_ns.saturating_add_ns(pause_ns));
            return;
        }
        if self.stream.as_ref().is_some_and(|stream| stream.link == link)
            && let Some(stream) = self.stream.take()
        {
            self.connect_ns = not_before_ns;
            self.lost(&stream, &words, now_ns);
        }
    }

    /// A sign of life.
    pub(super) fn heard(&mut self, link: Link, now_ns: Nanos) {
        let next = self.next.as_mut().map(|next| &mut next.stream);
        if let Some(stream) = self.stream.iter_mut().chain(next).find(|stream| stream.link == link)
        {
            stream.heard_ns = now_ns;
        }
    }

    /// A message came.
    pub(super) fn frame(&mut self, link: Link, bytes: &[u8], now_ns: Nanos) {
        if let Some(stream) = self.stream.as_mut().filter(|stream| stream.link == link) {
            stream.heard_ns = now_ns;
            self.figures.frames += 1;
            self.figures.bytes += bytes.len() as u64;
            match control::read(bytes) {
                None => self.data(bytes, now_ns),
                Some(control) => self.control(&control, true, now_ns),
            }
            return;
        }
        let Some(next) = self.next.as_mut().filter(|next| next.stream.link == link) else { return };
        next.stream.heard_ns = now_ns;
        match control::read(bytes) {
            Some(control) => self.control(&control, false, now_ns),
            None => {
                next.bytes.extend_from_slice(bytes);
                next.lengths.push(bytes.len());
                self.is_restless |= next.bytes.len() >= HELD_BYTES_MAX;
            }
        }
    }

    /// A message that is no market data; `is_current`: it came over the link that counts.
    fn control(&mut self, control: &control::Control, is_current: bool, now_ns: Nanos) {
        self.is_restless = true;
        let next = self.next.as_mut().map(|next| &mut next.stream);
        let Some(stream) = (if is_current { self.stream.as_mut() } else { next }) else { return };
        match control {
            control::Control::Done(id) => {
                let topics = stream.done(*id, now_ns);
                if is_current {
                    topics.into_iter().for_each(|topic| self.acknowledged(topic, now_ns));
                }
            }
            control::Control::Refused(id, words) => {
                let refusal = stream.refused(*id, now_ns);
                tracing::warn!(venue = self.profile.name, words, "a subscription was refused");
                if let Refusal::Topic(topic) = refusal {
                    self.figures.subscriptions_refused += 1;
                    self.refused_topic(topic, words, now_ns);
                }
            }
            // The link ends soon: another one is made at once.
            control::Control::Shutdown => self.rotate_ns = now_ns,
        }
    }

    /// Nothing could be made of many messages in a row.
    pub(super) fn note_unreadable(&mut self, now_ns: Nanos) {
        self.unreadable += 1;
        if self.unreadable >= UNREADABLE_MAX {
            self.unreadable = 0;
            self.give_up("messages that cannot be read", now_ns);
            self.is_restless = true;
        }
    }

    /// How the link stands.
    pub(super) fn standing(&self) -> Standing {
        match (&self.stream, &self.next) {
            (None, _) => Standing::Down,
            (Some(stream), _) if stream.opened_ns.is_none() => Standing::Opening,
            (Some(_), None) => Standing::Up,
            (Some(_), Some(_)) => Standing::Rotating,
        }
    }
}
