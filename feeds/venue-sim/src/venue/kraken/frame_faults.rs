//! What the fault plan makes of frames of the market's channels and of connections.

use std::collections::BTreeSet;

use crate::exchange::{Depth, Exchange, Nanos, Price, Qty};
use crate::fault::{Action, ConnectionKind, Fault, Hook, Place};
use crate::venue::shared::frames::{Strange, frame_fated};
use crate::venue::shared::later::Due;
use crate::venue::shared::links::{self, closes_at};
use crate::wire::outbox::End;
use crate::wire::service::Link;

use super::Kraken;
use super::feeds::{book_message, checksum, whole_book};
use super::shapes::Shapes;
use super::sockets::{Channel, Topic, status_message};

/// How often connections are looked at.
const LOOK_NS: Nanos = 10_000_000;

/// What this venue never says.
const STRANGE: Strange = Strange {
    value: || "{\"channel\":\"surprise\",\"type\":\"delta\",\"data\":[{\"new\":1}]}".to_owned(),
    symbol: || {
        "{\"channel\":\"trade\",\"type\":\"update\",\"data\":[{\"symbol\":\"１２３/USD\",\
         \"side\":\"buy\",\"price\":1.0,\"qty\":1.00000000,\"ord_type\":\"limit\",\"trade_id\":1,\
         \"timestamp\":\"2023-10-06T17:35:55.440295Z\"}]}"
            .to_owned()
    },
};

/// A book, or changes of one.
#[derive(Debug, Clone)]
pub(super) struct BookFrame {
    pub(super) bids: Vec<(Price, Qty)>,
    pub(super) asks: Vec<(Price, Qty)>,
    /// Bids that fall out of the depth by it, which nobody removes.
    pub(super) pushed: Vec<Price>,
    pub(super) checksum: u32,
    pub(super) is_snapshot: bool,
    pub(super) time_ns: Nanos,
}

/// What a frame says.
#[derive(Debug, Clone)]
enum Body {
    Text(String),
    Book(Box<BookFrame>),
}

/// A frame that is due to a socket.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    link: u64,
    /// The channel of a pair that it is of.
    topic: Option<Topic>,
    body: Body,
}

impl Frame {
    pub(super) const fn text(link: u64, topic: Option<Topic>, text: String) -> Self {
        Self { link, topic, body: Body::Text(text) }
    }

    pub(super) fn book(link: u64, topic: Topic, frame: BookFrame) -> Self {
        Self { link, topic: Some(topic), body: Body::Book(Box::new(frame)) }
    }
}

/// What is held back of one channel of one socket.
#[derive(Debug, Default)]
pub(super) struct Hold {
    /// A change that goes behind the next one.
    swapped: Option<String>,
    /// Until when everything waits.
    until_ns: Nanos,
    /// A bid that is not there, or zero, after a change that was not true: the next one has all
    /// bids again.
    mends: Option<Price>,
}

impl Kraken {
    /// Sends frames as the plan has it.
    pub(super) fn send(&mut self, frames: Vec<Frame>, now_ns: Nanos) {
        // What was held back comes before what is new.
        self.later.run(now_ns);
        let (has_depth, has_frame) =
            (self.sim.plan.has(Place::Depth), self.sim.plan.has(Place::Frame));
        for frame in frames {
            let Some(socket) = self.sockets.get_mut(&frame.link) else { continue };
            socket.told_ns = now_ns;
            let (link, kind) = (socket.link.clone(), socket.connection());
            let texts = self.texts(frame.body, &link, frame.topic, has_depth, now_ns);
            let held = frame.topic.and_then(|topic| self.holds.get(&(link.id, topic)));
            let until = held.map_or(0, |hold| hold.until_ns);
            let (stream, symbol) = self.names(frame.topic);
            for text in texts {
                if until > now_ns {
                    self.later.add(until, &link.outbox, Due::Text(text));
                    continue;
                }
                let action = has_frame.then(|| {
                    let hook = Hook::new(Place::Frame).connection(kind).stream(stream);
                    let hook = if symbol.is_empty() { hook } else { hook.symbol(&symbol) };
                    self.sim.plan.at(&hook, now_ns)
                });
                frame_fated(action.flatten().as_ref(), &link.outbox, &text, &STRANGE);
            }
        }
    }

