//! Requests by REST: what is asked, what comes back, and what the headers say of the limits.

use std::borrow::Cow;

use qt_types::Nanos;

use super::OrderMachine;
use super::queries::rest_query;
use super::session::{Pending, What};
use super::wire::Fault;
use crate::machine::{Act, Call, Method, Request};

/// How long an answer may take (ns).
const PATIENCE_NS: i64 = 5_000_000_000;
/// What the names of headers begin with that say how much is used: of the weight, and of orders.
const WEIGHT_HEADER: &str = "x-mbx-used-weight-";
const ORDERS_HEADER: &str = "x-mbx-order-count-";

impl OrderMachine {
    /// Sends a signed request for the session of `link`.
    pub(super) fn call(
        &mut self,
        link: usize,
        what: What,
        method: Method,
        path: &str,
        params: &[(&str, &str)],
    ) {
        let number = self.next_number();
        let at_ms = i64::try_from(self.venue_ms(self.now_ns)).unwrap_or(0);
        let window_ms = self.settings.recv_window_ms;
        let (query, key) = rest_query(&self.settings.access, params, at_ms, window_ms);
        let base = self.settings.profile.rest_url(self.settings.base.as_deref());
        let url = format!("{base}{path}?{query}");
        let (headers, body, patience_ns) = (vec![key], Vec::new(), PATIENCE_NS);
        let request = Request { method, url, headers, body, patience_ns };
        let sent_ns = self.now_ns;
        self.pending.insert(number, Pending { link, sent_ns, what, is_call: true });
        self.acts.push_back(Act::Call(call_of(number), request));
    }

    /// The request that `call` was, if it still counts.
    fn take_call(&mut self, call: Call) -> Option<Pending> {
        // Calls have the numbers of requests, as far as those go.
        let is_it = |it: &(&u64, &Pending)| it.1.is_call && call_of(*it.0) == call;
        let number = self.pending.iter().rev().find(is_it).map(|it| *it.0)?;
        self.pending.remove(&number)
    }

    pub(super) fn call_answered(
        &mut self,
        call: Call,
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
    ) {
        self.standing.figures.messages += 1;
        self.learn_headers(headers);
        let Some(pending) = self.take_call(call) else { return };
        let link = pending.link;
        if status == 200 {
            return match str::from_utf8(body) {
                Ok(text) => self.answered(link, &pending, text),
                Err(_) => {
                    self.unreadable();
                    self.unanswered(&pending);
                }
            };
        }
        let told = serde_json::from_slice::<Fault<'_>>(body).ok();
        let fault = told.unwrap_or(Fault { code: 0, msg: Cow::Borrowed(""), data: None });
        // For how long it does not listen stands in a header here.
        let pause = self.pause_of(status, headers);
        let pause = pause.as_ref().and_then(|text| serde_json::from_str(text).ok());
        let fault = Fault { data: fault.data.or(pause), ..fault };
        self.denied(link, &pending, status, &fault);
    }

    pub(super) fn call_failed(&mut self, call: Call) {
        if let Some(pending) = self.take_call(call) {
            self.unanswered(&pending);
        }
    }

    /// Until when the venue refuses to listen, in the words in which the WebSocket API says so.
    fn pause_of(&self, status: u16, headers: &[(String, String)]) -> Option<String> {
        let told = headers.iter().find(|(name, _)| name == "retry-after");
        let seconds = told.and_then(|(_, value)| value.trim().parse::<u32>().ok())?;
        let until_ms = self.venue_ms(self.now_ns).saturating_add(u64::from(seconds) * 1_000);
        matches!(status, 429 | 418).then(|| format!("{{\"retryAfter\":{until_ms}}}"))
    }

    /// What headers say of how much is used.
    fn learn_headers(&mut self, headers: &[(String, String)]) {
        let venue_ns: Nanos = self.venue_ns();
        for (name, value) in headers {
            let of = |start: &str| name.strip_prefix(start).and_then(length_ns);
            let Ok(used) = value.trim().parse::<u64>() else { continue };
            if let Some(length_ns) = of(WEIGHT_HEADER) {
                self.budget.used_weight(length_ns, used, venue_ns);
            } else if let Some(length_ns) = of(ORDERS_HEADER) {
                self.budget.used_orders(length_ns, used, venue_ns);
            }
        }
    }
}

const fn call_of(number: u64) -> Call {
    Call(number as u32)
}

/// How long a window is that headers call so: `1m`, `10s`, `1d` (ns).
fn length_ns(name: &str) -> Option<i64> {
    let (digits, unit) = name.split_at_checked(name.len().checked_sub(1)?)?;
    let unit_ns: i64 = match unit {
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return None,
    };
    let count = digits.parse::<u32>().ok().filter(|count| *count > 0)?;
    unit_ns.checked_mul(i64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_by_their_names() {
        assert_eq!(length_ns("1m"), Some(60_000_000_000));
        assert_eq!(length_ns("10s"), Some(10_000_000_000));
        assert_eq!(length_ns("1d"), Some(86_400_000_000_000));
        for none in ["", "m", "0m", "1w", "-1m", "1\u{b5}"] {
            assert_eq!(length_ns(none), None, "{none}");
        }
    }
}
