//! Journals of runs, replayed by the pipeline and by its stages on threads of their own: the same
//! commands, denials, notices and states as were recorded.

mod common;
#[path = "common/market.rs"]
mod market;
#[path = "common/scribe.rs"]
mod scribe;

use std::sync::atomic::AtomicBool;

use qt_engine::{BookInterest, BookView, Context, Ensemble, Exits, Strategy};
use qt_journal::{Durable, Fingerprint, Journal, JournalReader, Options, Record};
use qt_ring::Wait;
use qt_risk::Key;
use qt_runtime::rehearsal::{self, Origin, Rehearsed, Topology};
use qt_runtime::staged::{self, Settings};
use qt_strategies::Registry;
use qt_types::{
    Cash, ControlKind, E9, KillState, Lacks, Level, Number, Payload, StrategyId, Target, Tick,
    Timer,
};

use market::Market;
use scribe::Scribe;

impl Market {
    /// Runs a strategy, with decisions after these events, into a journal.
    fn record(&self, strategy: Box<dyn Strategy>, decisions: &[(u64, ControlKind)]) {
        let path = self.folder.path().join("run.qtj");
        let _ = std::fs::remove_dir_all(&path);
        let options = Options::new(Fingerprint([7; 32]), Durable::Memory);
        let (journal, _) = Journal::open(&path, &options).unwrap();
        let decisions = decisions.iter().rev().copied().collect();
        let scribe = Box::new(Scribe::new(journal, decisions));
        let interrupt = AtomicBool::new(false);
        let ran = self.stage().run_witnessed::<Tick>(strategy, scribe, &interrupt, &mut |_, _| {});
        ran.unwrap();
    }

    fn fused(&self, strategy: Box<dyn Strategy>) -> Rehearsed {
        let path = self.folder.path().join("run.qtj");
        rehearsal::replay(&path, &self.stage(), strategy, Origin::Start).unwrap()
    }

    fn staged(&self, strategy: Box<dyn Strategy>, wait: Option<Wait>) -> Rehearsed {
        let path = self.folder.path().join("run.qtj");
        let settings = Settings { wait, ..Settings::default() };
        staged::replay(&path, &self.stage(), strategy, &settings).unwrap()
    }

    /// Records a run, and holds both kinds of replay against it and each other. Returns how many
    /// denials the journal has.
    fn assert_same(&self, name: &str, params: &str, decisions: &[(u64, ControlKind)]) -> usize {
        self.assert_same_of(name, &|| strategy(name, params), decisions)
    }

    fn assert_same_of(
        &self,
        name: &str,
        make: &dyn Fn() -> Box<dyn Strategy>,
        decisions: &[(u64, ControlKind)],
    ) -> usize {
        self.record(make(), decisions);
        let fused = self.fused(make());
        let staged = self.staged(make(), None);
        assert_eq!((fused.differences, fused.topology), (0, Topology::Fused), "{fused:?}");
        assert_eq!((staged.differences, staged.topology), (0, Topology::Staged), "{staged:?}");
        assert_eq!((staged.events, staged.decisions), (fused.events, fused.decisions), "{name}");
        assert_eq!(staged.state, fused.state, "{name}");
        assert!(fused.decisions > 10, "{name}: {fused:?}");
        let path = self.folder.path().join("run.qtj");
        let mut reader = JournalReader::open(&path, None).unwrap();
        let mut denials = 0;
        while let Some(entry) = reader.next_entry().unwrap() {
            let Record::Event(event) = entry.record else { continue };
            denials += usize::from(matches!(event.payload, Payload::Denied(_)));
        }
        denials
    }
}

fn strategy(name: &str, params: &str) -> Box<dyn Strategy> {
    let registry = Registry::builtin();
    let entry = registry.get(name).unwrap();
    let pairs = params.split_whitespace().map(|pair| pair.split_once('=').unwrap());
    let given: Vec<_> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    entry.make(&entry.resolve(&given).unwrap(), 1).unwrap()
}

const STRATEGIES: [(&str, &str); 6] = [
    ("market_maker", "quantity=1 max_position=20 sample_ms=200 k=50 horizon_s=0.001"),
    ("order_book_imbalance", "entry=0.1 exit=-0.5 hold_ms=2000 short=true"),
    ("grid", "levels=4 spacing=1 unit=ticks quantity=1 max_position=20"),
    ("twap_execute", "quantity=40 duration_s=120 orders=30 patience_ms=500"),
    ("execute_algo", "quantity=40 duration_s=120 slices=20 patience_ms=500"),
    ("top_of_book_quoter", "interval_ms=500 max_position=20"),
];

#[test]
fn every_strategy_comes_to_what_was_recorded() {
    let market = Market::new(6_000);
    for (name, params) in STRATEGIES {
        market.assert_same(name, params, &[]);
    }
}

#[test]
fn decisions_in_the_middle_come_to_what_was_recorded() {
    let market = Market::new(6_000);
    let target = Target::GLOBAL;
    let trip = |state| ControlKind::Trip { target, state };
    let decisions = [
        (700, ControlKind::Pause),
        (900, ControlKind::Resume),
        (1_500, ControlKind::CloseOut),
        (2_500, trip(KillState::ReduceOnly)),
        (3_000, ControlKind::Arm { target }),
        (4_000, trip(KillState::Halted)),
        (4_400, ControlKind::Arm { target }),
    ];
    for (name, params) in STRATEGIES {
        market.assert_same(name, params, &decisions);
    }
}

