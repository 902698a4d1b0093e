//! Orders placed, amended and cancelled. What is answered says that a request was taken: what
//! becomes of it is told on the stream of the account.

use std::sync::Arc;

use crate::exchange::units::UnitsError;
use crate::exchange::{
    AccountId, Amount, Cancel, Marks, Modify, NewOrder, Order, OrderKind, OrderRef, Qty, Refusal,
    Side, SymbolId, TimeInForce,
};
use crate::venue::shared::json::{Object, TimeUnit, array};

use super::Bybit;
use super::call::{Ask, Outcome};
use super::codes::{self, Code};
use super::ids;
use super::names;
use super::params::Params;
use super::profile::Category;
use super::shapes::{HAS_LINK_ID, IS_QUOTED, Shapes};

/// That a request about an order was taken.
pub(super) fn taken(category: Category, order: &Order) -> String {
    Object::new(TimeUnit::Milliseconds)
        .text("orderId", &ids::order(category, order.id))
        .text("orderLinkId", Shapes::link_id(order))
        .done()
}

pub(super) fn create(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    let order = venue.place(ask)?;
    Ok(taken(venue.category, &order).into())
}

pub(super) fn amend(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    let order = venue.change(ask)?;
    Ok(taken(venue.category, &order).into())
}

pub(super) fn cancel(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    let order = venue.take_back(ask)?;
    Ok(taken(venue.category, &order).into())
}

/// All open orders of a symbol, of an asset, or in spot of everything.
pub(super) fn cancel_all(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    ask.category(venue)?;
    let account = ask.account()?;
    let chosen = chosen(venue, ask, venue.category == Category::Linear)?;
    let exchange = &venue.sim.exchange;
    let open = exchange.open_orders(account, None);
    let named: Vec<Order> = open.filter(|order| chosen.contains(&order.symbol)).cloned().collect();
    for symbol in chosen {
        match venue.sim.exchange.cancel_all(account, symbol) {
            Ok(_) | Err(Refusal::UnknownOrder) => {}
            Err(refusal) => return Err(codes::of_new(venue.category, refusal)),
        }
    }
    let list = array(named.iter().map(|order| taken(venue.category, order)));
    Ok(Object::new(TimeUnit::Milliseconds).raw("list", &list).text("success", "1").done().into())
}

/// The symbols that a request names: one, those of an asset, or all. `must`: it has to say so.
pub(super) fn chosen(venue: &Bybit, ask: &Ask<'_>, must: bool) -> Result<Vec<SymbolId>, Code> {
    if let Some(symbol) = ask.some_symbol(venue)? {
        return Ok(vec![symbol]);
    }
    let (base, settle) = (ask.params.raw("baseCoin"), ask.params.raw("settleCoin"));
    if must && base.is_none() && settle.is_none() {
        return Err(codes::params("symbol, baseCoin or settleCoin is missing"));
    }
    let exchange = venue.exchange();
    let is_meant = |asset, wanted: Option<&str>| {
        let name = exchange.asset(asset).map(|asset| &*asset.name);
        wanted.is_none_or(|wanted| name == Some(wanted))
    };
    let all = exchange.symbols();
    let all = all.filter(|(_, spec)| is_meant(spec.base, base) && is_meant(spec.quote, settle));
    Ok(all.map(|(id, _)| id).collect())
}

/// What an order is to be.
struct Wanted {
    order: NewOrder,
    symbol: SymbolId,
}

impl Bybit {
    /// Places the order of a request, and says what it is.
    pub(super) fn place(&mut self, ask: &Ask<'_>) -> Result<Order, Code> {
        let account = ask.account()?;
        let mut wanted = self.wanted(ask, account)?;
        let category = self.category;
        if category == Category::Linear && wanted.order.reduce_only {
            self.reduce(account, &mut wanted)?;
        }
        let order = &wanted.order;
        let exchange = &mut self.sim.exchange;
        let is_vain = std::mem::take(&mut self.is_vain) && order.kind == OrderKind::LimitMaker;
        let placed = if is_vain {
            Err(Refusal::WouldTake)
        } else {
            exchange.place(account, order).map(|placed| placed.order)
        };
        let placed = match placed {
            // Such orders are taken, and end at once.
            Err(why @ (Refusal::WouldTake | Refusal::NoLiquidity)) => {
                exchange.place_in_vain(account, order, why)
            }
            other => other,
        };
        placed.map_err(|refusal| codes::of_new(category, refusal))
    }

