//! Lists of orders: one cancels the other, one triggers the other, one triggers a pair of which
//! one cancels the other. The calls, and what is told of a list.

use std::sync::Arc;

use crate::exchange::{
    AccountId, Contingency, ListCancelled, ListChange, ListOrders, ListPlaced, ListRef, ListReport,
    Nanos, NewList, NewOrder, OrderKind, OrderList, Pair, Pending, SelfTrade, Side, SymbolId,
    TimeInForce,
};

use super::BinanceSpot;
use super::account::{is_within, span};
use super::call::Ask;
use super::codes::{self, Code};
use super::json::{Object, array};
use super::names;
use super::public::whole;
use super::shapes::{Shapes, Told};
use super::trading::{decimals, self_trade, strategy, time_in_force, told_of};

/// The longest list of lists.
const LIST_MAX: usize = 1_000;
const LIST_USUAL: usize = 500;

/// The order of a list whose parameters begin with `prefix`.
struct Leg<'a> {
    ask: &'a Ask<'a>,
    prefix: &'static str,
    symbol: SymbolId,
    side: Side,
    qty: i64,
    self_trade: Option<SelfTrade>,
}

impl Leg<'_> {
    fn name(&self, what: &str) -> String {
        format!("{}{what}", self.prefix)
    }

    fn kind(&self) -> Result<OrderKind, Code> {
        let text = self.ask.params.need(&self.name("Type"))?;
        names::kind_of(text).ok_or_else(|| Code::new(-1116, "Invalid orderType."))
    }

    /// The order, with all that its kind needs. What it must not have the exchange says.
    fn order(&self, venue: &BinanceSpot) -> Result<NewOrder, Code> {
        let (params, kind) = (self.ask.params, self.kind()?);
        let digits = decimals(venue, self.symbol);
        let price_name = self.name("Price");
        let price = params.decimal(&price_name, digits.price)?;
        if kind.has_price() && price.is_none() {
            return Err(codes::missing(&price_name));
        }
        let force_name = self.name("TimeInForce");
        let force = time_in_force(self.ask, &force_name)?;
        let needs_force = kind.has_price() && kind != OrderKind::LimitMaker;
        if needs_force && force.is_none() {
            return Err(codes::missing(&force_name));
        }
        let (stop_name, trailing_name) = (self.name("StopPrice"), self.name("TrailingDelta"));
        let stop_price = params.decimal(&stop_name, digits.price)?;
        let trailing = params.whole(&trailing_name)?.map(u32::try_from).transpose();
        let trailing_delta = trailing.map_err(|_| codes::overflowed(&trailing_name))?;
        if kind.is_conditional() && stop_price.is_none() && trailing_delta.is_none() {
            return Err(codes::one_of_two(&stop_name, &trailing_name));
        }
        let iceberg_name = self.name("IcebergQty");
        let iceberg_qty = params.decimal(&iceberg_name, digits.base)?.filter(|qty| *qty != 0);
        if iceberg_qty.is_some() && force.is_some_and(|force| force != TimeInForce::Gtc) {
            return Err(codes::iceberg_needs_gtc(&iceberg_name));
        }
        let client_id = params.client_id(&self.name("ClientOrderId"))?.map(Arc::from);
        let (strategy_id, strategy_type) = (self.name("StrategyId"), self.name("StrategyType"));
        Ok(NewOrder {
            symbol: self.symbol,
            side: self.side,
            kind,
            time_in_force: force,
            qty: Some(self.qty),
            quote_qty: None,
            price,
            stop_price,
            trailing_delta,
            iceberg_qty,
            self_trade: self.self_trade,
            client_id,
            reduce_only: false,
            marks: strategy(self.ask, &strategy_id, &strategy_type)?,
        })
    }
}

/// What all orders of a list have in common.
struct Common<'a> {
    ask: &'a Ask<'a>,
    account: AccountId,
    symbol: SymbolId,
    self_trade: Option<SelfTrade>,
    told: Told,
    client_id: Option<Arc<str>>,
}

impl<'a> Common<'a> {
    fn of(venue: &BinanceSpot, ask: &'a Ask<'a>) -> Result<Self, Code> {
        Ok(Self {
            ask,
            account: ask.account()?,
            symbol: ask.symbol(venue)?,
            self_trade: self_trade(ask)?,
            told: told_of(ask)?.unwrap_or(Told::Result),
            client_id: ask.params.client_id("listClientOrderId")?.map(Arc::from),
        })
    }

    fn side(&self, name: &str) -> Result<Side, Code> {
        let side = names::side_of(self.ask.params.need(name)?);
        side.ok_or_else(|| Code::new(-1117, "Invalid side."))
    }

