//! The beginning of a session that was there before: from a state that was kept, or from nothing,
//! and then what the journal has behind it.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use qt_engine::{Ensemble, Halt};
use qt_risk::RiskGate;
use qt_runtime::live::{Driver, FeedReader, Note};
use qt_runtime::paper::PaperSession;
use qt_runtime::states::State;
use qt_runtime::tail::{Notes, Tail};
use qt_strategies::Registry;
use qt_types::{InstrumentSpec, OrderId};

use super::notes::{Cast, SessionNote};
use super::past::Past;
use super::shelf::Lists;
use super::slots::{made_again, strategy_id};
use super::stored::Kept;
use super::told::{Listener, Told};
use super::view::Shared;
use qt_trading::time::Time;

/// So long a session that begins waits for what its listener has kept: without knowing it, all of
/// the journal is made again.
const LISTENER_TIME: Duration = Duration::from_secs(3);

/// A session, and all that is known of it beside.
pub struct Again {
    pub session: PaperSession<RiskGate>,
    pub past: Past,
    pub lists: Lists,
    /// The number of the last record that its listener was told.
    pub told: u64,
    /// The event that it begins after.
    pub after: u64,
}

/// What is needed to make strategies again.
pub struct Makers<'a> {
    pub specs: &'a [InstrumentSpec],
    pub registry: &'a Registry,
}

impl Again {
    /// One that has not begun: `session` at rest.
    pub fn new(session: PaperSession<RiskGate>, shared: &Shared, specs: &[InstrumentSpec]) -> Self {
        let past = Past::new(shared.tenant, shared.account, specs.to_vec());
        Self { session, past, lists: Lists::default(), told: 0, after: 0 }
    }

    /// The same as it was when `state` was kept. `kept` is what its listener has for good.
    ///
    /// # Errors
    /// Why that cannot be, and the session's market data, for another attempt.
    pub fn at(
        mut self,
        state: &State,
        kept: u64,
        makers: &Makers<'_>,
    ) -> Result<Self, (String, FeedReader)> {
        match self.restore(state, kept, makers) {
            Ok(()) => Ok(self),
            Err(why) => Err((why, self.session.into_feed())),
        }
    }

    fn restore(&mut self, state: &State, kept: u64, makers: &Makers<'_>) -> Result<(), String> {
        let own = Kept::read(state)?;
        self.told = own.told();
        if self.told > kept {
            return Err(format!(
                "the store has records up to {kept} and not yet all of those before it, up to {}",
                self.told
            ));
        }
        for cast in own.casts() {
            let (strategy, trades) = made_again(cast, makers.specs, makers.registry);
            self.session.driver_mut().recast(strategy_id(cast.slot), strategy, trades);
        }
        self.session.restore(state).map_err(|why| why.to_string())?;
        self.after = self.session.driver().events();
        own.restore(&mut self.past, &mut self.lists)
    }

    /// Makes again `events`, up to number `last`, of the journal behind it; its listener hears of
    /// it. Orders in `never_left` did not leave.
    ///
    /// # Errors
    /// When that is not what was kept, or cannot be read: then with why.
    pub fn repeat(
        &mut self,
        (events, never_left, last): (Tail, HashSet<OrderId>, u64),
        shared: &Shared,
        makers: &Makers<'_>,
    ) -> Result<(), (Halt, Option<String>)> {
        let listener = Arc::clone(&shared.listener);
        listener.begins(self.told);
        let fault = events.fault();
        let mut reading = Reading {
            notes: events.notes(),
            next: VecDeque::new(),
            casts: VecDeque::new(),
            shared,
        };
        let Self { session, past, lists, .. } = self;
        let repeated = session.repeat(events, &never_left, &mut |driver, notes| {
            reading.read_on();
            if !notes.is_empty() {
                reading.take(notes, driver, past, lists);
            }
            while let Some((_, cast)) = reading.casts.pop_front_if(|it| it.0 <= driver.events()) {
                let (strategy, trades) = made_again(&cast, makers.specs, makers.registry);
                driver.recast(strategy_id(cast.slot), strategy, trades);
            }
        });
        repeated.map_err(|halt| (halt, fault.text().map(str::to_owned)))?;
        listener.caught_up(last);
        reading.next.drain(..).for_each(|(after, note)| past.recall(after, note));
        past.look(session.driver());
        Ok(())
    }
}

/// What is read on the way, and takes effect where it stands among the events.
struct Reading<'a> {
    notes: Notes,
    next: VecDeque<(u64, SessionNote)>,
    casts: VecDeque<(u64, Cast)>,
    shared: &'a Shared,
}

impl Reading<'_> {
    fn read_on(&mut self) {
        while let Some(note) = self.notes.take() {
            let after = note.stamp.seq.get();
            match SessionNote::read(&note) {
                Ok(Some(read)) => {
                    if let SessionNote::Cast(cast) = &read {
                        self.casts.push_back((after, cast.clone()));
                    }
                    self.next.push_back((after, read));
                }
                Ok(None) => {}
                Err(why) => {
                    let account = self.shared.account;
                    tracing::error!(%account, after, %why, "a note in a journal cannot be read");
                }
            }
        }
    }

    fn take(
        &mut self,
        notes: &[Note],
        driver: &Driver<Ensemble, RiskGate>,
        past: &mut Past,
        lists: &mut Lists,
    ) {
        for each in notes {
            let seq = each.event.seq.get();
            while let Some((after, note)) = self.next.pop_front_if(|it| it.0 < seq) {
                past.recall(after, note);
            }
            let at = Time(each.event.recv_ns.get());
            for change in &past.take(each, driver) {
                lists.apply(change);
                if let Some(told) = Told::of(change) {
                    self.shared.listener.hear(seq, at, told);
                }
            }
        }
        past.look(driver);
    }
}

/// Up to which number of what it was told `listener` has all for good; `None` where it does not
/// say so in time.
pub fn kept_by(listener: &dyn Listener) -> Option<u64> {
    let begun = Instant::now();
    listener.ask_anew();
    loop {
        match listener.kept() {
            None if begun.elapsed() < LISTENER_TIME => {
                std::thread::sleep(Duration::from_millis(2));
            }
            kept => return kept,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// Knows what is kept once it was asked anew.
    #[derive(Debug, Default)]
    struct Asked(AtomicBool);

    impl Listener for Asked {
        fn begins(&self, _: u64) {}

        fn hear(&self, _: u64, _: Time, _: Told) {}

        fn caught_up(&self, _: u64) {}

        fn ask_anew(&self) {
            self.0.store(true, Ordering::Release);
        }

        fn kept(&self) -> Option<u64> {
            Some(if self.0.load(Ordering::Acquire) { 7 } else { 3 })
        }
    }

    #[test]
    fn what_is_kept_is_asked_for_anew_at_each_beginning() {
        assert_eq!(kept_by(&Asked::default()), Some(7));
    }
}
