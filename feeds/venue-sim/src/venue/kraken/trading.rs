//! What is done to orders, whichever way it was asked for.

use crate::exchange::{
    AccountId, Cancel, Modify, Nanos, NewOrder, Order, OrderKind, OrderRef, Price, Qty, Refusal,
    Side, SymbolId, SymbolStatus, TimeInForce,
};

use super::Kraken;
use super::errors::{self, Refused, invalid, unknown_order};
use super::fields::Fields;
use super::ids;
use super::limits::Deed;
use super::listing::BASE_DECIMALS;
use super::shapes::{client_id, user_ref};
use super::terms::{Terms, decimal, in_time};

/// The longest time of the dead man's switch, in seconds.
const AFTER_SECONDS_MAX: i64 = 86_400;
const SECOND_NS: Nanos = 1_000_000_000;

/// How the fields of a change are called.
pub(super) struct ChangeNames {
    pub(super) order: &'static str,
    pub(super) qty: &'static str,
    pub(super) price: &'static str,
}

/// Over sockets.
pub(super) const SOCKET_CHANGE: ChangeNames =
    ChangeNames { order: "order_id", qty: "order_qty", price: "limit_price" };
/// Of amendments over REST.
pub(super) const REST_AMEND: ChangeNames =
    ChangeNames { order: "txid", qty: "order_qty", price: "limit_price" };
/// Of edits over REST.
pub(super) const REST_EDIT: ChangeNames =
    ChangeNames { order: "txid", qty: "volume", price: "price" };

impl Kraken {
    /// The open order of an account with that client id, of whatever pair.
    pub(super) fn open_by_client(&self, account: AccountId, name: &str) -> Option<&Order> {
        let exchange = self.exchange();
        let name = OrderRef::client(name);
        let mut found =
            exchange.symbols().filter_map(|(symbol, _)| exchange.order(account, symbol, &name));
        found.find(|order| order.status.is_open())
    }

    /// The order of an account with that id.
    pub(super) fn by_id(&self, account: AccountId, id: &str) -> Option<&Order> {
        let order = self.exchange().order_by_id(ids::order_number(id)?)?;
        (order.account == account).then_some(order)
    }

    /// The order that a request names by its id or its client id.
    pub(super) fn named(
        &self,
        account: AccountId,
        fields: &Fields,
        id: &str,
    ) -> Result<Order, Refused> {
        let found = match (fields.text(id), fields.text("cl_ord_id")) {
            (Some(id), _) => self.by_id(account, id),
            (None, Some(name)) => self.open_by_client(account, name),
            (None, None) => return Err(invalid(id)),
        };
        let open = found.filter(|order| order.status.is_open());
        open.cloned().ok_or_else(unknown_order)
    }

    /// Places an order; none, when it is only looked at.
    pub(super) fn place(
        &mut self,
        account: AccountId,
        terms: &Terms,
        now_ns: Nanos,
    ) -> Result<Option<Order>, Refused> {
        let order = &terms.order;
        let name = order.client_id.as_deref();
        if name.is_some_and(|name| self.open_by_client(account, name).is_some()) {
            return Err(errors::not_unique());
        }
        if terms.is_test {
            self.exchange().test(account, order).map_err(errors::of)?;
            return Ok(None);
        }
        self.meters.order((account, order.symbol), Deed::Add, 0, now_ns)?;
        let placed = match self.exchange_mut().place(account, order) {
            Ok(placed) => placed.order,
            Err(why @ Refusal::WouldTake) if self.vain.take().is_some() => {
                self.exchange_mut().place_in_vain(account, order, why).map_err(errors::of)?
            }
            Err(refusal) => return Err(errors::of(refusal)),
        };
        self.expire_at(&placed, terms.expires_ns);
        Ok(Some(placed))
    }

    fn expire_at(&mut self, order: &Order, expires_ns: Option<Nanos>) {
        if let Some(at) = expires_ns.filter(|_| order.status.is_open()) {
            self.expires.insert((at, order.id));
            self.expire_times.insert(order.id, at);
        }
    }

