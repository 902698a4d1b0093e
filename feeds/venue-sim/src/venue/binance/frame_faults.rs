//! What the fault plan makes of frames of streams and of connections.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::exchange::{Exchange, Nanos, SymbolId};
use crate::fault::{Action, ConnectionKind, Fault, Hook, Place};
use crate::wire::frames::{self, Opcode};
use crate::wire::outbox::{End, Outbox};
use crate::wire::service::Link;

use super::BinanceSpot;
use super::json::{Object, TimeUnit};
use super::service::{goodbye, terminated};
use super::streams::Frame;
use super::topics::{Kind, Topic};

/// How often connections are looked at.
const LOOK_NS: Nanos = 10_000_000;
/// Frames that are held back at most, over all connections.
const HELD_MAX: usize = 100_000;

/// What happens later to a connection.
#[derive(Debug)]
pub(super) enum Due {
    /// A text goes out.
    Text(String),
    /// It is closed.
    Close(u16),
}

/// Everything that is put off, in its order.
#[derive(Debug, Default)]
pub(super) struct Later {
    due: BTreeMap<(Nanos, u64), (std::sync::Arc<Outbox>, Due)>,
    next: u64,
}

impl Later {
    pub(super) fn add(&mut self, at_ns: Nanos, outbox: &std::sync::Arc<Outbox>, due: Due) {
        if self.due.len() < HELD_MAX {
            self.due.insert((at_ns, self.next), (std::sync::Arc::clone(outbox), due));
            self.next += 1;
        }
    }

