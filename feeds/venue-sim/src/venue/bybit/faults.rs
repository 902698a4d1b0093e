//! What the fault plan makes of requests and of their answers.

use std::net::IpAddr;

use crate::exchange::{AccountId, Nanos, Order, OrderStatus};
use crate::fault::{Action, ConnectionKind, Fault, Hook, Place, RequestKind};
use crate::venue::shared::fates::{self, fill, is_other_book, nanos};
use crate::venue::shared::glasses::Glasses;
use crate::venue::shared::json::{Object, TimeUnit};
use crate::wire::service::Fate;

use super::Bybit;
use super::call::{Outcome, Told};
use super::codes::{self, Code};
use super::profile::Category;
use super::rest::Admitted;
use super::sessions::connection_id;
use super::trading::taken;

/// What becomes of a request.
pub(super) type Fated = fates::Fated<Outcome>;

impl Bybit {
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
        let mut hook = Hook::new(place).connection(connection).request(admitted.call.kind);
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
        let snapshot = if admitted.call.kind == RequestKind::Snapshot {
            self.asked(Place::Snapshot, admitted, is_socket, now_ns)
        } else {
            None
        };
        if let Some(action) = &answer {
            self.glasses = Glasses::of(action, now_ns);
        }
        self.snapshot_fault = snapshot.as_ref().map(|action| action.fault);
        let mut fated = Fated::of(self.perform(admitted, now_ns));
        self.is_vain = false;
        let worn = std::mem::take(&mut self.glasses);
        // A snapshot takes the fault away when it has told another book.
        let is_left = self.snapshot_fault.take().is_some();
        if let Some(action) = snapshot {
            if fated.result.is_err() || is_other_book(action.fault) && is_left {
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
        let category = self.category;
        if !self.is_met(action.fault, admitted) {
            self.sim.plan.missed(action);
            return None;
        }
        match action.fault {
            Fault::OrderLost => Some(Fated::lost(Err(unknown(action)), action)),
            Fault::UnknownError => refused(unknown(action)),
            Fault::SignatureRefused => refused(codes::bad_sign()),
            Fault::KeyRevoked | Fault::TokenExpired => {
                if let Some(account) = admitted.account {
                    self.revoke(account);
                }
                let is_old = action.fault == Fault::TokenExpired;
                let old = Code::new(33004, "Your api key has expired.");
                refused(if is_old { old } else { codes::invalid_key() })
            }
            Fault::RateLimited => {
                if let (Some(account), true) = (admitted.account, action.params.retry_ms.is_some())
                {
                    self.meters.refuse(account, action.retry_ns(0), now_ns);
                }
                refused(codes::too_many())
            }
            Fault::Banned => {
                let for_ns = action.params.retry_ms.map(|_| action.retry_ns(0));
                self.meters.ban(peer, for_ns, now_ns);
                refused(codes::banned())
            }
            Fault::OrderCountLimit => refused(match category {
                Category::Spot => Code::new(170005, "Too many new orders."),
                Category::Linear => codes::too_many(),
            }),
            Fault::HiddenWeight => self.used_by_others(action, admitted, now_ns),
            Fault::FilterRefused => {
                let rule = action.params.rule.as_deref().unwrap_or("LOT_SIZE");
                refused(codes::of_rule_name(category, rule))
            }
            Fault::AmendRejected => refused(codes::unchanged()),
            Fault::CancelRejected => refused(codes::no_such_order(category)),
            Fault::FillBeforeCancel => self.too_late(action, admitted, now_ns),
            Fault::FillBeforeAmend => {
                let order = self.meant(admitted)?;
                if !fill(&mut self.sim, &order, order.left() / 2) {
                    self.sim.plan.missed(action);
                }
                None
            }
            Fault::PostOnlyCancel => {
                self.is_vain = true;
                None
            }
            Fault::Maintenance => {
                refused(Code::new(10016, "Service is restarting, please try again later."))
            }
            _ => None,
        }
    }

    /// Others use so much of what the account may ask for in a second.
    fn used_by_others(
        &mut self,
        action: &Action,
        admitted: &Admitted,
        now_ns: Nanos,
    ) -> Option<Fated> {
        let count = action.params.by.unwrap_or(1).min(1_000);
        let (account, meter) = (admitted.account?, admitted.call.meter);
        let mut one = || self.meters.call(account, meter, 1, now_ns).is_ok();
        let is_enough = (0..count).all(|_| one());
        (!is_enough).then(|| Fated::of(Err(codes::too_many())))
    }

    /// The order is filled before its cancel comes. The cancel is taken all the same, and told of
    /// as a second fill.
    fn too_late(&mut self, action: &Action, admitted: &Admitted, now_ns: Nanos) -> Option<Fated> {
        let order = self.meant(admitted)?;
        if !fill(&mut self.sim, &order, order.left()) {
            self.sim.plan.missed(action);
            return None;
        }
        let number = order.id;
        self.tell(now_ns);
        if let Some(order) = self.exchange().order_by_id(number).cloned() {
            self.tell_too_late(&order, now_ns);
        }
        Some(Fated::of(Ok(taken(self.category, &order).into())))
    }

    /// Whether what a fault is about is there: an order, the order that is named, or anything.
    fn is_met(&self, fault: Fault, admitted: &Admitted) -> bool {
        let kind = admitted.call.kind;
        let is_open = || self.meant(admitted).is_some_and(|order| order.status.is_open());
        match fault {
            Fault::OrderCountLimit | Fault::FilterRefused => admitted.call.is_create(),
            Fault::PostOnlyCancel => {
                let is_post_only = admitted.params.raw("timeInForce") == Some("PostOnly");
                admitted.call.is_create() && is_post_only
            }
            // There is no such request.
            Fault::ReplaceHalfDone => false,
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
            Fault::AnswerLost => *fated = Fated::lost(Err(unknown(action)), action),
            Fault::AnswerSlow => fated.after = nanos(action.delay_ns(1_000)),
            Fault::StaleAnswer | Fault::RecentOrdersEmpty => return worn.has_lied.get(),
            _ => {
                let Some(order) = self.placed(admitted, fated) else { return false };
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
                    *fated = Fated::lost(Err(unknown(action)), action);
                }
                true
            }
            _ => fates::after_order(&mut self.sim, action, order).unwrap_or(false),
        }
    }

