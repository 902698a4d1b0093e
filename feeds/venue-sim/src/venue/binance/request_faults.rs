//! What the fault plan makes of requests and of their answers.

use std::net::IpAddr;
use std::time::Duration;

use crate::exchange::{
    AccountId, Cancel, Nanos, Order, OrderRef, OrderStatus, Qty, Side, SymbolId,
};
use crate::fault::{Action, ConnectionKind, Fault, Hook, Place, RequestKind};
use crate::wire::service::Fate;

use super::BinanceSpot;
use super::call::Call;
use super::codes::{self, Code};
use super::json::{Object, TimeUnit};
use super::rest::Admitted;
use super::service::terminated;

/// What becomes of a request.
pub(super) struct Fated {
    pub(super) result: Result<(String, Option<AccountId>), Code>,
    pub(super) after: Duration,
    pub(super) fate: Fate,
    /// Whether what happened is told before the answer.
    pub(super) events_first: bool,
}

impl Fated {
    pub(super) fn of(result: Result<(String, Option<AccountId>), Code>) -> Self {
        Self { result, after: Duration::ZERO, fate: Fate::Whole, events_first: false }
    }
}

/// What queries are told for the time of one request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Glasses {
    /// Orders as they stood then.
    pub(super) as_of_ns: Option<Nanos>,
    /// Orders that have ended are not found.
    pub(super) hides_ended: bool,
}

/// What a call is about, in the words of fault plans.
fn kind_of(call: &Call) -> RequestKind {
    match call.socket {
        "order.place" => RequestKind::Place,
        "order.cancel" | "openOrders.cancelAll" => RequestKind::Cancel,
        "order.cancelReplace" => RequestKind::Replace,
        "order.amend.keepPriority" => RequestKind::Amend,
        "order.status" | "openOrders.status" | "allOrders" => RequestKind::Orders,
        "myTrades" => RequestKind::Fills,
        "account.status" | "account.commission" => RequestKind::Account,
        "depth" => RequestKind::Snapshot,
        "exchangeInfo" => RequestKind::Symbols,
        "time" | "ping" => RequestKind::Time,
        "order.modify" => RequestKind::Amend,
        _ => match call.rest.1 {
            "/fapi/v1/allOpenOrders" => RequestKind::Cancel,
            "/fapi/v1/openOrders" | "/fapi/v1/openOrder" | "/fapi/v1/allOrders" => {
                RequestKind::Orders
            }
            "/fapi/v1/userTrades" => RequestKind::Fills,
            path if path.ends_with("/balance") || path.ends_with("/positionRisk") => {
                RequestKind::Account
            }
            "/fapi/v3/account" => RequestKind::Account,
            _ => RequestKind::Other,
        },
    }
}

fn nanos(ns: Nanos) -> Duration {
    Duration::from_nanos(u64::try_from(ns).unwrap_or(0))
}

impl BinanceSpot {
    /// The plan's word at a place of a request.
    fn asked(
        &mut self,
        place: Place,
        admitted: &Admitted,
        is_socket: bool,
        now_ns: Nanos,
    ) -> Option<Action> {
        if !self.sim.plan.has(place) {
            return None;
        }
        let exchange = &self.sim.exchange;
        let account = admitted.account.and_then(|id| exchange.account_name(id)).map(str::to_owned);
        let connection = if is_socket { ConnectionKind::Api } else { ConnectionKind::Rest };
        let mut hook = Hook::new(place).connection(connection).request(kind_of(admitted.call));
        hook.account = account.as_deref();
        hook.symbol = admitted.params.raw("symbol");
        self.sim.plan.at(&hook, now_ns)
    }

    /// Performs a request as the plan has it.
    pub(super) fn fated(
        &mut self,
        admitted: &Admitted,
        peer: IpAddr,
        is_socket: bool,
        now_ns: Nanos,
    ) -> Fated {
        if let Some(action) = self.asked(Place::Request, admitted, is_socket, now_ns)
            && let Some(fated) = self.before(&action, admitted, peer, now_ns)
        {
            return fated;
        }
        let answer = self.asked(Place::Answer, admitted, is_socket, now_ns);
        let is_snapshot = kind_of(admitted.call) == RequestKind::Snapshot;
        let snapshot = if is_snapshot {
            self.asked(Place::Snapshot, admitted, is_socket, now_ns)
        } else {
            None
        };
        if let Some(action) = &answer {
            self.glasses = glasses(action, now_ns);
        }
        self.snapshot_fault = snapshot.as_ref().map(|action| action.fault);
        let mut fated = Fated::of(self.perform(admitted, peer, is_socket, now_ns));
        self.glasses = Glasses::default();
        self.snapshot_fault = None;
        if let Some(action) = snapshot {
            snapshot_fated(&action, &mut fated);
        }
        if let Some(action) = answer {
            self.after(&action, admitted, &mut fated, now_ns);
        }
        fated
    }

