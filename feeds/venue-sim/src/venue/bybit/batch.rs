//! Several orders in one request: each is taken or refused for itself.

use crate::venue::shared::json::{Object, TimeUnit, array};

use super::Bybit;
use super::call::{Ask, Outcome, Told};
use super::codes::{self, Code};
use super::ids;
use super::limits::Meter;
use super::profile::Category;
use super::shapes::{Shapes, ms};
use crate::exchange::Order;

/// How many orders one request may have, in spot and elsewhere.
const fn orders_max(category: Category) -> usize {
    match category {
        Category::Spot => 10,
        Category::Linear => 20,
    }
}

type One = fn(&mut Bybit, &Ask<'_>) -> Result<Order, Code>;

pub(super) fn create(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    all(venue, ask, Meter::Create, Bybit::place)
}

pub(super) fn amend(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    all(venue, ask, Meter::Amend, Bybit::change)
}

pub(super) fn cancel(venue: &mut Bybit, ask: &Ask<'_>) -> Outcome {
    all(venue, ask, Meter::Cancel, Bybit::take_back)
}

fn all(venue: &mut Bybit, ask: &Ask<'_>, meter: Meter, one: One) -> Outcome {
    ask.category(venue)?;
    let category = venue.category.text();
    let wanted = ask.params.list("request").ok_or_else(|| codes::missing("request"))?;
    if wanted.is_empty() || wanted.len() > orders_max(venue.category) {
        return Err(codes::params("request has too many or no orders"));
    }
    venue.meters.call(ask.account()?, meter, wanted.len(), ask.now_ns)?;
    let (mut list, mut told) = (Vec::new(), Vec::new());
    for params in wanted {
        let params = params.clone().with("category", category);
        let single = Ask { params: &params, account: ask.account, now_ns: ask.now_ns };
        let done = one(venue, &single);
        let order = done.as_ref().ok();
        let id = order.map(|order| ids::order(venue.category, order.id)).unwrap_or_default();
        let link_id = match order {
            Some(order) => Shapes::link_id(order).to_owned(),
            None => params.raw("orderLinkId").unwrap_or("").to_owned(),
        };
        let object = Object::new(TimeUnit::Milliseconds)
            .text("category", category)
            .text("symbol", params.raw("symbol").unwrap_or(""))
            .text("orderId", &id)
            .text("orderLinkId", &link_id);
        let created = order.map(|order| ms(order.created_ns)).unwrap_or_default();
        let is_new = meter == Meter::Create;
        list.push(object.only_if(is_new, |object| object.text("createAt", &created)).done());
        let (code, msg) = done.err().map_or((0, "OK".to_owned()), |code| (code.code, code.msg));
        let object = Object::new(TimeUnit::Milliseconds).number("code", code);
        told.push(object.text("msg", &msg).done());
    }
    let of = |all: Vec<String>| Object::new(TimeUnit::Milliseconds).raw("list", &array(all)).done();
    Ok(Told { result: of(list), extra: of(told) })
}
