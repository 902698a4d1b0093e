//! What the fault plan makes of requests and of their answers.

use crate::exchange::{AccountId, Nanos, Order, OrderStatus, SymbolId};
use crate::fault::{Action, ConnectionKind, Fault, Hook, Place, RequestKind};
use crate::venue::shared::fates::{self, fill, is_other_book, nanos};
use crate::venue::shared::glasses::Glasses;

use super::Kraken;
use super::errors::{Refused, orders_limited, rate_limited, unavailable, unknown_order};
use super::fields::Fields;
use super::listing::pair_of;

/// A request, for the plan.
pub(super) struct Asked<'a> {
    pub(super) kind: RequestKind,
    pub(super) connection: ConnectionKind,
    pub(super) account: Option<AccountId>,
    pub(super) fields: &'a Fields,
}

/// What becomes of a request.
pub(super) type Fated<T> = fates::Fated<Result<T, Refused>>;

impl Kraken {
    /// The pair that a request names.
    fn asked_symbol(&self, asked: &Asked<'_>) -> Option<SymbolId> {
        let name = asked.fields.text("pair").or_else(|| asked.fields.text("symbol"));
        name.and_then(|name| pair_of(self.exchange(), name))
            .or_else(|| self.asked_order(asked).map(|order| order.symbol))
    }

    /// The open order that a request names first.
    fn asked_order(&self, asked: &Asked<'_>) -> Option<Order> {
        let account = asked.account?;
        for field in ["txid", "order_id", "cl_ord_id", "orders"] {
            let names = asked.fields.list(field).unwrap_or_default();
            if let Some(name) = names.first() {
                return self.meant(account, name).into_iter().next();
            }
        }
        let mut open = self.exchange().open_orders(account, None);
        let is_all = asked.kind == RequestKind::Cancel;
        open.next().filter(|_| is_all).cloned()
    }

    /// The order that a request has placed, if it can still trade.
    fn placed_order(&self, asked: &Asked<'_>) -> Option<Order> {
        if !matches!(asked.kind, RequestKind::Place | RequestKind::Replace) {
            return None;
        }
        let mut open: Vec<&Order> = self.exchange().open_orders(asked.account?, None).collect();
        open.sort_by_key(|order| order.id);
        let newest = open.pop().filter(|order| order.created_ns == self.exchange().now_ns());
        newest.filter(|order| order.status == OrderStatus::New).cloned()
    }

    /// The plan's word at a place of a request.
    fn plan_at(&mut self, place: Place, asked: &Asked<'_>, now_ns: Nanos) -> Option<Action> {
        if !self.sim.plan.has(place) {
            return None;
        }
        let symbol = self.asked_symbol(asked).map(|symbol| self.pair_name(symbol));
        let exchange = &self.sim.exchange;
        let account = asked.account.and_then(|id| exchange.account_name(id)).map(str::to_owned);
        let mut hook = Hook::new(place).connection(asked.connection).request(asked.kind);
        hook.account = account.as_deref();
        hook.symbol = symbol.as_deref();
        self.sim.plan.at(&hook, now_ns)
    }

    /// Performs a request as the plan has it.
    pub(super) fn fated<T: Padded>(
        &mut self,
        asked: &Asked<'_>,
        now_ns: Nanos,
        perform: impl FnOnce(&mut Self) -> Result<T, Refused>,
    ) -> Fated<T> {
        if let Some(action) = self.plan_at(Place::Request, asked, now_ns)
            && let Some(fated) = self.before(&action, asked, now_ns)
        {
            return fated;
        }
        let answer = self.plan_at(Place::Answer, asked, now_ns);
        let is_snapshot = asked.kind == RequestKind::Snapshot;
        let snapshot =
            if is_snapshot { self.plan_at(Place::Snapshot, asked, now_ns) } else { None };
        if let Some(action) = &answer {
            self.glasses = Glasses::of(action, now_ns);
        }
        self.snapshot_fault = snapshot.as_ref().map(|action| action.fault);
        let mut fated = Fated::of(perform(self));
        if let Some(action) = self.vain.take() {
            self.sim.plan.missed(&action);
        }
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
            && !self.after(&action, asked, &mut fated, (&worn, now_ns))
        {
            self.sim.plan.missed(&action);
        }
        fated
    }

