//! What the owner of an account may ask over REST.

use crate::exchange::{Balance, Fill, Nanos, Order, OrderKind, Side, SymbolId};
use crate::venue::shared::json::Object;

use super::errors::{Refused, invalid, unknown_order};
use super::fields::Fields;
use super::ids;
use super::keys::TOKEN_SECONDS;
use super::listing::{asset_names, names_of};
use super::rest::Ask;
use super::shapes::{
    Shapes, client_id, fee_preference, kind, object, reason, rest_status, user_ref,
};
use super::{Kraken, moments};

/// How many orders or trades are told at a time.
const PAGE: usize = 50;
/// How many can be asked for by their ids: of orders, and of trades.
const IDS_MAX: (usize, usize) = (50, 20);
const SECOND_NS: Nanos = 1_000_000_000;

pub(super) fn token(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    ask.account()?;
    let caller = ask.caller.ok_or_else(|| Refused::new("EAPI:Invalid key"))?;
    let token = venue.keys.token(caller, ask.now_ns);
    Ok(object().text("token", &token).number("expires", TOKEN_SECONDS).done())
}

/// An object of all assets of an account by their names here.
fn balances(
    venue: &Kraken,
    ask: &Ask<'_>,
    write: impl Fn(&Shapes<'_>, Object, &str, &Balance) -> Object,
) -> Result<String, Refused> {
    let account = ask.account()?;
    let shapes = Shapes { exchange: venue.exchange() };
    let mut all = object();
    for balance in venue.exchange().balances(account) {
        let (key, _) = asset_names(shapes.asset(balance.asset));
        all = write(&shapes, all, key, &balance);
    }
    Ok(all.done())
}

pub(super) fn balance(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    balances(venue, ask, |shapes, all, key, balance| {
        all.text(key, &shapes.amount(balance.asset, balance.free + balance.locked))
    })
}

pub(super) fn balance_ex(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    balances(venue, ask, |shapes, all, key, balance| {
        let amount = |amount| shapes.amount(balance.asset, amount);
        let one = object().text("balance", &amount(balance.free + balance.locked));
        all.raw(key, &one.text("hold_trade", &amount(balance.locked)).done())
    })
}

impl Kraken {
    /// An order as REST tells it.
    fn order_info(&self, order: &Order, with_trades: bool) -> String {
        let shapes = Shapes { exchange: self.exchange() };
        let (first, second) = shapes.prices(order);
        let or_zero = |text: Option<String>| text.unwrap_or_else(|| "0".to_owned());
        let descr = object()
            .text("pair", names_of(self.exchange(), order.symbol).alt)
            .text("type", order.side.text())
            .text("ordertype", kind(order.kind))
            .text("price", &or_zero(first))
            .text("price2", &or_zero(second))
            .text("leverage", "none")
            .text("order", &shapes.words(order))
            .text("close", "");
        let (is_open, is_maker) = (order.status.is_open(), order.kind == OrderKind::LimitMaker);
        let mut flags = vec![fee_preference(order.side)];
        flags.extend(is_maker.then_some("post"));
        let expires = self.expire_times.get(&order.id).map_or(0, |at| at / SECOND_NS);
        let object = object()
            .raw("refid", "null")
            .number("userref", user_ref(order).unwrap_or(0))
            .when(client_id(order), |object, id| object.text("cl_ord_id", id))
            .text("status", rest_status(order.status));
        let object = if is_open {
            object.raw("opentm", &moments::unix(order.created_ns, 4))
        } else {
            object
                .text("reason", reason(order.status))
                .raw("opentm", &moments::unix(order.created_ns, 4))
                .raw("closetm", &moments::unix(order.updated_ns, 4))
        };
        let object = object
            .number("starttm", 0)
            .number("expiretm", expires)
            .raw("descr", &descr.done())
            .text("vol", &shapes.qty(order.qty))
            .text("vol_exec", &shapes.qty(order.filled))
            .text("cost", &shapes.cost(order.filled_quote))
            .text("fee", &shapes.cost(shapes.fees_of(order)))
            .text("price", &shapes.average(order))
            .text("stopprice", &shapes.long_price(order.symbol, order.stop_price))
            .text("limitprice", "0.00000")
            .text("misc", "")
            .text("oflags", &flags.join(","));
        if !with_trades || order.filled == 0 {
            return object.done();
        }
        let mut trades: Vec<String> =
            shapes.fills_of(order).map(|fill| shapes.execution_id(fill)).collect();
        trades.reverse();
        let trades = serde_json::to_string(&trades).unwrap_or_default();
        object.raw("trades", &trades).done()
    }

    /// An execution as REST tells it.
    fn trade_info(&self, fill: &Fill) -> String {
        let shapes = Shapes { exchange: self.exchange() };
        let order = self.exchange().order_by_id(fill.order_id);
        object()
            .text("ordertxid", &ids::order(fill.order_id))
            .text("postxid", &ids::execution(fill.symbol.0, 0, fill.side == Side::Buy))
            .text("pair", names_of(self.exchange(), fill.symbol).key)
            .raw("time", &moments::unix(fill.time_ns, 4))
            .text("type", fill.side.text())
            .text("ordertype", order.map_or("limit", |order| kind(order.kind)))
            .text("price", &shapes.long_price(fill.symbol, fill.price))
            .text("cost", &shapes.cost(fill.quote))
            .text("fee", &shapes.cost(shapes.fee_in_quote(fill)))
            .text("vol", &shapes.qty(fill.qty))
            .text("margin", "0.00000")
            .text("misc", "")
            .number("trade_id", fill.trade_id)
            .truth("maker", fill.is_maker)
            .done()
    }
}

/// Which orders are wanted, whoever asks.
fn is_wanted(order: &Order, fields: &Fields) -> Result<bool, Refused> {
    let number = fields.whole("userref")?;
    let name = fields.text("cl_ord_id");
    Ok(number.is_none_or(|number| user_ref(order) == Some(number))
        && name.is_none_or(|name| client_id(order) == Some(name)))
}

/// An object of orders by their ids.
fn told(venue: &Kraken, orders: &[Order], with_trades: bool) -> String {
    let write = |all: Object, order: &Order| {
        all.raw(&ids::order(order.id), &venue.order_info(order, with_trades))
    };
    orders.iter().fold(object(), write).done()
}

pub(super) fn open_orders(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    let account = ask.account()?;
    let with_trades = ask.fields.truth("trades")?;
    let mut open = Vec::new();
    for order in venue.exchange().open_orders(account, None) {
        let seen = venue.as_told(order, ask.now_ns).filter(|order| order.status.is_open());
        if let Some(order) = seen
            && is_wanted(&order, ask.fields)?
        {
            open.push(order);
        }
    }
    Ok(object().raw("open", &told(venue, &open, with_trades)).done())
}

/// A span of time in a request: by seconds, or by the id of an order or trade that is its end.
fn span(fields: &Fields) -> Result<(Nanos, Nanos), Refused> {
    let bound = |name: &str, usual: Nanos| {
        let Some(text) = fields.text(name) else { return Ok(usual) };
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let seconds: Nanos = whole.parse().map_err(|_| invalid(name))?;
        let fraction: Nanos =
            format!("{part:0<9}").get(..9).and_then(|p| p.parse().ok()).ok_or(invalid(name))?;
        Ok(seconds.saturating_mul(SECOND_NS).saturating_add(fraction))
    };
    Ok((bound("start", 0)?, bound("end", Nanos::MAX)?))
}

fn offset(fields: &Fields) -> Result<usize, Refused> {
    let offset = fields.whole("ofs")?.unwrap_or(0);
    usize::try_from(offset).map_err(|_| invalid("ofs"))
}

pub(super) fn closed_orders(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    let account = ask.account()?;
    let with_trades = ask.fields.truth("trades")?;
    let ((start, end), skipped) = (span(ask.fields)?, offset(ask.fields)?);
    let mut closed = Vec::new();
    for (symbol, _) in venue.exchange().symbols() {
        for order in venue.exchange().orders(account, symbol, 0) {
            let ended = order.updated_ns;
            let is_closed = !order.status.is_open() && ended > start && ended <= end;
            let seen = if is_closed { venue.as_told(order, ask.now_ns) } else { None };
            if let Some(order) = seen.filter(|order| !order.status.is_open())
                && is_wanted(&order, ask.fields)?
            {
                closed.push(order);
            }
        }
    }
    // The newest first.
    closed.sort_by_key(|order| std::cmp::Reverse((order.updated_ns, order.id)));
    let count = closed.len();
    let page: Vec<Order> = closed.into_iter().skip(skipped).take(PAGE).collect();
    Ok(object()
        .raw("closed", &told(venue, &page, with_trades))
        .number("count", count as u64)
        .done())
}

pub(super) fn query_orders(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    let account = ask.account()?;
    let with_trades = ask.fields.truth("trades")?;
    let names = ask.fields.list("txid")?;
    if names.is_empty() && ask.fields.text("cl_ord_id").is_none() || names.len() > IDS_MAX.0 {
        return Err(invalid("txid"));
    }
    let mut found = Vec::new();
    for name in &names {
        let order = venue.by_id(account, name).and_then(|o| venue.as_told(o, ask.now_ns));
        let order = order.ok_or_else(unknown_order)?;
        if is_wanted(&order, ask.fields)? {
            found.push(order);
        }
    }
    if names.is_empty() {
        let name = ask.fields.need("cl_ord_id")?;
        let order = venue.latest_by_client(account, name);
        let order = order.and_then(|order| venue.as_told(order, ask.now_ns));
        found.push(order.ok_or_else(unknown_order)?);
    }
    Ok(told(venue, &found, with_trades))
}

pub(super) fn trades_history(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    let account = ask.account()?;
    let ((start, end), skipped) = (span(ask.fields)?, offset(ask.fields)?);
    let is_within = |fill: &&Fill| fill.time_ns > start && fill.time_ns <= end;
    let mut fills: Vec<&Fill> = Vec::new();
    for (symbol, _) in venue.exchange().symbols() {
        let all = venue.exchange().fills(account, symbol, 0);
        fills.extend(all.filter(is_within).filter(|fill| venue.is_told(fill)));
    }
    fills.sort_by_key(|fill| std::cmp::Reverse((fill.time_ns, fill.trade_id)));
    let count = fills.len();
    let shapes = Shapes { exchange: venue.exchange() };
    let page = fills.iter().skip(skipped).take(PAGE);
    let write =
        |all: Object, fill: &&Fill| all.raw(&shapes.execution_id(fill), &venue.trade_info(fill));
    let trades = page.fold(object(), write).done();
    Ok(object().raw("trades", &trades).number("count", count as u64).done())
}

pub(super) fn query_trades(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    let account = ask.account()?;
    let names = ask.fields.list("txid")?;
    if names.is_empty() || names.len() > IDS_MAX.1 {
        return Err(invalid("txid"));
    }
    let mut all = object();
    for name in &names {
        let wrong = || Refused::new("EQuery:Unknown trade");
        let (symbol, trade, buys) = ids::execution_number(name).ok_or_else(wrong)?;
        let fills = venue.exchange().fills(account, SymbolId(symbol), trade);
        let mut same = fills.take_while(|fill| fill.trade_id == trade);
        let fill = same.find(|fill| (fill.side == Side::Buy) == buys).filter(|f| venue.is_told(f));
        all = all.raw(name, &venue.trade_info(fill.ok_or_else(wrong)?));
    }
    Ok(all.done())
}
