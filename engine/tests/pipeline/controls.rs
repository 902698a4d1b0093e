//! What decisions about strategies leave open, and what those who only look on may not do.

use qt_engine::{Algo, Command, Context, Ensemble, Execute, Strategy};
use qt_types::{
    Bar, Bracket, ControlKind, InstrumentId, Intent, Limits, OrderKind, ParentId, Price, Qty, Side,
    StrategyId,
};

use crate::support::{Bench, Switch, Wishes, buy_limit, fill, id, order};

/// Two strategies on one instrument.
fn two(one: Vec<Vec<Intent>>, other: Vec<Vec<Intent>>) -> Bench<Ensemble> {
    let all =
        Ensemble::new().with(Wishes::boxed(one), vec![true]).with(Wishes::boxed(other), vec![true]);
    Bench::of(false, 1, Limits::default(), Switch::default(), all)
}

#[test]
fn what_protects_a_strategy_stays_when_it_only_looks_on() {
    let stop = Bracket { stop: Some(Price::from_ticks(80)), ..Bracket::default() };
    let long = Intent::Place(order(Side::Buy, 20, OrderKind::Market).bracket(stop));
    let short = Intent::Place(order(Side::Sell, 10, OrderKind::Market));
    let mut bench = two(vec![vec![long], vec![buy_limit(1, 90)]], vec![vec![short]]);
    bench.bar(0, 100);
    bench.report(0, fill(1, 1, 20, 0));
    bench.report(0, fill(3, 2, 10, 0));
    bench.bar(0, 100);
    assert_eq!(bench.position(0), 10);
    let open = |bench: &Bench<Ensemble>, number: u64| {
        bench.pipeline.exposure().orders.get(id(number)).is_some()
    };
    assert!(open(&bench, 2) && open(&bench, 4), "the stop and what could open");
    // The account has 10 lots, and the stop of 20 could bring it 10 short: it still is all that
    // protects the strategy.
    let sent = bench.control(ControlKind::Deactivate { strategy: StrategyId(0) });
    let ended = |number: u64| {
        let is_asked = sent.iter().any(|command| match command {
            Command::Cancel(end) => end.cancel.order == id(number),
            _ => false,
        });
        is_asked || !open(&bench, number)
    };
    assert_eq!((ended(2), ended(4)), (false, true), "{sent:?}");
}

/// Begins a parent order at the first bar, makes it larger at the second and ends it at the third.
#[derive(Default)]
struct Parent {
    bars: usize,
    id: ParentId,
    /// The lots that it has at the third.
    becomes: i64,
}

impl Strategy for Parent {
    fn on_bar(&mut self, _: &Bar, ctx: &mut Context<'_>) {
        self.bars += 1;
        match self.bars {
            1 => {
                self.id = ctx.execute(Execute {
                    instrument: InstrumentId(0),
                    side: Side::Buy,
                    qty: Qty::from_lots(10),
                    algo: Algo::twap(4),
                    duration_ns: 1_000_000_000,
                    patience_ns: 1_000_000,
                    limit: None,
                });
            }
            2 => ctx.amend_parent(self.id, Qty::from_lots(50)),
            _ => ctx.cancel_parent(self.id),
        }
        if self.bars == 3 {
            assert!(ctx.parents().all(|report| report.asked.qty.lots() == self.becomes));
        }
    }
}

#[test]
fn one_that_only_looks_on_changes_no_parent_order() {
    for is_all in [true, false] {
        let parent = Parent { becomes: if is_all { 10 } else { 50 }, ..Parent::default() };
        let all = Ensemble::new().with(Box::new(parent), vec![true]);
        let mut bench = Bench::of(true, 1, Limits::default(), Switch::default(), all);
        bench.level(Side::Buy, 99, 5);
        bench.level(Side::Sell, 101, 5);
        let mut commands = bench.bar(0, 100);
        let pause = ControlKind::Deactivate { strategy: StrategyId(0) };
        // Of one that is not active the parent orders end with it.
        if is_all {
            commands.extend(bench.control(ControlKind::Pause));
        }
        commands.extend(bench.bar(0, 100));
        commands.extend(bench.bar(0, 100));
        let ends = |command: &Command| matches!(command, Command::Cancel(_));
        assert_eq!(commands.iter().any(ends), !is_all, "{commands:?}");
        commands.extend(bench.control(pause));
        assert!(commands.iter().any(ends));
    }
}
