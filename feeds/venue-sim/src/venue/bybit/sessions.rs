//! The WebSockets of an account and of orders: who has logged on, what is asked for, what is
//! answered.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::exchange::{AccountId, Nanos};
use crate::venue::shared::json::{Object, TimeUnit, array, quoted};
use crate::venue::shared::later::Due;
use crate::wire::outbox::End;
use crate::wire::service::{Fate, Link};

use super::Bybit;
use super::call::{self, Outcome, Security};
use super::codes::{self, Code};
use super::limits::Meter;
use super::params::Params;
use super::profile::{Category, Way};
use super::rest::{Admitted, in_time};

/// How many ids of requests a connection remembers.
const IDS_MAX: usize = 10_000;
/// The longest id of a request.
const ID_CHARS_MAX: usize = 36;

/// What an account can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Order,
    Execution,
    Fast,
    Position,
    Wallet,
    /// Nothing is told by it: it says that the connection is the one whose end counts.
    Protection,
    /// Of options, which there are none of.
    Greeks,
}

/// What a topic of an account is about.
fn told_of(topic: &str, category: Category) -> Option<Subject> {
    let (name, rest) = topic.split_once('.').unwrap_or((topic, ""));
    let is_here = rest.is_empty() || rest == category.text();
    let others = ["spot", "linear", "inverse", "option"];
    let is_known = rest.is_empty() || others.contains(&rest);
    match name {
        "dcp" => ["future", "spot", "option"].contains(&rest).then_some(Subject::Protection),
        "greeks" if rest.is_empty() => Some(Subject::Greeks),
        "wallet" if rest.is_empty() => Some(Subject::Wallet),
        "execution" if rest == "fast" => Some(Subject::Fast),
        "execution" if rest.starts_with("fast.") => {
            let of = rest.strip_prefix("fast.")?;
            others.contains(&of).then_some(if of == category.text() {
                Subject::Fast
            } else {
                Subject::Greeks
            })
        }
        _ if !is_known => None,
        // Nothing is ever told of the other categories.
        "order" | "execution" | "position" if !is_here => Some(Subject::Greeks),
        "order" => Some(Subject::Order),
        "execution" => Some(Subject::Execution),
        "position" => Some(Subject::Position),
        _ => None,
    }
}

/// One connection of an account or of orders.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) link: Link,
    pub(super) way: Way,
    pub(super) account: Option<AccountId>,
    /// The key with which somebody has logged on.
    api_key: String,
    pub(super) heard_ns: Nanos,
    /// What is told, under which names.
    pub(super) topics: BTreeSet<(Subject, String)>,
    /// Ids of requests that were used.
    ids: BTreeSet<String>,
}

impl Session {
    pub(super) fn new(link: &Link, way: Way, now_ns: Nanos) -> Self {
        let (topics, ids) = (BTreeSet::new(), BTreeSet::new());
        let (link, api_key) = (link.clone(), String::new());
        Self { link, way, account: None, api_key, heard_ns: now_ns, topics, ids }
    }

    /// Whether its end counts as that of the account's connection.
    pub(super) fn protects(&self, account: AccountId) -> bool {
        let has_asked = self.topics.iter().any(|(told, _)| *told == Subject::Protection);
        self.account == Some(account) && has_asked
    }

    /// Nobody is logged on any more.
    pub(super) fn log_out(&mut self) {
        self.account = None;
        self.topics.clear();
    }
}

/// The id of a connection as it is told.
pub(super) fn connection_id(link: &Link) -> String {
    format!("cs{:016x}-{:x}", link.opened_ns.unsigned_abs(), link.id)
}

fn object() -> Object {
    Object::new(TimeUnit::Milliseconds)
}

/// Adds the id of a request, where it had one.
fn with_id(object: Object, name: &'static str, id: Option<&str>) -> Object {
    object.when(id, |object, id| object.text(name, id))
}

/// A request: what it wants, under which id, with what.
struct Request {
    op: String,
    id: Option<String>,
    args: Vec<Value>,
    header: Value,
}

impl Request {
    /// Reads one, whose id has that name.
    fn read(text: &str, id_name: &str) -> Option<Self> {
        let Ok(Value::Object(mut map)) = serde_json::from_str(text) else { return None };
        let Some(Value::String(op)) = map.remove("op") else { return None };
        let id = match map.remove(id_name) {
            Some(Value::String(id)) if id.len() <= 10 * ID_CHARS_MAX => Some(id),
            Some(Value::Number(id)) => Some(id.to_string()),
            None | Some(Value::Null) => None,
            Some(_) => return None,
        };
        let args = match map.remove("args") {
            Some(Value::Array(args)) => args,
            None | Some(Value::Null) => Vec::new(),
            Some(_) => return None,
        };
        let header = map.remove("header").unwrap_or(Value::Null);
        Some(Self { op, id, args, header })
    }
}

