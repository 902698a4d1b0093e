//! What the fault plan makes of frames of streams and of connections.

use crate::exchange::Nanos;
use crate::fault::{Action, ConnectionKind, Fault, Hook, Place};
use crate::venue::shared::frames::{Strange, frame_fated, shifted, with_levels, without_bids};
use crate::venue::shared::json::{Object, TimeUnit};
use crate::venue::shared::later::Due;
use crate::venue::shared::links;
use crate::wire::outbox::End;
use crate::wire::service::Link;

use super::Bybit;
use super::profile::Way;
use super::sessions::connection_id;
use super::shapes::Shapes;
use super::streams::{Content, Frame, Topic, name_of};

/// How often connections are looked at.
const LOOK_NS: Nanos = 10_000_000;

/// What is held back of one stream of one connection.
#[derive(Debug, Default)]
pub(super) struct Hold {
    /// A change that goes behind the next one.
    swapped: Option<String>,
    /// Until when everything waits.
    until_ns: Nanos,
    /// Levels that make the next change true again.
    mends: Option<(String, String)>,
    /// How much lower the numbers are since the service has begun anew.
    lower: i64,
}

/// What this venue never says.
const STRANGE: Strange = Strange {
    value: || {
        let object = Object::new(TimeUnit::Milliseconds).text("topic", "surprise.BTCUSDT");
        object.number("ts", 1).text("type", "surprise").raw("data", "{}").done()
    },
    symbol: || {
        let trade = "{\"T\":1,\"s\":\"１２３４５６\",\"S\":\"Buy\",\"v\":\"1\",\"p\":\"1\",\
                     \"L\":\"PlusTick\",\"i\":\"1\",\"BT\":false,\"seq\":1}";
        let object = Object::new(TimeUnit::Milliseconds).text("topic", "publicTrade.１２３４５６");
        let object = object.number("ts", 1).text("type", "snapshot");
        object.raw("data", &format!("[{trade}]")).done()
    },
};

/// For what a connection counts in plans.
pub(super) const fn kind_of(way: Way) -> ConnectionKind {
    match way {
        Way::Public => ConnectionKind::Streams,
        Way::Private => ConnectionKind::User,
        Way::Trade => ConnectionKind::Api,
    }
}

