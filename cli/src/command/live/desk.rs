//! Decisions about a running session: words from the terminal or from another process become
//! events, or are refused with the reason.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam::channel::{Sender, TrySendError};
use qt_backtest::risk::RiskLimits;
use qt_risk::{Holder, KEYS, Key, KeyRow, read_limit};
use qt_runtime::keeper::Shown;
use qt_strategies::registry::StrategyEntry;
use qt_strategies::{ParamSpec, Params};
use qt_types::{Control, ControlKind, KillState, Level, StrategyId, Target};

use crate::cast::Cast;

/// What can be said, for a person.
pub const WORDS: &str = "kill [STRATEGY], reduce [STRATEGY], arm [STRATEGY], pause, resume, close, \
                         activate STRATEGY, deactivate STRATEGY, param [STRATEGY] NAME VALUE, \
                         limit NAME VALUE [WHERE], status";

/// How long a decision may wait to be taken. While a session makes again what its journal has,
/// nothing new is taken.
const PATIENCE: Duration = Duration::from_secs(10);

/// What became of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is this event.
    Taken(u64),
    /// It waits.
    Waits,
    /// How the session stands is wanted.
    Status,
    /// It is not understood, or names what is not there.
    Unknown(String),
    /// It is not allowed.
    Refused(String),
}

/// Where decisions are made.
pub struct Desk {
    names: Vec<String>,
    symbols: Vec<String>,
    limits: RiskLimits,
    shown: Arc<Shown>,
    /// What each strategy is, and its parameters as they were at the start.
    strategies: Vec<(StrategyEntry, Params)>,
    sent: Mutex<Sent>,
    is_over: AtomicBool,
}

/// What was handed over.
struct Sent {
    to: Sender<Control>,
    /// In order; the first of them are decided.
    kinds: Vec<ControlKind>,
}

impl Desk {
    /// The desk of a session with `cast` on `symbols`, whose decisions go to `to`.
    pub fn new(
        cast: &Cast<'_>,
        symbols: &[&str],
        limits: &RiskLimits,
        shown: &Arc<Shown>,
        to: Sender<Control>,
    ) -> Self {
        let members = cast.members().iter();
        let strategies = members.map(|member| (*member.entry, member.params.clone())).collect();
        Self {
            names: cast.members().iter().map(|member| member.name.clone()).collect(),
            symbols: symbols.iter().map(|symbol| (*symbol).to_owned()).collect(),
            limits: limits.clone(),
            shown: Arc::clone(shown),
            strategies,
            sent: Mutex::new(Sent { to, kinds: Vec::new() }),
            is_over: AtomicBool::new(false),
        }
    }

