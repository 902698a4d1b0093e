//! Cancels all that is open at the venue, for whoever watches over a session that is gone: the
//! venue itself does not. It asks and cancels, and knows no way to place an order.

use std::collections::VecDeque;

use qt_types::Nanos;

use crate::machine::{Act, Call, Failure, Happened, Machine, Method, Request};

use crate::pace::ClockOffset;

use super::setup::Access;
use super::trade::codes::{Meaning, meaning_with};
use super::trade::wire::{Fault, Order, Time};
use super::trade::{Profile, rest_query};

/// How long an answer may take (ns).
const PATIENCE_NS: i64 = 5_000_000_000;
/// The pause before what has failed is tried again; it doubles up to the longest (ns).
const PAUSE_NS: i64 = 100_000_000;
const PAUSE_MAX_NS: i64 = 5_000_000_000;
/// How late a request may reach the venue (ms).
const WINDOW_MS: u32 = 5_000;

/// What a guard is made from.
#[derive(Clone, Debug)]
pub struct GuardSettings {
    /// Which venue.
    pub profile: &'static Profile,
    /// Where it is, if not where the profile says.
    pub base: Option<String>,
    /// A key that may ask and cancel.
    pub access: Access,
    /// The symbols whose orders are cancelled. Empty: those of all symbols that have any.
    pub symbols: Vec<String>,
}

