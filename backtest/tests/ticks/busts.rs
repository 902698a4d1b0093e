//! What an execution that is taken back leaves in the records of a run: nothing but the count.

use qt_backtest::conditions::{PlannedFault, Trouble};
use qt_backtest::config::RunConfig;
use qt_backtest::execution::{Ending, OrderRecord};
use qt_backtest::report::execution::ExecutionEntry;
use qt_backtest::run::RunOutcome;
use qt_backtest::venue::FaultKind;
use qt_types::{Cash, Nanos, RejectReason, ReportKind, Tick, TickKind};

use crate::execution::run_with;
use crate::harness::{Case, tick};
use crate::script::{BUY, SELL, limit, market};

const MS: i64 = 1_000_000;

fn run(case: &Case<Tick>, busts_at: &[i64], doubled: bool) -> RunOutcome {
    let fault = |from_ns: i64, to_ns: i64, trouble: Trouble| PlannedFault {
        symbol: None,
        from_ns,
        to_ns,
        trouble,
    };
    let case = case.clone().tick(tick(300 * MS, TickKind::Mark, BUY, 0, 0));
    run_with(&case, |config: &mut RunConfig| {
        let busts = busts_at.iter().map(|&ns| fault(ns, ns, Trouble::Bust));
        config.conditions.faults.extend(busts);
        if doubled {
            let trouble = Trouble::Messages(FaultKind::RepeatReports { share_e9: 1_000_000_000 });
            config.conditions.faults.push(fault(0, 1_000 * MS, trouble));
        }
    })
}

fn kept(outcome: &RunOutcome) -> &[OrderRecord] {
    outcome.execution.log.orders().kept()
}

/// Ten lots bid at 99 and asked at 101.
fn book() -> Case<Tick> {
    Case::book(&[(99, 10), (98, 10)], &[(101, 10)])
}

const BUSTED: Ending = Ending::Ended(ReportKind::Cancelled, RejectReason::TradeBusted);

#[test]
fn an_order_whose_only_execution_is_taken_back_had_none() {
    for doubled in [false, true] {
        let outcome = run(&book().place(10 * MS, market(BUY, 5)), &[50 * MS], doubled);
        let [order] = kept(&outcome) else { panic!("{:?}", kept(&outcome)) };
        assert_eq!((order.filled().lots(), order.busted.lots(), order.paid), (0, 5, 0));
        assert_eq!((order.ending, order.taker_fees), (BUSTED, Cash::ZERO));
        assert_eq!((order.first_fill_ns, order.fill_known_ns), (None, None));
        assert_eq!((order.ended_ns, order.slippage_x2()), (Some(Nanos::new(50 * MS)), None));
        let entry = ExecutionEntry::of(&outcome);
        assert_eq!((entry.orders.filled, entry.time_to_fill.n), (0, 0));
        assert_eq!(entry.orders.by_type["market"], [1, 0, 0]);
        assert_eq!(entry.orders.endings.get("TRADE_BUSTED"), Some(&1));
        let of = &entry.instruments[0];
        assert_eq!((of.busts, of.busted.as_str(), of.filled.as_str()), (1, "5", "0"));
        assert_eq!((entry.slippage.orders, entry.slippage.cost.as_str()), (0, "0"));
        assert!(of.markouts.is_empty() && outcome.fills.is_empty());
    }
}

#[test]
fn what_else_an_order_has_stays() {
    // Two lots as a maker at 20 ms; busted at 30; three more at 40.
    let case = book().place(10 * MS, limit(BUY, 5, 100));
    let case = case.trade(20 * MS, SELL, 100, 2).trade(40 * MS, SELL, 100, 3);
    for doubled in [false, true] {
        let outcome = run(&case, &[30 * MS], doubled);
        let [order] = kept(&outcome) else { panic!("one order") };
        assert_eq!((order.maker.lots(), order.busted.lots(), order.paid), (3, 2, 300));
        assert_eq!((order.first_fill_ns, order.ending), (Some(Nanos::new(40 * MS)), Ending::Open));
        assert_eq!(outcome.fills.len(), 1);
        let entry = ExecutionEntry::of(&outcome);
        assert_eq!((entry.orders.filled, entry.time_to_fill.max_ns), (1, Some(29_000_000)));
        let of = &entry.instruments[0];
        assert_eq!((of.asked.as_str(), of.filled.as_str(), of.busts), ("5", "3", 1));
    }
}

#[test]
fn without_busts_the_sums_are_the_same_as_ever() {
    let case = book().place(10 * MS, market(BUY, 5)).place(20 * MS, market(SELL, 5));
    // A bust that is planned beyond the last execution of the other instrument changes nothing
    // but when the records are closed.
    let (plain, planned) = (run(&case, &[], false), run(&case, &[5 * MS], false));
    assert_eq!(kept(&plain), kept(&planned));
    let text = |outcome: &RunOutcome| {
        serde_json::to_string(&ExecutionEntry::of(outcome)).expect("a document")
    };
    assert_eq!(text(&plain), text(&planned));
}
