//! The exchange itself: what it holds, how it is set up, how it tells.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::account::{AccountId, Fees, NewAccount};
use super::book::Book;
use super::desk::{Account, Desk};
use super::event::{
    Balances, BookChange, Event, ExecutionKind, Fill, Prevention, Report, Transfer, WalletChange,
};
use super::list::OrderList;
use super::margin::next_multiple;
use super::order::{Order, Side};
use super::refusal::Refusal;
use super::settings::{ASSETS_MAX, SYMBOLS_MAX, Settings};
use super::stops::Stops;
use super::symbol::{AssetId, Scale, SymbolError, SymbolId, SymbolSpec};
use super::tape::Tape;
use super::units::{Amount, DECIMALS_MAX, Nanos, Price, Qty, UNITS_MAX};

/// What is kept of a symbol.
#[derive(Clone, Debug)]
pub(super) struct Board {
    pub(super) spec: SymbolSpec,
    pub(super) scale: Scale,
    pub(super) book: Book,
    pub(super) stops: Stops,
    pub(super) tape: Tape,
    pub(super) next_prevention: u64,
    /// What the market has said while the symbol did not trade: of each price the last word.
    pub(super) held_back: BTreeMap<(Side, Price), Qty>,
}

/// The exchange. See [the module](super).
///
/// Whoever calls it takes what has happened with [`drain`](Self::drain) after each call: until
/// then it is held in memory.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub(super) settings: Settings,
    pub(super) now_ns: Nanos,
    pub(super) names: BTreeMap<Arc<str>, SymbolId>,
    pub(super) boards: Vec<Board>,
    pub(super) account_names: BTreeMap<Arc<str>, AccountId>,
    pub(super) accounts: Vec<Account>,
    /// All orders, at the place of their id less the first one.
    pub(super) orders: Vec<Order>,
    /// Where an order stands in the queue of its price, and how much of it can be seen; beside
    /// `orders`.
    pub(super) places: Vec<Place>,
    pub(super) fills: usize,
    next_execution: u64,
    /// What the market has of each asset: it began with nothing and can owe.
    pub(super) market: Vec<Amount>,
    /// When the next funding is.
    pub(super) next_funding_ns: Nanos,
    /// The commissions.
    pub(super) fees: Vec<Amount>,
    /// What came from outside, below zero.
    pub(super) outside: Vec<Amount>,
    outbox: Vec<Event>,
    /// The accounts whose balances have changed since it was last told.
    touched: BTreeSet<AccountId>,
    /// Orders whose price has come and that do not work yet.
    pub(super) ready: VecDeque<u64>,
    /// All lists, at the place of their id less the first one.
    pub(super) lists: Vec<OrderList>,
    /// Lists of which an order has ended and nothing has followed yet.
    pub(super) changed_lists: VecDeque<u64>,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// Its number in the queue; zero: it is not in the book.
    pub(super) at: u64,
    /// How much of it can be seen.
    pub(super) shown: Qty,
}

/// Parts of a [`Report`] that most do not have.
#[derive(Clone, Debug, Default)]
pub(super) struct Details {
    pub(super) request_id: Option<Arc<str>>,
    pub(super) previous_client_id: Option<Arc<str>>,
    pub(super) fill: Option<Fill>,
    pub(super) prevention: Option<Prevention>,
    pub(super) refusal: Option<Refusal>,
}