    /// What goes wrong before a request is performed; nothing when it is performed all the same.
    fn before(
        &mut self,
        action: &Action,
        admitted: &Admitted,
        peer: IpAddr,
        now_ns: Nanos,
    ) -> Option<Fated> {
        let refused = |code: Code| Some(Fated::of(Err(code)));
        let is_order = admitted.call.is_order();
        match action.fault {
            Fault::OrderLost => Some(lost(action)),
            Fault::UnknownError => refused(unknown(action)),
            Fault::SignatureRefused => {
                refused(Code::new(-1022, "Signature for this request is not valid."))
            }
            Fault::KeyRevoked | Fault::TokenExpired => {
                if let Some(account) = admitted.account {
                    self.revoke(account, now_ns);
                }
                refused(codes::rejected_key())
            }
            Fault::RateLimited | Fault::Banned => {
                let is_ban = action.fault == Fault::Banned;
                self.meters.exhaust(peer, is_ban, now_ns);
                let code = self.meters.request(peer, 1, now_ns).err();
                refused(code.unwrap_or_else(|| Code::new(-1003, "Too many requests queued.")))
            }
            Fault::OrderCountLimit if is_order => {
                let max = self.meters.limits.orders_per_10_seconds;
                let msg =
                    format!("Too many new orders; current limit is {max} orders per 10 SECOND.");
                refused(Code::new(-1015, msg))
            }
            Fault::HiddenWeight => {
                // Others use it: what it costs is seen in the header of the answer.
                let weight = action.params.by.unwrap_or(1_000);
                let refusal = self.meters.request(peer, weight, now_ns).err();
                refusal.map(|code| Fated::of(Err(code)))
            }
            Fault::FilterRefused if is_order => {
                let rule = action.params.rule.as_deref().unwrap_or("LOT_SIZE");
                refused(Code::new(-1013, format!("Filter failure: {rule}")))
            }
            Fault::AmendRejected => {
                let msg = "The requested action would result in no change or an increase.";
                refused(Code::new(-2038, msg))
            }
            Fault::CancelRejected => refused(Code::new(-2011, "Unknown order sent.")),
            Fault::ReplaceHalfDone => self.half(action, admitted, peer, now_ns),
            Fault::FillBeforeCancel | Fault::FillBeforeAmend => {
                if let Some(order) = self.named(admitted) {
                    let is_all = action.fault == Fault::FillBeforeCancel;
                    let qty = if is_all { order.left() } else { order.left() / 2 };
                    self.fill(&order, qty);
                }
                None
            }
            Fault::Maintenance => refused(Code::new(-1016, "This service is no longer available.")),
            _ => None,
        }
    }

    /// What goes wrong after it.
    fn after(&mut self, action: &Action, admitted: &Admitted, fated: &mut Fated, now_ns: Nanos) {
        match action.fault {
            Fault::AnswerLost => *fated = lost(action),
            Fault::AnswerSlow => fated.after = nanos(action.delay_ns(1_000)),
            Fault::FillBeforeAck => {
                if let Some(order) = self.last_order(admitted) {
                    self.fill(&order, order.left());
                }
                fated.events_first = true;
                fated.after = nanos(action.delay_ns(50));
            }
            Fault::NotFoundYet => {
                self.not_found.retain(|_, until| *until > now_ns);
                if let Some(order) = self.last_order(admitted) {
                    self.not_found.insert(order.id, now_ns + action.delay_ns(1_000));
                }
            }
            Fault::ExpireOrder | Fault::PartialThenCancel | Fault::PartialFills => {
                let Some(order) = self.last_order(admitted) else { return };
                if action.fault == Fault::PartialFills {
                    let parts = action.params.parts.unwrap_or(3).clamp(1, 1_000);
                    self.fill_in_parts(&order, Qty::try_from(parts).unwrap_or(1));
                    return;
                }
                if action.fault == Fault::PartialThenCancel {
                    self.fill(&order, order.left() / 2);
                }
                let cancel = Cancel { order: OrderRef::id(order.id), ..Cancel::default() };
                // An order that is filled by now needs no end.
                let _ = self.sim.exchange.cancel(order.account, order.symbol, &cancel);
            }
            _ => {}
        }
    }

    /// One half of a cancel-replace fails.
    fn half(
        &mut self,
        action: &Action,
        admitted: &Admitted,
        peer: IpAddr,
        now_ns: Nanos,
    ) -> Option<Fated> {
        let mut params = admitted.params.clone();
        if action.params.part.as_deref() == Some("cancel") {
            // The order is not where the cancel looks for it.
            params.set("cancelOrderId", "0");
            params.set("cancelReplaceMode", "ALLOW_FAILURE");
        } else {
            // More than anybody owns.
            params.set("quantity", "8999");
        }
        let Admitted { call, account, unit, .. } = *admitted;
        let other = Admitted { call, params, account, unit };
        Some(Fated::of(self.perform(&other, peer, false, now_ns)))
    }

