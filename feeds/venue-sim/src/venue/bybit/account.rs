//! What an account asks about itself, and sets.

use crate::exchange::units::{parse_units, units_text};
use crate::exchange::{AccountId, Amount, AssetId, Exchange, Nanos, SymbolId};
use crate::venue::shared::json::{Object, TimeUnit, array};

use super::Bybit;
use super::call::{Ask, Outcome};
use super::codes::{self, Code};
use super::profile::Category;
use super::shapes::{Shapes, ms, rate};
use super::trading::chosen;

const SECOND_NS: Nanos = 1_000_000_000;

/// Cancels all orders of an account whose connection is gone for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Protection {
    /// How long it may be gone.
    pub(super) window_ns: Nanos,
    /// Since when nobody is there who was; nothing: somebody is, or nobody ever was.
    pub(super) gone_ns: Option<Nanos>,
}

pub(super) fn protect(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    let account = ask.account()?;
    let window = ask.params.whole("timeWindow")?.ok_or_else(|| codes::missing("timeWindow"))?;
    if !(3..=300).contains(&window) {
        return Err(codes::params("timeWindow invalid"));
    }
    let product = ask.params.raw("product").unwrap_or("OPTIONS");
    if !["OPTIONS", "DERIVATIVES", "SPOT"].contains(&product) {
        return Err(codes::params("product invalid"));
    }
    // Of options there are no orders.
    if product == venue.category.product() {
        let set = Protection { window_ns: window * SECOND_NS, gone_ns: None };
        venue.protections.insert(account, set);
    }
    Ok("{}".to_owned().into())
}

pub(super) fn protection(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    let set = venue.protections.get(&ask.account()?);
    let all = array(set.map(|set| {
        Object::new(TimeUnit::Milliseconds)
            .text("product", venue.category.product())
            .text("dcpStatus", "ON")
            .text("timeWindow", &(set.window_ns / SECOND_NS).to_string())
            .done()
    }));
    Ok(Object::new(TimeUnit::Milliseconds).raw("dcpInfos", &all).done().into())
}

pub(super) fn info(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    let set = venue.protections.get(&ask.account()?);
    let window = set.map_or(10, |set| set.window_ns / SECOND_NS);
    let object = Object::new(TimeUnit::Milliseconds)
        .text("marginMode", "REGULAR_MARGIN")
        .text("updatedTime", &ms(venue.exchange().settings().start_ns))
        .number("unifiedMarginStatus", 6)
        .text("dcpStatus", if set.is_some() { "ON" } else { "OFF" })
        .number("timeWindow", window)
        .number("smpGroup", 0)
        .truth("isMasterTrader", false)
        .text("spotHedgingStatus", "OFF");
    Ok(object.done().into())
}

/// What may be done with the key: clients look here for the kind of the account.
pub(super) fn key(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    let account = ask.account()?;
    let name = venue.exchange().account_name(account).unwrap_or_default().to_owned();
    let permissions = Object::new(TimeUnit::Milliseconds)
        .raw("ContractTrade", "[\"Order\",\"Position\"]")
        .raw("Spot", "[\"SpotTrade\"]")
        .raw("Wallet", "[]")
        .raw("Options", "[]")
        .raw("Derivatives", "[\"DerivativesTrade\"]")
        .done();
    let object = Object::new(TimeUnit::Milliseconds)
        .text("id", &account.0.to_string())
        .text("note", &name)
        .number("readOnly", 0)
        .text("secret", "")
        .raw("permissions", &permissions)
        .raw("ips", "[\"*\"]")
        .number("type", 1)
        .number("unified", 0)
        .number("uta", 1)
        .number("userID", account.0 + 1)
        .text("vipLevel", "No VIP")
        .truth("isMaster", true);
    Ok(object.done().into())
}

pub(super) fn fee_rate(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    ask.category(venue)?;
    let account = ask.account()?;
    let fees = venue.exchange().fees(account).unwrap_or_default();
    let symbols = chosen(venue, ask, false)?;
    let shapes = venue.shapes();
    let list = array(symbols.into_iter().map(|symbol| {
        let object = shapes.object().text("symbol", shapes.symbol(symbol));
        let object = object.text("takerFeeRate", &rate(fees.taker));
        object.text("makerFeeRate", &rate(fees.maker)).done()
    }));
    let is_spot = venue.category == Category::Spot;
    let object = Object::new(TimeUnit::Milliseconds);
    let object = object.only_if(is_spot, |object| object.text("category", "spot"));
    Ok(object.raw("list", &list).done().into())
}

