//! Orders and executions of a session as clients see them, made from what its driver notes.

mod stored;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use qt_engine::OrderStatus as Stand;
use qt_engine::oms::OrderEnd;
use qt_runtime::live::Note;
use qt_types::{
    Asked, AskedFor, InstrumentSpec, OrderId, OrderKind as Kind, Payload, Price, Qty, RejectReason,
    StrategyId, TimeInForce as Tif,
};
use uuid::Uuid;

use super::ids::{execution_uid, order_uid};
use super::slots::Slots;
use super::told::DeniedOrder;
use super::units::{cash_amount, price_amount, qty_amount, scaled, shown_side};
use qt_trading::amount::Amount;
use qt_trading::ids::{AccountId, OrderUid};
use qt_trading::time::Time;
use qt_trading::{Execution, Order, OrderKind, OrderStatus, TimeInForce};

pub use stored::Written;

/// Orders that are over and still in memory.
const ENDED_KEPT: usize = 1_000;
/// Identifiers of orders that are over and not in memory any more, which must not be given again.
/// Older ones are in the store since long.
const PAST_KEPT: usize = 100_000;

/// What a note has changed.
#[derive(Debug)]
pub enum Changed {
    /// An order, and its place among all.
    Order(u64, Arc<Order>),
    /// There is a new execution; the instrument's position is another one.
    Executed(Arc<Execution>, qt_types::InstrumentId),
    /// The order at this place is in memory no more.
    Gone(u64),
    /// What somebody asked for was denied.
    Denied(Arc<DeniedOrder>),
}

/// All orders that are in memory.
#[derive(Debug)]
pub struct Orders {
    account: AccountId,
    specs: Vec<InstrumentSpec>,
    by_uid: HashMap<OrderUid, Kept>,
    by_id: HashMap<OrderId, OrderUid>,
    /// How many there ever were.
    count: u64,
    ended: VecDeque<OrderUid>,
    /// Orders that were in memory, oldest first.
    past: VecDeque<OrderUid>,
    past_uids: HashSet<OrderUid>,
    /// The name that a client gave the order that is asked for next.
    next_name: Option<(OrderUid, String)>,
    /// The names that clients gave, of orders that are in memory.
    names: HashSet<String>,
    /// What was asked for by the event before, and the number of the next one: the gate's denial
    /// comes at once, and a later one is of something else.
    asked: Option<(Asked, u64)>,
}

#[derive(Debug)]
struct Kept {
    id: OrderId,
    /// Its place among all.
    place: u64,
    order: Arc<Order>,
}

impl Orders {
    /// None.
    pub fn new(account: AccountId, specs: Vec<InstrumentSpec>) -> Self {
        Self {
            account,
            specs,
            by_uid: HashMap::new(),
            by_id: HashMap::new(),
            count: 0,
            ended: VecDeque::new(),
            past: VecDeque::new(),
            past_uids: HashSet::new(),
            next_name: None,
            names: HashSet::new(),
            asked: None,
        }
    }

    /// What a client calls the order that is asked for next. Where that is denied, or was never
    /// asked for, the name can be given again.
    pub fn name(&mut self, order: OrderUid, client_order_id: String) {
        self.next_name = Some((order, client_order_id));
    }

    /// Whether a client has given this name.
    pub fn is_named(&self, client_order_id: &str) -> bool {
        self.names.contains(client_order_id)
    }

    /// Whether there was an order of this identifier that is not in memory any more.
    pub fn is_past(&self, uid: OrderUid) -> bool {
        self.past_uids.contains(&uid)
    }

    /// The order.
    pub fn get(&self, uid: OrderUid) -> Option<&Arc<Order>> {
        self.by_uid.get(&uid).map(|kept| &kept.order)
    }

    /// The engine's name of it.
    pub fn id_of(&self, uid: OrderUid) -> Option<OrderId> {
        self.by_uid.get(&uid).map(|kept| kept.id)
    }

    /// Ours of an order of the engine.
    pub fn uid_of(&self, id: OrderId) -> Option<OrderUid> {
        self.by_id.get(&id.whole()).copied()
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.by_uid.len() - self.ended.len()
    }

