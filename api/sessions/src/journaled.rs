//! What a journal says of the session that wrote it, for whoever runs its day again as a backtest.

use std::path::Path;

use qt_backtest::venue::Fees;
use qt_journal::{JournalError, JournalReader, Record};
use qt_risk::{Account, Key, Level, Limit, Profile, Sizing, read_limit};
use qt_runtime::live::words_of;
use qt_types::{Cash, ControlKind, Event, Payload};

use super::limits;
use super::notes::{self, Cast, SessionNote};
use super::words::{self, Terms};
use qt_trading::LimitValue;

/// A session of the service as its journal tells of it.
#[derive(Debug)]
pub struct Journaled {
    /// The way to the venue, and the way back (ns).
    pub latency_ns: i64,
    /// Fee rates.
    pub fees: Fees,
    /// What the account begins with.
    pub capital: Cash,
    /// How large positions may be.
    pub account: Account,
    /// How large a strategy's order is that leaves its size open.
    pub sizing: Sizing,
    /// The limits, as they are in force at the end.
    pub limits: Profile,
    /// The strategies that had a place in it, in the order of their places.
    pub strategies: Vec<RanStrategy>,
    /// What happened to it from outside.
    pub touched: Touched,
}

/// A strategy of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RanStrategy {
    /// Its place, from 1.
    pub place: u16,
    /// Its type, as the registry names it.
    pub strategy_type: String,
    /// On which symbols.
    pub symbols: Vec<String>,
    /// All parameters.
    pub parameters: Vec<(String, String)>,
}

/// What happened to a session from outside, and is in no market and no signal: a backtest of its
/// day knows nothing of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Orders, changes and cancels that people and programs asked for.
    pub orders: u64,
    /// Kill switches, strategies that were stopped, parameters and limits that were changed.
    pub decisions: u64,
    /// Strategies whose limits are not those of all, or that gave their place to another one.
    pub strategies: u64,
    /// How often it was begun again.
    pub restarts: u64,
    /// What was due while no process ran, like the end of a horizon: it came when the session was
    /// back, and comes in its time in a backtest.
    pub late: u64,
}

impl Touched {
    /// Whether nothing did.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Journaled {
    /// The session of the journal in `path`; none where a session of the service did not write it.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn read(path: &Path) -> Result<Option<Self>, JournalError> {
        let words = words_of(path).unwrap_or_default();
        let Some(Terms { latency_ns, fees, .. }) = words::terms(&words) else { return Ok(None) };
        let (mut seen, mut reader) = (Seen::default(), JournalReader::open(path, None)?);
        while let Some(entry) = reader.next_entry()? {
            match &entry.record {
                Record::Control(control) => {
                    if let Ok(Some(note)) = SessionNote::read(control) {
                        seen.note(note);
                    }
                }
                Record::Event(event) => seen.event(event),
                _ => {}
            }
        }
        let (limits, strategies) = seen.finish();
        Ok(Some(Self {
            latency_ns,
            fees,
            capital: words::capital(&words),
            account: limits::ACCOUNT,
            sizing: limits::SIZING,
            limits,
            strategies,
            touched: seen.touched,
        }))
    }
}

/// What was read so far.
#[derive(Default)]
struct Seen {
    casts: Vec<Cast>,
    changes: Vec<LimitValue>,
    holders: u64,
    touched: Touched,
}

/// What comes so long after it was due was due while nothing ran: a session that runs hands out
/// timers at the times at which they are due (ns).
const LATE_NS: i64 = 1_000_000_000;

impl Seen {
    fn note(&mut self, note: SessionNote) {
        match note {
            SessionNote::Cast(cast) => {
                match self.casts.iter_mut().find(|it| it.slot == cast.slot) {
                    // The same once more after it was stopped.
                    Some(was) if *was == cast => {}
                    Some(was) => {
                        self.touched.strategies += 1;
                        *was = cast;
                    }
                    None => self.casts.push(cast),
                }
            }
            SessionNote::Limits(notes::Limits { changes, .. }) => {
                self.touched.decisions += 1;
                self.changes.extend(changes);
            }
            SessionNote::Holder { .. } => {
                self.touched.restarts += u64::from(self.holders > 0);
                self.holders += 1;
            }
            _ => {}
        }
    }

    fn event(&mut self, event: &Event) {
        match &event.payload {
            Payload::Asked(_) => self.touched.orders += 1,
            // To begin is what the day is about; limits have a note of their own.
            Payload::Control(control) => {
                let is_known = matches!(
                    control.kind,
                    ControlKind::Activate { .. } | ControlKind::Limit { .. }
                );
                self.touched.decisions += u64::from(control.person != 0 && !is_known);
            }
            Payload::Timer(timer) => {
                let late_ns = event.recv_ns.get().saturating_sub(timer.due_ns.get());
                self.touched.late += u64::from(late_ns >= LATE_NS);
            }
            _ => {}
        }
    }

