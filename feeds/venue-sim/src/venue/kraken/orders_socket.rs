//! The methods of sockets that place, change and cancel. One request can have several answers: a
//! cancel of three orders has three.

use crate::exchange::{AccountId, Order};
use crate::fault::{ConnectionKind, RequestKind};
use crate::venue::shared::json::{Object, array};
use crate::venue::shared::later::Due;
use crate::wire::outbox::End;
use crate::wire::service::{Fate, Link};

use super::Kraken;
use super::errors::{Refused, invalid, unknown_order, unknown_pair};
use super::fields::Fields;
use super::ids;
use super::orders_rest::switched;
use super::request_faults::Asked;
use super::shapes::{client_id, object, user_ref};
use super::sockets::Spoken;
use super::terms::in_time;
use super::trading::SOCKET_CHANGE;

/// How many orders a batch may have.
const BATCH: std::ops::RangeInclusive<usize> = 2..=15;
/// How many orders one cancel may name.
const CANCELS_MAX: usize = 50;

/// What is answered: `"result":..`, or whatever else an answer has.
type Told = Result<String, Refused>;

/// A method.
struct Method {
    name: &'static str,
    kind: RequestKind,
    answer: fn(&mut Kraken, AccountId, &Spoken<'_>) -> Result<Vec<Told>, Refused>,
}

static METHODS: &[Method] = &[
    Method { name: "add_order", kind: RequestKind::Place, answer: add },
    Method { name: "batch_add", kind: RequestKind::Place, answer: add_batch },
    Method { name: "amend_order", kind: RequestKind::Amend, answer: amend },
    Method { name: "edit_order", kind: RequestKind::Replace, answer: edit },
    Method { name: "cancel_order", kind: RequestKind::Cancel, answer: cancel },
    Method { name: "batch_cancel", kind: RequestKind::Cancel, answer: cancel_batch },
    Method { name: "cancel_all", kind: RequestKind::Cancel, answer: cancel_all },
    Method { name: "cancel_all_orders_after", kind: RequestKind::Other, answer: cancel_after },
];

fn result(object: Object) -> String {
    format!("\"result\":{}", object.done())
}

/// An order that was taken, by all of its names.
fn taken(order: &Order) -> Object {
    object()
        .text("order_id", &ids::order(order.id))
        .when(client_id(order), |object, id| object.text("cl_ord_id", id))
        .when(user_ref(order), |object, number| object.number("order_userref", number))
}

fn add(venue: &mut Kraken, account: AccountId, spoken: &Spoken<'_>) -> Result<Vec<Told>, Refused> {
    in_time(spoken.params, spoken.now_ns)?;
    let terms = venue.socket_terms(spoken.params, spoken.now_ns)?;
    let order = venue.place(account, &terms, spoken.now_ns)?;
    Ok(vec![Ok(result(order.map_or_else(object, |order| taken(&order))))])
}

fn add_batch(
    venue: &mut Kraken,
    account: AccountId,
    spoken: &Spoken<'_>,
) -> Result<Vec<Told>, Refused> {
    in_time(spoken.params, spoken.now_ns)?;
    let symbol = spoken.params.need("symbol")?;
    venue.exchange().symbol_id(symbol).ok_or_else(unknown_pair)?;
    let mut orders = spoken.params.objects("orders")?;
    if !BATCH.contains(&orders.len()) {
        return Err(invalid("orders"));
    }
    let is_test = spoken.params.truth("validate")?;
    let mut all = Vec::new();
    for fields in &mut orders {
        fields.set("symbol", symbol);
        if is_test {
            fields.set("validate", "true");
        }
        let terms = venue.socket_terms(fields, spoken.now_ns);
        let placed = terms.and_then(|terms| venue.place(account, &terms, spoken.now_ns));
        all.push(match placed {
            Ok(order) => order.map_or_else(object, |order| taken(&order)).done(),
            Err(refused) => object().text("error", &refused.text).done(),
        });
    }
    Ok(vec![Ok(format!("\"result\":{}", array(all)))])
}

fn amend(
    venue: &mut Kraken,
    account: AccountId,
    spoken: &Spoken<'_>,
) -> Result<Vec<Told>, Refused> {
    let order = venue.amend(account, spoken.params, &SOCKET_CHANGE, spoken.now_ns)?;
    let object = object().text("amend_id", &venue.amend_id(&order));
    let object = match spoken.params.text("cl_ord_id") {
        Some(name) => object.text("cl_ord_id", name),
        None => object.text("order_id", &ids::order(order.id)),
    };
    Ok(vec![Ok(result(object))])
}

fn edit(venue: &mut Kraken, account: AccountId, spoken: &Spoken<'_>) -> Result<Vec<Told>, Refused> {
    let (old, new) = venue.edit(account, spoken.params, &SOCKET_CHANGE, spoken.now_ns)?;
    let object = object().text("order_id", &ids::order(new.id));
    Ok(vec![Ok(result(object.text("original_order_id", &ids::order(old.id))))])
}

/// The names of orders in a request: their ids, client ids, and numbers of their owner.
fn names(params: &Fields, ids: &str) -> Result<Vec<(String, bool)>, Refused> {
    let mut all = Vec::new();
    for (field, is_client) in [(ids, false), ("cl_ord_id", true), ("order_userref", false)] {
        all.extend(params.list(field)?.into_iter().map(|name| (name, is_client)));
    }
    if all.is_empty() || all.len() > CANCELS_MAX {
        return Err(invalid(ids));
    }
    Ok(all)
}

fn cancel(
    venue: &mut Kraken,
    account: AccountId,
    spoken: &Spoken<'_>,
) -> Result<Vec<Told>, Refused> {
    let mut told = Vec::new();
    for (name, is_client) in names(spoken.params, "order_id")? {
        let meant = venue.meant(account, &name);
        if meant.is_empty() {
            told.push(Err(unknown_order()));
        }
        for order in meant {
            told.push(venue.cancel(&order).map(|order| {
                let object = object().text("order_id", &ids::order(order.id));
                result(if is_client { object.text("cl_ord_id", &name) } else { object })
            }));
        }
    }
    Ok(told)
}

fn cancel_batch(
    venue: &mut Kraken,
    account: AccountId,
    spoken: &Spoken<'_>,
) -> Result<Vec<Told>, Refused> {
    let mut count = 0_u64;
    for (name, _) in names(spoken.params, "orders")? {
        for order in venue.meant(account, &name) {
            count += u64::from(venue.cancel(&order).is_ok());
        }
    }
    if count == 0 {
        return Err(unknown_order());
    }
    Ok(vec![Ok(format!("\"orders_cancelled\":{count}"))])
}

fn cancel_all(
    venue: &mut Kraken,
    account: AccountId,
    _: &Spoken<'_>,
) -> Result<Vec<Told>, Refused> {
    let count = venue.cancel_where(account, |_| true);
    Ok(vec![Ok(result(object().number("count", count as u64)))])
}

fn cancel_after(
    venue: &mut Kraken,
    account: AccountId,
    spoken: &Spoken<'_>,
) -> Result<Vec<Told>, Refused> {
    let at = venue.cancel_after(account, spoken.params, spoken.now_ns)?;
    Ok(vec![Ok(format!("\"result\":{}", switched(at, spoken.now_ns)))])
}

impl Kraken {
    /// Answers what a client said, as the plan has it.
    pub(super) fn converse(&mut self, link: &Link, text: &str, now_ns: i64) {
        let told_ns = self.clock(now_ns);
        let none = Fields::default();
        let refuse = |method: &str, req_id: Option<&str>, text: &str| {
            let spoken = Spoken { method, req_id, params: &none, now_ns: told_ns };
            link.outbox.text(spoken.failed(&Refused::new(text), None).as_bytes());
        };
        let Some(request) = Fields::of_json(text) else {
            return refuse("", None, "Malformed request");
        };
        let method = request.text("method").unwrap_or_default();
        let req_id = request.text("req_id");
        if req_id.is_some_and(|id| id.parse::<u64>().is_err()) {
            return refuse(method, None, "Malformed request: req_id");
        }
        let Ok(params) = request.object("params") else {
            return refuse(method, req_id, "Malformed request: params");
        };
        if method == "ping" {
            if params.is_some() {
                let text = "Unsupported field: 'params' for the given msg type: ping";
                return refuse(method, req_id, text);
            }
            let now = super::moments::micros(told_ns);
            let pong = object().text("method", "pong").when(req_id, |o, id| o.raw("req_id", id));
            let pong = pong.text("time_in", &now).text("time_out", &now);
            return link.outbox.text(pong.done().as_bytes());
        }
        let params = params.unwrap_or_default();
        let spoken = Spoken { method, req_id, params: &params, now_ns: told_ns };
        if matches!(method, "subscribe" | "unsubscribe") {
            return self.subscription(link, &spoken);
        }
        match METHODS.iter().find(|known| known.name == method) {
            Some(known) => self.perform(link, known, &spoken, now_ns),
            None => refuse(method, req_id, "Unsupported event"),
        }
    }

