//! What a new order asks for, whichever way it came: REST and sockets only name it differently.

use std::sync::Arc;

use crate::exchange::units::UnitsError;
use crate::exchange::{
    Amount, Marks, Nanos, NewOrder, OrderKind, SelfTrade, Side, SymbolId, TimeInForce,
};

use super::errors::{Refused, invalid, unknown_pair};
use super::fields::{Fields, units};
use super::listing::{BASE_DECIMALS, QUOTE_DECIMALS, pair_of};
use super::{Kraken, moments};

/// The longest free text that a client id may be.
const FREE_CHARS_MAX: usize = 18;
const SECOND_NS: Nanos = 1_000_000_000;

/// A new order, and what the exchange does not keep of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) order: NewOrder,
    /// When it expires.
    pub(super) expires_ns: Option<Nanos>,
    /// Whether it is only looked at.
    pub(super) is_test: bool,
}

/// Whether an owner may give that id to an order: a UUID with or without dashes, or a short text.
pub(super) fn is_client_id(text: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let is_uuid = lengths == [8, 4, 4, 4, 12] && parts.iter().all(|part| is_hex(part));
    let is_short = (1..=FREE_CHARS_MAX).contains(&text.len());
    is_uuid
        || text.len() == 32 && is_hex(text)
        || is_short && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// How the fields of an order are called.
struct Names {
    pair: &'static str,
    side: &'static str,
    kind: &'static str,
    qty: &'static str,
    time_in_force: &'static str,
    shown: &'static str,
    user_ref: &'static str,
    self_trade: &'static str,
    expires: &'static str,
}

const REST: Names = Names {
    pair: "pair",
    side: "type",
    kind: "ordertype",
    qty: "volume",
    time_in_force: "timeinforce",
    shown: "displayvol",
    user_ref: "userref",
    self_trade: "stptype",
    expires: "expiretm",
};

const SOCKET: Names = Names {
    pair: "symbol",
    side: "side",
    kind: "order_type",
    qty: "order_qty",
    time_in_force: "time_in_force",
    shown: "display_qty",
    user_ref: "order_userref",
    self_trade: "stp_type",
    expires: "expire_time",
};

/// A number in units of 10^-`decimals`.
pub(super) fn decimal(fields: &Fields, name: &str, decimals: u8) -> Result<Option<i64>, Refused> {
    let Some(text) = fields.text(name) else { return Ok(None) };
    units(text, decimals).map(Some).map_err(|error| match error {
        UnitsError::TooFine if name.contains("price") => Refused::new("EOrder:Invalid price"),
        _ => invalid(name),
    })
}

/// What one price or two are, by the kind of order.
#[derive(Debug, Clone, Copy, Default)]
struct Prices {
    limit: Option<i64>,
    trigger: Option<i64>,
}

impl Kraken {
    /// A new order of REST.
    pub(super) fn rest_terms(&self, fields: &Fields, now_ns: Nanos) -> Result<Terms, Refused> {
        let name = fields.need(REST.pair)?;
        let symbol = pair_of(self.exchange(), name).ok_or_else(unknown_pair)?;
        let kind = kind_of(fields.need(REST.kind)?).ok_or_else(|| invalid(REST.kind))?;
        let decimals = self.price_decimals(symbol);
        let (first, second) =
            (decimal(fields, "price", decimals)?, decimal(fields, "price2", decimals)?);
        let prices = if kind.is_conditional() {
            Prices { limit: second.filter(|price| *price != 0), trigger: first }
        } else {
            Prices { limit: first.filter(|price| *price != 0), trigger: None }
        };
        let flags = fields.list("oflags")?;
        let has = |flag: &str| flags.iter().any(|known| known == flag);
        let known = ["post", "fcib", "fciq", "nompp", "viqc"];
        if flags.iter().any(|flag| !known.contains(&flag.as_str())) {
            return Err(invalid("oflags"));
        }
        for name in ["leverage", "close[ordertype]", "starttm"] {
            let is_absent = matches!(fields.text(name), None | Some("none" | "0" | "1" | "1:1"));
            if !is_absent {
                return Err(invalid(name));
            }
        }
        let expires_ns = unix_time(fields, REST.expires, now_ns)?;
        self.terms(
            fields,
            &REST,
            (symbol, kind),
            prices,
            Flags { is_post_only: has("post"), is_in_quote: has("viqc"), expires_ns },
        )
    }

    /// A new order over a socket.
    pub(super) fn socket_terms(&self, fields: &Fields, now_ns: Nanos) -> Result<Terms, Refused> {
        let name = fields.need(SOCKET.pair)?;
        let symbol = self.exchange().symbol_id(name).ok_or_else(unknown_pair)?;
        let kind = kind_of(fields.need(SOCKET.kind)?).ok_or_else(|| invalid(SOCKET.kind))?;
        let decimals = self.price_decimals(symbol);
        let triggers = fields.object("triggers")?.unwrap_or_default();
        let is_static = matches!(triggers.text("price_type"), None | Some("static"));
        if !is_static || !matches!(fields.text("limit_price_type"), None | Some("static")) {
            return Err(invalid("price_type"));
        }
        let prices = Prices {
            limit: decimal(fields, "limit_price", decimals)?,
            trigger: decimal(&triggers, "price", decimals)?,
        };
        if fields.truth("margin")? || fields.text("conditional").is_some() {
            return Err(invalid("margin"));
        }
        if fields.text("effective_time").is_some() {
            return Err(invalid("effective_time"));
        }
        let expires_ns = moment(fields, SOCKET.expires)?;
        if expires_ns.is_some_and(|at| at <= now_ns) {
            return Err(invalid(SOCKET.expires));
        }
        let in_quote = fields.text("cash_order_qty").is_some();
        let mut fields = fields.clone();
        if let Some(cash) = fields.text("cash_order_qty").map(str::to_owned) {
            fields.set(SOCKET.qty, &cash);
        }
        let is_post_only = fields.truth("post_only")?;
        self.terms(
            &fields,
            &SOCKET,
            (symbol, kind),
            prices,
            Flags { is_post_only, is_in_quote: in_quote, expires_ns },
        )
    }

    /// What both have in common.
    fn terms(
        &self,
        fields: &Fields,
        names: &Names,
        (symbol, kind): (SymbolId, OrderKind),
        prices: Prices,
        flags: Flags,
    ) -> Result<Terms, Refused> {
        let side = match fields.need(names.side)? {
            "buy" | "b" => Side::Buy,
            "sell" => Side::Sell,
            _ => return Err(invalid(names.side)),
        };
        let kind = match kind {
            OrderKind::Limit if flags.is_post_only => OrderKind::LimitMaker,
            _ if flags.is_post_only => return Err(invalid(names.kind)),
            other => other,
        };
        let (time_in_force, is_dated) = time_in_force(fields, names)?;
        if is_dated && flags.expires_ns.is_none() {
            return Err(invalid(names.expires));
        }
        let in_quote = flags.is_in_quote;
        if in_quote && kind != OrderKind::Market {
            return Err(invalid(names.qty));
        }
        let decimals = if in_quote { QUOTE_DECIMALS } else { BASE_DECIMALS };
        let size = decimal(fields, names.qty, decimals)?.ok_or_else(|| invalid(names.qty))?;
        let client_id = fields.text("cl_ord_id");
        let user_ref = fields.whole(names.user_ref)?;
        if client_id.is_some_and(|text| !is_client_id(text)) {
            return Err(invalid("cl_ord_id"));
        }
        if client_id.is_some() && user_ref.is_some_and(|number| number != 0) {
            return Err(invalid(names.user_ref));
        }
        let order = NewOrder {
            symbol,
            side,
            kind,
            time_in_force: takes_time(kind).then_some(time_in_force),
            qty: (!in_quote).then_some(size),
            quote_qty: in_quote.then_some(Amount::from(size)),
            price: prices.limit.filter(|_| kind.has_price()),
            stop_price: prices.trigger,
            trailing_delta: None,
            iceberg_qty: decimal(fields, names.shown, BASE_DECIMALS)?,
            self_trade: self_trade(fields, names)?,
            client_id: client_id.map(Arc::from),
            reduce_only: false,
            marks: Marks { strategy_id: user_ref, strategy_type: None },
        };
        let expires_ns = flags.expires_ns.filter(|_| is_dated);
        Ok(Terms { order, expires_ns, is_test: fields.truth("validate")? })
    }

    fn price_decimals(&self, symbol: SymbolId) -> u8 {
        self.exchange().symbol(symbol).map_or(5, |spec| spec.price_decimals)
    }
}

/// What is said of an order besides its numbers.
struct Flags {
    is_post_only: bool,
    is_in_quote: bool,
    expires_ns: Option<Nanos>,
}

const fn takes_time(kind: OrderKind) -> bool {
    kind.has_price() && !matches!(kind, OrderKind::LimitMaker)
}

fn kind_of(text: &str) -> Option<OrderKind> {
    Some(match text {
        "limit" => OrderKind::Limit,
        "market" => OrderKind::Market,
        "stop-loss" => OrderKind::StopLoss,
        "stop-loss-limit" => OrderKind::StopLossLimit,
        "take-profit" => OrderKind::TakeProfit,
        "take-profit-limit" => OrderKind::TakeProfitLimit,
        _ => return None,
    })
}

/// How long an order stands, and whether until a date.
fn time_in_force(fields: &Fields, names: &Names) -> Result<(TimeInForce, bool), Refused> {
    let text = fields.text(names.time_in_force).map(str::to_ascii_lowercase);
    Ok(match text.as_deref() {
        None | Some("gtc") => (TimeInForce::Gtc, false),
        Some("gtd") => (TimeInForce::Gtc, true),
        Some("ioc") => (TimeInForce::Ioc, false),
        Some("fok") => (TimeInForce::Fok, false),
        Some(_) => return Err(invalid(names.time_in_force)),
    })
}

fn self_trade(fields: &Fields, names: &Names) -> Result<Option<SelfTrade>, Refused> {
    let text = fields.text(names.self_trade).map(|text| text.replace('-', "_"));
    Ok(match text.as_deref() {
        None => None,
        Some("cancel_newest") => Some(SelfTrade::ExpireTaker),
        Some("cancel_oldest") => Some(SelfTrade::ExpireMaker),
        Some("cancel_both") => Some(SelfTrade::ExpireBoth),
        Some(_) => return Err(invalid(names.self_trade)),
    })
}

/// A time of REST: seconds since 1970, or with a plus from now on; zero is none.
fn unix_time(fields: &Fields, name: &str, now_ns: Nanos) -> Result<Option<Nanos>, Refused> {
    let Some(text) = fields.text(name) else { return Ok(None) };
    let (from, digits) = match text.strip_prefix('+') {
        Some(rest) => (now_ns, rest),
        None => (0, text),
    };
    let seconds: i64 = digits.parse().map_err(|_| invalid(name))?;
    if seconds == 0 {
        return Ok(None);
    }
    let at = seconds.checked_mul(SECOND_NS).and_then(|ns| ns.checked_add(from));
    at.filter(|at| *at > now_ns).map(Some).ok_or_else(|| invalid(name))
}

/// A time as sockets write it.
pub(super) fn moment(fields: &Fields, name: &str) -> Result<Option<Nanos>, Refused> {
    let Some(text) = fields.text(name) else { return Ok(None) };
    moments::parse(text).map(Some).ok_or_else(|| invalid(name))
}

/// Refuses what comes after its deadline.
pub(super) fn in_time(fields: &Fields, now_ns: Nanos) -> Result<(), Refused> {
    match moment(fields, "deadline")? {
        Some(deadline) if deadline <= now_ns => Err(Refused::new("EService:Deadline elapsed")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_ids_have_three_forms() {
        for text in [
            "6d47a5f0-6fd4-4b84-b56e-c23f0f689c20",
            "6D47A5F06FD44B84B56EC23F0F689C20",
            "arb-20240509-00010",
            "x",
        ] {
            assert!(is_client_id(text), "{text}");
        }
        for text in [
            "",
            "arb-20240509-000100",
            "6d47a5f0-6fd4-4b84-b56e-c23f0f689c2",
            "6d47a5f06fd44b84b56ec23f0f689c2g",
            "with space",
            "ümlaut",
            // What the exchange makes up.
            "abcdefghijklmnopqrstuv",
        ] {
            assert!(!is_client_id(text), "{text}");
        }
    }
}
