//! What makes a list of its orders: what is checked, what is held, which order ends or begins
//! which.
//!
//! Both orders of a pair are of one quantity, and one of them alone is done: together they hold
//! what the dearer one needs. The later one holds it for both, until one is left.

use std::sync::Arc;

use super::account::AccountId;
use super::api::Changed;
use super::core::{Details, Exchange};
use super::desk::Account;
use super::event::{Event, ExecutionKind};
use super::list::{
    Contingency, ListCancelled, ListChange, ListOrders, ListPlaced, ListRef, ListReport, NewList,
    OrderList, Pair, Pending,
};
use super::matching::Taken;
use super::order::{CLIENT_ID_BYTES_MAX, NewOrder, Order, OrderKind, OrderStatus};
use super::refusal::{Refusal, Rule};
use super::symbol::SymbolId;
use super::units::{Amount, Price, Qty};

/// What sets the made-up ids of lists apart from those of orders.
const SALT: u64 = 0x6c69_7374;

impl Exchange {
    /// Places a list of orders.
    ///
    /// # Errors
    /// Why it is refused; then nothing has changed.
    pub fn place_list(&mut self, account: AccountId, new: &NewList) -> Result<ListPlaced, Refusal> {
        let holds = self.test_list_holds(account, new)?;
        let at = self.admit_list(account, new, holds);
        let ids = self.lists[at].orders.clone();
        for id in &ids {
            self.tell_report(*id, ExecutionKind::New, Details::default());
        }
        self.tell_list(at, ListChange::Started);
        let mut taken = Taken::default();
        for id in &ids {
            if self.order_at(*id).status == OrderStatus::New {
                taken.fills.extend(self.begin(*id).fills);
            }
        }
        let orders = ids.iter().map(|id| self.order_at(*id).clone()).collect();
        let list = self.lists[at].clone();
        self.finish();
        Ok(ListPlaced { list, orders, fills: taken.fills })
    }

    /// How much each order of a list holds at first, in their order.
    fn test_list_holds(
        &self,
        account: AccountId,
        new: &NewList,
    ) -> Result<Vec<(Qty, Amount)>, Refusal> {
        if self.has_positions() {
            return Err(Refusal::KindNotSupported);
        }
        let parts = parts(&new.orders);
        if parts.iter().any(|order| order.symbol != new.symbol) {
            return Err(Refusal::UnknownSymbol);
        }
        let mut holds: Vec<_> = parts.iter().map(|order| (order.qty.unwrap_or(0), 0)).collect();
        match &new.orders {
            ListOrders::Pair(pair) => {
                self.check_pair(pair, self.last_price(new.symbol))?;
                for order in &parts {
                    self.check(account, order)?;
                    let order = self.sample(account, order);
                    self.check_rests(&order)?;
                    holds[1].1 = holds[1].1.max(self.hold_of(&order));
                }
                self.check_pays(&self.sample(account, parts[1]), holds[1].1)?;
            }
            ListOrders::Sequence { working, pending } => {
                if !matches!(working.kind, OrderKind::Limit | OrderKind::LimitMaker) {
                    return Err(Refusal::KindNotSupported);
                }
                if let Pending::Pair(pair) = pending {
                    self.check_pair(pair, None)?;
                }
                holds[0] = self.test_lock(account, working)?;
                for order in &parts[1..] {
                    if order.quote_qty.is_some() {
                        return Err(Refusal::Combination);
                    }
                    self.check_rules(account, order)?;
                }
            }
        }
        self.check_together(account, new, &parts)?;
        Ok(holds)
    }

    /// Whether the prices of a pair are on their sides of each other and of the last price.
    fn check_pair(&self, pair: &Pair, last: Option<Price>) -> Result<(), Refusal> {
        let (above, below) = (&pair.above, &pair.below);
        if above.side != below.side || above.qty != below.qty {
            return Err(Refusal::Combination);
        }
        let is_stop =
            |order: &NewOrder| matches!(order.kind, OrderKind::StopLoss | OrderKind::StopLossLimit);
        let [stop, other] = pair.stop_first();
        let is_other = matches!(
            other.kind,
            OrderKind::LimitMaker | OrderKind::TakeProfit | OrderKind::TakeProfitLimit
        );
        if !is_stop(stop) || !is_other {
            return Err(Refusal::Combination);
        }
        let (high, low) = (level_of(above), level_of(below));
        let in_order = |high: Option<Price>, low: Option<Price>| match (high, low) {
            (Some(high), Some(low)) => high > low,
            _ => true,
        };
        let holds = in_order(high, low) && in_order(high, last) && in_order(last, low);
        if holds { Ok(()) } else { Err(Refusal::ListPrices) }
    }