    /// Does what is due.
    pub(super) fn run(&mut self, now_ns: Nanos) {
        while let Some(first) = self.due.first_entry().filter(|first| first.key().0 <= now_ns) {
            let (outbox, due) = first.remove();
            match due {
                Due::Text(text) => outbox.text(text.as_bytes()),
                Due::Close(code) => outbox.close(code, ""),
            }
        }
    }
}

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
            if !has_depth && !has_frame {
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
            if has_depth && is_depth {
                let action = self.sim.plan.at(&hook(Place::Depth), now_ns);
                texts = self.depth_fated(action, link.id, frame.topic, texts, now_ns);
            }
            let until = self.holds.get(&(link.id, frame.topic)).map_or(0, |hold| hold.until_ns);
            for text in texts {
                if until > now_ns {
                    self.later.add(until, &link.outbox, Due::Text(text));
                } else {
                    let action = self.sim.plan.at(&hook(Place::Frame), now_ns);
                    frame_fated(action.as_ref(), &link.outbox, &text);
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
            Fault::CloseCode => match action.params.code.unwrap_or(1000) {
                // Never sent: it says that there was no close frame.
                1006 => outbox.end(End::Now),
                code => outbox.close(u16::try_from(code).unwrap_or(1000), ""),
            },
            Fault::Reset => outbox.end(End::ResetAfterAll),
            Fault::HalfOpen => outbox.silence(),
            Fault::LifetimeEnds => outbox.close(1001, "the connection has lived as long as it may"),
            Fault::SlowConsumer => outbox.end(End::Now),
            Fault::ShutdownNotice | Fault::Overlap => {
                let is_combined = self.streams.listener(link.id).map(|l| l.is_combined);
                outbox.text(goodbye(is_combined, unit, now_ns).as_bytes());
                self.later.add(now_ns + action.delay_ns(1_000), outbox, Due::Close(1001));
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
            _ => {}
        }
    }
}

/// Sends one frame in the way of the fault.
fn frame_fated(action: Option<&Action>, outbox: &Outbox, text: &str) {
    let Some(action) = action else { return outbox.text(text.as_bytes()) };
    let bytes = text.as_bytes();
    match action.fault {
        Fault::UnknownField => {
            let rest = text.strip_prefix('{').unwrap_or(text);
            outbox.text(format!("{{\"zz\":{{\"new\":[1,null]}},{rest}").as_bytes());
        }
        Fault::UnknownValue => {
            let event = Object::new(TimeUnit::Milliseconds).text("e", "surprise").number("E", 1);
            outbox.text(event.done().as_bytes());
            outbox.text(bytes);
        }
        Fault::ForeignSymbol => {
            let event = Object::new(TimeUnit::Milliseconds).text("e", "trade").number("E", 1);
            outbox.text(event.text("s", "１２３４５６").done().as_bytes());
            outbox.text(bytes);
        }
        Fault::KeyOrder => outbox.text(rewritten(text, |_| ()).as_bytes()),
        Fault::MissingField => {
            let lacking = rewritten(text, |map| {
                let last = map.keys().next_back().cloned();
                if let Some(last) = last {
                    map.remove(&last);
                }
            });
            outbox.text(lacking.as_bytes());
        }
        Fault::GarbageFrame => {
            let count = action.params.bytes.unwrap_or(100).min(10_000_000);
            outbox.text(
                "{\"garbage\":".repeat(usize::try_from(count / 11 + 1).unwrap_or(1)).as_bytes(),
            );
            outbox.text(bytes);
        }
        Fault::BinaryFrame => outbox.frame(Opcode::Binary, true, bytes),
        Fault::FragmentedFrame | Fault::PingInside => {
            let parts = usize::try_from(action.params.parts.unwrap_or(3)).unwrap_or(3).max(2);
            let length = bytes.len().div_ceil(parts).max(1);
            let count = bytes.len().div_ceil(length);
            for (at, part) in bytes.chunks(length).enumerate() {
                let opcode = if at == 0 { Opcode::Text } else { Opcode::Continuation };
                outbox.frame(opcode, at + 1 == count, part);
                if action.fault == Fault::PingInside && at == 0 {
                    let payload = action.params.bytes.unwrap_or(100).min(125);
                    outbox.frame(
                        Opcode::Ping,
                        true,
                        &vec![b'p'; usize::try_from(payload).unwrap_or(0)],
                    );
                }
            }
        }
        Fault::CompressedFrame => {
            // The bit that says so is set; no extension was agreed on.
            let mut raw = Vec::new();
            frames::encode(Opcode::Text, true, bytes, &mut raw);
            raw[0] |= 0x40;
            outbox.raw(&raw);
        }
        Fault::CutFrame => {
            let mut raw = Vec::new();
            frames::encode(Opcode::Text, true, bytes, &mut raw);
            outbox.raw(&raw[..raw.len() / 2]);
            outbox.end(End::AfterAll);
        }
        _ => outbox.text(bytes),
    }
}

/// The frame with its fields in the order of their names, and changed.
fn rewritten(text: &str, change: impl FnOnce(&mut Map<String, Value>)) -> String {
    let Ok(Value::Object(mut map)) = serde_json::from_str(text) else { return text.to_owned() };
    match map.get_mut("data") {
        Some(Value::Object(inner)) => change(inner),
        _ => change(&mut map),
    }
    Value::Object(map).to_string()
}

/// A change of a book with more levels before its own.
fn with_levels(text: &str, bids: &str, asks: &str) -> String {
    let mut text = text.to_owned();
    for (name, levels) in [("\"b\":[", bids), ("\"a\":[", asks)] {
        if let Some(at) = text.find(name).filter(|_| !levels.is_empty()) {
            let begin = at + name.len();
            let joint = if text[begin..].starts_with(']') { "" } else { "," };
            text.insert_str(begin, &format!("{levels}{joint}"));
        }
    }
    text
}

/// A change of a book behind whose own bids others are.
fn without_bids(text: &str, gone: &str) -> String {
    let name = "\"b\":[";
    let Some(begin) = text.find(name).map(|at| at + name.len()) else { return text.to_owned() };
    // Levels end with two brackets, or there are none.
    let end = text[begin..].find("]]").filter(|_| !text[begin..].starts_with(']'));
    let (at, joint) = end.map_or((begin, ""), |end| (begin + end + 1, ","));
    let mut text = text.to_owned();
    if !gone.is_empty() {
        text.insert_str(at, &format!("{joint}{gone}"));
    }
    text
}

/// A change of a book with other numbers.
fn shifted(text: &str, names: &[&str], by: i64) -> String {
    let mut text = text.to_owned();
    for name in names {
        let name = format!("\"{name}\":");
        let Some(at) = text.find(&name) else { continue };
        let begin = at + name.len();
        let digits = text[begin..].find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
        let number: i64 = text[begin..begin + digits].parse().unwrap_or(0);
        text.replace_range(begin..begin + digits, &number.saturating_add(by).max(0).to_string());
    }
    text
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
