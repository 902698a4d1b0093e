//! What the fault plan makes of frames of streams and of connections.

use crate::exchange::{Exchange, Nanos, SymbolId};
use crate::fault::{Action, ConnectionKind, Fault, Hook, Place};
use crate::venue::shared::frames::{Strange, frame_fated, shifted, with_levels, without_bids};
use crate::venue::shared::later::Due;
use crate::venue::shared::links;
use crate::wire::outbox::End;
use crate::wire::service::Link;

use super::BinanceSpot;
use super::json::{Object, TimeUnit};
use super::service::{goodbye, terminated};
use super::streams::Frame;
use super::topics::{Kind, Topic};

/// How often connections are looked at.
const LOOK_NS: Nanos = 10_000_000;
/// What this venue never says.
const STRANGE: Strange = Strange {
    value: || {
        let event = Object::new(TimeUnit::Milliseconds).text("e", "surprise").number("E", 1);
        event.done()
    },
    symbol: || {
        let event = Object::new(TimeUnit::Milliseconds).text("e", "trade").number("E", 1);
        event.text("s", "１２３４５６").done()
    },
};

/// What is held back of one stream of one connection.
#[derive(Debug, Default)]
pub(super) struct Hold {
    /// A change that goes behind the next one.
    swapped: Option<String>,
    /// Until when everything waits.
    until_ns: Nanos,
    /// Levels that make the next change true again.
    mends: Option<(String, String)>,
}

impl BinanceSpot {
    /// Sends frames of streams as the plan has it.
    pub(super) fn send(&mut self, frames: Vec<Frame>, now_ns: Nanos) {
        // What was held back comes before what is new.
        self.later.run(now_ns);
        let (has_depth, has_frame) =
            (self.sim.plan.has(Place::Depth), self.sim.plan.has(Place::Frame));
        for frame in frames {
            let Some(listener) = self.streams.listener(frame.link) else { continue };
            // What a fault has left to be put right is, also when the plan is over by then.
            let is_held = self.holds.contains_key(&(frame.link, frame.topic));
            if !has_depth && !has_frame && !is_held {
                listener.link.outbox.text(frame.json.as_bytes());
                continue;
            }
            let link = listener.link.clone();
            let name = listener.name_of(frame.topic).to_owned();
            let symbol = frame.topic.0.map(|id| self.symbol_name(id)).unwrap_or_default();
            let hook = |place| {
                let hook = Hook::new(place).stream(&name).connection(ConnectionKind::Streams);
                if symbol.is_empty() { hook } else { hook.symbol(&symbol) }
            };
            let is_depth = matches!(frame.topic.1, Kind::Changes { .. });
            let mut texts = vec![frame.json];
            if is_depth && (has_depth || is_held) {
                let action = self.sim.plan.at(&hook(Place::Depth), now_ns);
                texts = self.depth_fated(action, link.id, frame.topic, texts, now_ns);
            }
            let until = self.holds.get(&(link.id, frame.topic)).map_or(0, |hold| hold.until_ns);
            for text in texts {
                if until > now_ns {
                    self.later.add(until, &link.outbox, Due::Text(text));
                } else {
                    let action = self.sim.plan.at(&hook(Place::Frame), now_ns);
                    frame_fated(action.as_ref(), &link.outbox, &text, &STRANGE);
                }
            }
        }
    }

    fn symbol_name(&self, symbol: SymbolId) -> String {
        self.sim.exchange.symbol(symbol).map(|spec| spec.name.to_string()).unwrap_or_default()
    }

    /// The changes of a book that are sent instead of one.
    fn depth_fated(
        &mut self,
        action: Option<Action>,
        link: u64,
        topic: Topic,
        mut texts: Vec<String>,
        now_ns: Nanos,
    ) -> Vec<String> {
        let hold = self.holds.entry((link, topic)).or_default();
        if let Some((bids, asks)) = hold.mends.take() {
            texts[0] = with_levels(&texts[0], &bids, &asks);
        }
        if let Some(before) = hold.swapped.take() {
            texts.push(before);
        }
        let Some(action) = action else { return texts };
        match action.fault {
            Fault::DropDelta => texts.clear(),
            Fault::DuplicateDelta => texts.push(texts[0].clone()),
            Fault::SwapDeltas => hold.swapped = Some(texts.remove(0)),
            Fault::LateDelta => {
                hold.until_ns = hold.until_ns.max(now_ns + action.delay_ns(1_000));
            }
            Fault::LinkBreak => {
                // By which of them a change names the one before it.
                let link = if self.exchange().has_positions() { "pu" } else { "U" };
                texts[0] = shifted(&texts[0], &[link], 5);
            }
            Fault::SequenceDown => texts[0] = shifted(&texts[0], &["U", "u"], -1_000_000),
            Fault::RemoveAbsent => {
                let price = lowest(&self.sim.exchange, topic);
                texts[0] = with_levels(&texts[0], &format!("[\"{price}\",\"0.00000000\"]"), "");
            }
            Fault::CrossedBook => {
                let price = crossing(&self.sim.exchange, topic);
                let level = |qty: &str| format!("[\"{price}\",\"{qty}\"]");
                texts[0] = with_levels(&texts[0], &level("1.00000000"), "");
                hold.mends = Some((level("0.00000000"), String::new()));
            }
            Fault::EmptySide => {
                let (gone, back) = all_bids(&self.sim.exchange, topic);
                texts[0] = without_bids(&texts[0], &gone);
                hold.mends = Some((back, String::new()));
            }
            _ => {}
        }
        texts
    }

