//! Orders that are taken back, replaced or made smaller.

use std::sync::Arc;

use super::account::AccountId;
use super::api::{Amendment, CancelReplaced, Changed};
use super::core::{Details, Exchange};
use super::event::ExecutionKind;
use super::list::ListChange;
use super::order::{
    Amend, CLIENT_ID_BYTES_MAX, Cancel, CancelOnlyIf, NewOrder, OrderRef, OrderStatus, ReplaceMode,
    Side,
};
use super::refusal::{Refusal, Rule};
use super::symbol::{SymbolId, SymbolStatus};
use super::units::{Amount, Qty};

impl Exchange {
    /// Cancels an open order.
    ///
    /// # Errors
    /// Why it is not cancelled; then nothing has changed.
    pub fn cancel(
        &mut self,
        account: AccountId,
        symbol: SymbolId,
        cancel: &Cancel,
    ) -> Result<Changed, Refusal> {
        let id = self.cancellable(account, symbol, cancel)?;
        let changed = self.cancel_with_list(id, cancel.client_id.clone());
        self.finish();
        Ok(changed)
    }

    /// Cancels all open orders of a symbol; of a list one stands for all of its orders.
    ///
    /// # Errors
    /// [`Refusal::UnknownOrder`] when there is none, or why none can be cancelled.
    pub fn cancel_all(
        &mut self,
        account: AccountId,
        symbol: SymbolId,
    ) -> Result<Vec<Changed>, Refusal> {
        self.may_change(account, symbol)?;
        let ids: Vec<u64> = self.desk_mut(account, symbol).open.iter().copied().collect();
        if ids.is_empty() {
            return Err(Refusal::UnknownOrder);
        }
        let request = self.made_up(ids[0], self.now_ns.unsigned_abs());
        let mut changed = Vec::with_capacity(ids.len());
        for id in ids {
            if self.order_at(id).status.is_open() {
                changed.push(self.cancel_with_list(id, Some(request.clone())));
            }
        }
        self.finish();
        Ok(changed)
    }

    /// Cancels an order and places another one.
    pub fn cancel_replace(
        &mut self,
        account: AccountId,
        cancel: &Cancel,
        mode: ReplaceMode,
        order: &NewOrder,
    ) -> CancelReplaced {
        let cancelled = self.cancel(account, order.symbol, cancel);
        let goes_on = cancelled.is_ok() || mode == ReplaceMode::AllowFailure;
        let placed = goes_on.then(|| self.place(account, order));
        CancelReplaced { cancelled, placed }
    }

    /// Makes an order smaller; it keeps its place in the queue.
    ///
    /// # Errors
    /// Why it stays as it is.
    pub fn amend(
        &mut self,
        account: AccountId,
        symbol: SymbolId,
        amend: &Amend,
    ) -> Result<Changed, Refusal> {
        self.may_change(account, symbol)?;
        let id = self.open_order(account, symbol, &amend.order).ok_or(Refusal::UnknownOrder)?;
        let spec = &self.boards[usize::from(symbol.0)].spec;
        if spec.status != SymbolStatus::Trading {
            return Err(Refusal::MarketClosed);
        }
        let order = self.order_at(id).clone();
        if amend.qty <= 0 {
            return Err(Refusal::Range("quantity"));
        }
        if amend.qty >= order.qty {
            return Err(Refusal::AmendLarger);
        }
        if amend.qty <= order.filled + order.prevented {
            return Err(Refusal::AmendFilled);
        }
        if !spec.filters.lot.holds(amend.qty) {
            return Err(Refusal::Filter(Rule::LotSize));
        }
        if spec.filters.num_amends_max.is_some_and(|max| order.amends >= max) {
            return Err(Refusal::Filter(Rule::MaxNumOrderAmends));
        }
        let previous = order.client_id.clone();
        let made_up = || self.made_up(id, u64::from(order.amends) + 1);
        let client_id = amend.client_id.clone().unwrap_or_else(made_up);
        if client_id.is_empty() || client_id.len() > CLIENT_ID_BYTES_MAX {
            return Err(Refusal::Range("client id"));
        }
        let amendments_max = self.settings.limits.fills_max;
        let desk = self.desk_mut(account, symbol);
        if desk.open_clients.get(&client_id).is_some_and(|other| *other != id) {
            return Err(Refusal::DuplicateClientId);
        }
        if desk.amendments.len() >= amendments_max {
            return Err(Refusal::Full("amendments"));
        }
        desk.open_clients.remove(&previous);
        desk.open_clients.insert(client_id.clone(), id);
        desk.clients.insert(client_id.clone(), id);
        // Of a pair both orders stay of one quantity.
        let other = self.sibling(&order);
        self.order_mut(id).client_id = client_id.clone();
        self.make_smaller(id, amend.qty);
        if let Some(other) = other {
            self.make_smaller(other, amend.qty);
            self.relock(id);
        }
        let execution_id = self.tell_replaced(id, previous.clone(), order.qty);
        if let Some(other) = other {
            let same = self.order_at(other).client_id.clone();
            self.tell_replaced(other, same, order.qty);
        }
        let has_changed = client_id != previous;
        if let Some(at) = order.list.and_then(|id| self.list_index(id)).filter(|_| has_changed) {
            self.tell_list(at, ListChange::Updated);
        }
        self.finish();
        let order = self.order_at(id).clone();
        let (request_id, previous_client_id) = (client_id, previous);
        Ok(Changed { order, request_id, previous_client_id, execution_id, list: None })
    }