    /// Takes in what happened to an order, which left at `sent_at`; what that changed goes to
    /// `changed`.
    pub fn take(
        &mut self,
        note: &Note,
        sent_at: Option<Time>,
        (slots, persons): (&Slots, &HashMap<u64, String>),
        changed: &mut Vec<Changed>,
    ) {
        self.take_denial(note, persons, changed);
        let asked = match &note.event.payload {
            Payload::Asked(asked) => match asked.what {
                AskedFor::Place { post_only, .. } => {
                    Some((OrderUid(Uuid::from_bytes(asked.outer)), post_only, asked.person))
                }
                _ => None,
            },
            _ => None,
        };
        let name = asked.and_then(|(uid, ..)| self.next_name.take().filter(|it| it.0 == uid));
        let Some(order) = &note.order else { return };
        let is_post_only = asked.is_some_and(|(_, post_only, _)| post_only);
        let placed_by = asked.and_then(|(.., person)| persons.get(&person)).cloned();
        let asked = asked.map(|(uid, ..)| uid);
        let known = self.by_id.get(&order.id).copied();
        let uid = known.or(asked).unwrap_or_else(|| order_uid(self.account, order.id));
        let at = Time(note.event.recv_ns.get());
        let Some(mut shown) = self.shown(uid, order, slots, at) else { return };
        if known.is_none() {
            // What a strategy asks for is heard of when the venue answers, and was decided before.
            shown.created_at = sent_at.map_or(at, |sent_at| sent_at.min(at));
        }
        shown.post_only |= is_post_only;
        shown.placed_by = shown.placed_by.or(placed_by);
        if let Some((_, name)) = name {
            self.names.insert(name.clone());
            shown.client_order_id = Some(name);
        }
        let is_final = shown.status.is_final();
        let was_final = self.get(uid).is_some_and(|was| was.status.is_final());
        self.keep(order.id, shown, changed);
        match (was_final, is_final) {
            (false, true) => self.end(uid, changed),
            // What had filled it was taken back.
            (true, false) => self.ended.retain(|ended| *ended != uid),
            _ => {}
        }
        self.take_execution(note, uid, changed);
    }

    /// Takes in what was asked for, and that the gate has denied it.
    fn take_denial(
        &mut self,
        note: &Note,
        persons: &HashMap<u64, String>,
        changed: &mut Vec<Changed>,
    ) {
        let seq = note.event.seq.get();
        let before = self.asked.take().filter(|(_, next)| *next == seq);
        let denied = match &note.event.payload {
            Payload::Asked(asked) => {
                self.asked = Some((*asked, seq + 1));
                return;
            }
            Payload::Denied(denied) => denied,
            _ => return,
        };
        let asked = before.map(|(asked, _)| asked).filter(|it| it.strategy == denied.strategy);
        let spec = self.specs.get(note.event.instrument.index());
        let (Some(asked), Some(spec)) = (asked, spec) else { return };
        changed.push(Changed::Denied(Arc::new(DeniedOrder {
            order: OrderUid(Uuid::from_bytes(asked.outer)),
            is_change: !matches!(asked.what, AskedFor::Place { .. }),
            person: persons.get(&asked.person).cloned(),
            symbol: spec.symbol().to_owned(),
            side: denied.side.map(shown_side),
            quantity: qty_amount(spec, denied.qty),
            control: denied.reason.text(),
        })));
    }

    /// `shown` takes the place of what was known of it, where it says anything else.
    fn keep(&mut self, id: OrderId, mut shown: Order, changed: &mut Vec<Changed>) {
        let uid = shown.id;
        let place = if let Some(was) = self.by_uid.get(&uid) {
            let updated_at = std::mem::replace(&mut shown.updated_at, was.order.updated_at);
            if *was.order == shown {
                return;
            }
            shown.updated_at = updated_at;
            was.place
        } else {
            self.count += 1;
            self.by_id.insert(id, uid);
            self.count
        };
        let order = Arc::new(shown);
        self.by_uid.insert(uid, Kept { id, place, order: Arc::clone(&order) });
        changed.push(Changed::Order(place, order));
    }