impl Exchange {
    /// Sets an exchange up.
    ///
    /// # Errors
    /// When the assets or symbols contradict each other or are too many.
    pub fn new(settings: Settings) -> Result<Self, SymbolError> {
        check_assets(&settings)?;
        let mut names = BTreeMap::new();
        let mut boards = Vec::with_capacity(settings.symbols.len());
        for (at, spec) in settings.symbols.iter().enumerate() {
            let scale = scale_of(&settings, spec)?;
            let id = SymbolId(u16::try_from(at).unwrap_or(u16::MAX));
            if spec.name.is_empty() || names.insert(spec.name.clone(), id).is_some() {
                return Err(SymbolError::Name { name: spec.name.clone() });
            }
            let (first, limits) = (settings.first, settings.limits);
            boards.push(Board {
                spec: spec.clone(),
                scale,
                book: Book::new(first.update),
                stops: Stops::default(),
                tape: Tape::new(first.trade, limits.trades_kept, limits.candles_kept),
                next_prevention: 0,
                held_back: BTreeMap::new(),
            });
        }
        let nothing = vec![0; settings.assets.len()];
        let every_ns = settings.margin.as_ref().map_or(0, |rules| rules.funding_every_ns);
        Ok(Self {
            now_ns: settings.start_ns,
            next_funding_ns: next_multiple(settings.start_ns, every_ns),
            next_execution: settings.first.execution,
            names,
            boards,
            account_names: BTreeMap::new(),
            accounts: Vec::new(),
            orders: Vec::new(),
            places: Vec::new(),
            fills: 0,
            market: nothing.clone(),
            fees: nothing.clone(),
            outside: nothing,
            outbox: Vec::new(),
            touched: BTreeSet::new(),
            ready: VecDeque::new(),
            lists: Vec::new(),
            changed_lists: VecDeque::new(),
            settings,
        })
    }

    /// The time.
    #[must_use]
    pub const fn now_ns(&self) -> Nanos {
        self.now_ns
    }

    /// Time goes on; it never goes back. Nothing else happens by it.
    pub fn set_time(&mut self, now_ns: Nanos) {
        self.now_ns = self.now_ns.max(now_ns);
    }

