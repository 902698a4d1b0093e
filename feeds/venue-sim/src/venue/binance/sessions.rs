//! The WebSocket API: requests and answers with ids, a session that can be logged on, and the
//! events of accounts to whoever subscribed to them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::exchange::{AccountId, Nanos};
use crate::venue::shared::later::Due;
use crate::wire::outbox::End;
use crate::wire::service::{Fate, Link};

use super::BinanceSpot;
use super::call::{self, SIGNED, SOCKET, Security};
use super::codes::{self, Code};
use super::json::{Object, TimeUnit, array, quoted};
use super::params::Params;
use super::request_faults::Fated;
use super::rest::Admitted;
use super::signed;

/// The longest id of a request.
const ID_CHARS_MAX: usize = 36;
/// What a call of the session itself weighs.
const SESSION_WEIGHT: u64 = 2;
/// How many subscriptions one connection may have.
const SUBSCRIPTIONS_MAX: usize = 1_000;

/// One connection to the WebSocket API.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) link: Link,
    pub(super) unit: TimeUnit,
    shows_limits: bool,
    /// Who has logged on, and when.
    logged_on: Option<(String, AccountId, Nanos)>,
    /// Whose events go out under which number.
    pub(super) subscriptions: BTreeMap<u64, (String, AccountId)>,
    next_subscription: u64,
}

impl Session {
    pub(super) fn new(link: &Link, unit: TimeUnit, shows_limits: bool) -> Self {
        Self {
            link: link.clone(),
            unit,
            shows_limits,
            logged_on: None,
            subscriptions: BTreeMap::new(),
            next_subscription: 0,
        }
    }

    /// Whether it acts for the account in any way.
    pub(super) fn serves(&self, account: AccountId) -> bool {
        self.logged_on.as_ref().is_some_and(|(_, known, _)| *known == account)
            || self.subscriptions.values().any(|(_, known)| *known == account)
    }

    /// Nobody is logged on any more.
    pub(super) fn log_out(&mut self) {
        self.logged_on = None;
        self.subscriptions.clear();
    }
}

/// A request.
#[derive(Debug, Deserialize)]
struct Request<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    method: String,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

/// Which limits are told with an answer.
struct Limited {
    /// Of whom orders are counted by the call.
    orders_of: Option<AccountId>,
    shows_limits: bool,
}