    fn qty(&self, venue: &BinanceSpot, name: &str) -> Result<i64, Code> {
        let qty = self.ask.params.decimal(name, decimals(venue, self.symbol).base)?;
        qty.ok_or_else(|| codes::missing(name))
    }

    fn leg(&self, prefix: &'static str, side: Side, qty: i64) -> Leg<'a> {
        let (symbol, self_trade) = (self.symbol, self.self_trade);
        Leg { ask: self.ask, prefix, symbol, side, qty, self_trade }
    }

    /// The pair whose parameters begin with those words.
    fn pair(
        &self,
        venue: &BinanceSpot,
        (above, below): (&'static str, &'static str),
        side: Side,
        qty: i64,
    ) -> Result<Pair, Code> {
        let (above, below) = (self.leg(above, side, qty), self.leg(below, side, qty));
        are_a_pair(side, above.kind()?, below.kind()?)?;
        Ok(Pair { above: above.order(venue)?, below: below.order(venue)? })
    }

    fn working(&self, venue: &BinanceSpot) -> Result<NewOrder, Code> {
        let (side, qty) = (self.side("workingSide")?, self.qty(venue, "workingQuantity")?);
        let leg = self.leg("working", side, qty);
        if !matches!(leg.kind()?, OrderKind::Limit | OrderKind::LimitMaker) {
            return Err(codes::invalid("workingType"));
        }
        leg.order(venue)
    }

    /// Places a list, and tells what became of it.
    fn place(self, venue: &mut BinanceSpot, orders: ListOrders) -> Result<String, Code> {
        let count = match &orders {
            ListOrders::Sequence { pending: Pending::Pair(_), .. } => 3,
            _ => 2,
        };
        venue.meters.orders_placed(self.account, count, self.ask.now_ns)?;
        let list = NewList { symbol: self.symbol, client_id: self.client_id, orders };
        let placed = venue.exchange_mut().place_list(self.account, &list);
        let placed = placed.map_err(codes::of_new)?;
        Ok(self.ask.shapes(venue).list_placed(&placed, self.told))
    }
}

/// Whether orders of those kinds make a pair.
fn are_a_pair(side: Side, above: OrderKind, below: OrderKind) -> Result<(), Code> {
    let is_stop = |kind| matches!(kind, OrderKind::StopLoss | OrderKind::StopLossLimit);
    let is_profit = |kind| matches!(kind, OrderKind::TakeProfit | OrderKind::TakeProfitLimit);
    if [above, below].iter().any(|kind| matches!(kind, OrderKind::Limit | OrderKind::Market)) {
        return Err(Code::new(-1158, "Order type not supported in OCO."));
    }
    if above == OrderKind::LimitMaker && below == OrderKind::LimitMaker {
        return Err(Code::new(-1168, "At least one OCO order must be contingent."));
    }
    let (code, words) = match side {
        Side::Buy if above == OrderKind::LimitMaker => {
            (-1165, "A limit order in a buy OCO must be below.")
        }
        Side::Sell if below == OrderKind::LimitMaker => {
            (-1166, "A limit order in a sell OCO must be above.")
        }
        Side::Buy if is_stop(below) => (-1196, "A stop loss order in a buy OCO must be above."),
        Side::Sell if is_stop(above) => (-1197, "A stop loss order in a sell OCO must be below."),
        Side::Buy if is_profit(above) => (-1198, "A take profit order in a buy OCO must be below."),
        Side::Sell if is_profit(below) => {
            (-1199, "A take profit order in a sell OCO must be above.")
        }
        _ => return Ok(()),
    };
    Err(Code::new(code, words))
}

pub(super) fn place_oco(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let common = Common::of(venue, ask)?;
    let (side, qty) = (common.side("side")?, common.qty(venue, "quantity")?);
    let pair = common.pair(venue, ("above", "below"), side, qty)?;
    common.place(venue, ListOrders::Pair(pair))
}

pub(super) fn place_oto(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let common = Common::of(venue, ask)?;
    let working = common.working(venue)?;
    let (side, qty) = (common.side("pendingSide")?, common.qty(venue, "pendingQuantity")?);
    let pending = Pending::One(common.leg("pending", side, qty).order(venue)?);
    common.place(venue, ListOrders::Sequence { working, pending })
}

pub(super) fn place_otoco(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let common = Common::of(venue, ask)?;
    let working = common.working(venue)?;
    let (side, qty) = (common.side("pendingSide")?, common.qty(venue, "pendingQuantity")?);
    let pair = common.pair(venue, ("pendingAbove", "pendingBelow"), side, qty)?;
    common.place(venue, ListOrders::Sequence { working, pending: Pending::Pair(pair) })
}

/// The older call, in which the orders have names of their own.
pub(super) fn place_old_oco(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let common = Common::of(venue, ask)?;
    let (side, qty) = (common.side("side")?, common.qty(venue, "quantity")?);
    let (params, digits) = (ask.params, decimals(venue, common.symbol));
    let price = |name: &str| params.decimal(name, digits.price);
    let iceberg = |name: &str| Ok(params.decimal(name, digits.base)?.filter(|qty| *qty != 0));
    let client = |name: &str| Ok::<_, Code>(params.client_id(name)?.map(Arc::from));
    let mut limit = NewOrder::limit(common.symbol, side, 0, qty);
    limit.kind = OrderKind::LimitMaker;
    limit.time_in_force = None;
    limit.self_trade = common.self_trade;
    let mut stop = limit.clone();
    limit.price = Some(price("price")?.ok_or_else(|| codes::missing("price"))?);
    limit.client_id = client("limitClientOrderId")?;
    limit.iceberg_qty = iceberg("limitIcebergQty")?;
    limit.marks = strategy(ask, "limitStrategyId", "limitStrategyType")?;
    stop.stop_price = price("stopPrice")?;
    let trailing = params.whole("trailingDelta")?.map(u32::try_from).transpose();
    stop.trailing_delta = trailing.map_err(|_| codes::overflowed("trailingDelta"))?;
    if stop.stop_price.is_none() && stop.trailing_delta.is_none() {
        return Err(codes::one_of_two("stopPrice", "trailingDelta"));
    }
    stop.price = price("stopLimitPrice")?;
    stop.kind = OrderKind::StopLoss;
    stop.time_in_force = time_in_force(ask, "stopLimitTimeInForce")?;
    if stop.price.is_some() {
        stop.kind = OrderKind::StopLossLimit;
        if stop.time_in_force.is_none() {
            return Err(codes::missing("stopLimitTimeInForce"));
        }
    }
    stop.client_id = client("stopClientOrderId")?;
    stop.iceberg_qty = iceberg("stopIcebergQty")?;
    stop.marks = strategy(ask, "stopStrategyId", "stopStrategyType")?;
    let pair = match side {
        Side::Buy => Pair { above: stop, below: limit },
        Side::Sell => Pair { above: limit, below: stop },
    };
    common.place(venue, ListOrders::Pair(pair))
}

fn list_ref(ask: &Ask<'_>, client: &str) -> Result<ListRef, Code> {
    let list = ListRef {
        id: whole(ask, "orderListId")?,
        client_id: ask.params.text(client)?.map(Arc::from),
    };
    if list.id.is_none() && list.client_id.is_none() {
        return Err(codes::one_of_two("orderListId", client));
    }
    Ok(list)
}

pub(super) fn cancel(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let (account, symbol) = (ask.account()?, ask.symbol(venue)?);
    let list = list_ref(ask, "listClientOrderId")?;
    let request = ask.params.client_id("newClientOrderId")?.map(Arc::from);
    let cancelled = venue.exchange_mut().cancel_list(account, symbol, &list, request);
    Ok(ask.shapes(venue).list_cancelled(&cancelled.map_err(codes::of_cancel)?))
}

pub(super) fn list(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let name = list_ref(ask, "origClientOrderId")?;
    let found = venue.exchange().list(ask.account()?, &name);
    let found = found.ok_or_else(|| Code::new(-2013, "Order list does not exist."))?;
    Ok(ask.shapes(venue).list(found).done())
}

pub(super) fn open_lists(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let shapes = ask.shapes(venue);
    let open = venue.exchange().lists(ask.account()?, 0).filter(|list| !list.is_done);
    Ok(array(open.map(|list| shapes.list(list).done())))
}

pub(super) fn all_lists(venue: &mut BinanceSpot, ask: &Ask<'_>) -> Result<String, Code> {
    let account = ask.account()?;
    let limit = ask.params.limit(LIST_USUAL, LIST_MAX)?;
    let (from, span) = (whole(ask, "fromId")?, span(ask)?);
    if from.is_some() && (span.0.is_some() || span.1.is_some()) {
        return Err(codes::bad_combination());
    }
    let shapes = ask.shapes(venue);
    let all = venue.exchange().lists(account, from.unwrap_or(0));
    let mut found: Vec<_> = all.filter(|list| is_within(span, list.created_ns)).collect();
    if from.is_none() && span.0.is_none() {
        found.drain(..found.len().saturating_sub(limit));
    }
    Ok(array(found.into_iter().take(limit).map(|list| shapes.list(list).done())))
}

const fn contingency(contingency: Contingency) -> &'static str {
    match contingency {
        Contingency::OneCancelsOther => "OCO",
        Contingency::OneTriggersOther => "OTO",
    }
}