pub(super) fn set_leverage(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    ask.category(venue)?;
    let (account, symbol) = (ask.account()?, ask.symbol(venue)?);
    if venue.category == Category::Spot {
        return Err(codes::params("category is not supported here"));
    }
    let (buy, sell) = (ask.params.need("buyLeverage")?, ask.params.need("sellLeverage")?);
    let wrong = || codes::params("leverage must be a whole number here");
    let read = |text: &str| -> Result<u32, Code> {
        let units = parse_units(text, 0).map_err(|_| wrong())?;
        u32::try_from(units).map_err(|_| wrong())
    };
    let leverage = read(buy)?;
    if leverage != read(sell)? {
        return Err(codes::params("buy leverage is not equal to sell leverage"));
    }
    if venue.exchange().position(account, symbol).leverage == leverage {
        return Err(Code::new(110043, "leverage not modified"));
    }
    let set = venue.sim.exchange.set_leverage(account, symbol, leverage);
    set.map_err(codes::of_leverage)?;
    Ok("{}".to_owned().into())
}

pub(super) fn positions(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    ask.category(venue)?;
    let account = ask.account()?;
    if venue.category == Category::Spot {
        return Err(codes::params("category is not supported here"));
    }
    let symbols = chosen(venue, ask, true)?;
    let is_named = ask.params.raw("symbol").is_some();
    let shapes = venue.shapes();
    let has_any = |symbol: &SymbolId| venue.exchange().position(account, *symbol).qty != 0;
    let told = symbols.into_iter().filter(|symbol| is_named || has_any(symbol));
    let list = array(told.map(|symbol| shapes.position(account, symbol, false)));
    let object = shapes.object().raw("list", &list).text("nextPageCursor", "");
    Ok(object.text("category", venue.category.text()).done().into())
}

pub(super) fn wallet(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    let account = ask.account()?;
    if ask.params.need("accountType")? != "UNIFIED" {
        return Err(codes::params("accountType only support UNIFIED."));
    }
    let wanted = ask.params.raw("coin").map(|text| text.split(',').collect::<Vec<_>>());
    let wallet = venue.shapes().wallet(account, wanted.as_deref());
    Ok(Object::new(TimeUnit::Milliseconds).raw("list", &array([wallet])).done().into())
}

/// The asset in which everything is worth something: what prices are in.
fn dollar(exchange: &Exchange) -> Option<AssetId> {
    exchange.symbols().next().map(|(_, spec)| spec.quote)
}