    /// What a request asks for.
    fn wanted(&self, ask: &Ask<'_>, account: AccountId) -> Result<Wanted, Code> {
        ask.category(self)?;
        let params = ask.params;
        let symbol = ask.symbol(self)?;
        let category = self.category;
        let side = names::side_of(params.need("side")?);
        let side = side.ok_or_else(|| match category {
            Category::Spot => Code::new(170117, "Invalid side."),
            Category::Linear => codes::params("Side invalid"),
        })?;
        let is_market = match params.need("orderType")? {
            "Market" => true,
            "Limit" => false,
            _ => return Err(codes::of_new(category, Refusal::KindNotSupported)),
        };
        if params.whole("positionIdx")?.unwrap_or(0) != 0 {
            return Err(codes::params("position idx not match position mode"));
        }
        for name in ["takeProfit", "stopLoss"] {
            let is_set =
                params.raw(name).is_some_and(|text| !text.trim_matches(['0', '.']).is_empty());
            if is_set {
                return Err(codes::params(format!("{name} is not simulated")));
            }
        }
        let link_id = params.link_id()?;
        if link_id.is_some_and(|id| self.is_known(account, id)) {
            return Err(codes::duplicate(category));
        }
        let mut order = NewOrder::limit(symbol, side, 0, 0);
        (order.price, order.qty) = (None, None);
        order.client_id = link_id.map(Arc::from);
        order.reduce_only = category == Category::Linear && params.truth("reduceOnly")?;
        order.self_trade = match params.raw("smpType") {
            None => None,
            Some(text) => {
                let mode = names::self_trade_of(text);
                Some(mode.ok_or_else(|| codes::params("smpType invalid"))?)
            }
        };
        let marks = if link_id.is_some() { HAS_LINK_ID } else { 0 };
        let last = self.exchange().last_price(symbol);
        order.marks = Marks { strategy_id: Some(marks), strategy_type: last };
        self.prices(params, &mut order, is_market)?;
        self.quantities(params, &mut order, is_market)?;
        Ok(Wanted { order, symbol })
    }

    /// Whether an order of the account has or had that id.
    fn is_known(&self, account: AccountId, link_id: &str) -> bool {
        let exchange = self.exchange();
        let name = OrderRef::client(link_id);
        let mut symbols = exchange.symbols();
        symbols.any(|(symbol, _)| exchange.order(account, symbol, &name).is_some())
    }

    /// The kind of an order, its prices, and how long it stands.
    fn prices(&self, params: &Params, order: &mut NewOrder, is_market: bool) -> Result<(), Code> {
        let decimals = self.exchange().symbol(order.symbol).map_or(8, |spec| spec.price_decimals);
        let wrong = |_| codes::params("Price invalid");
        let trigger = params.units("triggerPrice", decimals, wrong)?.filter(|price| *price != 0);
        if !is_market {
            let price = params.units("price", decimals, |error| self.bad_price(error))?;
            order.price = Some(price.ok_or_else(|| codes::missing("price"))?);
        }
        let tif = params.raw("timeInForce").unwrap_or("GTC");
        order.time_in_force = match (is_market, tif) {
            (true, "GTC" | "IOC" | "FOK") | (false, "PostOnly") => None,
            (false, "GTC") => Some(TimeInForce::Gtc),
            (false, "IOC") => Some(TimeInForce::Ioc),
            (false, "FOK") => Some(TimeInForce::Fok),
            _ if self.category == Category::Spot => {
                return Err(Code::new(170115, "Invalid timeInForce."));
            }
            _ => return Err(codes::params("timeInForce invalid")),
        };
        order.kind = match (is_market, tif) {
            (true, _) => OrderKind::Market,
            (false, "PostOnly") => OrderKind::LimitMaker,
            _ => OrderKind::Limit,
        };
        let Some(trigger) = trigger else { return Ok(()) };
        if self.category == Category::Linear || order.kind == OrderKind::LimitMaker {
            return Err(codes::params("this conditional order is not simulated"));
        }
        let last = self.exchange().last_price(order.symbol).unwrap_or(trigger);
        let rises = match params.whole("triggerDirection")? {
            Some(1) => true,
            Some(2) => false,
            Some(_) => return Err(codes::params("triggerDirection invalid")),
            None => trigger > last,
        };
        // Against its owner: what is bought gets dearer, what is sold gets cheaper.
        let is_stop = rises == (order.side == Side::Buy);
        order.kind = match (is_stop, is_market) {
            (true, true) => OrderKind::StopLoss,
            (true, false) => OrderKind::StopLossLimit,
            (false, true) => OrderKind::TakeProfit,
            (false, false) => OrderKind::TakeProfitLimit,
        };
        order.stop_price = Some(trigger);
        Ok(())
    }

    fn bad_price(&self, error: UnitsError) -> Code {
        match (self.category, error) {
            (Category::Spot, UnitsError::TooFine) => {
                Code::new(170134, "Order price has too many decimals.")
            }
            (Category::Spot, UnitsError::TooLarge) => Code::new(170132, "Order price too high."),
            _ => codes::params("Price invalid"),
        }
    }