    /// What concerns the orders of a list together: ids, and how many they are.
    fn check_together(
        &self,
        account: AccountId,
        new: &NewList,
        parts: &[&NewOrder],
    ) -> Result<(), Refusal> {
        let owner = self.accounts.get(account.0 as usize).ok_or(Refusal::UnknownAccount)?;
        for (at, order) in parts.iter().enumerate() {
            let is_same = |other: &&NewOrder| other.client_id == order.client_id;
            if order.client_id.is_some() && parts[..at].iter().any(is_same) {
                return Err(Refusal::DuplicateClientId);
            }
        }
        if let Some(client) = &new.client_id {
            if client.is_empty() || client.len() > CLIENT_ID_BYTES_MAX {
                return Err(Refusal::Range("client id"));
            }
            if owner.open_lists.contains_key(client) {
                return Err(Refusal::DuplicateClientId);
            }
        }
        if self.orders.len() + parts.len() > self.settings.limits.orders_max {
            return Err(Refusal::Full("orders"));
        }
        self.check_numbers(owner, new.symbol, parts)
    }

    /// Whether an account may have so many orders more.
    fn check_numbers(
        &self,
        owner: &Account,
        symbol: SymbolId,
        parts: &[&NewOrder],
    ) -> Result<(), Refusal> {
        let count = |of: fn(&NewOrder) -> bool| {
            u32::try_from(parts.iter().filter(|order| of(order)).count()).unwrap_or(u32::MAX)
        };
        let (all, algo) = (count(|_| true), count(|order| order.kind.is_conditional()));
        let iceberg = count(|order| order.iceberg_qty.is_some());
        let here = owner.desks.get(&symbol).map(|desk| desk.counts).unwrap_or_default();
        let every = owner.desks.values().fold((0, 0), |sum: (u32, u32), desk| {
            (sum.0 + desk.counts.orders, sum.1 + desk.counts.algo)
        });
        let filters = &self.board(symbol)?.spec.filters;
        let settings = &self.settings;
        for (there, more, max, rule) in [
            (here.orders, all, filters.num_orders_max, Rule::MaxNumOrders),
            (here.algo, algo, filters.num_algo_orders_max, Rule::MaxNumAlgoOrders),
            (here.iceberg, iceberg, filters.num_iceberg_orders_max, Rule::MaxNumIcebergOrders),
            (every.0, all, settings.num_orders_max, Rule::ExchangeMaxNumOrders),
            (every.1, algo, settings.num_algo_orders_max, Rule::ExchangeMaxNumAlgoOrders),
        ] {
            if more > 0 && max.is_some_and(|max| there + more > max) {
                return Err(Refusal::Filter(rule));
            }
        }
        Ok(())
    }

    /// Takes a list. Says where it lies.
    fn admit_list(
        &mut self,
        account: AccountId,
        new: &NewList,
        holds: Vec<(Qty, Amount)>,
    ) -> usize {
        let at = self.lists.len();
        let id = self.settings.first.order + at as u64;
        let contingency = match new.orders {
            ListOrders::Pair(_) => Contingency::OneCancelsOther,
            ListOrders::Sequence { .. } => Contingency::OneTriggersOther,
        };
        let client_id = new.client_id.clone().unwrap_or_else(|| self.made_up(id, SALT));
        let mut orders = Vec::with_capacity(3);
        for (place, (order, hold)) in parts(&new.orders).into_iter().zip(holds).enumerate() {
            let order = self.admit(account, order, hold);
            orders.push(order);
            let admitted = self.order_mut(order);
            admitted.list = Some(id);
            if place > 0 && contingency == Contingency::OneTriggersOther {
                admitted.status = OrderStatus::PendingNew;
                admitted.working_ns = None;
            }
        }
        let now_ns = self.now_ns;
        self.lists.push(OrderList {
            id,
            account,
            symbol: new.symbol,
            client_id: client_id.clone(),
            contingency,
            orders,
            is_done: false,
            created_ns: now_ns,
            updated_ns: now_ns,
            chosen: None,
        });
        let owner = &mut self.accounts[account.0 as usize];
        owner.lists.push(id);
        owner.open_lists.insert(client_id, id);
        at
    }

    /// Tells the owner of a list what happened to it.
    pub(super) fn tell_list(&mut self, at: usize, change: ListChange) {
        let time_ns = self.now_ns;
        self.lists[at].updated_ns = time_ns;
        let list = self.lists[at].clone();
        let client_ids = list.orders.iter().map(|id| self.order_at(*id).client_id.clone());
        let client_ids: Vec<Arc<str>> = client_ids.collect();
        let number = self.accounts[list.account.0 as usize].number();
        let report = ListReport { number, change, list, client_ids, time_ns };
        self.tell(Event::List(Box::new(report)));
    }

