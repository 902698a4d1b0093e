//! Fees, rebates and slippage.

use qt_types::E9;

use crate::harness::Case;
use crate::outcome::cash;
use crate::script::{BUY, SELL, limit, market, stop};

const BARS: [[i64; 4]; 4] =
    [[100, 101, 99, 100], [104, 106, 96, 103], [103, 108, 98, 105], [105; 4]];

/// One per thousand for takers, minus two tenths of it for makers.
fn with_fees() -> Case {
    Case::new(&BARS).with(|config| {
        config.fees.taker_e9 = 1_000_000;
        config.fees.maker_e9 = -200_000;
    })
}

#[test]
fn takers_pay_and_makers_are_paid() {
    // Bought at 104: 10 x 104 x 0.001 = 1.04. Sold by a resting limit at 107:
    // 10 x 107 x -0.0002 = -0.214.
    let out = with_fees().at(0, market(BUY, 10)).at(1, limit(SELL, 10, 107)).run();
    assert_eq!(out.fills(), [(1, BUY, 104, 10), (2, SELL, 107, 10)]);
    let fees: Vec<_> = out.fills.iter().map(|fill| fill.fee).collect();
    assert_eq!(fees, [cash("1.04"), cash("-0.214")]);
    assert_eq!(out.fees, cash("0.826"));
    // 10,000 + 30 - 0.826.
    assert_eq!(out.cash, cash("10029.174"));
}

#[test]
fn what_meets_an_open_takes() {
    // A session opens at 104, through the limit of 105 and the stop of 103: both take.
    let case = with_fees().sessions(1);
    let out = case.clone().at(0, limit(BUY, 10, 105)).run();
    assert_eq!((out.fills(), out.fees), (vec![(1, BUY, 104, 10)], cash("1.04")));
    let out = case.at(0, stop(BUY, 10, 103)).run();
    assert_eq!((out.fills(), out.fees), (vec![(1, BUY, 104, 10)], cash("1.04")));
    // So does a stop inside a bar; a limit inside a bar rested: 10 x 97 x -0.0002.
    let out = with_fees().at(0, stop(BUY, 10, 105)).run();
    assert_eq!((out.fills(), out.fees), (vec![(1, BUY, 105, 10)], cash("1.05")));
    let out = with_fees().at(0, limit(BUY, 10, 97)).run();
    assert_eq!((out.fills(), out.fees), (vec![(1, BUY, 97, 10)], cash("-0.194")));
}

#[test]
fn fees_are_rounded_half_even_to_the_nano_unit() {
    // A tick of a nano-unit and a fee of 10 %: 105 nano-units cost 10.5, to the even 10; 115
    // cost 11.5, to the even 12; 106 cost 10.6, 11; 104 cost 10.4, 10.
    for (open, fee) in [(105, "0.00000001"), (115, "0.000000012"), (106, "0.000000011")] {
        let bars = [[100; 4], [open; 4], [open; 4]];
        let case = Case::new(&bars).units(1, E9).with(|config| config.fees.taker_e9 = E9 / 10);
        assert_eq!(case.at(0, market(BUY, 1)).run().fees, cash(fee), "{open}");
    }
    // A rebate of 10 % on 105 is -10.5: to the even -10; on 115 to -12.
    for (open, fee) in [(105, "-0.00000001"), (115, "-0.000000012")] {
        let bars = [[100; 4], [open; 4], [open; 4]];
        let case = Case::new(&bars).units(1, E9).with(|config| config.fees.taker_e9 = -E9 / 10);
        assert_eq!(case.at(0, market(BUY, 1)).run().fees, cash(fee), "{open}");
    }
}

#[test]
fn fractions_of_lots_and_ticks_stay_exact() {
    // Tick 0.01, lot 0.001: 7 lots at 104.00 (10,400 ticks) are 0.728; one per thousand of it
    // is 0.000728.
    let bars = [[10_000; 4], [10_400; 4], [10_333; 4]];
    let out = Case::new(&bars)
        .units(E9 / 100, E9 / 1_000)
        .with(|config| config.fees.taker_e9 = 1_000_000)
        .at(0, market(BUY, 7))
        .run();
    assert_eq!(out.fees, cash("0.000728"));
    assert_eq!(out.cash, cash("9999.271272"));
    // Marked at 103.33: 0.007 x 103.33 = 0.72331.
    assert_eq!(out.curve[2].1, cash("9999.994582"));
}

#[test]
fn slippage_goes_against_the_order_to_the_worse_tick() {
    // 5 bps of 104 are 0.052: bought at 105, sold at 103 (whole ticks).
    let slipping = |case: Case| case.with(|config| config.slippage_e9 = 500_000);
    let out = slipping(Case::new(&BARS)).at(0, market(BUY, 10)).run();
    assert_eq!(out.fills(), [(1, BUY, 105, 10)]);
    let out = slipping(Case::new(&BARS)).margin(2).at(0, market(SELL, 10)).run();
    assert_eq!(out.fills(), [(1, SELL, 103, 10)]);
    // Ticks of 0.01: 104.052 to 104.06 and 103.948 to 103.94.
    let bars = [[10_000; 4], [10_400; 4], [10_400; 4]];
    let fine = Case::new(&bars).units(E9 / 100, E9);
    let out = slipping(fine.clone()).at(0, market(BUY, 10)).run();
    assert_eq!(out.fills(), [(1, BUY, 10_406, 10)]);
    let out = slipping(fine).margin(2).at(0, market(SELL, 10)).run();
    assert_eq!(out.fills(), [(1, SELL, 10_394, 10)]);
}

#[test]
fn a_whole_tick_of_slippage_is_not_rounded_on() {
    // 100 bps of 200 are exactly 2.
    let bars = [[200; 4]; 3];
    let case = Case::new(&bars).margin(2).with(|config| config.slippage_e9 = 10_000_000);
    assert_eq!(case.clone().at(0, market(BUY, 10)).run().fills(), [(1, BUY, 202, 10)]);
    assert_eq!(case.at(0, market(SELL, 10)).run().fills(), [(1, SELL, 198, 10)]);
}

#[test]
fn stops_slip_and_limits_do_not() {
    let case = Case::new(&BARS).margin(2).with(|config| config.slippage_e9 = 500_000);
    // 105 x 1.0005 = 105.05: 106; 97 x 0.9995 = 96.95: 96.
    assert_eq!(case.clone().at(0, stop(BUY, 10, 105)).run().fills(), [(1, BUY, 106, 10)]);
    assert_eq!(case.clone().at(0, stop(SELL, 10, 97)).run().fills(), [(1, SELL, 96, 10)]);
    assert_eq!(case.clone().at(0, limit(BUY, 10, 97)).run().fills(), [(1, BUY, 97, 10)]);
    // Nor at a session's open.
    let out = case.sessions(1).at(0, limit(BUY, 10, 105)).run();
    assert_eq!(out.fills(), [(1, BUY, 104, 10)]);
}