    /// Changes an order where it is. What is filled already stays filled: one that is to be
    /// smaller than that is over.
    pub(super) fn amend(
        &mut self,
        account: AccountId,
        fields: &Fields,
        names: &ChangeNames,
        now_ns: Nanos,
    ) -> Result<Order, Refused> {
        in_time(fields, now_ns)?;
        let order = self.named(account, fields, names.order)?;
        let (qty, price) = self.changed(&order, fields, names)?;
        self.may_be_changed(&order)?;
        self.meters.order(
            (account, order.symbol),
            Deed::Amend,
            now_ns - order.created_ns,
            now_ns,
        )?;
        if qty > 0 && qty <= order.filled {
            return self.take_back(&order);
        }
        if fields.truth("post_only")? && self.would_take(&order, price) {
            return Err(errors::of(Refusal::WouldTake));
        }
        let change = Modify { order: OrderRef::id(order.id), side: order.side, qty, price };
        let changed = self.exchange_mut().modify(account, order.symbol, &change);
        changed.map(|placed| placed.order).map_err(errors::of)
    }

    /// Quantity and price of an order after a change.
    fn changed(
        &self,
        order: &Order,
        fields: &Fields,
        names: &ChangeNames,
    ) -> Result<(Qty, Price), Refused> {
        let decimals = self.exchange().symbol(order.symbol).map_or(5, |spec| spec.price_decimals);
        let qty = decimal(fields, names.qty, BASE_DECIMALS)?;
        let price = decimal(fields, names.price, decimals)?;
        if qty.is_none() && price.is_none() {
            return Err(invalid(names.qty));
        }
        Ok((qty.unwrap_or(order.qty), price.unwrap_or(order.price)))
    }

    fn would_take(&self, order: &Order, price: Price) -> bool {
        let best = self.exchange().best(order.symbol);
        match order.side {
            Side::Buy => best.ask.is_some_and(|(ask, _)| price >= ask),
            Side::Sell => best.bid.is_some_and(|(bid, _)| price <= bid),
        }
    }

    fn may_be_changed(&self, order: &Order) -> Result<(), Refused> {
        match self.exchange().symbol(order.symbol).map(|spec| spec.status) {
            Some(SymbolStatus::Trading) => Ok(()),
            Some(SymbolStatus::CancelOnly) => Err(errors::of(Refusal::CancelOnly)),
            _ => Err(errors::unavailable()),
        }
    }

    /// Takes an order back and places another one for it. When the new one cannot be, the old one
    /// stays. Both orders.
    pub(super) fn edit(
        &mut self,
        account: AccountId,
        fields: &Fields,
        names: &ChangeNames,
        now_ns: Nanos,
    ) -> Result<(Order, Order), Refused> {
        in_time(fields, now_ns)?;
        let old = self.named(account, fields, names.order)?;
        let (qty, price) = self.changed(&old, fields, names)?;
        self.may_be_changed(&old)?;
        if !old.kind.has_price() || old.quote_qty != 0 {
            return Err(invalid("ordertype"));
        }
        let flags = fields.list("oflags")?;
        let is_post_only = fields.truth("post_only")? || flags.iter().any(|flag| flag == "post");
        let new = edited(&old, qty, price, is_post_only);
        match self.exchange().test(account, &new) {
            Ok(()) => {}
            Err(Refusal::InsufficientBalance) if self.is_paid_by(&old, &new) => {}
            Err(refusal) => return Err(errors::of(refusal)),
        }
        let age_ns = now_ns - old.created_ns;
        self.meters.order((account, old.symbol), Deed::Edit, age_ns, now_ns)?;
        let cancelled = self.take_back(&old)?;
        let placed = self.exchange_mut().place(account, &new).map_err(errors::of)?;
        self.expire_at(&placed.order, self.expire_times.get(&old.id).copied());
        Ok((cancelled, placed.order))
    }

    /// Whether what is free together with what the old order holds pays for the new one.
    fn is_paid_by(&self, old: &Order, new: &NewOrder) -> bool {
        let exchange = self.exchange();
        let (Some(spec), Some(qty)) = (exchange.symbol(old.symbol), new.qty) else { return false };
        let (asset, needed) = match new.side {
            Side::Buy => (spec.quote, exchange.worth_of(old.symbol, new.price.unwrap_or(0), qty)),
            Side::Sell => (spec.base, i128::from(qty)),
        };
        let balances = exchange.balances(old.account);
        let free = balances.iter().find(|balance| balance.asset == asset).map_or(0, |b| b.free);
        free + old.locked >= needed
    }