    /// Where a list lies in `lists`.
    pub(super) fn list_index(&self, list: u64) -> Option<usize> {
        let place = usize::try_from(list.checked_sub(self.settings.first.order)?).ok()?;
        (place < self.lists.len()).then_some(place)
    }

    fn list_of(&self, order: &Order) -> Option<usize> {
        self.list_index(order.list?)
    }

    /// The other order of a pair, while both can still be done.
    pub(super) fn sibling(&self, order: &Order) -> Option<u64> {
        let list = &self.lists[self.list_of(order)?];
        if list.chosen.is_some() {
            return None;
        }
        let [first, second] = *list.others() else { return None };
        let other = match order.id {
            id if id == first => second,
            id if id == second => first,
            _ => return None,
        };
        self.order_at(other).status.is_open().then_some(other)
    }

    /// How much an order must hold: of a pair the later one holds it for both.
    pub(super) fn need_of(&self, order: &Order) -> Amount {
        match self.sibling(order) {
            None => self.hold_of(order),
            Some(other) if other < order.id => {
                self.hold_of(order).max(self.hold_of(self.order_at(other)))
            }
            Some(_) => 0,
        }
    }

    /// One order of a pair is being done: the other one expires.
    pub(super) fn choose(&mut self, order: u64) {
        let Some(other) = self.sibling(self.order_at(order)) else { return };
        let Some(at) = self.list_of(self.order_at(order)) else { return };
        self.lists[at].chosen = Some(order);
        self.end_listed(other, OrderStatus::Expired, None);
        self.relock(order);
    }

    /// Ends an open order of a list because of another one.
    fn end_listed(&mut self, order: u64, status: OrderStatus, refusal: Option<Refusal>) {
        let kind = match status {
            OrderStatus::Canceled => ExecutionKind::Canceled,
            OrderStatus::Rejected => ExecutionKind::Rejected,
            _ => ExecutionKind::Expired,
        };
        self.withdraw(order, status);
        self.tell_report(order, kind, Details { refusal, ..Details::default() });
    }

    /// What follows from the end of an order for the list that it is in.
    pub(super) fn settle_list(&mut self, list: u64) {
        let Some(at) = self.list_index(list) else { return };
        if self.lists[at].is_done {
            return;
        }
        let list = self.lists[at].clone();
        if list.chosen.is_none() {
            let statuses = list.orders.iter().map(|id| self.order_at(*id).status);
            let has_failed =
                |status: &OrderStatus| !status.is_open() && *status != OrderStatus::Filled;
            let failed = statuses.clone().find(has_failed);
            let is_working_filled =
                list.working().is_some() && statuses.clone().next() == Some(OrderStatus::Filled);
            match failed {
                Some(OrderStatus::Canceled) => self.end_all(&list.orders, OrderStatus::Canceled),
                Some(_) => self.end_all(&list.orders, OrderStatus::Expired),
                None if is_working_filled => self.begin_pending(&list),
                None => {}
            }
        }
        if !list.orders.iter().any(|id| self.order_at(*id).status.is_open()) {
            self.finish_list(at);
        }
    }

    /// Ends those orders that are open.
    fn end_all(&mut self, orders: &[u64], status: OrderStatus) {
        for id in orders {
            if self.order_at(*id).status.is_open() {
                self.end_listed(*id, status, None);
            }
        }
    }

    /// All orders of a list have ended.
    pub(super) fn finish_list(&mut self, at: usize) {
        if self.lists[at].is_done {
            return;
        }
        self.lists[at].is_done = true;
        let (account, client) = (self.lists[at].account, self.lists[at].client_id.clone());
        self.accounts[account.0 as usize].open_lists.remove(&client);
        self.tell_list(at, ListChange::Done);
    }

    /// The working order of a list is filled: the others begin, if they still can.
    fn begin_pending(&mut self, list: &OrderList) {
        let waits = |id: &&u64| self.order_at(**id).status == OrderStatus::PendingNew;
        let ids: Vec<u64> = list.others().iter().filter(waits).copied().collect();
        let Some(last) = ids.last().copied() else { return };
        let needs = ids.iter().map(|id| self.begin_lock(self.order_at(*id)));
        let need = needs.collect::<Result<Vec<Amount>, Refusal>>().and_then(|needs| {
            let need = needs.into_iter().max().unwrap_or(0);
            self.check_pays(self.order_at(last), need).map(|()| need)
        });
        let need = match need {
            Ok(need) => need,
            Err(refusal) => {
                for id in ids {
                    self.end_listed(id, OrderStatus::Rejected, Some(refusal));
                }
                return;
            }
        };
        let now_ns = self.now_ns;
        for id in &ids {
            let order = self.order_mut(*id);
            order.status = OrderStatus::New;
            order.updated_ns = now_ns;
            order.working_ns = (!order.kind.is_conditional()).then_some(now_ns);
        }
        self.set_lock(last, need);
        for id in &ids {
            self.tell_report(*id, ExecutionKind::New, Details::default());
        }
        for id in ids {
            self.begin(id);
        }
    }
}