const fn status(list: &OrderList) -> &'static str {
    if list.is_done { "ALL_DONE" } else { "EXECUTING" }
}

impl Shapes<'_> {
    fn listed_orders(&self, list: &OrderList) -> String {
        array(list.orders.iter().map(|id| {
            let client_id = self.exchange.order_by_id(*id).map_or("", |order| &order.client_id);
            let object = self.object().text("symbol", self.symbol(list.symbol));
            object.number("orderId", *id).text("clientOrderId", client_id).done()
        }))
    }

    /// A list without what became of its orders.
    fn list(&self, list: &OrderList) -> Object {
        self.object()
            .number("orderListId", list.id)
            .text("contingencyType", contingency(list.contingency))
            .text("listStatusType", if list.is_done { "ALL_DONE" } else { "EXEC_STARTED" })
            .text("listOrderStatus", status(list))
            .text("listClientOrderId", &list.client_id)
            .time("transactionTime", list.updated_ns)
            .text("symbol", self.symbol(list.symbol))
            .raw("orders", &self.listed_orders(list))
    }

    /// What an amended order tells of its list.
    pub(super) fn list_of_amended(&self, list: &OrderList) -> String {
        self.object()
            .number("orderListId", list.id)
            .text("contingencyType", contingency(list.contingency))
            .text("listOrderStatus", status(list))
            .text("listClientOrderId", &list.client_id)
            .text("symbol", self.symbol(list.symbol))
            .raw("orders", &self.listed_orders(list))
            .done()
    }

    fn list_placed(&self, placed: &ListPlaced, told: Told) -> String {
        let reports = placed.orders.iter().map(|order| {
            let own = placed.fills.iter().filter(|fill| fill.order_id == order.id);
            self.placed(order, &own.copied().collect::<Vec<_>>(), told)
        });
        self.list(&placed.list).raw("orderReports", &array(reports)).done()
    }

    /// A list that was cancelled.
    pub(super) fn list_cancelled(&self, cancelled: &ListCancelled) -> String {
        let reports = cancelled.orders.iter();
        let reports = reports.map(|changed| self.cancelled(&changed.order, &changed.request_id));
        self.list(&cancelled.list).raw("orderReports", &array(reports)).done()
    }

    /// What the stream of the account tells of a list.
    pub(super) fn list_event(&self, report: &ListReport, event_ns: Nanos) -> String {
        let list = &report.list;
        let symbol = self.symbol(list.symbol);
        let orders = list.orders.iter().zip(&report.client_ids).map(|(id, client)| {
            self.object().text("s", symbol).number("i", *id).text("c", client).done()
        });
        let kind = match report.change {
            ListChange::Started => "EXEC_STARTED",
            ListChange::Updated => "UPDATED",
            ListChange::Done => "ALL_DONE",
        };
        self.object()
            .text("e", "listStatus")
            .time("E", event_ns)
            .text("s", symbol)
            .number("g", list.id)
            .text("c", contingency(list.contingency))
            .text("l", kind)
            .text("L", status(list))
            .text("r", "NONE")
            .text("C", &list.client_id)
            .time("T", report.time_ns)
            .raw("O", &array(orders))
            .done()
    }
}

