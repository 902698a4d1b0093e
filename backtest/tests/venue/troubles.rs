//! Conditions of a run on bars: faults by symbol and time, fees by volume.

use qt_backtest::conditions::{PlannedFault, Span, Trouble};
use qt_backtest::venue::{FaultKind, FeeTier, FeeTiers, Fees, Happening, Session};
use qt_types::{Cash, E9, RejectReason};

use crate::harness::{Case, spec};
use crate::outcome::{cash, rejected};
use crate::script::{BUY, limit, market};

const DIPS: [[i64; 4]; 5] =
    [[100; 4], [100, 101, 94, 100], [100, 101, 94, 100], [100, 101, 94, 100], [100; 4]];

fn fault(from_ns: i64, to_ns: i64, trouble: Trouble) -> PlannedFault {
    PlannedFault { symbol: None, from_ns, to_ns, trouble }
}

fn case(faults: &[PlannedFault]) -> Case {
    Case::new(&DIPS).with(|config| config.conditions.faults = faults.to_vec())
}

#[test]
fn a_halt_spoils_the_bars_that_it_touches() {
    let order = limit(BUY, 10, 95);
    assert_eq!(case(&[]).at(0, order).run().fills(), [(1, BUY, 95, 10)]);
    // From the middle of bar 1 to that of bar 2: bar 3 is the first one that is whole.
    let halt = fault(150, 250, Trouble::Halt);
    let halted = case(&[halt]);
    assert_eq!(halted.clone().at(0, order).run().fills(), [(3, BUY, 95, 10)]);
    // What comes at 200, within it, is refused.
    let out = halted.at(1, market(BUY, 10)).run();
    assert_eq!(out.end_of(1), rejected(RejectReason::Halted));
    assert_eq!(out.counts.refused[RejectReason::Halted as usize], 1);
    // One that began before the data and one that comes after it.
    let around = [fault(-900, 120, Trouble::Halt), fault(9_000, 9_100, Trouble::Halt)];
    let out = case(&around).at(0, order).run();
    assert_eq!(out.end_of(1), rejected(RejectReason::Halted), "placed at 100");
}

#[test]
fn a_bust_on_bars() {
    let bust = fault(250, 250, Trouble::Bust);
    let fees = |config: &mut qt_backtest::config::RunConfig| config.fees.taker_e9 = 1_000_000;
    let out = case(&[bust]).with(fees).at(0, market(BUY, 10)).run();
    assert_eq!((out.positions[0], out.cash, out.fees), (0, cash("10000"), cash("0")));
    // The list shows what stands.
    assert_eq!((out.counts.busts, out.fills().len()), (1, 0));
}

#[test]
fn faults_become_a_plan() {
    let plan = |fault: PlannedFault| {
        let span = Span { from_ns: 100, to_ns: 500 };
        let mut case = case(&[]);
        case.config.conditions.faults = vec![fault];
        case.config.conditions.scene(&[spec(E9, E9)], span)
    };
    let times = |fault: PlannedFault| {
        let scene = plan(fault).unwrap();
        scene.agenda.iter().map(|one| (one.time_ns, one.what)).collect::<Vec<_>>()
    };
    let (halted, open) = (Happening::Session(Session::Halted), Happening::Session(Session::Open));
    assert_eq!(times(fault(50, 300, Trouble::Halt)), [(100, halted), (300, open)]);
    assert_eq!(times(fault(300, 900, Trouble::Halt)), [(300, halted)]);
    assert_eq!(times(fault(0, 100, Trouble::Halt)), []);
    let away = Trouble::Messages(FaultKind::Disconnect { is_held: false, cancels: true });
    assert_eq!(times(fault(200, 300, away)), [(200, Happening::LinkLost { cancels: true })]);
    let named = PlannedFault { symbol: Some("Z".to_owned()), ..fault(200, 300, Trouble::Halt) };
    assert!(plan(named).unwrap_err().contains("Z is no instrument of this run (X)"));
}

#[test]
fn the_fees_of_a_day_follow_from_the_days_before() {
    let tier =
        |volume: Cash, taker_e9: i64| FeeTier { volume, fees: Fees { maker_e9: 0, taker_e9 } };
    let tiers = vec![tier(Cash::ZERO, 1_000_000), tier(cash("1000"), 500_000)];
    let day = 86_400 * E9;
    let out = Case::new(&[[100; 4]; 5])
        .times(day, day)
        .with(|config| {
            let tiers = FeeTiers { tiers, volume_before: Cash::ZERO };
            config.conditions.fee_tiers = Some(tiers);
        })
        .at(0, market(BUY, 10))
        .at(1, market(BUY, 10))
        .run();
    // 1,000 at 0.1 %; a day later 1,000 at 0.05 %.
    let fees: Vec<String> = out.fills.iter().map(|fill| fill.fee.to_string()).collect();
    assert_eq!(fees, ["1", "0.5"]);
}