impl Shapes<'_> {
    /// What an amount of an asset is worth in what prices are in.
    fn worth(&self, asset: AssetId, amount: Amount) -> Amount {
        let dollar = dollar(self.exchange);
        if dollar == Some(asset) {
            return amount;
        }
        let mut symbols = self.exchange.symbols();
        let known = symbols.find(|(_, spec)| spec.base == asset && Some(spec.quote) == dollar);
        known.map_or(0, |(symbol, _)| self.exchange.marked(symbol, amount))
    }

    /// A position; `is_event`: as it is told when it changes.
    pub(super) fn position(&self, account: AccountId, symbol: SymbolId, is_event: bool) -> String {
        let position = self.exchange.position(account, symbol);
        let worth = self.exchange.marked(symbol, position.qty);
        let leverage = Amount::from(position.leverage.max(1));
        let margin = (worth.abs() + leverage - 1) / leverage;
        let rules = self.exchange.settings().margin.as_ref();
        let kept = worth.abs() * Amount::from(rules.map_or(0, |rules| rules.maintenance));
        let kept = self.quote(symbol, kept / crate::exchange::RATE_ONE);
        let (margin, mark) = (self.quote(symbol, margin), self.exchange.mark_price(symbol));
        let side = match position.qty {
            0 => "",
            qty if qty < 0 => "Sell",
            _ => "Buy",
        };
        let entry = match position.qty {
            0 => "0".to_owned(),
            qty => self.average(symbol, position.cost, qty),
        };
        let object = self
            .object()
            .number("positionIdx", 0)
            .number("tradeMode", 0)
            .number("riskId", 1)
            .text("riskLimitValue", "2000000")
            .text("symbol", self.symbol(symbol))
            .text("side", side)
            .text("size", &self.base(symbol, position.qty.abs()))
            .text(if is_event { "entryPrice" } else { "avgPrice" }, &entry)
            .text("sessionAvgPrice", "")
            .text("leverage", &position.leverage.to_string())
            .text("positionValue", &self.quote(symbol, position.cost.abs()))
            .text("positionBalance", "0")
            .text("markPrice", &self.price(symbol, mark.unwrap_or(0)))
            .text("positionIM", &margin)
            .text("positionMM", &kept)
            .text("positionIMByMp", &margin)
            .text("positionMMByMp", &kept)
            .text("takeProfit", "0")
            .text("stopLoss", "0")
            .text("trailingStop", "0")
            .text("unrealisedPnl", &self.quote(symbol, position.unrealised(worth)))
            .text("cumRealisedPnl", &self.quote(symbol, position.realised))
            .text("curRealisedPnl", &self.quote(symbol, position.realised))
            .text("createdTime", &ms(position.updated_ns))
            .text("updatedTime", &ms(position.updated_ns))
            .text("tpslMode", "Full")
            .text("liqPrice", "")
            .text("bustPrice", "")
            .text("category", self.category.text())
            .text("positionStatus", "Normal")
            .number("adlRankIndicator", if position.qty == 0 { 0 } else { 2 })
            .number("autoAddMargin", 0)
            .text("leverageSysUpdatedTime", "")
            .text("mmrSysUpdatedTime", "")
            .number("seq", self.exchange.best(symbol).update_id);
        object.truth("isReduceOnly", false).done()
    }

    /// What an account owns. `wanted`: of which assets.
    pub(super) fn wallet(&self, account: AccountId, wanted: Option<&[&str]>) -> String {
        let balances = self.exchange.balances(account);
        let mut coins = Vec::new();
        let (mut equity, mut wallet, mut unrealised) = (0, 0, 0);
        let (mut initial, mut kept, mut available) = (0, 0, 0);
        for balance in &balances {
            let state = self.exchange.margin(account, balance.asset);
            let all = balance.free + balance.locked;
            wallet += self.worth(balance.asset, all);
            let is_linear = self.category == Category::Linear;
            let (open, margin, usable) = if is_linear {
                (state.unrealised, state.of_all, state.available())
            } else {
                (0, 0, balance.free)
            };
            equity += self.worth(balance.asset, all + open);
            unrealised += self.worth(balance.asset, open);
            initial += self.worth(balance.asset, margin);
            kept += if is_linear { self.worth(balance.asset, state.maintenance) } else { 0 };
            available += self.worth(balance.asset, usable);
            let is_wanted = wanted.is_none_or(|all| all.contains(&self.asset(balance.asset)));
            if is_wanted {
                coins.push(self.coin(account, balance.asset, (all, balance.locked, open)));
            }
        }
        let rate = |part: Amount| match equity {
            0 => "0".to_owned(),
            whole => units_text(part * 10_000 / whole, 4),
        };
        let dollar = dollar(self.exchange).unwrap_or(AssetId(0));
        let amount = |amount: Amount| self.amount(dollar, amount);
        self.object()
            .text("accountIMRate", &rate(initial))
            .text("accountIMRateByMp", &rate(initial))
            .text("accountMMRate", &rate(kept))
            .text("accountMMRateByMp", &rate(kept))
            .text("totalEquity", &amount(equity))
            .text("totalWalletBalance", &amount(wallet))
            .text("totalMarginBalance", &amount(wallet + unrealised))
            .text("totalAvailableBalance", &amount(available))
            .text("totalPerpUPL", &amount(unrealised))
            .text("totalInitialMargin", &amount(initial))
            .text("totalInitialMarginByMp", &amount(initial))
            .text("totalMaintenanceMargin", &amount(kept))
            .text("totalMaintenanceMarginByMp", &amount(kept))
            .raw("coin", &array(coins))
            .text("accountLTV", "0")
            .text("accountType", "UNIFIED")
            .done()
    }

    fn coin(
        &self,
        account: AccountId,
        asset: AssetId,
        (all, locked, open): (Amount, Amount, Amount),
    ) -> String {
        let state = self.exchange.margin(account, asset);
        let is_linear = self.category == Category::Linear;
        let amount = |amount: Amount| self.amount(asset, amount);
        let margin = |part: Amount| if is_linear { amount(part) } else { "0".to_owned() };
        let in_symbols = self.exchange.symbols().filter(|(_, spec)| spec.quote == asset);
        let realised: Amount =
            in_symbols.map(|(symbol, _)| self.exchange.position(account, symbol).realised).sum();
        let worth = self.worth(asset, all + open);
        let dollar = dollar(self.exchange).unwrap_or(asset);
        self.object()
            .text("coin", self.asset(asset))
            .text("equity", &amount(all + open))
            .text("usdValue", &self.amount(dollar, worth))
            .text("walletBalance", &amount(all))
            .text("availableToWithdraw", "")
            .text("availableToBorrow", "")
            .text("borrowAmount", "0")
            .text("accruedInterest", "0")
            .text("totalOrderIM", &margin(state.of_all - state.of_positions))
            .text("totalPositionIM", &margin(state.of_positions))
            .text("totalPositionMM", &margin(state.maintenance))
            .text("unrealisedPnl", &amount(open))
            .text("cumRealisedPnl", &margin(realised))
            .text("bonus", "0")
            .truth("collateralSwitch", true)
            .truth("marginCollateral", true)
            .text("locked", &amount(locked))
            .text("spotHedgingQty", "0")
            .text("spotBorrow", "0")
            .done()
    }
}
