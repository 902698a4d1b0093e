//! What accounts with positions may do, and what becomes of their positions besides trades.
//!
//! Orders hold nothing. An order is taken where what the account has of the quote asset, with what
//! its positions there would bring at their marks, is enough for the margin of all positions and
//! orders: of each symbol the larger of what it would be if all orders to buy, or all to sell, were
//! filled, by its leverage, rounded up. An order that asks for no more than before is always taken,
//! so that positions can be closed.

use super::account::AccountId;
use super::core::{Details, Exchange};
use super::event::{Event, ExecutionKind, Funding, WalletChange};
use super::order::{NewOrder, Order, OrderStatus, Side};
use super::position::Position;
use super::refusal::Refusal;
use super::settle::share;
use super::symbol::{AssetId, SymbolId};
use super::units::{Amount, Nanos, Price, Qty, Rate, power};

/// Fundings that are kept of an account.
const FUNDINGS_KEPT: usize = 10_000;

/// What an account's positions in one quote asset come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct MarginState {
    /// What it has, without what its positions would bring.
    pub wallet: Amount,
    /// What its positions would bring at their marks.
    pub unrealised: Amount,
    /// The margin of its positions.
    pub of_positions: Amount,
    /// The margin of its positions and orders together.
    pub of_all: Amount,
    /// What of its positions' worth is to be kept.
    pub maintenance: Amount,
}

impl MarginState {
    /// What can be used for more; below zero: it is short of that.
    #[must_use]
    pub const fn available(&self) -> Amount {
        self.wallet + self.unrealised - self.of_all
    }
}

/// The margin of what is worth so much, rounded up.
const fn margin_of(worth: Amount, leverage: u32) -> Amount {
    let leverage = if leverage == 0 { 1 } else { leverage as Amount };
    (worth.abs() + leverage - 1) / leverage
}

impl Exchange {
    /// Whether accounts have positions, and own nothing of what they buy.
    #[must_use]
    pub const fn has_positions(&self) -> bool {
        self.settings.margin.is_some()
    }

    /// The mark price: the middle of the best prices; without them the last price.
    #[must_use]
    pub fn mark_price(&self, symbol: SymbolId) -> Option<Price> {
        let best = self.best(symbol);
        match (best.bid, best.ask) {
            (Some((bid, _)), Some((ask, _))) => Some(bid + (ask - bid) / 2),
            _ => self.last_price(symbol),
        }
    }

    /// What a signed quantity is worth at the mark of its symbol.
    #[must_use]
    pub fn marked(&self, symbol: SymbolId, qty: Amount) -> Amount {
        let size = Qty::try_from(qty.abs()).unwrap_or(Qty::MAX);
        let worth = self.mark_price(symbol).map_or(0, |mark| self.worth_of(symbol, mark, size));
        if qty < 0 { -worth } else { worth }
    }

    /// The position of an account in a symbol; an empty one where it never had any.
    #[must_use]
    pub fn position(&self, account: AccountId, symbol: SymbolId) -> Position {
        let owner = self.accounts.get(account.0 as usize);
        let found = owner.and_then(|owner| owner.positions.get(&symbol).copied());
        let leverage = self.settings.margin.as_ref().map_or(1, |rules| rules.leverage);
        found.unwrap_or_else(|| Position::new(symbol, leverage))
    }

    /// The position, to be changed and told.
    pub(super) fn position_mut(&mut self, account: AccountId, symbol: SymbolId) -> &mut Position {
        let empty = self.position(account, symbol);
        let owner = &mut self.accounts[account.0 as usize];
        owner.touched_positions.insert(symbol);
        owner.positions.entry(symbol).or_insert(empty)
    }