/// A field of a header: clients send numbers and text.
fn field(header: &Value, name: &str) -> String {
    match header.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

impl Bybit {
    /// Answers what was said on the connection of an account.
    pub(super) fn private(&mut self, link: &Link, text: &str, now_ns: Nanos) {
        let Some(request) = Request::read(text, "req_id") else {
            let refused = object().truth("success", false).text("ret_msg", "error:bad request");
            let refused = refused.text("conn_id", &connection_id(link)).done();
            return link.outbox.text(refused.as_bytes());
        };
        let told_ns = self.clock(now_ns);
        let id = request.id.as_deref();
        if request.op == "ping" {
            let time = told_ns.div_euclid(1_000_000).to_string();
            let pong = with_id(object(), "req_id", id).text("op", "pong");
            let pong = pong.raw("args", &array([quoted(&time)]));
            let pong = pong.text("conn_id", &connection_id(link)).done();
            return link.outbox.text(pong.as_bytes());
        }
        let done = match request.op.as_str() {
            "auth" => self.log_on(link, &request.args, told_ns).map_err(|code| code.msg),
            "subscribe" => self.ask_for(link, &request.args, true),
            "unsubscribe" => self.ask_for(link, &request.args, false),
            _ => Err("error:invalid op".to_owned()),
        };
        let answer = with_id(object(), "req_id", id)
            .truth("success", done.is_ok())
            .text("ret_msg", done.err().as_deref().unwrap_or(""))
            .text("op", &request.op)
            .text("conn_id", &connection_id(link))
            .done();
        link.outbox.text(answer.as_bytes());
    }

    /// Logs a connection on: a key, until when the signature is good, the signature.
    fn log_on(&mut self, link: &Link, args: &[Value], now_ns: Nanos) -> Result<(), Code> {
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let read: Option<Vec<String>> = args.iter().map(text).collect();
        let Some([api_key, expires, signature]) = read.as_deref() else {
            return Err(codes::params("args invalid"));
        };
        let until: i64 = expires.parse().map_err(|_| codes::params("expires invalid"))?;
        let key = self.keys.get(api_key).ok_or_else(codes::invalid_key)?;
        if until <= now_ns.div_euclid(1_000_000) {
            return Err(Code::new(10004, "Params Error: expires is over"));
        }
        if !key.secret.signed(format!("GET/realtime{expires}").as_bytes(), signature) {
            return Err(codes::bad_sign());
        }
        if !key.permissions.may_read {
            return Err(codes::forbidden());
        }
        let account = key.account;
        let session = self.sessions.get_mut(&link.id).ok_or_else(codes::internal)?;
        if session.account.is_some() {
            return Err(Code::new(20001, "Repeat auth"));
        }
        session.account = Some(account);
        session.api_key.clone_from(api_key);
        Ok(())
    }

    /// Subscribes, or takes back; one wrong topic refuses all of them.
    fn ask_for(&mut self, link: &Link, args: &[Value], joins: bool) -> Result<(), String> {
        let category = self.category;
        let session = self.sessions.get_mut(&link.id).ok_or("error:no session")?;
        let Some(account) = session.account else {
            return Err("Request not authorized".to_owned());
        };
        let mut wanted = Vec::new();
        for arg in args {
            let name = arg.as_str().unwrap_or("");
            let told = told_of(name, category);
            let told = told.ok_or_else(|| format!("error:handler not found,topic:{name}"))?;
            wanted.push((told, name.to_owned()));
        }
        for topic in wanted {
            let was_there = if joins {
                !session.topics.insert(topic.clone())
            } else {
                session.topics.remove(&topic)
            };
            if joins && was_there {
                return Err(format!("error:already subscribed,topic:{}", topic.1));
            }
        }
        let is_protected = session.protects(account);
        if let Some(set) = self.protections.get_mut(&account).filter(|_| is_protected) {
            set.gone_ns = None;
        }
        Ok(())
    }

    /// Answers what was said on the connection of orders.
    pub(super) fn trade(&mut self, link: &Link, text: &str, now_ns: Nanos) {
        let told_ns = self.clock(now_ns);
        let conn_id = connection_id(link);
        let tell = |id: Option<&str>, (code, msg): (i32, &str), op: &str, extra: Option<Value>| {
            let answer = with_id(object(), "reqId", id)
                .number("retCode", code)
                .text("retMsg", msg)
                .text("op", op)
                .when(extra, |object, extra| object.raw("data", &extra.to_string()))
                .text("connId", &conn_id);
            link.outbox.text(answer.done().as_bytes());
        };
        let Some(request) = Request::read(text, "reqId") else {
            return tell(None, (10001, "params error: bad request"), "", None);
        };
        let (id, op) = (request.id.as_deref(), request.op.as_str());
        match op {
            "ping" => {
                let time = told_ns.div_euclid(1_000_000).to_string();
                return tell(id, (0, "OK"), "pong", Some(serde_json::json!([time])));
            }
            "auth" => {
                let done = self.log_on(link, &request.args, told_ns);
                let words = done.as_ref().map_or_else(|c| (c.code, c.msg.as_str()), |()| (0, "OK"));
                return tell(id, words, "auth", None);
            }
            _ => {}
        }
        self.order_request(link, &request, (now_ns, told_ns));
    }

    /// A request about an order, whose answer says that it was taken.
    fn order_request(&mut self, link: &Link, request: &Request, (now_ns, told_ns): (Nanos, Nanos)) {
        let admitted = self.admit_socket(link, request, (now_ns, told_ns));
        let (outcome, account, meter, mut after, fate, events_first) = match admitted {
            Ok(admitted) => {
                let fated = self.fated(&admitted, link.peer, true, told_ns);
                let of = (admitted.account, admitted.call.meter);
                (fated.result, of.0, of.1, fated.after, fated.fate, fated.events_first)
            }
            Err(code) => {
                let after = std::time::Duration::ZERO;
                (Err(code), None, Meter::None, after, Fate::Whole, false)
            }
        };
        if events_first {
            self.tell(now_ns);
        }
        match fate {
            Fate::Whole | Fate::Cut => {}
            Fate::Reset => return link.outbox.end(End::ResetAfterAll),
            Fate::Never => return,
        }
        let answer = self.order_answer(link, request, outcome, (account, meter), told_ns);
        if after.is_zero() {
            return link.outbox.text(answer.as_bytes());
        }
        after = after.min(std::time::Duration::from_secs(3_600));
        let after_ns = Nanos::try_from(after.as_nanos()).unwrap_or(0);
        self.later.add(now_ns + after_ns, &link.outbox, Due::Text(answer));
    }

    fn order_answer(
        &mut self,
        link: &Link,
        request: &Request,
        outcome: Outcome,
        (account, meter): (Option<AccountId>, Meter),
        told_ns: Nanos,
    ) -> String {
        let left = account.and_then(|account| self.meters.left(account, meter, told_ns));
        let time = told_ns.div_euclid(1_000_000).to_string();
        let header = object().when(left, |object, left| {
            let object = object.text("X-Bapi-Limit", &left.limit.to_string());
            let object = object.text("X-Bapi-Limit-Status", &left.left.to_string());
            object.text("X-Bapi-Limit-Reset-Timestamp", &left.reset_ms.to_string())
        });
        let trace = format!("{:032x}", told_ns.unsigned_abs());
        let header = header.text("Traceid", &trace).text("Timenow", &time).done();
        let answer = with_id(object(), "reqId", request.id.as_deref());
        let (code, msg, data, extra) = match &outcome {
            Ok(told) => (0, "OK", told.result.as_str(), told.extra.as_str()),
            Err(code) => (code.code, code.msg.as_str(), "{}", "{}"),
        };
        answer
            .number("retCode", code)
            .text("retMsg", msg)
            .text("op", &request.op)
            .raw("data", data)
            .raw("retExtInfo", extra)
            .raw("header", &header)
            .text("connId", &connection_id(link))
            .done()
    }

    fn admit_socket(
        &mut self,
        link: &Link,
        request: &Request,
        (now_ns, told_ns): (Nanos, Nanos),
    ) -> Result<Admitted, Code> {
        let call = call::of_socket(&request.op);
        let call = call.ok_or_else(|| Code::new(10404, "op type is not found"))?;
        let session = self.sessions.get_mut(&link.id).ok_or_else(codes::internal)?;
        let account = session.account.ok_or_else(|| Code::new(10005, "Request not authorized"))?;
        if let Some(id) = &request.id {
            if id.len() > ID_CHARS_MAX {
                return Err(codes::params("reqId invalid"));
            }
            if session.ids.len() >= IDS_MAX {
                session.ids.clear();
            }
            if !session.ids.insert(id.clone()) {
                return Err(Code::new(20006, "reqId is duplicated"));
            }
        }
        let timestamp = field(&request.header, "X-BAPI-TIMESTAMP");
        if timestamp.is_empty() {
            return Err(codes::params("X-BAPI-TIMESTAMP is missing"));
        }
        in_time(&timestamp, &field(&request.header, "X-BAPI-RECV-WINDOW"), told_ns)?;
        let key = self.keys.get(&session.api_key).ok_or_else(codes::invalid_key)?;
        if call.security == Security::Trade && !key.permissions.may_trade {
            return Err(codes::forbidden());
        }
        self.meters.call(account, call.meter, 1, now_ns)?;
        let [args] = request.args.as_slice() else {
            return Err(codes::params("args must have one item"));
        };
        let params = Params::of_value(args)?;
        Ok(Admitted { call, params, account: Some(account) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_of_the_other_category_are_known_and_silent() {
        let of = |topic: &str| told_of(topic, Category::Linear);
        assert_eq!(of("order"), Some(Subject::Order));
        assert_eq!(of("order.linear"), Some(Subject::Order));
        assert_eq!(of("order.spot"), Some(Subject::Greeks));
        assert_eq!(of("execution.fast"), Some(Subject::Fast));
        assert_eq!(of("execution.fast.linear"), Some(Subject::Fast));
        assert_eq!(of("execution.fast.spot"), Some(Subject::Greeks));
        assert_eq!(of("dcp.future"), Some(Subject::Protection));
        for wrong in ["", "orders", "order.perp", "wallet.spot", "dcp", "execution.fast.x"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
