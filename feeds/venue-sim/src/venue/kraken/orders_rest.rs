//! The calls of REST that place, change and cancel.

use crate::exchange::Order;
use crate::venue::shared::json::{array, quoted};

use super::Kraken;
use super::errors::{Refused, invalid, unknown_order, unknown_pair};
use super::fields::Fields;
use super::ids;
use super::listing::pair_of;
use super::moments;
use super::rest::Ask;
use super::shapes::{Shapes, object};
use super::terms::in_time;
use super::trading::{REST_AMEND, REST_EDIT};

/// How many orders a batch may have.
const BATCH: std::ops::RangeInclusive<usize> = 2..=15;

fn described(venue: &Kraken, order: &Order) -> String {
    object().text("order", &Shapes { exchange: venue.exchange() }.words(order)).done()
}

pub(super) fn add(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    let account = ask.account()?;
    in_time(ask.fields, ask.now_ns)?;
    let terms = venue.rest_terms(ask.fields, ask.now_ns)?;
    match venue.place(account, &terms, ask.now_ns)? {
        Some(order) => {
            let txid = quoted(&ids::order(order.id));
            let object = object().raw("descr", &described(venue, &order));
            Ok(object.raw("txid", &format!("[{txid}]")).done())
        }
        None => Ok("{\"descr\":{\"order\":\"\"}}".to_owned()),
    }
}

pub(super) fn add_batch(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    let account = ask.account()?;
    in_time(ask.fields, ask.now_ns)?;
    let pair = ask.fields.need("pair")?;
    pair_of(venue.exchange(), pair).ok_or_else(unknown_pair)?;
    let mut orders = ask.fields.objects("orders")?;
    if !BATCH.contains(&orders.len()) {
        return Err(invalid("orders"));
    }
    for fields in &mut orders {
        fields.set("pair", pair);
        if ask.fields.truth("validate")? {
            fields.set("validate", "true");
        }
    }
    let mut placed = |fields: &Fields| -> Result<String, Refused> {
        let terms = venue.rest_terms(fields, ask.now_ns)?;
        let order = venue.place(account, &terms, ask.now_ns)?;
        Ok(order.map_or_else(
            || "{}".to_owned(),
            |order| {
                let object = object().raw("descr", &described(venue, &order));
                object.text("txid", &ids::order(order.id)).done()
            },
        ))
    };
    let one = |result: Result<String, Refused>| {
        result.unwrap_or_else(|refused| object().text("error", &refused.text).done())
    };
    let all: Vec<String> = orders.iter().map(|fields| one(placed(fields))).collect();
    Ok(object().raw("orders", &array(all)).done())
}

pub(super) fn amend(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    let account = ask.account()?;
    let order = venue.amend(account, ask.fields, &REST_AMEND, ask.now_ns)?;
    Ok(object().text("amend_id", &venue.amend_id(&order)).done())
}

pub(super) fn edit(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    let account = ask.account()?;
    let (old, new) = venue.edit(account, ask.fields, &REST_EDIT, ask.now_ns)?;
    let shapes = Shapes { exchange: venue.exchange() };
    Ok(object()
        .text("status", "ok")
        .text("txid", &ids::order(new.id))
        .text("originaltxid", &ids::order(old.id))
        .text("volume", &shapes.qty(new.qty))
        .text("price", &shapes.price(new.symbol, new.price))
        .number("orders_cancelled", 1)
        .raw("descr", &described(venue, &new))
        .done())
}

fn count(count: usize) -> String {
    object().number("count", count as u64).done()
}

pub(super) fn cancel(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    let account = ask.account()?;
    let named = ask.fields.text("txid").or_else(|| ask.fields.text("cl_ord_id"));
    let meant = venue.meant(account, named.ok_or_else(|| invalid("txid"))?);
    if meant.is_empty() {
        return Err(unknown_order());
    }
    for order in &meant {
        venue.cancel(order)?;
    }
    Ok(count(meant.len()))
}

pub(super) fn cancel_all(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    let account = ask.account()?;
    Ok(count(venue.cancel_where(account, |_| true)))
}

pub(super) fn cancel_after(venue: &mut Kraken, ask: &Ask<'_>) -> Result<String, Refused> {
    let account = ask.account()?;
    let at = venue.cancel_after(account, ask.fields, ask.now_ns)?;
    Ok(switched(at, ask.now_ns))
}

/// When the dead man's switch is, over REST and over sockets alike.
pub(super) fn switched(at: Option<i64>, now_ns: i64) -> String {
    let trigger = at.map_or_else(|| "0".to_owned(), moments::seconds);
    object().text("currentTime", &moments::seconds(now_ns)).text("triggerTime", &trigger).done()
}