    /// Takes an open order back, and counts that.
    pub(super) fn cancel(&mut self, order: &Order) -> Result<Order, Refused> {
        let order = self.take_back(order)?;
        let (whose, now_ns) = ((order.account, order.symbol), self.exchange().now_ns());
        self.meters.order(whose, Deed::Cancel, now_ns - order.created_ns, now_ns)?;
        Ok(order)
    }

    /// Takes an open order back.
    fn take_back(&mut self, order: &Order) -> Result<Order, Refused> {
        let cancel = Cancel { order: OrderRef::id(order.id), client_id: None, only_if: None };
        let changed = self.exchange_mut().cancel(order.account, order.symbol, &cancel);
        Ok(changed.map_err(errors::of)?.order)
    }

    /// Takes back all open orders of an account that fit, and says how many.
    pub(super) fn cancel_where(
        &mut self,
        account: AccountId,
        fits: impl Fn(&Order) -> bool,
    ) -> usize {
        let open = self.exchange().open_orders(account, None).filter(|order| fits(order));
        let open: Vec<Order> = open.cloned().collect();
        // One that cannot be cancelled now does not keep the others.
        open.iter().filter(|order| self.cancel(order).is_ok()).count()
    }

    /// Sets the dead man's switch, or with zero seconds takes it away: when it is, if it is.
    pub(super) fn cancel_after(
        &mut self,
        account: AccountId,
        fields: &Fields,
        now_ns: Nanos,
    ) -> Result<Option<Nanos>, Refused> {
        let seconds = fields.whole("timeout")?.ok_or_else(|| invalid("timeout"))?;
        if !(0..=AFTER_SECONDS_MAX).contains(&seconds) {
            return Err(invalid("timeout"));
        }
        let at = (seconds > 0).then_some(now_ns + seconds * SECOND_NS);
        match at {
            Some(at) => self.switches.insert(account, at),
            None => self.switches.remove(&account),
        };
        Ok(at)
    }

    /// Orders whose time is over, and accounts that have not been heard of, until now.
    pub(super) fn timers(&mut self, now_ns: Nanos) {
        while let Some((_, id)) = self.expires.first().filter(|(at, _)| *at <= now_ns).copied() {
            self.expires.pop_first();
            self.expire_times.remove(&id);
            // One that has ended by itself is as good.
            self.exchange_mut().expire_order(id);
        }
        let due = self.switches.iter().filter(|(_, at)| **at <= now_ns);
        let due: Vec<AccountId> = due.map(|(account, _)| *account).collect();
        for account in due {
            self.switches.remove(&account);
            self.cancel_where(account, |_| true);
        }
    }

    /// The orders that a name means: an id, a client id, or a number of their owner.
    pub(super) fn meant(&self, account: AccountId, name: &str) -> Vec<Order> {
        if let Some(order) = self.by_id(account, name) {
            return vec![order.clone()].into_iter().filter(|o| o.status.is_open()).collect();
        }
        let number: Option<i64> = name.parse().ok();
        let is_meant = |order: &&Order| {
            client_id(order) == Some(name) || number.is_some() && user_ref(order) == number
        };
        self.exchange().open_orders(account, None).filter(is_meant).cloned().collect()
    }

    /// The pair of a request, for the fault plan.
    pub(super) fn pair_name(&self, symbol: SymbolId) -> String {
        self.exchange().symbol(symbol).map(|spec| spec.name.to_string()).unwrap_or_default()
    }
}

/// The new order of an edit: as the old one, but for what is said.
fn edited(old: &Order, qty: Qty, price: Price, is_post_only: bool) -> NewOrder {
    let kind = match old.kind {
        OrderKind::Limit if is_post_only => OrderKind::LimitMaker,
        other => other,
    };
    let stands = kind != OrderKind::LimitMaker;
    NewOrder {
        kind,
        time_in_force: stands.then_some(TimeInForce::Gtc),
        stop_price: Some(old.stop_price).filter(|price| *price != 0),
        iceberg_qty: Some(old.iceberg_qty).filter(|shown| *shown != 0),
        self_trade: Some(old.self_trade),
        marks: old.marks,
        ..NewOrder::limit(old.symbol, old.side, price, qty)
    }
}
