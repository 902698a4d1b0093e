//! Orders and executions of a session as clients see them, made from what its driver notes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use qt_engine::OrderStatus as Stand;
use qt_engine::oms::OrderEnd;
use qt_runtime::live::Note;
use qt_types::{
    AskedFor, InstrumentSpec, OrderId, OrderKind as Kind, Payload, Price, Qty, RejectReason,
    StrategyId, TimeInForce as Tif,
};
use uuid::Uuid;

use super::ids::{execution_uid, order_uid};
use super::slots::Slots;
use super::units::{cash_amount, price_amount, qty_amount, scaled, shown_side};
use qt_trading::amount::Amount;
use qt_trading::ids::{AccountId, OrderUid};
use qt_trading::time::Time;
use qt_trading::{Execution, Order, OrderKind, OrderStatus, TimeInForce};

/// Orders that are over and still in memory.
const ENDED_KEPT: usize = 1_000;
/// Identifiers of orders that are over and not in memory any more, which must not be given again.
/// Older ones are in the store since long.
const PAST_KEPT: usize = 100_000;
/// Executions in memory.
const EXECUTIONS_KEPT: usize = 1_000;

/// What a note has changed.
#[derive(Debug)]
pub enum Changed {
    /// An order.
    Order(Arc<Order>),
    /// There is a new execution; the instrument's position is another one.
    Executed(Arc<Execution>, qt_types::InstrumentId),
}

/// All orders and executions that are in memory.
#[derive(Debug)]
pub struct Orders {
    account: AccountId,
    specs: Vec<InstrumentSpec>,
    by_uid: HashMap<OrderUid, Kept>,
    by_id: HashMap<OrderId, OrderUid>,
    /// Oldest first.
    sequence: VecDeque<OrderUid>,
    ended: VecDeque<OrderUid>,
    /// Orders that were in memory, oldest first.
    past: VecDeque<OrderUid>,
    past_uids: HashSet<OrderUid>,
    executions: VecDeque<Arc<Execution>>,
    /// The names that clients gave, of orders that are in memory or are asked for next.
    clients: HashMap<OrderUid, String>,
    names: HashSet<String>,
}

#[derive(Debug)]
struct Kept {
    id: OrderId,
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
            sequence: VecDeque::new(),
            ended: VecDeque::new(),
            past: VecDeque::new(),
            past_uids: HashSet::new(),
            executions: VecDeque::new(),
            clients: HashMap::new(),
            names: HashSet::new(),
        }
    }

    /// What a client calls the order that is asked for next.
    pub fn name(&mut self, order: OrderUid, client_order_id: String) {
        self.names.insert(client_order_id.clone());
        self.clients.insert(order, client_order_id);
    }

    /// The order was denied: its name can be given again.
    pub fn unname(&mut self, order: OrderUid) {
        if let Some(name) = self.clients.remove(&order) {
            self.names.remove(&name);
        }
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

    /// All, newest first.
    pub fn newest(&self) -> Vec<Arc<Order>> {
        let newest = self.sequence.iter().rev().filter_map(|uid| self.get(*uid));
        newest.cloned().collect()
    }

    /// All executions, newest first.
    pub fn executions(&self) -> Vec<Arc<Execution>> {
        self.executions.iter().rev().cloned().collect()
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.sequence.len() - self.ended.len()
    }

    /// Takes in what happened; what that changed goes to `changed`.
    pub fn take(&mut self, note: &Note, slots: &Slots, changed: &mut Vec<Changed>) {
        let Some(order) = &note.order else { return };
        let asked = match &note.event.payload {
            Payload::Asked(asked) => match asked.what {
                AskedFor::Place { post_only, .. } => {
                    Some((OrderUid(Uuid::from_bytes(asked.outer)), post_only))
                }
                _ => None,
            },
            _ => None,
        };
        let is_post_only = asked.is_some_and(|(_, post_only)| post_only);
        let asked = asked.map(|(uid, _)| uid);
        let known = self.by_id.get(&order.id).copied();
        let uid = known.or(asked).unwrap_or_else(|| order_uid(self.account, order.id));
        let at = Time(note.event.recv_ns.get());
        let Some(mut shown) = self.shown(uid, order, slots, at) else { return };
        shown.post_only |= is_post_only;
        let is_final = shown.status.is_final();
        let was = self.by_uid.get(&uid).map(|kept| Arc::clone(&kept.order));
        let was_final = was.as_ref().is_some_and(|was| was.status.is_final());
        let is_same = was.as_ref().is_some_and(|was| same_but_time(was, &shown));
        if !is_same {
            let order_now = Arc::new(shown);
            let kept = Kept { id: order.id, order: Arc::clone(&order_now) };
            if self.by_uid.insert(uid, kept).is_none() {
                self.by_id.insert(order.id, uid);
                self.sequence.push_back(uid);
            }
            changed.push(Changed::Order(order_now));
        }
        match (was_final, is_final) {
            (false, true) => self.end(uid),
            // What had filled it was taken back.
            (true, false) => self.ended.retain(|ended| *ended != uid),
            _ => {}
        }
        self.take_execution(note, uid, changed);
    }

    fn take_execution(&mut self, note: &Note, uid: OrderUid, changed: &mut Vec<Changed>) {
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
        if self.executions.len() == EXECUTIONS_KEPT {
            self.executions.pop_front();
        }
        self.executions.push_back(Arc::clone(&execution));
        changed.push(Changed::Executed(execution, order.instrument));
    }

    fn end(&mut self, uid: OrderUid) {
        self.ended.push_back(uid);
        if self.ended.len() > ENDED_KEPT
            && let Some(oldest) = self.ended.pop_front()
            && let Some(kept) = self.by_uid.remove(&oldest)
        {
            self.by_id.remove(&kept.id);
            self.clients.remove(&oldest);
            self.sequence.retain(|uid| *uid != oldest);
            self.forget(oldest);
        }
    }

    /// Of an order that leaves memory its identifier stays.
    fn forget(&mut self, uid: OrderUid) {
        self.past.push_back(uid);
        self.past_uids.insert(uid);
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
            client_order_id: self.clients.get(&uid).cloned(),
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
            created_at,
            updated_at: at,
        })
    }
}

fn strategy_of(slots: &Slots, strategy: StrategyId) -> Option<qt_trading::ids::StrategyUid> {
    slots.strategy_of(strategy)
}

fn same_but_time(was: &Order, is: &Order) -> bool {
    let is = Order { updated_at: was.updated_at, ..is.clone() };
    *was == is
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
