//! Messages of the venue: to whom they answer, which events they tell of, what errors mean.

use qt_types::Nanos;

use super::codes::{Meaning, meaning_with};
use super::session::is_ears;
use super::trouble::Trouble;
use super::wire::{AccountPosition, EventHead, Fault, Limit, Message, Pause};
use super::{OrderMachine, at, traded};
use crate::machine::Link;
use crate::pace::ClockOffset;

/// Without a word how long, nothing is sent for so long after the venue has refused to listen (ns).
const SHUT_NS: i64 = 10_000_000_000;
/// No venue shuts anybody out for longer (ns): three days.
pub(super) const SHUT_MAX_NS: i64 = 259_200_000_000_000;
/// The side of the position is not that of the account's mode.
const OTHER_MODE: i32 = -4061;
/// The same where it has shut us out.
const BANNED_NS: i64 = 120_000_000_000;

impl OrderMachine {
    pub(super) fn frame(&mut self, link: Link, bytes: &[u8]) {
        let (link, is_ears) = (at(link), is_ears(link));
        if !self.listens_to(link) {
            return;
        }
        if is_ears {
            return self.ear_frame(link, bytes);
        }
        self.has_heard(link);
        self.standing.figures.messages += 1;
        let Ok(message) = serde_json::from_slice::<Message<'_>>(bytes) else {
            return self.unreadable();
        };
        if let Some(limits) = message.limits
            && let Ok(limits) = serde_json::from_str::<Vec<Limit<'_>>>(limits.get())
        {
            self.budget.learn(&limits, self.venue_ns());
        }
        if let Some(event) = message.event {
            return self.event(link, event.get());
        }
        if message.e.is_some() {
            return self.event(link, str::from_utf8(bytes).unwrap_or_default());
        }
        let number = message.id.and_then(|id| number_of(id.get()));
        let pending = number.and_then(|number| self.take_pending(number, link));
        let status = message.status.unwrap_or(0);
        match (pending, message.error) {
            (Some(pending), None) => {
                let result = message.result.map_or("null", |result| result.get());
                self.answered(link, &pending, result);
            }
            (Some(pending), Some(fault)) => self.denied(link, &pending, status, &fault),
            (None, Some(fault)) if number.is_none() => {
                // About the connection: the key was taken back, or we were too fast.
                if self.learn_from(status, &fault) == Meaning::Keys {
                    let (code, text) = (fault.code, fault.msg.into_owned());
                    self.give_up(Some(Trouble::Keys(code, text)));
                }
            }
            _ => self.standing.figures.unknown += 1,
        }
    }

    /// What an error means, and what follows from it whatever was asked for.
    pub(super) fn learn_from(&mut self, status: u16, fault: &Fault<'_>) -> Meaning {
        let meaning = meaning_with(self.settings.profile.codes, status, fault.code, &fault.msg);
        let text = || fault.msg.chars().take(200).collect::<String>();
        match meaning {
            Meaning::Keys => self.standing.trouble = Some(Trouble::Keys(fault.code, text())),
            Meaning::Clock => {
                self.standing.trouble = Some(Trouble::Clock(text()));
                // What was known of its clock does not hold any more.
                self.clock = ClockOffset::default();
                self.dues.beat_ns = self.dues.beat_ns.min(self.now_ns);
            }
            Meaning::TooOften if fault.code != -1015 => {
                let pause = fault.data.and_then(|it| serde_json::from_str::<Pause>(it.get()).ok());
                let until_ms = pause.and_then(|pause| pause.until_ms);
                let offset_ns = self.clock.offset_ns();
                let told = until_ms.map(|ms| {
                    Nanos::new(ms.saturating_mul(1_000_000)).saturating_add_ns(-offset_ns)
                });
                let wait_ns = if status == 418 { BANNED_NS } else { SHUT_NS };
                let until_ns = told.unwrap_or(self.now_ns.saturating_add_ns(wait_ns));
                let until_ns = until_ns.min(self.now_ns.saturating_add_ns(SHUT_MAX_NS));
                self.budget.shut(until_ns);
                self.standing.trouble = Some(Trouble::Shut(until_ns, text()));
            }
            _ if fault.code == OTHER_MODE && self.settings.profile.has_positions() => {
                self.standing.trouble = Some(Trouble::Mode);
            }
            _ => {}
        }
        meaning
    }

    pub(super) fn event(&mut self, link: usize, text: &str) {
        if text.starts_with("{\"e\":\"executionReport\"") {
            return self.execution(text);
        }
        if text.starts_with("{\"e\":\"ORDER_TRADE_UPDATE\"") {
            return self.order_update(text);
        }
        let Ok(head) = serde_json::from_str::<EventHead<'_>>(text) else {
            return self.unreadable();
        };
        match &*head.e {
            "executionReport" => self.execution(text),
            "ORDER_TRADE_UPDATE" => self.order_update(text),
            "ACCOUNT_UPDATE" => self.account_update(text),
            "MARGIN_CALL" => self.margin_call(text),
            // The first tells a part of what a report tells as well, and must not be booked.
            "TRADE_LITE" | "ACCOUNT_CONFIG_UPDATE" => {}
            "listenKeyExpired" => self.has_failed(link, Trouble::StreamEnded),
            "outboundAccountPosition" => {
                // Balances are asked for when they are compared: here they only have to make sense.
                let account = serde_json::from_str::<AccountPosition<'_>>(text);
                let fits = account.is_ok_and(|it| {
                    let parts = it.balances.iter().flat_map(|it| [&it.free, &it.locked]);
                    parts.into_iter().all(|text| traded::units_e9(text).is_some())
                });
                if !fits {
                    self.unreadable();
                }
            }
            "balanceUpdate" => self.standing.figures.transfers += 1,
            "listStatus" | "externalLockUpdate" => {}
            "serverShutdown" => self.is_doomed(link),
            "eventStreamTerminated" => self.has_failed(link, Trouble::StreamEnded),
            _ => self.standing.figures.unknown += 1,
        }
    }

    fn execution(&mut self, text: &str) {
        match serde_json::from_str(text) {
            Ok(report) => self.hear_report(&report, self.now_ns),
            Err(_) => {
                self.unreadable();
                // It may have been about an order of ours.
                self.compare_soon(0, self.now_ns);
            }
        }
    }
}

/// The number in the id of a message.
fn number_of(id: &str) -> Option<u64> {
    let digits = id.strip_prefix('"')?.strip_suffix('"')?;
    (digits.len() == 16).then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}