macro_rules! legs {
    ([$($own:literal),*] $($prefix:literal),*) => {
        &[
            "symbol",
            "listClientOrderId",
            "newOrderRespType",
            "selfTradePreventionMode",
            $($own,)*
            $(
                concat!($prefix, "Type"),
                concat!($prefix, "ClientOrderId"),
                concat!($prefix, "Price"),
                concat!($prefix, "StopPrice"),
                concat!($prefix, "TrailingDelta"),
                concat!($prefix, "IcebergQty"),
                concat!($prefix, "TimeInForce"),
                concat!($prefix, "StrategyId"),
                concat!($prefix, "StrategyType"),
            )*
        ]
    };
}

/// The parameters of the calls that place lists.
pub(super) const OCO: &[&str] = legs!(["side", "quantity"] "above", "below");
pub(super) const OTO: &[&str] = legs!(
    ["workingSide", "workingQuantity", "pendingSide", "pendingQuantity"]
    "working", "pending");
pub(super) const OTOCO: &[&str] = legs!(
    ["workingSide", "workingQuantity", "pendingSide", "pendingQuantity"]
    "working", "pendingAbove", "pendingBelow");
pub(super) const OLD_OCO: &[&str] = &[
    "symbol",
    "listClientOrderId",
    "side",
    "quantity",
    "limitClientOrderId",
    "price",
    "limitStrategyId",
    "limitStrategyType",
    "limitIcebergQty",
    "trailingDelta",
    "stopClientOrderId",
    "stopPrice",
    "stopStrategyId",
    "stopStrategyType",
    "stopLimitPrice",
    "stopIcebergQty",
    "stopLimitTimeInForce",
    "newOrderRespType",
    "selfTradePreventionMode",
];
