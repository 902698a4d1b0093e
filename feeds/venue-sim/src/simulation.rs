//! The exchange, its markets and the fault plan on one time line.

use crate::exchange::units::parse_units;
use crate::exchange::{
    AccountId, Event, Exchange, Fees, FirstIds, Nanos, NewOrder, Order, OrderKind, Price, Qty,
    Settings, Side, SymbolError, SymbolId, SymbolStatus,
};
use crate::fault::{Action, Fault, Plan};
use crate::market::{Burst, Market};

/// Most steps of markets in one call of [`Simulation::advance`].
pub const STEPS_MAX: usize = 100_000;

/// Ids from here on are not exact in floating point.
const LARGE_ID: u64 = (1 << 53) + 1;

/// What a fault has changed for a time, and how it was.
#[derive(Clone, Debug)]
enum Undo {
    Status(SymbolId),
    Tick(SymbolId, Price),
    Fees(AccountId, Fees),
    Disabled(AccountId),
}

/// The exchange, its markets and the fault plan on one time line.
pub struct Simulation {
    /// The exchange. It may be asked and told anything between two calls of
    /// [`advance`](Self::advance).
    pub exchange: Exchange,
    /// The plan, for whoever is at one of its places.
    pub plan: Plan,
    markets: Vec<Box<dyn Market>>,
    /// Whether markets do nothing for now; what they have missed they do afterwards.
    pub is_still: bool,
    undo: Vec<(Nanos, Undo)>,
    /// Faults of the plan that could not be done, in words; the last hundred.
    pub notes: Vec<String>,
}

impl std::fmt::Debug for Simulation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (now_ns, markets) = (self.exchange.now_ns(), self.markets.len());
        f.debug_struct("Simulation").field("now_ns", &now_ns).field("markets", &markets).finish()
    }
}