impl Exchange {
    /// Cancels all that is open of a list.
    ///
    /// # Errors
    /// Why it is not cancelled; then nothing has changed.
    pub fn cancel_list(
        &mut self,
        account: AccountId,
        symbol: SymbolId,
        name: &ListRef,
        request: Option<Arc<str>>,
    ) -> Result<ListCancelled, Refusal> {
        self.may_change(account, symbol)?;
        let list = self.list(account, name).ok_or(Refusal::UnknownList)?;
        if list.is_done || list.symbol != symbol {
            return Err(Refusal::UnknownList);
        }
        let at = self.list_index(list.id).ok_or(Refusal::UnknownList)?;
        let cancelled = self.cancel_listed(at, request);
        self.finish();
        Ok(cancelled)
    }

    /// Cancels what is open of a list.
    fn cancel_listed(&mut self, at: usize, request: Option<Arc<str>>) -> ListCancelled {
        let salt = self.now_ns.unsigned_abs() | 1;
        let request = request.unwrap_or_else(|| self.made_up(self.lists[at].id, salt));
        let mut orders = Vec::new();
        for id in self.lists[at].orders.clone() {
            if self.order_at(id).status.is_open() {
                orders.push(self.cancel_one(id, Some(request.clone())));
            }
        }
        self.finish_list(at);
        ListCancelled { list: self.lists[at].clone(), orders }
    }

    /// Cancels an order, and with it the list that it is in.
    pub(super) fn cancel_with_list(&mut self, id: u64, request: Option<Arc<str>>) -> Changed {
        let at = self.list_of(self.order_at(id)).filter(|at| !self.lists[*at].is_done);
        let Some(at) = at else { return self.cancel_one(id, request) };
        let (list, own) = (at, self.cancel_one(id, request));
        let rest = self.cancel_listed(list, Some(own.request_id.clone()));
        let mut orders = vec![own.clone()];
        orders.extend(rest.orders);
        orders.sort_by_key(|changed| changed.order.id);
        Changed { list: Some(Box::new(ListCancelled { list: rest.list, orders })), ..own }
    }

    /// A list: by client id the open one of that id, else the latest.
    #[must_use]
    pub fn list(&self, account: AccountId, name: &ListRef) -> Option<&OrderList> {
        let owner = self.accounts.get(account.0 as usize)?;
        let by_client = |client: &Arc<str>| {
            let known = |id: &&u64| {
                self.list_index(**id).is_some_and(|at| self.lists[at].client_id == *client)
            };
            let open = owner.open_lists.get(client).copied();
            open.or_else(|| owner.lists.iter().rev().find(known).copied())
        };
        let id = match (name.id, &name.client_id) {
            (Some(id), None) => id,
            (None, Some(client)) => by_client(client)?,
            (Some(id), Some(client)) => {
                self.list_index(id).filter(|at| self.lists[*at].client_id == *client).map(|_| id)?
            }
            (None, None) => return None,
        };
        let list = &self.lists[self.list_index(id)?];
        (list.account == account).then_some(list)
    }

    /// All lists of an account from that id on, by id.
    pub fn lists(
        &self,
        account: AccountId,
        from: u64,
    ) -> impl DoubleEndedIterator<Item = &OrderList> {
        let owner = self.accounts.get(account.0 as usize);
        let ids = owner.map_or(&[][..], |owner| &owner.lists);
        let place = ids.partition_point(|id| *id < from);
        ids[place..].iter().filter_map(|id| self.lists.get(self.list_index(*id)?))
    }
}

/// The orders of a list in the order in which they get their ids: the working one first, of a
/// pair the stop before the other.
fn parts(orders: &ListOrders) -> Vec<&NewOrder> {
    match orders {
        ListOrders::Pair(pair) => pair.stop_first().to_vec(),
        ListOrders::Sequence { working, pending: Pending::One(order) } => vec![working, order],
        ListOrders::Sequence { working, pending: Pending::Pair(pair) } => {
            let [stop, other] = pair.stop_first();
            vec![working, stop, other]
        }
    }
}

/// The price by which an order of a pair is held against the other one; none for one that only
/// follows the price.
const fn level_of(order: &NewOrder) -> Option<Price> {
    match order.kind {
        OrderKind::LimitMaker | OrderKind::TakeProfitLimit => order.price,
        _ => order.stop_price,
    }
}
