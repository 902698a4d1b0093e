//! What the fault plan makes of requests and of their answers.

use std::net::IpAddr;

use crate::exchange::{AccountId, Nanos, Order, OrderRef, OrderStatus};
use crate::fault::{Action, ConnectionKind, Fault, Hook, Place, RequestKind};
use crate::venue::shared::fates::{self, fill, is_other_book, nanos};
use crate::venue::shared::glasses::Glasses;
use crate::wire::service::Fate;

use super::BinanceSpot;
use super::call::Call;
use super::codes::{self, Code};
use super::json::{Object, TimeUnit};
use super::rest::Admitted;
use super::service::terminated;

/// What becomes of a request.
pub(super) type Fated = fates::Fated<Result<(String, Option<AccountId>), Code>>;

/// What a call is about, in the words of fault plans.
fn kind_of(call: &Call) -> RequestKind {
    match call.socket {
        "order.place" => RequestKind::Place,
        "order.cancel" | "openOrders.cancelAll" | "orderList.cancel" => RequestKind::Cancel,
        "order.cancelReplace" => RequestKind::Replace,
        "order.amend.keepPriority" => RequestKind::Amend,
        "order.status" | "openOrders.status" | "allOrders" => RequestKind::Orders,
        "myTrades" => RequestKind::Fills,
        "account.status" | "account.commission" => RequestKind::Account,
        "depth" => RequestKind::Snapshot,
        "exchangeInfo" => RequestKind::Symbols,
        "time" | "ping" => RequestKind::Time,
        "order.modify" => RequestKind::Amend,
        "orderList.status" | "openOrderLists.status" | "allOrderLists" => RequestKind::Orders,
        socket if socket.starts_with("orderList.place") => RequestKind::Place,
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
            self.glasses = Glasses::of(action, now_ns);
        }
        self.snapshot_fault = snapshot.as_ref().map(|action| action.fault);
        let mut fated = Fated::of(self.perform(admitted, peer, is_socket, now_ns));
        let worn = std::mem::take(&mut self.glasses);
        // A snapshot takes the fault away when it has told another book.
        let is_left = self.snapshot_fault.take().is_some();
        if let Some(action) = snapshot {
            let is_book = is_other_book(action.fault);
            if fated.result.is_err() || is_book && is_left {
                self.sim.plan.missed(&action);
            }
            snapshot_fated(&action, &mut fated);
        }
        if let Some(action) = answer
            && !self.after(&action, admitted, &mut fated, (&worn, now_ns))
        {
            self.sim.plan.missed(&action);
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
        if !self.is_met(action.fault, admitted) {
            self.sim.plan.missed(action);
            return None;
        }
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
                let for_ns = action.params.retry_ms.map(|_| action.retry_ns(0));
                self.meters.exhaust(peer, is_ban, for_ns, now_ns);
                let code = self.meters.request(peer, 1, now_ns).err();
                refused(code.unwrap_or_else(|| Code::new(-1003, "Too many requests queued.")))
            }
            Fault::OrderCountLimit => {
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
            Fault::FilterRefused => {
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
                let order = self.named(admitted)?;
                let is_all = action.fault == Fault::FillBeforeCancel;
                let qty = if is_all { order.left() } else { order.left() / 2 };
                if !fill(&mut self.sim, &order, qty) {
                    self.sim.plan.missed(action);
                }
                None
            }
            Fault::Maintenance => refused(Code::new(-1016, "This service is no longer available.")),
            _ => None,
        }
    }

    /// Whether what a fault is about is there: an order, the order that is named, or anything.
    fn is_met(&self, fault: Fault, admitted: &Admitted) -> bool {
        let kind = kind_of(admitted.call);
        let is_open = || self.named(admitted).is_some_and(|order| order.status.is_open());
        match fault {
            Fault::OrderCountLimit | Fault::FilterRefused => admitted.call.counts_orders(),
            Fault::ReplaceHalfDone => kind == RequestKind::Replace,
            Fault::AmendRejected | Fault::FillBeforeAmend => {
                kind == RequestKind::Amend && is_open()
            }
            Fault::CancelRejected | Fault::FillBeforeCancel => {
                kind == RequestKind::Cancel && is_open()
            }
            _ => true,
        }
    }

    /// What goes wrong after it; whether anything did.
    fn after(
        &mut self,
        action: &Action,
        admitted: &Admitted,
        fated: &mut Fated,
        (worn, now_ns): (&Glasses, Nanos),
    ) -> bool {
        match action.fault {
            Fault::AnswerLost => *fated = lost(action),
            Fault::AnswerSlow => fated.after = nanos(action.delay_ns(1_000)),
            Fault::StaleAnswer | Fault::RecentOrdersEmpty => return worn.has_lied.get(),
            _ => {
                let Some(order) = self.placed(admitted) else { return false };
                return self.after_order(action, &order, fated, now_ns);
            }
        }
        true
    }

    /// The same of an order that was just placed, and rests.
    fn after_order(
        &mut self,
        action: &Action,
        order: &Order,
        fated: &mut Fated,
        now_ns: Nanos,
    ) -> bool {
        match action.fault {
            Fault::FillBeforeAck => {
                if !fill(&mut self.sim, order, order.left()) {
                    return false;
                }
                fated.events_first = true;
                fated.after = nanos(action.delay_ns(50));
                true
            }
            Fault::NotFoundYet => {
                self.not_found.retain(|_, until| *until > now_ns);
                self.not_found.insert(order.id, now_ns + action.delay_ns(1_000));
                if action.params.how.is_some() {
                    *fated = lost(action);
                }
                true
            }
            _ => fates::after_order(&mut self.sim, action, order).unwrap_or(false),
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
            // The order is not where the cancel looks for it. What becomes of the new one is as the
            // request says (`cancelReplaceMode`).
            params.set("cancelOrderId", "0");
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
    fn placed(&self, admitted: &Admitted) -> Option<Order> {
        if !admitted.call.counts_orders() {
            return None;
        }
        let symbol = self.sim.exchange.symbol_id(admitted.params.raw("symbol")?)?;
        let mut open = self.sim.exchange.open_orders(admitted.account?, Some(symbol));
        let order = match admitted.params.raw("newClientOrderId") {
            Some(name) => open.find(|order| &*order.client_id == name),
            None => open.last(),
        };
        order.filter(|order| order.status == OrderStatus::New).cloned()
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

/// An answer that does not say what was done.
fn lost(action: &Action) -> Fated {
    Fated::lost(Err(unknown(action)), action)
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
            if let Ok((json, _)) = &mut fated.result {
                fates::make_huge(json, action);
            }
        }
        _ => {}
    }
}