    /// How many times its margin a position may be worth from now on.
    ///
    /// # Errors
    /// When that is too often or not at all, or there is not enough for the margin.
    pub fn set_leverage(
        &mut self,
        account: AccountId,
        symbol: SymbolId,
        leverage: u32,
    ) -> Result<(), Refusal> {
        if self.accounts.get(account.0 as usize).is_none() {
            return Err(Refusal::UnknownAccount);
        }
        let quote = self.board(symbol)?.spec.quote;
        let max = self.settings.margin.as_ref().map_or(0, |rules| rules.leverage_max);
        if !(1..=max).contains(&leverage) {
            return Err(Refusal::Range("leverage"));
        }
        let before = self.position(account, symbol);
        let had = self.margin(account, quote).of_all;
        let owner = &mut self.accounts[account.0 as usize];
        owner.positions.entry(symbol).or_insert(before).leverage = leverage;
        let state = self.margin(account, quote);
        if state.available() < 0 && state.of_all > had {
            let owner = &mut self.accounts[account.0 as usize];
            owner.positions.insert(symbol, before);
            return Err(Refusal::InsufficientBalance);
        }
        let time_ns = self.now_ns;
        self.tell(Event::Leverage { account, symbol, leverage, time_ns });
        Ok(())
    }

    /// What an account's positions and orders in a quote asset come to.
    #[must_use]
    pub fn margin(&self, account: AccountId, quote: AssetId) -> MarginState {
        self.margin_with(account, quote, None)
    }

    /// The same with one more order, of that worth.
    pub(super) fn margin_with(
        &self,
        account: AccountId,
        quote: AssetId,
        more: Option<(SymbolId, Side, Amount)>,
    ) -> MarginState {
        let Some(owner) = self.accounts.get(account.0 as usize) else {
            return MarginState::default();
        };
        let mut state = MarginState { wallet: owner.free(quote), ..MarginState::default() };
        let maintenance = self.settings.margin.as_ref().map_or(0, |rules| rules.maintenance);
        for (symbol, _) in self.symbols().filter(|(_, spec)| spec.quote == quote) {
            let position = self.position(account, symbol);
            let worth = self.marked(symbol, position.qty);
            let mut orders = [0, 0];
            let desk = owner.desks.get(&symbol);
            for id in desk.into_iter().flat_map(|desk| &desk.open) {
                let order = self.order_at(*id);
                if !order.reduce_only {
                    let side = usize::from(order.side == Side::Sell);
                    orders[side] += self.worth_of(symbol, order.price, order.left());
                }
            }
            if let Some((_, side, worth)) = more.filter(|(of, ..)| *of == symbol) {
                orders[usize::from(side == Side::Sell)] += worth;
            }
            let most = (worth + orders[0]).abs().max((worth - orders[1]).abs());
            state.unrealised += position.unrealised(worth);
            state.of_positions += margin_of(worth, position.leverage);
            state.of_all += margin_of(most, position.leverage);
            state.maintenance += share(worth.abs(), i128::from(maintenance));
        }
        state
    }

    /// What an order with a limit is worth that is to be placed: who sells below the best bid gets
    /// that.
    pub(super) fn asked_worth(
        &self,
        symbol: SymbolId,
        side: Side,
        price: Price,
        qty: Qty,
    ) -> Amount {
        let bid = self.best(symbol).bid.map_or(0, |(bid, _)| bid);
        let price = if side == Side::Sell { price.max(bid) } else { price };
        self.worth_of(symbol, price, qty)
    }

    /// Whether there is enough for an order that is worth `worth`.
    pub(super) fn check_margin(
        &self,
        account: AccountId,
        order: &NewOrder,
        worth: Amount,
    ) -> Result<(), Refusal> {
        if order.reduce_only {
            let position = self.position(account, order.symbol);
            let qty = order.qty.map_or(0, Amount::from);
            let reduces = position.is_reduced_by(order.side) && qty <= position.qty.abs();
            return if reduces { Ok(()) } else { Err(Refusal::WouldNotReduce) };
        }
        let quote = self.board(order.symbol)?.spec.quote;
        let before = self.margin(account, quote);
        let after = self.margin_with(account, quote, Some((order.symbol, order.side, worth)));
        let is_enough = after.available() >= 0 || after.of_all <= before.of_all;
        if is_enough { Ok(()) } else { Err(Refusal::InsufficientBalance) }
    }