    /// What goes wrong before a request is performed; nothing when it is performed all the same.
    fn before<T>(&mut self, action: &Action, asked: &Asked<'_>, now_ns: Nanos) -> Option<Fated<T>> {
        let refused = |refused: Refused| Some(Fated::of(Err(refused)));
        if !self.is_met(action.fault, asked) {
            self.sim.plan.missed(action);
            return None;
        }
        match action.fault {
            Fault::OrderLost => Some(Fated::lost(Err(unknown(action)), action)),
            Fault::UnknownError => refused(unknown(action)),
            Fault::SignatureRefused => refused(Refused::new("EAPI:Invalid signature")),
            Fault::KeyRevoked => {
                if let Some(account) = asked.account {
                    self.keys.revoke(account);
                }
                refused(Refused::new("EAPI:Invalid key"))
            }
            Fault::TokenExpired => {
                if let Some(account) = asked.account {
                    self.keys.end_tokens(account);
                }
                refused(super::errors::invalid_session())
            }
            Fault::RateLimited | Fault::Banned => {
                let for_ns = action.params.retry_ms.map(|_| action.retry_ns(0));
                if let Some(account) = asked.account {
                    self.meters.exhaust(account, for_ns, now_ns);
                }
                let is_ban = action.fault == Fault::Banned;
                let lockout = || Refused::new("EGeneral:Temporary lockout");
                refused(if is_ban { lockout() } else { rate_limited() })
            }
            Fault::OrderCountLimit => refused(orders_limited()),
            Fault::HiddenWeight => {
                if let Some(account) = asked.account {
                    let count = action.params.by.unwrap_or(10);
                    self.meters.used_by_others(account, count, now_ns);
                }
                None
            }
            Fault::FilterRefused => {
                refused(of_rule_name(action.params.rule.as_deref().unwrap_or_default()))
            }
            Fault::AmendRejected => refused(Refused::new("EOrder:Invalid price")),
            Fault::CancelRejected => refused(unknown_order()),
            Fault::FillBeforeCancel | Fault::FillBeforeAmend => {
                let order = self.asked_order(asked)?;
                let is_all = action.fault == Fault::FillBeforeCancel;
                let qty = if is_all { order.left() } else { order.left() / 2 };
                if !fill(&mut self.sim, &order, qty) {
                    self.sim.plan.missed(action);
                }
                None
            }
            Fault::Maintenance => refused(unavailable()),
            Fault::PostOnlyCancel => {
                self.vain = Some(action.clone());
                None
            }
            _ => {
                self.sim.plan.missed(action);
                None
            }
        }
    }

    /// Whether what a fault is about is there: an order, the order that is named, or anything.
    fn is_met(&self, fault: Fault, asked: &Asked<'_>) -> bool {
        let is_open = || self.asked_order(asked).is_some();
        let has_account = asked.account.is_some();
        match fault {
            Fault::OrderCountLimit | Fault::FilterRefused | Fault::PostOnlyCancel => {
                asked.kind == RequestKind::Place
            }
            Fault::AmendRejected | Fault::FillBeforeAmend => {
                matches!(asked.kind, RequestKind::Amend | RequestKind::Replace) && is_open()
            }
            Fault::CancelRejected | Fault::FillBeforeCancel => {
                asked.kind == RequestKind::Cancel && is_open()
            }
            Fault::TokenExpired => has_account && asked.connection == ConnectionKind::Api,
            Fault::SignatureRefused => has_account && asked.connection == ConnectionKind::Rest,
            Fault::KeyRevoked | Fault::RateLimited | Fault::Banned | Fault::HiddenWeight => {
                has_account
            }
            _ => true,
        }
    }

    /// What goes wrong after it; whether anything did.
    fn after<T>(
        &mut self,
        action: &Action,
        asked: &Asked<'_>,
        fated: &mut Fated<T>,
        (worn, now_ns): (&Glasses, Nanos),
    ) -> bool {
        match action.fault {
            Fault::AnswerLost => *fated = Fated::lost(Err(unknown(action)), action),
            Fault::AnswerSlow => fated.after = nanos(action.delay_ns(1_000)),
            Fault::StaleAnswer | Fault::RecentOrdersEmpty => return worn.has_lied.get(),
            _ => {
                let Some(order) = self.placed_order(asked) else { return false };
                return self.after_order(action, &order, fated, now_ns);
            }
        }
        true
    }

    /// The same of an order that was just placed, and rests.
    fn after_order<T>(
        &mut self,
        action: &Action,
        order: &Order,
        fated: &mut Fated<T>,
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
}

/// What a rule of that name is in the venue's words; a name that nobody knows is told as it is.
fn of_rule_name(name: &str) -> Refused {
    let words = match name {
        "" | "LOT_SIZE" | "MARKET_LOT_SIZE" => "Order minimum not met",
        "PRICE_FILTER" | "PERCENT_PRICE" | "PERCENT_PRICE_BY_SIDE" => "Invalid price",
        "MIN_NOTIONAL" | "NOTIONAL" => "Cost minimum not met",
        "MAX_NUM_ORDERS" => "Orders limit exceeded",
        other => other,
    };
    Refused::new(format!("EOrder:{words}"))
}

/// An answer that leaves open what was done.
fn unknown(action: &Action) -> Refused {
    let text = match action.params.code {
        Some(_) => "EGeneral:Internal error",
        None => "EService:Unavailable",
    };
    Refused::new(text).with_status(action.params.status.unwrap_or(504))
}

/// An answer that can be made longer.
pub(super) trait Padded {
    /// Makes it as long as the fault says.
    fn pad(&mut self, action: &Action);
}

impl Padded for String {
    fn pad(&mut self, action: &Action) {
        fates::make_huge(self, action);
    }
}

impl<T> Padded for Vec<T> {
    fn pad(&mut self, _: &Action) {}
}

fn snapshot_fated<T: Padded>(action: &Action, fated: &mut Fated<T>) {
    match action.fault {
        Fault::SnapshotRefused => {
            let status = action.params.status.unwrap_or(200);
            let refused = if status == 503 { unavailable() } else { rate_limited() };
            fated.result = Err(refused.with_status(status));
        }
        Fault::SnapshotTimeout => fated.fate = crate::wire::service::Fate::Never,
        Fault::SnapshotSlow => fated.after = nanos(action.delay_ns(5_000)),
        Fault::HugeFrame => {
            if let Ok(told) = &mut fated.result {
                told.pad(action);
            }
        }
        _ => {}
    }
}