    /// Tells that an order was amended, and keeps what it was before.
    fn tell_replaced(&mut self, id: u64, previous: Arc<str>, previous_qty: Qty) -> u64 {
        let order = self.order_at(id).clone();
        let details = Details {
            request_id: Some(order.client_id.clone()),
            previous_client_id: Some(previous.clone()),
            ..Details::default()
        };
        let execution_id = self.tell_report(id, ExecutionKind::Replaced, details);
        self.desk_mut(order.account, order.symbol).amendments.push(Amendment {
            order_id: id,
            symbol: order.symbol,
            execution_id,
            previous_client_id: previous,
            client_id: order.client_id,
            previous_qty,
            qty: order.qty,
            time_ns: order.updated_ns,
        });
        execution_id
    }

    /// An order is of `qty` from now on, which is less than before.
    fn make_smaller(&mut self, id: u64, qty: Qty) {
        let now_ns = self.now_ns;
        let order = self.order_mut(id);
        let less = Amount::from(order.qty - qty);
        order.qty = qty;
        order.amends += 1;
        order.updated_ns = now_ns;
        let (account, symbol, side, price, left) =
            (order.account, order.symbol, order.side, order.price, order.left());
        if side == Side::Buy {
            self.desk_mut(account, symbol).counts.buying -= less;
        }
        let place = *self.place_mut(id);
        if place.at > 0 && left < place.shown {
            self.place_mut(id).shown = left;
            if let Some(level) = self.level_mut(symbol, side, price) {
                level.show(left - place.shown);
            }
            self.tell_level(symbol, side, price);
        }
        self.relock(id);
    }

    /// Whether an account may change orders of a symbol now.
    pub(super) fn may_change(&self, account: AccountId, symbol: SymbolId) -> Result<(), Refusal> {
        let owner = self.accounts.get(account.0 as usize).ok_or(Refusal::UnknownAccount)?;
        let status = self.board(symbol)?.spec.status;
        if owner.is_disabled {
            return Err(Refusal::AccountDisabled);
        }
        match status {
            SymbolStatus::Trading | SymbolStatus::CancelOnly => Ok(()),
            _ => Err(Refusal::MarketClosed),
        }
    }

    fn cancellable(
        &self,
        account: AccountId,
        symbol: SymbolId,
        cancel: &Cancel,
    ) -> Result<u64, Refusal> {
        self.may_change(account, symbol)?;
        let id = self.open_order(account, symbol, &cancel.order).ok_or(Refusal::UnknownOrder)?;
        let has_room = |id: &Arc<str>| !id.is_empty() && id.len() <= CLIENT_ID_BYTES_MAX;
        if !cancel.client_id.as_ref().is_none_or(has_room) {
            return Err(Refusal::Range("client id"));
        }
        let status = self.order_at(id).status;
        let fits = match cancel.only_if {
            None => true,
            Some(CancelOnlyIf::New) => status == OrderStatus::New,
            Some(CancelOnlyIf::PartiallyFilled) => status == OrderStatus::PartiallyFilled,
        };
        if fits { Ok(id) } else { Err(Refusal::CancelRestricted) }
    }

    /// The open order of that name.
    pub(super) fn open_order(
        &self,
        account: AccountId,
        symbol: SymbolId,
        name: &OrderRef,
    ) -> Option<u64> {
        let desk = self.accounts.get(account.0 as usize)?.desks.get(&symbol)?;
        match (name.id, &name.client_id) {
            (Some(id), None) => desk.open.contains(&id).then_some(id),
            (None, Some(client)) => desk.open_clients.get(client).copied(),
            (Some(id), Some(client)) => {
                desk.open_clients.get(client).copied().filter(|found| *found == id)
            }
            (None, None) => None,
        }
    }

    pub(super) fn cancel_one(&mut self, id: u64, request: Option<Arc<str>>) -> Changed {
        self.withdraw(id, OrderStatus::Canceled);
        let order = self.order_at(id).clone();
        let salt = order.updated_ns.unsigned_abs() | 1;
        let request_id = request.unwrap_or_else(|| self.made_up(id, salt));
        let details = Details { request_id: Some(request_id.clone()), ..Details::default() };
        let execution_id = self.tell_report(id, ExecutionKind::Canceled, details);
        let previous_client_id = order.client_id.clone();
        Changed { order, request_id, previous_client_id, execution_id, list: None }
    }
}