    /// The order that a request names.
    fn meant(&self, admitted: &Admitted) -> Option<Order> {
        let symbol = self.exchange().symbol_id(admitted.params.raw("symbol")?)?;
        let name = self.named(&admitted.params).ok()?;
        self.exchange().order(admitted.account?, symbol, &name).cloned()
    }

    /// The order that a request has placed, if it can still trade.
    fn placed(&self, admitted: &Admitted, fated: &Fated) -> Option<Order> {
        if !admitted.call.is_create() || fated.result.is_err() {
            return None;
        }
        let symbol = self.exchange().symbol_id(admitted.params.raw("symbol")?)?;
        let last = self.exchange().orders(admitted.account?, symbol, 0).next_back();
        last.filter(|order| order.status == OrderStatus::New).cloned()
    }

    /// Takes the keys of an account away and tells every connection that used them.
    pub(super) fn revoke(&mut self, account: AccountId) {
        self.keys.revoke(account, true);
        for session in self.sessions.values_mut().filter(|one| one.account == Some(account)) {
            session.log_out();
            let text = Object::new(TimeUnit::Milliseconds)
                .truth("success", false)
                .text("ret_msg", "API key is invalid.")
                .text("op", "auth")
                .text("conn_id", &connection_id(&session.link))
                .done();
            session.link.outbox.text(text.as_bytes());
            session.link.outbox.close(1000, "");
        }
    }
}

fn unknown(action: &Action) -> Code {
    let mut code = match action.params.code {
        Some(10016) => codes::internal(),
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
            let status = action.params.status.unwrap_or(403);
            let code = if status == 403 { codes::banned() } else { codes::internal() };
            fated.result = Err(code.with_status(status));
        }
        Fault::SnapshotTimeout => fated.fate = Fate::Never,
        Fault::SnapshotSlow => fated.after = nanos(action.delay_ns(5_000)),
        Fault::HugeFrame => {
            if let Ok(Told { result, .. }) = &mut fated.result {
                fates::make_huge(result, action);
            }
        }
        _ => {}
    }
}