    fn bad_qty(&self, error: UnitsError) -> Code {
        match (self.category, error) {
            (Category::Spot, UnitsError::TooFine) => {
                Code::new(170137, "Order quantity has too many decimals.")
            }
            (Category::Spot, UnitsError::TooLarge) => {
                Code::new(170135, "Order quantity too large.")
            }
            _ => Code::new(10001, "Qty invalid"),
        }
    }

    /// Decimals of the base and of the quote asset.
    fn decimals(&self, symbol: SymbolId) -> (u8, u8) {
        let exchange = self.exchange();
        let of = |asset| exchange.asset(asset).map_or(8, |asset| asset.decimals);
        exchange.symbol(symbol).map_or((8, 8), |spec| (of(spec.base), of(spec.quote)))
    }

    /// How much is asked for: in spot market orders to buy say how much is paid.
    fn quantities(
        &self,
        params: &Params,
        order: &mut NewOrder,
        is_market: bool,
    ) -> Result<(), Code> {
        let (base, quote) = self.decimals(order.symbol);
        let is_spot_market = self.category == Category::Spot && is_market;
        let is_quoted = match params.raw("marketUnit").filter(|_| is_spot_market) {
            None => is_spot_market && order.side == Side::Buy && order.stop_price.is_none(),
            Some("baseCoin") => false,
            Some("quoteCoin") => order.stop_price.is_none(),
            Some(_) => return Err(codes::params("marketUnit invalid")),
        };
        params.need("qty")?;
        let wrong = |error| self.bad_qty(error);
        let amount = params.units("qty", if is_quoted { quote } else { base }, wrong)?;
        let amount = amount.filter(|amount| *amount > 0);
        let amount = amount.ok_or_else(|| Code::new(10001, "Qty invalid"))?;
        if is_quoted {
            order.quote_qty = Some(Amount::from(amount));
            order.marks.strategy_id = order.marks.strategy_id.map(|marks| marks | IS_QUOTED);
        } else {
            order.qty = Some(amount);
        }
        Ok(())
    }

    /// Of an order that may only reduce as much is taken as there is to be reduced.
    fn reduce(&self, account: AccountId, wanted: &mut Wanted) -> Result<(), Code> {
        let position = self.exchange().position(account, wanted.symbol);
        if !position.is_reduced_by(wanted.order.side) {
            return Err(codes::of_new(self.category, Refusal::WouldNotReduce));
        }
        let most = Qty::try_from(position.qty.abs()).unwrap_or(Qty::MAX);
        wanted.order.qty = wanted.order.qty.map(|qty| qty.min(most));
        Ok(())
    }

    /// The order that a request names: by the venue's id, else by its owner's.
    pub(super) fn named(&self, params: &Params) -> Result<OrderRef, Code> {
        if let Some(text) = params.raw("orderId") {
            let id = ids::order_of(self.category, text);
            return Ok(OrderRef::id(id.ok_or_else(|| codes::no_such_order(self.category))?));
        }
        let link_id = params.link_id()?;
        let link_id = link_id.ok_or_else(|| codes::missing("orderId or orderLinkId"))?;
        Ok(OrderRef::client(link_id))
    }

    /// Gives the order of a request another price or quantity.
    pub(super) fn change(&mut self, ask: &Ask<'_>) -> Result<Order, Code> {
        ask.category(self)?;
        let (account, symbol, params) = (ask.account()?, ask.symbol(self)?, ask.params);
        let name = self.named(params)?;
        let category = self.category;
        let known = self.exchange().order(account, symbol, &name);
        let order = known.filter(|order| order.status.is_open()).cloned();
        let order = order.ok_or_else(|| codes::no_such_order(category))?;
        let decimals = self.exchange().symbol(symbol).map_or(8, |spec| spec.price_decimals);
        let price = params.units("price", decimals, |error| self.bad_price(error))?;
        let (base, _) = self.decimals(symbol);
        let qty = params.units("qty", base, |error| self.bad_qty(error))?;
        if params.raw("triggerPrice").is_some() {
            return Err(codes::params("another triggerPrice is not simulated"));
        }
        let modify = Modify {
            order: OrderRef::id(order.id),
            side: order.side,
            qty: qty.unwrap_or(order.qty),
            price: price.unwrap_or(order.price),
        };
        let modified = self.sim.exchange.modify(account, symbol, &modify);
        let placed = modified.map_err(|refusal| codes::of_new(category, refusal))?;
        Ok(placed.order)
    }

    /// Cancels the order of a request.
    pub(super) fn take_back(&mut self, ask: &Ask<'_>) -> Result<Order, Code> {
        ask.category(self)?;
        let (account, symbol) = (ask.account()?, ask.symbol(self)?);
        let order = self.named(ask.params)?;
        let cancel = Cancel { order, ..Cancel::default() };
        let cancelled = self.sim.exchange.cancel(account, symbol, &cancel);
        let category = self.category;
        let changed = cancelled.map_err(|refusal| codes::of_new(category, refusal))?;
        Ok(changed.order)
    }
}
