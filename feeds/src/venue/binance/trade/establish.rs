//! How a session comes to be up: the time, who we are, where the account is listened to, what it
//! holds.

use qt_engine::GatewayEvent;
use qt_types::Nanos;

use super::OrderMachine;
use super::budget::Purpose;
use super::profile::{OwnerGone, Timer, Way};
use super::queries::Queries;
use super::session::{Stage, What};
use super::trouble::Trouble;
use super::usdm::{ListenKey, Mode};
use super::wire::Time;
use crate::machine::Method;

/// The venue tells the time in milliseconds.
pub(super) const MILLI_NS: i64 = 1_000_000;
/// The longest key of ears.
const KEY_CHARS_MAX: usize = 256;

impl OrderMachine {
    pub(super) fn ask_time(&mut self, link: usize) {
        let venue_ns = self.venue_ns();
        // The sign of life has to be, whatever else is asked.
        self.budget.take(Purpose::Cancel, self.settings.profile.weights.time, venue_ns);
        let number = self.next_number();
        self.send_to(link, number, What::Time, Queries::public(number, "time"));
    }

    pub(super) fn heard_time(&mut self, link: usize, sent_ns: Nanos, result: &str) {
        let Ok(time) = serde_json::from_str::<Time>(result) else { return self.unreadable() };
        let told_ns = Nanos::new(time.server_ms.saturating_mul(MILLI_NS));
        self.clock.answered(sent_ns, told_ns, MILLI_NS, self.now_ns);
        self.standing.offset_ns = self.clock.offset_ns();
        if self.links.current == Some(link) {
            let (venue_ns, at_ns) = (Some(self.venue_ns()), self.now_ns);
            return self.emit(GatewayEvent::Heard { venue_ns, at_ns });
        }
        if self.links.slots[link].stage != Stage::Timing {
            return;
        }
        if self.queries.logs_on() {
            let number = self.next_number();
            let at_ms = self.venue_ms(self.now_ns) as i64;
            let message = self.queries.signed(number, "session.logon", at_ms);
            self.send_to(link, number, What::LogOn, message);
            self.enter(link, Stage::LoggingOn);
        } else {
            self.subscribe(link);
        }
    }

    /// The account is to be listened to: over the same connection, or over one of its own, which
    /// is made once all is as it has to be.
    pub(super) fn subscribe(&mut self, link: usize) {
        if self.settings.profile.ears.is_some() {
            return self.check_account(link);
        }
        let number = self.next_number();
        let message = if self.queries.logs_on() {
            Queries::public(number, "userDataStream.subscribe")
        } else {
            let at_ms = self.venue_ms(self.now_ns) as i64;
            self.queries.signed(number, "userDataStream.subscribe.signature", at_ms)
        };
        self.send_to(link, number, What::Subscribe, message);
        self.enter(link, Stage::Subscribing);
    }

    fn check_account(&mut self, link: usize) {
        let Some(positions) = self.settings.profile.asks.positions else { return self.arm(link) };
        self.enter(link, Stage::Checking);
        self.call(link, What::Mode, Method::Get, positions.mode, &[]);
    }

    pub(super) fn told_mode(&mut self, link: usize, result: &str) {
        if self.links.slots[link].stage != Stage::Checking {
            return;
        }
        match serde_json::from_str::<Mode>(result) {
            Ok(Mode { is_dual: false }) => self.arm(link),
            Ok(Mode { is_dual: true }) => self.has_failed(link, Trouble::Mode),
            Err(_) => {
                self.unreadable();
                self.has_failed(link, Trouble::Unfit("the position mode".to_owned()));
            }
        }
    }

    /// Sets the timers that cancel what is open when nobody sets them anew: nothing leaves before
    /// they run.
    fn arm(&mut self, link: usize) {
        let OwnerGone::Timer(timer) = self.settings.profile.owner_gone else {
            return self.ask_key(link);
        };
        self.enter(link, Stage::Arming);
        self.links.slots[link].unarmed = self.settings.traded.len();
        self.set_timers(link, timer, &What::Arm);
    }

    pub(super) fn is_armed(&mut self, link: usize) {
        self.standing.figures.timers_set += 1;
        let slot = &mut self.links.slots[link];
        if slot.stage != Stage::Arming {
            return;
        }
        slot.unarmed = slot.unarmed.saturating_sub(1);
        if slot.unarmed == 0 {
            self.ask_key(link);
        }
    }

    /// Sets the timer of each symbol.
    pub(super) fn set_timers(&mut self, link: usize, timer: Timer, what: &What) {
        let Some((_, length_ns)) = self.settings.profile.timer_ns(self.settings.traded.len())
        else {
            return;
        };
        let length = (length_ns / MILLI_NS).to_string();
        for place in 0..self.settings.traded.len() {
            let symbol = self.symbol(place);
            let params = [("symbol", symbol.as_str()), ("countdownTime", &length)];
            let venue_ns = self.venue_ns();
            // They come before everything that is only asked.
            self.budget.take(Purpose::Cancel, timer.weight, venue_ns);
            self.call(link, what.clone(), Method::Post, timer.path, &params);
        }
    }

    /// Asks for the key that opens the ears.
    fn ask_key(&mut self, link: usize) {
        let number = self.next_number();
        let message = self.queries.keyed(number, "userDataStream.start");
        self.send_to(link, number, What::Key, message);
        self.enter(link, Stage::Keying);
    }

    pub(super) fn told_key(&mut self, link: usize, result: &str) {
        if self.links.slots[link].stage != Stage::Keying {
            return;
        }
        let told = serde_json::from_str::<ListenKey<'_>>(result).ok();
        let is_key = |key: &str| {
            (1..=KEY_CHARS_MAX).contains(&key.len())
                && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        let key = told.map(|it| it.key).filter(|key| is_key(key));
        let base = self.settings.base.as_deref();
        let url = key.and_then(|key| self.settings.profile.ears_url(base, &key));
        let Some(url) = url else {
            self.unreadable();
            return self.has_failed(link, Trouble::Unfit("the key of the stream".to_owned()));
        };
        self.open_ears(link, url);
    }

    /// The account is listened to: what it holds is asked for, where that is not known.
    pub(super) fn hold(&mut self, link: usize) {
        let known = self.standing.baseline.as_deref().unwrap_or_default();
        let is_known = |asset: &String| known.iter().any(|(name, _)| name == asset);
        let has_positions = self.settings.profile.has_positions();
        let all_known = has_positions || self.settings.traded.iter().all(|of| is_known(&of.base));
        if all_known && self.standing.held.is_some() {
            return self.is_up(link);
        }
        self.enter(link, Stage::Holding);
        let at_ms = self.venue_ms(self.now_ns) as i64;
        match self.settings.profile.asks.balances {
            Way::Socket(method) => {
                let number = self.next_number();
                let message = self.queries.own(number, method, &[], at_ms);
                self.send_to(link, number, What::Baseline, message);
            }
            Way::Rest(path) => self.call(link, What::Baseline, Method::Get, path, &[]),
        }
    }

    pub(super) fn is_up(&mut self, link: usize) {
        self.enter(link, Stage::Up);
        self.links.next = None;
        self.begin_dues();
        match self.links.current.replace(link) {
            Some(old) => {
                self.enter(old, Stage::Draining);
                self.standing.figures.rotations += 1;
            }
            None => {
                self.standing.is_up = true;
                self.standing.trouble = None;
                self.emit(GatewayEvent::Connected);
                let (venue_ns, at_ns) = (Some(self.venue_ns()), self.now_ns);
                self.emit(GatewayEvent::Heard { venue_ns, at_ns });
            }
        }
    }
}