impl BinanceSpot {
    /// Answers what a client said, as the plan has it.
    pub(super) fn converse(&mut self, link: &Link, text: &str, now_ns: Nanos) {
        let refuse = |code: Code| {
            link.outbox.text(envelope("null", Err(code), None).as_bytes());
        };
        let request: Request<'_> = match serde_json::from_str(text) {
            Ok(request) => request,
            Err(problem) if problem.is_data() => {
                return refuse(Code::new(-1102, format!("Invalid request: {problem}")));
            }
            Err(_) => return refuse(Code::new(-1135, "Invalid JSON Request")),
        };
        let Some(id) = id_of(request.id) else {
            return refuse(codes::illegal("id", r"^[a-zA-Z0-9-_]{1,36}$"));
        };
        let (fated, limited) = self.handle(link, &request, now_ns);
        if fated.events_first {
            self.tell(now_ns);
        }
        match fated.fate {
            Fate::Whole | Fate::Cut => {}
            Fate::Reset => return link.outbox.end(End::ResetAfterAll),
            Fate::Never => return,
        }
        let limits = limited.shows_limits.then(|| {
            let orders = limited.orders_of;
            let mut all = orders.map_or_else(Vec::new, |of| self.meters.order_rules(of, now_ns));
            all.push(self.meters.weight_rule(link.peer, now_ns));
            array(all)
        });
        let result = fated.result.map(|(json, _)| json).map_err(|code| code.told_at(now_ns));
        let answer = envelope(&id, result, limits.as_deref());
        if fated.after.is_zero() {
            link.outbox.text(answer.as_bytes());
        } else {
            let after = Nanos::try_from(fated.after.as_nanos()).unwrap_or(0);
            self.later.add(now_ns + after, &link.outbox, Due::Text(answer));
        }
    }

    fn handle(&mut self, link: &Link, request: &Request<'_>, now_ns: Nanos) -> (Fated, Limited) {
        let shows_limits = self.sessions.get(&link.id).is_none_or(|session| session.shows_limits);
        let mut limited = Limited { orders_of: None, shows_limits };
        let params = match Params::of_json(request.params) {
            Ok(params) => params,
            Err(code) => return (Fated::of(Err(code)), limited),
        };
        if let Ok(Some(wanted)) = params.truth("returnRateLimits") {
            limited.shows_limits = wanted;
        }
        let told_ns = self.clock(now_ns);
        let Some(call) = call::of_socket(self.profile.calls, &request.method) else {
            let result = self.session_call(link, &request.method, &params, told_ns);
            return (Fated::of(result.map(|json| (json, None))), limited);
        };
        let weight = (call.weight)(&params);
        let admitted = self.meters.request(link.peer, weight, now_ns).and_then(|()| {
            let account = self.caller(link, call.security, &params, told_ns)?;
            limited.orders_of = account.filter(|_| call.counts_orders());
            let implied = [&SIGNED[..], &SOCKET[..]].concat();
            params.only(call.known, &implied)?;
            let unit =
                self.sessions.get(&link.id).map_or_else(TimeUnit::default, |session| session.unit);
            Ok(Admitted { call, params: params.clone(), account, unit })
        });
        match admitted {
            Ok(admitted) => (self.fated(&admitted, link.peer, true, told_ns), limited),
            Err(code) => (Fated::of(Err(code)), limited),
        }
    }

    /// Whose request it is: of the key that it names, else of who has logged on.
    fn caller(
        &self,
        link: &Link,
        security: Security,
        params: &Params,
        now_ns: Nanos,
    ) -> Result<Option<AccountId>, Code> {
        if security == Security::Open {
            return Ok(None);
        }
        if let Some(api_key) = params.text("apiKey")? {
            let payload = signed::socket_payload(params);
            return self.signed(security, Some(api_key), params, &payload, now_ns).map(Some);
        }
        let session = self.sessions.get(&link.id);
        let Some((api_key, account, _)) = session.and_then(|s| s.logged_on.as_ref()) else {
            return Err(codes::missing("apiKey"));
        };
        let key = self.keys.get(api_key).ok_or_else(codes::rejected_key)?;
        let may = key.permissions;
        if security == Security::Trade && !may.may_trade || !may.may_read {
            return Err(codes::rejected_key());
        }
        signed::in_time(params, now_ns)?;
        Ok(Some(*account))
    }

    fn session_call(
        &mut self,
        link: &Link,
        method: &str,
        params: &Params,
        now_ns: Nanos,
    ) -> Result<String, Code> {
        self.meters.request(link.peer, SESSION_WEIGHT, now_ns)?;
        if self.exchange().has_positions() && method.starts_with("userDataStream") {
            // Accounts of futures are listened to by a key, over sockets of their own.
            return Err(Code::new(-1103, "An unknown parameter was sent."));
        }
        match method {
            "session.logon" => self.log_on(link, params, now_ns),
            "session.status" => Ok(self.session_status(link, now_ns)),
            "session.logout" => {
                if let Some(session) = self.sessions.get_mut(&link.id) {
                    session.log_out();
                }
                Ok(self.session_status(link, now_ns))
            }
            "userDataStream.subscribe" => {
                let session = self.sessions.get(&link.id);
                let logged_on = session.and_then(|session| session.logged_on.as_ref());
                let (api_key, account, _) = logged_on.cloned().ok_or_else(|| {
                    Code::new(-2015, "Invalid API-key, IP, or permissions for action.")
                })?;
                self.subscribe(link, api_key, account)
            }
            "userDataStream.subscribe.signature" => {
                let api_key = params.need("apiKey")?.to_owned();
                let payload = signed::socket_payload(params);
                let security = Security::Read;
                let account = self.signed(security, Some(&api_key), params, &payload, now_ns)?;
                self.subscribe(link, api_key, account)
            }
            "userDataStream.unsubscribe" => self.unsubscribe(link, params),
            "session.subscriptions" => Ok(self.subscription_list(link)),
            _ => Err(Code::new(-1103, "An unknown parameter was sent.")),
        }
    }

    fn log_on(&mut self, link: &Link, params: &Params, now_ns: Nanos) -> Result<String, Code> {
        let api_key = params.need("apiKey")?.to_owned();
        let payload = signed::socket_payload(params);
        let account = self.signed(Security::Read, Some(&api_key), params, &payload, now_ns)?;
        if !self.keys.get(&api_key).is_some_and(|key| key.secret.is_ed25519()) {
            return Err(Code::new(-4056, "HMAC_SHA256 API key is not supported."));
        }
        if let Some(session) = self.sessions.get_mut(&link.id) {
            session.logged_on = Some((api_key, account, now_ns));
        }
        Ok(self.session_status(link, now_ns))
    }

    fn session_status(&self, link: &Link, now_ns: Nanos) -> String {
        let Some(session) = self.sessions.get(&link.id) else { return "{}".to_owned() };
        let object = Object::new(session.unit);
        let object = match &session.logged_on {
            Some((key, _, since)) => object.text("apiKey", key).time("authorizedSince", *since),
            None => object.raw("apiKey", "null").raw("authorizedSince", "null"),
        };
        object
            .time("connectedSince", session.link.opened_ns)
            .truth("returnRateLimits", session.shows_limits)
            .time("serverTime", now_ns)
            .truth("userDataStream", !session.subscriptions.is_empty())
            .done()
    }

    fn subscribe(
        &mut self,
        link: &Link,
        api_key: String,
        account: AccountId,
    ) -> Result<String, Code> {
        let session = self.sessions.get_mut(&link.id).ok_or_else(codes::rejected_key)?;
        if session.subscriptions.values().any(|(_, known)| *known == account)
            || session.subscriptions.len() >= SUBSCRIPTIONS_MAX
        {
            return Err(Code::new(-2035, "User Data Stream subscription already active."));
        }
        let id = session.next_subscription;
        session.next_subscription += 1;
        session.subscriptions.insert(id, (api_key, account));
        Ok(format!("{{\"subscriptionId\":{id}}}"))
    }

    fn unsubscribe(&mut self, link: &Link, params: &Params) -> Result<String, Code> {
        let inactive = || Code::new(-2036, "User Data Stream subscription not active.");
        let session = self.sessions.get_mut(&link.id).ok_or_else(inactive)?;
        match params.whole("subscriptionId")? {
            None => session.subscriptions.clear(),
            Some(id) => {
                let id = u64::try_from(id).map_err(|_| inactive())?;
                session.subscriptions.remove(&id).ok_or_else(inactive)?;
            }
        }
        Ok("{}".to_owned())
    }

    fn subscription_list(&self, link: &Link) -> String {
        let ids = self.sessions.get(&link.id).into_iter().flat_map(|s| s.subscriptions.keys());
        array(ids.map(|id| format!("{{\"subscriptionId\":{id}}}")))
    }

    /// The refusal of a new connection to the WebSocket API, which costs weight.
    pub(super) fn weigh_socket(&mut self, peer: IpAddr, now_ns: Nanos) -> Result<(), Code> {
        self.meters.request(peer, SESSION_WEIGHT, now_ns)
    }
}

/// The id as it goes back; nothing when it is none.
fn id_of(id: Option<&RawValue>) -> Option<String> {
    let Some(raw) = id else { return Some("null".to_owned()) };
    let text = raw.get();
    if text == "null" || text.parse::<i64>().is_ok() {
        return Some(text.to_owned());
    }
    let name: String = serde_json::from_str(text).ok()?;
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (name.len() <= ID_CHARS_MAX && name.bytes().all(is_legal)).then(|| quoted(&name))
}

fn envelope(id: &str, result: Result<String, Code>, limits: Option<&str>) -> String {
    let object = Object::new(TimeUnit::Milliseconds).raw("id", id);
    let object = match result {
        Ok(json) => object.number("status", 200).raw("result", &json),
        Err(code) => object.number("status", code.status).raw("error", &code.json()),
    };
    object.when(limits, |object, limits| object.raw("rateLimits", limits)).done()
}
