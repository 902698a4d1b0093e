//! How links come, go, and take each other's place.
//!
//! Before the life of a link ends another one is made beside it, subscribed to the same, and what
//! comes over it is kept. Once both have told the same for a while the old one is closed and what
//! was kept is told: the decoder leaves out what it knows of books, or begins with those that came
//! over the new link, and trades have ids.

use qt_types::Nanos;

use super::lane::{Lane, MAIN, Overlap};
use super::protocol::Control;
use super::requests::ALONE_MAX_S;
use super::stream::{Names, Refusal, Stream};
use super::{Due, Market};
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

impl Market {
    /// Makes links that are due.
    pub(super) fn plan_links(&mut self, now_ns: Nanos, due: &mut Due) {
        (0..self.lanes.len()).for_each(|at| self.plan_lane(at, now_ns, due));
    }

    fn plan_lane(&mut self, at: usize, now_ns: Nanos, due: &mut Due) {
        let lane = &self.lanes[at];
        if lane.stream.is_none() {
            if now_ns < lane.connect_ns {
                due.at(lane.connect_ns);
            } else {
                self.lanes[at].stream = self.connect(at, now_ns, due);
            }
            return;
        }
        let rotate_ns = lane.rotate_ns.max(lane.connect_ns);
        if lane.next.is_none() && now_ns >= rotate_ns {
            let stream = self.connect(at, now_ns, due);
            let next = |stream| Overlap { stream, bytes: Vec::new(), lengths: Vec::new() };
            self.lanes[at].next = stream.map(next);
        } else if lane.next.is_none() {
            due.at(rotate_ns);
        }
        if let Some(next) = &self.lanes[at].next
            && let Some(since_ns) = next.stream.complete_ns()
        {
            let until_ns = since_ns.saturating_add_ns(OVERLAP_NS);
            if now_ns >= until_ns || next.bytes.len() >= HELD_BYTES_MAX {
                self.switch(at, now_ns);
            } else {
                due.at(until_ns);
            }
        }
    }

    /// Begins a link, within what the venue allows.
    fn connect(&mut self, at: usize, now_ns: Nanos, due: &mut Due) -> Option<Stream> {
        if let Err(until_ns) = self.connects.check(1, now_ns) {
            due.at(until_ns);
            return None;
        }
        let in_use = |link: &Link| {
            self.lanes.iter().any(|lane| lane.has(*link)) || self.leaving.contains(link)
        };
        let Some(link) = (0..u8::MAX).map(Link).find(|link| !in_use(link)) else {
            due.at(now_ns.saturating_add_ns(OVERLAP_NS));
            return None;
        };
        self.connects.spend(1, now_ns);
        let lane = &self.lanes[at];
        let url = format!("{}{}", self.profile.streams, lane.path);
        self.acts.push_back(Act::Open(link, url));
        Some(Stream::new(link, self.topics.len(), &lane.topics, &self.profile, now_ns))
    }

