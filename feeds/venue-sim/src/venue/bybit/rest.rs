//! REST: from a request to a call, and from what it says to an envelope with its headers.

use std::net::IpAddr;

use crate::exchange::{AccountId, Nanos};
use crate::fault::{Hook, Place};
use crate::venue::shared::json::{Object, TimeUnit};
use crate::wire::http::{Request, Response};
use crate::wire::service::Answer;

use super::Bybit;
use super::call::{self, Ask, Call, Outcome, Security};
use super::codes::{self, Code};
use super::limits::Meter;
use super::params::Params;

/// How long a request is good for when it does not say, in milliseconds.
const WINDOW_MS: i64 = 5_000;
/// How far ahead of the venue's time a request may be, in milliseconds.
const AHEAD_MS: i64 = 1_000;

/// A request that may be performed.
pub(super) struct Admitted {
    pub(super) call: &'static Call,
    pub(super) params: Params,
    pub(super) account: Option<AccountId>,
}

/// What the signature of a request covers.
pub(super) fn payload(timestamp: &str, api_key: &str, window: &str, rest: &str) -> String {
    format!("{timestamp}{api_key}{window}{rest}")
}

/// Whether a request comes neither too late nor too early.
pub(super) fn in_time(timestamp: &str, window: &str, now_ns: Nanos) -> Result<(), Code> {
    let number = |text: &str, name: &str| {
        text.parse::<i64>().map_err(|_| codes::params(format!("{name} invalid")))
    };
    let timestamp = number(timestamp, "timestamp")?;
    let window = if window.is_empty() { WINDOW_MS } else { number(window, "recv_window")? };
    let now = now_ns.div_euclid(1_000_000);
    let is_late = now.saturating_sub(timestamp) > window;
    if is_late || timestamp >= now + AHEAD_MS {
        return Err(codes::late(timestamp, now_ns, window));
    }
    Ok(())
}

impl Bybit {
    /// Performs a request of REST.
    pub(super) fn rest(&mut self, peer: IpAddr, request: &Request, now_ns: Nanos) -> Answer {
        let told_ns = self.clock(now_ns);
        if let Err(code) = self.meters.request(peer, now_ns) {
            return response(Err(code), told_ns).into();
        }
        let Some(call) = call::of_rest(&request.method, &request.path) else {
            return response(Err(codes::no_route()), told_ns).into();
        };
        let admitted = match self.admit_rest(call, request, (now_ns, told_ns)) {
            Ok(admitted) => admitted,
            Err((code, account)) => {
                return self.headers(response(Err(code), told_ns), account, call, now_ns).into();
            }
        };
        let fated = self.fated(&admitted, peer, false, told_ns);
        let response = response(fated.result, told_ns);
        let response = self.headers(response, admitted.account, call, now_ns);
        Answer { response, after: fated.after, fate: fated.fate }
    }

    /// Looks at the signature of a request and at its parameters, and counts it.
    fn admit_rest(
        &mut self,
        call: &'static Call,
        request: &Request,
        (now_ns, told_ns): (Nanos, Nanos),
    ) -> Result<Admitted, (Code, Option<AccountId>)> {
        let nobody = |code: Code| (code, None);
        let is_get = request.method == "GET";
        let body = std::str::from_utf8(&request.body);
        let body = body.map_err(|_| nobody(codes::params("the body is no text")))?;
        let account = if call.security == Security::Open {
            None
        } else {
            let rest = if is_get { request.query.as_str() } else { body };
            let account = self.signed(call.security, request, rest, told_ns).map_err(nobody)?;
            let counted = self.meters.call(account, call.meter, 1, now_ns);
            counted.map_err(|code| (code, Some(account)))?;
            Some(account)
        };
        let params = if is_get { Params::of_query(&request.query) } else { Params::of_json(body) };
        let params = params.map_err(|code| (code, account))?;
        Ok(Admitted { call, params, account })
    }