    /// The limits, and the strategies.
    fn finish(&mut self) -> (Profile, Vec<RanStrategy>) {
        let mut profile = limits::profile();
        self.casts.sort_by_key(|cast| cast.slot);
        let own = match self.casts.as_slice() {
            // The only one: its budget is the limit of all strategies.
            [only] => only.limits.clone(),
            several => {
                let limited = several.iter().filter(|cast| !cast.limits.is_empty()).count();
                self.touched.strategies += limited as u64;
                Vec::new()
            }
        };
        for limit in &self.changes {
            let table = match &limit.symbol {
                Some(symbol) => format!("instrument.{symbol}"),
                None => limit.level.clone(),
            };
            if profile.set(&table, &limit.name, &limit.value.to_string()).is_err() {
                self.touched.decisions += 1;
            }
        }
        // A budget holds where it is tighter than what all strategies have.
        for limit in &own {
            let Some(key) = Key::from_name(&limit.name) else { continue };
            let of_all = profile.level(Level::Strategy).get(key);
            let hard = read_limit(key, &limit.value.to_string()).unwrap_or(of_all.hard);
            if hard < of_all.hard {
                profile.level_mut(Level::Strategy).set(key, Limit::hard(hard));
            }
        }
        let strategies = self.casts.iter().map(|cast| RanStrategy {
            place: cast.slot + 1,
            strategy_type: cast.strategy_type.clone(),
            symbols: cast.symbols.clone(),
            parameters: cast.parameters.clone(),
        });
        (profile, strategies.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qt_types::{InstrumentId, Nanos, Seq, StrategyId, Timer, VenueId};

    use qt_trading::amount::Amount;
    use qt_trading::ids::StrategyUid;
    use qt_trading::time::Time;

    fn limit(name: &str, level: &str, symbol: Option<&str>, value: &str) -> LimitValue {
        LimitValue {
            name: name.to_owned(),
            level: level.to_owned(),
            symbol: symbol.map(str::to_owned),
            value: Amount(value.parse().unwrap()),
            unit: String::new(),
        }
    }

    fn cast(slot: u16, limits: Vec<LimitValue>) -> SessionNote {
        SessionNote::Cast(Cast {
            slot,
            strategy: StrategyUid::new(),
            strategy_type: "ai_signal_follow".to_owned(),
            symbols: vec!["AAPL".to_owned()],
            parameters: Vec::new(),
            limits,
        })
    }

    #[test]
    fn limits_are_those_in_force_and_what_is_left_out_is_counted() {
        let hard = |profile: &Profile, key| profile.level(Level::Strategy).get(key).hard;
        let mut seen = Seen::default();
        let wide = limit("daily_loss", "strategy", None, "99999");
        seen.note(cast(0, vec![limit("exposure", "strategy", None, "5000"), wide]));
        let before = limits::profile();
        let (profile, strategies) = seen.finish();
        assert_eq!(
            (strategies.len(), strategies[0].place, seen.touched.is_nothing()),
            (1, 1, true)
        );
        assert_eq!(hard(&profile, Key::Exposure), 5_000_000_000_000);
        assert_eq!(
            hard(&profile, Key::DailyLoss),
            hard(&before, Key::DailyLoss),
            "the tighter one"
        );
        let changes = vec![limit("long", "instrument", Some("AAPL"), "7")];
        let (version, people, at) = (2, Vec::new(), Time(0));
        seen.note(SessionNote::Limits(notes::Limits { version, people, at, changes }));
        [1, 1, 2].into_iter().for_each(|epoch| seen.note(SessionNote::Holder { epoch }));
        // Another one in its place, and one beside it: what is theirs alone is in no profile.
        seen.note(cast(0, Vec::new()));
        seen.note(cast(3, vec![limit("exposure", "strategy", None, "1")]));
        let (profile, strategies) = seen.finish();
        assert_eq!(profile.instrument("AAPL").get(Key::Long).hard, 7_000_000_000);
        assert_eq!(hard(&profile, Key::Exposure), hard(&before, Key::Exposure));
        assert_eq!(strategies.iter().map(|it| it.place).collect::<Vec<_>>(), [1, 4]);
        let touched =
            Touched { orders: 0, decisions: 1, strategies: 2, restarts: 2, ..Touched::default() };
        assert_eq!(seen.touched, touched);
    }

    #[test]
    fn what_was_due_while_nothing_ran_is_counted() {
        let timer = |due_ns: i64, recv_ns: i64| {
            let (due_ns, recv_ns) = (Nanos::new(due_ns), Nanos::new(recv_ns));
            let payload = Payload::Timer(Timer { due_ns, token: 1, strategy: StrategyId(1) });
            let (seq, venue_ns) = (Seq::default(), recv_ns);
            let (instrument, venue) = (InstrumentId(0), VenueId(0));
            Event { seq, recv_ns, venue_ns, instrument, venue, payload }
        };
        let mut seen = Seen::default();
        let back = 10 * LATE_NS;
        // Its thread may have been late: what is due keeps its time.
        for (due, came) in [(5, 5), (8, 9), (back - LATE_NS, back), (10, back), (back, back)] {
            seen.event(&timer(due, came));
        }
        assert_eq!(seen.touched, Touched { late: 2, ..Touched::default() });
    }
}