/// Of two strategies on one account: each of them alone, its parameters, and limits.
#[test]
fn decisions_about_single_strategies_come_to_what_was_recorded() {
    let market = Market::new(6_000);
    let (first, second) = (StrategyId(0), StrategyId(1));
    let of_second = Target::new(Level::Strategy, 1);
    let limit = |target, key: Key, hard| ControlKind::Limit { target, key: key as u16, hard };
    let tune = |param, value| {
        let value = Number::new(value);
        ControlKind::Tune { strategy: second, param, value }
    };
    let decisions = [
        (600, ControlKind::Deactivate { strategy: first }),
        (1_000, tune(2, 3.0)),
        (1_200, ControlKind::Activate { strategy: first }),
        (1_600, ControlKind::Trip { target: of_second, state: KillState::Halted }),
        (2_000, ControlKind::Arm { target: of_second }),
        (2_200, tune(2, 0.0)),
        (2_400, limit(Target::new(Level::Account, 0), Key::OpenOrders, 2)),
        (3_000, ControlKind::Deactivate { strategy: second }),
        (3_400, ControlKind::Activate { strategy: second }),
        (4_000, ControlKind::CloseOut),
    ];
    let (quoter, params) = STRATEGIES[5];
    let mut denials = 0;
    for (name, of_first) in STRATEGIES.into_iter().take(4) {
        let make = || -> Box<dyn Strategy> {
            let all = Ensemble::new().with(strategy(name, of_first), vec![true]);
            Box::new(all.with(strategy(quoter, params), vec![true]))
        };
        let without = market.assert_same_of(name, &make, &decisions[..6]);
        let with = market.assert_same_of(name, &make, &decisions);
        denials += with.saturating_sub(without);
    }
    assert!(denials > 0, "the limit is reached");
}

#[test]
fn a_tight_account_and_a_poor_venue_come_to_what_was_recorded() {
    let mut market = Market::new(6_000);
    // Little money, and no order of the run's own size.
    market.config.capital = Cash::from_nano(600 * i128::from(E9));
    market.config.order_qty_max_e9 = Some(3 * E9 / 2);
    market.config.exits = Exits { stop_bps: Some(10), target_bps: Some(10), trail_bps: None };
    let mut denials = 0;
    for lacks in [Lacks::NOTHING, Lacks::STOP.with(Lacks::OCO), Lacks::POST_ONLY.with(Lacks::AMEND)]
    {
        market.config.venue_lacks = lacks;
        for (name, params) in STRATEGIES {
            denials += market.assert_same(name, params, &[]);
        }
    }
    assert!(denials > 100, "{denials}");
}

#[test]
fn threads_may_wait_as_they_like() {
    let market = Market::new(6_000);
    let make = || strategy(STRATEGIES[0].0, STRATEGIES[0].1);
    market.record(make(), &[]);
    for wait in [Wait::Yield, Wait::Park] {
        let staged = market.staged(make(), Some(wait));
        assert_eq!(staged.differences, 0, "{wait}: {staged:?}");
    }
}

#[test]
fn another_strategy_and_another_gate_are_found_at_the_same_decision() {
    let mut market = Market::new(6_000);
    let make = |max: &str| strategy("top_of_book_quoter", &format!("interval_ms=500 {max}"));
    market.record(make("max_position=20"), &[]);
    let (fused, staged) =
        (market.fused(make("max_position=4")), market.staged(make("max_position=4"), None));
    assert!(staged.differences > 0 && staged.first.is_some(), "{staged:?}");
    assert_eq!((staged.first, staged.differences), (fused.first, fused.differences));
    market.config.order_qty_max_e9 = Some(E9 / 2);
    let (fused, staged) =
        (market.fused(make("max_position=20")), market.staged(make("max_position=20"), None));
    assert!(staged.differences > 0 && staged.first.is_some(), "{staged:?}");
    assert_eq!((staged.first, staged.differences), (fused.first, fused.differences));
}

/// A strategy with a fault.
struct Faulty(Box<dyn Strategy>, u32);

impl Strategy for Faulty {
    fn on_book(&mut self, book: BookView<'_>, ctx: &mut Context<'_>) {
        self.0.on_book(book, ctx);
    }

    fn on_timer(&mut self, timer: Timer, ctx: &mut Context<'_>) {
        assert!(self.1 > 0, "the fault of this test");
        self.1 -= 1;
        self.0.on_timer(timer, ctx);
    }

    fn interest(&self) -> BookInterest {
        self.0.interest()
    }
}

#[test]
fn a_panic_of_one_stage_ends_all_of_them() {
    let market = Market::new(6_000);
    let make = || strategy("top_of_book_quoter", "interval_ms=500");
    market.record(make(), &[]);
    let path = market.folder.path().join("run.qtj");
    let strategy = Box::new(Faulty(make(), 20));
    let error = staged::replay(&path, &market.stage(), strategy, &Settings::default()).unwrap_err();
    assert!(error.to_string().contains("thread strategy ended unexpectedly"), "{error}");
}