    /// What has happened since the last call, in order.
    pub fn drain(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.outbox)
    }

    /// The same, put behind what is in `out`: no memory is given away.
    pub fn drain_into(&mut self, out: &mut Vec<Event>) {
        out.append(&mut self.outbox);
    }

    /// Opens an account.
    ///
    /// # Errors
    /// When there are too many, the name is taken, or a balance is below zero or of no asset.
    pub fn open_account(&mut self, account: NewAccount) -> Result<AccountId, Refusal> {
        if self.accounts.len() >= self.settings.limits.accounts_max {
            return Err(Refusal::Full("accounts"));
        }
        if self.account_names.contains_key(&account.name) {
            return Err(Refusal::Range("name"));
        }
        let assets = self.settings.assets.len();
        let is_wrong = |(asset, amount): &(AssetId, Amount)| {
            usize::from(asset.0) >= assets || *amount < 0 || *amount > AMOUNT_MAX
        };
        if account.balances.iter().any(is_wrong) {
            return Err(Refusal::Range("balance"));
        }
        let id = AccountId(u32::try_from(self.accounts.len()).unwrap_or(u32::MAX));
        self.account_names.insert(account.name.clone(), id);
        let balances = account.balances.clone();
        self.accounts.push(Account::new(account));
        for (asset, amount) in balances {
            self.outside[usize::from(asset.0)] -= amount;
            self.accounts[id.0 as usize].purse(asset).free += amount;
        }
        self.accounts[id.0 as usize].touched.clear();
        Ok(id)
    }

    /// Something comes to an account from outside (above zero) or leaves.
    ///
    /// # Errors
    /// When there is no such account or asset, or less than that can be used.
    pub fn transfer(
        &mut self,
        account: AccountId,
        asset: AssetId,
        amount: Amount,
    ) -> Result<(), Refusal> {
        let at = account.0 as usize;
        let owner = self.accounts.get(at).ok_or(Refusal::UnknownAccount)?;
        let place = usize::from(asset.0);
        if place >= self.outside.len() || amount == 0 || amount.abs() > AMOUNT_MAX {
            return Err(Refusal::Range("amount"));
        }
        let free = owner.free(asset);
        // What positions and orders need stays.
        let can_leave = match self.settings.margin {
            Some(_) => free.min(self.margin(account, asset).available()),
            None => free,
        };
        let after = free + amount;
        if amount < 0 && can_leave + amount < 0 || after > AMOUNT_MAX {
            return Err(Refusal::InsufficientBalance);
        }
        let owner = &mut self.accounts[at];
        owner.purse(asset).free = after;
        self.outside[place] -= amount;
        let (number, time_ns) = (owner.number(), self.now_ns);
        let transfer = Transfer { number, asset, amount, time_ns };
        self.outbox.push(Event::Transfer { account, transfer });
        self.accounts[at].why = WalletChange::Transfer(amount);
        self.tell_balances(account);
        Ok(())
    }

    /// What an account pays from now on.
    pub fn set_fees(&mut self, account: AccountId, fees: Fees) {
        if let Some(account) = self.accounts.get_mut(account.0 as usize) {
            account.spec.fees = fees;
        }
    }

    /// Whether an account may place and cancel from now on.
    pub fn set_disabled(&mut self, account: AccountId, is_disabled: bool) {
        if let Some(account) = self.accounts.get_mut(account.0 as usize) {
            account.is_disabled = is_disabled;
        }
    }

    /// Adds to what happened.
    pub(super) fn tell(&mut self, event: Event) {
        self.outbox.push(event);
    }

    /// Tells that the quantity at a price has changed.
    pub(super) fn tell_level(&mut self, symbol: SymbolId, side: Side, price: Price) {
        let (update_id, qty) = self.boards[usize::from(symbol.0)].book.changed(side, price);
        let time_ns = self.now_ns;
        let change = BookChange { symbol, update_id, side, price, qty, time_ns };
        self.outbox.push(Event::Book(change));
    }

    /// Tells an account what happened to an order, as it stands now.
    pub(super) fn tell_report(&mut self, order: u64, kind: ExecutionKind, details: Details) -> u64 {
        let order = self.order_at(order).clone();
        self.tell_report_of(order, kind, details)
    }

    /// The same of an order that is not kept.
    pub(super) fn tell_report_of(
        &mut self,
        order: Order,
        kind: ExecutionKind,
        details: Details,
    ) -> u64 {
        let execution_id = self.next_execution;
        self.next_execution += 1;
        let kept = self.settings.limits.reports_kept;
        let account = &mut self.accounts[order.account.0 as usize];
        let report = Report {
            number: account.number(),
            execution_id,
            kind,
            time_ns: order.updated_ns,
            order,
            request_id: details.request_id,
            previous_client_id: details.previous_client_id,
            fill: details.fill,
            prevention: details.prevention,
            refusal: details.refusal,
        };
        account.keep(&report, kept);
        self.outbox.push(Event::Report(Box::new(report)));
        execution_id
    }

    /// Remembers that balances of an account may have changed.
    pub(super) fn touch(&mut self, account: AccountId) {
        self.touched.insert(account);
    }

    /// Tells all accounts of the balances that have changed: the end of every request.
    pub(super) fn settle(&mut self) {
        while let Some(account) = self.touched.pop_first() {
            self.tell_balances(account);
        }
        if self.fills >= self.settings.limits.fills_max {
            self.close_full();
        }
    }

    pub(super) fn tell_balances(&mut self, account: AccountId) {
        let owner = &mut self.accounts[account.0 as usize];
        let why = std::mem::take(&mut owner.why);
        let touched = std::mem::take(&mut owner.touched);
        let moved = std::mem::take(&mut owner.touched_positions);
        if touched.is_empty() && moved.is_empty() {
            return;
        }
        let changed = touched.into_iter().map(|asset| owner.balance(asset)).collect();
        let moved = moved.iter().filter_map(|symbol| owner.positions.get(symbol));
        let positions = moved.copied().collect();
        let (number, time_ns) = (owner.number(), self.now_ns);
        let balances = Balances { number, changed, positions, why, time_ns };
        self.outbox.push(Event::Balances { account, balances });
    }

    /// Where an order lies in `orders`.
    pub(super) fn index(&self, order: u64) -> Option<usize> {
        let place = order.checked_sub(self.settings.first.order)?;
        usize::try_from(place).ok().filter(|place| *place < self.orders.len())
    }

    /// An order that is known to be there.
    pub(super) fn order_at(&self, order: u64) -> &Order {
        &self.orders[(order - self.settings.first.order) as usize]
    }

    /// The same, to be changed.
    pub(super) fn order_mut(&mut self, order: u64) -> &mut Order {
        &mut self.orders[(order - self.settings.first.order) as usize]
    }

    /// Where it stands, to be changed.
    pub(super) fn place_mut(&mut self, order: u64) -> &mut Place {
        &mut self.places[(order - self.settings.first.order) as usize]
    }

    /// What an account has to do with a symbol.
    pub(super) fn desk_mut(&mut self, account: AccountId, symbol: SymbolId) -> &mut Desk {
        self.accounts[account.0 as usize].desks.entry(symbol).or_default()
    }

    /// The sum of all there is of each asset: it is zero, always.
    #[must_use]
    pub fn sums(&self) -> Vec<Amount> {
        let mut sums = self.market.clone();
        for (at, sum) in sums.iter_mut().enumerate() {
            *sum += self.fees[at] + self.outside[at];
        }
        for account in &self.accounts {
            for (asset, purse) in &account.purses {
                sums[usize::from(asset.0)] += purse.free + purse.locked;
            }
            // A position is what was bought, and what is owed for it.
            for (symbol, position) in &account.positions {
                let spec = &self.boards[usize::from(symbol.0)].spec;
                sums[usize::from(spec.base.0)] += position.qty;
                sums[usize::from(spec.quote.0)] -= position.cost;
            }
        }
        sums
    }
}

