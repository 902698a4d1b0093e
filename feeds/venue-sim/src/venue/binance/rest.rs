//! REST: from a request to a call, and from what it says to an answer with its headers.

use std::net::IpAddr;

use crate::exchange::{AccountId, Nanos};
use crate::fault::{Hook, Place};
use crate::wire::http::{Request, Response};
use crate::wire::service::Answer;

use super::BinanceSpot;
use super::call::{self, Ask, Call, SIGNED, Security};
use super::codes::{self, Code};
use super::json::TimeUnit;
use super::keys::is_api_key;
use super::params::Params;
use super::signed;

/// A request that may be performed.
pub(super) struct Admitted {
    pub(super) call: &'static Call,
    pub(super) params: Params,
    pub(super) account: Option<AccountId>,
    pub(super) unit: TimeUnit,
}

impl BinanceSpot {
    /// Performs a request of REST.
    pub(super) fn rest(&mut self, peer: IpAddr, request: &Request, now_ns: Nanos) -> Answer {
        let call = match call::of_rest(self.profile.calls, &request.method, &request.path) {
            Ok(call) => call,
            Err(true) => {
                let code = Code::new(-1020, "This operation is not supported.");
                return self.headers(error(&code.with_status(405)), peer, now_ns).into();
            }
            Err(false) => return Response::text(404, "There is nothing here.").into(),
        };
        let told_ns = self.clock(now_ns);
        let admitted = self.admit_rest(call, peer, request, (now_ns, told_ns));
        let fated = match admitted {
            Ok(admitted) => self.fated(&admitted, peer, false, told_ns),
            Err(code) => return self.headers(error(&code), peer, now_ns).into(),
        };
        let response = match fated.result {
            Ok((json, account)) => {
                let response = Response::json(200, json);
                let account = account.filter(|_| call.counts_orders());
                self.order_headers(response, account, now_ns)
            }
            Err(code) => error(&code),
        };
        let response = self.headers(response, peer, now_ns);
        Answer { response, after: fated.after, fate: fated.fate }
    }

    /// Counts the request and looks at its parameters and its signature.
    pub(super) fn admit_rest(
        &mut self,
        call: &'static Call,
        peer: IpAddr,
        request: &Request,
        (now_ns, told_ns): (Nanos, Nanos),
    ) -> Result<Admitted, Code> {
        let illegal = |_| Code::new(-1100, "Illegal characters found in a parameter.");
        let body = if request.method == "GET" { &[][..] } else { request.body.as_slice() };
        let body = std::str::from_utf8(body).map_err(illegal)?;
        let parsed = Params::of_form(&request.query, body);
        let empty = Params::default();
        let weight = (call.weight)(parsed.as_ref().unwrap_or(&empty));
        self.meters.request(peer, weight, now_ns)?;
        let params = parsed?;
        let unit = unit_of(request.header("x-mbx-time-unit"))?;
        let account = if call.security == Security::Open {
            None
        } else {
            let payload = signed::rest_payload(&request.query, body);
            let api_key = request.header("x-mbx-apikey");
            Some(self.signed(call.security, api_key, &params, &payload, told_ns)?)
        };
        let implied: &[&str] = if account.is_some() { &SIGNED } else { &[] };
        params.only(call.known, implied)?;
        Ok(Admitted { call, params, account, unit })
    }

    /// Whose request it is, if its signature is good and comes in time.
    pub(super) fn signed(
        &self,
        security: Security,
        api_key: Option<&str>,
        params: &Params,
        payload: &str,
        now_ns: Nanos,
    ) -> Result<AccountId, Code> {
        let api_key = api_key
            .filter(|text| is_api_key(text))
            .ok_or_else(|| Code::new(-2014, "API-key format invalid."))?;
        let key = self.keys.get(api_key).ok_or_else(codes::rejected_key)?;
        let is_allowed = match security {
            Security::Open => true,
            Security::Key | Security::Read => key.permissions.may_read,
            Security::Trade => key.permissions.may_trade,
        };
        if !is_allowed {
            return Err(codes::rejected_key());
        }
        if security == Security::Key {
            return Ok(key.account);
        }
        signed::in_time(params, now_ns)?;
        let signature = params.need("signature")?;
        if !key.secret.signed(payload.as_bytes(), signature) {
            return Err(Code::new(-1022, "Signature for this request is not valid."));
        }
        Ok(key.account)
    }

    /// Performs what is admitted.
    pub(super) fn perform(
        &mut self,
        admitted: &Admitted,
        peer: IpAddr,
        is_socket: bool,
        now_ns: Nanos,
    ) -> Result<(String, Option<AccountId>), Code> {
        let Admitted { call, params, account, unit } = admitted;
        let ask = Ask { params, account: *account, unit: *unit, is_socket, now_ns };
        let json = (call.answer)(self, &ask)?;
        if call.is_order() && self.profile.orders_are_free {
            // An order that succeeds costs no weight.
            self.meters.give_back(peer, (call.weight)(params), now_ns);
        }
        Ok((json, *account))
    }

    /// The venue's own clock, which may be off.
    pub(super) fn clock(&mut self, now_ns: Nanos) -> Nanos {
        let action = self.sim.plan.at(&Hook::new(Place::Clock), now_ns);
        now_ns.saturating_add(action.map_or(0, |action| action.off_ns))
    }

    fn order_headers(
        &mut self,
        response: Response,
        account: Option<AccountId>,
        now_ns: Nanos,
    ) -> Response {
        let Some(account) = account else { return response };
        let (tens, days) = self.meters.orders(account, now_ns);
        response.with("x-mbx-order-count-10s", tens).with(self.profile.orders_header, days)
    }

    fn headers(&mut self, response: Response, peer: IpAddr, now_ns: Nanos) -> Response {
        let used = self.meters.used(peer, now_ns);
        response.with("x-mbx-used-weight", used).with("x-mbx-used-weight-1m", used)
    }
}

/// In which unit a request wants its times.
pub(super) fn unit_of(text: Option<&str>) -> Result<TimeUnit, Code> {
    match text.map(str::to_ascii_uppercase).as_deref() {
        None | Some("MILLISECOND") => Ok(TimeUnit::Milliseconds),
        Some("MICROSECOND") => Ok(TimeUnit::Microseconds),
        Some(_) => {
            let msg = "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.";
            Err(Code::new(-1194, msg))
        }
    }
}

/// An error as an answer.
pub(super) fn error(code: &Code) -> Response {
    let response = Response::json(code.status, code.json());
    match code.retry_after {
        Some(seconds) => response.with("retry-after", seconds),
        None => response,
    }
}