    /// Whose request it is, if its signature is good and comes in time.
    fn signed(
        &self,
        security: Security,
        request: &Request,
        rest: &str,
        now_ns: Nanos,
    ) -> Result<AccountId, Code> {
        let header = |name: &str| request.header(name).unwrap_or("");
        let api_key = header("x-bapi-api-key");
        let (timestamp, window) = (header("x-bapi-timestamp"), header("x-bapi-recv-window"));
        if api_key.is_empty() {
            return Err(codes::invalid_key());
        }
        let key = self.keys.get(api_key).ok_or_else(codes::invalid_key)?;
        if timestamp.is_empty() {
            return Err(codes::params("empty timestamp"));
        }
        in_time(timestamp, window, now_ns)?;
        let payload = payload(timestamp, api_key, window, rest);
        if !key.secret.signed(payload.as_bytes(), header("x-bapi-sign")) {
            return Err(codes::bad_sign());
        }
        let may = key.permissions;
        if security == Security::Trade && !may.may_trade || !may.may_read {
            return Err(codes::forbidden());
        }
        Ok(key.account)
    }

    /// Performs what is admitted.
    pub(super) fn perform(&mut self, admitted: &Admitted, now_ns: Nanos) -> Outcome {
        let Admitted { call, params, account } = admitted;
        (call.answer)(self, &Ask { params, account: *account, now_ns })
    }

    /// The venue's own clock, which may be off.
    pub(super) fn clock(&mut self, now_ns: Nanos) -> Nanos {
        let action = self.sim.plan.at(&Hook::new(Place::Clock), now_ns);
        now_ns.saturating_add(action.map_or(0, |action| action.off_ns))
    }

    fn headers(
        &mut self,
        response: Response,
        account: Option<AccountId>,
        call: &Call,
        now_ns: Nanos,
    ) -> Response {
        let meter = if call.meter == Meter::None && call.socket.ends_with("-batch") {
            Meter::Create
        } else {
            call.meter
        };
        let left = account.and_then(|account| self.meters.left(account, meter, now_ns));
        let Some(left) = left else { return response };
        response
            .with("x-bapi-limit", left.limit)
            .with("x-bapi-limit-status", left.left)
            .with("x-bapi-limit-reset-timestamp", left.reset_ms)
    }
}

/// The envelope of an answer.
pub(super) fn response(outcome: Outcome, now_ns: Nanos) -> Response {
    let object = Object::new(TimeUnit::Milliseconds);
    let (status, object) = match outcome {
        Ok(told) => {
            let object = object.number("retCode", 0).text("retMsg", "OK");
            (200, object.raw("result", &told.result).raw("retExtInfo", &told.extra))
        }
        Err(code) => {
            let object = object.number("retCode", code.code).text("retMsg", &code.msg);
            (code.status, object.raw("result", "{}").raw("retExtInfo", "{}"))
        }
    };
    Response::json(status, object.time("time", now_ns).done())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venue::shared::keys::Secret;

    const TIME: &str = "1700000000000";

    #[test]
    fn the_published_signatures_are_taken_and_no_other_ones() {
        let secret = Secret::hmac("test_secret");
        let rest = "category=linear&symbol=BTCUSDT";
        let covered = payload(TIME, "test_api_key", "5000", rest);
        let signature = "fd4f31228a46109dc6673062328693696df9a96c7ff04e6491a45e7f63a0fdd7";
        assert!(secret.signed(covered.as_bytes(), signature));
        let other = payload(TIME, "test_api_key", "5001", rest);
        assert!(!secret.signed(other.as_bytes(), signature));
        let expires = format!("GET/realtime{TIME}");
        let signature = "bacffe7500499eb829bb58c45d36d1b3e5ac67c14eaeba91df5e99ccee013925";
        assert!(secret.signed(expires.as_bytes(), signature));
    }

    #[test]
    fn a_request_is_good_from_its_window_to_a_second_ahead() {
        let now: i64 = 1_700_000_000_000;
        let at = |off: i64, window: &str| {
            in_time(&(now + off).to_string(), window, now * 1_000_000).is_ok()
        };
        assert!(at(0, "") && at(-5_000, "") && at(999, "") && at(-9_000, "9000"));
        assert!(!at(-5_001, "") && !at(1_000, "") && !at(-9_001, "9000") && !at(0, "x"));
        assert!(in_time("soon", "", now * 1_000_000).is_err());
    }
}