    /// The channel and the pair of a frame, for the plan.
    fn names(&self, topic: Option<Topic>) -> (&'static str, String) {
        topic.map_or(("", String::new()), |(symbol, channel)| {
            (channel.text(), self.pair_name(symbol))
        })
    }

    /// The texts of a frame: those of changes of a book as the plan has them.
    fn texts(
        &mut self,
        body: Body,
        link: &Link,
        topic: Option<Topic>,
        has_depth: bool,
        now_ns: Nanos,
    ) -> Vec<String> {
        let (mut frame, topic) = match (body, topic) {
            (Body::Text(text), _) => return vec![text],
            (Body::Book(frame), Some(topic)) => (*frame, topic),
            (Body::Book(_), None) => return Vec::new(),
        };
        let key = (link.id, topic);
        let mends = self.holds.get_mut(&key).and_then(|hold| hold.mends.take());
        if let Some(price) = mends.filter(|_| !frame.is_snapshot) {
            self.mend(&mut frame, topic, price);
        }
        let mut action = None;
        if has_depth && !frame.is_snapshot {
            let (stream, symbol) = self.names(Some(topic));
            let hook = Hook::new(Place::Depth).connection(ConnectionKind::Streams);
            action = self.sim.plan.at(&hook.stream(stream).symbol(&symbol), now_ns);
        }
        let swapped = self.holds.get_mut(&key).and_then(|hold| hold.swapped.take());
        let mut texts = match &action {
            Some(action) => self.book_fated(action, frame, key, now_ns),
            None => vec![self.book_text(topic, &frame)],
        };
        texts.extend(swapped);
        texts
    }

    fn book_text(&self, topic: Topic, frame: &BookFrame) -> String {
        book_message(&Shapes { exchange: self.exchange() }, topic.0, frame)
    }

    /// The book is as it should be again.
    fn mend(&self, frame: &mut BookFrame, topic: Topic, price: Price) {
        let Some(book) = self.feeds.told(topic) else { return };
        frame.bids.retain(|(_, qty)| *qty == 0);
        frame.bids.extend(&book.bids);
        if price != 0 && !book.bids.iter().any(|(known, _)| *known == price) {
            frame.bids.push((price, 0));
        }
    }

    /// The changes of a book that are sent instead of one.
    fn book_fated(
        &mut self,
        action: &Action,
        mut frame: BookFrame,
        (link, topic): (u64, Topic),
        now_ns: Nanos,
    ) -> Vec<String> {
        let book = self.feeds.told(topic).cloned().unwrap_or_default();
        let (mut times, mut mends, mut until_ns) = (1, None, 0);
        match action.fault {
            Fault::DropDelta => times = 0,
            Fault::DuplicateDelta => times = 2,
            Fault::LateDelta => until_ns = now_ns + action.delay_ns(1_000),
            Fault::WrongChecksum => frame.checksum ^= 0x5555,
            Fault::ZeroChecksum => frame.checksum = 0,
            Fault::MidStreamSnapshot => {
                let shapes = Shapes { exchange: self.exchange() };
                frame = whole_book(&shapes, topic.0, &book, now_ns);
            }
            Fault::RemoveAbsent => frame.bids.push((lowest(self.exchange(), topic), 0)),
            Fault::CrossedBook => match crossing(self.exchange(), topic, &book) {
                Some(price) => {
                    frame.bids.push((price, 100_000_000));
                    mends = Some((price, [&[(price, 100_000_000)][..], &book.bids].concat()));
                }
                None => self.sim.plan.missed(action),
            },
            Fault::EmptySide => {
                let there = frame.bids.iter().chain(&book.bids).map(|(price, _)| *price);
                let all: BTreeSet<Price> = there.chain(frame.pushed.iter().copied()).collect();
                frame.bids = all.into_iter().rev().map(|price| (price, 0)).collect();
                mends = Some((0, Vec::new()));
            }
            Fault::SwapDeltas => {}
            // What falls out of the depth is never removed here anyway.
            _ => self.sim.plan.missed(action),
        }
        if let Some((price, bids)) = mends {
            // The checksum is right for what is told.
            let Channel::Book(depth) = topic.1 else { return Vec::new() };
            let mut untrue = Depth { bids, ..book };
            untrue.bids.truncate(usize::from(depth));
            let shapes = Shapes { exchange: self.exchange() };
            frame.checksum = checksum(&shapes, topic.0, &untrue);
            self.holds.entry((link, topic)).or_default().mends = Some(price);
        }
        let text = self.book_text(topic, &frame);
        let hold = self.holds.entry((link, topic)).or_default();
        hold.until_ns = hold.until_ns.max(until_ns);
        if action.fault == Fault::SwapDeltas {
            hold.swapped = Some(text);
            return Vec::new();
        }
        vec![text; times]
    }