    /// Orders that may only reduce and would not any more expire; `but`: the one that trades now.
    pub(super) fn expire_reduce_only(
        &mut self,
        account: AccountId,
        symbol: SymbolId,
        but: Option<u64>,
    ) {
        let position = self.position(account, symbol);
        let is_void = |order: &Order| {
            order.reduce_only
                && Some(order.id) != but
                && !(position.is_reduced_by(order.side)
                    && Amount::from(order.left()) <= position.qty.abs())
        };
        let open = self.open_orders(account, Some(symbol));
        let void: Vec<u64> = open.filter(|order| is_void(order)).map(|order| order.id).collect();
        for id in void {
            self.withdraw(id, OrderStatus::Expired);
            self.tell_report(id, ExecutionKind::Expired, Details::default());
        }
    }

    /// When the next funding is; `None`: there is none.
    #[must_use]
    pub fn next_funding_ns(&self) -> Option<Nanos> {
        self.has_positions().then_some(self.next_funding_ns)
    }

    /// Settles the funding whose time has come, of all symbols.
    pub fn fund_due(&mut self) {
        let Some(rules) = self.settings.margin.clone() else { return };
        if self.now_ns < self.next_funding_ns {
            return;
        }
        self.next_funding_ns = next_multiple(self.now_ns, rules.funding_every_ns);
        let symbols: Vec<SymbolId> = self.symbols().map(|(id, _)| id).collect();
        symbols.into_iter().for_each(|symbol| self.fund(symbol, rules.funding));
    }

    /// Settles a funding: longs pay that part of what their position is worth at the mark, shorts
    /// get it; below zero the other way round.
    pub fn fund(&mut self, symbol: SymbolId, rate: Rate) {
        let (Some(mark), Ok(board)) = (self.mark_price(symbol), self.board(symbol)) else { return };
        let (asset, now_ns) = (board.spec.quote, self.now_ns);
        for id in self.account_ids() {
            let position = self.position(id, symbol);
            let paid = share(self.marked(symbol, position.qty), i128::from(rate));
            if position.qty == 0 {
                continue;
            }
            self.market[usize::from(asset.0)] += paid;
            let owner = &mut self.accounts[id.0 as usize];
            owner.purse(asset).free -= paid;
            owner.why = WalletChange::Funding(-paid);
            let number = owner.number();
            let funding =
                Funding { number, symbol, asset, amount: -paid, rate, mark, time_ns: now_ns };
            if owner.fundings.len() >= FUNDINGS_KEPT {
                owner.fundings.pop_front();
            }
            owner.fundings.push_back(funding);
            self.tell(Event::Funding { account: id, funding });
            self.tell_balances(id);
        }
    }

    /// The fundings of an account that are kept, oldest first.
    pub fn fundings(&self, account: AccountId) -> impl DoubleEndedIterator<Item = &Funding> {
        self.accounts.get(account.0 as usize).into_iter().flat_map(|owner| &owner.fundings)
    }
}

/// The first multiple of `every_ns` after `now_ns`.
pub(super) const fn next_multiple(now_ns: Nanos, every_ns: Nanos) -> Nanos {
    if every_ns <= 0 {
        return Nanos::MAX;
    }
    (now_ns.div_euclid(every_ns) + 1).saturating_mul(every_ns)
}

/// A price of one whole unit as it comes out of a cost and a quantity, in 10^-8 of the quote.
#[must_use]
pub fn average_e8(cost: Amount, qty: Amount, (base, quote): (u8, u8)) -> Amount {
    if qty == 0 {
        return 0;
    }
    let scaled = cost.abs().checked_mul(power(base));
    let average = scaled.map_or(0, |scaled| scaled / qty.abs());
    match quote {
        8 => average,
        quote if quote < 8 => average.saturating_mul(power(8 - quote)),
        quote => average / power(quote - 8),
    }
}