    /// What goes wrong with connections now.
    pub(super) fn connection_faults(&mut self, now_ns: Nanos) {
        let plan = &self.sim.plan;
        let has_any = plan.has(Place::Connection) || plan.brings(Fault::Outage);
        if now_ns - self.looked_ns < LOOK_NS || !has_any {
            return;
        }
        self.looked_ns = now_ns;
        let streams = self.streams.listeners().map(|l| (l.link.clone(), l.unit, true));
        let sessions = self.sessions.values().map(|s| (s.link.clone(), s.unit, false));
        let all: Vec<_> = streams.chain(sessions).collect();
        // One that is over, or not heard any more, has nothing left that could go wrong.
        let all: Vec<_> = all.into_iter().filter(|(link, ..)| link.outbox.is_heard()).collect();
        for (link, unit, is_stream) in &all {
            let kind = if *is_stream { ConnectionKind::Streams } else { ConnectionKind::Api };
            let hook = Hook::new(Place::Connect).connection(kind);
            if self.sim.plan.goes_on(Fault::Outage, &hook, now_ns).is_some() {
                link.outbox.end(End::Now);
                continue;
            }
            let hook = Hook::new(Place::Connection).connection(kind);
            let Some(action) = self.sim.plan.at(&hook, now_ns) else { continue };
            if action.fault == Fault::Restart {
                all.iter().for_each(|(link, ..)| link.outbox.end(End::ResetAfterAll));
                return;
            }
            self.connection_fault(&action, link, *unit, now_ns);
        }
    }

    fn connection_fault(&mut self, action: &Action, link: &Link, unit: TimeUnit, now_ns: Nanos) {
        let outbox = &link.outbox;
        match action.fault {
            Fault::ShutdownNotice | Fault::Overlap => {
                let is_combined = self.streams.listener(link.id).map(|l| l.is_combined);
                outbox.text(goodbye(is_combined, unit, now_ns).as_bytes());
                self.later.add(links::closes_at(action, now_ns), outbox, Due::Close(1001));
            }
            Fault::SessionExpired => {
                let has_heard = self.users.expire(Some(link.id), now_ns);
                let session = self.sessions.get_mut(&link.id);
                let heard = session.filter(|session| !session.subscriptions.is_empty());
                let Some(session) = heard else {
                    if !has_heard {
                        self.sim.plan.missed(action);
                    }
                    return;
                };
                for id in session.subscriptions.keys() {
                    outbox.text(terminated(*id, unit, now_ns).as_bytes());
                }
                session.log_out();
            }
            _ => links::connection(action, outbox),
        }
    }
}

/// The lowest price that there can be.
fn lowest(exchange: &Exchange, topic: Topic) -> String {
    let Some(symbol) = topic.0 else { return String::new() };
    let tick = exchange.symbol(symbol).map_or(1, |spec| spec.filters.price.step);
    let shapes = super::shapes::Shapes { exchange, unit: TimeUnit::Milliseconds };
    shapes.price(symbol, tick)
}

/// A price above the best ask.
fn crossing(exchange: &Exchange, topic: Topic) -> String {
    let Some(symbol) = topic.0 else { return String::new() };
    let tick = exchange.symbol(symbol).map_or(1, |spec| spec.filters.price.step);
    let ask = exchange.best(symbol).ask.map_or(tick, |(price, _)| price);
    let shapes = super::shapes::Shapes { exchange, unit: TimeUnit::Milliseconds };
    shapes.price(symbol, ask + tick)
}

/// All bids, as levels that are removed and as levels that are there.
fn all_bids(exchange: &Exchange, topic: Topic) -> (String, String) {
    let Some(symbol) = topic.0 else { return (String::new(), String::new()) };
    let shapes = super::shapes::Shapes { exchange, unit: TimeUnit::Milliseconds };
    let depth = exchange.depth(symbol, usize::MAX);
    let level = |price, qty| format!("[\"{}\",\"{qty}\"]", shapes.price(symbol, price));
    let all = |gone: bool| {
        let levels = depth.bids.iter().map(|(price, qty)| {
            let qty = shapes.qty(symbol, if gone { 0 } else { *qty });
            level(*price, qty)
        });
        levels.collect::<Vec<_>>().join(",")
    };
    (all(true), all(false))
}