/// Most of an asset that an account can have or be given at once.
pub(super) const AMOUNT_MAX: Amount = 1 << 100;

fn check_assets(settings: &Settings) -> Result<(), SymbolError> {
    if settings.assets.len() > ASSETS_MAX {
        return Err(SymbolError::Many { what: "assets", max: ASSETS_MAX });
    }
    if settings.symbols.len() > SYMBOLS_MAX {
        return Err(SymbolError::Many { what: "symbols", max: SYMBOLS_MAX });
    }
    let mut seen = BTreeSet::new();
    for asset in &settings.assets {
        let name = asset.name.clone();
        if asset.decimals > DECIMALS_MAX {
            return Err(SymbolError::Decimals { name });
        }
        if name.is_empty() || !seen.insert(name.clone()) {
            return Err(SymbolError::Name { name });
        }
    }
    Ok(())
}

/// How prices of a symbol become amounts.
pub(super) fn scale_of(settings: &Settings, spec: &SymbolSpec) -> Result<Scale, SymbolError> {
    let name = || spec.name.clone();
    let asset = |id: AssetId| settings.assets.get(usize::from(id.0));
    let (Some(base), Some(quote)) = (asset(spec.base), asset(spec.quote)) else {
        return Err(SymbolError::Assets { name: name() });
    };
    if spec.base == spec.quote {
        return Err(SymbolError::Assets { name: name() });
    }
    if spec.price_decimals > DECIMALS_MAX {
        return Err(SymbolError::Decimals { name: name() });
    }
    let (tick, step) = (spec.filters.price.step, spec.filters.lot.step);
    if tick <= 0 || step <= 0 || tick > UNITS_MAX || step > UNITS_MAX {
        return Err(SymbolError::Step { name: name() });
    }
    let scale = Scale::new(spec.price_decimals, base.decimals, quote.decimals);
    if !scale.is_exact(tick, step) {
        return Err(SymbolError::Inexact { name: name() });
    }
    Ok(scale)
}