    fn take_execution(&self, note: &Note, uid: OrderUid, changed: &mut Vec<Changed>) {
        let (Some(fill), Some(order)) = (note.booked, &note.order) else { return };
        let Some(spec) = self.specs.get(order.instrument.index()) else { return };
        let Payload::Report(report) = &note.event.payload else { return };
        let execution = Arc::new(Execution {
            id: execution_uid(self.account, order.id, fill.exec),
            order_id: uid,
            strategy_id: self.get(uid).and_then(|order| order.strategy_id),
            symbol: spec.symbol().to_owned(),
            side: shown_side(order.side),
            price: price_amount(spec, fill.price),
            quantity: qty_amount(spec, fill.qty),
            fee: cash_amount(fill.fee),
            fee_currency: spec.currency().to_owned(),
            is_maker: report.liquidity == qt_types::Liquidity::Maker,
            executed_at: Time(note.event.venue_ns.get()),
        });
        changed.push(Changed::Executed(execution, order.instrument));
    }

    fn end(&mut self, uid: OrderUid, changed: &mut Vec<Changed>) {
        self.ended.push_back(uid);
        if self.ended.len() > ENDED_KEPT
            && let Some(oldest) = self.ended.pop_front()
            && let Some(kept) = self.by_uid.remove(&oldest)
        {
            self.by_id.remove(&kept.id);
            if let Some(name) = &kept.order.client_order_id {
                self.names.remove(name);
            }
            changed.push(Changed::Gone(kept.place));
            self.forget(oldest);
        }
    }

    /// Of an order that leaves memory its identifier stays.
    fn forget(&mut self, uid: OrderUid) {
        if !self.past_uids.insert(uid) {
            return;
        }
        self.past.push_back(uid);
        if self.past.len() > PAST_KEPT
            && let Some(oldest) = self.past.pop_front()
        {
            self.past_uids.remove(&oldest);
        }
    }

    fn shown(
        &self,
        uid: OrderUid,
        order: &qt_engine::Order,
        slots: &Slots,
        at: Time,
    ) -> Option<Order> {
        let spec = self.specs.get(order.instrument.index())?;
        let created_at = self.get(uid).map_or(at, |known| known.created_at);
        let (kind, price, stop_price) = kind_of(spec, order.kind);
        let filled = order.filled;
        let strategy_id = self
            .get(uid)
            .map_or_else(|| strategy_of(slots, order.strategy), |known| known.strategy_id);
        let (status, cancel_pending) = status_of(order);
        let reason = order.end_reason().filter(|reason| *reason != RejectReason::None);
        Some(Order {
            id: uid,
            client_order_id: self.get(uid).and_then(|known| known.client_order_id.clone()),
            strategy_id,
            symbol: spec.symbol().to_owned(),
            side: shown_side(order.side),
            kind,
            time_in_force: tif_of(order.tif),
            post_only: self.get(uid).is_some_and(|known| known.post_only),
            reduce_only: order.reduce_only,
            quantity: qty_amount(spec, order.qty),
            filled_quantity: qty_amount(spec, filled),
            price,
            stop_price,
            average_price: average(spec, order.cost(), filled),
            status,
            cancel_pending,
            reason: reason.map(|reason| reason.text().to_owned()),
            placed_by: self.get(uid).and_then(|known| known.placed_by.clone()),
            created_at,
            updated_at: at,
        })
    }
}

fn strategy_of(slots: &Slots, strategy: StrategyId) -> Option<qt_trading::ids::StrategyUid> {
    slots.strategy_of(strategy)
}

/// The mean price of `filled` lots for which `cost` (ticks times lots) was paid.
fn average(spec: &InstrumentSpec, cost: i128, filled: Qty) -> Option<Amount> {
    let lots = i128::from(filled.lots());
    (lots != 0).then(|| scaled(cost.saturating_mul(spec.tick_e9().into()) / lots, 9))
}

fn kind_of(spec: &InstrumentSpec, kind: Kind) -> (OrderKind, Option<Amount>, Option<Amount>) {
    let amount = |price: Price| Some(price_amount(spec, price));
    match kind {
        Kind::Market => (OrderKind::Market, None, None),
        Kind::Limit { price } => (OrderKind::Limit, amount(price), None),
        Kind::Stop { trigger } => (OrderKind::Stop, None, amount(trigger)),
        Kind::StopLimit { trigger, limit } => {
            (OrderKind::StopLimit, amount(limit), amount(trigger))
        }
        Kind::TakeProfit { trigger } => (OrderKind::TakeProfit, None, amount(trigger)),
        Kind::LimitIfTouched { trigger, limit } => {
            (OrderKind::StopLimit, amount(limit), amount(trigger))
        }
        // Only strategies have these; clients see what comes nearest.
        Kind::TrailingStop { .. } => (OrderKind::Stop, None, None),
        Kind::Pegged { .. } => (OrderKind::Limit, None, None),
    }
}