    /// What goes wrong with connections now.
    pub(super) fn connection_faults(&mut self, now_ns: Nanos) {
        let plan = &self.sim.plan;
        let has_any = plan.has(Place::Connection) || plan.brings(Fault::Outage);
        if now_ns - self.looked_ns < LOOK_NS || !has_any {
            return;
        }
        self.looked_ns = now_ns;
        let all = self.sockets.values().map(|socket| (socket.link.clone(), socket.connection()));
        // One that is over, or not heard any more, has nothing left that could go wrong.
        let all: Vec<_> = all.filter(|(link, _)| link.outbox.is_heard()).collect();
        for (link, kind) in &all {
            let hook = Hook::new(Place::Connect).connection(*kind);
            if self.sim.plan.goes_on(Fault::Outage, &hook, now_ns).is_some() {
                link.outbox.end(End::Now);
                continue;
            }
            let hook = Hook::new(Place::Connection).connection(*kind);
            let Some(action) = self.sim.plan.at(&hook, now_ns) else { continue };
            if action.fault == Fault::Restart {
                all.iter().for_each(|(link, _)| link.outbox.end(End::ResetAfterAll));
                return;
            }
            self.connection_fault(&action, link, now_ns);
        }
    }

    fn connection_fault(&mut self, action: &Action, link: &Link, now_ns: Nanos) {
        let outbox = &link.outbox;
        match action.fault {
            Fault::ShutdownNotice | Fault::Overlap => {
                outbox.text(status_message(link.id, "maintenance").as_bytes());
                self.later.add(closes_at(action, now_ns), outbox, Due::Close(1001));
            }
            Fault::SessionExpired => {
                let socket = self.sockets.get(&link.id);
                let accounts: Vec<_> = socket.into_iter().flat_map(|s| s.accounts()).collect();
                if accounts.is_empty() {
                    return self.sim.plan.missed(action);
                }
                accounts.iter().for_each(|account| self.keys.end_tokens(*account));
                outbox.close(1008, "ESession:Invalid session");
            }
            // Nobody is asked for a sign of life here.
            Fault::HeartbeatDemanded => self.sim.plan.missed(action),
            _ => links::connection(action, outbox),
        }
    }
}

/// The lowest price that there can be.
fn lowest(exchange: &Exchange, topic: Topic) -> Price {
    exchange.symbol(topic.0).map_or(1, |spec| spec.filters.price.step)
}

/// A price above the best ask.
fn crossing(exchange: &Exchange, topic: Topic, book: &Depth) -> Option<Price> {
    book.asks.first().map(|(ask, _)| ask + lowest(exchange, topic))
}