    /// Asks for subscriptions, as fast as the venue takes it.
    pub(super) fn plan_subscriptions(&mut self, now_ns: Nanos, due: &mut Due) {
        for stream in self.lanes.iter_mut().flat_map(Lane::streams) {
            loop {
                match stream.message(&self.profile, Names(&self.topics), now_ns) {
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
        (0..self.lanes.len()).for_each(|lane| self.plan_silences_of(lane, now_ns, due));
    }

    fn plan_silences_of(&mut self, lane: usize, now_ns: Nanos, due: &mut Due) {
        let silence_ns = self.profile.link_silence_ns;
        let end_of = |stream: &Stream| {
            let until_ns = stream.heard_ns.saturating_add_ns(silence_ns);
            stream.answer_due_ns().map_or(until_ns, |due_ns| due_ns.min(until_ns))
        };
        if let Some(next) = &self.lanes[lane].next {
            let until_ns = end_of(&next.stream);
            due.at(until_ns);
            if now_ns >= until_ns {
                self.drop_next(lane, now_ns);
            }
        }
        let Some(stream) = &self.lanes[lane].stream else { return };
        let until_ns = end_of(stream);
        if now_ns >= until_ns {
            self.figures.silences += 1;
            self.give_up(lane, "nothing came any more", now_ns);
            due.at(self.lanes[lane].connect_ns);
            return;
        }
        due.at(until_ns);
        for nth in 0..self.lanes[lane].topics.len() {
            let at = usize::from(self.lanes[lane].topics[nth]);
            match self.silences[at].look(now_ns) {
                Verdict::Wait(until_ns) => due.at(until_ns),
                verdict => {
                    if self.is_given_up_for(lane, at, verdict, now_ns) {
                        due.at(self.lanes[lane].connect_ns);
                        return;
                    }
                    due.at(now_ns);
                }
            }
        }
    }

    /// A subscription was silent: what is done about it, and whether the link was given up.
    fn is_given_up_for(&mut self, lane: usize, at: usize, verdict: Verdict, now_ns: Nanos) -> bool {
        let of = usize::from(self.topic_of[at]);
        let instrument = &self.instruments[of];
        let is_of_book = instrument.topics[0].is_some_and(|topic| usize::from(topic) == at);
        if is_of_book && !instrument.is_dead && !self.profile.brings_books() {
            self.silences[at].heard(now_ns);
            // A market can be quiet: the venue is asked whether there was anything.
            self.probe(of, now_ns);
            return false;
        }
        // Beside a book that is known to be alive nothing else is proof of a dead link.
        let is_beside = lane == MAIN && instrument.want.book && !is_of_book;
        if verdict == Verdict::Reconnect && is_beside {
            self.silences[at].begin(now_ns);
        } else if verdict == Verdict::Reconnect {
            self.figures.silences += 1;
            self.give_up(lane, "a subscription was silent", now_ns);
            return true;
        }
        self.subscribe_again(at);
        false
    }

    /// Subscribes to a stream again.
    pub(super) fn subscribe_again(&mut self, at: usize) {
        self.figures.resubscriptions += 1;
        if let Ok(topic) = u16::try_from(at) {
            let lane = self.lanes.iter_mut().find(|lane| lane.topics.contains(&topic));
            let stream = lane.and_then(|lane| lane.stream.as_mut());
            stream.into_iter().for_each(|stream| stream.again(topic));
        }
        self.is_restless = true;
    }

    /// Gives the link up.
    fn give_up(&mut self, at: usize, why: &str, now_ns: Nanos) {
        if let Some(stream) = self.lanes[at].stream.take() {
            self.leave(stream.link);
            self.lost(at, &stream, why, now_ns);
        }
    }

    fn leave(&mut self, link: Link) {
        self.leaving.push(link);
        self.acts.push_back(Act::Close(link));
    }

    fn drop_next(&mut self, at: usize, now_ns: Nanos) {
        let lane = &mut self.lanes[at];
        if let Some(next) = lane.next.take() {
            lane.connect_ns = now_ns.saturating_add_ns(lane.backoff.next_ns());
            self.leave(next.stream.link);
            self.figures.refusals += 1;
        }
    }

    /// The link is gone.
    fn lost(&mut self, at: usize, stream: &Stream, why: &str, now_ns: Nanos) {
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
            self.lanes[at].backoff.reset();
        }
        if let Some(next) = &self.lanes[at].next {
            // The one that was to come is there already, or on its way.
            if next.stream.complete_ns().is_none() {
                self.lane_lost(at, now_ns);
            }
            self.take_over(at, now_ns);
            return;
        }
        self.lane_lost(at, now_ns);
        let lane = &mut self.lanes[at];
        let pause_ns = lane.backoff.next_ns();
        lane.connect_ns = lane.connect_ns.max(now_ns.saturating_add_ns(pause_ns));
    }

    /// Nothing is known any more of what came over a lane.
    fn lane_lost(&mut self, at: usize, now_ns: Nanos) {
        if at == MAIN {
            self.disconnected(now_ns);
        }
        for topic in &self.lanes[at].topics {
            self.silences[usize::from(*topic)].end();
        }
    }

    /// The newer link takes the place of the older one, in order.
    fn switch(&mut self, lane: usize, now_ns: Nanos) {
        if let Some(old) = self.lanes[lane].stream.take() {
            self.leave(old.link);
        }
        self.figures.rotations += 1;
        self.take_over(lane, now_ns);
    }

    fn take_over(&mut self, lane: usize, now_ns: Nanos) {
        let Some(next) = self.lanes[lane].next.take() else { return };
        if lane == MAIN && self.profile.brings_books() {
            self.tell_standing(&next, now_ns);
        } else {
            let mut at = 0;
            for length in next.lengths {
                let end = at + length;
                self.data(lane, next.bytes.get(at..end).unwrap_or_default(), now_ns);
                at = end;
            }
        }
        self.plan_rotation(lane, now_ns);
        for topic in next.stream.live() {
            self.acknowledged(topic, now_ns);
        }
        self.lanes[lane].stream = Some(next.stream);
        self.is_restless = true;
    }

    fn plan_rotation(&mut self, at: usize, now_ns: Nanos) {
        let (life_ns, lane) = (self.profile.life_ns, &mut self.lanes[at]);
        let spread_ns = lane.backoff.spread_ns(ROTATE_BEFORE_NS);
        let before_ns = (ROTATE_BEFORE_NS + spread_ns).min(life_ns / 2);
        lane.rotate_ns = now_ns.saturating_add_ns(life_ns - before_ns);
    }

    /// A link stands.
    pub(super) fn opened(&mut self, link: Link, now_ns: Nanos) {
        let Some(at) = self.lane_of(link) else { return };
        let lane = &mut self.lanes[at];
        let is_next = lane.next.as_ref().is_some_and(|next| next.stream.link == link);
        for stream in lane.streams().filter(|stream| stream.link == link) {
            if let Some(hello) = self.profile.protocol.hello() {
                self.acts.push_back(Act::Send(link, hello.into_bytes()));
            }
            stream.opened(&self.profile, Names(&self.topics), now_ns);
        }
        self.figures.connects += 1;
        if !is_next {
            tracing::info!(venue = self.profile.name, "the link for market data stands");
            self.plan_rotation(at, now_ns);
        }
    }

    fn lane_of(&self, link: Link) -> Option<usize> {
        self.lanes.iter().position(|lane| lane.has(link))
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
                let banned_ns = match (self.profile.ban, status) {
                    (Some((of, ban_ns)), Some(status)) if of == *status => ban_ns,
                    _ => 0,
                };
                let alone_ns = banned_ns.max(after_s * 1_000_000_000);
                not_before_ns = now_ns.saturating_add_ns(alone_ns);
                if banned_ns > 0 || matches!(status, Some(418 | 429)) {
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
        let Some(at) = self.lane_of(link) else { return };
        let lane = &mut self.lanes[at];
        if lane.next.take_if(|next| next.stream.link == link).is_some() {
            let pause_ns = lane.backoff.next_ns();
            lane.connect_ns = not_before_ns.max(now_ns.saturating_add_ns(pause_ns));
            self.figures.refusals += 1;
        } else if let Some(stream) = lane.stream.take() {
            lane.connect_ns = not_before_ns;
            self.lost(at, &stream, &words, now_ns);
        }
    }

    /// A sign of life.
    pub(super) fn heard(&mut self, link: Link, now_ns: Nanos) {
        let mut streams = self.lanes.iter_mut().flat_map(Lane::streams);
        if let Some(stream) = streams.find(|stream| stream.link == link) {
            stream.heard_ns = now_ns;
        }
    }

    /// A message came.
    pub(super) fn frame(&mut self, link: Link, bytes: &[u8], now_ns: Nanos) {
        for at in 0..self.lanes.len() {
            let lane = &mut self.lanes[at];
            if let Some(stream) = lane.stream.as_mut().filter(|stream| stream.link == link) {
                stream.heard_ns = now_ns;
                self.figures.frames += 1;
                self.figures.bytes += bytes.len() as u64;
                let said = self.profile.protocol.control(bytes);
                if said.is_none() || self.profile.decodes_all {
                    self.data(at, bytes, now_ns);
                }
                if let Some(control) = said {
                    self.control(link, &control, now_ns);
                }
                return;
            }
            let Some(next) = lane.next.as_mut().filter(|next| next.stream.link == link) else {
                continue;
            };
            next.stream.heard_ns = now_ns;
            let said = self.profile.protocol.control(bytes);
            if said.is_none() || self.profile.decodes_all {
                next.bytes.extend_from_slice(bytes);
                next.lengths.push(bytes.len());
                self.is_restless |= next.bytes.len() >= HELD_BYTES_MAX;
            }
            if let Some(control) = said {
                self.control(link, &control, now_ns);
            }
            return;
        }
    }

    /// A message came over `link` that is no market data.
    fn control(&mut self, link: Link, said: &Control, now_ns: Nanos) {
        if *said == Control::Alive {
            return;
        }
        self.is_restless = true;
        let names = Names(&self.topics);
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.has(link)) else { return };
        let is_current = lane.stream.as_ref().is_some_and(|stream| stream.link == link);
        if *said == Control::Shutdown {
            // The link ends soon: another one is made at once.
            lane.rotate_ns = now_ns;
            return;
        }
        let Some(stream) = lane.streams().find(|stream| stream.link == link) else { return };
        let live = match said {
            Control::Done(id) => stream.done(*id, now_ns),
            Control::Topic { is_on, topic } => stream.done_of(*is_on, topic, names, now_ns),
            Control::Standing(all) => stream.stands(all, names, now_ns),
            Control::Refused { id, topic, words } => {
                let refusal = stream.refused(*id, topic.as_deref(), names, now_ns);
                tracing::warn!(venue = self.profile.name, words, "a subscription was refused");
                if let Refusal::Topic(topic) = refusal {
                    self.figures.subscriptions_refused += 1;
                    self.refused_topic(topic, words, now_ns);
                }
                return;
            }
            Control::Shutdown | Control::Alive => return,
        };
        if is_current {
            live.into_iter().for_each(|topic| self.acknowledged(topic, now_ns));
        }
    }

    /// Nothing could be made of many messages in a row.
    pub(super) fn note_unreadable(&mut self, lane: usize, now_ns: Nanos) {
        self.unreadable += 1;
        if self.unreadable >= UNREADABLE_MAX {
            self.unreadable = 0;
            self.give_up(lane, "messages that cannot be read", now_ns);
            self.is_restless = true;
        }
    }

    /// How the link of books stands.
    pub(super) fn standing(&self) -> Standing {
        self.lanes[MAIN].standing()
    }
}