const fn tif_of(tif: Tif) -> TimeInForce {
    match tif {
        Tif::Gtc => TimeInForce::Gtc,
        // A day is told to the venue as the time of its end.
        Tif::Day | Tif::Gtd(_) => TimeInForce::Day,
        Tif::Ioc => TimeInForce::Ioc,
        Tif::Fok => TimeInForce::Fok,
    }
}

fn status_of(order: &qt_engine::Order) -> (OrderStatus, bool) {
    let working =
        if order.filled.is_zero() { OrderStatus::Open } else { OrderStatus::PartiallyFilled };
    let is_cancelling = order.pending() == qt_engine::oms::Pending::Cancel;
    let status = match order.status() {
        Stand::New | Stand::Sent => OrderStatus::Pending,
        Stand::Working | Stand::PartiallyFilled => working,
        Stand::PendingReplace | Stand::PendingCancel => match order.life() {
            qt_engine::oms::Life::New | qt_engine::oms::Life::Sent => OrderStatus::Pending,
            _ => working,
        },
        Stand::Unknown => OrderStatus::Unknown,
        Stand::Ended(OrderEnd::Filled) => OrderStatus::Filled,
        Stand::Ended(OrderEnd::Cancelled(_)) => OrderStatus::Cancelled,
        Stand::Ended(OrderEnd::Rejected(_)) => OrderStatus::Rejected,
        Stand::Ended(OrderEnd::Expired) => OrderStatus::Expired,
    };
    (status, is_cancelling && !status.is_final())
}

#[cfg(test)]
mod tests {
    use qt_types::{
        Denied, DenyReason, E9, Event, InstrumentId, InstrumentKind, Nanos, Seq, VenueId,
    };

    use super::*;

    fn note(seq: u64, payload: Payload) -> Note {
        let (recv_ns, venue_ns) = (Nanos::new(seq as i64), Nanos::new(seq as i64));
        let (instrument, venue) = (InstrumentId(0), VenueId(0));
        let event = Event { seq: Seq::new(seq), recv_ns, venue_ns, instrument, venue, payload };
        Note { event, order: None, booked: None }
    }

    fn asked(strategy: u16) -> Payload {
        let (side, kind) = (qt_types::Side::Buy, Kind::Market);
        let (tif, qty) = (Tif::Gtc, Qty::from_lots(5));
        let what = AskedFor::Place { side, kind, tif, qty, reduce_only: false, post_only: false };
        Payload::Asked(Asked { outer: [7; 16], person: 3, strategy: StrategyId(strategy), what })
    }

    fn denied(strategy: u16) -> Payload {
        Payload::Denied(Denied {
            order: OrderId::NONE,
            side: Some(qt_types::Side::Buy),
            qty: Qty::from_lots(5),
            reason: DenyReason::MaxOrderQty,
            strategy: StrategyId(strategy),
        })
    }

    #[test]
    fn only_the_denial_of_what_was_asked_is_that_of_a_person() {
        let spec = InstrumentSpec::new("X", "USD", InstrumentKind::Equity, E9, E9, E9).unwrap();
        let mut orders = Orders::new(AccountId(Uuid::nil()), vec![spec]);
        let (slots, persons) = (Slots::default(), HashMap::from([(3, "ann".to_owned())]));
        let mut denials = |notes: &[(u64, Payload)]| {
            let mut changed = Vec::new();
            for (seq, payload) in notes {
                orders.take(&note(*seq, *payload), None, (&slots, &persons), &mut changed);
            }
            let of = |it: &Changed| matches!(it, Changed::Denied(it) if it.person.is_some());
            changed.iter().filter(|it| of(it)).count()
        };
        assert_eq!(denials(&[(1, asked(0)), (2, denied(0)), (3, denied(0))]), 1, "at once, once");
        assert_eq!(denials(&[(10, asked(2)), (12, denied(2))]), 0, "what the strategy asked later");
        assert_eq!(denials(&[(20, asked(0)), (21, denied(1))]), 0, "another strategy's");
        assert_eq!(denials(&[(30, denied(0))]), 0, "nobody asked");
    }
}