impl Simulation {
    /// Sets a simulation up; the plan begins at the exchange's start.
    ///
    /// # Errors
    /// When the exchange cannot be set up.
    pub fn new(mut settings: Settings, mut plan: Plan) -> Result<Self, SymbolError> {
        plan.start(settings.start_ns);
        if plan.brings(Fault::LargeIds) {
            let id = LARGE_ID;
            settings.first = FirstIds { order: id, trade: id, execution: id, update: id };
        }
        let exchange = Exchange::new(settings)?;
        let (markets, undo, notes) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { exchange, plan, markets, is_still: false, undo, notes })
    }

    /// Adds a market.
    pub fn add_market(&mut self, market: impl Market + 'static) {
        self.markets.push(Box::new(market));
    }

    /// Whether markets have anything left to do.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.markets.iter().all(|market| market.next_ns().is_none())
    }

    /// Time goes on to `now_ns`: markets do what they do until then, faults of the exchange what
    /// they do. Says whether it got there; if not ([`STEPS_MAX`]), the events of this part can be
    /// taken and it can be called again.
    pub fn advance(&mut self, now_ns: Nanos) -> bool {
        self.faults(self.exchange.now_ns());
        for _ in 0..STEPS_MAX {
            let next = self.markets.iter().enumerate();
            let next = next.filter_map(|(at, market)| Some((market.next_ns()?, at))).min();
            let is_due = |at_ns: Nanos| at_ns <= now_ns && !self.is_still;
            let Some((at_ns, market)) = next.filter(|(at_ns, _)| is_due(*at_ns)) else {
                self.exchange.set_time(now_ns);
                self.exchange.fund_due();
                self.faults(now_ns);
                self.markets.retain(|market| market.next_ns().is_some());
                return true;
            };
            self.exchange.set_time(at_ns);
            self.exchange.fund_due();
            self.markets[market].play(&mut self.exchange);
        }
        false
    }

    /// What has happened since the last call, in order.
    pub fn drain(&mut self) -> Vec<Event> {
        self.exchange.drain()
    }

    fn faults(&mut self, now_ns: Nanos) {
        let mut at = 0;
        while at < self.undo.len() {
            if self.undo[at].0 <= now_ns {
                let (_, undo) = self.undo.swap_remove(at);
                self.undo_one(&undo);
            } else {
                at += 1;
            }
        }
        for action in self.plan.due(now_ns) {
            if let Err(why) = self.apply(&action, now_ns) {
                self.plan.missed(&action);
                self.note(format!("{}: {why}", action.fault.text()));
            }
        }
    }

    fn note(&mut self, note: String) {
        // What cannot be done is tried again and again.
        if self.notes.contains(&note) {
            return;
        }
        if self.notes.len() >= 100 {
            self.notes.remove(0);
        }
        self.notes.push(note);
    }

    fn undo_one(&mut self, undo: &Undo) {
        match *undo {
            Undo::Status(symbol) => self.exchange.set_status(symbol, SymbolStatus::Trading),
            Undo::Fees(account, fees) => self.exchange.set_fees(account, fees),
            Undo::Disabled(account) => self.exchange.set_disabled(account, false),
            Undo::Tick(symbol, tick) => {
                if let Err(why) = self.exchange.set_tick(symbol, tick) {
                    self.note(why.to_string());
                }
            }
        }
    }

    /// The symbols that a rule means: the one it names, else all that are listed.
    fn symbols(&self, action: &Action) -> Result<Vec<SymbolId>, String> {
        if let Some(name) = &action.symbol {
            let id = self.exchange.symbol_id(name);
            return id.map(|id| vec![id]).ok_or_else(|| format!("there is no symbol {name}"));
        }
        let listed = self.exchange.symbols();
        Ok(listed.filter(|(_, s)| s.status != SymbolStatus::Delisted).map(|(id, _)| id).collect())
    }

    /// The accounts that a rule means: the one it names, else all.
    fn accounts(&self, action: &Action) -> Result<Vec<AccountId>, String> {
        match &action.account {
            Some(name) => {
                let id = self.exchange.account_id(name);
                id.map(|id| vec![id]).ok_or_else(|| format!("there is no account {name}"))
            }
            None => Ok(self.exchange.account_ids().collect()),
        }
    }

    fn apply(&mut self, action: &Action, now_ns: Nanos) -> Result<(), String> {
        match action.fault {
            Fault::Halt => self.status(action, SymbolStatus::Halt),
            Fault::CancelOnly => self.status(action, SymbolStatus::CancelOnly),
            Fault::Delist => self.status(action, SymbolStatus::Delisted),
            Fault::TickChange | Fault::PrecisionChange => self.tick(action),
            Fault::AccountDisabled => self.disable(action),
            Fault::FeeInThirdAsset | Fault::NegativeFee | Fault::OddFee => self.fees(action),
            Fault::Transfer => self.transfer(action),
            Fault::ForeignOrder | Fault::ForeignTrade => self.foreign(action),
            Fault::ForeignCancel => self.foreign_cancel(action),
            Fault::SelfMatch => self.self_match(action),
            Fault::Burst => self.burst(action, now_ns),
            // Done at the set-up.
            Fault::LargeIds => Ok(()),
            _ => Err("it is not done by the exchange".into()),
        }
    }

    fn status(&mut self, action: &Action, status: SymbolStatus) -> Result<(), String> {
        for symbol in self.symbols(action)? {
            self.exchange.set_status(symbol, status);
            if let (Some(until), true) = (action.until_ns, status != SymbolStatus::Delisted) {
                self.undo.push((until, Undo::Status(symbol)));
            }
        }
        Ok(())
    }

    fn tick(&mut self, action: &Action) -> Result<(), String> {
        let text = action.params.tick.as_deref().unwrap_or_default();
        for symbol in self.symbols(action)? {
            let Some(spec) = self.exchange.symbol(symbol) else { continue };
            let before = spec.filters.price.step;
            let tick = parse_units(text, spec.price_decimals).map_err(|e| format!("tick: {e}"))?;
            self.exchange.set_tick(symbol, tick).map_err(|e| e.to_string())?;
            if let Some(until) = action.until_ns {
                self.undo.push((until, Undo::Tick(symbol, before)));
            }
        }
        Ok(())
    }

    fn disable(&mut self, action: &Action) -> Result<(), String> {
        for account in self.accounts(action)? {
            self.exchange.set_disabled(account, true);
            if let Some(until) = action.until_ns {
                self.undo.push((until, Undo::Disabled(account)));
            }
        }
        Ok(())
    }

    fn fees(&mut self, action: &Action) -> Result<(), String> {
        // Millionths of the plan are hundreds of the exchange's rates.
        let rate = action.params.ppm.unwrap_or(100).clamp(-10_000, 10_000) * 100;
        if action.fault == Fault::FeeInThirdAsset && self.exchange.settings().discount.is_none() {
            return Err("the exchange has no asset with a discount".into());
        }
        for account in self.accounts(action)? {
            let Some(before) = self.exchange.fees(account) else { continue };
            let fees = match action.fault {
                Fault::FeeInThirdAsset => Fees { uses_discount: true, ..before },
                Fault::NegativeFee => Fees { maker: -rate.abs(), ..before },
                _ => Fees { maker: rate + 37, taker: rate + 37, ..before },
            };
            self.exchange.set_fees(account, fees);
            if let Some(until) = action.until_ns {
                self.undo.push((until, Undo::Fees(account, before)));
            }
        }
        Ok(())
    }

    fn transfer(&mut self, action: &Action) -> Result<(), String> {
        let name = action.params.asset.as_deref().unwrap_or_default();
        let asset = self.exchange.asset_id(name).ok_or_else(|| format!("no asset {name:?}"))?;
        let decimals = self.exchange.asset(asset).map_or(0, |asset| asset.decimals);
        let text = action.params.amount.as_deref().unwrap_or_default();
        let amount = parse_units(text, decimals).map_err(|e| format!("amount: {e}"))?;
        for account in self.accounts(action)? {
            let moved = self.exchange.transfer(account, asset, i128::from(amount));
            moved.map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    /// The smallest quantity that the rules of a symbol take at a price.
    fn smallest(&self, symbol: SymbolId, price: Price) -> Qty {
        let Some(spec) = self.exchange.symbol(symbol) else { return 0 };
        let filters = &spec.filters;
        let step = filters.lot.step;
        let worth = [filters.min_notional, filters.notional].into_iter().flatten();
        let worth = worth.map(|worth| worth.min).max().unwrap_or(0);
        let one = self.exchange.worth_of(symbol, price, step).max(1);
        let steps = Qty::try_from(worth * 11 / 10 / one).unwrap_or(Qty::MAX / step) + 1;
        steps.saturating_mul(step).max(filters.lot.min)
    }

    fn foreign(&mut self, action: &Action) -> Result<(), String> {
        let side = match action.params.side.as_deref() {
            Some("sell") => Side::Sell,
            _ => Side::Buy,
        };
        let symbols = self.symbols(action)?;
        for account in self.accounts(action)? {
            for symbol in &symbols {
                let best = self.exchange.best(*symbol);
                let own = if side == Side::Buy { best.bid } else { best.ask };
                let (best, _) = own.ok_or("the book has no price")?;
                let tick = self.exchange.symbol(*symbol).map_or(1, |spec| spec.filters.price.step);
                let ticks = Price::try_from(action.params.by.unwrap_or(0)).unwrap_or(Price::MAX);
                let away = ticks.saturating_mul(tick);
                let price = match side {
                    Side::Buy => best.saturating_sub(away),
                    Side::Sell => best.saturating_add(away),
                };
                let qty = self.smallest(*symbol, price);
                let order = if action.fault == Fault::ForeignTrade {
                    NewOrder::market(*symbol, side, qty)
                } else {
                    NewOrder::limit(*symbol, side, price, qty)
                };
                self.exchange.place(account, &order).map_err(|e| e.to_string())?;
            }
        }
        Ok(())
    }

    fn foreign_cancel(&mut self, action: &Action) -> Result<(), String> {
        let symbols = self.symbols(action)?;
        let mut found = false;
        for account in self.accounts(action)? {
            for symbol in &symbols {
                let cancelled = self.exchange.cancel_all(account, *symbol);
                found |= cancelled.is_ok_and(|all| !all.is_empty());
            }
        }
        if found { Ok(()) } else { Err("no order of the account is open".into()) }
    }

    fn self_match(&mut self, action: &Action) -> Result<(), String> {
        let symbols = self.symbols(action)?;
        let mut found = false;
        for account in self.accounts(action)? {
            for symbol in &symbols {
                let open = self.exchange.open_orders(account, Some(*symbol)).cloned();
                let open: Vec<Order> = open.collect();
                let rests = |order: &&Order| order.is_working() && order.kind != OrderKind::Market;
                let Some(own) = open.iter().find(rests) else { continue };
                // What stands in front of it is taken too.
                let qty = self.ahead_of(own).saturating_add(own.left());
                let order = NewOrder::limit(*symbol, own.side.opposite(), own.price, qty);
                found |= self.exchange.place(account, &order).is_ok();
            }
        }
        if found { Ok(()) } else { Err("no order of the account rests that it could meet".into()) }
    }

    /// What would trade before an order that rests.
    fn ahead_of(&self, order: &Order) -> Qty {
        let depth = self.exchange.depth(order.symbol, usize::MAX);
        let levels = if order.side == Side::Buy { depth.bids } else { depth.asks };
        let better = levels.iter().take_while(|(price, _)| *price != order.price);
        let better = better.fold(0_i128, |sum, (_, qty)| sum + i128::from(*qty));
        let queue = self.exchange.queue(order.symbol, order.side, order.price);
        let before = queue.iter().take_while(|(id, _)| *id != Some(order.id));
        let ahead = before.fold(better, |sum, (_, qty)| sum + qty);
        Qty::try_from(ahead).unwrap_or(Qty::MAX)
    }

    fn burst(&mut self, action: &Action, now_ns: Nanos) -> Result<(), String> {
        let rate = action.params.rate.unwrap_or(5_000).min(1_000_000);
        let until = action.until_ns.unwrap_or(now_ns + 500_000_000);
        for symbol in self.symbols(action)? {
            self.add_market(Burst::new(symbol, now_ns, until - now_ns, rate));
        }
        Ok(())
    }
}
