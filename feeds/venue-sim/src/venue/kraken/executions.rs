//! What sockets are told of an account: its orders, its executions, its balances. Updates say only
//! what is new; who wants to know more has seen it before.

use crate::exchange::{
    AccountId, Amount, Balance, Exchange, ExecutionKind, Fill, Nanos, Order, OrderKind,
    OrderStatus, Refusal, Report, TimeInForce, WalletChange,
};
use crate::venue::shared::json::{Object, array};

use super::shapes::{Shapes, client_id, fee_preference, kind, object, reason, status, user_ref};
use super::{ids, moments};

/// How many executions a snapshot has at most.
const TRADES_MAX: usize = 50;

/// A message of a channel of an account.
pub(super) fn message(
    channel: &str,
    is_snapshot: bool,
    entries: &[String],
    sequence: u64,
) -> String {
    object()
        .text("channel", channel)
        .text("type", if is_snapshot { "snapshot" } else { "update" })
        .raw("data", &array(entries.iter().cloned()))
        .number("sequence", sequence)
        .done()
}

impl Shapes<'_> {
    /// The names that the owner gave.
    fn owners_names(&self, object: Object, order: &Order) -> Object {
        match client_id(order) {
            Some(name) => object.text("cl_ord_id", name),
            None => object.number("order_userref", user_ref(order).unwrap_or(0)),
        }
    }

    fn post_only(&self, object: Object, order: &Order) -> Object {
        let is_maker = order.kind == OrderKind::LimitMaker;
        object.only_if(is_maker, |object| object.truth("post_only", true))
    }

    fn triggers(&self, object: Object, order: &Order) -> Object {
        object.only_if(order.kind.is_conditional(), |object| {
            let state = if order.is_working() { "triggered" } else { "untriggered" };
            let triggers = super::shapes::object()
                .raw("price", &self.price(order.symbol, order.stop_price))
                .text("price_type", "static")
                .text("reference", "last")
                .text("status", state);
            object.raw("triggers", &triggers.done())
        })
    }

    /// All of an order: how it is told when it comes, and in a snapshot.
    pub(super) fn whole_order(
        &self,
        order: &Order,
        (exec_type, status): (&str, &str),
        expires_ns: Option<Nanos>,
    ) -> String {
        let symbol = order.symbol;
        let force = match order.time_in_force {
            _ if expires_ns.is_some() => "GTD",
            TimeInForce::Gtc => "GTC",
            TimeInForce::Ioc => "IOC",
            TimeInForce::Fok => "FOK",
        };
        let is_filled = order.filled > 0;
        let object = object()
            .text("order_id", &ids::order(order.id))
            .text("symbol", self.symbol(symbol))
            .raw("order_qty", &self.qty(order.qty))
            .only_if(is_filled, |object| object.raw("cum_qty", &self.qty(order.filled)))
            .raw("cum_cost", &self.cost(order.filled_quote))
            .only_if(is_filled, |object| object.raw("avg_price", &self.average(order)))
            .text("time_in_force", force)
            .when(expires_ns, |object, at| object.text("expire_time", &moments::micros(at)))
            .text("exec_type", exec_type)
            .text("side", order.side.text())
            .text("order_type", kind(order.kind));
        let object = self
            .triggers(self.owners_names(object, order), order)
            .only_if(order.kind.has_price(), |object| {
                let limit = self.price(symbol, order.price);
                object.text("limit_price_type", "static").raw("limit_price", &limit)
            })
            .only_if(order.iceberg_qty != 0, |object| {
                object.raw("display_qty", &self.qty(order.iceberg_qty))
            })
            .raw("stop_price", &self.price(symbol, order.stop_price));
        self.post_only(object, order)
            .text("order_status", status)
            .raw("fee_usd_equiv", &self.cost(self.fees_of(order)))
            .text("fee_ccy_pref", fee_preference(order.side))
            .text("timestamp", &moments::micros(order.updated_ns))
            .done()
    }

    /// An execution.
    pub(super) fn execution(&self, fill: &Fill, order: &Order, order_status: &str) -> String {
        let fee = object()
            .text("asset", self.asset(fill.fee_asset))
            .raw("qty", &self.amount(fill.fee_asset, fill.fee));
        let object = object().text("order_id", &ids::order(order.id));
        self.owners_names(object, order)
            .text("exec_id", &self.execution_id(fill))
            .text("exec_type", "trade")
            .number("trade_id", fill.trade_id)
            .text("symbol", self.symbol(fill.symbol))
            .text("side", fill.side.text())
            .raw("last_qty", &self.qty(fill.qty))
            .raw("last_price", &self.price(fill.symbol, fill.price))
            .text("liquidity_ind", if fill.is_maker { "m" } else { "t" })
            .raw("cost", &self.cost(fill.quote))
            .text("order_type", kind(order.kind))
            .text("timestamp", &moments::micros(fill.time_ns))
            .text("order_status", order_status)
            .raw("cum_qty", &self.qty(order.filled))
            .raw("cum_cost", &self.cost(order.filled_quote))
            .raw("avg_price", &self.average(order))
            .raw("fee_usd_equiv", &self.cost(self.fee_in_quote(fill)))
            .raw("fees", &format!("[{}]", fee.done()))
            .done()
    }

    /// The end of an order, or its being filled.
    fn end(&self, order: &Order, exec_type: &str, time_ns: Nanos) -> String {
        let why = reason(order.status);
        let object = object()
            .text("timestamp", &moments::micros(time_ns))
            .text("order_status", status(order.status))
            .text("exec_type", exec_type)
            .raw("cum_qty", &self.qty(order.filled))
            .raw("cum_cost", &self.cost(order.filled_quote))
            .raw("fee_usd_equiv", &self.cost(self.fees_of(order)))
            .raw("avg_price", &self.average(order));
        self.post_only(self.owners_names(object, order), order)
            .only_if(!why.is_empty(), |object| {
                object.text("cancel_reason", why).text("reason", why)
            })
            .text("order_id", &ids::order(order.id))
            .done()
    }

    /// That an order is in the book, or waits.
    fn begun(&self, order: &Order, time_ns: Nanos) -> String {
        let object = object()
            .text("timestamp", &moments::micros(time_ns))
            .text("order_status", "new")
            .text("exec_type", "new");
        self.post_only(self.owners_names(object, order), order)
            .text("order_id", &ids::order(order.id))
            .done()
    }

    /// That the price of an order has come.
    fn triggered(&self, order: &Order, time_ns: Nanos) -> String {
        let object = object()
            .text("timestamp", &moments::micros(time_ns))
            .text("order_status", "new")
            .text("exec_type", "status");
        self.triggers(self.owners_names(object, order), order)
            .text("order_id", &ids::order(order.id))
            .done()
    }

    fn amended(&self, order: &Order, time_ns: Nanos) -> String {
        let object = object()
            .text("timestamp", &moments::micros(time_ns))
            .text("exec_type", "amended")
            .text("order_status", status(order.status))
            .raw("cum_qty", &self.qty(order.filled))
            .text("reason", "User requested")
            .truth("amended", true)
            .raw("order_qty", &self.qty(order.qty))
            .raw("limit_price", &self.price(order.symbol, order.price))
            .text("limit_price_type", "static");
        self.owners_names(object, order).text("order_id", &ids::order(order.id)).done()
    }

    /// The messages that a report is, in their order.
    pub(super) fn report(&self, report: &Report, expires_ns: Option<Nanos>) -> Vec<String> {
        let (order, at) = (&report.order, report.time_ns);
        match report.kind {
            ExecutionKind::New if order.kind.is_conditional() && order.is_working() => {
                vec![self.triggered(order, at)]
            }
            ExecutionKind::New => {
                let pending = ("pending_new", "pending_new");
                vec![self.whole_order(order, pending, expires_ns), self.begun(order, at)]
            }
            ExecutionKind::Trade => {
                // The last fill is told as a part as well; that the order is filled comes behind.
                let fill = report.fill.as_ref();
                let trade = fill.map(|fill| self.execution(fill, order, "partially_filled"));
                let is_filled = order.status == OrderStatus::Filled;
                let end = is_filled.then(|| self.end(order, "filled", at));
                trade.into_iter().chain(end).collect()
            }
            ExecutionKind::Replaced => vec![self.amended(order, at)],
            ExecutionKind::Expired if report.refusal == Some(Refusal::WouldTake) => {
                // It was taken, and never met the book.
                let pending = ("pending_new", "pending_new");
                let end = self.end(order, "canceled", at);
                let end = end.replace("\"expired\"", "\"canceled\"");
                let end = end.replace("Order expired", "Post only order");
                vec![self.whole_order(order, pending, expires_ns), end]
            }
            ExecutionKind::Expired => vec![self.end(order, "expired", at)],
            ExecutionKind::Canceled | ExecutionKind::Rejected => {
                vec![self.end(order, "canceled", at)]
            }
            ExecutionKind::TradePrevention if order.status.is_open() => {
                vec![self.amended(order, at).replacen("\"amended\"", "\"restated\"", 1)]
            }
            ExecutionKind::TradePrevention => vec![self.end(order, "canceled", at)],
        }
    }

    /// What is told of an asset at once.
    pub(super) fn balance(&self, balance: &Balance) -> String {
        let total = self.amount(balance.asset, balance.free + balance.locked);
        let wallet = object().text("type", "spot").text("id", "main").raw("balance", &total);
        object()
            .text("asset", self.asset(balance.asset))
            .text("asset_class", "currency")
            .raw("balance", &total)
            .raw("wallets", &format!("[{}]", wallet.done()))
            .done()
    }

    /// A line of the ledger: so much more of an asset is there now.
    pub(super) fn ledger(
        &self,
        balance: &Balance,
        more: Amount,
        why: WalletChange,
        (number, time_ns): (u64, Nanos),
    ) -> String {
        let what = match why {
            WalletChange::Order => "trade",
            WalletChange::Transfer(amount) if amount < 0 => "withdrawal",
            WalletChange::Transfer(_) => "deposit",
            WalletChange::Funding(_) => "adjustment",
        };
        let line = u128::from(number) << 16 | u128::from(balance.asset.0);
        object()
            .text("ledger_id", &ids::id(ids::Kind::Ledger, line))
            .text("ref_id", &ids::id(ids::Kind::Trade, u128::from(number)))
            .text("timestamp", &moments::micros(time_ns))
            .text("type", what)
            .text("asset", self.asset(balance.asset))
            .text("asset_class", "currency")
            .text("category", what)
            .text("wallet_type", "spot")
            .text("wallet_id", "main")
            .raw("amount", &self.amount(balance.asset, more))
            .raw("fee", &self.amount(balance.asset, 0))
            .raw("balance", &self.amount(balance.asset, balance.free + balance.locked))
            .done()
    }
}

/// The newest executions of an account, the newest last.
pub(super) fn newest_fills(exchange: &Exchange, account: AccountId) -> Vec<&Fill> {
    let mut all: Vec<&Fill> = Vec::new();
    for (symbol, _) in exchange.symbols() {
        all.extend(exchange.fills(account, symbol, 0).rev().take(TRADES_MAX));
    }
    all.sort_by_key(|fill| (fill.time_ns, fill.trade_id));
    let older = all.len().saturating_sub(TRADES_MAX);
    all.split_off(older)
}

/// Whether a message is one of the begin or the end of an order.
pub(super) fn is_begin_or_end(entry: &str) -> bool {
    ["new", "filled", "canceled", "expired"]
        .iter()
        .any(|kind| entry.contains(&format!("\"exec_type\":\"{kind}\"")))
}