impl Bybit {
    /// Sends frames of streams as the plan has it.
    pub(super) fn send(&mut self, frames: Vec<Frame>, now_ns: Nanos) {
        // What was held back comes before what is new.
        self.later.run(now_ns);
        let (has_depth, has_frame) =
            (self.sim.plan.has(Place::Depth), self.sim.plan.has(Place::Frame));
        let is_plain = !has_depth && !has_frame && self.holds.is_empty();
        for frame in frames {
            let Some(listener) = self.streams.listener(frame.link) else { continue };
            if is_plain {
                listener.link.outbox.text(frame.json.as_bytes());
                continue;
            }
            let link = listener.link.clone();
            let name = name_of(frame.topic, &self.sim.exchange);
            let symbol = self.shapes().symbol(frame.topic.0).to_owned();
            let hook = |place| {
                let hook = Hook::new(place).stream(&name).connection(ConnectionKind::Streams);
                hook.symbol(&symbol)
            };
            let place = (link.id, frame.topic);
            let mut texts = vec![frame.json];
            if let Some(hold) = self.holds.get(&place).filter(|hold| hold.lower != 0) {
                texts[0] = shifted(&texts[0], &["u"], -hold.lower);
            }
            // What a fault has left to be put right is, also when the plan is over by then.
            let is_held = self.holds.contains_key(&place);
            if (has_depth || is_held) && frame.content == Content::Change {
                let action = self.sim.plan.at(&hook(Place::Depth), now_ns);
                texts = self.depth_fated(action, place, texts, now_ns);
            }
            let until = self.holds.get(&place).map_or(0, |hold| hold.until_ns);
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

    /// The changes of a book that are sent instead of one.
    fn depth_fated(
        &mut self,
        action: Option<Action>,
        (link, topic): (u64, Topic),
        mut texts: Vec<String>,
        now_ns: Nanos,
    ) -> Vec<String> {
        let (exchange, category, ledger) = (&self.sim.exchange, self.category, &self.ledger);
        let shapes = Shapes { exchange, category, ledger };
        let symbol = topic.0;
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
            Fault::SequenceDown => texts[0] = shifted(&texts[0], &["u", "seq"], -1_000_000),
            Fault::MidStreamSnapshot => {
                let whole = self.streams.whole(topic, &shapes, now_ns);
                let whole = whole.map(|text| shifted(&text, &["u"], -hold.lower));
                texts[0] = whole.unwrap_or_default();
            }
            Fault::RestartSnapshot => {
                let Some(whole) = self.streams.whole(topic, &shapes, now_ns) else { return texts };
                hold.lower = number(&whole, "u") - 1;
                texts[0] = shifted(&whole, &["u"], -hold.lower);
            }
            Fault::RemoveAbsent => {
                let price = shapes.lowest(symbol);
                texts[0] = with_levels(&texts[0], &format!("[\"{price}\",\"0\"]"), "");
            }
            Fault::CrossedBook => {
                let price = shapes.crossing(symbol);
                let level = |qty: &str| format!("[\"{price}\",\"{qty}\"]");
                texts[0] = with_levels(&texts[0], &level("1"), "");
                hold.mends = Some((level("0"), String::new()));
            }
            Fault::EmptySide => {
                let whole = self.streams.told(topic);
                let level = |price, qty| shapes.level(symbol, price, qty);
                let gone: Vec<_> = whole.iter().map(|(price, _)| level(*price, 0)).collect();
                let back: Vec<_> = whole.iter().map(|(price, qty)| level(*price, *qty)).collect();
                texts[0] = without_bids(&texts[0], &gone.join(","));
                hold.mends = Some((back.join(","), String::new()));
            }
            _ => {}
        }
        texts
    }

    /// All connections, and for what they count.
    fn links(&self) -> Vec<(Link, Way)> {
        let public = self.streams.listeners().map(|one| (one.link.clone(), Way::Public));
        let others = self.sessions.values().map(|one| (one.link.clone(), one.way));
        public.chain(others).collect()
    }

    /// What goes wrong with connections now.
    pub(super) fn connection_faults(&mut self, now_ns: Nanos) {
        let plan = &self.sim.plan;
        let has_any = plan.has(Place::Connection) || plan.brings(Fault::Outage);
        if now_ns - self.looked_ns < LOOK_NS || !has_any {
            return;
        }
        self.looked_ns = now_ns;
        // One that is over, or not heard any more, has nothing left that could go wrong.
        let all: Vec<_> =
            self.links().into_iter().filter(|(link, _)| link.outbox.is_heard()).collect();
        for (link, way) in &all {
            let hook = Hook::new(Place::Connect).connection(kind_of(*way));
            if self.sim.plan.goes_on(Fault::Outage, &hook, now_ns).is_some() {
                link.outbox.end(End::Now);
                continue;
            }
            let hook = Hook::new(Place::Connection).connection(kind_of(*way));
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
                // Nothing announces it here: only the close comes.
                self.later.add(links::closes_at(action, now_ns), outbox, Due::Close(1001));
            }
            Fault::SessionExpired => {
                let session = self.sessions.get_mut(&link.id);
                let Some(session) = session.filter(|session| session.account.is_some()) else {
                    return self.sim.plan.missed(action);
                };
                session.log_out();
                let text = Object::new(TimeUnit::Milliseconds)
                    .truth("success", false)
                    .text("ret_msg", "Request not authorized")
                    .text("op", "auth")
                    .text("conn_id", &connection_id(link));
                outbox.text(text.done().as_bytes());
                outbox.close(1000, "");
            }
            _ => links::connection(action, outbox),
        }
    }
}

/// A whole number of a frame by its name.
fn number(text: &str, name: &str) -> i64 {
    let name = format!("\"{name}\":");
    let Some(at) = text.find(&name) else { return 0 };
    let digits: String = text[at + name.len()..].chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}