/// How far a guard has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuardStep {
    /// Nothing is to be done.
    Idle,
    /// Orders are being looked for and cancelled.
    AtWork,
    /// Nothing was open when the venue was asked last (UTC).
    Clear(Nanos),
    /// So many orders were open when the venue was asked last (UTC), and nobody wanted more.
    Seen(usize, Nanos),
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuardFigures {
    /// Orders that were open when they were looked for the first time.
    pub found: u64,
    /// Requests to cancel all orders of a symbol that the venue has answered.
    pub cancelled: u64,
    /// How often the venue was asked what is open.
    pub asked: u64,
    /// Requests that failed and were tried again.
    pub repeated: u64,
    /// What went wrong last.
    pub trouble: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Ask {
    Time(Nanos),
    Open,
    Cancel(String),
}

/// Looks for open orders, cancels them, and looks again until there are none.
#[derive(Debug)]
pub struct Guard {
    settings: GuardSettings,
    step: GuardStep,
    figures: GuardFigures,
    under_way: Option<(Call, Ask)>,
    to_do: VecDeque<Ask>,
    last: u32,
    acts: VecDeque<Act>,
    clock: Option<ClockOffset>,
    /// Until then nothing is sent (UTC ns).
    not_before_ns: Nanos,
    pause_ns: i64,
    has_looked: bool,
    /// Nothing is to be cancelled.
    only_looks: bool,
    now_ns: Nanos,
}

impl Guard {
    /// A guard that does nothing yet.
    #[must_use]
    pub const fn new(settings: GuardSettings) -> Self {
        Self {
            settings,
            step: GuardStep::Idle,
            figures: GuardFigures { found: 0, cancelled: 0, asked: 0, repeated: 0, trouble: None },
            under_way: None,
            to_do: VecDeque::new(),
            last: 0,
            acts: VecDeque::new(),
            clock: None,
            not_before_ns: Nanos::MIN,
            pause_ns: 0,
            has_looked: false,
            only_looks: false,
            now_ns: Nanos::MIN,
        }
    }

    /// Begins to cancel everything. It does not stop before nothing is open.
    pub fn act(&mut self, now_ns: Nanos) {
        self.now_ns = now_ns;
        // Whatever is being asked, its answer is acted on.
        self.only_looks = false;
        if self.step != GuardStep::AtWork {
            self.begin();
        }
    }

    /// Begins to ask what is open, and cancels nothing. One that is at work goes on with that.
    pub fn look(&mut self, now_ns: Nanos) {
        self.now_ns = now_ns;
        if self.step == GuardStep::AtWork {
            return;
        }
        self.only_looks = true;
        self.begin();
    }

    fn begin(&mut self) {
        self.step = GuardStep::AtWork;
        self.has_looked = false;
        if self.clock.is_none() {
            self.to_do.push_back(Ask::Time(self.now_ns));
        }
        self.to_do.push_back(Ask::Open);
        self.go_on();
    }

    /// How far it has come.
    #[must_use]
    pub const fn step(&self) -> &GuardStep {
        &self.step
    }

    /// What came of it.
    #[must_use]
    pub const fn figures(&self) -> &GuardFigures {
        &self.figures
    }

    /// Sends the next request, if none is under way.
    fn go_on(&mut self) {
        if self.under_way.is_some() || self.not_before_ns > self.now_ns {
            return;
        }
        let Some(ask) = self.to_do.front_mut() else { return };
        if let Ask::Time(sent_ns) = ask {
            *sent_ns = self.now_ns;
        }
        let ask = ask.clone();
        self.last = self.last.wrapping_add(1);
        let call = Call(self.last);
        let request = self.request(&ask);
        self.under_way = Some((call, ask));
        self.acts.push_back(Act::Call(call, request));
    }

    fn request(&self, ask: &Ask) -> Request {
        let base = self.settings.profile.rest_url(self.settings.base.as_deref());
        let paths = self.settings.profile.paths;
        let symbol = match ask {
            Ask::Cancel(symbol) => Some(symbol.as_str()),
            // One symbol is asked for alone: that weighs less.
            Ask::Open => match self.settings.symbols.as_slice() {
                [only] => Some(only.as_str()),
                _ => None,
            },
            Ask::Time(_) => None,
        };
        let (body, patience_ns) = (Vec::new(), PATIENCE_NS);
        if let Ask::Time(_) = ask {
            let url = format!("{base}{}", paths.time);
            return Request { method: Method::Get, url, headers: Vec::new(), body, patience_ns };
        }
        let at_ns = self.now_ns.saturating_add_ns(self.clock.map_or(0, |it| it.offset_ns()));
        let params: Vec<(&str, &str)> = symbol.into_iter().map(|it| ("symbol", it)).collect();
        let at_ms = at_ns.get().div_euclid(1_000_000);
        let (query, key) = rest_query(&self.settings.access, &params, at_ms, WINDOW_MS);
        let is_cancel = matches!(ask, Ask::Cancel(_));
        let (method, path) = match is_cancel {
            true => (Method::Delete, paths.cancel_all),
            false => (Method::Get, paths.open),
        };
        let url = format!("{base}{path}?{query}");
        Request { method, url, headers: vec![key], body, patience_ns }
    }

    fn answered(&mut self, ask: &Ask, status: u16, headers: &[(String, String)], body: &[u8]) {
        if status != 200 {
            return self.denied(ask, status, headers, body);
        }
        let is_read = match ask {
            Ask::Time(sent_ns) => self.told_time(*sent_ns, body),
            Ask::Open => self.told_open(body),
            Ask::Cancel(_) => {
                self.figures.cancelled += 1;
                true
            }
        };
        if is_read { self.is_done() } else { self.again(ask, "an answer that is none") }
    }

    fn told_time(&mut self, sent_ns: Nanos, body: &[u8]) -> bool {
        let Ok(time) = serde_json::from_slice::<Time>(body) else { return false };
        let told_ns = Nanos::new(time.server_ms.saturating_mul(1_000_000));
        let mut clock = ClockOffset::default();
        clock.answered(sent_ns, told_ns, 1_000_000, self.now_ns);
        self.clock = Some(clock);
        true
    }

    /// What is open: nothing, and then all is done, or something to be cancelled.
    fn told_open(&mut self, body: &[u8]) -> bool {
        let Ok(orders) = serde_json::from_slice::<Vec<Order<'_>>>(body) else { return false };
        self.figures.asked += 1;
        let wanted = &self.settings.symbols;
        let mut symbols: Vec<String> = orders
            .iter()
            .map(|order| order.symbol.to_string())
            .filter(|symbol| wanted.is_empty() || wanted.contains(symbol))
            .collect();
        if self.only_looks {
            self.step = GuardStep::Seen(symbols.len(), self.now_ns);
            self.figures.trouble = None;
            return true;
        }
        if !self.has_looked {
            self.figures.found += symbols.len() as u64;
            self.has_looked = true;
        }
        symbols.sort_unstable();
        symbols.dedup();
        if symbols.is_empty() {
            self.step = GuardStep::Clear(self.now_ns);
            self.figures.trouble = None;
        } else {
            self.to_do.extend(symbols.into_iter().map(Ask::Cancel));
            // What is open is only known to be gone when the venue says so.
            self.to_do.push_back(Ask::Open);
        }
        true
    }

    fn denied(&mut self, ask: &Ask, status: u16, headers: &[(String, String)], body: &[u8]) {
        let fault = serde_json::from_slice::<Fault<'_>>(body).ok();
        let (code, text) = fault.map_or((0, String::new()), |it| (it.code, it.msg.into_owned()));
        match meaning_with(self.settings.profile.codes, status, code, &text) {
            // Somebody else, or the market, was faster: the next look tells.
            Meaning::NoOrder => return self.is_done(),
            Meaning::Clock => self.to_do.push_front(Ask::Time(self.now_ns)),
            Meaning::TooOften => {
                let wait = headers.iter().find(|(name, _)| name == "retry-after");
                let wait_s = wait.and_then(|(_, value)| value.trim().parse::<u32>().ok());
                let wait_ns = i64::from(wait_s.unwrap_or(10).min(3_600)) * 1_000_000_000;
                self.not_before_ns = self.now_ns.saturating_add_ns(wait_ns);
            }
            _ => {}
        }
        let text: String = text.chars().take(200).collect();
        self.again(ask, &format!("status {status}, {code}: {text}"));
    }

    fn is_done(&mut self) {
        self.pause_ns = 0;
        self.to_do.pop_front();
    }

    /// To cancel twice does no harm, and neither does asking twice.
    fn again(&mut self, ask: &Ask, why: &str) {
        let what = match ask {
            Ask::Time(_) => "the time".to_owned(),
            Ask::Open => "what is open".to_owned(),
            Ask::Cancel(symbol) => format!("to cancel all of {symbol}"),
        };
        self.figures.repeated += 1;
        self.figures.trouble = Some(format!("asked for {what}: {why}"));
        self.pause_ns = (self.pause_ns * 2).clamp(PAUSE_NS, PAUSE_MAX_NS);
        let pause_ns = self.now_ns.saturating_add_ns(self.pause_ns);
        self.not_before_ns = self.not_before_ns.max(pause_ns);
    }
}

impl Machine for Guard {
    fn handle(&mut self, happened: Happened<'_>, now_ns: Nanos) {
        self.now_ns = now_ns;
        let of = |call: Call, under_way: &mut Option<(Call, Ask)>| {
            under_way.take_if(|it| it.0 == call).map(|it| it.1)
        };
        match happened {
            Happened::Answered { call, status, headers, body } => {
                if let Some(ask) = of(call, &mut self.under_way) {
                    self.answered(&ask, status, headers, body);
                }
            }
            Happened::Failed(call, failure) => {
                if let Some(ask) = of(call, &mut self.under_way) {
                    let why = match failure {
                        Failure::NotSent => "no connection",
                        Failure::Unknown => "no answer",
                    };
                    self.again(&ask, why);
                }
            }
            _ => {}
        }
        self.go_on();
    }

    fn next_act(&mut self) -> Option<Act> {
        self.acts.pop_front()
    }

    fn deadline_ns(&self) -> Option<Nanos> {
        let waits = self.under_way.is_none() && !self.to_do.is_empty();
        waits.then_some(self.not_before_ns)
    }
}