    /// Performs a method of an account.
    fn perform(&mut self, link: &Link, method: &Method, spoken: &Spoken<'_>, now_ns: i64) {
        let caller = self.only_private(link).and_then(|()| {
            let token = spoken.params.text("token");
            let caller = self.keys.holder(token, link.id, spoken.now_ns)?;
            let denied = || Refused::new("EGeneral:Permission denied");
            if caller.may_trade { Ok(caller) } else { Err(denied()) }
        });
        let caller = match caller {
            Ok(caller) => caller,
            Err(refused) => return link.outbox.text(spoken.failed(&refused, None).as_bytes()),
        };
        let asked = Asked {
            kind: method.kind,
            connection: ConnectionKind::Api,
            account: Some(caller.account),
            fields: spoken.params,
        };
        let fated = self
            .fated(&asked, spoken.now_ns, |venue| (method.answer)(venue, caller.account, spoken));
        if fated.events_first {
            self.tell(now_ns);
        }
        match fated.fate {
            Fate::Whole | Fate::Cut => {}
            Fate::Reset => return link.outbox.end(End::ResetAfterAll),
            Fate::Never => return,
        }
        let answers = match &fated.result {
            Ok(all) => all.iter().map(|told| answer(spoken, told)).collect(),
            Err(refused) => vec![spoken.failed(refused, None)],
        };
        for text in answers {
            if fated.after.is_zero() {
                link.outbox.text(text.as_bytes());
            } else {
                let after = i64::try_from(fated.after.as_nanos()).unwrap_or(0);
                self.later.add(now_ns + after, &link.outbox, Due::Text(text));
            }
        }
    }
}

fn answer(spoken: &Spoken<'_>, told: &Told) -> String {
    match told {
        Ok(told) => spoken.done(told),
        Err(refused) => spoken.failed(refused, None),
    }
}