    /// The session has ended: what is not decided by now never will be.
    pub fn close(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// The names of the strategies.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Does what `line` says. Waits for no other line: a kill must not stand behind one that waits.
    pub fn say(&self, line: &str) -> Answer {
        let words: Vec<&str> = line.split_whitespace().collect();
        let place = match self.send(&words) {
            Ok(place) => place,
            Err(answer) => return answer,
        };
        let until = Instant::now() + PATIENCE;
        loop {
            // Looked at first: what was taken before the end is there by then.
            let is_over = self.is_over.load(Ordering::Acquire);
            if let Some(event) = held(&self.shown.decided).get(place) {
                return Answer::Taken(*event);
            }
            if is_over {
                return Answer::Refused("the session ended before it was taken".to_owned());
            }
            if Instant::now() >= until {
                return Answer::Waits;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Hands over what `words` say; its place among all that was.
    fn send(&self, words: &[&str]) -> Result<usize, Answer> {
        let mut sent = held(&self.sent);
        let kind = self.read(words, &self.changes(&sent))?;
        // Whoever may write to the session's terminal or folder is its owner.
        let refused = match sent.to.try_send(Control { kind, person: 1 }) {
            Ok(()) => {
                sent.kinds.push(kind);
                return Ok(sent.kinds.len() - 1);
            }
            Err(TrySendError::Full(_)) => "too many decisions wait already",
            Err(TrySendError::Disconnected(_)) => "the session has ended",
        };
        Err(Answer::Refused(refused.to_owned()))
    }

    /// Parameters and limits that were changed, or will be by what waits, in order.
    fn changes(&self, sent: &Sent) -> Vec<ControlKind> {
        // In this order: what is decided between the two looks is in both, which does no harm.
        let decided = held(&self.shown.decided).len();
        let changed = held(&self.shown.changed).clone();
        changed.into_iter().chain(sent.kinds.iter().skip(decided).copied()).collect()
    }

    fn read(&self, words: &[&str], changes: &[ControlKind]) -> Result<ControlKind, Answer> {
        let trip = |target, state| ControlKind::Trip { target, state };
        Ok(match words {
            ["kill", of @ ..] => trip(self.target(of)?, KillState::Halted),
            ["reduce", of @ ..] => trip(self.target(of)?, KillState::ReduceOnly),
            ["arm", of @ ..] => ControlKind::Arm { target: self.target(of)? },
            ["pause"] => ControlKind::Pause,
            ["resume"] => ControlKind::Resume,
            ["close"] => ControlKind::CloseOut,
            ["activate", of] => ControlKind::Activate { strategy: self.strategy(of)? },
            ["deactivate", of] => ControlKind::Deactivate { strategy: self.strategy(of)? },
            ["param", name, value] => match self.names.as_slice() {
                [_] => self.tune(StrategyId::FIRST, name, value, changes)?,
                _ => return Err(unknown("param STRATEGY NAME VALUE: which strategy?")),
            },
            ["param", of, name, value] => self.tune(self.strategy(of)?, name, value, changes)?,
            ["limit", name, value, at @ ..] => self.limit(name, value, at, changes)?,
            ["status"] => return Err(Answer::Status),
            _ => {
                let said = words.join(" ");
                return Err(unknown(&format!("{said:?} is no command. There are: {WORDS}")));
            }
        })
    }

    /// All there is, or the strategy that is named.
    fn target(&self, of: &[&str]) -> Result<Target, Answer> {
        match of {
            [] => Ok(Target::GLOBAL),
            [name] => Ok(Target::new(Level::Strategy, self.strategy(name)?.0)),
            _ => Err(unknown("one strategy at a time")),
        }
    }

    fn strategy(&self, name: &str) -> Result<StrategyId, Answer> {
        let at = self.names.iter().position(|known| known == name);
        let id = at.and_then(|at| u16::try_from(at).ok()).map(StrategyId);
        id.ok_or_else(|| {
            let names = self.names.join(", ");
            unknown(&format!("there is no strategy {name:?}; there are: {names}"))
        })
    }

    fn tune(
        &self,
        strategy: StrategyId,
        name: &str,
        value: &str,
        changes: &[ControlKind],
    ) -> Result<ControlKind, Answer> {
        let Some((entry, start)) = self.strategies.get(strategy.index()) else {
            return Err(unknown("there is no such strategy"));
        };
        // As they are by now.
        let mut params = start.clone();
        for change in changes {
            if let ControlKind::Tune { strategy: of, param, value } = *change
                && of == strategy
                && let Some(spec) = entry.params.get(usize::from(param))
                && let Some(value) = spec.value(value)
            {
                params = params.with(spec.name, value);
            }
        }
        let changed = entry.change(&params, name, value);
        let is_value = |spec: &ParamSpec| spec.name == name && spec.parse(value).is_ok();
        let is_understood = entry.params.iter().any(is_value);
        let (param, value, _) = changed.map_err(|error| match is_understood {
            true => Answer::Refused(error.0),
            false => Answer::Unknown(error.0),
        })?;
        Ok(ControlKind::Tune { strategy, param, value })
    }

    fn limit(
        &self,
        name: &str,
        value: &str,
        at: &[&str],
        changes: &[ControlKind],
    ) -> Result<ControlKind, Answer> {
        let Some(row) = KEYS.iter().find(|row| row.name == name) else {
            let names: Vec<&str> =
                KEYS.iter().filter(|row| row.key.is_adjustable()).map(|row| row.name).collect();
            let all = names.join(", ");
            return Err(unknown(&format!("there is no limit {name:?}; there are: {all}")));
        };
        let target = self.holder(row, at)?;
        let hard = read_limit(row.key, value).map_err(Answer::Unknown)?;
        if !row.key.is_adjustable() {
            let why = qt_risk::NotAdjusted::Fixed;
            return Err(Answer::Refused(format!("{name}: {why}")));
        }
        let is_off = |window| self.hard(window, target, changes) == 0;
        if row.key.window().is_some_and(is_off) {
            let why = qt_risk::NotAdjusted::WindowOff;
            return Err(Answer::Refused(format!("{name}: {why}")));
        }
        let now = self.hard(row.key, target, changes);
        if hard >= now {
            let (why, now) = (qt_risk::NotAdjusted::Looser, qt_risk::text_of(row.unit, now));
            return Err(Answer::Refused(format!("{name} is {now}: {why}")));
        }
        Ok(ControlKind::Limit { target, key: row.key as u16, hard })
    }

    /// Whose limit it is: by name a strategy, a level or a symbol.
    fn holder(&self, row: &KeyRow, at: &[&str]) -> Result<Target, Answer> {
        let of_symbol = |symbol: &str| {
            let at = self.symbols.iter().position(|known| known == symbol);
            at.and_then(|at| u16::try_from(at).ok()).map(|at| Target::new(Level::Instrument, at))
        };
        match (row.holder, at) {
            (Holder::Node, [] | ["account"]) => Ok(Target::new(Level::Account, 0)),
            (Holder::Node, ["tenant"]) => Ok(Target::new(Level::Tenant, 0)),
            (Holder::Node, ["global"]) => Ok(Target::GLOBAL),
            (Holder::Node, [name]) => Ok(Target::new(Level::Strategy, self.strategy(name)?.0)),
            (Holder::Instrument, []) if self.symbols.len() == 1 => {
                Ok(Target::new(Level::Instrument, 0))
            }
            (Holder::Instrument, [symbol]) => of_symbol(symbol).ok_or_else(|| {
                let all = self.symbols.join(", ");
                unknown(&format!("there is no instrument {symbol:?}; there are: {all}"))
            }),
            _ => Err(unknown(&format!("limit {} VALUE WHERE: of what?", row.name))),
        }
    }

    /// The limit as it stands by now.
    fn hard(&self, key: Key, target: Target, changes: &[ControlKind]) -> i128 {
        let profile = &self.limits.profile;
        let start = match target.level {
            Level::Instrument => {
                let symbol = self.symbols.get(usize::from(target.index));
                profile.instrument(symbol.map_or("", String::as_str)).get(key).hard
            }
            level => profile.level(level).get(key).hard,
        };
        let here = |change: &ControlKind| match *change {
            ControlKind::Limit { target: of, key: at, hard } => {
                (of == target && at == key as u16).then_some(hard)
            }
            _ => None,
        };
        changes.iter().filter_map(here).fold(start, i128::min)
    }
}

fn held<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unknown(text: &str) -> Answer {
    Answer::Unknown(text.to_owned())
}