    /// The order that a request names.
    fn named(&self, admitted: &Admitted) -> Option<Order> {
        let params = &admitted.params;
        let symbol = self.sim.exchange.symbol_id(params.raw("symbol")?)?;
        let id = params.raw("orderId").and_then(|text| text.parse().ok());
        let client_id = params.raw("origClientOrderId").map(Into::into);
        let order = self.sim.exchange.order(admitted.account?, symbol, &OrderRef { id, client_id });
        order.cloned()
    }

    /// The order that a request has placed, if it can still trade.
    fn last_order(&self, admitted: &Admitted) -> Option<Order> {
        if !admitted.call.counts_orders() {
            return None;
        }
        let symbol = self.sim.exchange.symbol_id(admitted.params.raw("symbol")?)?;
        let last = self.sim.exchange.open_orders(admitted.account?, Some(symbol)).last();
        last.filter(|order| order.status == OrderStatus::New).cloned()
    }

    /// Fills a part of an order that rests, at its price.
    fn fill(&mut self, order: &Order, qty: Qty) {
        if !order.is_working() || order.price == 0 || qty <= 0 {
            return;
        }
        self.clear_way(order.symbol, order.side, order.price);
        let taker = order.side.opposite();
        self.sim.exchange.market_take(order.symbol, taker, order.price, qty);
    }

    fn fill_in_parts(&mut self, order: &Order, parts: Qty) {
        let step = self.sim.exchange.symbol(order.symbol).map_or(1, |spec| spec.filters.lot.step);
        let part = (order.left() / parts / step.max(1) * step).max(step);
        let mut left = order.left();
        while left > 0 {
            let qty = if left < 2 * part { left } else { part };
            self.fill(order, qty);
            left -= qty;
        }
    }

    /// Takes away what the market has before and at a price.
    fn clear_way(&mut self, symbol: SymbolId, side: Side, price: i64) {
        let depth = self.sim.exchange.depth(symbol, usize::MAX);
        let levels = if side == Side::Buy { depth.bids } else { depth.asks };
        for (at, _) in levels {
            let is_before = if side == Side::Buy { at >= price } else { at <= price };
            if is_before {
                self.sim.exchange.market_level(symbol, side, at, 0);
            }
        }
    }

    /// Takes the keys of an account away and tells every connection that used them.
    fn revoke(&mut self, account: AccountId, now_ns: Nanos) {
        self.keys.revoke(account, true);
        let refusal = Object::new(TimeUnit::Milliseconds)
            .raw("id", "null")
            .number("status", 401)
            .raw("error", &codes::rejected_key().json())
            .done();
        for session in self.sessions.values_mut().filter(|session| session.serves(account)) {
            let unit = session.unit;
            for id in session.subscriptions.keys() {
                session.link.outbox.text(terminated(*id, unit, now_ns).as_bytes());
            }
            session.link.outbox.text(refusal.as_bytes());
            session.log_out();
        }
    }
}

fn glasses(action: &Action, now_ns: Nanos) -> Glasses {
    match action.fault {
        Fault::StaleAnswer => {
            Glasses { as_of_ns: Some(now_ns - action.delay_ns(1_000)), hides_ended: false }
        }
        Fault::RecentOrdersEmpty => Glasses { as_of_ns: None, hides_ended: true },
        _ => Glasses::default(),
    }
}

/// An answer that does not say what was done.
fn lost(action: &Action) -> Fated {
    let mut fated = Fated::of(Err(unknown(action)));
    match action.params.how.as_deref() {
        Some("drop") => fated.fate = Fate::Reset,
        Some("silence") => fated.fate = Fate::Never,
        _ => {}
    }
    fated
}

fn unknown(action: &Action) -> Code {
    let mut code = match action.params.code {
        Some(-1006) => Code::new(
            -1006,
            "An unexpected response was received from the message bus. Execution status unknown.",
        ),
        Some(-1001) => {
            Code::new(-1001, "Internal error; unable to process your request. Please try again.")
        }
        _ => codes::unknown_outcome(),
    };
    if let Some(status) = action.params.status {
        code.status = status;
    }
    code
}

fn snapshot_fated(action: &Action, fated: &mut Fated) {
    match action.fault {
        Fault::SnapshotRefused => {
            let status = action.params.status.unwrap_or(429);
            let mut code = if status == 429 || status == 418 {
                Code::new(-1003, "Too many requests queued.")
            } else {
                Code::new(-1008, "Server is currently overloaded with other requests.")
            };
            code.status = status;
            code.retry_after = Some((action.retry_ns(1_000) / 1_000_000_000).max(1));
            fated.result = Err(code);
        }
        Fault::SnapshotTimeout => fated.fate = Fate::Never,
        Fault::SnapshotSlow => fated.after = nanos(action.delay_ns(5_000)),
        Fault::HugeFrame => {
            let bytes = action.params.bytes.unwrap_or(10_000_000).min(64_000_000);
            if let Ok((json, _)) = &mut fated.result {
                let missing = usize::try_from(bytes).unwrap_or(0).saturating_sub(json.len());
                json.push_str(&" ".repeat(missing));
            }
        }
        _ => {}
    }
}
